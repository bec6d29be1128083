//! A duty officer's night with the built binary: warnings in CAP and incidents with their clocks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/by_hand_two_countries");
const PLACE: &str = "joint/91a7b528-80eb-42ed-a74d-c6fbd5a26116";

/// Exit code, standard output and standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_buttress")).args(args).stdin(Stdio::null()).output().expect("the binary runs");
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

fn ok(args: &[&str]) -> String {
    let (code, out, err) = run(args);
    assert_eq!(code, 0, "{args:?}: {out}{err}");
    out
}

fn json(args: &[&str]) -> Value {
    let (_, out, err) = run(&[args, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}{err}"))
}

fn refused(args: &[&str], words: &[&str]) {
    let (code, out, err) = run(args);
    assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
    for word in words {
        assert!(err.contains(word), "`{word}` is not in: {err}");
    }
}

/// An empty folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("duty-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder for a test");
    path
}

struct Desk {
    folder: PathBuf,
    node: String,
}

impl Desk {
    fn new(name: &str) -> Desk {
        let folder = folder(name);
        let node = folder.join("node").display().to_string();
        ok(&["node", "root", "add", "joint", "--data", &node]);
        ok(&["node", "collection", "add", "joint", PLACE.split_once('/').unwrap().1, "--title", "Energy", "--data", &node]);
        Desk { folder, node }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The scenario of the small case, as `run --json` prints it.
    fn simulate(&self) -> String {
        let at = |name: &str| format!("{CASE}/{name}");
        let out = ok(&["run", &at("scenario.toml"), "--case", &at("case"), "--study", &at("study.toml"), "--json"]);
        let path = self.path("run.json");
        std::fs::write(&path, out).unwrap();
        path
    }

    fn of(&self, incident: &str, now: &str) -> Value {
        json(&["incident", "show", incident, "--data", &self.node, "--now", now])
    }
}

fn deadline<'a>(shown: &'a Value, duty: &str) -> &'a Value {
    shown["deadlines"].as_array().unwrap().iter().find(|d| d["duty"] == duty).unwrap_or_else(|| panic!("no {duty} in {shown}"))
}

#[test]
fn a_simulation_becomes_a_warning_that_is_updated_and_cancelled_through_a_node() {
    let desk = Desk::new("warning");
    let (simulated, a, b, c, back) = (desk.simulate(), desk.path("a.xml"), desk.path("b.xml"), desk.path("c.xml"), desk.path("back.xml"));
    let case = format!("{CASE}/case");
    ok(&[
        "warn",
        "write",
        "--run",
        &simulated,
        "--case",
        &case,
        "--hour-0",
        "2026-01-15T06:00+02:00",
        "--sent",
        "2026-01-15T05:00[Europe/Helsinki]",
        "--status",
        "exercise",
        "--note",
        "EX-7",
        "--sender",
        "desk@op.example",
        "--out",
        &a,
    ]);
    let checked = json(&["warn", "check", &a]);
    assert_eq!((&checked["n_errors"], &checked["n_warnings"], &checked["scope"]), (&0.into(), &0.into(), &"Restricted".into()));
    let text = std::fs::read_to_string(&a).unwrap();
    // 500,000 people in one country that is no member: severe by people. It begins an hour after it is sent.
    for line in [
        "<severity>Severe</severity>",
        "<urgency>Expected</urgency>",
        "<certainty>Possible</certainty>",
        "<circle>50.3,10.5 2</circle>",
        "<sent>2026-01-15T05:00:00+02:00</sent>",
        "<expires>2026-01-18T07:30:00+02:00</expires>",
        "<restriction>TLP:AMBER</restriction>",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }

    let taken = json(&["warn", "read", &a, "--to", PLACE, "--data", &desk.node]);
    let id = taken["sighting"].as_str().unwrap().to_owned();
    ok(&["warn", "write", "--from", &id, "--data", &desk.node, "--out", &back]);
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&back).unwrap());
    assert_eq!(json(&["warn", "read", &a, "--to", PLACE, "--data", &desk.node])["n_added"], 0);

    ok(&[
        "warn",
        "write",
        "--update",
        &a,
        "--sent",
        "2026-01-15T06:30+02:00",
        "--certainty",
        "observed",
        "--description",
        "Seen.",
        "--out",
        &b,
    ]);
    assert_eq!(json(&["warn", "read", &b, "--to", PLACE, "--data", &desk.node])["sighting"], id.as_str());
    // The object now stands for the update, so the cancellation names both.
    ok(&["warn", "write", "--cancel", &id, "--data", &desk.node, "--sent", "2026-01-15T07:30+02:00", "--out", &c]);
    let cancelled = std::fs::read_to_string(&c).unwrap();
    assert_eq!(cancelled.matches("desk@op.example,").count(), 2, "{cancelled}");
    assert!(cancelled.contains("<urgency>Past</urgency>") && cancelled.contains("<note>EX-7</note>"), "{cancelled}");
    assert_eq!(json(&["warn", "read", &c, "--to", PLACE, "--data", &desk.node])["sighting"], id.as_str());
}

#[test]
fn a_message_may_not_be_marked_wider_than_its_scope_and_faults_are_told_with_their_element() {
    let desk = Desk::new("scope");
    let (private, faulty) = (desk.path("private.xml"), desk.path("faulty.xml"));
    let head = ["warn", "write", "--sender", "a@b.example", "--status", "actual", "--event", "Cable cut"];
    refused(&[&head[..], &["--scope", "private"]].concat(), &["alert/addresses", "say whom the alert is for"]);
    ok(&[&head[..], &["--scope", "private", "--address", "c@d.example", "--out", &private]].concat());
    refused(&["warn", "read", &private, "--to", PLACE, "--data", &desk.node, "--marking", "amber"], &["Private", "mark it red"]);
    let taken = json(&["warn", "read", &private, "--to", PLACE, "--data", &desk.node]);
    assert_eq!(taken["markings"], serde_json::json!(["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]));

    let text =
        std::fs::read_to_string(&private).unwrap().replace("<addresses>c@d.example</addresses>", "").replace(">a@b.example<", ">a b<");
    std::fs::write(&faulty, text).unwrap();
    let (code, out, _) = run(&["warn", "check", &faulty]);
    assert_eq!(code, 1);
    assert!(
        out.contains("error: alert/sender: ' ' in a name") && out.contains("error: alert/addresses:") && out.contains("2 errors"),
        "{out}"
    );
    std::fs::write(&faulty, "<alert/>").unwrap();
    refused(&["warn", "check", &faulty], &["faulty.xml: line 1, column 1", "namespace"]);
    refused(&["warn", "read", &private, "--to", PLACE, "--data", &desk.path("nowhere")], &["holds no node"]);
    assert!(!desk.folder.join("nowhere").exists(), "a mistyped folder is not made");
}

#[test]
fn further_languages_take_the_figures_of_the_run() {
    let desk = Desk::new("languages");
    let (simulated, texts, out) = (desk.simulate(), desk.path("texts.toml"), desk.path("out.xml"));
    let case = format!("{CASE}/case");
    let write =
        ["warn", "write", "--run", &simulated, "--case", &case, "--status", "test", "--sender", "a", "--texts", &texts, "--out", &out];
    std::fs::write(&texts, "[fi-FI]\nevent = \"Sähkökatko\"\nheadline = \"{people} ihmistä, {hours} tuntia\"\n").unwrap();
    ok(&write);
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("<language>fi-FI</language>") && text.contains("<headline>500000 ihmistä, 74 tuntia</headline>"), "{text}");
    assert_eq!(text.matches("<severity>Severe</severity>").count(), 2);
    std::fs::write(&texts, "[fi-FI]\nheadline = \"{ihmiset}\"\n").unwrap();
    refused(&write, &["texts.toml: [fi-FI] headline: {ihmiset} stands for nothing", "{people}"]);
    std::fs::write(&texts, "[fi-FI]\nheadlin = \"x\"\n").unwrap();
    refused(&write, &["[fi-FI] headlin", "headline"]);
}

#[test]
fn both_laws_stand_side_by_side_in_local_time() {
    let aware = ["incident", "clock", "--aware", "2026-01-31T10:00[Europe/Helsinki]", "--sector", "energy"];
    let text = ok(&[&aware[..], &["--now", "2026-02-01T09:30[Europe/Helsinki]"]].concat());
    let row = text.lines().find(|l| l.contains("Sun 2026-02-01 10:00 +02:00")).unwrap_or_else(|| panic!("{text}"));
    assert!(row.contains("30 min") && row.contains("early warning: open") && row.contains("initial notification: open"), "{row}");
    // Notified on 2 February: the final report a month later; by the Finnish rule at the end of the day.
    let later =
        [&aware[..], &["--now", "2026-02-05T00:00Z", "--notified", "2026-02-02T15:00[Europe/Helsinki]", "--handled", "2026-02-03T00:00Z"]]
            .concat();
    let strict = json(&later);
    assert_eq!(deadline(&strict, "final_report")["due"], "2026-03-02T15:00:00+02:00");
    assert_eq!(deadline(&strict, "early_warning")["state"], "missed");
    assert_eq!(run(&later).0, 1, "a missed deadline is told by the exit code");
    let finnish = json(&[&later[..], &["--state", "FI"]].concat());
    assert_eq!(deadline(&finnish, "final_report")["due"], "2026-03-02T23:59:59+02:00");
    assert_eq!(finnish["strict_reading_is_earlier"][0]["due"], "2026-03-02T15:00:00+02:00");
    // An offset alone counts days where it was typed, not in UTC.
    let offset = json(&[
        "incident",
        "clock",
        "--aware",
        "2026-01-31T10:00+02:00",
        "--done",
        "initial=2026-02-01T01:00+02:00",
        "--now",
        "2026-02-02T00:00Z",
    ]);
    assert_eq!((&offset["zone"], &deadline(&offset, "detailed_report")["due"]), (&"+02:00".into(), &"2026-02-28T10:00:00+02:00".into()));
}

#[test]
fn what_would_move_a_deadline_by_mistake_is_refused() {
    let clock = |aware: &str, words: &[&str]| refused(&["incident", "clock", "--aware", aware], words);
    clock("2026-01-31T10:00+01:00[Europe/Helsinki]", &["--aware", "Europe/Helsinki is at +02:00 then"]);
    clock("2026-01-31T10:00", &["does not say in which zone"]);
    clock("31.1.2026", &["no moment", "2026-01-31T10:00+02:00"]);
    let aware = ["incident", "clock", "--aware", "2026-01-31T10:00Z"];
    refused(&[&aware[..], &["--state", "NO"]].concat(), &["no member state"]);
    refused(&[&aware[..], &["--sector", "power"]].concat(), &["--sector power", "energy"]);
    refused(&[&aware[..], &["--done", "early=2026-01-31T11:00Z"]].concat(), &["`early` is no report", "early-warning"]);
    refused(&[&aware[..], &["--done", "initial=2026-01-30T11:00Z"]].concat(), &["before awareness"]);
    let rules = Path::new(env!("CARGO_TARGET_TMPDIR")).join("duty-rules.toml");
    std::fs::write(&rules, "month_ends = \"same_time\"\n").unwrap();
    refused(&[&aware[..], &["--rules", &rules.display().to_string()]].concat(), &["duty-rules.toml", "month_ends"]);
}

#[test]
fn significance_takes_a_run_and_thresholds_and_says_what_is_missing() {
    let desk = Desk::new("significance");
    let (simulated, rules) = (desk.simulate(), desk.path("rules.toml"));
    std::fs::write(&rules, "[thresholds]\nusers = 100000\nduration_h = 100\n").unwrap();
    let found = json(&[
        "incident",
        "significance",
        "--run",
        &simulated,
        "--rules",
        &rules,
        "--countries",
        "FI,EE,SE,LV,LT,PL",
        "--severe-disruption",
        "yes",
    ]);
    let verdict =
        |rule: &str| found["findings"].as_array().unwrap().iter().find(|f| f["rule"] == rule).map(|f| f["verdict"].clone()).unwrap();
    assert_eq!(
        (verdict("cer_users"), verdict("cer_duration"), verdict("cer_proportion")),
        ("met".into(), "not_met".into(), "unknown".into())
    );
    assert_eq!(
        (verdict("blueprint_six_states"), verdict("nis2_disruption"), verdict("blueprint_particular")),
        ("met".into(), "met".into(), "unknown".into())
    );
    let (code, text, _) = run(&["incident", "significance", "--users", "10", "--digital", "cloud", "--loss-eur", "600000"]);
    assert_eq!(code, 1);
    assert!(text.contains("2024/2690 Art. 3(1)(a)") && text.contains("--down-min"), "{text}");
    refused(&["incident", "significance", "--users", "-1"], &["--users"]);
    refused(&["incident", "significance", "--users", "10", "--users-of", "5"], &["--users-of is 5"]);
    let not_a_run = desk.path("rules.toml");
    refused(&["incident", "significance", "--run", &not_a_run], &["rules.toml", "buttress run --json"]);
}

#[test]
fn a_form_names_its_gaps_and_fits_its_law() {
    let (code, page, err) =
        run(&["incident", "form", "--stage", "final", "--aware", "2026-01-31T10:00Z", "--cause", "anchor", "--who", "Desk"]);
    assert_eq!(code, 1);
    assert!(page.contains("# NIS2: final report") && page.contains("> anchor") && page.contains("- Severity (`severity`)"), "{page}");
    assert!(err.contains("nature, severity, impact, measures"), "{err}");
    let form = json(&["incident", "form", "--regime", "cer", "--stage", "initial", "--aware", "2026-01-31T10:00Z"]);
    assert_eq!((&form["law"], form["unanswered"].as_array().unwrap().len()), (&"cer".into(), 8));
    refused(
        &["incident", "form", "--regime", "cer", "--stage", "final", "--aware", "2026-01-31T10:00Z"],
        &["report under NIS2", "--regime nis2"],
    );
}

#[test]
fn kept_clocks_survive_and_the_overdue_come_first() {
    let desk = Desk::new("kept");
    let simulated = desk.simulate();
    let open = |name: &str, aware: &str, more: &[&str]| {
        ok(&[
            &[
                "incident",
                "open",
                "--name",
                name,
                "--aware",
                aware,
                "--who",
                "Control room",
                "--sector",
                "energy",
                "--to",
                PLACE,
                "--data",
                &desk.node,
            ][..],
            more,
        ]
        .concat())
    };
    open(
        "Estlink 2",
        "2026-01-31T10:00",
        &["--state", "FI", "--now", "2026-01-31T11:00", "--run", &simulated, "--marking", "amber+strict"],
    );
    open("Storm", "2026-01-29T10:00Z", &["--now", "2026-01-29T11:00Z"]);
    let list = |now: &str| json(&["incident", "list", "--data", &desk.node, "--now", now]);
    let names =
        |list: &Value| list["incidents"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let night = list("2026-01-31T12:00Z");
    assert_eq!(names(&night), ["Storm", "Estlink 2"]);
    assert_eq!((&night["incidents"][0]["left_s"], &night["incidents"][1]["left_s"]), (&(-26 * 3600).into(), &(20 * 3600).into()));

    let done = |stage: &str, incident: &str, at: &str| {
        ok(&["incident", "done", stage, incident, "--at", at, "--by", "A. Person", "--data", &desk.node, "--now", "2026-01-31T13:00Z"])
    };
    for stage in ["early-warning", "initial"] {
        done(stage, "Storm", "2026-01-30T09:00Z");
    }
    done("notification", "Storm", "2026-01-31T12:30Z");
    let shown = desk.of("Storm", "2026-01-31T14:00Z");
    let early = deadline(&shown, "early_warning");
    assert_eq!(
        (&early["state"], &early["at"], &early["by"], &early["who"]),
        (&"met".into(), &"2026-01-30T09:00:00Z".into(), &"A. Person".into(), &"Control room".into())
    );
    assert_eq!(deadline(&shown, "progress_report")["due"], "2026-02-28T12:30:00+00:00");
    assert_eq!(names(&list("2026-01-31T14:00Z")), ["Estlink 2", "Storm"]);
    refused(
        &["incident", "done", "final", "Storm", "--at", "2027-01-01T00:00Z", "--data", &desk.node, "--now", "2026-01-31T13:00Z"],
        &["--at lies ahead"],
    );

    ok(&[
        "incident",
        "note",
        "Storm",
        "--malicious",
        "no",
        "--requested",
        "2026-01-31T13:00Z..2026-02-01T13:00Z",
        "--data",
        &desk.node,
        "--now",
        "2026-01-31T13:30Z",
    ]);
    ok(&["incident", "done", "handled", "Storm", "--at", "2026-02-01T00:00Z", "--data", &desk.node, "--now", "2026-02-01T00:00Z"]);
    let shown = desk.of("Storm", "2026-02-01T14:00Z");
    assert_eq!((&deadline(&shown, "intermediate_report")["state"], &shown["impact"]["malicious"]), (&"missed".into(), &"no".into()));
    assert_eq!(deadline(&shown, "final_report")["due"], "2026-02-28T12:30:00+00:00");
    let (code, page, _) = run(&["incident", "form", "--stage", "notification", "--incident", "Estlink 2", "--data", &desk.node]);
    assert!(code == 0 && page.contains("500000 people") && page.contains("- Aware: Control room, 2026-01-31T08:00:00Z"), "{page}");
}

#[test]
fn what_a_kept_incident_needs_is_asked_for() {
    let desk = Desk::new("asked");
    let open = ["incident", "open", "--aware", "2026-01-31T10:00Z", "--to", PLACE, "--data", &desk.node];
    refused(&open, &["--sector", "energy, transport"]);
    refused(&[&open[..], &["--sector", "energy"]].concat(), &["--who"]);
    let whole = [&open[..], &["--sector", "energy", "--who", "Desk", "--name", "X"]].concat();
    refused(&[&whole[..], &["--now", "2026-01-30T10:00Z"]].concat(), &["--aware lies ahead of now"]);
    refused(&[&whole[..], &["--marking", "purple"]].concat(), &["`purple` is no marking"]);
    refused(&["incident", "show", "X", "--data", &desk.node], &["no incident `X`", "incident list"]);
    refused(&["incident", "done", "report", "X", "--data", &desk.node], &["`report` is no report", "handled"]);
}
