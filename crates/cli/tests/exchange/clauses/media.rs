//! Negotiation of the media type (section 1.6.8; RFC 9110 sections 8.3, 12.4 and 12.5.1) and login (section 8.2.2; RFC 7617).

use serde_json::json;

use super::world::{EDITIONS, FULL, World, collections, manifest, object, objects, reads, versions};
use super::{Clause, Verdict, holds, must, ours, same, status};
use crate::http::{Ask, TAXII, basic};
use crate::node::{PASSWORD, ROOT};

fn accepting(w: &mut World, accept: &[&str], expected: u16) -> Verdict {
    for path in ["/taxii2/".to_owned(), objects(FULL, "?limit=1")] {
        let mut headers = vec![("Authorization", basic("all", PASSWORD))];
        headers.extend(accept.iter().map(|value| ("Accept", (*value).to_owned())));
        status(&w.bare("GET", &path, headers), expected).map_err(|e| format!("{accept:?} {path}: {e}"))?;
    }
    Ok(())
}

fn each(w: &mut World, list: &[&str], expected: u16) -> Verdict {
    list.iter().try_for_each(|accept| accepting(w, &[accept], expected))
}

fn sending(w: &mut World, content_type: Option<&str>, expected: u16) -> Verdict {
    let (place, new) = (w.spare(), w.object());
    let body = json!({"objects": [new]}).to_string();
    let mut headers = vec![("Authorization", basic("all", PASSWORD)), ("Accept", TAXII.to_owned())];
    headers.extend(content_type.map(|value| ("Content-Type", value.to_owned())));
    let answer = w.send(&Ask { method: "POST", path: &objects(place, ""), headers, body: body.as_bytes() });
    status(&answer, expected).map_err(|e| format!("{content_type:?}: {e}"))?;
    let n = usize::from(expected == 202);
    same(super::ids(&w.get(&objects(place, "")).json()).len(), n)
}

fn logging_in(w: &mut World, authorization: Option<&str>) -> Verdict {
    for path in reads() {
        let mut headers = vec![("Accept", TAXII.to_owned())];
        headers.extend(authorization.map(|value| ("Authorization", value.to_owned())));
        let answer = w.bare("GET", &path, headers);
        status(&answer, 401).map_err(|e| format!("{path}: {e}"))?;
        let challenge = answer.header("WWW-Authenticate").unwrap_or("");
        holds(challenge.to_ascii_lowercase().starts_with("basic realm="), || format!("{path}: WWW-Authenticate `{challenge}`"))?;
    }
    Ok(())
}

pub const CLAUSES: &[Clause] = &[
    must("1.6.8", "TAXII 2.1 is given where it is asked for", |w| accepting(w, &[TAXII], 200)),
    must("1.6.8", "TAXII without a version means the newest", |w| accepting(w, &["application/taxii+json"], 200)),
    must("1.6.8", "another version of TAXII is 406", |w| {
        each(
            w,
            &["application/taxii+json;version=2.0", "application/taxii+json;version=3.0", "application/vnd.oasis.taxii+json;version=2.0"],
            406,
        )
    }),
    must("1.6.8", "another media type is 406", |w| {
        each(w, &["text/html", "application/json", "application/stix+json;version=2.1", "text/*", "application/taxii"], 406)
    }),
    must("1.6.8", "406 comes from every endpoint that is read", |w| {
        let headers = || vec![("Authorization", basic("all", PASSWORD)), ("Accept", "text/html".to_owned())];
        reads().iter().try_for_each(|path| status(&w.bare("GET", path, headers()), 406).map_err(|e| format!("{path}: {e}")))
    }),
    must("1.6.8", "406 comes from adding and deleting, which then do nothing", |w| {
        let (place, named) = w.filled(1);
        let body = json!({"objects": [w.object()]}).to_string();
        let headers =
            || vec![("Authorization", basic("all", PASSWORD)), ("Accept", "text/html".to_owned()), ("Content-Type", TAXII.to_owned())];
        let post = Ask { method: "POST", path: &objects(place, ""), headers: headers(), body: body.as_bytes() };
        status(&w.send(&post), 406)?;
        status(&w.bare("DELETE", &object(place, &named[0], ""), headers()), 406)?;
        same(super::ids(&w.get(&objects(place, "")).json()), named)
    }),
    must("RFC 9110", "a media type is read whatever its case and spaces", |w| {
        each(
            w,
            &["Application/TAXII+JSON;Version=2.1", "application/taxii+json ; version=2.1", "application/taxii+json;version=\"2.1\""],
            200,
        )
    }),
    must("RFC 9110", "a wildcard takes TAXII", |w| each(w, &["*/*", "application/*", "text/html, */*;q=0.1"], 200)),
    must("RFC 9110", "one of several media types is enough", |w| {
        each(
            w,
            &[
                "text/html, application/taxii+json;version=2.1",
                "application/taxii+json;version=2.0, application/taxii+json;version=2.1;q=0.5",
            ],
            200,
        )
    }),
    must("RFC 9110", "a weight of 0 refuses", |w| {
        each(w, &["application/taxii+json;version=2.1;q=0", "*/*;q=0", "application/taxii+json;version=2.1;q=0.000, */*"], 406)
    }),
    must("RFC 9110", "the more specific range decides", |w| {
        each(w, &["application/taxii+json;q=0, application/taxii+json;version=2.1", "*/*;q=0, application/taxii+json"], 200)?;
        each(w, &["application/taxii+json, application/taxii+json;version=2.1;q=0", "*/*, application/*;q=0"], 406)
    }),
    must("RFC 9110", "two Accept headers are one list", |w| accepting(w, &["text/html", TAXII], 200)),
    ours("RFC 9110", "without an Accept header TAXII is given", |w| accepting(w, &[], 200)),
    must("5.5", "an addition in the media type of TAXII is taken", |w| sending(w, Some(TAXII), 202)),
    must("1.6.8", "an addition in TAXII without a version is taken", |w| sending(w, Some("application/taxii+json"), 202)),
    must("RFC 9110", "Content-Type is read whatever its case and spaces", |w| {
        sending(w, Some("Application/TAXII+json; Version=\"2.1\""), 202)
    }),
    must("5.5", "an addition as plain JSON is 415", |w| sending(w, Some("application/json"), 415)),
    must("5.5", "an addition as STIX is 415", |w| sending(w, Some("application/stix+json;version=2.1"), 415)),
    must("5.5", "an addition in another version of TAXII is 415", |w| sending(w, Some("application/taxii+json;version=2.0"), 415)),
    must("5.5", "an addition of no media type is 415", |w| sending(w, None, 415)),
    must("8.2.2", "without a login every endpoint is 401 and names basic authentication", |w| logging_in(w, None)),
    must("8.2.2", "a wrong password is 401", |w| logging_in(w, Some(&basic("all", "another password")))),
    must("8.2.2", "an unknown name is 401", |w| logging_in(w, Some(&basic("nobody", PASSWORD)))),
    must("8.2.2", "an Authorization header of no known form is 401", |w| {
        ["Bearer x", "Basic", "Basic !", "Basic YWxs", "x"].iter().try_for_each(|value| logging_in(w, Some(value)))
    }),
    must("RFC 7617", "the name of the scheme is read whatever its case", |w| {
        let value = basic("all", PASSWORD).replacen("Basic", "bASIC", 1);
        status(&w.bare("GET", "/taxii2/", vec![("Authorization", value)]), 200)
    }),
    must("8.2.2", "401 comes from adding and deleting", |w| {
        let place = objects(FULL, "");
        let headers = vec![("Content-Type", TAXII.to_owned())];
        status(&w.send(&Ask { method: "POST", path: &place, headers, body: b"{\"objects\":[{}]}" }), 401)?;
        status(&w.bare("DELETE", &object(FULL, &EDITIONS[0].id(), ""), vec![]), 401)
    }),
    ours("8.2.2", "who is not logged in is told the same of what is there and what is not", |w| {
        let pairs = [
            (collections(), "/none/collections/".to_owned()),
            (manifest(FULL, ""), manifest(99, "")),
            (versions(FULL, &EDITIONS[0].id(), ""), versions(FULL, "x", "")),
            (format!("/{ROOT}/"), "/none/".to_owned()),
        ];
        pairs.iter().try_for_each(|(there, not)| {
            let (there, not) = (w.bare("GET", there, vec![]), w.bare("GET", not, vec![]));
            same((there.status, there.body), (not.status, not.body))
        })
    }),
];
