use super::super::program;
use super::*;
use crate::power::testing::{data, network as published};
use buttress_model::network::{Branch, Bus, Generator};
use proptest::prelude::*;

fn bus(pd_mw: f64) -> Bus {
    Bus { pd_mw, ..Bus::default() }
}

fn plant(bus: usize, p_max_mw: f64) -> Generator {
    Generator { bus, in_service: true, p_max_mw, ..Generator::default() }
}

fn line(from: usize, to: usize, rate_a_mva: f64) -> Branch {
    Branch { from, to, in_service: true, x_pu: 0.1, rate_a_mva, ..Branch::default() }
}

fn grid(buses: Vec<Bus>, generators: Vec<Generator>, branches: Vec<Branch>) -> PowerNetwork {
    PowerNetwork { base_mva: 100.0, buses, generators, branches, ..PowerNetwork::default() }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (1.0 + b.abs())
}

#[test]
fn a_triangle_sheds_what_its_weakest_path_cannot_carry() {
    // All from bus 0; to bus 2 flows two thirds directly, so 60 MW on 0-2 lets 90 MW through, and 10 of 100 are shed.
    let network =
        grid(vec![bus(0.0), bus(0.0), bus(100.0)], vec![plant(0, 200.0)], vec![line(0, 1, 0.0), line(1, 2, 0.0), line(0, 2, 60.0)]);
    let shed = least_shed(&network, Convention::Matpower);
    assert!(near(shed.shed_mw, 10.0) && near(shed.flow_mw[2], 60.0) && near(shed.p_mw[0], 90.0) && !shed.is_certified);
    // Without the weak line, all passes; without the way round, 60 MW do.
    assert!(near(least_shed(&network.without_branches(&[3]).expect("row"), Convention::Matpower).shed_mw, 0.0));
    assert!(near(least_shed(&network.without_branches(&[1]).expect("row"), Convention::Matpower).shed_mw, 40.0));
}

#[test]
fn an_island_without_source_sheds_all_its_load_and_its_shunt_is_dead() {
    let mut network = grid(vec![bus(50.0), bus(30.0)], vec![plant(0, 60.0)], vec![line(0, 1, 0.0)]);
    network.buses[1].gs_mw = 5.0;
    let shed = least_shed(&network.without_branches(&[1]).expect("row"), Convention::Matpower);
    assert!(shed.ending == Ending::Solved && near(shed.shed_mw, 30.0) && shed.is_certified);
    // Together the shunt comes first: 60 MW feed 5 of it and 55 of 80.
    assert!(near(least_shed(&network, Convention::Matpower).shed_mw, 25.0));
}

#[test]
fn a_fixed_injection_may_be_spilled_and_a_plant_may_stop() {
    let mut network = grid(vec![bus(10.0), bus(-40.0)], vec![plant(0, 60.0)], vec![line(0, 1, 0.0)]);
    network.generators[0].p_min_mw = 30.0;
    let shed = least_shed(&network, Convention::Matpower);
    assert!(near(shed.shed_mw, 0.0) && shed.p_mw[0] <= 10.0 + 1e-6);
}

#[test]
fn a_direct_current_line_delivers_what_its_losses_leave() {
    let mut network = grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 200.0)], vec![]);
    let dc = buttress_model::network::DcLine { to: 1, in_service: true, p_range_mw: (0.0, 80.0), loss: (1.0, 0.05), ..Default::default() };
    network.dc_lines.push(dc);
    // 0.95 · 80 − 1 = 75 MW arrive.
    assert!(near(least_shed(&network, Convention::Matpower).shed_mw, 25.0));
}

#[test]
fn numbers_that_are_none_end_as_such() {
    let mut network = grid(vec![bus(10.0), bus(5.0)], vec![plant(0, 60.0)], vec![line(0, 1, 0.0)]);
    network.buses[1].pd_mw = f64::NAN;
    assert_eq!(least_shed(&network, Convention::Matpower).ending, Ending::NotANumber);
    network.buses[1].pd_mw = 5.0;
    network.branches[0].x_pu = 0.0;
    assert_eq!(least_shed(&network, Convention::Matpower).ending, Ending::NotANumber);
    let network = PowerNetwork { base_mva: 0.0, ..network };
    assert_eq!(least_shed(&network, Convention::Matpower).ending, Ending::NotANumber);
    let sound = grid(vec![bus(10.0)], vec![], vec![]);
    let shedding = Shedding::new(&sound, Convention::Matpower).expect("sound");
    assert_eq!(shedding.ensemble(&[vec![], vec![7]], 1), Err(7));
}

/// Published attacks: branch rows and load shed in p.u. of the direct-current rows of one file.
fn attacks(text: &str) -> Vec<(Vec<usize>, f64)> {
    let row = |part: &str| {
        let field = |name: &str| part.split(name).nth(1).unwrap_or_default().to_owned();
        let lines = field("\"lines\":[").split(']').next().unwrap_or_default().split(',').map(|x| x.trim().parse().expect("row")).collect();
        (lines, field("\"load_shed\":").split([',', '}']).next().unwrap_or_default().trim().parse().expect("shed"))
    };
    text.split("StandardDCPForm").skip(1).map(row).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "published values stand in files")]
fn every_published_attack_on_rts_24_sheds_as_much_as_published() {
    let Some(network) = published("attack-nk/rts24/nesta_case24_ieee_rts.m") else { return };
    let Some(folder) = data().map(|d| d.join("attack-nk/rts24")) else { return };
    let mut n_attacks = 0;
    for k in 2..=38 {
        let text = std::fs::read_to_string(folder.join(format!("deterministic/det_{k}_24.json"))).expect("attacks");
        for (rows, published) in attacks(&text) {
            let shed = least_shed(&network.without_branches(&rows).expect("rows"), Convention::PowerModels);
            assert!((shed.shed_mw - 100.0 * published).abs() < 1e-3, "{rows:?} {} {published}", shed.shed_mw);
            n_attacks += 1;
        }
    }
    assert!(n_attacks >= 37);
}

/// All sets of k of n branches.
fn sets(n: usize, k: usize) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..k {
        out = out.iter().flat_map(|s| (s.last().map_or(0, |l| l + 1)..n).map(|i| [s.as_slice(), &[i]].concat())).collect();
    }
    out
}

#[test]
fn rts_24_is_secure_against_one_loss_and_sheds_after_8_pairs_and_317_triples() {
    let Some(network) = published("energy-power/matpower/case24_ieee_rts.m") else { return };
    let shedding = Shedding::new(&network, Convention::Matpower).expect("sound").with_base();
    let run = |k: usize| {
        let totals = shedding.ensemble(&sets(38, k), 2).expect("branches");
        assert!(totals.iter().all(|t| t.ending == Ending::Solved));
        let mut shed: Vec<f64> = totals.iter().map(|t| t.shed_mw).filter(|x| *x > 1e-3).collect();
        shed.sort_by(|a, b| b.total_cmp(a));
        println!("k={k} {} certified of {}", totals.iter().filter(|t| t.is_certified).count(), totals.len());
        shed
    };
    assert!(run(0).is_empty() && run(1).is_empty());
    let pairs = run(2);
    assert_eq!(pairs.len(), 8);
    assert!(near(pairs[0], 194.0) && near(pairs[1], 136.0), "{pairs:?}");
    let triples = run(3);
    assert_eq!(triples.len(), 317);
    assert!(near(triples[0], 309.0), "{}", triples[0]);
    let between = |ends: &[(usize, usize)]| -> Vec<usize> {
        let of = |&(f, t): &(usize, usize)| network.branches.iter().position(|b| (b.from + 1, b.to + 1) == (f, t)).expect("branch");
        ends.iter().map(of).collect()
    };
    assert!(near(shedding.after(&between(&[(12, 23), (13, 23), (14, 16), (15, 24)])).shed_mw, 516.0));
    assert!(near(shedding.after(&between(&[(11, 13), (12, 13), (12, 23), (14, 16), (3, 24)])).shed_mw, 842.0));
}

#[test]
fn five_damaged_buses_deliver_as_published_with_the_best_repairs() {
    let Some(damaged) = published("energy-power/restoration/case5_restoration.m") else { return };
    // Generators 1 to 3 and branches 1 to 3 are out; a repair brings one of the six back.
    let delivered = |repairs: &[usize], convention: Convention| {
        let mut network = damaged.clone();
        for k in (0..3).filter(|k| !repairs.contains(k)) {
            network.generators[k].in_service = false;
        }
        for k in (0..3).filter(|k| !repairs.contains(&(k + 3))) {
            network.branches[k].in_service = false;
        }
        1000.0 - least_shed(&network, convention).shed_mw
    };
    for convention in [Convention::PowerModels, Convention::Matpower] {
        for (n_repairs, published) in [(0, 440.0), (1, 960.0), (2, 960.0), (3, 1000.0), (6, 1000.0)] {
            let best = sets(6, n_repairs).iter().map(|s| delivered(s, convention)).fold(0.0, f64::max);
            assert!(near(best, published), "{convention:?} {n_repairs} {best}");
        }
    }
}

#[test]
fn a_twentieth_of_three_european_grids_lost_sheds_as_measured_with_two_peers() {
    for (case, shed_mw) in [("1354", 1112.0800), ("2869", 2108.0333), ("8387", 2530.8749)] {
        let Some(network) = published(&format!("energy-power/pglib-opf/pglib_opf_case{case}_pegase.m")) else { return };
        let rows: Vec<usize> = (0..network.branches.len()).filter(|r| (r * 7919) % 20 == 0).map(|r| r + 1).collect();
        let shed = least_shed(&network.without_branches(&rows).expect("rows"), Convention::Matpower);
        println!("{case} {:.6}", shed.shed_mw);
        assert!((shed.shed_mw - shed_mw).abs() <= 1e-6 * shed_mw, "{case} {}", shed.shed_mw);
    }
}

/// Small connected networks with positive and negative reactances left out: the ring and random chords.
fn networks() -> impl Strategy<Value = PowerNetwork> {
    let bus = (0.0f64..80.0, prop::bool::weighted(0.2)).prop_map(|(p, injects)| if injects { -p / 4.0 } else { p });
    let chord = (0usize..8, 0usize..8, 0.02f64..0.4, 20.0f64..120.0, 0usize..3);
    (3usize..8, prop::collection::vec(bus, 8), prop::collection::vec(chord, 8..14), prop::collection::vec((0usize..8, 0.0f64..200.0), 1..5))
        .prop_map(|(n, demand, chords, plants)| {
            let end = |(k, c): (usize, (usize, usize, f64, f64, usize))| {
                let (from, to) = if k < n { (k, (k + 1) % n) } else { (c.0 % n, c.1 % n) };
                Branch { from, to, x_pu: c.2, rate_a_mva: if c.4 == 0 { 0.0 } else { c.3 }, in_service: true, ..Branch::default() }
            };
            grid(
                demand[..n].iter().map(|&p| self::bus(p)).collect(),
                plants.iter().map(|&(b, p)| plant(b % n, p)).collect(),
                chords.into_iter().enumerate().map(end).collect(),
            )
        })
}

proptest! {
    #[test]
    fn ensembles_equal_cold_programs_with_angles_as_columns(network in networks(), outs in prop::collection::vec(prop::collection::vec(0usize..8, 0..4), 6)) {
        let shedding = Shedding::new(&network, Convention::Matpower).expect("sound").with_base();
        let totals = shedding.ensemble(&outs, 1).expect("branches");
        prop_assert_eq!(&totals, &shedding.ensemble(&outs, 2).expect("branches"));
        for (out, total) in outs.iter().zip(&totals) {
            let cold = Shedding::new(&network, Convention::Matpower).expect("sound");
            let topology = program::Topology::new(&cold.wires, &cold.pattern, out).expect("regular");
            let fixed = cold.fixed_in(&topology);
            let answer = Program { topology: &topology, columns: &cold.columns, fixed: &fixed }.solve_sparse();
            prop_assert_eq!(answer.ending, total.ending);
            prop_assert!(near(100.0 * cold.total(&answer.x), total.shed_mw), "{} {:?}", 100.0 * cold.total(&answer.x), total);
            let shed = shedding.after(out);
            prop_assert!(near(shed.bus_shed_mw.iter().sum(), total.shed_mw));
            for (b, f) in network.branches.iter().zip(&shed.flow_mw) {
                prop_assert!(b.rate_a_mva == 0.0 || f.abs() <= b.rate_a_mva + 1e-3);
            }
        }
    }
}
