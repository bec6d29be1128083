//! Taking a node apart: collections with all they hold, and roots.

use super::{Collection, Store, StoreError, Value};

impl Store {
    /// Removes a collection with everything in it; how many current objects it held. Accounts lose their rights to it.
    pub fn remove_collection(&mut self, collection: &Collection) -> Result<usize, StoreError> {
        let n = self.count(collection.number)?;
        let place = format!("{}/{}", collection.root, collection.id);
        self.transaction(|store| {
            store.is_changed = true;
            for table in ["object", "reference", "withdrawal", "given"] {
                let sql = format!("DELETE FROM {table} WHERE collection = $1");
                store.database.run(&sql, &[Value::Int(collection.number.0)])?;
            }
            store.database.run("DELETE FROM collection WHERE number = $1", &[Value::Int(collection.number.0)])?;
            for mut account in store.accounts()? {
                let n_before = account.reads.len() + account.writes.len();
                account.reads.retain(|p| p.to_string() != place);
                account.writes.retain(|p| p.to_string() != place);
                if account.reads.len() + account.writes.len() < n_before {
                    store.put_account(&account)?;
                }
            }
            Ok(n)
        })
    }

    /// Removes an API root that has no collections; false when there is none of that name.
    pub fn remove_root(&mut self, name: &str) -> Result<bool, StoreError> {
        if self.collections()?.iter().any(|c| c.root == name) {
            return Err(StoreError::Unable(format!("`{name}` has collections: remove them first with `buttress node collection remove`")));
        }
        self.transaction(|store| {
            store.is_changed = true;
            Ok(store.database.run("DELETE FROM root WHERE name = $1", &[Value::Text(name)])? > 0)
        })
    }
}
