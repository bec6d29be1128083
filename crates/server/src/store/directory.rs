//! What a node keeps in memory of its store: roots, collections, accounts, classes and what their markings say.

use std::collections::BTreeMap;

use buttress_wire::stix::marking::{Statement, Tlp};
use buttress_wire::stix::{Id, Object};

use super::class::Class;
use super::database::{Database, Value};
use super::members::accounts;
use super::{Account, ClassId, Collection, CollectionId, StoreError, markings_from};

/// One state of a node's set-up.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Number of the state.
    pub generation: i64,
    /// Names and titles of the API roots, by name.
    pub roots: Vec<(String, String)>,
    /// Collections by root and identifier.
    pub collections: Vec<Collection>,
    /// Accounts by name.
    pub accounts: Vec<Account>,
    /// Classes by number.
    pub classes: BTreeMap<ClassId, Class>,
    /// What each marking says that plays a part in a class.
    pub statements: BTreeMap<Id, Statement>,
}

impl Directory {
    pub(super) fn read(database: &mut dyn Database) -> Result<Directory, StoreError> {
        let classes = classes(database)?;
        let mut statements = BTreeMap::new();
        for marking in classes.values().flat_map(Class::markings) {
            if !statements.contains_key(marking) {
                statements.insert(marking.clone(), statement(database, marking)?);
            }
        }
        Ok(Directory {
            generation: generation(database)?,
            roots: roots(database)?,
            collections: collections(database)?,
            accounts: accounts(database)?,
            classes,
            statements,
        })
    }
}

pub(super) fn generation(database: &mut dyn Database) -> Result<i64, StoreError> {
    let mut number = 0;
    database.each("SELECT number FROM generation", &[], &mut |row| {
        number = row.int(0)?;
        Ok(())
    })?;
    Ok(number)
}

pub(super) fn classes(database: &mut dyn Database) -> Result<BTreeMap<ClassId, Class>, StoreError> {
    let mut classes = BTreeMap::new();
    database.each("SELECT number, text FROM class", &[], &mut |row| {
        let class = Class::parse(row.text(1)?).ok_or_else(|| StoreError::Spoilt(format!("a class {}", row.text(1).unwrap_or(""))))?;
        classes.insert(ClassId(row.int(0)?), class);
        Ok(())
    })?;
    Ok(classes)
}

pub(super) fn roots(database: &mut dyn Database) -> Result<Vec<(String, String)>, StoreError> {
    let mut roots = Vec::new();
    database.each("SELECT name, title FROM root ORDER BY name", &[], &mut |row| {
        roots.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        Ok(())
    })?;
    Ok(roots)
}

pub(super) fn collections(database: &mut dyn Database) -> Result<Vec<Collection>, StoreError> {
    let mut list = Vec::new();
    database.each("SELECT number, root, id, title, ceiling FROM collection ORDER BY root, id", &[], &mut |row| {
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

/// What a marking says by its definition; unknown where the definition is not kept, or kept with two meanings.
pub(super) fn statement(database: &mut dyn Database, marking: &Id) -> Result<Statement, StoreError> {
    if let Some(tlp) = Tlp::from_id(marking) {
        return Ok(Statement::Tlp(tlp));
    }
    let mut found: Option<Statement> = None;
    database.each("SELECT text FROM object WHERE id = $1 AND form = 0", &[Value::Text(marking.as_str())], &mut |row| {
        let statement = Object::read(row.text(0)?).map_or(Statement::Unknown, |object| Statement::of(&object));
        let is_other = found.as_ref().is_some_and(|known| *known != statement);
        found = Some(if is_other { Statement::Unknown } else { statement });
        Ok(())
    })?;
    Ok(found.unwrap_or(Statement::Unknown))
}
