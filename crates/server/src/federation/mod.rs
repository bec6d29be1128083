//! Exchange between nodes: pulling from a partner, pushing to it, and withdrawing what it may no longer have.
//!
//! Every step can be cut at any moment and begun again: what came is kept together with the place in the partner's order that it
//! brought us to, what goes is noted before it goes, and sending an object twice is no failure in TAXII.

mod fetch;
mod pull;
mod push;
mod setup;
mod status;

use buttress_wire::stix::{Id, Instant, Object};
use serde_json::value::RawValue;

use crate::client::{Client, ClientError, Limits, Remote};
use crate::clock::now;
use crate::store::{Arrived, Collection, Direction, Partner, Quarantined, Store, StoreError, text_digest};

pub use pull::Pulled;
pub use push::Pushed;
pub use setup::{NewPartner, add_partner, keep_secret, probe};
pub use status::{Holder, PartnerStatus, Trouble, holders, status};

/// Why an exchange with a partner stopped.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// The partner's server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Our store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something given.
    #[error("{0}")]
    Typed(String),
    /// A file of the node.
    #[error("{0}")]
    File(String),
}

fn typed<T>(why: impl Into<String>) -> Result<T, FederationError> {
    Err(FederationError::Typed(why.into()))
}

/// What to do where a pull would remove unusually much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Removals {
    /// Remove nothing and say so.
    #[default]
    Ask,
    /// Remove it.
    Accept,
}

/// How far a pull looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// What is new, then the whole manifest: what is missing here and what was withdrawn there.
    #[default]
    Whole,
    /// What is new only.
    New,
}

/// How to exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Bounds on requests.
    pub limits: Limits,
    /// What to do where unusually much would go.
    pub removals: Removals,
    /// How far to look.
    pub scope: Scope,
}

/// Somebody who is told how an exchange goes on.
pub trait Watch {
    /// What is being done, with the number of things dealt with.
    fn told(&self, what: &str, n: usize);
}

impl Watch for () {
    fn told(&self, _: &str, _: usize) {}
}

/// What an exchange with a partner works with.
struct Session<'a> {
    store: &'a mut Store,
    partner: Partner,
    collection: Collection,
    client: Client,
    options: &'a Options,
    watch: &'a dyn Watch,
}

/// A moment of the ledger in the form of TAXII.
pub fn time_text(moment: i64) -> String {
    Instant(moment).to_string()
}

/// A partner by name.
pub fn partner(store: &mut Store, name: &str) -> Result<Partner, FederationError> {
    let found = store.partners()?.into_iter().find(|partner| partner.name == name);
    found.ok_or_else(|| FederationError::Typed(format!("there is no partner `{name}`: `buttress share partners` shows them")))
}

impl<'a> Session<'a> {
    fn open(store: &'a mut Store, name: &str, options: &'a Options, watch: &'a dyn Watch) -> Result<Session<'a>, FederationError> {
        let partner = partner(store, name)?;
        let place = &partner.place;
        let found = store.collection_at(place)?;
        let Some(collection) = found else {
            return typed(format!("the collection {place} of partner `{name}` is gone: make it again with `buttress node collection add`"));
        };
        let client = Client::new(Remote::parse(&partner.url, None)?, &partner.access, options.limits.clone())?;
        Ok(Session { store, partner, collection, client, options, watch })
    }
}

/// Brings what a partner has for us, and withdraws what it withdrew.
pub fn pull(store: &mut Store, name: &str, options: &Options, watch: &dyn Watch) -> Result<Pulled, FederationError> {
    if partner(store, name)?.direction == Direction::Push {
        return typed(format!("nothing is pulled from `{name}`: its direction is push; add it again with --direction both to change that"));
    }
    let done = Session::open(store, name, options, watch).and_then(|mut session| session.pull());
    noted(store, name, "pull", done)
}

/// Sends what a partner may see and has not got, and takes back what it may no longer see.
pub fn push(store: &mut Store, name: &str, options: &Options, watch: &dyn Watch) -> Result<Pushed, FederationError> {
    if partner(store, name)?.direction == Direction::Pull {
        return typed(format!("nothing is pushed to `{name}`: its direction is pull; add it again with --direction both to change that"));
    }
    let done = Session::open(store, name, options, watch).and_then(|mut session| session.push());
    noted(store, name, "push", done)
}

/// What a pull and a push after it did; neither where the direction leaves it out.
pub struct Synced {
    /// The pull.
    pub pulled: Option<Result<Pulled, FederationError>>,
    /// The push.
    pub pushed: Option<Result<Pushed, FederationError>>,
}

/// Pulls, then pushes, as the partner's direction says. A pull that fails does not keep the push from taking back what must go.
pub fn sync(store: &mut Store, name: &str, options: &Options, watch: &dyn Watch) -> Result<Synced, FederationError> {
    let direction = partner(store, name)?.direction;
    let pulled = (direction != Direction::Push).then(|| pull(store, name, options, watch));
    let pushed = (direction != Direction::Pull).then(|| push(store, name, options, watch));
    Ok(Synced { pulled, pushed })
}

/// Keeps how an exchange ended beside the partner.
fn noted<T>(store: &mut Store, name: &str, verb: &str, done: Result<T, FederationError>) -> Result<T, FederationError> {
    let error = done.as_ref().err().map(ToString::to_string);
    match (store.set_run(name, verb, error.as_deref(), now()), done) {
        (Err(e), Ok(_)) => Err(e.into()),
        (_, done) => done,
    }
}

/// Puts what came onto a page: as an object, or with what is wrong with it.
fn sort(text: &RawValue, at: i64, page: &mut Arrived) {
    let text = text.get();
    match Object::read(text) {
        Ok(object) => page.objects.push(object),
        Err(refused) => {
            let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let word = |name: &str| value.get(name).and_then(|v| v.as_str()).unwrap_or("").chars().take(200).collect::<String>();
            let version = [word("modified"), word("created")].into_iter().find(|w| !w.is_empty()).unwrap_or_default();
            let (id, reason) = (word("id"), refused.to_string());
            page.refused.push(Quarantined { digest: text_digest(text), id, version, reason, moment: at, text: text.to_owned() });
        }
    }
}

/// Identifiers out of texts; what is none is left out.
fn ids_of<'t>(texts: impl IntoIterator<Item = &'t String>) -> Vec<Id> {
    texts.into_iter().filter_map(|text| Id::parse(text)).collect()
}

#[cfg(test)]
mod tests;
