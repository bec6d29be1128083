//! Loss of every single branch: exact post-outage flows of the direct-current model.
//!
//! For the loss of k, flow on e: `f_e` + `H_ek` · `f_k` / (1 − `H_kk`) (see [`super::factors`]). Columns are solved [`LANES`] at a
//! time and used where they lie: no matrix of factors is stored. A bridge carries the same flow whatever else is lost, so
//! only meshed branches are rows and columns. The loss of a bridge islands and is counted, not solved
//! ([`super::factors::flows_without`] solves it on demand).
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

use rayon::prelude::*;

use super::factors::{BRIDGE_TOLERANCE, Factors, LANES, LIMIT_TOLERANCE};
use super::simd::{Kernel, Lanes, dispatch, larger};
use crate::ending::Ending;

/// Outages that one task works through.
const TASK: usize = 32 * LANES;

/// An outage and the branch it loads most.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// Branches lost, ascending.
    pub outages: Vec<u32>,
    /// Branch with the highest loading, the lowest of equals.
    pub branch: u32,
    /// Its |flow| / continuous rating.
    pub loading: f64,
}

/// What a screening of all single or double outages found. Overload: |flow| above (1 + 1e-9) of the continuous rating.
#[derive(Debug, Clone, PartialEq)]
pub struct Screening {
    /// How it ended.
    pub ending: Ending,
    /// Outages screened: single, every branch in service; double, every pair of branches that are no bridges.
    pub n_outages: u64,
    /// Double outages set aside because a bridge is in them: they island whatever the other branch is.
    pub n_with_bridge: u64,
    /// Of the outages screened, those that island; their flows are not judged.
    pub n_islanding: u64,
    /// Of the rest, those with an overload anywhere, a base overload that remains included.
    pub n_overloading: u64,
    /// Of these, those with an overload of a branch that neither the base case nor, for a pair, either single outage overloads.
    pub n_new_overloading: u64,
    /// The overloading outages with the highest loading, falling, then by branch.
    pub worst: Vec<Worst>,
}

/// A screening of all single outages.
#[derive(Debug, Clone, PartialEq)]
pub struct Singles {
    /// Counts and worst outages.
    pub screening: Screening,
    /// Overloaded (branch, outage) pairs.
    pub n_overloaded_pairs: u64,
    /// Sum over the outages that do not island of the largest |flow| after each, MW.
    pub sum_of_worst_flows_mw: f64,
}

/// Meshed branches as arrays.
struct Rows {
    branch: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    b: Vec<f64>,
    flow: Vec<f64>,
    /// Flow above which a branch is overloaded; infinite when unrated.
    top: Vec<f64>,
    /// The same, infinite also when the base case overloads it.
    top_if_new: Vec<f64>,
    /// 1 / rating; 0 when unrated.
    per_rating: Vec<f64>,
}

/// What a set of branches or one outage amounts to.
#[derive(Debug, Clone, Copy)]
struct Tally {
    largest: f64,
    loading: f64,
    n_over: f64,
    n_new: f64,
    islands: bool,
}

/// Screens the loss of every branch in service; keeps the `keep` worst.
pub fn screen_singles(factors: &Factors, keep: usize) -> Singles {
    let rows = Rows::new(factors);
    let still = still_tally(factors);
    let starts: Vec<usize> = (0..rows.branch.len()).step_by(TASK).collect();
    let tallies: Vec<Vec<Tally>> = starts
        .par_iter()
        .map_init(
            || factors.sides(),
            |sides, &start| {
                let end = (start + TASK).min(rows.branch.len());
                let mut out = Vec::with_capacity(end - start);
                for first in (start..end).step_by(LANES) {
                    let block = first..(first + LANES).min(end);
                    factors.solve_columns(&rows.branch[block.clone()], sides);
                    let kernel = Block { rows: &rows, x: &sides.x, block: block.clone(), still };
                    out.extend_from_slice(&dispatch(factors.level, kernel)[..block.len()]);
                }
                out
            },
        )
        .collect();
    let mut by_branch: Vec<Option<Tally>> = vec![None; factors.flow().len()];
    for (&k, tally) in rows.branch.iter().zip(tallies.iter().flatten()) {
        by_branch[k as usize] = Some(*tally).filter(|t| !t.islands);
    }
    summarise(factors, &by_branch, keep)
}

fn summarise(factors: &Factors, by_branch: &[Option<Tally>], keep: usize) -> Singles {
    let n_outages = (0..by_branch.len()).filter(|&k| factors.in_service(k)).count() as u64;
    let judged = || by_branch.iter().flatten();
    let mut order: Vec<(usize, f64)> =
        by_branch.iter().enumerate().filter_map(|(k, t)| t.filter(|t| t.n_over > 0.0).map(|t| (k, t.loading))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(keep);
    let worst = order.iter().filter_map(|&(k, _)| worst_of(factors, k)).collect();
    Singles {
        screening: Screening {
            ending: Ending::Solved,
            n_outages,
            n_with_bridge: 0,
            n_islanding: n_outages - judged().count() as u64,
            n_overloading: judged().filter(|t| t.n_over > 0.0).count() as u64,
            n_new_overloading: judged().filter(|t| t.n_new > 0.0).count() as u64,
            worst,
        },
        n_overloaded_pairs: judged().map(|t| t.n_over as u64).sum(),
        sum_of_worst_flows_mw: judged().map(|t| t.largest).sum::<f64>() * factors.base_mva,
    }
}

/// The branch that the loss of one loads most.
fn worst_of(factors: &Factors, outage: usize) -> Option<Worst> {
    let flow = factors.flow_after(outage)?;
    let mut worst = Worst { outages: vec![outage as u32], branch: 0, loading: f64::NEG_INFINITY };
    for (e, (f, limit)) in flow.iter().zip(&factors.limit).enumerate() {
        let loading = f.abs() / limit;
        if loading > worst.loading {
            (worst.branch, worst.loading) = (e as u32, loading);
        }
    }
    Some(worst)
}

/// Branches whose flow no outage of a meshed branch changes.
fn still_tally(factors: &Factors) -> Tally {
    let mut tally = Tally { largest: 0.0, loading: 0.0, n_over: 0.0, n_new: 0.0, islands: false };
    for (k, f) in factors.flow().iter().enumerate().filter(|&(k, _)| factors.in_service(k) && factors.is_bridge()[k]) {
        tally.largest = tally.largest.max(f.abs());
        tally.loading = tally.loading.max(f.abs() / factors.limit[k]);
        tally.n_over += f64::from(f.abs() > factors.limit[k] * (1.0 + LIMIT_TOLERANCE));
    }
    tally
}

impl Rows {
    fn new(factors: &Factors) -> Rows {
        let branch = factors.meshed();
        let pick = |of: &dyn Fn(usize) -> f64| branch.iter().map(|&k| of(k as usize)).collect::<Vec<f64>>();
        let flow = factors.flow();
        let top = |k: usize| factors.limit[k] * (1.0 + LIMIT_TOLERANCE);
        Rows {
            from: branch.iter().map(|&k| factors.place_from[k as usize]).collect(),
            to: branch.iter().map(|&k| factors.place_to[k as usize]).collect(),
            b: pick(&|k| factors.b[k]),
            flow: pick(&|k| flow[k]),
            top: pick(&top),
            top_if_new: pick(&|k| if flow[k].abs() > top(k) { f64::INFINITY } else { top(k) }),
            per_rating: pick(&|k| 1.0 / factors.limit[k]),
            branch,
        }
    }
}

/// Outages `block` of the rows, whose columns stand in `x`.
struct Block<'a> {
    rows: &'a Rows,
    x: &'a [Lanes<LANES>],
    block: std::ops::Range<usize>,
    still: Tally,
}

/// Running figures of each lane.
struct Running {
    largest: Lanes<LANES>,
    loading: Lanes<LANES>,
    n_over: Lanes<LANES>,
    n_new: Lanes<LANES>,
}

impl Running {
    #[inline(always)]
    fn take(&mut self, rows: &Rows, e: usize, post: Lanes<LANES>) {
        let (top, top_if_new, per_rating) = (rows.top[e], rows.top_if_new[e], rows.per_rating[e]);
        self.largest = self.largest.zip(post, |m, p| larger(p, m));
        self.loading = self.loading.zip(post, |m, p| larger(p * per_rating, m));
        self.n_over = self.n_over.zip(post, |n, p| n + if p > top { 1.0 } else { 0.0 });
        self.n_new = self.n_new.zip(post, |n, p| n + if p > top_if_new { 1.0 } else { 0.0 });
    }
}

impl Block<'_> {
    /// |flow| on row e after each outage of the block, for e not among them.
    #[inline(always)]
    fn post(&self, e: usize, share: Lanes<LANES>) -> Lanes<LANES> {
        let rows = self.rows;
        let (b, flow) = (rows.b[e], rows.flow[e]);
        let sent = self.x[rows.from[e] as usize].zip(self.x[rows.to[e] as usize], |f, t| (f - t) * b);
        sent.zip(share, |s, share| (flow + s * share).abs())
    }
}

impl Kernel for Block<'_> {
    type Output = [Tally; LANES];

    #[inline(always)]
    fn run(self) -> [Tally; LANES] {
        let (rows, block) = (self.rows, self.block.clone());
        // f_k / (1 − H_kk) of each lane; 0 where the outage islands, so that no flow of that lane is judged.
        let mut share = [0.0; LANES];
        let mut islands = [true; LANES];
        for (l, k) in block.clone().enumerate() {
            let left = 1.0 - (self.x[rows.from[k] as usize].0[l] - self.x[rows.to[k] as usize].0[l]) * rows.b[k];
            islands[l] = left.abs() < BRIDGE_TOLERANCE;
            share[l] = if islands[l] { 0.0 } else { rows.flow[k] / left };
        }
        let share = Lanes(share);
        let still = &self.still;
        let mut running = Running {
            largest: Lanes::splat(still.largest),
            loading: Lanes::splat(still.loading),
            n_over: Lanes::splat(still.n_over),
            n_new: Lanes::splat(still.n_new),
        };
        for e in (0..block.start).chain(block.end..rows.branch.len()) {
            let post = self.post(e, share);
            running.take(rows, e, post);
        }
        for e in block.clone() {
            let mut post = self.post(e, share);
            post.0[e - block.start] = 0.0;
            running.take(rows, e, post);
        }
        std::array::from_fn(|l| Tally {
            largest: running.largest.0[l],
            loading: running.loading.0[l],
            n_over: running.n_over.0[l],
            n_new: running.n_new.0[l],
            islands: islands[l],
        })
    }
}
