//! What can be typed after `buttress share`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exchange_args::NodeLook;
use crate::share_content_args::ShareContent;

/// Verbs of the exchange with partners.
#[derive(Debug, Subcommand)]
pub enum ShareVerb {
    #[command(flatten)]
    Content(ShareContent),
    /// Make a partner known: another server of TAXII 2.1, with which a collection is exchanged.
    AddPartner(Box<NewPartnerArgs>),
    /// List the partners.
    Partners {
        #[command(flatten)]
        look: NodeLook,
    },
    /// Forget a partner and the ledger of what went which way; what came from it stays.
    RemovePartner {
        /// Name.
        name: String,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Bring what partners have for us, and withdraw what they withdrew.
    Pull {
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        how: PullArgs,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Send partners what they may see and have not got, and take back what they may no longer see.
    Push {
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Pull, then push, as each partner's direction says.
    Sync {
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        how: PullArgs,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Show how the exchange stands: counts, last success, last error, what is waiting, refused and in quarantine.
    Status {
        #[command(flatten)]
        with: With,
        /// Show instead which partners have this object.
        #[arg(long, value_name = "ID")]
        object: Option<String>,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Show what came and is no object, with the reason.
    Quarantine {
        #[command(flatten)]
        with: With,
        /// Let go of it, so that the next pull asks for it again.
        #[arg(long)]
        clear: bool,
        #[command(flatten)]
        look: NodeLook,
    },
}

/// With whom.
#[derive(Debug, Args)]
pub struct With {
    /// Partner; all of them when left out.
    #[arg(value_name = "PARTNER")]
    pub name: Option<String>,
}

/// How to pull.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// Bring only what was added since the last pull; do not compare the manifest.
    #[arg(long)]
    pub new: bool,
    /// Remove what the partner no longer lists even if that is all, or more than half of what came from it.
    #[arg(long)]
    pub accept_removals: bool,
}

/// A partner to be made known.
#[derive(Debug, Args)]
pub struct NewPartnerArgs {
    /// Our name for it.
    pub name: String,
    /// Address of its collection, <https://HOST:PORT/ROOT/collections/UUID/>, or of the API root beside --collection.
    #[arg(long)]
    pub url: String,
    /// Identifier of its collection.
    #[arg(long, value_name = "UUID")]
    pub collection: Option<String>,
    /// Our collection.
    #[arg(long, value_name = "ROOT/ID")]
    pub local: String,
    /// Which way objects go: pull, push or both.
    #[arg(long, value_parser = ["pull", "push", "both"], default_value = "pull")]
    pub direction: String,
    /// Our account whose clearance says what the partner may be sent.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Name of our account there.
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    pub user: Option<String>,
    /// Read the password from standard input, to the end of its first line.
    #[arg(long, requires = "user", conflicts_with = "token_stdin")]
    pub password_stdin: bool,
    /// Read a bearer token from standard input, to the end of its first line.
    #[arg(long)]
    pub token_stdin: bool,
    /// Certificate (PEM) to trust beside the public authorities: the partner's own, or that of who issued it.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Certificate chain (PEM) that we show.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// Private key (PEM) of that certificate.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
    /// Do not ask the partner whether it can be reached.
    #[arg(long)]
    pub unchecked: bool,
    #[command(flatten)]
    pub look: NodeLook,
}
