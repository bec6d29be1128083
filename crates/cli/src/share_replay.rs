//! `buttress share replay`: from a received report to files that run, and whether they give the same again.

use buttress::model::{Case, Study};
use buttress_server::content::{Desk, Reader, ReplayFiles, ReplayRun, replay_of, write_replay};
use serde_json::{Value, json};

use crate::print::{Code, print, print_json, table, warn};
use crate::share_background::study_of;
use crate::share_content_args::{Replay, id, open, place};

/// Figures are told with nine significant digits.
const TOLERANCE: f64 = 1e-7;

/// What a run found beside what was published.
struct Compared {
    people_hours: f64,
    euro: f64,
    /// `None` where the change also alters the base, so that a run of its own is another question.
    is_same: Option<bool>,
}

/// Writes the files, and runs them where that is asked for.
pub fn replay(args: &Replay) -> Code {
    let mut store = open(&args.look.kept.data, args.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&args.from)?)?;
    let reader = args.reader.as_deref().map_or(Reader::Operator, Reader::Account);
    let found = replay_of(&mut desk, &id(&args.report)?, reader)?;
    let case = buttress::load(args.case.as_deref())?;
    let study = study_of(&found.shared.study)?;
    let is_same_case = case.digest() == found.shared.case.digest;
    let is_same_study = buttress::io::scenario_file::study_digest(&study) == found.shared.study_digest;
    let files = write_replay(found, &args.out)?;
    let mut compared = Vec::new();
    if args.run {
        for one in &files.runs {
            compared.push(run(&case, &study, args, one)?);
        }
    }
    let all_same = compared.iter().all(|c| c.is_same != Some(false));
    if args.look.json {
        print_json(&as_json(args, &files, &case, is_same_study, &compared));
    } else {
        tell(args, &files, &case, is_same_study, &compared);
    }
    Ok(u8::from(!(is_same_case && is_same_study && all_same)))
}

fn run(case: &Case, study: &Study, args: &Replay, one: &ReplayRun) -> Result<Compared, Box<dyn std::error::Error>> {
    let scenario = buttress::scenario(&args.out.join(&one.file))?;
    let outcome = buttress::simulate(case, study, &scenario.changes)?.outcome;
    let (people_hours, euro) = (outcome.people_hours_total(), outcome.euro_total()[1]);
    let near = |told: f64, found: f64| (told - found).abs() <= TOLERANCE * told.abs().max(1.0);
    let told = &one.weakness.figures;
    let is_same = near(told.people_hours, people_hours) && near(told.euro.central, euro);
    let has_own_base = scenario.changes.iter().any(|c| c.action.is_structural());
    Ok(Compared { people_hours, euro, is_same: (!has_own_base).then_some(is_same) })
}

/// What to type, for a scenario and for the whole assessment.
fn commands(args: &Replay, files: &ReplayFiles) -> Vec<String> {
    let out = args.out.display();
    let case = args.case.as_ref().map(|c| c.display().to_string());
    let flag = case.as_ref().map_or(String::new(), |c| format!(" --case {c}"));
    let mut list: Vec<String> = files
        .runs
        .iter()
        .chain(&files.with_plan)
        .map(|one| format!("buttress run {out}/{}{flag} --study {out}/{}", one.file, files.study))
        .collect();
    let budget = files.replay.shared.portfolio.as_ref().map_or(String::new(), |p| format!(" --budget {}", p.budget_meur));
    let case = case.map_or(String::new(), |c| format!(" {c}"));
    list.push(format!("buttress assess{case} --study {out}/{}{budget} --out {out}/again", files.study));
    list
}

fn as_json(args: &Replay, files: &ReplayFiles, case: &Case, is_same_study: bool, compared: &[Compared]) -> Value {
    let shared = &files.replay.shared;
    let runs: Vec<Value> = files
        .runs
        .iter()
        .enumerate()
        .map(|(k, one)| {
            let told = &one.weakness.figures;
            let found = compared.get(k).map(|c| json!({"people_hours": c.people_hours, "euro": c.euro, "same": c.is_same}));
            json!({"file": one.file, "about": one.weakness.about, "key": one.weakness.key, "published": {"people_hours": told.people_hours, "euro": told.euro.central}, "found": found})
        })
        .collect();
    json!({
        "report": args.report, "title": files.replay.title, "n_missing": files.replay.n_missing,
        "case": {"published": shared.case.digest, "here": case.digest(), "same": shared.case.digest == case.digest()},
        "study": {"file": files.study, "same": is_same_study},
        "engine": {"published": shared.engine_version, "here": buttress::VERSION, "same": shared.engine_version == buttress::VERSION},
        "runs": runs, "commands": commands(args, files),
    })
}

fn tell(args: &Replay, files: &ReplayFiles, case: &Case, is_same_study: bool, compared: &[Compared]) {
    let shared = &files.replay.shared;
    if shared.case.digest == case.digest() {
        print(&format!("{}\nthe case is the same: {} {}, digest {}\n", files.replay.title, case.key(), case.version(), case.digest()));
    } else {
        warn(&format!(
            "the case is another one: published from {} {}, digest {}; here {} {}, digest {}. Figures will differ; give the same case with --case",
            shared.case.key,
            shared.case.version,
            shared.case.digest,
            case.key(),
            case.version(),
            case.digest()
        ));
    }
    if !is_same_study {
        warn("the study file does not have the digest that was published: this version of Buttress reads it otherwise");
    }
    if shared.engine_version != buttress::VERSION {
        warn(&format!("the engine is another one: published by {}, here {}", shared.engine_version, buttress::VERSION));
    }
    if files.replay.n_missing > 0 {
        warn(&format!("{} objects of the report are not here, or hidden from this reader", files.replay.n_missing));
    }
    if !compared.is_empty() {
        let mut t = table(&["weakness", "published person h", "found person h", "published euro", "found euro", "same"], 1);
        for (one, c) in files.runs.iter().zip(compared) {
            let told = &one.weakness.figures;
            let word = c.is_same.map_or("not compared", |same| if same { "yes" } else { "no" });
            let cells = [told.people_hours, c.people_hours, told.euro.central, c.euro].map(|x| format!("{x:.0}"));
            t.add_row(std::iter::once(one.title.clone()).chain(cells).chain([word.to_owned()]));
        }
        print(&format!("\n{t}\n"));
    }
    print(&format!("\nRun:\n  {}\n", commands(args, files).join("\n  ")));
}
