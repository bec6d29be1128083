//! Taxonomies and galaxies of MISP as objects.
//!
//! A taxonomy says what tags mean, and tags stand in `labels`. STIX has no type for that; a `note` is the one standard type that
//! says something about others in words, bars nobody and is shown by every tool, so each taxonomy becomes one note that carries its
//! file as it came. A cluster of a galaxy is a thing of its own and becomes that thing, where STIX has a type for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::definitions::organisation;
use super::view::{TAXONOMY, Taxonomy};
use super::{Draft, id_of, organisation_id};
use crate::stix::Id;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Objects.
    pub drafts: Vec<Draft>,
    /// Entries that have no place in STIX, with the reason.
    pub refused: Vec<(String, String)>,
}

/// Why a JSON value is nothing of MISP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMisp {
    /// Neither form.
    #[error("this is no STIX bundle, no taxonomy (`namespace`, `predicates`) and no galaxy cluster file (`uuid`, `values`) of MISP")]
    Unknown,
    /// A galaxy without a type of STIX.
    #[error(
        "a galaxy of the type `{0}` has no type in STIX: threat actors, attack patterns, measures, malware, tools and vulnerabilities have"
    )]
    Galaxy(String),
    /// A part that is missing or wrong.
    #[error("{0}")]
    Form(String),
}

#[derive(Deserialize)]
struct Galaxy {
    #[serde(rename = "type")]
    kind: String,
    values: Vec<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    value: String,
    uuid: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    meta: Map<String, Value>,
    #[serde(default)]
    related: Vec<Related>,
}

#[derive(Deserialize)]
struct Related {
    #[serde(rename = "dest-uuid")]
    to: String,
}

/// Types of galaxies by a word in their name, and whether such objects have aliases.
const KINDS: [(&str, &str, bool); 14] = [
    ("attack-pattern", "attack-pattern", true),
    ("technique", "attack-pattern", true),
    ("course-of-action", "course-of-action", false),
    ("mitigation", "course-of-action", false),
    ("countermeasure", "course-of-action", false),
    ("intrusion-set", "intrusion-set", true),
    ("threat-actor", "intrusion-set", true),
    ("activity-group", "intrusion-set", true),
    ("ics-groups", "intrusion-set", true),
    ("malware", "malware", true),
    ("ransomware", "malware", true),
    ("botnet", "malware", true),
    ("tool", "tool", true),
    ("vulnerability", "vulnerability", false),
];

/// Reads a taxonomy or the clusters of a galaxy.
///
/// # Errors
/// [`NotMisp`] when the value has neither form.
pub fn misp(value: &Value, by: &str, markings: &[Id]) -> Result<Imported, NotMisp> {
    let Value::Object(map) = value else { return Err(NotMisp::Unknown) };
    let drafts = if map.contains_key("namespace") && map.contains_key("predicates") {
        Imported { drafts: vec![taxonomy(map, by, markings)?], refused: Vec::new() }
    } else if map.contains_key("values") && map.contains_key("type") {
        galaxy(value, by, markings)?
    } else {
        return Err(NotMisp::Unknown);
    };
    let mut all = vec![organisation(by, markings)];
    all.extend(drafts.drafts);
    Ok(Imported { drafts: all, refused: drafts.refused })
}

fn taxonomy(map: &Map<String, Value>, by: &str, markings: &[Id]) -> Result<Draft, NotMisp> {
    let text = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or("").trim();
    let namespace = text("namespace");
    let has_predicates = map.get("predicates").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if namespace.is_empty() || !has_predicates {
        return Err(NotMisp::Form("the taxonomy has no namespace or no predicates".into()));
    }
    let author = organisation_id(by);
    let version = map.get("version").and_then(Value::as_u64).unwrap_or(0);
    let body = Taxonomy { namespace: namespace.to_owned(), version, machinetag: map.clone() };
    let mut note = Draft::new(id_of("note", &["taxonomy", namespace, author.as_str()]), Some(&author), markings);
    let content = if text("description").is_empty() { namespace } else { text("description") };
    note.set("abstract", format!("Taxonomy {namespace}, version {version}")).set("content", content);
    note.set_list("object_refs", std::iter::once(author.as_str())).extend(TAXONOMY, &body);
    Ok(note)
}

fn galaxy(value: &Value, by: &str, markings: &[Id]) -> Result<Imported, NotMisp> {
    let galaxy = Galaxy::deserialize(value).map_err(|e| NotMisp::Form(format!("the galaxy cannot be read: {e}")))?;
    let kind = KINDS.iter().find(|k| galaxy.kind.contains(k.0)).ok_or_else(|| NotMisp::Galaxy(galaxy.kind.clone()))?;
    let author = organisation_id(by);
    let mut imported = Imported { drafts: Vec::new(), refused: Vec::new() };
    let mut ids: BTreeMap<&str, Id> = BTreeMap::new();
    for cluster in &galaxy.values {
        let Some(uuid) = cluster.uuid.as_deref().filter(|_| !cluster.value.trim().is_empty()) else {
            imported.refused.push((cluster.value.clone(), "it has no UUID or no name".into()));
            continue;
        };
        // An identifier of our own: that of the cluster may be the one of another's object of another version.
        let id = id_of(kind.1, &["misp-galaxy", uuid]);
        if ids.insert(uuid, id.clone()).is_some() {
            imported.refused.push((cluster.value.clone(), format!("UUID {uuid} stands twice")));
            continue;
        }
        imported.drafts.push(thing(cluster, (uuid, &galaxy.kind), *kind, Draft::new(id, Some(&author), markings)));
    }
    let mut told = BTreeSet::new();
    for cluster in &galaxy.values {
        let Some(from) = cluster.uuid.as_deref().and_then(|uuid| ids.get(uuid)) else { continue };
        for to in cluster.related.iter().filter_map(|r| ids.get(r.to.as_str())).filter(|to| *to != from) {
            if told.insert((from, to)) {
                let id = id_of("relationship", &[from.as_str(), "related-to", to.as_str()]);
                let mut draft = Draft::new(id, Some(&author), markings);
                draft.set("relationship_type", "related-to").set("source_ref", from.as_str()).set("target_ref", to.as_str());
                imported.drafts.push(draft);
            }
        }
    }
    Ok(imported)
}

fn thing(cluster: &Cluster, (uuid, galaxy): (&str, &str), (_, kind, has_aliases): (&str, &str, bool), mut draft: Draft) -> Draft {
    let list = |name: &str| cluster.meta.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let texts = |name: &str| list(name).iter().filter_map(Value::as_str).filter(|t| !t.trim().is_empty()).collect::<Vec<_>>();
    let mut references = vec![json!({"source_name": format!("misp-galaxy:{galaxy}"), "external_id": uuid})];
    let is_url = |text: &&&str| text.starts_with("https://") || text.starts_with("http://");
    references.extend(texts("refs").iter().filter(is_url).map(|url| json!({"source_name": "reference", "url": url})));
    draft.set("name", cluster.value.as_str()).set_text("description", &cluster.description).set("external_references", references);
    if has_aliases {
        draft.set_list("aliases", texts("synonyms").into_iter());
    }
    if kind == "malware" {
        draft.set("is_family", true);
    }
    draft
}
