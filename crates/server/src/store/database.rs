//! Two databases behind one small interface, so that all of the store's logic and SQL exists once.
//!
//! The SQL is what both understand: types TEXT and BIGINT, placeholders `$1`, `$2` … in the order in which they first appear.

use std::collections::BTreeMap;
use std::path::Path;

use super::StoreError;

/// A value handed to a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Int(i64),
    Text(&'a str),
}

/// A row of an answer.
pub(super) trait Row {
    fn int(&self, column: usize) -> Result<i64, StoreError>;
    fn text(&self, column: usize) -> Result<&str, StoreError>;
}

/// A database that runs one statement after the other.
pub(super) trait Database: Send {
    /// Runs statements without values or answers, such as a migration.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;
    /// Begins a transaction as the only writer; others that write wait.
    fn begin(&mut self) -> Result<(), StoreError>;
    /// Begins a transaction that sees one state and writes nothing.
    fn begin_reading(&mut self) -> Result<(), StoreError>;
    /// Runs a statement; the number of rows it changed.
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;
    /// Runs a query and hands over each row in turn.
    fn each(&mut self, sql: &str, values: &[Value], take: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>) -> Result<(), StoreError>;
    /// What is written after a table to have an index used; nothing where the database knows by itself.
    fn hint(&self, index: &str) -> String;
    /// Rows of at most one megabyte of parameters are far below any limit; this many parts a query may be joined of.
    fn max_unions(&self) -> usize {
        400
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Database(error.to_string())
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> StoreError {
        let detail = error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{}: {}", e.code().code(), e.message()));
        StoreError::Database(detail)
    }
}

/// `SQLite` in a file: write-ahead log, every commit flushed to disk.
pub(super) struct Sqlite(rusqlite::Connection);

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let connection = rusqlite::Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 10000; PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -4000;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Sqlite(connection))
    }

    /// Opens a file that exists for reading only.
    pub(super) fn open_to_read(path: &Path) -> Result<Sqlite, StoreError> {
        let connection = rusqlite::Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -2000;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Sqlite(connection))
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Value::Int(x) => x.to_sql(),
            Value::Text(x) => x.to_sql(),
        }
    }
}

impl Row for rusqlite::Row<'_> {
    fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(self.get(column)?)
    }
    fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.get_ref(column)?.as_str().map_err(|e| StoreError::Database(e.to_string()))
    }
}

impl Database for Sqlite {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(sql)?)
    }
    fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE", &[]).map(|_| ())
    }
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN", &[]).map(|_| ())
    }
    fn hint(&self, index: &str) -> String {
        format!(" INDEXED BY {index}")
    }
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let changed = self.0.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?;
        Ok(changed as u64)
    }
    fn each(&mut self, sql: &str, values: &[Value], take: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }
}

/// `PostgreSQL` at an address without TLS: a socket of this machine.
pub(super) struct Postgres {
    client: postgres::Client,
    statements: BTreeMap<String, postgres::Statement>,
}

/// Statements kept ready.
const KEPT_STATEMENTS: usize = 64;

impl Postgres {
    pub(super) fn open(url: &str) -> Result<Postgres, StoreError> {
        Ok(Postgres { client: postgres::Client::connect(url, postgres::NoTls)?, statements: BTreeMap::new() })
    }

    fn prepare(&mut self, sql: &str) -> Result<postgres::Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= KEPT_STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters<'a>(values: &'a [Value]) -> Vec<&'a (dyn postgres::types::ToSql + Sync)> {
    let one = |value: &'a Value| -> &'a (dyn postgres::types::ToSql + Sync) {
        match value {
            Value::Int(x) => x,
            Value::Text(x) => x,
        }
    };
    values.iter().map(one).collect()
}

impl Row for postgres::Row {
    fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }
    fn text(&self, column: usize) -> Result<&str, StoreError> {
        Ok(self.try_get(column)?)
    }
}

impl Database for Postgres {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql)?)
    }
    fn begin(&mut self) -> Result<(), StoreError> {
        self.batch("BEGIN; LOCK TABLE generation IN EXCLUSIVE MODE")
    }
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }
    fn hint(&self, _: &str) -> String {
        String::new()
    }
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        Ok(self.client.execute(&statement, &parameters(values))?)
    }
    fn each(&mut self, sql: &str, values: &[Value], take: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        for row in self.client.query(&statement, &parameters(values))? {
            take(&row)?;
        }
        Ok(())
    }
}
