//! The few things asked of the store, in one place.

use buttress_wire::stix::{Id, Instant, Object};
use buttress_wire::taxii::Filter;

use super::{DutyError, typed};
use crate::store::{ClassId, Collection, Outcome, Place, Store, StoreError};

/// Objects read at a time.
const PAGE: usize = 1000;

/// The collection that is typed as `ROOT/ID`.
pub(super) fn collection(store: &mut Store, place: &str) -> Result<Collection, DutyError> {
    let found = Place::parse(place).map(|place| store.collection_at(&place)).transpose()?;
    match found.flatten() {
        Some(collection) => Ok(collection),
        None => typed(format!("there is no collection `{place}`: write ROOT/ID of one that `buttress node collection list` shows")),
    }
}

/// Adds objects, all or none.
pub(super) fn put(store: &mut Store, collection: &Collection, texts: &[String], now: Instant) -> Result<Vec<Outcome>, DutyError> {
    let read = |text: &String| Object::read(text).map_err(|why| DutyError::Object { id: text.chars().take(80).collect(), why });
    let objects = texts.iter().map(read).collect::<Result<Vec<Object>, DutyError>>()?;
    Ok(store.as_node(|store, node| store.add(collection, node, &objects, now.0))?)
}

/// Current versions of what a filter asks for, in one collection, in the order of adding.
fn current(store: &mut Store, collection: &Collection, filter: &Filter) -> Result<Vec<Object>, StoreError> {
    let classes: Vec<ClassId> = store.classes().keys().copied().collect();
    let mut objects = Vec::new();
    let mut after = 0;
    loop {
        let page = store.page((collection.number, &classes), filter, (after, PAGE), &mut |item| {
            // What the store holds was read once already.
            objects.extend(Object::read(item.text));
        })?;
        // Each page ends later than the one before, so this ends with the collection.
        match page.last.filter(|last| page.more && *last > after) {
            Some(last) => after = last,
            None => return Ok(objects),
        }
    }
}

/// The current version of an object in a collection.
pub(super) fn get(store: &mut Store, collection: &Collection, id: &Id) -> Result<Option<Object>, DutyError> {
    let filter = Filter { ids: vec![id.clone()], ..Filter::default() };
    Ok(current(store, collection, &filter)?.into_iter().next())
}

/// The current version of an object, in whichever collection holds it; the newest where several do.
pub(super) fn find(store: &mut Store, id: &Id) -> Result<(Collection, Object), DutyError> {
    let mut best: Option<(Collection, Object)> = None;
    for collection in store.collections()? {
        if let Some(object) = get(store, &collection, id)?
            && best.as_ref().is_none_or(|(_, known)| known.version_at < object.version_at)
        {
            best = Some((collection, object));
        }
    }
    best.map_or_else(|| typed(format!("the node holds no object `{id}`")), Ok)
}

/// Current versions of all objects of a type.
pub(super) fn of_type(store: &mut Store, kind: &str) -> Result<Vec<(Collection, Object)>, DutyError> {
    let filter = Filter { types: vec![kind.to_owned()], ..Filter::default() };
    let mut all = Vec::new();
    for collection in store.collections()? {
        let objects = current(store, &collection, &filter)?;
        all.extend(objects.into_iter().map(|object| (collection.clone(), object)));
    }
    Ok(all)
}
