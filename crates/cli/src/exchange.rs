//! `buttress serve` and `buttress node`: call, print.

use std::io::BufRead;

use buttress_server::listen::{self, Certificate};
use buttress_server::node::{self, NewAccount};
use buttress_server::store::{Place, Store};
use buttress_server::taxii::Service;
use serde_json::{Value, json};

use crate::exchange_args::{CollectionVerb, Kept, NewUser, NodeLook, NodeVerb, RootVerb, Serve, UserVerb};
use crate::print::{Code, print, print_json, table, warn};

fn open(kept: &Kept) -> Result<Store, node::NodeError> {
    node::open(&kept.data, kept.database.as_deref())
}

/// Serves a node until it is told to end.
pub fn serve(args: &Serve) -> Code {
    let mut store = open(&args.kept)?;
    let has_accounts = !store.accounts()?.is_empty();
    let is_local = args.listen.ip().is_loopback();
    if !has_accounts && !is_local {
        return Err(format!(
            "{} can be reached by others, and the node has no accounts: make one with `buttress node user add`",
            args.listen
        )
        .into());
    }
    let certificate = match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => Certificate { certificate: certificate.clone(), key: key.clone() },
        _ => Certificate::in_folder(&args.kept.data)?,
    };
    let service = Service::new(store, is_local.then(node::operator))?;
    listen::serve(service, args.listen, &certificate, |address| {
        let login = if has_accounts { ", user=\"NAME\", password=\"...\"" } else { "" };
        print(&format!(
            "TAXII 2.1 at https://{address}/taxii2/ (certificate {path})\n\nWith taxii2-client:\n  from taxii2client.v21 import Server\n  \
             server = Server(\"https://{address}/taxii2/\", verify=\"{path}\"{login})\n",
            path = certificate.certificate.display(),
        ));
    })?;
    Ok(0)
}

/// Sets a node up.
pub fn node(verb: &NodeVerb) -> Code {
    match verb {
        NodeVerb::Root { verb: RootVerb::Add { name, title, look } } => {
            node::add_root(&mut open(&look.kept)?, name, title.as_deref().unwrap_or(name))?;
            done(look, &json!({ "root": name }), &format!("root {name}"));
        }
        NodeVerb::Root { verb: RootVerb::List { look } } => {
            let roots = open(&look.kept)?.roots()?;
            list(look, "roots", &["root", "title"], roots.into_iter().map(|(name, title)| vec![name, title]).collect());
        }
        NodeVerb::PublishDefinitions { root, look } => {
            let (place, put) =
                buttress_server::content::publish_definitions(&mut open(&look.kept)?, root, crate::share_content_args::now())?;
            let text = format!("definitions in {place}: {} added, {} there already", put.n_added, put.n_unchanged);
            done(look, &json!({ "collection": place.to_string(), "added": put.n_added, "unchanged": put.n_unchanged }), &text);
        }
        NodeVerb::Collection { verb: CollectionVerb::Add { root, id, title, ceiling, look } } => {
            let place = Place { root: root.clone(), id: id.clone() };
            node::add_collection(&mut open(&look.kept)?, &place, title, ceiling)?;
            done(look, &json!({ "collection": place.to_string() }), &format!("collection {place}"));
        }
        NodeVerb::Collection { verb: CollectionVerb::List { look } } => {
            let row = |c: buttress_server::store::Collection| {
                let ceiling = c.ceiling.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                vec![c.root, c.id, c.title, ceiling]
            };
            let rows = open(&look.kept)?.collections()?.into_iter().map(row).collect();
            list(look, "collections", &["root", "id", "title", "ceiling"], rows);
        }
        NodeVerb::User { verb: UserVerb::Add(user) } => add_user(user)?,
        NodeVerb::User { verb: UserVerb::Remove { name, look } } => {
            if !open(&look.kept)?.remove_account(name)? {
                return Err(format!("there is no account `{name}`: `buttress node user list` shows them").into());
            }
            done(look, &json!({ "removed": name }), &format!("account {name} removed"));
        }
        NodeVerb::User { verb: UserVerb::List { look } } => {
            let row = |a: buttress_server::store::Account| {
                let words =
                    |places: &std::collections::BTreeSet<Place>| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let holds = a.holds.iter().cloned().collect::<Vec<_>>().join(" ");
                vec![a.name, a.clearance.word().to_owned(), holds, words(&a.reads), words(&a.writes)]
            };
            let rows = open(&look.kept)?.accounts()?.into_iter().map(row).collect();
            list(look, "users", &["name", "clearance", "holds", "read", "write"], rows);
        }
    }
    Ok(0)
}

fn add_user(user: &NewUser) -> Result<(), Box<dyn std::error::Error>> {
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let new = NewAccount {
        name: &user.name,
        password: password.trim_end_matches(['\r', '\n']),
        clearance: &user.clearance,
        organisation: user.org.as_deref(),
        nation: user.nation.as_deref(),
        groups: &user.groups,
        reads: &user.read,
        writes: &user.write,
    };
    node::add_account(&mut open(&user.look.kept)?, &new)?;
    if user.read.is_empty() && user.write.is_empty() {
        warn("the account may read and write no collection: give --read and --write");
    }
    done(&user.look, &json!({ "user": user.name }), &format!("account {}", user.name));
    Ok(())
}

fn done(look: &NodeLook, value: &Value, text: &str) {
    if look.json {
        print_json(value);
    } else {
        print(&format!("{text}\n"));
    }
}

fn list(look: &NodeLook, name: &str, header: &[&str], rows: Vec<Vec<String>>) {
    if look.json {
        let row = |row: &Vec<String>| header.iter().zip(row).map(|(h, x)| ((*h).to_owned(), json!(x))).collect::<serde_json::Map<_, _>>();
        print_json(&json!({ name: rows.iter().map(row).collect::<Vec<_>>() }));
        return;
    }
    let mut t = table(header, header.len());
    rows.into_iter().for_each(|row| {
        t.add_row(row);
    });
    print(&format!("{t}\n"));
}
