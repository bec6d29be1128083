//! Reading beside the writer: connections of their own, each on one state of the store.

use std::sync::{Mutex, PoisonError};

use buttress_wire::taxii::Filter;

use super::database::{Database, Postgres, Sqlite, Value};
use super::directory::{Directory, generation};
use super::{ClassId, CollectionId, Item, Location, Page, StoreError, page};

/// Connections kept ready.
const KEPT: usize = 8;

/// A connection that reads.
pub struct Reader {
    database: Box<dyn Database>,
}

impl Reader {
    fn open(location: &Location) -> Result<Reader, StoreError> {
        Ok(Reader {
            database: match location {
                Location::Sqlite(path) => Box::new(Sqlite::open_to_read(path)?),
                Location::Postgres(url) => Box::new(Postgres::open(url)?),
            },
        })
    }

    /// Number of the state of the set-up that this reader sees.
    pub fn generation(&mut self) -> Result<i64, StoreError> {
        generation(self.database.as_mut())
    }

    /// The set-up that this reader sees.
    pub fn directory(&mut self) -> Result<Directory, StoreError> {
        Directory::read(self.database.as_mut())
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
        if kept.as_mut().is_some_and(|reader| reader.database.begin_reading().is_err()) {
            kept = None;
        }
        let mut reader = match kept {
            Some(reader) => reader,
            None => {
                let mut reader = Reader::open(&self.location)?;
                reader.database.begin_reading()?;
                reader
            }
        };
        let done = work(&mut reader);
        if reader.database.batch("COMMIT").is_ok() && free().len() < KEPT {
            free().push(reader);
        }
        done
    }
}
