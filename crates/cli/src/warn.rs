//! `buttress warn`: words to meaning, one call, one print.

mod basis;
mod event;

use std::error::Error;
use std::path::Path;

use buttress_server::duty::warning::{self, TakenIn};
use buttress_wire::Instant;
use buttress_wire::cap::{Alert, Finding, Level, MsgType, Scope, Time, check, read, write};
use buttress_wire::stix::Id;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::exchange_args::NodeLook;
use crate::moment::{bytes, moment, now, offset};
use crate::print::{Code, print, print_json, warn};
use crate::warn_args::{WarnVerb, WriteArgs};
use basis::Start;

/// Runs a verb; the number is the exit code.
pub fn run(verb: &WarnVerb) -> Code {
    match verb {
        WarnVerb::Check { file, json } => check_file(file, *json),
        WarnVerb::Write(args) => write_alert(args),
        WarnVerb::Read { file, to, marking, look, now: given } => {
            let now = now(given.as_deref(), None)?;
            take_in(file, (to, marking), look, now)
        }
    }
}

fn level(finding: &Finding) -> &'static str {
    if finding.level == Level::Error { "error" } else { "warning" }
}

fn line(finding: &Finding) -> String {
    format!("{}: {}: {}; {}", level(finding), finding.path, finding.what, finding.advice)
}

fn finding_json(finding: &Finding) -> Value {
    json!({ "level": level(finding), "path": finding.path, "what": finding.what, "advice": finding.advice })
}

fn check_file(file: &Path, as_json: bool) -> Code {
    let found = bytes(file)?;
    let alert = match read(&found) {
        Ok(alert) => alert,
        Err(why) if as_json => {
            print_json(&json!({ "is_cap": false, "why": why.to_string(), "findings": [] }));
            return Ok(2);
        }
        Err(why) => return Err(format!("{}: {why}", file.display()).into()),
    };
    let findings = check(&alert);
    let n_errors = findings.iter().filter(|f| f.level == Level::Error).count();
    if as_json {
        let message = alert.reference().to_string();
        print_json(&json!({
            "is_cap": true, "message": message, "message_type": alert.msg_type.as_str(), "status": alert.status.as_str(),
            "scope": alert.scope.as_str(), "n_errors": n_errors, "n_warnings": findings.len() - n_errors,
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        }));
    } else {
        print(&format!("{}: {}, {}, {}\n", alert.reference(), alert.msg_type, alert.status, alert.scope));
        findings.iter().for_each(|f| print(&format!("{}\n", line(f))));
        print(&format!("{n_errors} errors, {} warnings\n", findings.len() - n_errors));
    }
    Ok(u8::from(!findings.is_empty()))
}

fn take_in(file: &Path, (to, marking): (&str, &[String]), look: &NodeLook, now: Instant) -> Code {
    let found = bytes(file)?;
    let mut store = crate::incident::existing(&look.kept.data, look.kept.database.as_deref())?;
    let taken = warning::take_in(&mut store, &found, (to, marking), now).map_err(|why| format!("{}: {why}", file.display()))?;
    let TakenIn { sighting, observed, markings, n_added, notes } = &taken;
    let words: Vec<String> = markings.iter().map(basis::marking_word).collect();
    if look.json {
        print_json(&json!({
            "sighting": sighting.as_ref().map(Id::as_str), "observed_data": observed.as_str(), "n_added": n_added,
            "markings": markings.iter().map(Id::as_str).collect::<Vec<_>>(), "notes": notes,
        }));
    } else {
        let id = sighting.as_ref().unwrap_or(observed);
        print(&format!("{id}: {n_added} objects added, marked {}\n", words.join(" and ")));
        notes.iter().for_each(|note| print(&format!("{note}\n")));
    }
    Ok(0)
}

fn write_alert(args: &WriteArgs) -> Code {
    let text = match basis::start(args)? {
        Start::Message(found) => found,
        Start::Alert(alert, figures) => {
            let alert = complete(args, *alert, &figures)?;
            let findings = check(&alert);
            findings.iter().filter(|f| f.level == Level::Warning).for_each(|f| warn(&line(f)));
            write(&alert).map_err(|findings| refusal(&findings))?.into_bytes()
        }
    };
    match &args.out {
        Some(path) => std::fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))?,
        None => print(&String::from_utf8_lossy(&text)),
    }
    Ok(0)
}

fn refusal(findings: &[Finding]) -> String {
    let errors: Vec<String> =
        findings.iter().filter(|f| f.level == Level::Error).map(|f| format!("{}: {}; {}", f.path, f.what, f.advice)).collect();
    format!("the alert breaks the standard and is not written:\n{}", errors.join("\n"))
}

/// A moment as CAP writes it: with the offset that was typed, or that of the zone that was typed.
fn cap_time(text: &str) -> Result<Time, Box<dyn Error>> {
    let (at, zone) = moment(text, None)?;
    let zone = zone.or_else(|| offset(text)).unwrap_or(TimeZone::UTC);
    let minutes = zone.to_offset(at.timestamp()).seconds() / 60;
    Ok(Time::at(at.timestamp(), i16::try_from(minutes).unwrap_or(0))?)
}

/// The alert with everything that was typed on top of what it starts from.
fn complete(args: &WriteArgs, mut alert: Alert, figures: &event::FigureWords) -> Result<Alert, Box<dyn Error>> {
    let set = |slot: &mut Option<String>, typed: &Option<String>| {
        if typed.is_some() {
            slot.clone_from(typed);
        }
    };
    set(&mut alert.source, &args.source);
    set(&mut alert.note, &args.note);
    alert.code.extend(args.code.iter().cloned());
    alert.incidents.extend(args.incident.iter().cloned());
    scope(args, &mut alert)?;
    event::tell(args, &mut alert, figures)?;
    if alert.identifier.is_empty() {
        alert.identifier = identifier(&alert);
    }
    Ok(alert)
}

/// How wide a scope is.
fn width(scope: Scope) -> u8 {
    match scope {
        Scope::Public => 2,
        Scope::Restricted => 1,
        Scope::Private => 0,
    }
}

/// The scope typed, which must not be wider than that of what the alert starts from.
fn scope(args: &WriteArgs, alert: &mut Alert) -> Result<(), Box<dyn Error>> {
    if let Some(typed) = args.scope.map(Scope::from) {
        let has_basis = args.basis.from.is_some() || alert.msg_type != MsgType::Alert;
        if has_basis && width(typed) > width(alert.scope) {
            let rule = alert.restriction.as_deref().map_or(String::new(), |rule| format!(" ({rule})"));
            let scope = alert.scope;
            return Err(format!(
                "--scope would be wider than what the alert starts from, which is {scope}{rule}; leave it out, or write a new alert"
            )
            .into());
        }
        if typed != alert.scope {
            alert.restriction = None;
        }
        alert.scope = typed;
    }
    if args.restriction.is_some() {
        alert.restriction.clone_from(&args.restriction);
    }
    if alert.scope == Scope::Restricted && alert.restriction.is_none() {
        alert.restriction = Some("TLP:AMBER".to_owned());
    }
    if !args.address.is_empty() {
        alert.addresses.clone_from(&args.address);
    }
    Ok(())
}

/// A name that no other message of the sender has: the second it is sent, and a digest of what it says.
fn identifier(alert: &Alert) -> String {
    // FNV-1a: names must differ, not resist anybody.
    let digest =
        format!("{alert:?}").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let sent = alert.sent.timestamp().to_zoned_datetime(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("{sent}-{:08x}", digest >> 32)
}
