//! Texts that a domain reader can judge, as snapshots.

use buttress::model::Study;

fn two_countries() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/by_hand_two_countries/case")
}

#[test]
fn a_cascade_is_told_as_a_sentence() {
    let case = buttress::load(Some(&two_countries())).expect("the case by hand is sound");
    let changes = buttress::io::scenario_file::take_out("bus.a2@0..72").expect("a scenario");
    let s = buttress::simulate(&case, &Study { horizon_h: 2000.0, gas_peak_days: 0, ..Study::default() }, &changes).expect("it runs");
    insta::assert_snapshot!(buttress::optim::explain::first_steps(&s.world, &s.outcome), @"");
    insta::assert_snapshot!(buttress::why(&s, "metro.a").expect("an asset"), @"");
    insta::assert_snapshot!(buttress::why(&s, "plant.b-hydro").expect("an asset"), @"");
    insta::assert_snapshot!(buttress::why(&s, "nobody").unwrap_err(), @"");
}

#[test]
fn a_finding_names_file_row_field_and_what_to_do() {
    let files = [
        ("case.toml", "key = \"x\"\ntitle = \"X\""),
        ("sources.csv", "key,citation,licence\ns,made here,none\n"),
        ("zones.csv", "key,name,kind,lat,lon,source\nA,A,zone,91,0,s\nB,B,land,0,0,t\n"),
    ];
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(n, t)| ((*n).to_owned(), t.as_bytes().to_vec())).collect();
    let (draft, _) = buttress::io::case_folder::parse("x", &files);
    let (_, findings) = buttress::model::check::check(&draft);
    let text = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @"");
}
