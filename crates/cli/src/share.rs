//! `buttress share`: call, print.

use std::error::Error;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::time::Duration;

use buttress_server::client::Access;
use buttress_server::federation::{
    self, FederationError, NewPartner, Options, PartnerStatus, Pulled, Pushed, Removals, Scope, Watch, time_text,
};
use buttress_server::store::{Direction, Run, Store};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::exchange::{done, list, open};
use crate::exchange_args::NodeLook;
use crate::print::{Code, print, print_json, warn};
use crate::share_args::{NewPartnerArgs, PullArgs, ShareVerb, With};

/// A line on a terminal that says how far an exchange is; nothing in a pipe.
struct Line(Option<ProgressBar>);

impl Line {
    fn new(partner: &str) -> Line {
        if !std::io::stderr().is_terminal() {
            return Line(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(partner.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Line(Some(bar))
    }
}

impl Watch for Line {
    fn told(&self, what: &str, n: usize) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{what} {n}"));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Exchanges with partners.
pub fn share(verb: &ShareVerb) -> Code {
    match verb {
        ShareVerb::Content(verb) => crate::share_publish::run(verb),
        ShareVerb::AddPartner(new) => add_partner(new),
        ShareVerb::Partners { look } => partners(look),
        ShareVerb::RemovePartner { name, look } => {
            if !open(&look.kept)?.remove_partner(name)? {
                return Err(format!("there is no partner `{name}`: `buttress share partners` shows them").into());
            }
            done(look, &json!({ "removed": name }), &format!("partner {name} removed; what came from it stays"));
            Ok(0)
        }
        ShareVerb::Pull { with, how, look } => each(with, look, Some(Direction::Push), |store, name, line| {
            Ok(Told { pulled: Some(federation::pull(store, name, &options(how), line)), pushed: None })
        }),
        ShareVerb::Push { with, look } => each(with, look, Some(Direction::Pull), |store, name, line| {
            Ok(Told { pulled: None, pushed: Some(federation::push(store, name, &Options::default(), line)) })
        }),
        ShareVerb::Sync { with, how, look } => each(with, look, None, |store, name, line| {
            let synced = federation::sync(store, name, &options(how), line)?;
            Ok(Told { pulled: synced.pulled, pushed: synced.pushed })
        }),
        ShareVerb::Status { object: Some(id), look, .. } => object(id, look),
        ShareVerb::Status { with, object: None, look } => status(with, look),
        ShareVerb::Quarantine { with, clear, look } => {
            if *clear {
                let (mut store, mut n) = (open(&look.kept)?, 0);
                for name in names(&mut store, with)? {
                    n += store.clear_quarantine(&name)?;
                }
                done(look, &json!({ "cleared": n }), &format!("{n} texts let go; the next pull asks for them again"));
                return Ok(0);
            }
            quarantine(with, look)
        }
    }
}

/// The partner named, or all.
fn names(store: &mut Store, with: &With) -> Result<Vec<String>, Box<dyn Error>> {
    match &with.name {
        Some(name) => Ok(vec![federation::partner(store, name)?.name]),
        None => Ok(store.partners()?.into_iter().map(|partner| partner.name).collect()),
    }
}

fn options(how: &PullArgs) -> Options {
    Options {
        removals: if how.accept_removals { Removals::Accept } else { Removals::Ask },
        scope: if how.new { Scope::New } else { Scope::Whole },
        ..Options::default()
    }
}

fn file(path: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn add_partner(new: &NewPartnerArgs) -> Code {
    let mut secret = String::new();
    if new.password_stdin || new.token_stdin {
        std::io::stdin().lock().read_line(&mut secret)?;
        secret.truncate(secret.trim_end_matches(['\r', '\n']).len());
        if secret.is_empty() {
            return Err("there is nothing on standard input: send the password or token there".into());
        }
    }
    let identity = match (&new.client_certificate, &new.client_key) {
        (Some(certificate), Some(key)) => Some((file(certificate)?, file(key)?)),
        _ => None,
    };
    let access = Access {
        login: new.user.clone().map(|name| (name, secret.clone())),
        token: new.token_stdin.then_some(secret),
        trust: new.trust.as_deref().map(file).transpose()?,
        identity,
    };
    let given = NewPartner {
        name: &new.name,
        url: &new.url,
        collection: new.collection.as_deref(),
        place: &new.local,
        direction: &new.direction,
        account: new.account.as_deref(),
        access,
    };
    let mut store = open(&new.look.kept)?;
    let partner = federation::add_partner(&mut store, given)?;
    federation::keep_secret(&new.look.kept.data)?;
    let mut text = format!("partner {}", new.name);
    if !new.unchecked {
        match federation::probe(&partner) {
            Ok(there) => {
                let may = |is: bool| if is { "may" } else { "may not" };
                text += &format!(": `{}`, which we {} read and {} add to", there.title, may(there.can_read), may(there.can_write));
            }
            Err(error) => warn(&format!("the partner is kept, and could not be reached: {error}")),
        }
    }
    done(&new.look, &json!({ "partner": new.name }), &text);
    Ok(0)
}

fn partners(look: &NodeLook) -> Code {
    let rows = open(&look.kept)?.partners()?.into_iter().map(|partner| {
        let user = match (&partner.access.login, &partner.access.token, &partner.access.identity) {
            (Some((name, _)), _, _) => name.clone(),
            (None, Some(_), _) => "(token)".to_owned(),
            (None, None, Some(_)) => "(certificate)".to_owned(),
            (None, None, None) => String::new(),
        };
        vec![partner.name, partner.direction.word().to_owned(), partner.place.to_string(), partner.account, user, partner.url]
    });
    list(look, "partners", &["partner", "direction", "local", "as", "user", "url"], rows.collect());
    Ok(0)
}

/// What an exchange with one partner did.
struct Told {
    pulled: Option<Result<Pulled, FederationError>>,
    pushed: Option<Result<Pushed, FederationError>>,
}

/// Exchanges with the partner named, or in turn with all but those of one direction; one that fails does not keep the others.
fn each(
    with: &With,
    look: &NodeLook,
    but: Option<Direction>,
    exchange: impl Fn(&mut Store, &str, &Line) -> Result<Told, FederationError>,
) -> Code {
    let mut store = open(&look.kept)?;
    let mut names = names(&mut store, with)?;
    if with.name.is_none() {
        let partners = store.partners()?;
        names.retain(|name| partners.iter().any(|partner| partner.name == *name && Some(partner.direction) != but));
    }
    if names.is_empty() {
        return Err("there is no partner for that: make one known with `buttress share add-partner`".into());
    }
    let (mut all, mut code) = (Vec::new(), 0);
    for name in names {
        let line = Line::new(&name);
        let told = exchange(&mut store, &name, &line)?;
        drop(line);
        let mut value = json!({ "partner": name });
        let mut text = Vec::new();
        match &told.pulled {
            Some(Ok(pulled)) => {
                value["pulled"] = json!(pulled);
                text.push(pulled_text(pulled));
                code |= u8::from(pulled.withheld > 0 || pulled.quarantined > 0);
                pulled.warnings.iter().for_each(|warning| warn(&format!("{name}: {warning}")));
            }
            Some(Err(error)) => {
                value["pull_error"] = json!(error.to_string());
                warn(&format!("{name}: pull failed: {error}"));
                code = 1;
            }
            None => {}
        }
        match &told.pushed {
            Some(Ok(pushed)) => {
                value["pushed"] = json!(pushed);
                text.push(pushed_text(pushed));
                code |= u8::from(pushed.failed > 0 || pushed.stuck > 0);
                pushed.warnings.iter().for_each(|warning| warn(&format!("{name}: {warning}")));
            }
            Some(Err(error)) => {
                value["push_error"] = json!(error.to_string());
                warn(&format!("{name}: push failed: {error}"));
                code = 1;
            }
            None => {}
        }
        if !look.json {
            text.into_iter().for_each(|text| print(&format!("{name}: {text}\n")));
        }
        all.push(value);
    }
    if look.json {
        print_json(&json!({ "partners": all }));
    }
    Ok(code)
}

fn pulled_text(p: &Pulled) -> String {
    format!(
        "pulled {} new, {} replaced, {} known, {} in quarantine; withdrawn there: {} deleted here, {} kept, {} held back",
        p.added, p.replaced, p.known, p.quarantined, p.deleted, p.kept, p.withheld
    )
}

fn pushed_text(p: &Pushed) -> String {
    format!("pushed {}, taken back {}, refused {}, unanswered {}, not deleted there {}", p.sent, p.withdrawn, p.failed, p.open, p.stuck)
}

fn run_value(run: &Run) -> Value {
    let moment = |at: i64| if at == 0 { Value::Null } else { json!(time_text(at)) };
    json!({ "last_success": moment(run.succeeded), "last_try": moment(run.tried), "last_error": run.error })
}

fn status_value(s: &PartnerStatus) -> Value {
    json!({
        "partner": s.name, "received": s.received, "known": s.known, "withdrawn_there": s.withdrawn_there, "sent": s.sent,
        "withdrawn_here": s.withdrawn_here, "waiting": s.waiting, "failed": s.failed, "stuck": s.stuck,
        "quarantined": s.quarantined, "pull": run_value(&s.pull), "push": run_value(&s.push), "unknown": s.unknown,
        "troubles": s.troubles,
    })
}

fn status(with: &With, look: &NodeLook) -> Code {
    let mut store = open(&look.kept)?;
    let mut all = Vec::new();
    for name in names(&mut store, with)? {
        all.push(federation::status(&mut store, &name)?);
    }
    if look.json {
        print_json(&json!({ "partners": all.iter().map(status_value).collect::<Vec<_>>() }));
        return Ok(0);
    }
    let run = |run: &Run| if run.succeeded == 0 { "never".to_owned() } else { time_text(run.succeeded) };
    for s in &all {
        print(&format!(
            "{}\n  from there: {} received, {} known, {} withdrawn, {} in quarantine; last pulled {}\n  \
             to there: {} sent, {} taken back, {} waiting, {} refused, {} not deleted there; last pushed {}\n",
            s.name,
            s.received,
            s.known,
            s.withdrawn_there,
            s.quarantined,
            run(&s.pull),
            s.sent,
            s.withdrawn_here,
            s.waiting,
            s.failed,
            s.stuck,
            run(&s.push)
        ));
        for (verb, run) in [("pull", &s.pull), ("push", &s.push)].iter().filter(|(_, run)| !run.error.is_empty()) {
            print(&format!("  last {verb} at {} failed: {}\n", time_text(run.tried), run.error));
        }
        if !s.unknown.is_empty() {
            print(&format!("  {}\n", s.unknown));
        }
        for t in &s.troubles {
            print(&format!("  {} {} {} after {} tries: {}\n", t.state, t.id, t.version, t.attempts, t.reason));
        }
    }
    Ok(0)
}

fn object(id: &str, look: &NodeLook) -> Code {
    let holders = federation::holders(&mut open(&look.kept)?, id)?;
    if look.json {
        print_json(&json!({ "object": id, "partners": holders }));
        return Ok(0);
    }
    let rows = holders.into_iter().map(|h| {
        let way = if h.way == "in" { "from there" } else { "to there" };
        vec![h.partner, way.to_owned(), h.version, h.state.to_owned(), time_text(h.moment), h.reason]
    });
    list(look, "partners", &["partner", "way", "version", "state", "when", "reason"], rows.collect());
    Ok(0)
}

fn quarantine(with: &With, look: &NodeLook) -> Code {
    let mut store = open(&look.kept)?;
    let mut rows = Vec::new();
    for name in names(&mut store, with)? {
        let row = |q: buttress_server::store::Quarantined| {
            let shown: String = q.text.chars().take(if look.json { usize::MAX } else { 60 }).collect();
            vec![name.clone(), q.id, q.version, time_text(q.moment), q.reason, shown]
        };
        rows.extend(store.quarantine(&name)?.into_iter().map(row));
    }
    list(look, "quarantine", &["partner", "id", "version", "when", "reason", "text"], rows);
    Ok(0)
}
