//! What accounts have been given, as sets in a form that is the ledger's own, and what has been deleted.

use buttress_wire::stix::Id;

use super::database::Value;
use super::{CollectionId, Store, StoreError};

/// A version of an object, kept or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Version as written.
    pub version: String,
    /// Moment of adding.
    pub added: i64,
    /// Moment of deleting.
    pub deleted: Option<i64>,
}

impl Store {
    /// What an account has been given of a collection.
    pub fn given(&mut self, account: &str, collection: CollectionId) -> Result<Option<String>, StoreError> {
        let mut text = None;
        let sql = "SELECT moments FROM given WHERE account = $1 AND collection = $2";
        self.database.each(sql, &[Value::Text(account), Value::Int(collection.0)], &mut |row| {
            text = Some(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(text)
    }

    /// Keeps what an account has been given of a collection.
    pub fn set_given(&mut self, account: &str, collection: CollectionId, moments: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO given (account, collection, moments) VALUES ($1, $2, $3)
                   ON CONFLICT (account, collection) DO UPDATE SET moments = excluded.moments";
        self.database.run(sql, &[Value::Text(account), Value::Int(collection.0), Value::Text(moments)]).map(|_| ())
    }

    /// Every version of an object that is or was in a collection, in the order of adding.
    pub fn traces(&mut self, collection: CollectionId, id: &Id) -> Result<Vec<Trace>, StoreError> {
        let mut traces = Vec::new();
        let place = [Value::Text(id.as_str()), Value::Int(collection.0)];
        let kept = "SELECT DISTINCT added, version FROM object WHERE id = $1 AND +collection = $2";
        self.database.each(kept, &place, &mut |row| {
            traces.push(Trace { version: row.text(1)?.to_owned(), added: row.int(0)?, deleted: None });
            Ok(())
        })?;
        let gone = "SELECT kept, version, added FROM withdrawal WHERE id = $1 AND collection = $2";
        self.database.each(gone, &place, &mut |row| {
            traces.push(Trace { version: row.text(1)?.to_owned(), added: row.int(0)?, deleted: Some(row.int(2)?) });
            Ok(())
        })?;
        traces.sort_by_key(|trace| trace.added);
        Ok(traces)
    }
}
