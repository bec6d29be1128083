//! Names and passwords: argon2id (RFC 9106), checked once for each credential and remembered by a keyed digest, so that not every
//! request pays for it.
//!
//! Checking is what an attacker can make a node do, so few are checked at a time, and failures count against the address and the
//! name. A credential that is remembered waits for none of this; an address from which a name has logged in before is checked apart
//! from strangers. A name that does not exist costs as much as one that does.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;

use super::limit::{Buckets, Rates, network_of};
use super::remembered::Remembered;
use super::turnstile::Turnstile;
use super::{Accounts, NoRandomness, Refused, keyed_digest, random};
use crate::store::Account;

/// Credentials remembered, in each of two generations.
const REMEMBERED: usize = 4096;
/// Passwords of strangers checked at a time; each takes 19 MiB of memory.
const STRANGERS: usize = 2;
/// Checks that may wait, on either side.
const QUEUE: usize = 64;
/// How long a check may wait.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest password looked at, bytes.
const MAX_PASSWORD: usize = 1024;

/// A password in the form in which it is kept.
pub fn kept_form(password: &str) -> Result<String, NoRandomness> {
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(|e| NoRandomness(e.to_string()))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|e| NoRandomness(e.to_string()))?;
    Ok(hash.to_string())
}

/// What looks like a kept password, costs as much to check, and is nobody's.
fn decoy() -> Result<String, NoRandomness> {
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD;
    let argon2 = Argon2::default();
    let (m, t, p) = (argon2.params().m_cost(), argon2.params().t_cost(), argon2.params().p_cost());
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", base64.encode(random::<16>()?), base64.encode(random::<32>()?)))
}

/// Name and password of a header of basic authentication (RFC 7617), after its scheme.
fn login(code: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(code.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':').filter(|(_, password)| password.len() <= MAX_PASSWORD)?;
    Some((name.to_owned(), password.to_owned()))
}

/// Whether a password is the one that is kept.
fn is_right(kept: &str, password: &str) -> bool {
    PasswordHash::new(kept).is_ok_and(|kept| Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
}

/// What is remembered of a login.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// These credentials are right.
    Right,
    /// This name has logged in from this network.
    Friend,
}

/// Checks passwords.
#[derive(Debug)]
pub struct Passwords {
    key: [u8; 32],
    decoy: String,
    marks: Mutex<Remembered<Mark>>,
    friends: Turnstile,
    strangers: Turnstile,
    by_address: Arc<Buckets>,
    by_name: Buckets,
}

impl Passwords {
    /// Remembers nobody yet. Failures count in `by_address`, which may be shared with other ways of logging in.
    pub fn new(rates: &Rates, by_address: Arc<Buckets>) -> Result<Passwords, NoRandomness> {
        Ok(Passwords {
            key: random()?,
            decoy: decoy()?,
            marks: Mutex::new(Remembered::new(REMEMBERED)),
            friends: Turnstile::new(1, QUEUE, PATIENCE),
            strangers: Turnstile::new(STRANGERS, QUEUE, PATIENCE),
            by_address,
            by_name: Buckets::new(rates.names),
        })
    }

    fn is_marked(&self, digest: &[u8; 32]) -> bool {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(digest).is_some()
    }

    fn mark(&self, digest: [u8; 32], mark: Mark) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).put(digest, mark);
    }

    /// The account whose name and password a header holds after its scheme. A changed password is checked anew.
    pub fn account(&self, code: &str, accounts: &Accounts, address: Option<IpAddr>, now: i64) -> Result<Arc<Account>, Refused> {
        let (name, password) = login(code).ok_or(Refused::WrongLogin)?;
        let account = accounts.by_name.get(&name).filter(|account| !account.password.is_empty());
        let kept = account.map_or(&self.decoy, |account| &account.password);
        let right = keyed_digest(&self.key, &[b"right", name.as_bytes(), password.as_bytes(), kept.as_bytes()]);
        if let Some(account) = account.filter(|_| self.is_marked(&right)) {
            return Ok(account.clone());
        }
        let network = address.map(network_of);
        let friend = keyed_digest(&self.key, &[b"friend", name.as_bytes(), &network.unwrap_or_default()]);
        let is_friend = self.is_marked(&friend);
        let may_try = || {
            network.map_or(Ok(()), |network| self.by_address.check(&network, now))?;
            if is_friend { Ok(()) } else { self.by_name.check(name.as_bytes(), now) }
        };
        may_try()?;
        let turnstile = if is_friend { &self.friends } else { &self.strangers };
        let place = turnstile.enter().ok_or(Refused::TooMany { seconds: 1 })?;
        // While this one waited another may have found the answer, or spent the tries.
        if let Some(account) = account.filter(|_| self.is_marked(&right)) {
            return Ok(account.clone());
        }
        may_try()?;
        let is_right = is_right(kept, &password);
        if let Some(account) = account.filter(|_| is_right) {
            self.mark(right, Mark::Right);
            self.mark(friend, Mark::Friend);
            drop(place);
            return Ok(account.clone());
        }
        if let Some(network) = network {
            self.by_address.charge(&network, now);
        }
        self.by_name.charge(name.as_bytes(), now);
        drop(place);
        Err(Refused::WrongLogin)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::{account, accounts};
    use super::*;

    fn code(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    fn passwords(words: &[&str]) -> Passwords {
        let rates = Rates::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).unwrap();
        Passwords::new(&rates, Arc::new(Buckets::new(rates.logins))).unwrap()
    }

    fn at(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn only_the_right_password_opens_and_a_new_one_shuts_out_the_old() {
        let mut fi = account("fi", Some("s:1"));
        let passwords = passwords(&[]);
        let known = accounts(&[fi.clone(), account("no-password", None)]);
        for _ in 0..2 {
            assert_eq!(passwords.account(&code("fi:s:1"), &known, None, 0).unwrap().name, "fi");
        }
        for wrong in [code("fi:s:2"), code("se:s:1"), code("fi"), code("no-password:"), "?".into(), String::new()] {
            assert_eq!(passwords.account(&wrong, &known, None, 0).unwrap_err(), Refused::WrongLogin, "{wrong}");
        }
        fi.password = kept_form("new").unwrap();
        let known = accounts(&[fi]);
        assert!(passwords.account(&code("fi:s:1"), &known, None, 0).is_err());
        assert!(passwords.account(&code("fi:new"), &known, None, 0).is_ok());
    }

    #[test]
    fn failures_are_limited_by_address_and_by_name_whether_or_not_the_name_exists() {
        for name in ["fi", "nobody"] {
            let passwords = passwords(&["logins=2", "names=3"]);
            let known = accounts(&[account("fi", Some("right"))]);
            let wrong = |address| passwords.account(&code(&format!("{name}:wrong")), &known, at(address), 0).unwrap_err();
            assert_eq!([wrong("192.0.2.1"), wrong("192.0.2.1")], [Refused::WrongLogin, Refused::WrongLogin]);
            assert_eq!(wrong("192.0.2.1"), Refused::TooMany { seconds: 30 });
            assert_eq!(wrong("192.0.2.2"), Refused::WrongLogin);
            assert_eq!(wrong("192.0.2.3"), Refused::TooMany { seconds: 20 }, "the name's tries are spent");
        }
    }

    #[test]
    fn a_flood_of_wrong_passwords_does_not_reach_who_has_logged_in_before() {
        let passwords = passwords(&["logins=2", "names=2"]);
        let known = accounts(&[account("fi", Some("right"))]);
        let ask = |password: &str, address| passwords.account(&code(&format!("fi:{password}")), &known, at(address), 0);
        ask("right", "198.51.100.7").unwrap();
        while ask("wrong", "192.0.2.1") == Err(Refused::WrongLogin) {}
        assert!(ask("right", "192.0.2.1").is_ok(), "a remembered credential is good from everywhere");
        let mut changed = account("fi", Some("changed"));
        changed.name = "fi".into();
        let known = accounts(&[changed]);
        let ask = |address| passwords.account(&code("fi:changed"), &known, at(address), 0);
        assert!(matches!(ask("192.0.2.9"), Err(Refused::TooMany { .. })), "a stranger waits for the name");
        assert!(ask("198.51.100.7").is_ok(), "a friend does not");
    }

    #[test]
    fn a_remembered_credential_does_not_wait_for_checks_under_way() {
        let passwords = passwords(&["names=1000"]);
        let known = accounts(&[account("fi", Some("right"))]);
        passwords.account(&code("fi:right"), &known, None, 0).unwrap();
        let held: Vec<_> = (0..STRANGERS).map(|_| passwords.strangers.enter().unwrap()).collect();
        let friend = passwords.friends.enter().unwrap();
        let begin = Instant::now();
        (0..100).for_each(|_| assert!(passwords.account(&code("fi:right"), &known, None, 0).is_ok()));
        assert!(begin.elapsed() < PATIENCE / 3);
        drop((held, friend));
    }

    #[test]
    fn a_name_that_does_not_exist_is_checked_too() {
        let decoy = decoy().unwrap();
        assert!(PasswordHash::new(&decoy).is_ok(), "{decoy}");
        let kept = kept_form("x").unwrap();
        let (known, unknown) = (PasswordHash::new(&kept).unwrap(), PasswordHash::new(&decoy).unwrap());
        assert_eq!((known.algorithm, known.params.clone()), (unknown.algorithm, unknown.params.clone()));
        assert_eq!(known.hash.map(|h| h.len()), unknown.hash.map(|h| h.len()));
    }
}
