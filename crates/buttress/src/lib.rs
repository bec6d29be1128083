//! The hallway: load, check, compile, simulate, analyse, optimise, report. It has no logic of its own.

use std::path::{Path, PathBuf};

pub use buttress_engine as engine;
pub use buttress_io as io;
pub use buttress_model as model;
pub use buttress_optim as optim;

pub mod power;

use buttress_engine::cascade::{Base, Keep};
use buttress_engine::compile::World;
use buttress_engine::outcome::Outcome;
use buttress_model::{Addition, Asset, Case, Change, Finding, Study, Weight};
use buttress_optim::assess::{Options, Progress, assess, threat_changes};
use buttress_optim::{Assessment, explain};

/// Version of the engine, printed with every result.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What keeps a verb from running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The case folder cannot be read.
    #[error(transparent)]
    Case(#[from] io::case_folder::Error),
    /// The case has errors.
    #[error("the case has {} errors:\n{}", .0.len(), first_of(.0))]
    Findings(Vec<Finding>),
    /// A study or scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] io::scenario_file::Error),
    /// A file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// Path.
        path: PathBuf,
        /// The system's word.
        why: std::io::Error,
    },
    /// A file is not text.
    #[error("{path} is not UTF-8 text; give a {what} file in TOML, saved as UTF-8")]
    NotText {
        /// Path.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// A folder where a file should be.
    #[error("{path} is a folder; give a {what} file in TOML")]
    Folder {
        /// Path.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// The report has no place to go.
    #[error("cannot write into {path}: {why}; give a folder that can be written with --out")]
    Out {
        /// Path.
        path: PathBuf,
        /// The system's word.
        why: std::io::Error,
    },
    /// Nothing says what happens.
    #[error("nothing says what happens; give a SCENARIO.toml, --take-out KEY or --threat THREAT")]
    NoScenario,
    /// A change that cannot be made in this case.
    #[error("change {n} of {origin}: {why}")]
    Change {
        /// Number of the change, from 1.
        n: usize,
        /// File or flag it comes from.
        origin: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// Every change comes too late.
    #[error(
        "nothing happens before the horizon: the first change begins at {from_h} h and the study ends at {horizon_h} h; start it earlier or raise horizon_h"
    )]
    AfterHorizon {
        /// Start of the first change, h.
        from_h: f64,
        /// End of the study, h.
        horizon_h: f64,
    },
    /// A threat that is not in the catalogue.
    #[error("no threat `{key}` in the case; the catalogue: {}", .known.join(", "))]
    NoSuchThreat {
        /// Key asked for.
        key: String,
        /// Keys of the catalogue.
        known: Vec<String>,
    },
    /// A search for nothing.
    #[error("the text to look for is empty; give a part of a key, a name, an operator or a city")]
    EmptySearch,
    /// A file is no assessment.
    #[error(transparent)]
    Diff(#[from] io::assessment_diff::Error),
    /// The power network cannot be read.
    #[error(transparent)]
    NetworkFile(#[from] io::power_formats::Error),
    /// The power network has errors.
    #[error("the network has {} error{}:\n{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Network(Vec<Finding>),
    /// A branch row that does not exist.
    #[error("there is no branch row {row}; the network has {n}, counted from 1")]
    NoSuchBranch {
        /// Row asked for.
        row: usize,
        /// Number of rows.
        n: usize,
    },
    /// A generator row that does not exist.
    #[error("there is no generator row {row}; the network has {n}, counted from 1")]
    NoSuchGenerator {
        /// Row asked for.
        row: usize,
        /// Number of rows.
        n: usize,
    },
    /// A file beside the network is wrong.
    #[error(transparent)]
    PowerStudy(#[from] io::power_study::Error),
    /// A key that is not in the case.
    #[error("no asset `{0}` in the case; look it up with `buttress find TEXT`")]
    NoSuchAsset(String),
}

/// Errors printed one by one; more are counted.
const ERRORS_SHOWN: usize = 20;

fn first_of(errors: &[Finding]) -> String {
    let mut lines: Vec<String> = errors.iter().take(ERRORS_SHOWN).map(ToString::to_string).collect();
    if errors.len() > ERRORS_SHOWN {
        lines.push(format!("and {} more; mend these first, or list those of the case with `buttress check`", errors.len() - ERRORS_SHOWN));
    }
    lines.join("\n")
}

/// Loads a case folder, or the embedded Europe, and checks it. The case is absent when a finding is an error.
pub fn check(dir: Option<&Path>) -> Result<(Option<Case>, Vec<Finding>), Error> {
    check_with(dir, &[])
}

/// Checks a case with the assets that a scenario adds. A finding about an addition names it instead of a file.
fn check_with(dir: Option<&Path>, additions: &[Addition]) -> Result<(Option<Case>, Vec<Finding>), Error> {
    let (mut draft, mut findings) = match dir {
        Some(dir) => io::case_folder::read(dir)?,
        None => io::embedded::draft(),
    };
    if !additions.is_empty() {
        draft.digest = io::case_folder::digest_with(&draft.digest, additions);
    }
    let (case, more) = model::check::check_with(draft, additions);
    findings.extend(more);
    let usable = !findings.iter().any(|f| f.weight == Weight::Error);
    Ok((case.filter(|_| usable), findings))
}

/// Digest of a case folder, or of the embedded Europe, without checking it.
pub fn case_digest(dir: Option<&Path>) -> Result<String, Error> {
    let (draft, _) = match dir {
        Some(dir) => io::case_folder::read(dir)?,
        None => io::embedded::draft(),
    };
    Ok(draft.digest)
}

/// Loads a case that must be free of errors.
pub fn load(dir: Option<&Path>) -> Result<Case, Error> {
    load_with(dir, &[])
}

/// Loads a case with the assets that a scenario adds; it must be free of errors.
pub fn load_with(dir: Option<&Path>, additions: &[Addition]) -> Result<Case, Error> {
    let (case, findings) = check_with(dir, additions)?;
    case.ok_or_else(|| Error::Findings(findings.into_iter().filter(|f| f.weight == Weight::Error).collect()))
}

fn read_text(path: &Path, what: &'static str) -> Result<String, Error> {
    if path.is_dir() {
        return Err(Error::Folder { path: path.into(), what });
    }
    let bytes = std::fs::read(path).map_err(|why| Error::File { path: path.into(), why })?;
    String::from_utf8(bytes).map_err(|_| Error::NotText { path: path.into(), what })
}

/// Reads a study file; the default study when none is given.
pub fn study(path: Option<&Path>) -> Result<Study, Error> {
    match path {
        None => Ok(Study::default()),
        Some(path) => Ok(io::scenario_file::study(&path.display().to_string(), &read_text(path, "study")?)?),
    }
}

/// Reads a scenario file.
pub fn scenario(path: &Path) -> Result<model::Scenario, Error> {
    Ok(io::scenario_file::scenario(&path.display().to_string(), &read_text(path, "scenario")?)?)
}

/// Every change must be sound and act on something; says which of `origin`, a file or flag, does not.
pub fn check_changes(case: &Case, changes: &[Change], origin: &str) -> Result<(), Error> {
    for (k, change) in changes.iter().enumerate() {
        let why = change.defects().into_iter().next().or_else(|| change.misses(case));
        if let Some(why) = why {
            return Err(Error::Change { n: k + 1, origin: origin.into(), why });
        }
    }
    Ok(())
}

/// A change must begin before the study ends, where there is a timed one at all.
fn check_horizon(study: &Study, changes: &[Change]) -> Result<(), Error> {
    let from_h = changes.iter().filter(|c| !c.action.is_structural()).map(|c| c.from_h).min_by(f64::total_cmp);
    match from_h {
        Some(from_h) if from_h >= study.horizon_h => Err(Error::AfterHorizon { from_h, horizon_h: study.horizon_h }),
        _ => Ok(()),
    }
}

/// What is to happen: a scenario file, a threat of the catalogue, assets to take out; any of them together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Scenario file.
    pub scenario: Option<&'a Path>,
    /// Key of a threat; `threat.` may be left out.
    pub threat: Option<&'a str>,
    /// `KEY[@FROM..TO],...`.
    pub take_out: Option<&'a str>,
}

/// The case with what was asked for.
#[derive(Debug)]
pub struct Prepared {
    /// The case, with the assets that the scenario adds.
    pub case: Case,
    /// Title for people.
    pub title: String,
    /// Changes, checked against the case.
    pub changes: Vec<Change>,
}

/// Loads a case and everything that is to happen in it.
pub fn prepare(dir: Option<&Path>, asked: Asked) -> Result<Prepared, Error> {
    if asked.scenario.is_none() && asked.threat.is_none() && asked.take_out.is_none() {
        return Err(Error::NoScenario);
    }
    let file = asked.scenario.map(|path| scenario(path).map(|s| (path.display().to_string(), s))).transpose()?;
    let case = load_with(dir, file.as_ref().map_or(&[], |(_, s)| &s.additions))?;
    let (mut title, mut changes) = (String::new(), Vec::new());
    if let Some((name, s)) = file {
        check_changes(&case, &s.changes, &name)?;
        title = if s.title.is_empty() { s.key } else { s.title };
        changes = s.changes;
    }
    if let Some(key) = asked.threat {
        let row =
            case.tables().threats.iter().find(|t| t.key == key || t.key == format!("threat.{key}")).ok_or_else(|| Error::NoSuchThreat {
                key: key.into(),
                known: case.tables().threats.iter().map(|t| t.key.clone()).collect(),
            })?;
        title.clone_from(&row.name);
        let effects = threat_changes(&case, &row.key);
        check_changes(&case, &effects, &row.key)?;
        changes.extend(effects);
    }
    if let Some(text) = asked.take_out {
        if title.is_empty() {
            title = format!("Without {text}");
        }
        let out = io::scenario_file::take_out(text)?;
        check_changes(&case, &out, "--take-out")?;
        changes.extend(out);
    }
    Ok(Prepared { case, title, changes })
}

/// Assets whose key, name, operator or group holds the text, or which lie within 15 km of the city of that name.
pub fn find<'c>(case: &'c Case, text: &str) -> Result<Vec<&'c Asset>, Error> {
    const NEAR_KM: f64 = 15.0;
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() {
        return Err(Error::EmptySearch);
    }
    let city = case.tables().cities.iter().find(|c| c.name.to_lowercase() == wanted);
    let holds = |a: &Asset| [&a.key, &a.name, &a.operator, &a.group].iter().any(|f| f.to_lowercase().contains(&wanted));
    let near = |a: &Asset| city.is_some_and(|c| model::geo::distance_km(c.lat, c.lon, a.lat, a.lon) < NEAR_KM);
    Ok(case.assets().iter().filter(|a| holds(a) || near(a)).collect())
}

/// What differs between two files `assessment.json`.
pub fn diff(before: &Path, after: &Path) -> Result<io::assessment_diff::Diff, Error> {
    let read = |path: &Path| -> Result<io::Json, Error> {
        let text = std::fs::read(path).map_err(|why| Error::File { path: path.into(), why })?;
        Ok(io::assessment_diff::read(&path.display().to_string(), &String::from_utf8_lossy(&text))?)
    };
    Ok(io::assessment_diff::diff(&read(before)?, &read(after)?))
}

/// A scenario run to its end, with the world it ran in.
pub struct Simulated<'c> {
    /// The world, structural changes applied.
    pub world: World<'c>,
    /// The base it is compared with.
    pub base: Base,
    /// What came out.
    pub outcome: Outcome,
}

/// Compiles and runs one scenario.
pub fn simulate<'c>(case: &'c Case, study: &Study, changes: &[Change]) -> Result<Simulated<'c>, Error> {
    check_changes(case, changes, "the scenario")?;
    check_horizon(study, changes)?;
    let structural: Vec<Change> = changes.iter().filter(|c| c.action.is_structural()).cloned().collect();
    let world = World::compile(case, study, &structural);
    let base = Base::new(&world);
    let outcome = engine::cascade::run(&world, &base, changes, Keep { curve: true, causes: true }, study.seed);
    Ok(Simulated { world, base, outcome })
}

/// A simulated scenario as JSON: capacity lost and service lost side by side.
pub fn scenario_json(s: &Simulated, changes: &[Change], title: &str) -> io::Json {
    let zones: Vec<String> = s.world.zones.iter().map(|z| z.key.clone()).collect();
    let damaged: Vec<io::assessment_json::Damaged> = engine::cascade::damages(&s.world, changes)
        .into_iter()
        .map(|(asset, share, from_h, to_h)| io::assessment_json::Damaged { asset: s.world.asset(asset), share, from_h, to_h })
        .collect();
    let failed: Vec<&str> = s.outcome.causes.iter().map(|c| s.world.asset(c.asset).key.as_str()).collect();
    io::assessment_json::scenario(
        s.world.case,
        &s.world.study,
        title,
        &s.outcome,
        &zones,
        &damaged,
        &failed,
        &explain::first_steps(&s.world, &s.outcome),
        VERSION,
    )
}

/// Why an asset failed in a scenario, as a sentence.
pub fn why(simulated: &Simulated, asset: &str) -> Result<String, Error> {
    let id = simulated.world.case.find(asset).ok_or_else(|| Error::NoSuchAsset(asset.into()))?;
    let path = explain::why(&simulated.world, &simulated.outcome, id.0);
    Ok(path.unwrap_or_else(|| format!("{} did not fail in this scenario.", simulated.world.asset(id.0).name)))
}

/// Why an asset failed in a scenario that has a title, and what follows in all.
pub fn why_in(simulated: &Simulated, asset: &str, title: &str) -> Result<String, Error> {
    let all = explain::first_steps(&simulated.world, &simulated.outcome);
    Ok(format!("{title}: {} In all: {all}", why(simulated, asset)?))
}

/// A whole assessment.
pub fn assessment(case: &Case, study: &Study, options: &Options, progress: &dyn Progress) -> Assessment {
    assess(case, study, options, progress)
}

/// Makes the folder of a report and tries to write there, before hours of work depend on it.
pub fn probe_out(out: &Path) -> Result<(), Error> {
    let probe = out.join(".buttress-probe");
    let tried = std::fs::create_dir_all(out).and_then(|()| std::fs::write(&probe, b"")).and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|why| Error::Out { path: out.into(), why })
}

/// Writes `report/index.html`, `assessment.json` and CSV tables into a folder; returns the page's path.
pub fn write_report(
    case: &Case,
    a: &Assessment,
    borders: &[io::report::Ring],
    command: &str,
    marking: &str,
    out: &Path,
) -> Result<PathBuf, Error> {
    let digest = io::scenario_file::study_digest(&a.study);
    let json = io::assessment_json::to_json(case, a, VERSION, &digest);
    let page =
        io::report::Page { assessment: a, case, borders, engine_version: VERSION, study_digest: &digest, command, marking, json: &json };
    let html = io::report::render(&page);
    std::fs::create_dir_all(out).map_err(|why| Error::File { path: out.into(), why })?;
    let write = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|why| Error::File { path, why })
    };
    write("index.html", &html)?;
    write("assessment.json", &json)?;
    for (name, text) in io::tables_csv::tables(case, a) {
        write(&format!("{name}.csv"), &text)?;
    }
    Ok(out.join("index.html"))
}
