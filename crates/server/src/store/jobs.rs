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

#[cfg(test)]
mod tests {
    use buttress_wire::stix::Id;
    use buttress_wire::stix::marking::Tlp;

    use super::*;
    use crate::store::Location;

    #[test]
    fn a_right_is_held_from_its_grant_to_its_withdrawal() {
        let name = format!("rights-{}", std::process::id());
        let folder = std::env::temp_dir().join(format!("buttress-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut locations = vec![Location::Sqlite(folder.join("store.db"))];
        match std::env::var("BUTTRESS_TEST_POSTGRES") {
            Ok(url) => {
                let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
                client.batch_execute(&format!("CREATE SCHEMA \"{name}\"")).unwrap();
                locations.push(Location::Postgres(format!("{url} options='-c search_path={name}'")));
            }
            Err(_) => eprintln!("PostgreSQL passed over: BUTTRESS_TEST_POSTGRES holds no connection string"),
        }
        for location in &locations {
            let mut store = Store::open(location, Id::parse(&Tlp::Amber.id()).unwrap()).unwrap();
            for _ in 0..2 {
                store.grant_jobs("fi").unwrap();
            }
            assert!(store.may_start_jobs("fi").unwrap() && !store.may_start_jobs("se").unwrap());
            store.withdraw_jobs("fi").unwrap();
            assert!(!store.may_start_jobs("fi").unwrap());
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
