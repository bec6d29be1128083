//! Errors (section 3.6) and methods that an endpoint does not know (RFC 9110 sections 9 and 15.5.6).

use super::world::{EDITIONS, FULL, World, manifest, object, objects, reads, versions};
use super::{Clause, Verdict, holds, must, same, should, status};
use crate::http::{Answer, Ask, TAXII, basic};
use crate::node::{PASSWORD, ROOT};

/// The answer is an error of this status in the form of section 3.6.1.
fn is_error(answer: &Answer, expected: u16) -> Verdict {
    status(answer, expected)?;
    same(answer.header("Content-Type"), Some(TAXII))?;
    let body = answer.json();
    holds(body["title"].as_str().is_some_and(|t| !t.is_empty()), || format!("no title: {body}"))?;
    let found = body.get("http_status").cloned();
    holds(found.as_ref().is_none_or(|s| s.as_str() == Some(&expected.to_string())), || format!("http_status {found:?}"))?;
    let texts = ["description", "error_id", "error_code", "external_details"];
    holds(texts.iter().all(|name| body.get(*name).is_none_or(serde_json::Value::is_string)), || body.to_string())
}

fn bad(w: &mut World, path: &str) -> Verdict {
    is_error(&w.get(path), 400)
}

fn posted(w: &mut World, content_type: &str, body: &[u8], expected: u16) -> Verdict {
    let headers = vec![("Authorization", basic("all", PASSWORD)), ("Accept", TAXII.to_owned()), ("Content-Type", content_type.to_owned())];
    is_error(&w.send(&Ask { method: "POST", path: &objects(FULL, ""), headers, body }), expected)
}

fn refused(w: &mut World, method: &str, path: &str) -> Verdict {
    let answer = w.ask("all", method, path, b"");
    holds(matches!(answer.status, 405 | 501), || format!("{method} {path}: status {}", answer.status))
}

pub const CLAUSES: &[Clause] = &[
    must("3.6.1", "400 has a body of TAXII with a title and a textual status", |w| bad(w, &objects(FULL, "?limit=0"))),
    must("3.6.1", "401 has a body of TAXII with a title and a textual status", |w| is_error(&w.bare("GET", "/taxii2/", vec![]), 401)),
    must("3.6.1", "403 has a body of TAXII with a title and a textual status", |w| {
        is_error(&w.ask("reader", "DELETE", &object(FULL, &EDITIONS[0].id(), ""), b""), 403)
    }),
    must("3.6.1", "404 has a body of TAXII with a title and a textual status", |w| is_error(&w.get("/none/"), 404)),
    must("3.6.1", "406 has a body of TAXII with a title and a textual status", |w| {
        let headers = vec![("Authorization", basic("all", PASSWORD)), ("Accept", "text/html".to_owned())];
        is_error(&w.bare("GET", "/taxii2/", headers), 406)
    }),
    must("3.6.1", "415 has a body of TAXII with a title and a textual status", |w| posted(w, "text/plain", b"{\"objects\":[{}]}", 415)),
    must("3.6.1", "422 has a body of TAXII with a title and a textual status", |w| posted(w, TAXII, b"{\"objects\":7}", 422)),
    must("3.6.1", "a body that is no JSON is 400 with a body of TAXII", |w| posted(w, TAXII, b"{\"objects\":", 400)),
    must("5.4", "a malformed parameter of objects is 400", |w| bad(w, &objects(FULL, "?limit=x"))),
    must("5.3", "a malformed parameter of a manifest is 400", |w| bad(w, &manifest(FULL, "?added_after=x"))),
    must("5.6", "a malformed parameter of an object is 400", |w| bad(w, &object(FULL, &EDITIONS[0].id(), "?match[version]=x"))),
    must("5.8", "a malformed parameter of versions is 400", |w| bad(w, &versions(FULL, &EDITIONS[0].id(), "?limit=-1"))),
    must("5.7", "a malformed parameter of a deletion is 400, and nothing is deleted", |w| {
        let (place, named) = w.filled(1);
        is_error(&w.delete(&object(place, &named[0], "?match[version]=x")), 400)?;
        status(&w.get(&object(place, &named[0], "")), 200)
    }),
    should("RFC 9110", "a method that an endpoint does not know is 405 or 501", |w| {
        for path in reads() {
            for method in ["PUT", "PATCH", "BREW"] {
                refused(w, method, &path)?;
            }
        }
        refused(w, "POST", "/taxii2/")?;
        refused(w, "DELETE", &objects(FULL, ""))?;
        refused(w, "POST", &manifest(FULL, ""))?;
        refused(w, "POST", &object(FULL, &EDITIONS[0].id(), ""))
    }),
    must("RFC 9110", "405 says which methods are known", |w| {
        let expected = [("/taxii2/".to_owned(), "GET"), (objects(FULL, ""), "POST"), (object(FULL, &EDITIONS[0].id(), ""), "DELETE")];
        expected.iter().try_for_each(|(path, method)| {
            let answer = w.ask("all", "PUT", path, b"");
            let allowed = answer.header("Allow").unwrap_or("").to_owned();
            holds(allowed.split(',').any(|word| word.trim() == *method), || format!("{path}: Allow `{allowed}`"))
        })
    }),
    must("RFC 9110", "HEAD answers as GET does, without a body", |w| {
        reads().iter().try_for_each(|path| {
            let (get, head) = (w.get(path), w.ask("all", "HEAD", path, b""));
            status(&head, 200).map_err(|e| format!("{path}: {e}"))?;
            same(head.header("Content-Type"), get.header("Content-Type"))?;
            same(head.header("X-TAXII-Date-Added-Last"), get.header("X-TAXII-Date-Added-Last"))
        })
    }),
    must("3.6.1", "an error says what it is for every endpoint of an unknown root", |w| {
        ["/none/", "/none/collections/", "/none/status/x/"].iter().try_for_each(|path| is_error(&w.get(path), 404))?;
        is_error(&w.get(&format!("/{ROOT}/nothing/")), 404)
    }),
];
