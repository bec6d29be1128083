//! Typed views of an assessment: its case, study and plans.

use serde::{Deserialize, Serialize};

/// Name of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseName {
    /// Key.
    pub key: String,
    /// Title.
    pub title: String,
    /// Version.
    pub version: String,
    /// Digest over all its tables.
    pub digest: String,
}

/// Settings of a study, as a study file has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudySettings {
    /// Month of the start.
    pub start_month: u8,
    /// Length, h.
    pub horizon_h: f64,
    /// Fill of the gas stores at the start, share.
    pub storage_fill: f64,
    /// Seed.
    pub seed: u64,
    /// Point at which electricity is held.
    pub point: String,
    /// Level of the parameters.
    pub level: String,
    /// Who sheds when electricity is short.
    pub sharing: String,
    /// How the electricity balance is struck.
    pub balance: String,
    /// Days of gas at twice the mean day.
    pub gas_peak_days: u8,
    /// Whether failures on demand are drawn.
    pub sampled: bool,
}

/// A plan of measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Keys of its measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// Cost, million EUR.
    pub cost_meur: f64,
    /// EUR avoided as added up from single measures.
    pub promised_euro: f64,
    /// EUR avoided when all are run together.
    pub replayed_euro: f64,
}

/// Two plans for one budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    /// Budget, million EUR.
    pub budget_meur: f64,
    /// All countries together.
    pub joint: Plan,
    /// Each country for itself.
    pub national: Plan,
}

/// What stands in the extension of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// The case.
    pub case: CaseName,
    /// The study.
    pub study: StudySettings,
    /// Digest of the study.
    pub study_digest: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Assets in the case.
    pub n_assets: u64,
    /// Runs made.
    pub n_runs: u64,
    /// Share of the summed loss that rests on synthetic records.
    pub synthetic_share: f64,
    /// Plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<Portfolio>,
}
