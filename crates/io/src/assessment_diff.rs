//! What differs between two assessments, from their `assessment.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::assessment_json::SCHEMA;

/// Differences below this are rounding, in person-hours and euro.
const LEAST: f64 = 0.5;

/// Why a text is no assessment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No JSON.
    #[error("{file} is no JSON ({why}); give an assessment.json that `buttress assess` wrote")]
    Json {
        /// File.
        file: String,
        /// What and where.
        why: serde_json::Error,
    },
    /// JSON of another form.
    #[error("{file} has the schema {found} and not \"{SCHEMA}\"; give an assessment.json that this version of `buttress assess` wrote")]
    Schema {
        /// File.
        file: String,
        /// Its schema, or `null`.
        found: Value,
    },
}

/// One loss, threat or measure whose numbers changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Key.
    pub key: String,
    /// People-hours after less before: lost, or avoided by a measure.
    pub people_hours: f64,
    /// Euro after less before, central: lost, or avoided by a measure.
    pub euro: f64,
    /// Rank before, from 1.
    pub rank_before: Option<usize>,
    /// Rank after, from 1.
    pub rank_after: Option<usize>,
}

/// A plan of the portfolio that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRow {
    /// `joint` or `national`.
    pub plan: &'static str,
    /// Measures chosen only after.
    pub added: Vec<String>,
    /// Measures chosen only before.
    pub dropped: Vec<String>,
    /// Euro avoided when replayed, after less before.
    pub replayed_euro: f64,
}

/// Everything that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// True where the two files say the same.
    pub same: bool,
    /// What they were made from and by, where it differs: name, before, after.
    pub made_from: Vec<[String; 3]>,
    /// Single losses, largest change of euro first.
    pub losses: Vec<Row>,
    /// Threats, largest change of euro first.
    pub threats: Vec<Row>,
    /// Measures, largest change of euro avoided first.
    pub measures: Vec<Row>,
    /// Plans.
    pub portfolio: Vec<PlanRow>,
}

/// Reads an assessment.
pub fn read(file: &str, text: &str) -> Result<Value, Error> {
    let value: Value = serde_json::from_str(text).map_err(|why| Error::Json { file: file.into(), why })?;
    let found = value.get("schema").cloned().unwrap_or(Value::Null);
    if found == SCHEMA { Ok(value) } else { Err(Error::Schema { file: file.into(), found }) }
}

/// Compares two assessments that were read.
pub fn diff(before: &Value, after: &Value) -> Diff {
    let lost = ("/central/people_hours", "/central/euro/central");
    Diff {
        same: before == after,
        made_from: made_from(before, after),
        losses: rows(before, after, ("losses", "asset"), lost),
        threats: rows(before, after, ("threats", "key"), lost),
        measures: rows(before, after, ("measures", "key"), ("/avoided_people_hours", "/avoided_euro")),
        portfolio: ["joint", "national"].into_iter().filter_map(|plan| plan_row(before, after, plan)).collect(),
    }
}

impl Diff {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let rows = |list: &[Row], name: &str| -> Value {
            list.iter()
                .map(|r| json!({name: r.key, "people_hours": r.people_hours, "euro": r.euro, "rank_before": r.rank_before, "rank_after": r.rank_after}))
                .collect()
        };
        let plans: Vec<Value> = self
            .portfolio
            .iter()
            .map(|p| json!({"plan": p.plan, "added": p.added, "dropped": p.dropped, "replayed_euro": p.replayed_euro}))
            .collect();
        let made_from: Vec<Value> = self.made_from.iter().map(|m| json!({"what": m[0], "before": m[1], "after": m[2]})).collect();
        json!({
            "same": self.same, "made_from": made_from, "losses": rows(&self.losses, "asset"), "threats": rows(&self.threats, "key"),
            "measures": rows(&self.measures, "key"), "portfolio": plans,
        })
    }
}

fn made_from(before: &Value, after: &Value) -> Vec<[String; 3]> {
    let told = |v: &Value, path: &str| v.pointer(path).map_or(String::new(), |x| x.as_str().map_or_else(|| x.to_string(), str::to_owned));
    [
        ("engine version", "/engine_version"),
        ("case", "/case/key"),
        ("version of the case", "/case/version"),
        ("digest of the case", "/case/digest"),
        ("digest of the study", "/study_digest"),
        ("budget, million euro", "/portfolio/budget_meur"),
    ]
    .into_iter()
    .map(|(name, path)| [name.to_owned(), told(before, path), told(after, path)])
    .filter(|m| m[1] != m[2])
    .collect()
}

/// Rank, people-hours and euro by key.
fn ranked(v: &Value, (list, key): (&str, &str), (people, euro): (&str, &str)) -> BTreeMap<String, (usize, f64, f64)> {
    let number = |row: &Value, path: &str| row.pointer(path).and_then(Value::as_f64).unwrap_or(0.0);
    let rows = v[list].as_array().map_or(&[][..], Vec::as_slice);
    let one = |(k, row): (usize, &Value)| (row[key].as_str().unwrap_or("").to_owned(), (k + 1, number(row, people), number(row, euro)));
    rows.iter().enumerate().map(one).collect()
}

fn rows(before: &Value, after: &Value, list: (&str, &str), numbers: (&str, &str)) -> Vec<Row> {
    let (a, b) = (ranked(before, list, numbers), ranked(after, list, numbers));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let mut out: Vec<Row> = keys
        .into_iter()
        .map(|key| {
            let (x, y) = (a.get(key), b.get(key));
            let change = |of: fn(&(usize, f64, f64)) -> f64| y.map_or(0.0, of) - x.map_or(0.0, of);
            let (people_hours, euro) = (change(|r| r.1), change(|r| r.2));
            Row { key: key.clone(), people_hours, euro, rank_before: x.map(|r| r.0), rank_after: y.map(|r| r.0) }
        })
        .filter(|r| r.people_hours.abs() > LEAST || r.euro.abs() > LEAST || r.rank_before.is_some() != r.rank_after.is_some())
        .collect();
    out.sort_by(|x, y| y.euro.abs().total_cmp(&x.euro.abs()).then(x.key.cmp(&y.key)));
    out
}

fn plan_row(before: &Value, after: &Value, plan: &'static str) -> Option<PlanRow> {
    let of = |v: &Value| v["portfolio"][plan].clone();
    let (a, b) = (of(before), of(after));
    let chosen = |v: &Value| -> BTreeSet<String> {
        v["measures"].as_array().into_iter().flatten().filter_map(|m| m.as_str().map(str::to_owned)).collect()
    };
    let (was, is) = (chosen(&a), chosen(&b));
    let replayed = |v: &Value| v["replayed_euro"].as_f64().unwrap_or(0.0);
    let row = PlanRow {
        plan,
        added: is.difference(&was).cloned().collect(),
        dropped: was.difference(&is).cloned().collect(),
        replayed_euro: replayed(&b) - replayed(&a),
    };
    (was != is || row.replayed_euro.abs() > LEAST).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessment() -> Value {
        json!({
            "schema": SCHEMA, "study_digest": "d", "case": {"digest": "c"},
            "losses": [{"asset": "a", "central": {"people_hours": 10.0, "euro": {"central": 5.0}}}, {"asset": "b", "central": {"people_hours": 1.0, "euro": {"central": 1.0}}}],
            "threats": [{"key": "t", "central": {"people_hours": 10.0, "euro": {"central": 5.0}}}],
            "measures": [{"key": "m", "avoided_people_hours": 4.0, "avoided_euro": 3.0}],
            "portfolio": {"budget_meur": 1.0, "joint": {"measures": ["m"], "replayed_euro": 3.0}, "national": {"measures": ["m"], "replayed_euro": 3.0}},
        })
    }

    #[test]
    fn only_an_assessment_is_read() {
        assert!(read("x", &assessment().to_string()).is_ok());
        for bad in ["{}", "[]", "3", r#"{"schema": "buttress-assessment/0"}"#, "{", ""] {
            let why = read("x.json", bad).expect_err(bad).to_string();
            assert!(why.contains("x.json") && why.contains("give an assessment.json"), "{bad}: {why}");
        }
    }

    #[test]
    fn every_part_that_differs_is_told() {
        let a = assessment();
        assert_eq!(
            diff(&a, &a),
            Diff { same: true, made_from: vec![], losses: vec![], threats: vec![], measures: vec![], portfolio: vec![] }
        );
        let mut b = a.clone();
        b["case"]["digest"] = json!("e");
        b["losses"] = json!([a["losses"][1], a["losses"][0]]);
        b["losses"][0]["central"]["euro"]["central"] = json!(8.0);
        b["threats"][0]["central"]["people_hours"] = json!(12.0);
        b["measures"][0]["avoided_euro"] = json!(1.0);
        b["portfolio"]["joint"]["measures"] = json!(["n"]);
        let d = diff(&a, &b);
        assert!(!d.same);
        assert_eq!(d.made_from, [["digest of the case", "c", "e"].map(str::to_owned)]);
        assert_eq!(d.losses, [Row { key: "b".into(), people_hours: 0.0, euro: 7.0, rank_before: Some(2), rank_after: Some(1) }]);
        assert_eq!((d.threats.len(), d.threats[0].people_hours, d.measures[0].euro), (1, 2.0, -2.0));
        assert_eq!(d.portfolio, [PlanRow { plan: "joint", added: vec!["n".into()], dropped: vec!["m".into()], replayed_euro: 0.0 }]);
    }
}
