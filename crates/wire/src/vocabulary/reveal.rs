//! What a set of objects gives away as a whole, though each may be shared by itself.

use std::collections::BTreeMap;

use super::Draft;
use super::view::{ASSET, WEAKNESS};

/// Assets of one operator up to which nothing is said.
pub const MAX_PER_OPERATOR: usize = 5;

/// What a set gives away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revealed {
    /// Assets with their position.
    pub n_assets: usize,
    /// Weaknesses with what they lose.
    pub n_weaknesses: usize,
    /// Dependencies between assets.
    pub n_dependencies: usize,
    /// Assets by operator, where it is known.
    pub by_operator: BTreeMap<String, usize>,
    /// Sentences for whoever decides to share it.
    pub warnings: Vec<String>,
}

/// Counts what a set gives away; warns where it holds more than `max_per_operator` assets of one operator.
pub fn revealed(drafts: &[Draft], max_per_operator: usize) -> Revealed {
    let mut found = Revealed::default();
    for draft in drafts {
        found.n_weaknesses += usize::from(draft.extension(WEAKNESS).is_some());
        found.n_dependencies += usize::from(draft.get("relationship_type").is_some_and(|how| how == "depends-on"));
        let Some(asset) = draft.extension(ASSET) else { continue };
        found.n_assets += 1;
        if let Some(operator) = asset.get("operator").and_then(|o| o.as_str()) {
            *found.by_operator.entry(operator.to_owned()).or_default() += 1;
        }
    }
    let many = found.by_operator.iter().filter(|(_, n)| **n > max_per_operator);
    found.warnings = many
        .map(|(operator, n)| {
            format!(
                "the set holds {n} assets of {operator}, more than {max_per_operator}: together they show more than each alone; \
                 share fewer with --top, mark it higher, or ask {operator}"
            )
        })
        .collect();
    found
}
