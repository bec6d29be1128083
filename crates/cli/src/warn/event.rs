//! What is said of the event: typed words, areas and languages on top of what the alert starts from.

use std::collections::BTreeMap;
use std::error::Error;

use buttress_wire::cap::draft::{SIMULATED, fill};
use buttress_wire::cap::{Alert, Area, Category, Certainty, Info, MsgType, Named, Severity, Urgency, grade};

use super::cap_time;
use crate::moment::text;
use crate::print::warn;
use crate::warn_args::{AreaArgs, EventArgs, WriteArgs};

/// Figures by name, for texts.
pub type FigureWords = BTreeMap<&'static str, String>;

type Told<T> = Result<T, Box<dyn Error>>;

/// Puts what was typed into the alert.
pub fn tell(args: &WriteArgs, alert: &mut Alert, figures: &FigureWords) -> Told<()> {
    let event = &args.event;
    if alert.info.is_empty() {
        match &event.event {
            Some(words) => alert.info.push(Info::new(Category::Infra, words, Urgency::Unknown, Severity::Unknown, Certainty::Unknown)),
            // A cancellation needs to say no more than what it ends.
            None if alert.msg_type == MsgType::Cancel && !says_more(event) => return Ok(()),
            None => return Err("say what the alert is about: --event TEXT, or --run, or --from with --data".into()),
        }
    }
    let area = area(&args.areas)?;
    for (i, info) in alert.info.iter_mut().enumerate() {
        codes(info, event)?;
        if let Some(area) = &area {
            info.area.push(area.clone());
        }
        // Words are of one language: the first.
        if i == 0 {
            words(info, event);
        }
    }
    let sent = alert.sent;
    for info in &mut alert.info {
        let is_simulated = info.description.as_ref().is_some_and(|text| text.starts_with(SIMULATED));
        if info.certainty == Certainty::Observed && is_simulated {
            warn("the certainty is Observed, and the description still says that it is simulated: give --description");
        }
        if event.urgency.is_none() && event.onset.is_some() {
            info.urgency = grade::urgency(info.onset, info.expires, sent);
        }
    }
    languages(alert, event, figures)
}

fn says_more(event: &EventArgs) -> bool {
    [&event.headline, &event.description, &event.instruction].iter().any(|text| text.is_some())
}

/// What is the same in every language.
fn codes(info: &mut Info, event: &EventArgs) -> Told<()> {
    if !event.category.is_empty() {
        info.category = event.category.iter().map(|word| (*word).into()).collect();
    }
    if !event.response.is_empty() {
        info.response_type = event.response.iter().map(|word| (*word).into()).collect();
    }
    info.urgency = event.urgency.map_or(info.urgency, Into::into);
    info.severity = event.severity.map_or(info.severity, Into::into);
    info.certainty = event.certainty.map_or(info.certainty, Into::into);
    for (slot, flag, typed) in [(&mut info.onset, "--onset", &event.onset), (&mut info.expires, "--expires", &event.expires)] {
        if let Some(text) = typed {
            *slot = Some(cap_time(text).map_err(|why| format!("{flag} {why}"))?);
        }
    }
    for text in &event.event_code {
        info.event_code.push(named("--event-code", text)?);
    }
    for text in &event.parameter {
        info.parameter.push(named("--parameter", text)?);
    }
    Ok(())
}

fn words(info: &mut Info, event: &EventArgs) {
    if let Some(words) = &event.event {
        info.event.clone_from(words);
    }
    for (slot, typed) in [
        (&mut info.language, &event.language),
        (&mut info.audience, &event.audience),
        (&mut info.sender_name, &event.sender_name),
        (&mut info.headline, &event.headline),
        (&mut info.description, &event.description),
        (&mut info.instruction, &event.instruction),
        (&mut info.web, &event.web),
        (&mut info.contact, &event.contact),
    ] {
        if typed.is_some() {
            slot.clone_from(typed);
        }
    }
}

fn named(flag: &str, text: &str) -> Told<Named> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok(Named::new(name.trim(), value.trim())),
        _ => Err(format!("{flag} {text}: write NAME=VALUE").into()),
    }
}

fn area(args: &AreaArgs) -> Told<Option<Area>> {
    let Some(words) = &args.area else { return Ok(None) };
    let mut area = Area::new(words);
    for text in &args.circle {
        area.circle.push(text.parse().map_err(|why| format!("--circle {text}: {why}"))?);
    }
    for text in &args.polygon {
        area.polygon.push(text.parse().map_err(|why| format!("--polygon {text}: {why}"))?);
    }
    for text in &args.geocode {
        area.geocode.push(named("--geocode", text)?);
    }
    Ok(Some(area))
}

/// Adds an information for each further language: the first one with other words.
fn languages(alert: &mut Alert, event: &EventArgs, figures: &FigureWords) -> Told<()> {
    let Some(path) = &event.texts else { return Ok(()) };
    let wrong = |why: String| format!("{}: {why}", path.display());
    let table: toml::Table = toml::from_str(&text(path)?).map_err(|why| wrong(why.to_string()))?;
    let Some(first) = alert.info.first().cloned() else { return Ok(()) };
    for (language, texts) in &table {
        let Some(texts) = texts.as_table() else {
            return Err(wrong(format!("`{language}` is no table: write [{language}] with headline = \"...\"")).into());
        };
        let mut info = Info { language: Some(language.clone()), ..first.clone() };
        // What is not told in this language is left out rather than told in another.
        (info.headline, info.description, info.instruction, info.audience) = (None, None, None, None);
        for (name, value) in texts {
            let Some(value) = value.as_str() else {
                return Err(wrong(format!("[{language}] {name} is no text: write it in quotes")).into());
            };
            let value = fill(value, figures).map_err(|why| wrong(format!("[{language}] {name}: {why}")))?;
            match name.as_str() {
                "event" => info.event = value,
                "headline" => info.headline = Some(value),
                "description" => info.description = Some(value),
                "instruction" => info.instruction = Some(value),
                "audience" => info.audience = Some(value),
                "contact" => info.contact = Some(value),
                "sender_name" => info.sender_name = Some(value),
                _ => {
                    let why =
                        format!("[{language}] {name}: write event, headline, description, instruction, audience, contact or sender_name");
                    return Err(wrong(why).into());
                }
            }
        }
        // A text in a language that is told already takes its place.
        alert.info.retain(|known| known.language_or_default() != language.as_str());
        alert.info.push(info);
    }
    Ok(())
}
