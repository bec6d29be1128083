//! Settings of the questions, with their ranges. They are the fields of the study and scenario files of the program.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A setting out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Refused {
    field: &'static str,
    why: String,
}

fn refuse<T>(field: &'static str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { field, why: why.into() })
}

/// Settings as a file of the program.
pub(super) fn toml_of<T: Serialize>(field: &'static str, settings: &T) -> Result<String, Refused> {
    toml::to_string(settings).map_err(|e| Refused { field, why: e.to_string() })
}

/// Longest text of a setting, characters.
const MAX_TEXT: usize = 500;
/// Most rows of a list.
const MAX_ROWS: usize = 1000;
/// Latest hour.
const MAX_HOUR: f64 = 1e6;

/// Marking on a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Marking {
    /// For everybody.
    #[default]
    #[serde(rename = "TLP:CLEAR")]
    Clear,
    /// For the community.
    #[serde(rename = "TLP:GREEN")]
    Green,
    /// For the organisation and its clients.
    #[serde(rename = "TLP:AMBER")]
    Amber,
    /// For the organisation.
    #[serde(rename = "TLP:AMBER+STRICT")]
    AmberStrict,
    /// For those named.
    #[serde(rename = "TLP:RED")]
    Red,
}

impl Marking {
    pub(super) fn word(self) -> &'static str {
        match self {
            Marking::Clear => "TLP:CLEAR",
            Marking::Green => "TLP:GREEN",
            Marking::Amber => "TLP:AMBER",
            Marking::AmberStrict => "TLP:AMBER+STRICT",
            Marking::Red => "TLP:RED",
        }
    }
}

/// Point of the year at which electricity is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StudyPoint {
    /// European winter evening peak.
    #[default]
    WinterPeak,
    /// Summer night.
    SummerNight,
}

/// End of the parameter ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Mild.
    Low,
    /// Central.
    #[default]
    Central,
    /// Severe.
    High,
}

/// Who sheds when electricity is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// An area's deficit is shed there.
    #[default]
    OwnFirst,
    /// Deficits are shared where the network allows.
    Solidarity,
}

/// How the electricity balance is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// DC power flow under line limits.
    #[default]
    Flow,
    /// Generation over demand of each connected part.
    Component,
}

/// When, how long and with which parameters; what is left out is as in the default study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StudySettings {
    /// Month of the start; the day is the first.
    #[schema(minimum = 1, maximum = 12, default = 12)]
    pub start_month: u8,
    /// Length, hours.
    #[schema(exclusive_minimum = 0, maximum = 87600, default = 8760)]
    pub horizon_h: f64,
    /// Gas storage fill at the start, share.
    #[schema(minimum = 0, maximum = 1, default = 0.9)]
    pub storage_fill: f64,
    /// Seed of all sampling.
    #[schema(default = 1, format = Int64)]
    pub seed: u32,
    /// Electricity study point.
    pub point: StudyPoint,
    /// Parameter level.
    pub level: Level,
    /// Sharing rule.
    pub sharing: Sharing,
    /// Electricity balance.
    pub balance: Balance,
    /// Days of January with twice the mean gas demand.
    #[schema(maximum = 31, default = 14)]
    pub gas_peak_days: u8,
    /// Draw from the seed whether a buffer starts.
    pub sampled: bool,
}

impl Default for StudySettings {
    fn default() -> Self {
        StudySettings {
            start_month: 12,
            horizon_h: 8760.0,
            storage_fill: 0.9,
            seed: 1,
            point: StudyPoint::default(),
            level: Level::default(),
            sharing: Sharing::default(),
            balance: Balance::default(),
            gas_peak_days: 14,
            sampled: false,
        }
    }
}

impl StudySettings {
    fn check(&self) -> Result<(), Refused> {
        if !(1..=12).contains(&self.start_month) {
            return refuse("study.start_month", "give 1 to 12");
        }
        if !(self.horizon_h > 0.0 && self.horizon_h <= 87_600.0) {
            return refuse("study.horizon_h", "give hours above 0, at most 87600");
        }
        if !(0.0..=1.0).contains(&self.storage_fill) {
            return refuse("study.storage_fill", "give a share from 0 to 1");
        }
        if self.gas_peak_days > 31 {
            return refuse("study.gas_peak_days", "give 0 to 31");
        }
        Ok(())
    }
}

/// Settings of an assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AssessSettings {
    /// Budget of the portfolio of measures, million euro.
    #[schema(minimum = 0, maximum = 1_000_000_000, default = 1000)]
    pub budget_meur: f64,
    /// Marking on the report.
    pub marking: Marking,
    /// The study; the default one when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<StudySettings>,
}

impl Default for AssessSettings {
    fn default() -> Self {
        AssessSettings { budget_meur: 1000.0, marking: Marking::Clear, study: None }
    }
}

impl AssessSettings {
    pub(super) fn check(&self) -> Result<(), Refused> {
        if !(0.0..=1e9).contains(&self.budget_meur) {
            return refuse("budget_meur", "give million euro, 0 to 1000000000");
        }
        self.study.as_ref().map_or(Ok(()), StudySettings::check)
    }
}

/// Settings of a run. At least one of `threat`, `take_out` and `scenario` says what happens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// A threat of the case's catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threat: Option<String>,
    /// Assets to take out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub take_out: Vec<TakeOut>,
    /// A scenario, with the fields of a scenario file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioSettings>,
    /// The study; the default one when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<StudySettings>,
}

/// An asset that is lost, with hours; without hours from the start until repaired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOut {
    /// Key of the asset.
    pub asset: String,
    /// First hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub from_h: Option<f64>,
    /// Last hour; until repaired when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub to_h: Option<f64>,
}

impl fmt::Display for TakeOut {
    /// `KEY[@FROM..TO]`, as the program reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.asset)?;
        if self.from_h.is_some() || self.to_h.is_some() {
            write!(f, "@{}..", self.from_h.unwrap_or(0.0))?;
        }
        self.to_h.map_or(Ok(()), |to| write!(f, "{to}"))
    }
}

/// A key as cases have them. What the command line reads as more than a key is none.
fn is_key(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '+');
    text.len() <= MAX_TEXT && text.starts_with(char::is_alphanumeric) && text.chars().all(is_part)
}

impl TakeOut {
    fn check(&self) -> Result<(), Refused> {
        if !is_key(&self.asset) {
            return refuse("take_out.asset", format!("`{}` is no key of an asset", self.asset.escape_debug()));
        }
        let from = self.from_h.unwrap_or(0.0);
        if !(0.0..=MAX_HOUR).contains(&from) {
            return refuse("take_out.from_h", "give hours, 0 to 1000000");
        }
        match self.to_h {
            Some(to) if !(to > from && to <= MAX_HOUR) => refuse("take_out.to_h", "give hours later than from_h, at most 1000000"),
            _ => Ok(()),
        }
    }
}

/// A scenario, with the fields of a scenario file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScenarioSettings {
    /// Title for people.
    pub title: String,
    /// Changes to the case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<ChangeSettings>,
    /// Assets that do not exist yet: `table` and the columns of that table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub add_asset: Vec<BTreeMap<String, Cell>>,
}

/// A change to the case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSettings {
    /// What is done, such as `take_out` or `derate`.
    pub action: String,
    /// What it acts on, such as `key:cable.c-lion1`.
    pub select: String,
    /// Size, where the action takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Start, hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_h: Option<f64>,
    /// End at the central level, hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_h: Option<f64>,
    /// End at the low level, hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_low_h: Option<f64>,
    /// End at the high level, hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_high_h: Option<f64>,
}

/// A cell of an added asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// True or false.
    Truth(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl ScenarioSettings {
    fn check(&self) -> Result<(), Refused> {
        if self.change.is_empty() && self.add_asset.is_empty() {
            return refuse("scenario", "it changes nothing: give a row of `change` or `add_asset`");
        }
        if self.change.len() > MAX_ROWS || self.add_asset.len() > MAX_ROWS {
            return refuse("scenario", format!("give at most {MAX_ROWS} rows of `change` and of `add_asset`"));
        }
        let texts = self.change.iter().flat_map(|change| [&change.action, &change.select]).chain([&self.title]);
        if texts.into_iter().any(|text| text.chars().count() > MAX_TEXT) {
            return refuse("scenario", format!("a text is too long: at most {MAX_TEXT} characters"));
        }
        Ok(())
    }
}

impl RunSettings {
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.threat.is_none() && self.take_out.is_empty() && self.scenario.is_none() {
            return refuse("settings", "nothing says what happens: give threat, take_out or scenario");
        }
        if let Some(threat) = self.threat.as_ref().filter(|threat| !is_key(threat)) {
            return refuse("threat", format!("`{}` is no key of a threat", threat.escape_debug()));
        }
        if self.take_out.len() > MAX_ROWS {
            return refuse("take_out", format!("give at most {MAX_ROWS} assets"));
        }
        self.take_out.iter().try_for_each(TakeOut::check)?;
        self.scenario.as_ref().map_or(Ok(()), ScenarioSettings::check)?;
        self.study.as_ref().map_or(Ok(()), StudySettings::check)
    }
}
