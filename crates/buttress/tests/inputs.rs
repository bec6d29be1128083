//! What a user can get wrong: every slip is an error or finding that names the place and says what to do.

use std::path::{Path, PathBuf};

use buttress::io::{case_folder, scenario_file};
use buttress::model::{Addition, Case, Finding, Weight, check};
use buttress::{Asked, Error};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> PathBuf {
    root().join("cases/by_hand_two_countries/case")
}

fn two_countries() -> Case {
    buttress::load(Some(&folder())).expect("the case by hand is sound")
}

/// A file with this text in the folder for tests.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file for a test");
    path
}

/// Findings about the case by hand with the text of one table changed.
fn findings_with(table: &str, edit: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<Finding> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("the case by hand") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("a table");
        files.push((name.clone(), if name == format!("{table}.csv") { edit(bytes) } else { bytes }));
    }
    files.sort();
    let (draft, mut findings) = case_folder::parse("case", &files);
    findings.extend(check::check(&draft).1);
    findings
}

/// Findings about the case by hand with rows appended to one table.
fn findings_of(table: &str, rows: &str) -> Vec<Finding> {
    findings_with(table, |mut bytes| {
        bytes.extend_from_slice(rows.as_bytes());
        bytes
    })
}

fn dependency(needs: &str, at: &str, logic: &str) -> Vec<Finding> {
    findings_of("dependencies", &format!("dep.x,key:metro.a,{needs},{at},0.5,0,0,0,0,0,1,{logic},physical,hand\n"))
}

#[test]
fn logic_is_all_any_or_k_of_n_with_enough_assets() {
    for good in ["all", "any", "", "1-of-n", "2-of-n"] {
        assert_eq!(dependency("asset", "kind:substation", good), [], "{good}");
    }
    for bad in ["banana", "0-of-n", "-of-n", "-1-of-n", "2-of-3", "2", "99-of-n", "ALL"] {
        let found = dependency("asset", "kind:substation", bad);
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
        let f = &found[0];
        assert_eq!(
            (f.weight, f.rule, f.file.as_str(), f.line, f.field.as_str()),
            (Weight::Error, "bad-logic", "dependencies.csv", 4, "logic")
        );
        assert!(f.what.contains(bad) && f.advice.starts_with("give"), "{f}");
    }
    // Itself does not count: two metros besides metro.a.
    assert_eq!(dependency("asset", "kind:metro", "2-of-n"), []);
    assert_eq!(dependency("asset", "kind:metro", "3-of-n").len(), 1);
}

#[test]
fn assets_needed_must_be_a_selector_that_hits() {
    let rules = |at| dependency("asset", at, "all").iter().map(|f| (f.weight, f.rule, f.field.clone())).collect::<Vec<_>>();
    assert_eq!(rules("nearest"), [(Weight::Error, "bad-selector", "at".to_owned())]);
    assert_eq!(rules("key:nothing"), [(Weight::Warning, "selects-nothing", "at".to_owned())]);
}

#[test]
fn effects_of_a_catalogue_obey_the_same_ranges_as_scenarios() {
    let files = |effect: &str| {
        let mut files = vec![
            ("threats.csv".to_owned(), b"key,name,class,source\nt,T,accident,hand\n".to_vec()),
            (
                "threat_effects.csv".to_owned(),
                format!("owner,action,select,value,from_h,to_low_h,to_central_h,to_high_h\nt,{effect}\n").into_bytes(),
            ),
        ];
        for entry in std::fs::read_dir(folder()).expect("the case by hand") {
            let path = entry.expect("a file").path();
            files.push((path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("a table")));
        }
        check::check(&case_folder::parse("case", &files).0).1
    };
    assert_eq!(files("derate,kind:metro,0.5,0,1,2,3"), []);
    for bad in [
        "derate,kind:metro,5,0,1,2,3",
        "derate,kind:metro,0.5,720,168,336,504",
        "derate,kind:metro,0.5,0,3,2,1",
        "jam,zone:XA,0.5,0,1,2,3",
        "set_demand,zone:XA commodity:data,0.5,0,1,2,3",
        "restore,kind:metro,,0,1,2,3",
    ] {
        let found = files(bad);
        assert!(found.len() == 1 && found[0].rule == "bad-change" && found[0].line == 2 && !found[0].advice.is_empty(), "{bad}: {found:?}");
    }
    let found = files("derate,kind:metro,0.5,0,1,,3");
    assert!(found.len() == 1 && found[0].field == "to_central_h", "{found:?}");
}

#[test]
fn a_broken_row_is_one_finding() {
    let found = findings_of("power_loads", "load.new,bus.a1\n");
    assert_eq!(found.iter().map(|f| (f.rule, f.line)).collect::<Vec<_>>(), [("ragged-row", 5)], "{found:?}");
    let found = findings_with("power_loads", |mut bytes| {
        bytes.extend_from_slice(b"load.new,bus.a1,XA,1,1,\xff\xfe,\xff\n");
        bytes
    });
    assert_eq!(found.iter().map(|f| f.rule).collect::<Vec<_>>(), ["not-utf8", "ragged-row"], "{found:?}");
    let found = findings_with("zones", |bytes| bytes.into_iter().map(|b| if b == b'A' { 0xff } else { b }).take(100_000).collect());
    assert!(found.iter().all(|f| f.rule != "missing-value"), "a cell that cannot be read is not empty: {found:?}");
}

#[test]
fn an_empty_cell_says_what_to_give() {
    let found = findings_of("power_loads", "load.new,,XA,,1,1\n");
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "error[missing-value] power_loads.csv:5 bus: the cell is empty; give a key that stands in power_buses.csv (Bus)",
            "error[missing-value] power_loads.csv:5 winter_peak_mw: the cell is empty; give a number from 0 to 100000 MW (Demand at the winter peak)",
        ]
    );
}

/// What the changes of a scenario end in, in the case by hand.
fn refusal(rows: &str) -> String {
    let path = file(&format!("refusal-{:x}.toml", rows.bytes().fold(7u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))), rows);
    let asked = Asked { scenario: Some(&path), ..Asked::default() };
    buttress::prepare(Some(&folder()), asked).map(|_| ()).expect_err(rows).to_string()
}

fn row(action: &str, select: &str, more: &str) -> String {
    format!(
        "[[change]]\naction = \"take_out\"\nselect = \"key:bus.a2\"\n[[change]]\naction = \"{action}\"\nselect = \"{select}\"\n{more}\n"
    )
}

#[test]
fn a_change_that_can_do_nothing_is_refused_with_its_number_and_file() {
    for (action, select, more, word) in [
        ("set_demand", "zone:XX", "value = 0.5", "`XX`"),
        ("set_demand", "zone:XA|XX", "value = 0.5", "XA, XB, GATE"),
        ("forbid", "kind:metro", "", "power_plant, hvdc_link"),
        ("add_stock", "kind:metro", "value = 0.5", "gas_storage"),
        ("set_storage", "kind:substation", "value = 0.5", "gas_storage"),
        ("uprate", "kind:metro", "value = 0.5", "power_line"),
        ("take_out", "kind:power_lin", "", "selector `kind:power_lin` selects nothing in the case"),
        ("take_out", "kind:satellite", "", "selector `kind:satellite` selects nothing in the case"),
        ("take_out", "key:bus.a1|bus.a9", "", "no asset or group `bus.a9`"),
    ] {
        let why = refusal(&row(action, select, more));
        assert!(why.starts_with("change 2 of ") && why.contains(".toml: ") && why.contains(word), "{action} {select}: {why}");
        let direct = scenario_file::scenario("x", &row(action, select, more)).expect("sound in form");
        let s = buttress::simulate(&two_countries(), &buttress::model::Study::default(), &direct.changes).map(|_| ());
        assert!(matches!(s, Err(Error::Change { n: 2, .. })), "{action} {select}");
    }
    let kind = refusal(&row("take_out", "kind:power_lin", ""));
    assert!(kind.contains("no kind") && kind.contains("power_line"), "{kind}");
}

#[test]
fn demand_cannot_grow_without_end() {
    assert!(refusal(&row("set_demand", "zone:XA", "value = 1e9")).contains("factor from 0 to 10"));
}

#[test]
fn a_scenario_after_the_horizon_is_refused() {
    let case = two_countries();
    let study = buttress::model::Study { horizon_h: 100.0, gas_peak_days: 0, ..buttress::model::Study::default() };
    let late = scenario_file::take_out("bus.a2@100..200").expect("a change");
    let why = buttress::simulate(&case, &study, &late).map(|_| ()).expect_err("too late").to_string();
    assert!(why.starts_with("nothing happens before the horizon") && why.contains("100 h"), "{why}");
    let both = scenario_file::take_out("bus.a2@100..200,bus.a1@99..").expect("two changes");
    assert!(buttress::simulate(&case, &study, &both).is_ok());
}

#[test]
fn a_run_in_which_nothing_fails_says_so() {
    let s = scenario_file::scenario("x", "[[change]]\naction = \"set_demand\"\nselect = \"zone:XA\"\nvalue = 0.9").expect("a scenario");
    let case = two_countries();
    let run = buttress::simulate(&case, &buttress::model::Study::default(), &s.changes).expect("it runs");
    assert_eq!(buttress::optim::explain::first_steps(&run.world, &run.outcome), "No asset fails; no service is lost.");
}

fn added(table: &str, cells: &[(&str, &str)]) -> Addition {
    Addition { table: table.into(), cells: cells.iter().map(|(c, t)| ((*c).to_owned(), (*t).to_owned())).collect() }
}

#[test]
fn every_defect_of_an_addition_is_told_and_names_it() {
    let line = [("key", "line.x"), ("bus_from", "bus.a1"), ("bus_to", "bus.nowhere"), ("p_max_mw", "-5"), ("colour", "red")];
    let additions = [added("power_lines", &line), added("nope", &[("key", "x")]), added("hvdc_links", &[("key", "h")])];
    let Err(Error::Findings(all)) = buttress::load_with(Some(&folder()), &additions) else { panic!("accepted") };
    let of = |name: &str| all.iter().filter(|f| f.file == name).map(|f| (f.rule, f.field.as_str())).collect::<Vec<_>>();
    let first = of("add_asset 1 (power_lines)");
    assert!(first.contains(&("unknown-column", "colour")) && first.contains(&("dangling-reference", "bus_to")), "{first:?}");
    assert!(first.contains(&("out-of-range", "p_max_mw")) && first.contains(&("missing-value", "x_pu")), "{first:?}");
    assert_eq!(of("add_asset 2 (nope)"), [("unknown-table", "table")]);
    // The case has no table of HVDC links yet, so its columns are those of the addition.
    let third = of("add_asset 3 (hvdc_links)");
    assert!(third.contains(&("missing-value", "bus_from")) && third.iter().all(|f| f.0 == "missing-value"), "{third:?}");
    assert_eq!(first.len() + 1 + third.len(), all.len(), "all findings name an addition: {all:?}");
    let text = Error::Findings(all.clone()).to_string();
    assert_eq!(text.lines().count(), 1 + all.len().min(20) + usize::from(all.len() > 20), "{text}");
    assert!(text.starts_with(&format!("the case has {} errors", all.len())) && !text.contains(".csv:"), "{text}");
}

#[test]
fn an_addition_that_fails_a_rule_across_tables_is_named() {
    let place = [("name", "X"), ("zone", "XA"), ("lat", "50"), ("lon", "10"), ("provenance", "curated"), ("source", "hand")];
    let line = [
        ("key", "line.x"),
        ("kind", "power_line"),
        ("bus_from", "bus.a1"),
        ("bus_to", "bus.a1"),
        ("length_km", "1"),
        ("x_pu", "0.1"),
        ("p_max_mw", "1"),
    ];
    let Err(Error::Findings(all)) = buttress::load_with(Some(&folder()), &[added("power_lines", &[&place[..], &line[..]].concat())]) else {
        panic!("accepted")
    };
    assert_eq!(all.iter().map(|f| (f.file.as_str(), f.rule)).collect::<Vec<_>>(), [("add_asset 1 (power_lines)", "self-loop")]);
}

/// The blocks of TOML on the page about scenarios.
fn examples() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/src/scenarios.md")).expect("the page");
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("").to_owned()).collect()
}

#[test]
fn the_examples_of_the_page_run() {
    let europe = buttress::load(None).expect("Europe is sound");
    let (mut scenarios, mut additions) = (0, 0);
    for text in examples() {
        if !text.contains("[[") {
            scenario_file::study("page", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
            continue;
        }
        let s = scenario_file::scenario("page", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        if s.additions.is_empty() {
            scenarios += 1;
            buttress::check_changes(&europe, &s.changes, "page").unwrap_or_else(|e| panic!("{e}\n{text}"));
        } else {
            additions += 1;
            let case = buttress::load_with(Some(&folder()), &s.additions).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(case.assets().len(), two_countries().assets().len() + s.additions.len());
            buttress::simulate(&case, &buttress::model::Study::default(), &s.changes).unwrap_or_else(|e| panic!("{e}\n{text}"));
        }
    }
    assert!(scenarios >= 4 && additions >= 1, "{scenarios} scenarios, {additions} additions");
}

#[test]
fn europe_has_no_finding_and_its_threats_end_after_they_begin() {
    let (case, findings) = buttress::check(None).expect("embedded");
    assert_eq!(findings, []);
    let case = case.expect("usable");
    for threat in &case.tables().threats {
        for change in buttress::optim::assess::threat_changes(&case, &threat.key) {
            assert_eq!(change.defects(), [""; 0], "{}", threat.key);
        }
    }
}

#[test]
fn a_search_finds_by_text_and_place_and_never_everything() {
    let case = two_countries();
    let keys = |text| buttress::find(&case, text).expect("hits").iter().map(|a| a.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys("metro.A"), ["metro.a"]);
    assert_eq!(keys("nothing of this name"), [""; 0]);
    assert!(matches!(buttress::find(&case, ""), Err(Error::EmptySearch)) && matches!(buttress::find(&case, "  "), Err(Error::EmptySearch)));
}

#[test]
fn why_names_the_scenario_and_what_follows() {
    let case = two_countries();
    let changes = scenario_file::take_out("bus.a2@0..72").expect("a scenario");
    let study = buttress::model::Study { horizon_h: 2000.0, gas_peak_days: 0, ..buttress::model::Study::default() };
    let s = buttress::simulate(&case, &study, &changes).expect("it runs");
    let sentence = buttress::why_in(&s, "metro.a", "Storm").expect("an asset");
    assert!(
        sentence.starts_with("Storm: A Two is lost at 0 h; then ") && sentence.contains(" In all: ") && sentence.contains("MWh"),
        "{sentence}"
    );
}
