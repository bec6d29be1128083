//! What a node's people put into its collections and take out of them: assessments, lessons, threat background, our definitions.

mod definitions;
mod import;
mod lessons;
mod replay;

use std::collections::BTreeMap;

use buttress_wire::stix::{Id, Instant, Object};
use buttress_wire::taxii::Filter;
use buttress_wire::vocabulary::{BadAssessment, Draft, NotMisp, NotReady, NothingToShare};

pub use definitions::publish_definitions;
pub use import::{Brought, import};
pub use lessons::{Told, add_lesson, find_lessons, promote_lesson};
pub use replay::{ReplayFiles, ReplayRun, replay_of, write_replay};

use crate::store::{ClassId, Collection, Outcome, Place, Store, StoreError};

/// Objects read or looked up at once.
const BATCH: usize = 200;

/// Why content cannot be put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such collection.
    #[error("there is no collection `{0}`: write ROOT/ID of one that `buttress node collection list` shows")]
    NoCollection(String),
    /// No such account.
    #[error("there is no account `{0}`: `buttress node user list` shows them")]
    NoAccount(String),
    /// An account that may not read there.
    #[error("the account `{0}` may not read `{1}`")]
    Barred(String, String),
    /// No such object, or hidden from whoever asks.
    #[error("there is no `{0}` in `{1}` that may be seen")]
    NoObject(String, String),
    /// The assessment.
    #[error(transparent)]
    Assessment(#[from] BadAssessment),
    /// Nothing in it to share.
    #[error(transparent)]
    Nothing(#[from] NothingToShare),
    /// A lesson's step.
    #[error("the lesson stays as it is: {0}")]
    Lesson(#[from] NotReady),
    /// A file of MISP.
    #[error(transparent)]
    Misp(#[from] NotMisp),
    /// A text of ours that is no object, or a file that cannot be read or written.
    #[error("{0}")]
    Form(String),
}

/// Who looks into a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader<'a> {
    /// Whoever runs the node: everything.
    Operator,
    /// An account: what it may see when it is served.
    Account(&'a str),
}

/// What became of objects that were put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Put {
    /// Objects and versions added.
    pub n_added: usize,
    /// Objects that were there already and say the same.
    pub n_unchanged: usize,
}

/// A collection of a node, opened to work in.
pub struct Desk<'s> {
    store: &'s mut Store,
    collection: Collection,
}

impl<'s> Desk<'s> {
    /// Opens a collection.
    pub fn open(store: &'s mut Store, place: &Place) -> Result<Desk<'s>, ContentError> {
        let found = store.collection_at(place)?;
        let collection = found.ok_or_else(|| ContentError::NoCollection(place.to_string()))?;
        Ok(Desk { store, collection })
    }

    /// `ROOT/ID`.
    pub fn place(&self) -> Place {
        Place { root: self.collection.root.clone(), id: self.collection.id.clone() }
    }

    fn classes(&mut self, reader: Reader) -> Result<Vec<ClassId>, ContentError> {
        let Reader::Account(name) = reader else { return Ok(self.store.classes().keys().copied().collect()) };
        let account = self.store.accounts()?.into_iter().find(|a| a.name == name).ok_or_else(|| ContentError::NoAccount(name.into()))?;
        let place = self.place();
        if !account.reads.contains(&place) {
            return Err(ContentError::Barred(name.into(), place.to_string()));
        }
        Ok(self.store.view()?.sight(&account).classes.clone())
    }

    /// Hands over the current objects of some types, or of some identifiers, that a reader may see, in the order of adding.
    fn each(&mut self, filter: &Filter, reader: Reader, take: &mut dyn FnMut(Object)) -> Result<(), ContentError> {
        let classes = self.classes(reader)?;
        let mut after = 0;
        // Moments only grow, so every page ends later than the one before it.
        loop {
            let mut texts: Vec<String> = Vec::new();
            let place = (self.collection.number, &classes[..]);
            let page = self.store.page(place, filter, (after, BATCH), &mut |item| texts.push(item.text.to_owned()))?;
            texts.iter().filter_map(|text| Object::read(text).ok()).for_each(&mut *take);
            match page.last.filter(|_| page.more) {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Objects by identifier, as far as they are here and may be seen.
    pub fn objects(&mut self, ids: &[Id], reader: Reader) -> Result<BTreeMap<Id, Object>, ContentError> {
        let mut found = BTreeMap::new();
        for ids in ids.chunks(BATCH) {
            let filter = Filter { ids: ids.to_vec(), ..Filter::default() };
            self.each(&filter, reader, &mut |object| {
                found.insert(object.id.clone(), object);
            })?;
        }
        Ok(found)
    }

    /// One object.
    pub fn object(&mut self, id: &Id, reader: Reader) -> Result<Object, ContentError> {
        let found = self.objects(std::slice::from_ref(id), reader)?.remove(id);
        found.ok_or_else(|| ContentError::NoObject(id.to_string(), self.place().to_string()))
    }

    /// Adds what is new or says something else than what is here: new versions of objects, and `texts` as they are.
    pub fn put(&mut self, drafts: &[Draft], texts: &[String], now: Instant) -> Result<Put, ContentError> {
        let ids: Vec<Id> = drafts.iter().map(|draft| draft.id.clone()).collect();
        let before = self.objects(&ids, Reader::Operator)?;
        let next: Vec<String> = drafts.iter().filter_map(|draft| draft.version(before.get(&draft.id), now)).collect();
        let mut objects = Vec::with_capacity(texts.len() + next.len());
        for text in texts.iter().chain(&next) {
            objects.push(Object::read(text).map_err(|e| ContentError::Form(format!("an object of ours cannot be kept: {e}")))?);
        }
        let mut put = self.add(&objects, now)?;
        put.n_unchanged += drafts.len() - next.len();
        Ok(put)
    }

    /// Adds objects as they are.
    fn add(&mut self, objects: &[Object], now: Instant) -> Result<Put, ContentError> {
        let collection = &self.collection;
        let outcomes = self.store.as_node(|store, node| store.add(collection, node, objects, now.0))?;
        let n_added = outcomes.iter().filter(|o| **o == Outcome::Added).count();
        Ok(Put { n_added, n_unchanged: outcomes.len() - n_added })
    }
}

#[cfg(test)]
mod tests;
