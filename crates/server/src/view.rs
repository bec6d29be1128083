//! One state of a node's set-up, and what each account sees under it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use buttress_wire::stix::Id;
use buttress_wire::stix::marking::Statement;

use crate::policy::Policy;
use crate::store::{Account, ClassId, Directory};

/// What an account is cleared for.
#[derive(Debug, Default)]
pub struct Sight {
    /// Classes that it sees.
    pub classes: Vec<ClassId>,
    /// Markings that it is cleared for.
    cleared: BTreeSet<Id>,
}

/// A set-up with the policies applied to it.
pub struct View {
    /// The set-up.
    pub directory: Directory,
    policy: Arc<Policy>,
    /// Worked out once for each account.
    sights: Mutex<BTreeMap<String, Arc<Sight>>>,
}

impl View {
    /// A view on a set-up.
    pub fn new(directory: Directory, policy: Arc<Policy>) -> View {
        View { directory, policy, sights: Mutex::default() }
    }

    /// What an account sees.
    pub fn sight(&self, account: &Account) -> Arc<Sight> {
        let sights = || self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sights().get(&account.name) {
            return known.clone();
        }
        let statements = self.directory.statements.iter();
        let cleared: BTreeSet<Id> =
            statements.filter(|(_, statement)| self.policy.is_cleared(account, statement)).map(|(id, _)| id.clone()).collect();
        let seen = self.directory.classes.iter().filter(|(_, class)| class.holds(&|id| cleared.contains(id)));
        let classes = seen.map(|(number, _)| *number).collect();
        let sight = Arc::new(Sight { classes, cleared });
        sights().insert(account.name.clone(), sight.clone());
        sight
    }

    /// Whether the account of this name is cleared for a marking. An account that is gone, or that acts for the node, is taken to know
    /// everything: what it wrote is then as closed as it can be.
    pub fn clears(&self, name: &str, marking: &Id, statement: &Statement) -> bool {
        let Some(account) = self.directory.accounts.iter().find(|account| account.name == name) else { return true };
        if self.directory.statements.get(marking) == Some(statement) {
            return self.sight(account).cleared.contains(marking);
        }
        self.policy.is_cleared(account, statement)
    }
}
