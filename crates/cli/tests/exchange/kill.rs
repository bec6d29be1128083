//! A node that dies at any moment, by `kill -9` under load: what was acknowledged is there after a restart, and no request is kept in
//! part. `BUTTRESS_SOAK=1` kills 100 times instead of 5. `PostgreSQL` is used too where `BUTTRESS_TEST_POSTGRES` names a server.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Client;
use crate::node::{Node, ROOT, Site, ask, collection};
use crate::random::{Random, is_soak};

/// Clients that add at the same time.
const CLIENTS: u64 = 4;
/// Objects of a request, at most.
const MOST: u64 = 40;
/// Milliseconds after which a node is dead, at most.
const LIFE_MS: u64 = 400;

/// A request to add objects, by its name.
#[derive(Debug, Clone, Default)]
struct Sent {
    objects: usize,
    /// Where its status is, once it was acknowledged.
    status: Option<String>,
}

type Ledger = Mutex<BTreeMap<String, Sent>>;

fn path(rest: &str) -> String {
    format!("/{ROOT}/collections/{}/{rest}", collection(0))
}

fn objects(name: &str, number: u64, n: u64) -> Vec<Value> {
    let one = |i: u64| {
        json!({"type": "infrastructure", "spec_version": "2.1", "id": format!("infrastructure--{number:08x}-0000-4000-8000-{i:012x}"),
            "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": name, "description": "x".repeat(400)})
    };
    (0..n).map(one).collect()
}

/// Adds until the node is gone.
fn add_until_dead(node: &Node, (round, client): (u64, u64), ledger: &Ledger) {
    let mut random = Random::seeded(round * CLIENTS + client);
    let Ok(mut connection) = Client::connect(node.address, &node.tls) else { return };
    for batch in 0.. {
        let name = format!("{round}-{client}-{batch}");
        let n = 1 + random.below(MOST);
        let number = (round * CLIENTS + client) * 1000 + batch;
        let body = json!({ "objects": objects(&name, number, n) }).to_string();
        ledger.lock().expect("a ledger").insert(name.clone(), Sent { objects: n as usize, status: None });
        let Ok(answer) = connection.ask(&ask("all", "POST", &path("objects/"), body.as_bytes())) else { return };
        assert_eq!((answer.status, answer.json()["success_count"].as_u64()), (202, Some(n)), "{}", answer.text());
        let status = answer.json()["id"].as_str().unwrap_or("").to_owned();
        ledger.lock().expect("a ledger").entry(name).and_modify(|sent| sent.status = Some(status));
    }
}

/// Objects by the name of the request that they came with, and their moments of adding in order.
fn crawl(node: &Node) -> (BTreeMap<String, usize>, Vec<String>) {
    let mut client = node.connect();
    let (mut found, mut moments) = (BTreeMap::new(), Vec::new());
    for part in ["objects/", "manifest/"] {
        let mut next = String::new();
        loop {
            let answer = client.ask(&ask("all", "GET", &path(&format!("{part}?limit=1000{next}")), b"")).expect("a page");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let page = answer.json();
            for object in page["objects"].as_array().into_iter().flatten() {
                match object["name"].as_str() {
                    Some(name) => *found.entry(name.to_owned()).or_insert(0) += 1,
                    None => moments.push(object["date_added"].as_str().unwrap_or("").to_owned()),
                }
            }
            match page["next"].as_str() {
                Some(token) => next = format!("&next={token}"),
                None => break,
            }
        }
    }
    (found, moments)
}

/// Compares what is there with what was sent and acknowledged; `fresh` are the statuses given since the last time.
fn compare(node: &Node, sent: &BTreeMap<String, Sent>, fresh: &[String]) {
    let (found, moments) = crawl(node);
    for (name, request) in sent {
        let there = found.get(name).copied().unwrap_or(0);
        assert!(there == 0 || there == request.objects, "request {name} of {} objects is kept in part: {there}", request.objects);
        assert!(request.status.is_none() || there == request.objects, "request {name} was acknowledged and is gone");
    }
    assert!(found.keys().all(|name| sent.contains_key(name)), "objects that nobody sent");
    assert_eq!(moments.len(), found.values().sum::<usize>(), "objects and manifest");
    assert!(moments.windows(2).all(|w| w[0] < w[1]), "moments of adding grow");
    let mut client = node.connect();
    for status in fresh {
        let answer = client.ask(&ask("all", "GET", &format!("/{ROOT}/status/{status}/"), b"")).expect("an answer");
        assert_eq!(answer.status, 200, "the status of an acknowledged request is gone: {}", answer.text());
    }
}

fn kill_again_and_again(site: &Site) {
    site.collections(&[0]);
    site.user("all", "red", (&[0], &[0]));
    let mut random = Random::new(2026);
    let rounds = if is_soak() { 100 } else { 5 };
    let mut sent = BTreeMap::new();
    for round in 0..rounds {
        let life = Duration::from_millis(random.below(LIFE_MS));
        let mut node = site.start();
        // A first login takes long, so that it comes before the load.
        let login = node.connect().ask(&ask("all", "GET", "/taxii2/", b"")).map(|answer| answer.status);
        assert_eq!(login.ok(), Some(200));
        let ledger = Ledger::default();
        std::thread::scope(|scope| {
            let pid = node.pid();
            let shared = &node;
            for client in 0..CLIENTS {
                let ledger = &ledger;
                scope.spawn(move || add_until_dead(shared, (round, client), ledger));
            }
            std::thread::sleep(life);
            kill_hard(pid);
        });
        node.kill();
        let ledger = ledger.into_inner().expect("a ledger");
        let fresh: Vec<String> = ledger.values().filter_map(|request| request.status.clone()).collect();
        sent.extend(ledger);
        compare(&site.start(), &sent, &fresh);
    }
    let n_acknowledged = sent.values().filter(|request| request.status.is_some()).count();
    println!("{rounds} kills: {n_acknowledged} requests acknowledged of {} begun", sent.len());
    assert!(n_acknowledged > 0, "no request was acknowledged, so nothing was tested");
    assert!(n_acknowledged < sent.len(), "no request was cut off, so nothing was tested");
}

fn kill_hard(pid: u32) {
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.is_ok_and(|s| s.success()), "kill -9 {pid}");
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    kill_again_and_again(&Site::new());
}

/// A schema of its own in the server that `BUTTRESS_TEST_POSTGRES` names; gone at the end.
struct Schema {
    server: postgres::Config,
    name: String,
}

impl Schema {
    fn new(server: &str) -> Schema {
        let server = postgres::Config::from_str(server).expect("BUTTRESS_TEST_POSTGRES holds a connection string");
        let schema = Schema { server, name: format!("kill{}", std::process::id()) };
        schema.run(&format!("CREATE SCHEMA {}", schema.name));
        schema
    }

    fn run(&self, sql: &str) {
        self.server.connect(postgres::NoTls).expect("PostgreSQL answers").batch_execute(sql).expect(sql);
    }

    /// A URL that names the server and the schema.
    fn url(&self) -> String {
        use postgres::config::Host;
        let host = match self.server.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => "localhost".to_owned(),
        };
        let mut parts = vec![("host", host), ("options", format!("-c search_path={}", self.name))];
        parts.extend(self.server.get_user().map(|user| ("user", user.to_owned())));
        parts.extend(self.server.get_password().map(|word| ("password", String::from_utf8_lossy(word).into_owned())));
        parts.extend(self.server.get_ports().first().map(|port| ("port", port.to_string())));
        let pairs: Vec<String> = parts.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("postgres:///{}?{}", self.server.get_dbname().or(self.server.get_user()).unwrap_or("postgres"), pairs.join("&"))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Ok(mut client) = self.server.connect(postgres::NoTls) {
            let _ = client.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name));
        }
    }
}

/// Text as a value of a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn what_was_acknowledged_outlives_a_kill_on_postgresql() {
    let Ok(server) = std::env::var("BUTTRESS_TEST_POSTGRES") else {
        println!("PostgreSQL passed over: BUTTRESS_TEST_POSTGRES holds no connection string");
        return;
    };
    let schema = Schema::new(&server);
    let site = Site::with_database(schema.url());
    kill_again_and_again(&site);
}
