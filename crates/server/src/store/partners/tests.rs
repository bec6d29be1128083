//! The ledger on both databases.

use buttress_wire::stix::Object;
use buttress_wire::stix::marking::Tlp;
use buttress_wire::taxii::{Filter, VersionMatch};

use super::super::tests::{collection, marked, open, places};
use super::super::{Collection, Store, Writer};
use super::*;

fn partner(name: &str) -> Partner {
    Partner {
        name: name.into(),
        url: format!("https://{name}/api/collections/c/"),
        place: super::super::Place { root: "api".into(), id: "c".into() },
        direction: Direction::Both,
        account: "low".into(),
        access: Access { login: Some(("us".into(), "secret".into())), trust: Some("PEM".into()), ..Access::default() },
        pulled_after: 0,
    }
}

fn held(store: &mut Store, c: &Collection) -> Vec<String> {
    let classes: Vec<_> = store.classes().keys().copied().collect();
    let filter = Filter { versions: vec![VersionMatch::All], ..Filter::default() };
    let mut list = Vec::new();
    store
        .page((c.number, &classes), &filter, (0, 100), &mut |item| {
            list.push(format!("{} {}", &item.id[item.id.len() - 1..], &item.version[8..10]));
        })
        .unwrap();
    list
}

fn page(objects: Vec<Object>, after: i64) -> Arrived {
    Arrived { objects, refused: Vec::new(), resume_after: Some(after) }
}

fn rows(store: &mut Store, name: &str, way: Way) -> Vec<Entry> {
    store.ledger_after(name, way, None, 100).unwrap()
}

#[test]
fn a_partner_comes_back_as_it_was_and_keeps_its_place_when_replaced() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.set_partner(&partner("fi")).unwrap();
        store.receive(&partner("fi"), &c, &page(vec![], 77), 1).unwrap();
        store.receive(&partner("fi"), &c, &page(vec![], 50), 1).unwrap();
        store.set_partner(&Partner { direction: Direction::Pull, ..partner("fi") }).unwrap();
        assert_eq!(store.partners().unwrap(), [Partner { direction: Direction::Pull, pulled_after: 77, ..partner("fi") }]);
        store.set_run("fi", "pull", None, 5).unwrap();
        store.set_run("fi", "pull", Some("no"), 9).unwrap();
        assert_eq!(store.last_run("fi", "pull").unwrap(), Run { tried: 9, succeeded: 5, error: "no".into() });
        assert!(store.remove_partner("fi").unwrap() && !store.remove_partner("fi").unwrap());
        assert_eq!(store.last_run("fi", "pull").unwrap(), Run::default());
    }
}

#[test]
fn what_two_partners_sent_stays_until_the_last_withdraws_it_and_what_is_ours_stays() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        ["fi", "se"].iter().for_each(|name| store.set_partner(&partner(name)).unwrap());
        store.add(&c, &Writer::NODE, &[marked(3, 1, Tlp::Clear)], 1).unwrap();
        let sent = || vec![marked(1, 1, Tlp::Clear), marked(2, 1, Tlp::Clear), marked(3, 1, Tlp::Clear)];
        let received = store.receive(&partner("fi"), &c, &page(sent(), 1), 1).unwrap();
        assert_eq!(received, Received { added: 2, known: 1, ..Received::default() });
        store.receive(&partner("se"), &c, &page(vec![marked(1, 1, Tlp::Clear)], 1), 1).unwrap();
        let gone = rows(&mut store, "fi", Way::In);
        assert_eq!(gone.iter().map(|row| row.state).collect::<Vec<_>>(), [State::Received, State::Received, State::Known]);
        assert_eq!(store.withdraw(&partner("fi"), &c, &gone, 2).unwrap(), Withdrawn { deleted: 1, kept: 2 });
        assert_eq!(held(&mut store, &c), ["3 01", "1 01"]);
        let gone = rows(&mut store, "se", Way::In);
        assert_eq!(store.withdraw(&partner("se"), &c, &gone, 3).unwrap(), Withdrawn { deleted: 1, kept: 0 });
        assert_eq!(held(&mut store, &c), ["3 01"]);
        // Listed again, it comes again.
        assert_eq!(store.receive(&partner("fi"), &c, &page(vec![marked(2, 1, Tlp::Clear)], 1), 4).unwrap().added, 1);
    }
}

#[test]
fn what_was_deleted_here_does_not_come_back_with_a_repeated_page() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.set_partner(&partner("fi")).unwrap();
        let one = marked(1, 1, Tlp::Clear);
        store.receive(&partner("fi"), &c, &page(vec![one.clone(), one.clone()], 1), 1).unwrap();
        let classes: Vec<_> = store.classes().keys().copied().collect();
        store.delete((&c, &classes), &Writer::NODE, &one.id, &|_, _| true, 2).unwrap();
        let again = store.receive(&partner("fi"), &c, &page(vec![one], 1), 3).unwrap();
        assert_eq!((again, held(&mut store, &c)), (Received { known: 1, ..Received::default() }, vec![]));
        // Nor from a partner that never sent it.
        store.set_partner(&partner("se")).unwrap();
        let other = store.receive(&partner("se"), &c, &page(vec![marked(1, 1, Tlp::Clear), marked(1, 2, Tlp::Clear)], 1), 3).unwrap();
        assert_eq!((other, held(&mut store, &c)), (Received { added: 1, known: 1, ..Received::default() }, vec!["1 02".to_owned()]));
    }
}

#[test]
fn another_text_under_the_same_version_replaces_the_first() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.set_partner(&partner("fi")).unwrap();
        store.receive(&partner("fi"), &c, &page(vec![marked(1, 1, Tlp::Clear)], 1), 1).unwrap();
        let received = store.receive(&partner("fi"), &c, &page(vec![marked(1, 1, Tlp::Red)], 2), 2).unwrap();
        assert_eq!(received, Received { replaced: 1, ..Received::default() });
        let red = rows(&mut store, "fi", Way::In).remove(0);
        assert_eq!(red.digest, text_digest(&marked(1, 1, Tlp::Red).text));
        assert_eq!(held(&mut store, &c), ["1 01"]);
    }
}

#[test]
fn an_echo_of_what_we_sent_is_no_source() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        ["fi", "se"].iter().for_each(|name| store.set_partner(&partner(name)).unwrap());
        store.receive(&partner("se"), &c, &page(vec![marked(1, 1, Tlp::Clear)], 1), 1).unwrap();
        let entry = Entry { state: State::Sent, ..rows(&mut store, "se", Way::In).remove(0) };
        store.write_ledger("fi", Way::Out, &[entry]).unwrap();
        store.receive(&partner("fi"), &c, &page(vec![marked(1, 1, Tlp::Clear)], 1), 2).unwrap();
        let gone = rows(&mut store, "se", Way::In);
        assert_eq!(store.withdraw(&partner("se"), &c, &gone, 3).unwrap().deleted, 1);
        assert_eq!(held(&mut store, &c), Vec::<String>::new());
    }
}

#[test]
fn a_page_is_kept_whole_or_not_at_all() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.set_partner(&partner("fi")).unwrap();
        store.database.batch("ALTER TABLE quarantine RENAME TO elsewhere").unwrap();
        store.receive(&partner("fi"), &c, &page(vec![marked(1, 1, Tlp::Clear)], 9), 1).unwrap_err();
        store.database.batch("ALTER TABLE elsewhere RENAME TO quarantine").unwrap();
        assert_eq!((held(&mut store, &c), rows(&mut store, "fi", Way::In)), (vec![], vec![]));
        assert_eq!(store.partners().unwrap()[0].pulled_after, 0);
    }
}

#[test]
fn quarantine_is_listed_cut_and_cleared_by_a_valid_version() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.set_partner(&partner("fi")).unwrap();
        let one = marked(1, 1, Tlp::Clear);
        let odd = |id: &str, digest: &str| Quarantined {
            digest: digest.into(),
            id: id.into(),
            version: "v".into(),
            reason: "why".into(),
            moment: 1,
            text: format!("\0{}", "ü".repeat(40_000)),
        };
        let refused = vec![odd(one.id.as_str(), "a"), odd("other", "b")];
        store.receive(&partner("fi"), &c, &Arrived { refused, ..Arrived::default() }, 1).unwrap();
        let list = store.quarantine("fi").unwrap();
        assert_eq!(list.len(), 2);
        assert!(list[0].text.len() < 66_000 && list[0].text.ends_with('ü'));
        let among = store.quarantined_among("fi", &[one.id.as_str(), "x", "y"]).unwrap();
        assert_eq!(among, [(one.id.to_string(), "v".to_owned())].into());
        store.receive(&partner("fi"), &c, &page(vec![one], 1), 1).unwrap();
        assert_eq!(store.quarantine("fi").unwrap().iter().map(|q| &*q.id).collect::<Vec<_>>(), ["other"]);
        assert_eq!(store.quarantined_among("fi", &[among.first().unwrap().0.as_str()]).unwrap(), among);
        assert_eq!((store.clear_quarantine("fi").unwrap(), store.n_quarantined("fi").unwrap()), (2, 0));
    }
}

#[test]
fn the_ledger_is_walked_in_order_whatever_the_group() {
    for place in places() {
        let mut store = open(&place);
        store.set_partner(&partner("fi")).unwrap();
        let entry = |n: u32, at: i64| Entry {
            key: Key { id: format!("x--{n:03}"), version_at: at, spec: "2.1".into() },
            version: "v".into(),
            state: if at == 0 { State::Sent } else { State::Failed },
            digest: String::new(),
            moment: i64::from(n),
            attempts: 2,
            reason: "r".into(),
        };
        let entries: Vec<Entry> = (0..20).flat_map(|n| [entry(n, 0), entry(n, 5)]).collect();
        store.write_ledger("fi", Way::Out, &entries).unwrap();
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let rows = store.ledger_after("fi", Way::Out, after.as_ref(), 7).unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            walked.extend(rows);
        }
        assert_eq!(walked, entries);
        assert_eq!(store.ledger_of("fi", Way::Out, &["x--003", "x--019", "none"]).unwrap().len(), 4);
        assert_eq!(store.ledger_counts("fi").unwrap(), [((Way::Out, State::Sent), 20), ((Way::Out, State::Failed), 20)].into());
        assert_eq!(store.ledger_in_state("fi", State::Failed, 3).unwrap(), [entry(0, 5), entry(1, 5), entry(2, 5)]);
        assert_eq!(store.ledger_of_object("x--003").unwrap().len(), 2);
        store.drop_from_ledger("fi", Way::Out, &[entry(3, 0).key]).unwrap();
        assert_eq!(store.ledger_of_object("x--003").unwrap(), [("fi".to_owned(), Way::Out, entry(3, 5))]);
    }
}
