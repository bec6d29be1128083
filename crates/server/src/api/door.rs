//! Who asks. The one place where the API looks at a login.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;

use super::Problem;
use crate::identity::{Gate, NoRandomness};
use crate::store::{Account, Store};

/// Knows the accounts of a node.
pub struct Door {
    store: Mutex<Store>,
    gate: Mutex<Gate>,
    /// Who asks without login as long as the node has no accounts: nobody, or on a loopback address the operator.
    guest: Option<Account>,
}

impl Door {
    /// A door to a store that is open here for nothing else.
    pub fn new(store: Store, guest: Option<Account>) -> Result<Door, NoRandomness> {
        Ok(Door { store: Mutex::new(store), gate: Mutex::new(Gate::new()?), guest })
    }

    /// The account behind an `Authorization` header.
    pub fn who(&self, authorization: Option<&str>) -> Result<Account, Problem> {
        let accounts = self.store.lock().unwrap_or_else(PoisonError::into_inner).accounts()?;
        match (authorization, &self.guest) {
            (None, Some(guest)) if accounts.is_empty() => Ok(guest.clone()),
            (None, _) => Err(Problem::unknown("log in", "send a name and a password by basic authentication")),
            (Some(header), _) => {
                let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
                let found = gate.account(header, &accounts).cloned();
                found.ok_or_else(|| Problem::unknown("name or password is wrong", "send those of an account of this node"))
            }
        }
    }

    /// Refuses an account that may not start jobs. The guest may.
    pub fn must_hold_right(&self, account: &Account) -> Result<(), Problem> {
        let is_guest = self.guest.as_ref().is_some_and(|guest| guest == account);
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if is_guest || store.may_start_jobs(&account.name)? {
            return Ok(());
        }
        let advice = "this login may start no jobs: the operator lets it with `buttress node user add ... --jobs`";
        Err(Problem::new(StatusCode::FORBIDDEN, "not allowed", advice))
    }
}
