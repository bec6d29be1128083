//! Adding objects and what became of it (sections 4.2.1, 4.3 and 5.5).

use serde_json::{Value, json};

use super::world::{World, id, object, objects};
use super::{Clause, Verdict, holds, ids, is_timestamp, is_uuid, must, ours, same, should, status};
use crate::http::{Ask, TAXII, basic};
use crate::node::{PASSWORD, ROOT, ask};

fn add_three(w: &mut World) -> (u32, Value) {
    let (place, good, again) = (w.spare(), w.object(), w.object());
    let broken = json!({"type": "infrastructure", "id": "infrastructure--1", "modified": "2026-01-01T00:00:00.000Z"});
    let answer = w.add(place, &[good, broken, again]);
    (place, answer.json())
}

fn status_path(status: &Value) -> String {
    format!("/{ROOT}/status/{}/", status["id"].as_str().unwrap_or(""))
}

/// Bodies that are JSON or not, and no envelope.
fn answers(w: &mut World, bodies: &[&str], expected: &[u16]) -> Verdict {
    let place = w.spare();
    bodies.iter().try_for_each(|body| {
        let answer = w.post(place, body);
        holds(expected.contains(&answer.status), || format!("{body}: {} {:.200}", answer.status, answer.text()))
    })
}

/// An envelope with one object, filled with spaces to a length.
fn of_length(w: &mut World, length: usize) -> Vec<u8> {
    let text = json!({"objects": [w.object()]}).to_string();
    let mut body = text.into_bytes();
    let fill = length - body.len();
    body.splice(1..1, std::iter::repeat_n(b' ', fill));
    body
}

fn largest(w: &mut World) -> usize {
    w.get(&format!("/{ROOT}/")).json()["max_content_length"].as_u64().unwrap_or(0) as usize
}

pub const CLAUSES: &[Clause] = &[
    must("5.5", "an addition is 202 and its objects are there when it is complete", |w| {
        let (place, new) = (w.spare(), w.object());
        let answer = w.add(place, std::slice::from_ref(&new));
        status(&answer, 202)?;
        same(answer.json()["status"].as_str(), Some("complete"))?;
        same(w.get(&objects(place, "")).json()["objects"].clone(), json!([new]))
    }),
    must("4.3.1", "a status has a UUID, a state and four counts that add up", |w| {
        let (_, body) = add_three(w);
        holds(body["id"].as_str().is_some_and(is_uuid), || body.to_string())?;
        holds(matches!(body["status"].as_str(), Some("complete" | "pending")), || body.to_string())?;
        let count = |name: &str| body[name].as_u64().ok_or_else(|| format!("{name} in {body}"));
        same(count("total_count")?, 3)?;
        same(count("success_count")? + count("failure_count")? + count("pending_count")?, 3)
    }),
    must("4.3.1", "the moment of the request has six digits of a second", |w| {
        let (_, body) = add_three(w);
        holds(body.get("request_timestamp").is_none_or(|at| at.as_str().is_some_and(is_timestamp)), || body.to_string())
    }),
    must("4.3.1", "lists of a status are as long as their counts and left out where empty", |w| {
        let (_, body) = add_three(w);
        for (list, count) in [("successes", "success_count"), ("failures", "failure_count"), ("pendings", "pending_count")] {
            let found = body.get(list).map(|l| l.as_array().map_or(0, Vec::len) as u64);
            let expected = body[count].as_u64().filter(|n| *n > 0);
            holds(found.is_none() || found == expected, || format!("{list}: {body}"))?;
        }
        Ok(())
    }),
    must("4.3.1", "details of a status have id and version", |w| {
        let (_, body) = add_three(w);
        let lists = ["successes", "failures"].iter().flat_map(|list| body[*list].as_array().cloned().unwrap_or_default());
        lists.into_iter().try_for_each(|d| holds(d["id"].is_string() && d["version"].is_string(), || d.to_string()))?;
        same(body["failures"][0]["version"].as_str(), Some("2026-01-01T00:00:00.000Z"))
    }),
    should("4.3.1", "a failure says why", |w| {
        let (_, body) = add_three(w);
        holds(body["failures"][0]["message"].as_str().is_some_and(|m| !m.is_empty()), || body.to_string())
    }),
    must("5.5", "an object that fails keeps no other one out", |w| {
        let (place, body) = add_three(w);
        same((body["success_count"].as_u64(), body["failure_count"].as_u64()), (Some(2), Some(1)))?;
        same(ids(&w.get(&objects(place, "")).json()).len(), 2)
    }),
    must("4.3", "a status may be asked for", |w| {
        let (_, body) = add_three(w);
        let answer = w.get(&status_path(&body));
        status(&answer, 200)?;
        same(answer.header("Content-Type"), Some(TAXII))?;
        same(answer.json(), body)
    }),
    must("4.3", "a status outlives a restart", |w| {
        let (_, body) = add_three(w);
        w.restart();
        same(w.get(&status_path(&body)).json(), body)
    }),
    must("4.3", "a status of another login is 404", |w| {
        let (_, body) = add_three(w);
        status(&w.ask("twin", "GET", &status_path(&body), b""), 404)
    }),
    must("4.3", "a status asked for in another media type is 406", |w| {
        let (_, body) = add_three(w);
        let headers = vec![("Authorization", basic("all", PASSWORD)), ("Accept", "text/html".to_owned())];
        status(&w.bare("GET", &status_path(&body), headers), 406)
    }),
    must("5.5", "adding an object again is no failure and adds nothing", |w| {
        let (place, new) = (w.spare(), w.object());
        w.add(place, std::slice::from_ref(&new));
        let again = w.add(place, &[new.clone(), new.clone()]).json();
        same((again["success_count"].as_u64(), again["failure_count"].as_u64()), (Some(2), Some(0)))?;
        same(ids(&w.get(&objects(place, "?match[version]=all")).json()).len(), 1)
    }),
    must("5.5", "adding an object again does not move its moment of adding", |w| {
        let (place, new) = (w.spare(), w.object());
        w.add(place, std::slice::from_ref(&new));
        let moment = |w: &mut World| w.get(&super::world::manifest(place, "")).json()["objects"][0]["date_added"].clone();
        let before = moment(w);
        w.add(place, &[new]);
        same(moment(w), before)
    }),
    must("5.5", "objects that all fail are still 202 with a status", |w| {
        let place = w.spare();
        let answer = w.add(place, &[json!({"id": "x"}), json!(7)]);
        status(&answer, 202)?;
        same(answer.json()["failure_count"].as_u64(), Some(2))
    }),
    must("5.5", "an older version that comes later is kept and not given as the last", |w| {
        let (place, new) = (w.spare(), w.object());
        let at = |day: u32| {
            let mut o = new.clone();
            o["modified"] = format!("2026-01-{day:02}T00:00:00.000Z").into();
            o
        };
        w.add(place, &[at(9)]);
        w.add(place, &[at(5)]);
        let id = new["id"].as_str().unwrap_or("").to_owned();
        same(ids(&w.get(&object(place, &id, "?match[version]=all")).json()).len(), 2)?;
        same(w.get(&object(place, &id, "")).json()["objects"][0]["modified"].as_str(), Some("2026-01-09T00:00:00.000Z"))
    }),
    must("5.5", "one identifier may be in two collections", |w| {
        let (one, two, new) = (w.spare(), w.spare(), w.object());
        w.add(one, std::slice::from_ref(&new));
        w.add(two, std::slice::from_ref(&new));
        w.delete(&object(one, new["id"].as_str().unwrap_or(""), ""));
        same(ids(&w.get(&objects(two, "")).json()).len(), 1)
    }),
    must("5.5", "a body that is no JSON is 400 or 422", |w| {
        answers(w, &["", "x", "{\"objects\":[", "{\"objects\":[]}x", "\u{feff}{}", "{'objects':[]}"], &[400, 422])
    }),
    must("5.5", "a body that is no envelope is 422 or 400", |w| {
        answers(w, &["[]", "[[{}]]", "7", "null", "{\"objects\":{}}", "{\"objects\":null}", "{\"objects\":\"x\"}"], &[400, 422])
    }),
    should("5.5", "an envelope without objects is 422 or 400", |w| {
        answers(w, &["{}", "{\"objects\":[]}", "{\"more\":false}"], &[400, 422])
    }),
    ours("6", "custom properties of an envelope are passed over", |w| {
        let (place, new) = (w.spare(), w.object());
        let body = json!({"more": false, "x_custom": {"a": [1]}, "objects": [new]}).to_string();
        status(&w.post(place, &body), 202)
    }),
    must("5.5", "a body beyond the largest is 413", |w| {
        let place = w.spare();
        let body = vec![b' '; largest(w) + 1];
        let request = ask("all", "POST", &objects(place, ""), &body).bytes();
        // The node may answer before it has read everything, and then close.
        let mut client = w.node.connect();
        let _ = client.send(&request);
        let answer = client.receive().map_err(|e| format!("no answer: {e}"))?;
        status(&answer, 413)?;
        holds(answer.json()["title"].is_string(), || answer.text())
    }),
    must("4.2.1", "a body of the largest length is taken", |w| {
        let (place, length) = (w.spare(), largest(w));
        let body = of_length(w, length);
        status(&w.ask("all", "POST", &objects(place, ""), &body), 202)
    }),
    must("4.2.1", "a body of 3 MiB is taken", |w| {
        let place = w.spare();
        let body = of_length(w, 3 << 20);
        status(&w.ask("all", "POST", &objects(place, ""), &body), 202)
    }),
    must("RFC 9112", "an addition in chunks is taken", |w| {
        let (place, new) = (w.spare(), w.object());
        let text = json!({"objects": [new]}).to_string();
        let head = String::from_utf8(
            Ask { headers: ask("all", "POST", "", b"").headers, method: "PUT", path: &objects(place, ""), body: b"" }.bytes(),
        );
        let head = head.unwrap_or_default().replacen("PUT", "POST", 1).replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunks: String = text.as_bytes().chunks(50).map(|c| format!("{:x}\r\n{}\r\n", c.len(), String::from_utf8_lossy(c))).collect();
        let mut client = w.node.connect();
        client.send(format!("{head}{chunks}0\r\n\r\n").as_bytes()).map_err(|e| e.to_string())?;
        status(&client.receive().map_err(|e| e.to_string())?, 202)?;
        same(ids(&w.get(&objects(place, "")).json()).len(), 1)
    }),
    must("RFC 9110", "a client that expects 100 is told to go on", |w| {
        let (place, new) = (w.spare(), w.object());
        let text = json!({"objects": [new]}).to_string();
        let request = ask("all", "POST", &objects(place, ""), text.as_bytes()).bytes();
        let request = String::from_utf8(request).unwrap_or_default().replacen("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1);
        let (head, body) = request.split_at(request.len() - text.len());
        let mut client = w.node.connect();
        client.send(head.as_bytes()).map_err(|e| e.to_string())?;
        same(client.receive().map_err(|e| e.to_string())?.status, 100)?;
        client.send(body.as_bytes()).map_err(|e| e.to_string())?;
        status(&client.receive().map_err(|e| e.to_string())?, 202)
    }),
    ours("5.5", "an addition to a path without its last slash is taken", |w| {
        let (place, new) = (w.spare(), w.object());
        let body = json!({"objects": [new]}).to_string();
        status(&w.ask("all", "POST", objects(place, "").trim_end_matches('/'), body.as_bytes()), 202)
    }),
    ours("5.5", "3,000 objects may be added at once", |w| {
        let (place, named) = w.filled(3000);
        let last = w.get(&object(place, &named[2999], ""));
        status(&last, 200)?;
        same(ids(&last.json()), vec![id("infrastructure", named[2999][named[2999].len() - 12..].parse().unwrap_or(0))])
    }),
];
