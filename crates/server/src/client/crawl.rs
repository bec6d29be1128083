//! Pages of objects and manifests from start to end, whatever the server makes of paging.
//!
//! `next` is followed as long as it brings something new. Where a server says `more` without it, or goes in circles, the way on is
//! by date: one microsecond before the last date seen, so that nothing of that date is lost whether `added_after` excludes it or
//! not, and what was seen already is passed over. A page full of one date is asked for again with a higher limit. Every turn
//! either brings something new or counts against a bound, so a crawl ends; where it had to leave something out, it says so.

use std::collections::BTreeSet;
use std::fmt::Write;

use buttress_wire::stix::Instant;
use buttress_wire::taxii::{Filter, ManifestRecord, VersionMatch};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::address::encoded;
use super::{Ask, Client, ClientError, json};

/// Objects asked for in a page.
const PAGE: usize = 1000;
/// Objects asked for where a page holds one date only.
const MAX_PAGE: usize = 64 * PAGE;
/// Pages of a crawl.
const MAX_PAGES: usize = 1_000_000;
/// Turns in a row that bring nothing new.
const IDLE: usize = 32;
/// Microseconds by which a date that cannot be got past is skipped, one after the other.
const SKIPS: [i64; 4] = [0, 1, 1_000, 1_000_000];

/// What a page may list.
pub trait Listed: DeserializeOwned {
    /// Where it is listed, within a collection.
    const PATH: &'static str;
    /// A digest that tells one from another.
    fn print(&self) -> u128;
    /// When it was added, where it says so.
    fn added(&self) -> Option<Instant>;
}

/// The first half of a SHA-256.
pub(crate) fn digest(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

impl Listed for Box<RawValue> {
    const PATH: &'static str = "objects/";
    fn print(&self) -> u128 {
        digest(&[self.get().as_bytes()])
    }
    fn added(&self) -> Option<Instant> {
        None
    }
}

impl Listed for ManifestRecord {
    const PATH: &'static str = "manifest/";
    fn print(&self) -> u128 {
        digest(&[self.id.as_bytes(), self.version.as_bytes(), self.date_added.as_bytes()])
    }
    fn added(&self) -> Option<Instant> {
        Instant::parse(&self.date_added)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Only what was added after this moment.
    pub after: Option<Instant>,
    /// Which objects.
    pub filter: &'a Filter,
}

/// What is new on a page.
#[derive(Debug)]
pub struct Part<T> {
    /// In the order of the server.
    pub items: Vec<T>,
    /// Moment after which a later crawl may begin without losing anything.
    pub resume_after: Option<Instant>,
}

/// How a crawl ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The server said that there is no more, and nothing was left out.
    Complete,
    /// Something may have been left out, for this reason.
    Short(String),
}

/// A page, read leniently: a list or a mark that is missing or null is empty.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default)]
    more: Option<bool>,
    #[serde(default)]
    next: Option<serde_json::Value>,
    #[serde(default)]
    objects: Option<Vec<T>>,
    /// From the head of the answer.
    #[serde(skip)]
    last: Option<Instant>,
}

/// Where a crawl stands.
struct Walk {
    after: Option<i64>,
    next: Option<String>,
    limit: usize,
    /// Latest date seen.
    last: Option<i64>,
    /// What was seen with dates that may be listed again.
    window: BTreeSet<u128>,
    /// Pages seen.
    pages: BTreeSet<u128>,
    /// Turns in a row without anything new.
    n_idle: usize,
    n_skips: usize,
    /// Size of the last page that did not get beyond one date.
    stuck: Option<usize>,
    short: Option<String>,
}

/// What follows a page.
enum Turn {
    On,
    /// On, with something to tell.
    Aside(&'static str),
    Done(Ending),
}

impl Walk {
    fn new(after: Option<Instant>) -> Walk {
        Walk {
            after: after.map(|at| at.0),
            next: None,
            limit: PAGE,
            last: None,
            window: BTreeSet::new(),
            pages: BTreeSet::new(),
            n_idle: 0,
            n_skips: 0,
            stuck: None,
            short: None,
        }
    }

    fn end(&mut self) -> Turn {
        Turn::Done(self.short.take().map_or(Ending::Complete, Ending::Short))
    }

    fn shorten(&mut self, why: &str) -> Turn {
        Turn::Done(Ending::Short(self.short.take().unwrap_or_else(|| why.to_owned())))
    }

    fn take_in<T: Listed>(&mut self, page: Page<T>) -> (Part<T>, Turn) {
        let items = page.objects.unwrap_or_default();
        let prints: Vec<u128> = items.iter().map(Listed::print).collect();
        let size = prints.len();
        let last = page.last.or_else(|| items.iter().filter_map(Listed::added).max()).map(|at| at.0);
        let mut here = BTreeSet::new();
        let is_new = |print: &u128| !self.window.contains(print) && here.insert(*print);
        let fresh: Vec<bool> = prints.iter().map(is_new).collect();
        let items: Vec<T> = items.into_iter().zip(fresh).filter(|(_, is_fresh)| *is_fresh).map(|(item, _)| item).collect();
        let bytes: Vec<[u8; 16]> = prints.iter().map(|print| print.to_be_bytes()).collect();
        let is_repeat = size > 0 && !self.pages.insert(digest(&bytes.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>()));
        if last > self.last {
            self.window.clear();
        }
        self.window.extend(prints);
        self.last = self.last.max(last);
        self.n_idle = if items.is_empty() { self.n_idle + 1 } else { 0 };
        if !items.is_empty() {
            self.n_skips = 0;
        }
        let has_more = page.more == Some(true);
        let resume_after = last.map(|at| Instant(if has_more { at - 1 } else { at }));
        let next =
            page.next.map(|next| next.as_str().map_or_else(|| next.to_string(), str::to_owned)).filter(|n| !n.is_empty() && n != "null");
        let is_circle = is_repeat && items.is_empty();
        let turn = match next {
            _ if !has_more => self.end(),
            _ if self.n_idle > IDLE => self.shorten("the server says that there is more and sends nothing new"),
            Some(next) if !is_circle => {
                self.next = Some(next);
                self.limit = self.limit.saturating_mul(2).min(PAGE);
                Turn::On
            }
            next => {
                self.next = None;
                let turn = self.by_date(last, size);
                if next.is_some() && matches!(turn, Turn::On) {
                    Turn::Aside("`next` leads in a circle; the way on is by date")
                } else {
                    turn
                }
            }
        };
        (Part { items, resume_after }, turn)
    }

    /// On by date from a page of `size` objects that ended at `last`.
    fn by_date(&mut self, last: Option<i64>, size: usize) -> Turn {
        match last {
            Some(last) if Some(last - 1) > self.after => {
                self.after = Some(last - 1);
                self.limit = self.limit.saturating_mul(2).min(PAGE);
                self.stuck = None;
            }
            _ if self.limit < MAX_PAGE && self.stuck.is_none_or(|before| size > before) => {
                self.stuck = Some(size);
                self.limit *= 4;
            }
            Some(last) if self.n_skips < SKIPS.len() => {
                let what = format!("the server gives {size} objects added at {} and hides that there are more", Instant(last));
                self.short.get_or_insert(what);
                self.after = Some(last + SKIPS[self.n_skips]);
                self.n_skips += 1;
                self.limit = PAGE;
                self.stuck = None;
            }
            Some(_) => return self.shorten("the server repeats a page for ever"),
            None => return self.shorten("the server says that there is more, and not how to get it"),
        }
        Turn::On
    }

    /// What to do when a page cannot be had: `Ok` to go on otherwise, or how it ends.
    fn after_trouble(&mut self, error: ClientError) -> Result<Turn, ClientError> {
        let status = if let ClientError::Refused { status, .. } = error { Some(status) } else { None };
        let is_forgotten = self.next.is_some() && status.is_some_and(|s| (400..500).contains(&s) && !matches!(s, 401 | 403 | 429));
        let is_too_much =
            matches!(error, ClientError::TooLarge { .. } | ClientError::Unreadable { .. }) || status.is_some_and(|s| s >= 500);
        self.n_idle += 1;
        if is_forgotten && self.n_idle <= IDLE {
            // Such as after a restart of the server.
            self.next = None;
            self.after = self.after.max(self.last.map(|at| at - 1));
            return Ok(Turn::Aside("the server no longer knows its own `next`; the way on is by date"));
        }
        if is_too_much && self.limit > 1 && self.n_idle <= IDLE {
            self.limit = (self.limit / 8).max(1);
            return Ok(Turn::On);
        }
        if is_too_much { Ok(self.shorten(&error.to_string())) } else { Err(error) }
    }
}

fn version(version: &VersionMatch) -> String {
    match version {
        VersionMatch::Last => "last".to_owned(),
        VersionMatch::First => "first".to_owned(),
        VersionMatch::All => "all".to_owned(),
        VersionMatch::At(moment) => moment.to_string(),
    }
}

/// The query of a filter, each parameter led by `&`.
pub(super) fn query(filter: &Filter) -> String {
    let lists: [(&str, Vec<String>); 4] = [
        ("match[id]", filter.ids.iter().map(ToString::to_string).collect()),
        ("match[type]", filter.types.clone()),
        ("match[version]", filter.versions.iter().map(version).collect()),
        ("match[spec_version]", filter.spec_versions.clone()),
    ];
    let mut text = String::new();
    for (name, values) in lists.iter().filter(|(_, values)| !values.is_empty()) {
        let values: Vec<String> = values.iter().map(|value| encoded(value)).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "&{}={}", encoded(name), values.join(","));
    }
    text
}

impl Client {
    /// Hands over all that is wanted, page by page, each object once; a failure of `take` ends it.
    pub fn crawl<T: Listed, E: From<ClientError>>(
        &self,
        wanted: &Wanted,
        take: &mut dyn FnMut(Part<T>) -> Result<(), E>,
    ) -> Result<Ending, E> {
        let filter = query(wanted.filter);
        let mut walk = Walk::new(wanted.after);
        for _ in 0..MAX_PAGES {
            let turn = match self.page(&walk, &filter) {
                Ok(page) => {
                    let (part, turn) = walk.take_in(page);
                    take(part)?;
                    turn
                }
                Err(error) => walk.after_trouble(error)?,
            };
            match turn {
                Turn::On => {}
                Turn::Aside(what) => self.warn(what),
                Turn::Done(ending) => return Ok(ending),
            }
        }
        Ok(Ending::Short(format!("more than {MAX_PAGES} pages")))
    }

    fn page<T: Listed>(&self, walk: &Walk, filter: &str) -> Result<Page<T>, ClientError> {
        let mut rest = format!("{}?limit={}{filter}", T::PATH, walk.limit);
        if let Some(after) = walk.after {
            rest += &format!("&added_after={}", encoded(&Instant(after).to_string()));
        }
        if let Some(next) = &walk.next {
            rest += &format!("&next={}", encoded(next));
        }
        let url = self.remote.within(&rest);
        self.ask(Ask { method: "GET", url: &url, body: None }, &|reply| {
            let page: Page<T> = json(&url, &reply.body)?;
            Ok(Page { last: reply.last, ..page })
        })
    }
}
