//! What a partner sent that is no object.

use std::collections::BTreeSet;

use super::super::{Store, StoreError, Value};
use super::ledger::padded;

/// Rows kept of one partner; what comes beyond is only counted.
const KEPT: usize = 10_000;
/// Bytes kept of a text.
const TEXT: usize = 64 * 1024;

/// Something that a partner sent and that cannot be kept as an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Digest of its text, hexadecimal.
    pub digest: String,
    /// Identifier, where it has one.
    pub id: String,
    /// Version, where it has one.
    pub version: String,
    /// What is wrong with it.
    pub reason: String,
    /// When it came last, microseconds since 1970.
    pub moment: i64,
    /// The text, cut to 64 KiB; empty where it could not even be had.
    pub text: String,
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Store {
    /// Puts things into quarantine.
    pub fn set_quarantine(&mut self, partner: &str, list: &[Quarantined]) -> Result<(), StoreError> {
        if list.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO quarantine (partner, digest, id, version, reason, moment, text, is_settled)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (partner, digest) DO UPDATE SET reason = excluded.reason, moment = excluded.moment";
        self.transaction(|store| {
            let n = store.n_rows(partner, "1 = 1")?;
            for one in list.iter().take(KEPT.saturating_sub(n)) {
                // PostgreSQL keeps no text with a zero character.
                let text = cut(&one.text).replace('\0', "\u{fffd}");
                let texts = [partner, &one.digest, &one.id, &one.version, &one.reason].map(Value::Text);
                store.database.run(sql, &[&texts[..], &[Value::Int(one.moment), Value::Text(&text)]].concat())?;
            }
            Ok(())
        })
    }

    /// What is in quarantine, in the order of arrival.
    pub fn quarantine(&mut self, partner: &str) -> Result<Vec<Quarantined>, StoreError> {
        let mut list = Vec::new();
        let sql = "SELECT digest, id, version, reason, moment, text FROM quarantine WHERE partner = $1 AND is_settled = 0
                   ORDER BY moment, digest";
        self.database.each(sql, &[Value::Text(partner)], &mut |row| {
            let text = |column| row.text(column).map(str::to_owned);
            list.push(Quarantined {
                digest: text(0)?,
                id: text(1)?,
                version: text(2)?,
                reason: text(3)?,
                moment: row.int(4)?,
                text: text(5)?,
            });
            Ok(())
        })?;
        Ok(list)
    }

    /// Number of things in quarantine.
    pub fn n_quarantined(&mut self, partner: &str) -> Result<usize, StoreError> {
        self.n_rows(partner, "is_settled = 0")
    }

    fn n_rows(&mut self, partner: &str, condition: &str) -> Result<usize, StoreError> {
        let mut n = 0;
        let sql = format!("SELECT COUNT(*) FROM quarantine WHERE partner = $1 AND {condition}");
        self.database.each(&sql, &[Value::Text(partner)], &mut |row| {
            n = usize::try_from(row.int(0)?).unwrap_or(0);
            Ok(())
        })?;
        Ok(n)
    }

    /// Those of these objects that are, or were, in quarantine, each with its version as written.
    pub fn quarantined_among(&mut self, partner: &str, ids: &[&str]) -> Result<BTreeSet<(String, String)>, StoreError> {
        let mut found = BTreeSet::new();
        for group in ids.chunks(512) {
            let (ids, places) = padded(group, 2);
            let sql = format!("SELECT id, version FROM quarantine WHERE partner = $1 AND id IN ({places})");
            self.database.each(&sql, &[&[Value::Text(partner)][..], &ids].concat(), &mut |row| {
                found.insert((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Settles what is in quarantine under an identifier, since a valid version came: it is listed no more, and not asked for again.
    pub(super) fn settle_quarantine_of(&mut self, partner: &str, id: &str) -> Result<(), StoreError> {
        let sql = "UPDATE quarantine SET is_settled = 1 WHERE partner = $1 AND id = $2 AND is_settled = 0";
        self.database.run(sql, &[Value::Text(partner), Value::Text(id)]).map(|_| ())
    }

    /// Lets go of everything in quarantine, so that it is asked for again; the number let go.
    pub fn clear_quarantine(&mut self, partner: &str) -> Result<u64, StoreError> {
        self.database.run("DELETE FROM quarantine WHERE partner = $1", &[Value::Text(partner)])
    }
}
