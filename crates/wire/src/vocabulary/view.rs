//! Typed views: what stands in our extensions, read from an object that is kept as its text, or written into a new one.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::stix::Object;

/// Extension of an asset, on `infrastructure`.
pub const ASSET: &str = "extension-definition--31600f64-f157-4757-82e8-96ad8b0ab258";
/// Extension of a dependency, on `relationship`.
pub const DEPENDENCY: &str = "extension-definition--cd7baf5a-229c-4421-b2be-9bc75f8faa47";
/// Extension of a threat, on `attack-pattern`.
pub const THREAT: &str = "extension-definition--999c1d65-f0a8-4854-a8be-b6984ae8de1c";
/// Extension of a weakness, on `vulnerability`.
pub const WEAKNESS: &str = "extension-definition--d8809059-82df-41a2-857d-8e1bbb0b6eba";
/// Extension of a measure, on `course-of-action`.
pub const MEASURE: &str = "extension-definition--aa2769de-9f43-4ff4-8a82-348b864d0eea";
/// Extension of an assessment, on `report`.
pub const ASSESSMENT: &str = "extension-definition--9121e432-e88d-4a07-83ea-5b689a2b4df9";
/// Extension of a lesson, on `note`.
pub const LESSON: &str = "extension-definition--a1235cb6-8b29-419d-8eb5-d1ac719f10c9";
/// Extension of a warning, on `indicator` and `sighting`.
pub const WARNING: &str = "extension-definition--0bc403f6-5715-41a5-8b7a-064a46181d8c";
/// Extension of a taxonomy, on `note`.
pub const TAXONOMY: &str = "extension-definition--a6c45128-3a55-4c33-a451-ffd93509cc60";
/// Extension of `sighting` and `observed-data` for what came in CAP.
pub const CAP_WARNING: &str = "extension-definition--7a18f674-8809-4c99-9249-b628f51d948d";

/// What stands under an identifier in `extensions`.
pub trait Extension: Serialize + DeserializeOwned {
    /// Identifier of its definition.
    const ID: &'static str;
}

/// The standard properties that our objects use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Base {
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// A note's title.
    #[serde(rename = "abstract")]
    pub title: String,
    /// A note's text.
    pub content: String,
    /// Who made it.
    pub created_by_ref: String,
    /// What a report or note is about.
    pub object_refs: Vec<String>,
}

/// An object with what its extension says.
#[derive(Debug, Clone, PartialEq)]
pub struct View<T> {
    /// Standard properties.
    pub base: Base,
    /// The extension.
    pub body: T,
}

/// Reads an object under an extension of ours; `None` where the object has it not, or not in our form.
pub fn read<T: Extension>(object: &Object) -> Option<View<T>> {
    #[derive(Deserialize)]
    struct Extended {
        extensions: std::collections::BTreeMap<String, serde_json::Value>,
    }
    let body = serde_json::from_str::<Extended>(&object.text).ok()?.extensions.remove(T::ID)?;
    Some(View { base: serde_json::from_str(&object.text).ok()?, body: serde_json::from_value(body).ok()? })
}

macro_rules! extension {
    ($( $kind:ty = $id:expr; )*) => { $( impl Extension for $kind { const ID: &'static str = $id; } )* };
}

extension! {
    Asset = ASSET;
    Dependency = DEPENDENCY;
    Threat = THREAT;
    Weakness = WEAKNESS;
    Measure = MEASURE;
    Shared = ASSESSMENT;
    Lesson = LESSON;
    Warning = WARNING;
    Taxonomy = TAXONOMY;
}

/// A mild, a usual and a severe value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Mild.
    pub low: f64,
    /// Usual.
    pub central: f64,
    /// Severe.
    pub high: f64,
}

/// An asset of a case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Key of the case.
    pub case: String,
    /// Key in the case.
    pub key: String,
    /// Kind, such as `hvdc_link`.
    pub kind: String,
    /// Sector.
    pub sector: String,
    /// Zone, of the first end for links.
    pub zone: String,
    /// Zone of the other end of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_to: Option<String>,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Capacity in `unit`.
    pub capacity: f64,
    /// Unit of the capacity.
    pub unit: String,
    /// Whether it runs in the base case.
    pub in_service: bool,
    /// Where the record comes from: real, curated, derived or synthetic.
    pub provenance: String,
}

/// What one asset needs from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// Key of the rule in the case.
    pub rule: String,
    /// What is needed: electricity, gas, data, pnt, timing, satcom or asset.
    pub needs: String,
    /// Served share below which the supply counts as lost.
    pub threshold_share: f64,
    /// Autonomy, h.
    pub buffer_h: Range,
    /// Time from empty to full after the supply returns, h.
    pub recharge_h: f64,
    /// Time from return of the supply to service, h.
    pub restart_delay_h: f64,
    /// Share of capacity lost without the supply.
    pub effect_share: f64,
    /// Type of interdependency: physical, cyber, geographic or logical.
    pub rinaldi: String,
}

/// How often a threat comes true.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Low, per year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Central, per year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub central: Option<f64>,
    /// High, per year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// What it rests on.
    pub basis: String,
}

/// A threat of a case's catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threat {
    /// Key of the case.
    pub case: String,
    /// Key in the case.
    pub key: String,
    /// Class, such as sabotage or natural.
    pub class: String,
    /// How often.
    pub rate_per_year: Rate,
}

/// One change to a case, as a scenario file has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What is done.
    pub action: String,
    /// What it acts on.
    pub select: String,
    /// Size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Start, h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_h: Option<f64>,
    /// End, h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_h: Option<f64>,
    /// End at the low level, h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_low_h: Option<f64>,
    /// End at the high level, h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_high_h: Option<f64>,
    /// Whether it holds for the whole run, in the base too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub structural: bool,
}

/// What is lost of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    /// Service.
    pub service: String,
    /// Amount in `unit`.
    pub amount: f64,
    /// Unit.
    pub unit: String,
}

/// What a zone bears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneLoss {
    /// Zone.
    pub zone: String,
    /// People-hours without a household service, lower bound.
    pub people_hours: f64,
    /// Loss, EUR, central.
    pub euro: f64,
}

/// What a run lost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// People-hours without a household service, lower bound.
    pub people_hours: f64,
    /// The same, upper bound.
    pub people_hours_upper: f64,
    /// Most people without service at one instant.
    pub people_peak: f64,
    /// Loss, EUR.
    pub euro: Range,
    /// Countries hit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries_hit: Vec<String>,
    /// Hours until half is back; absent beyond the horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_to_50_percent: Option<f64>,
    /// Hours until nine tenths are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_to_90_percent: Option<f64>,
    /// Hours until all is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_to_100_percent: Option<f64>,
    /// By service, where something is lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    /// By zone, where something is lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_zone: Vec<ZoneLoss>,
    /// Assets that failed.
    pub n_assets_failed: u64,
}

/// The worst second loss while the first is being repaired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondHit {
    /// Key of the second asset.
    pub second: String,
    /// People-hours beyond both single losses.
    pub extra_people_hours: f64,
    /// EUR beyond both single losses.
    pub extra_euro: f64,
    /// Hours for which a second hit finds the first unrepaired.
    pub exposed_h: f64,
}

/// What is lost when an asset fails or a threat comes true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weakness {
    /// Key of the case.
    pub case: String,
    /// Digest of the case.
    pub case_digest: String,
    /// Digest of the study.
    pub study_digest: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Whether `key` is that of an `asset` or a `threat`.
    pub about: String,
    /// Key.
    pub key: String,
    /// Rank among its like, from 1.
    pub rank: u64,
    /// Figures of the central run.
    pub figures: Figures,
    /// Figures of the mild run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures_low: Option<Figures>,
    /// Figures of the severe run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures_high: Option<Figures>,
    /// Worst second hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_hit: Option<SecondHit>,
    /// The changes to the case that were run; none where they are not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// What a measure does to a weakness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mitigates {
    /// Key of the asset or threat.
    pub weakness: String,
    /// Share of its loss that is avoided.
    pub avoided_share: f64,
}

/// A measure as it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Key of the case.
    pub case: String,
    /// Digest of the case.
    pub case_digest: String,
    /// Digest of the study.
    pub study_digest: String,
    /// Key in the case.
    pub key: String,
    /// Palliative or corrective.
    pub class: String,
    /// Cost over its life, million EUR.
    pub cost_meur: Range,
    /// EUR avoided over the weaknesses that it was tried on.
    pub avoided_euro: f64,
    /// People-hours avoided over them.
    pub avoided_people_hours: f64,
    /// EUR avoided for each EUR spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avoided_euro_per_euro: Option<f64>,
    /// What it does to each weakness.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mitigates: Vec<Mitigates>,
    /// Plans that chose it: joint, national.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<String>,
    /// The changes that it makes to the case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

pub use super::view_assessment::{CaseName, Plan, Portfolio, Shared, StudySettings};
pub use super::view_lesson::{Effect, Kind, Lesson, State, Step, Taxonomy, Warning};
