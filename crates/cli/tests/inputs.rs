//! The built binary with what users type: messages, exit codes, and what cannot be written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/by_hand_two_countries/case");

fn buttress(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buttress"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Exit code, standard output and standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = buttress(args).output().expect("the binary runs");
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs on the small case by hand.
fn run_small(args: &[&str]) -> (i32, String, String) {
    run(&[args, &["--case", CASE]].concat())
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("a file for a test");
    path
}

fn refused((code, out, err): (i32, String, String), words: &[&str]) {
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    for word in words {
        assert!(err.contains(word), "`{word}` is not in: {err}");
    }
}

#[test]
fn a_run_without_a_scenario_says_what_may_be_given() {
    refused(run_small(&["run"]), &["SCENARIO.toml", "--take-out", "--threat"]);
}

#[test]
fn a_file_of_the_wrong_sort_is_named() {
    refused(run_small(&["run", env!("CARGO_TARGET_TMPDIR")]), &["is a folder", "scenario file"]);
    let path = file("not-text.toml", b"title = \"\xff\xfe\"");
    refused(run_small(&["run", &path.display().to_string()]), &["not-text.toml", "UTF-8"]);
    refused(run_small(&["run", "--take-out", "bus.a2", "--study", env!("CARGO_TARGET_TMPDIR")]), &["is a folder", "study file"]);
    refused(run_small(&["run", "no-such-file.toml"]), &["no-such-file.toml"]);
}

#[test]
fn a_change_is_named_by_number_and_file() {
    let path = file(
        "typo.toml",
        b"[[change]]\naction = \"take_out\"\nselect = \"key:bus.a2\"\n[[change]]\naction = \"take_out\"\nselect = \"kind:power_lin\"\n",
    );
    refused(run_small(&["run", &path.display().to_string()]), &["change 2 of ", "typo.toml", "selector `kind:power_lin` selects nothing"]);
    refused(run_small(&["run", "--take-out", "bus.a2,bus.zz"]), &["change 2 of --take-out", "`bus.zz`", "buttress find"]);
    let path = file("empty.toml", b"title = \"nothing\"\n");
    refused(run_small(&["run", &path.display().to_string()]), &["empty.toml", "changes nothing"]);
}

#[test]
fn all_defects_of_an_addition_are_printed_at_once() {
    let path = file(
        "additions.toml",
        b"[[add_asset]]\ntable = \"power_lines\"\nkey = \"line.x\"\ncolour = \"red\"\n[[add_asset]]\ntable = \"nope\"\nkey = \"y\"\n",
    );
    refused(
        run_small(&["run", &path.display().to_string()]),
        &[
            "add_asset 1 (power_lines) colour",
            "add_asset 1 (power_lines) bus_from: the cell is empty; give a key",
            "add_asset 2 (nope)",
            "power_lines, hvdc_links",
        ],
    );
}

#[test]
fn find_and_case_take_no_study_and_find_no_empty_text() {
    for args in [&["find", "metro", "--study", "x.toml"][..], &["case", "--study", "x.toml"][..]] {
        refused(run_small(args), &["--study"]);
    }
    refused(run_small(&["find", ""]), &["empty", "give a part of a key"]);
    let (code, out, _) = run_small(&["find", "metro.a"]);
    assert!(code == 0 && out.contains("metro.a"), "{out}");
}

#[test]
fn diff_compares_assessments_and_nothing_else() {
    let empty = file("empty.json", b"{}").display().to_string();
    refused(run(&["diff", &empty, &empty]), &["empty.json", "buttress-assessment/1", "give an assessment.json"]);
    let one = file("one.json", br#"{"schema": "buttress-assessment/1", "study_digest": "a", "threats": []}"#).display().to_string();
    let two = file(
        "two.json",
        br#"{"schema": "buttress-assessment/1", "study_digest": "b", "threats": [{"key": "threat.x", "central": {"people_hours": 9.0}}]}"#,
    )
    .display()
    .to_string();
    assert_eq!(run(&["diff", &one, &one]).0, 0);
    let (code, out, _) = run(&["diff", &one, &two]);
    assert!(code == 1 && out.contains("digest of the study: a before, b after") && out.contains("threat.x"), "{out}");
}

#[test]
fn an_output_folder_that_cannot_be_is_refused_before_the_work() {
    let blocked = file("a-file", b"").join("report").display().to_string();
    let start = std::time::Instant::now();
    // Europe takes minutes to assess: only a check before the work ends soon.
    refused(run(&["assess", "--out", &blocked]), &["cannot write into", "--out"]);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn a_reader_that_leaves_ends_quietly() {
    for args in [&["completions", "bash"][..], &["case", "--case", CASE][..]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let out = buttress(args).stdout(writer).output().expect("the binary runs");
        assert!(out.status.success() && out.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_does_not_arrive_is_an_error() {
    for args in [&["completions", "bash"][..], &["case", "--case", CASE][..], &["check", CASE, "--json"][..]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let out = buttress(args).stdout(full).output().expect("the binary runs");
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && err.contains("cannot print"), "{args:?}: {:?} {err}", out.status);
    }
}

#[test]
fn why_begins_with_the_title_of_the_scenario() {
    let (code, out, _) = run(&["why", "port.eemshaven", "--threat", "cold-spell-of-no-catalogue"]);
    assert!(code == 2 && out.is_empty());
    let path = file("storm.toml", b"title = \"Storm over Aland\"\n[[change]]\naction = \"take_out\"\nselect = \"key:bus.a2\"\nto_h = 72\n");
    let (code, out, _) = run_small(&["why", "metro.a", "--scenario", &path.display().to_string()]);
    assert!(code == 0 && out.starts_with("Storm over Aland: A Two is lost at 0 h; then ") && out.contains("In all: "), "{out}");
}
