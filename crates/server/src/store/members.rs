//! Who uses a node: roots, accounts and what became of their requests.

use std::collections::BTreeSet;

use buttress_wire::stix::Id;
use buttress_wire::stix::marking::{Statement, Tlp};

use super::database::Database;
use super::{Store, StoreError, Value, directory};
use crate::hex::{bytes_of_hex, hex};

/// A collection by root and identifier, written `root/id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// API root.
    pub root: String,
    /// Identifier of the collection.
    pub id: String,
}

impl Place {
    /// Reads `root/id`.
    pub fn parse(text: &str) -> Option<Place> {
        let (root, id) = text.split_once('/')?;
        (!root.is_empty() && !id.is_empty() && !id.contains('/')).then(|| Place { root: root.to_owned(), id: id.to_owned() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.root, self.id)
    }
}

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Password as argon2 keeps it, in PHC form; empty where there is none.
    pub password: String,
    /// TLP level cleared for.
    pub clearance: Tlp,
    /// What labels may ask for: `EU`, `NATO`, nations, `org:…`, `need:…`.
    pub holds: BTreeSet<String>,
    /// Collections that may be read.
    pub reads: BTreeSet<Place>,
    /// Collections that may be added to.
    pub writes: BTreeSet<Place>,
}

/// Parts of a list in one column: words without spaces or line breaks.
fn join<T: ToString>(items: &BTreeSet<T>) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

fn places(text: &str) -> Result<BTreeSet<Place>, StoreError> {
    text.lines().map(|line| Place::parse(line).ok_or_else(|| StoreError::Spoilt(format!("a collection `{line}`")))).collect()
}

impl Store {
    /// Makes an API root, or gives it another title.
    pub fn set_root(&mut self, name: &str, title: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO root (name, title) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET title = excluded.title";
        self.change(sql, &[name, title]).map(|_| ())
    }

    /// Names and titles of the API roots, by name.
    pub fn roots(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        directory::roots(self.database.as_mut())
    }

    /// Makes an account, or replaces it.
    pub fn set_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.transaction(|store| {
            store.is_changed = true;
            store.put_account(account)
        })
    }

    /// Keeps an account; inside a transaction.
    pub(super) fn put_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let (holds, reads, writes) = (join(&account.holds), join(&account.reads), join(&account.writes));
        let sql = "INSERT INTO account (name, password, clearance, holds, reads, writes) VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (name) DO UPDATE SET password = excluded.password, clearance = excluded.clearance,
                   holds = excluded.holds, reads = excluded.reads, writes = excluded.writes";
        let texts = [&account.name, &account.password, account.clearance.word(), &holds, &reads, &writes];
        self.database.run(sql, &texts.map(Value::Text)).map(|_| ())
    }

    /// Removes an account; false when there is none.
    pub fn remove_account(&mut self, name: &str) -> Result<bool, StoreError> {
        Ok(self.change("DELETE FROM account WHERE name = $1", &[name])? > 0)
    }

    /// Changes the set-up; how many rows.
    fn change(&mut self, sql: &str, texts: &[&str]) -> Result<u64, StoreError> {
        let values: Vec<Value> = texts.iter().map(|text| Value::Text(text)).collect();
        self.transaction(|store| {
            store.is_changed = true;
            store.database.run(sql, &values)
        })
    }

    /// All accounts, by name.
    pub fn accounts(&mut self) -> Result<Vec<Account>, StoreError> {
        accounts(self.database.as_mut())
    }

    /// A secret key of this store, which is `fresh` where none is kept.
    pub fn key(&mut self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let text = hex(&fresh);
        let sql = "INSERT INTO secret (name, text) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.database.run(sql, &[Value::Text(name), Value::Text(&text)])?;
        let mut key = None;
        self.database.each("SELECT text FROM secret WHERE name = $1", &[Value::Text(name)], &mut |row| {
            key = bytes_of_hex(row.text(0)?);
            Ok(())
        })?;
        key.ok_or_else(|| StoreError::Spoilt(format!("no key in the secret `{name}`")))
    }

    /// What a marking says by its definition, as this transaction sees it.
    pub(super) fn statement(&mut self, marking: &Id) -> Result<Statement, StoreError> {
        directory::statement(self.database.as_mut(), marking)
    }
}

/// All accounts, by name.
pub(super) fn accounts(database: &mut dyn Database) -> Result<Vec<Account>, StoreError> {
    let mut accounts = Vec::new();
    let sql = "SELECT name, password, clearance, holds, reads, writes FROM account ORDER BY name";
    database.each(sql, &[], &mut |row| {
        let word = row.text(2)?;
        accounts.push(Account {
            name: row.text(0)?.to_owned(),
            password: row.text(1)?.to_owned(),
            clearance: Tlp::from_word(word).ok_or_else(|| StoreError::Spoilt(format!("a clearance `{word}`")))?,
            holds: row.text(3)?.lines().map(str::to_owned).collect(),
            reads: places(row.text(4)?)?,
            writes: places(row.text(5)?)?,
        });
        Ok(())
    })?;
    Ok(accounts)
}
