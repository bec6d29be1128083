//! Lessons by words and by what they are about.

use super::view::{Kind, Lesson, State, View};

/// What is looked for; an empty part asks for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Words that must all stand in title, text, cause, remedy or evidence, in any case.
    pub words: &'a str,
    /// Key of an asset, or its beginning.
    pub asset: Option<&'a str>,
    /// Key of a measure.
    pub measure: Option<&'a str>,
    /// Sector.
    pub sector: Option<&'a str>,
    /// State.
    pub state: Option<State>,
    /// Lesson or best practice.
    pub kind: Option<Kind>,
}

impl Wanted<'_> {
    /// Whether a lesson is what is looked for.
    pub fn fits(&self, view: &View<Lesson>) -> bool {
        let lesson = &view.body;
        let has = |list: &[String], wanted: Option<&str>| wanted.is_none_or(|w| list.iter().any(|x| x == w));
        has(&lesson.measures, self.measure)
            && has(&lesson.sectors, self.sector)
            && self.asset.is_none_or(|asset| lesson.assets.iter().any(|key| key.starts_with(asset)))
            && self.state.is_none_or(|state| state == lesson.state)
            && self.kind.is_none_or(|kind| kind == lesson.kind)
            && self.holds_words(view)
    }

    fn holds_words(&self, view: &View<Lesson>) -> bool {
        let lesson = &view.body;
        let told = [Some(&view.base.title), Some(&view.base.content), lesson.root_cause.as_ref(), lesson.remedial_action.as_ref()];
        let evidence = lesson.history.iter().map(|step| &step.evidence);
        let text: String = told.into_iter().flatten().chain(evidence).map(|t| t.to_lowercase() + "\n").collect();
        self.words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}
