//! Lessons and best practice of a collection.

use buttress_wire::stix::{Id, Instant, Object};
use buttress_wire::taxii::Filter;
use buttress_wire::vocabulary::{Evidence, Lesson, NewLesson, View, Wanted, advance, new_lesson, read};

use super::{ContentError, Desk, Reader};

/// A lesson as it stands in a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The note.
    pub object: Object,
    /// What it says.
    pub view: View<Lesson>,
}

/// Notes a new lesson; its identifier.
pub fn add_lesson(desk: &mut Desk, new: &NewLesson, markings: &[Id], now: Instant) -> Result<Id, ContentError> {
    let drafts = new_lesson(new, markings, now)?;
    desk.put(&drafts, &[], now)?;
    let [_, note] = drafts;
    Ok(note.id)
}

/// Lessons that are looked for, in the order in which they last changed.
pub fn find_lessons(desk: &mut Desk, wanted: &Wanted, reader: Reader) -> Result<Vec<Told>, ContentError> {
    let mut found = Vec::new();
    let filter = Filter { types: vec!["note".to_owned()], ..Filter::default() };
    desk.each(&filter, reader, &mut |object| {
        let view = read::<Lesson>(&object).filter(|view| wanted.fits(view) && !object.is_revoked);
        found.extend(view.map(|view| Told { object, view }));
    })?;
    Ok(found)
}

/// Brings a lesson one step further: a new version of its note.
pub fn promote_lesson(desk: &mut Desk, id: &Id, evidence: &Evidence, now: Instant) -> Result<Told, ContentError> {
    let before = desk.object(id, Reader::Operator)?;
    let next = advance(&before, evidence, now)?;
    desk.put(&[next], &[], now)?;
    let object = desk.object(id, Reader::Operator)?;
    let view = read::<Lesson>(&object).ok_or_else(|| ContentError::Form(format!("`{id}` is no lesson any more")))?;
    Ok(Told { object, view })
}
