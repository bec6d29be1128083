//! Reading beside the writer: connections of their own, each on one state of the store.

use std::sync::{Mutex, PoisonError};

use buttress_wire::taxii::Filter;

use super::credentials::access;
use super::database::{Database, Postgres, Sqlite, Value};
use super::directory::{Directory, generation};
use super::{Access, ClassId, CollectionId, Item, Location, Page, StoreError, page};

/// Connections kept ready.
const KEPT: usize = 8;

/// A connection that reads.
pub struct Reader {
    database: Box<dyn Database>,
    is_reading: bool,
}

impl Reader {
    fn open(location: &Location) -> Result<Reader, StoreError> {
        Ok(Reader {
            database: match location {
                Location::Sqlite(path) => Box::new(Sqlite::open_to_read(path)?),
                Location::Postgres(url) => Box::new(Postgres::open(url)?),
            },
            is_reading: false,
        })
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.database.begin_reading()?;
        self.is_reading = true;
        Ok(())
    }

    /// Lets go of the state that this reader sees, before something is written that others wait for: as long as somebody sees an old
    /// state, `SQLite` cannot begin its log anew.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        if self.is_reading {
            self.is_reading = false;
            self.database.batch("COMMIT")?;
        }
        Ok(())
    }

    /// Number of the state of the set-up that this reader sees.
    pub fn generation(&mut self) -> Result<i64, StoreError> {
        generation(self.database.as_mut())
    }

    /// The set-up that this reader sees.
    pub fn directory(&mut self) -> Result<Directory, StoreError> {
        Directory::read(self.database.as_mut())
    }

    /// Everybody who may come in.
    pub fn access(&mut self) -> Result<Access, StoreError> {
        access(self.database.as_mut())
    }

    /// A page of a collection; see [`super::Store::page`].
    pub fn page(
        &mut self,
        place: (CollectionId, &[ClassId]),
        filter: &Filter,
        bounds: (i64, usize),
        take: &mut dyn FnMut(Item),
    ) -> Result<Page, StoreError> {
        page::page(self.database.as_mut(), place, filter, bounds, take)
    }

    /// What became of a request that this account made.
    pub fn status(&mut self, id: &str, (root, account): (&str, &str)) -> Result<Option<String>, StoreError> {
        let mut found = None;
        let sql = "SELECT text FROM status WHERE id = $1 AND root = $2 AND account = $3";
        self.database.each(sql, &[id, root, account].map(Value::Text), &mut |row| {
            found = Some(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(found)
    }
}

/// Readers of one store, lent one to a request.
pub struct Readers {
    location: Location,
    free: Mutex<Vec<Reader>>,
}

impl Readers {
    /// Readers of the store at a location, which exists.
    pub fn new(location: Location) -> Readers {
        Readers { location, free: Mutex::new(Vec::new()) }
    }

    /// Lends a reader on one state of the store.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut Reader) -> Result<T, E>) -> Result<T, E> {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = free().pop();
        // A connection that was lost is replaced by a new one.
        if kept.as_mut().is_some_and(|reader| reader.begin().is_err()) {
            kept = None;
        }
        let mut reader = if let Some(reader) = kept {
            reader
        } else {
            let mut reader = Reader::open(&self.location)?;
            reader.begin()?;
            reader
        };
        let done = work(&mut reader);
        if reader.finish().is_ok() && free().len() < KEPT {
            free().push(reader);
        }
        done
    }
}
