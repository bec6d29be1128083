//! Deleting an object (section 5.7), with its own table of who may.

use serde_json::{Value, json};

use super::world::{World, manifest, object, objects, versions};
use super::{Clause, holds, ids, must, same, status};

/// An object in three versions, and another one beside it.
fn three(w: &mut World) -> (u32, String) {
    let (place, new, other) = (w.spare(), w.object(), w.object());
    for day in 1..=3 {
        let mut version = new.clone();
        version["modified"] = format!("2026-01-{day:02}T00:00:00.000Z").into();
        w.add(place, &[version]);
    }
    w.add(place, &[other]);
    (place, new["id"].as_str().unwrap_or("").to_owned())
}

/// Days of the versions left.
fn left(w: &mut World, place: u32, id: &str) -> Vec<String> {
    let body = w.get(&versions(place, id, "?match[spec_version]=2.0,2.1")).json();
    let day = |v: &Value| v.as_str().unwrap_or("")[8..10].to_owned();
    body["versions"].as_array().into_iter().flatten().map(day).collect()
}

fn deleting(w: &mut World, version: &str, expected: &[&str]) -> super::Verdict {
    let (place, id) = three(w);
    status(&w.delete(&object(place, &id, &format!("?match[version]={version}"))), 200)?;
    same(left(w, place, &id), expected.iter().map(|d| (*d).to_owned()).collect())
}

fn by(w: &mut World, user: &str, expected: u16) -> super::Verdict {
    let (place, named) = w.filled(1);
    status(&w.ask(user, "DELETE", &object(place, &named[0], ""), b""), expected)?;
    status(&w.get(&object(place, &named[0], "")), 200)
}

pub const CLAUSES: &[Clause] = &[
    must("5.7", "a deleted object is 404, and so are its versions", |w| {
        let (place, id) = three(w);
        status(&w.delete(&object(place, &id, "")), 200)?;
        status(&w.get(&object(place, &id, "")), 404)?;
        status(&w.get(&object(place, &id, "?match[version]=all")), 404)?;
        status(&w.get(&versions(place, &id, "")), 404)
    }),
    must("5.7", "a deleted object is in no list, and all others are", |w| {
        let (place, id) = three(w);
        w.delete(&object(place, &id, ""));
        for path in [objects(place, "?match[version]=all"), manifest(place, "?match[version]=all")] {
            let found = ids(&w.get(&path).json());
            holds(found.len() == 1 && !found.contains(&id), || format!("{found:?}"))?;
        }
        Ok(())
    }),
    must("5.7", "deleting twice is 404", |w| {
        let (place, id) = three(w);
        status(&w.delete(&object(place, &id, "")), 200)?;
        status(&w.delete(&object(place, &id, "")), 404)
    }),
    must("5.7", "deleting what is not there is 404", |w| {
        let (place, _) = w.filled(1);
        status(&w.delete(&object(place, "indicator--00000000-0000-4000-8000-00000000dead", "")), 404)
    }),
    must("5.7", "the first version may be deleted alone", |w| deleting(w, "first", &["02", "03"])),
    must("5.7", "the last version may be deleted alone", |w| deleting(w, "last", &["01", "02"])),
    must("5.7", "a version may be deleted by its moment", |w| deleting(w, "2026-01-02T00:00:00.000Z", &["01", "03"])),
    must("5.7", "several versions may be deleted at once", |w| deleting(w, "first,last", &["02"])),
    must("5.7", "all versions may be deleted by that word", |w| {
        let (place, id) = three(w);
        status(&w.delete(&object(place, &id, "?match[version]=all")), 200)?;
        status(&w.get(&object(place, &id, "")), 404)
    }),
    must("5.7", "the version before is the last one once the last is deleted", |w| {
        let (place, id) = three(w);
        w.delete(&object(place, &id, "?match[version]=last"));
        same(w.get(&object(place, &id, "")).json()["objects"][0]["modified"].as_str(), Some("2026-01-02T00:00:00.000Z"))
    }),
    must("5.7", "an edition may be deleted alone", |w| {
        let (place, mut new) = (w.spare(), w.object());
        let id = new["id"].as_str().unwrap_or("").to_owned();
        w.add(place, std::slice::from_ref(&new));
        new.as_object_mut().map(|o| o.remove("spec_version"));
        w.add(place, &[new]);
        status(&w.delete(&object(place, &id, "?match[spec_version]=2.0")), 200)?;
        status(&w.get(&object(place, &id, "?match[spec_version]=2.1")), 200)?;
        same(ids(&w.get(&objects(place, "?match[spec_version]=2.0")).json()), vec![])
    }),
    must("5.7", "a version that is not there is 404", |w| {
        let (place, id) = three(w);
        status(&w.delete(&object(place, &id, "?match[version]=2026-01-09T00:00:00.000Z")), 404)?;
        same(left(w, place, &id).len(), 3)
    }),
    must("5.7", "who may only read gets 403", |w| by(w, "reader", 403)),
    must("5.7", "who may only write gets 403", |w| by(w, "writer", 403)),
    must("5.7", "who may do neither gets 404", |w| by(w, "stranger", 404)),
    must("5.7", "an object may come back after it was deleted", |w| {
        let (place, new) = (w.spare(), w.object());
        w.add(place, std::slice::from_ref(&new));
        w.delete(&object(place, new["id"].as_str().unwrap_or(""), ""));
        w.add(place, std::slice::from_ref(&new));
        same(w.get(&objects(place, "")).json()["objects"].clone(), json!([new]))
    }),
];
