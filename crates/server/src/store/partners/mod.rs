//! Partners of a node: other servers with which it exchanges objects, and what went which way.
//!
//! The ledger has one row for each partner, direction and version of an object. Rows of what came say why it is here, so that what
//! its last source withdraws is withdrawn here too; rows of what went say what a partner must be told when it may no longer see it.

mod arrival;
mod ledger;
mod quarantine;

pub(crate) use arrival::text_digest;
pub use arrival::{Arrived, Received, Withdrawn};
pub use ledger::{Entry, Key, State, Way};
pub use quarantine::Quarantined;

use super::database::Row;
use super::{Place, Store, StoreError, Value};
use crate::client::Access;

/// Tables of partners; a step of the migrations.
pub(super) const TABLES: &str = "
CREATE TABLE partner (name TEXT PRIMARY KEY, url TEXT NOT NULL, place TEXT NOT NULL, direction TEXT NOT NULL, account TEXT NOT NULL,
  login TEXT NOT NULL, password TEXT NOT NULL, token TEXT NOT NULL, trust TEXT NOT NULL, certificate TEXT NOT NULL,
  secret_key TEXT NOT NULL, pulled_after BIGINT NOT NULL);
CREATE TABLE partner_run (partner TEXT NOT NULL, verb TEXT NOT NULL, tried BIGINT NOT NULL, succeeded BIGINT NOT NULL,
  error TEXT NOT NULL, PRIMARY KEY (partner, verb));
CREATE TABLE ledger (partner TEXT NOT NULL, way TEXT NOT NULL, id TEXT NOT NULL, version_at BIGINT NOT NULL, spec TEXT NOT NULL,
  version TEXT NOT NULL, state TEXT NOT NULL, digest TEXT NOT NULL, moment BIGINT NOT NULL, attempts BIGINT NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (partner, way, id, version_at, spec)) @clustered;
CREATE INDEX ledger_by_object ON ledger (id, version_at);
CREATE TABLE quarantine (partner TEXT NOT NULL, digest TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, reason TEXT NOT NULL,
  moment BIGINT NOT NULL, text TEXT NOT NULL, is_settled BIGINT NOT NULL, PRIMARY KEY (partner, digest));
CREATE INDEX quarantine_by_object ON quarantine (partner, id);
";

/// Which way objects go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the partner to us.
    Pull,
    /// From us to the partner.
    Push,
    /// Both ways.
    Both,
}

impl Direction {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Pull => "pull",
            Direction::Push => "push",
            Direction::Both => "both",
        }
    }

    /// The direction of a word.
    pub fn from_word(word: &str) -> Option<Direction> {
        [Direction::Pull, Direction::Push, Direction::Both].into_iter().find(|d| d.word() == word)
    }
}

/// Another server, and what is exchanged with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Our name for it.
    pub name: String,
    /// Address of its collection.
    pub url: String,
    /// Our collection.
    pub place: Place,
    /// Which way objects go.
    pub direction: Direction,
    /// Our account whose clearance says what the partner may be sent; empty where nothing is.
    pub account: String,
    /// How we log in there.
    pub access: Access,
    /// Moment at the partner after which nothing was pulled yet.
    pub pulled_after: i64,
}

/// How the exchange with a partner went last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// When it was last tried, microseconds since 1970.
    pub tried: i64,
    /// When it last succeeded; 0 where it never did.
    pub succeeded: i64,
    /// What went wrong at the last try; empty where nothing did.
    pub error: String,
}

fn partner_of(row: &dyn Row) -> Result<Partner, StoreError> {
    let text = |column| row.text(column).map(str::to_owned);
    let some = |column| text(column).map(|t| Some(t).filter(|t| !t.is_empty()));
    let (place, direction) = (row.text(2)?, row.text(3)?);
    let pair = |a: Option<String>, b: String| a.map(|a| (a, b));
    Ok(Partner {
        name: text(0)?,
        url: text(1)?,
        place: Place::parse(place).ok_or_else(|| StoreError::Spoilt(format!("a collection `{place}`")))?,
        direction: Direction::from_word(direction).ok_or_else(|| StoreError::Spoilt(format!("a direction `{direction}`")))?,
        account: text(4)?,
        access: Access { login: pair(some(5)?, text(6)?), token: some(7)?, trust: some(8)?, identity: pair(some(9)?, text(10)?) },
        pulled_after: row.int(11)?,
    })
}

impl Store {
    /// Makes a partner, or replaces what is known of it; where its pulling stands is kept.
    pub fn set_partner(&mut self, partner: &Partner) -> Result<(), StoreError> {
        let place = partner.place.to_string();
        let (login, password) = partner.access.login.as_ref().map_or(("", ""), |(name, password)| (name, password));
        let (certificate, key) = partner.access.identity.as_ref().map_or(("", ""), |(certificate, key)| (certificate, key));
        let token = partner.access.token.as_deref().unwrap_or("");
        let trust = partner.access.trust.as_deref().unwrap_or("");
        let (name, url, direction) = (&*partner.name, &*partner.url, partner.direction.word());
        let texts = [name, url, &place, direction, &partner.account, login, password, token, trust, certificate, key];
        let sql = "INSERT INTO partner (name, url, place, direction, account, login, password, token, trust, certificate, secret_key,
                   pulled_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) ON CONFLICT (name) DO UPDATE SET
                   url = excluded.url, place = excluded.place, direction = excluded.direction, account = excluded.account,
                   login = excluded.login, password = excluded.password, token = excluded.token, trust = excluded.trust,
                   certificate = excluded.certificate, secret_key = excluded.secret_key";
        self.database.run(sql, &texts.map(Value::Text)).map(|_| ())
    }

    /// All partners, by name.
    pub fn partners(&mut self) -> Result<Vec<Partner>, StoreError> {
        let mut partners = Vec::new();
        let sql = "SELECT name, url, place, direction, account, login, password, token, trust, certificate, secret_key, pulled_after
                   FROM partner ORDER BY name";
        self.database.each(sql, &[], &mut |row| {
            partners.push(partner_of(row)?);
            Ok(())
        })?;
        Ok(partners)
    }

    /// Forgets a partner and everything known of what went which way; what came from it stays. False when there is none.
    pub fn remove_partner(&mut self, name: &str) -> Result<bool, StoreError> {
        self.transaction(|store| {
            for table in ["ledger", "quarantine", "partner_run"] {
                store.database.run(&format!("DELETE FROM {table} WHERE partner = $1"), &[Value::Text(name)])?;
            }
            Ok(store.database.run("DELETE FROM partner WHERE name = $1", &[Value::Text(name)])? > 0)
        })
    }

    /// Notes how an exchange ended: what went wrong, or nothing.
    pub fn set_run(&mut self, partner: &str, verb: &str, error: Option<&str>, now: i64) -> Result<(), StoreError> {
        let succeeded = if error.is_none() { now } else { 0 };
        let values = [Value::Text(partner), Value::Text(verb), Value::Int(now), Value::Int(succeeded), Value::Text(error.unwrap_or(""))];
        let sql = "INSERT INTO partner_run (partner, verb, tried, succeeded, error) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (partner, verb) DO UPDATE SET tried = excluded.tried, error = excluded.error,
                   succeeded = CASE WHEN excluded.succeeded > 0 THEN excluded.succeeded ELSE partner_run.succeeded END";
        self.database.run(sql, &values).map(|_| ())
    }

    /// How the last exchange of this kind went.
    pub fn last_run(&mut self, partner: &str, verb: &str) -> Result<Run, StoreError> {
        let mut run = Run::default();
        let sql = "SELECT tried, succeeded, error FROM partner_run WHERE partner = $1 AND verb = $2";
        self.database.each(sql, &[Value::Text(partner), Value::Text(verb)], &mut |row| {
            run = Run { tried: row.int(0)?, succeeded: row.int(1)?, error: row.text(2)?.to_owned() };
            Ok(())
        })?;
        Ok(run)
    }
}

#[cfg(test)]
mod tests;
