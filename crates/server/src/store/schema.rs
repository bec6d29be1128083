//! Tables, as migrations that are never changed once published.
//!
//! `object` is clustered by collection, tier, class and moment of adding, so that a page reads neighbours and passes over nothing that
//! its reader may not see. Tier 0 is the current version of each object, tier 1 what it superseded. A class says who may see a row;
//! `own` is the class that a version asks for itself, `parts` that of the parts that its forms leave out, `class` what comes of it
//! with references and with other versions. `generation` grows with every change of what readers keep in memory: roots,
//! collections, accounts, classes and definitions of markings.

use super::StoreError;
use super::database::{Database, Value};

/// Each step brings a database from its position in this list to the next.
const STEPS: &[&str] = &[
    "
CREATE TABLE root (name TEXT PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE account (name TEXT PRIMARY KEY, password TEXT NOT NULL, clearance TEXT NOT NULL, holds TEXT NOT NULL,
  reads TEXT NOT NULL, writes TEXT NOT NULL);
CREATE TABLE status (id TEXT PRIMARY KEY, root TEXT NOT NULL, account TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE collection (number BIGINT PRIMARY KEY, root TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, ceiling TEXT NOT NULL,
  UNIQUE (root, id));
CREATE TABLE class (number BIGINT PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE object (
  collection BIGINT NOT NULL, tier BIGINT NOT NULL, class BIGINT NOT NULL, added BIGINT NOT NULL, form BIGINT NOT NULL,
  own BIGINT NOT NULL, parts BIGINT NOT NULL, line BIGINT NOT NULL, writer TEXT NOT NULL,
  id TEXT NOT NULL, type TEXT NOT NULL, spec TEXT NOT NULL, version TEXT NOT NULL, version_at BIGINT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (collection, tier, class, added, form)) @clustered;
CREATE INDEX object_by_id ON object (id, collection, version_at);
CREATE INDEX object_by_type ON object (collection, tier, class, type, added);
CREATE INDEX object_by_moment ON object (added);
CREATE TABLE reference (collection BIGINT NOT NULL, target TEXT NOT NULL, source TEXT NOT NULL, line BIGINT NOT NULL,
  in_part BIGINT NOT NULL, PRIMARY KEY (collection, target, source, line)) @clustered;
CREATE INDEX reference_by_source ON reference (source, collection);
CREATE TABLE withdrawal (added BIGINT PRIMARY KEY, kept BIGINT NOT NULL, collection BIGINT NOT NULL, id TEXT NOT NULL,
  version TEXT NOT NULL);
CREATE INDEX withdrawal_by_id ON withdrawal (id, collection);
CREATE TABLE given (account TEXT NOT NULL, collection BIGINT NOT NULL, moments TEXT NOT NULL, PRIMARY KEY (account, collection));
CREATE TABLE secret (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE generation (number BIGINT NOT NULL);
INSERT INTO generation VALUES (0);
",
    super::credentials::TABLES,
    super::jobs::TABLE,
    super::partners::TABLES,
];

/// Brings the tables up to date; `Err` when the database was written by a newer program.
pub(super) fn migrate(database: &mut dyn Database, clustered: &str) -> Result<(), StoreError> {
    database.batch("CREATE TABLE IF NOT EXISTS schema_version (number BIGINT NOT NULL)")?;
    let mut version = None;
    database.each("SELECT number FROM schema_version", &[], &mut |row| {
        version = Some(row.int(0)?);
        Ok(())
    })?;
    if version.is_none() {
        database.run("INSERT INTO schema_version VALUES (0)", &[])?;
    }
    let version = usize::try_from(version.unwrap_or(0)).unwrap_or(usize::MAX);
    if version > STEPS.len() {
        return Err(StoreError::Newer { found: version, known: STEPS.len() });
    }
    for (step, number) in STEPS.iter().zip(1_i64..).skip(version) {
        let sql = step.replace("@clustered", clustered);
        database.batch("BEGIN")?;
        let done = database.batch(&sql).and_then(|()| database.run("UPDATE schema_version SET number = $1", &[Value::Int(number)]));
        database.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        done?;
    }
    Ok(())
}
