//! What an alert starts from: nothing, a simulation, an earlier message, or a warning of a node.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use buttress::model::Asset;
use buttress_server::duty::warning::{Origin, origin};
use buttress_wire::cap::draft::{self, Place, When, Widths};
use buttress_wire::cap::{Alert, MsgType, Reference, ResponseType, Scope, Status, Time, Urgency, read};
use buttress_wire::incident::figures::Run;
use buttress_wire::stix::Id;
use buttress_wire::stix::marking::Tlp;

use super::cap_time;
use super::event::FigureWords;
use crate::moment::{bytes, now};
use crate::print::warn;
use crate::warn_args::WriteArgs;

/// What an alert starts from.
pub enum Start {
    /// A message as it came.
    Message(Vec<u8>),
    /// An alert to be completed, and the figures that go into texts.
    Alert(Box<Alert>, FigureWords),
}

type Started<T> = Result<T, Box<dyn Error>>;

/// A marking in words.
pub fn marking_word(id: &Id) -> String {
    Tlp::from_id(id).map_or_else(|| id.to_string(), |level| format!("TLP:{}", level.word().to_uppercase()))
}

/// Works out what the alert starts from.
pub fn start(args: &WriteArgs) -> Started<Start> {
    let basis = &args.basis;
    if let Some(id) = &basis.from {
        return from_node(args, id);
    }
    let mut alert = match (&basis.update, &basis.cancel) {
        (Some(earlier), _) => following(args, earlier, MsgType::Update)?,
        (_, Some(earlier)) => following(args, earlier, MsgType::Cancel)?,
        _ => headed(args, args.sender.as_ref(), Scope::Restricted)?,
    };
    let mut figures = FigureWords::new();
    if let Some(path) = &basis.run {
        let run = crate::incident::run_result(path, basis.of.as_deref())?;
        figures = draft::figures(&run);
        let hour_0 = basis.hour_0.as_deref().map(cap_time).transpose()?;
        let when = When { sent: alert.sent, hour_0 };
        let widths =
            Widths { radius_km: width("--radius-km", args.areas.radius_km)?, corridor_km: width("--corridor-km", args.areas.corridor_km)? };
        let places = places(&run, basis.case.as_deref())?;
        alert.info = vec![draft::info(&run, &places, widths, when)];
    }
    Ok(Start::Alert(Box::new(alert), figures))
}

fn width(flag: &str, km: f64) -> Started<f64> {
    if km.is_finite() && km > 0.0 { Ok(km) } else { Err(format!("{flag} is {km}; give kilometres, above 0").into()) }
}

fn sent(args: &WriteArgs) -> Started<Time> {
    match &args.sent {
        Some(text) => cap_time(text).map_err(|why| format!("--sent {why}").into()),
        None => Ok(Time::utc(now(None, None)?.timestamp())?),
    }
}

/// An alert with its head and nothing else.
fn headed(args: &WriteArgs, sender: Option<&String>, scope: Scope) -> Started<Alert> {
    let Some(status) = args.status else {
        return Err("say how the alert is to be handled: --status actual, exercise, system, test or draft".into());
    };
    let Some(sender) = sender else { return Err("say who sends the alert: --sender NAME, such as desk@operator.example".into()) };
    let identifier = args.identifier.as_deref().unwrap_or_default();
    Ok(Alert::new(identifier, sender, sent(args)?, status.into(), MsgType::Alert, scope))
}

fn from_node(args: &WriteArgs, text: &str) -> Started<Start> {
    match origin_of(args, text)? {
        Origin::Message(found) => {
            if changes(args) {
                return Err(format!(
                    "{text} came in CAP and goes out as it came; to say something else write --update {text} or --cancel {text}"
                )
                .into());
            }
            Ok(Start::Message(found))
        }
        Origin::Drafted(drafted) => {
            let mut alert = headed(args, args.sender.as_ref(), drafted.scope)?;
            alert.restriction.clone_from(&drafted.restriction);
            if alert.scope == Scope::Private {
                // The rule stays for people to read; in CAP only a restricted message has one.
                alert.note = alert.restriction.take();
            }
            alert.info = vec![drafted.info];
            Ok(Start::Alert(Box::new(alert), FigureWords::new()))
        }
    }
}

/// Whether anything is typed that a message as it came could not say.
fn changes(args: &WriteArgs) -> bool {
    let e = &args.event;
    let texts = [
        &args.sender,
        &args.identifier,
        &args.sent,
        &args.restriction,
        &args.source,
        &args.note,
        &e.event,
        &e.language,
        &e.audience,
        &e.onset,
        &e.expires,
        &e.sender_name,
        &e.headline,
        &e.description,
        &e.instruction,
        &e.web,
        &e.contact,
        &args.areas.area,
    ];
    let lists = [&args.address, &args.code, &args.incident, &e.event_code, &e.parameter];
    texts.iter().any(|t| t.is_some())
        || lists.iter().any(|l| !l.is_empty())
        || args.status.is_some()
        || args.scope.is_some()
        || !e.category.is_empty()
        || !e.response.is_empty()
        || e.urgency.is_some()
        || e.severity.is_some()
        || e.certainty.is_some()
        || e.texts.is_some()
}

fn origin_of(args: &WriteArgs, text: &str) -> Started<Origin> {
    let Some(id) = Id::parse(text) else {
        return Err(format!("`{text}` is no identifier of STIX: write a type, two hyphens and a UUID").into());
    };
    let Some(folder) = &args.basis.data else { return Err(format!("{text} is an object of a node: give --data DIR").into()) };
    Ok(origin(&mut crate::incident::existing(folder, args.basis.database.as_deref())?, &id)?)
}

/// The message an update or a cancellation is about, and its content where that is at hand.
fn earlier(args: &WriteArgs, text: &str) -> Started<(Reference, Option<Alert>)> {
    if Id::parse(text).is_some() {
        return match origin_of(args, text)? {
            Origin::Message(found) => with_content(&found, text),
            Origin::Drafted(_) => Err(format!("{text} did not come in CAP, so there is no earlier message; write --from {text}").into()),
        };
    }
    if Path::new(text).is_file() {
        return with_content(&bytes(Path::new(text))?, text);
    }
    match text.parse::<Reference>() {
        Ok(reference) => Ok((reference, None)),
        Err(_) => Err(format!("`{text}` is no earlier message: write sender,identifier,sent (sent as 2026-01-15T05:00:00-00:00), a file, or an object of the node").into()),
    }
}

fn with_content(found: &[u8], name: &str) -> Started<(Reference, Option<Alert>)> {
    let alert = read(found).map_err(|why| format!("{name}: {why}"))?;
    Ok((alert.reference(), Some(alert)))
}

/// An update or a cancellation. It names all earlier messages of the chain and starts with what the last one said.
fn following(args: &WriteArgs, text: &str, msg_type: MsgType) -> Started<Alert> {
    let (reference, content) = earlier(args, text)?;
    let sender = args.sender.clone().unwrap_or_else(|| reference.sender.clone());
    if sender != reference.sender {
        warn(&format!("the earlier message was sent by {}: receivers may take no notice of {sender}", reference.sender));
    }
    let sent = sent(args)?;
    let Some(mut alert) = content else {
        let mut alert = headed(args, Some(&sender), Scope::Restricted)?;
        alert.msg_type = msg_type;
        alert.references = vec![reference];
        return Ok(alert);
    };
    alert.references.push(reference);
    alert.identifier = args.identifier.clone().unwrap_or_default();
    alert.sender = sender;
    alert.sent = sent;
    alert.msg_type = msg_type;
    if let Some(status) = args.status {
        alert.status = status.into();
    }
    // The purpose was that of the earlier message; an exercise keeps its name.
    alert.note = alert.note.filter(|_| alert.status == Status::Exercise);
    if msg_type == MsgType::Cancel {
        for info in &mut alert.info {
            info.urgency = Urgency::Past;
            info.response_type = vec![ResponseType::AllClear];
            info.expires = None;
        }
    }
    Ok(alert)
}

/// Where the affected assets are: those damaged first, then those that failed with them.
fn places(run: &Run, case: Option<&Path>) -> Started<Vec<Place>> {
    let case = buttress::load(case)?;
    if run.case_digest.as_deref().is_some_and(|digest| digest != case.digest()) {
        warn(
            "the simulation was made with another case than this one; places are taken where the keys are the same (give its own with --case)",
        );
    }
    let by_key: BTreeMap<&str, &Asset> = case.assets().iter().map(|a| (a.key.as_str(), a)).collect();
    let mut keys: Vec<&str> = run.damaged.iter().map(|d| d.asset.as_str()).collect();
    let others: Vec<&str> = run.failed.iter().map(String::as_str).filter(|key| !keys.contains(key)).collect();
    keys.extend(others);
    let n_unknown = keys.iter().filter(|key| !by_key.contains_key(*key)).count();
    if n_unknown > 0 {
        warn(&format!("{n_unknown} of {} affected assets are not in the case and get no area", keys.len()));
    }
    if keys.len() > draft::MAX_AREAS {
        warn(&format!("{} assets are affected; the first {} get an area", keys.len(), draft::MAX_AREAS));
    }
    Ok(keys.iter().filter_map(|key| by_key.get(key)).map(|asset| place(asset)).collect())
}

fn place(asset: &Asset) -> Place {
    let made_up = if asset.provenance == "synthetic" { ", synthetic" } else { "" };
    Place { name: format!("{}{made_up}", asset.name), kind: asset.kind.clone(), lat_deg: asset.lat, lon_deg: asset.lon, ends: asset.ends }
}
