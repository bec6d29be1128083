//! What can be typed after `buttress node token`, `issuer` and `user certificate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exchange_args::NodeLook;

/// What a node asks of its clients.
#[derive(Debug, Args)]
pub struct Clients {
    /// Authorities (PEM) whose client certificates are taken; a client without one may still log in by password or token.
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Take no connection without a client certificate.
    #[arg(long, requires = "client_ca")]
    pub require_client_certificate: bool,
    /// Limits: account=N, address=N (requests a second), mib=N (sent by an account a minute), logins=N, names=N (failed logins a
    /// minute); N:BURST allows a burst [default: account=2000:4000,address=4000:8000,mib=4096,logins=10,names=30].
    #[arg(long, value_name = "WHAT=N,...", value_delimiter = ',')]
    pub rate: Vec<String>,
}

/// Verbs of tokens.
#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Make a token of an account and print it, this once.
    Add {
        /// Account that it opens.
        account: String,
        /// When it ends: a number of days such as 90d, a date (it ends as that day begins, UTC), or never.
        #[arg(long, value_name = "END", default_value = "90d")]
        expires: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        #[command(flatten)]
        look: NodeLook,
    },
    /// List the tokens, which are kept as digests.
    List {
        #[command(flatten)]
        look: NodeLook,
    },
    /// Remove a token.
    Remove {
        /// Its first column in the list, or its text.
        token: String,
        #[command(flatten)]
        look: NodeLook,
    },
}

/// A certificate of an account.
#[derive(Debug, Args)]
pub struct UserCertificate {
    /// Account.
    pub name: String,
    /// Certificate (PEM); the account is bound to its fingerprint.
    #[arg(value_name = "FILE", conflicts_with = "subject", required_unless_present = "subject")]
    pub file: Option<PathBuf>,
    /// What a certificate must say instead: CN=NAME,O=ORGANISATION,C=XX (last part first), dns:, email:, uri: or sha256:HEX.
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,
    /// Free the certificate from the account.
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub look: NodeLook,
}

/// Verbs of issuers.
#[derive(Debug, Subcommand)]
pub enum IssuerVerb {
    /// Take tokens of an issuer (OIDC), or change what is taken.
    Add(Box<Issuer>),
    /// List the issuers.
    List {
        #[command(flatten)]
        look: NodeLook,
    },
    /// Take no tokens of an issuer any more.
    Remove {
        /// Its URL.
        url: String,
        #[command(flatten)]
        look: NodeLook,
    },
}

/// An issuer to be taken.
#[derive(Debug, Args)]
pub struct Issuer {
    /// URL, exactly as in the claim `iss`.
    pub url: String,
    /// What the issuer writes into `aud` for this node.
    #[arg(long, value_name = "TEXT")]
    pub audience: String,
    /// Public keys as a JWK set; without it they are fetched from the issuer over https.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// Authorities (PEM) to trust when fetching, in place of those of the public web.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks")]
    pub ca: Option<PathBuf>,
    /// Claim that holds the name of an account, such as `preferred_username`.
    #[arg(long, value_name = "CLAIM", requires = "accounts")]
    pub claim_name: Option<String>,
    /// Accounts that the issuer may name; '*' for all.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "claim_name")]
    pub accounts: Vec<String>,
    /// Everybody with this value of a claim acts as a copy of this account, under a name of their own; may be repeated.
    #[arg(long, value_name = "CLAIM=VALUE:ACCOUNT")]
    pub map: Vec<String>,
    #[command(flatten)]
    pub look: NodeLook,
}
