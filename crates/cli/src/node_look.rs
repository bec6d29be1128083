//! `buttress node audit|preview|received|backup|restore`: looking at a node and keeping it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use buttress_server::audit::{self, Entry};
use buttress_server::ledger;
use buttress_server::node;
use buttress_server::preview::preview;
use buttress_server::store::{self, Account, Collection, Place, Store};
use buttress_wire::stix::{Id, Instant};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exchange_args::NodeLook;
use crate::print::{Code, print, print_json, table};

/// Verbs that look at a node.
#[derive(Debug, Subcommand)]
pub enum LookVerb {
    /// Check the audit log from its beginning, and show its last entries.
    Audit {
        /// Entries shown.
        #[arg(long, default_value_t = 20)]
        last: usize,
        /// Only those of one account.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Show what an account would see: counts, what is withheld, and what the set reveals of each author.
    Preview {
        /// Account.
        account: String,
        /// Only this collection.
        #[arg(long, value_name = "ROOT/ID")]
        collection: Option<String>,
        /// List the identifiers too.
        #[arg(long)]
        ids: bool,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Show which accounts have been given an object, also one that was deleted or raised since.
    Received(Received),
    /// Write the node's database to a file, while it is in use.
    Backup {
        /// New file.
        file: PathBuf,
        #[command(flatten)]
        look: NodeLook,
    },
    /// Fill a new node from a backup, in either database.
    Restore {
        /// File that `backup` wrote.
        file: PathBuf,
        #[command(flatten)]
        look: NodeLook,
    },
}

/// Who has been given an object.
#[derive(Debug, Args)]
pub struct Received {
    /// Identifier of the object.
    pub object: String,
    #[command(flatten)]
    pub look: NodeLook,
}

type Failed = Box<dyn std::error::Error>;

fn open(look: &NodeLook) -> Result<Store, Failed> {
    Ok(node::open(&look.kept.data, look.kept.database.as_deref())?)
}

/// Looks at a node.
pub fn look(verb: &LookVerb) -> Code {
    match verb {
        LookVerb::Audit { last, account, look } => show_audit(*last, account.as_deref(), look)?,
        LookVerb::Preview { account, collection, ids, look } => show_preview(account, collection.as_deref(), *ids, look)?,
        LookVerb::Received(received) => show_received(received)?,
        LookVerb::Backup { file, look } => {
            let n = store::back_up(&node::location(&look.kept.data, look.kept.database.as_deref())?, file)?;
            say(look, &json!({ "file": file, "n_rows": n }), &format!("{n} rows in {}", file.display()));
        }
        LookVerb::Restore { file, look } => {
            let n = store::restore(file, &node::location(&look.kept.data, look.kept.database.as_deref())?)?;
            say(look, &json!({ "file": file, "n_rows": n }), &format!("{n} rows from {}", file.display()));
        }
    }
    Ok(0)
}

fn say(look: &NodeLook, value: &serde_json::Value, text: &str) {
    if look.json {
        print_json(value);
    } else {
        print(&format!("{text}\n"));
    }
}

fn show_audit(last: usize, account: Option<&str>, look: &NodeLook) -> Result<(), Failed> {
    let mut entries: std::collections::VecDeque<Entry> = std::collections::VecDeque::new();
    let head = audit::verify(&look.kept.data.join(node::AUDIT), &mut |entry| {
        if account.is_none_or(|name| name == entry.account) {
            entries.push_back(entry.clone());
            if entries.len() > last {
                entries.pop_front();
            }
        }
    })?;
    if look.json {
        print_json(&json!({ "n_entries": head.n, "hash": head.hex(), "entries": entries }));
        return Ok(());
    }
    let mut t = table(&["n", "at", "account", "asked", "status", "objects"], 6);
    for e in &entries {
        let asked = e.fault.as_ref().map_or_else(|| e.asked.clone(), |fault| format!("{}\n{fault}", e.asked));
        t.add_row([e.n.to_string(), e.at.clone(), e.account.clone(), asked, e.status.to_string(), e.n_objects.to_string()]);
    }
    print(&format!("{t}\n{} entries follow from each other; the last has the hash {}\n", head.n, head.hex()));
    Ok(())
}

fn place_of(collection: &Collection) -> Place {
    Place { root: collection.root.clone(), id: collection.id.clone() }
}

fn show_preview(name: &str, only: Option<&str>, with_ids: bool, look: &NodeLook) -> Result<(), Failed> {
    let mut store = open(look)?;
    let view = store.view()?;
    let account: Account = view
        .directory
        .accounts
        .iter()
        .find(|a| a.name == name)
        .cloned()
        .ok_or_else(|| format!("there is no account `{name}`: `buttress node user list` shows them"))?;
    let mut found = Vec::new();
    for collection in view.directory.collections.iter().filter(|c| only.is_none_or(|text| place_of(c).to_string() == text)) {
        found.push(preview(&mut store, &view, &account, collection)?);
    }
    if found.is_empty() {
        return Err("there is no such collection: `buttress node collection list` shows them".into());
    }
    if look.json {
        if !with_ids {
            found.iter_mut().for_each(|p| p.ids.clear());
        }
        print_json(&json!({ "account": name, "collections": found }));
        return Ok(());
    }
    let counts = |counts: &BTreeMap<String, usize>| counts.iter().map(|(k, n)| format!("{n} {k}")).collect::<Vec<_>>().join("\n");
    let mut t = table(&["collection", "may read", "sees", "without parts", "of", "by author"], 6);
    for p in &found {
        let may = if p.can_read { "yes" } else { "no" };
        let row = [p.collection.clone(), may.into(), counts(&p.seen), p.n_redacted.to_string(), p.n_kept.to_string(), counts(&p.by_author)];
        t.add_row(row);
    }
    print(&format!("{t}\n"));
    if with_ids {
        found.iter().flat_map(|p| &p.ids).for_each(|id| print(&format!("{id}\n")));
    }
    Ok(())
}

fn show_received(received: &Received) -> Result<(), Failed> {
    let id = Id::parse(&received.object)
        .ok_or_else(|| format!("`{}` is no identifier: write a type, two hyphens and a UUID in small letters", received.object))?;
    let mut store = open(&received.look)?;
    let (collections, accounts) = (store.collections()?, store.accounts()?);
    let mut rows = Vec::new();
    for collection in &collections {
        let traces = store.traces(collection.number, &id)?;
        for account in &accounts {
            let given = ledger::given(&mut store, &account.name, collection.number)?;
            for trace in traces.iter().filter(|trace| given.contains(trace.added as u64)) {
                let deleted = trace.deleted.map(|at| Instant(at).to_string());
                rows.push((account.name.clone(), place_of(collection).to_string(), trace.version.clone(), deleted));
            }
        }
    }
    if received.look.json {
        let row = |(account, collection, version, deleted): &(String, String, String, Option<String>)| json!({ "account": account, "collection": collection, "version": version, "deleted": deleted });
        print_json(&json!({ "object": id.as_str(), "received": rows.iter().map(row).collect::<Vec<_>>() }));
        return Ok(());
    }
    let mut t = table(&["account", "collection", "version", "deleted"], 4);
    rows.into_iter().for_each(|(account, collection, version, deleted)| {
        t.add_row([account, collection, version, deleted.unwrap_or_default()]);
    });
    print(&format!("{t}\n"));
    Ok(())
}
