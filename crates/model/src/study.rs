//! What is asked: study and scenario.

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::draft::Addition;

/// Point of the year at which electricity is held in sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum StudyPoint {
    /// European winter evening peak.
    #[default]
    WinterPeak,
    /// Summer night.
    SummerNight,
}

/// Which end of the parameter ranges a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Mild: short repairs, long buffers.
    Low,
    /// Central parameters.
    #[default]
    Central,
    /// Severe: long repairs, short buffers.
    High,
}

impl Level {
    /// Index 0, 1, 2 into a (low, central, high) range.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Who sheds when electricity is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// An area's deficit is shed there, after contracted imports and available reserves.
    #[default]
    OwnFirst,
    /// Deficits are shared where the network allows.
    Solidarity,
}

/// How the electricity balance is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// DC power flow under line limits.
    #[default]
    Flow,
    /// Served ratio of a connected component: live generation over attached demand (abstract networks).
    Component,
}

/// One question put to a case. Every field is required in a file except those with a default here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Month of the start (1 to 12); the day is the first.
    pub start_month: u8,
    /// Length, hours.
    pub horizon_h: f64,
    /// Gas storage fill at the start, share.
    pub storage_fill: f64,
    /// Seed of all sampling.
    pub seed: u64,
    /// Electricity study point.
    #[serde(default)]
    pub point: StudyPoint,
    /// Parameter level.
    #[serde(default)]
    pub level: Level,
    /// Sharing rule.
    #[serde(default)]
    pub sharing: Sharing,
    /// Electricity balance.
    #[serde(default)]
    pub balance: Balance,
    /// Peak days (twice the mean day) per winter, placed in January.
    #[serde(default = "default_peak_days")]
    pub gas_peak_days: u8,
    /// Draw failures on demand of buffers from the seed.
    #[serde(default)]
    pub sampled: bool,
}

fn default_peak_days() -> u8 {
    14
}

impl Default for Study {
    /// The default study of an assessment: 1 December, storage 90 % full, one year.
    fn default() -> Self {
        Study {
            start_month: 12,
            horizon_h: 8760.0,
            storage_fill: 0.9,
            seed: 1,
            point: StudyPoint::WinterPeak,
            level: Level::Central,
            sharing: Sharing::OwnFirst,
            balance: Balance::Flow,
            gas_peak_days: 14,
            sampled: false,
        }
    }
}

impl Study {
    /// Everything wrong with the study's numbers, in words.
    pub fn defects(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !(1..=12).contains(&self.start_month) {
            out.push(format!("start_month is {}; give 1 to 12", self.start_month));
        }
        if !(self.horizon_h > 0.0 && self.horizon_h <= 87_600.0) {
            out.push(format!("horizon_h is {}; give more than 0 and at most 87600", self.horizon_h));
        }
        if !(0.0..=1.0).contains(&self.storage_fill) {
            out.push(format!("storage_fill is {}; give a share from 0 to 1", self.storage_fill));
        }
        if self.gas_peak_days > 31 {
            out.push(format!("gas_peak_days is {}; at most 31 fit in January", self.gas_peak_days));
        }
        out
    }
}

/// A case plus a list of changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scenario {
    /// Key of the scenario.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// Changes, in order.
    pub changes: Vec<Change>,
    /// Assets that do not exist yet.
    pub additions: Vec<Addition>,
}
