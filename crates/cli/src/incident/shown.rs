//! Deadlines, findings and incidents as text and JSON.

use std::collections::BTreeMap;
use std::error::Error;

use buttress_server::duty::incident::{Incident, Incidents};
use buttress_wire::Instant;
use buttress_wire::incident::clock::{Deadline, Start, State};
use buttress_wire::incident::kept::Clocks;
use buttress_wire::incident::significance::{Bound, Finding, Reading, Verdict, any};
use buttress_wire::incident::{Duty, Impact, Law};
use jiff::ZonedDateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::print::{Code, print, print_json, table, warn};

/// Seconds until a deadline; below 0 once it has passed.
fn left_s(deadline: &Deadline, now: Instant) -> Option<i64> {
    deadline.due.as_ref().map(|due| due.timestamp().as_second() - now.timestamp().as_second())
}

/// Days, hours and minutes; whole minutes are rounded towards less time.
fn left(seconds: i64) -> String {
    let minutes = seconds.div_euclid(60).abs();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let size = match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    };
    if seconds < 0 { format!("overdue by {size}") } else { size }
}

fn local(due: &ZonedDateTime) -> String {
    due.strftime("%a %Y-%m-%d %H:%M %:z").to_string()
}

fn is_owed(deadline: &Deadline) -> bool {
    matches!(deadline.state, State::Open | State::Missed)
}

fn short_article(deadline: &Deadline) -> &str {
    deadline.article.find("Art.").map_or(deadline.article, |at| &deadline.article[at..])
}

fn stands(deadline: &Deadline, zone: &TimeZone) -> String {
    let by = deadline.by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
    match deadline.state {
        State::Waiting => match deadline.runs {
            Start::AwaitedSubmission { of } => format!("a month after the {}", of.title()),
            _ => "a month after the incident is handled".to_owned(),
        },
        State::Open if deadline.due.is_none() => "open, no date set".to_owned(),
        State::Open => "open".to_owned(),
        State::Excused => "excused: unable to notify".to_owned(),
        State::Missed => "MISSED".to_owned(),
        State::Met { at } => format!("done {}{by}", minute(at, zone)),
        State::MetLate { at } => format!("done LATE {}{by}", minute(at, zone)),
    }
}

/// To the minute, in a zone.
fn minute(at: Instant, zone: &TimeZone) -> String {
    at.in_zone(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Rows of one due time, NIS2 and CER side by side.
fn deadlines_table(list: &[Deadline], zone: &TimeZone, now: Instant) -> String {
    let mut rows: BTreeMap<(bool, i64, usize), (String, String, [Vec<String>; 2])> = BTreeMap::new();
    for (i, deadline) in list.iter().enumerate() {
        let key = match &deadline.due {
            Some(due) => (false, due.timestamp().as_second(), 0),
            None => (true, 0, i),
        };
        let row = rows.entry(key).or_insert_with(|| {
            let due = deadline.due.as_ref().map_or("no date yet".to_owned(), local);
            (due, String::new(), [Vec::new(), Vec::new()])
        });
        if is_owed(deadline) {
            row.1 = left_s(deadline, now).map_or(String::new(), left);
        }
        let cell = format!("{}: {}\n  {}", deadline.duty.title(), stands(deadline, zone), short_article(deadline));
        row.2[usize::from(deadline.law == Law::Cer)].push(cell);
    }
    let mut t = table(&["due", "left", "NIS2", "CER"], 4);
    for (due, left, [nis2, cer]) in rows.into_values() {
        t.add_row([due, left, nis2.join("\n"), cer.join("\n")]);
    }
    t.to_string()
}

fn reading(clocks: &Clocks) -> String {
    match &clocks.state {
        Some(state) => format!("months as in {state} (Regulation 1182/71)"),
        None => "strict reading of months, under which no deadline is later".to_owned(),
    }
}

/// Deadlines that the strict reading sets earlier.
fn stricter(list: &[Deadline], strict: &[Deadline]) -> Vec<(Duty, ZonedDateTime)> {
    let of = |duty| strict.iter().find(|s: &&Deadline| s.duty == duty).and_then(|s| s.due.clone());
    let is_earlier = |d: &&Deadline, due: &ZonedDateTime| d.due.as_ref().is_none_or(|own| due.timestamp() < own.timestamp());
    list.iter()
        .filter(|d| !matches!(d.state, State::Met { .. } | State::MetLate { .. }))
        .filter_map(|d| of(d.duty).filter(|due| is_earlier(&d, due)).map(|due| (d.duty, due)))
        .collect()
}

fn deadlines_json(clocks: &Clocks, list: &[Deadline], strict: &[Deadline], now: Instant) -> Result<Value, Box<dyn Error>> {
    let mut rows = Vec::new();
    for deadline in list {
        let mut row = serde_json::to_value(deadline)?;
        row["left_s"] = json!(left_s(deadline, now).filter(|_| is_owed(deadline)));
        rows.push(row);
    }
    let strict: Vec<Value> = stricter(list, strict)
        .iter()
        .map(|(duty, due)| json!({ "duty": duty, "due": buttress_wire::incident::clock::local(due) }))
        .collect();
    Ok(json!({
        "incident": clocks.awareness.incident, "who": clocks.awareness.who, "aware_at": clocks.awareness.at, "now": now,
        "zone": clocks.zone, "state": clocks.state, "sector": clocks.awareness.sector, "deadlines": rows, "strict_reading_is_earlier": strict,
    }))
}

fn is_missed(list: &[Deadline]) -> bool {
    list.iter().any(|d| d.state == State::Missed)
}

/// Prints deadlines; 1 when one was missed.
pub fn clock(clocks: &Clocks, now: Instant, as_json: bool) -> Code {
    let (list, strict) = (clocks.deadlines(now)?, clocks.strict_deadlines(now)?);
    if as_json {
        print_json(&deadlines_json(clocks, &list, &strict, now)?);
        return Ok(u8::from(is_missed(&list)));
    }
    let zone = crate::moment::zone(&clocks.zone)?;
    let aware = &clocks.awareness;
    print(&format!(
        "{}: aware {}, {}\nnow {}; {}; {}\n",
        aware.incident,
        local(&aware.at.in_zone(&zone)),
        aware.who,
        local(&now.in_zone(&zone)),
        clocks.zone,
        reading(clocks)
    ));
    if list.is_empty() {
        print(if now < aware.at { "nothing is owed before awareness\n" } else { "nothing is owed: neither law binds\n" });
        return Ok(0);
    }
    print(&format!("{}\n", deadlines_table(&list, &zone, now)));
    for (duty, due) in stricter(&list, &strict) {
        print(&format!("{}: by the strict reading already {}\n", duty.title(), local(&due)));
    }
    if aware.cer.is_some() && !aware.sector.owes_cer_reports() {
        print(&format!("nothing is owed under CER by {} (Directive (EU) 2022/2557 Art. 8)\n", aware.sector.word()));
    }
    Ok(u8::from(is_missed(&list)))
}

/// The deadline that comes next: what is overdue longest, else what is due first.
fn next(list: &[Deadline]) -> Option<&Deadline> {
    list.iter().filter(|d| is_owed(d)).min_by_key(|d| (d.due.is_none(), d.due.as_ref().map(ZonedDateTime::timestamp)))
}

/// Prints the incidents of a node, overdue first; 1 when one is overdue.
pub fn list(all: &Incidents, now: Instant, as_json: bool) -> u8 {
    let mut rows: Vec<(Option<i64>, &Incident, Vec<Deadline>)> = Vec::new();
    for incident in &all.list {
        match incident.clocks.deadlines(now) {
            Ok(list) => rows.push((next(&list).and_then(|d| left_s(d, now)), incident, list)),
            Err(why) => warn(&format!("{}: {why}", incident.id)),
        }
    }
    rows.sort_by_key(|(left, incident, _)| (left.is_none(), *left, incident.id.clone()));
    all.spoilt.iter().for_each(|why| warn(why));
    let is_overdue = rows.iter().any(|(_, _, list)| is_missed(list));
    if as_json {
        let row = |(left, incident, list): &(Option<i64>, &Incident, Vec<Deadline>)| {
            let next = next(list);
            json!({
                "incident": incident.id.as_str(), "name": incident.clocks.awareness.incident, "who": incident.clocks.awareness.who,
                "collection": incident.place.to_string(), "next": next.map(|d| d.duty), "article": next.map(|d| d.article),
                "due": next.and_then(|d| d.due.as_ref()).map(buttress_wire::incident::clock::local), "left_s": left,
                "n_missed": list.iter().filter(|d| d.state == State::Missed).count(), "is_handled": incident.clocks.history.handled_at.is_some(),
            })
        };
        print_json(
            &json!({ "now": now, "incidents": rows.iter().map(row).collect::<Vec<_>>(), "spoilt": all.spoilt, "n_without_clocks": all.n_without }),
        );
        return u8::from(is_overdue);
    }
    let mut t = table(&["left", "next", "due", "incident", "aware", "identifier"], 6);
    for (left_s, incident, list) in &rows {
        let next = next(list);
        t.add_row([
            left_s.map_or("-".to_owned(), left),
            next.map_or("nothing owed now".to_owned(), |d| format!("{} [{}]", d.duty.title(), short_article(d))),
            next.and_then(|d| d.due.as_ref()).map_or("-".to_owned(), local),
            incident.clocks.awareness.incident.clone(),
            format!("{}Z, {}", minute(incident.clocks.awareness.at, &TimeZone::UTC), incident.clocks.awareness.who),
            incident.id.as_str().to_owned(),
        ]);
    }
    let without = if all.n_without == 0 { String::new() } else { format!("; {} of others carry no clocks", all.n_without) };
    print(&format!("{t}\n{} incidents{without}\n", rows.len()));
    u8::from(is_overdue)
}

/// Prints one incident; 1 when a deadline was missed.
pub fn incident(incident: &Incident, now: Instant, as_json: bool) -> Code {
    let clocks = &incident.clocks;
    if as_json {
        let (list, strict) = (clocks.deadlines(now)?, clocks.strict_deadlines(now)?);
        let mut value = deadlines_json(clocks, &list, &strict, now)?;
        value["id"] = json!(incident.id.as_str());
        value["collection"] = json!(incident.place.to_string());
        value["version"] = json!(incident.version);
        value["history"] = serde_json::to_value(&clocks.history)?;
        value["impact"] = serde_json::to_value(&clocks.impact)?;
        print_json(&value);
        return Ok(u8::from(is_missed(&list)));
    }
    print(&format!("{} in {}, version {}\n", incident.id, incident.place, incident.version));
    let code = clock(clocks, now, false)?;
    print(&known(&clocks.impact)?);
    Ok(code)
}

/// What is known of the impact, line by line.
fn known(impact: &Impact) -> Result<String, Box<dyn Error>> {
    let Value::Object(fields) = serde_json::to_value(impact)? else { return Ok(String::new()) };
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) if text == "unknown" => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            Some(items.iter().map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned)).collect::<Vec<_>>().join("; "))
        }
        other => Some(other.to_string()),
    };
    let lines: String = fields.iter().filter_map(|(name, value)| Some(format!("  {name}: {}\n", text(value)?))).collect();
    Ok(if lines.is_empty() {
        "nothing is known of the impact: `buttress incident note`\n".to_owned()
    } else {
        format!("known of the impact\n{lines}")
    })
}

/// What to type for something that is missing.
fn flag(name: &str) -> String {
    match name {
        "people_hit" => "--users".to_owned(),
        "share" => "--users-of".to_owned(),
        "duration_h" => "--hours".to_owned(),
        "threshold of the state" => "threshold in --rules".to_owned(),
        other => format!("--{}", other.replace('_', "-")),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "holds",
        Verdict::NotMet => "does not hold",
        Verdict::Unknown => "cannot be said",
    }
}

fn reading_text(reading: &Reading) -> String {
    let value = reading.value.map_or("?".to_owned(), |v| format!("{v}"));
    match reading.bound {
        Bound::Above(limit) => format!("{} {value}, above {limit} {}", reading.quantity, reading.unit),
        Bound::AtLeast(limit) => format!("{} {value}, at least {limit} {}", reading.quantity, reading.unit),
        Bound::NotSet => format!("{} {value} {}, threshold not set", reading.quantity, reading.unit),
        Bound::Said => format!(
            "{}: {}",
            reading.quantity,
            match reading.verdict {
                Verdict::Met => "yes",
                Verdict::NotMet => "no",
                Verdict::Unknown => "not said",
            }
        ),
    }
}

/// Prints findings; 1 when one cannot be decided.
pub fn significance(findings: &[Finding], impact: &Impact, as_json: bool) -> u8 {
    let is_open = findings.iter().any(|f| f.verdict == Verdict::Unknown);
    if as_json {
        print_json(&json!({ "figures_from": impact.figures_from, "any": any(findings), "findings": findings }));
        return u8::from(is_open);
    }
    if let Some(from) = &impact.figures_from {
        print(&format!("figures: {from}\n"));
    }
    let mut t = table(&["article", "looked at", "outcome", "give"], 4);
    for f in findings {
        let readings: Vec<String> = f.readings.iter().map(reading_text).collect();
        t.add_row([
            f.article.to_owned(),
            readings.join("\n"),
            verdict(f.verdict).to_owned(),
            f.missing.iter().map(|name| flag(name)).collect::<Vec<_>>().join(", "),
        ]);
    }
    let held = findings.iter().filter(|f| f.verdict == Verdict::Met).count();
    let open = findings.iter().filter(|f| f.verdict == Verdict::Unknown).count();
    print(&format!("{t}\n{held} of {} hold, {open} cannot be said\n", findings.len()));
    print("The parameters of CER are weighed by the entity and its authority; holding one is a first look and no verdict.\n");
    u8::from(is_open)
}
