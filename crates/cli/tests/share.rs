//! The built binary: an assessment is published, taken by a partner, and run again; a lesson is noted and proven by two runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/by_hand_two_countries/case");
const STUDY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/by_hand_two_countries/study.toml");
const PLACE: &str = "joint/91a7b528-80eb-42ed-a74d-c6fbd5a26116";

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder for a test");
    path
}

/// Exit code, standard output and standard error.
fn run<T: AsRef<str>>(folder: &Path, args: &[T]) -> (i32, String, String) {
    let args = args.iter().map(AsRef::as_ref);
    let out = Command::new(env!("CARGO_BIN_EXE_buttress")).args(args).current_dir(folder).stdin(Stdio::null()).output();
    let out = out.expect("the binary runs");
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Runs a verb that must end with a code, and reads the JSON that it prints.
fn json<T: AsRef<str>>(folder: &Path, code: i32, args: &[T]) -> Value {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).chain(["--json"]).collect();
    let (found, out, err) = run(folder, &args);
    assert_eq!(found, code, "{args:?}: {err}");
    serde_json::from_str(&out).expect("one JSON object")
}

/// A node with a collection, and the assessment of a case.
fn node(folder: &Path, case: &str) {
    json(folder, 0, &["node", "root", "add", "joint", "--data", "node"]);
    let id = PLACE.split_once('/').expect("root and id").1;
    json(folder, 0, &["node", "collection", "add", "joint", id, "--title", "Energy", "--data", "node"]);
    json(folder, 0, &["assess", case, "--study", STUDY, "--out", "report", "--budget", "10"]);
}

/// A copy of the case with another repair time.
fn case_with(to: &Path, (from, into): (&str, &str)) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(CASE).expect("the case") {
        let entry = entry.expect("a file of the case");
        let text = std::fs::read_to_string(entry.path()).expect("text");
        let is_meant = entry.file_name() == "repair_times.csv";
        assert_eq!(is_meant, is_meant && text.contains(from), "{from} is not in repair_times.csv");
        std::fs::write(to.join(entry.file_name()), if is_meant { text.replace(from, into) } else { text }).expect("a file");
    }
}

/// A storm and a measure against it, in the tables of a case.
fn add_storm(case: &Path) {
    for (name, text) in [
        ("threats.csv", "key,name,class,rate_central,source\nthreat.storm,A storm over B,natural,0.1,hand\n"),
        (
            "threat_effects.csv",
            "owner,action,select,value,from_h,to_low_h,to_central_h,to_high_h\n\
             threat.storm,take_out,key:line.b1-b2,,2,24,48,96\nthreat.storm,derate,kind:power_plant zone:XB,0.5,0,,72,\n\
             threat.storm,take_out,key:bus.b2,,0,,,\n",
        ),
        (
            "measures.csv",
            "key,name,class,cost_low_meur,cost_central_meur,cost_high_meur,source\nmeasure.spares,Spare transformers,palliative,1,2,3,hand\n",
        ),
        ("measure_effects.csv", "owner,action,select,value\nmeasure.spares,speed_repair,kind:substation,0.3\n"),
    ] {
        std::fs::write(case.join(name), text).expect("a table");
    }
}

#[test]
fn a_threat_and_a_plan_are_run_again_from_the_objects_alone() {
    let folder = folder("share-threat");
    let case = folder.join("case");
    case_with(&case, ("substation,24,72,", "substation,24,72,"));
    add_storm(&case);
    node(&folder, "case");
    let publish = ["share", "publish", "report", "--by", "Authority of A", "--case", "case", "--to", PLACE, "--data", "node"];
    let told = json(&folder, 0, &[&publish[..], &["--top", "2"]].concat());
    let report = told["report"].as_str().expect("a report");
    let replay = ["share", "replay", report, "--from", PLACE, "--data", "node", "--case", "case", "--out", "out", "--run"];
    let found = json(&folder, 0, &replay);
    let storm = found["runs"].as_array().expect("runs").iter().find(|r| r["key"] == "threat.storm").expect("the storm");
    assert_eq!((&storm["about"], &storm["found"]["same"]), (&"threat".into(), &true.into()));
    assert!(storm["found"]["people_hours"].as_f64() > Some(1e6), "{storm}");

    // With the plan in place the same storm costs less.
    let commands: Vec<&str> = found["commands"].as_array().expect("commands").iter().filter_map(Value::as_str).collect();
    let typed = commands.iter().find(|c| c.contains("threat.storm.with-plan")).expect("a command");
    let eased = json(&folder, 0, &typed.split(' ').skip(1).collect::<Vec<_>>());
    assert!(eased["people_hours"].as_f64() < storm["found"]["people_hours"].as_f64(), "{}", eased["people_hours"]);

    let plan = json(&folder, 0, &[&publish[..], &["--plan"]].concat());
    assert_eq!((plan["reveals"]["weaknesses"].as_u64(), plan["n_objects"].as_u64()), (Some(0), Some(3)));
    assert_ne!(plan["report"], told["report"]);
}

const PUBLISH: &[&str] = &["share", "publish", "report", "--by", "Authority of A", "--case", CASE];

#[test]
fn a_partner_runs_a_published_loss_again_and_finds_the_same() {
    let folder = folder("share-replay");
    node(&folder, CASE);
    let told = json(&folder, 0, &[PUBLISH, &["--to", PLACE, "--data", "node", "--top", "3"]].concat());
    let report = told["report"].as_str().expect("a report");
    assert_eq!((told["reveals"]["assets"].as_u64(), told["added"].as_u64() > Some(10)), (Some(3), true));
    // The same again adds nothing.
    let again = json(&folder, 0, &[PUBLISH, &["--to", PLACE, "--data", "node", "--top", "3"]].concat());
    assert_eq!((&again["report"], again["added"].as_u64()), (&told["report"], Some(0)));

    let replay = ["share", "replay", report, "--from", PLACE, "--data", "node"];
    let found = json(&folder, 0, &[&replay[..], &["--out", "same", "--case", CASE, "--run"]].concat());
    assert_eq!((found["case"]["same"].as_bool(), found["study"]["same"].as_bool()), (Some(true), Some(true)));
    let runs = found["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 3);
    for one in runs {
        assert_eq!(one["found"]["same"], true, "{one}");
        assert!(one["published"]["people_hours"].as_f64() > Some(1e6), "{one}");
    }

    // What is printed can be typed, and gives the people-hours of the assessment.
    let assessed: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("report/assessment.json")).expect("a file")).expect("JSON");
    let command = found["commands"][0].as_str().expect("a command");
    let typed: Vec<&str> = command.split(' ').skip(1).collect();
    let ran = json(&folder, 0, &typed);
    assert_eq!(ran["people_hours"], assessed["losses"][0]["central"]["people_hours"]);

    // A case in which substations are mended sooner is told apart, and its figures too.
    case_with(&folder.join("case"), ("substation,24,72,", "substation,24,36,"));
    let other = json(&folder, 1, &[&replay[..], &["--out", "other", "--case", "case", "--run"]].concat());
    assert_eq!(other["case"]["same"], false);
    let same = |key: &str| other["runs"].as_array().expect("runs").iter().find(|r| r["key"] == key).map(|r| r["found"]["same"].clone());
    assert_eq!((same("bus.b1"), same("plant.b-hydro")), (Some(false.into()), Some(true.into())));
}

#[test]
fn what_a_set_reveals_is_told_and_what_cannot_be_shared_is_refused() {
    let folder = folder("share-refused");
    node(&folder, CASE);
    let refused = |args: &[&str], word: &str| {
        let (code, _, err) = run(&folder, args);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(word), "`{word}` is not in: {err}");
    };
    let to = ["--out", "bundle.json"];
    refused(&[&["share", "publish", "report", "--by", "A"], &to[..]].concat(), "--case");
    refused(&[PUBLISH, &to, &["--weakness", "no-such"]].concat(), "no weakness `no-such`");
    refused(&[PUBLISH, &to, &["--plan"]].concat(), "--budget");
    refused(&[PUBLISH, &to, &["--marking", "pink"]].concat(), "amber+strict");
    refused(&[PUBLISH, &["--to", "joint/none", "--data", "node"]].concat(), "collection list");
    refused(&["share", "publish", "no-such", "--by", "A", "--out", "x"], "no-such");
    let told = json(&folder, 0, &[PUBLISH, &to, &["--weakness", "1"]].concat());
    assert_eq!(told["reveals"]["weaknesses"], 1);
    let bundle: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("bundle.json")).expect("a file")).expect("JSON");
    assert_eq!(bundle["objects"].as_array().map(Vec::len), Some(told["n_objects"].as_u64().expect("a count") as usize + 6));
}

#[test]
fn a_lesson_is_noted_found_and_learned_by_two_runs() {
    let folder = folder("share-lesson");
    node(&folder, CASE);
    let within = ["--in", PLACE, "--data", "node"];
    let lesson = ["share", "lesson"];
    let add = ["add", "Two substations", "--text", "Both stood open.", "--by", "Authority of A", "--sector", "energy", "--case", CASE];
    let to = ["--to", PLACE, "--data", "node"];
    let (code, _, err) = run(&folder, &[&lesson[..], &add, &to, &["--asset", "bus.none"]].concat());
    assert!(code == 2 && err.contains("bus.none"), "{err}");
    let told = json(&folder, 0, &[&lesson[..], &add, &to, &["--asset", "bus.a1,bus.a2"]].concat());
    let id = told["lesson"].as_str().expect("an identifier");

    let scenario = "title = \"Both\"\n[[change]]\naction = \"take_out\"\nselect = \"key:bus.a1|bus.a2\"\n";
    std::fs::write(folder.join("before.toml"), scenario).expect("a file");
    let better = format!("{scenario}[[change]]\naction = \"speed_repair\"\nselect = \"kind:substation\"\nvalue = 0.5\n");
    std::fs::write(folder.join("after.toml"), better).expect("a file");
    for name in ["before", "after"] {
        let (_, out, _) = run(&folder, &["run", &format!("{name}.toml"), "--case", CASE, "--study", STUDY, "--json"]);
        std::fs::write(folder.join(format!("{name}.json")), out).expect("a file");
    }
    let promote = |more: &[&str]| -> Vec<String> {
        let words = [&lesson[..], &["promote", id, "--by", "Authority of A", "--evidence", "Seen on site."], &within, more].concat();
        words.into_iter().map(str::to_owned).collect()
    };
    let (code, _, err) = run(&folder, &promote(&[]));
    assert!(code == 2 && err.contains("--cause"), "{err}");
    json(&folder, 0, &promote(&["--cause", "One fence", "--remedy", "Spare transformers", "--who", "Grid of A"]));
    let (code, _, err) = run(&folder, &promote(&["--before", "after.json", "--after", "before.json"]));
    assert!(code == 2 && err.contains("loses less"), "{err}");
    let learned = json(&folder, 0, &promote(&["--before", "before.json", "--after", "after.json"]));
    let effect = &learned["lesson"]["effect"];
    assert!(effect["people_hours_after"].as_f64() < effect["people_hours_before"].as_f64(), "{effect}");

    let find = |words: &str, more: &[&str]| {
        let found = json(&folder, 0, &[&lesson[..], &["find", words], &within, more].concat());
        found["lessons"].as_array().expect("a list").len()
    };
    assert_eq!(find("SPARE fence", &["--state", "lesson_learned", "--asset", "bus.a2", "--sector", "energy"]), 1);
    assert_eq!((find("spare", &["--state", "observation"]), find("pipe", &[])), (0, 0));
}
