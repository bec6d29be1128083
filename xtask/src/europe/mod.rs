//! Builds the embedded Europe case: packages and curated tables in, `data/europe` out. The same inputs give the same bytes.

mod air;
mod borders;
mod digital;
mod gas;
mod grid;
pub mod kit;
mod places;
mod plants;
mod rules;
mod sea;
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use buttress_model::tables::{Fact, GasStorage, LngTerminal, Load, Plant, Source, TABLES};
use kit::{Kit, Out, Result, read_csv, text};

use crate::fetch::fetch;

/// A total may differ from the published one by this share without a reason.
const FACT_TOLERANCE: f64 = 0.10;

/// What the command was asked to do.
pub struct Options {
    /// Where packages are kept; empty: `target/europe-cache`.
    pub cache: Option<PathBuf>,
    /// Lines are sized for the loss of another line.
    pub with_n1: bool,
}

impl Options {
    /// Reads the words after `europe`.
    pub fn from_args(args: &[String]) -> Result<Options> {
        let mut options = Options { cache: None, with_n1: true };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--cache" => options.cache = Some(PathBuf::from(words.next().ok_or("--cache needs a folder")?)),
                "--n0" => options.with_n1 = false,
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }
}

/// Builds `data/europe`.
pub fn run(options: &Options) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the project has no root")?;
    let cache = options.cache.clone().unwrap_or_else(|| root.join("target").join("europe-cache"));
    let folder = root.join("data").join("europe");
    let packages = fetch(&cache)?;
    let curated_dir = folder.join("curated");
    let zones = read_zones(&curated_dir)?;
    let kit = Kit { curated_dir, packages, zones };
    let mut out = Out::default();

    let places = places::build(&kit, &mut out)?;
    let (land, borders) = borders::build(&kit)?;
    rules::build(&kit, &mut out)?;
    let hubs = gas::build(&kit, &mut out)?;
    let fleet = plants::read(&kit, &places, &mut out)?;
    let inputs = grid::Inputs { kit: &kit, land: &land, places: &places, fleet: &fleet, hubs: &hubs, with_n1: options.with_n1 };
    let grid_report = grid::build(&inputs, &mut out)?;
    sea::build(&kit, &mut out)?;
    air::build(&kit, &mut out)?;
    digital::build(&kit, &mut out)?;
    space::build(&kit, &mut out)?;

    let tables = out.to_csv();
    let counts = counts(&tables)?;
    let build = format!("{BUILD_HEAD}{counts}\n## Totals against published figures\n\n{}\n## Grid\n\n{grid_report}", totals(&out));
    for (name, content) in &tables {
        write(&folder, &format!("{name}.csv"), content)?;
    }
    write(&folder, "borders.csv", &borders)?;
    write(&folder, "case.toml", CASE)?;
    write(&folder, "ATTRIBUTION", &attribution(&tables)?)?;
    write(&folder, "BUILD.md", &build)?;
    print!("{counts}");
    let bytes: usize = tables.values().map(String::len).sum::<usize>() + borders.len();
    println!("data/europe: {} tables, {:.2} MB", tables.len(), bytes as f64 / 1e6);
    Ok(())
}

const CASE: &str = "\
key = \"europe\"
title = \"Critical infrastructure of Europe\"
version = \"2026.11\"
euro_year = 2024
";

const BUILD_HEAD: &str = "\
# Build of the Europe case

Written by `cargo xtask europe`; do not edit. Sources and licences: ATTRIBUTION. Synthetic and derived rows say so in
their column `provenance`.

## Rows

";

fn read_zones(curated_dir: &Path) -> Result<Vec<String>> {
    let path = curated_dir.join("countries.csv");
    let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(read_csv("countries", &content)?.iter().map(|row| text(row, "zone").to_owned()).collect())
}

fn write(folder: &Path, name: &str, content: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, content).map_err(|e| format!("{}: {e}", path.display()))
}

/// Rows of each table, and how many of them are real, derived, synthetic or curated.
fn counts(tables: &BTreeMap<&'static str, String>) -> Result<String> {
    let mut report = String::from("| table | rows | real | curated | derived | synthetic |\n|---|---:|---:|---:|---:|---:|\n");
    for table in TABLES {
        let Some(content) = tables.get(table.name) else { continue };
        let rows = read_csv(table.name, content)?;
        let of = |word: &str| {
            let n = rows.iter().filter(|r| text(r, "provenance") == word).count();
            if table.is_asset { n.to_string() } else { String::new() }
        };
        let (real, curated, derived, synthetic) = (of("real"), of("curated"), of("derived"), of("synthetic"));
        let _ = writeln!(report, "| {} | {} | {real} | {curated} | {derived} | {synthetic} |", table.name, rows.len());
    }
    Ok(report)
}

/// Sum of a column by zone over rows in service.
fn sum_by_zone(rows: &[BTreeMap<&'static str, String>], column: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let value = |name: &str| row.get(name).map_or("", String::as_str);
        if value("in_service") != "0" {
            *sums.entry(value("zone").to_owned()).or_insert(0.0) += value(column).parse::<f64>().unwrap_or(0.0);
        }
    }
    sums
}

/// The case against the facts, zone by zone, where they differ by more than the tolerance; and how many do not.
fn totals(out: &Out) -> String {
    let quantities = [
        ("population", sum_by_zone(out.rows::<Load>(), "population")),
        ("peak_load_mw", sum_by_zone(out.rows::<Load>(), "winter_peak_mw")),
        ("installed_capacity_mw", sum_by_zone(out.rows::<Plant>(), "p_max_mw")),
        ("gas_storage_gwh", sum_by_zone(out.rows::<GasStorage>(), "working_gas_gwh")),
        ("lng_sendout_gwh_d", sum_by_zone(out.rows::<LngTerminal>(), "sendout_gwh_d")),
    ];
    let mut report = String::from("| zone | quantity | case | published | difference | reason |\n|---|---|---:|---:|---:|---|\n");
    let (mut n_close, mut n_apart) = (0, 0);
    for fact in out.rows::<Fact>() {
        let value = |name: &str| fact.get(name).map_or("", String::as_str);
        let published: f64 = value("value").parse().unwrap_or(0.0);
        let Some((_, sums)) = quantities.iter().find(|(q, _)| *q == value("quantity")) else { continue };
        let ours = sums.get(value("zone")).copied().unwrap_or(0.0);
        let share = if published > 0.0 { (ours - published) / published } else { f64::from(u8::from(ours > 0.0)) };
        if share.abs() <= FACT_TOLERANCE {
            n_close += 1;
            continue;
        }
        n_apart += 1;
        let (zone, quantity, reason) = (value("zone"), value("quantity"), value("reason"));
        let _ = writeln!(report, "| {zone} | {quantity} | {ours:.0} | {published:.0} | {:+.0} % | {reason} |", 100.0 * share);
    }
    println!("facts: {n_close} totals within 10 %, {n_apart} apart");
    let _ = writeln!(report, "\n{n_close} totals lie within 10 % of the published figure, {n_apart} do not (the table above).");
    report
}

/// Key, citation and licence of every source that a row names.
fn attribution(tables: &BTreeMap<&'static str, String>) -> Result<String> {
    let mut used = BTreeSet::new();
    let mut sources = Vec::new();
    for (name, content) in tables {
        let rows = read_csv(name, content)?;
        if *name == <Source as buttress_model::schema::Record>::TABLE.name {
            sources = rows;
        } else {
            used.extend(rows.iter().map(|r| text(r, "source").to_owned()));
        }
    }
    used.insert("pkg.natural-earth".to_owned());
    used.remove("");
    let mut report = String::from("Sources of the Europe case, by key. Every row of a table names its source.\n");
    let known: BTreeSet<String> = sources.iter().map(|r| text(r, "key").to_owned()).collect();
    if let Some(missing) = used.iter().find(|k| !known.contains(*k)) {
        return Err(format!("source {missing} is named by a row, but is in no sources table"));
    }
    for row in sources.iter().filter(|r| used.contains(text(r, "key"))) {
        let (url, vintage) = (text(row, "url"), text(row, "vintage"));
        let place = if url.is_empty() { String::new() } else { format!(" {url}") };
        let _ = write!(
            report,
            "\n{}\n  {} ({vintage}).{place}\n  Licence: {}\n",
            text(row, "key"),
            text(row, "citation"),
            text(row, "licence")
        );
    }
    Ok(report)
}
