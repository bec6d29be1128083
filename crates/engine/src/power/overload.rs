//! Overload cascades: what trips after what.
//!
//! The plain rule, in rounds: balance every island by scaling the larger side of its injections down to the smaller; direct-current
//! flow; trip every branch above its limit; stop when none trips. With α times the base flow as least limit it is the model of
//! Carreras, Lynch, Dobson, Newman, Chaos 12, 2002, DOI 10.1063/1.1505810, without its random trips.
//! [`timed`] adds heat, protection, governors, frequency and hidden failures; [`influence`] ranks branches over many cascades.

pub mod flows;
pub mod influence;
pub mod timed;

use crate::batch;
use crate::ending::Ending;
use crate::power::dc::DcModel;
use flows::{Grid, State, balance};
use influence::{Ensemble, START_SIZE, random_starts};

/// Least limit of a branch as a multiple of its base flow, so that protection is set above what the network carries.
pub const LEAST_MARGIN: f64 = 1.2;
/// A branch trips when its flow exceeds its limit by more than this share.
const TRIP_TOLERANCE: f64 = 1e-9;
/// Cascades that share one room in an ensemble.
const BLOCK: usize = 64;

/// The plain rule on one network.
#[derive(Debug, Clone)]
pub struct Plain {
    /// The intact network.
    pub grid: Grid,
    /// Limit of each branch, p.u.: the larger of its rating and α times its base flow.
    pub limit: Vec<f64>,
}

/// What came of one cascade.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    /// How it ended.
    pub ending: Ending,
    /// Demand served at the end, MW.
    pub served_mw: f64,
    /// Branches tripped after the initial ones.
    pub trips: usize,
    /// Flow computations.
    pub rounds: usize,
}

/// Room for one cascade after another.
#[derive(Debug, Clone)]
pub struct Work<'g> {
    state: State<'g>,
    list: Vec<u32>,
    sums: Vec<(f64, f64)>,
    /// Tripped branches by round of the last cascade, the initial outages as round 0.
    pub tripped: Vec<(u32, u32)>,
}

impl Plain {
    /// Reads a model. Phase shifts must be 0 if limits are to hold the flows as drawn: their injections are kept, their flows are not.
    pub fn new(model: &DcModel, alpha: f64) -> Result<Plain, Ending> {
        let grid = Grid::new(model)?;
        let limit = model.limit.iter().zip(&grid.flow).map(|(rate, f)| rate.max(alpha * f.abs()) * (1.0 + TRIP_TOLERANCE)).collect();
        Ok(Plain { grid, limit })
    }

    /// Room for cascades on this network; one a thread.
    pub fn work(&self) -> Work<'_> {
        Work { state: State::new(&self.grid), list: Vec::new(), sums: Vec::new(), tripped: Vec::new() }
    }

    /// One cascade per start, in order and the same for any number of threads, with the branches tripped by round.
    pub fn ensemble(&self, starts: &[Vec<u32>], threads: usize) -> Vec<(Cascade, Vec<(u32, u32)>)> {
        let blocks = batch::map(starts.len().div_ceil(BLOCK), threads, |i| {
            let mut work = self.work();
            let mine = &starts[i * BLOCK..starts.len().min((i + 1) * BLOCK)];
            mine.iter().map(|s| (self.run(&mut work, s), work.tripped.clone())).collect::<Vec<_>>()
        });
        blocks.into_iter().flatten().collect()
    }

    /// Demand served with nothing lost, MW.
    pub fn load_mw(&self) -> f64 {
        self.run(&mut self.work(), &[]).served_mw
    }

    /// Cascades from `n` starts of two of these branches, drawn from a seed.
    pub fn sampled(&self, branches: &[u32], n: usize, seed: u64, threads: usize) -> Ensemble {
        let load_mw = self.load_mw();
        let runs = self.ensemble(&random_starts(branches, START_SIZE, n, seed), threads);
        let (cascades, tripped): (Vec<Cascade>, Vec<Vec<(u32, u32)>>) = runs.into_iter().unzip();
        Ensemble::new(self.grid.n_branches(), cascades.iter().map(|c| load_mw - c.served_mw).collect(), &tripped)
    }

    /// Runs one cascade from outages of branches (by index).
    pub fn run(&self, work: &mut Work<'_>, outages: &[u32]) -> Cascade {
        let state = &mut work.state;
        state.reset();
        work.tripped.clear();
        work.list.clear();
        work.list.extend_from_slice(outages);
        let (mut trips, mut ending) = (0, Ending::IterationLimit);
        let mut rounds = 0;
        // Every round but the last trips a branch.
        while rounds <= self.grid.n_branches() {
            work.tripped.extend(work.list.iter().map(|&k| (k, rounds as u32)));
            if state.remove(&work.list) {
                if rounds == 0 {
                    // What an island of the intact network could not use may serve one of its parts.
                    state.p.copy_from_slice(&self.grid.offered);
                }
                balance(&mut state.p, &state.island, &mut work.sums);
                state.injections_changed();
            }
            rounds += 1;
            ending = state.solve();
            if ending != Ending::Solved {
                break;
            }
            state.overloaded(&self.limit, &mut work.list);
            if work.list.is_empty() {
                break;
            }
            trips += work.list.len();
        }
        Cascade { ending, served_mw: state.served() * self.grid.base_mva, trips, rounds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn model(n: usize, branches: &[(usize, usize, f64)], injection: &[f64]) -> DcModel {
        DcModel {
            n_buses: n,
            from: branches.iter().map(|b| b.0 as u32).collect(),
            to: branches.iter().map(|b| b.1 as u32).collect(),
            b: branches.iter().map(|b| b.2).collect(),
            shift_flow: vec![0.0; branches.len()],
            limit: vec![0.05; branches.len()],
            injection: injection.to_vec(),
            reference: Some(0),
            live: vec![true; n],
            base_mva: 100.0,
        }
    }

    #[test]
    fn three_parallel_lines_fall_one_after_the_other() {
        // 3 p.u. over three equal lines: 1 each, limits 1.2. One out: 1.5 each, both trip, nothing is served.
        let m = model(2, &[(0, 1, 10.0), (0, 1, 10.0), (0, 1, 10.0)], &[3.0, -3.0]);
        let plain = Plain::new(&m, 1.2).unwrap();
        let mut work = plain.work();
        let c = plain.run(&mut work, &[0]);
        assert_eq!(c, Cascade { ending: Ending::Solved, served_mw: 0.0, trips: 2, rounds: 2 });
        assert_eq!(work.tripped, [(0, 0), (1, 1), (2, 1)]);
        // An ensemble is the same cascades in order, at any number of threads.
        let starts: Vec<Vec<u32>> = (0..200).map(|i| if i % 3 == 0 { vec![] } else { vec![i % 3] }).collect();
        let many = plain.ensemble(&starts, 2);
        assert_eq!(many, plain.ensemble(&starts, 1));
        assert_eq!((many.len(), many[1].0.trips, many[3].0.trips), (200, 2, 0));
        assert_eq!(many[199].1, [(1, 0), (0, 1), (2, 1)]);
        // With α = 2 the two left hold.
        let plain = Plain::new(&m, 2.0).unwrap();
        let c = plain.run(&mut plain.work(), &[0]);
        assert_eq!((c.trips, c.rounds), (0, 1));
        assert!((c.served_mw - 300.0).abs() < 1e-9);
    }

    #[test]
    fn an_island_is_scaled_to_its_smaller_side() {
        // Path 0-1-2, the middle bus makes 1, the ends take 0.4 and 0.6. Without 1-2: 0.4 served, 0.4 made.
        let m = model(3, &[(0, 1, 5.0), (1, 2, 5.0)], &[-0.4, 1.0, -0.6]);
        let plain = Plain::new(&m, 1.2).unwrap();
        let c = plain.run(&mut plain.work(), &[1]);
        assert!((c.served_mw - 40.0).abs() < 1e-9 && c.trips == 0);
    }

    #[test]
    fn bad_numbers_have_an_ending() {
        assert_eq!(Grid::new(&model(2, &[(0, 1, f64::NAN)], &[1.0, -1.0])).unwrap_err(), Ending::NotANumber);
        // Parallel susceptances that cancel.
        assert_eq!(Grid::new(&model(2, &[(0, 1, 1.0), (0, 1, -1.0)], &[1.0, -1.0])).unwrap_err(), Ending::Singular);
    }

    /// Flows by dense elimination island by island, rebuilt each round.
    fn naive(m: &DcModel, limit: &[f64], outages: &[usize]) -> (f64, usize, usize) {
        let n = m.n_buses;
        let mut p = m.injection.clone();
        p[0] -= p.iter().sum::<f64>();
        let mut on: Vec<bool> = (0..m.n_branches()).map(|k| !outages.contains(&k)).collect();
        let (mut trips, mut rounds) = (0, 0);
        loop {
            let mut island: Vec<usize> = (0..n).collect();
            for _ in 0..n {
                for k in (0..on.len()).filter(|&k| on[k]) {
                    let low = island[m.from[k] as usize].min(island[m.to[k] as usize]);
                    island[m.from[k] as usize] = low;
                    island[m.to[k] as usize] = low;
                }
            }
            for i in 0..n {
                let side = |s: f64| (0..n).filter(|&j| island[j] == i).map(|j| (s * p[j]).max(0.0)).sum::<f64>();
                let (up, down) = (side(1.0), side(-1.0));
                for j in (0..n).filter(|&j| island[j] == i) {
                    let whole = if p[j] > 0.0 { up } else { down };
                    p[j] *= if whole > 0.0 { up.min(down) / whole } else { 0.0 };
                }
            }
            rounds += 1;
            let mut a = vec![vec![0.0; n + 1]; n];
            for i in 0..n {
                a[i][n] = p[i];
            }
            for k in (0..on.len()).filter(|&k| on[k]) {
                let (f, t) = (m.from[k] as usize, m.to[k] as usize);
                for (i, j) in [(f, t), (t, f)] {
                    a[i][i] += m.b[k];
                    a[i][j] -= m.b[k];
                }
            }
            for i in (0..n).filter(|&i| island[i] == i) {
                a[i].fill(0.0);
                a[i][i] = 1.0;
            }
            for c in 0..n {
                let best = (c..n).max_by(|&x, &y| a[x][c].abs().total_cmp(&a[y][c].abs())).unwrap();
                a.swap(c, best);
                for i in (0..n).filter(|&i| i != c) {
                    let s = a[i][c] / a[c][c];
                    for j in c..=n {
                        a[i][j] -= s * a[c][j];
                    }
                }
            }
            let theta: Vec<f64> = (0..n).map(|i| a[i][n] / a[i][i]).collect();
            let bad: Vec<usize> = (0..on.len())
                .filter(|&k| on[k] && (m.b[k] * (theta[m.from[k] as usize] - theta[m.to[k] as usize])).abs() > limit[k])
                .collect();
            if bad.is_empty() {
                return (p.iter().filter(|p| **p < 0.0).fold(0.0, |s, p| s - p), trips, rounds);
            }
            trips += bad.len();
            bad.iter().for_each(|&k| on[k] = false);
        }
    }

    proptest! {
        #[test]
        fn a_cascade_equals_the_naive_rule(
            n in 2usize..14,
            rows in proptest::collection::vec((0usize..14, 0usize..14, 0.5f64..9.0), 1..40),
            p in proptest::collection::vec(-2.0f64..2.0, 14),
            outages in proptest::collection::vec(0usize..40, 1..6),
            alpha in 1.01f64..1.6,
        ) {
            let rows: Vec<(usize, usize, f64)> = rows.iter().map(|r| (r.0 % n, r.1 % n, r.2)).filter(|r| r.0 != r.1).collect();
            prop_assume!(!rows.is_empty());
            let m = model(n, &rows, &p[..n]);
            let plain = Plain::new(&m, alpha).unwrap();
            let mut work = plain.work();
            // The same room twice: a cascade leaves nothing behind.
            for shift in [3, 0] {
                let outages: Vec<usize> = outages.iter().map(|o| (o + shift) % rows.len()).collect();
                let (served, trips, rounds) = naive(&m, &plain.limit, &outages);
                let c = plain.run(&mut work, &outages.iter().map(|&o| o as u32).collect::<Vec<_>>());
                prop_assert_eq!((c.ending, c.trips, c.rounds), (Ending::Solved, trips, rounds));
                prop_assert!((c.served_mw - 100.0 * served).abs() < 1e-7, "{} {}", c.served_mw, served);
            }
        }
    }
}
