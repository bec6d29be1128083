//! Warnings: the rule as an indicator, and that it spoke as a sighting.

use super::definitions::organisation;
use super::view::{WARNING, Warning};
use super::{Draft, id_of, organisation_id};
use crate::stix::Id;

/// A rule that warns, after the organisation that runs it.
///
/// `pattern` is in the language that `pattern_type` names, an open vocabulary of STIX; `from` is when it came into force.
pub fn rule(name: &str, (pattern, pattern_type): (&str, &str), from: &str, by: &str, markings: &[Id]) -> [Draft; 2] {
    let author = organisation_id(by);
    let mut draft = Draft::new(id_of("indicator", &[author.as_str(), name]), Some(&author), markings);
    draft.set("name", name).set("pattern", pattern).set("pattern_type", pattern_type).set("valid_from", from);
    [organisation(by, markings), draft]
}

/// That a rule spoke: the next thing that it says of the same assets since the same moment is a new version of it.
pub fn warning(rule: &Id, body: &Warning, by: &str, markings: &[Id]) -> Draft {
    let author = organisation_id(by);
    let words: Vec<&str> =
        [author.as_str(), rule.as_str(), &body.from].into_iter().chain(body.asset_refs.iter().map(String::as_str)).collect();
    let mut draft = Draft::new(id_of("sighting", &words), Some(&author), markings);
    draft.set("sighting_of_ref", rule.as_str()).set("first_seen", body.from.as_str()).set_text("description", &body.evidence);
    draft.set_list("where_sighted_refs", std::iter::once(author.as_str())).extend(WARNING, body);
    draft
}
