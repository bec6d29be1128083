//! People by `OpenID` Connect: access and identity tokens of issuers that the operator has named, as signed JWTs (RFC 7519, RFC 9068).
//!
//! An issuer says who somebody is; what they may see is written here. A claim names an account, among those that this issuer may
//! speak for, or a value of a claim (a group, a role) opens an account as whose copy the person acts, under a name of their own. Who
//! is mapped to nothing is refused.

use std::sync::Arc;

use base64::Engine;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certificate::Peer;
use super::keys::{Keyring, Source};
use super::{Accounts, Refused};
use crate::store::Account;

/// Longest token looked at, bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// How far clocks may differ, seconds.
const LEEWAY_S: f64 = 60.0;
/// Longest name taken from a claim, bytes.
const MAX_NAME: usize = 255;
/// How long a checked token is believed without looking at its key again, microseconds.
const BELIEVED: i64 = 300_000_000;

/// Everybody with this value of a claim acts as a copy of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Claim, or a path to it with dots.
    pub claim: String,
    /// Value; of a list, one of its entries.
    pub value: String,
    /// Account.
    pub account: String,
}

/// Accounts named by a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Claim that holds the name of an account.
    pub claim: String,
    /// Accounts that the issuer may speak for; `*` for all.
    pub accounts: Vec<String>,
}

/// What is taken from an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Its URL, as in the claim `iss`.
    pub url: String,
    /// What must stand in the claim `aud`.
    pub audience: String,
    /// Text of a JWK set; fetched where it is absent.
    pub jwks: Option<String>,
    /// Authorities trusted when fetching, PEM; those of the public web where absent.
    pub authority: Option<String>,
    /// Accounts named by a claim.
    pub named: Option<Named>,
    /// Values that open accounts; the first that fits counts.
    pub map: Vec<Mapping>,
}

/// An issuer with its keys.
#[derive(Debug)]
pub struct Issuer {
    /// What is taken from it.
    pub settings: Settings,
    keys: Keyring,
}

/// Who a token speaks of.
#[derive(Debug, Clone)]
pub struct Person {
    /// What they act as.
    pub account: Arc<Account>,
    /// Until when this is believed, microseconds since 1970.
    pub until: i64,
    /// Certificate that must come with the token (RFC 8705), as base64url of its SHA-256.
    bound: Option<String>,
}

impl Person {
    /// Whether the token may come over a connection with this certificate.
    pub fn may_come_with(&self, peer: Option<&Peer>) -> bool {
        let Some(bound) = &self.bound else { return true };
        let thumbprint = |peer: &Peer| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(peer.fingerprint);
        peer.is_some_and(|peer| thumbprint(peer) == *bound)
    }
}

/// Header of a signed token.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// A token as it came: nothing of it is true until its signature is checked.
pub struct Jwt<'a> {
    message: &'a str,
    signature: &'a str,
    head: Head,
    claims: Value,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart.
    pub fn read(token: &'a str) -> Option<Jwt<'a>> {
        let (message, signature) = token.rsplit_once('.').filter(|_| token.len() <= MAX_TOKEN)?;
        let (head, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.'))?;
        let decode = |part: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).ok();
        let head: Head = serde_json::from_slice(&decode(head)?).ok()?;
        let claims: Value = serde_json::from_slice(&decode(claims)?).ok()?;
        claims.is_object().then_some(Jwt { message, signature, head, claims })
    }

    /// The issuer it claims.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or("")
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim by its name, or by a path with dots.
    fn claim(&self, path: &str) -> Option<&Value> {
        self.claims.get(path).or_else(|| path.split('.').try_fold(&self.claims, |value, name| value.get(name)))
    }

    /// Its algorithm, if it is one that is taken. Which key fits it, the key says.
    fn algorithm(&self) -> Option<Algorithm> {
        match self.head.alg.as_str() {
            "RS256" => Some(Algorithm::RS256),
            "PS256" => Some(Algorithm::PS256),
            "ES256" => Some(Algorithm::ES256),
            "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
            _ => None,
        }
    }

    /// Whether it says to be an access or identity token for this audience, now.
    fn is_for(&self, audience: &str, now_s: f64) -> bool {
        let typ = self.head.typ.as_deref().map(str::to_ascii_lowercase);
        let is_kind = matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt"));
        let is_addressed = match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        let moment = |claim: &str| match self.claims.get(claim) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(()),
        };
        let begins = |claim: &str| moment(claim).is_ok_and(|at| at.is_none_or(|at| at <= now_s + LEEWAY_S));
        let is_alive = moment("exp").is_ok_and(|at| at.is_some_and(|at| at > now_s - LEEWAY_S));
        // What a header calls critical would have to be understood.
        is_kind && is_addressed && is_alive && begins("nbf") && begins("iat") && self.head.crit.is_none()
    }

    /// The certificate it is bound to; `Err` where it is bound to something that is not checked here.
    fn bound(&self) -> Result<Option<String>, Refused> {
        match self.claims.get("cnf") {
            None => Ok(None),
            Some(cnf) if cnf.as_object().is_some_and(|cnf| cnf.len() == 1) => {
                cnf.get("x5t#S256").and_then(Value::as_str).map(|text| Some(text.to_owned())).ok_or(Refused::WrongToken)
            }
            Some(_) => Err(Refused::WrongToken),
        }
    }
}

/// A word that may become a part of a name.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

impl Issuer {
    /// An issuer by its settings.
    pub fn new(settings: Settings) -> Result<Issuer, String> {
        let source = match &settings.jwks {
            Some(text) => Source::Text(text.clone()),
            None => Source::Discovery { authority: settings.authority.clone() },
        };
        Ok(Issuer { keys: Keyring::new(&settings.url, source)?, settings })
    }

    /// Checks a token that claims to be of this issuer. What is cheap and known to its bearer is checked first; `count_failure` is
    /// called for what fails after that, since that costs.
    pub fn person(&self, jwt: &Jwt, accounts: &Accounts, now: i64, count_failure: impl FnOnce()) -> Result<Person, Refused> {
        let now_s = now as f64 / 1e6;
        let algorithm = jwt.algorithm().filter(|_| jwt.issuer() == self.settings.url && jwt.is_for(&self.settings.audience, now_s));
        let algorithm = algorithm.ok_or(Refused::WrongToken)?;
        let bound = jwt.bound()?;
        let key = self.keys.key(jwt.head.kid.as_deref(), algorithm, now)?;
        let is_signed = jsonwebtoken::crypto::verify(jwt.signature, jwt.message.as_bytes(), &key, algorithm).unwrap_or(false);
        // Who is known here is looked at only for a token that is genuine, so that forged ones learn nothing.
        let Some(account) = is_signed.then(|| self.account(jwt, accounts)).flatten() else {
            count_failure();
            return Err(Refused::WrongToken);
        };
        let exp = jwt.claims.get("exp").and_then(Value::as_f64).unwrap_or(0.0) + LEEWAY_S;
        Ok(Person { account, until: now.saturating_add(BELIEVED).min((exp * 1e6) as i64), bound })
    }

    /// The account that a token's claims lead to.
    fn account(&self, jwt: &Jwt, accounts: &Accounts) -> Option<Arc<Account>> {
        let subject = jwt.text("sub").filter(|subject| is_word(subject))?;
        let named = self.settings.named.as_ref().and_then(|named| {
            let name = jwt.claim(&named.claim)?.as_str()?;
            // An address that the issuer has not checked may be somebody else's.
            let is_checked = named.claim != "email" || jwt.claims.get("email_verified") == Some(&Value::Bool(true));
            let is_spoken_for = named.accounts.iter().any(|account| account == "*" || account == name);
            accounts.by_name.get(name).filter(|_| is_checked && is_spoken_for)
        });
        if let Some(account) = named {
            return Some(account.clone());
        }
        let holds = |mapping: &&Mapping| match jwt.claim(&mapping.claim) {
            Some(Value::String(one)) => *one == mapping.value,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(&mapping.value)),
            _ => false,
        };
        let mapping = self.settings.map.iter().find(holds)?;
        let account = accounts.by_name.get(&mapping.account)?;
        // No account of the node has a colon in its name, so nobody is taken for somebody else.
        let name = format!("{}:{subject}@{}", account.name, self.settings.url);
        Some(Arc::new(Account { name, password: String::new(), ..Account::clone(account) }))
    }
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
