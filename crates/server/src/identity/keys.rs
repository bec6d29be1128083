//! Keys of an issuer (JWK sets, RFC 7517): from a file, or fetched through the issuer's discovery document (`OpenID` Connect Discovery
//! 1.0) within bounds of time, size and how often.

use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::Duration;

use base64::Engine;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::Refused;

/// Keys of one issuer at most.
const MAX_KEYS: usize = 64;
/// Bytes of a document fetched, at most.
const MAX_DOCUMENT: u64 = 512 * 1024;
/// Time for a document to arrive.
const FETCH_TIME: Duration = Duration::from_secs(5);
/// Least time between two tries to fetch, microseconds.
const BETWEEN: i64 = 60_000_000;
/// Age from which keys are fetched anew.
const STALE: i64 = 3_600_000_000;
/// Age from which keys are not used any more, should the issuer not answer.
const SPOILT: i64 = 24 * STALE;

/// A public key that verifies.
struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    public: DecodingKey,
}

/// Public keys of an issuer.
pub struct Keys(Vec<Key>);

/// A key as written. What is not looked at is left out.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<serde_json::Value>,
}

/// Bytes of a number or coordinate, if as many as these.
fn sized(text: Option<&str>, n_bytes: std::ops::RangeInclusive<usize>) -> bool {
    let bytes = text.and_then(|text| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok());
    bytes.is_some_and(|bytes| n_bytes.contains(&bytes.iter().skip_while(|byte| **byte == 0).count()))
}

fn algorithms_of(written: &Written) -> Option<(&'static [Algorithm], DecodingKey)> {
    use Algorithm::{ES256, EdDSA, PS256, RS256};
    let (x, y) = (written.x.as_deref(), written.y.as_deref());
    let (all, key): (&'static [Algorithm], _) = match (written.kty.as_str(), written.crv.as_deref()) {
        // 2,048 to 4,096 bits.
        ("RSA", _) if sized(written.n.as_deref(), 256..=512) && sized(written.e.as_deref(), 1..=4) => {
            (&[RS256, PS256], DecodingKey::from_rsa_components(written.n.as_deref()?, written.e.as_deref()?))
        }
        ("EC", Some("P-256")) if sized(x, 1..=32) && sized(y, 1..=32) => (&[ES256], DecodingKey::from_ec_components(x?, y?)),
        ("OKP", Some("Ed25519")) if sized(x, 1..=32) => (&[EdDSA], DecodingKey::from_ed_components(x?)),
        _ => return None,
    };
    let fit = match written.alg.as_deref() {
        None => all,
        Some("RS256") => &all[..usize::from(all == [RS256, PS256])],
        Some("PS256") => all.get(1..).unwrap_or(&[]),
        Some("ES256") if all == [ES256] => all,
        Some("EdDSA" | "Ed25519") if all == [EdDSA] => all,
        Some(_) => &[],
    };
    (!fit.is_empty()).then_some((fit, key.ok()?))
}

impl Keys {
    /// Reads a JWK set. Keys of other kinds or for other uses are passed over; private ones are refused.
    pub fn parse(text: &str) -> Result<Keys, String> {
        let set: WrittenSet = serde_json::from_str(text).map_err(|e| format!("no JWK set: {e}"))?;
        if set.keys.len() > MAX_KEYS {
            return Err(format!("a JWK set of {} keys: at most {MAX_KEYS} are taken", set.keys.len()));
        }
        let mut keys = Vec::new();
        for written in set.keys.into_iter().filter_map(|value| serde_json::from_value::<Written>(value).ok()) {
            if written.d.is_some() {
                return Err("a private key in a JWK set: give the public keys only, and replace that key".to_owned());
            }
            let is_for_signing = written.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
                && written.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
            if let Some((algorithms, key)) = algorithms_of(&written).filter(|_| is_for_signing) {
                keys.push(Key { id: written.kid, algorithms, public: key });
            }
        }
        if keys.is_empty() {
            return Err("no key in the JWK set can verify a signature by RS256, PS256, ES256 or EdDSA".to_owned());
        }
        Ok(Keys(keys))
    }

    /// The key that a token names; one that names none fits only where one key could be meant.
    pub fn named(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fit = self.0.iter().filter(|key| key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id));
        let found = fit.next()?;
        fit.next().is_none().then(|| found.public.clone())
    }
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Text of a JWK set.
    Text(String),
    /// The issuer's discovery document, over TLS, trusting these authorities (PEM) or those of the public web.
    Discovery {
        /// Authorities.
        authority: Option<String>,
    },
}

/// Keys held, and when they were fetched.
type Held = Option<(Arc<Keys>, i64)>;

/// The keys of an issuer as far as they are known.
pub struct Keyring {
    issuer: String,
    source: Source,
    held: RwLock<Held>,
    /// The last try to fetch; locked while one is under way.
    tried: Mutex<Option<i64>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("issuer", &self.issuer).field("source", &self.source).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Keys of an issuer; those of a text are there at once.
    pub fn new(issuer: &str, source: Source) -> Result<Keyring, String> {
        let held = match &source {
            Source::Text(text) => Some((Arc::new(Keys::parse(text)?), i64::MAX)),
            Source::Discovery { .. } => None,
        };
        Ok(Keyring { issuer: issuer.to_owned(), source, held: RwLock::new(held), tried: Mutex::new(None) })
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that a token names. It may be fetched, by one request at a time, at most once a minute; who comes meanwhile with a key
    /// that is not known is asked to come later.
    pub fn key(&self, id: Option<&str>, algorithm: Algorithm, now: i64) -> Result<DecodingKey, Refused> {
        let known = |held: &Held, most_age: i64| match held {
            Some((keys, at)) if now.saturating_sub(*at) <= most_age => keys.named(id, algorithm),
            _ => None,
        };
        let held = self.held();
        if let Some(key) = known(&held, STALE) {
            return Ok(key);
        }
        let Source::Discovery { authority } = &self.source else { return Err(Refused::WrongToken) };
        let older = known(&held, SPOILT);
        // Somebody else fetches: the older key is still good.
        let mut tried = match self.tried.try_lock() {
            Ok(tried) => tried,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return older.ok_or(Refused::Later { seconds: 1 }),
        };
        if let Some(last) = tried.filter(|last| (0..BETWEEN).contains(&now.saturating_sub(*last))) {
            let seconds = (last + BETWEEN - now).unsigned_abs().div_ceil(1_000_000);
            let is_unknown = held.is_some_and(|(_, at)| now.saturating_sub(at) <= SPOILT);
            return older.ok_or(if is_unknown { Refused::WrongToken } else { Refused::Later { seconds } });
        }
        *tried = Some(now);
        let Ok(keys) = fetch(&self.issuer, authority.as_deref()) else { return older.ok_or(Refused::Later { seconds: 60 }) };
        let held = Some((Arc::new(keys), now));
        let key = known(&held, STALE);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
        key.ok_or(Refused::WrongToken)
    }
}

/// What is read of a discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the keys of an issuer.
pub fn fetch(issuer: &str, authority: Option<&str>) -> Result<Keys, String> {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
    let roots = match authority {
        None => RootCerts::WebPki,
        Some(pem) => {
            let certificate = |item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            };
            let list: Vec<_> = parse_pem(pem.as_bytes()).filter_map(certificate).collect();
            RootCerts::new_with_certs(&list)
        }
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .https_only(true)
        .max_redirects(0)
        .timeout_global(Some(FETCH_TIME))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .into();
    let get = |url: &str| -> Result<String, String> {
        let wrong = |why: String| format!("{url}: {why}");
        let mut response = agent.get(url).call().map_err(|e| wrong(e.to_string()))?;
        if response.status() != 200 {
            return Err(wrong(format!("answered {}", response.status())));
        }
        response.body_mut().with_config().limit(MAX_DOCUMENT).read_to_string().map_err(|e| wrong(e.to_string()))
    };
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let discovery: Discovery = serde_json::from_str(&get(&url)?).map_err(|e| format!("{url}: no discovery document: {e}"))?;
    if discovery.issuer != issuer {
        return Err(format!("{url}: it is the document of `{}`: give that URL, as written there", discovery.issuer));
    }
    Keys::parse(&get(&discovery.jwks_uri)?).map_err(|why| format!("{}: {why}", discovery.jwks_uri))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
