use super::*;

fn note() -> Object {
    let assets = ["cable.a".to_owned()];
    let new = NewLesson {
        kind: Kind::Lesson,
        title: "Anchors over cables",
        text: "A vessel dragged its anchor.",
        by: "Coast Guard of A",
        sectors: &["digital".to_owned()],
        case: "xa",
        assets: &assets,
        measures: &[],
    };
    let drafts = new_lesson(&new, &amber(), NOW).unwrap();
    assert_eq!(check(&drafts[1]), 1);
    Object::read(&drafts[1].version(None, NOW).unwrap()).unwrap()
}

fn identified() -> Evidence<'static> {
    Evidence {
        by: "Coast Guard of A",
        text: "Track and damage agree.",
        root_cause: Some("No watch on speed over cables."),
        remedial_action: Some("Watch speed within a mile of a cable."),
        action_body: Some("Vessel traffic service"),
        ..Evidence::default()
    }
}

fn next(note: &Object, evidence: &Evidence) -> Result<Object, NotReady> {
    let draft = advance(note, evidence, NOW)?;
    check(&draft);
    Ok(Object::read(&draft.version(Some(note), NOW).unwrap()).unwrap())
}

#[test]
fn each_step_asks_for_its_evidence() {
    let note = note();
    for (evidence, word) in [
        (Evidence { text: "", ..identified() }, "--evidence"),
        (Evidence { by: " ", ..identified() }, "--by"),
        (Evidence { root_cause: None, ..identified() }, "--cause"),
        (Evidence { remedial_action: Some(" "), ..identified() }, "--remedy"),
        (Evidence { action_body: None, ..identified() }, "--who"),
    ] {
        let why = next(&note, &evidence).unwrap_err().to_string();
        assert!(why.contains(word) && why.contains("lesson_identified"), "{why}");
    }
    let note = next(&note, &identified()).unwrap();
    let effect = |after| Effect {
        case_digest: "a".repeat(64),
        scenario: "Both cables".into(),
        people_hours_before: 100.0,
        people_hours_after: after,
        euro_before: 5.0,
        euro_after: 5.0,
    };
    let done = Evidence { by: "Authority of A", text: "In place since May.", ..Evidence::default() };
    assert!(next(&note, &done).is_err());
    assert!(next(&note, &Evidence { effect: Some(effect(100.0)), ..done.clone() }).is_err());
    let learned = next(&note, &Evidence { effect: Some(effect(60.0)), ..done.clone() }).unwrap();
    let lesson = read::<Lesson>(&learned).unwrap().body;
    assert_eq!(lesson.history.iter().map(|s| s.state).collect::<Vec<_>>(), State::ALL);
    assert_eq!(lesson.root_cause.as_deref(), identified().root_cause);
    assert_eq!(next(&learned, &done), Err(NotReady::Learned));
    let proof = [Id::parse("report--38c47d93-d984-4fd9-b87b-d69d0841628d").unwrap()];
    let proven = next(&note, &Evidence { proofs: &proof, ..done }).unwrap();
    assert!(proven.references.iter().any(|r| r.target == proof[0]));
}

#[test]
fn a_lesson_is_found_by_words_and_by_what_it_is_about() {
    let view = read::<Lesson>(&note()).unwrap();
    let fits = |wanted: Wanted| wanted.fits(&view);
    assert!(fits(Wanted::default()));
    assert!(fits(Wanted { words: "ANCHOR dragged", asset: Some("cable."), sector: Some("digital"), ..Wanted::default() }));
    assert!(fits(Wanted { state: Some(State::Observation), kind: Some(Kind::Lesson), ..Wanted::default() }));
    for wanted in [
        Wanted { words: "anchor submarine", ..Wanted::default() },
        Wanted { asset: Some("pipe."), ..Wanted::default() },
        Wanted { measure: Some("measure.spare"), ..Wanted::default() },
        Wanted { sector: Some("energy"), ..Wanted::default() },
        Wanted { state: Some(State::LessonLearned), ..Wanted::default() },
        Wanted { kind: Some(Kind::BestPractice), ..Wanted::default() },
    ] {
        assert!(!fits(wanted), "{wanted:?}");
    }
}

#[test]
fn every_state_has_its_word() {
    for state in State::ALL {
        assert_eq!(State::from_word(state.word()), Some(state));
        assert_eq!(json!(state), json!(state.word()));
    }
    assert_eq!([json!(Kind::Lesson), json!(Kind::BestPractice)], [Kind::Lesson, Kind::BestPractice].map(|k| json!(k.word())));
}
