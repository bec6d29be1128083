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
use buttress_model::{Addition, Case, Change, Finding, Study, Weight};
use buttress_optim::assess::{Options, Progress, assess, is_structural};
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
    #[error("the case has {n} errors; the first: {first}\nrun `buttress check` for all of them")]
    Findings {
        /// Number of errors.
        n: usize,
        /// The first one.
        first: Box<Finding>,
    },
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
    /// The power network cannot be read.
    #[error(transparent)]
    NetworkFile(#[from] io::power_formats::Error),
    /// The power network has errors.
    #[error("the network has {} errors:\n{}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Network(Vec<Finding>),
    /// A branch row that does not exist.
    #[error("there is no branch row {row}; the network has rows 1 to {n}")]
    NoSuchBranch {
        /// Row asked for.
        row: usize,
        /// Number of rows.
        n: usize,
    },
    /// A generator row that does not exist.
    #[error("there is no generator row {row}; the network has rows 1 to {n}")]
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
    let added: Vec<(String, u64)> = additions.iter().map(|a| (a.table.clone(), draft.add(a))).collect();
    if !additions.is_empty() {
        draft.digest = io::case_folder::digest_with(&draft.digest, additions);
    }
    let (case, mut more) = model::check::check(&draft);
    for f in &mut more {
        let table = f.file.trim_end_matches(".csv");
        if let Some(k) = added.iter().position(|(t, line)| t == table && *line == f.line) {
            (f.file, f.line) = (format!("add_asset {} ({})", k + 1, added[k].0), 0);
        }
    }
    findings.extend(more);
    let usable = !findings.iter().any(|f| f.weight == Weight::Error);
    Ok((case.filter(|_| usable), findings))
}

/// Loads a case that must be free of errors.
pub fn load(dir: Option<&Path>) -> Result<Case, Error> {
    load_with(dir, &[])
}

/// Loads a case with the assets that a scenario adds; it must be free of errors.
pub fn load_with(dir: Option<&Path>, additions: &[Addition]) -> Result<Case, Error> {
    let (case, findings) = check_with(dir, additions)?;
    case.ok_or_else(|| {
        let errors: Vec<&Finding> = findings.iter().filter(|f| f.weight == Weight::Error).collect();
        Error::Findings { n: errors.len(), first: Box::new(errors[0].clone()) }
    })
}

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|why| Error::File { path: path.into(), why })
}

/// Reads a study file; the default study when none is given.
pub fn study(path: Option<&Path>) -> Result<Study, Error> {
    match path {
        None => Ok(Study::default()),
        Some(path) => Ok(io::scenario_file::study(&path.display().to_string(), &read_text(path)?)?),
    }
}

/// Reads a scenario file.
pub fn scenario(path: &Path) -> Result<model::Scenario, Error> {
    Ok(io::scenario_file::scenario(&path.display().to_string(), &read_text(path)?)?)
}

/// Every change must select something; says which does not.
pub fn check_changes(case: &Case, changes: &[Change]) -> Result<(), Error> {
    use model::Action;
    for c in changes {
        if !matches!(c.action, Action::SetDemand | Action::Jam) && c.select.select(case).is_empty() {
            return Err(Error::NoSuchAsset(c.select.to_string()));
        }
    }
    Ok(())
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
    check_changes(case, changes)?;
    let structural: Vec<Change> = changes.iter().filter(|c| is_structural(c)).cloned().collect();
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

/// Why an asset failed in a scenario, as a sentence; why its own loss matters when the scenario is that loss.
pub fn why(simulated: &Simulated, asset: &str) -> Result<String, Error> {
    let id = simulated.world.case.find(asset).ok_or_else(|| Error::NoSuchAsset(asset.into()))?;
    let path = explain::why(&simulated.world, &simulated.outcome, id.0);
    Ok(path.unwrap_or_else(|| format!("{} did not fail in this scenario.", simulated.world.asset(id.0).name)))
}

/// A whole assessment.
pub fn assessment(case: &Case, study: &Study, options: &Options, progress: &dyn Progress) -> Assessment {
    assess(case, study, options, progress)
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
