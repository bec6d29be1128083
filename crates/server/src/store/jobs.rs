//! Which accounts may start jobs.

use super::{Store, StoreError, Value};

/// The table, as a migration.
pub(super) const TABLE: &str = "CREATE TABLE job_right (account TEXT PRIMARY KEY);";

impl Store {
    /// Lets an account start jobs.
    pub fn grant_jobs(&mut self, account: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO job_right (account) VALUES ($1) ON CONFLICT (account) DO NOTHING";
        self.database.run(sql, &[Value::Text(account)]).map(|_| ())
    }

    /// Lets an account start jobs no more.
    pub fn withdraw_jobs(&mut self, account: &str) -> Result<(), StoreError> {
        self.database.run("DELETE FROM job_right WHERE account = $1", &[Value::Text(account)]).map(|_| ())
    }

    /// Whether an account may start jobs.
    pub fn may_start_jobs(&mut self, account: &str) -> Result<bool, StoreError> {
        let mut may = false;
        self.database.each("SELECT account FROM job_right WHERE account = $1", &[Value::Text(account)], &mut |_| {
            may = true;
            Ok(())
        })?;
        Ok(may)
    }
}
