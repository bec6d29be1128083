//! What went to and came from whom.

use std::collections::BTreeMap;

use super::super::database::Row;
use super::super::{Store, StoreError, Value};

/// Identifiers asked for in one statement.
const GROUP: usize = 512;

/// Which way a version went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From the partner to us.
    In,
    /// From us to the partner.
    Out,
}

impl Way {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Way::In => "in",
            Way::Out => "out",
        }
    }
}

/// What became of a version on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// In: it came from the partner, and is here because of that.
    Received,
    /// In: the partner has it too, but it was here before, or went there from us.
    Known,
    /// In: the partner no longer lists it. Out: it was taken back.
    Withdrawn,
    /// Out: on its way; the partner may have it.
    Sending,
    /// Out: the partner has it.
    Sent,
    /// Out: the partner refused it.
    Failed,
    /// Out: the partner has it, may no longer see it, and refused to delete it.
    Stuck,
}

impl State {
    const ALL: [State; 7] = [State::Received, State::Known, State::Withdrawn, State::Sending, State::Sent, State::Failed, State::Stuck];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            State::Received => "received",
            State::Known => "known",
            State::Withdrawn => "withdrawn",
            State::Sending => "sending",
            State::Sent => "sent",
            State::Failed => "failed",
            State::Stuck => "stuck",
        }
    }

    fn from_word(word: &str) -> Result<State, StoreError> {
        State::ALL.into_iter().find(|s| s.word() == word).ok_or_else(|| StoreError::Spoilt(format!("a state `{word}`")))
    }
}

/// One version of an object in one edition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Identifier.
    pub id: String,
    /// Moment of the version, microseconds since 1970.
    pub version_at: i64,
    /// Edition of STIX.
    pub spec: String,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub key: Key,
    /// The version as written.
    pub version: String,
    /// What became of it.
    pub state: State,
    /// Digest of its text, hexadecimal.
    pub digest: String,
    /// When that was, microseconds since 1970.
    pub moment: i64,
    /// Times that it was tried and failed.
    pub attempts: i64,
    /// Why it failed.
    pub reason: String,
}

const COLUMNS: &str = "id, version_at, spec, version, state, digest, moment, attempts, reason";

fn entry(row: &dyn Row) -> Result<Entry, StoreError> {
    Ok(Entry {
        key: Key { id: row.text(0)?.to_owned(), version_at: row.int(1)?, spec: row.text(2)?.to_owned() },
        version: row.text(3)?.to_owned(),
        state: State::from_word(row.text(4)?)?,
        digest: row.text(5)?.to_owned(),
        moment: row.int(6)?,
        attempts: row.int(7)?,
        reason: row.text(8)?.to_owned(),
    })
}

/// Placeholders from number `from` on for a group of texts, of few different lengths so that few statements are kept ready.
pub(super) fn padded<'a>(group: &[&'a str], from: usize) -> (Vec<Value<'a>>, String) {
    let n = group.len().next_power_of_two();
    let last = group.last().copied().unwrap_or("");
    let values = group.iter().copied().chain(std::iter::repeat(last)).take(n).map(Value::Text).collect();
    (values, (from..from + n).map(|i| format!("${i}")).collect::<Vec<_>>().join(", "))
}

impl Store {
    /// What the ledger says of these objects.
    pub fn ledger_of(&mut self, partner: &str, way: Way, ids: &[&str]) -> Result<BTreeMap<Key, Entry>, StoreError> {
        let mut found = BTreeMap::new();
        for group in ids.chunks(GROUP) {
            let (ids, places) = padded(group, 3);
            let sql = format!("SELECT {COLUMNS} FROM ledger WHERE partner = $1 AND way = $2 AND id IN ({places})");
            let values = [&[Value::Text(partner), Value::Text(way.word())][..], &ids].concat();
            self.database.each(&sql, &values, &mut |row| {
                let entry = entry(row)?;
                found.insert(entry.key.clone(), entry);
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The next rows of the ledger, in their order.
    pub fn ledger_after(&mut self, partner: &str, way: Way, after: Option<&Key>, n: usize) -> Result<Vec<Entry>, StoreError> {
        let mut rows = Vec::new();
        let mut values = vec![Value::Text(partner), Value::Text(way.word())];
        let mut beyond = "";
        if let Some(key) = after {
            beyond = " AND (id, version_at, spec) > ($3, $4, $5)";
            values.extend([Value::Text(&key.id), Value::Int(key.version_at), Value::Text(&key.spec)]);
        }
        let sql = format!("SELECT {COLUMNS} FROM ledger WHERE partner = $1 AND way = $2{beyond} ORDER BY id, version_at, spec LIMIT {n}");
        self.database.each(&sql, &values, &mut |row| {
            rows.push(entry(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Writes rows of the ledger, all or none.
    pub fn write_ledger(&mut self, partner: &str, way: Way, entries: &[Entry]) -> Result<(), StoreError> {
        let sql = "INSERT INTO ledger (partner, way, id, version_at, spec, version, state, digest, moment, attempts, reason)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (partner, way, id, version_at, spec) DO UPDATE SET
                   version = excluded.version, state = excluded.state, digest = excluded.digest, moment = excluded.moment,
                   attempts = excluded.attempts, reason = excluded.reason";
        self.transaction(|store| {
            for entry in entries {
                let values = [
                    Value::Text(partner),
                    Value::Text(way.word()),
                    Value::Text(&entry.key.id),
                    Value::Int(entry.key.version_at),
                    Value::Text(&entry.key.spec),
                    Value::Text(&entry.version),
                    Value::Text(entry.state.word()),
                    Value::Text(&entry.digest),
                    Value::Int(entry.moment),
                    Value::Int(entry.attempts),
                    Value::Text(&entry.reason),
                ];
                store.database.run(sql, &values)?;
            }
            Ok(())
        })
    }

    /// Takes rows out of the ledger, all or none.
    pub fn drop_from_ledger(&mut self, partner: &str, way: Way, keys: &[Key]) -> Result<(), StoreError> {
        let sql = "DELETE FROM ledger WHERE partner = $1 AND way = $2 AND id = $3 AND version_at = $4 AND spec = $5";
        self.transaction(|store| {
            for key in keys {
                let values = [
                    Value::Text(partner),
                    Value::Text(way.word()),
                    Value::Text(&key.id),
                    Value::Int(key.version_at),
                    Value::Text(&key.spec),
                ];
                store.database.run(sql, &values)?;
            }
            Ok(())
        })
    }

    /// Number of rows by direction and state.
    pub fn ledger_counts(&mut self, partner: &str) -> Result<BTreeMap<(Way, State), usize>, StoreError> {
        let mut counts = BTreeMap::new();
        let sql = "SELECT way, state, COUNT(*) FROM ledger WHERE partner = $1 GROUP BY way, state";
        self.database.each(sql, &[Value::Text(partner)], &mut |row| {
            let way = if row.text(0)? == Way::In.word() { Way::In } else { Way::Out };
            counts.insert((way, State::from_word(row.text(1)?)?), usize::try_from(row.int(2)?).unwrap_or(0));
            Ok(())
        })?;
        Ok(counts)
    }

    /// Rows of one state, the oldest first, up to `n`.
    pub fn ledger_in_state(&mut self, partner: &str, state: State, n: usize) -> Result<Vec<Entry>, StoreError> {
        let mut rows = Vec::new();
        let sql = format!("SELECT {COLUMNS} FROM ledger WHERE partner = $1 AND state = $2 ORDER BY moment, id LIMIT {n}");
        self.database.each(&sql, &[Value::Text(partner), Value::Text(state.word())], &mut |row| {
            rows.push(entry(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Everything that the ledger says of an object, with the partner and the direction.
    pub fn ledger_of_object(&mut self, id: &str) -> Result<Vec<(String, Way, Entry)>, StoreError> {
        let mut rows = Vec::new();
        let sql = format!("SELECT {COLUMNS}, partner, way FROM ledger WHERE id = $1 ORDER BY partner, way, version_at, spec");
        self.database.each(&sql, &[Value::Text(id)], &mut |row| {
            let way = if row.text(10)? == Way::In.word() { Way::In } else { Way::Out };
            rows.push((row.text(9)?.to_owned(), way, entry(row)?));
            Ok(())
        })?;
        Ok(rows)
    }
}
