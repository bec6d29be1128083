//! A random history at a node: objects are added, changed, revoked, deleted and marked anew over TAXII; and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use buttress_wire::stix::marking::Tlp;
use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::node::{Node, ROOT, ask, collection};
use crate::random::Random;

/// Levels, from what all may see to what nobody else may.
pub const LEVELS: [(&str, Tlp); 4] = [("clear", Tlp::Clear), ("green", Tlp::Green), ("amber", Tlp::Amber), ("red", Tlp::Red)];
/// Objects that a node has in a collection, at most.
const OBJECTS: usize = 80;
/// Collections, each of which one of the nodes exchanges.
pub const COLLECTIONS: [u32; 2] = [0, 1];
/// Times that a request is sent whose connection breaks.
const TRIES: usize = 3;

/// An object: the collection it is in, and its number.
pub type Key = (u32, usize);

/// What is said of a level in every text of that level and side, so that it can be looked for in any bytes.
pub fn token(level: usize, side: usize) -> String {
    format!("{}-of-{}-node", LEVELS[level].0, ["first", "second"][side])
}

/// Identifier of an object of a side.
pub fn id(side: usize, n: usize) -> String {
    format!("infrastructure--{:08x}-0000-4000-8000-{n:012x}", 0xa + side)
}

/// One version as it was acknowledged.
#[derive(Debug, Clone)]
pub struct Version {
    pub level: usize,
    pub text: String,
    refers_to: Option<usize>,
    is_revoked: bool,
}

/// What is known of an object.
#[derive(Debug, Clone, Default)]
pub struct Thing {
    /// Versions by their time.
    pub versions: BTreeMap<u64, Version>,
    /// Steps begun and acknowledged.
    begun: u64,
    done: u64,
    /// Whether its latest version was deleted: what it asked for then stays with the object.
    is_shadowed: bool,
    /// Levels that it went up or down since it was added.
    pub n_marked: usize,
}

impl Thing {
    fn last(&self) -> Option<&Version> {
        self.versions.values().next_back()
    }

    /// Whether its latest version revokes it.
    pub fn is_revoked(&self) -> bool {
        self.last().is_some_and(|version| version.is_revoked)
    }
}

/// All that is known of the objects of a node.
pub type Things = BTreeMap<Key, Thing>;

/// Whether a reader cleared to a level may see an object; none where a deleted version may say otherwise.
pub fn may_see(things: &Things, (place, n): Key, most: usize) -> Option<bool> {
    let (mut open, mut seen, mut is_sure) = (vec![n], BTreeSet::new(), true);
    if things.get(&(place, n)).is_none_or(|thing| thing.last().is_none()) {
        return Some(false);
    }
    while let Some(n) = open.pop() {
        let Some((thing, last)) = things.get(&(place, n)).and_then(|thing| Some((thing, thing.last()?))) else { continue };
        if !seen.insert(n) {
            continue;
        }
        if last.level > most {
            return Some(false);
        }
        is_sure &= !thing.is_shadowed;
        open.extend(last.refers_to);
    }
    is_sure.then_some(true)
}

/// The objects which, by their own marking, a reader may not see now, with the number of their last step.
pub fn hidden(things: &Things, most: usize) -> BTreeMap<Key, u64> {
    let is_hidden = |thing: &Thing| thing.begun == thing.done && thing.last().is_some_and(|version| version.level > most);
    things.iter().filter(|(_, thing)| is_hidden(thing)).map(|(key, thing)| (*key, thing.begun)).collect()
}

/// Whoever writes a history.
pub struct Author<'a> {
    node: &'a Node,
    side: usize,
    random: Random,
    client: Client,
    clock: u64,
    things: &'a Mutex<Things>,
    /// Steps by kind.
    pub steps: BTreeMap<&'static str, usize>,
}

fn path(place: u32, rest: &str) -> String {
    format!("/{ROOT}/collections/{}/objects/{rest}", collection(place))
}

/// A time of the history as STIX writes it.
fn time(ms: u64) -> String {
    format!("2026-01-01T{:02}:{:02}:{:02}.{:03}Z", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

impl<'a> Author<'a> {
    /// At a node.
    pub fn new(node: &'a Node, side: usize, seed: u64, things: &'a Mutex<Things>) -> Author<'a> {
        let steps = BTreeMap::new();
        Author { node, side, random: Random::seeded(seed), client: node.connect(), clock: 0, things, steps }
    }

    /// Writes until it is told to stop.
    pub fn write(&mut self, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            self.step();
            std::thread::sleep(Duration::from_millis(self.random.below(30)));
        }
    }

    fn step(&mut self) {
        let key = (COLLECTIONS[self.random.below(2) as usize], self.random.below(OBJECTS as u64) as usize);
        let thing = self.things.lock().expect("things").get(&key).cloned().unwrap_or_default();
        let Some(last) = thing.last() else {
            let level = self.random.below(4) as usize;
            return self.add(key, "add", level, &thing);
        };
        if last.is_revoked {
            return self.delete(key, "delete", &thing);
        }
        let level = last.level;
        match self.random.below(12) {
            0..2 if level < 3 => {
                let higher = level + 1 + self.random_below(3 - level);
                self.add(key, "mark up", higher, &thing);
            }
            2..5 if level > 0 => {
                let lower = self.random_below(level);
                self.add(key, "mark down", lower, &thing);
            }
            0..9 => self.add(key, "new version", level, &thing),
            9 => self.add(key, "revoke", level, &thing),
            10 => self.delete(key, "delete", &thing),
            _ => self.delete(key, "delete version", &thing),
        }
    }

    fn random_below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    fn object(&mut self, (_, n): Key, kind: &str, level: usize) -> Version {
        self.clock += 1;
        let mut value = json!({"type": "infrastructure", "spec_version": "2.1", "id": id(self.side, n), "created": time(0),
            "modified": time(self.clock), "name": format!("number {n}"), "object_marking_refs": [LEVELS[level].1.id()],
            "description": format!("{} {}", token(level, self.side), "x".repeat(self.random_below(2000)))});
        let refers_to = (self.random.below(5) == 0).then(|| self.random_below(OBJECTS)).filter(|other| *other != n);
        if let Some(other) = refers_to {
            value["x_refs"] = json!([id(self.side, other)]);
        }
        let is_revoked = kind == "revoke";
        if is_revoked {
            value["revoked"] = json!(true);
        }
        Version { level, text: value.to_string(), refers_to, is_revoked }
    }

    fn begin(&self, key: Key) {
        self.things.lock().expect("things").entry(key).or_default().begun += 1;
    }

    fn end(&mut self, (key, kind): (Key, &'static str), change: impl FnOnce(&mut Thing)) {
        let mut things = self.things.lock().expect("things");
        let thing = things.entry(key).or_default();
        change(thing);
        thing.done = thing.begun;
        *self.steps.entry(kind).or_insert(0) += 1;
    }

    fn add(&mut self, key: Key, kind: &'static str, level: usize, before: &Thing) {
        let version = self.object(key, kind, level);
        let body = format!("{{\"objects\":[{}]}}", version.text);
        self.begin(key);
        let answer = self.ask("POST", &path(key.0, ""), body.as_bytes());
        let success = answer.json()["success_count"].as_u64();
        assert_eq!((answer.status, success), (202, Some(1)), "{kind} {key:?} {before:?}: {}", answer.text());
        let clock = self.clock;
        self.end((key, kind), |thing| {
            thing.n_marked += usize::from(kind.starts_with("mark"));
            thing.versions.insert(clock, version);
        });
    }

    fn delete(&mut self, key: Key, kind: &'static str, before: &Thing) {
        let Some(last) = before.versions.keys().next_back().copied() else { return };
        let is_all = kind == "delete";
        let which = if is_all { "all".to_owned() } else { time(last) };
        self.begin(key);
        let answer = self.ask("DELETE", &path(key.0, &format!("{}/?match[version]={which}", id(self.side, key.1))), b"");
        assert_eq!(answer.status, 200, "{kind} {key:?} {before:?}: {}", answer.text());
        self.end((key, kind), |thing| {
            thing.versions.remove(&last);
            if is_all {
                thing.versions.clear();
            }
            thing.is_shadowed = !thing.versions.is_empty();
            thing.n_marked *= usize::from(thing.is_shadowed);
        });
    }

    /// Sends a request; again where the connection breaks, which a node may do with one that is idle.
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        for n in 0..TRIES {
            match self.client.ask(&ask("author", method, path, body)) {
                Ok(answer) => {
                    // What was deleted although the answer was lost is gone.
                    let is_gone = method == "DELETE" && n > 0 && answer.status == 404;
                    return if is_gone { Answer { status: 200, ..answer } } else { answer };
                }
                Err(error) => {
                    println!("the author at {} connects again: {error}", self.side);
                    self.client = self.node.connect();
                }
            }
        }
        panic!("{method} {path}: the node does not answer its own author");
    }
}

/// A field of an object's text.
pub fn field(text: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("an object");
    value[name].as_str().unwrap_or("").to_owned()
}
