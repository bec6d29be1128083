//! Objects as they came: every byte, whatever they hold (sections 3.4.1, 3.7, 5.3.1, 6; STIX 2.1).

use serde_json::json;

use super::world::{CLEAR, World, id, manifest, object, objects, versions};
use super::{Clause, Verdict, holds, ids, must, ours, same, status};

/// Adds objects as they are written; each is on the page in the same bytes.
fn kept(w: &mut World, texts: &[String]) -> Result<u32, String> {
    let place = w.spare();
    let answer = w.post(place, &format!("{{\"objects\":[{}]}}", texts.join(",")));
    status(&answer, 202)?;
    same(answer.json()["failure_count"].as_u64(), Some(0)).map_err(|e| format!("{e}: {}", answer.text()))?;
    let page = w.get(&objects(place, "?match[version]=all&match[spec_version]=2.0,2.1")).text();
    texts.iter().try_for_each(|text| holds(page.contains(text.as_str()), || format!("{text:.300} is not in {page:.2000}")))?;
    Ok(place)
}

/// An object with something more in it.
fn with(n: u32, rest: &str) -> String {
    format!(
        "{{\"type\":\"infrastructure\",\"spec_version\":\"2.1\",\"id\":\"{}\",\"created\":\"2026-01-01T00:00:00.000Z\",\
         \"modified\":\"2026-01-01T00:00:00.000Z\",\"name\":\"a\",\"object_marking_refs\":[\"{CLEAR}\"]{rest}}}",
        id("infrastructure", n)
    )
}

fn keeps(w: &mut World, rest: &[&str]) -> Verdict {
    let texts: Vec<String> = (1..).zip(rest).map(|(n, rest)| with(n, rest)).collect();
    kept(w, &texts).map(|_| ())
}

/// The version that a manifest, the list of versions and a status tell of one object.
fn told(w: &mut World, text: &str, version: &str) -> Verdict {
    let place = w.spare();
    let answer = w.post(place, &format!("{{\"objects\":[{text}]}}"));
    same(answer.json()["success_count"].as_u64(), Some(1)).map_err(|e| format!("{e}: {}", answer.text()))?;
    same(answer.json()["successes"][0]["version"].as_str(), Some(version))?;
    let record = w.get(&manifest(place, "")).json()["objects"][0].clone();
    same(record["version"].as_str(), Some(version))?;
    let id = record["id"].as_str().unwrap_or("").to_owned();
    same(w.get(&versions(place, &id, "")).json()["versions"].clone(), json!([version]))
}

/// The version of an object that has no times is told, the same each time, and finds it.
fn timeless(w: &mut World, text: &str) -> Verdict {
    let place = kept(w, &[text.to_owned()])?;
    let version = |w: &mut World| w.get(&manifest(place, "")).json()["objects"][0]["version"].as_str().unwrap_or("").to_owned();
    let (once, twice) = (version(w), version(w));
    holds(once == twice && once.ends_with('Z'), || format!("`{once}` `{twice}`"))?;
    same(ids(&w.get(&objects(place, &format!("?match[version]={once}"))).json()).len(), 1)
}

pub const CLAUSES: &[Clause] = &[
    must("6", "custom properties are kept", |w| keeps(w, &[",\"x_site\":{\"lat\":60.1,\"list\":[1,2,{\"a\":null}]},\"x_empty\":\"\""])),
    must("6", "custom types are kept", |w| kept(w, &[with(1, "").replace("infrastructure", "x-grid-asset")]).map(|_| ())),
    ours("3.7", "spaces, order and escapes of an object are kept byte for byte", |w| {
        let text = format!(
            "{{ \"name\" : \"\\u0041\\/\\u00e4\" ,\n\t\"object_marking_refs\":[ \"{CLEAR}\" ], \"id\":\"{}\", \"type\":\"infrastructure\",\r\n\
             \"modified\":\"2026-01-01T00:00:00.000Z\",\"created\":\"2026-01-01T00:00:00.000Z\",\"spec_version\":\"2.1\" }}",
            id("infrastructure", 1)
        );
        kept(w, &[text]).map(|_| ())
    }),
    ours("3.7", "numbers are kept as written", |w| {
        keeps(w, &[",\"x_n\":[1.50e0,-0,0.1,1E300,123456789012345678901234567890,9007199254740993,-9223372036854775809,1e-7]"])
    }),
    ours("3.7", "a number that no double holds fails its object alone, which is named", |w| {
        let place = w.spare();
        let (odd, plain) = (with(1, ",\"x_n\":1E400"), with(2, ""));
        let answer = w.post(place, &format!("{{\"objects\":[{odd},{plain}]}}"));
        status(&answer, 202)?;
        let failure = answer.json()["failures"][0].clone();
        same(
            (failure["id"].as_str(), failure["version"].as_str()),
            (Some(id("infrastructure", 1).as_str()), Some("2026-01-01T00:00:00.000Z")),
        )?;
        same(ids(&w.get(&objects(place, "")).json()), vec![id("infrastructure", 2)])
    }),
    must("2", "text of any script is kept", |w| {
        keeps(
            w,
            &[
                ",\"description\":\"Кабель 海底電纜 كابل 🔌 \u{1F1EB}\u{1F1EE} e\u{301} \u{200f}\"",
                ",\"description\":\"\\ud83d\\udd0c\"",
                ",\"x_\u{e4}\":1",
            ],
        )
    }),
    ours("2", "an escaped NUL is kept or refused alone", |w| {
        let place = w.spare();
        let (odd, plain) = (with(1, ",\"description\":\"a\\u0000b\""), with(2, ""));
        status(&w.post(place, &format!("{{\"objects\":[{odd},{plain}]}}")), 202)?;
        let page = w.get(&objects(place, ""));
        status(&page, 200)?;
        holds(page.text().contains(&plain), || page.text())
    }),
    must("6", "empty lists and objects inside an object are kept", |w| keeps(w, &[",\"labels\":[],\"x_o\":{},\"x_a\":[[],{}]"])),
    must("3.4.1", "an extension definition does not take its version for a moment", |w| {
        let text = with(1, ",\"version\":\"1.0.0\",\"schema\":\"https://localhost/\",\"extension_types\":[\"property-extension\"]")
            .replace("infrastructure", "extension-definition");
        let place = kept(w, &[text])?;
        same(w.get(&manifest(place, "")).json()["objects"][0]["version"].as_str(), Some("2026-01-01T00:00:00.000Z"))
    }),
    must("3.4.1", "an object without modified has created for its version", |w| {
        let text = format!(
            "{{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"{}\",\"created\":\"2026-01-05T00:00:00.123Z\",\
             \"definition_type\":\"statement\",\"definition\":{{\"statement\":\"Copyright\"}},\"object_marking_refs\":[\"{CLEAR}\"]}}",
            id("marking-definition", 77)
        );
        told(w, &text, "2026-01-05T00:00:00.123Z")
    }),
    must("3.4.1", "an observable without times has one stable version", |w| {
        let address = json!({"type": "ipv4-addr", "spec_version": "2.1", "id": id("ipv4-addr", 1), "value": "192.0.2.1",
            "object_marking_refs": [CLEAR]});
        timeless(w, &address.to_string())
    }),
    must("3.4.1", "an object of STIX 2.0 is one", |w| {
        let text = with(1, "").replace("\"spec_version\":\"2.1\",", "");
        let place = kept(w, &[text])?;
        same(w.get(&manifest(place, "")).json()["objects"][0]["media_type"].as_str(), Some("application/stix+json;version=2.0"))
    }),
    must("5.3.1", "the media type of a record tells the edition", |w| {
        let place = kept(w, &[with(1, "")])?;
        same(w.get(&manifest(place, "")).json()["objects"][0]["media_type"].as_str(), Some("application/stix+json;version=2.1"))
    }),
    must("5.3.1", "a version is told as the object writes it", |w| {
        for version in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123456789Z"] {
            told(w, &with(1, "").replace("\"modified\":\"2026-01-01T00:00:00.000Z\"", &format!("\"modified\":\"{version}\"")), version)
                .map_err(|e| format!("{version}: {e}"))?;
        }
        Ok(())
    }),
    must("3.4.1", "versions a microsecond apart are two", |w| {
        let at = |micro: u32| {
            with(1, "").replace("\"modified\":\"2026-01-01T00:00:00.000Z\"", &format!("\"modified\":\"2026-01-01T00:00:00.{micro:06}Z\""))
        };
        let place = kept(w, &[at(1), at(2)])?;
        same(
            w.get(&object(place, &id("infrastructure", 1), "?match[version]=first")).json()["objects"][0]["modified"].as_str(),
            Some("2026-01-01T00:00:00.000001Z"),
        )?;
        same(w.get(&objects(place, "")).json()["objects"][0]["modified"].as_str(), Some("2026-01-01T00:00:00.000002Z"))
    }),
    must("5.4", "different objects with equal times are all kept", |w| keeps(w, &[""; 20])),
    must("5.4", "an object that refers to what is not there is kept", |w| {
        let text = with(
            1,
            &format!(",\"relationship_type\":\"uses\",\"source_ref\":\"{}\",\"target_ref\":\"{}\"", id("malware", 8), id("tool", 9)),
        )
        .replace("\"type\":\"infrastructure\"", "\"type\":\"relationship\"")
        .replace("infrastructure--", "relationship--");
        kept(w, &[text]).map(|_| ())
    }),
    must("5.4", "a revoked object is still given", |w| keeps(w, &[",\"revoked\":true"])),
    must("5.4", "granular markings of what the reader may see are kept", |w| {
        keeps(w, &[&format!(",\"granular_markings\":[{{\"marking_ref\":\"{CLEAR}\",\"selectors\":[\"name\"]}}]")])
    }),
    must("5.6", "an object is the same alone as on a page", |w| {
        let text = with(1, ",\"x\":  [ 1 ]");
        let place = kept(w, std::slice::from_ref(&text))?;
        let alone = w.get(&object(place, &id("infrastructure", 1), "")).text();
        holds(alone.contains(&text), || alone)
    }),
];
