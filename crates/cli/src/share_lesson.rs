//! `buttress share lesson`: call, print.

use std::error::Error;
use std::path::Path;

use buttress_server::content::{Desk, Reader, Told, add_lesson, find_lessons, promote_lesson};
use buttress_wire::stix::Id;
use buttress_wire::vocabulary::{Effect, Evidence, Kind, NewLesson, State, Wanted};
use serde_json::{Value, json};

use crate::print::{Code, print, print_json, table};
use crate::share_content_args::{LessonAbout, LessonAdd, LessonPromote, LessonVerb, LessonWithin, id, now, open, place, read_file};

/// Runs a verb about lessons.
pub fn lesson(verb: &LessonVerb) -> Code {
    match verb {
        LessonVerb::Add(args) => add(args),
        LessonVerb::List { about } => find("", about),
        LessonVerb::Find { words, about } => find(words, about),
        LessonVerb::Show { id, within } => show(id, within),
        LessonVerb::Promote(args) => promote(args),
    }
}

fn kind_of(word: &str) -> Kind {
    if word == Kind::BestPractice.word() { Kind::BestPractice } else { Kind::Lesson }
}

fn add(args: &LessonAdd) -> Code {
    let marked = args.marking.read(&args.by)?;
    let (mut case_key, mut assets) = (String::new(), Vec::new());
    if !(args.asset.is_empty() && args.measure.is_empty()) {
        let case = buttress::load(args.case.as_deref())?;
        for key in &args.asset {
            let named = buttress::model::Selector::key(key).select(&case);
            if named.is_empty() {
                return Err(
                    format!("the case {} has no asset or group `{key}`: `buttress find TEXT` shows what there is", case.key()).into()
                );
            }
            assets.extend(named.iter().map(|&i| case.assets()[i].key.clone()));
        }
        if let Some(key) = args.measure.iter().find(|key| !case.tables().measures.iter().any(|m| m.key == **key)) {
            return Err(format!("the case {} has no measure `{key}`", case.key()).into());
        }
        case.key().clone_into(&mut case_key);
    }
    let new = NewLesson {
        kind: kind_of(&args.kind),
        title: &args.title,
        text: &args.text,
        by: &args.by,
        sectors: &args.sector,
        case: &case_key,
        assets: &assets,
        measures: &args.measure,
    };
    let mut store = open(&args.look.kept.data, args.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&args.to)?)?;
    let now = now();
    desk.put(marked.label.as_slice(), &[marked.level], now)?;
    let id = add_lesson(&mut desk, &new, &marked.ids, now)?;
    if args.look.json {
        print_json(&json!({"lesson": id.as_str(), "state": State::Observation.word()}));
    } else {
        print(&format!("{id}\nstate     {}\n", State::Observation.word()));
    }
    Ok(0)
}

fn reader(within: &LessonWithin) -> Reader<'_> {
    within.reader.as_deref().map_or(Reader::Operator, Reader::Account)
}

fn find(words: &str, about: &LessonAbout) -> Code {
    let within = &about.within;
    let mut store = open(&within.look.kept.data, within.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&within.place)?)?;
    let wanted = Wanted {
        words,
        asset: about.asset.as_deref(),
        measure: about.measure.as_deref(),
        sector: about.sector.as_deref(),
        state: about.state.as_deref().and_then(State::from_word),
        kind: about.kind.as_deref().map(kind_of),
    };
    let found = find_lessons(&mut desk, &wanted, reader(within))?;
    if within.look.json {
        print_json(&json!({"lessons": found.iter().map(as_json).collect::<Vec<_>>()}));
    } else {
        let mut t = table(&["lesson", "title", "kind", "state", "assets"], 5);
        for told in &found {
            let lesson = &told.view.body;
            let cells = [told.object.id.to_string(), told.view.base.title.clone(), lesson.kind.word().into(), lesson.state.word().into()];
            t.add_row(cells.into_iter().chain([lesson.assets.join(" ")]));
        }
        print(&format!("{t}\n{} lessons\n", found.len()));
    }
    Ok(0)
}

fn as_json(told: &Told) -> Value {
    json!({
        "id": told.object.id.as_str(), "version": told.object.version, "title": told.view.base.title, "text": told.view.base.content,
        "created_by_ref": told.view.base.created_by_ref, "object_refs": told.view.base.object_refs, "lesson": told.view.body,
    })
}

fn show(text: &str, within: &LessonWithin) -> Code {
    let mut store = open(&within.look.kept.data, within.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&within.place)?)?;
    let id = id(text)?;
    let object = desk.object(&id, reader(within))?;
    let view =
        buttress_wire::vocabulary::read(&object).ok_or_else(|| format!("`{id}` is no lesson: `buttress share lesson list` shows them"))?;
    print_one(&Told { object, view }, form(&within.look));
    Ok(0)
}

/// How one lesson is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As one JSON object.
    Json,
    /// As text.
    Text,
}

fn form(look: &crate::exchange_args::NodeLook) -> Form {
    if look.json { Form::Json } else { Form::Text }
}

fn print_one(told: &Told, form: Form) {
    if form == Form::Json {
        print_json(&as_json(told));
        return;
    }
    let lesson = &told.view.body;
    let mut text = format!("{}\n{}, {}\n\n{}\n", told.view.base.title, lesson.kind.word(), lesson.state.word(), told.view.base.content);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            text.push_str(&format!("{name:<10}{value}\n"));
        }
    };
    line("cause", lesson.root_cause.clone());
    line("remedy", lesson.remedial_action.clone());
    line("who", lesson.action_body.clone());
    line("sectors", Some(lesson.sectors.join(", ")));
    line("assets", Some(lesson.assets.join(", ")));
    line("measures", Some(lesson.measures.join(", ")));
    line(
        "effect",
        lesson.effect.as_ref().map(|e| {
            format!(
                "{:.0} person h without, {:.0} with; {:.0} euro without, {:.0} with ({})",
                e.people_hours_before, e.people_hours_after, e.euro_before, e.euro_after, e.scenario
            )
        }),
    );
    for step in &lesson.history {
        text.push_str(&format!("{}  {} by {}: {}\n", step.when, step.state.word(), step.who, step.evidence));
    }
    print(&text);
}

fn promote(args: &LessonPromote) -> Code {
    let effect = match (&args.before, &args.after) {
        (Some(before), Some(after)) => Some(effect(before, after)?),
        _ => None,
    };
    let proofs = args.proof.iter().map(|text| id(text)).collect::<Result<Vec<Id>, String>>()?;
    let evidence = Evidence {
        by: &args.by,
        text: &args.evidence,
        root_cause: args.cause.as_deref(),
        remedial_action: args.remedy.as_deref(),
        action_body: args.who.as_deref(),
        effect,
        proofs: &proofs,
    };
    let mut store = open(&args.look.kept.data, args.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&args.place)?)?;
    let told = promote_lesson(&mut desk, &id(&args.id)?, &evidence, now())?;
    print_one(&told, form(&args.look));
    Ok(0)
}

/// What a remedy does, from two outputs of `buttress run --json` on one case.
fn effect(before: &Path, after: &Path) -> Result<Effect, Box<dyn Error>> {
    let read = |path: &Path| -> Result<(Value, f64, f64, String), Box<dyn Error>> {
        let value: Value = serde_json::from_str(&read_file(path)?).map_err(|e| format!("{}: {e}", path.display()))?;
        let number = |at: &str| value.pointer(at).and_then(Value::as_f64);
        let (people_hours, euro, digest) = (number("/people_hours"), number("/euro/1"), value["case_digest"].as_str());
        match (people_hours, euro, digest) {
            (Some(people_hours), Some(euro), Some(digest)) => {
                let digest = digest.to_owned();
                Ok((value, people_hours, euro, digest))
            }
            _ => Err(format!("{} is no output of `buttress run --json`", path.display()).into()),
        }
    };
    let (first, second) = (read(before)?, read(after)?);
    if first.3 != second.3 || first.0["study"] != second.0["study"] {
        return Err("the two runs are of different cases or studies: run both on one case and study".into());
    }
    Ok(Effect {
        case_digest: first.3,
        scenario: first.0["title"].as_str().unwrap_or("a scenario without title").to_owned(),
        people_hours_before: first.1,
        people_hours_after: second.1,
        euro_before: first.2,
        euro_after: second.2,
    })
}
