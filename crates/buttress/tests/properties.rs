//! Laws that must hold whatever the numbers are.

use buttress::engine::cascade::{Base, Keep, run};
use buttress::engine::compile::World;
use buttress::engine::power::{Grid, GridLine, GridLoad, GridPlant};
use buttress::io::{assessment_json, scenario_file};
use buttress::model::{Balance, Case, Change, Level, Selector, Sharing, Study, StudyPoint};
use buttress::optim::assess::{Options, Silent};
use proptest::prelude::*;

fn two_countries() -> Case {
    buttress::load(Some(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/by_hand_two_countries/case")))
        .expect("the case by hand is sound")
}

fn study() -> Study {
    Study { horizon_h: 3000.0, gas_peak_days: 0, ..Study::default() }
}

fn json(case: &Case, threads: usize) -> String {
    let a = buttress::assessment(case, &study(), &Options { budget_meur: Some(100.0), threads }, &Silent);
    assessment_json::to_json(case, &a, "test", &scenario_file::study_digest(&a.study))
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let case = two_countries();
    let one = json(&case, 1);
    assert_eq!(one, json(&case, 2));
    assert_eq!(one, json(&case, 5));
}

#[test]
fn capacity_without_flow_costs_nothing() {
    let case = two_countries();
    let world = World::compile(&case, &study(), &[]);
    let base = Base::new(&world);
    for key in ["pipe.b-a-idle", "fibre.a-out"] {
        let out = run(&world, &base, &[Change::take_out(key)], Keep::default(), 1);
        let idle = key.starts_with("pipe") || out.lost_total(buttress::engine::outcome::Service::Data) == 0.0;
        assert!(idle && out.is_harmless(), "{key}: {out:?}");
    }
}

#[test]
fn a_run_without_changes_loses_nothing() {
    let case = two_countries();
    let world = World::compile(&case, &study(), &[]);
    let out = run(&world, &Base::new(&world), &[], Keep { curve: true, causes: true }, 1);
    assert!(out.is_harmless() && out.causes.is_empty() && out.n_failed == 0);
}

/// Assets whose loss does not move stocks, so that recovery is complete.
const ASSETS: [&str; 9] = ["bus.a1", "bus.a2", "bus.b1", "line.a1-a2", "line.a1-b1", "line.a2-b1", "plant.b-hydro", "fibre.a-b", "metro.b"];

fn outages() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((0..ASSETS.len(), 0.0f64..200.0, 1.0f64..300.0), 1..5).prop_map(|list| {
        list.into_iter()
            .map(|(i, from, length)| Change { from_h: from, to_h: Some([from + length; 3]), ..Change::take_out(ASSETS[i]) })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    // Without fibre outages: a metro that lives longer may crowd a damaged network, so routing is not monotone (docs: accuracy).
    #[test]
    fn a_longer_buffer_never_raises_the_loss(changes in outages(), hours in 0.0f64..100.0) {
        let changes: Vec<Change> = changes.into_iter().filter(|c| c.select != Selector::key("fibre.a-b")).collect();
        let case = two_countries();
        let world = World::compile(&case, &study(), &[]);
        let base = Base::new(&world);
        let before = run(&world, &base, &changes, Keep::default(), 1);
        let buffer = Change { action: buttress::model::Action::SetBuffer, select: Selector::parse("kind:metro").expect("a selector"), value: hours, from_h: 0.0, to_h: None };
        let after = run(&world.with(&[buffer]), &base, &changes, Keep::default(), 1);
        prop_assert!(after.people_hours_total() <= before.people_hours_total() + 1e-6);
        for service in buttress::engine::outcome::Service::ALL {
            prop_assert!(after.lost_total(service) <= before.lost_total(service) + 1e-6, "{}", service.name());
        }
    }

    #[test]
    fn a_change_undone_restores_the_trace(changes in outages()) {
        let case = two_countries();
        let world = World::compile(&case, &study(), &[]);
        let out = run(&world, &Base::new(&world), &changes, Keep { curve: true, causes: false }, 1);
        let last = out.curve.last().expect("something happened");
        prop_assert!(last.served.iter().all(|&s| s > 1.0 - 1e-9), "{last:?}");
        prop_assert_eq!(last.people, 0.0);
        prop_assert!(out.restored_h.iter().all(|h| h.is_some_and(|h| h <= 600.0)));
    }

    #[test]
    fn more_outages_are_never_better_for_served_power(changes in outages()) {
        // One instant, all together: loss of a set is at least that of any part of it.
        let case = two_countries();
        let world = World::compile(&case, &Study { horizon_h: 1.0, ..study() }, &[]);
        let base = Base::new(&world);
        let at_once: Vec<Change> = changes.iter().map(|c| Change { from_h: 0.0, to_h: None, ..c.clone() }).collect();
        let e = buttress::engine::outcome::Service::Electricity;
        let all = run(&world, &base, &at_once, Keep::default(), 1).lost_total(e);
        let part = run(&world, &base, &at_once[..at_once.len() - 1], Keep::default(), 1).lost_total(e);
        prop_assert!(all >= part - 0.5, "{all} {part}");
    }

    #[test]
    fn mild_parameters_never_cost_more_than_severe_ones(i in 0..ASSETS.len()) {
        let case = two_countries();
        let world = World::compile(&case, &study(), &[]);
        let base = Base::new(&world);
        let at = |level: Level| run(&world.at_level(level), &base, &[Change::take_out(ASSETS[i])], Keep::default(), 1).people_hours_total();
        prop_assert!(at(Level::Low) <= at(Level::Central) + 1e-6 && at(Level::Central) <= at(Level::High) + 1e-6);
    }

    #[test]
    fn relabelled_buses_and_lines_shed_the_same(
        lines in proptest::collection::vec((0usize..8, 0usize..8, 0.01f64..0.2, 0.3f64..3.0), 4..16),
        loads in proptest::collection::vec(0.0f64..2.0, 8), plants in proptest::collection::vec((0usize..8, 0.0f64..5.0), 1..5), turn in 1usize..8) {
        let make = |relabel: &dyn Fn(usize) -> usize, reverse: bool| {
            let mut ls: Vec<GridLine> = lines.iter().filter(|l| l.0 != l.1).map(|l| GridLine { from: relabel(l.0), to: relabel(l.1), b: 1.0 / l.2, p_max: l.3, is_tie: false }).collect();
            if reverse { ls.reverse(); }
            let ps = plants.iter().map(|p| GridPlant { bus: relabel(p.0), p_max: [p.1; 2], cost: 10.0, black_start: false }).collect();
            let ds = (0..8).map(|i| GridLoad { bus: relabel(i), zone: 0, p: [loads[i]; 2], population: 1.0 }).collect();
            Grid::new(Balance::Flow, 8, vec![0; 8], ls, vec![], ps, ds)
        };
        let shed = |g: &Grid| {
            let state = g.intact(1);
            let base = g.base_dispatch(StudyPoint::WinterPeak, &state);
            let flow = g.solve(&base, &state, Sharing::OwnFirst);
            // Power balance: what is served is generated, line by line and bus by bus, within limits.
            assert!(flow.flow.iter().zip(&g.lines).all(|(f, l)| f.abs() <= l.p_max * (1.0 + 1e-5)));
            g.loads.iter().zip(&flow.served).map(|(l, s)| l.p[0] * (1.0 - s)).sum::<f64>()
        };
        let (a, b) = (shed(&make(&|i| i, false)), shed(&make(&|i| (i + turn) % 8, true)));
        prop_assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}
