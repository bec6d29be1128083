//! Order and pages (sections 3.3 to 3.5 and 3.7).

use serde_json::Value;

use super::world::{FULL, World, manifest, object, objects, versions};
use super::{Clause, Verdict, holds, ids, must, ours, same, should, status};

/// Follows `next` to the end; the pages, and what was done between them.
fn follow(w: &mut World, path: &str, between: &mut dyn FnMut(&mut World, usize)) -> Result<Vec<Value>, String> {
    let mut pages: Vec<Value> = Vec::new();
    let mut next = String::new();
    for n in 0..200 {
        let answer = w.get(&format!("{path}{next}"));
        status(&answer, 200)?;
        let page = answer.json();
        let more = page["more"].as_bool().unwrap_or(false);
        let token = page["next"].as_str().map(str::to_owned);
        pages.push(page);
        match (more, token) {
            (false, None) => return Ok(pages),
            (true, Some(token)) => next = format!("&next={token}"),
            other => return Err(format!("more and next are {other:?}")),
        }
        between(w, n);
    }
    Err("the pages do not end".into())
}

fn all_of(pages: &[Value]) -> Vec<String> {
    pages.iter().flat_map(ids).collect()
}

/// Every limit gives the same in the same order.
fn whole(w: &mut World, path: &dyn Fn(&str) -> String, expected: &[String]) -> Verdict {
    for limit in [1, 2, 7, 24, 25, 26, 1000] {
        let pages = follow(w, &path(&format!("?limit={limit}")), &mut |_, _| {})?;
        same(all_of(&pages), expected.to_vec()).map_err(|e| format!("limit {limit}: {e}"))?;
        holds(pages.iter().all(|page| ids(page).len() <= limit), || format!("a page of limit {limit} is longer"))?;
        same(pages.len(), expected.len().div_ceil(limit)).map_err(|e| format!("pages of limit {limit}: {e}"))?;
    }
    Ok(())
}

/// An object in `n` versions.
fn with_versions(w: &mut World, n: usize) -> (u32, String) {
    let (place, new) = (w.spare(), w.object());
    for day in 1..=n {
        let mut version = new.clone();
        version["modified"] = format!("2026-01-{day:02}T00:00:00.000Z").into();
        w.add(place, &[version]);
    }
    (place, new["id"].as_str().unwrap_or("").to_owned())
}

pub const CLAUSES: &[Clause] = &[
    must("3.3", "objects come in the order of adding, the oldest first", |w| {
        let (place, mut expected) = w.filled(20);
        let more: Vec<Value> = (0..5).map(|_| w.object()).collect();
        for object in &more {
            w.add(place, std::slice::from_ref(object));
            expected.push(object["id"].as_str().unwrap_or("").to_owned());
        }
        same(ids(&w.get(&objects(place, "")).json()), expected.clone())?;
        same(ids(&w.get(&manifest(place, "")).json()), expected)
    }),
    must("3.5", "pages of objects hold everything once", |w| {
        let (place, expected) = w.filled(25);
        whole(w, &|query| objects(place, query), &expected)?;
        whole(w, &|query| manifest(place, query), &expected)
    }),
    must("3.5", "pages of the versions of an object hold everything once", |w| {
        let (place, id) = with_versions(w, 9);
        for limit in [1, 2, 4, 9] {
            let pages = follow(w, &object(place, &id, &format!("?match[version]=all&limit={limit}")), &mut |_, _| {})?;
            same(all_of(&pages).len(), 9)?;
            let pages = follow(w, &versions(place, &id, &format!("?limit={limit}")), &mut |_, _| {})?;
            let list: Vec<String> =
                pages.iter().flat_map(|p| p["versions"].as_array().cloned().unwrap_or_default()).map(|v| v.to_string()).collect();
            holds(list.len() == 9 && list.is_sorted(), || format!("{list:?}"))?;
        }
        Ok(())
    }),
    must("3.5", "a page without limit is bounded and followed by the rest", |w| {
        let (place, expected) = w.filled(1500);
        let pages = follow(w, &objects(place, "?"), &mut |_, _| {})?;
        same(all_of(&pages), expected)?;
        holds(pages.len() > 1, || "one page of 1500".into())
    }),
    must("3.7", "more is true only where there is more", |w| {
        let (place, _) = w.filled(4);
        for (limit, more) in [(3, true), (4, false), (5, false)] {
            let page = w.get(&objects(place, &format!("?limit={limit}"))).json();
            same((page["more"].as_bool(), page.get("next").is_some()), (Some(more), more))?;
        }
        Ok(())
    }),
    must("3.7", "next is a string", |w| holds(w.get(&objects(FULL, "?limit=1")).json()["next"].is_string(), || "it is none".into())),
    must("3.5", "a next may be sent again and gives the same", |w| {
        let (place, _) = w.filled(6);
        let next = w.get(&objects(place, "?limit=2")).json()["next"].as_str().unwrap_or("").to_owned();
        let path = objects(place, &format!("?limit=2&next={next}"));
        let (once, twice) = (w.get(&path), w.get(&path));
        status(&once, 200)?;
        same(once.body, twice.body)
    }),
    must("3.5", "what is added between two pages comes at the end", |w| {
        let (place, mut expected) = w.filled(10);
        let mut added = Vec::new();
        let pages = follow(w, &objects(place, "?limit=3"), &mut |w, n| {
            if n < 3 {
                let new = w.object();
                w.add(place, std::slice::from_ref(&new));
                added.push(new["id"].as_str().unwrap_or("").to_owned());
            }
        })?;
        expected.extend(added);
        same(all_of(&pages), expected)
    }),
    must("3.5", "what is deleted between two pages costs no other object", |w| {
        let (place, expected) = w.filled(10);
        let gone = [expected[0].clone(), expected[2].clone(), expected[7].clone()];
        let pages = follow(w, &objects(place, "?limit=3"), &mut |w, n| {
            if let Some(id) = gone.get(n) {
                w.delete(&object(place, id, ""));
            }
        })?;
        let seen = all_of(&pages);
        let left: Vec<String> = expected.iter().filter(|id| !gone.contains(id)).cloned().collect();
        holds(left.iter().all(|id| seen.contains(id)), || format!("{seen:?} of {left:?}"))?;
        same(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), seen.len())
    }),
    must("3.5", "a new version between two pages is not lost", |w| {
        let (place, expected) = w.filled(8);
        let pages = follow(w, &objects(place, "?limit=3"), &mut |w, n| {
            if n == 0 {
                let mut new = w.get(&object(place, &expected[6], "")).json()["objects"][0].clone();
                new["modified"] = "2027-01-01T00:00:00.000Z".into();
                w.add(place, &[new]);
            }
        })?;
        let seen: Vec<&Value> = pages.iter().flat_map(|p| p["objects"].as_array().into_iter().flatten()).collect();
        let is_new = |o: &&&Value| o["id"] == expected[6].as_str() && o["modified"] == "2027-01-01T00:00:00.000Z";
        same(seen.iter().filter(is_new).count(), 1)
    }),
    must("3.4", "following added_after by the last moment gives everything once", |w| {
        let (place, expected) = w.filled(11);
        let (mut seen, mut after) = (Vec::new(), String::from("1970-01-01T00:00:00.000000Z"));
        for _ in 0..20 {
            let answer = w.get(&objects(place, &format!("?limit=3&added_after={after}")));
            let found = ids(&answer.json());
            if found.is_empty() {
                break;
            }
            seen.extend(found);
            answer.header("X-TAXII-Date-Added-Last").unwrap_or("").clone_into(&mut after);
        }
        same(seen, expected)
    }),
    ours("3.5", "the number of objects may change from page to page", |w| {
        let (place, expected) = w.filled(9);
        let first = w.get(&objects(place, "?limit=2")).json();
        let path = objects(place, &format!("?limit=5&next={}", first["next"].as_str().unwrap_or("")));
        same(ids(&w.get(&path).json()), expected[2..7].to_vec())
    }),
    ours("3.5", "a next goes with its filters, its collection and its login", |w| {
        let ((place, _), (other, _)) = (w.filled(5), w.filled(5));
        let next = w.get(&objects(place, "?limit=2")).json()["next"].as_str().unwrap_or("").to_owned();
        let query = format!("?limit=2&next={next}");
        status(&w.get(&objects(place, &query)), 200)?;
        status(&w.get(&objects(place, &format!("{query}&match[type]=campaign"))), 400)?;
        status(&w.get(&objects(other, &query)), 400)?;
        status(&w.ask("twin", "GET", &objects(place, &query), b""), 400)
    }),
    should("3.5", "a next that was tampered with is 400", |w| {
        let (place, _) = w.filled(5);
        let next = w.get(&objects(place, "?limit=2")).json()["next"].as_str().unwrap_or("").to_owned();
        for at in [0, next.len() / 2, next.len() - 2] {
            let other = if next.as_bytes()[at] == b'B' { "C" } else { "B" };
            let changed = format!("{}{other}{}", &next[..at], &next[at + 1..]);
            status(&w.get(&objects(place, &format!("?limit=2&next={changed}"))), 400).map_err(|e| format!("letter {at}: {e}"))?;
        }
        Ok(())
    }),
    ours("3.5", "a next outlives a restart or is 400, and is never another page", |w| {
        let (place, expected) = w.filled(5);
        let next = w.get(&objects(place, "?limit=2")).json()["next"].as_str().unwrap_or("").to_owned();
        w.restart();
        let answer = w.get(&objects(place, &format!("?limit=2&next={next}")));
        holds(answer.status == 400 || ids(&answer.json()) == expected[2..4], || answer.text())
    }),
    must("2", "a page without objects has no list", |w| {
        let place = w.spare();
        for path in [objects(place, ""), manifest(place, "")] {
            let answer = w.get(&path);
            status(&answer, 200)?;
            let body = answer.json();
            holds(body.is_object() && body.get("objects").is_none() && body.get("next").is_none(), || body.to_string())?;
            holds(body.get("more").is_none_or(|more| more == false), || body.to_string())?;
        }
        Ok(())
    }),
    must("2", "versions of which none fits have no list", |w| {
        let (place, id) = with_versions(w, 1);
        let body = w.get(&versions(place, &id, "?added_after=2100-01-01T00:00:00.000000Z")).json();
        holds(body.is_object() && body.get("versions").is_none(), || body.to_string())
    }),
];
