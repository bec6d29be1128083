//! Walks `cases/`: every folder with an `expected.json` is run and compared. A new case needs no Rust.

use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases")
}

/// What is wrong with one check; `None` when it holds.
fn verdict(check: &Value, result: &Value) -> Option<String> {
    let path = check["path"].as_str().unwrap_or("");
    let Some(found) = result.pointer(path) else { return Some(format!("{path} is not in the result")) };
    let number = found.as_f64();
    let fails = |what: &str| Some(format!("{path} is {found}, but {what}"));
    if let Some(max) = check["max"].as_f64()
        && number.is_none_or(|x| x > max)
    {
        return fails(&format!("at most {max} is expected"));
    }
    if let Some(min) = check["min"].as_f64()
        && number.is_none_or(|x| x < min)
    {
        return fails(&format!("at least {min} is expected"));
    }
    if let Some(equal) = check.get("equals")
        && found != equal
        && number.is_none_or(|x| Some(x) != equal.as_f64())
    {
        return fails(&format!("{equal} is expected"));
    }
    let list = found.as_array().cloned().unwrap_or_default();
    for (word, wanted) in [("contains", true), ("excludes", false)] {
        for item in check[word].as_array().into_iter().flatten() {
            if list.contains(item) != wanted {
                return fails(&format!("it {} {item}", if wanted { "lacks" } else { "should not hold" }));
            }
        }
    }
    None
}

/// The outcome of a case of the power engine: a network and a cascade in time.
fn power_result(dir: &Path) -> Value {
    let study = buttress::power::cascade_study(&dir.join("power.toml")).unwrap_or_else(|e| panic!("{e}"));
    let (network, _) = buttress::power::load(&dir.join(&study.network)).unwrap_or_else(|e| panic!("{e}"));
    let n_relays = study.settings.relays.len();
    let outcome = buttress::power::timed_cascade(&network, study.settings, &study.outages, study.seed).unwrap_or_else(|e| panic!("{e}"));
    buttress::io::power_json::timed_cascade(&network, &outcome.expect("a network with numbers"), n_relays)
}

/// The outcome of a scenario on a case.
fn scenario_result(dir: &Path, expected: &Value) -> Value {
    let embedded = expected["case"] == "europe";
    let study = buttress::study(Some(&dir.join("study.toml"))).expect("a study");
    let scenario = buttress::scenario(&dir.join("scenario.toml")).expect("a scenario");
    let folder = (!embedded).then(|| dir.join(expected["case"].as_str().unwrap_or("case")));
    let case = buttress::load_with(folder.as_deref(), &scenario.additions).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let simulated = buttress::simulate(&case, &study, &scenario.changes).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    buttress::scenario_json(&simulated, &scenario.changes, &scenario.title)
}

fn run_folder(dir: &Path) -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", dir.display()));
    let expected: Value = serde_json::from_str(&read("expected.json")).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let result = if dir.join("power.toml").exists() { power_result(dir) } else { scenario_result(dir, &expected) };
    let checks = expected["checks"].as_array().cloned().unwrap_or_default();
    assert!(!checks.is_empty(), "{}: no checks", dir.display());
    checks.iter().filter_map(|c| verdict(c, &result)).map(|v| format!("{}: {v}", dir.display())).collect()
}

#[test]
fn every_case_ends_as_expected() {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root())
        .expect("cases/")
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.join("expected.json").exists())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    let wrong: Vec<String> = folders.iter().flat_map(|f| run_folder(f)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    println!("{} cases", folders.len());
}

#[test]
fn a_wrong_expectation_is_noticed() {
    let result = serde_json::json!({"a": 3.0, "b": ["x"]});
    for bad in [
        serde_json::json!({"path": "/a", "max": 2.0}),
        serde_json::json!({"path": "/c", "max": 2.0}),
        serde_json::json!({"path": "/b", "contains": ["y"]}),
        serde_json::json!({"path": "/b", "excludes": ["x"]}),
        serde_json::json!({"path": "/a", "equals": 4.0}),
    ] {
        assert!(verdict(&bad, &result).is_some(), "{bad}");
    }
    assert!(verdict(&serde_json::json!({"path": "/a", "min": 2.0, "max": 3.0, "equals": 3}), &result).is_none());
}
