//! The power engine against published and independently computed values, through the same doors as the verbs. Tests that need the
//! folder of published data say so and are skipped where it is missing.

use std::path::PathBuf;

use buttress::engine::power::dc::{Convention, DcModel};
use buttress::engine::power::overload::Plain;
use buttress::model::PowerNetwork;
use buttress::power::{self, AdequacyQuestion};

fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/energy-power");
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: no folder {}", folder.display());
    }
    found.then_some(folder)
}

fn network(name: &str) -> Option<PowerNetwork> {
    Some(power::load(&data()?.join(name)).unwrap_or_else(|e| panic!("{e}")).0)
}

/// Rows of numbers of a section of MATPOWER's printed answer.
fn printed(text: &str, section: &str) -> Vec<Vec<f64>> {
    let body = text.split(section).nth(1).unwrap_or_default();
    let table = body.split("-----").find(|part| part.lines().filter(|l| l.trim().starts_with(|c: char| c.is_ascii_digit())).count() > 10);
    let number = |x: &str| x.trim_end_matches('*').parse::<f64>().ok();
    table
        .unwrap_or_default()
        .lines()
        .map(|l| l.split_whitespace().filter_map(number).collect())
        .filter(|r: &Vec<f64>| r.len() > 2)
        .collect()
}

#[test]
fn the_flow_of_the_modernised_test_system_is_matpowers() {
    let Some(n) = network("rts-gmlc/RTS_GMLC.m") else { return };
    let text = std::fs::read_to_string(data().expect("the folder").join("rts-gmlc/MATPOWER-out.txt")).expect("the printed answer");
    let flow = power::dc_flow(&n).expect("regular");
    let answer = buttress::io::power_json::dc_flow(&n, &flow);
    let buses = printed(&text, "Bus Data");
    assert_eq!(buses.len(), 73);
    for row in &buses {
        let bus = answer["buses"].as_array().expect("buses").iter().find(|b| b["bus"].as_f64() == Some(row[0])).expect("the bus");
        assert!((bus["va_deg"].as_f64().expect("an angle") - row[2]).abs() < 5.1e-4, "{bus} {row:?}");
    }
    let branches = printed(&text, "Branch Data");
    assert_eq!(branches.len(), 120);
    for row in &branches {
        let branch = &answer["branches"][row[0] as usize - 1];
        assert!((branch["p_from_mw"].as_f64().expect("a flow") - row[3]).abs() < 5.1e-3, "{branch} {row:?}");
    }
}

/// The plain rule from the starts of the published peer: sample s loses branches 7919 s and 104729 s + 13, modulo their number.
#[test]
fn plain_cascades_sum_to_what_two_programs_give() {
    for (case, n_samples, served_mw, trips, rounds) in [
        ("pglib-opf/pglib_opf_case118_ieee.m", 200, 673_331.527_923_3, 973, 351),
        ("matpower/case300.m", 200, 4_148_857.44, 0, 200),
        ("matpower/case1354pegase.m", 200, 16_266_453.924_82, 538, 299),
        ("matpower/case9241pegase.m", 40, 14_842_049.660_12, 719, 63),
    ] {
        let Some(mut n) = network(case) else { return };
        n.branches.iter_mut().for_each(|b| b.shift_deg = 0.0);
        let plain = Plain::new(&DcModel::new(&n, Convention::Matpower), 1.2).expect("regular");
        let on: Vec<usize> = (0..n.branches.len()).filter(|&k| n.branches[k].in_service).collect();
        let mut work = plain.work();
        let runs: Vec<_> = (0..n_samples)
            .map(|s| plain.run(&mut work, &[on[s * 7919 % on.len()] as u32, on[(s * 104_729 + 13) % on.len()] as u32]))
            .collect();
        assert_eq!((runs.iter().map(|r| r.trips).sum::<usize>(), runs.iter().map(|r| r.rounds).sum::<usize>()), (trips, rounds), "{case}");
        let served: f64 = runs.iter().map(|r| r.served_mw).sum();
        assert!((served - served_mw).abs() < 1e-9 * served_mw, "{case}: {served}");
    }
}

#[test]
fn the_reliability_test_system_has_its_published_adequacy() {
    let Some(n) = network("matpower/case24_ieee_rts.m") else { return };
    let question = AdequacyQuestion { rates: None, load: None, peak_mw: None, n_samples: Some(20_000), seed: 1, threads: 2 };
    let a = power::adequacy(&n, &question).expect("files").expect("numbers");
    assert!((a.exact.lole_h - 9.394_18).abs() < 5e-6 && (a.exact.eens_mwh - 1_176.30).abs() < 5e-3, "{:?}", a.exact);
    assert!((a.exact.lole_daily_peaks_d - 1.368_86).abs() < 5e-6);
    let s = a.sampled.expect("asked for");
    assert!((s.mean.lole_h - a.exact.lole_h).abs() < 3.0 * s.half_width.lole_h, "{s:?}");
}
