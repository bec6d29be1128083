//! Threat background of others: bundles as they are, taxonomies and galaxies of MISP as objects of ours.

use std::collections::BTreeMap;

use buttress_wire::stix::{Id, Instant, Object};
use buttress_wire::vocabulary::misp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ContentError, Desk, Put};

/// What was brought in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// What became of it.
    pub put: Put,
    /// Objects accepted, by type.
    pub by_type: BTreeMap<String, usize>,
    /// Objects refused: which, and why.
    pub refused: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    objects: Vec<&'a RawValue>,
}

/// Puts a file's content in: a STIX bundle byte for byte, or a taxonomy or galaxy of MISP made into objects by an organisation
/// under markings. One bad object does not keep the others out.
pub fn import(desk: &mut Desk, text: &str, (by, markings): (Option<&str>, &[Id]), now: Instant) -> Result<Brought, ContentError> {
    match serde_json::from_str::<Bundle>(text) {
        Ok(bundle) if bundle.kind == "bundle" => bring_bundle(desk, &bundle.objects, now),
        _ => bring_misp(desk, text, (by, markings), now),
    }
}

fn bring_bundle(desk: &mut Desk, texts: &[&RawValue], now: Instant) -> Result<Brought, ContentError> {
    let mut brought = Brought::default();
    let mut objects = Vec::with_capacity(texts.len());
    for (n, text) in texts.iter().enumerate() {
        match Object::read(text.get()) {
            Ok(object) => {
                *brought.by_type.entry(object.id.kind().to_owned()).or_default() += 1;
                objects.push(object);
            }
            Err(why) => brought.refused.push((named(n, text.get()), why.to_string())),
        }
    }
    brought.put = desk.add(&objects, now)?;
    Ok(brought)
}

/// How to find an object that cannot be read in its file.
fn named(n: usize, text: &str) -> String {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let id = serde_json::from_str::<Named>(text).map_or_else(|_| "without identifier".to_owned(), |named| named.id);
    format!("object {}, {}", n + 1, id.chars().take(80).collect::<String>())
}

fn bring_misp(desk: &mut Desk, text: &str, (by, markings): (Option<&str>, &[Id]), now: Instant) -> Result<Brought, ContentError> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| ContentError::Form(format!("the file is no JSON: {e}")))?;
    let by = by.ok_or_else(|| ContentError::Form("what is no bundle is made into objects of yours: give --by ORGANISATION".into()))?;
    let imported = misp(&value, by, markings)?;
    let mut brought = Brought { refused: imported.refused, ..Brought::default() };
    for draft in &imported.drafts {
        *brought.by_type.entry(draft.id.kind().to_owned()).or_default() += 1;
    }
    brought.put = desk.put(&imported.drafts, &[], now)?;
    Ok(brought)
}
