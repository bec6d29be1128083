//! What comes from a partner and what the partner withdraws, each page with its place in the partner's order in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use buttress_wire::stix::{Id, Object};

use super::super::{ClassId, Collection, Outcome, Store, StoreError, Value};
use super::ledger::{Entry, Key, State, Way, padded};
use super::{Partner, Quarantined};
use crate::client::digest;

/// A page from a partner.
#[derive(Debug, Clone, Default)]
pub struct Arrived {
    /// What can be kept.
    pub objects: Vec<Object>,
    /// What cannot.
    pub refused: Vec<Quarantined>,
    /// Moment at the partner after which to go on once this page is kept.
    pub resume_after: Option<i64>,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Versions that were new here.
    pub added: usize,
    /// Versions that were here under the same moment with another text, and were replaced.
    pub replaced: usize,
    /// Versions that were here already.
    pub known: usize,
    /// Texts that are in quarantine now.
    pub refused: usize,
}

/// What became of versions that a partner no longer lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// Deleted here.
    pub deleted: usize,
    /// Kept, since they are here for another reason.
    pub kept: usize,
}

/// Digest of a text, hexadecimal.
pub(crate) fn text_digest(text: &str) -> String {
    format!("{:032x}", digest(&[text.as_bytes()]))
}

fn key_of(object: &Object) -> Key {
    Key { id: object.id.to_string(), version_at: object.version_at.0, spec: object.spec_version.0.to_string() }
}

impl Store {
    /// Keeps a page from a partner with all that is to be remembered of it.
    ///
    /// A version that was deleted here is not brought back by who has it still, or two nodes that pull from each other could never
    /// delete anything. It comes back where this partner withdrew it and lists it again.
    pub fn receive(&mut self, partner: &Partner, collection: &Collection, page: &Arrived, now: i64) -> Result<Received, StoreError> {
        self.transaction(|store| {
            let ids: BTreeSet<&str> = page.objects.iter().map(|object| object.id.as_str()).collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            let came = store.ledger_of(&partner.name, Way::In, &ids)?;
            let went = store.ledger_of(&partner.name, Way::Out, &ids)?;
            let deleted = store.deleted_among(collection, &ids)?;
            let mut received = Received { refused: page.refused.len(), ..Received::default() };
            let mut fresh: BTreeMap<Key, Object> = BTreeMap::new();
            for object in &page.objects {
                let key = key_of(object);
                let before = came.get(&key).filter(|entry| matches!(entry.state, State::Received | State::Known));
                match before {
                    Some(entry) if entry.digest == text_digest(&object.text) => received.known += 1,
                    Some(entry) if entry.state == State::Known || store.has_other_source(partner, &key)? => received.known += 1,
                    Some(_) => {
                        received.replaced += store.delete_version(collection, &key, now)?;
                        fresh.insert(key, object.clone());
                    }
                    None => {
                        fresh.insert(key, object.clone());
                    }
                }
            }
            // In the order of the page, so that what refers comes after what it refers to where the partner had it so.
            let order = page.objects.iter().filter_map(|object| fresh.remove(&key_of(object)));
            let is_buried = |object: &Object| {
                !came.contains_key(&key_of(object)) && deleted.contains(&(object.id.to_string(), object.version.to_string()))
            };
            let (buried, order): (Vec<Object>, Vec<Object>) = order.partition(is_buried);
            let outcomes = store.as_node(|store, node| store.add(collection, node, &order, now))?;
            let outcomes = outcomes.into_iter().chain(buried.iter().map(|_| Outcome::Duplicate));
            let mut entries = Vec::with_capacity(order.len());
            for (object, outcome) in order.iter().chain(&buried).zip(outcomes) {
                let key = key_of(object);
                let is_echo = went.get(&key).is_some_and(|entry| matches!(entry.state, State::Sending | State::Sent | State::Stuck));
                let is_new = outcome == Outcome::Added;
                let is_source = !is_echo && (is_new || store.has_other_source(partner, &key)?);
                received.added += usize::from(is_new);
                received.known += usize::from(!is_new);
                let state = if is_source { State::Received } else { State::Known };
                let (version, digest) = (object.version.to_string(), text_digest(&object.text));
                entries.push(Entry { key, version, state, digest, moment: now, attempts: 0, reason: String::new() });
            }
            received.added = received.added.saturating_sub(received.replaced);
            store.write_ledger(&partner.name, Way::In, &entries)?;
            if store.n_quarantined(&partner.name)? > 0 {
                for id in ids {
                    store.settle_quarantine_of(&partner.name, id)?;
                }
            }
            store.set_quarantine(&partner.name, &page.refused)?;
            if let Some(after) = page.resume_after {
                let sql = "UPDATE partner SET pulled_after = $1 WHERE name = $2 AND pulled_after < $1";
                store.database.run(sql, &[Value::Int(after), Value::Text(&partner.name)])?;
            }
            Ok(received)
        })
    }

    /// Those versions of these objects that were deleted from a collection, as written.
    fn deleted_among(&mut self, collection: &Collection, ids: &[&str]) -> Result<BTreeSet<(String, String)>, StoreError> {
        let mut found = BTreeSet::new();
        for group in ids.chunks(512) {
            let (ids, places) = padded(group, 2);
            let sql = format!("SELECT id, version FROM withdrawal WHERE collection = $1 AND id IN ({places})");
            self.database.each(&sql, &[&[Value::Int(collection.number.0)][..], &ids].concat(), &mut |row| {
                found.insert((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Takes note that a partner no longer lists these versions, and deletes those that were here because of it alone.
    pub fn withdraw(&mut self, partner: &Partner, collection: &Collection, gone: &[Entry], now: i64) -> Result<Withdrawn, StoreError> {
        self.transaction(|store| {
            let mut withdrawn = Withdrawn::default();
            for entry in gone {
                if entry.state != State::Received {
                    // It is ours; should the partner list it again, that is news.
                    store.drop_from_ledger(&partner.name, Way::In, std::slice::from_ref(&entry.key))?;
                    withdrawn.kept += 1;
                    continue;
                }
                if store.has_other_source(partner, &entry.key)? {
                    withdrawn.kept += 1;
                } else {
                    withdrawn.deleted += store.delete_version(collection, &entry.key, now)?;
                }
                let entry = Entry { state: State::Withdrawn, moment: now, ..entry.clone() };
                store.write_ledger(&partner.name, Way::In, &[entry])?;
            }
            Ok(withdrawn)
        })
    }

    /// Whether a version came into the same collection from another partner too.
    fn has_other_source(&mut self, partner: &Partner, key: &Key) -> Result<bool, StoreError> {
        let mut n = 0;
        let place = partner.place.to_string();
        let values =
            [Value::Text(&key.id), Value::Int(key.version_at), Value::Text(&key.spec), Value::Text(&partner.name), Value::Text(&place)];
        let sql = "SELECT COUNT(*) FROM ledger l JOIN partner p ON p.name = l.partner WHERE l.id = $1 AND l.version_at = $2
                   AND l.spec = $3 AND l.way = 'in' AND l.state = 'received' AND l.partner <> $4 AND p.place = $5";
        self.database.each(sql, &values, &mut |row| {
            n = row.int(0)?;
            Ok(())
        })?;
        Ok(n > 0)
    }

    /// Deletes one version of an object, whoever may see it; the number deleted.
    fn delete_version(&mut self, collection: &Collection, key: &Key, now: i64) -> Result<usize, StoreError> {
        let Some(id) = Id::parse(&key.id) else { return Ok(0) };
        let classes: Vec<ClassId> = self.classes().keys().copied().collect();
        self.as_node(|store, node| {
            store.delete((collection, &classes), node, &id, &|spec, at| spec == key.spec && at == key.version_at, now)
        })
    }
}
