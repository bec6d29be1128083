//! `buttress serve` and `buttress node`: call, print.

use std::io::BufRead;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use buttress_server::api::Api;
use buttress_server::jobs::{Bounds, CaseDigest, Jobs, Workshop};
use buttress_server::listen;
use buttress_server::node::{self, NewAccount};
use buttress_server::store::{Place, Store};
use buttress_server::taxii::{Parts, Service};
use buttress_server::tls::{Certificate, Tls};
use serde_json::{Value, json};

use crate::access;
use crate::exchange_args::{CollectionVerb, JobArgs, Kept, NewUser, NodeLook, NodeVerb, RootVerb, Serve, UserVerb};
use crate::node_look;
use crate::print::{Code, print, print_json, table, warn};

/// Opens what a node keeps.
pub fn open(kept: &Kept) -> Result<Store, node::NodeError> {
    node::open(&kept.data, kept.database.as_deref())
}

/// Serves a node until it is told to end.
pub fn serve(args: &Serve) -> Code {
    let location = node::location(&args.kept.data, args.kept.database.as_deref())?;
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
    let (rates, guest) = (access::rates(&args.clients)?, is_local.then(node::operator));
    let service = Arc::new(Service::new(Parts { rates, guest, ..Parts::usual(store, location, &args.kept.data)? })?);
    let jobs = Jobs::open(workshop(&args.kept.data, &args.jobs)?)?;
    let api = Api::new(jobs, service.clone(), buttress::io::report::SCRIPT);
    let tls = Tls { certificate, clients: access::clients(&args.clients) };
    listen::serve((service, Some(api)), args.listen, &tls, |address| {
        let login = if has_accounts { ", user=\"NAME\", password=\"...\"" } else { "" };
        print(&format!(
            "TAXII 2.1 at https://{address}/taxii2/ (certificate {path})\n\nWith taxii2-client:\n  from taxii2client.v21 import Server\n  \
             server = Server(\"https://{address}/taxii2/\", verify=\"{path}\"{login})\n",
            path = tls.certificate.certificate.display(),
        ));
    })?;
    Ok(0)
}

/// What jobs are worked on with: this program, in the folder of the node.
fn workshop(data: &Path, args: &JobArgs) -> Result<Workshop, Box<dyn std::error::Error>> {
    let case = args.case.as_ref().map(|folder| folder.canonicalize().map_err(|e| format!("{}: {e}", folder.display()))).transpose()?;
    let case_digest: CaseDigest = if let Some(folder) = case.clone() {
        buttress::load(Some(&folder))?;
        // A folder may change while the node runs: it is read for each question.
        Box::new(move || buttress::case_digest(Some(&folder)).map_err(|e| e.to_string()))
    } else {
        // Only a node that is asked for jobs pays for reading the embedded case.
        static EMBEDDED: OnceLock<Result<String, String>> = OnceLock::new();
        Box::new(|| EMBEDDED.get_or_init(|| buttress::case_digest(None).map_err(|e| e.to_string())).clone())
    };
    Ok(Workshop {
        folder: std::path::absolute(data)?.join("jobs"),
        program: std::env::current_exe()?,
        version: buttress::VERSION.to_owned(),
        case,
        case_digest,
        bounds: Bounds {
            at_a_time: usize::from(args.jobs),
            time: Duration::from_hours(u64::from(args.job_hours)),
            keep: Duration::from_hours(24 * u64::from(args.keep_jobs)),
            ..Bounds::default()
        },
    })
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
        NodeVerb::Root { verb: RootVerb::Remove(gone) } => {
            if !open(&gone.look.kept)?.remove_root(&gone.name)? {
                return Err(format!("there is no root `{}`: `buttress node root list` shows them", gone.name).into());
            }
            done(&gone.look, &json!({ "removed": gone.name }), &format!("root {} removed", gone.name));
        }
        NodeVerb::Collection { verb: CollectionVerb::Remove(gone) } => {
            let mut store = open(&gone.look.kept)?;
            let found = Place::parse(&gone.name).map(|place| store.collection_at(&place)).transpose()?;
            let collection = found
                .flatten()
                .ok_or_else(|| format!("there is no collection `{}`: `buttress node collection list` shows them", gone.name))?;
            let n = store.remove_collection(&collection)?;
            let text = format!("collection {} removed with {n} objects", gone.name);
            done(&gone.look, &json!({ "removed": gone.name, "n_objects": n }), &text);
        }
        NodeVerb::Look(verb) => return node_look::look(verb),
        NodeVerb::User { verb: UserVerb::Add(user) } => add_user(user)?,
        NodeVerb::User { verb: UserVerb::Remove { name, look } } => {
            let mut store = open(&look.kept)?;
            store.withdraw_jobs(name)?;
            if !store.remove_account(name)? {
                return Err(format!("there is no account `{name}`: `buttress node user list` shows them").into());
            }
            done(look, &json!({ "removed": name }), &format!("account {name} removed"));
        }
        NodeVerb::User { verb: UserVerb::List { look } } => access::users(look)?,
        NodeVerb::User { verb: UserVerb::Certificate(certificate) } => access::certificate(certificate)?,
        NodeVerb::Token { verb } => access::token(verb)?,
        NodeVerb::Issuer { verb } => access::issuer(verb)?,
    }
    Ok(0)
}

fn add_user(user: &NewUser) -> Result<(), Box<dyn std::error::Error>> {
    let mut password = String::new();
    if user.password_stdin {
        std::io::stdin().lock().read_line(&mut password)?;
    } else {
        warn("the account has no password: give it a token (`buttress node token add`) or a certificate (`node user certificate`)");
    }
    let new = NewAccount {
        name: &user.name,
        password: user.password_stdin.then_some(password.trim_end_matches(['\r', '\n'])),
        clearance: &user.clearance,
        organisation: user.org.as_deref(),
        nation: user.nation.as_deref(),
        groups: &user.groups,
        reads: &user.read,
        writes: &user.write,
    };
    let mut store = open(&user.look.kept)?;
    node::add_account(&mut store, &new)?;
    if user.jobs { store.grant_jobs(&user.name) } else { store.withdraw_jobs(&user.name) }?;
    if user.read.is_empty() && user.write.is_empty() {
        warn("the account may read and write no collection: give --read and --write");
    }
    done(&user.look, &json!({ "user": user.name }), &format!("account {}", user.name));
    Ok(())
}

/// Says what was done.
pub fn done(look: &NodeLook, value: &Value, text: &str) {
    if look.json {
        print_json(value);
    } else {
        print(&format!("{text}\n"));
    }
}

/// Prints rows as a table, or as a list of objects under a name.
pub fn list(look: &NodeLook, name: &str, header: &[&str], rows: Vec<Vec<String>>) {
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
