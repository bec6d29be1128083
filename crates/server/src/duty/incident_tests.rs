use super::*;
use crate::node;
use buttress_wire::incident::clock::{History, State, Submission};
use buttress_wire::incident::states::Settings;
use buttress_wire::incident::{Awareness, Cer, Duty, Impact, Nis2, Sector};

const PLACE: &str = "joint/91a7b528-80eb-42ed-a74d-c6fbd5a26116";

fn clocks(name: &str) -> Clocks {
    Clocks {
        awareness: Awareness {
            incident: name.to_owned(),
            who: "Control room".into(),
            at: at("2026-01-31T09:00:00Z"),
            sector: Sector::Energy,
            nis2: Some(Nis2::Entity),
            cer: Some(Cer::WithDetailedReport),
        },
        history: History::default(),
        state: None,
        zone: "UTC".into(),
        settings: Settings::default(),
        impact: Impact::default(),
    }
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

#[test]
fn clocks_survive_a_restart_and_keep_who_handed_in() {
    let folder = std::env::temp_dir().join(format!("buttress-incident-{}", std::process::id()));
    let id = {
        let mut store = node::open(&folder, None).unwrap();
        node::add_root(&mut store, "joint", "Joint").unwrap();
        node::add_collection(&mut store, &Place::parse(PLACE).unwrap(), "Energy", &[]).unwrap();
        let nowhere = open(&mut store, "joint/other", &clocks("A"), &[], at("2026-01-31T10:00:00Z")).unwrap_err();
        assert!(nowhere.to_string().contains("collection list"), "{nowhere}");
        let first = open(&mut store, PLACE, &clocks("Cable"), &["red".to_owned()], at("2026-01-31T10:00:00Z")).unwrap();
        open(&mut store, PLACE, &clocks("Pipe"), &[], at("2026-01-31T10:00:00Z")).unwrap();
        first.id
    };
    let mut store = node::open(&folder, None).unwrap();
    assert_eq!(find(&mut store, "Cable").unwrap().id, id);
    assert_eq!(find(&mut store, &id.as_str()[..18]).unwrap().id, id);
    assert!(find(&mut store, "inc").unwrap_err().to_string().contains("incident list"));
    let handed_in = |clocks: &mut Clocks| {
        clocks.history.submissions.push(Submission {
            duty: Duty::EarlyWarning,
            at: at("2026-01-31T20:00:00Z"),
            by: Some("A. Person".into()),
        });
        Ok(())
    };
    change(&mut store, "Cable", at("2026-01-31T20:01:00Z"), handed_in).unwrap();
    let early = |clocks: &mut Clocks| {
        clocks.history.submissions.push(Submission { duty: Duty::Notification, at: at("2026-01-30T20:00:00Z"), by: None });
        Ok(())
    };
    assert!(change(&mut store, "Cable", at("2026-01-31T20:02:00Z"), early).unwrap_err().to_string().contains("before awareness"));
    drop(store);

    let mut store = node::open(&folder, None).unwrap();
    let kept = find(&mut store, id.as_str()).unwrap();
    let deadline = kept.clocks.deadlines(at("2026-02-01T00:00:00Z")).unwrap().into_iter().find(|d| d.duty == Duty::EarlyWarning).unwrap();
    assert_eq!((deadline.state, deadline.by.as_deref()), (State::Met { at: at("2026-01-31T20:00:00Z") }, Some("A. Person")));
    assert_eq!((deadline.who.as_str(), kept.version.as_str()), ("Control room", "2026-01-31T20:01:00.000Z"));
    assert_eq!(list(&mut store).unwrap().list.len(), 2);
    drop(store);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn two_incidents_that_begin_alike_are_told_apart() {
    let folder = std::env::temp_dir().join(format!("buttress-incident-two-{}", std::process::id()));
    let mut store = node::open(&folder, None).unwrap();
    node::add_root(&mut store, "joint", "Joint").unwrap();
    node::add_collection(&mut store, &Place::parse(PLACE).unwrap(), "Energy", &[]).unwrap();
    for _ in 0..2 {
        open(&mut store, PLACE, &clocks("Storm"), &[], at("2026-01-31T10:00:00Z")).unwrap();
    }
    assert!(find(&mut store, "Storm").unwrap_err().to_string().contains("write more of the identifier"));
    let spoilt = r#"{"type":"incident","spec_version":"2.1","id":"incident--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z",
        "modified":"2026-01-01T00:00:00Z","name":"x","extensions":{"extension-definition--4828b854-e61a-4d44-ac74-2fd02075c5f9":{"zone":"UTC"}}}"#;
    let collection = shelf::collection(&mut store, PLACE).unwrap();
    shelf::put(
        &mut store,
        &collection,
        &[spoilt.to_owned(), spoilt.replace("extension-definition", "x").replacen("001", "002", 1)],
        Instant(1),
    )
    .unwrap();
    let all = list(&mut store).unwrap();
    assert_eq!((all.list.len(), all.spoilt.len(), all.n_without), (2, 1, 1));
    assert!(find(&mut store, "00000000-0000").unwrap_err().to_string().contains("schema"), "what is wrong is told");
    drop(store);
    std::fs::remove_dir_all(&folder).unwrap();
}
