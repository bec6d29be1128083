//! What a node keeps: objects as received, in collections, each under the set of markings that a reader must be cleared for.
//!
//! One writer, one transaction for each call. `added` is a moment in microseconds that grows with every object kept and is given to
//! no two, so it is the order of pages, the cursor and the TAXII `date_added` at once, and tells nothing of what else was added.
//!
//! An object asks for its own markings (the node's default where it has none), those of its collection, and those of everything it
//! refers to: a relationship is seen only by who may see both ends, a report only by who may see all it lists. Superseded versions
//! ask in addition for what the current one asks, so that a marking raised later covers the past too. Markings are sets of
//! identifiers here; who is cleared for which is decided elsewhere.

mod backup;
mod class;
mod credentials;
mod database;
mod directory;
mod follow;
mod given;
mod jobs;
mod keep;
mod members;
mod page;
mod partners;
mod reader;
mod remove;
mod schema;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use buttress_wire::stix::Id;
use buttress_wire::taxii::Filter;

use crate::policy::{Policy, PolicyError};
use crate::view::View;

pub use backup::{back_up, restore};
pub use class::{Class, Markings};
pub use credentials::{Access, Bound, IssuerRow, Token};
use database::{Database, Postgres, Sqlite, Value};
pub use directory::Directory;
pub use given::Trace;
pub use keep::{Clears, Outcome, Writer};
pub use members::{Account, Place};
pub use page::{Item, Page};
pub(crate) use partners::text_digest;
pub use partners::{Arrived, Direction, Entry, Key, Partner, Quarantined, Received, Run, State, Way, Withdrawn};
pub use reader::{Reader, Readers};

/// Why the store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the database refused: {0}")]
    Database(String),
    /// The tables are those of a newer program.
    #[error("the database has tables of version {found}, this program knows {known}: use the newer program, or restore a backup")]
    Newer {
        /// Version found.
        found: usize,
        /// Newest version known.
        known: usize,
    },
    /// The database holds something that this program never writes.
    #[error("the database holds {0}: restore a backup")]
    Spoilt(String),
    /// The policies cannot be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// What this database cannot do.
    #[error("{0}")]
    Unable(String),
}

/// Where the objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, made where it is missing.
    Sqlite(PathBuf),
    /// A URL of `PostgreSQL`, reached without TLS: on this machine.
    Postgres(String),
}

/// Number of a collection in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CollectionId(i64);

/// Number of a class in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassId(i64);

/// A collection of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its number here.
    pub number: CollectionId,
    /// API root it belongs to.
    pub root: String,
    /// Identifier in TAXII.
    pub id: String,
    /// Title.
    pub title: String,
    /// Markings added to all that it holds.
    pub ceiling: BTreeSet<Id>,
}

/// Objects of a node.
pub struct Store {
    database: Box<dyn Database>,
    /// Marking of objects that have none.
    default_marking: Id,
    /// Moment of the last object kept or withdrawn.
    last_added: i64,
    numbers: BTreeMap<Class, ClassId>,
    classes: BTreeMap<ClassId, Class>,
    /// Generation of `classes`.
    generation: i64,
    /// Whether this transaction has changed what readers keep in memory.
    is_changed: bool,
    /// Whether a transaction is open, which further ones are parts of.
    is_writing: bool,
    /// Who is cleared for what.
    policy: Arc<Policy>,
}

fn markings_from(text: &str) -> Result<BTreeSet<Id>, StoreError> {
    let one = |id: &str| Id::parse(id).ok_or_else(|| StoreError::Spoilt(format!("a marking `{id}`")));
    text.split_whitespace().map(one).collect()
}

fn text_of(markings: &BTreeSet<Id>) -> String {
    markings.iter().map(Id::as_str).collect::<Vec<_>>().join(" ")
}

impl Store {
    /// Opens a store, makes what is missing and brings its tables up to date. Objects without marking ask for `default_marking`.
    pub fn open(location: &Location, default_marking: Id) -> Result<Store, StoreError> {
        let (mut database, clustered): (Box<dyn Database>, &str) = match location {
            Location::Sqlite(path) => (Box::new(Sqlite::open(path)?), "WITHOUT ROWID"),
            Location::Postgres(url) => (Box::new(Postgres::open(url)?), ""),
        };
        schema::migrate(database.as_mut(), clustered)?;
        let mut store = Store {
            database,
            default_marking,
            last_added: 0,
            numbers: BTreeMap::new(),
            classes: BTreeMap::new(),
            generation: -1,
            is_changed: false,
            is_writing: false,
            policy: Policy::usual()?,
        };
        store.catch_up()?;
        Ok(store)
    }

    /// Takes note of what other processes have written.
    pub fn catch_up(&mut self) -> Result<(), StoreError> {
        let last_added = &mut self.last_added;
        let moments = "SELECT COALESCE(MAX(added), 0) FROM object UNION ALL SELECT COALESCE(MAX(added), 0) FROM withdrawal";
        self.database.each(moments, &[], &mut |row| {
            *last_added = row.int(0)?.max(*last_added);
            Ok(())
        })?;
        let generation = directory::generation(self.database.as_mut())?;
        if generation != self.generation {
            self.classes = directory::classes(self.database.as_mut())?;
            self.numbers = self.classes.iter().map(|(number, class)| (class.clone(), *number)).collect();
            self.generation = generation;
        }
        Ok(())
    }

    /// Other policies than the usual ones.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// Who is cleared for what, by the set-up as it is now.
    pub fn view(&mut self) -> Result<View, StoreError> {
        Ok(View::new(self.directory()?, self.policy.clone()))
    }

    /// Writes as the node itself, which knows everything; what others wrote follows what they may know.
    pub fn as_node<T>(&mut self, work: impl FnOnce(&mut Store, &Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let view = self.view()?;
        work(self, &Writer { name: "", clears: &|name, marking, statement| view.clears(name, marking, statement) })
    }

    /// Every class by its number.
    pub fn classes(&self) -> &BTreeMap<ClassId, Class> {
        &self.classes
    }

    /// The number of a class, given where it is new; inside a transaction.
    fn class_of(&mut self, class: &Class) -> Result<ClassId, StoreError> {
        if let Some(&number) = self.numbers.get(class) {
            return Ok(number);
        }
        let number = ClassId(self.classes.keys().last().map_or(1, |last| last.0 + 1));
        self.database.run("INSERT INTO class (number, text) VALUES ($1, $2)", &[Value::Int(number.0), Value::Text(&class.text())])?;
        self.numbers.insert(class.clone(), number);
        self.classes.insert(number, class.clone());
        self.is_changed = true;
        Ok(number)
    }

    /// Does all of `work` or nothing of it, as the only writer, and knowing what others have written before. Inside another transaction
    /// it is a part of that one.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_writing {
            return work(self);
        }
        self.database.begin()?;
        (self.is_writing, self.is_changed) = (true, false);
        let done = self.catch_up().and_then(|()| work(self)).and_then(|value| {
            if self.is_changed {
                self.database.run("UPDATE generation SET number = number + 1", &[])?;
                self.generation += 1;
            }
            self.database.batch("COMMIT").map(|()| value)
        });
        self.is_writing = false;
        if done.is_err() {
            // A connection that is lost has rolled back by itself; what went wrong first is what is told. Classes are read anew.
            let _ = self.database.batch("ROLLBACK");
            self.generation = -1;
        }
        done
    }

    /// The next moment of adding, after all before it.
    fn next_moment(&mut self, now: i64) -> i64 {
        self.last_added = now.max(self.last_added + 1);
        self.last_added
    }

    /// Makes a collection, or gives an existing one another title and ceiling. A ceiling that changes covers what is added from then.
    pub fn set_collection(&mut self, root: &str, id: &str, title: &str, ceiling: &BTreeSet<Id>) -> Result<CollectionId, StoreError> {
        let ceiling = text_of(ceiling);
        self.transaction(|store| {
            let number = store.collections()?.iter().map(|c| c.number.0).max().unwrap_or(0) + 1;
            let values = [Value::Int(number), Value::Text(root), Value::Text(id), Value::Text(title), Value::Text(&ceiling)];
            let sql = "INSERT INTO collection (number, root, id, title, ceiling) VALUES ($1, $2, $3, $4, $5)
                       ON CONFLICT (root, id) DO UPDATE SET title = excluded.title, ceiling = excluded.ceiling";
            store.database.run(sql, &values)?;
            store.is_changed = true;
            let found = store.collections()?.into_iter().find(|c| c.root == root && c.id == id).map(|c| c.number);
            found.ok_or_else(|| StoreError::Spoilt(format!("no collection `{id}` after making it")))
        })
    }

    /// All collections, by root and identifier.
    pub fn collections(&mut self) -> Result<Vec<Collection>, StoreError> {
        directory::collections(self.database.as_mut())
    }

    /// The collection at a place.
    pub fn collection_at(&mut self, place: &Place) -> Result<Option<Collection>, StoreError> {
        Ok(self.collections()?.into_iter().find(|c| c.root == place.root && c.id == place.id))
    }

    /// Hands over up to `limit` objects of a collection that were added after `after` and are of `classes`, in the order of adding.
    pub fn page(
        &mut self,
        place: (CollectionId, &[ClassId]),
        filter: &Filter,
        bounds: (i64, usize),
        take: &mut dyn FnMut(Item),
    ) -> Result<Page, StoreError> {
        page::page(self.database.as_mut(), place, filter, bounds, take)
    }

    /// Current objects of a collection, whoever may see them.
    pub fn count(&mut self, collection: CollectionId) -> Result<usize, StoreError> {
        let mut n = 0;
        let sql = "SELECT COUNT(DISTINCT id) FROM object WHERE collection = $1 AND tier = 0";
        self.database.each(sql, &[Value::Int(collection.0)], &mut |row| {
            n = row.int(0)? as usize;
            Ok(())
        })?;
        Ok(n)
    }

    /// The set-up as it is now.
    pub fn directory(&mut self) -> Result<Directory, StoreError> {
        Directory::read(self.database.as_mut())
    }
}

#[cfg(test)]
mod tests;
