//! Tokens of issuers: with keys made here, and two signed elsewhere by RSA.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::super::tests::{NOW, account, gate};
use super::super::{Access, Gate};
use super::*;
use crate::store::IssuerRow;

const URL: &str = "https://id.example.eu";
/// Modulus of a key of 2,048 bits whose private half was thrown away.
const RSA_N: &str = "uXbKNxWrEV-tdS65ua1SKSf1DlNTG5HDRaNNaFJS2rsdIp39PKZgfT4zRQl4fVUCCXFDPO9YsBAtNOsufjOUDN2EsfBRK3rCr-debtZ2izWHwC\
    vG_GEw8RdJe48zATDD4qLWsV2aLtfq3lxiU9Mzt92TTdypqZ-KNDLfNfxY3GSvEL70JIXqKiO1tIcEao0n2NMr6rq7mSgmUsn07p-QRTFDMb4Z\
    3WqYGiRQ6h79uJ08CM28GHY2C2YnkSyy7n-GT8FHHS6cwFrPcTDPFcdq-W9_-93RdKzT-P1fFczZNQcFneDpeqvQ-8Cmn5pFIckMfkeYGgE3IE\
    B0xnKAzkHQzw";
/// Tokens of that key for `fi`, good until five minutes after `NOW`, by RS256 and PS256.
const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuZXUiLCJhdWQiOiJidXR0c\
    mVzcyIsInN1YiI6InMtMSIsImV4cCI6MTgwMDAwMDMwMCwicHJlZmVycmVkX3VzZXJuYW1lIjoiZmkifQ.InONec0OB94y6BdIsop5Nf65-zIz\
    nhOlwnh7gFkD1V3L-LT83-vbxwDr_i9AM0XC3RS51Xrbfg8LQV4EehBp2Cdh9wb3_6IiEsrj_or7Pt2v2PIHkvhhl1ikIeHYqvvCpNjfjlrF36\
    0qBvsOfs5K-WSfKfnRYgiwe69RrqhC6mttAC67hIIhG1dqmOtDbyezO3RERMhpoVbTQljzyIqqhkm4d9DAoU90MkmpjhwlyYWHhGZq69H7tCae\
    NWdgLuNq6IZhSPwD90z7i_EgBHwni4P65GN1Asv6_aUUm8ohMc9AT1Os4kzH6puMlqc325d3CQK387K9dXbKbWqW5H562A";
const PS256: &str = "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuZXUiLCJhdWQiOiJidXR0c\
    mVzcyIsInN1YiI6InMtMSIsImV4cCI6MTgwMDAwMDMwMCwicHJlZmVycmVkX3VzZXJuYW1lIjoiZmkifQ.ftMeNwRVl9rg1W7RWgcd5nWQnHrv\
    cEMbb7CZm9uiRiJ_pQKxSoVcYtuDTusRS3zTYrMoRFqS1fTMD_hNMca3D26cMBmu2NqPbSsr4YmZ5ZTUDnmFSjSdklwZ7SUey1U8m3JHshKleN\
    9XFhBmAIrLciNiX_8i48X2kxFoqqBS7f7sv816E0-VKHs_WyNn3wD-JG70PkWK80e3iEwDQgW8Zpr-cziByHNkh_RaI2cTZLzXuVfxGe0f4Krm\
    It_rO3_-EAJ8fqGjFUJEtSTHl2qgUdUlTGGy-3IHkWL_nb6aT2hUteX1qbeKCzaeFYIUrCqH4ErULKv0GG5U5nm0UZYv4A";

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// A key with its public half.
struct Signer {
    algorithm: Algorithm,
    id: &'static str,
    key: EncodingKey,
    public: Value,
}

fn elliptic(id: &'static str) -> Signer {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = pair.public_key_raw();
    let public = json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": base64(&point[1..33]), "y": base64(&point[33..])});
    Signer { algorithm: Algorithm::ES256, id, key: EncodingKey::from_ec_der(&pair.serialize_der()), public }
}

fn edwards(id: &'static str) -> Signer {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "alg": "EdDSA", "x": base64(pair.public_key_raw())});
    Signer { algorithm: Algorithm::EdDSA, id, key: EncodingKey::from_ed_der(&pair.serialize_der()), public }
}

impl Signer {
    fn head(&self) -> Value {
        let mut head = serde_json::to_value(Header::new(self.algorithm)).unwrap();
        head["kid"] = json!(self.id);
        head
    }

    /// A token with this head and these claims, whatever they say.
    fn sign(&self, head: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64(head.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&self.head(), claims)
    }
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({"iss": URL, "aud": "buttress", "sub": "s-1", "exp": NOW / 1_000_000 + 300, "preferred_username": "fi"});
    more.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
    claims
}

fn settings(keys: &[&Value]) -> Settings {
    Settings {
        url: URL.into(),
        audience: "buttress".into(),
        jwks: Some(json!({ "keys": keys }).to_string()),
        authority: None,
        named: Some(Named { claim: "preferred_username".into(), accounts: vec!["fi".into()] }),
        map: vec![Mapping { claim: "realm_access.roles".into(), value: "grid".into(), account: "grid".into() }],
    }
}

fn node(settings: &Settings) -> Gate {
    let issuers = vec![IssuerRow { url: settings.url.clone(), settings: serde_json::to_string(settings).unwrap() }];
    let accounts = ["fi", "se", "grid"].map(|name| account(name, None)).to_vec();
    gate(Access { accounts, issuers, ..Access::default() })
}

fn ask(gate: &Gate, token: &str) -> Result<String, Refused> {
    gate.who(Some(&format!("Bearer {token}")), None, "192.0.2.1".parse().ok(), NOW).map(|account| account.name.clone())
}

#[test]
fn every_algorithm_that_is_taken_opens_and_the_key_decides_which() {
    let (ec, ed) = (elliptic("ec"), edwards("ed"));
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": RSA_N, "e": "AQAB"});
    let gate = node(&settings(&[&ec.public, &ed.public, &rsa]));
    for token in [ec.token(&claims(&json!({}))), ed.token(&claims(&json!({}))), RS256.to_owned(), PS256.to_owned()] {
        assert_eq!(ask(&gate, &token), Ok("fi".into()), "{token}");
        assert_eq!(ask(&gate, &token), Ok("fi".into()), "remembered");
    }
    let only = node(&settings(&[&json!({"kty": "RSA", "kid": "rsa", "n": RSA_N, "e": "AQAB", "alg": "PS256"})]));
    assert_eq!(ask(&only, RS256), Err(Refused::WrongToken), "the key is for PS256");
    assert_eq!(ask(&only, PS256), Ok("fi".into()));
}

#[test]
fn what_is_not_signed_by_the_key_it_names_is_refused() {
    let (ec, ed, foreign) = (elliptic("ec"), edwards("ed"), elliptic("ec"));
    let gate = node(&settings(&[&ec.public, &ed.public]));
    let good = claims(&json!({}));
    assert_eq!(ask(&gate, &foreign.token(&good)), Err(Refused::WrongToken));
    let unsigned =
        |alg: &str| format!("{}.{}.", base64(json!({"alg": alg, "kid": "ec"}).to_string().as_bytes()), base64(good.to_string().as_bytes()));
    for alg in ["none", "None", "NONE", "", "ES256", "HS256"] {
        assert_eq!(ask(&gate, &unsigned(alg)), Err(Refused::WrongToken), "{alg}");
    }
    // The old trick: the public key as the secret of an HMAC.
    let secret = Signer {
        algorithm: Algorithm::HS256,
        id: "ec",
        key: EncodingKey::from_secret(ec.public["x"].as_str().unwrap().as_bytes()),
        public: Value::Null,
    };
    assert_eq!(ask(&gate, &secret.token(&good)), Err(Refused::WrongToken));
    let mut head = ec.head();
    head["kid"] = json!("ed");
    assert_eq!(ask(&gate, &ec.sign(&head, &good)), Err(Refused::WrongToken), "the key named is of another kind");
    head["kid"] = json!("other");
    assert_eq!(ask(&gate, &ec.sign(&head, &good)), Err(Refused::WrongToken));
    head.as_object_mut().unwrap().remove("kid");
    assert_eq!(ask(&gate, &ec.sign(&head, &good)), Ok("fi".into()), "only one key could be meant");
    let token = ec.token(&good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let other = format!("{head}.{}.{signature}", base64(claims(&json!({"sub": "s-2"})).to_string().as_bytes()));
    assert_eq!(ask(&gate, &other), Err(Refused::WrongToken));
}

#[test]
fn claims_must_be_of_this_issuer_for_this_node_and_now() {
    let ec = elliptic("ec");
    let gate = node(&settings(&[&ec.public]));
    let now_s = NOW / 1_000_000;
    let good = [
        json!({"aud": ["other", "buttress"]}),
        json!({"exp": now_s - 59}),
        json!({"nbf": now_s + 60, "iat": now_s}),
        json!({"exp": now_s as f64 + 0.5}),
    ];
    for more in good {
        assert_eq!(ask(&gate, &ec.token(&claims(&more))), Ok("fi".into()), "{more}");
    }
    let bad = [
        json!({"iss": "https://other.example"}),
        json!({"iss": format!("{URL}/")}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"exp": now_s - 60}),
        json!({"exp": null}),
        json!({"exp": "2099"}),
        json!({"nbf": now_s + 61}),
        json!({"nbf": "soon"}),
        json!({"iat": now_s + 3600}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"sub": "a\nb"}),
        json!({"cnf": {"jkt": "x"}}),
    ];
    for more in bad {
        assert_eq!(ask(&gate, &ec.token(&claims(&more))), Err(Refused::WrongToken), "{more}");
    }
    let kinds = [("at+jwt", true), ("JWT", true), ("application/at+jwt", true), ("logout+jwt", false), ("dpop+jwt", false), ("", false)];
    for (typ, is_taken) in kinds {
        let mut head = ec.head();
        head["typ"] = json!(typ);
        assert_eq!(ask(&gate, &ec.sign(&head, &claims(&json!({})))).is_ok(), is_taken, "{typ}");
    }
    let mut head = ec.head();
    head["crit"] = json!(["exp"]);
    assert_eq!(ask(&gate, &ec.sign(&head, &claims(&json!({})))), Err(Refused::WrongToken));
}

#[test]
fn people_are_who_the_mapping_says_and_else_nobody() {
    let ec = elliptic("ec");
    let gate = node(&settings(&[&ec.public]));
    let person = |more: &Value| ask(&gate, &ec.token(&claims(more)));
    assert_eq!(person(&json!({"preferred_username": "se"})), Err(Refused::WrongToken), "the issuer may not speak for it");
    assert_eq!(person(&json!({"preferred_username": "nobody"})), Err(Refused::WrongToken));
    let grid = json!({"preferred_username": "alice", "realm_access": {"roles": ["x", "grid"]}});
    assert_eq!(person(&grid), Ok(format!("grid:s-1@{URL}")));
    let header = format!("Bearer {}", ec.token(&claims(&grid)));
    let account = gate.who(Some(&header), None, None, NOW).unwrap();
    assert_eq!((account.clearance, account.password.as_str()), (crate::identity::tests::account("grid", None).clearance, ""));
    assert!(account.holds.contains("EU") && account.reads.len() == 1);
    let mut by_mail = settings(&[&ec.public]);
    by_mail.named = Some(Named { claim: "email".into(), accounts: vec!["*".into()] });
    let gate = node(&by_mail);
    let mail = |more: &Value| ask(&gate, &ec.token(&claims(more)));
    assert_eq!(mail(&json!({"email": "fi", "email_verified": true})), Ok("fi".into()));
    assert_eq!(mail(&json!({"email": "fi"})), Err(Refused::WrongToken));
}

#[test]
fn a_token_bound_to_a_certificate_comes_with_it_or_not_at_all() {
    let ec = elliptic("ec");
    let gate = node(&settings(&[&ec.public]));
    let peer =
        |n| Peer { fingerprint: [n; 32], names: vec![format!("sha256:{}", crate::hex::hex(&[n; 32]))], not_before: 0, not_after: NOW };
    let header = format!("Bearer {}", ec.token(&claims(&json!({"cnf": {"x5t#S256": base64(&[7; 32])}}))));
    for _ in 0..2 {
        assert!(gate.who(Some(&header), Some(&peer(7)), None, NOW).is_ok());
        assert_eq!(gate.who(Some(&header), Some(&peer(8)), None, NOW), Err(Refused::WrongToken));
        assert_eq!(gate.who(Some(&header), None, None, NOW), Err(Refused::WrongToken));
    }
}

#[test]
fn what_was_believed_ends_with_the_token_and_with_the_issuer() {
    let ec = elliptic("ec");
    let settings = settings(&[&ec.public]);
    let header = format!("Bearer {}", ec.token(&claims(&json!({}))));
    let at = |gate: &Gate, now| gate.who(Some(&header), None, None, now).map(|account| account.name.clone());
    let gate = node(&settings);
    assert_eq!(at(&gate, NOW), Ok("fi".into()));
    assert_eq!(at(&gate, NOW + 359_000_000), Ok("fi".into()));
    assert_eq!(at(&gate, NOW + 360_000_000), Err(Refused::WrongToken));
    let gate = node(&settings);
    assert_eq!(at(&gate, NOW), Ok("fi".into()));
    gate.refresh(9, || Ok(Access { accounts: vec![account("fi", None)], ..Access::default() })).unwrap();
    assert_eq!(at(&gate, NOW), Err(Refused::WrongToken));
}

#[test]
fn forged_tokens_are_limited_by_address_and_the_same_whoever_they_name() {
    let (ec, foreign) = (elliptic("ec"), elliptic("ec"));
    for name in ["fi", "nobody"] {
        let gate = node(&settings(&[&ec.public]));
        let forge = |n: usize| ask(&gate, &foreign.token(&claims(&json!({"preferred_username": name, "jti": n}))));
        assert!((0..100).all(|n| forge(n) == Err(Refused::WrongToken)));
        assert_eq!(forge(100), Err(Refused::TooMany { seconds: 1 }), "{name}");
    }
}

#[test]
fn key_sets_are_read_and_odd_ones_refused() {
    let ec = elliptic("ec").public;
    let parse = |keys: Value| super::super::keys::Keys::parse(&json!({ "keys": keys }).to_string());
    let mut encryption = ec.clone();
    encryption["use"] = json!("enc");
    let mut private = ec.clone();
    private["d"] = json!("AAAA");
    let mut mismatched = ec.clone();
    mismatched["alg"] = json!("RS256");
    let mut short = json!({"kty": "RSA", "n": base64(&[255; 128]), "e": "AQAB"});
    assert!(parse(json!([ec, {"kty": "oct", "k": "AAAA"}, {"kty": "new"}, 3])).is_ok());
    for odd in
        [&encryption, &mismatched, &short, &json!({"kty": "oct", "k": "AAAA"}), &json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"})]
    {
        assert!(parse(json!([odd])).is_err_and(|why| why.contains("no key")), "{odd}");
    }
    short["n"] = json!(base64(&[255; 256]));
    assert!(parse(json!([short])).is_ok());
    assert!(parse(json!([private])).is_err_and(|why| why.contains("private")));
    assert!(parse(json!(vec![ec; 65])).is_err_and(|why| why.contains("at most")));
}

proptest::proptest! {
    #[test]
    fn any_text_as_a_token_is_refused_and_never_panics(text in "\\PC{0,60}", a in "[A-Za-z0-9_-]{0,30}", b in "[A-Za-z0-9_-]{0,30}") {
        proptest::prop_assert!(Jwt::read(&text).is_none());
        let _ = Jwt::read(&format!("{a}.{b}.{a}"));
        let head = base64(br#"{"alg":"ES256"}"#);
        let odd = format!("{head}.{b}.{a}");
        proptest::prop_assert!(Jwt::read(&odd).is_none_or(|jwt| jwt.claims.is_object()));
    }
}
