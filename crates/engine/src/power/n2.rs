//! Loss of every pair of branches: the exact result set of the direct-current model, by proven bounds, never a sample.
//!
//! For the loss of i and j let D = 1 − `L_ij` `L_ji`, `u_i` = (`f_i` + `L_ij` `f_j`)/D and `u_j` = (`f_j` + `L_ji` `f_i`)/D. Every other
//! branch m then carries `f_m` + `L_mi` `u_i` + `L_mj` `u_j` (Güler, Gross, Liu 2007, DOI 10.1109/TPWRS.2007.907512); D = 0 when the pair
//! islands. With g = `a_iᵀ` B⁻¹ `a_j`, which is symmetric, both factors of a pair come from one number: `L_ij` = `b_i` g `c_j` and
//! `L_ji` = `b_j` g `c_i`, c = 1/(1 − H). No matrix is stored: columns are solved [`LANES`] at a time, once to see what each
//! outage does alone, once more to judge its pairs.
//!
//! 1. Every meshed outage i alone. The ratio of a monitored branch m for `u_i` > 0 is the larger of `L_mi`/(`top_m` − `f_m`) and
//!    −`L_mi`/(`top_m` + `f_m`), and the other way round for `u_i` < 0; r is its maximum over a group of branches or over all. Branches
//!    that the base case or the loss of i overloads are left out of r. Listed are those that i overloads, and those whose
//!    ratio reaches a cut.
//! 2. Every pair. m can be overloaded anew only if `ratio_mi` |`u_i`| + `ratio_mj` |`u_j`| ≥ 1. So `r_i` |`u_i`| + `r_j` |`u_j`| < 1, for
//!    all branches or for every group, proves that none is. Otherwise, if `cut_i` |`u_i`| + `cut_j` |`u_j`| < 1, it can only be one on
//!    the list of i or of j, and those are worked out; else so are all of the groups that may be reached.
//! 3. Where the base case overloads a branch m, nearly every pair does. |`L_mi` `u_i`| + |`L_mj` `u_j`| < |`f_m`| − `top_m` proves it.
//! 4. The worst pairs: a pair without a new overload has its highest overload on a branch that the base case or a single
//!    outage overloads ("hot"), so its loading is at most max hot base loading + `q_i` |`u_i`| + `q_j` |`u_j`|, q the largest
//!    |LODF|/rating on hot branches. A pair that cannot enter the list is not worked out.
//!
//! Bounds are taken with a margin of 1e-9, far above rounding. Pairs with a bridge are counted apart; [`pair`] solves any.
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

mod alone;
#[cfg(test)]
mod tests;

use crate::batch::map_with;

use super::dc::DcModel;
use super::factors::{BRIDGE_TOLERANCE, Factors, LANES, LIMIT_TOLERANCE, flows_without};
use super::ldl::Sides;
use super::n1::{Screening, Worst};
use super::simd::{Kernel, Lanes, dispatch, larger};
use crate::ending::Ending;
use alone::{Monitored, Outages};

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

/// All that pairs are judged by.
struct Screen<'a> {
    factors: &'a Factors,
    monitored: Monitored,
    outages: Outages,
    facts: Vec<Facts>,
    /// Highest base loading of a hot branch.
    hot_loading: f64,
    /// Monitored rows that the base case overloads, and their LODF by outage.
    over: Vec<(u32, Vec<f64>)>,
    /// Worst loading of a rated bridge above its limit, and the bridge: no pair changes it.
    still: Option<(f64, u32)>,
}

/// What the bounds need of an outage, together in memory.
#[derive(Clone, Copy)]
struct Facts {
    from: u32,
    to: u32,
    b: f64,
    flow: f64,
    /// b c and c f.
    bc: f64,
    cf: f64,
    /// r for u > 0 and u < 0.
    up: f64,
    down: f64,
    /// |u| times this below 1, summed over the pair, proves the verdict "overload anywhere".
    certain: f64,
    /// Infinite when every pair of this outage is to be worked out, else 0.
    always: f64,
    /// Largest |LODF|/rating on hot branches.
    hot: f64,
}

/// An outage and the lanes whose pairs with it the first bounds leave open.
struct Suspect {
    i: u32,
    /// Lanes in which a new overload is not ruled out, and in which something else is open.
    new: u8,
    other: u8,
}

/// A pair to be worked out: outage i, the lane of outage j, and the flows they let go.
struct Look {
    i: usize,
    lane: usize,
    u_i: f64,
    u_j: f64,
    verdict: Verdict,
    /// The lists do not settle it.
    full: bool,
}

/// What is known of a pair.
#[derive(Clone, Copy, Default)]
struct Verdict {
    over: bool,
    new: bool,
    loading: f64,
    branch: u32,
}

/// Room that one task works in.
struct Bench {
    sides: Sides<LANES>,
    /// Columns of other branches.
    cross: Sides<LANES>,
    suspects: Vec<Suspect>,
    looks: Vec<Look>,
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
    let counts: Vec<Count> = map_with(
        n.div_ceil(TASK),
        || Bench::new(factors),
        |bench, task| {
            let mut count = Count::new(Top { keep, floor, list: Vec::new() });
            for first in (task * TASK..((task + 1) * TASK).min(n)).step_by(LANES) {
                let block: Vec<usize> = (first..(first + LANES).min(n)).collect();
                screen.block(&block, bench, &mut count);
            }
            count
        },
    );
    let mut total = Count::new(Top { keep, floor: 0.0, list: Vec::new() });
    for count in &counts {
        total.add(count);
    }
    let meshed = n as u64;
    let n_bridges = (0..factors.b.len()).filter(|&k| factors.in_service(k)).count() as u64 - meshed;
    let n_outages = meshed * meshed.saturating_sub(1) / 2;
    let certain = if screen.base_over() { n_outages - total.islanding - total.looked_at } else { 0 };
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

impl Bench {
    fn new(factors: &Factors) -> Bench {
        Bench { sides: factors.sides(), cross: factors.sides(), suspects: Vec::new(), looks: Vec::new() }
    }
}

impl Verdict {
    /// Takes one branch into account; `l_i` and `l_j` are its LODF for the two outages.
    fn judge(&mut self, screen: &Screen, [i, j]: [usize; 2], u: [f64; 2], m: usize, [l_i, l_j]: [f64; 2]) {
        let (monitored, outages) = (&screen.monitored, &screen.outages);
        let (f, top) = (monitored.flow[m], monitored.top[m]);
        let post = (f + l_i * u[0] + l_j * u[1]).abs();
        if post <= top {
            return;
        }
        let branch = monitored.branch[m];
        if branch == outages.branch[i] || branch == outages.branch[j] {
            return;
        }
        self.over = true;
        self.new |= f.abs() <= top && (f + l_i * outages.flow[i]).abs() <= top && (f + l_j * outages.flow[j]).abs() <= top;
        let loading = post / monitored.limit[m];
        if loading > self.loading || loading == self.loading && branch < self.branch {
            (self.loading, self.branch) = (loading, branch);
        }
    }
}

impl<'a> Screen<'a> {
    fn new(factors: &'a Factors) -> Screen<'a> {
        let monitored = Monitored::new(factors);
        let outages = Outages::new(factors, &monitored);
        let flow = factors.flow();
        let bridges = (0..flow.len()).filter(|&k| factors.in_service(k) && factors.is_bridge()[k]);
        let over = bridges.filter(|&k| flow[k].abs() > factors.limit[k] * (1.0 + LIMIT_TOLERANCE));
        let still = over.map(|k| (flow[k].abs() / factors.limit[k], k as u32)).reduce(|a, b| if b.0 > a.0 { b } else { a });
        let n = outages.branch.len();
        let over = monitored.over.iter().map(|&m| (m, Vec::with_capacity(n))).collect();
        let hot_loading = still.map_or(0.0, |s| s.0);
        let facts = (0..n).map(|p| outages.facts(p)).collect();
        let mut screen = Screen { factors, monitored, outages, facts, hot_loading, over, still };
        if screen.base_over() {
            screen.certify();
        } else {
            // A pair overloads only what a list holds, and every pair of an outage that overloads alone is worked out.
            for p in 0..n {
                if screen.outages.listed(p).iter().any(|e| e.over) {
                    screen.facts[p].always = f64::INFINITY;
                }
            }
        }
        screen
    }

    /// Some branch is overloaded in the base case.
    fn base_over(&self) -> bool {
        self.still.is_some() || !self.over.is_empty()
    }

    /// Fills what proves the verdict "overload anywhere" and bounds the loading of hot branches.
    fn certify(&mut self) {
        let (monitored, outages) = (&self.monitored, &self.outages);
        let mut hot: Vec<u32> = outages.listed.iter().filter(|e| e.over).map(|e| e.row).chain(monitored.over.iter().copied()).collect();
        hot.sort_unstable();
        hot.dedup();
        let excess = |m: u32| monitored.flow[m as usize].abs() - monitored.top[m as usize];
        let surest = monitored.over.iter().copied().max_by(|&a, &b| excess(a).total_cmp(&excess(b)).then(b.cmp(&a)));
        let mut sides = self.factors.sides();
        for block in hot.chunks(LANES) {
            self.factors.solve_columns(&monitored.branches(block), &mut sides);
            for (lane, &m) in block.iter().enumerate() {
                let limit = monitored.limit[m as usize];
                self.hot_loading = self.hot_loading.max(monitored.flow[m as usize].abs() / limit);
                let lodf: Vec<f64> = (0..outages.branch.len()).map(|p| self.lodf(&sides, lane, m as usize, p)).collect();
                let proves = self.still.is_none() && surest == Some(m);
                for (facts, l) in self.facts.iter_mut().zip(&lodf) {
                    facts.hot = larger(l.abs() / limit, facts.hot);
                    if proves {
                        facts.certain = l.abs() / excess(m);
                    }
                }
                // A pair that takes the surest branch out is worked out.
                if let Some(p) = outages.branch.iter().position(|&k| proves && k == monitored.branch[m as usize]) {
                    self.facts[p].always = f64::INFINITY;
                }
                if let Some((_, kept)) = self.over.iter_mut().find(|(over, _)| *over == m) {
                    *kept = lodf;
                }
            }
        }
    }

    /// LODF of outage p on row m, from the column of m in a lane.
    fn lodf(&self, of_row: &Sides<LANES>, lane: usize, m: usize, p: usize) -> f64 {
        self.monitored.b[m] * self.between(of_row, lane, p) * self.outages.c[p]
    }

    /// g of outage p and the branch of a lane.
    fn between(&self, sides: &Sides<LANES>, lane: usize, p: usize) -> f64 {
        sides.x[self.outages.from[p] as usize].0[lane] - sides.x[self.outages.to[p] as usize].0[lane]
    }

    /// A loading that `keep` pairs reach, from the pairs among the outages that load most alone; 0 when they are too few.
    fn seed(&self, keep: usize) -> f64 {
        let outages = &self.outages;
        let mut seeds: Vec<usize> = (0..outages.branch.len()).collect();
        seeds.sort_by(|&a, &b| outages.loading[b].total_cmp(&outages.loading[a]).then(a.cmp(&b)));
        seeds.truncate(SEEDS);
        let mut count = Count::new(Top { keep, floor: 0.0, list: Vec::new() });
        let mut bench = Bench::new(self.factors);
        for (first, block) in seeds.chunks(LANES).enumerate() {
            let columns: Vec<u32> = block.iter().map(|&p| outages.branch[p]).collect();
            self.factors.solve_columns(&columns, &mut bench.sides);
            for lane in 0..block.len() {
                for &i in &seeds[..first * LANES + lane] {
                    self.suspect([i, block[lane]], lane, true, &mut bench, &mut count);
                }
            }
            self.work_out(block, &mut bench, &mut count);
        }
        // The screening meets these pairs again from the other side, with other rounding.
        if count.top.list.len() == keep { count.top.threshold() * CERTAIN } else { 0.0 }
    }

    /// All pairs (i, j) with j in the block and i before j.
    fn block(&self, block: &[usize], bench: &mut Bench, count: &mut Count) {
        let outages = &self.outages;
        let (start, end) = (block[0], block[0] + block.len());
        self.factors.solve_columns(&outages.branch[start..end], &mut bench.sides);
        let room = if self.base_over() { (count.top.threshold() * CERTAIN - self.hot_loading).max(0.0) } else { 1.0 };
        bench.suspects.clear();
        let Bench { sides, suspects, .. } = bench;
        dispatch(self.factors.level, Pairs { facts: &self.facts, x: &sides.x, block: start..end, room, suspects });
        for at in 0..bench.suspects.len() {
            let Suspect { i, new, other } = bench.suspects[at];
            let i = i as usize;
            let mut lanes = new | other;
            if i >= start {
                lanes &= !(u8::MAX >> (LANES - 1 - (i - start)));
            }
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize;
                lanes &= lanes - 1;
                self.suspect([i, start + lane], lane, other >> lane & 1 == 1, bench, count);
            }
        }
        self.work_out(block, bench, count);
    }

    /// Takes a pair that the first bounds leave open to the second, and to those to be worked out.
    fn suspect(&self, [i, j]: [usize; 2], lane: usize, other: bool, bench: &mut Bench, count: &mut Count) {
        let outages = &self.outages;
        let g = self.between(&bench.sides, lane, i);
        let (on_i, on_j) = (outages.b[i] * g * outages.c[j], outages.b[j] * g * outages.c[i]);
        let d = 1.0 - on_i * on_j;
        if d.abs() < BRIDGE_TOLERANCE {
            count.islanding += 1;
            return;
        }
        let u_i = (outages.flow[i] + on_i * outages.flow[j]) / d;
        let u_j = (outages.flow[j] + on_j * outages.flow[i]) / d;
        let quiet = outages.no_group_reached([i, j], [u_i, u_j]);
        if quiet && !other {
            return;
        }
        let full = !quiet && outages.cut(i, u_i) + outages.cut(j, u_j) >= CERTAIN;
        let mut verdict = Verdict::default();
        if let Some((loading, branch)) = self.still {
            verdict = Verdict { over: true, loading, branch, ..verdict };
        }
        bench.looks.push(Look { i, lane, u_i, u_j, verdict, full });
    }

    /// Works out the pairs gathered for a block whose columns stand in `bench.sides`.
    fn work_out(&self, block: &[usize], bench: &mut Bench, count: &mut Count) {
        let (monitored, outages) = (&self.monitored, &self.outages);
        let Bench { sides, cross, looks, .. } = bench;
        // Rows on the lists of the block: their columns give the LODF of every i on them.
        let mut rows: Vec<u32> = looks.iter().map(|l| l.lane as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        rows = rows.iter().flat_map(|&lane| outages.listed(block[lane as usize])).map(|e| e.row).collect();
        rows.sort_unstable();
        rows.dedup();
        for part in rows.chunks(LANES) {
            self.factors.solve_columns(&monitored.branches(part), cross);
            for look in looks.iter_mut() {
                for e in outages.listed(block[look.lane]) {
                    if let Ok(at) = part.binary_search(&e.row) {
                        let l_i = self.lodf(cross, at, e.row as usize, look.i);
                        look.judge(self, block, e.row as usize, [l_i, e.lodf]);
                    }
                }
            }
        }
        for look in looks.iter_mut() {
            for e in outages.listed(look.i) {
                let l_j = self.monitored_lodf(sides, look.lane, e.row as usize, block[look.lane]);
                look.judge(self, block, e.row as usize, [e.lodf, l_j]);
            }
            for (m, lodf) in &self.over {
                look.judge(self, block, *m as usize, [lodf[look.i], lodf[block[look.lane]]]);
            }
        }
        let mut others: Vec<usize> = looks.iter().filter(|l| l.full).map(|l| l.i).collect();
        others.sort_unstable();
        others.dedup();
        for part in others.chunks(LANES) {
            let columns: Vec<u32> = part.iter().map(|&p| outages.branch[p]).collect();
            self.factors.solve_columns(&columns, cross);
            for look in looks.iter_mut().filter(|l| l.full) {
                if let Ok(at) = part.binary_search(&look.i) {
                    for m in outages.groups_reached([look.i, block[look.lane]], [look.u_i, look.u_j], monitored.branch.len()).flatten() {
                        let l_i = self.monitored_lodf(cross, at, m, look.i);
                        let l_j = self.monitored_lodf(sides, look.lane, m, block[look.lane]);
                        look.judge(self, block, m, [l_i, l_j]);
                    }
                }
            }
        }
        for look in looks.drain(..) {
            count.take([outages.branch[look.i], outages.branch[block[look.lane]]], look.verdict);
        }
    }

    /// LODF of outage p on row m, from the column of p in a lane.
    fn monitored_lodf(&self, of_outage: &Sides<LANES>, lane: usize, m: usize, p: usize) -> f64 {
        let (from, to) = (self.monitored.from[m] as usize, self.monitored.to[m] as usize);
        (of_outage.x[from].0[lane] - of_outage.x[to].0[lane]) * self.monitored.b[m] * self.outages.c[p]
    }
}

impl Look {
    fn judge(&mut self, screen: &Screen, block: &[usize], m: usize, lodf: [f64; 2]) {
        self.verdict.judge(screen, [self.i, block[self.lane]], [self.u_i, self.u_j], m, lodf);
    }
}

/// The bounds on all pairs of a block.
struct Pairs<'a> {
    facts: &'a [Facts],
    x: &'a [Lanes<LANES>],
    block: std::ops::Range<usize>,
    /// Loading left between the hottest base loading and the list of worst pairs.
    room: f64,
    suspects: &'a mut Vec<Suspect>,
}

impl Kernel for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pairs { facts, x, block, room, suspects } = self;
        let own = &facts[block.clone()];
        // A lane without an outage lets nothing go, so every bound holds there.
        let of = |pick: fn(&Facts) -> f64| Lanes::<LANES>::from_fn(|l| own.get(l).map_or(0.0, pick));
        let (b, f, bc, cf) = (of(|j| j.b), of(|j| j.flow), of(|j| j.bc), of(|j| j.cf));
        let (up, down, certain, always, hot) = (of(|j| j.up), of(|j| j.down), of(|j| j.certain), of(|j| j.always), of(|j| j.hot));
        let present = u8::MAX >> (LANES - block.len());
        for (p, i) in facts[..block.end].iter().enumerate() {
            let i = *i;
            let g = x[i.from as usize].zip(x[i.to as usize], |f, t| f - t);
            let d = g.zip(bc, |g, bc| 1.0 - (g * i.bc) * (g * bc));
            // u times D.
            let u_i = g.zip(cf, |g, cf| i.flow + g * i.b * cf);
            let u_j = g.zip(b, |g, b| g * b * i.cf).zip(f, |s, f| f + s);
            let new_i = u_i.zip(u_i, |u, _| larger(u * i.up, -u * i.down));
            let new_j = u_j.zip(up, |u, r| u * r).zip(u_j.zip(down, |u, r| -u * r), larger);
            let (abs_i, abs_j) = (u_i.zip(u_i, |u, _| u.abs()), u_j.zip(u_j, |u, _| u.abs()));
            let proof = abs_i.zip(abs_j.zip(certain, |u, a| u * a).zip(always, |s, a| s + a), |u, s| u * i.certain + s + i.always);
            let heat = abs_i.zip(abs_j.zip(hot, |u, a| u * a), |u, s| u * i.hot + s);
            // Each bound holds where its excess is negative.
            let limit = d.zip(d, |d, _| d * CERTAIN);
            let new = new_i.zip(new_j, |a, b| a + b).zip(limit, |s, limit| s - limit);
            let other = proof.zip(limit, |s, limit| s - limit).zip(heat.zip(limit, |s, limit| s - limit * room), larger);
            let other = other.zip(d, |e, d| larger(e, SMALL - d));
            if new.zip(other, larger).largest() < 0.0 {
                continue;
            }
            let (mut bits_new, mut bits_other) = (0, 0);
            for l in 0..LANES {
                bits_new |= u8::from(new.0[l] >= 0.0) << l;
                bits_other |= u8::from(other.0[l] >= 0.0) << l;
            }
            suspects.push(Suspect { i: p as u32, new: bits_new & present, other: bits_other & present });
        }
    }
}
