//! Pushing: first take back what the partner may no longer see, then send what it may see and has not got.

use std::collections::{BTreeMap, BTreeSet};

use buttress_wire::stix::Instant;
use buttress_wire::taxii::Filter;
use serde::Serialize;

use super::pull::all_versions;
use super::{FederationError, Session, ids_of, now, typed};
use crate::client::{ClientError, Parcel, Removed, Verdict};
use crate::store::{ClassId, Entry, Key, State, Store, Way, text_digest};

/// Objects looked at, and sent, together.
const GROUP: usize = 500;
/// Times that an object is sent before it is left to the operator.
pub(super) const ATTEMPTS: i64 = 5;

/// What a push did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// Versions that the partner keeps now.
    pub sent: usize,
    /// Versions taken back.
    pub withdrawn: usize,
    /// Versions that the partner refused.
    pub failed: usize,
    /// Versions on which the partner has not said anything yet.
    pub open: usize,
    /// Versions that the partner may no longer see and refused to delete.
    pub stuck: usize,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// A version as the partner may see it.
pub(super) struct Visible {
    pub(super) key: Key,
    version: String,
    text: String,
    digest: String,
}

/// What a partner has been told of some objects.
pub(super) struct Told {
    came: BTreeMap<Key, Entry>,
    went: BTreeMap<Key, Entry>,
}

impl Told {
    pub(super) fn of(store: &mut Store, partner: &str, list: &[Visible]) -> Result<Told, FederationError> {
        let ids: BTreeSet<&str> = list.iter().map(|one| one.key.id.as_str()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        Ok(Told { came: store.ledger_of(partner, Way::In, &ids)?, went: store.ledger_of(partner, Way::Out, &ids)? })
    }

    /// Whether a version is to be sent. What may be there, since sending it broke off, is sent again; what came from the partner is
    /// not; what it refused too often waits for another text.
    pub(super) fn wants(&self, one: &Visible) -> bool {
        match self.went.get(&one.key) {
            Some(entry) if matches!(entry.state, State::Sent | State::Stuck) => false,
            Some(entry) if entry.state == State::Sending => true,
            Some(entry) if entry.state == State::Failed && entry.digest == one.digest && entry.attempts >= ATTEMPTS => false,
            // What we took back is not there, whatever a pull before that saw.
            Some(entry) if entry.state == State::Withdrawn => self.came.get(&one.key).is_none_or(|came| came.state == State::Known),
            _ => !self.came.contains_key(&one.key),
        }
    }

    fn attempts(&self, one: &Visible) -> i64 {
        self.went.get(&one.key).filter(|entry| entry.digest == one.digest).map_or(0, |entry| entry.attempts)
    }
}

impl Visible {
    fn entry(&self, state: State, attempts: i64, reason: &str) -> Entry {
        let (key, version, digest) = (self.key.clone(), self.version.clone(), self.digest.clone());
        Entry { key, version, state, digest, moment: now(), attempts, reason: reason.to_owned() }
    }
}

impl Session<'_> {
    pub(super) fn push(&mut self) -> Result<Pushed, FederationError> {
        let mut pushed = Pushed::default();
        let classes = classes_of(self.store, &self.partner.account, &self.partner.place.to_string())?;
        // Where the collection itself is hidden from us, a 404 on an object would look as if it were gone.
        let remote = self.client.collection()?;
        let done = self.take_back(&classes, &mut pushed).and_then(|()| {
            if !remote.can_write {
                return typed(format!("`{}` lets us not add to its collection: ask for the right to write", self.partner.name));
            }
            self.send(&classes, &mut pushed)
        });
        pushed.warnings.extend(self.client.warnings());
        done.map(|()| pushed)
    }

    /// Deletes at the partner what it got and may no longer see, or may see with another text.
    fn take_back(&mut self, classes: &[ClassId], pushed: &mut Pushed) -> Result<(), FederationError> {
        let mut after = None;
        loop {
            let rows = self.store.ledger_after(&self.partner.name, Way::Out, after.as_ref(), GROUP)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let names: BTreeSet<String> = rows.iter().map(|row| row.key.id.clone()).collect();
            let filter = Filter { ids: ids_of(&names), ..all_versions() };
            let (mut seen, mut from) = (BTreeMap::new(), 0);
            loop {
                let (list, last) = visible(self.store, &self.collection, classes, &filter, from)?;
                seen.extend(list.into_iter().map(|one| (one.key, one.digest)));
                let Some(last) = last else { break };
                from = last;
            }
            // A page leaves an older edition out while there is a newer one, which is no reason to take it back.
            let has_newer = |key: &Key| seen.keys().any(|other| other.id == key.id && other.spec > key.spec);
            for row in &rows {
                let is_unchanged = seen.get(&row.key).is_some_and(|digest| *digest == row.digest);
                if is_unchanged || (!seen.contains_key(&row.key) && has_newer(&row.key)) {
                    continue;
                }
                self.take_back_one(row, pushed)?;
            }
        }
    }

    fn take_back_one(&mut self, row: &Entry, pushed: &mut Pushed) -> Result<(), FederationError> {
        let name = self.partner.name.clone();
        match row.state {
            State::Failed => return Ok(self.store.drop_from_ledger(&name, Way::Out, std::slice::from_ref(&row.key))?),
            State::Sent | State::Sending | State::Stuck => {}
            State::Withdrawn | State::Received | State::Known => return Ok(()),
        }
        let entry = match self.client.delete(&row.key.id, Instant(row.key.version_at), &row.key.spec) {
            Ok(Removed::Now | Removed::Before) => {
                pushed.withdrawn += 1;
                Entry { state: State::Withdrawn, moment: now(), attempts: 0, reason: String::new(), ..row.clone() }
            }
            Err(error @ ClientError::Refused { .. }) => {
                pushed.stuck += 1;
                Entry { state: State::Stuck, moment: now(), attempts: row.attempts + 1, reason: error.to_string(), ..row.clone() }
            }
            Err(error) => return Err(error.into()),
        };
        self.watch.told("withdrawn", pushed.withdrawn);
        Ok(self.store.write_ledger(&name, Way::Out, &[entry])?)
    }

    /// Sends what is wanting, in the order in which it was added here.
    fn send(&mut self, classes: &[ClassId], pushed: &mut Pushed) -> Result<(), FederationError> {
        let mut from = 0;
        loop {
            let (list, last) = visible(self.store, &self.collection, classes, &all_versions(), from)?;
            let told = Told::of(self.store, &self.partner.name, &list)?;
            let wanting: Vec<&Visible> = list.iter().filter(|one| told.wants(one)).collect();
            if !wanting.is_empty() {
                self.send_some(&wanting, &told, pushed)?;
            }
            let Some(last) = last else { return Ok(()) };
            from = last;
        }
    }

    fn send_some(&mut self, list: &[&Visible], told: &Told, pushed: &mut Pushed) -> Result<(), FederationError> {
        let name = self.partner.name.clone();
        let sending: Vec<Entry> = list.iter().map(|one| one.entry(State::Sending, told.attempts(one), "")).collect();
        self.store.write_ledger(&name, Way::Out, &sending)?;
        let parcels: Vec<Parcel> = list.iter().map(|one| Parcel { id: &one.key.id, version: &one.version, text: &one.text }).collect();
        let verdicts = self.client.add(&parcels)?;
        let mut entries = Vec::new();
        for (one, verdict) in list.iter().zip(verdicts) {
            match verdict {
                Verdict::Kept => {
                    pushed.sent += 1;
                    entries.push(one.entry(State::Sent, 0, ""));
                }
                Verdict::Refused(reason) => {
                    pushed.failed += 1;
                    entries.push(one.entry(State::Failed, told.attempts(one) + 1, &reason));
                }
                Verdict::Open(reason) => {
                    pushed.open += 1;
                    entries.push(one.entry(State::Sending, told.attempts(one), &reason));
                }
            }
        }
        self.watch.told("pushed", pushed.sent);
        Ok(self.store.write_ledger(&name, Way::Out, &entries)?)
    }
}

/// The classes of what an account may see, if it may read the collection.
pub(super) fn classes_of(store: &mut Store, account: &str, place: &str) -> Result<Vec<ClassId>, FederationError> {
    let Some(account) = store.accounts()?.into_iter().find(|one| one.name == account) else {
        return typed(format!(
            "there is no account `{account}` whose clearance says what the partner may be sent: add the partner with --as"
        ));
    };
    if !account.reads.iter().any(|read| read.to_string() == place) {
        return typed(format!("the account `{}` may not read {place}: give it --read {place} with `buttress node user add`", account.name));
    }
    Ok(store.view()?.sight(&account).classes.clone())
}

/// The next versions that these classes show, and where they end if there are more.
pub(super) fn visible(
    store: &mut Store,
    collection: &crate::store::Collection,
    classes: &[ClassId],
    filter: &Filter,
    from: i64,
) -> Result<(Vec<Visible>, Option<i64>), FederationError> {
    let mut list = Vec::new();
    let page = store.page((collection.number, classes), filter, (from, GROUP), &mut |item| {
        let version_at = Instant::parse(item.version).map_or(0, |at| at.0);
        let key = Key { id: item.id.to_owned(), version_at, spec: item.spec_version.to_owned() };
        list.push(Visible { key, version: item.version.to_owned(), text: item.text.to_owned(), digest: text_digest(item.text) });
    })?;
    Ok((list, page.last.filter(|_| page.more)))
}
