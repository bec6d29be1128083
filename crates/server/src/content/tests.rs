use std::collections::BTreeSet;
use std::path::PathBuf;

use buttress_wire::stix::marking::Tlp;
use buttress_wire::vocabulary::{
    Assessment, Background, Choice, DEFINITIONS_COLLECTION, Evidence, Kind, NewLesson, Publication, State, Wanted, objects,
};

use super::*;
use crate::store::{Account, Location};

const COLLECTION: &str = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";
const NOW: Instant = Instant(1_795_000_000_000_000);

struct Node {
    store: Store,
    folder: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn level(tlp: Tlp) -> Id {
    Id::parse(&tlp.id()).unwrap()
}

fn place() -> Place {
    Place { root: "api".into(), id: COLLECTION.into() }
}

fn node() -> Node {
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("buttress-content-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut store = Store::open(&Location::Sqlite(folder.join("store.db")), level(Tlp::Amber)).unwrap();
    store.set_root("api", "Root").unwrap();
    store.set_collection("api", COLLECTION, "One", &[].into()).unwrap();
    for (name, clearance) in [("high", Tlp::Red), ("low", Tlp::Green)] {
        let reads: BTreeSet<Place> = [place()].into();
        let account = Account { name: name.into(), password: String::new(), clearance, holds: [].into(), reads, writes: [].into() };
        store.set_account(&account).unwrap();
    }
    Node { store, folder }
}

impl Node {
    fn desk(&mut self) -> Desk<'_> {
        Desk::open(&mut self.store, &place()).unwrap()
    }
}

fn lesson<'a>(title: &'a str, assets: &'a [String]) -> NewLesson<'a> {
    NewLesson { kind: Kind::Lesson, title, text: "Seen at night.", by: "Authority of A", sectors: &[], case: "xa", assets, measures: &[] }
}

#[test]
fn definitions_are_put_in_once_and_every_account_may_read_them() {
    let mut node = node();
    let (place, first) = publish_definitions(&mut node.store, "api", NOW).unwrap();
    assert_eq!((place.id.as_str(), first.n_unchanged), (DEFINITIONS_COLLECTION, 0));
    let (_, again) = publish_definitions(&mut node.store, "api", Instant(NOW.0 + 1)).unwrap();
    assert_eq!((again.n_added, again.n_unchanged), (0, first.n_added));
    assert!(node.store.accounts().unwrap().iter().all(|a| a.reads.contains(&place)));
    let mut seen = 0;
    Desk::open(&mut node.store, &place).unwrap().each(&Filter::default(), Reader::Account("low"), &mut |_| seen += 1).unwrap();
    assert_eq!(seen, first.n_added);
    assert!(publish_definitions(&mut node.store, "none", NOW).unwrap_err().to_string().contains("root add none"));
}

#[test]
fn a_lesson_goes_its_way_in_versions_and_hides_from_whom_it_must() {
    let mut node = node();
    let mut desk = node.desk();
    let assets = ["cable.a".to_owned()];
    let id = add_lesson(&mut desk, &lesson("Cables", &assets), &[level(Tlp::Amber)], NOW).unwrap();
    let open = add_lesson(&mut desk, &lesson("Pipes", &[]), &[level(Tlp::Green)], NOW).unwrap();
    let evidence = Evidence {
        by: "Authority of A",
        text: "Two tracks.",
        root_cause: Some("No watch."),
        remedial_action: Some("Watch."),
        action_body: Some("Coast guard"),
        ..Evidence::default()
    };
    let told = promote_lesson(&mut desk, &id, &evidence, NOW).unwrap();
    assert_eq!(told.view.body.state, State::LessonIdentified);
    assert!(told.object.version_at > NOW);
    let titles = |desk: &mut Desk, wanted: &Wanted, reader| {
        find_lessons(desk, wanted, reader).unwrap().into_iter().map(|t| t.object.id).collect::<Vec<_>>()
    };
    let all = Wanted::default();
    assert_eq!(titles(&mut desk, &all, Reader::Operator), [open.clone(), id.clone()]);
    assert_eq!(titles(&mut desk, &all, Reader::Account("low")), [open]);
    assert_eq!(titles(&mut desk, &Wanted { asset: Some("cable."), ..all }, Reader::Account("high")), std::slice::from_ref(&id));
    assert_eq!(titles(&mut desk, &Wanted { state: Some(State::Observation), asset: Some("cable."), ..all }, Reader::Operator), []);
    let why = promote_lesson(&mut desk, &id, &Evidence { by: "A", text: "Done.", ..Evidence::default() }, NOW).unwrap_err();
    assert!(why.to_string().contains("--proof"), "{why}");
    assert!(desk.object(&id, Reader::Account("low")).is_err());
    assert!(desk.object(&id, Reader::Account("nobody")).unwrap_err().to_string().contains("`nobody`"));
}

#[test]
fn a_bundle_is_kept_byte_for_byte_and_bad_objects_are_named() {
    let mut node = node();
    let mut desk = node.desk();
    let good = r#"{ "type":"attack-pattern","id":"attack-pattern--38c47d93-d984-4fd9-b87b-d69d0841628d","x_mitre_version":  "1.10","created":"2026-01-01T00:00:00.5Z","modified":"2026-01-01T00:00:00.5Z"}"#;
    let matrix = r#"{"type":"x-mitre-matrix","spec_version":"2.1","id":"x-mitre-matrix--38c47d93-d984-4fd9-b87b-d69d0841628d"}"#;
    let bad = r#"{"type":"tool","id":"tool--1"}"#;
    let bundle = format!(
        r#"{{"type":"bundle","id":"bundle--38c47d93-d984-4fd9-b87b-d69d0841628d","spec_version":"2.0","objects":[{good},{bad},{matrix},{{}}]}}"#
    );
    let brought = import(&mut desk, &bundle, (None, &[]), NOW).unwrap();
    assert_eq!(brought.put, Put { n_added: 2, n_unchanged: 0 });
    assert_eq!(brought.by_type, [("attack-pattern".to_owned(), 1), ("x-mitre-matrix".to_owned(), 1)].into());
    assert_eq!(brought.refused.len(), 2);
    assert_eq!((brought.refused[0].0.as_str(), brought.refused[1].0.as_str()), ("object 2, tool--1", "object 4, without identifier"));
    let id = Id::parse("attack-pattern--38c47d93-d984-4fd9-b87b-d69d0841628d").unwrap();
    assert_eq!(&*desk.object(&id, Reader::Operator).unwrap().text, good);
    assert_eq!(import(&mut desk, &bundle, (None, &[]), NOW).unwrap().put, Put { n_added: 0, n_unchanged: 2 });
}

#[test]
fn a_taxonomy_needs_a_name_to_stand_under_and_what_is_neither_is_refused() {
    let mut node = node();
    let mut desk = node.desk();
    let tags = r#"{"namespace":"sea","version":1,"predicates":[{"value":"anchor"}]}"#;
    assert!(import(&mut desk, tags, (None, &[]), NOW).unwrap_err().to_string().contains("--by"));
    let green = [level(Tlp::Green)];
    let brought = import(&mut desk, tags, (Some("Authority of A"), &green), NOW).unwrap();
    assert_eq!((brought.put.n_added, brought.by_type["note"]), (2, 1));
    assert!(import(&mut desk, "{\"a\":1}", (Some("A"), &green), NOW).unwrap_err().to_string().contains("`predicates`"));
    assert!(import(&mut desk, "not json", (Some("A"), &green), NOW).unwrap_err().to_string().contains("no JSON"));
}

/// The least that is an assessment: one asset whose loss costs something.
fn assessment() -> Assessment {
    let text = format!(
        r#"{{"schema":"buttress-assessment/1","engine_version":"0.1.0","case":{{"key":"xa","title":"Case","version":"1","digest":"{a}"}},
        "study":{{"start_month":12,"horizon_h":2000.0,"storage_fill":0.9,"seed":1,"point":"SummerNight","level":"Central","sharing":"OwnFirst","balance":"Flow","gas_peak_days":14,"sampled":false}},
        "study_digest":"{b}","n_assets":1,"n_runs":1,"synthetic_share":0.0,"threats":[],"weaknesses":[],"measures":[],"portfolio":null,
        "losses":[{{"asset":"odd \"key\"/..","name":"A","provenance":"curated","low":null,"high":null,"reason":"","second_hit":null,
        "central":{{"people_hours":5.0,"people_hours_upper":5.0,"people_peak":1.0,"euro":{{"low":1.0,"central":2.0,"high":3.0}},"countries_hit":[],
        "hours_to_50_90_100_percent":[null,null,null],"lost":{{}},"by_zone":[],"n_assets_failed":0}}}}]}}"#,
        a = "a".repeat(64),
        b = "b".repeat(64)
    );
    Assessment::read(&text).unwrap()
}

#[test]
fn a_report_becomes_files_whatever_its_keys_hold_and_only_for_who_may_see_it() {
    let mut node = node();
    let out = node.folder.join("replay");
    let key = "odd \"key\"/..";
    let asset = buttress_wire::vocabulary::Asset { case: "xa".into(), key: key.into(), ..Default::default() };
    let background = Background { assets: [(key.to_owned(), ("A".to_owned(), asset))].into(), ..Background::default() };
    let markings = [level(Tlp::Amber)];
    let publication = Publication { by: "Authority of A", markings: &markings, choice: &Choice::Worst(1) };
    let drafts = objects(&assessment(), &background, &publication).unwrap();
    let report = drafts.last().unwrap().id.clone();
    let mut desk = node.desk();
    let n = drafts.len();
    assert_eq!(desk.put(&drafts, &[], NOW).unwrap(), Put { n_added: n, n_unchanged: 0 });
    assert_eq!(desk.put(&drafts, &[], Instant(NOW.0 + 9_000_000)).unwrap(), Put { n_added: 0, n_unchanged: n });
    assert!(replay_of(&mut desk, &report, Reader::Account("low")).is_err());
    let found = replay_of(&mut desk, &report, Reader::Account("high")).unwrap();
    let files = write_replay(found, &out).unwrap();
    assert_eq!(files.runs[0].file, "01-odd--key--...toml");
    let scenario: toml::Table = std::fs::read_to_string(out.join(&files.runs[0].file)).unwrap().parse().unwrap();
    assert_eq!(scenario["change"][0]["select"].as_str(), Some("key:odd \"key\"/.."));
    assert_eq!(scenario["change"][0].as_table().unwrap().len(), 2);
    let study: toml::Table = std::fs::read_to_string(out.join("study.toml")).unwrap().parse().unwrap();
    assert_eq!((study["point"].as_str(), study.len()), (Some("summer_night"), 10));
}
