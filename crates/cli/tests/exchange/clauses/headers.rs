//! Headers of answers (section 3.2) and the form of moments (section 2).

use super::world::{EDITIONS, FULL, World, manifest, object, objects, reads, versions};
use super::{Clause, Verdict, holds, is_timestamp, must, ours, same, status};
use crate::http::{Answer, TAXII};

const FIRST: &str = "X-TAXII-Date-Added-First";
const LAST: &str = "X-TAXII-Date-Added-Last";

/// First and last moment of an answer.
fn moments(answer: &Answer) -> (String, String) {
    let of = |name| answer.header(name).unwrap_or("").to_owned();
    (of(FIRST), of(LAST))
}

/// First and last moment of a manifest page.
fn recorded(w: &mut World, path: &str) -> (String, String) {
    let body = w.get(path).json();
    let list = body["objects"].as_array().cloned().unwrap_or_default();
    let of = |record: Option<&serde_json::Value>| record.and_then(|r| r["date_added"].as_str()).unwrap_or("").to_owned();
    (of(list.first()), of(list.last()))
}

fn are_moments(answer: &Answer) -> Verdict {
    status(answer, 200)?;
    let (first, last) = moments(answer);
    holds(is_timestamp(&first) && is_timestamp(&last) && first <= last, || format!("`{first}` `{last}`"))
}

pub const CLAUSES: &[Clause] = &[
    must("3.2", "objects carry the first and last moment of adding", |w| are_moments(&w.get(&objects(FULL, "")))),
    must("3.2", "an object carries the first and last moment of adding", |w| are_moments(&w.get(&object(FULL, &EDITIONS[0].id(), "")))),
    must("3.2", "a manifest carries the first and last moment of adding", |w| are_moments(&w.get(&manifest(FULL, "")))),
    must("3.2", "versions carry the first and last moment of adding", |w| are_moments(&w.get(&versions(FULL, &EDITIONS[0].id(), "")))),
    must("3.2", "the moments are those of the first and last object of the page", |w| {
        for query in ["", "?limit=1", "?limit=3", "?match[version]=all", "?match[type]=indicator"] {
            let expected = recorded(w, &manifest(FULL, query));
            same(moments(&w.get(&objects(FULL, query))), expected.clone())?;
            same(moments(&w.get(&manifest(FULL, query))), expected)?;
        }
        Ok(())
    }),
    must("3.2", "the moments of an object are those of the versions given", |w| {
        let id = EDITIONS[0].id();
        let expected = recorded(w, &manifest(FULL, &format!("?match[id]={id}&match[version]=all")));
        same(moments(&w.get(&object(FULL, &id, "?match[version]=all"))), expected.clone())?;
        same(moments(&w.get(&versions(FULL, &id, ""))), expected)
    }),
    ours("3.2", "an empty answer carries no moments", |w| {
        let answer = w.get(&objects(FULL, "?added_after=2100-01-01T00:00:00.000000Z"));
        status(&answer, 200)?;
        same(moments(&answer), (String::new(), String::new()))
    }),
    must("3.1", "every answer that has a body is of the media type of TAXII", |w| {
        reads().iter().try_for_each(|path| {
            let answer = w.get(path);
            status(&answer, 200).and_then(|()| same(answer.header("Content-Type"), Some(TAXII))).map_err(|e| format!("{path}: {e}"))
        })
    }),
    must("5.5", "the answer to an addition is of the media type of TAXII", |w| {
        let (place, new) = (w.spare(), w.object());
        same(w.add(place, &[new]).header("Content-Type"), Some(TAXII))
    }),
    must("2", "moments of adding have six digits of a second and end in Z", |w| {
        let body = w.get(&manifest(FULL, "?match[version]=all")).json();
        body["objects"].as_array().into_iter().flatten().try_for_each(|record| {
            let text = record["date_added"].as_str().unwrap_or("");
            holds(is_timestamp(text), || format!("`{text}`"))
        })
    }),
    ours("3.3", "no two objects have one moment of adding", |w| {
        let (place, _) = w.filled(50);
        let body = w.get(&manifest(place, "")).json();
        let moments: Vec<&str> = body["objects"].as_array().into_iter().flatten().filter_map(|r| r["date_added"].as_str()).collect();
        same(moments.len(), 50)?;
        holds(moments.windows(2).all(|w| w[0] < w[1]), || format!("{moments:?}"))
    }),
];
