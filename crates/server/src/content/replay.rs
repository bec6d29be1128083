//! From a report in a collection to the files that the engine takes.

use std::path::Path;

use buttress_wire::stix::Id;
use buttress_wire::vocabulary::{Change, Replay, StudySettings, Weakness, replay};
use serde::Serialize;

use super::{ContentError, Desk, Reader};

/// A scenario file.
#[derive(Serialize)]
struct Scenario<'a> {
    key: &'a str,
    title: &'a str,
    change: Vec<ScenarioChange<'a>>,
}

/// A row of a scenario file.
#[derive(Serialize)]
struct ScenarioChange<'a> {
    action: &'a str,
    select: &'a str,
    value: Option<f64>,
    from_h: Option<f64>,
    to_h: Option<f64>,
    to_low_h: Option<f64>,
    to_high_h: Option<f64>,
}

/// A weakness that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayRun {
    /// Scenario file.
    pub file: String,
    /// The weakness with the figures that were told.
    pub weakness: Weakness,
    /// Title.
    pub title: String,
}

/// Everything that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayFiles {
    /// What the report says.
    pub replay: Replay,
    /// Study file.
    pub study: String,
    /// Scenarios, in the order of the report.
    pub runs: Vec<ReplayRun>,
    /// Scenarios of the same weaknesses with the measures of the joint plan in place.
    pub with_plan: Vec<ReplayRun>,
}

/// The report with everything of it that a reader may see.
pub fn replay_of(desk: &mut Desk, report: &Id, reader: Reader) -> Result<Replay, ContentError> {
    let object = desk.object(report, reader)?;
    let refs: Vec<Id> = object.references.iter().filter(|r| &*r.property == "object_refs").map(|r| r.target.clone()).collect();
    let objects = desk.objects(&refs, reader)?;
    replay(&object, &objects).ok_or_else(|| ContentError::Form(format!("`{report}` is no assessment that can be run again")))
}

fn rows(changes: &[Change]) -> impl Iterator<Item = ScenarioChange<'_>> {
    changes.iter().map(|c| ScenarioChange {
        action: &c.action,
        select: &c.select,
        value: c.value,
        from_h: c.from_h,
        to_h: c.to_h,
        to_low_h: c.to_low_h,
        to_high_h: c.to_high_h,
    })
}

fn toml<T: Serialize>(value: &T) -> Result<String, ContentError> {
    toml::to_string(value).map_err(|e| ContentError::Form(format!("a file of the replay cannot be written: {e}")))
}

/// A part of a file's name: what a key holds beyond letters, digits, dots and hyphens becomes a hyphen.
fn file_part(key: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    key.chars().take(80).map(safe).collect()
}

/// Writes a study file, and for each weakness a scenario file, and where there is a joint plan one with its measures in place.
pub fn write_replay(replay: Replay, out: &Path) -> Result<ReplayFiles, ContentError> {
    let failed = |path: &Path, why: std::io::Error| ContentError::Form(format!("{}: {why}", path.display()));
    std::fs::create_dir_all(out).map_err(|e| failed(out, e))?;
    let write = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|e| failed(&path, e))
    };
    write("study.toml", &toml::<StudySettings>(&replay.shared.study)?)?;
    let plan: Vec<Change> =
        replay.measures.iter().filter(|m| m.1.plans.iter().any(|p| p == "joint")).flat_map(|m| m.1.changes.clone()).collect();
    let (mut runs, mut with_plan) = (Vec::new(), Vec::new());
    for (n, one) in replay.weaknesses.iter().enumerate().filter(|(_, one)| !one.weakness.changes.is_empty()) {
        let weakness = &one.weakness;
        let name = format!("{:02}-{}", n + 1, file_part(&weakness.key));
        let file = format!("{name}.toml");
        let change = rows(&weakness.changes).collect();
        write(&file, &toml(&Scenario { key: &name, title: &one.name, change })?)?;
        runs.push(ReplayRun { file, weakness: weakness.clone(), title: one.name.clone() });
        if !plan.is_empty() {
            let file = format!("{name}.with-plan.toml");
            let title = format!("{}, with the joint plan", one.name);
            let change = rows(&weakness.changes).chain(rows(&plan)).collect();
            write(&file, &toml(&Scenario { key: &name, title: &title, change })?)?;
            with_plan.push(ReplayRun { file, weakness: weakness.clone(), title });
        }
    }
    Ok(ReplayFiles { replay, study: "study.toml".to_owned(), runs, with_plan })
}
