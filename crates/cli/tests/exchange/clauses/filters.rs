//! Filters (section 3.4): each alone, malformed, and in all combinations against a plain reading of the standard.

use super::world::{EDITIONS, Edition, FULL, World, id, manifest, object, objects, versions};
use super::{Clause, Verdict, holds, ids, must, ours, same, should, status};

/// Identifiers with versions and editions on a manifest page, which are what objects the page has.
fn found(w: &mut World, query: &str) -> Result<Vec<(String, String, String)>, String> {
    let answer = w.get(&manifest(FULL, query));
    status(&answer, 200)?;
    let text = |v: &serde_json::Value| v.as_str().unwrap_or("").to_owned();
    let records = answer.json()["objects"].as_array().cloned().unwrap_or_default();
    let records: Vec<_> = records.iter().map(|r| (text(&r["id"]), text(&r["version"]), text(&r["media_type"]))).collect();
    let page = w.get(&objects(FULL, query)).json();
    let of_page = page["objects"].as_array().into_iter().flatten().map(|o| {
        let edition = o.get("spec_version").map_or_else(|| "2.0".to_owned(), &text);
        (text(&o["id"]), text(&o["modified"]), format!("application/stix+json;version={edition}"))
    });
    same(of_page.collect::<Vec<_>>(), records.clone())?;
    Ok(records)
}

fn named(editions: &[Edition]) -> Vec<(String, String, String)> {
    editions.iter().map(|e| (e.id(), e.version.to_owned(), format!("application/stix+json;version={}", e.spec))).collect()
}

/// What a query asks for.
#[derive(Default, Clone)]
struct Filter<'a> {
    ids: &'a [(&'a str, u32)],
    types: &'a [&'a str],
    specs: &'a [&'a str],
    versions: &'a [&'a str],
}

impl Filter<'_> {
    fn query(&self) -> String {
        let ids: Vec<String> = self.ids.iter().map(|(kind, n)| id(kind, *n)).collect();
        let list =
            |name: &str, values: &[&str]| if values.is_empty() { String::new() } else { format!("match[{name}]={}&", values.join(",")) };
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let parts = [list("id", &ids), list("type", self.types), list("spec_version", self.specs), list("version", self.versions)];
        format!("?{}", parts.concat())
    }

    /// The versions that the standard names, in the order of adding.
    fn expected(&self) -> Vec<Edition> {
        let takes = |list: &[&str], value: &str| list.is_empty() || list.contains(&value);
        let is_version = |e: &Edition| {
            let mine = || EDITIONS.iter().filter(|x| x.id() == e.id() && x.spec == e.spec).map(|x| x.version);
            let one = |word: &&str| match *word {
                "all" => true,
                "first" => mine().min() == Some(e.version),
                "last" => mine().max() == Some(e.version),
                moment => moment == e.version,
            };
            if self.versions.is_empty() { one(&"last") } else { self.versions.iter().any(one) }
        };
        let is_newest_edition = |e: &Edition| EDITIONS.iter().all(|x| x.id() != e.id() || x.spec <= e.spec);
        let is_asked = |e: &&Edition| {
            (self.ids.is_empty() || self.ids.contains(&(e.kind, e.number)))
                && takes(self.types, e.kind)
                && (if self.specs.is_empty() { is_newest_edition(e) } else { self.specs.contains(&e.spec) })
                && is_version(e)
        };
        EDITIONS.iter().filter(is_asked).copied().collect()
    }

    fn check(&self, w: &mut World) -> Verdict {
        let query = self.query();
        let found = found(w, &query).map_err(|e| format!("{query}: {e}"))?;
        holds(found == named(&self.expected()), || format!("{query}: found {found:?}, expected {:?}", named(&self.expected())))
    }
}

const IDS: [&[(&str, u32)]; 3] =
    [&[("infrastructure", 1)], &[("infrastructure", 1), ("campaign", 3)], &[("indicator", 4), ("indicator", 2)]];
const TYPES: [&[&str]; 3] = [&["indicator"], &["infrastructure", "campaign"], &["x-none"]];
const SPECS: [&[&str]; 3] = [&["2.1"], &["2.0"], &["2.0", "2.1"]];
const VERSIONS: [&[&str]; 6] =
    [&["last"], &["first"], &["all"], &["first", "last"], &["2026-01-01T00:00:00.000Z"], &["2026-01-02T00:00:00.000Z", "first"]];

/// Which of the four fields a query has.
const ID: u8 = 1;
const TYPE: u8 = 2;
const SPEC: u8 = 4;
const VERSION: u8 = 8;

/// All queries with these fields.
fn all<const FIELDS: u8>(w: &mut World) -> Verdict {
    fn choice<'a, T>(on: bool, values: &'a [&'a [T]]) -> Vec<&'a [T]> {
        if on { values.to_vec() } else { vec![&[]] }
    }
    for ids in choice(FIELDS & ID > 0, &IDS) {
        for types in choice(FIELDS & TYPE > 0, &TYPES) {
            for specs in choice(FIELDS & SPEC > 0, &SPECS) {
                for versions in choice(FIELDS & VERSION > 0, &VERSIONS) {
                    Filter { ids, types, specs, versions }.check(w)?;
                }
            }
        }
    }
    Ok(())
}

/// Every query is 400 at objects and at the manifest.
fn malformed(w: &mut World, queries: &[&str]) -> Verdict {
    queries.iter().try_for_each(|query| {
        let both = [objects(FULL, query), manifest(FULL, query)];
        both.iter().try_for_each(|path| status(&w.get(path), 400).map_err(|e| format!("{query}: {e}")))
    })
}

/// The moment of adding of the nth record of everything.
fn moment(w: &mut World, n: usize) -> String {
    w.get(&manifest(FULL, "?match[version]=all&match[spec_version]=2.0,2.1")).json()["objects"][n]["date_added"]
        .as_str()
        .unwrap_or("")
        .into()
}

/// How many versions were added after a moment.
fn after(w: &mut World, moment: &str) -> Result<usize, String> {
    Ok(found(w, &format!("?match[version]=all&match[spec_version]=2.0,2.1&added_after={moment}"))?.len())
}

pub const CLAUSES: &[Clause] = &[
    must("3.4.1", "without a filter the newest edition's last version is given", all::<0>),
    must("3.4.1", "match[id] takes one or several identifiers", all::<ID>),
    must("3.4.1", "match[type] takes one or several types", all::<TYPE>),
    must("3.4.1", "match[spec_version] takes one or several editions", all::<SPEC>),
    must("3.4.1", "match[version] takes last, first, all, moments, and several of them", all::<VERSION>),
    must("3.4.1", "match id and type are both met", all::<{ ID | TYPE }>),
    must("3.4.1", "match id and spec_version are both met", all::<{ ID | SPEC }>),
    must("3.4.1", "match id and version are both met", all::<{ ID | VERSION }>),
    must("3.4.1", "match type and spec_version are both met", all::<{ TYPE | SPEC }>),
    must("3.4.1", "match type and version are both met", all::<{ TYPE | VERSION }>),
    must("3.4.1", "match spec_version and version are both met", all::<{ SPEC | VERSION }>),
    must("3.4.1", "match id, type and spec_version are all met", all::<{ ID | TYPE | SPEC }>),
    must("3.4.1", "match id, type and version are all met", all::<{ ID | TYPE | VERSION }>),
    must("3.4.1", "match id, spec_version and version are all met", all::<{ ID | SPEC | VERSION }>),
    must("3.4.1", "match type, spec_version and version are all met", all::<{ TYPE | SPEC | VERSION }>),
    must("3.4.1", "match id, type, spec_version and version are all met", all::<{ ID | TYPE | SPEC | VERSION }>),
    must("3.4.1", "what matches nothing is an empty answer", |w| {
        let queries = [
            "?match[type]=x-none",
            "?match[spec_version]=2.2",
            "?match[id]=campaign--00000000-0000-4000-8000-00000000dead",
            "?match[version]=1999-01-01T00:00:00.000Z",
        ];
        queries.iter().try_for_each(|query| {
            let answer = w.get(&objects(FULL, query));
            status(&answer, 200)?;
            same(answer.json().get("objects"), None).map_err(|e| format!("{query}: {e}"))
        })
    }),
    must("3.4", "match[version] all stands alone", |w| malformed(w, &["?match[version]=all,first", "?match[version]=last,all"])),
    must("3.4", "a malformed match is 400", |w| {
        malformed(
            w,
            &[
                "?match[version]=newest",
                "?match[version]=",
                "?match[version]=2026-01-01",
                "?match[id]=x",
                "?match[id]=",
                "?match[type]=",
                "?match[spec_version]=",
                "?match[type]=a,,b",
            ],
        )
    }),
    must("3.4", "a malformed limit is 400", |w| {
        malformed(w, &["?limit=0", "?limit=-1", "?limit=1.5", "?limit=", "?limit=x", "?limit=%2B1", "?limit=1e3", "?limit=%201", "?limit"])
    }),
    must("3.4", "a malformed added_after is 400", |w| {
        malformed(
            w,
            &[
                "?added_after=2026-01-31",
                "?added_after=",
                "?added_after=x",
                "?added_after=2026-01-31T10:00:00",
                "?added_after=1700000000",
                "?added_after=2026-01-31T10:00:00%2B01:00",
                "?added_after=2026-13-31T10:00:00Z",
                "?added_after=2026-02-30T10:00:00Z",
            ],
        )
    }),
    must("3.4", "a malformed next is 400", |w| {
        malformed(w, &["?next=", "?next=x", "?next=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "?next=%00", "?next=-1"])
    }),
    must("3.4", "what is no percent-encoding is 400", |w| malformed(w, &["?match[type]=%f", "?match[type]=%zz", "?match[type]=%ff"])),
    ours("3.4", "a parameter that stands twice is 400", |w| malformed(w, &["?limit=1&limit=2", "?match[type]=a&match[type]=b"])),
    must("3.4", "added_after leaves out what was added at that very moment", |w| {
        for n in [0, 4, EDITIONS.len() - 1] {
            let at = moment(w, n);
            same(after(w, &at)?, EDITIONS.len() - 1 - n)?;
        }
        Ok(())
    }),
    must("3.4", "added_after counts microseconds", |w| {
        let at = moment(w, 4);
        let micro: u32 = at[20..26].parse().map_err(|e| format!("`{at}`: {e}"))?;
        if micro == 0 {
            return Ok(());
        }
        let before = format!("{}{:06}Z", &at[..20], micro - 1);
        let found = after(w, &before)?;
        holds(found >= EDITIONS.len() - 4, || format!("{found} after {before}"))
    }),
    must("3.4", "added_after may lie in the future", |w| same(after(w, "2100-01-01T00:00:00.000000Z")?, 0)),
    must("3.4", "added_after may lie long ago and have fewer digits", |w| {
        for at in ["1970-01-01T00:00:00Z", "2000-01-01T00:00:00.0Z", "2000-01-01T00:00:00.000Z"] {
            same(after(w, at)?, EDITIONS.len())?;
        }
        Ok(())
    }),
    must("3.4", "added_after and match are both met", |w| {
        let at = moment(w, 3);
        let found = found(w, &format!("?match[type]=infrastructure&match[version]=all&added_after={at}"))?;
        same(found, named(&[EDITIONS[6]]))
    }),
    must("3.4", "limit is the most that is given", |w| {
        for n in 1..7 {
            let found = ids(&w.get(&objects(FULL, &format!("?limit={n}"))).json());
            same(found.len(), n.min(Filter::default().expected().len()))?;
        }
        Ok(())
    }),
    must("3.4", "limit beyond what is there gives what is there", |w| {
        same(ids(&w.get(&objects(FULL, "?limit=1000000000")).json()).len(), Filter::default().expected().len())
    }),
    must("3.4", "limit and match are both met", |w| {
        same(ids(&w.get(&objects(FULL, "?match[type]=indicator&limit=1")).json()), vec![id("indicator", 4)])
    }),
    must("RFC 3986", "names and values of parameters may be percent-encoded", |w| {
        let plain = w.get(&objects(FULL, "?match[type]=indicator,campaign&added_after=2000-01-01T00:00:00.000000Z")).body;
        let encoded = "?match%5Btype%5D=indicator%2Ccampaign&added_after=2000-01-01T00%3A00%3A00.000000Z";
        holds(w.get(&objects(FULL, encoded)).body == plain, || "the answers differ".into())?;
        holds(w.get(&objects(FULL, &encoded.replace("%5B", "%5b"))).body == plain, || "small letters differ".into())
    }),
    should("3.4", "unknown parameters are passed over", |w| {
        let plain = w.get(&objects(FULL, "")).body;
        ["?x=1", "?x", "?&", "?match[x]=1", "?LIMIT=1"].iter().try_for_each(|query| {
            let answer = w.get(&objects(FULL, query));
            holds(answer.body == plain, || format!("{query}: {} {:.200}", answer.status, answer.text()))
        })
    }),
    must("5.6", "an object is its last version by default", |w| {
        same(w.get(&object(FULL, &EDITIONS[0].id(), "")).json()["objects"][0]["modified"].as_str(), Some(EDITIONS[6].version))
    }),
    must("5.6", "versions of an object may be asked for", |w| {
        [("first", 1), ("last", 1), ("all", 3), ("first,last", 2), (EDITIONS[0].version, 1)].iter().try_for_each(|(version, n)| {
            let page = w.get(&object(FULL, &EDITIONS[0].id(), &format!("?match[version]={version}"))).json();
            same(ids(&page).len(), *n).map_err(|e| format!("{version}: {e}"))
        })
    }),
    must("5.6", "editions of an object may be asked for", |w| {
        let page = w.get(&object(FULL, &id("campaign", 3), "?match[spec_version]=2.0")).json();
        same((ids(&page).len(), page["objects"][0].get("spec_version")), (1, None))
    }),
    must("5.8", "versions are listed as written, in the order of adding", |w| {
        let body = w.get(&versions(FULL, &EDITIONS[0].id(), "")).json();
        let expected = [EDITIONS[0], EDITIONS[2], EDITIONS[6]].map(|e| e.version);
        same(body["versions"].clone(), serde_json::json!(expected))
    }),
    must("5.8", "versions take limit, added_after and match[spec_version]", |w| {
        let path = |query: &str| versions(FULL, &id("campaign", 3), query);
        let count = |w: &mut World, query: &str| w.get(&path(query)).json()["versions"].as_array().map_or(0, Vec::len);
        same(count(w, "?match[spec_version]=2.0"), 1)?;
        same(count(w, "?match[spec_version]=2.1"), 2)?;
        same(count(w, "?match[spec_version]=2.1&limit=1"), 1)?;
        same(count(w, "?added_after=2100-01-01T00:00:00.000000Z"), 0)
    }),
];
