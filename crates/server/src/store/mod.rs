//! What a node keeps: objects as received, in collections, each under the set of markings that a reader must be cleared for.
//!
//! One writer, one transaction for each call. `added` is a moment in microseconds that grows with every object kept and is given to
//! no two, so it is the order of pages, the cursor and the TAXII `date_added` at once, and tells nothing of what else was added.
//!
//! An object asks for its own markings (the node's default where it has none), those of its collection, and those of everything it
//! refers to: a relationship is seen only by who may see both ends, a report only by who may see all it lists. Superseded versions
//! ask in addition for what the current one asks, so that a marking raised later covers the past too. Markings are sets of
//! identifiers here; who is cleared for which is decided elsewhere.

mod database;
mod keep;
mod members;
mod page;
mod partners;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use buttress_wire::stix::Id;

use database::{Database, Postgres, Row, Sqlite, Value};
pub use keep::Outcome;
pub use members::{Account, Place};
pub use page::{Item, Page};
pub(crate) use partners::text_digest;
pub use partners::{Arrived, Direction, Entry, Key, Partner, Quarantined, Received, Run, State, Way, Withdrawn};

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
    /// What this database cannot do.
    #[error("{0}")]
    Unable(&'static str),
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
    classes: BTreeMap<BTreeSet<Id>, ClassId>,
    class_markings: BTreeMap<ClassId, BTreeSet<Id>>,
    /// Whether a transaction is open, which further ones are parts of.
    is_writing: bool,
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
        let (classes, class_markings) = (BTreeMap::new(), BTreeMap::new());
        let mut store = Store { database, default_marking, last_added: 0, classes, class_markings, is_writing: false };
        store.refresh()?;
        Ok(store)
    }

    /// Takes note of what another process has written to the same database.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        let (mut last_added, mut last_class) = (0, 0);
        let sql = "SELECT (SELECT COALESCE(MAX(added), 0) FROM object), (SELECT COALESCE(MAX(added), 0) FROM withdrawal),
                   (SELECT COALESCE(MAX(number), 0) FROM class)";
        self.database.each(sql, &[], &mut |row| {
            last_added = row.int(0)?.max(row.int(1)?);
            last_class = row.int(2)?;
            Ok(())
        })?;
        self.last_added = self.last_added.max(last_added);
        // Classes are never deleted, so the last one tells whether there are new ones.
        if self.class_markings.keys().last().map_or(0, |class| class.0) == last_class { Ok(()) } else { self.read_classes() }
    }

    fn read_classes(&mut self) -> Result<(), StoreError> {
        let (classes, class_markings) = (&mut self.classes, &mut self.class_markings);
        classes.clear();
        class_markings.clear();
        self.database.each("SELECT number, markings FROM class", &[], &mut |row| {
            let (class, markings) = (ClassId(row.int(0)?), markings_from(row.text(1)?)?);
            classes.insert(markings.clone(), class);
            class_markings.insert(class, markings);
            Ok(())
        })
    }

    /// Every class with the markings that a reader must all be cleared for.
    pub fn classes(&self) -> &BTreeMap<ClassId, BTreeSet<Id>> {
        &self.class_markings
    }

    /// The class of a set of markings, made where it is new; inside a transaction.
    fn class_of(&mut self, markings: &BTreeSet<Id>) -> Result<ClassId, StoreError> {
        if let Some(&class) = self.classes.get(markings) {
            return Ok(class);
        }
        let class = ClassId(self.class_markings.keys().last().map_or(1, |last| last.0 + 1));
        self.database
            .run("INSERT INTO class (number, markings) VALUES ($1, $2)", &[Value::Int(class.0), Value::Text(&text_of(markings))])?;
        self.classes.insert(markings.clone(), class);
        self.class_markings.insert(class, markings.clone());
        Ok(class)
    }

    /// Does all of `work` or nothing of it, as the only writer of the database. Inside another transaction it is a part of that one.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_writing {
            return work(self);
        }
        let last_added = self.last_added;
        self.is_writing = true;
        let begun = self.database.batch(self.database.begin()).and_then(|()| self.refresh());
        let done = begun.and_then(|()| work(self)).and_then(|value| self.database.batch("COMMIT").map(|()| value));
        self.is_writing = false;
        if done.is_err() {
            // A connection that is lost has rolled back by itself; what went wrong first is what is told.
            let _ = self.database.batch("ROLLBACK");
            self.last_added = last_added;
            self.read_classes()?;
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
            let found = store.collections()?.into_iter().find(|c| c.root == root && c.id == id).map(|c| c.number);
            found.ok_or_else(|| StoreError::Spoilt(format!("no collection `{id}` after making it")))
        })
    }

    /// All collections, by root and identifier.
    pub fn collections(&mut self) -> Result<Vec<Collection>, StoreError> {
        let mut list = Vec::new();
        self.database.each("SELECT number, root, id, title, ceiling FROM collection ORDER BY root, id", &[], &mut |row| {
            list.push(Collection {
                number: CollectionId(row.int(0)?),
                root: row.text(1)?.to_owned(),
                id: row.text(2)?.to_owned(),
                title: row.text(3)?.to_owned(),
                ceiling: markings_from(row.text(4)?)?,
            });
            Ok(())
        })?;
        Ok(list)
    }

    /// Copies an embedded store to a file while it is in use.
    pub fn back_up(location: &Location, to: &Path) -> Result<(), StoreError> {
        match location {
            Location::Sqlite(path) => Sqlite::open(path)?.copy_to(to),
            Location::Postgres(_) => Err(StoreError::Unable("a PostgreSQL database is backed up with pg_dump")),
        }
    }
}

#[cfg(test)]
mod tests;
