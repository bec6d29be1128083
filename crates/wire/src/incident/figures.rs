//! Figures of a simulation, as `buttress run --json` prints them or as `assessment.json` keeps them.
//!
//! Only what such a result truly holds is taken: people, countries, services, assets, hours. It knows nothing of the users of one
//! entity, of its losses in money, of cause and intent; those stay unknown.

use super::{Impact, Sector};
use serde_json::Value;
use std::collections::BTreeSet;

/// Least loss that is not rounding: share of a service, people.
const LEAST: f64 = 1e-6;
/// Name of the format of an assessment, without its version.
const ASSESSMENT: &str = "buttress-assessment/";

/// Why a text holds no figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Not JSON.
    #[error("this is no JSON ({0}); give the output of `buttress run --json`, or an assessment.json")]
    NotJson(String),
    /// Something else.
    #[error("this is no result of a run: `{0}` is missing; give the output of `buttress run --json`, or an assessment.json")]
    NotARun(&'static str),
    /// A run that has no answer.
    #[error("the run has no answer (it ended as {0}), so it has no figures; mend the scenario and run it again")]
    NoAnswer(String),
    /// An assessment holds many runs.
    #[error("an assessment holds many runs; name one with --of: the key of a threat or of an asset, such as {0}")]
    WhichOne(String),
    /// A run that is not there.
    #[error("the assessment has no threat and no asset `{0}`; take a key from its lists `threats` or `losses`")]
    NoSuch(String),
}

/// An asset that the scenario damaged.
#[derive(Debug, Clone, PartialEq)]
pub struct Damaged {
    /// Its key.
    pub asset: String,
    /// From, hours after the start of the run.
    pub from_h: f64,
    /// To, hours after the start of the run.
    pub to_h: f64,
}

/// What a result of a simulation holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Title of the scenario.
    pub title: String,
    /// What happened, in words.
    pub reason: String,
    /// Digest of the case, if it is told.
    pub case_digest: Option<String>,
    /// Version of the engine, if it is told.
    pub engine_version: Option<String>,
    /// People without service at the worst moment.
    pub people_peak: f64,
    /// Countries hit, ISO 3166-1 alpha-2.
    pub countries: BTreeSet<String>,
    /// Services that lost something, with the share left at the worst moment.
    pub services: Vec<(String, f64)>,
    /// Assets damaged.
    pub damaged: Vec<Damaged>,
    /// Assets that failed with them.
    pub failed: Vec<String>,
    /// When the first service was lost, hours after the start; absent where nothing was lost or it is not told.
    pub lost_from_h: Option<f64>,
    /// When all was back, hours after the start; absent where nothing was lost, or not within the time looked at.
    pub back_h: Option<f64>,
}

fn number(value: &Value, key: &'static str) -> Result<f64, RunError> {
    value[key].as_f64().ok_or(RunError::NotARun(key))
}

fn words(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Run {
    /// Reads a result; `of` names the run within an assessment.
    pub fn read(json: &str, of: Option<&str>) -> Result<Run, RunError> {
        let value: Value = serde_json::from_str(json).map_err(|e| RunError::NotJson(e.to_string()))?;
        if value["schema"].as_str().is_some_and(|schema| schema.starts_with(ASSESSMENT)) {
            return Self::of_assessment(&value, of);
        }
        Self::answered(&value)?;
        let mut run = Self::figures(&value)?;
        run.title = text(&value["title"]);
        run.reason = text(&value["reason"]);
        run.case_digest = value["case_digest"].as_str().map(str::to_owned);
        run.engine_version = value["engine_version"].as_str().map(str::to_owned);
        for row in value["damaged"].as_array().ok_or(RunError::NotARun("damaged"))? {
            run.damaged.push(Damaged { asset: text(&row["asset"]), from_h: number(row, "from_h")?, to_h: number(row, "to_h")? });
        }
        run.failed = value["failed"].as_array().into_iter().flatten().map(text).collect();
        run.lost_from_h = first_loss(&value["curve"]);
        Ok(run)
    }

    fn of_assessment(value: &Value, of: Option<&str>) -> Result<Run, RunError> {
        let rows = |list: &str| value[list].as_array().cloned().unwrap_or_default();
        let (threats, losses) = (rows("threats"), rows("losses"));
        let Some(of) = of else {
            let some = threats.first().map(|t| text(&t["key"])).or_else(|| losses.first().map(|l| text(&l["asset"])));
            return Err(RunError::WhichOne(some.unwrap_or_else(|| "none, it is empty".to_owned())));
        };
        let threat = threats.iter().find(|t| t["key"] == of || t["key"] == format!("threat.{of}"));
        let row = threat.or_else(|| losses.iter().find(|l| l["asset"] == of)).ok_or_else(|| RunError::NoSuch(of.to_owned()))?;
        Self::answered(&row["central"])?;
        let mut run = Self::figures(&row["central"])?;
        run.title = text(&row["name"]);
        run.reason = text(&row["reason"]);
        run.case_digest = value["case"]["digest"].as_str().map(str::to_owned);
        run.engine_version = value["engine_version"].as_str().map(str::to_owned);
        if threat.is_none() {
            // The single loss of an asset begins with the run.
            run.damaged.push(Damaged { asset: of.to_owned(), from_h: 0.0, to_h: f64::INFINITY });
            run.lost_from_h = (!run.services.is_empty()).then_some(0.0);
        } else {
            run.lost_from_h = first_loss(&row["curve"]);
        }
        Ok(run)
    }

    fn answered(value: &Value) -> Result<(), RunError> {
        match value["ending"].as_str() {
            Some("solved") => Ok(()),
            Some(other) => Err(RunError::NoAnswer(other.to_owned())),
            None => Err(RunError::NotARun("ending")),
        }
    }

    fn figures(value: &Value) -> Result<Run, RunError> {
        let nadir = value["service_left_at_nadir"].as_object().ok_or(RunError::NotARun("service_left_at_nadir"))?;
        let services: Vec<(String, f64)> =
            nadir.iter().filter_map(|(name, left)| Some((name.clone(), left.as_f64()?))).filter(|(_, left)| *left < 1.0 - LEAST).collect();
        let mut countries = words(&value["countries_hit"]);
        countries.extend(words(&value["other_countries_hit"]));
        let back_h = value["hours_to_50_90_100_percent"][2].as_f64().filter(|_| !services.is_empty());
        Ok(Run { people_peak: number(value, "people_peak")?, countries, services, back_h, ..Run::default() })
    }

    /// How long something was lost, h; absent where that goes beyond the time looked at.
    pub fn duration_h(&self) -> Option<f64> {
        match (self.services.is_empty() && self.people_peak < LEAST, self.lost_from_h, self.back_h) {
            (true, ..) => Some(0.0),
            (false, Some(from), Some(back)) if back >= from => Some(back - from),
            _ => None,
        }
    }

    /// What is known of the impact, and from where.
    pub fn impact(&self) -> Impact {
        let engine = self.engine_version.as_deref().map_or(String::new(), |version| format!(" by Buttress {version}"));
        let digest = self.case_digest.as_deref().map_or(String::new(), |digest| format!(", case {}", digest.get(..16).unwrap_or(digest)));
        let left: Vec<String> = self.services.iter().map(|(name, left)| format!("{name} {:.2} %", left * 100.0)).collect();
        let people = format!("{:.0} people without service at the worst moment", self.people_peak);
        let severity = if left.is_empty() { people } else { format!("{people}; least service left: {}", left.join(", ")) };
        Impact {
            nature: Some(self.title.clone()).filter(|title| !title.is_empty()),
            severity: Some(severity),
            people_hit: Some(self.people_peak.round()),
            duration_h: self.duration_h(),
            countries: Some(self.countries.clone()),
            sectors: self.services.iter().filter_map(|(name, _)| sector_of(name)).collect(),
            services: self.services.iter().map(|(name, _)| name.clone()).collect(),
            consequences: Some(self.reason.clone()).filter(|reason| !reason.is_empty()),
            figures_from: Some(format!("simulation{engine} of \"{}\"{digest}", self.title)),
            ..Impact::default()
        }
    }
}

/// The first hour at which somebody lacks something.
fn first_loss(curve: &Value) -> Option<f64> {
    let lacks = |point: &&Value| {
        let served = point["served"].as_object().into_iter().flatten();
        point["people"].as_f64().is_some_and(|people| people > LEAST)
            || served.filter_map(|(_, share)| share.as_f64()).any(|share| share < 1.0 - LEAST)
    };
    curve.as_array()?.iter().find(lacks)?["t_h"].as_f64()
}

/// The sector of the Annex of CER to which a service of the simulation belongs; named sites belong to none by themselves.
fn sector_of(service: &str) -> Option<Sector> {
    match service {
        "electricity" | "gas" | "control" => Some(Sector::Energy),
        "freight" | "passengers" => Some(Sector::Transport),
        "data" => Some(Sector::DigitalInfrastructure),
        "pnt" | "timing" | "satcom" => Some(Sector::Space),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Answer;
    use super::*;

    const RUN: &str = r#"{"ending": "solved", "title": "Without bus.a2", "reason": "A Two is lost.", "people_peak": 200000.4,
        "countries_hit": ["AA"], "hours_to_50_90_100_percent": [80.0, 80.5, 82.0], "case_digest": "0123456789abcdef0123",
        "engine_version": "0.1.0", "service_left_at_nadir": {"electricity": 0.75, "gas": 1.0, "data": 0.9},
        "damaged": [{"asset": "bus.a2", "from_h": 10.0, "to_h": 82.0}], "failed": ["bus.a2", "metro.a"],
        "curve": [{"t_h": 0.0, "people": 0.0, "served": {"electricity": 1.0}}, {"t_h": 10.0, "people": 5.0, "served": {"electricity": 0.75}},
                  {"t_h": 82.0, "people": 0.0, "served": {"electricity": 1.0}}]}"#;

    #[test]
    fn a_run_gives_what_it_holds_and_no_more() {
        let run = Run::read(RUN, None).unwrap();
        assert_eq!((run.lost_from_h, run.back_h, run.duration_h()), (Some(10.0), Some(82.0), Some(72.0)));
        let impact = run.impact();
        assert_eq!((impact.people_hit, impact.duration_h), (Some(200_000.0), Some(72.0)));
        assert_eq!(impact.sectors, BTreeSet::from([Sector::Energy, Sector::DigitalInfrastructure]));
        assert_eq!((impact.share, impact.loss_eur, impact.area_km2, impact.cause.as_deref()), (None, None, None, None));
        assert_eq!((impact.malicious, impact.member_states()), (Answer::Unknown, Some(0)));
        assert_eq!(impact.figures_from.as_deref(), Some("simulation by Buttress 0.1.0 of \"Without bus.a2\", case 0123456789abcdef"));
    }

    #[test]
    fn what_is_not_back_within_the_time_looked_at_has_no_duration() {
        let run = Run::read(&RUN.replace("82.0],", "null],"), None).unwrap();
        assert_eq!((run.back_h, run.duration_h()), (None, None));
        let harmless = RUN.replace("0.75, \"gas\": 1.0, \"data\": 0.9", "1.0").replace("200000.4", "0.0");
        assert_eq!(Run::read(&harmless, None).unwrap().duration_h(), Some(0.0));
    }

    #[test]
    fn an_assessment_wants_to_know_which() {
        let central = r#"{"ending": "solved", "people_peak": 7.0, "countries_hit": ["FI"], "other_countries_hit": ["NO"],
            "hours_to_50_90_100_percent": [1.0, 2.0, 3.0], "service_left_at_nadir": {"gas": 0.5}}"#;
        let text = format!(
            r#"{{"schema": "buttress-assessment/1", "case": {{"digest": "d"}}, "losses": [{{"asset": "gas.x", "name": "X", "reason": "r", "central": {central}}}],
            "threats": [{{"key": "threat.storm", "name": "Storm", "reason": "s", "central": {central}, "curve": []}}]}}"#
        );
        assert!(matches!(Run::read(&text, None), Err(RunError::WhichOne(key)) if key == "threat.storm"));
        assert!(matches!(Run::read(&text, Some("y")), Err(RunError::NoSuch(_))));
        let loss = Run::read(&text, Some("gas.x")).unwrap();
        assert_eq!((loss.title.as_str(), loss.duration_h(), loss.countries.len()), ("X", Some(3.0), 2));
        assert_eq!(Run::read(&text, Some("storm")).unwrap().duration_h(), None);
    }

    #[test]
    fn what_is_no_run_is_told_so() {
        assert!(matches!(Run::read("{", None), Err(RunError::NotJson(_))));
        assert!(matches!(Run::read("{}", None), Err(RunError::NotARun("ending"))));
        assert!(matches!(Run::read(r#"{"ending": "no_answer"}"#, None), Err(RunError::NoAnswer(_))));
        let damaged = RUN.replace(r#""from_h": 10.0"#, r#""from_h": "ten""#);
        assert!(matches!(Run::read(&damaged, None), Err(RunError::NotARun("from_h"))));
    }
}
