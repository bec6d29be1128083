use buttress_model::network::{Branch, Bus, BusKind, Generator, PowerNetwork};
use proptest::prelude::*;

use super::super::dc::Convention;
use super::super::ldl::Pattern;
use super::super::n1::{Singles, screen_singles};
use super::super::simd::Level;
use super::*;
use crate::components::components;

/// What a screening must give, by solving the network anew for every outage.
#[derive(Default)]
struct Naive {
    outages: u64,
    islanding: u64,
    overloading: u64,
    new: u64,
    pairs: u64,
    sum_mw: f64,
    worst: Vec<(f64, Vec<u32>, u32)>,
}

struct Resolver<'a> {
    model: &'a DcModel,
    pattern: Pattern,
    n_islands: usize,
    reference: Vec<bool>,
}

impl<'a> Resolver<'a> {
    fn new(model: &'a DcModel, factors: &Factors) -> Resolver<'a> {
        let edges: Vec<(usize, usize)> = (0..model.n_branches()).map(|k| (model.from[k] as usize, model.to[k] as usize)).collect();
        let reference = (0..model.n_buses).map(|i| factors.reference().contains(&i)).collect();
        Resolver { model, pattern: Pattern::analyse(model.n_buses, &edges), n_islands: factors.reference().len(), reference }
    }

    /// Flows without some branches; `None` when that makes more islands.
    fn flows(&self, out: &[usize]) -> Option<Vec<f64>> {
        let m = self.model;
        let b: Vec<f64> = (0..m.n_branches()).map(|k| if out.contains(&k) { 0.0 } else { m.b[k] }).collect();
        let ends = |k: usize| (m.from[k] as usize, m.to[k] as usize);
        let (_, n_islands) = components(m.n_buses, (0..b.len()).filter(|&k| b[k] != 0.0).map(ends));
        if n_islands > self.n_islands {
            return None;
        }
        let (mut diagonal, mut theta) = (vec![0.0; m.n_buses], m.injection.clone());
        for k in 0..b.len() {
            let (f, t) = ends(k);
            diagonal[f] += b[k];
            diagonal[t] += b[k];
            if out.contains(&k) {
                theta[f] += m.shift_flow[k];
                theta[t] -= m.shift_flow[k];
            }
        }
        let off: Vec<f64> =
            (0..b.len()).map(|k| if self.reference[ends(k).0] || self.reference[ends(k).1] { 0.0 } else { -b[k] }).collect();
        for i in (0..m.n_buses).filter(|&i| self.reference[i]) {
            (diagonal[i], theta[i]) = (1.0, 0.0);
        }
        self.pattern.solve(&self.pattern.factor(&diagonal, &off).expect("regular"), &mut theta);
        let flow = |k: usize| if b[k] == 0.0 { 0.0 } else { b[k] * (theta[ends(k).0] - theta[ends(k).1]) + m.shift_flow[k] };
        Some((0..b.len()).map(flow).collect())
    }

    fn over(&self, flow: &[f64]) -> Vec<bool> {
        flow.iter().zip(&self.model.limit).map(|(f, limit)| f.abs() > limit * (1.0 + LIMIT_TOLERANCE)).collect()
    }
}

impl Naive {
    fn take(&mut self, resolver: &Resolver, out: &[usize], known: &[&[bool]]) -> Option<Vec<bool>> {
        self.outages += 1;
        let Some(flow) = resolver.flows(out) else {
            self.islanding += 1;
            return None;
        };
        let over = resolver.over(&flow);
        self.sum_mw += flow.iter().fold(0.0_f64, |m, f| m.max(f.abs())) * resolver.model.base_mva;
        self.pairs += over.iter().filter(|&&o| o).count() as u64;
        self.overloading += u64::from(over.contains(&true));
        self.new += u64::from((0..over.len()).any(|e| over[e] && !known.iter().any(|k| k[e])));
        let loading = |e: usize| flow[e].abs() / resolver.model.limit[e];
        if let Some(e) = (0..flow.len()).filter(|&e| over[e]).max_by(|&a, &b| loading(a).total_cmp(&loading(b)).then(b.cmp(&a))) {
            self.worst.push((loading(e), out.iter().map(|&k| k as u32).collect(), e as u32));
        }
        Some(over)
    }

    /// Every single and every pair.
    fn both(model: &DcModel, factors: &Factors) -> [Naive; 2] {
        let resolver = Resolver::new(model, factors);
        let base = resolver.over(factors.flow());
        let (mut singles, mut pairs) = (Naive::default(), Naive::default());
        let on: Vec<usize> = (0..model.n_branches()).filter(|&k| factors.in_service(k)).collect();
        let alone: Vec<(usize, Vec<bool>)> = on.iter().filter_map(|&k| Some((k, singles.take(&resolver, &[k], &[&base])?))).collect();
        for (at, (j, over_j)) in alone.iter().enumerate() {
            for (i, over_i) in &alone[..at] {
                pairs.take(&resolver, &[*i, *j], &[&base, over_i, over_j]);
            }
        }
        [singles, pairs]
    }

    fn agrees(&mut self, found: &Screening) -> Result<(), TestCaseError> {
        prop_assert_eq!(found.ending, Ending::Solved);
        let counts = (found.n_outages, found.n_islanding, found.n_overloading, found.n_new_overloading);
        prop_assert_eq!(counts, (self.outages, self.islanding, self.overloading, self.new));
        self.worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (at, worst) in found.worst.iter().enumerate() {
            // Equal loadings may come in another order, so the loading of the outage itself is looked up.
            prop_assert!((worst.loading - self.worst[at].0).abs() <= 1e-9 * worst.loading, "{:?} {:?}", worst, self.worst[at]);
            let own = self.worst.iter().find(|w| w.1 == worst.outages).expect("overloads");
            prop_assert!((worst.loading - own.0).abs() <= 1e-9 * own.0, "{:?} {:?}", worst, own);
        }
        Ok(())
    }
}

/// Screens at every level and on one thread and two; all must give the same bytes.
fn screen(factors: &Factors, keep: usize) -> (Singles, Screening) {
    let run = |threads: usize, level: Level| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        let factors = factors.clone().at_level(level);
        pool.install(|| (screen_singles(&factors, keep), screen_pairs(&factors, keep)))
    };
    let first = run(1, Level::Baseline);
    for (threads, level) in [(1, Level::Avx2), (1, Level::Widest), (2, Level::Widest)] {
        let again = run(threads, level);
        let text = |r: &(Singles, Screening)| format!("{r:?} {:x}", r.0.sum_of_worst_flows_mw.to_bits());
        assert_eq!(text(&first), text(&again), "{threads} {level:?}");
    }
    first
}

fn compare(model: &DcModel, keep: usize) -> Result<(), TestCaseError> {
    let Ok(factors) = Factors::new(model) else { return Ok(()) };
    let [mut singles, mut pairs] = Naive::both(model, &factors);
    let (found, found_pairs) = screen(&factors, keep);
    singles.agrees(&found.screening)?;
    pairs.agrees(&found_pairs)?;
    prop_assert_eq!(found.n_overloaded_pairs, singles.pairs);
    prop_assert!((found.sum_of_worst_flows_mw - singles.sum_mw).abs() <= 1e-9 * singles.sum_mw.max(1.0));
    prop_assert_eq!(found.screening.worst.len(), keep.min(singles.worst.len()));
    prop_assert_eq!(found_pairs.worst.len(), keep.min(pairs.worst.len()));
    let (bridges, meshed) = (singles.islanding, singles.outages - singles.islanding);
    prop_assert_eq!(found_pairs.n_with_bridge, bridges * bridges.saturating_sub(1) / 2 + bridges * meshed);
    Ok(())
}

/// A multigraph with parallel branches, bridges, several islands, a phase shifter and a series-compensated line.
fn any_model() -> impl Strategy<Value = DcModel> {
    let branch = (0usize..9, 0usize..9, 0.1f64..1.0, -0.2f64..0.2, 0.05f64..2.5);
    (3usize..9, proptest::collection::vec(branch, 2..22), proptest::collection::vec(-1.0f64..1.0, 9), 0.3f64..3.0).prop_map(
        |(n, branches, load, slack)| {
            let network = PowerNetwork {
                base_mva: 100.0,
                buses: (0..n)
                    .map(|i| Bus {
                        pd_mw: 100.0 * load[i],
                        kind: if i == n / 2 { BusKind::Reference } else { BusKind::Pq },
                        ..Bus::default()
                    })
                    .collect(),
                branches: branches
                    .iter()
                    .enumerate()
                    .map(|(k, &(a, b, x, shift, rate))| Branch {
                        from: a % n,
                        to: b % n,
                        x_pu: if k == 3 { -0.03 * x } else { x },
                        rate_a_mva: if k % 4 == 1 { 0.0 } else { 100.0 * rate * slack },
                        shift_deg: if k == 5 { 50.0 * shift } else { 0.0 },
                        in_service: k != 7,
                        ..Branch::default()
                    })
                    .collect(),
                ..PowerNetwork::default()
            };
            DcModel::new(&network, Convention::Matpower)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_single_and_every_pair_agree_with_solving_anew(model in any_model(), keep in 0usize..9) {
        compare(&model, keep)?;
    }

    #[test]
    fn a_pair_that_islands_nothing_is_solved_as_the_screening_does(model in any_model()) {
        let Ok(factors) = Factors::new(&model) else { return Ok(()) };
        let resolver = Resolver::new(&model, &factors);
        for (i, j) in [(0, 1), (1, 2), (0, 4)] {
            if j < model.n_branches() && let Some(expected) = resolver.flows(&[i, j]) {
                let found = pair(&model, i, j).expect("regular");
                for (f, e) in found.iter().zip(&expected) {
                    prop_assert!((f - e).abs() < 1e-8, "{} {}", f, e);
                }
            }
        }
    }
}

#[test]
fn a_pair_that_islands_is_balanced_island_by_island() {
    // 0 ═ 1 ─ 2: the double line out leaves 0 (200 generated) dead, and 1, 2 with 50 generated against 80 + 40 demanded.
    let bus = |pd_mw: f64, kind| Bus { pd_mw, kind, ..Bus::default() };
    let branch = |from, to| Branch { from, to, x_pu: 0.1, in_service: true, ..Branch::default() };
    let gen_at = |bus, p_mw| Generator { bus, p_mw, in_service: true, ..Generator::default() };
    let network = PowerNetwork {
        base_mva: 100.0,
        buses: vec![bus(0.0, BusKind::Reference), bus(80.0, BusKind::Pq), bus(40.0, BusKind::Pq)],
        generators: vec![gen_at(0, 200.0), gen_at(1, 130.0)],
        branches: vec![branch(0, 1), branch(0, 1), branch(1, 2)],
        ..PowerNetwork::default()
    };
    let model = DcModel::new(&network, Convention::Matpower);
    let base = Factors::new(&model).expect("regular").flow().to_vec();
    assert!((base[0] + 0.05).abs() < 1e-12 && (base[2] - 0.4).abs() < 1e-12, "{base:?}");
    // Bus 1 has 50 MW to spare and bus 2 takes 40 of them.
    let flow = pair(&model, 0, 1).expect("regular");
    assert!(flow[0] == 0.0 && flow[1] == 0.0 && (flow[2] - 0.4).abs() < 1e-12, "{flow:?}");
    let flow = pair(&model, 0, 2).expect("regular");
    // Left of the cut: 0 absorbed the mismatch (takes 10 MW) against 50 MW at bus 1, which is scaled down to 10.
    assert!((flow[1] + 0.1).abs() < 1e-12 && flow[2] == 0.0, "{flow:?}");
}

/// The model of a published case; `None` when the data is not there.
fn read(case: &str) -> Option<DcModel> {
    let network = crate::power::testing::network(&format!("energy-power/{case}.m"))?;
    Some(DcModel::new(&network, Convention::Matpower))
}

#[test]
fn every_single_and_every_pair_of_118_and_300_buses_agree_with_solving_anew() {
    for case in ["pglib-opf/pglib_opf_case118_ieee", "matpower/case118", "pglib-opf/pglib_opf_case300_ieee", "matpower/case300"] {
        if let Some(model) = read(case) {
            compare(&model, 50).unwrap_or_else(|e| panic!("{case}: {e}"));
        }
    }
}

#[test]
fn published_counts_of_four_grids() {
    // Bridges, overloaded (branch, outage) pairs, sum of largest flows in MW, worst loading; pairs, islanding, newly overloading.
    let published = [
        ("pglib-opf/pglib_opf_case118_ieee", None, [15_576, 74, 341]),
        ("matpower/case1354pegase", Some((561, 13_038, 2_155_405.921_743_14, 2.806_333_33)), [1_021_735, 573, 3094]),
        ("matpower/case2869pegase", Some((778, 293, 6_056_672.275_188_10, 1.678_702_04)), [7_233_306, 1341, 4170]),
        ("matpower/case9241pegase", Some((1665, 57_854, 27_999_736.857_374, 1.754_470_22)), [103_442_536, 7165, 16_580]),
    ];
    for (case, single, pair) in published {
        let Some(factors) = read(case).map(|m| Factors::new(&m).expect("regular")) else { continue };
        if let Some((bridges, overloads, sum, worst)) = single {
            let found = screen_singles(&factors, 1);
            assert_eq!((found.screening.n_islanding, found.n_overloaded_pairs), (bridges, overloads), "{case}");
            assert!((found.sum_of_worst_flows_mw - sum).abs() < 2e-12 * sum, "{case} {}", found.sum_of_worst_flows_mw);
            assert!((found.screening.worst[0].loading - worst).abs() < 1e-8, "{case} {:?}", found.screening.worst);
        }
        let found = screen_pairs(&factors, 10);
        assert_eq!([found.n_outages, found.n_islanding, found.n_new_overloading], pair, "{case}");
    }
}
