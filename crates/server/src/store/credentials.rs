//! Ways in beside the password: tokens, certificates and issuers of tokens.

use super::database::Database;
use super::members::accounts;
use super::{Account, Store, StoreError, Value};

/// Tables of this file. `expires` and `used` are 0 where there is no such moment. A token or certificate goes with its account, so
/// that a new account of the same name does not inherit it.
pub(super) const TABLES: &str = "
CREATE TABLE token (digest TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE, made BIGINT NOT NULL,
  expires BIGINT NOT NULL, used BIGINT NOT NULL, note TEXT NOT NULL);
CREATE TABLE certificate (bound TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
  made BIGINT NOT NULL);
CREATE TABLE issuer (url TEXT PRIMARY KEY, settings TEXT NOT NULL);
";

/// A bearer token of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of its text, in hexadecimal.
    pub digest: String,
    /// Account that it opens.
    pub account: String,
    /// When it was made, microseconds since 1970.
    pub made: i64,
    /// When it ends.
    pub expires: Option<i64>,
    /// When it was last used, to the minute.
    pub used: Option<i64>,
    /// What it is for.
    pub note: String,
}

/// A certificate, or a name in certificates, that opens an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Fingerprint or name, such as `sha256:…` or `dns:…`.
    pub bound: String,
    /// Account that it opens.
    pub account: String,
}

/// An issuer of tokens about people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRow {
    /// Its URL.
    pub url: String,
    /// What is taken from it, as JSON.
    pub settings: String,
}

/// Everything by which somebody may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Accounts, by name.
    pub accounts: Vec<Account>,
    /// Tokens, by account and moment.
    pub tokens: Vec<Token>,
    /// Certificates, by account.
    pub certificates: Vec<Bound>,
    /// Issuers, by URL.
    pub issuers: Vec<IssuerRow>,
}

fn moment(at: i64) -> Option<i64> {
    (at != 0).then_some(at)
}

impl Store {
    /// Everybody who may come in.
    pub fn access(&mut self) -> Result<Access, StoreError> {
        access(self.database.as_mut())
    }

    /// Changes who may come in.
    pub(super) fn change_access<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.transaction(|store| {
            store.is_changed = true;
            work(store)
        })
    }

    /// Keeps a token.
    pub fn add_token(&mut self, token: &Token) -> Result<(), StoreError> {
        let sql = "INSERT INTO token (digest, account, made, expires, used, note) VALUES ($1, $2, $3, $4, $5, $6)";
        let values = [
            Value::Text(&token.digest),
            Value::Text(&token.account),
            Value::Int(token.made),
            Value::Int(token.expires.unwrap_or(0)),
            Value::Int(token.used.unwrap_or(0)),
            Value::Text(&token.note),
        ];
        self.change_access(|store| store.database.run(sql, &values).map(|_| ()))
    }

    /// Removes a token; false when there is none.
    pub fn remove_token(&mut self, digest: &str) -> Result<bool, StoreError> {
        self.change_access(|store| Ok(store.database.run("DELETE FROM token WHERE digest = $1", &[Value::Text(digest)])? > 0))
    }

    /// All tokens, by account and the moment they were made.
    pub fn tokens(&mut self) -> Result<Vec<Token>, StoreError> {
        tokens(self.database.as_mut())
    }

    /// Keeps when tokens were last used. That changes nothing about who may come in.
    pub fn set_tokens_used(&mut self, uses: &[(String, i64)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        self.transaction(|store| {
            for (digest, at) in uses {
                store.database.run("UPDATE token SET used = $1 WHERE digest = $2", &[Value::Int(*at), Value::Text(digest)])?;
            }
            Ok(())
        })
    }

    /// Binds a certificate, or a name in certificates, to an account; one that was bound before is bound anew.
    pub fn bind_certificate(&mut self, bound: &Bound, now: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO certificate (bound, account, made) VALUES ($1, $2, $3)
                   ON CONFLICT (bound) DO UPDATE SET account = excluded.account, made = excluded.made";
        let values = [Value::Text(&bound.bound), Value::Text(&bound.account), Value::Int(now)];
        self.change_access(|store| store.database.run(sql, &values).map(|_| ()))
    }

    /// Frees a certificate from an account; false when it is not bound to it.
    pub fn free_certificate(&mut self, bound: &Bound) -> Result<bool, StoreError> {
        let sql = "DELETE FROM certificate WHERE bound = $1 AND account = $2";
        let values = [Value::Text(&bound.bound), Value::Text(&bound.account)];
        self.change_access(|store| Ok(store.database.run(sql, &values)? > 0))
    }

    /// All bound certificates, by account.
    pub fn certificates(&mut self) -> Result<Vec<Bound>, StoreError> {
        certificates(self.database.as_mut())
    }

    /// Keeps an issuer, or replaces what is taken from it.
    pub fn set_issuer(&mut self, issuer: &IssuerRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO issuer (url, settings) VALUES ($1, $2) ON CONFLICT (url) DO UPDATE SET settings = excluded.settings";
        self.change_access(|store| store.database.run(sql, &[&issuer.url, &issuer.settings].map(|x| Value::Text(x))).map(|_| ()))
    }

    /// Removes an issuer; false when there is none.
    pub fn remove_issuer(&mut self, url: &str) -> Result<bool, StoreError> {
        self.change_access(|store| Ok(store.database.run("DELETE FROM issuer WHERE url = $1", &[Value::Text(url)])? > 0))
    }

    /// All issuers, by URL.
    pub fn issuers(&mut self) -> Result<Vec<IssuerRow>, StoreError> {
        issuers(self.database.as_mut())
    }
}

fn tokens(database: &mut dyn Database) -> Result<Vec<Token>, StoreError> {
    let mut tokens = Vec::new();
    let sql = "SELECT digest, account, made, expires, used, note FROM token ORDER BY account, made, digest";
    database.each(sql, &[], &mut |row| {
        tokens.push(Token {
            digest: row.text(0)?.to_owned(),
            account: row.text(1)?.to_owned(),
            made: row.int(2)?,
            expires: moment(row.int(3)?),
            used: moment(row.int(4)?),
            note: row.text(5)?.to_owned(),
        });
        Ok(())
    })?;
    Ok(tokens)
}

fn certificates(database: &mut dyn Database) -> Result<Vec<Bound>, StoreError> {
    let mut list = Vec::new();
    database.each("SELECT bound, account FROM certificate ORDER BY account, bound", &[], &mut |row| {
        list.push(Bound { bound: row.text(0)?.to_owned(), account: row.text(1)?.to_owned() });
        Ok(())
    })?;
    Ok(list)
}

fn issuers(database: &mut dyn Database) -> Result<Vec<IssuerRow>, StoreError> {
    let mut list = Vec::new();
    database.each("SELECT url, settings FROM issuer ORDER BY url", &[], &mut |row| {
        list.push(IssuerRow { url: row.text(0)?.to_owned(), settings: row.text(1)?.to_owned() });
        Ok(())
    })?;
    Ok(list)
}

/// Everybody who may come in.
pub(super) fn access(database: &mut dyn Database) -> Result<Access, StoreError> {
    Ok(Access {
        accounts: accounts(database)?,
        tokens: tokens(database)?,
        certificates: certificates(database)?,
        issuers: issuers(database)?,
    })
}
