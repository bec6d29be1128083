//! `buttress incident`: words to meaning, one call, one print.

mod shown;
mod typed;

use std::error::Error;
use std::path::Path;

use buttress_server::duty::incident::{self, Incident};
use buttress_server::node;
use buttress_server::store::Store;
use buttress_wire::Instant;
use buttress_wire::incident::clock::Submission;
use buttress_wire::incident::form::Form;
use buttress_wire::incident::kept::Clocks;
use buttress_wire::incident::{Awareness, Duty, Law, Sector};
use serde_json::json;

use crate::exchange_args::Kept;
use crate::incident_args::{ClockArgs, DoneArgs, FormArgs, IncidentVerb, NoteArgs, OpenArgs, Regime, SignificanceArgs};
use crate::moment::{moment, now};
use crate::print::{Code, print, print_json, warn};

/// Runs a verb; the number is the exit code.
pub fn run(verb: &IncidentVerb) -> Code {
    match verb {
        IncidentVerb::Clock(args) => clock(args),
        IncidentVerb::Significance(args) => significance(args),
        IncidentVerb::Form(args) => form(args),
        IncidentVerb::Open(args) => open(args),
        IncidentVerb::List { look, now: given } => {
            let now = now(given.now.as_deref(), None)?;
            Ok(shown::list(&incident::list(&mut store(&look.kept)?)?, now, look.json))
        }
        IncidentVerb::Show { incident, look, now: given } => {
            let now = now(given.now.as_deref(), None)?;
            shown::incident(&incident::find(&mut store(&look.kept)?, incident)?, now, look.json)
        }
        IncidentVerb::Done(args) => done(args),
        IncidentVerb::Note(args) => note(args),
    }
}

/// A node that is there: an empty one would hide a mistyped folder.
fn store(kept: &Kept) -> Result<Store, Box<dyn Error>> {
    existing(&kept.data, kept.database.as_deref())
}

/// The result of a run, from a file, a folder or standard input.
pub use typed::run as run_result;

/// Opens the node of a folder, which must be one already.
pub fn existing(folder: &Path, database: Option<&str>) -> Result<Store, Box<dyn Error>> {
    if database.is_none() && !folder.join("node.db").is_file() {
        return Err(format!("{} holds no node: make one with `buttress node root add NAME --data {0}`", folder.display()).into());
    }
    Ok(node::open(folder, database)?)
}

fn clock(args: &ClockArgs) -> Code {
    let mut clocks = typed::clocks(&args.aware, &args.bound, &args.counting)?;
    let home = crate::moment::zone(&clocks.zone)?;
    for text in args.notified.iter().map(|at| format!("notification={at}")).chain(args.done.iter().cloned()) {
        clocks.history.submissions.push(typed::submission(&text, &home)?);
    }
    typed::course(&mut clocks.history, &args.course, &home)?;
    let now = now(args.now.now.as_deref(), Some(&home))?;
    if args.aware.sector.is_none() && !args.json && clocks.awareness.cer.is_some() {
        warn("no --sector: CER is shown as if it applied; banking, financial market and digital infrastructure owe nothing under it");
    }
    shown::clock(&clocks, now, args.json)
}

fn significance(args: &SignificanceArgs) -> Code {
    let impact = typed::impact(&args.figures, None)?;
    let thresholds = typed::settings(args.rules.as_deref())?.thresholds;
    let now = now(args.now.now.as_deref(), None)?;
    Ok(shown::significance(&typed::findings(args, &impact, &thresholds, now)?, &impact, args.json))
}

fn form(args: &FormArgs) -> Code {
    let Some(duty) = Duty::from_word(&args.stage) else { return Err(typed::no_stage(&args.stage).into()) };
    let law = |regime| if regime == Regime::Nis2 { Law::Nis2 } else { Law::Cer };
    if args.regime.is_some_and(|regime| law(regime) != duty.law()) {
        let (own, word) = if duty.law() == Law::Nis2 { ("NIS2", "nis2") } else { ("CER", "cer") };
        return Err(format!("`{}` is a report under {own}: write --regime {word}, or another --stage", args.stage).into());
    }
    let known: Option<Clocks> = match (&args.incident, &args.data) {
        (Some(incident), Some(data)) => Some(incident::find(&mut existing(data, args.database.as_deref())?, incident)?.clocks),
        _ => None,
    };
    let impact = typed::impact(&args.figures, known.as_ref().map(|clocks| &clocks.impact))?;
    let awareness = match (known, &args.aware) {
        (Some(clocks), _) => clocks.awareness,
        (None, aware) => Awareness {
            incident: args.name.clone(),
            who: args.who.clone(),
            at: moment(aware.as_deref().unwrap_or_default(), None)?.0,
            // A form asks nothing of the sector.
            sector: Sector::Energy,
            nis2: None,
            cer: None,
        },
    };
    let form = Form::fill(duty, &awareness, &impact);
    let text = if args.json { format!("{}\n", serde_json::to_string_pretty(&form.to_json())?) } else { form.to_markdown() };
    match &args.out {
        Some(path) => std::fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))?,
        None => print(&text),
    }
    if !form.missing.is_empty() {
        warn(&format!("must be answered and is not: {}", form.missing.join(", ")));
    }
    Ok(u8::from(!form.missing.is_empty()))
}

fn open(args: &OpenArgs) -> Code {
    if args.aware.sector.is_none() {
        return Err(format!("give --sector, which decides whether CER binds: {}", typed::sectors()).into());
    }
    for (flag, value, default) in [("--who", &args.aware.who, "not said"), ("--name", &args.aware.name, "incident")] {
        if value == default || value.trim().is_empty() {
            return Err(format!("give {flag}: a kept incident says who became aware of what").into());
        }
    }
    let mut clocks = typed::clocks(&args.aware, &args.bound, &args.counting)?;
    clocks.impact = typed::impact(&args.figures, None)?;
    let home = crate::moment::zone(&clocks.zone)?;
    let now = now(args.now.now.as_deref(), Some(&home))?;
    if now < clocks.awareness.at {
        return Err(format!("--aware lies ahead of now, {}: correct one of the two", now.short()).into());
    }
    let opened = incident::open(&mut store(&args.look.kept)?, &args.to, &clocks, &args.marking, now)?;
    changed(&opened, now, args.look.json)
}

/// Prints what an incident has become. Missed deadlines are for `list` and `show`; what was asked for is done.
fn changed(incident: &Incident, now: Instant, as_json: bool) -> Code {
    if as_json {
        print_json(&json!({ "incident": incident.id.as_str(), "name": incident.clocks.awareness.incident, "version": incident.version }));
    } else {
        print(&format!("{}\n", incident.id));
        shown::clock(&incident.clocks, now, false)?;
    }
    Ok(0)
}

fn done(args: &DoneArgs) -> Code {
    let duty = Duty::from_word(&args.stage);
    if duty.is_none() && args.stage != "handled" {
        return Err(format!("{}, or handled", typed::no_stage(&args.stage)).into());
    }
    let mut store = store(&args.look.kept)?;
    let known = incident::find(&mut store, &args.incident)?;
    let home = crate::moment::zone(&known.clocks.zone)?;
    let now = now(args.now.now.as_deref(), Some(&home))?;
    let at = args.at.as_deref().map_or(Ok(now), |text| moment(text, Some(&home)).map(|(at, _)| at))?;
    if at > now {
        return Err(format!("--at lies ahead of now, {}: correct one of the two", now.short()).into());
    }
    if duty.is_some() && args.by.is_none() {
        warn("no --by: nobody is noted as having handed it in");
    }
    let changed_to = incident::change(&mut store, known.id.as_str(), now, |clocks| {
        match duty {
            Some(duty) => clocks.history.submissions.push(Submission { duty, at, by: args.by.clone() }),
            None => clocks.history.handled_at = Some(at),
        }
        Ok(())
    })?;
    changed(&changed_to, now, args.look.json)
}

fn note(args: &NoteArgs) -> Code {
    let mut store = store(&args.look.kept)?;
    let known = incident::find(&mut store, &args.incident)?;
    let home = crate::moment::zone(&known.clocks.zone)?;
    let now = now(args.now.now.as_deref(), Some(&home))?;
    let impact = typed::impact(&args.figures, Some(&known.clocks.impact))?;
    let mut history = known.clocks.history.clone();
    typed::course(&mut history, &args.course, &home)?;
    if impact == known.clocks.impact && history == known.clocks.history {
        return Err("nothing new was said: give a figure, an answer, --handled, --requested or --unable".into());
    }
    let changed_to = incident::change(&mut store, known.id.as_str(), now, |clocks| {
        clocks.impact = impact;
        clocks.history = history;
        Ok(())
    })?;
    changed(&changed_to, now, args.look.json)
}
