//! Backups: a store in one `SQLite` file, whichever database it lives in, so that a backup can also move a node from one to the other.

use std::path::Path;

use super::database::{Database, Postgres, Sqlite, Value};
use super::schema::migrate;
use super::{Location, StoreError};

/// A table with its columns, and whether they hold text.
struct Table {
    name: String,
    columns: Vec<(String, bool)>,
}

/// Tables that say nothing about a node, or are made by the migrations themselves.
const OWN: [&str; 2] = ["schema_version", "generation"];

/// The tables of a database in `SQLite`, by name.
fn tables(database: &mut dyn Database) -> Result<Vec<Table>, StoreError> {
    let mut tables: Vec<Table> = Vec::new();
    let sql = "SELECT m.name, c.name, c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c
               WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";
    database.each(sql, &[], &mut |row| {
        let (table, column) = (row.text(0)?, (row.text(1)?.to_owned(), row.text(2)? == "TEXT"));
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column),
            None => tables.push(Table { name: table.to_owned(), columns: vec![column] }),
        }
        Ok(())
    })?;
    tables.retain(|table| !OWN.contains(&&*table.name));
    Ok(tables)
}

fn open(location: &Location) -> Result<Box<dyn Database>, StoreError> {
    let (mut database, clustered): (Box<dyn Database>, &str) = match location {
        Location::Sqlite(path) => (Box::new(Sqlite::open(path)?), "WITHOUT ROWID"),
        Location::Postgres(url) => (Box::new(Postgres::open(url)?), ""),
    };
    migrate(database.as_mut(), clustered)?;
    Ok(database)
}

/// Copies the rows of a table; how many.
fn copy(table: &Table, from: &mut dyn Database, to: &mut dyn Database) -> Result<u64, StoreError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| &**name).collect();
    let places: Vec<String> = (1..=names.len()).map(|i| format!("${i}")).collect();
    let insert = format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), places.join(", "));
    let mut n = 0;
    from.each(&format!("SELECT {} FROM {}", names.join(", "), table.name), &[], &mut |row| {
        let value = |(i, (_, is_text)): (usize, &(String, bool))| {
            if *is_text { row.text(i).map(Value::Text) } else { row.int(i).map(Value::Int) }
        };
        let values = table.columns.iter().enumerate().map(value).collect::<Result<Vec<Value>, _>>()?;
        n += to.run(&insert, &values)?;
        Ok(())
    })?;
    Ok(n)
}

fn in_transaction(database: &mut dyn Database, work: impl FnOnce(&mut dyn Database) -> Result<u64, StoreError>) -> Result<u64, StoreError> {
    database.begin()?;
    let done = work(database);
    database.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// Writes a store, as it stands at one moment and while it is in use, to a new file; how many rows.
pub fn back_up(location: &Location, to: &Path) -> Result<u64, StoreError> {
    if to.exists() {
        return Err(StoreError::Unable(format!("{} is there already: name a new file", to.display())));
    }
    let mut from = open(location)?;
    let mut target = open(&Location::Sqlite(to.to_owned()))?;
    let tables = tables(target.as_mut())?;
    from.begin_reading()?;
    let n = in_transaction(target.as_mut(), |target| tables.iter().map(|table| copy(table, from.as_mut(), target)).sum())?;
    from.batch("COMMIT")?;
    // The file is whole by itself.
    target.batch("PRAGMA journal_mode = DELETE")?;
    Ok(n)
}

/// Fills an empty store from a backup; how many rows. The backup is brought up to date first where an older program wrote it.
pub fn restore(backup: &Path, location: &Location) -> Result<u64, StoreError> {
    if !backup.is_file() {
        return Err(StoreError::Unable(format!("{} is not there: name a file that `buttress node backup` wrote", backup.display())));
    }
    let mut from = open(&Location::Sqlite(backup.to_owned()))?;
    let tables = tables(from.as_mut())?;
    let mut target = open(location)?;
    from.begin_reading()?;
    let n = in_transaction(target.as_mut(), |target| {
        for table in &tables {
            let mut is_empty = true;
            target.each(&format!("SELECT 1 FROM {} LIMIT 1", table.name), &[], &mut |_| {
                is_empty = false;
                Ok(())
            })?;
            if !is_empty {
                return Err(StoreError::Unable("the store is not empty: restore into a new folder or database".to_owned()));
            }
        }
        target.run("UPDATE generation SET number = number + 1", &[])?;
        tables.iter().map(|table| copy(table, from.as_mut(), target)).sum()
    })?;
    from.batch("COMMIT; PRAGMA journal_mode = DELETE")?;
    Ok(n)
}
