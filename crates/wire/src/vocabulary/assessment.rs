//! What is read of an `assessment.json`: the subset that is shared.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::view::{CaseName, Figures, Lost, Portfolio, Range, Rate, SecondHit, Shared, StudySettings, ZoneLoss};

/// Name and version of the format that is read.
const SCHEMA: &str = "buttress-assessment/1";
/// Units of what is lost of each service, added up over hours.
const UNITS: [(&str, &str); 10] = [
    ("electricity", "MWh"),
    ("gas", "GWh"),
    ("freight", "kt d"),
    ("passengers", "passengers"),
    ("data", "Gbit/s h"),
    ("pnt", "person h"),
    ("timing", "person h"),
    ("satcom", "Mbit/s h"),
    ("control", "MW h"),
    ("service", "person h"),
];
/// Loss of a service below which nothing is told of it.
const LEAST: f64 = 1e-9;

/// Why a text is no assessment that can be shared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no assessment that can be shared: {0}; give an assessment.json that `buttress assess` of this version wrote")]
pub struct BadAssessment(String);

/// An assessment as its file has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Assessment {
    schema: String,
    /// Version of the engine.
    pub engine_version: String,
    /// The case.
    pub case: CaseName,
    /// The study, its words in the spelling of study files.
    pub study: StudySettings,
    /// Digest of the study.
    pub study_digest: String,
    /// Assets in the case.
    pub n_assets: u64,
    /// Runs made.
    pub n_runs: u64,
    /// Share of the summed loss that rests on synthetic records.
    pub synthetic_share: f64,
    /// Single losses, worst first.
    pub losses: Vec<Loss>,
    /// Threats, worst first.
    pub threats: Vec<ThreatRow>,
    /// Keys of the weaknesses that measures were tried on.
    weaknesses: Vec<Named>,
    /// Measures, best first.
    pub measures: Vec<MeasureRow>,
    /// Plans.
    pub portfolio: Option<Portfolio>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Named {
    key: String,
}

/// The single loss of an asset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Loss {
    /// Key of the asset.
    pub asset: String,
    /// Name.
    pub name: String,
    /// Where the record comes from.
    pub provenance: String,
    /// Central run.
    pub central: Summary,
    /// Mild run.
    pub low: Option<Summary>,
    /// Severe run.
    pub high: Option<Summary>,
    /// First steps of the cascade in words.
    pub reason: String,
    /// Worst second hit.
    pub second_hit: Option<SecondHit>,
}

/// What a threat does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ThreatRow {
    /// Key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Class.
    pub class: String,
    /// First steps of the cascade in words.
    pub reason: String,
    /// How often.
    pub rate_per_year: Rate,
    /// Mild run.
    pub low: Summary,
    /// Central run.
    pub central: Summary,
    /// Severe run.
    pub high: Summary,
}

/// What a measure does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MeasureRow {
    /// Key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Palliative or corrective.
    pub class: String,
    /// Cost, million EUR: low, central, high.
    pub cost_meur: [f64; 3],
    /// EUR avoided.
    pub avoided_euro: f64,
    /// People-hours avoided.
    pub avoided_people_hours: f64,
    /// EUR avoided for each EUR spent.
    pub avoided_euro_per_euro: Option<f64>,
    avoided_share_by_weakness: Vec<f64>,
}

/// What a run lost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Summary {
    /// People-hours, lower bound.
    pub people_hours: f64,
    people_hours_upper: f64,
    people_peak: f64,
    /// EUR.
    pub euro: Range,
    countries_hit: Vec<String>,
    hours_to_50_90_100_percent: [Option<f64>; 3],
    lost: BTreeMap<String, f64>,
    by_zone: Vec<ZoneLoss>,
    n_assets_failed: u64,
}

/// `WinterPeak` as `winter_peak`.
fn snake(word: &str) -> String {
    let mut out = String::new();
    for (i, c) in word.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

impl Assessment {
    /// Reads an `assessment.json`.
    ///
    /// # Errors
    /// [`BadAssessment`] when the text is no JSON, has another schema, or lacks a field.
    pub fn read(text: &str) -> Result<Assessment, BadAssessment> {
        let bad = |why: String| BadAssessment(why);
        let mut assessment: Assessment = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if assessment.schema != SCHEMA {
            return Err(bad(format!("its schema is `{}` and not `{SCHEMA}`", assessment.schema)));
        }
        if let Some(measure) = assessment.measures.iter().find(|m| m.avoided_share_by_weakness.len() != assessment.weaknesses.len()) {
            return Err(bad(format!("measure `{}` does not say what it avoids for each weakness", measure.key)));
        }
        let study = &mut assessment.study;
        for word in [&mut study.point, &mut study.level, &mut study.sharing, &mut study.balance] {
            *word = snake(word);
        }
        Ok(assessment)
    }

    /// What a measure does to each weakness that it was tried on, where it does anything.
    pub fn mitigated<'a>(&'a self, measure: &'a MeasureRow) -> impl Iterator<Item = (&'a str, f64)> {
        let shares = measure.avoided_share_by_weakness.iter().copied();
        self.weaknesses.iter().map(|w| w.key.as_str()).zip(shares).filter(|(_, share)| *share > LEAST)
    }

    /// What the report says of it.
    pub fn shared(&self) -> Shared {
        Shared {
            case: self.case.clone(),
            study: self.study.clone(),
            study_digest: self.study_digest.clone(),
            engine_version: self.engine_version.clone(),
            n_assets: self.n_assets,
            n_runs: self.n_runs,
            synthetic_share: self.synthetic_share,
            portfolio: self.portfolio.clone(),
        }
    }
}

impl Summary {
    /// As figures of a weakness.
    pub fn figures(&self) -> Figures {
        let [half, most, all] = self.hours_to_50_90_100_percent;
        let unit = |service: &str| UNITS.iter().find(|u| u.0 == service).map_or("", |u| u.1).to_owned();
        let lost = self.lost.iter().filter(|(_, amount)| **amount > LEAST);
        Figures {
            people_hours: self.people_hours,
            people_hours_upper: self.people_hours_upper,
            people_peak: self.people_peak,
            euro: self.euro,
            countries_hit: self.countries_hit.clone(),
            hours_to_50_percent: half,
            hours_to_90_percent: most,
            hours_to_100_percent: all,
            lost: lost.map(|(service, amount)| Lost { service: service.clone(), amount: *amount, unit: unit(service) }).collect(),
            by_zone: self.by_zone.clone(),
            n_assets_failed: self.n_assets_failed,
        }
    }
}
