//! Who is behind a request, and how much they may ask for.
//!
//! A request shows a password, a token of this node, a token of an issuer, or the certificate of its connection. What is checked
//! against stands in memory as one value ([`Accounts`]) that is swapped when the store's set-up has changed; so a request
//! holds no lock while it is checked, and what was checked before costs a digest and a look-up.

pub mod basic;
pub mod certificate;
pub mod keys;
pub mod limit;
pub mod oidc;
pub mod remembered;
pub mod setup;
pub mod token;
pub mod turnstile;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::store::{Access, Account, Store, StoreError};
use basic::Passwords;
pub use basic::kept_form;
use certificate::Peer;
use limit::{Buckets, Rates, Wait, network_of};
use oidc::{Issuer, Jwt, Person};
use remembered::Remembered;

/// Time between two notes that a token is in use, microseconds.
const NOTE: i64 = 60_000_000;
/// Tokens of issuers remembered, in each of two generations.
const REMEMBERED: usize = 4096;

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

/// Why somebody is not let in. None of it depends on what collections hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nothing was shown.
    NoLogin,
    /// Name and password, or certificate, open nothing.
    WrongLogin,
    /// The token opens nothing, or not any more.
    WrongToken,
    /// Too much was asked for.
    TooMany {
        /// When to ask again.
        seconds: u64,
    },
    /// It cannot be said now, because an issuer's keys are not to be had.
    Later {
        /// When to ask again.
        seconds: u64,
    },
}

impl From<Wait> for Refused {
    fn from(Wait(seconds): Wait) -> Refused {
        Refused::TooMany { seconds }
    }
}

impl Refused {
    /// Status of HTTP.
    pub fn status(self) -> u16 {
        match self {
            Refused::NoLogin | Refused::WrongLogin | Refused::WrongToken => 401,
            Refused::TooMany { .. } => 429,
            Refused::Later { .. } => 503,
        }
    }

    /// What happened, and what to do.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Refused::NoLogin => ("log in", "send a name and a password by basic authentication, a bearer token, or a client certificate"),
            Refused::WrongLogin => ("the login is wrong", "send the name and password, or the certificate, of an account of this node"),
            Refused::WrongToken => ("the token is not taken", "it may be over, removed or meant for others: get a new one"),
            Refused::TooMany { .. } => ("too many requests", "wait for the seconds of Retry-After"),
            Refused::Later { .. } => ("not now", "the keys of the token's issuer cannot be had: wait for the seconds of Retry-After"),
        }
    }

    /// Headers that go with it: how to log in (RFC 7617, RFC 6750), or when to come again.
    pub fn headers(self) -> Vec<(&'static str, String)> {
        let ask = |bearer: &str| {
            let basic = ("WWW-Authenticate", "Basic realm=\"buttress\", charset=\"UTF-8\"".to_owned());
            vec![basic, ("WWW-Authenticate", format!("Bearer realm=\"buttress\"{bearer}"))]
        };
        match self {
            Refused::NoLogin | Refused::WrongLogin => ask(""),
            Refused::WrongToken => ask(", error=\"invalid_token\""),
            Refused::TooMany { seconds } | Refused::Later { seconds } => vec![("Retry-After", seconds.to_string())],
        }
    }
}

/// A token of an account, in memory.
#[derive(Debug)]
struct LiveToken {
    account: Arc<Account>,
    expires: Option<i64>,
    /// Last use, and the last one that was written down.
    used: AtomicI64,
    noted: AtomicI64,
}

/// Everybody who may come in, as of one moment.
#[derive(Debug, Default)]
pub struct Accounts {
    /// Which such value this is in the life of its gate.
    serial: u64,
    generation: Option<i64>,
    by_name: BTreeMap<String, Arc<Account>>,
    tokens: BTreeMap<[u8; 32], LiveToken>,
    bound: BTreeMap<String, Arc<Account>>,
    issuers: BTreeMap<String, Arc<Issuer>>,
}

impl Accounts {
    /// Makes sense of what the store holds, keeping what `before` knows of issuers that are the same.
    fn new(generation: i64, access: Access, before: &Accounts) -> Result<Accounts, StoreError> {
        let by_name: BTreeMap<_, _> = access.accounts.into_iter().map(|account| (account.name.clone(), Arc::new(account))).collect();
        let mut tokens = BTreeMap::new();
        for token in access.tokens {
            let spoilt = || StoreError::Spoilt(format!("a digest of a token `{}`", token.digest));
            let digest = crate::hex::bytes_of_hex(&token.digest).ok_or_else(spoilt)?;
            let Some(account) = by_name.get(&token.account).cloned() else { continue };
            let noted = token.used.unwrap_or(0);
            let known = before.tokens.get(&digest).map_or(noted, |known| known.used.load(Ordering::Relaxed));
            let (used, noted) = (AtomicI64::new(known.max(noted)), AtomicI64::new(noted));
            tokens.insert(digest, LiveToken { account, expires: token.expires, used, noted });
        }
        let account_of = |name: &str| by_name.get(name).cloned();
        let bound = access.certificates.into_iter().filter_map(|c| Some((c.bound, account_of(&c.account)?))).collect();
        let mut issuers = BTreeMap::new();
        for row in access.issuers {
            let spoilt = |why: String| StoreError::Spoilt(format!("an issuer `{}`: {why}", row.url));
            let settings: oidc::Settings = serde_json::from_str(&row.settings).map_err(|e| spoilt(e.to_string()))?;
            let known = before.issuers.get(&row.url).filter(|issuer| issuer.settings == settings).cloned();
            let issuer = known.map_or_else(|| Issuer::new(settings).map(Arc::new).map_err(spoilt), Ok)?;
            issuers.insert(row.url, issuer);
        }
        Ok(Accounts { serial: before.serial + 1, generation: Some(generation), by_name, tokens, bound, issuers })
    }

    /// The account that a certificate is bound to: by its fingerprint, else by its names where they all lead to the same one.
    fn of_certificate(&self, peer: &Peer) -> Option<Arc<Account>> {
        let (fingerprint, names) = peer.names.split_first()?;
        if let Some(account) = self.bound.get(fingerprint) {
            return Some(account.clone());
        }
        let found: BTreeSet<&str> = names.iter().filter_map(|name| self.bound.get(name)).map(|account| account.name.as_str()).collect();
        let only = found.first().filter(|_| found.len() == 1)?;
        self.by_name.get(*only).cloned()
    }
}

/// Lets people in.
#[derive(Debug)]
pub struct Gate {
    key: [u8; 32],
    accounts: RwLock<Arc<Accounts>>,
    /// Held by who puts other people in place.
    renewing: Mutex<()>,
    passwords: Passwords,
    people: Mutex<Remembered<(u64, Person)>>,
    /// Failed logins from an address.
    failures: Arc<Buckets>,
    by_address: Buckets,
    by_account: Buckets,
    bytes: Buckets,
}

impl Gate {
    /// A gate that knows nobody yet.
    pub fn new(rates: &Rates) -> Result<Gate, NoRandomness> {
        let failures = Arc::new(Buckets::new(rates.logins));
        Ok(Gate {
            key: random()?,
            accounts: RwLock::default(),
            renewing: Mutex::default(),
            passwords: Passwords::new(rates, failures.clone())?,
            people: Mutex::new(Remembered::new(REMEMBERED)),
            failures,
            by_address: Buckets::new(rates.address),
            by_account: Buckets::new(rates.account),
            bytes: Buckets::new(rates.bytes),
        })
    }

    /// Everybody who may come in, as of now. Lives on unchanged when somebody is added or removed meanwhile.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other people in place of those known, unless what is known is as new.
    pub fn refresh(&self, generation: i64, read: impl FnOnce() -> Result<Access, StoreError>) -> Result<(), StoreError> {
        let _one_at_a_time = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.accounts();
        if known.generation >= Some(generation) {
            return Ok(());
        }
        let accounts = Arc::new(Accounts::new(generation, read()?, &known)?);
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = accounts;
        Ok(())
    }

    /// Notes in the store which tokens are in use.
    pub fn note_uses(&self, store: &mut Store) -> Result<(), StoreError> {
        store.set_tokens_used(&self.uses())
    }

    /// Uses of tokens that are worth noting.
    fn uses(&self) -> Vec<(String, i64)> {
        let mut uses = Vec::new();
        for (digest, token) in &self.accounts().tokens {
            let used = token.used.load(Ordering::Relaxed);
            if used.saturating_sub(token.noted.load(Ordering::Relaxed)) >= NOTE {
                token.noted.store(used, Ordering::Relaxed);
                uses.push((crate::hex::hex(digest), used));
            }
        }
        uses
    }

    /// Who is behind a request: by its `Authorization` header, or where it has none by the certificate of its connection.
    pub fn who(
        &self,
        authorization: Option<&str>,
        certificate: Option<&Peer>,
        address: Option<IpAddr>,
        now: i64,
    ) -> Result<Arc<Account>, Refused> {
        if let Some(address) = address {
            self.by_address.take(&network_of(address), 1, now)?;
        }
        let accounts = self.accounts();
        let account = match authorization.map(|header| header.split_once(' ').unwrap_or((header, ""))) {
            None => {
                let peer = certificate.ok_or(Refused::NoLogin)?;
                accounts.of_certificate(peer).filter(|_| peer.is_good_at(now)).ok_or(Refused::WrongLogin)?
            }
            Some((scheme, code)) if scheme.eq_ignore_ascii_case("basic") => self.passwords.account(code, &accounts, address, now)?,
            Some((scheme, code)) if scheme.eq_ignore_ascii_case("bearer") => {
                self.bearer(code.trim(), &accounts, (certificate, address), now)?
            }
            Some(_) => return Err(Refused::WrongLogin),
        };
        self.by_account.take(account.name.as_bytes(), 1, now)?;
        Ok(account)
    }

    /// Whether somebody may send so many bytes more. To be asked before looking at where they go.
    pub fn may_send(&self, account: &Account, n_bytes: usize, now: i64) -> Result<(), Refused> {
        if n_bytes == 0 {
            return Ok(());
        }
        Ok(self.bytes.take(account.name.as_bytes(), n_bytes as u64, now)?)
    }

    fn bearer(
        &self,
        code: &str,
        accounts: &Accounts,
        (certificate, address): (Option<&Peer>, Option<IpAddr>),
        now: i64,
    ) -> Result<Arc<Account>, Refused> {
        if let Some(digest) = token::digest_of(code) {
            let token = accounts.tokens.get(&digest).ok_or(Refused::WrongToken)?;
            if token.expires.is_some_and(|expires| now >= expires) {
                return Err(Refused::WrongToken);
            }
            token.used.fetch_max(now, Ordering::Relaxed);
            return Ok(token.account.clone());
        }
        let digest = keyed_digest(&self.key, &[code.as_bytes()]);
        let known = self.people.lock().unwrap_or_else(PoisonError::into_inner).get(&digest);
        let person = match known {
            Some((serial, person)) if serial == accounts.serial && now < person.until => person,
            _ => {
                let person = self.person(code, accounts, address, now)?;
                self.people.lock().unwrap_or_else(PoisonError::into_inner).put(digest, (accounts.serial, person.clone()));
                person
            }
        };
        if person.may_come_with(certificate) { Ok(person.account) } else { Err(Refused::WrongToken) }
    }

    /// Checks a token of an issuer.
    fn person(&self, code: &str, accounts: &Accounts, address: Option<IpAddr>, now: i64) -> Result<Person, Refused> {
        let jwt = Jwt::read(code).ok_or(Refused::WrongToken)?;
        let issuer = accounts.issuers.get(jwt.issuer()).ok_or(Refused::WrongToken)?;
        let network = address.map(network_of);
        if let Some(network) = network {
            self.failures.check(&network, now)?;
        }
        issuer.person(&jwt, accounts, now, || {
            if let Some(network) = network {
                self.failures.charge(&network, now);
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
