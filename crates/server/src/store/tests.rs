//! One suite for both databases. `PostgreSQL` is asked where `BUTTRESS_TEST_POSTGRES` holds a URL, and each test works in a schema of
//! its own; without it that half is passed over, saying so.

use std::sync::atomic::{AtomicUsize, Ordering};

use buttress_wire::stix::marking::Tlp;
use buttress_wire::stix::{Id, Object};
use buttress_wire::taxii::{Filter, VersionMatch};
use proptest::prelude::*;

use super::*;

#[path = "credentials_tests.rs"]
mod credentials;

static COUNT: AtomicUsize = AtomicUsize::new(0);

pub(super) struct Place {
    pub(super) location: Location,
    folder: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn places() -> Vec<Place> {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("buttress-store-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut places = vec![Place { location: Location::Sqlite(folder.join("store.db")), folder: folder.clone() }];
    match std::env::var("BUTTRESS_TEST_POSTGRES") {
        Ok(url) => {
            let schema = format!("t{}_{number}", std::process::id());
            let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            client.batch_execute(&format!("CREATE SCHEMA {schema}")).unwrap();
            let url = format!("{url} options='-c search_path={schema}'");
            places.push(Place { location: Location::Postgres(url), folder });
        }
        Err(_) => eprintln!("PostgreSQL passed over: BUTTRESS_TEST_POSTGRES holds no connection string"),
    }
    places
}

pub(super) fn open(place: &Place) -> Store {
    Store::open(&place.location, tlp(Tlp::Amber)).unwrap()
}

fn tlp(level: Tlp) -> Id {
    Id::parse(&level.id()).unwrap()
}

fn id(kind: &str, n: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{n:012}")
}

fn object(kind: &str, n: u32, day: u32, rest: &str) -> Object {
    let head = format!(r#""type":"{kind}","spec_version":"2.1","id":"{}","created":"2026-01-01T00:00:00.000Z""#, id(kind, n));
    Object::read(&format!(r#"{{{head},"modified":"2026-01-{day:02}T00:00:00.000Z"{rest}}}"#)).unwrap()
}

pub(super) fn marked(n: u32, day: u32, level: Tlp) -> Object {
    object("infrastructure", n, day, &format!(r#","object_marking_refs":["{}"]"#, level.id()))
}

pub(super) fn collection(store: &mut Store, ceiling: &[Tlp]) -> Collection {
    let ceiling: BTreeSet<Id> = ceiling.iter().map(|level| tlp(*level)).collect();
    let number = store.set_collection("api", "c", "Title", &ceiling).unwrap();
    store.collections().unwrap().into_iter().find(|c| c.number == number).unwrap()
}

/// Classes of a reader cleared for these levels.
fn cleared(store: &Store, levels: &[Tlp]) -> Vec<ClassId> {
    let held: BTreeSet<Id> = levels.iter().map(|level| tlp(*level)).collect();
    store.classes().iter().filter(|(_, class)| class.holds(&|id| held.contains(id))).map(|(class, _)| *class).collect()
}

fn seen(store: &mut Store, collection: &Collection, levels: &[Tlp], filter: &Filter) -> Vec<(String, String)> {
    let classes = cleared(store, levels);
    let mut list = Vec::new();
    store
        .page((collection.number, &classes), filter, (0, 1000), &mut |item| list.push((item.id.to_owned(), item.version[8..10].to_owned())))
        .unwrap();
    list
}

fn numbers(list: &[(String, String)]) -> Vec<u32> {
    list.iter().map(|(id, _)| id[id.len() - 12..].parse().unwrap()).collect()
}

#[test]
fn bytes_come_back_as_they_were_and_survive_reopening() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let odd = object("infrastructure", 1, 2, r#",  "x":1.50e0, "y":"\u00e9 é""#);
        assert_eq!(store.add(&c, &Writer::NODE, std::slice::from_ref(&odd), 5).unwrap(), [Outcome::Added]);
        assert_eq!(store.add(&c, &Writer::NODE, std::slice::from_ref(&odd), 6).unwrap(), [Outcome::Duplicate]);
        drop(store);
        let mut store = open(&place);
        let classes = cleared(&store, &[Tlp::Amber]);
        let mut texts = Vec::new();
        let page = store.page((c.number, &classes), &Filter::default(), (0, 10), &mut |item| texts.push(item.text.to_owned())).unwrap();
        assert_eq!(texts, [&*odd.text]);
        assert_eq!(page, Page { first: Some(5), last: Some(5), more: false });
    }
}

#[test]
fn moments_of_adding_grow_whatever_the_clock_says() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(2, 1, Tlp::Clear)], 100).unwrap();
        store.add(&c, &Writer::NODE, &[marked(3, 1, Tlp::Clear)], 7).unwrap();
        let classes = cleared(&store, &[Tlp::Clear]);
        let mut moments = Vec::new();
        store.page((c.number, &classes), &Filter::default(), (0, 10), &mut |item| moments.push(item.added)).unwrap();
        assert_eq!(moments, [100, 101, 102]);
    }
}

#[test]
fn pages_follow_each_other_without_loss_or_repeat() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let levels = [Tlp::Clear, Tlp::Green, Tlp::Red];
        let objects: Vec<Object> = (0..50).map(|n| marked(n, 1, levels[n as usize % 3])).collect();
        store.add(&c, &Writer::NODE, &objects, 1).unwrap();
        let classes = cleared(&store, &[Tlp::Clear, Tlp::Green]);
        let (mut ids, mut after, mut n_pages) = (Vec::new(), 0, 0);
        loop {
            let page = store.page((c.number, &classes), &Filter::default(), (after, 7), &mut |item| ids.push(item.id.to_owned())).unwrap();
            n_pages += 1;
            after = page.last.unwrap();
            if !page.more {
                break;
            }
        }
        let expected: Vec<String> = (0..50).filter(|n| n % 3 != 2).map(|n| id("infrastructure", n)).collect();
        assert_eq!(ids, expected);
        assert_eq!(n_pages, 5);
    }
}

#[test]
fn large_objects_make_small_pages() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let large = "x".repeat(3 << 20);
        let clear = Tlp::Clear.id();
        let one = |n| object("infrastructure", n, 1, &format!(r#","object_marking_refs":["{clear}"],"x_large":"{large}""#));
        store.add(&c, &Writer::NODE, &(0..7).map(one).collect::<Vec<_>>(), 1).unwrap();
        let classes = cleared(&store, &[Tlp::Clear]);
        let (mut counts, mut after) = (Vec::new(), 0);
        loop {
            let mut n = 0;
            let page = store.page((c.number, &classes), &Filter::default(), (after, 1000), &mut |_| n += 1).unwrap();
            counts.push(n);
            after = page.last.unwrap();
            if !page.more {
                break;
            }
        }
        assert_eq!(counts, [3, 3, 1]);
    }
}

#[test]
fn the_latest_version_is_shown_and_others_on_demand() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        // The middle version comes last.
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(1, 5, Tlp::Clear), marked(1, 3, Tlp::Clear)], 1).unwrap();
        let mut days = |versions: &[VersionMatch]| {
            let filter = Filter { versions: versions.to_vec(), ..Filter::default() };
            seen(&mut store, &c, &[Tlp::Clear], &filter).into_iter().map(|(_, day)| day).collect::<Vec<_>>()
        };
        assert_eq!(days(&[]), ["05"]);
        assert_eq!(days(&[VersionMatch::Last]), ["05"]);
        assert_eq!(days(&[VersionMatch::First]), ["01"]);
        assert_eq!(days(&[VersionMatch::All]), ["01", "05", "03"]);
        let third = marked(1, 3, Tlp::Clear).version_at;
        assert_eq!(days(&[VersionMatch::First, VersionMatch::At(third)]), ["01", "03"]);
    }
}

#[test]
fn the_newest_edition_is_shown_and_others_on_demand() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let text = marked(1, 9, Tlp::Clear).text.replace(r#""spec_version":"2.1","#, "");
        store.add(&c, &Writer::NODE, &[Object::read(&text).unwrap(), marked(1, 2, Tlp::Clear)], 1).unwrap();
        let edition = |list: &[&str]| Filter { spec_versions: list.iter().map(|s| (*s).to_owned()).collect(), ..Filter::default() };
        let mut days = |filter: &Filter| seen(&mut store, &c, &[Tlp::Clear], filter).into_iter().map(|(_, day)| day).collect::<Vec<_>>();
        assert_eq!(days(&edition(&[])), ["02"]);
        assert_eq!(days(&edition(&["2.0"])), ["09"]);
        assert_eq!(days(&edition(&["2.0", "2.1"])), ["09", "02"]);
    }
}

#[test]
fn types_and_identifiers_narrow_a_page() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[Tlp::Amber]);
        let objects = [object("infrastructure", 1, 1, ""), object("campaign", 2, 1, ""), object("identity", 3, 1, "")];
        store.add(&c, &Writer::NODE, &objects, 1).unwrap();
        let types = Filter { types: vec!["campaign".into(), "identity".into()], ..Filter::default() };
        assert_eq!(numbers(&seen(&mut store, &c, &[Tlp::Amber], &types)), [2, 3]);
        let ids = Filter { ids: vec![Id::parse(&id("identity", 3)).unwrap()], ..types };
        assert_eq!(numbers(&seen(&mut store, &c, &[Tlp::Amber], &ids)), [3]);
    }
}

#[test]
fn a_marking_raised_later_covers_the_past_and_one_lowered_does_not() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(2, 1, Tlp::Red)], 1).unwrap();
        store.add(&c, &Writer::NODE, &[marked(1, 2, Tlp::Red), marked(2, 2, Tlp::Clear)], 9).unwrap();
        let all = Filter { versions: vec![VersionMatch::All], ..Filter::default() };
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear], &all), [(id("infrastructure", 2), "02".to_owned())]);
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear, Tlp::Red], &all).len(), 4);
    }
}

#[test]
fn a_relationship_needs_both_ends_and_what_refers_to_it_needs_them_too() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let clear = Tlp::Clear.id();
        let ends = format!(
            r#","object_marking_refs":["{clear}"],"source_ref":"{}","target_ref":"{}""#,
            id("infrastructure", 1),
            id("infrastructure", 2)
        );
        let report = format!(r#","object_marking_refs":["{clear}"],"object_refs":["{}"]"#, id("relationship", 3));
        // References come before what they refer to.
        store.add(&c, &Writer::NODE, &[object("report", 4, 1, &report), object("relationship", 3, 1, &ends)], 1).unwrap();
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(2, 1, Tlp::Green)], 1).unwrap();
        let mut of = |levels: &[Tlp]| numbers(&seen(&mut store, &c, levels, &Filter::default()));
        assert_eq!(of(&[Tlp::Clear]), [1]);
        assert_eq!(of(&[Tlp::Clear, Tlp::Green]), [4, 3, 1, 2]);
        store.add(&c, &Writer::NODE, &[marked(2, 2, Tlp::Clear)], 1).unwrap();
        assert_eq!(numbers(&seen(&mut store, &c, &[Tlp::Clear], &Filter::default())), [4, 3, 1, 2]);
    }
}

#[test]
fn references_in_a_circle_end_and_ask_for_all() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        let refers = |n: u32, to: u32, level: Tlp| {
            object("grouping", n, 1, &format!(r#","object_marking_refs":["{}"],"object_refs":["{}"]"#, level.id(), id("grouping", to)))
        };
        store.add(&c, &Writer::NODE, &[refers(1, 2, Tlp::Clear), refers(2, 3, Tlp::Green), refers(3, 1, Tlp::Clear)], 1).unwrap();
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear], &Filter::default()), []);
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear, Tlp::Green], &Filter::default()).len(), 3);
    }
}

#[test]
fn unmarked_objects_ask_for_the_default_and_all_for_the_ceiling() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[Tlp::Green]);
        store.add(&c, &Writer::NODE, &[object("infrastructure", 1, 1, ""), marked(2, 1, Tlp::Clear)], 1).unwrap();
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear], &Filter::default()), []);
        assert_eq!(numbers(&seen(&mut store, &c, &[Tlp::Clear, Tlp::Green], &Filter::default())), [2]);
        assert_eq!(numbers(&seen(&mut store, &c, &[Tlp::Amber, Tlp::Green], &Filter::default())), [1]);
    }
}

#[test]
fn what_may_not_be_seen_may_not_be_deleted_and_deleting_opens_nothing() {
    for place in places() {
        let mut store = open(&place);
        let c = collection(&mut store, &[]);
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(1, 2, Tlp::Red)], 1).unwrap();
        let object = marked(1, 2, Tlp::Red);
        let (low, high) = (cleared(&store, &[Tlp::Clear]), cleared(&store, &[Tlp::Clear, Tlp::Red]));
        assert_eq!(store.delete((&c, &low), &Writer::NODE, &object.id, &|_, _| true, 2).unwrap(), 0);
        assert_eq!(store.delete((&c, &high), &Writer::NODE, &object.id, &|_, at| at == object.version_at.0, 2).unwrap(), 1);
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear], &Filter::default()), []);
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear, Tlp::Red], &Filter::default()), [(id("infrastructure", 1), "01".to_owned())]);
        let high = cleared(&store, &[Tlp::Clear, Tlp::Red]);
        assert_eq!(store.delete((&c, &high), &Writer::NODE, &object.id, &|_, _| true, 3).unwrap(), 1);
        assert_eq!(seen(&mut store, &c, &[Tlp::Clear, Tlp::Red], &Filter::default()), []);
    }
}

#[test]
fn a_backup_taken_in_use_fills_a_store_in_either_database() {
    let (from, others) = (&places()[0], places());
    for (i, to) in others.iter().enumerate() {
        let mut store = open(from);
        let c = collection(&mut store, &[]);
        store.add(&c, &Writer::NODE, &[marked(1, 1, Tlp::Clear), marked(9, 1, Tlp::Red)], 1).unwrap();
        let copy = to.folder.join(format!("copy-{i}.db"));
        let n = back_up(&from.location, &copy).unwrap();
        store.add(&c, &Writer::NODE, &[marked(2, 1, Tlp::Clear)], 1).unwrap();
        assert!(matches!(back_up(&from.location, &copy), Err(StoreError::Unable(_))));
        assert_eq!(restore(&copy, &to.location), Ok(n));
        let mut copied = open(to);
        assert_eq!(numbers(&seen(&mut copied, &c, &[Tlp::Clear], &Filter::default())), [1]);
        assert_eq!(numbers(&seen(&mut copied, &c, &[Tlp::Clear, Tlp::Red], &Filter::default())), [1, 9]);
        assert!(matches!(restore(&copy, &to.location), Err(StoreError::Unable(_))));
        let classes = cleared(&store, &[Tlp::Clear]);
        store.delete((&c, &classes), &Writer::NODE, &marked(2, 1, Tlp::Clear).id, &|_, _| true, 2).unwrap();
    }
}

#[test]
fn two_processes_on_one_database_give_no_moment_twice_and_know_each_others_classes() {
    for place in places() {
        let (mut one, mut other) = (open(&place), open(&place));
        let c = collection(&mut one, &[]);
        let levels = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::Red];
        for n in 0..8_u32 {
            let store = if n % 2 == 0 { &mut one } else { &mut other };
            store.add(&c, &Writer::NODE, &[marked(n, 1, levels[n as usize % 4])], 5).unwrap();
        }
        for store in [&mut one, &mut other] {
            store.catch_up().unwrap();
            assert_eq!(store.classes().len(), 4);
            let classes = cleared(store, &levels);
            let mut moments = Vec::new();
            store.page((c.number, &classes), &Filter::default(), (0, 10), &mut |item| moments.push(item.added)).unwrap();
            assert_eq!(moments, (5..13).collect::<Vec<_>>());
        }
    }
}

#[test]
fn tables_of_a_newer_program_are_refused() {
    for place in places() {
        let mut store = open(&place);
        store.database.batch("UPDATE schema_version SET number = 99").unwrap();
        drop(store);
        assert!(matches!(Store::open(&place.location, tlp(Tlp::Amber)).err(), Some(StoreError::Newer { found: 99, .. })));
    }
}

/// A step of a random history.
#[derive(Debug, Clone)]
struct Step {
    n: u32,
    day: u32,
    level: usize,
    target: u32,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..6_u32, 1..9_u32, 0..3_usize, 0..12_u32).prop_map(|(n, day, level, target)| Step { n, day, level, target });
    prop::collection::vec(step, 1..25)
}

const LEVELS: [Tlp; 3] = [Tlp::Clear, Tlp::Green, Tlp::Red];

fn grouping(step: &Step) -> Object {
    let refs = if step.target < 6 { format!(r#","object_refs":["{}"]"#, id("grouping", step.target)) } else { String::new() };
    object("grouping", step.n, step.day, &format!(r#","object_marking_refs":["{}"]{refs}"#, LEVELS[step.level].id()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What a reader sees equals what the definition says, worked out the slow way from the whole history.
    #[test]
    fn a_reader_sees_exactly_what_the_definition_allows(history in steps(), held in prop::collection::vec(any::<bool>(), 3)) {
        let place = &places()[0];
        let mut store = open(place);
        let c = collection(&mut store, &[]);
        let mut last: BTreeMap<u32, Step> = BTreeMap::new();
        let mut versions: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for step in &history {
            let outcome = store.add(&c, &Writer::NODE, &[grouping(step)], 1).unwrap();
            if outcome == [Outcome::Added] {
                versions.insert((step.n, step.day), step.level);
                if last.get(&step.n).is_none_or(|known| known.day < step.day) {
                    last.insert(step.n, step.clone());
                }
            }
        }
        let levels: Vec<Tlp> = (0..3).filter(|i| held[*i]).map(|i| LEVELS[i]).collect();
        // An object may be seen when every object reached from it may be; an unknown target asks for nothing.
        let may_see = |n: u32| {
            let (mut open, mut reached) = (vec![n], BTreeSet::new());
            while let Some(n) = open.pop() {
                let Some(step) = last.get(&n) else { continue };
                if !held[step.level] {
                    return false;
                }
                if reached.insert(n) && step.target < 6 {
                    open.push(step.target);
                }
            }
            true
        };
        let mut expected: Vec<(String, String)> = last.values().filter(|step| may_see(step.n))
            .map(|step| (id("grouping", step.n), format!("{:02}", step.day))).collect();
        let mut found = seen(&mut store, &c, &levels, &Filter::default());
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
        let all = Filter { versions: vec![VersionMatch::All], ..Filter::default() };
        let mut expected: Vec<(String, String)> = versions.iter().filter(|((n, _), level)| held[**level] && may_see(*n))
            .map(|((n, day), _)| (id("grouping", *n), format!("{day:02}"))).collect();
        let mut found = seen(&mut store, &c, &levels, &all);
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}
