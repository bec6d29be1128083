use buttress_wire::vocabulary::CAP_WARNING;

use super::*;
use crate::node;
use buttress_wire::cap::{Area, Category, Certainty, Info, MsgType, Severity, Status, Urgency, write};

const PLACE: &str = "joint/91a7b528-80eb-42ed-a74d-c6fbd5a26116";
const NOW: Instant = Instant(1_770_000_000_000_000);

fn folder() -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::env::temp_dir().join(format!("buttress-duty-{}-{n}", std::process::id()))
}

struct Node {
    store: Store,
    folder: std::path::PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn a_node() -> Node {
    let folder = folder();
    let mut store = node::open(&folder, None).unwrap();
    node::add_root(&mut store, "joint", "Joint").unwrap();
    node::add_collection(&mut store, &crate::store::Place::parse(PLACE).unwrap(), "Energy", &[]).unwrap();
    Node { store, folder }
}

fn alert(name: &str, hour: u32, msg_type: MsgType) -> Alert {
    let sent = format!("2026-01-15T{hour:02}:00:00-00:00").parse().unwrap();
    let mut info = Info::new(Category::Infra, "Cable cut", Urgency::Immediate, Severity::Severe, Certainty::Observed);
    info.headline = Some(format!("Cable cut, as of {hour} h"));
    info.onset = Some("2026-01-15T04:12:00-00:00".parse().unwrap());
    let mut area = Area::new("Corridor");
    area.circle.push("54.41,12 1.5".parse().unwrap());
    area.polygon.push("54.60,11.90 54.60,12.10 54.20,12.10 54.20,11.90 54.60,11.90".parse().unwrap());
    info.area.push(area);
    Alert { info: vec![info], ..Alert::new(name, "desk@cable.example", sent, Status::Actual, msg_type, Scope::Public) }
}

fn take(node: &mut Node, alert: &Alert) -> TakenIn {
    take_in(&mut node.store, write(alert).unwrap().as_bytes(), (PLACE, &[]), NOW).unwrap()
}

fn text(node: &mut Node, id: &Id) -> Value {
    serde_json::from_str(&shelf::find(&mut node.store, id).unwrap().1.text).unwrap()
}

#[test]
fn a_message_comes_back_byte_for_byte_from_each_of_its_objects() {
    let mut node = a_node();
    // Order of attributes, comments and white space of another program.
    let bytes = write(&alert("1", 5, MsgType::Alert)).unwrap().replace("<alert", "<!-- theirs --><alert").replace('\n', "\r\n");
    let taken = take_in(&mut node.store, bytes.as_bytes(), (PLACE, &[]), NOW).unwrap();
    let artifact = artifact_of(&mut node, &taken);
    for id in [taken.sighting.clone().unwrap(), taken.observed.clone(), artifact] {
        assert_eq!(origin(&mut node.store, &id).unwrap(), Origin::Message(bytes.clone().into_bytes()), "{id}");
    }
    let again = take_in(&mut node.store, bytes.as_bytes(), (PLACE, &[]), Instant(NOW.0 + 1)).unwrap();
    assert_eq!((again.n_added, again.sighting == taken.sighting, again.notes.len()), (0, true, 1));
    let other = bytes.replace("as of 5 h", "as of 6 h");
    let refused = take_in(&mut node.store, other.as_bytes(), (PLACE, &[]), NOW).unwrap_err().to_string();
    assert!(refused.contains("desk@cable.example,1,") && refused.contains("other content"), "{refused}");
}

fn artifact_of(node: &mut Node, taken: &TakenIn) -> Id {
    Id::parse(text(node, &taken.observed)["object_refs"][0].as_str().unwrap()).unwrap()
}

#[test]
fn updates_are_versions_of_one_warning_and_a_cancellation_withdraws_it() {
    let mut node = a_node();
    let first = alert("1", 5, MsgType::Alert);
    let update = Alert { references: vec![first.reference()], ..alert("2", 6, MsgType::Update) };
    // A cancellation that names the update alone still finds the warning.
    let cancel = Alert { references: vec![update.reference()], ..alert("3", 7, MsgType::Cancel) };
    let id = take(&mut node, &first).sighting.unwrap();
    assert_eq!(take(&mut node, &update).sighting.as_ref(), Some(&id));
    let now = text(&mut node, &id);
    assert_eq!((&now["created"], &now["modified"]), (&"2026-01-15T05:00:00.000Z".into(), &"2026-01-15T06:00:00.000Z".into()));
    assert_eq!((&now["first_seen"], &now["confidence"]), (&"2026-01-15T04:12:00.000Z".into(), &95.into()));
    assert!(now["revoked"].is_null() && now["description"].as_str().unwrap().contains("as of 6 h"));
    assert_eq!(take(&mut node, &cancel).sighting.as_ref(), Some(&id));
    assert_eq!(text(&mut node, &id)["revoked"], true);
}

#[test]
fn an_update_that_comes_before_its_alert_stays_the_newer() {
    let mut node = a_node();
    let first = alert("1", 5, MsgType::Alert);
    let update = Alert { references: vec![first.reference()], ..alert("2", 6, MsgType::Update) };
    let early = take(&mut node, &update);
    assert!(early.notes[0].contains("no earlier message"), "{:?}", early.notes);
    assert_eq!(take(&mut node, &first).sighting, early.sighting);
    assert!(text(&mut node, &early.sighting.unwrap())["description"].as_str().unwrap().contains("as of 6 h"));
}

#[test]
fn nobody_withdraws_the_warning_of_another_sender() {
    let mut node = a_node();
    let first = alert("1", 5, MsgType::Alert);
    let id = take(&mut node, &first).sighting.unwrap();
    let cancel = Alert { sender: "mallory@example".into(), references: vec![first.reference()], ..alert("9", 7, MsgType::Cancel) };
    let taken = take(&mut node, &cancel);
    assert_ne!(taken.sighting.as_ref(), Some(&id));
    assert!(taken.notes[0].contains("another sender"), "{:?}", taken.notes);
    assert!(text(&mut node, &id)["revoked"].is_null());
}

#[test]
fn a_scope_makes_a_marking_that_is_no_wider_and_refuses_a_wider_one() {
    let of = |scope, restriction: Option<&str>, asked: &[&str]| {
        let alert = Alert { scope, restriction: restriction.map(str::to_owned), ..alert("1", 5, MsgType::Alert) };
        let asked: Vec<String> = asked.iter().map(|w| (*w).to_owned()).collect();
        markings_of(&alert, &asked).map(|all| all.iter().filter_map(Tlp::from_id).map(Tlp::word).collect::<Vec<_>>())
    };
    assert_eq!(of(Scope::Public, None, &[]).unwrap(), ["clear"]);
    assert_eq!(of(Scope::Restricted, Some("members"), &[]).unwrap(), ["amber"]);
    assert_eq!(of(Scope::Restricted, Some("tlp:amber+strict, members"), &[]).unwrap(), ["amber+strict"]);
    assert_eq!(of(Scope::Private, None, &[]).unwrap(), ["red"]);
    assert_eq!(of(Scope::Restricted, Some("members"), &["TLP:RED"]).unwrap(), ["red"]);
    let wide = of(Scope::Private, None, &["amber"]).unwrap_err().to_string();
    assert!(wide.contains("Private") && wide.contains("amber would be wider: mark it red"), "{wide}");
    assert!(of(Scope::Restricted, Some("TLP:RED"), &["amber"]).is_err());
    // A label of another kind narrows, and the scope's own level stays beside it.
    let label = "marking-definition--0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11";
    assert_eq!(of(Scope::Private, None, &[label]).unwrap(), ["red"]);
}

#[test]
fn an_acknowledgement_warns_of_nothing() {
    let mut node = a_node();
    let first = alert("1", 5, MsgType::Alert);
    let ack = Alert { info: vec![], references: vec![first.reference()], sender: "other@example".into(), ..alert("2", 6, MsgType::Ack) };
    let taken = take(&mut node, &ack);
    assert_eq!((taken.sighting, taken.n_added), (None, 3));
    assert!(shelf::of_type(&mut node.store, "sighting").unwrap().is_empty());
}

#[test]
fn every_object_carries_the_markings_and_an_area_becomes_places() {
    let mut node = a_node();
    let red = Alert { scope: Scope::Private, addresses: vec!["a".into()], status: Status::Exercise, ..alert("1", 5, MsgType::Alert) };
    let taken = take(&mut node, &red);
    assert_eq!(taken.n_added, 7);
    let mut kinds = Vec::new();
    for kind in ["artifact", "identity", "indicator", "location", "observed-data", "sighting"] {
        for (_, object) in shelf::of_type(&mut node.store, kind).unwrap() {
            assert_eq!(object.markings, [Id::parse(&Tlp::Red.id()).unwrap()], "{}", object.text);
            assert_eq!(object.text.contains(r#""labels":["exercise"]"#), kind != "artifact", "{}", object.text);
            kinds.push(kind);
        }
    }
    assert_eq!(kinds.iter().filter(|k| **k == "location").count(), 2);
    let sighting = text(&mut node, &taken.sighting.unwrap());
    assert_eq!(sighting["where_sighted_refs"].as_array().unwrap().len(), 3);
    assert_eq!(sighting["extensions"][CAP_WARNING]["areas"][0]["circles"][0], "54.41,12 1.5");
}

#[test]
fn a_warning_of_another_program_becomes_what_an_alert_would_say() {
    let mut node = a_node();
    let object = |kind: &str, n: u32, rest: &str| {
        let head = format!(r#""type":"{kind}","spec_version":"2.1","id":"{kind}--00000000-0000-4000-8000-{n:012}""#);
        format!(r#"{{{head},"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",{rest}}}"#)
    };
    let green = format!(r#""object_marking_refs":["{}"]"#, Tlp::Green.id());
    let texts = [
        object(
            "indicator",
            1,
            &format!(r#""name":"Dragging anchor","pattern":"x","pattern_type":"cel","valid_from":"2026-01-01T00:00:00Z",{green}"#),
        ),
        object("location", 2, &format!(r#""name":"Gulf","latitude":59.9,"longitude":26.2,"precision":2000,{green}"#)),
        object(
            "sighting",
            3,
            r#""sighting_of_ref":"indicator--00000000-0000-4000-8000-000000000001","confidence":80,"first_seen":"2026-01-01T10:00:00Z",
            "where_sighted_refs":["location--00000000-0000-4000-8000-000000000002"],"description":"8.5 to 6.3 kn""#,
        ),
    ];
    let collection = shelf::collection(&mut node.store, PLACE).unwrap();
    shelf::put(&mut node.store, &collection, &texts, NOW).unwrap();
    let id = Id::parse("sighting--00000000-0000-4000-8000-000000000003").unwrap();
    let Origin::Drafted(drafted) = origin(&mut node.store, &id).unwrap() else { panic!("it did not come in CAP") };
    assert_eq!((drafted.info.event.as_str(), drafted.info.certainty), ("Dragging anchor", Certainty::Likely));
    assert_eq!(drafted.info.area[0].circle[0].to_string(), "59.9,26.2 2");
    assert_eq!(drafted.info.onset.unwrap().to_string(), "2026-01-01T10:00:00-00:00");
    // The sighting itself has no marking, so the node's own counts.
    assert_eq!((drafted.scope, drafted.restriction.as_deref()), (Scope::Restricted, Some("TLP:GREEN; TLP:AMBER")));
    let odd = origin(&mut node.store, &Id::parse("indicator--00000000-0000-4000-8000-000000000001").unwrap()).unwrap_err().to_string();
    assert!(odd.contains("no warning"), "{odd}");
}

#[test]
fn the_schema_names_what_is_written() {
    let schema: Value = serde_json::from_str(include_str!("../../../wire/src/vocabulary/schemas/cap_warning.json")).unwrap();
    let mut node = a_node();
    let mut full =
        Alert { scope: Scope::Restricted, restriction: Some("r".into()), incidents: vec!["i".into()], ..alert("1", 5, MsgType::Alert) };
    let named = buttress_wire::cap::Named::new("n", "v");
    let info = &mut full.info[0];
    info.event_code.push(named.clone());
    info.parameter.push(named.clone());
    info.response_type.push(buttress_wire::cap::ResponseType::Monitor);
    info.expires = Some("2026-01-16T05:00:00-00:00".parse().unwrap());
    info.area[0].geocode.push(named);
    let taken = take(&mut node, &full);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let (sighting, observed) = (text(&mut node, &taken.sighting.unwrap()), text(&mut node, &taken.observed));
    let ours = |object: &Value| object["extensions"][CAP_WARNING].clone();
    let both: BTreeSet<String> = names(&ours(&sighting)).union(&names(&ours(&observed))).cloned().collect();
    assert_eq!(both, names(&schema["properties"]));
    assert_eq!(names(&ours(&sighting)["areas"][0]), names(&schema["properties"]["areas"]["items"]["properties"]));
    for required in schema["required"].as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(ours(&sighting)[required].is_string() && ours(&observed)[required].is_string(), "{required}");
    }
}
