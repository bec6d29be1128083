//! What a duty officer keeps in a node: warnings in CAP and incidents with their clocks.
//!
//! Whoever reaches the folder of a node acts as its operator and sees all it holds, as with `buttress node`.

pub mod incident;
mod shelf;
pub mod warning;

use std::collections::BTreeSet;

use buttress_wire::cap::CapError;
use buttress_wire::incident::kept::KeptError;
use buttress_wire::stix::marking::Tlp;
use buttress_wire::stix::{Id, Refused};

use crate::identity::NoRandomness;
use crate::store::StoreError;

/// Namespace of the identifiers that follow from a message, ours for good.
const NAMESPACE: uuid::Uuid = uuid::uuid!("3659b5b9-8b31-4d61-9ada-10b9c4b1e0c2");

/// Why something could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness for an identifier.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The text is no alert.
    #[error("no alert in CAP 1.2: {0}")]
    Cap(#[from] CapError),
    /// An incident.
    #[error(transparent)]
    Incident(#[from] KeptError),
    /// An object that is no STIX.
    #[error("{id} cannot be kept: {why}")]
    Object {
        /// The object.
        id: String,
        /// What is wrong.
        why: Refused,
    },
    /// Something typed.
    #[error("{0}")]
    Typed(String),
}

fn typed<T>(why: impl Into<String>) -> Result<T, DutyError> {
    Err(DutyError::Typed(why.into()))
}

/// Reads markings as they are typed: `amber`, `TLP:AMBER` or `marking-definition--UUID`.
pub fn markings(words: &[String]) -> Result<BTreeSet<Id>, DutyError> {
    let one = |word: &String| {
        let small = word.trim().to_ascii_lowercase();
        let level = Tlp::from_word(small.strip_prefix("tlp:").unwrap_or(&small));
        match level.map_or_else(|| Id::parse(&small), |level| Id::parse(&level.id())) {
            Some(id) if id.kind() == "marking-definition" => Ok(id),
            _ => typed(format!("`{word}` is no marking: write clear, green, amber, amber+strict, red or marking-definition--UUID")),
        }
    };
    words.iter().map(one).collect()
}

/// An identifier that follows from parts, the same wherever they are read again.
fn named(kind: &str, parts: &[&str]) -> Result<Id, DutyError> {
    // A length before each part: no two lists of parts read alike.
    let text: String = std::iter::once(kind).chain(parts.iter().copied()).map(|part| format!("{}:{part}", part.len())).collect();
    identified(kind, uuid::Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}

fn identified(kind: &str, uuid: uuid::Uuid) -> Result<Id, DutyError> {
    Id::parse(&format!("{kind}--{}", uuid.hyphenated())).ok_or_else(|| DutyError::Typed(format!("`{kind}` is no type of STIX")))
}
