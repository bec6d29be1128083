//! Our words in STIX 2.1: what an asset, a dependency, a threat, a weakness, a measure, an assessment, a lesson and a warning are.
//!
//! Every word stands on a standard type with a property extension of ours beside it, so that a partner without Buttress keeps the
//! base. Identifiers are made from names (UUID version 5), so that the same asset has the same identifier at every node.

mod assessment;
mod definitions;
mod draft;
mod find;
mod label;
mod lesson;
mod misp;
mod publish;
mod replay;
mod reveal;
mod view;
mod view_assessment;
mod view_lesson;
mod warn;

pub use assessment::{Assessment, BadAssessment, Loss};
pub use definitions::{AUTHOR, DEFINITIONS_COLLECTION, Definition, EXTENSIONS, author, bundle, definitions};
pub use draft::{Draft, moment};
pub use find::Wanted;
pub use label::{AskedMarking, Marked};
pub use lesson::{Evidence, NewLesson, NotReady, advance, new_lesson};
pub use misp::{Imported, NotMisp, misp};
pub use publish::{Background, Choice, NothingToShare, Publication, Tie, objects};
pub use replay::{Replay, ReplayOf, replay};
pub use reveal::{MAX_PER_OPERATOR, Revealed, revealed};
pub use view::CAP_WARNING;
pub use view::{
    Asset, Base, CaseName, Change, Dependency, Effect, Extension, Figures, Kind, Lesson, Lost, Measure, Mitigates, Plan, Portfolio, Range,
    Rate, SecondHit, Shared, State, Step, StudySettings, Taxonomy, Threat, View, Warning, Weakness, ZoneLoss, read,
};
pub use warn::{rule, warning};

use crate::stix::Id;

/// Namespace of the identifiers that are made from names.
const NAMESPACE: uuid::Uuid = uuid::uuid!("55ca2908-b44d-4ebf-8bd1-69683de5027f");

/// The identifier of a type's object by name: the words that name it, in order. A line break parts them, so none may hold one.
pub fn id_of(kind: &str, words: &[&str]) -> Id {
    let name = std::iter::once(kind).chain(words.iter().copied()).collect::<Vec<_>>().join("\n");
    Id::of_uuid(kind, &uuid::Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// The identifier of an asset of a case.
///
/// # Example
/// ```
/// let id = buttress_wire::vocabulary::asset_id("europe", "hvdc.estlink2");
/// assert_eq!(id, buttress_wire::vocabulary::asset_id("europe", "hvdc.estlink2"));
/// assert_eq!(id.kind(), "infrastructure");
/// ```
pub fn asset_id(case: &str, key: &str) -> Id {
    id_of("infrastructure", &[case, key])
}

/// The identifier of a threat of a case's catalogue.
pub fn threat_id(case: &str, key: &str) -> Id {
    id_of("attack-pattern", &[case, key])
}

/// The identifier of a measure of a case's catalogue as an organisation has judged it.
pub fn measure_id(case: &str, key: &str, by: &Id) -> Id {
    id_of("course-of-action", &[case, key, by.as_str()])
}

/// The identifier of an organisation by its name.
pub fn organisation_id(name: &str) -> Id {
    id_of("identity", &["organisation", name])
}

#[cfg(test)]
mod tests;
