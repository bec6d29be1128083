//! Making a partner known.

use std::path::Path;

use buttress_wire::taxii::Collection;

use super::{FederationError, typed};
use crate::client::{Access, Client, Limits, Remote};
use crate::store::{Direction, Partner, Place, Store};

/// What a new partner is to be.
#[derive(Debug, Clone, Default)]
pub struct NewPartner<'a> {
    /// Our name for it.
    pub name: &'a str,
    /// Address of its collection, or of its API root.
    pub url: &'a str,
    /// Its collection, where the address is that of the root.
    pub collection: Option<&'a str>,
    /// Our collection, `root/id`.
    pub place: &'a str,
    /// `pull`, `push` or `both`.
    pub direction: &'a str,
    /// Our account whose clearance says what the partner may be sent.
    pub account: Option<&'a str>,
    /// How we log in there.
    pub access: Access,
}

/// Makes a partner, or replaces what is known of it. Its address and our collection stay, since the ledger is about them.
pub fn add_partner(store: &mut Store, new: NewPartner) -> Result<Partner, FederationError> {
    let is_name =
        !new.name.is_empty() && new.name.len() <= 100 && new.name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c));
    if !is_name {
        return typed(format!("`{}` cannot be a partner's name: write letters, digits, hyphens, points", new.name.escape_debug()));
    }
    let Some(direction) = Direction::from_word(new.direction) else {
        return typed(format!("`{}` is no direction: write pull, push or both", new.direction));
    };
    let remote = Remote::parse(new.url, new.collection)?;
    let known = store.collections()?;
    let place = Place::parse(new.place).filter(|place| known.iter().any(|c| c.root == place.root && c.id == place.id));
    let Some(place) = place else {
        return typed(format!("there is no collection `{}`: write ROOT/ID of one that `buttress node collection list` shows", new.place));
    };
    let account = new.account.unwrap_or("").to_owned();
    if direction != Direction::Pull {
        if account.is_empty() {
            return typed("name with --as the account whose clearance says what the partner may be sent");
        }
        super::push::classes_of(store, &account, &place.to_string())?;
    }
    let partner =
        Partner { name: new.name.to_owned(), url: remote.to_string(), place, direction, account, access: new.access, pulled_after: 0 };
    if let Some(old) = store.partners()?.into_iter().find(|old| old.name == partner.name)
        && (old.url != partner.url || old.place != partner.place)
    {
        return typed(format!("there is a partner `{}` with another collection: remove it first, or take another name", partner.name));
    }
    // Certificates and keys are looked at now rather than at the first exchange.
    Client::new(remote, &partner.access, Limits::default())?;
    store.set_partner(&partner)?;
    Ok(partner)
}

/// Asks a partner once what its collection is and what we may do there.
pub fn probe(partner: &Partner) -> Result<Collection, FederationError> {
    let limits = Limits { attempts: 1, ..Limits::default() };
    Ok(Client::new(Remote::parse(&partner.url, None)?, &partner.access, limits)?.collection()?)
}

/// Lets only the owner of a node's folder read its database, which holds the passwords of partners.
pub fn keep_secret(folder: &Path) -> Result<(), FederationError> {
    use std::os::unix::fs::PermissionsExt;
    for name in ["node.db", "node.db-wal", "node.db-shm"] {
        let path = folder.join(name);
        match std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(FederationError::File(format!("{}: {e}; let only its owner read it", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}
