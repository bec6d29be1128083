//! Rules: commodities, repair times, dependencies, threats and measures, carried over from the curated tables and checked.

use std::collections::BTreeSet;

use buttress_model::schema::Record;
use buttress_model::tables::{Commodity, Dependency, KINDS, Measure, MeasureEffect, RepairResource, RepairTime, Threat, ThreatEffect};
use buttress_model::{Action, Selector};

use crate::europe::kit::{Kit, Out, Result, Row, number, short, text};
use crate::europe::space::{main_control, message_age_limit_h, site_group};

/// Repair times of kinds that the curated table lacks: kind, low, central, high, h.
const FURTHER_REPAIR: &[(&str, &str, &str, &str)] = &[("constellation", "24", "168", "720"), ("site", "24", "72", "168")];

/// Copies the rule tables.
pub fn build(kit: &Kit, out: &mut Out) -> Result<()> {
    for row in kit.curated("commodities")? {
        out.push::<Commodity>(&copy::<Commodity>(&row));
    }
    repair_times(kit, out)?;
    plain::<RepairResource>(kit, out, "repair_resources")?;
    dependencies(kit, out)?;
    let threats = plain::<Threat>(kit, out, "threats")?;
    effects::<ThreatEffect>(kit, out, "threat_effects", &threats)?;
    let measures = plain::<Measure>(kit, out, "measures")?;
    effects::<MeasureEffect>(kit, out, "measure_effects", &measures)?;
    println!("rules: {} dependencies, {} threats, {} measures", out.rows::<Dependency>().len(), threats.len(), measures.len());
    Ok(())
}

/// The row's cells under the table's own columns; columns that the table lacks are dropped.
fn copy<R: Record>(row: &Row) -> Vec<(&'static str, String)> {
    let table = R::TABLE;
    table.fields().map(|f| (f.name, text(row, f.name).to_owned())).collect()
}

/// Copies a table and returns its keys.
fn plain<R: Record>(kit: &Kit, out: &mut Out, name: &str) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for row in kit.curated(name)? {
        out.push::<R>(&copy::<R>(&row));
        keys.insert(text(&row, "key").to_owned());
    }
    Ok(keys)
}

/// Copies effects; owner, action, selector and value must hold.
fn effects<R: Record>(kit: &Kit, out: &mut Out, name: &str, owners: &BTreeSet<String>) -> Result<()> {
    for (i, row) in kit.curated(name)?.iter().enumerate() {
        let owner = text(row, "owner");
        let at = format!("{name}.csv row {} ({owner})", i + 2);
        if !owners.contains(owner) {
            return Err(format!("{at}: unknown owner"));
        }
        let action = Action::parse(text(row, "action")).ok_or_else(|| format!("{at}: unknown action `{}`", text(row, "action")))?;
        if action.needs_value() && text(row, "value").is_empty() {
            return Err(format!("{at}: action `{}` needs a value", text(row, "action")));
        }
        selector(text(row, "select"), &at)?;
        out.push::<R>(&copy::<R>(row));
    }
    Ok(())
}

fn selector(words: &str, at: &str) -> Result<()> {
    Selector::parse(words).map(|_| ()).map_err(|e| format!("{at}: selector `{words}`: {e}"))
}

fn repair_times(kit: &Kit, out: &mut Out) -> Result<()> {
    let mut seen = BTreeSet::new();
    for row in kit.curated("repair_times")? {
        let kind = text(&row, "kind");
        if KINDS.contains(&kind) {
            seen.insert(kind.to_owned());
            out.push::<RepairTime>(&copy::<RepairTime>(&row));
        } else {
            println!("rules: repair_times.csv: `{kind}` is no asset kind; row skipped");
        }
    }
    for (kind, low, central, high) in FURTHER_REPAIR.iter().filter(|r| !seen.contains(r.0)) {
        out.push::<RepairTime>(&[
            ("kind", (*kind).to_owned()),
            ("low_h", (*low).to_owned()),
            ("central_h", (*central).to_owned()),
            ("high_h", (*high).to_owned()),
            ("resource", "crew".to_owned()),
            ("source", "src.derived".to_owned()),
        ]);
    }
    Ok(())
}

/// Copies dependencies; rows of single satellites on their control sites become one row a constellation.
fn dependencies(kit: &Kit, out: &mut Out) -> Result<()> {
    let mut by_satellite = Vec::new();
    for row in kit.curated("dependencies")? {
        let (key, dependent, needs) = (text(&row, "key"), text(&row, "dependent"), text(&row, "needs"));
        let at = format!("dependencies.csv row {key}");
        selector(dependent, &at)?;
        if needs == "control" {
            println!("rules: {key} needs control, which the engine derives from fleets; row skipped");
            continue;
        }
        if needs == "asset" && dependent.contains("kind:satellite") {
            by_satellite.push(row);
            continue;
        }
        let mut cells = copy::<Dependency>(&row);
        cells.push(("rinaldi", text(&row, "type").to_owned()));
        if needs == "asset" {
            let target = text(&row, "at");
            let target = if target.contains(':') { target.to_owned() } else { format!("key:{target}") };
            selector(&target, &at)?;
            cells.push(("at", target));
        }
        out.push::<Dependency>(&cells);
    }
    ground_control(kit, out, &by_satellite)
}

/// One row for each constellation but satcom (whose gateways the engine counts): any of its main control sites must work.
fn ground_control(kit: &Kit, out: &mut Out, by_satellite: &[Row]) -> Result<()> {
    let sites = kit.curated("ground_sites")?;
    for system in kit.curated("constellations")? {
        let key = text(&system, "key");
        let Some(site) = main_control(&sites, key) else { continue };
        if text(&system, "service") == "satcom" {
            continue;
        }
        let limit = message_age_limit_h(&system);
        let curated = by_satellite.iter().find(|r| text(r, "dependent").ends_with(&format!("constellation:{key}")));
        let from = |column: &str, default: f64| curated.map_or(default, |r| number(r, column, default));
        let (dependent, target) = (format!("key:constellation.{key}"), format!("group:{}", site_group(site)));
        selector(&dependent, key)?;
        selector(&target, key)?;
        out.push::<Dependency>(&[
            ("key", format!("dep.{key}-ground-control")),
            ("dependent", dependent),
            ("needs", "asset".to_owned()),
            ("at", target),
            ("threshold", "0.5".to_owned()),
            ("buffer_low_h", short(from("buffer_low_h", limit).min(limit), 3)),
            ("buffer_central_h", short(limit, 3)),
            ("buffer_high_h", short(from("buffer_high_h", limit).max(limit), 3)),
            ("recharge_h", short(from("recharge_h", 0.0), 3)),
            ("restart_delay_h", short(from("restart_delay_h", 0.0), 3)),
            ("effect", "1".to_owned()),
            ("logic", "any".to_owned()),
            ("rinaldi", "logical".to_owned()),
            ("source", curated.map_or_else(|| "src.derived".to_owned(), |r| text(r, "source").to_owned())),
        ]);
    }
    Ok(())
}
