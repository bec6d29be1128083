//! Loss of every single branch: exact post-outage flows of the direct-current model.
//!
//! For the loss of k, flow on e: `f_e` + `H_ek` · `f_k` / (1 − `H_kk`) (see [`super::factors`]). Columns are solved [`LANES`] at a
//! time and used where they lie: no matrix of factors is stored. A bridge carries the same flow whatever else is lost, so
//! only meshed branches are rows and columns. The loss of a bridge islands and is counted, not solved
//! ([`super::factors::flows_without`] solves it on demand).
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

use crate::batch::map_with;

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

/// A meshed branch.
#[derive(Debug, Clone, Copy)]
struct Row {
    from: u32,
    to: u32,
    b: f64,
    flow: f64,
    /// Flow above which it is overloaded.
    top: f64,
    /// 1 / rating.
    per_rating: f64,
}

/// Meshed branches, rated ones first, then those that the base case overloads, then unrated ones.
struct Rows {
    branch: Vec<u32>,
    row: Vec<Row>,
    n_rated: usize,
    n_monitored: usize,
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
    let n = rows.branch.len();
    let tallies: Vec<Vec<Tally>> = map_with(
        n.div_ceil(TASK),
        || factors.sides(),
        |sides, task| {
            let end = ((task + 1) * TASK).min(n);
            let mut out = Vec::with_capacity(TASK);
            for first in (task * TASK..end).step_by(LANES) {
                let block = first..(first + LANES).min(end);
                factors.solve_columns(&rows.branch[block.clone()], sides);
                let kernel = Block { rows: &rows, x: &sides.x, outages: block.clone(), still };
                out.extend_from_slice(&dispatch(factors.level, kernel)[..block.len()]);
            }
            out
        },
    );
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
        let top = |k: u32| factors.limit[k as usize] * (1.0 + LIMIT_TOLERANCE);
        let flow = |k: u32| factors.flow()[k as usize];
        let mut branch = factors.meshed();
        let unrated = |k: u32| top(k).is_infinite();
        let over = |k: u32| flow(k).abs() > top(k);
        branch.sort_by_key(|&k| (unrated(k), over(k)));
        let row = branch.iter().map(|&k| Row {
            from: factors.place_from[k as usize],
            to: factors.place_to[k as usize],
            b: factors.b[k as usize],
            flow: flow(k),
            top: top(k),
            per_rating: 1.0 / factors.limit[k as usize],
        });
        Rows {
            row: row.collect(),
            n_rated: branch.iter().filter(|&&k| !unrated(k) && !over(k)).count(),
            n_monitored: branch.iter().filter(|&&k| !unrated(k)).count(),
            branch,
        }
    }
}

/// Outages of a range of rows, whose columns stand in `x`.
struct Block<'a> {
    rows: &'a Rows,
    x: &'a [Lanes<LANES>],
    outages: std::ops::Range<usize>,
    still: Tally,
}

/// Running figures of each lane.
struct Running {
    largest: Lanes<LANES>,
    loading: Lanes<LANES>,
    n_over: Lanes<LANES>,
}

impl Running {
    #[inline(always)]
    fn rated(&mut self, row: &Row, post: Lanes<LANES>) {
        let (top, per_rating) = (row.top, row.per_rating);
        self.unrated(post);
        self.loading = self.loading.zip(post, |m, p| larger(p * per_rating, m));
        self.n_over = self.n_over.zip(post, |n, p| n + if p > top { 1.0 } else { 0.0 });
    }

    #[inline(always)]
    fn unrated(&mut self, post: Lanes<LANES>) {
        self.largest = self.largest.zip(post, |m, p| larger(p, m));
    }
}

impl Block<'_> {
    /// |flow| on a row after each outage of the block, for a row not among them.
    #[inline(always)]
    fn post(&self, row: &Row, share: Lanes<LANES>) -> Lanes<LANES> {
        let (b, flow) = (row.b, row.flow);
        let sent = self.x[row.from as usize].zip(self.x[row.to as usize], |f, t| (f - t) * b);
        sent.zip(share, |s, share| (flow + s * share).abs())
    }

    /// Rows of a range that are none of the block's outages.
    #[inline(always)]
    fn others(&self, range: std::ops::Range<usize>) -> [&[Row]; 2] {
        let before = range.start..range.end.min(self.outages.start).max(range.start);
        let after = range.start.max(self.outages.end).min(range.end)..range.end;
        [&self.rows.row[before], &self.rows.row[after]]
    }
}

impl Kernel for Block<'_> {
    type Output = [Tally; LANES];

    #[inline(always)]
    fn run(self) -> [Tally; LANES] {
        let (rows, block) = (self.rows, self.outages.clone());
        // f_k / (1 − H_kk) of each lane; 0 where the outage islands, so that no flow of that lane is judged.
        let mut share = [0.0; LANES];
        let mut islands = [true; LANES];
        for (l, k) in rows.row[block.clone()].iter().enumerate() {
            let left = 1.0 - (self.x[k.from as usize].0[l] - self.x[k.to as usize].0[l]) * k.b;
            islands[l] = left.abs() < BRIDGE_TOLERANCE;
            share[l] = if islands[l] { 0.0 } else { k.flow / left };
        }
        let share = Lanes(share);
        let still = &self.still;
        let zero = Lanes::splat(0.0);
        let mut new = Running { largest: Lanes::splat(still.largest), loading: Lanes::splat(still.loading), n_over: zero };
        let mut old = Running { largest: zero, loading: zero, n_over: Lanes::splat(still.n_over) };
        // Loops, not closures: a closure would not be compiled for the instructions of the kernel.
        for part in self.others(0..rows.n_rated) {
            for row in part {
                new.rated(row, self.post(row, share));
            }
        }
        for part in self.others(rows.n_rated..rows.n_monitored) {
            for row in part {
                old.rated(row, self.post(row, share));
            }
        }
        for part in self.others(rows.n_monitored..rows.row.len()) {
            for row in part {
                old.unrated(self.post(row, share));
            }
        }
        for e in block.clone() {
            let mut post = self.post(&rows.row[e], share);
            post.0[e - block.start] = 0.0;
            let running = if e < rows.n_rated { &mut new } else { &mut old };
            running.rated(&rows.row[e], post);
        }
        std::array::from_fn(|l| Tally {
            largest: larger(new.largest.0[l], old.largest.0[l]),
            loading: larger(new.loading.0[l], old.loading.0[l]),
            n_over: new.n_over.0[l] + old.n_over.0[l],
            n_new: new.n_over.0[l],
            islands: islands[l],
        })
    }
}
