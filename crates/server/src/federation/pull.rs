//! Pulling: what is new by date, then what the manifest tells of the rest.

use std::collections::BTreeSet;

use buttress_wire::stix::Instant;
use buttress_wire::taxii::{Filter, ManifestRecord, VersionMatch};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{FederationError, Removals, Scope, Session, ids_of, now, sort};
use crate::client::{Ending, Part, Wanted, digest};
use crate::store::{Arrived, Entry, Key, State, Way};

/// Rows of the ledger looked at together.
const ROWS: usize = 500;
/// Versions that may go without asking, however large a part of all they are.
const FEW: usize = 100;
/// Identifiers named in one request.
pub(super) const NAMED: usize = 50;
/// Records of a manifest that are looked through.
const MOST: usize = 20_000_000;

/// What a pull did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Versions that are new here.
    pub added: usize,
    /// Versions whose text changed.
    pub replaced: usize,
    /// Versions that were here already.
    pub known: usize,
    /// Texts put into quarantine.
    pub quarantined: usize,
    /// Versions deleted here, since the partner no longer lists them.
    pub deleted: usize,
    /// Versions that the partner no longer lists and that stay for another reason.
    pub kept: usize,
    /// Versions that would have gone, and stay until --accept-removals is given.
    pub withheld: usize,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// What a manifest lists.
#[derive(Default)]
struct Listing {
    /// Digests of identifier and version, sorted once complete.
    versions: Vec<u128>,
    /// Digests of identifiers, sorted once complete.
    ids: Vec<u128>,
    /// Objects that are listed and not here.
    missing: BTreeSet<String>,
}

/// Servers may write a version with fewer digits than it has, so that versions are told apart by the millisecond.
fn version_digest(id: &str, at: i64) -> u128 {
    digest(&[id.as_bytes(), &at.div_euclid(1000).to_be_bytes()])
}

fn id_digest(id: &str) -> u128 {
    digest(&[id.as_bytes()])
}

impl Listing {
    fn add(&mut self, record: &ManifestRecord) {
        self.ids.push(id_digest(&record.id));
        if let Some(at) = Instant::parse(&record.version) {
            self.versions.push(version_digest(&record.id, at.0));
        }
    }

    fn sort(&mut self) {
        self.versions.sort_unstable();
        self.versions.dedup();
        self.ids.sort_unstable();
        self.ids.dedup();
    }

    /// Whether it lists a version; an object without times is known by its identifier alone.
    fn has(&self, key: &Key) -> bool {
        if key.version_at == 0 {
            return self.ids.binary_search(&id_digest(&key.id)).is_ok();
        }
        self.versions.binary_search(&version_digest(&key.id, key.version_at)).is_ok()
    }
}

/// Every version of what is asked for.
pub(super) fn all_versions() -> Filter {
    Filter { versions: vec![VersionMatch::All], ..Filter::default() }
}

impl Session<'_> {
    pub(super) fn pull(&mut self) -> Result<Pulled, FederationError> {
        let mut pulled = Pulled::default();
        let done = self.pull_into(&mut pulled);
        pulled.warnings.extend(self.client.warnings());
        done.map(|()| pulled)
    }

    fn pull_into(&mut self, pulled: &mut Pulled) -> Result<(), FederationError> {
        let after = Some(self.partner.pulled_after).filter(|at| *at > 0).map(Instant);
        let filter = all_versions();
        let ending = self.bring(&Wanted { after, filter: &filter }, pulled)?;
        if self.options.scope == Scope::Whole {
            if let Ending::Short(why) = ending {
                pulled.warnings.push(format!("{why}; the rest is asked for by the manifest"));
            }
            return self.reconcile(pulled);
        }
        match ending {
            Ending::Complete => Ok(()),
            Ending::Short(why) => super::typed(format!("{why}; pull without --new to get the rest by the manifest")),
        }
    }

    /// Crawls objects and keeps each page.
    pub(super) fn bring(&mut self, wanted: &Wanted, pulled: &mut Pulled) -> Result<Ending, FederationError> {
        let Session { store, partner, collection, client, watch, .. } = self;
        let is_by_date = wanted.filter.ids.is_empty();
        client.crawl(wanted, &mut |part: Part<Box<RawValue>>| -> Result<(), FederationError> {
            let at = now();
            let (mut page, resume) = (Arrived::default(), part.resume_after.map(|at| at.0));
            page.resume_after = resume.filter(|_| is_by_date);
            part.items.iter().for_each(|text| sort(text, at, &mut page));
            let received = store.receive(partner, collection, &page, at)?;
            pulled.added += received.added;
            pulled.replaced += received.replaced;
            pulled.known += received.known;
            pulled.quarantined += received.refused;
            watch.told("pulled", pulled.added + pulled.replaced + pulled.known);
            Ok(())
        })
    }

    /// Reads the whole manifest: brings what is missing and takes note of what was withdrawn.
    fn reconcile(&mut self, pulled: &mut Pulled) -> Result<(), FederationError> {
        let mut listing = Listing::default();
        let ending = self.list(&mut listing)?;
        listing.sort();
        let missing = std::mem::take(&mut listing.missing);
        let missing: Vec<String> = missing.into_iter().collect();
        self.fetch(&missing, pulled)?;
        match ending {
            Ending::Short(why) => {
                pulled.warnings.push(format!("{why}; nothing is removed, since the manifest may be incomplete"));
                Ok(())
            }
            Ending::Complete => self.remove_gone(&listing, pulled),
        }
    }

    fn list(&mut self, listing: &mut Listing) -> Result<Ending, FederationError> {
        let Session { store, partner, client, watch, .. } = self;
        let filter = all_versions();
        client.crawl(&Wanted { after: None, filter: &filter }, &mut |part: Part<ManifestRecord>| -> Result<(), FederationError> {
            let ids: BTreeSet<&str> = part.items.iter().map(|record| record.id.as_str()).collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            let mut here = Listing::default();
            for entry in store.ledger_of(&partner.name, Way::In, &ids)?.into_values().filter(is_here) {
                here.ids.extend((entry.key.version_at == 0).then(|| id_digest(&entry.key.id)));
                here.versions.push(version_digest(&entry.key.id, entry.key.version_at));
            }
            here.sort();
            let refused = store.quarantined_among(&partner.name, &ids)?;
            for record in &part.items {
                listing.add(record);
                let at = Instant::parse(&record.version).map_or(0, |at| at.0);
                let is_known = here.versions.binary_search(&version_digest(&record.id, at)).is_ok()
                    || here.ids.binary_search(&id_digest(&record.id)).is_ok();
                let is_refused = |version: &str| refused.contains(&(record.id.clone(), version.to_owned()));
                if !is_known && !is_refused(&record.version) && !is_refused("") {
                    listing.missing.insert(record.id.clone());
                }
            }
            if listing.ids.len() > MOST {
                return super::typed(format!("the manifest has more than {MOST} records: pull with --new"));
            }
            watch.told("manifest", listing.ids.len());
            Ok(())
        })
    }

    /// Withdraws what came from the partner and is not listed, unless that is unusually much.
    fn remove_gone(&mut self, listing: &Listing, pulled: &mut Pulled) -> Result<(), FederationError> {
        let (mut gone, mut n_rows, mut after) = (Vec::new(), 0, None);
        loop {
            let rows = self.store.ledger_after(&self.partner.name, Way::In, after.as_ref(), ROWS)?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            let rows: Vec<Entry> = rows.into_iter().filter(is_here).collect();
            n_rows += rows.len();
            gone.extend(rows.into_iter().filter(|entry| !listing.has(&entry.key)));
        }
        let is_unusual = listing.ids.is_empty() || (gone.len() > FEW && gone.len() * 2 > n_rows);
        if gone.is_empty() {
            return Ok(());
        }
        if is_unusual && self.options.removals == Removals::Ask {
            pulled.withheld = gone.len();
            pulled.warnings.push(format!(
                "the partner no longer lists {} of the {n_rows} versions that came from it; nothing is removed: if that is right, pull \
                 again with --accept-removals",
                gone.len()
            ));
            return Ok(());
        }
        for group in gone.chunks(NAMED) {
            let gone = self.confirmed(group, listing, pulled)?;
            let withdrawn = self.store.withdraw(&self.partner, &self.collection, &gone, now())?;
            pulled.deleted += withdrawn.deleted;
            pulled.kept += withdrawn.kept;
            self.watch.told("withdrawn", pulled.deleted + pulled.kept);
        }
        Ok(())
    }

    /// Those versions that the partner does not list when asked for them by name either. An older edition stays as long as a newer
    /// one is listed, since manifests leave it out.
    fn confirmed(&mut self, group: &[Entry], listing: &Listing, pulled: &mut Pulled) -> Result<Vec<Entry>, FederationError> {
        let names: BTreeSet<String> = group.iter().map(|entry| entry.key.id.clone()).collect();
        let filter = Filter { ids: ids_of(&names), ..all_versions() };
        let mut again = Listing::default();
        let ending = self.client.crawl(&Wanted { after: None, filter: &filter }, &mut |part: Part<ManifestRecord>| {
            part.items.iter().for_each(|record| again.add(record));
            Ok::<(), FederationError>(())
        })?;
        if let Ending::Short(why) = ending {
            pulled.warnings.push(format!("{why}; {} versions that seem to be withdrawn stay", group.len()));
            return Ok(Vec::new());
        }
        again.sort();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = self.store.ledger_of(&self.partner.name, Way::In, &names)?;
        let has_newer_edition =
            |key: &Key| rows.values().any(|row| row.key.id == key.id && row.key.spec > key.spec && is_here(row) && listing.has(&row.key));
        Ok(group.iter().filter(|entry| !again.has(&entry.key) && !has_newer_edition(&entry.key)).cloned().collect())
    }
}

/// Whether the partner had it when we last looked.
fn is_here(entry: &Entry) -> bool {
    matches!(entry.state, State::Received | State::Known)
}
