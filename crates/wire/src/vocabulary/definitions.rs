//! The extension definitions: fixed identifiers, the schema of each as its text, and who defined them.

use serde_json::json;

use super::Draft;
use crate::incident::kept::CLOCKS_EXTENSION;
use crate::stix::marking::{LABEL_EXTENSION, Tlp};
use crate::stix::parts::REDACTION_EXTENSION;
use crate::stix::{Id, Instant};

/// Identifier of the collection that a node publishes the definitions in.
pub const DEFINITIONS_COLLECTION: &str = "dac8e995-9fe7-4103-905a-9b8c2d08e72d";
/// Identifier of who defined the extensions: this project.
pub const AUTHOR: &str = "identity--231e3901-d789-4a89-98dd-d57f5609f720";
/// The moment from which the definitions stand as they are.
const DEFINED: &str = "2026-11-28T00:00:00.000Z";

/// One extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Identifier.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// The types that it stands on.
    pub on: &'static [&'static str],
    /// What it says.
    pub description: &'static str,
    /// JSON schema of what stands under the identifier in `extensions`.
    pub schema: &'static str,
}

macro_rules! extensions {
    ($( $name:literal, $file:literal, $on:expr, $id:expr, $description:literal; )*) => {
        &[$( Definition { id: $id, name: $name, on: &$on, description: $description, schema: include_str!(concat!("schemas/", $file, ".json")) } ),*]
    };
}

/// All extensions, in the order in which they are published.
pub const EXTENSIONS: &[Definition] = extensions! {
    "Buttress asset", "asset", ["infrastructure"], super::view::ASSET,
        "An asset of critical infrastructure: its key in a case, kind, sector, place, operator and capacity.";
    "Buttress dependency", "dependency", ["relationship"], super::view::DEPENDENCY,
        "What one asset needs from another, and how long it lasts without.";
    "Buttress threat", "threat", ["attack-pattern"], super::view::THREAT,
        "A threat to infrastructure, physical or digital: class and yearly rate.";
    "Buttress weakness", "weakness", ["vulnerability"], super::view::WEAKNESS,
        "What is lost when an asset fails or a threat comes true, with what is needed to compute it again.";
    "Buttress measure", "measure", ["course-of-action"], super::view::MEASURE,
        "A measure against weaknesses: cost, what it avoids, and the changes that it makes to a case.";
    "Buttress assessment", "assessment", ["report"], super::view::ASSESSMENT,
        "An assessment: digests of its case and study, its settings, and the plans that it chose.";
    "Buttress lesson", "lesson", ["note"], super::view::LESSON,
        "An observation, a lesson or a best practice: its state, the evidence for each step, and its simulated effect.";
    "Buttress warning", "warning", ["indicator", "sighting"], super::view::WARNING,
        "A warning for assets: the rule that spoke, how severe, when and where.";
    "Buttress taxonomy", "taxonomy", ["note"], super::view::TAXONOMY,
        "A taxonomy of tags in the form of MISP: what the labels of objects mean.";
    "Buttress confidentiality label", "label", ["marking-definition"], LABEL_EXTENSION,
        "A confidentiality label in the shape of STANAG 4774: policy, classification, categories.";
    "Buttress redaction", "redaction", [], REDACTION_EXTENSION,
        "A copy of an object of any type without the parts that its reader may not see.";
    "Buttress incident clocks", "clocks", ["incident"], CLOCKS_EXTENSION,
        "Who became aware of an incident and when, and what was handed in: what deadlines under NIS2 and CER follow from.";
    "Buttress CAP warning", "cap_warning", ["sighting", "observed-data"], super::view::CAP_WARNING,
        "What a message in the Common Alerting Protocol says that a sighting cannot.";
};

/// The identity of who defined the extensions.
pub fn author() -> String {
    json!({
        "type": "identity", "spec_version": "2.1", "id": AUTHOR, "created": DEFINED, "modified": DEFINED, "name": "Buttress",
        "description": "Models critical infrastructure and its interdependencies, and shares what follows under markings.",
        "identity_class": "organization", "object_marking_refs": [Tlp::Clear.id()],
    })
    .to_string()
}

impl Definition {
    /// The object that is published.
    pub fn object(&self) -> String {
        json!({
            "type": "extension-definition", "spec_version": "2.1", "id": self.id, "created_by_ref": AUTHOR, "created": DEFINED,
            "modified": DEFINED, "name": self.name, "description": self.description, "schema": self.schema, "version": "1.0.0",
            "extension_types": ["property-extension"], "object_marking_refs": [Tlp::Clear.id()],
        })
        .to_string()
    }
}

/// Everything a reader needs to understand our objects, marked TLP:CLEAR: the marking, the author and the definitions, whose
/// `created` and `modified` are part of them and never change for one version.
pub fn definitions() -> Vec<String> {
    [Tlp::Clear.definition(), author()].into_iter().chain(EXTENSIONS.iter().map(Definition::object)).collect()
}

/// A bundle that stands by itself: the objects, after the definitions that they need.
pub fn bundle(drafts: &[Draft], texts: &[String], now: Instant) -> String {
    let used = EXTENSIONS.iter().filter(|d| drafts.iter().any(|draft| draft.extension(d.id).is_some()));
    let clear = Tlp::Clear.definition();
    let head = [clear.clone(), author()].into_iter().chain(used.map(Definition::object));
    let marks = texts.iter().filter(|text| **text != clear).cloned();
    let objects: Vec<String> = head.chain(marks).chain(drafts.iter().filter_map(|draft| draft.version(None, now))).collect();
    let id = super::id_of("bundle", &[&objects.concat()]);
    format!("{{\"type\":\"bundle\",\"id\":\"{id}\",\"objects\":[\n{}\n]}}\n", objects.join(",\n"))
}

/// An organisation that shares, as an object still without times.
pub(super) fn organisation(name: &str, markings: &[Id]) -> Draft {
    let mut draft = Draft::new(super::organisation_id(name), None, markings);
    draft.set("name", name).set("identity_class", "organization");
    draft
}
