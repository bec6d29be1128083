//! Pulling from servers that misbehave, and two real nodes under a random history.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use buttress_wire::stix::marking::Tlp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::client::Access;
use crate::client::testing::{Answered, BadPartner, COLLECTION, How, Next, Shelf, id, object, quick};
use crate::identity::kept_form;
use crate::listen::serve;
use crate::store::{Account, ClassId, Location, Place, Store, Writer};
use crate::taxii::{Parts, Service};
use crate::tls::{Certificate, Tls};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A folder with a store in it.
struct Home {
    folder: PathBuf,
    store: Store,
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn reopened(folder: &std::path::Path) -> Store {
    Store::open(&Location::Sqlite(folder.join("node.db")), Id::parse(&Tlp::Amber.id()).unwrap()).unwrap()
}

fn home() -> Home {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("buttress-share-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut store = reopened(&folder);
    store.set_root("api", "Root").unwrap();
    store.set_collection("api", COLLECTION, "One", &[].into()).unwrap();
    Home { folder, store }
}

fn options() -> Options {
    Options { limits: quick(), ..Options::default() }
}

fn accepting() -> Options {
    Options { removals: Removals::Accept, ..options() }
}

impl Home {
    /// A home that pulls from a server.
    fn of(partner: &BadPartner) -> Home {
        let mut home = home();
        let place = format!("api/{COLLECTION}");
        let new = NewPartner { name: "p", url: &partner.url(), place: &place, direction: "pull", ..NewPartner::default() };
        add_partner(&mut home.store, new).unwrap();
        home
    }

    fn pull(&mut self) -> Result<Pulled, FederationError> {
        pull(&mut self.store, "p", &options(), &())
    }

    /// Numbers of the objects kept.
    fn numbers(&mut self) -> BTreeSet<usize> {
        versions(&mut self.store, COLLECTION, None).into_iter().map(|(id, _)| id[id.len() - 12..].parse().unwrap()).collect()
    }
}

/// Versions that an account may see, or all.
fn versions(store: &mut Store, collection: &str, account: Option<&str>) -> BTreeSet<(String, String)> {
    store.catch_up().unwrap();
    let collection = store.collections().unwrap().into_iter().find(|c| c.id == collection).unwrap();
    let classes: Vec<ClassId> = match account {
        None => store.classes().keys().copied().collect(),
        Some(name) => {
            let account = store.accounts().unwrap().into_iter().find(|a| a.name == name).unwrap();
            store.view().unwrap().sight(&account).classes.clone()
        }
    };
    let mut list = BTreeSet::new();
    store
        .page((collection.number, &classes), &pull::all_versions(), (0, 10_000), &mut |item| {
            list.insert((item.id.to_owned(), item.text.to_owned()));
        })
        .unwrap();
    list
}

#[test]
fn one_invalid_object_goes_to_quarantine_alone_and_a_valid_version_clears_it() {
    static IS_MENDED: OnceLock<()> = OnceLock::new();
    let mut shelf = Shelf::new(1..6);
    let mended = (9, object(2, 2));
    shelf.objects[2].1["modified"] = json!("yesterday");
    let partner = BadPartner::new(move |_, asked| {
        let mut shelf = shelf.clone();
        if IS_MENDED.get().is_some() {
            shelf.objects.push(mended.clone());
        }
        shelf.answer(asked)
    });
    let mut home = Home::of(&partner);
    let pulled = home.pull().unwrap();
    assert_eq!((pulled.added, pulled.quarantined), (4, 1));
    let list = home.store.quarantine("p").unwrap();
    assert_eq!((list.len(), &list[0].id), (1, &id(2)));
    assert!(list[0].reason.contains("modified") && list[0].text.contains("yesterday"));
    // It is not asked for again and again.
    let n = partner.asked().len();
    assert_eq!(home.pull().unwrap(), Pulled { known: 0, ..Pulled::default() });
    assert_eq!(partner.asked().len(), n + 2);
    IS_MENDED.set(()).unwrap();
    assert_eq!(home.pull().unwrap().added, 1);
    assert_eq!(home.store.n_quarantined("p").unwrap(), 0);
    assert_eq!(home.numbers(), (0..5).collect());
}

#[test]
fn an_object_that_spoils_every_page_it_is_on_does_not_keep_the_others() {
    let shelf = Shelf::new(1..61);
    let partner = BadPartner::new(move |_, asked| {
        let answer = shelf.answer(asked);
        let is_spoilt = asked.path == "objects/" && String::from_utf8_lossy(&answer.body).contains(&id(20));
        if is_spoilt { Answered::raw(200, "{\"objects\": [{]}") } else { answer }
    });
    let mut home = Home::of(&partner);
    let pulled = home.pull().unwrap();
    assert_eq!((pulled.added, pulled.quarantined), (59, 1));
    assert_eq!(home.store.quarantine("p").unwrap()[0].id, id(20));
    assert!(!home.numbers().contains(&20));
}

#[test]
fn a_pull_that_is_cut_goes_on_where_it_was_cut() {
    let shelf = Shelf { cap: 10, ..Shelf::new(1..100) };
    let partner =
        BadPartner::new(move |n, asked| shelf.answer(asked).sent(if (5..8).contains(&n) { How::CutAfter(9) } else { How::Whole }));
    let mut home = Home::of(&partner);
    assert!(matches!(home.pull(), Err(FederationError::Client(ClientError::Unreachable { .. }))));
    assert_eq!(home.numbers(), (0..50).collect());
    assert!(home.store.last_run("p", "pull").unwrap().error.contains("broke off") || home.store.last_run("p", "pull").unwrap().tried > 0);
    drop(std::mem::replace(&mut home.store, reopened(&home.folder)));
    home.pull().unwrap();
    assert_eq!(home.numbers(), (0..99).collect());
    assert_eq!(partner.asked()[8].query["added_after"], Instant(49).to_string());
    assert_eq!(home.store.last_run("p", "pull").unwrap().error, "");
}

#[test]
fn what_dates_hide_the_manifest_finds() {
    // Gives no more than ten objects of one date, and lists all of them.
    let shelf = Shelf { cap: 10, next: Next::Missing, ..Shelf::new(std::iter::repeat_n(7, 25).chain(10_000_000..10_000_005)) };
    let partner = BadPartner::new(move |_, asked| {
        let is_free = asked.path == "manifest/" || asked.query.contains_key("match[id]");
        Shelf { cap: if is_free { 1000 } else { shelf.cap }, ..shelf.clone() }.answer(asked)
    });
    let mut home = Home::of(&partner);
    let pulled = home.pull().unwrap();
    assert_eq!((pulled.added, pulled.warnings.len()), (30, 1));
}

/// A server whose manifest and objects are of a list that can be changed.
fn changing(n: usize) -> (std::sync::Arc<Mutex<Shelf>>, BadPartner) {
    let shelf = std::sync::Arc::new(Mutex::new(Shelf::new(1..=i64::try_from(n).unwrap())));
    let shown = shelf.clone();
    (shelf, BadPartner::new(move |_, asked| shown.lock().unwrap().answer(asked)))
}

#[test]
fn what_the_manifest_no_longer_lists_is_removed_and_much_only_when_accepted() {
    let (shelf, partner) = changing(300);
    let mut home = Home::of(&partner);
    home.pull().unwrap();
    shelf.lock().unwrap().objects.remove(7);
    assert_eq!(home.pull().unwrap().deleted, 1);
    assert!(!home.numbers().contains(&7));
    shelf.lock().unwrap().objects.truncate(100);
    let pulled = home.pull().unwrap();
    assert_eq!((pulled.deleted, pulled.withheld), (0, 199));
    assert!(pulled.warnings[0].contains("--accept-removals"));
    assert_eq!(pull(&mut home.store, "p", &accepting(), &()).unwrap().deleted, 199);
    // An empty manifest removes nothing by itself.
    shelf.lock().unwrap().objects.clear();
    assert_eq!(home.pull().unwrap().withheld, 100);
    assert_eq!(home.numbers().len(), 100);
}

#[test]
fn a_manifest_that_is_short_or_fails_removes_nothing() {
    type Bad = fn(&Shelf, &crate::client::testing::Asked) -> Answered;
    let cases: [(&str, Bad); 4] = [
        // Complete by its own word, and not true when asked by name.
        ("short", |shelf, asked| {
            let is_named = asked.query.contains_key("match[id]");
            let n = if is_named { 40 } else { 30 };
            Shelf { objects: shelf.objects[..n].to_vec(), ..shelf.clone() }.answer(asked)
        }),
        ("more for ever", |_, _| Answered::json(&json!({"more": true}))),
        ("fails", |_, _| Answered::raw(500, "")),
        ("is no json", |_, _| Answered::raw(200, "<html>")),
    ];
    for (what, bad) in cases {
        let shelf = Shelf::new(1..41);
        let is_bad = std::sync::Arc::new(AtomicUsize::new(0));
        let seen = is_bad.clone();
        let partner = BadPartner::new(move |_, asked| {
            if asked.path == "manifest/" && seen.load(Ordering::Relaxed) == 1 { bad(&shelf, asked) } else { shelf.answer(asked) }
        });
        let mut home = Home::of(&partner);
        home.pull().unwrap();
        is_bad.store(1, Ordering::Relaxed);
        let done = pull(&mut home.store, "p", &accepting(), &());
        assert!(done.as_ref().map_or(0, |pulled| pulled.deleted) == 0, "{what}: {done:?}");
        assert_eq!(home.numbers().len(), 40, "{what}");
    }
}

#[test]
fn a_partner_is_set_up_with_advice_where_something_is_wrong() {
    let mut home = home();
    let place = format!("api/{COLLECTION}");
    let good = NewPartner { name: "p", url: "https://a/b/collections/c/", place: &place, direction: "pull", ..NewPartner::default() };
    let wrong = [
        (NewPartner { name: "a b", ..good.clone() }, "name"),
        (NewPartner { url: "http://a/b/collections/c/", ..good.clone() }, "https"),
        (NewPartner { place: "api/none", ..good.clone() }, "collection list"),
        (NewPartner { direction: "up", ..good.clone() }, "direction"),
        (NewPartner { direction: "push", ..good.clone() }, "--as"),
        (NewPartner { direction: "push", account: Some("nobody"), ..good.clone() }, "no account"),
        (NewPartner { access: Access { trust: Some("x".into()), ..Access::default() }, ..good.clone() }, "certificate"),
    ];
    for (new, advice) in wrong {
        let error = add_partner(&mut home.store, new).unwrap_err().to_string();
        assert!(error.contains(advice), "{error}");
    }
    add_partner(&mut home.store, good.clone()).unwrap();
    let error = add_partner(&mut home.store, NewPartner { url: "https://a/b/collections/d/", ..good }).unwrap_err();
    assert!(error.to_string().contains("remove it first"));
    keep_secret(&home.folder).unwrap();
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(home.folder.join("node.db")).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A real node that serves, with a second hand on its database.
struct Node {
    home: Home,
    url: String,
    certificate: String,
}

fn account(name: &str, clearance: Tlp) -> Account {
    Account {
        name: name.into(),
        password: kept_form("password").unwrap(),
        clearance,
        holds: [].into(),
        reads: [].into(),
        writes: [].into(),
    }
}

fn node() -> Node {
    let mut home = home();
    let (folder, (tell, told)) = (home.folder.clone(), std::sync::mpsc::channel());
    home.store.set_account(&account("them", Tlp::Amber)).unwrap();
    let certificate = Certificate::in_folder(&folder).unwrap();
    let pem = std::fs::read_to_string(&certificate.certificate).unwrap();
    std::thread::spawn(move || {
        let location = Location::Sqlite(folder.join("node.db"));
        let service = Service::new(Parts::usual(reopened(&folder), location, &folder).unwrap()).unwrap();
        let tls = Tls { certificate, clients: None };
        let _ = serve((Arc::new(service), None), "127.0.0.1:0".parse().unwrap(), &tls, |address| tell.send(address).unwrap());
    });
    let address = told.recv_timeout(Duration::from_secs(30)).unwrap();
    Node { home, url: format!("https://{address}/api/"), certificate: pem }
}

impl Node {
    /// A new collection which the account `them` may read and write.
    fn collection(&mut self, collection: &str) {
        let store = &mut self.home.store;
        store.set_collection("api", collection, "New", &[].into()).unwrap();
        let mut them = store.accounts().unwrap().into_iter().find(|a| a.name == "them").unwrap();
        let place = Place { root: "api".into(), id: collection.into() };
        them.reads.insert(place.clone());
        them.writes.insert(place);
        store.set_account(&them).unwrap();
    }

    fn partner(&mut self, other: &Node, collection: &str, direction: &str) {
        let place = format!("api/{collection}");
        let access =
            Access { login: Some(("them".into(), "password".into())), trust: Some(other.certificate.clone()), ..Access::default() };
        let new = NewPartner {
            name: collection,
            url: &other.url,
            collection: Some(collection),
            place: &place,
            direction,
            account: Some("them"),
            access,
        };
        add_partner(&mut self.home.store, new).unwrap();
    }

    fn apply(&mut self, collection: &str, step: &Step, at: i64) {
        let store = &mut self.home.store;
        let collection = store.collections().unwrap().into_iter().find(|c| c.id == collection).unwrap();
        let object = Object::read(&step.object().to_string()).unwrap();
        match step.what {
            What::Add | What::Revoke => {
                store.add(&collection, &Writer::NODE, &[object], at).unwrap();
            }
            What::Delete | What::DeleteAll => {
                store.catch_up().unwrap();
                let classes: Vec<ClassId> = store.classes().keys().copied().collect();
                let version = object.version_at.0;
                let is_meant = |_: &str, at: i64| step.what == What::DeleteAll || at == version;
                store.delete((&collection, &classes), &Writer::NODE, &object.id, &is_meant, at).unwrap();
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Add,
    Revoke,
    Delete,
    DeleteAll,
}

/// A step of a random history; objects below 10 are the first node's.
#[derive(Debug, Clone)]
struct Step {
    n: usize,
    day: u32,
    level: Tlp,
    what: What,
    refers_to: Option<usize>,
    /// Whether the nodes exchange after it.
    is_synced: bool,
}

impl Step {
    fn object(&self) -> Value {
        let mut value = object(self.n, self.day);
        value["object_marking_refs"] = json!([self.level.id()]);
        if self.what == What::Revoke {
            value["revoked"] = json!(true);
        }
        if let Some(other) = self.refers_to {
            value["x_refs"] = json!([id(other)]);
        }
        value
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![4 => Just(What::Add), 1 => Just(What::Revoke), 1 => Just(What::Delete), 1 => Just(What::DeleteAll)];
    let level = prop::sample::select(vec![Tlp::Clear, Tlp::Amber, Tlp::Red]);
    let step = (0..8_usize, 1..6_u32, level, what, prop::option::weighted(0.3, 0..4_usize), prop::bool::weighted(0.25)).prop_map(
        |(n, day, level, what, refers_to, is_synced)| {
            let base = if n < 4 { 0 } else { 10 };
            Step { n: base + n % 4, day, level, what, refers_to: refers_to.map(|other| base + other), is_synced }
        },
    );
    prop::collection::vec(step, 1..30)
}

fn of_first((id, _): &(String, String)) -> bool {
    id[id.len() - 12..].parse::<usize>().unwrap() < 10
}

fn of_other(version: &(String, String)) -> bool {
    !of_first(version)
}

type Versions = BTreeSet<(String, String)>;

/// What one node shows of some objects to the other, and what the other has of them.
fn shown_and_there(from: &mut Node, to: &mut Node, name: &str, which: fn(&(String, String)) -> bool) -> (Versions, Versions) {
    let shown = versions(&mut from.home.store, name, Some("them")).into_iter().filter(which).collect();
    (shown, versions(&mut to.home.store, name, None).into_iter().filter(which).collect())
}

fn nodes() -> std::sync::MutexGuard<'static, (Node, Node)> {
    static NODES: OnceLock<Mutex<(Node, Node)>> = OnceLock::new();
    NODES.get_or_init(|| Mutex::new((node(), node()))).lock().unwrap_or_else(PoisonError::into_inner)
}

fn collection_number() -> String {
    format!("00000000-0000-4000-8000-{:012}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Exchanges once; what was moved.
fn exchange(node: &mut Node, name: &str) -> usize {
    let synced = sync(&mut node.home.store, name, &accepting(), &()).unwrap();
    let pulled = synced.pulled.map(|done| done.unwrap()).unwrap_or_default();
    let pushed = synced.pushed.map(|done| done.unwrap()).unwrap_or_default();
    assert_eq!((&pulled.warnings, &pushed.warnings), (&vec![], &vec![]));
    assert_eq!((pulled.quarantined, pulled.withheld, pushed.failed, pushed.open, pushed.stuck), (0, 0, 0, 0, 0));
    pulled.added + pulled.replaced + pulled.deleted + pushed.sent + pushed.withdrawn
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// One node pushes to and pulls from another: each has of the other's objects exactly what it may see.
    #[test]
    fn after_an_exchange_each_has_what_it_may_have(history in steps()) {
        let mut nodes = nodes();
        let (one, other) = &mut *nodes;
        let name = collection_number();
        one.collection(&name);
        other.collection(&name);
        one.partner(other, &name, "both");
        for (step, at) in history.iter().zip(1_i64..) {
            if step.n < 10 { one.apply(&name, step, at) } else { other.apply(&name, step, at) }
            if step.is_synced {
                exchange(one, &name);
            }
        }
        exchange(one, &name);
        let (shown, there) = shown_and_there(one, other, &name, of_first);
        prop_assert_eq!(shown, there);
        let (shown, here) = shown_and_there(other, one, &name, of_other);
        prop_assert_eq!(shown, here);
        // Once more moves nothing.
        prop_assert_eq!(exchange(one, &name), 0);
        prop_assert_eq!(status(&mut one.home.store, &name).unwrap().waiting, 0);
    }

    /// Two nodes that pull from each other.
    #[test]
    fn after_pulling_from_each_other_each_has_what_it_may_have(history in steps()) {
        let mut nodes = nodes();
        let (one, other) = &mut *nodes;
        let name = collection_number();
        one.collection(&name);
        other.collection(&name);
        one.partner(other, &name, "pull");
        other.partner(one, &name, "pull");
        for (step, at) in history.iter().zip(1_i64..) {
            if step.n < 10 { one.apply(&name, step, at) } else { other.apply(&name, step, at) }
            if step.is_synced {
                exchange(one, &name);
                exchange(other, &name);
            }
        }
        exchange(one, &name);
        exchange(other, &name);
        let (shown, there) = shown_and_there(one, other, &name, of_first);
        prop_assert_eq!(shown, there);
        let (shown, there) = shown_and_there(other, one, &name, of_other);
        prop_assert_eq!(shown, there);
        prop_assert_eq!(exchange(one, &name) + exchange(other, &name), 0);
    }
}

#[test]
fn what_a_partner_refuses_is_kept_with_its_reason_and_tried_a_few_times() {
    let partner = BadPartner::new(|_, asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/api/") => Answered::json(&json!({"title": "R", "versions": [], "max_content_length": 1_000_000})),
        ("GET", _) => Answered::json(&json!({"id": COLLECTION, "title": "T", "can_read": true, "can_write": true})),
        _ => {
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            let failures: Vec<Value> = body["objects"].as_array().unwrap().iter().filter(|o| o["id"] == id(1)).cloned().collect();
            let failures: Vec<Value> =
                failures.iter().map(|o| json!({"id": o["id"], "version": o["modified"], "message": "too odd"})).collect();
            let n = body["objects"].as_array().unwrap().len();
            let status = json!({"id": "s", "status": "complete", "success_count": n - failures.len(), "failure_count": failures.len(), "failures": failures});
            Answered::raw(202, status.to_string())
        }
    });
    let mut home = home();
    let place = Place { root: "api".into(), id: COLLECTION.into() };
    home.store.set_account(&Account { reads: [place.clone()].into(), ..account("them", Tlp::Amber) }).unwrap();
    let url = partner.url();
    let name = place.to_string();
    let new = NewPartner { name: "p", url: &url, place: &name, direction: "push", account: Some("them"), ..NewPartner::default() };
    add_partner(&mut home.store, new).unwrap();
    let collection = home.store.collections().unwrap().remove(0);
    let objects: Vec<Object> = (0..3).map(|n| Object::read(&object(n, 1).to_string()).unwrap()).collect();
    home.store.add(&collection, &Writer::NODE, &objects, 1).unwrap();
    assert_eq!(status(&mut home.store, "p").unwrap().waiting, 3);
    for (n, sent) in [(1, 2), (2, 0), (3, 0), (4, 0), (5, 0)] {
        let pushed = push(&mut home.store, "p", &options(), &()).unwrap();
        assert_eq!((pushed.sent, pushed.failed), (sent, 1), "{n}");
    }
    let stands = status(&mut home.store, "p").unwrap();
    assert_eq!((stands.sent, stands.failed, stands.waiting), (2, 1, 0));
    assert_eq!((stands.troubles[0].attempts, &*stands.troubles[0].reason), (5, "too odd"));
    assert_eq!(push(&mut home.store, "p", &options(), &()).unwrap(), Pushed::default());
    let holders: BTreeMap<String, &str> = holders(&mut home.store, &id(1)).unwrap().into_iter().map(|h| (h.partner, h.state)).collect();
    assert_eq!(holders, [("p".to_owned(), "failed")].into());
}
