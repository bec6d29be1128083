//! A node's folder and what is set up in it from a script.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use buttress_wire::stix::Id;
use buttress_wire::stix::marking::Tlp;

use crate::identity::{NoRandomness, kept_form};
use crate::store::{Account, Location, Place, Store, StoreError};

/// Marking of objects that have none.
const DEFAULT_MARKING: Tlp = Tlp::Amber;
/// Folder of the audit log in a node's folder.
pub const AUDIT: &str = "audit";
/// Shortest password taken, characters.
const MIN_PASSWORD: usize = 8;

/// Why a node cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error("{path}: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No salt for a password.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Something typed.
    #[error("{0}")]
    Typed(String),
}

fn typed<T>(why: impl Into<String>) -> Result<T, NodeError> {
    Err(NodeError::Typed(why.into()))
}

/// Where a node keeps its objects: in an embedded database in its folder, which is made, or at a `postgres://` URL.
pub fn location(folder: &Path, database: Option<&str>) -> Result<Location, NodeError> {
    std::fs::create_dir_all(folder).map_err(|e| NodeError::Folder { path: folder.to_owned(), why: e.to_string() })?;
    match database {
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(Location::Postgres(url.to_owned())),
        Some(url) => typed(format!("`{url}` is no address of a database: give postgres://USER@HOST/NAME, or leave --database out")),
        None => Ok(Location::Sqlite(folder.join("node.db"))),
    }
}

/// Opens what a node keeps.
pub fn open(location: &Location) -> Result<Store, NodeError> {
    let Some(marking) = Id::parse(&DEFAULT_MARKING.id()) else { return typed("the default marking has no identifier") };
    Ok(Store::open(location, marking)?)
}

/// Who acts without login while a node has no accounts and listens to its own machine only.
pub fn operator() -> Account {
    Account {
        name: "operator".to_owned(),
        password: String::new(),
        clearance: Tlp::Red,
        holds: BTreeSet::new(),
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
    }
}

/// Makes an API root; its name is a part of a path.
pub fn add_root(store: &mut Store, name: &str, title: &str) -> Result<(), NodeError> {
    let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    if !is_name || name == crate::taxii::DISCOVERY {
        return typed(format!("`{name}` cannot be a root: write small letters, digits and hyphens, and not `{}`", crate::taxii::DISCOVERY));
    }
    Ok(store.set_root(name, title)?)
}

/// Makes a collection of a root. A ceiling is a word of TLP or the identifier of a marking definition.
pub fn add_collection(store: &mut Store, place: &Place, title: &str, ceiling: &[String]) -> Result<(), NodeError> {
    if !store.roots()?.iter().any(|root| root.0 == place.root) {
        return typed(format!("there is no root `{0}`: make it with `buttress node root add {0}`", place.root));
    }
    if uuid::Uuid::try_parse(&place.id).is_err() {
        return typed(format!("`{}` is no UUID: TAXII names collections by UUID, such as one of `uuidgen`", place.id));
    }
    let marking = |word: &String| match Tlp::from_word(word).map_or_else(|| Id::parse(word), |tlp| Id::parse(&tlp.id())) {
        Some(id) if id.kind() == "marking-definition" => Ok(id),
        _ => typed(format!("`{word}` is no marking: write clear, green, amber, amber+strict, red or marking-definition--UUID")),
    };
    let ceiling = ceiling.iter().map(marking).collect::<Result<BTreeSet<Id>, _>>()?;
    store.set_collection(&place.root, &place.id, title, &ceiling)?;
    Ok(())
}

/// What a new account is to be.
#[derive(Debug, Clone, Default)]
pub struct NewAccount<'a> {
    /// Name, without a colon.
    pub name: &'a str,
    /// Password in plain text.
    pub password: &'a str,
    /// Word of TLP.
    pub clearance: &'a str,
    /// Organisation.
    pub organisation: Option<&'a str>,
    /// Nation, two letters.
    pub nation: Option<&'a str>,
    /// Groups such as `EU` or `NATO`.
    pub groups: &'a [String],
    /// Collections that may be read, `root/id`.
    pub reads: &'a [String],
    /// Collections that may be added to, `root/id`.
    pub writes: &'a [String],
}

/// Makes an account, or replaces it.
pub fn add_account(store: &mut Store, new: &NewAccount) -> Result<(), NodeError> {
    if new.name.is_empty() || new.name.chars().any(|c| c == ':' || c.is_control()) {
        return typed(format!("`{}` cannot be a name: write one without a colon", new.name.escape_debug()));
    }
    if new.password.chars().count() < MIN_PASSWORD {
        return typed(format!("the password is too short: give at least {MIN_PASSWORD} characters on standard input"));
    }
    let Some(clearance) = Tlp::from_word(new.clearance) else {
        return typed(format!("`{}` is no clearance: write clear, green, amber, amber+strict or red", new.clearance));
    };
    let mut holds: BTreeSet<String> = new.groups.iter().cloned().collect();
    holds.extend(new.nation.map(str::to_owned));
    holds.extend(new.organisation.map(|o| format!("org:{o}")));
    if let Some(odd) = holds.iter().find(|h| h.is_empty() || h.chars().any(char::is_control)) {
        return typed(format!("`{}` cannot be a group, nation or organisation", odd.escape_debug()));
    }
    let known: BTreeSet<Place> = store.collections()?.into_iter().map(|c| Place { root: c.root, id: c.id }).collect();
    let place = |text: &String| match Place::parse(text) {
        Some(place) if known.contains(&place) => Ok(place),
        _ => typed(format!("there is no collection `{text}`: write ROOT/ID of one that `buttress node collection list` shows")),
    };
    let reads = new.reads.iter().map(place).collect::<Result<_, _>>()?;
    let writes = new.writes.iter().map(place).collect::<Result<_, _>>()?;
    let account = Account { name: new.name.to_owned(), password: kept_form(new.password)?, clearance, holds, reads, writes };
    Ok(store.set_account(&account)?)
}
