//! Ways in, set up from a script.

use std::path::Path;

use super::certificate::{Peer, bound_text};
use super::oidc::{Issuer, Mapping, Named, Settings};
use super::{keys, token};
use crate::node::{NodeError, typed};
use crate::store::{Bound, IssuerRow, Store, Token};

/// Letters of a digest that stand for a token in lists.
const SHORT: usize = 12;
/// Longest note at a token, characters.
const MAX_NOTE: usize = 200;

fn must_exist(store: &mut Store, account: &str) -> Result<(), NodeError> {
    if store.accounts()?.iter().any(|known| known.name == account) {
        return Ok(());
    }
    typed(format!("there is no account `{account}`: `buttress node user list` shows them"))
}

/// A moment as it is shown, to the second.
pub fn written(at: i64) -> String {
    jiff::Timestamp::from_second(at.div_euclid(1_000_000)).map(|at| at.to_string()).unwrap_or_default()
}

/// What stands for a token in lists.
pub fn short(token: &Token) -> &str {
    token.digest.get(..SHORT).unwrap_or(&token.digest)
}

/// Makes a token of an account; its text, which is kept nowhere, and what is kept.
pub fn add_token(store: &mut Store, account: &str, (expires, note): (&str, &str), now: i64) -> Result<(String, Token), NodeError> {
    must_exist(store, account)?;
    if note.chars().count() > MAX_NOTE || note.chars().any(char::is_control) {
        return typed(format!("the note is no line of at most {MAX_NOTE} characters"));
    }
    let expires = token::expiry(expires, now).map_err(NodeError::Typed)?;
    let text = token::fresh()?;
    let digest = token::digest_of(&text).map(|digest| crate::hex::hex(&digest)).unwrap_or_default();
    let token = Token { digest, account: account.to_owned(), made: now, expires, used: None, note: note.to_owned() };
    store.add_token(&token)?;
    Ok((text, token))
}

/// Removes the token that a list shows under this word, or whose text it is.
pub fn remove_token(store: &mut Store, word: &str) -> Result<Token, NodeError> {
    let by_text = token::digest_of(word).map(|digest| crate::hex::hex(&digest));
    let is_meant = |token: &Token| by_text.as_deref().map_or_else(|| short(token) == word || token.digest == word, |d| d == token.digest);
    let mut meant: Vec<Token> = store.tokens()?.into_iter().filter(is_meant).collect();
    match (meant.pop(), meant.is_empty()) {
        (Some(token), true) => {
            store.remove_token(&token.digest)?;
            Ok(token)
        }
        (Some(_), false) => typed("several tokens are shown under this word: give the text of the one".to_owned()),
        // The word may be a secret, so it is not repeated.
        (None, _) => typed("there is no such token: `buttress node token list` shows them".to_owned()),
    }
}

/// The certificate that somebody typed: a file, or a text to be bound by.
pub fn typed_certificate(file: Option<&Path>, subject: Option<&str>) -> Result<(String, Option<Peer>), NodeError> {
    match (file, subject) {
        (Some(path), None) => {
            let peer = Peer::of_file(path).map_err(NodeError::Typed)?;
            Ok((format!("sha256:{}", crate::hex::hex(&peer.fingerprint)), Some(peer)))
        }
        (None, Some(text)) => Ok((bound_text(text).map_err(NodeError::Typed)?, None)),
        _ => typed("give the file of a certificate, or a name in certificates with --subject"),
    }
}

/// Binds a certificate to an account.
pub fn bind_certificate(store: &mut Store, account: &str, bound: &str, now: i64) -> Result<(), NodeError> {
    must_exist(store, account)?;
    if let Some(other) = store.certificates()?.into_iter().find(|known| known.bound == bound && known.account != account) {
        return typed(format!(
            "`{bound}` is bound to account `{}`: free it with `buttress node user certificate {} --subject {bound} --remove`",
            other.account, other.account
        ));
    }
    Ok(store.bind_certificate(&Bound { bound: bound.to_owned(), account: account.to_owned() }, now)?)
}

/// Frees a certificate from an account.
pub fn free_certificate(store: &mut Store, account: &str, bound: &str) -> Result<(), NodeError> {
    if store.free_certificate(&Bound { bound: bound.to_owned(), account: account.to_owned() })? {
        return Ok(());
    }
    typed(format!("`{bound}` is not bound to account `{account}`: `buttress node user list` shows what is"))
}

/// Ways in that an account has, in words.
pub fn ways_in(account: &crate::store::Account, tokens: &[Token], certificates: &[Bound], now: i64) -> Vec<String> {
    let mut ways = Vec::new();
    if !account.password.is_empty() {
        ways.push("password".to_owned());
    }
    let is_live = |token: &&Token| token.account == account.name && token.expires.is_none_or(|at| at > now);
    match tokens.iter().filter(is_live).count() {
        0 => {}
        1 => ways.push("1 token".to_owned()),
        n => ways.push(format!("{n} tokens")),
    }
    ways.extend(certificates.iter().filter(|c| c.account == account.name).map(|c| c.bound.clone()));
    ways
}

/// What an issuer is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewIssuer<'a> {
    /// URL, as in the claim `iss`.
    pub url: &'a str,
    /// What must stand in `aud`.
    pub audience: &'a str,
    /// File of a JWK set.
    pub jwks: Option<&'a Path>,
    /// File of authorities to trust when fetching.
    pub authority: Option<&'a Path>,
    /// Claim that names an account.
    pub claim_name: Option<&'a str>,
    /// Accounts that the issuer may name.
    pub accounts: &'a [String],
    /// Mappings, `CLAIM=VALUE:ACCOUNT`.
    pub map: &'a [String],
}

/// Keeps an issuer; its keys are read or fetched once, so that a mistake shows now.
pub fn add_issuer(store: &mut Store, new: &NewIssuer) -> Result<(), NodeError> {
    let is_url = new.url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
    if !is_url {
        return typed(format!("`{}` is no issuer: write its URL with https, exactly as in the claim `iss`", new.url));
    }
    if new.audience.is_empty() {
        return typed("the audience is empty: give what the issuer writes into `aud` for this node");
    }
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| NodeError::Typed(format!("{}: {e}", path.display())));
    let (jwks, authority) = (new.jwks.map(read).transpose()?, new.authority.map(read).transpose()?);
    for account in new.accounts.iter().filter(|account| *account != "*") {
        must_exist(store, account)?;
    }
    let named = match (new.claim_name, new.accounts.is_empty()) {
        (Some(claim), false) => Some(Named { claim: claim.to_owned(), accounts: new.accounts.to_vec() }),
        (None, true) => None,
        (Some(_), true) => return typed("--claim-name lets the issuer speak for accounts: say for which with --accounts, or '*' for all"),
        (None, false) => return typed("--accounts needs --claim-name: the claim that holds the name of an account"),
    };
    let mut map = Vec::new();
    for text in new.map {
        let parts = text.split_once('=').and_then(|(claim, rest)| Some((claim, rest.rsplit_once(':')?)));
        let Some((claim, (value, account))) = parts.filter(|(claim, (value, _))| !claim.is_empty() && !value.is_empty()) else {
            return typed(format!("`{text}` is no mapping: write CLAIM=VALUE:ACCOUNT, such as groups=grid-readers:grid"));
        };
        must_exist(store, account)?;
        map.push(Mapping { claim: claim.to_owned(), value: value.to_owned(), account: account.to_owned() });
    }
    if named.is_none() && map.is_empty() {
        return typed("the issuer would open nothing: give --claim-name with --accounts, or --map CLAIM=VALUE:ACCOUNT");
    }
    let source = new.jwks.map_or(new.url.to_owned(), |path| path.display().to_string());
    let settings = Settings { url: new.url.to_owned(), audience: new.audience.to_owned(), jwks, authority, named, map };
    if settings.jwks.is_none() {
        keys::fetch(&settings.url, settings.authority.as_deref())
            .map_err(|why| NodeError::Typed(format!("the issuer's keys cannot be had: {why}; or give them with --jwks FILE")))?;
    }
    let text = serde_json::to_string(&settings).map_err(|e| NodeError::Typed(e.to_string()))?;
    Issuer::new(settings).map_err(|why| NodeError::Typed(format!("{source}: {why}")))?;
    Ok(store.set_issuer(&IssuerRow { url: new.url.to_owned(), settings: text })?)
}
