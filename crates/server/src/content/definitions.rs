//! The definitions of our extensions in a collection of their own, open to every account of the node.

use std::collections::BTreeSet;

use buttress_wire::stix::marking::Tlp;
use buttress_wire::stix::{Id, Instant};
use buttress_wire::vocabulary::{DEFINITIONS_COLLECTION, definitions};

use super::{ContentError, Desk, Put};
use crate::store::{Place, Store};

/// Makes the collection in a root, puts in what is missing, and gives every account of the node the right to read it.
pub fn publish_definitions(store: &mut Store, root: &str, now: Instant) -> Result<(Place, Put), ContentError> {
    if !store.roots()?.iter().any(|r| r.0 == root) {
        return Err(ContentError::Form(format!("there is no root `{root}`: make it with `buttress node root add {root}`")));
    }
    let place = Place { root: root.to_owned(), id: DEFINITIONS_COLLECTION.to_owned() };
    let ceiling: BTreeSet<Id> = Id::parse(&Tlp::Clear.id()).into_iter().collect();
    store.set_collection(&place.root, &place.id, "Definitions: what the extensions of Buttress mean", &ceiling)?;
    for mut account in store.accounts()? {
        if account.reads.insert(place.clone()) {
            store.set_account(&account)?;
        }
    }
    let put = Desk::open(store, &place)?.put(&[], &definitions(), now)?;
    Ok((place, put))
}
