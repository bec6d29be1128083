//! What can be typed after `buttress serve` and `buttress node`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::node_look::LookVerb;

/// Where a node keeps its things.
#[derive(Debug, Args)]
pub struct Kept {
    /// Folder of the node; made where it is missing.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Database instead of the one in the folder: `postgres://USER@HOST/NAME`.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// A node and how to print.
#[derive(Debug, Args)]
pub struct NodeLook {
    #[command(flatten)]
    pub kept: Kept,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Serving.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub kept: Kept,
    /// Address and port. Other machines reach a node only at an address other than the loopback, which demands accounts.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// Certificate chain (PEM) in place of the self-signed one.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Private key (PEM) of the certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
}

/// What is set up.
#[derive(Debug, Subcommand)]
pub enum NodeVerb {
    /// API roots: where a community's collections hang together.
    Root {
        #[command(subcommand)]
        verb: RootVerb,
    },
    /// Collections of a root.
    Collection {
        #[command(subcommand)]
        verb: CollectionVerb,
    },
    /// Accounts: who logs in, cleared for what.
    User {
        #[command(subcommand)]
        verb: UserVerb,
    },
    #[command(flatten)]
    Look(LookVerb),
}

/// What is removed, and how to print.
#[derive(Debug, Args)]
pub struct Removed {
    /// What is removed.
    pub name: String,
    #[command(flatten)]
    pub look: NodeLook,
}

/// Verbs of roots.
#[derive(Debug, Subcommand)]
pub enum RootVerb {
    /// Make a root.
    Add {
        /// Name: part of the path, such as `joint`.
        name: String,
        /// Title; the name when left out.
        #[arg(long)]
        title: Option<String>,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Remove a root that has no collections.
    Remove(Removed),
    /// List the roots.
    List {
        #[command(flatten)]
        look: NodeLook,
    },
}

/// Verbs of collections.
#[derive(Debug, Subcommand)]
pub enum CollectionVerb {
    /// Make a collection, or change its title and ceiling.
    Add {
        /// Root it belongs to.
        root: String,
        /// Identifier, a UUID.
        id: String,
        /// Title.
        #[arg(long)]
        title: String,
        /// Markings added to all that is put in: a word of TLP or marking-definition--UUID.
        #[arg(long, value_name = "MARKING,...", value_delimiter = ',')]
        ceiling: Vec<String>,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Remove a collection, written ROOT/ID, with all it holds.
    Remove(Removed),
    /// List the collections.
    List {
        #[command(flatten)]
        look: NodeLook,
    },
}

/// Verbs of accounts.
#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Make an account, or replace it.
    Add(Box<NewUser>),
    /// List the accounts.
    List {
        #[command(flatten)]
        look: NodeLook,
    },
    /// Remove an account.
    Remove {
        /// Name.
        name: String,
        #[command(flatten)]
        look: NodeLook,
    },
}

/// An account to be made.
#[derive(Debug, Args)]
pub struct NewUser {
    /// Name.
    pub name: String,
    /// Read the password from standard input, to the end of its first line.
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Level of TLP that the account is cleared for: clear, green, amber, amber+strict or red.
    #[arg(long, value_name = "LEVEL", default_value = "amber")]
    pub clearance: String,
    /// Organisation.
    #[arg(long, value_name = "NAME")]
    pub org: Option<String>,
    /// Nation, two letters.
    #[arg(long, value_name = "XX")]
    pub nation: Option<String>,
    /// Groups, such as EU,NATO.
    #[arg(long, value_name = "GROUP,...", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// Collections that may be read.
    #[arg(long, value_name = "ROOT/ID,...", value_delimiter = ',')]
    pub read: Vec<String>,
    /// Collections that may be added to.
    #[arg(long, value_name = "ROOT/ID,...", value_delimiter = ',')]
    pub write: Vec<String>,
    #[command(flatten)]
    pub look: NodeLook,
}
