//! Adding objects to a partner's collection and taking them back (TAXII 2.1 sections 5.5, 4.3 and 5.7).

use std::time::{Duration, Instant as Clock};

use buttress_wire::stix::Instant;
use buttress_wire::taxii::{Filter, VersionMatch};
use serde::Deserialize;

use super::crawl::query;
use super::{Ask, Client, ClientError, json};

/// Largest body sent where the server names no bound, bytes.
const UNKNOWN_BOUND: usize = 1024 * 1024;
/// Largest body sent in any case, bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// What surrounds the objects of a body.
const ENVELOPE: (&str, &str) = (r#"{"objects":["#, "]}");
/// First and longest wait between two looks at a status.
const LOOKS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// An object to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Version as written.
    pub version: &'a str,
    /// The object.
    pub text: &'a str,
}

/// What became of an object that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The partner keeps it.
    Kept,
    /// The partner refused it, for this reason.
    Refused(String),
    /// The partner has not said.
    Open(String),
}

/// What became of an object that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The partner deleted it.
    Now,
    /// It was not there.
    Before,
}

/// A status, read leniently.
#[derive(Deserialize)]
struct Status {
    id: String,
    #[serde(rename = "status")]
    phase: String,
    #[serde(default)]
    success_count: usize,
    #[serde(default)]
    successes: Vec<Detail>,
    #[serde(default)]
    failure_count: usize,
    #[serde(default)]
    failures: Vec<Detail>,
    #[serde(default)]
    pending_count: usize,
    #[serde(default)]
    pendings: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    id: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    message: Option<String>,
}

impl Detail {
    fn is_of(&self, parcel: &Parcel) -> bool {
        let same_version = match (Instant::parse(&self.version), Instant::parse(parcel.version)) {
            (Some(a), Some(b)) => a == b,
            // A server that writes no moment here means whatever it was sent.
            _ => true,
        };
        self.id == parcel.id && same_version
    }
}

impl Status {
    /// What it says of an object; `None` where its lists leave that open.
    fn verdict(&self, parcel: &Parcel) -> Option<Verdict> {
        if let Some(failure) = self.failures.iter().find(|detail| detail.is_of(parcel)) {
            let reason = failure.message.as_deref().filter(|text| !text.is_empty()).unwrap_or("refused without a reason");
            return Some(Verdict::Refused(reason.chars().filter(|c| !c.is_control()).take(400).collect()));
        }
        if self.pendings.iter().any(|detail| detail.is_of(parcel)) {
            return Some(Verdict::Open("the partner has not dealt with it yet".to_owned()));
        }
        let is_clear = self.failure_count == self.failures.len() && self.pending_count == self.pendings.len();
        (is_clear || self.successes.iter().any(|detail| detail.is_of(parcel))).then_some(Verdict::Kept)
    }

    /// What it says of the only object of a request.
    fn of_one(&self) -> Verdict {
        if self.failure_count > 0 {
            Verdict::Refused("refused without a reason".to_owned())
        } else if self.success_count > 0 {
            Verdict::Kept
        } else {
            Verdict::Open("the partner has not dealt with it yet".to_owned())
        }
    }
}

fn body(parcels: &[Parcel]) -> Vec<u8> {
    let mut body = Vec::from(ENVELOPE.0.as_bytes());
    for (i, parcel) in parcels.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        body.extend_from_slice(parcel.text.as_bytes());
    }
    body.extend_from_slice(ENVELOPE.1.as_bytes());
    body
}

impl Client {
    /// Largest body that is sent to this server, bytes.
    pub fn max_content(&self) -> usize {
        *self.max_content.get_or_init(|| {
            let bound = self.root().map(|root| usize::try_from(root.max_content_length).unwrap_or(usize::MAX));
            bound.ok().filter(|bound| *bound > 0).unwrap_or(UNKNOWN_BOUND).min(LARGEST)
        })
    }

    /// Sends objects and waits until the server has dealt with them: what became of each. A request that is too large, or refused as
    /// a whole for what is in it, is halved until it fits or one object is left.
    pub fn add(&self, parcels: &[Parcel]) -> Result<Vec<Verdict>, ClientError> {
        let mut verdicts = vec![Verdict::Open("not sent".to_owned()); parcels.len()];
        let mut open: Vec<std::ops::Range<usize>> = std::iter::once(0..parcels.len()).collect();
        while let Some(range) = open.pop() {
            let some = &parcels[range.clone()];
            let middle = range.start + range.len() / 2;
            let body = body(some);
            let (is_one, is_large) = (range.len() == 1, body.len() > self.max_content());
            let answered = match some {
                [] => continue,
                _ if is_large && !is_one => None,
                _ => match self.post(&body) {
                    Ok(status) => Some(status),
                    Err(ClientError::Refused { status: 400 | 413 | 422, .. }) if !is_one => None,
                    Err(ClientError::Refused { status: 400 | 413 | 422, title, .. }) => {
                        verdicts[range.start] = Verdict::Refused(title);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            let found: Option<Vec<Verdict>> =
                answered.as_ref().and_then(|status| some.iter().map(|parcel| status.verdict(parcel)).collect());
            match (found, answered) {
                (Some(found), _) => found.into_iter().zip(range).for_each(|(verdict, i)| verdicts[i] = verdict),
                (None, Some(status)) if is_one => verdicts[range.start] = status.of_one(),
                (None, _) => open.extend([middle..range.end, range.start..middle]),
            }
        }
        Ok(verdicts)
    }

    /// Sends one request and waits for its end.
    fn post(&self, body: &[u8]) -> Result<Status, ClientError> {
        let url = self.remote.within("objects/");
        let mut status: Status = self.ask(Ask { method: "POST", url: &url, body: Some(body) }, &|reply| json(&url, &reply.body))?;
        let is_name = !status.id.is_empty() && status.id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~".contains(&c));
        let (begun, mut wait) = (Clock::now(), LOOKS.0);
        while status.phase != "complete" && is_name && begun.elapsed() < self.limits.status {
            std::thread::sleep(wait.min(self.limits.status));
            wait = wait.saturating_mul(2).min(LOOKS.1);
            let url = format!("{}status/{}/", self.remote.root(), status.id);
            match self.get(&url) {
                Ok(next) => status = next,
                // Some servers forget a request at once; what is not known to be kept is sent again another time.
                Err(ClientError::Refused { status: 404, .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(status)
    }

    /// Deletes one version of an object.
    pub fn delete(&self, id: &str, version: Instant, edition: &str) -> Result<Removed, ClientError> {
        let filter = Filter { versions: vec![VersionMatch::At(version)], spec_versions: vec![edition.to_owned()], ..Filter::default() };
        let rest = query(&filter);
        let url = self.remote.within(&format!("objects/{id}/?{}", rest.trim_start_matches('&')));
        match self.ask(Ask { method: "DELETE", url: &url, body: None }, &|_| Ok(())) {
            Ok(()) => Ok(Removed::Now),
            Err(ClientError::Refused { status: 404, .. }) => Ok(Removed::Before),
            Err(error) => Err(error),
        }
    }
}
