//! `buttress node token`, `issuer` and `user certificate`: call, print.

use std::error::Error;

use buttress_server::identity::limit::Rates;
use buttress_server::identity::oidc::Settings;
use buttress_server::identity::setup::{self, NewIssuer};
use buttress_server::tls;
use serde_json::json;

use crate::access_args::{Clients, Issuer, IssuerVerb, TokenVerb, UserCertificate};
use crate::exchange::{done, list, open};
use crate::exchange_args::NodeLook;
use crate::print::warn;
use buttress_server::clock::now;

fn moment(at: Option<i64>) -> String {
    at.map(setup::written).unwrap_or_default()
}

/// Whose certificates a node takes.
pub fn clients(args: &Clients) -> Option<tls::Clients> {
    let demand = if args.require_client_certificate { tls::Demand::Required } else { tls::Demand::Optional };
    args.client_ca.clone().map(|authority| tls::Clients { authority, demand })
}

/// Limits of a node.
pub fn rates(args: &Clients) -> Result<Rates, String> {
    Rates::parse(&args.rate)
}

/// Tokens of accounts.
pub fn token(verb: &TokenVerb) -> Result<(), Box<dyn Error>> {
    match verb {
        TokenVerb::Add { account, expires, note, look } => {
            let (text, token) = setup::add_token(&mut open(&look.kept)?, account, (expires, note), now())?;
            warn(&format!(
                "token {} of {account}, {}; it is shown this once: keep it where only its user reads it",
                setup::short(&token),
                token.expires.map_or_else(|| "which never ends".to_owned(), |at| format!("which ends {}", setup::written(at)))
            ));
            done(look, &json!({ "token": text, "id": setup::short(&token), "expires": moment(token.expires) }), &text);
        }
        TokenVerb::List { look } => {
            let row = |token: buttress_server::store::Token| {
                let id = setup::short(&token).to_owned();
                vec![id, token.account, moment(Some(token.made)), moment(token.expires), moment(token.used), token.note]
            };
            let rows = open(&look.kept)?.tokens()?.into_iter().map(row).collect();
            list(look, "tokens", &["token", "account", "made", "expires", "used", "note"], rows);
        }
        TokenVerb::Remove { token, look } => {
            let token = setup::remove_token(&mut open(&look.kept)?, token)?;
            let id = setup::short(&token);
            done(look, &json!({ "removed": id }), &format!("token {id} of {} removed", token.account));
        }
    }
    Ok(())
}

/// A certificate of an account.
pub fn certificate(args: &UserCertificate) -> Result<(), Box<dyn Error>> {
    let (bound, peer) = setup::typed_certificate(args.file.as_deref(), args.subject.as_deref())?;
    let mut store = open(&args.look.kept)?;
    let name = &args.name;
    if args.remove {
        setup::free_certificate(&mut store, name, &bound)?;
        done(&args.look, &json!({ "user": name, "freed": bound }), &format!("account {name} freed from {bound}"));
        return Ok(());
    }
    setup::bind_certificate(&mut store, name, &bound, now())?;
    let others = peer.as_ref().map_or(&[][..], |peer| &peer.names[1..]);
    let says = if others.is_empty() { String::new() } else { format!("\nthe certificate also says {}", others.join(" ")) };
    if let Some(peer) = peer.filter(|peer| !peer.is_good_at(now())) {
        warn(&format!("the certificate is good from {} to {} only", moment(Some(peer.not_before)), moment(Some(peer.not_after))));
    }
    done(&args.look, &json!({ "user": name, "bound": bound }), &format!("account {name} bound to {bound}{says}"));
    Ok(())
}

/// Issuers of tokens about people.
pub fn issuer(verb: &IssuerVerb) -> Result<(), Box<dyn Error>> {
    match verb {
        IssuerVerb::Add(args) => add_issuer(args)?,
        IssuerVerb::List { look } => {
            let mut rows = Vec::new();
            for row in open(&look.kept)?.issuers()? {
                let settings: Settings = serde_json::from_str(&row.settings)?;
                let named = settings.named.map(|named| format!("{} names {}", named.claim, named.accounts.join(" ")));
                let mapped = settings.map.iter().map(|m| format!("{}={}:{}", m.claim, m.value, m.account));
                let opens = named.into_iter().chain(mapped).collect::<Vec<_>>().join("; ");
                let keys = if settings.jwks.is_some() { "from a file" } else { "fetched" };
                rows.push(vec![row.url, settings.audience, keys.to_owned(), opens]);
            }
            list(look, "issuers", &["issuer", "audience", "keys", "opens"], rows);
        }
        IssuerVerb::Remove { url, look } => {
            if !open(&look.kept)?.remove_issuer(url)? {
                return Err(format!("there is no issuer `{url}`: `buttress node issuer list` shows them").into());
            }
            done(look, &json!({ "removed": url }), &format!("issuer {url} removed"));
        }
    }
    Ok(())
}

fn add_issuer(args: &Issuer) -> Result<(), Box<dyn Error>> {
    let new = NewIssuer {
        url: &args.url,
        audience: &args.audience,
        jwks: args.jwks.as_deref(),
        authority: args.ca.as_deref(),
        claim_name: args.claim_name.as_deref(),
        accounts: &args.accounts,
        map: &args.map,
    };
    setup::add_issuer(&mut open(&args.look.kept)?, &new)?;
    done(&args.look, &json!({ "issuer": args.url }), &format!("issuer {}", args.url));
    Ok(())
}

/// Prints the accounts with their ways in.
pub fn users(look: &NodeLook) -> Result<(), Box<dyn Error>> {
    let mut store = open(&look.kept)?;
    let (tokens, certificates) = (store.tokens()?, store.certificates()?);
    let mut rows = Vec::new();
    for a in store.accounts()? {
        let ways = setup::ways_in(&a, &tokens, &certificates, now());
        let ways = if ways.is_empty() { "none".to_owned() } else { ways.join(" ") };
        let words = |places: &std::collections::BTreeSet<buttress_server::store::Place>| {
            places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let holds = a.holds.iter().cloned().collect::<Vec<_>>().join(" ");
        let jobs = if store.may_start_jobs(&a.name)? { "yes" } else { "no" };
        let (reads, writes, clearance) = (words(&a.reads), words(&a.writes), a.clearance.word().to_owned());
        rows.push(vec![a.name, clearance, holds, reads, writes, jobs.to_owned(), ways]);
    }
    list(look, "users", &["name", "clearance", "holds", "read", "write", "jobs", "ways in"], rows);
    Ok(())
}
