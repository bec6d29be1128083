//! Discovery, roots, collections: what there is, and who may know of it.

use serde_json::{Value, json};

use super::world::{EDITIONS, FULL, collections, manifest, object, objects, versions, within};
use super::{Clause, holds, is_uuid, must, ours, same, should, status};
use crate::http::TAXII;
use crate::node::{ROOT, collection};

const UNKNOWN: &str = "00000000-0000-4000-8000-00000000dead";

pub const CLAUSES: &[Clause] = &[
    must("8.2.1", "the discovery is at /taxii2/", |w| status(&w.get("/taxii2/"), 200)),
    must("4.1.1", "the discovery has a title", |w| holds(w.get("/taxii2/").json()["title"].is_string(), || "no title".into())),
    must("4.1.1", "an API root is https and absolute, or begins with one slash, and has no query", |w| {
        let body = w.get("/taxii2/").json();
        let roots: Vec<&str> = body["api_roots"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_form = |r: &&str| (r.starts_with("https://") || (r.starts_with('/') && !r.starts_with("//"))) && !r.contains(['?', '#']);
        holds(!roots.is_empty() && roots.iter().all(is_form), || format!("{roots:?}"))
    }),
    must("4.1.1", "the default root is one of the list", |w| {
        let body = w.get("/taxii2/").json();
        let roots = body["api_roots"].as_array().cloned().unwrap_or_default();
        holds(body.get("default").is_none_or(|default| roots.contains(default)), || body.to_string())
    }),
    must("4.1.1", "every root of the list answers", |w| {
        let roots = w.get("/taxii2/").json()["api_roots"].as_array().cloned().unwrap_or_default();
        roots.iter().try_for_each(|root| status(&w.get(root.as_str().unwrap_or("")), 200))
    }),
    must("2", "a list of roots that would be empty is left out", |w| {
        let answer = w.ask("stranger", "GET", "/taxii2/", b"");
        status(&answer, 200)?;
        same(answer.json().get("api_roots"), None)
    }),
    must("4.2.1", "a root has a title", |w| holds(w.get(&format!("/{ROOT}/")).json()["title"].is_string(), || "no title".into())),
    must("4.2.1", "a root says that it speaks TAXII 2.1", |w| {
        let body = w.get(&format!("/{ROOT}/")).json();
        holds(body["versions"].as_array().is_some_and(|v| v.contains(&json!(TAXII))), || body.to_string())
    }),
    must("4.2.1", "the largest body is a whole number above 0", |w| {
        let body = w.get(&format!("/{ROOT}/")).json();
        holds(body["max_content_length"].as_u64().is_some_and(|n| n > 0), || body.to_string())
    }),
    must("4.2", "an unknown root is 404", |w| status(&w.get("/none/"), 404)),
    must("4.2", "a root in which one has no rights is 404 or 403", |w| {
        let answer = w.get("/nobodys/");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    ours("4.2", "a root in which one has no rights looks like none", |w| {
        let (hidden, none) = (w.get("/nobodys/"), w.get("/none/"));
        same((hidden.status, hidden.body), (none.status, none.body))
    }),
    must("5.1.1", "collections have id, title, can_read and can_write", |w| {
        let body = w.get(&collections()).json();
        let is_form = |c: &Value| {
            c["id"].as_str().is_some_and(is_uuid) && c["title"].is_string() && c["can_read"].is_boolean() && c["can_write"].is_boolean()
        };
        holds(body["collections"].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_form)), || body.to_string())
    }),
    must("5.1.1", "no two collections of a root have one identifier", |w| {
        let body = w.get(&collections()).json();
        let list = body["collections"].as_array().cloned().unwrap_or_default();
        let names: std::collections::BTreeSet<String> = list.iter().map(|c| c["id"].to_string()).collect();
        same(names.len(), list.len())
    }),
    ours("5.1", "collections are sorted by identifier", |w| {
        let body = w.get(&collections()).json();
        let names: Vec<&str> = body["collections"].as_array().into_iter().flatten().filter_map(|c| c["id"].as_str()).collect();
        holds(names.is_sorted(), || format!("{names:?}"))
    }),
    must("5.1.1", "can_read and can_write tell the rights of this login", |w| {
        [("all", true, true), ("reader", true, false), ("writer", false, true)].into_iter().try_for_each(|(user, read, write)| {
            let first = w.ask(user, "GET", &within(FULL, ""), b"").json();
            same((first["can_read"].as_bool(), first["can_write"].as_bool()), (Some(read), Some(write)))
        })
    }),
    must("5.2", "a collection is what the list says of it", |w| {
        let one = w.get(&within(FULL, "")).json();
        let list = w.get(&collections()).json();
        same(list["collections"].as_array().into_iter().flatten().find(|c| c["id"] == one["id"]), Some(&one))?;
        same(one["id"].as_str(), Some(collection(FULL).as_str()))
    }),
    should("5.2.1", "media types are strings, where told", |w| {
        let one = w.get(&within(FULL, "")).json();
        let is_list = |list: &Value| list.as_array().is_some_and(|l| !l.is_empty() && l.iter().all(Value::is_string));
        holds(one.get("media_types").is_none_or(is_list), || one.to_string())
    }),
    must("5.2", "an unknown collection is 404", |w| status(&w.get(&format!("/{ROOT}/collections/{UNKNOWN}/")), 404)),
    must("5.2", "what is no UUID is 404", |w| status(&w.get(&format!("/{ROOT}/collections/x/")), 404)),
    must("5.3", "the manifest of an unknown collection is 404", |w| {
        status(&w.get(&format!("/{ROOT}/collections/{UNKNOWN}/manifest/")), 404)
    }),
    must("5.4", "objects of an unknown collection are 404", |w| status(&w.get(&format!("/{ROOT}/collections/{UNKNOWN}/objects/")), 404)),
    must("5.5", "adding to an unknown collection is 404", |w| {
        status(&w.ask("all", "POST", &format!("/{ROOT}/collections/{UNKNOWN}/objects/"), b"{\"objects\":[{}]}"), 404)
    }),
    must("5.6", "an unknown object is 404", |w| status(&w.get(&object(FULL, &format!("indicator--{UNKNOWN}"), "")), 404)),
    must("5.6", "an object whose name is no identifier is 404", |w| status(&w.get(&object(FULL, "x", "")), 404)),
    must("5.8", "versions of an unknown object are 404", |w| status(&w.get(&versions(FULL, &format!("indicator--{UNKNOWN}"), "")), 404)),
    must("4.3", "an unknown status is 404", |w| status(&w.get(&format!("/{ROOT}/status/{UNKNOWN}/")), 404)),
    must("5.2", "a collection in which one has no rights is 404 or 403", |w| {
        let answer = w.ask("stranger", "GET", &within(FULL, ""), b"");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.4", "who may not read gets 403 or 404 from objects", |w| {
        let answer = w.ask("writer", "GET", &objects(FULL, ""), b"");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.3", "who may not read gets 403 or 404 from the manifest", |w| {
        let answer = w.ask("writer", "GET", &manifest(FULL, ""), b"");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.6", "who may not read gets 403 or 404 from an object", |w| {
        let answer = w.ask("writer", "GET", &object(FULL, &EDITIONS[0].id(), ""), b"");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.8", "who may not read gets 403 or 404 from versions", |w| {
        let answer = w.ask("writer", "GET", &versions(FULL, &EDITIONS[0].id(), ""), b"");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.5", "who may not write gets 403 or 404", |w| {
        let answer = w.ask("reader", "POST", &objects(FULL, ""), b"{\"objects\":[{}]}");
        holds(matches!(answer.status, 403 | 404), || answer.status.to_string())
    }),
    must("5.5", "who may only write may add", |w| {
        let (place, new) = (w.spare(), w.object());
        let body = json!({"objects": [new]}).to_string();
        status(&w.ask("writer", "POST", &objects(place, ""), body.as_bytes()), 202)
    }),
    ours("3.1", "a path without its last slash leads to the same", |w| {
        super::world::reads().iter().try_for_each(|path| {
            let (with, without) = (w.get(path), w.get(path.trim_end_matches('/')));
            same((without.status, without.body), (with.status, with.body))
        })
    }),
    must("3.1", "a path of no resource is 404", |w| {
        let paths = [
            "/".to_owned(),
            "/taxii2/x/".into(),
            format!("/{ROOT}/x/"),
            format!("//{ROOT}/"),
            within(FULL, "x/"),
            within(FULL, "/objects/"),
        ];
        paths.iter().try_for_each(|path| status(&w.get(path), 404).map_err(|e| format!("{path}: {e}")))
    }),
];
