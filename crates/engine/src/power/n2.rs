//! Loss of every pair of branches: the exact result set of the direct-current model, by proven bounds, never a sample.
//!
//! For the loss of i and j let D = 1 − `L_ij` `L_ji`, `u_i` = (`f_i` + `L_ij` `f_j`)/D and `u_j` = (`f_j` + `L_ji` `f_i`)/D. Then every other
//! branch m carries `f_m` + `L_mi` `u_i` + `L_mj` `u_j` (Güler, Gross, Liu 2007, DOI 10.1109/TPWRS.2007.907512); D = 0 when the pair
//! islands. With `g` = `a_iᵀ` B⁻¹ `a_j`, which is symmetric, both factors of a pair come from one number: `L_ij` = `b_i` g `c_j` and
//! `L_ji` = `b_j` g `c_i`, c = 1/(1 − H).
//!
//! 1. Every meshed outage i alone: its LODF on the monitored branches is stored (monitored × outages × 8 bytes), and with it
//!    `r_i`(+) = max over m of `L_mi`/(top_m − f_m) or −`L_mi`/(top_m + f_m), whichever is positive, and `r_i`(−) for `u_i` < 0. Branches
//!    that the base case or the loss of i overloads are left out of r and listed instead, with all whose ratio reaches `cut_i`.
//! 2. Every pair: m can be overloaded anew only if ratio_mi |`u_i`| + ratio_mj |`u_j`| ≥ 1. So `r_i` |`u_i`| + `r_j` |`u_j`| < 1 proves that
//!    none is. Otherwise, if `cut_i` |`u_i`| + `cut_j` |`u_j`| < 1, it can only be one on the list of i or of j, and those are worked
//!    out; else all are.
//! 3. Where the base case overloads a branch m, nearly every pair does. |`L_mi` `u_i`| + |`L_mj` `u_j`| < |f_m| − top_m proves it.
//! 4. The worst pairs: a pair without a new overload has its highest overload on a branch that the base case or a single
//!    outage overloads ("hot"), so its loading is at most max hot base loading + `q_i` |`u_i`| + `q_j` |`u_j`|, q the largest
//!    |LODF|/rating on hot branches. A pair that cannot enter the list is not worked out.
//!
//! Bounds are taken with a margin of 1e-9, far above rounding. Pairs with a bridge are counted apart; [`pair`] solves any.
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

use rayon::prelude::*;

use super::dc::DcModel;
use super::factors::{BRIDGE_TOLERANCE, Factors, LANES, LIMIT_TOLERANCE, flows_without};
use super::ldl::Sides;
use super::n1::{Screening, Worst};
use super::simd::{Kernel, Lanes, dispatch, larger};
use crate::ending::Ending;

/// Outages whose pairs one task works through.
const TASK: usize = 8 * LANES;
/// Bounds certify below this instead of 1.
const CERTAIN: f64 = 1.0 - 1e-9;
/// Pairs with D below this are worked out.
const SMALL: f64 = 1e-6;
/// Outages whose pairs among each other give the first list of worst pairs.
const SEEDS: usize = 48;

/// Flow on each branch after the loss of a pair, each island on its own, p.u.; the rule is that of [`flows_without`].
pub fn pair(model: &DcModel, i: usize, j: usize) -> Result<Vec<f64>, Ending> {
    flows_without(model, &[i, j])
}

/// Monitored meshed branches as arrays, filled up to whole lanes with rows that nothing overloads.
struct Monitored {
    branch: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    b: Vec<f64>,
    flow: Vec<f64>,
    limit: Vec<f64>,
    /// Flow above which a branch is overloaded.
    top: Vec<f64>,
    /// 1/(top − flow) and 1/(top + flow); 0 where the base case overloads.
    per_room_up: Vec<f64>,
    per_room_down: Vec<f64>,
    /// Rows that the base case overloads.
    over: Vec<u32>,
    /// Row of each branch; beyond the rows when it has none.
    row_of: Vec<u32>,
}

/// Meshed outages that do not island on their own, as arrays.
#[derive(Default)]
struct Outages {
    branch: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    b: Vec<f64>,
    flow: Vec<f64>,
    /// 1/(1 − H).
    c: Vec<f64>,
    /// r(+) and r(−).
    up: Vec<f64>,
    down: Vec<f64>,
    /// Ratios below these are not on the list, for u > 0 and u < 0.
    cut_up: Vec<f64>,
    cut_down: Vec<f64>,
    /// |u| times this below 1, summed over the pair, proves the verdict "overload anywhere".
    certain: Vec<f64>,
    /// Largest |LODF|/rating on hot branches.
    hot: Vec<f64>,
    /// Highest loading after this outage alone.
    loading: Vec<f64>,
    /// Row of the stored LODF.
    slot: Vec<u32>,
    /// Monitored rows on the list.
    list: Vec<Vec<u32>>,
}

/// All that pairs are judged by.
struct Screen<'a> {
    factors: &'a Factors,
    monitored: Monitored,
    outages: Outages,
    /// LODF by outage (slot) and monitored row; 0 at the outage's own row.
    lodf: Vec<f64>,
    /// Some branch is overloaded in the base case.
    base_over: bool,
    /// Worst loading of a rated bridge above its limit, and the bridge: no pair changes it.
    still: Option<(f64, u32)>,
    /// Highest base loading of a hot branch.
    hot_loading: f64,
}

/// One outage alone.
struct Alone {
    h: f64,
    up: f64,
    down: f64,
    cut_up: f64,
    cut_down: f64,
    loading: f64,
    list: Vec<u32>,
}

/// A pair worked out.
#[derive(Clone, Copy, Default)]
struct Verdict {
    islands: bool,
    over: bool,
    new: bool,
    loading: f64,
    branch: u32,
}

/// Worst pairs so far, best known first; ordered by loading falling, then outages.
#[derive(Clone)]
struct Top {
    keep: usize,
    floor: f64,
    list: Vec<(f64, [u32; 2], u32)>,
}

/// Counts over pairs.
#[derive(Clone)]
struct Count {
    islanding: u64,
    looked_at: u64,
    looked_over: u64,
    new: u64,
    top: Top,
}

/// Screens the loss of every pair of branches that are no bridges; keeps the `keep` worst.
pub fn screen_pairs(factors: &Factors, keep: usize) -> Screening {
    let screen = Screen::new(factors);
    let n = screen.outages.branch.len();
    let floor = screen.seed(keep);
    let tasks: Vec<usize> = (0..n).step_by(TASK).collect();
    let counts: Vec<Count> = tasks
        .par_iter()
        .map_init(
            || (factors.sides(), vec![0u8; n]),
            |(sides, suspect), &start| {
                let mut count = Count::new(Top { keep, floor, list: Vec::new() });
                for first in (start..(start + TASK).min(n)).step_by(LANES) {
                    screen.block(first..(first + LANES).min(n), sides, suspect, &mut count);
                }
                count
            },
        )
        .collect();
    let mut total = Count::new(Top { keep, floor: 0.0, list: Vec::new() });
    for count in &counts {
        total.add(count);
    }
    let meshed = n as u64;
    let n_bridges = (0..factors.b.len()).filter(|&k| factors.in_service(k)).count() as u64 - meshed;
    let n_outages = meshed * meshed.saturating_sub(1) / 2;
    let certain = if screen.base_over { n_outages - total.islanding - total.looked_at } else { 0 };
    Screening {
        ending: Ending::Solved,
        n_outages,
        n_with_bridge: n_bridges * n_bridges.saturating_sub(1) / 2 + n_bridges * meshed,
        n_islanding: total.islanding,
        n_overloading: total.looked_over + certain,
        n_new_overloading: total.new,
        worst: total.top.list.iter().map(|&(loading, outages, branch)| Worst { outages: outages.to_vec(), branch, loading }).collect(),
    }
}

impl Top {
    /// A loading below this cannot enter.
    fn threshold(&self) -> f64 {
        match self.keep.checked_sub(1) {
            None => f64::INFINITY,
            Some(last) => self.list.get(last).map_or(self.floor, |e| e.0.max(self.floor)),
        }
    }

    fn add(&mut self, entry: (f64, [u32; 2], u32)) {
        if entry.0 < self.threshold() {
            return;
        }
        let at = self.list.partition_point(|e| e.0.total_cmp(&entry.0).reverse().then(e.1.cmp(&entry.1)).is_lt());
        self.list.insert(at, entry);
        self.list.truncate(self.keep);
    }
}

impl Count {
    fn new(top: Top) -> Count {
        Count { islanding: 0, looked_at: 0, looked_over: 0, new: 0, top }
    }

    fn take(&mut self, pair: [u32; 2], verdict: Verdict) {
        if verdict.islands {
            self.islanding += 1;
            return;
        }
        self.looked_at += 1;
        self.looked_over += u64::from(verdict.over);
        self.new += u64::from(verdict.new);
        if verdict.over {
            self.top.add((verdict.loading, [pair[0].min(pair[1]), pair[0].max(pair[1])], verdict.branch));
        }
    }

    fn add(&mut self, other: &Count) {
        self.islanding += other.islanding;
        self.looked_at += other.looked_at;
        self.looked_over += other.looked_over;
        self.new += other.new;
        for &entry in &other.top.list {
            self.top.add(entry);
        }
    }
}

impl Monitored {
    fn new(factors: &Factors) -> Monitored {
        let mut branch: Vec<u32> = factors.meshed();
        branch.retain(|&k| factors.limit[k as usize].is_finite());
        let n = branch.len();
        let full = n.next_multiple_of(LANES);
        let fill = |of: &dyn Fn(usize) -> f64, rest: f64| {
            let mut out: Vec<f64> = branch.iter().map(|&k| of(k as usize)).collect();
            out.resize(full, rest);
            out
        };
        let place = |of: &[u32]| {
            let mut out: Vec<u32> = branch.iter().map(|&k| of[k as usize]).collect();
            out.resize(full, 0);
            out
        };
        let mut row_of = vec![u32::MAX; factors.b.len()];
        for (m, &k) in branch.iter().enumerate() {
            row_of[k as usize] = m as u32;
        }
        let flow = factors.flow();
        let top = |k: usize| factors.limit[k] * (1.0 + LIMIT_TOLERANCE);
        let room = |k: usize, f: f64| if f.abs() > top(k) { 0.0 } else { 1.0 / (top(k) - f) };
        Monitored {
            from: place(&factors.place_from),
            to: place(&factors.place_to),
            b: fill(&|k| factors.b[k], 0.0),
            flow: fill(&|k| flow[k], 0.0),
            limit: fill(&|k| factors.limit[k], f64::INFINITY),
            top: fill(&top, f64::INFINITY),
            per_room_up: fill(&|k| room(k, flow[k]), 0.0),
            per_room_down: fill(&|k| room(k, -flow[k]), 0.0),
            over: (0..n as u32).filter(|&m| flow[branch[m as usize] as usize].abs() > top(branch[m as usize] as usize)).collect(),
            branch,
            row_of,
        }
    }

    /// Length of a stored column.
    fn width(&self) -> usize {
        self.b.len()
    }
}

impl<'a> Screen<'a> {
    fn new(factors: &'a Factors) -> Screen<'a> {
        let monitored = Monitored::new(factors);
        let width = monitored.width();
        let meshed = factors.meshed();
        let largest = meshed.iter().fold(0.0, |m, &k| larger(factors.flow()[k as usize].abs(), m));
        let mut lodf = vec![0.0; meshed.len() * width];
        let alone: Vec<Vec<Alone>> = if width == 0 {
            meshed.chunks(LANES).map(|block| Alone::block(factors, &monitored, block, largest, &mut factors.sides(), &mut [])).collect()
        } else {
            let tasks = meshed.par_chunks(LANES).zip(lodf.par_chunks_mut(LANES * width));
            tasks
                .map_init(|| factors.sides(), |sides, (block, rows)| Alone::block(factors, &monitored, block, largest, sides, rows))
                .collect()
        };
        let mut outages = Outages::default();
        for (slot, (&k, alone)) in meshed.iter().zip(alone.into_iter().flatten()).enumerate() {
            if (1.0 - alone.h).abs() >= BRIDGE_TOLERANCE {
                outages.push(factors, k, slot as u32, alone);
            }
        }
        let flow = factors.flow();
        let bridges = (0..flow.len()).filter(|&k| factors.in_service(k) && factors.is_bridge()[k]);
        let over = bridges.filter(|&k| flow[k].abs() > factors.limit[k] * (1.0 + LIMIT_TOLERANCE));
        let still = over.map(|k| (flow[k].abs() / factors.limit[k], k as u32)).reduce(|a, b| if b.0 > a.0 { b } else { a });
        let base_over = still.is_some() || !monitored.over.is_empty();
        let mut screen = Screen { factors, monitored, outages, lodf, base_over, still, hot_loading: still.map_or(0.0, |s| s.0) };
        screen.certify();
        screen
    }

    /// Fills what proves the verdict "overload anywhere" and bounds the loading of hot branches.
    fn certify(&mut self) {
        let (monitored, outages) = (&self.monitored, &mut self.outages);
        let n = outages.branch.len();
        if !self.base_over {
            // Without base overloads a pair overloads only what a list holds, and every pair of an outage that overloads is worked out.
            let width = monitored.width();
            let overloads = |p: usize| {
                let row = &self.lodf[outages.slot[p] as usize * width..][..width];
                outages.list[p].iter().any(|&m| (monitored.flow[m as usize] + row[m as usize] * outages.flow[p]).abs() > monitored.top[m as usize])
            };
            outages.certain = (0..n).map(|p| if overloads(p) { f64::INFINITY } else { 0.0 }).collect();
            outages.hot = vec![0.0; n];
            return;
        }
        let width = monitored.width();
        let mut is_hot = vec![false; width];
        for &m in &monitored.over {
            is_hot[m as usize] = true;
        }
        for p in 0..n {
            let row = &self.lodf[outages.slot[p] as usize * width..][..width];
            for &m in &outages.list[p] {
                let m = m as usize;
                is_hot[m] |= (monitored.flow[m] + row[m] * outages.flow[p]).abs() > monitored.top[m];
            }
        }
        let hot: Vec<usize> = (0..width).filter(|&m| is_hot[m]).collect();
        for &m in &hot {
            self.hot_loading = self.hot_loading.max(monitored.flow[m].abs() / monitored.limit[m]);
        }
        let excess = |m: usize| monitored.flow[m].abs() - monitored.top[m];
        let surest = monitored.over.iter().map(|&m| m as usize).max_by(|&a, &b| excess(a).total_cmp(&excess(b)).then(b.cmp(&a)));
        for p in 0..n {
            let row = &self.lodf[outages.slot[p] as usize * width..][..width];
            outages.hot.push(hot.iter().fold(0.0, |q, &m| larger(row[m].abs() / monitored.limit[m], q)));
            outages.certain.push(match (self.still, surest) {
                (None, Some(m)) if monitored.branch[m] == outages.branch[p] => f64::INFINITY,
                (None, Some(m)) => row[m].abs() / excess(m),
                _ => 0.0,
            });
        }
    }

    /// A loading that `keep` pairs reach, from the pairs among the outages that load most alone; 0 when they are too few.
    fn seed(&self, keep: usize) -> f64 {
        let outages = &self.outages;
        let mut seeds: Vec<usize> = (0..outages.branch.len()).collect();
        seeds.sort_by(|&a, &b| outages.loading[b].total_cmp(&outages.loading[a]).then(a.cmp(&b)));
        seeds.truncate(SEEDS);
        let mut count = Count::new(Top { keep, floor: 0.0, list: Vec::new() });
        let mut sides = self.factors.sides();
        for (first, block) in seeds.chunks(LANES).enumerate() {
            let columns: Vec<u32> = block.iter().map(|&p| outages.branch[p]).collect();
            self.factors.solve_columns(&columns, &mut sides);
            for (lane, &j) in block.iter().enumerate() {
                for &i in &seeds[..first * LANES + lane] {
                    count.take([outages.branch[i], outages.branch[j]], self.look(i, j, self.between(&sides, i, lane)));
                }
            }
        }
        if count.top.list.len() == keep { count.top.threshold() } else { 0.0 }
    }

    /// g of an outage and the outage of a lane.
    fn between(&self, sides: &Sides<LANES>, i: usize, lane: usize) -> f64 {
        sides.x[self.outages.from[i] as usize].0[lane] - sides.x[self.outages.to[i] as usize].0[lane]
    }

    /// All pairs (i, j) with j in the block and i before j.
    fn block(&self, block: std::ops::Range<usize>, sides: &mut Sides<LANES>, suspect: &mut [u8], count: &mut Count) {
        let outages = &self.outages;
        self.factors.solve_columns(&outages.branch[block.clone()], sides);
        let threshold = count.top.threshold();
        let room = (threshold * CERTAIN - self.hot_loading).max(0.0);
        let kernel = Pairs { outages, x: &sides.x, block: block.clone(), room: if self.base_over { room } else { 1.0 }, suspect };
        dispatch(self.factors.level, kernel);
        for i in 0..block.end {
            let mut lanes = suspect[i];
            if i >= block.start {
                lanes &= !(u8::MAX >> (LANES - 1 - (i - block.start)));
            }
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize;
                lanes &= lanes - 1;
                let j = block.start + lane;
                count.take([outages.branch[i], outages.branch[j]], self.look(i, j, self.between(sides, i, lane)));
            }
        }
    }

    /// Works a pair out.
    fn look(&self, i: usize, j: usize, g: f64) -> Verdict {
        let (outages, monitored) = (&self.outages, &self.monitored);
        let (on_i, on_j) = (outages.b[i] * g * outages.c[j], outages.b[j] * g * outages.c[i]);
        let d = 1.0 - on_i * on_j;
        if d.abs() < BRIDGE_TOLERANCE {
            return Verdict { islands: true, ..Verdict::default() };
        }
        let (f_i, f_j) = (outages.flow[i], outages.flow[j]);
        let (u_i, u_j) = ((f_i + on_i * f_j) / d, (f_j + on_j * f_i) / d);
        let (row_i, row_j) = (self.row(i), self.row(j));
        let mut verdict = Verdict::default();
        if let Some((loading, branch)) = self.still {
            verdict = Verdict { over: true, loading, branch, ..verdict };
        }
        let mut judge = |m: usize| {
            let post = (monitored.flow[m] + row_i[m] * u_i + row_j[m] * u_j).abs();
            let (top, branch) = (monitored.top[m], monitored.branch.get(m).copied().unwrap_or(u32::MAX));
            if post > top && branch != outages.branch[i] && branch != outages.branch[j] {
                verdict.over = true;
                let alone = |row: &[f64], f: f64| (monitored.flow[m] + row[m] * f).abs() > top;
                verdict.new |= monitored.flow[m].abs() <= top && !alone(row_i, f_i) && !alone(row_j, f_j);
                let loading = post / monitored.limit[m];
                if loading > verdict.loading || loading == verdict.loading && branch < verdict.branch {
                    (verdict.loading, verdict.branch) = (loading, branch);
                }
            }
        };
        let cut = |p: usize, u: f64| u.abs() * if u > 0.0 { outages.cut_up[p] } else { outages.cut_down[p] };
        if cut(i, u_i) + cut(j, u_j) < CERTAIN {
            let listed = outages.list[i].iter().chain(&outages.list[j]).chain(&monitored.over);
            listed.for_each(|&m| judge(m as usize));
        } else {
            (0..monitored.width()).for_each(judge);
        }
        verdict
    }

    /// LODF of an outage on the monitored rows.
    fn row(&self, p: usize) -> &[f64] {
        let width = self.monitored.width();
        &self.lodf[self.outages.slot[p] as usize * width..][..width]
    }
}

impl Outages {
    fn push(&mut self, factors: &Factors, branch: u32, slot: u32, alone: Alone) {
        let k = branch as usize;
        self.branch.push(branch);
        self.from.push(factors.place_from[k]);
        self.to.push(factors.place_to[k]);
        self.b.push(factors.b[k]);
        self.flow.push(factors.flow()[k]);
        self.c.push(1.0 / (1.0 - alone.h));
        self.up.push(alone.up);
        self.down.push(alone.down);
        self.cut_up.push(alone.cut_up);
        self.cut_down.push(alone.cut_down);
        self.loading.push(alone.loading);
        self.slot.push(slot);
        self.list.push(alone.list);
    }
}

impl Alone {
    /// Outages of a block: their LODF into `rows`, and what they do alone.
    fn block(
        factors: &Factors,
        monitored: &Monitored,
        block: &[u32],
        largest: f64,
        sides: &mut Sides<LANES>,
        rows: &mut [f64],
    ) -> Vec<Alone> {
        factors.solve_columns(block, sides);
        let h: Vec<f64> = block.iter().enumerate().map(|(l, &k)| factors.sent(sides, k as usize, l)).collect();
        let c = Lanes::from_fn(|l| h.get(l).map_or(0.0, |h| 1.0 / (1.0 - h)));
        dispatch(factors.level, Fill { monitored, x: &sides.x, c, rows });
        let width = monitored.width();
        let mut out = Vec::with_capacity(block.len());
        for (l, (&k, &h)) in block.iter().zip(&h).enumerate() {
            let row = &mut rows[l * width..][..width];
            if let Some(own) = row.get_mut(monitored.row_of[k as usize] as usize) {
                *own = 0.0;
            }
            out.push(Alone::new(factors, monitored, k as usize, row, h, largest));
        }
        out
    }

    fn new(factors: &Factors, monitored: &Monitored, k: usize, row: &[f64], h: f64, largest: f64) -> Alone {
        let flow = factors.flow()[k];
        let reach = dispatch(factors.level, Reach { monitored, row, flow });
        // A pair can drive u to several times the lost flow; ratios that matter only beyond that are left to the full scan.
        let far = 0.5 / (2.0 * flow.abs() + 0.02 * largest);
        let (cut_up, cut_down) = (larger(0.5 * reach.up, far), larger(0.5 * reach.down, far));
        let mut list = Vec::new();
        dispatch(factors.level, Collect { monitored, row, flow, cut_up, cut_down, list: &mut list });
        Alone { h, up: reach.up, down: reach.down, cut_up, cut_down, loading: reach.loading, list }
    }
}

/// LODF rows of a block of outages from their columns.
struct Fill<'a> {
    monitored: &'a Monitored,
    x: &'a [Lanes<LANES>],
    c: Lanes<LANES>,
    rows: &'a mut [f64],
}

impl Kernel for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Fill { monitored, x, c, rows } = self;
        let width = monitored.width();
        for first in (0..width).step_by(LANES) {
            let mut tile = [Lanes::splat(0.0); LANES];
            for q in 0..LANES {
                let m = first + q;
                let b = monitored.b[m];
                let sent = x[monitored.from[m] as usize].zip(x[monitored.to[m] as usize], |f, t| (f - t) * b);
                tile[q] = sent.zip(c, |s, c| s * c);
            }
            for (l, row) in rows.chunks_exact_mut(width).enumerate() {
                let turned: [f64; LANES] = std::array::from_fn(|q| tile[q].0[l]);
                row[first..first + LANES].copy_from_slice(&turned);
            }
        }
    }
}

/// Ratios of one lane group of monitored rows for u > 0 and u < 0, 0 where the outage alone overloads; and the post-outage flows.
#[inline(always)]
fn ratios(monitored: &Monitored, row: &[f64], first: usize, flow: f64) -> (Lanes<LANES>, Lanes<LANES>, Lanes<LANES>) {
    let lanes = |of: &[f64]| {
        let part = &of[first..first + LANES];
        Lanes::<LANES>::from_fn(|q| part[q])
    };
    let (l, f, top) = (lanes(row), lanes(&monitored.flow), lanes(&monitored.top));
    let post = l.zip(f, |l, f| (f + l * flow).abs());
    let (a, b) = (l.zip(lanes(&monitored.per_room_up), |l, r| l * r), l.zip(lanes(&monitored.per_room_down), |l, r| l * r));
    let fits = post.zip(top, |p, t| if p > t { 0.0 } else { 1.0 });
    (a.zip(b, |a, b| larger(a, -b)).zip(fits, |x, y| x * y), a.zip(b, |a, b| larger(-a, b)).zip(fits, |x, y| x * y), post)
}

/// What one outage does alone.
struct Reach<'a> {
    monitored: &'a Monitored,
    row: &'a [f64],
    flow: f64,
}

struct Reached {
    up: f64,
    down: f64,
    loading: f64,
}

impl Kernel for Reach<'_> {
    type Output = Reached;

    #[inline(always)]
    fn run(self) -> Reached {
        let Reach { monitored, row, flow } = self;
        let mut most = [Lanes::splat(0.0); 3];
        for first in (0..monitored.width()).step_by(LANES) {
            let (up, down, post) = ratios(monitored, row, first, flow);
            let top = &monitored.top[first..first + LANES];
            let loading = Lanes::from_fn(|q| post.0[q] / top[q]);
            most[0] = most[0].zip(up, |m, x| larger(x, m));
            most[1] = most[1].zip(down, |m, x| larger(x, m));
            most[2] = most[2].zip(loading, |m, x| larger(x, m));
        }
        Reached { up: most[0].largest(), down: most[1].largest(), loading: most[2].largest() }
    }
}

/// Monitored rows that an outage overloads anew or whose ratio reaches the cut.
struct Collect<'a> {
    monitored: &'a Monitored,
    row: &'a [f64],
    flow: f64,
    cut_up: f64,
    cut_down: f64,
    list: &'a mut Vec<u32>,
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Collect { monitored, row, flow, cut_up, cut_down, list } = self;
        for first in (0..monitored.width()).step_by(LANES) {
            let (up, down, post) = ratios(monitored, row, first, flow);
            let top = &monitored.top[first..first + LANES];
            let mut hits = 0u8;
            for q in 0..LANES {
                let hit = (up.0[q] >= cut_up) | (down.0[q] >= cut_down) | (post.0[q] > top[q]);
                hits |= u8::from(hit) << q;
            }
            while hits != 0 {
                let m = first as u32 + hits.trailing_zeros();
                hits &= hits - 1;
                if monitored.per_room_up[m as usize] > 0.0 {
                    list.push(m);
                }
            }
        }
    }
}

/// The bounds on all pairs of a block: one bit a pair that no bound settles.
struct Pairs<'a> {
    outages: &'a Outages,
    x: &'a [Lanes<LANES>],
    block: std::ops::Range<usize>,
    /// Loading left between the hottest base loading and the list of worst pairs.
    room: f64,
    suspect: &'a mut [u8],
}

impl Kernel for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pairs { outages: o, x, block, room, suspect } = self;
        let of = |v: &[f64]| {
            let mut out = [0.0; LANES];
            out[..block.len()].copy_from_slice(&v[block.clone()]);
            Lanes(out)
        };
        let (b, f, c, up, down, certain, hot) = (of(&o.b), of(&o.flow), of(&o.c), of(&o.up), of(&o.down), of(&o.certain), of(&o.hot));
        let (bc, cf) = (b.zip(c, |b, c| b * c), c.zip(f, |c, f| c * f));
        let present = Lanes::<LANES>::from_fn(|l| if l < block.len() { 1.0 } else { 0.0 });
        for i in 0..block.end {
            let (b_i, f_i, c_i) = (o.b[i], o.flow[i], o.c[i]);
            let (up_i, down_i, certain_i, hot_i) = (o.up[i], o.down[i], o.certain[i], o.hot[i]);
            let (bc_i, cf_i) = (b_i * c_i, c_i * f_i);
            let g = x[o.from[i] as usize].zip(x[o.to[i] as usize], |f, t| f - t);
            let d = g.zip(bc, |g, bc| 1.0 - (g * bc_i) * (g * bc));
            // u times D.
            let u_i = g.zip(cf, |g, cf| f_i + g * b_i * cf);
            let u_j = g.zip(b, |g, b| g * b * cf_i).zip(f, |s, f| f + s);
            let new_i = u_i.zip(u_i, |u, _| larger(u * up_i, -u * down_i));
            let new_j = u_j.zip(up, |u, r| u * r).zip(u_j.zip(down, |u, r| -u * r), larger);
            let sum = new_i.zip(new_j, |a, b| a + b);
            let (abs_i, abs_j) = (u_i.zip(u_i, |u, _| u.abs()), u_j.zip(u_j, |u, _| u.abs()));
            let proof = abs_i.zip(abs_j.zip(certain, |u, a| u * a), |u, s| u * certain_i + s);
            let heat = abs_i.zip(abs_j.zip(hot, |u, a| u * a), |u, s| u * hot_i + s);
            let mut bits = 0u8;
            for l in 0..LANES {
                let limit = d.0[l] * CERTAIN;
                let settled = (d.0[l] > SMALL) & (sum.0[l] < limit) & (proof.0[l] < limit) & (heat.0[l] < limit * room);
                bits |= u8::from(!settled & (present.0[l] > 0.0)) << l;
            }
            suspect[i] = bits;
        }
    }
}
