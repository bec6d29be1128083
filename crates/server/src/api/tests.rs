//! The routes without sockets, with a stand-in for the program.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use buttress_wire::stix::Id;
use buttress_wire::stix::marking::Tlp;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};

use super::*;
use crate::identity::kept_form;
use crate::jobs::{Bounds, Workshop};
use crate::store::{Location, Store};
use crate::taxii::{self, Parts};

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Node {
    router: Router,
    api: Arc<Api>,
    folder: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.api.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A node with so many jobs waiting at most, and accounts of which the first two may start jobs.
fn node(queue: usize, accounts: &[&str]) -> Node {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("buttress-api-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let location = Location::Sqlite(folder.join("store.db"));
    let mut store = Store::open(&location, Id::parse(&Tlp::Amber.id()).unwrap()).unwrap();
    for (k, name) in accounts.iter().enumerate() {
        let account = Account { name: (*name).into(), password: kept_form("p").unwrap(), ..crate::node::operator() };
        store.set_account(&account).unwrap();
        if k < 2 {
            store.grant_jobs(name).unwrap();
        }
    }
    let jobs = Jobs::open(Workshop {
        folder: folder.join("jobs"),
        program: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake_program.sh").into(),
        version: "1".into(),
        case: None,
        case_digest: Box::new(|| Ok("case".into())),
        bounds: Bounds { queue, ..Bounds::default() },
    });
    let parts = Parts { guest: Some(crate::node::operator()), ..Parts::usual(store, location, &folder).unwrap() };
    let api = Arc::new(Api::new(jobs.unwrap(), Arc::new(taxii::Service::new(parts).unwrap()), "alert(1)"));
    // As it is listened to: with TAXII for everything else.
    let router = Router::new().fallback(|| async { "TAXII" }).merge(router(api.clone()));
    Node { router, api, folder }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Node {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = axum::http::Request::builder().method(method).uri(path).header("host", "node:8443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let service = TowerToHyperService::new(self.router.clone());
        let response = service.call(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn ask(&self, name: &str, method: Method, path: &str, body: &Value) -> Answer {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{name}:p"));
        let login = format!("Basic {login}");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[("authorization", &login), ("content-type", "application/json")], text).await
    }

    async fn get(&self, name: &str, path: &str) -> Answer {
        self.ask(name, Method::GET, path, &Value::Null).await
    }

    async fn start(&self, name: &str, threat: &str) -> String {
        let answer = self.ask(name, Method::POST, "/api/jobs", &run(threat)).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let path = answer.header("location").to_owned();
        assert_eq!(path, format!("/api/jobs/{}", answer.json()["id"].as_str().unwrap()));
        path
    }

    async fn until(&self, name: &str, path: &str, state: &str) -> Value {
        let since = Instant::now();
        loop {
            let job = self.get(name, path).await.json();
            if job["state"] == state {
                return job;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{job}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn run(threat: &str) -> Value {
    json!({"kind": "run", "settings": {"threat": threat}})
}

#[tokio::test]
async fn a_job_is_of_its_account_alone() {
    let node = node(9, &["fi", "se", "guest"]);
    let path = node.start("fi", "quick").await;
    let job = node.until("fi", &path, "done").await;
    assert_eq!((&job["account"], &job["kind"], &job["settings"]["threat"]), (&json!("fi"), &json!("run"), &json!("quick")));
    for (method, rest) in [
        (Method::GET, ""),
        (Method::GET, "/events"),
        (Method::GET, "/result/scenario.json"),
        (Method::POST, "/cancel"),
        (Method::POST, "/resume"),
        (Method::DELETE, ""),
    ] {
        let path = format!("{path}{rest}");
        let other = node.ask("se", method.clone(), &path, &Value::Null).await;
        let none = node.ask("se", method.clone(), &path.replace(job["id"].as_str().unwrap(), "x"), &Value::Null).await;
        assert_eq!((other.status, &other.text), (404, &none.text), "{path}");
        assert_eq!(node.ask("guest", method.clone(), &path, &Value::Null).await.status, 403, "{path}");
        let nobody = node.send(method, &path, &[], String::new()).await;
        assert_eq!((nobody.status, nobody.header("www-authenticate").is_empty()), (401, false), "{path}");
    }
    assert_eq!(node.get("se", "/api/jobs").await.json()["jobs"], json!([]));
    assert_eq!(node.get("fi", "/api/jobs").await.json()["jobs"][0], job);
    assert_eq!(node.ask("guest", Method::POST, "/api/jobs", &run("quick")).await.status, 403);
    assert_eq!(node.ask("nobody", Method::POST, "/api/jobs", &run("quick")).await.status, 401);
}

#[tokio::test]
async fn the_same_question_is_answered_by_what_is_there_unless_fresh() {
    let node = node(9, &["fi", "se"]);
    let path = node.start("fi", "quick").await;
    let job = node.until("fi", &path, "done").await;
    let again = node.ask("fi", Method::POST, "/api/jobs", &run("quick")).await;
    assert_eq!((again.status, again.json(), again.header("location")), (200, job, path.as_str()));
    let fresh = json!({"kind": "run", "settings": {"threat": "quick"}, "fresh": true});
    let fresh = node.ask("fi", Method::POST, "/api/jobs", &fresh).await;
    assert!(fresh.status == 202 && fresh.header("location") != path);
    assert_ne!(node.start("se", "quick").await, path);
}

#[tokio::test]
async fn without_accounts_whoever_is_on_the_machine_is_the_operator() {
    let node = node(9, &[]);
    let headers = [("content-type", "application/json; charset=utf-8")];
    let answer = node.send(Method::POST, "/api/jobs", &headers, run("quick").to_string()).await;
    assert_eq!((answer.status, &answer.json()["account"]), (202, &json!("operator")));
    let version = node.send(Method::GET, "/api/version", &[], String::new()).await;
    assert_eq!(version.json(), json!({"program": "buttress", "version": "1", "case_digest": "case"}));
    assert_eq!(node.get("fi", "/api/jobs").await.status, 401, "a login that is given must be right");
}

#[tokio::test]
async fn pages_of_other_sites_are_not_answered() {
    let node = node(9, &[]);
    let json = ("content-type", "application/json");
    for (method, path) in [(Method::POST, "/api/jobs"), (Method::POST, "/api/jobs/x/cancel"), (Method::GET, "/api/health")] {
        for origin in ["https://evil.example", "http://node:8443", "https://node", "null", ""] {
            let answer = node.send(method.clone(), path, &[json, ("origin", origin)], run("quick").to_string()).await;
            assert_eq!(answer.status, 403, "{path} {origin}");
            assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
        }
    }
    let own = node.send(Method::POST, "/api/jobs", &[json, ("origin", "https://node:8443")], run("quick").to_string()).await;
    assert_eq!(own.status, 202);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""] {
        let answer = node.send(Method::POST, "/api/jobs", &[("content-type", kind)], run("quick").to_string()).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_problem() {
    let node = node(9, &["fi"]);
    let large = json!({"kind": "run", "settings": {"threat": "x".repeat(300_000)}});
    for (body, status) in
        [(json!("x"), 422), (json!({"kind": "run", "settings": {}}), 422), (run("../x"), 422), (run("a;b"), 422), (large, 413)]
    {
        let answer = node.ask("fi", Method::POST, "/api/jobs", &body).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{}", answer.text);
        assert!(answer.json()["status"] == status && answer.json()["detail"].as_str().is_some_and(|d| !d.is_empty()));
    }
    let login = [("authorization", "Basic Zmk6cA=="), ("content-type", "application/json")];
    let broken = node.send(Method::POST, "/api/jobs", &login, "{".into()).await;
    assert_eq!((broken.status, broken.header("content-type")), (400, "application/problem+json"));
    let wrong = node.ask("fi", Method::PUT, "/api/jobs", &Value::Null).await;
    assert_eq!((wrong.status, wrong.header("content-type")), (405, "application/problem+json"));
    assert!(wrong.header("allow").contains("POST"), "{}", wrong.header("allow"));
    assert_eq!(node.get("fi", "/api/jobs/%FF").await.header("content-type"), "application/problem+json");
    assert_eq!(node.get("fi", "/api/collections/").await.text, "TAXII");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let node = node(1, &["fi"]);
    let path = node.start("fi", "slow").await;
    node.until("fi", &path, "running").await;
    let second = node.start("fi", "quick").await;
    let full = node.ask("fi", Method::POST, "/api/jobs", &run("quick2")).await;
    assert_eq!((full.status, full.header("retry-after")), (429, "30"));
    assert_eq!(node.ask("fi", Method::DELETE, &path, &Value::Null).await.status, 409);
    assert_eq!(node.ask("fi", Method::POST, &format!("{path}/cancel"), &Value::Null).await.status, 202);
    node.until("fi", &path, "cancelled").await;
    node.until("fi", &second, "done").await;
    assert_eq!(node.ask("fi", Method::POST, &format!("{second}/resume"), &Value::Null).await.status, 409);
    assert_eq!(node.ask("fi", Method::POST, &format!("{path}/resume"), &Value::Null).await.status, 202);
    node.until("fi", &path, "running").await;
    assert_eq!(node.ask("fi", Method::POST, &format!("{path}/cancel"), &Value::Null).await.status, 202);
    node.until("fi", &path, "cancelled").await;
    assert_eq!(node.ask("fi", Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(node.get("fi", &path).await.status, 404);
}

#[tokio::test]
async fn a_result_is_known_by_its_digest_and_a_page_of_it_may_do_nothing() {
    let node = node(9, &["fi"]);
    let path = node.start("fi", "quick").await;
    let job = node.until("fi", &path, "done").await;
    let page = node.get("fi", &format!("{path}/result/index.html")).await;
    assert_eq!((page.status, page.text.as_str()), (200, "<p>page</p>\n"));
    let tag = format!("\"{}\"", job["files"][1]["sha256"].as_str().unwrap());
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-disposition", "inline; filename=\"index.html\""),
        ("content-length", "12"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache"),
        ("etag", tag.as_str()),
    ] {
        assert_eq!(page.header(name), value);
    }
    // Digest of `alert(1)` by openssl.
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'; sandbox allow-scripts"), "{policy}");
    assert!(policy.contains("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"), "{policy}");
    let login = ("authorization", "Basic Zmk6cA==");
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let same = node.send(Method::GET, &format!("{path}/result/index.html"), &[login, ("if-none-match", &known)], String::new()).await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", tag.as_str()), "{known}");
    }
    for name in ["../job.json", "..%2Fjob.json", "%2e%2e%2fjob.json", "job.json", "none.html"] {
        let answer = node.get("fi", &format!("{path}/result/{name}")).await;
        assert!(answer.status == 404 || answer.text == "TAXII", "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn events_end_with_the_job_and_are_not_told_twice() {
    let node = node(9, &["fi"]);
    let path = node.start("fi", "steps").await;
    let events = node.get("fi", &format!("{path}/events")).await;
    assert_eq!((events.status, events.header("content-type")), (200, "text/event-stream"));
    let all: Vec<(&str, &str)> = events.text.split("\n\n").filter_map(|e| e.strip_prefix("id: ")?.split_once('\n')).collect();
    assert!(all.len() > 5 && all.iter().any(|(_, e)| e.starts_with("event: progress\ndata: {\"stage\":\"two\"")), "{}", events.text);
    let (last, event) = all[all.len() - 1];
    assert!(event.starts_with("event: job\ndata: {") && event.contains("\"state\":\"done\""), "{event}");
    let again = |id: &str| [("authorization", "Basic Zmk6cA==".to_owned()), ("last-event-id", id.to_owned())];
    for (id, status) in [(last, 204), (all[3].0, 200), ("nonsense", 200)] {
        let headers = again(id);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = node.send(Method::GET, &format!("{path}/events"), &headers, String::new()).await;
        assert_eq!(answer.status, status, "{id}");
        assert_eq!(answer.text.matches("\"state\":\"done\"").count(), usize::from(status == 200), "{id}");
    }
}

#[tokio::test]
async fn what_needs_no_login_says_little() {
    let node = node(9, &["fi"]);
    let health = node.send(Method::GET, "/api/health", &[], String::new()).await;
    assert_eq!((health.status, health.text.as_str()), (200, "{\"alive\":true}"));
    assert_eq!(node.send(Method::GET, "/api/version", &[], String::new()).await.status, 401);
    let description = node.send(Method::GET, "/api/openapi.json", &[], String::new()).await.json();
    assert_eq!(description["openapi"], "3.1.0");
    // Every route that is served is described, and the other way round.
    let paths: Vec<&String> = description["paths"].as_object().unwrap().keys().collect();
    for path in &paths {
        let answer = node.send(Method::PATCH, path, &[], String::new()).await;
        assert_eq!(answer.status, 405, "{path}");
        let described = description["paths"][path.as_str()].as_object().unwrap().keys().map(|m| m.to_uppercase()).collect::<Vec<_>>();
        let mut served: Vec<String> = answer.header("allow").split(',').map(str::to_owned).filter(|m| m != "HEAD").collect();
        served.sort();
        let mut described = described;
        described.sort();
        assert_eq!(served, described, "{path}");
    }
    assert_eq!(paths.len(), 9);
}
