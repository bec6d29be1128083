use buttress_model::network::{Bus, DcLine, Generator};
use proptest::prelude::*;

use super::*;
use crate::power::testing::matpower;

/// Bus with a demand, MW and Mvar.
pub(in super::super) fn bus(kind: BusKind, pd_mw: f64, qd_mvar: f64) -> Bus {
    Bus { kind, pd_mw, qd_mvar, vm_pu: 1.0, vm_min_pu: 0.9, vm_max_pu: 1.1, ..Bus::default() }
}

/// Generator with an output and a set point.
pub(in super::super) fn generator(bus: usize, p_mw: f64, vm_set_pu: f64) -> Generator {
    Generator { bus, in_service: true, p_mw, vm_set_pu, q_min_mvar: -300.0, q_max_mvar: 300.0, ..Generator::default() }
}

/// Line with resistance, reactance and charging.
pub(in super::super) fn line(from: usize, to: usize, [r_pu, x_pu, b_pu]: [f64; 3]) -> Branch {
    Branch { from, to, in_service: true, r_pu, x_pu, b_pu, ..Branch::default() }
}

pub(in super::super) fn network(buses: Vec<Bus>, generators: Vec<Generator>, branches: Vec<Branch>) -> PowerNetwork {
    PowerNetwork { base_mva: 100.0, buses, generators, branches, ..PowerNetwork::default() }
}

fn solve(network: &PowerNetwork, options: &Options) -> Solution {
    let analysed = Analysed::new(network);
    analysed.solve(network, options, &mut analysed.workspace())
}

fn from(start: Start) -> Options {
    Options { start, ..Options::default() }
}

/// The WSCC system of nine buses (Anderson, Fouad, "Power System Control and Stability", 1977, figures 2.18 and 2.19).
pub(in super::super) fn nine_buses() -> PowerNetwork {
    let mut buses = vec![bus(BusKind::Pq, 0.0, 0.0); 9];
    buses[0].kind = BusKind::Reference;
    (buses[1].kind, buses[2].kind) = (BusKind::Pv, BusKind::Pv);
    for (k, p, q) in [(4, 125.0, 50.0), (5, 90.0, 30.0), (7, 100.0, 35.0)] {
        (buses[k].pd_mw, buses[k].qd_mvar) = (p, q);
    }
    let generators = vec![generator(0, 0.0, 1.04), generator(1, 163.0, 1.025), generator(2, 85.0, 1.025)];
    let branches = vec![
        line(0, 3, [0.0, 0.0576, 0.0]),
        line(1, 6, [0.0, 0.0625, 0.0]),
        line(2, 8, [0.0, 0.0586, 0.0]),
        line(3, 4, [0.01, 0.085, 0.176]),
        line(3, 5, [0.017, 0.092, 0.158]),
        line(4, 6, [0.032, 0.161, 0.306]),
        line(5, 8, [0.039, 0.17, 0.358]),
        line(6, 7, [0.0085, 0.072, 0.149]),
        line(7, 8, [0.0119, 0.1008, 0.209]),
    ];
    network(buses, generators, branches)
}

fn two_buses(p_mw: f64, q_mvar: f64, impedance: [f64; 3]) -> PowerNetwork {
    let buses = vec![bus(BusKind::Reference, 0.0, 0.0), bus(BusKind::Pq, p_mw, q_mvar)];
    network(buses, vec![generator(0, 0.0, 1.0)], vec![line(0, 1, impedance)])
}

/// Largest difference between what arrives at a bus and what leaves it, MW or Mvar.
fn imbalance(network: &PowerNetwork, solution: &Solution) -> f64 {
    let mut sum: Vec<Complex> = vec![[0.0; 2]; network.buses.len()];
    for (g, out) in network.generators.iter().zip(&solution.generators) {
        sum[g.bus] = [sum[g.bus][0] + out.p_mw, sum[g.bus][1] + out.q_mvar];
    }
    for (b, f) in network.branches.iter().zip(&solution.branches) {
        sum[b.from] = [sum[b.from][0] - f.p_from_mw, sum[b.from][1] - f.q_from_mvar];
        sum[b.to] = [sum[b.to][0] - f.p_to_mw, sum[b.to][1] - f.q_to_mvar];
    }
    let mut most = 0.0_f64;
    for ((bus, v), s) in network.buses.iter().zip(&solution.buses).zip(sum) {
        let Some(v) = v else { continue };
        let square = v.vm_pu * v.vm_pu;
        most = most.max((s[0] - bus.pd_mw - square * bus.gs_mw).abs()).max((s[1] - bus.qd_mvar + square * bus.bs_mvar).abs());
    }
    most
}

#[test]
fn a_rotation_is_a_cosine_and_a_sine() {
    for k in -4000..4000 {
        let x = f64::from(k) * 0.0171;
        let [c, s] = rotation(x);
        assert!((c - x.cos()).abs() < 3e-16 && (s - x.sin()).abs() < 3e-16, "{x} {c} {s}");
    }
    assert!(rotation(f64::NAN)[0].is_nan());
}

#[test]
fn two_buses_by_hand() {
    // V2 = 0.95 at −10°, so the load is V2 ((1 − V2)/z)*.
    let v: Complex = [0.95 * (-10.0_f64).to_radians().cos(), 0.95 * (-10.0_f64).to_radians().sin()];
    let (r, x) = (0.02, 0.1);
    let current = times_conjugate([1.0 - v[0], -v[1]], [r, x]).map(|i| i / (r * r + x * x));
    let load = times_conjugate(v, current).map(|s| s * 100.0);
    for start in [Start::Flat, Start::Dc, Start::Case] {
        let solution = solve(&two_buses(load[0], load[1], [r, x, 0.0]), &from(start));
        assert_eq!(solution.ending, Ending::Solved);
        let found = solution.buses[1].expect("live");
        assert!((found.vm_pu - 0.95).abs() < 1e-8 && (found.va_deg + 10.0).abs() < 1e-6, "{found:?}");
        let losses = 100.0 * r * (current[0] * current[0] + current[1] * current[1]);
        assert!((solution.losses_mw - losses).abs() < 1e-5);
        assert!((solution.generators[0].p_mw - load[0] - losses).abs() < 1e-5);
        assert!((solution.widest_angle.expect("one branch").1 - 10.0).abs() < 1e-6);
    }
}

#[test]
fn a_transformer_turns_and_scales() {
    // Without load or charging, V2 = V1/(τ e^{jφ}).
    let mut n = two_buses(0.0, 0.0, [0.01, 0.1, 0.0]);
    (n.branches[0].tap, n.branches[0].shift_deg) = (1.05, 30.0);
    let found = solve(&n, &Options::default()).buses[1].expect("live");
    assert!((found.vm_pu - 1.0 / 1.05).abs() < 1e-8 && (found.va_deg + 30.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn nine_buses_reach_their_published_solution() {
    let n = nine_buses();
    let published = [
        (1.04, 0.0),
        (1.025, 9.28),
        (1.025, 4.6648),
        (1.0258, -2.2168),
        (0.9956, -3.9888),
        (1.0127, -3.6874),
        (1.0258, 3.7197),
        (1.0159, 0.7275),
        (1.0324, 1.9667),
    ];
    for start in [Start::Flat, Start::Dc, Start::Case] {
        let solution = solve(&n, &from(start));
        assert_eq!(solution.ending, Ending::Solved);
        for (v, (vm, va)) in solution.buses.iter().flatten().zip(published) {
            assert!((v.vm_pu - vm).abs() < 6e-5 && (v.va_deg - va).abs() < 6e-5, "{v:?} {vm} {va}");
        }
        let outputs: Vec<(f64, f64)> = solution.generators.iter().map(|g| (g.p_mw, g.q_mvar)).collect();
        for ((p, q), (p_published, q_published)) in outputs.into_iter().zip([(71.64, 27.05), (163.0, 6.65), (85.0, -10.86)]) {
            assert!((p - p_published).abs() < 6e-3 && (q - q_published).abs() < 6e-3, "{p} {q}");
        }
        assert!((solution.losses_mw - 4.641).abs() < 1e-3);
        assert!(imbalance(&n, &solution) < 1e-5);
    }
}

#[test]
fn generators_at_a_bus_share_by_their_reactive_ranges() {
    let mut n = two_buses(80.0, 40.0, [0.0, 0.1, 0.0]);
    n.generators = vec![generator(0, 10.0, 1.0), generator(0, 20.0, 1.0)];
    (n.generators[1].q_min_mvar, n.generators[1].q_max_mvar) = (0.0, 150.0);
    let solution = solve(&n, &Options::default());
    let total = solution.branches[0].q_from_mvar;
    assert!((solution.generators[0].p_mw - 60.0).abs() < 1e-5 && solution.generators[1].p_mw == 20.0);
    // Share of the range: (total + 300)/750.
    assert!((solution.generators[0].q_mvar - (-300.0 + 600.0 * (total + 300.0) / 750.0)).abs() < 1e-9);
    assert!((solution.generators[1].q_mvar - 150.0 * (total + 300.0) / 750.0).abs() < 1e-9);
}

#[test]
fn a_dc_line_takes_more_than_it_delivers() {
    let mut n = two_buses(50.0, 0.0, [0.0, 0.1, 0.0]);
    n.dc_lines =
        vec![DcLine { from: 0, to: 1, in_service: true, p_from_mw: 30.0, loss: (1.0, 0.1), q_mvar: (0.0, 5.0), ..DcLine::default() }];
    let solution = solve(&n, &Options::default());
    // 30 − (1 + 3) = 26 MW arrive, so the lossless line brings 24 and the generator makes 54.
    assert!((solution.branches[0].p_from_mw - 24.0).abs() < 1e-5);
    assert!((solution.generators[0].p_mw - 54.0).abs() < 1e-5);
    assert!((solution.branches[0].q_to_mvar - 5.0).abs() < 1e-5);
}

#[test]
fn an_island_without_a_reference_is_dead_and_the_others_are_not() {
    let mut n = nine_buses();
    n.buses.extend([bus(BusKind::Pv, 10.0, 0.0), bus(BusKind::Pq, 10.0, 0.0), bus(BusKind::Isolated, 10.0, 0.0)]);
    n.generators.push(generator(9, 20.0, 1.0));
    n.branches.push(line(9, 10, [0.0, 0.1, 0.0]));
    n.branches.push(line(8, 11, [0.0, 0.1, 0.0]));
    let solution = solve(&n, &Options::default());
    let alone = solve(&nine_buses(), &Options::default());
    assert_eq!(solution.ending, Ending::NoSource);
    let endings: Vec<(Ending, usize)> = solution.islands.iter().map(|i| (i.ending, i.n_buses)).collect();
    assert_eq!(endings, [(Ending::Solved, 9), (Ending::NoSource, 2)]);
    assert_eq!(solution.island_of[8..], [Some(0), Some(1), Some(1), None]);
    assert_eq!(solution.buses[9..], [None; 3]);
    assert_eq!(solution.generators[3], Output::default());
    assert!((solution.losses_mw - alone.losses_mw).abs() < 1e-6);
}

#[test]
fn a_reference_without_a_generator_in_service_is_no_source() {
    let mut n = two_buses(50.0, 0.0, [0.0, 0.1, 0.0]);
    n.generators[0].in_service = false;
    assert_eq!(solve(&n, &Options::default()).ending, Ending::NoSource);
}

#[test]
fn a_network_of_nothing_is_solved() {
    let solution = solve(&network(Vec::new(), Vec::new(), Vec::new()), &Options::default());
    assert_eq!((solution.ending, solution.islands.len(), solution.buses.len()), (Ending::Solved, 0, 0));
}

#[test]
fn two_references_each_hold_their_angle() {
    let mut n = nine_buses();
    n.buses[1].kind = BusKind::Reference;
    n.buses[1].va_deg = 5.0;
    let solution = solve(&n, &Options::default());
    assert_eq!(solution.islands[0].references, [0, 1]);
    assert_eq!(solution.buses[0].map(|v| v.va_deg), Some(0.0));
    assert!((solution.buses[1].expect("live").va_deg - 5.0).abs() < 1e-12);
    assert!((solution.generators[1].p_mw - 163.0).abs() > 1.0);
    assert!(imbalance(&n, &solution) < 1e-5);
}

#[test]
fn more_than_a_line_can_carry_has_no_solution_and_a_history() {
    // At unit power factor a lossless line of reactance x carries at most V²/(2x) = 5 p.u. A guarded run may walk into the nose, where
    // the Jacobian is singular.
    for start in [Start::Flat, Start::Dc] {
        let solution = solve(&two_buses(501.0, 0.0, [0.0, 0.1, 0.0]), &from(start));
        assert!(matches!(solution.ending, Ending::IterationLimit | Ending::Singular), "{:?}", solution.ending);
        assert_eq!(solution.runs.iter().map(|r| r.step).collect::<Vec<_>>(), [StepLength::Full, StepLength::Guarded]);
        assert!(solution.runs.iter().all(|r| r.mismatch_pu.iter().all(|m| *m > 1e-8)));
        assert_eq!(solution.buses, [None, None]);
    }
    assert_eq!(solve(&two_buses(499.0, 0.0, [0.0, 0.1, 0.0]), &Options::default()).ending, Ending::Solved);
}

#[test]
fn a_limit_on_iterations_is_an_ending() {
    let few = Options { iterations: 1, ..Options::default() };
    let solution = solve(&nine_buses(), &few);
    assert_eq!(solution.ending, Ending::IterationLimit);
    assert_eq!(solution.runs.iter().map(|r| r.mismatch_pu.len()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(solution.iterations, 2);
}

#[test]
fn a_bus_whose_branches_cancel_is_singular() {
    let mut n = two_buses(50.0, 0.0, [0.0, 0.1, 0.0]);
    n.branches.push(line(0, 1, [0.0, -0.1, 0.0]));
    assert_eq!(solve(&n, &Options::default()).ending, Ending::Singular);
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    assert_eq!(solve(&two_buses(f64::NAN, 0.0, [0.0, 0.1, 0.0]), &Options::default()).ending, Ending::NotANumber);
    assert_eq!(solve(&two_buses(1.0, 0.0, [0.0, 0.0, 0.0]), &Options::default()).ending, Ending::NotANumber);
    let mut n = nine_buses();
    n.base_mva = 0.0;
    assert_eq!(solve(&n, &Options::default()).ending, Ending::NotANumber);
}

#[test]
fn a_bus_at_its_reactive_limit_gives_up_its_voltage() {
    let mut n = nine_buses();
    n.generators[1].q_max_mvar = 2.0;
    let held = Options { reactive_limits: ReactiveLimits::Held { rounds: 10 }, ..Options::default() };
    let solution = solve(&n, &held);
    assert_eq!(solution.ending, Ending::Solved);
    assert_eq!(solution.at_reactive_limit, [1]);
    assert!((solution.generators[1].q_mvar - 2.0).abs() < 1e-6);
    assert!(solution.buses[1].expect("live").vm_pu < 1.025);
    assert!(imbalance(&n, &solution) < 1e-5);
    assert!(solve(&n, &Options::default()).generators[1].q_mvar > 6.0, "limits are ignored unless asked for");
    let none = Options { reactive_limits: ReactiveLimits::Held { rounds: 0 }, ..Options::default() };
    assert_eq!(solve(&n, &none).ending, Ending::NotSettled);
}

#[test]
fn a_bus_takes_its_voltage_back() {
    // Bus 1 alone would have to absorb, and is first held at its lower limit; then bus 2, held at its upper one, lets the voltage
    // fall, and bus 1 can hold its set point again.
    let mut n = network(
        vec![bus(BusKind::Reference, 0.0, 0.0), bus(BusKind::Pv, 0.0, 0.0), bus(BusKind::Pv, 100.0, 60.0)],
        vec![generator(0, 0.0, 1.0), generator(1, 0.0, 1.0), generator(2, 0.0, 1.05)],
        vec![line(0, 1, [0.0, 0.1, 0.0]), line(1, 2, [0.0, 0.1, 0.0])],
    );
    (n.generators[1].q_min_mvar, n.generators[2].q_max_mvar) = (-20.0, 30.0);
    let held = Options { reactive_limits: ReactiveLimits::Held { rounds: 10 }, ..Options::default() };
    let solution = solve(&n, &held);
    assert_eq!(solution.ending, Ending::Solved);
    assert_eq!(solution.at_reactive_limit, [2]);
    assert!((solution.buses[1].expect("live").vm_pu - 1.0).abs() < 1e-12);
    assert!((solution.generators[2].q_mvar - 30.0).abs() < 1e-6);
    assert!(imbalance(&n, &solution) < 1e-5);
}

#[test]
fn a_solution_beyond_a_right_angle_says_so() {
    // Both ends hold 1 p.u., so sin δ = P x = 0.1 has two roots: 5.739° and 174.261°.
    let mut n = two_buses(100.0, 0.0, [0.0, 0.1, 0.0]);
    n.buses[1].kind = BusKind::Pv;
    n.generators.push(generator(1, 0.0, 1.0));
    for (va_deg, angle, runs) in [(0.0, 5.739_170, 1), (-174.0, 174.260_830, 2)] {
        n.buses[1].va_deg = va_deg;
        let solution = solve(&n, &from(Start::Case));
        assert_eq!((solution.ending, solution.runs.len()), (Ending::Solved, runs));
        assert!((solution.widest_angle.expect("one branch").1 - angle).abs() < 1e-6);
    }
}

#[test]
fn the_multiplier_is_the_lowest_point_of_its_quartic() {
    for (sums, share) in [([1.0, -0.5, 4.0], 1.0), ([1.0, 0.9, 2.0], 0.4), ([2.0, 0.0, 30.0], 0.7), ([1.0, 0.0, 0.1], 1.0)] {
        let [aa, ac, cc] = sums;
        let value = |m: f64| (1.0 - share * m) * (1.0 - share * m) * aa + 2.0 * (1.0 - share * m) * m * m * ac + m * m * m * m * cc;
        let found = multiplier(sums, share);
        let best = (1..=1000).map(|k| f64::from(k) / 1000.0).min_by(|a, b| value(*a).total_cmp(&value(*b))).expect("not empty");
        assert!((found - best).abs() < 2e-3, "{found} {best}");
    }
}

#[test]
fn an_analysis_serves_after_switching() {
    let n = nine_buses();
    let analysed = Analysed::new(&n);
    let mut work = analysed.workspace();
    analysed.solve(&n, &Options::default(), &mut work);
    for row in 4..=9 {
        let less = n.without_branches(&[row]).expect("row");
        let (warm, cold) = (analysed.solve(&less, &Options::default(), &mut work), solve(&less, &Options::default()));
        assert_eq!(warm, cold);
    }
    let other = two_buses(50.0, 0.0, [0.0, 0.1, 0.0]);
    assert!(!analysed.fits(&other));
    assert_eq!(analysed.solve(&other, &Options::default(), &mut work), solve(&other, &Options::default()));
}

/// A ring with chords, loads, generators, taps and shifts from a list of numbers in 0..1.
pub(in super::super) fn ring(n: usize, values: &[f64]) -> PowerNetwork {
    let value = |k: usize| values[k % values.len()];
    let mut buses: Vec<Bus> = (0..n).map(|k| bus(BusKind::Pq, 40.0 * value(k), 20.0 * value(k + 31))).collect();
    buses[0].kind = BusKind::Reference;
    let mut generators = vec![generator(0, 0.0, 1.02)];
    for k in (2..n).step_by(3) {
        buses[k].kind = BusKind::Pv;
        buses[k].bs_mvar = 10.0 * value(k + 5);
        generators.push(generator(k, 50.0 * value(k + 7), 1.0 + 0.03 * value(k + 11)));
    }
    let mut branches: Vec<Branch> =
        (0..n).map(|k| line(k, (k + 1) % n, [0.01 * value(k + 3), 0.03 + 0.1 * value(k + 17), 0.1 * value(k + 23)])).collect();
    branches.push(line(0, n / 2, [0.01, 0.08, 0.05]));
    (branches[1].tap, branches[1].shift_deg) = (0.97 + 0.06 * value(13), 4.0 * value(19));
    network(buses, generators, branches)
}

proptest! {
    #[test]
    fn power_balances_at_every_bus(n in 4usize..14, values in proptest::collection::vec(0.0f64..1.0, 37)) {
        let net = ring(n, &values);
        for start in [Start::Flat, Start::Dc] {
            let solution = solve(&net, &from(start));
            prop_assert_eq!(solution.ending, Ending::Solved);
            prop_assert!(imbalance(&net, &solution) < 1e-5);
        }
    }

    #[test]
    fn relabelling_buses_changes_nothing(n in 4usize..14, values in proptest::collection::vec(0.0f64..1.0, 37), shift in 1usize..13) {
        let net = ring(n, &values);
        let to = |k: usize| (k * if n % 3 == 0 { 1 } else { 3 } + shift) % n;
        let mut other = net.clone();
        for (k, bus) in net.buses.iter().enumerate() {
            other.buses[to(k)] = bus.clone();
        }
        other.generators.iter_mut().for_each(|g| g.bus = to(g.bus));
        other.branches.iter_mut().for_each(|b| (b.from, b.to) = (to(b.from), to(b.to)));
        other.branches.reverse();
        let (a, b) = (solve(&net, &Options::default()), solve(&other, &Options::default()));
        for k in 0..n {
            let (a, b) = (a.buses[k].expect("live"), b.buses[to(k)].expect("live"));
            prop_assert!((a.vm_pu - b.vm_pu).abs() < 1e-7 && (a.va_deg - b.va_deg).abs() < 1e-5);
        }
    }

    #[test]
    fn a_line_may_be_two_lines_of_twice_the_impedance(n in 4usize..14, values in proptest::collection::vec(0.0f64..1.0, 37), k in 0usize..14) {
        let net = ring(n, &values);
        let mut other = net.clone();
        let half = &mut other.branches[k % n];
        (half.r_pu, half.x_pu, half.b_pu) = (2.0 * half.r_pu, 2.0 * half.x_pu, half.b_pu / 2.0);
        let half = half.clone();
        other.branches.push(half);
        let (a, b) = (solve(&net, &Options::default()), solve(&other, &Options::default()));
        prop_assert!((a.losses_mw - b.losses_mw).abs() < 1e-5);
        for (a, b) in a.buses.iter().flatten().zip(b.buses.iter().flatten()) {
            prop_assert!((a.vm_pu - b.vm_pu).abs() < 1e-7 && (a.va_deg - b.va_deg).abs() < 1e-5);
        }
    }
}

fn magnitudes(solution: &Solution) -> f64 {
    solution.buses.iter().flatten().map(|v| v.vm_pu).sum()
}

/// Sum of |V| and losses of the European cases, as two other programs give them.
#[test]
fn european_cases_reach_the_reference_values() {
    let known = [
        ("case1354pegase", 1_410.028_419_44, 1_663.467_495),
        ("case2869pegase", 2_963.748_304_17, 2_782.964_939),
        ("case9241pegase", 9_473.923_782_35, 7_931.720_389),
    ];
    for (name, sum, losses) in known {
        let Some(n) = matpower(name) else { return };
        for start in [Start::Dc, Start::Flat, Start::Case] {
            let solution = solve(&n, &Options { tolerance: 1e-9, ..from(start) });
            assert_eq!(solution.ending, Ending::Solved);
            assert!((magnitudes(&solution) - sum).abs() < 1.5e-8, "{name} {start:?} {}", magnitudes(&solution));
            assert!((solution.losses_mw - losses).abs() < 1.5e-6, "{name} {start:?} {}", solution.losses_mw);
            assert!(imbalance(&n, &solution) < 1e-4);
        }
    }
}

#[test]
fn every_case_at_hand_is_solved_from_every_start_to_the_same_state() {
    for name in ["case14", "case30", "case57", "case118", "case300", "case_ACTIVSg500", "case_ACTIVSg2000", "case13659pegase"] {
        let Some(n) = matpower(name) else { return };
        let solutions = [Start::Case, Start::Dc, Start::Flat].map(|start| solve(&n, &from(start)));
        for solution in &solutions {
            assert_eq!(solution.ending, Ending::Solved, "{name}");
            assert!((magnitudes(solution) - magnitudes(&solutions[0])).abs() < 1e-6, "{name}");
            assert!(solution.widest_angle.is_some_and(|w| w.1 < 90.0), "{name}");
        }
        let held = Options { reactive_limits: ReactiveLimits::Held { rounds: 20 }, ..Options::default() };
        assert_eq!(solve(&n, &held).ending, Ending::Solved, "{name}");
    }
}
