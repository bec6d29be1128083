//! Alerts in CAP 1.2 as STIX objects, and back.
//!
//! | STIX | what it holds |
//! | --- | --- |
//! | `artifact` | the message, byte for byte |
//! | `observed-data` | that the message was received, and which warning it belongs to |
//! | `identity` | the sender |
//! | `indicator` | what the sender warns of; its rule is not known, so the pattern names the event |
//! | `location` | each area with a shape or a country |
//! | `sighting` | the warning: a new version for each update, withdrawn by a cancellation |
//!
//! Identifiers follow from the message and its markings, so that reading it again adds nothing, and no object is shared between
//! messages for different readers. Acknowledgements and errors warn of nothing: they have no sighting.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use buttress_wire::cap::{Alert, MsgType, Reference, Scope, read};
use buttress_wire::stix::marking::Tlp;
use buttress_wire::stix::{Id, Instant, Object};
use serde_json::Value;

use super::{DutyError, markings, named, shelf, typed};
use crate::store::{Collection, Outcome, Store};

mod back;
mod objects;

pub use back::{Drafted, Origin, origin};

/// Media type of CAP (registered by OASIS).
pub const MEDIA_TYPE: &str = "application/common-alerting-protocol+xml";

/// What became of a message that was read into a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenIn {
    /// The warning; absent for acknowledgements and errors.
    pub sighting: Option<Id>,
    /// That the message was received.
    pub observed: Id,
    /// Markings its objects carry.
    pub markings: BTreeSet<Id>,
    /// Number of objects added; none when the message was known.
    pub n_added: usize,
    /// What the officer should know.
    pub notes: Vec<String>,
}

/// Levels of TLP that are no wider than a scope, the widest of them first.
fn no_wider(scope: Scope, restriction: Option<&str>) -> &'static [Tlp] {
    let says = |word: &str| restriction.is_some_and(|text| text.to_ascii_uppercase().contains(word));
    match scope {
        Scope::Public => &Tlp::ALL,
        Scope::Private => &[Tlp::Red],
        Scope::Restricted if says("TLP:RED") => &[Tlp::Red],
        Scope::Restricted if says("TLP:AMBER+STRICT") => &[Tlp::AmberStrict, Tlp::Red],
        Scope::Restricted => &[Tlp::Amber, Tlp::AmberStrict, Tlp::Red],
    }
}

/// The markings of a message: those asked for, and its scope's own where they name no level of TLP. A level wider than the scope is
/// refused; other markings only narrow, since a reader must be cleared for all.
pub fn markings_of(alert: &Alert, asked: &[String]) -> Result<BTreeSet<Id>, DutyError> {
    let allowed = no_wider(alert.scope, alert.restriction.as_deref());
    let mut all = markings(asked)?;
    let levels: Vec<Tlp> = all.iter().filter_map(Tlp::from_id).collect();
    if let Some(wide) = levels.iter().find(|level| !allowed.contains(level)) {
        let words: Vec<String> = allowed.iter().map(|level| level.word().to_owned()).collect();
        let rule = alert.restriction.as_deref().map_or(String::new(), |rule| format!(" (\"{rule}\")"));
        return typed(format!(
            "the message is {}{rule}, and {} would be wider: mark it {}, or leave --marking out",
            alert.scope,
            wide.word(),
            words.join(" or ")
        ));
    }
    if levels.is_empty() {
        all.extend(allowed.first().and_then(|level| Id::parse(&level.id())));
    }
    Ok(all)
}

/// The message and its place while its objects are made.
struct Message<'a> {
    bytes: &'a [u8],
    alert: &'a Alert,
    markings: &'a BTreeSet<Id>,
    /// Part of every identifier: the markings.
    seed: String,
    /// `sender,identifier,sent`.
    key: String,
    /// The moment it was sent, as STIX writes it.
    sent: String,
}

impl Message<'_> {
    fn observed_id(&self, key: &str) -> Result<Id, DutyError> {
        named("observed-data", &[key, &self.seed])
    }
}

/// Reads a message into a collection.
pub fn take_in(store: &mut Store, bytes: &[u8], (place, asked): (&str, &[String]), now: Instant) -> Result<TakenIn, DutyError> {
    let alert = read(bytes)?;
    let collection = shelf::collection(store, place)?;
    let markings = markings_of(&alert, asked)?;
    let message = Message {
        bytes,
        alert: &alert,
        markings: &markings,
        seed: markings.iter().map(Id::as_str).collect::<Vec<_>>().join(" "),
        key: alert.reference().to_string(),
        sent: format!("{:.3}", alert.sent.timestamp()),
    };
    let observed = message.observed_id(&message.key)?;
    let mut notes = Vec::new();
    let warns = matches!(alert.msg_type, MsgType::Alert | MsgType::Update | MsgType::Cancel);
    let sighting = if warns { Some(thread(store, &collection, &message, &mut notes)?) } else { None };
    if let Some(known) = shelf::get(store, &collection, &observed)? {
        return known_again(store, &collection, &message, (known, sighting), notes);
    }
    let mut texts = objects::record(&message, &observed, sighting.as_ref())?;
    if let Some(id) = &sighting {
        texts.extend(objects::warning(&message, &observed, id, shelf::get(store, &collection, id)?.as_ref())?);
    } else {
        notes.push(format!("an {} warns of nothing: the message is kept, without a sighting", alert.msg_type));
    }
    let texts = without_known(store, &collection, texts)?;
    let n_added = shelf::put(store, &collection, &texts, now)?.iter().filter(|o| **o == Outcome::Added).count();
    Ok(TakenIn { sighting, observed, markings, n_added, notes })
}

/// Who sends and what is warned of is told by the first message and stays as it is.
fn without_known(store: &mut Store, collection: &Collection, texts: Vec<String>) -> Result<Vec<String>, DutyError> {
    let mut new = Vec::new();
    for text in texts {
        let object = Object::read(&text).map_err(|why| DutyError::Object { id: "an object of the message".to_owned(), why })?;
        let is_shared = matches!(object.id.kind(), "identity" | "indicator");
        if !is_shared || shelf::get(store, collection, &object.id)?.is_none() {
            new.push(text);
        }
    }
    Ok(new)
}

/// A message that is there already: the same one, or another under the same name.
fn known_again(
    store: &mut Store,
    collection: &Collection,
    message: &Message,
    (known, sighting): (Object, Option<Id>),
    mut notes: Vec<String>,
) -> Result<TakenIn, DutyError> {
    let artifact = objects::artifact_id(message.bytes)?;
    let is_same = known.references.iter().any(|r| r.target == artifact) && shelf::get(store, collection, &artifact)?.is_some();
    if !is_same {
        return typed(format!(
            "{} is known with other content: a sender may not change a message under its old name; ask the sender for an update",
            message.key
        ));
    }
    notes.push("the node holds this message already: nothing was added".to_owned());
    Ok(TakenIn { sighting, observed: known.id, markings: message.markings.clone(), n_added: 0, notes })
}

/// The warning a message belongs to: that of an earlier message it refers to, if its own sender sent that, or a new one.
fn thread(store: &mut Store, collection: &Collection, message: &Message, notes: &mut Vec<String>) -> Result<Id, DutyError> {
    let alert = message.alert;
    let (mut own, foreign): (Vec<&Reference>, Vec<&Reference>) =
        alert.references.iter().partition(|reference| reference.sender == alert.sender);
    if alert.msg_type == MsgType::Alert {
        own.clear();
    } else {
        for reference in foreign {
            notes.push(format!("it refers to {reference} of another sender, which it cannot change: that warning stays as it is"));
        }
    }
    for reference in &own {
        let id = message.observed_id(&reference.to_string())?;
        if let Some(earlier) = shelf::get(store, collection, &id)?
            && let Some(sighting) = objects::thread_of(&earlier)
        {
            return Ok(sighting);
        }
    }
    if !own.is_empty() {
        notes.push("no earlier message that it refers to is here under the same markings: it begins a warning of its own".to_owned());
    }
    let first = own.iter().min_by_key(|reference| reference.sent.timestamp()).map_or(message.key.clone(), ToString::to_string);
    named("sighting", &[&first, &message.seed])
}

/// The bytes that an artifact carries.
fn payload(object: &Object) -> Result<Option<Vec<u8>>, DutyError> {
    let value: Value = serde_json::from_str(&object.text).unwrap_or_default();
    let Some(text) = value["payload_bin"].as_str() else { return Ok(None) };
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(why) => typed(format!("{}: payload_bin is not base 64 ({why}): ask for the object again", object.id)),
    }
}

#[cfg(test)]
#[path = "warning_tests.rs"]
mod tests;
