//! Observation, lesson identified, lesson learned: what each step asks for, and the note that carries it.

use super::definitions::organisation;
use super::view::{Effect, Kind, LESSON, Lesson, State, Step, View};
use super::{Draft, asset_id, id_of, moment, organisation_id};
use crate::stix::{Id, Instant, Object};

/// A lesson to be noted.
#[derive(Debug, Clone, Copy)]
pub struct NewLesson<'a> {
    /// What is told.
    pub kind: Kind,
    /// One line.
    pub title: &'a str,
    /// What was seen, in words.
    pub text: &'a str,
    /// Who tells it.
    pub by: &'a str,
    /// Sectors that it is about.
    pub sectors: &'a [String],
    /// Key of the case of `assets` and `measures`.
    pub case: &'a str,
    /// Keys of assets.
    pub assets: &'a [String],
    /// Keys of measures.
    pub measures: &'a [String],
}

/// What a step rests on.
#[derive(Debug, Clone, Default)]
pub struct Evidence<'a> {
    /// Who says so.
    pub by: &'a str,
    /// What it rests on, in words.
    pub text: &'a str,
    /// Why it happened.
    pub root_cause: Option<&'a str>,
    /// What is to be done.
    pub remedial_action: Option<&'a str>,
    /// Who does it.
    pub action_body: Option<&'a str>,
    /// What the remedy does by simulation.
    pub effect: Option<Effect>,
    /// Objects that prove it, such as the report of an assessment.
    pub proofs: &'a [Id],
}

/// Why a lesson cannot take its next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Something is missing.
    #[error("to become {to} it needs {missing}")]
    Missing {
        /// State that was asked for.
        to: &'static str,
        /// What is missing, and how to give it.
        missing: &'static str,
    },
    /// There is no further state.
    #[error("it is a lesson learned already: note a new observation with `buttress share lesson add`")]
    Learned,
    /// It is no lesson.
    #[error("`{0}` is no lesson: `buttress share lesson list` shows them")]
    NoLesson(String),
}

/// The note of a new lesson, an observation, after the organisation that tells it.
///
/// # Errors
/// [`NotReady::Missing`] without a title, a text or a name.
pub fn new_lesson(new: &NewLesson, markings: &[Id], at: Instant) -> Result<[Draft; 2], NotReady> {
    let missing = |missing| NotReady::Missing { to: State::Observation.word(), missing };
    for (text, what) in [(new.title, "a title"), (new.text, "a text: --text"), (new.by, "who tells it: --by")] {
        if text.trim().is_empty() {
            return Err(missing(what));
        }
    }
    if new.case.is_empty() && !(new.assets.is_empty() && new.measures.is_empty()) {
        return Err(missing("the key of the case that its assets and measures are of"));
    }
    let (by, at) = (organisation_id(new.by), moment(at));
    let lesson = Lesson {
        kind: new.kind,
        state: State::Observation,
        sectors: new.sectors.to_vec(),
        case: (!new.case.is_empty()).then(|| new.case.to_owned()),
        assets: new.assets.to_vec(),
        measures: new.measures.to_vec(),
        root_cause: None,
        remedial_action: None,
        action_body: None,
        effect: None,
        history: vec![Step { state: State::Observation, when: at.clone(), who: new.by.to_owned(), evidence: new.text.to_owned() }],
    };
    let mut note = Draft::new(id_of("note", &[by.as_str(), new.title, &at]), Some(&by), markings);
    let about: Vec<Id> = new.assets.iter().map(|key| asset_id(new.case, key)).collect();
    let about = if about.is_empty() { vec![by] } else { about };
    note.set("abstract", new.title).set("content", new.text).set("authors", vec![new.by]);
    note.set_list("object_refs", about.iter().map(Id::as_str)).extend(LESSON, &lesson);
    Ok([organisation(new.by, markings), note])
}

/// The next version of a lesson, one step further.
///
/// An observation becomes identified with its cause, a remedy and who acts; an identified lesson is learned once the remedy is in
/// place and was shown to work, by a simulation that loses less or by objects that prove it.
///
/// # Errors
/// [`NotReady`] names what is missing.
pub fn advance(note: &Object, evidence: &Evidence, at: Instant) -> Result<Draft, NotReady> {
    let none = || NotReady::NoLesson(note.id.to_string());
    let View { body: mut lesson, mut base } = super::read::<Lesson>(note).ok_or_else(none)?;
    let mut draft = Draft::again(note).ok_or_else(none)?;
    let given = |text: Option<&str>| text.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    let needs = |to: State, missing| NotReady::Missing { to: to.word(), missing };
    let to = match lesson.state {
        State::Observation => State::LessonIdentified,
        State::LessonIdentified => State::LessonLearned,
        State::LessonLearned => return Err(NotReady::Learned),
    };
    if evidence.text.trim().is_empty() {
        return Err(needs(to, "evidence in words: --evidence"));
    }
    if evidence.by.trim().is_empty() {
        return Err(needs(to, "who says so: --by"));
    }
    for (field, new) in [
        (&mut lesson.root_cause, evidence.root_cause),
        (&mut lesson.remedial_action, evidence.remedial_action),
        (&mut lesson.action_body, evidence.action_body),
    ] {
        *field = given(new).or_else(|| field.take());
    }
    if lesson.root_cause.is_none() {
        return Err(needs(to, "the cause: --cause"));
    }
    if lesson.remedial_action.is_none() {
        return Err(needs(to, "what is to be done: --remedy"));
    }
    if lesson.action_body.is_none() {
        return Err(needs(to, "who does it: --who"));
    }
    if evidence.effect.is_some() {
        lesson.effect.clone_from(&evidence.effect);
    }
    if to == State::LessonLearned {
        let works = lesson.effect.as_ref().is_some_and(|e| e.people_hours_after < e.people_hours_before || e.euro_after < e.euro_before);
        if !works && evidence.proofs.is_empty() {
            return Err(needs(
                to,
                "proof that the remedy works: two runs, --before and --after, of which the second loses less, or objects, --proof",
            ));
        }
    }
    lesson.state = to;
    lesson.history.push(Step { state: to, when: moment(at), who: evidence.by.to_owned(), evidence: evidence.text.to_owned() });
    base.object_refs.extend(evidence.proofs.iter().map(Id::to_string));
    base.object_refs.dedup();
    draft.set_list("object_refs", base.object_refs.iter().map(String::as_str)).extend(LESSON, &lesson);
    Ok(draft)
}
