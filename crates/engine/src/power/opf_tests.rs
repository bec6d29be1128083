use super::*;
use buttress_model::network::{Branch, Bus, Generator};
use proptest::prelude::*;
use std::path::PathBuf;

use crate::power::testing::{data, network as published};

/// Every row of the published table whose case is in the folder, with its DC objective as printed.
#[expect(clippy::disallowed_methods, reason = "published values stand in files")]
fn baseline() -> Vec<(PathBuf, String)> {
    let Some(folder) = data().map(|d| d.join("energy-power/pglib-opf")) else { return vec![] };
    let text = std::fs::read_to_string(folder.join("BASELINE-shared.md")).expect("table");
    let mut out = Vec::new();
    for cells in text.lines().filter(|l| l.starts_with("| pglib")).map(|l| l.split('|').map(str::trim).collect::<Vec<&str>>()) {
        let path = ["", "api", "sad"].iter().map(|sub| folder.join(sub).join(format!("{}.m", cells[1]))).find(|p| p.exists());
        if let Some(path) = path {
            out.push((path, cells[4].to_owned()));
        }
    }
    assert_eq!(out.len(), 23);
    out
}

#[test]
fn every_published_objective_comes_out_to_all_printed_digits() {
    for (path, printed) in baseline() {
        let flow = optimal_flow(&published(&path.display().to_string()).expect("a case of the folder"), Convention::PowerModels);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name} {} {:.6} ({printed})", flow.ending.name(), flow.objective);
        if printed == "inf." {
            assert_eq!(flow.ending, Ending::Infeasible, "{name}");
        } else {
            let printed: f64 = printed.parse().expect("number");
            let digits = |x: f64| format!("{x:.4e}");
            assert_eq!(flow.ending, Ending::Solved, "{name}");
            assert_eq!(digits(flow.objective), digits(printed), "{name} {}", flow.objective);
        }
    }
}

#[test]
fn the_matpower_convention_gives_what_pandapower_gives() {
    let Some(network) = published("energy-power/pglib-opf/pglib_opf_case1354_pegase.m") else { return };
    let flow = optimal_flow(&network, Convention::Matpower);
    assert!((flow.objective - 1_218_096.856).abs() < 1.2, "{}", flow.objective);
}

#[test]
fn the_largest_case_of_the_folder_gives_what_three_peers_give() {
    let Some(network) = published("energy-power/pglib-opf/pglib_opf_case8387_pegase.m") else { return };
    let flow = optimal_flow(&network, Convention::PowerModels);
    assert!((flow.objective - 2_502_807.506).abs() < 1e-6 * flow.objective, "{}", flow.objective);
}

fn bus(pd_mw: f64) -> Bus {
    Bus { pd_mw, ..Bus::default() }
}

/// A generator of 300 MW with a linear cost.
fn plant(bus: usize, cost: f64) -> Generator {
    Generator { bus, in_service: true, p_max_mw: 300.0, cost: Cost::Polynomial(vec![cost, 0.0]), ..Generator::default() }
}

fn line(from: usize, to: usize, rate_a_mva: f64) -> Branch {
    Branch { from, to, in_service: true, x_pu: 0.1, rate_a_mva, ..Branch::default() }
}

fn grid(buses: Vec<Bus>, generators: Vec<Generator>, branches: Vec<Branch>) -> PowerNetwork {
    PowerNetwork { base_mva: 100.0, buses, generators, branches, ..PowerNetwork::default() }
}

fn solved(network: &PowerNetwork) -> OptimalFlow {
    let flow = optimal_flow(network, Convention::PowerModels);
    assert_eq!(flow.ending, Ending::Solved);
    flow
}

fn ending(network: &PowerNetwork) -> Ending {
    optimal_flow(network, Convention::PowerModels).ending
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (1.0 + b.abs())
}

#[test]
fn a_full_line_parts_two_prices() {
    // 60 MW at 10 come over the line, 40 at 30 are local.
    let flow = solved(&grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 10.0), plant(1, 30.0)], vec![line(0, 1, 60.0)]));
    assert!(near(flow.objective, 1800.0) && near(flow.p_mw[0], 60.0) && near(flow.flow_mw[0], 60.0));
    assert!(near(flow.price_per_mwh[0], 10.0) && near(flow.price_per_mwh[1], 30.0), "{:?}", flow.price_per_mwh);
    assert!(near(flow.angle_rad[0] - flow.angle_rad[1], 0.06));
}

#[test]
fn a_full_line_of_a_triangle_makes_the_third_price_higher_than_any_cost() {
    // Flow 0-2 is (150 + p0) / 3 <= 80: p0 = 90, p1 = 60. One MW more at bus 2 takes one off p0 and two more of p1: 30.
    let lines = vec![line(0, 1, 0.0), line(1, 2, 0.0), line(0, 2, 80.0)];
    let flow = solved(&grid(vec![bus(0.0), bus(0.0), bus(150.0)], vec![plant(0, 10.0), plant(1, 20.0)], lines));
    assert!(near(flow.objective, 2100.0) && near(flow.flow_mw[2], 80.0));
    assert!(flow.price_per_mwh.iter().zip([10.0, 20.0, 30.0]).all(|(a, b)| near(*a, b)), "{:?}", flow.price_per_mwh);
}

#[test]
fn quadratic_costs_share_by_their_slopes() {
    // 0.1 p^2 and 0.3 p^2 meet 100 MW at slope 15: 75 and 25.
    let mut network = grid(vec![bus(100.0)], vec![plant(0, 0.0), plant(0, 0.0)], vec![]);
    network.generators[0].cost = Cost::Polynomial(vec![0.1, 0.0, 3.0]);
    network.generators[1].cost = Cost::Polynomial(vec![0.0, 0.3, 0.0, 4.0]);
    let flow = solved(&network);
    assert!(near(flow.objective, 757.0) && (flow.p_mw[0] - 75.0).abs() < 1e-3 && near(flow.price_per_mwh[0], 15.0));
}

#[test]
fn piecewise_costs_follow_their_points_and_go_on_beyond_them() {
    let cost = |p: f64, low: f64, high: f64| {
        let mut network = grid(vec![bus(p)], vec![plant(0, 0.0)], vec![]);
        network.generators[0] = Generator {
            p_min_mw: low,
            p_max_mw: high,
            cost: Cost::Piecewise(vec![(0.0, 100.0), (50.0, 600.0), (100.0, 1600.0)]),
            ..plant(0, 0.0)
        };
        solved(&network).objective
    };
    assert!(near(cost(70.0, 0.0, 300.0), 1000.0) && near(cost(20.0, 0.0, 300.0), 300.0) && near(cost(110.0, 0.0, 300.0), 1800.0));
    assert!(near(cost(70.0, 60.0, 80.0), 1000.0) && near(cost(70.0, 70.0, 70.0), 1000.0) && near(cost(50.0, 50.0, 50.0), 600.0));
    assert!(near(cost(-10.0, -20.0, 300.0), 0.0) && near(cost(120.0, 110.0, 120.0), 2000.0));
}

#[test]
fn an_angle_limit_bounds_a_flow() {
    // b = 10, two degrees: 34.9 MW.
    let mut network = grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 10.0), plant(1, 30.0)], vec![line(0, 1, 0.0)]);
    (network.branches[0].angle_min_deg, network.branches[0].angle_max_deg) = (-2.0, 2.0);
    assert!(near(solved(&network).flow_mw[0], 1000.0 * 2.0_f64.to_radians()));
    // Capacitive series compensation turns the sign of b, not the limit.
    network.branches[0].x_pu = -0.1;
    assert!(near(solved(&network).flow_mw[0], 1000.0 * 2.0_f64.to_radians()));
}

#[test]
fn a_direct_current_line_loses_on_its_way_and_its_negative_limit_is_at_the_far_end() {
    let dc = |range| DcLine { to: 1, in_service: true, p_range_mw: range, loss: (2.0, 0.1), ..DcLine::default() };
    // 50 MW sent, 43 arrive.
    let mut network = grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 10.0), plant(1, 30.0)], vec![]);
    network.dc_lines.push(dc((-30.0, 50.0)));
    let flow = solved(&network);
    assert!(near(flow.dc_line_mw[0], 50.0) && near(flow.p_mw[1], 57.0) && near(flow.objective, 500.0 + 1710.0));
    // The other way 30 MW are drawn at bus 1 at most, and (30 − 2) / 0.9 arrive at bus 0.
    network.buses.swap(0, 1);
    (network.generators[0].bus, network.generators[1].bus) = (1, 0);
    let flow = solved(&network);
    assert!(near(flow.dc_line_mw[0], -28.0 / 0.9) && near(flow.p_mw[1], 100.0 - 28.0 / 0.9) && near(flow.p_mw[0], 30.0));
}

#[test]
fn phase_shifts_count_only_in_the_matpower_convention() {
    // Two equal lines, one shifted by one degree: b·shift/2 circulates.
    let mut network = grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 10.0)], vec![line(0, 1, 0.0), line(0, 1, 0.0)]);
    network.branches[1].shift_deg = 1.0;
    let flow = optimal_flow(&network, Convention::Matpower);
    assert!(near(flow.flow_mw[0] - flow.flow_mw[1], 1000.0 * 1.0_f64.to_radians()) && near(flow.flow_mw[0] + flow.flow_mw[1], 100.0));
    assert!(near(solved(&network).flow_mw[0], 50.0));
}

#[test]
fn every_way_to_have_no_answer_is_an_ending() {
    let sound = grid(vec![bus(0.0), bus(100.0)], vec![plant(0, 10.0)], vec![line(0, 1, 0.0)]);
    let with = |change: fn(&mut PowerNetwork)| {
        let mut network = sound.clone();
        change(&mut network);
        ending(&network)
    };
    let cost = |c: Cost| ending(&PowerNetwork { generators: vec![Generator { cost: c, ..plant(0, 0.0) }], ..sound.clone() });
    assert_eq!(with(|_| ()), Ending::Solved);
    assert_eq!(with(|n| n.branches[0].rate_a_mva = 90.0), Ending::Infeasible);
    assert_eq!(with(|n| n.generators[0].p_max_mw = 50.0), Ending::Infeasible);
    assert_eq!(with(|n| n.generators[0].p_min_mw = 301.0), Ending::Infeasible);
    assert_eq!(with(|n| n.branches[0].in_service = false), Ending::NoSource);
    assert_eq!(with(|n| n.buses[1].pd_mw = f64::NAN), Ending::NotANumber);
    assert_eq!(with(|n| n.generators[0].p_max_mw = f64::NAN), Ending::NotANumber);
    assert_eq!(with(|n| n.branches[0].x_pu = 0.0), Ending::NotANumber);
    assert_eq!(with(|n| n.branches[0].rate_a_mva = f64::NAN), Ending::NotANumber);
    assert_eq!(with(|n| n.base_mva = 0.0), Ending::NotANumber);
    assert_eq!(cost(Cost::Polynomial(vec![f64::NAN, 0.0])), Ending::NotANumber);
    assert_eq!(cost(Cost::Polynomial(vec![0.1, 0.0, 0.0, 0.0])), Ending::CostDegree);
    assert_eq!(cost(Cost::Polynomial(vec![-0.1, 0.0, 0.0])), Ending::NotConvex);
    assert_eq!(cost(Cost::Piecewise(vec![(0.0, 0.0), (50.0, 600.0), (100.0, 800.0)])), Ending::NotConvex);
    assert_eq!(cost(Cost::Piecewise(vec![(0.0, 0.0), (0.0, 600.0)])), Ending::NotConvex);
    assert_eq!(with(|n| (n.generators[0].p_max_mw, n.generators[0].p_min_mw) = (f64::INFINITY, f64::NEG_INFINITY)), Ending::Solved);
    // Buying at 10 without end and selling at 20 without end.
    assert_eq!(
        with(|n| {
            n.generators.push(Generator { p_max_mw: 0.0, p_min_mw: f64::NEG_INFINITY, ..plant(0, 20.0) });
            n.generators[0].p_max_mw = f64::INFINITY;
        }),
        Ending::Unbounded
    );
    assert_eq!(ending(&PowerNetwork { base_mva: 100.0, ..PowerNetwork::default() }), Ending::Solved);
}

fn networks() -> impl Strategy<Value = PowerNetwork> {
    let branch = (0usize..7, 0usize..7, 0.02f64..0.4, 20.0f64..150.0, 0usize..3);
    let generator = (0usize..7, 0.0f64..250.0, 1.0f64..40.0, prop::sample::select(vec![0.0, 0.0, 0.05, 0.3]));
    (3usize..7, prop::collection::vec(0.0f64..60.0, 7), prop::collection::vec(branch, 7..13), prop::collection::vec(generator, 1..5))
        .prop_map(|(n, demand, branches, generators)| {
            let branch = |(k, (f, t, x, rate, what)): (usize, (usize, usize, f64, f64, usize))| {
                let (from, to) = if k < n { (k, (k + 1) % n) } else { (f % n, t % n) };
                // A series capacitor among the chords makes the matrix indefinite.
                let x_pu = if k >= n && what == 2 { -2.0 * x } else { x };
                Branch { x_pu, r_pu: 0.1 * x, ..line(from, to, if what == 0 { 0.0 } else { rate }) }
            };
            let generators = generators.into_iter();
            grid(
                demand[..n].iter().map(|&p| bus(p)).collect(),
                generators
                    .map(|(b, p, c, q)| Generator { p_max_mw: p, cost: Cost::Polynomial(vec![q, c, 7.0]), ..plant(b % n, c) })
                    .collect(),
                branches.into_iter().enumerate().map(branch).collect(),
            )
        })
}

proptest! {
    #[test]
    fn transfer_factors_and_angles_give_the_same_optimum(network in networks()) {
        let (wires, choices) = prepare(&network, Convention::PowerModels).expect("sound");
        let pattern = wires.pattern();
        let Ok(topology) = Topology::new(&wires, &pattern, &[]) else { return Ok(()) };
        let fixed = fixed_injection(&network, &wires.live);
        let sparse = Program { topology: &topology, columns: &choices.columns, fixed: &fixed }.solve_sparse();
        let flow = optimal_flow(&network, Convention::PowerModels);
        prop_assert_eq!(flow.ending, sparse.ending);
        if flow.ending == Ending::Solved {
            let other = sparse.objective + choices.constant;
            prop_assert!((flow.objective - other).abs() < 1e-5 * (1.0 + other.abs()), "{} {other}", flow.objective);
            prop_assert!(near(flow.p_mw.iter().sum(), network.buses.iter().map(|b| b.pd_mw).sum()));
            for (b, f) in network.branches.iter().zip(&flow.flow_mw) {
                prop_assert!(b.rate_a_mva == 0.0 || f.abs() < b.rate_a_mva + 1e-3);
            }
        }
    }

    #[test]
    fn renaming_buses_changes_no_cost(network in networks(), turn in 1usize..6) {
        let n = network.buses.len();
        let new = |i: usize| (i + turn) % n;
        let mut turned = network.clone();
        (0..n).for_each(|i| turned.buses[new(i)] = network.buses[i].clone());
        turned.generators.iter_mut().for_each(|g| g.bus = new(g.bus));
        turned.branches.iter_mut().for_each(|b| (b.from, b.to) = (new(b.from), new(b.to)));
        let (a, b) = (optimal_flow(&network, Convention::PowerModels), optimal_flow(&turned, Convention::PowerModels));
        prop_assert_eq!(a.ending, b.ending);
        prop_assert!(a.objective.is_nan() || (a.objective - b.objective).abs() < 1e-5 * (1.0 + a.objective));
    }
}
