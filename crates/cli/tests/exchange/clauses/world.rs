//! The node that the clauses are checked on.

use serde_json::{Value, json};

use crate::http::{Answer, Ask, Client};
use crate::node::{Node, ROOT, Site, ask, collection};

/// The collection with the objects of [`EDITIONS`] and nothing else.
pub const FULL: u32 = 0;
/// First of the collections that checks may take for themselves.
const FIRST_SPARE: u32 = 10;
/// Collections that checks may take.
const SPARE: u32 = 120;
/// Failed logins are many here and none is an attack.
const RATES: [&str; 4] = ["--rate", "logins=100000", "--rate", "names=100000"];
/// The marking TLP:CLEAR of version 2.0.
pub const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";

/// A version of an object: number, type, edition, moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    pub number: u32,
    pub kind: &'static str,
    pub spec: &'static str,
    pub version: &'static str,
}

const fn edition(number: u32, kind: &'static str, spec: &'static str, version: &'static str) -> Edition {
    Edition { number, kind, spec, version }
}

/// What [`FULL`] holds, in the order of adding: versions that came out of order, an object in two editions, equal moments.
pub const EDITIONS: [Edition; 10] = [
    edition(1, "infrastructure", "2.1", "2026-01-02T00:00:00.000Z"),
    edition(2, "indicator", "2.1", "2026-01-01T00:00:00.000Z"),
    edition(1, "infrastructure", "2.1", "2026-01-01T00:00:00.000Z"),
    edition(3, "campaign", "2.0", "2026-01-01T00:00:00.000Z"),
    edition(3, "campaign", "2.1", "2026-01-01T00:00:00.000Z"),
    edition(4, "indicator", "2.0", "2026-01-02T00:00:00.000Z"),
    edition(1, "infrastructure", "2.1", "2026-01-03T00:00:00.000Z"),
    edition(3, "campaign", "2.1", "2026-01-02T00:00:00.000Z"),
    edition(5, "location", "2.1", "2026-01-02T00:00:00.000Z"),
    edition(2, "indicator", "2.1", "2026-01-03T00:00:00.000Z"),
];

/// Identifier of the nth object of a type.
pub fn id(kind: &str, number: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{number:012}")
}

impl Edition {
    pub fn id(&self) -> String {
        id(self.kind, self.number)
    }

    fn object(&self) -> Value {
        let mut object = json!({"type": self.kind, "id": self.id(), "created": "2026-01-01T00:00:00.000Z",
            "modified": self.version, "name": "a", "object_marking_refs": [CLEAR]});
        if self.spec == "2.1" {
            object["spec_version"] = json!("2.1");
        }
        object
    }
}

/// A node with accounts for each case of rights, and the counters that give each check things of its own.
pub struct World {
    pub site: Site,
    pub node: Node,
    client: Client,
    n_taken: u32,
    n_named: u32,
}

impl World {
    /// `all` may do everything, `twin` too, `reader` only read, `writer` only write, `stranger` nothing.
    pub fn new() -> World {
        let site = Site::new();
        let all: Vec<u32> = [FULL].into_iter().chain(FIRST_SPARE..FIRST_SPARE + SPARE).collect();
        site.collections(&all);
        site.verb(&["root", "add", "nobodys"], "");
        site.user("all", "red", (&all, &all));
        site.user("twin", "red", (&all, &all));
        site.user("reader", "red", (&all, &[]));
        site.user("writer", "red", (&[], &all));
        site.user("stranger", "red", (&[], &[]));
        let node = site.start_with(&RATES);
        let client = node.connect();
        let mut world = World { site, node, client, n_taken: 0, n_named: 1000 };
        for edition in EDITIONS {
            let answer = world.add(FULL, &[edition.object()]);
            assert_eq!((answer.status, &answer.json()["success_count"]), (202, &json!(1)), "{}", answer.text());
        }
        world
    }

    /// An empty collection that no other check uses.
    pub fn spare(&mut self) -> u32 {
        assert!(self.n_taken < SPARE, "more spare collections are needed");
        self.n_taken += 1;
        FIRST_SPARE + self.n_taken - 1
    }

    /// Ends the node and starts it anew.
    pub fn restart(&mut self) {
        self.node.kill();
        self.node = self.site.start_with(&RATES);
        self.client = self.node.connect();
    }

    /// An object that no other check uses.
    pub fn object(&mut self) -> Value {
        self.n_named += 1;
        json!({"type": "infrastructure", "spec_version": "2.1", "id": id("infrastructure", self.n_named),
            "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": "a", "object_marking_refs": [CLEAR]})
    }

    /// An empty collection with `n` objects put in by one request; their identifiers.
    pub fn filled(&mut self, n: usize) -> (u32, Vec<String>) {
        let objects: Vec<Value> = (0..n).map(|_| self.object()).collect();
        let place = self.spare();
        self.add(place, &objects);
        (place, objects.iter().map(|o| o["id"].as_str().unwrap_or("").to_owned()).collect())
    }

    /// Asks over the connection that is open, or over a new one where that was closed.
    pub fn send(&mut self, request: &Ask) -> Answer {
        let answer = self.client.ask(request).or_else(|_| {
            self.client = self.node.connect();
            self.client.ask(request)
        });
        let answer = answer.expect("an answer, if need be over a new connection");
        if answer.header("Connection").is_some_and(|v| v.eq_ignore_ascii_case("close")) {
            self.client = self.node.connect();
        }
        answer
    }

    pub fn ask(&mut self, user: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        self.send(&ask(user, method, path, body))
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("all", "GET", path, b"")
    }

    pub fn delete(&mut self, path: &str) -> Answer {
        self.ask("all", "DELETE", path, b"")
    }

    pub fn post(&mut self, place: u32, body: &str) -> Answer {
        self.ask("all", "POST", &objects(place, ""), body.as_bytes())
    }

    pub fn add(&mut self, place: u32, objects: &[Value]) -> Answer {
        self.post(place, &json!({ "objects": objects }).to_string())
    }

    /// Asks without a login, or with these headers only.
    pub fn bare(&mut self, method: &str, path: &str, headers: Vec<(&str, String)>) -> Answer {
        self.send(&Ask { method, path, headers, body: b"" })
    }
}

/// Path of the collections.
pub fn collections() -> String {
    format!("/{ROOT}/collections/")
}

/// Path of a collection and of what it leads to.
pub fn within(place: u32, rest: &str) -> String {
    format!("/{ROOT}/collections/{}/{rest}", collection(place))
}

/// Path of the objects of a collection.
pub fn objects(place: u32, query: &str) -> String {
    within(place, &format!("objects/{query}"))
}

/// Path of an object.
pub fn object(place: u32, id: &str, query: &str) -> String {
    within(place, &format!("objects/{id}/{query}"))
}

/// Path of the versions of an object.
pub fn versions(place: u32, id: &str, query: &str) -> String {
    within(place, &format!("objects/{id}/versions/{query}"))
}

/// Path of the manifest of a collection.
pub fn manifest(place: u32, query: &str) -> String {
    within(place, &format!("manifest/{query}"))
}

/// Every path that is read, with what it leads to in [`FULL`].
pub fn reads() -> Vec<String> {
    let first = EDITIONS[0].id();
    vec![
        "/taxii2/".to_owned(),
        format!("/{ROOT}/"),
        collections(),
        within(FULL, ""),
        objects(FULL, ""),
        object(FULL, &first, ""),
        versions(FULL, &first, ""),
        manifest(FULL, ""),
    ]
}
