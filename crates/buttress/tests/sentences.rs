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
    insta::assert_snapshot!(buttress::optim::explain::first_steps(&s.world, &s.outcome), @"A Two is lost at 0 h; the dark part of A City is out at 6 h when its 6 h of autonomy are used up; lost: 14.5 thousand MWh of electricity, 1688 Gbit/s h of data.");
    insta::assert_snapshot!(buttress::why(&s, "metro.a").expect("an asset"), @"A Two is lost at 0 h; then the dark part of A City is out at 6 h when its 6 h of autonomy are used up.");
    insta::assert_snapshot!(buttress::why(&s, "plant.b-hydro").expect("an asset"), @"B Hydro did not fail in this scenario.");
    insta::assert_snapshot!(buttress::why(&s, "nobody").unwrap_err(), @"no asset `nobody` in the case; look it up with `buttress find TEXT`");
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
    insta::assert_snapshot!(text, @r"
    error[out-of-range] zones.csv:2 lat: 91 is outside -90 to 90 deg; give a number from -90 to 90 deg (Latitude of the centroid of people)
    error[not-a-choice] zones.csv:3 kind: `land` is no word of this column; give one of zone, gate (Gates supply and demand, but are never counted as people or countries hit)
    error[dangling-reference] zones.csv:3 source: `t` is no key in sources; mend the key or add the row
    ");
}
