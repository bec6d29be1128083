//! An incident as a STIX 2.1 object, so that clocks survive and travel: type `incident` with the core extension of the OASIS
//! incident suite, which others understand, and an extension of ours that holds who became aware, what was handed in and how the
//! state counts.
//!
//! `vocabulary/schemas/clocks.json` describes our extension. Its deadlines are not stored: they follow from it.

use super::clock::{ClockError, Deadline, History, StateRules, deadlines};
use super::states::{Settings, state, zone};
use super::{Awareness, Impact};
use crate::Instant;
use crate::stix::{Id, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Core extension of the OASIS incident suite (cti-stix-common-objects).
pub const CORE_EXTENSION: &str = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
/// Our extension that holds the [`Clocks`]; the identifier is ours for good.
pub const CLOCKS_EXTENSION: &str = "extension-definition--4828b854-e61a-4d44-ac74-2fd02075c5f9";
/// Milliseconds are what STIX asks of a version.
const MILLISECOND: i64 = 1000;

/// Why an incident cannot be read or reckoned with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// Our extension does not have its form.
    #[error("{id}: the extension {CLOCKS_EXTENSION} does not have the form of vocabulary/schemas/clocks.json: {why}")]
    Form {
        /// The incident.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// A zone that is not in the database of time zones.
    #[error("`{0}` is no time zone; write one of the tz database such as Europe/Helsinki")]
    Zone(String),
    /// A state that is none of the Union.
    #[error("`{0}` is no member state of the Union; write two letters such as FI")]
    State(String),
    /// The deadlines.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

/// What our extension holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clocks {
    /// Who became aware of what, and when.
    pub awareness: Awareness,
    /// What has happened since.
    #[serde(default)]
    pub history: History,
    /// State whose rules count, ISO 3166-1 alpha-2; without one the strict reading counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Time zone of the entity.
    pub zone: String,
    /// What differs from the rules of the state.
    #[serde(default)]
    pub settings: Settings,
    /// What is known of the impact.
    #[serde(default)]
    pub impact: Impact,
}

impl Clocks {
    /// How this incident's months are counted.
    pub fn rules(&self) -> Result<StateRules, KeptError> {
        let zone = zone(&self.zone).ok_or_else(|| KeptError::Zone(self.zone.clone()))?;
        let year = self.awareness.at.in_zone(&zone).year();
        let rules = match &self.state {
            None => StateRules::strict(zone),
            Some(code) => state(code).ok_or_else(|| KeptError::State(code.clone()))?.rules(zone, year),
        };
        Ok(self.settings.apply(rules)?)
    }

    /// What is owed at `now`.
    pub fn deadlines(&self, now: Instant) -> Result<Vec<Deadline>, KeptError> {
        Ok(deadlines(&self.awareness, &self.history, &self.rules()?, now)?)
    }

    /// What would be owed under the strict reading, under which no deadline is later.
    pub fn strict_deadlines(&self, now: Instant) -> Result<Vec<Deadline>, KeptError> {
        let zone = zone(&self.zone).ok_or_else(|| KeptError::Zone(self.zone.clone()))?;
        Ok(deadlines(&self.awareness, &self.history, &StateRules::strict(zone), now)?)
    }
}

/// The clocks of an incident, if it carries any.
pub fn read(object: &Object) -> Result<Option<Clocks>, KeptError> {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(default)]
        extensions: Map<String, Value>,
    }
    let form = |why: serde_json::Error| KeptError::Form { id: object.id.to_string(), why: why.to_string() };
    if object.id.kind() != "incident" {
        return Ok(None);
    }
    let mut outer: Outer = serde_json::from_str(&object.text).map_err(form)?;
    outer.extensions.remove(CLOCKS_EXTENSION).map(|ours| serde_json::from_value(ours).map_err(form)).transpose()
}

/// The first version of an incident.
pub fn open(id: &Id, clocks: &Clocks, markings: &[Id], now: Instant) -> String {
    let now = moment(now);
    let mut object = Map::new();
    object.insert("type".into(), json!("incident"));
    object.insert("spec_version".into(), json!("2.1"));
    object.insert("id".into(), json!(id.as_str()));
    object.insert("created".into(), json!(now));
    object.insert("modified".into(), json!(now));
    if !markings.is_empty() {
        object.insert("object_marking_refs".into(), markings.iter().map(Id::as_str).collect());
    }
    tell(&mut object, clocks);
    Value::Object(object).to_string()
}

/// The next version of an incident: whatever else it says stays as it is.
pub fn next(object: &Object, clocks: &Clocks, now: Instant) -> Result<String, KeptError> {
    let mut map: Map<String, Value> =
        serde_json::from_str(&object.text).map_err(|e| KeptError::Form { id: object.id.to_string(), why: e.to_string() })?;
    // A version is later than the one before, also where a clock was set back.
    map.insert("modified".into(), json!(moment(now.max(Instant(object.version_at.0 + MILLISECOND)))));
    tell(&mut map, clocks);
    Ok(Value::Object(map).to_string())
}

/// To the millisecond, as versions are.
fn moment(at: Instant) -> String {
    format!("{:.3}", at.timestamp())
}

fn tell(object: &mut Map<String, Value>, clocks: &Clocks) {
    object.insert("name".into(), json!(clocks.awareness.incident));
    match &clocks.impact.nature {
        Some(nature) => drop(object.insert("description".into(), json!(nature))),
        None => drop(object.remove("description")),
    }
    let mut extensions = match object.remove("extensions") {
        Some(Value::Object(extensions)) => extensions,
        _ => Map::new(),
    };
    let mut core = match extensions.remove(CORE_EXTENSION) {
        Some(Value::Object(core)) => core,
        _ => Map::from_iter([("extension_type".into(), json!("property-extension")), ("determination".into(), json!("suspected"))]),
    };
    core.insert("investigation_status".into(), json!(if clocks.history.handled_at.is_some() { "closed" } else { "open" }));
    if let Some(people) = clocks.impact.people_hit.filter(|people| people.is_finite() && *people >= 0.0) {
        core.insert("impacted_entity_counts".into(), json!({ "individual": people.round() as u64 }));
    }
    extensions.insert(CORE_EXTENSION.into(), Value::Object(core));
    // Text, numbers and lists only: nothing here can fail to be written.
    let mut ours = serde_json::to_value(clocks).unwrap_or_default();
    ours["extension_type"] = json!("property-extension");
    without_nothing(&mut ours);
    extensions.insert(CLOCKS_EXTENSION.into(), ours);
    object.insert("extensions".into(), Value::Object(extensions));
}

/// Leaves out nulls and empty lists and objects, which STIX does not know (section 2.6, 2.8).
fn without_nothing(value: &mut Value) {
    if let Value::Object(map) = value {
        map.values_mut().for_each(without_nothing);
        map.retain(|_, inner| match inner {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(inner) => !inner.is_empty(),
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Submission;
    use super::super::{Cer, Duty, Nis2, Sector};
    use super::*;

    fn clocks() -> Clocks {
        Clocks {
            awareness: Awareness {
                incident: "Cable cut".into(),
                who: "Control room".into(),
                at: "2026-01-31T09:00:00Z".parse().unwrap(),
                sector: Sector::Energy,
                nis2: Some(Nis2::Entity),
                cer: Some(Cer::WithDetailedReport),
            },
            history: History::default(),
            state: Some("FI".into()),
            zone: "UTC".into(),
            settings: Settings::default(),
            impact: Impact { people_hit: Some(12.4), ..Impact::default() },
        }
    }

    fn id() -> Id {
        Id::parse("incident--3659b5b9-8b31-4d61-9ada-10b9c4b1e0c2").unwrap()
    }

    #[test]
    fn an_incident_is_read_back_and_holds_no_null() {
        let now = "2026-01-31T09:30:00.123456Z".parse().unwrap();
        let text = open(&id(), &clocks(), &[], now);
        assert!(!text.contains("null") && !text.contains("[]"), "{text}");
        let object = Object::read(&text).unwrap();
        assert_eq!(&*object.version, "2026-01-31T09:30:00.123Z");
        assert_eq!(read(&object).unwrap(), Some(clocks()));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["extensions"][CORE_EXTENSION]["investigation_status"], "open");
        assert_eq!(value["extensions"][CORE_EXTENSION]["impacted_entity_counts"]["individual"], 12);
    }

    #[test]
    fn a_new_version_keeps_what_others_wrote_and_is_later_than_the_old_one() {
        let now: Instant = "2026-01-31T09:30:00Z".parse().unwrap();
        let text = open(&id(), &clocks(), &[], now).replace("\"suspected\"", "\"confirmed\"").replacen('{', r#"{"labels":["x"],"#, 1);
        let mut clocks = clocks();
        clocks.history.submissions.push(Submission { duty: Duty::EarlyWarning, at: now, by: Some("A. Person".into()) });
        clocks.history.handled_at = Some(now);
        let next = Object::read(&next(&Object::read(&text).unwrap(), &clocks, now).unwrap()).unwrap();
        assert_eq!(&*next.version, "2026-01-31T09:30:00.001Z");
        assert!(next.text.contains(r#""labels":["x"]"#) && next.text.contains(r#""determination":"confirmed""#));
        assert!(next.text.contains(r#""investigation_status":"closed""#));
        assert_eq!(read(&next).unwrap().unwrap().history.submissions[0].by.as_deref(), Some("A. Person"));
    }

    #[test]
    fn an_incident_of_others_has_no_clocks_and_a_damaged_one_is_named() {
        let plain = r#"{"type":"incident","spec_version":"2.1","id":"incident--3659b5b9-8b31-4d61-9ada-10b9c4b1e0c2",
            "created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"x"}"#;
        assert_eq!(read(&Object::read(plain).unwrap()).unwrap(), None);
        let text = open(&id(), &clocks(), &[], Instant(0)).replace("\"energy\"", "\"magic\"");
        let error = read(&Object::read(&text).unwrap()).unwrap_err().to_string();
        assert!(error.contains(id().as_str()) && error.contains("magic"), "{error}");
        let nowhere = Clocks { zone: "Europe/Atlantis".into(), ..clocks() };
        assert!(matches!(nowhere.deadlines(Instant(0)), Err(KeptError::Zone(_))));
    }

    /// Every name written is in the schema, and every name of the schema is written by something.
    fn compare(schema: &Value, root: &Value, written: &Value, path: &str) {
        let schema = match schema["$ref"].as_str() {
            Some(target) => root.pointer(target.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        match written {
            Value::Object(map) => {
                let names = |value: &Value| {
                    value.as_object().map(|m| m.keys().cloned().collect::<std::collections::BTreeSet<_>>()).unwrap_or_default()
                };
                assert_eq!(names(written), names(&schema["properties"]), "{path}");
                map.iter().for_each(|(name, inner)| compare(&schema["properties"][name], root, inner, &format!("{path}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| compare(&schema["items"], root, item, path)),
            word => {
                let is_word = schema["enum"].as_array().is_none_or(|words| words.contains(word));
                let fits = schema["const"].is_null() || schema["const"] == *word;
                let is_type = schema["type"].as_str().is_none_or(|t| word.is_string() == (t == "string"));
                assert!(is_word && fits && is_type, "{path}: {word} and {schema}");
            }
        }
    }

    #[test]
    fn the_schema_names_what_is_written() {
        use super::super::Answer;
        use super::super::clock::{CerMonth, Inability, MonthEnd, Request};
        use super::super::significance::StateThresholds;
        use super::super::states::RestDayRule;
        let at = Instant(0);
        let text = || Some("x".to_owned());
        let one = Some(0.5);
        let mut full = clocks();
        full.history = History {
            submissions: Duty::ALL.map(|duty| Submission { duty, at, by: text() }).to_vec(),
            requests: vec![Request { at, answer_by: Some(at) }],
            handled_at: Some(at),
            inability: Some(Inability { from: at, until: Some(at) }),
        };
        full.settings = Settings {
            month_end: Some(MonthEnd::SameTime),
            rest_days: Some(RestDayRule::Stand),
            holidays: ["2026-01-01".to_owned()].into(),
            cer_month: Some(CerMonth::FromAwareness),
            thresholds: StateThresholds { users: one, share: one, duration_h: one, area_km2: one, isolated_area_km2: one },
        };
        full.impact = Impact {
            figures_from: text(),
            nature: text(),
            severity: text(),
            people_hit: one,
            share: one,
            duration_h: one,
            area_km2: one,
            isolated: Answer::Yes,
            countries: Some(["FI".to_owned()].into()),
            sectors: Sector::ALL.into(),
            services: ["x".to_owned()].into(),
            cause: text(),
            consequences: text(),
            status: text(),
            measures: vec!["x".into()],
            indicators: vec!["x".into()],
            loss_eur: one,
            turnover_eur: one,
            ..Impact::default()
        };
        let object: Value = serde_json::from_str(&open(&id(), &full, &[], at)).unwrap();
        let schema: Value = serde_json::from_str(include_str!("../vocabulary/schemas/clocks.json")).unwrap();
        compare(&schema, &schema, &object["extensions"][CLOCKS_EXTENSION], "");
    }
}
