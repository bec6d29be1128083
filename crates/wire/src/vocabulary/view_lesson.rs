//! Typed views of lessons, warnings and taxonomies.

use serde::{Deserialize, Serialize};

/// How far a lesson has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something was seen.
    Observation,
    /// Its cause and a remedy are known, and who acts.
    LessonIdentified,
    /// The remedy is in place and was shown to work.
    LessonLearned,
}

impl State {
    /// All states, in their order.
    pub const ALL: [State; 3] = [State::Observation, State::LessonIdentified, State::LessonLearned];

    /// Its word.
    pub fn word(self) -> &'static str {
        ["observation", "lesson_identified", "lesson_learned"][self as usize]
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What went wrong, or might have.
    Lesson,
    /// What works.
    BestPractice,
}

impl Kind {
    /// Its word.
    pub fn word(self) -> &'static str {
        ["lesson", "best_practice"][self as usize]
    }
}

/// A step of a lesson: when it came to a state, by whom, on what evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// State reached.
    pub state: State,
    /// When.
    pub when: String,
    /// Who says so.
    pub who: String,
    /// On what it rests.
    pub evidence: String,
}

/// What a simulation says that the remedy does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Digest of the case.
    pub case_digest: String,
    /// What was run.
    pub scenario: String,
    /// People-hours without the remedy.
    pub people_hours_before: f64,
    /// People-hours with it.
    pub people_hours_after: f64,
    /// EUR without the remedy, central.
    pub euro_before: f64,
    /// EUR with it, central.
    pub euro_after: f64,
}

/// An observation, a lesson or a best practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// What is told.
    pub kind: Kind,
    /// How far it has come.
    pub state: State,
    /// Sectors that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sectors: Vec<String>,
    /// Key of the case that `assets` and `measures` are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Keys of assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// Keys of measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// Why it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedial_action: Option<String>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_body: Option<String>,
    /// What the remedy does by simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// How it came here.
    pub history: Vec<Step>,
}

/// A warning for assets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// The rule that spoke.
    pub rule: String,
    /// How severe: watch, warning or alarm.
    pub severity: String,
    /// Identifiers of the assets meant.
    pub asset_refs: Vec<String>,
    /// Since when.
    pub from: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Latitude, degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Longitude, degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// What was seen, in words.
    pub evidence: String,
}

/// A taxonomy of tags, as MISP has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taxonomy {
    /// First word of its tags.
    pub namespace: String,
    /// Version.
    pub version: u64,
    /// The file `machinetag.json` as it came.
    pub machinetag: serde_json::Map<String, serde_json::Value>,
}
