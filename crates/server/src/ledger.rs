//! What each account has been given: for each account and collection the moments of adding of the objects that were on its pages,
//! as a compressed set (Roaring: Lemire et al. 2018, doi:10.1002/spe.2560). Sets are kept in memory and written within a second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringTreemap;

use crate::store::{CollectionId, Store, StoreError};

/// An account and a collection.
type Key = (String, CollectionId);

#[derive(Default)]
struct Sets {
    given: BTreeMap<Key, RoaringTreemap>,
    changed: BTreeSet<Key>,
}

/// What accounts have been given since the service began, with what was known before.
#[derive(Default)]
pub struct Ledger(Mutex<Sets>);

/// The form in which a set is kept.
fn text_of(set: &RoaringTreemap) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = set.serialize_into(&mut bytes);
    STANDARD.encode(bytes)
}

fn set_of(text: &str) -> Result<RoaringTreemap, StoreError> {
    let spoilt = |_| StoreError::Spoilt("a ledger that cannot be read".to_owned());
    let bytes = STANDARD.decode(text).map_err(|e| spoilt(e.to_string()))?;
    RoaringTreemap::deserialize_from(&bytes[..]).map_err(|e| spoilt(e.to_string()))
}

/// Moments of adding of what an account has been given of a collection, as kept.
pub fn given(store: &mut Store, account: &str, collection: CollectionId) -> Result<RoaringTreemap, StoreError> {
    store.given(account, collection)?.map_or_else(|| Ok(RoaringTreemap::new()), |text| set_of(&text))
}

impl Ledger {
    /// Notes that an account was given objects that were added at these moments.
    pub fn note(&self, account: &str, collection: CollectionId, added: &[i64]) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), collection);
        let Sets { given, changed } = &mut *sets;
        let set = given.entry(key.clone()).or_default();
        // Moments are never negative.
        let before = set.len();
        set.extend(added.iter().map(|moment| *moment as u64));
        if set.len() > before {
            changed.insert(key);
        }
    }

    /// Adds to what the store keeps all that was noted since the last call.
    pub fn write(&self, store: &mut Store) -> Result<(), StoreError> {
        let taken: Vec<(Key, RoaringTreemap)> = {
            let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = std::mem::take(&mut sets.changed);
            changed.into_iter().map(|key| (key.clone(), sets.given.get(&key).cloned().unwrap_or_default())).collect()
        };
        for ((account, collection), set) in taken {
            let all = given(store, &account, collection)? | set;
            store.set_given(&account, collection, &text_of(&all))?;
        }
        Ok(())
    }
}
