//! Who uses a node: roots, accounts and what became of their requests.

use std::collections::BTreeSet;

use buttress_wire::stix::marking::{Statement, Tlp};
use buttress_wire::stix::{Id, Object};

use super::{Store, StoreError, Value};

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
        self.database.run(sql, &[Value::Text(name), Value::Text(title)]).map(|_| ())
    }

    /// Names and titles of the API roots, by name.
    pub fn roots(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        let mut roots = Vec::new();
        self.database.each("SELECT name, title FROM root ORDER BY name", &[], &mut |row| {
            roots.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
            Ok(())
        })?;
        Ok(roots)
    }

    /// Makes an account, or replaces it.
    pub fn set_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let (holds, reads, writes) = (join(&account.holds), join(&account.reads), join(&account.writes));
        let sql = "INSERT INTO account (name, password, clearance, holds, reads, writes) VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (name) DO UPDATE SET password = excluded.password, clearance = excluded.clearance,
                   holds = excluded.holds, reads = excluded.reads, writes = excluded.writes";
        let texts = [&account.name, &account.password, account.clearance.word(), &holds, &reads, &writes];
        self.change_access(|store| store.database.run(sql, &texts.map(Value::Text)).map(|_| ()))
    }

    /// Removes an account; false when there is none.
    pub fn remove_account(&mut self, name: &str) -> Result<bool, StoreError> {
        self.change_access(|store| Ok(store.database.run("DELETE FROM account WHERE name = $1", &[Value::Text(name)])? > 0))
    }

    /// All accounts, by name.
    pub fn accounts(&mut self) -> Result<Vec<Account>, StoreError> {
        let mut accounts = Vec::new();
        let sql = "SELECT name, password, clearance, holds, reads, writes FROM account ORDER BY name";
        self.database.each(sql, &[], &mut |row| {
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

    /// Keeps what became of a request, as JSON.
    pub fn set_status(&mut self, id: &str, (root, account): (&str, &str), text: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO status (id, root, account, text) VALUES ($1, $2, $3, $4)";
        self.database.run(sql, &[id, root, account, text].map(Value::Text)).map(|_| ())
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

    /// What a marking says by its definition; unknown where the definition is not kept, or kept with two meanings.
    pub fn statement(&mut self, marking: &Id) -> Result<Statement, StoreError> {
        if let Some(tlp) = Tlp::from_id(marking) {
            return Ok(Statement::Tlp(tlp));
        }
        let mut found: Option<Statement> = None;
        self.database.each("SELECT text FROM object WHERE id = $1", &[Value::Text(marking.as_str())], &mut |row| {
            let statement = Object::read(row.text(0)?).map_or(Statement::Unknown, |object| Statement::of(&object));
            let is_other = found.as_ref().is_some_and(|known| *known != statement);
            found = Some(if is_other { Statement::Unknown } else { statement });
            Ok(())
        })?;
        Ok(found.unwrap_or(Statement::Unknown))
    }
}
