use super::super::opf::optimal_flow;
use super::*;
use crate::power::testing::network as published;
use buttress_model::network::{Bus, Cost, Generator};
use proptest::prelude::*;

const OPERATION: Operation =
    Operation { convention: Convention::PowerModels, rating: Rating::Continuous, ramp_share: 0.2, max_rounds: 50, threads: 1 };

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + b.abs())
}

fn plant(bus: usize, p_max_mw: f64, cost: f64) -> Generator {
    Generator { bus, in_service: true, p_max_mw, cost: Cost::Polynomial(vec![cost, 0.0]), ..Generator::default() }
}

fn line(from: usize, to: usize, rate_a_mva: f64) -> Branch {
    Branch { from, to, in_service: true, x_pu: 0.1, rate_a_mva, ..Branch::default() }
}

/// Two buses, two equal lines of 60 MW, cheap power at one end and dear at the other, 100 MW asked there.
fn pair() -> PowerNetwork {
    PowerNetwork {
        base_mva: 100.0,
        buses: vec![Bus::default(), Bus { pd_mw: 100.0, ..Bus::default() }],
        generators: vec![plant(0, 200.0, 10.0), plant(1, 200.0, 30.0)],
        branches: vec![line(0, 1, 60.0), line(0, 1, 60.0)],
        ..PowerNetwork::default()
    }
}

#[test]
fn two_lines_carry_what_one_of_them_can() {
    // Without security 100 MW come over both lines for 1000; with it 60 MW do, and 40 are dear: 600 + 1200.
    let network = pair();
    assert!(near(optimal_flow(&network, OPERATION.convention).objective, 1000.0));
    let secured = preventive(&network, &OPERATION);
    assert!(secured.ending == Ending::Solved && near(secured.objective, 1800.0), "{secured:?}");
    assert!(near(secured.dispatch.p_mw[0], 60.0) && near(secured.flow_mw[0], 30.0) && secured.parting.is_empty() && secured.n_pairs >= 1);
}

#[test]
fn what_ramps_cannot_move_is_tripped_and_shed() {
    let network = pair();
    let dispatch = Dispatch { p_mw: vec![100.0, 0.0], dc_line_mw: vec![], bus_shed_mw: vec![0.0; 2] };
    // After a loss 40 MW are too much. A ramp of 20 % of 200 MW moves 40 down and 40 up.
    let corrections = corrective(&network, &OPERATION, &dispatch).expect("fits");
    assert_eq!(corrections.len(), 2);
    assert!(corrections.iter().all(|c| c.ending == Ending::Solved && c.n_overloads == 1 && near(c.moved_mw, 80.0) && near(c.shed_mw, 0.0)));
    // A ramp of 15 % moves 30 and 30; 10 MW are tripped and 10 shed.
    let slow = Operation { ramp_share: 0.15, ..OPERATION };
    let corrections = corrective(&network, &slow, &dispatch).expect("fits");
    assert!(corrections.iter().all(|c| near(c.moved_mw, 60.0) && near(c.tripped_mw, 10.0) && near(c.shed_mw, 10.0)), "{corrections:?}");
    // The second line lost: bus 1 has 40 MW and 40 more within its ramp, so 20 of 100 are shed; 60 at bus 0 go: 40 by ramp.
    let pairs = second_losses(&network, &OPERATION, &dispatch, &[0]).expect("fits");
    let (first, second) = (&pairs[0].0, &pairs[0].1[0]);
    assert!(first.branch == 0 && second.branch == 1 && pairs[0].1.len() == 1);
    assert!(near(second.moved_mw, 80.0) && near(second.tripped_mw, 20.0) && near(second.shed_mw, 20.0), "{second:?}");
}

#[test]
fn a_consuming_generator_cut_off_trips_to_nothing() {
    let mut network = pair();
    network.buses.push(Bus::default());
    network.generators.push(Generator { p_min_mw: -50.0, ..plant(2, 10.0, 0.0) });
    network.branches.push(line(1, 2, 60.0));
    let dispatch = Dispatch { p_mw: vec![50.0, 90.0, -40.0], dc_line_mw: vec![], bus_shed_mw: vec![0.0; 3] };
    // The lost line leaves 40 MW too much at bus 1; at bus 2 the ramp takes back 2 of 40.
    let lost = corrective(&network, &OPERATION, &dispatch).expect("fits")[2];
    assert!(
        lost.ending == Ending::Solved && near(lost.moved_mw, 42.0) && near(lost.tripped_mw, 38.0) && near(lost.shed_mw, 0.0),
        "{lost:?}"
    );
}

#[test]
fn no_secure_dispatch_is_infeasible_and_too_few_rounds_are_said() {
    let mut network = pair();
    network.generators[1].p_max_mw = 10.0;
    assert_eq!(preventive(&network, &OPERATION).ending, Ending::Infeasible);
    assert_eq!(preventive(&pair(), &Operation { max_rounds: 1, ..OPERATION }).ending, Ending::IterationLimit);
    let unfit = Dispatch { p_mw: vec![1.0], ..Dispatch::default() };
    assert_eq!(corrective(&pair(), &OPERATION, &unfit), Err(Ending::NotANumber));
}

#[test]
fn a_secure_dispatch_of_57_buses_costs_more_and_needs_no_correction() {
    let Some(network) = published("energy-power/pglib-opf/pglib_opf_case57_ieee.m") else { return };
    let cheapest = optimal_flow(&network, OPERATION.convention);
    let secured = preventive(&network, &OPERATION);
    println!("{} {} {} pairs, parting {:?}", cheapest.objective, secured.objective, secured.n_pairs, secured.parting);
    assert!(secured.ending == Ending::Solved && secured.objective > 1.05 * cheapest.objective && secured.parting.len() == 1);
    let harmed = |dispatch: &Dispatch| {
        let corrections = corrective(&network, &OPERATION, dispatch).expect("fits");
        corrections.iter().filter(|c| !secured.parting.contains(&c.branch) && c.moved_mw + c.shed_mw > 0.1).count()
    };
    assert_eq!(harmed(&secured.dispatch), 0);
    assert!(harmed(&Dispatch { p_mw: cheapest.p_mw, ..secured.dispatch.clone() }) > 0);
    let two = preventive(&network, &Operation { threads: 2, ..OPERATION });
    assert_eq!(secured, two);
}

/// Cost of the cheapest dispatch secure against every loss, with the angles after each loss as columns of one program.
fn naive(network: &PowerNetwork) -> (buttress_lp::Ending, f64) {
    let (n, base) = (network.buses.len(), network.base_mva);
    let mut p = buttress_lp::Problem::new();
    for g in &network.generators {
        let Cost::Polynomial(c) = &g.cost else { panic!("cost") };
        p.add_col(c[0] * base, 0.0, g.p_max_mw / base);
    }
    for lost in (0..=network.branches.len()).map(|k| k.checked_sub(1)) {
        let theta = p.n_cols();
        for i in 0..n {
            let free = if i == 0 { 0.0 } else { f64::INFINITY };
            p.add_col(0.0, -free, free);
        }
        let mut rows: Vec<Vec<f64>> = vec![vec![0.0; theta + n]; n];
        for (g, generator) in network.generators.iter().enumerate() {
            rows[generator.bus][g] += 1.0;
        }
        for (_, b) in network.branches.iter().enumerate().filter(|(k, _)| Some(*k) != lost) {
            for (at, other) in [(b.from, b.to), (b.to, b.from)] {
                rows[at][theta + at] -= 1.0 / b.x_pu;
                rows[at][theta + other] += 1.0 / b.x_pu;
            }
            let limit = b.rate_a_mva / base;
            p.add_row(-limit, limit, [(theta + b.from, 1.0 / b.x_pu), (theta + b.to, -1.0 / b.x_pu)]);
        }
        for (i, row) in rows.into_iter().enumerate() {
            let demand = network.buses[i].pd_mw / base;
            p.add_row(demand, demand, row.into_iter().enumerate().filter(|e| e.1 != 0.0));
        }
    }
    let s = buttress_lp::solve(&p, &buttress_lp::Limits::default(), None);
    (s.ending, s.objective)
}

proptest! {
    #[test]
    fn a_secure_dispatch_costs_what_one_large_program_says_and_survives_every_loss(
        demand in prop::collection::vec(0.0f64..60.0, 6),
        x in prop::collection::vec(0.02f64..0.3, 9),
        rate in prop::collection::vec(60.0f64..200.0, 9),
        cost in prop::collection::vec(1.0f64..50.0, 3),
    ) {
        let ends = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (0, 3), (1, 4), (2, 5)];
        let network = PowerNetwork {
            base_mva: 100.0,
            buses: demand.iter().map(|&pd_mw| Bus { pd_mw, ..Bus::default() }).collect(),
            generators: cost.iter().enumerate().map(|(i, &c)| plant(2 * i, 200.0, c)).collect(),
            branches: ends.iter().zip(&x).zip(&rate).map(|((&(f, t), &x), &r)| Branch { x_pu: x, ..line(f, t, r) }).collect(),
            ..PowerNetwork::default()
        };
        let secured = preventive(&network, &OPERATION);
        let (ending, objective) = naive(&network);
        if secured.ending == Ending::Solved {
            prop_assert!(near(secured.objective, objective), "{} {objective}", secured.objective);
            for c in corrective(&network, &OPERATION, &secured.dispatch).expect("fits") {
                // Rounding of the program may leave 1e-6 p.u. above a limit, twice over.
                prop_assert!(c.moved_mw < 1e-2 && c.shed_mw < 1e-2, "{c:?}");
            }
        } else {
            prop_assert_eq!(secured.ending, Ending::Infeasible);
            prop_assert_eq!(ending, buttress_lp::Ending::Infeasible);
        }
    }
}
