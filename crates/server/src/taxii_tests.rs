//! The service without sockets: clauses of the standard by section, and that nothing hidden shows.

use buttress_wire::stix::marking::Tlp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::identity::kept_form;
use crate::store::Location;

const COLLECTION: &str = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";
const OTHER: &str = "52892447-4d7e-4f70-b94d-d7f22742ff63";

struct Node {
    service: Service,
    folder: std::path::PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

static PASSWORD: std::sync::OnceLock<String> = std::sync::OnceLock::new();
static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn account(name: &str, clearance: Tlp, reads: &[&str], writes: &[&str]) -> Account {
    let places = |ids: &[&str]| ids.iter().map(|id| Place { root: "api".into(), id: (*id).to_owned() }).collect();
    Account {
        name: name.into(),
        password: PASSWORD.get_or_init(|| kept_form("p").unwrap()).clone(),
        clearance,
        holds: [].into(),
        reads: places(reads),
        writes: places(writes),
    }
}

fn node() -> Node {
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("buttress-taxii-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let location = Location::Sqlite(folder.join("store.db"));
    let mut store = Store::open(&location, Id::parse(&Tlp::Amber.id()).unwrap()).unwrap();
    store.set_root("api", "Root").unwrap();
    store.set_root("hidden", "Nobody's").unwrap();
    store.set_collection("api", COLLECTION, "One", &[].into()).unwrap();
    store.set_collection("api", OTHER, "Two", &[].into()).unwrap();
    let accounts = [
        account("all", Tlp::Red, &[COLLECTION, OTHER], &[COLLECTION, OTHER]),
        account("low", Tlp::Green, &[COLLECTION], &[COLLECTION]),
        account("reader", Tlp::Amber, &[COLLECTION], &[]),
        account("writer", Tlp::Amber, &[], &[COLLECTION]),
    ];
    accounts.iter().for_each(|a| store.set_account(a).unwrap());
    Node { service: Service::new(Parts::usual(store, location, &folder).unwrap()).unwrap(), folder }
}

fn login(name: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:p")))
}

impl Node {
    fn ask(&self, name: &str, method: &str, path: &str, body: &Value) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (login, body) = (login(name), if body.is_null() { Vec::new() } else { body.to_string().into_bytes() });
        self.service.answer(Request {
            method,
            path,
            query,
            accept: Some(MEDIA_TYPE),
            content_type: Some(MEDIA_TYPE),
            authorization: Some(&login),
            certificate: None,
            address: None,
            body: &body,
            now: 1_800_000_000_000_000,
        })
    }

    fn get(&self, name: &str, path: &str) -> (u16, Value, Vec<(&'static str, String)>) {
        let answer = self.ask(name, "GET", path, &Value::Null);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default(), answer.headers)
    }

    fn add(&self, name: &str, objects: &[Value]) -> (u16, Value) {
        let answer = self.ask(name, "POST", &in_collection("objects/"), &json!({ "objects": objects }));
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

fn in_collection(rest: &str) -> String {
    format!("/api/collections/{COLLECTION}/{rest}")
}

fn id(n: u32) -> String {
    format!("infrastructure--00000000-0000-4000-8000-{n:012}")
}

fn object(n: u32, day: u32, level: Tlp) -> Value {
    json!({"type": "infrastructure", "spec_version": "2.1", "id": id(n), "created": "2026-01-01T00:00:00.000Z",
           "modified": format!("2026-01-{day:02}T00:00:00.000Z"), "name": "a", "object_marking_refs": [level.id()]})
}

fn ids(envelope: &Value) -> Vec<String> {
    envelope["objects"].as_array().map_or_else(Vec::new, |list| list.iter().map(|o| o["id"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn section_4_1_discovery_lists_the_roots_one_may_use() {
    let node = node();
    let (status, body, headers) = node.get("low", "/taxii2/");
    assert_eq!((status, &body["api_roots"], &body["default"]), (200, &json!(["/api/"]), &json!("/api/")));
    assert!(headers.contains(&("Content-Type", MEDIA_TYPE.to_owned())));
    assert_eq!(node.get("low", "/hidden/").0, 404);
    assert_eq!(node.get("low", "/api/").1["versions"], json!([MEDIA_TYPE]));
}

#[test]
fn section_3_6_errors_are_of_our_media_type_with_a_title_and_a_textual_status() {
    let node = node();
    for (path, status) in [("/none/", 404), ("/api/status/x/", 404), (&*in_collection("objects/?limit=0"), 400)] {
        let (found, body, headers) = node.get("low", path);
        assert_eq!((found, &body["http_status"]), (status, &json!(status.to_string())), "{path}");
        assert!(body["title"].is_string() && headers.contains(&("Content-Type", MEDIA_TYPE.to_owned())));
    }
    assert_eq!(node.ask("low", "PUT", &in_collection("objects/"), &Value::Null).status, 405);
}

#[test]
fn section_3_8_who_does_not_log_in_is_told_how() {
    let node = node();
    let answer = node.service.answer(Request { method: "GET", path: "/taxii2/", ..Request::default() });
    assert_eq!(answer.status, 401);
    assert!(answer.headers.iter().any(|(name, value)| *name == "WWW-Authenticate" && value.starts_with("Basic")));
    let wrong = login("nobody");
    let answer = node.service.answer(Request { method: "GET", path: "/taxii2/", authorization: Some(&wrong), ..Request::default() });
    assert_eq!(answer.status, 401);
}

#[test]
fn section_3_5_media_types_are_negotiated() {
    let node = node();
    let (login, path) = (login("all"), in_collection("objects/"));
    let body = json!({"objects": [object(1, 1, Tlp::Clear)]}).to_string();
    let request = Request { authorization: Some(&login), path: &path, body: body.as_bytes(), ..Request::default() };
    assert_eq!(node.service.answer(Request { method: "GET", accept: Some("text/html"), ..request }).status, 406);
    let post = Request { method: "POST", accept: Some(MEDIA_TYPE), ..request };
    assert_eq!(node.service.answer(Request { content_type: Some("application/json"), ..post }).status, 415);
    assert_eq!(node.service.answer(Request { content_type: Some("application/taxii+json"), ..post }).status, 202);
}

#[test]
fn section_5_what_one_may_not_do_is_403_and_what_one_may_not_know_404() {
    let node = node();
    node.add("all", &[object(1, 1, Tlp::Clear)]);
    let objects = in_collection("objects/");
    let one = in_collection(&format!("objects/{}/", id(1)));
    assert_eq!(node.get("writer", &objects).0, 403);
    assert_eq!(node.add("reader", &[object(2, 1, Tlp::Clear)]).0, 403);
    assert_eq!(node.ask("reader", "DELETE", &one, &Value::Null).status, 403);
    assert_eq!(node.ask("writer", "DELETE", &one, &Value::Null).status, 403);
    assert_eq!(node.get("low", &format!("/api/collections/{OTHER}/")).0, 404);
    assert_eq!(node.ask("low", "DELETE", &one.replace(COLLECTION, OTHER), &Value::Null).status, 404);
    let listed = node.get("writer", "/api/collections/").1;
    assert_eq!(listed["collections"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["collections"][0]["can_read"], &listed["collections"][0]["can_write"]), (&json!(false), &json!(true)));
}

#[test]
fn section_5_5_each_object_of_a_request_succeeds_or_fails_alone() {
    let node = node();
    let broken = json!({"type": "infrastructure", "id": "infrastructure--1"});
    let (code, status) = node.add("all", &[object(1, 1, Tlp::Clear), broken, object(1, 1, Tlp::Clear)]);
    assert_eq!((code, &status["status"]), (202, &json!("complete")));
    assert_eq!([&status["total_count"], &status["success_count"], &status["failure_count"]], [&json!(3), &json!(2), &json!(1)]);
    assert!(status["failures"][0]["message"].as_str().unwrap().contains("UUID"));
    let path = format!("/api/status/{}/", status["id"].as_str().unwrap());
    assert_eq!(node.get("all", &path).1, status);
    assert_eq!(node.get("low", &path).0, 404);
    let send = |body: &Value| node.ask("all", "POST", &in_collection("objects/"), body).status;
    assert_eq!([send(&json!({})), send(&json!({"objects": []})), send(&json!([])), send(&Value::Null)], [422, 422, 422, 400]);
}

#[test]
fn section_3_4_pages_follow_next_and_added_after_excludes() {
    let node = node();
    let objects: Vec<Value> = (0..25).map(|n| object(n, 1, Tlp::Clear)).collect();
    node.add("all", &objects);
    let (mut seen, mut next) = (Vec::new(), String::new());
    let mut last = String::new();
    for _ in 0..10 {
        let (status, page, headers) = node.get("low", &in_collection(&format!("objects/?limit=10{next}")));
        assert_eq!(status, 200);
        seen.extend(ids(&page));
        last.clone_from(&headers.iter().find(|h| h.0 == "X-TAXII-Date-Added-Last").unwrap().1);
        if page["more"] == json!(false) {
            break;
        }
        next = format!("&next={}", page["next"].as_str().unwrap());
    }
    assert_eq!(seen, (0..25).map(id).collect::<Vec<_>>());
    let (_, empty, headers) = node.get("low", &in_collection(&format!("objects/?added_after={last}")));
    assert_eq!(empty, json!({"more": false}));
    assert!(!headers.iter().any(|h| h.0.starts_with("X-TAXII")));
    // A cursor is good for its reader and its filters only.
    assert_eq!(node.get("all", &in_collection(&format!("objects/?limit=10{next}"))).0, 400);
    assert_eq!(node.get("low", &in_collection(&format!("objects/?match[type]=campaign{next}"))).0, 400);
    assert_eq!(node.get("low", &in_collection("objects/?next=AAAA")).0, 400);
}

#[test]
fn sections_5_3_and_5_8_manifest_and_versions_tell_what_the_objects_are() {
    let node = node();
    node.add("all", &[object(1, 1, Tlp::Clear), object(1, 3, Tlp::Clear)]);
    let (_, manifest, headers) = node.get("low", &in_collection("manifest/"));
    let record = &manifest["objects"][0];
    assert_eq!(record["version"], json!("2026-01-03T00:00:00.000Z"));
    assert_eq!(record["date_added"].as_str(), headers.iter().find(|h| h.0 == "X-TAXII-Date-Added-First").map(|h| h.1.as_str()));
    assert_eq!(record["media_type"], json!(STIX));
    let versions = node.get("low", &in_collection(&format!("objects/{}/versions/", id(1)))).1;
    assert_eq!(versions["versions"], json!(["2026-01-01T00:00:00.000Z", "2026-01-03T00:00:00.000Z"]));
    assert_eq!(node.get("low", &in_collection(&format!("objects/{}/versions/", id(2)))).0, 404);
}

#[test]
fn section_5_7_deleting_takes_all_versions_or_those_named() {
    let node = node();
    node.add("all", &[object(1, 1, Tlp::Clear), object(1, 3, Tlp::Clear)]);
    let path = in_collection(&format!("objects/{}/", id(1)));
    assert_eq!(node.ask("all", "DELETE", &format!("{path}?match[version]=first"), &Value::Null).status, 200);
    assert_eq!(ids(&node.get("low", &format!("{path}?match[version]=all")).1).len(), 1);
    assert_eq!(node.ask("all", "DELETE", &path, &Value::Null).status, 200);
    assert_eq!(node.get("low", &path).0, 404);
    assert_eq!(node.ask("all", "DELETE", &path, &Value::Null).status, 404);
}

/// Requests of a reader, with the query strings that count things.
fn questions() -> Vec<String> {
    let mut paths = vec!["/taxii2/".to_owned(), "/api/".to_owned(), "/api/collections/".to_owned(), in_collection("")];
    for rest in ["objects/", "manifest/"] {
        for query in ["", "?limit=1", "?limit=2", "?match[version]=all", "?match[version]=first", "?match[type]=infrastructure"] {
            paths.push(in_collection(&format!("{rest}{query}")));
        }
    }
    for n in 0..5 {
        paths.push(in_collection(&format!("objects/{}/", id(n))));
        paths.push(in_collection(&format!("objects/{}/versions/", id(n))));
    }
    paths
}

/// Hides what may differ: moments of adding, cursors and identifiers of requests.
fn told(answer: &Answer) -> (u16, String, Vec<&'static str>) {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if body["next"].is_string() {
        body["next"] = json!("cursor");
    }
    if body["success_count"].is_number() {
        body["id"] = json!("status");
    }
    for record in body["objects"].as_array_mut().into_iter().flatten() {
        if record["date_added"].is_string() {
            record["date_added"] = json!("moment");
        }
    }
    (answer.status, body.to_string(), answer.headers.iter().map(|h| h.0).collect())
}

/// A step in the life of two nodes that differ in what is hidden from one account.
#[derive(Debug, Clone)]
enum Step {
    /// That account adds an object, or a new version of one.
    Low(u32, u32),
    /// It adds a relationship.
    LowRelation(u32, (u32, u32)),
    /// It deletes an object.
    LowDelete(u32),
    /// Another adds an object that the account may not see, under an identifier that it may come to use itself.
    Hidden(u32, u32),
    /// Another adds a relationship that the account may not see.
    HiddenRelation(u32, (u32, u32)),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (n, ends) = (0_u32..5, (0_u32..5, 0_u32..5));
    let step = prop_oneof![
        3 => (n.clone(), 1_u32..5).prop_map(|(n, day)| Step::Low(n, day)),
        2 => (5_u32..8, ends.clone()).prop_map(|(n, ends)| Step::LowRelation(n, ends)),
        1 => n.clone().prop_map(Step::LowDelete),
        3 => (n, 1_u32..5).prop_map(|(n, day)| Step::Hidden(n, day)),
        2 => (5_u32..8, ends).prop_map(|(n, ends)| Step::HiddenRelation(n, ends)),
    ];
    prop::collection::vec(step, 1..16)
}

fn relation(n: u32, (from, to): (u32, u32), level: Tlp) -> Value {
    json!({"type": "relationship", "spec_version": "2.1", "id": format!("relationship--00000000-0000-4000-8000-{n:012}"),
           "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "relationship_type": "depends-on",
           "source_ref": id(from), "target_ref": id(to), "object_marking_refs": [level.id()]})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A reader's answers are the same whether or not objects it may not see are there, also to what it writes itself: under an
    /// identifier that is taken, with a version that is taken, as a relationship to what is hidden.
    #[test]
    fn no_answer_depends_on_what_is_hidden(steps in steps()) {
        let (without, with) = (node(), node());
        let mut used = std::collections::BTreeSet::new();
        for step in &steps {
            let post = |node: &Node, object: &Value| told(&node.ask("low", "POST", &in_collection("objects/"), &json!({"objects": [object]})));
            match step {
                Step::Low(n, day) => {
                    used.insert(*n);
                    let object = object(*n, *day, Tlp::Green);
                    prop_assert_eq!(post(&without, &object), post(&with, &object));
                }
                Step::LowRelation(n, ends) => {
                    used.insert(*n);
                    let object = relation(*n, *ends, Tlp::Green);
                    prop_assert_eq!(post(&without, &object), post(&with, &object));
                }
                Step::LowDelete(n) => {
                    let delete = |node: &Node| told(&node.ask("low", "DELETE", &in_collection(&format!("objects/{}/", id(*n))), &Value::Null));
                    prop_assert_eq!(delete(&without), delete(&with));
                }
                // Who sees an object and raises its marking takes it from others, who may notice; that is not meant here.
                Step::Hidden(n, day) => if !used.contains(n) {
                    with.add("all", &[object(*n, *day, Tlp::Red)]);
                },
                Step::HiddenRelation(n, ends) => if !used.contains(n) {
                    with.add("all", &[relation(*n, *ends, Tlp::Red)]);
                },
            }
            let path = in_collection("objects/?match[version]=all");
            let ask = |node: &Node| told(&node.ask("low", "GET", &path, &Value::Null));
            prop_assert_eq!(ask(&without), ask(&with));
        }
        for path in questions() {
            let ask = |node: &Node| told(&node.ask("low", "GET", &path, &Value::Null));
            prop_assert_eq!(ask(&without), ask(&with), "{}", path);
        }
    }
}

#[test]
fn a_hidden_part_is_taken_out_and_the_rest_is_the_same_whatever_it_says() {
    let part = |secret: &str| {
        let mut one = object(1, 1, Tlp::Clear);
        one["description"] = json!(secret);
        one["granular_markings"] = json!([{"marking_ref": Tlp::Red.id(), "selectors": ["description"]}]);
        let node = node();
        node.add("all", &[one.clone()]);
        (node.get("low", &in_collection("objects/")).1, node.get("all", &in_collection("objects/")).1["objects"] == json!([one]))
    };
    let (low, all) = part("a cable");
    assert!(all && !low.to_string().contains("cable") && !low.to_string().contains("granular"));
    assert_eq!(ids(&low), [id(1)]);
    assert_eq!(part("a pipe, deep").0, low);
}

#[test]
fn each_author_finds_what_it_wrote_and_the_cleared_find_the_latest() {
    let node = node();
    node.add("all", &[object(1, 3, Tlp::Red)]);
    node.add("low", &[object(1, 2, Tlp::Green), relation(7, (1, 2), Tlp::Green)]);
    let days = |name: &str, query: &str| -> Vec<String> {
        let body = node.get(name, &in_collection(&format!("objects/?match[type]=infrastructure{query}"))).1;
        body["objects"].as_array().unwrap().iter().map(|o| o["modified"].as_str().unwrap()[8..10].to_owned()).collect()
    };
    assert_eq!((days("low", ""), days("all", "")), (vec!["02".to_owned()], vec!["03".to_owned()]));
    assert_eq!(days("all", "&match[version]=all"), ["03", "02"]);
    // Whoever sees both and adds a version joins them: from then on it counts for all.
    node.add("all", &[object(1, 4, Tlp::Red)]);
    assert_eq!(node.get("low", &in_collection("objects/?match[type]=infrastructure")).1, json!({"more": false}));
    assert_eq!(days("all", "&match[version]=all"), ["03", "02", "04"]);
}

#[test]
fn what_was_asked_and_given_is_noted() {
    let node = node();
    node.add("all", &[object(1, 1, Tlp::Clear), object(2, 1, Tlp::Red)]);
    node.get("low", &in_collection("objects/"));
    node.ask("low", "GET", "/taxii2/", &Value::Null);
    node.service.answer(Request { method: "GET", path: "/taxii2/", ..Request::default() });
    let mut entries = Vec::new();
    crate::audit::verify(&node.folder.join("audit"), &mut |e| entries.push((e.account.clone(), e.status, e.n_objects))).unwrap();
    assert_eq!(entries, [("all".into(), 202, 2), ("low".into(), 200, 1), ("low".into(), 200, 0), (String::new(), 401, 0)]);
    node.service.write_ledger().unwrap();
    let mut store = node.service.store();
    let collection = store.collections().unwrap().into_iter().find(|c| c.id == COLLECTION).unwrap();
    let mut has = |n: u32| {
        let given = crate::ledger::given(&mut store, "low", collection.number).unwrap();
        let traces = store.traces(collection.number, &Id::parse(&id(n)).unwrap()).unwrap();
        traces.iter().any(|trace| given.contains(trace.added as u64))
    };
    assert!(has(1) && !has(2));
}

#[test]
fn too_many_requests_are_told_the_same_whether_or_not_a_place_exists() {
    let node = node();
    let Node { service, .. } = &node;
    let ask = |path: &str, body: &[u8], now| {
        let login = login("reader");
        let request = Request { method: "POST", path, authorization: Some(&login), body, now, ..Request::default() };
        service.answer(request)
    };
    let there = format!("/api/collections/{COLLECTION}/objects/");
    let body = vec![b' '; 64 << 20];
    // The bytes of a minute are spent on a place that does not exist as on one that does.
    (0..64).for_each(|_| assert_eq!(ask("/nowhere/", &body, 0).status, 404));
    let (hidden, shown) = (ask("/hidden/collections/", &body, 1), ask(&there, &body, 1));
    assert_eq!(hidden, shown);
    assert_eq!((shown.status, shown.headers[0].0), (429, "Retry-After"));
    assert_eq!(ask("/nowhere/", &[], 1).status, 404, "a request without a body is not meant");
}

#[test]
fn an_account_made_by_another_process_counts_at_once() {
    let node = node();
    assert_eq!(node.ask("late", "GET", "/taxii2/", &Value::Null).status, 401);
    let path = node.folder.join("store.db");
    let mut other = Store::open(&Location::Sqlite(path), Id::parse(&Tlp::Amber.id()).unwrap()).unwrap();
    other.set_account(&account("late", Tlp::Green, &[COLLECTION], &[])).unwrap();
    let login = login("late");
    let at = |now| Request { method: "GET", path: "/taxii2/", authorization: Some(&login), now, ..Request::default() };
    assert_eq!(node.service.answer(at(1_800_000_000_000_001)).status, 200);
}

#[test]
fn the_log_of_the_database_begins_anew_while_writers_overlap() {
    let node = node();
    let write = |from: u32| {
        for batch in 0..60 {
            let object = |i: u32| {
                let n = from + batch * 100 + i;
                // Identifiers far from each other touch many pages of the index.
                let id = format!("infrastructure--{:08x}-0000-4000-8000-{n:012}", n.wrapping_mul(2_654_435_761));
                json!({"type": "infrastructure", "spec_version": "2.1", "id": id, "created": "2026-01-01T00:00:00.000Z",
                       "modified": "2026-01-01T00:00:00.000Z", "name": "x".repeat(600)})
            };
            let (status, _) = node.add("all", &(0..100).map(object).collect::<Vec<_>>());
            assert_eq!(status, 202);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write(0));
        scope.spawn(|| write(1_000_000));
    });
    let length = std::fs::metadata(node.folder.join("store.db-wal")).unwrap().len();
    assert!(length < 64 << 20, "{length} bytes");
}
