use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::stix::marking::{LABEL_EXTENSION, Statement, Tlp};
use crate::stix::{Instant, Object};

const NOW: Instant = Instant(1_795_000_000_000_000);

fn summary(people_hours: f64) -> Value {
    json!({
        "ending": "solved", "people_hours": people_hours, "people_hours_upper": people_hours, "people_peak": 10.0,
        "euro": {"low": 1.0, "central": 2.0, "high": 3.0}, "countries_hit": ["XA"], "other_countries_hit": [],
        "n_countries_hit_at_0_1_and_1_and_5_percent": [1, 1, 1], "hours_to_50_90_100_percent": [1.5, 2.0, null],
        "service_left_at_nadir": {"electricity": 0.5}, "lost": {"electricity": 7.25, "gas": 0.0},
        "by_zone": [{"zone": "XA", "people_hours": people_hours, "euro": 2.0}], "n_assets_failed": 1,
    })
}

fn file() -> Value {
    let loss = |key: &str, x: f64| {
        json!({"asset": key, "name": key.to_uppercase(), "kind": "substation", "zone": "XA", "provenance": "curated", "central": summary(x),
            "low": summary(x / 2.0), "high": null, "reason": "It fails.",
            "second_hit": {"first": key, "second": "b", "extra_people_hours": 1.0, "extra_euro": 2.0, "exposed_h": 3.0}})
    };
    json!({
        "schema": "buttress-assessment/1", "engine_version": "0.1.0",
        "case": {"key": "xa", "title": "Case", "version": "1", "digest": "a".repeat(64)},
        "study": {"start_month": 12, "horizon_h": 8760.0, "storage_fill": 0.9, "seed": 1, "point": "WinterPeak", "level": "Central",
            "sharing": "OwnFirst", "balance": "Flow", "gas_peak_days": 14, "sampled": false},
        "study_digest": "b".repeat(64), "n_assets": 3, "n_runs": 5, "synthetic_share": 0.0,
        "losses": [loss("a", 100.0), loss("b", 50.0)],
        "threats": [{"key": "threat.storm", "name": "Storm", "class": "natural", "reason": "", "n_assets_damaged": 1,
            "rate_per_year": {"low": null, "central": 0.1, "high": null, "basis": "judgement"},
            "low": summary(1.0), "central": summary(5.0), "high": summary(9.0), "curve": []}],
        "weaknesses": [{"key": "threat.storm", "name": "Storm", "euro": 2.0, "people_hours": 5.0}, {"key": "a", "name": "A", "euro": 2.0, "people_hours": 100.0}],
        "measures": [{"key": "measure.spare", "name": "Spare", "class": "palliative", "cost_meur": [1.0, 2.0, 3.0], "avoided_euro": 1.0,
            "avoided_people_hours": 60.0, "avoided_euro_per_euro": 0.5, "avoided_share_by_weakness": [0.0, 0.6], "by_zone": [], "helps": "a"}],
        "portfolio": {"budget_meur": 10.0,
            "joint": {"measures": ["measure.spare"], "cost_meur": 2.0, "promised_euro": 1.0, "replayed_euro": 1.0, "paid_by_meur": [], "benefit_of_euro": []},
            "national": {"measures": [], "cost_meur": 0.0, "promised_euro": 0.0, "replayed_euro": 0.0, "paid_by_meur": [], "benefit_of_euro": []}},
    })
}

fn assessment() -> Assessment {
    Assessment::read(&file().to_string()).unwrap()
}

fn background() -> Background {
    let asset = |key: &str| Asset {
        case: "xa".into(),
        key: key.into(),
        kind: "substation".into(),
        sector: "energy".into(),
        zone: "XA".into(),
        lat: 50.0,
        lon: 12.0,
        operator: Some("Grid of A".into()),
        unit: "MW".into(),
        in_service: true,
        provenance: "curated".into(),
        ..Asset::default()
    };
    let change = |action: &str, value| Change { action: action.into(), select: "key:a".into(), value, ..Change::default() };
    let dependency = Dependency {
        rule: "dep.a".into(),
        needs: "electricity".into(),
        threshold_share: 0.5,
        buffer_h: Range { low: 1.0, central: 2.0, high: 3.0 },
        recharge_h: 1.0,
        restart_delay_h: 0.5,
        effect_share: 1.0,
        rinaldi: "physical".into(),
    };
    let tie =
        |dependent: &str, supplier: &str| Tie { dependent: dependent.into(), supplier: supplier.into(), dependency: dependency.clone() };
    Background {
        assets: ["a", "b"].map(|key| (key.to_owned(), (key.to_uppercase(), asset(key)))).into(),
        ties: vec![tie("b", "a"), tie("a", "elsewhere")],
        threat_changes: [("threat.storm".to_owned(), vec![change("derate", Some(0.5))])].into(),
        measure_changes: [("measure.spare".to_owned(), vec![change("speed_repair", Some(0.5))])].into(),
    }
}

fn amber() -> Vec<Id> {
    vec![Id::parse(&Tlp::Amber.id()).unwrap()]
}

fn published(choice: &Choice) -> Vec<Draft> {
    let markings = amber();
    objects(&assessment(), &background(), &Publication { by: "Authority of A", markings: &markings, choice }).unwrap()
}

fn kept(drafts: &[Draft]) -> BTreeMap<Id, Object> {
    let object = |d: &Draft| Object::read(&d.version(None, NOW).unwrap()).unwrap();
    drafts.iter().map(|d| (d.id.clone(), object(d))).collect()
}

/// Errors of a value against the keywords that our schemas use.
fn errors(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() && schema["type"] == "integer" => "integer",
        Value::Number(_) => "number",
        Value::Null => "null",
    };
    if schema.get("type").is_some_and(|t| t != kind) {
        out.push(format!("{at} is of type {kind}"));
    }
    if schema.get("const").is_some_and(|c| c != value) || schema.get("enum").is_some_and(|e| !e.as_array().unwrap().contains(value)) {
        out.push(format!("{at} has the value {value}"));
    }
    if let (Some(least), Some(x)) = (schema.get("minimum").and_then(Value::as_f64), value.as_f64())
        && x < least
    {
        out.push(format!("{at} is below {least}"));
    }
    if let (Value::Object(map), Some(known)) = (value, schema.get("properties").and_then(Value::as_object)) {
        for (name, value) in map {
            match known.get(name) {
                Some(schema) => errors(root, schema, value, &format!("{at}/{name}"), out),
                None => out.push(format!("{at}/{name} is not known")),
            }
        }
        let required = schema["required"].as_array().unwrap();
        out.extend(required.iter().filter(|r| !map.contains_key(r.as_str().unwrap())).map(|r| format!("{at}/{r} is missing")));
    }
    if let (Value::Array(list), Some(items)) = (value, schema.get("items")) {
        if list.is_empty() {
            out.push(format!("{at} is an empty list"));
        }
        list.iter().enumerate().for_each(|(k, item)| errors(root, items, item, &format!("{at}/{k}"), out));
    }
}

fn check(draft: &Draft) -> usize {
    let mut n = 0;
    for definition in EXTENSIONS {
        let Some(body) = draft.extension(definition.id) else { continue };
        n += 1;
        assert!(definition.on.contains(&draft.id.kind()), "{} on {}", definition.name, draft.id);
        let schema: Value = serde_json::from_str(definition.schema).unwrap();
        let mut found = Vec::new();
        errors(&schema, &schema, body, "", &mut found);
        assert!(found.is_empty(), "{}: {found:?}", definition.name);
    }
    n
}

#[test]
fn what_is_published_is_of_our_schemas_and_refers_to_nothing_else() {
    let drafts = published(&Choice::Worst(10));
    let objects = kept(&drafts);
    assert_eq!(objects.len(), drafts.len());
    // Two assets, two losses and an exposure, a threat, a tie, a measure, a report.
    assert_eq!(drafts.iter().map(check).sum::<usize>(), 9);
    for object in objects.values() {
        assert_eq!(object.markings, amber());
        for reference in &object.references {
            assert!(objects.contains_key(&reference.target), "{} leads to {}", object.id, reference.target);
        }
    }
    let hows: Vec<&str> = drafts.iter().filter_map(|d| d.get("relationship_type")).filter_map(Value::as_str).collect();
    assert_eq!(hows, ["has", "has", "targets", "mitigates", "depends-on"]);
}

#[test]
fn a_schema_refuses_what_is_wrong() {
    let drafts = published(&Choice::One("a".into()));
    let mut body = drafts.iter().find_map(|d| d.extension(Weakness::ID)).unwrap().clone();
    body["figures"]["people_hours"] = json!(-1.0);
    body["rank"] = json!("1");
    body["secret"] = json!(1);
    let definition = EXTENSIONS.iter().find(|d| d.id == Weakness::ID).unwrap();
    let schema: Value = serde_json::from_str(definition.schema).unwrap();
    let mut found = Vec::new();
    errors(&schema, &schema, &body, "", &mut found);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn an_object_is_read_back_as_it_was_meant() {
    let objects = kept(&published(&Choice::Worst(10)));
    let asset = read::<Asset>(&objects[&asset_id("xa", "a")]).unwrap();
    assert_eq!((asset.base.name.as_str(), &asset.body), ("A", &background().assets["a"].1));
    assert_eq!(read::<Weakness>(&objects[&asset_id("xa", "a")]), None);
}

#[test]
fn an_asset_has_one_identifier_everywhere_and_a_weakness_one_for_each_judge() {
    let markings = amber();
    let by = |by| objects(&assessment(), &background(), &Publication { by, markings: &markings, choice: &Choice::Worst(10) }).unwrap();
    let ids = |drafts: &[Draft], kind: &str| drafts.iter().map(|d| d.id.clone()).filter(|id| id.kind() == kind).collect::<Vec<_>>();
    let (one, two) = (by("One"), by("Two"));
    for kind in ["infrastructure", "attack-pattern"] {
        assert_eq!(ids(&one, kind), ids(&two, kind));
    }
    for kind in ["vulnerability", "course-of-action", "report", "identity"] {
        assert!(ids(&one, kind).iter().all(|id| !ids(&two, kind).contains(id)), "{kind}");
    }
    // Frozen: a change of these identifiers cuts every node off from what it had.
    assert_eq!(asset_id("europe", "hvdc.estlink2").as_str(), "infrastructure--70df807f-7606-5502-9000-aae4ad9b64cd");
}

#[test]
fn a_report_is_run_again_from_its_objects_alone() {
    let drafts = published(&Choice::Worst(10));
    let mut objects = kept(&drafts);
    let report = objects[&drafts.last().unwrap().id].clone();
    let found = replay(&report, &objects).unwrap();
    let keys: Vec<&str> = found.weaknesses.iter().map(|w| w.weakness.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "threat.storm"]);
    assert_eq!(found.weaknesses[0].weakness.figures.people_hours, 100.0);
    assert_eq!(found.weaknesses[0].weakness.changes[0].select, "key:a");
    assert_eq!((found.shared.study.point.as_str(), found.shared.study.sharing.as_str()), ("winter_peak", "own_first"));
    assert_eq!((found.measures.len(), found.n_missing), (1, 0));
    objects.remove(&found.weaknesses[1].id);
    let less = replay(&report, &objects).unwrap();
    assert_eq!((less.weaknesses.len(), less.n_missing), (2, 1));
}

#[test]
fn one_weakness_or_the_plan_alone_is_shared() {
    let kinds = |choice: &Choice| published(choice).iter().map(|d| d.id.kind().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(&Choice::One("2".into())), ["identity", "infrastructure", "vulnerability", "relationship", "report"]);
    assert_eq!(kinds(&Choice::One("storm".into())), ["identity", "attack-pattern", "vulnerability", "relationship", "report"]);
    assert_eq!(kinds(&Choice::Plan), ["identity", "course-of-action", "report"]);
    let markings = amber();
    let none = Choice::One("no-such".into());
    let why = objects(&assessment(), &background(), &Publication { by: "A", markings: &markings, choice: &none }).unwrap_err();
    assert!(why.to_string().contains("1 to 2"), "{why}");
}

#[test]
fn what_is_no_assessment_is_refused_with_advice() {
    let mut other = file();
    other["schema"] = json!("other/2");
    let mut short = file();
    short["measures"][0]["avoided_share_by_weakness"] = json!([0.0]);
    let mut bare = file();
    bare.as_object_mut().unwrap().remove("losses");
    for (text, word) in
        [("{".to_owned(), "EOF"), (other.to_string(), "other/2"), (short.to_string(), "measure.spare"), (bare.to_string(), "losses")]
    {
        let why = Assessment::read(&text).unwrap_err().to_string();
        assert!(why.contains(word) && why.contains("buttress assess"), "{why}");
    }
}

#[test]
fn a_version_comes_only_with_a_change_and_keeps_when_it_was_created() {
    let draft = &published(&Choice::Worst(1))[1];
    let first = Object::read(&draft.version(None, NOW).unwrap()).unwrap();
    assert_eq!(&*first.version, "2026-11-18T11:06:40.000Z");
    assert_eq!(draft.version(Some(&first), Instant(NOW.0 + 5_000_000)), None);
    let mut changed = draft.clone();
    changed.set("description", "Now with words");
    // The clock stands still, or was put back: the version is later all the same.
    let next = Object::read(&changed.version(Some(&first), Instant(0)).unwrap()).unwrap();
    assert_eq!(&*next.version, "2026-11-18T11:06:40.001Z");
    assert!(next.text.contains(r#""created":"2026-11-18T11:06:40.000Z""#), "{}", next.text);
}

#[test]
fn many_assets_of_one_operator_are_told() {
    let drafts = published(&Choice::Worst(10));
    assert_eq!(revealed(&drafts, 2).warnings, Vec::<String>::new());
    let shown = revealed(&drafts, 1);
    assert_eq!((shown.n_assets, shown.n_weaknesses, shown.n_dependencies), (2, 3, 1));
    assert!(shown.warnings[0].contains("2 assets of Grid of A"), "{:?}", shown.warnings);
}

#[test]
fn the_definitions_are_whole_and_marked_clear() {
    let objects: Vec<Object> = definitions().iter().map(|text| Object::read(text).unwrap()).collect();
    assert_eq!(objects.len(), EXTENSIONS.len() + 2);
    let clear = [Id::parse(&Tlp::Clear.id()).unwrap()];
    assert!(objects[1..].iter().all(|o| o.markings == clear));
    let ids: std::collections::BTreeSet<&str> = EXTENSIONS.iter().map(|d| d.id).collect();
    assert_eq!(ids.len(), EXTENSIONS.len());
    assert!(ids.contains(LABEL_EXTENSION) && ids.iter().all(|id| Id::parse(id).is_some()));
}

#[test]
fn a_bundle_holds_the_definitions_that_it_needs() {
    let drafts = published(&Choice::One("a".into()));
    let text = bundle(&drafts, &[Tlp::Amber.definition()], NOW);
    let value: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = value["objects"].as_array().unwrap().iter().filter_map(|o| o["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "TLP:CLEAR",
            "Buttress",
            "Buttress asset",
            "Buttress weakness",
            "Buttress assessment",
            "TLP:AMBER",
            "Authority of A",
            "A",
            "Loss of A",
            "Assessment of Case, version 1: one weakness, a"
        ]
    );
}

#[test]
fn a_label_in_words_is_the_label_that_readers_are_judged_by() {
    let to = ["EU".to_owned(), "FI".to_owned()];
    let asked = AskedMarking { tlp: "amber", label: Some("NATO/UNCLASSIFIED"), releasable_to: &to, caveats: &[], originator: "A" };
    let marked = asked.read().unwrap();
    assert_eq!(marked, asked.read().unwrap());
    assert_eq!(marked.ids.len(), 2);
    let draft = marked.label.unwrap();
    assert_eq!(check(&draft), 1);
    let object = Object::read(&draft.version(None, NOW).unwrap()).unwrap();
    let Statement::Label(label) = Statement::of(&object) else { panic!("no label") };
    assert_eq!((label.policy.as_str(), label.categories[0].values.as_slice()), ("NATO", &to[..]));
    for (asked, word) in [
        (AskedMarking { tlp: "pink", ..asked }, "amber+strict"),
        (AskedMarking { label: Some("NATO"), ..asked }, "POLICY/CLASSIFICATION"),
        (AskedMarking { label: None, ..asked }, "--label"),
    ] {
        assert!(asked.read().unwrap_err().contains(word));
    }
}

#[test]
fn a_warning_is_a_sighting_of_its_rule() {
    let [_, rule] = rule("Slow over cables", ("speed < 0.88 * usual", "cel"), "2026-11-28T00:00:00.000Z", "Coast guard", &amber());
    let body = Warning {
        rule: "Slow over cables".into(),
        severity: "warning".into(),
        asset_refs: vec![asset_id("xa", "a").to_string()],
        from: "2026-11-28T10:00:00.000Z".into(),
        until: None,
        lat: Some(59.5),
        lon: Some(25.0),
        evidence: "7 kn instead of 11".into(),
    };
    let draft = warning(&rule.id, &body, "Coast guard", &amber());
    assert_eq!(check(&draft), 1);
    let object = Object::read(&draft.version(None, NOW).unwrap()).unwrap();
    assert_eq!(read::<Warning>(&object).unwrap().body, body);
    assert!(object.references.iter().any(|r| r.target == rule.id));
    let later = Warning { until: Some("2026-11-28T11:00:00.000Z".into()), ..body };
    assert_eq!(warning(&rule.id, &later, "Coast guard", &amber()).id, draft.id);
}

#[path = "tests_misp.rs"]
mod background_of_others;
#[path = "tests_lessons.rs"]
mod lessons;

proptest::proptest! {
    #[test]
    fn a_moment_has_three_digits_and_is_read_back(milli in 0_i64..253_402_300_799_000) {
        let text = moment(Instant(milli * 1000));
        proptest::prop_assert_eq!(text.len(), 24);
        proptest::prop_assert_eq!(Instant::parse(&text), Some(Instant(milli * 1000)));
    }
}
