//! Names and passwords: argon2id (RFC 9106), checked once for each credential and remembered by a keyed digest, so that not every
//! request pays for it.

use std::collections::BTreeMap;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::store::Account;

/// Credentials remembered at most.
const REMEMBERED: usize = 1024;

/// A secret that the system cannot give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub struct NoRandomness(String);

/// Random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| NoRandomness(e.to_string()))?;
    Ok(bytes)
}

/// A keyed digest (RFC 2104 with SHA-256).
pub fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A password in the form in which it is kept.
pub fn kept_form(password: &str) -> Result<String, NoRandomness> {
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(|e| NoRandomness(e.to_string()))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|e| NoRandomness(e.to_string()))?;
    Ok(hash.to_string())
}

/// Name and password of a header of basic authentication (RFC 7617).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, code) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(code.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Remembers whose credentials have been checked.
#[derive(Debug)]
pub struct Gate {
    key: [u8; 32],
    checked: BTreeMap<[u8; 32], String>,
}

impl Gate {
    /// A gate that remembers nobody yet.
    pub fn new() -> Result<Gate, NoRandomness> {
        Ok(Gate { key: random()?, checked: BTreeMap::new() })
    }

    /// The account whose credentials an `Authorization` header holds. A changed password is checked anew.
    pub fn account<'a>(&mut self, header: &str, accounts: &'a [Account]) -> Option<&'a Account> {
        let (name, password) = basic(header)?;
        let account = accounts.iter().find(|account| account.name == name)?;
        let digest = keyed_digest(&self.key, &[name.as_bytes(), password.as_bytes(), account.password.as_bytes()]);
        if self.checked.get(&digest).is_some_and(|known| *known == name) {
            return Some(account);
        }
        let kept = PasswordHash::new(&account.password).ok()?;
        Argon2::default().verify_password(password.as_bytes(), &kept).ok()?;
        if self.checked.len() >= REMEMBERED {
            self.checked.clear();
        }
        self.checked.insert(digest, name);
        Some(account)
    }
}

#[cfg(test)]
mod tests {
    use buttress_wire::stix::marking::Tlp;

    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    }

    #[test]
    fn only_the_right_password_opens_and_a_new_one_shuts_out_the_old() {
        let mut account = Account {
            name: "fi".into(),
            password: kept_form("s:1").unwrap(),
            clearance: Tlp::Clear,
            holds: [].into(),
            reads: [].into(),
            writes: [].into(),
        };
        let mut gate = Gate::new().unwrap();
        for _ in 0..2 {
            assert!(gate.account(&header("fi:s:1"), std::slice::from_ref(&account)).is_some());
        }
        for wrong in [header("fi:s:2"), header("se:s:1"), header("fi"), "Bearer x".into(), "Basic ?".into(), String::new()] {
            assert!(gate.account(&wrong, std::slice::from_ref(&account)).is_none(), "{wrong}");
        }
        account.password = kept_form("new").unwrap();
        assert!(gate.account(&header("fi:s:1"), std::slice::from_ref(&account)).is_none());
        assert!(gate.account(&header("fi:new"), std::slice::from_ref(&account)).is_some());
    }
}
