//! TAXII 2.1 (OASIS Standard, 10 June 2021), clause by clause, as seen by a client: one check for each thing that a server must or
//! should do, in our words. Where the standard leaves open what happens, the check says `Ours`; where it leans on HTTP or TLS, the
//! section is that of the RFC.

mod add;
mod content;
mod delete;
mod errors;
mod filters;
mod headers;
mod media;
mod pages;
mod places;
mod transport;
mod world;

use serde_json::Value;

use crate::http::Answer;
use world::World;

/// How strongly a clause binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Must,
    Should,
    /// What we promise beyond the standard.
    Ours,
}

/// What a check found: what is wrong, or nothing.
pub type Verdict = Result<(), String>;

/// One line of the list.
pub struct Clause {
    section: &'static str,
    level: Level,
    title: &'static str,
    check: fn(&mut World) -> Verdict,
}

const fn must(section: &'static str, title: &'static str, check: fn(&mut World) -> Verdict) -> Clause {
    Clause { section, level: Level::Must, title, check }
}

const fn should(section: &'static str, title: &'static str, check: fn(&mut World) -> Verdict) -> Clause {
    Clause { section, level: Level::Should, title, check }
}

const fn ours(section: &'static str, title: &'static str, check: fn(&mut World) -> Verdict) -> Clause {
    Clause { section, level: Level::Ours, title, check }
}

/// Fails, saying what was found.
fn holds(fact: bool, found: impl FnOnce() -> String) -> Verdict {
    if fact { Ok(()) } else { Err(found()) }
}

/// Fails where two values differ.
#[allow(clippy::needless_pass_by_value, reason = "what is compared is mostly made in place")]
fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}")) }
}

/// Fails where the status differs.
fn status(answer: &Answer, expected: u16) -> Verdict {
    holds(answer.status == expected, || format!("status {} and not {expected}: {:.300}", answer.status, answer.text()))
}

/// Identifiers of the objects of a page or manifest, in their order.
fn ids(body: &Value) -> Vec<String> {
    body["objects"].as_array().into_iter().flatten().map(|o| o["id"].as_str().unwrap_or("").to_owned()).collect()
}

/// Whether a text is a timestamp of TAXII: UTC with six digits of a second.
fn is_timestamp(text: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    text.len() == form.len() && text.chars().zip(form.chars()).all(|(c, f)| if f == 'd' { c.is_ascii_digit() } else { c == f })
}

/// Whether a text is a UUID of RFC 9562.
fn is_uuid(text: &str) -> bool {
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36 && text.char_indices().all(|(at, c)| if is_hyphen(at) { c == '-' } else { c.is_ascii_hexdigit() })
}

#[test]
fn every_clause_of_taxii_holds() {
    let lists: [&[Clause]; 10] = [
        places::CLAUSES,
        headers::CLAUSES,
        media::CLAUSES,
        errors::CLAUSES,
        filters::CLAUSES,
        pages::CLAUSES,
        content::CLAUSES,
        add::CLAUSES,
        delete::CLAUSES,
        transport::CLAUSES,
    ];
    let mut world = World::new();
    let (mut n, mut failures) = (0, Vec::new());
    for clause in lists.into_iter().flatten() {
        n += 1;
        if let Err(found) = (clause.check)(&mut world) {
            failures.push(format!("{n:>3} {:<12} {:?}: {}: {found}", clause.section, clause.level, clause.title));
        }
    }
    println!("{} of {n} clauses hold", n - failures.len());
    assert!(failures.is_empty(), "{} of {n} clauses fail:\n{}", failures.len(), failures.join("\n"));
}
