//! From the objects of a report back to what can be run.

use std::collections::BTreeMap;

use super::read;
use super::view::{Measure, Shared, Weakness};
use crate::stix::{Id, Object};

/// What a report holds to be run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Title of the report.
    pub title: String,
    /// What was assessed, and how.
    pub shared: Shared,
    /// Weaknesses, in the order of the report.
    pub weaknesses: Vec<ReplayOf>,
    /// Measures with their names.
    pub measures: Vec<(String, Measure)>,
    /// Objects of the report that are not here: not received, or hidden from this reader.
    pub n_missing: usize,
}

/// A weakness to be run again.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOf {
    /// Its object.
    pub id: Id,
    /// Name.
    pub name: String,
    /// What was found and how.
    pub weakness: Weakness,
}

/// Reads a report with its objects; `None` where `report` is none of ours.
pub fn replay(report: &Object, objects: &BTreeMap<Id, Object>) -> Option<Replay> {
    let view = read::<Shared>(report)?;
    let refs: Vec<Id> = view.base.object_refs.iter().filter_map(|r| Id::parse(r)).collect();
    let here: Vec<&Object> = refs.iter().filter_map(|id| objects.get(id)).collect();
    let weaknesses =
        here.iter().filter_map(|o| read::<Weakness>(o).map(|v| ReplayOf { id: o.id.clone(), name: v.base.name, weakness: v.body }));
    Some(Replay {
        title: view.base.name,
        shared: view.body,
        weaknesses: weaknesses.collect(),
        measures: here.iter().filter_map(|o| read::<Measure>(o)).map(|v| (v.base.name, v.body)).collect(),
        n_missing: refs.len() - here.len(),
    })
}
