//! What each outage of a pair does alone: how far it pushes every monitored branch towards its limit.
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

use crate::batch::map_with;

use super::super::factors::{BRIDGE_TOLERANCE, Factors, LANES, LIMIT_TOLERANCE};
use super::super::ldl::Sides;
use super::super::simd::{Kernel, Lanes, dispatch, larger};
use super::{CERTAIN, Facts};

/// Groups of monitored branches that a second bound looks at one by one. Neighbours in the order of elimination are
/// electrical neighbours, so an outage pushes few groups.
const GROUPS: usize = 16;

/// Monitored meshed branches as arrays.
pub(super) struct Monitored {
    pub(super) branch: Vec<u32>,
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) b: Vec<f64>,
    pub(super) flow: Vec<f64>,
    pub(super) limit: Vec<f64>,
    /// Flow above which a branch is overloaded.
    pub(super) top: Vec<f64>,
    /// 1/(top − flow) and 1/(top + flow); 0 where the base case overloads.
    per_room_up: Vec<f64>,
    per_room_down: Vec<f64>,
    /// Rows that the base case overloads.
    pub(super) over: Vec<u32>,
}

/// A monitored row that an outage pushes far.
pub(super) struct Listed {
    pub(super) row: u32,
    /// The outage alone overloads it.
    pub(super) over: bool,
    pub(super) lodf: f64,
}

/// Meshed outages that do not island on their own, as arrays.
#[derive(Default)]
pub(super) struct Outages {
    pub(super) branch: Vec<u32>,
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) b: Vec<f64>,
    pub(super) flow: Vec<f64>,
    /// 1/(1 − H).
    pub(super) c: Vec<f64>,
    /// Largest ratio for u > 0 and u < 0, by group.
    by_group: Vec<[[f64; GROUPS]; 2]>,
    /// Ratios below these are not on the list, for u > 0 and u < 0.
    cut: Vec<[f64; 2]>,
    /// Highest loading after this outage alone.
    pub(super) loading: Vec<f64>,
    /// Start of each list in `listed`.
    list: Vec<u32>,
    pub(super) listed: Vec<Listed>,
}

/// A block of outages alone.
struct Alone {
    h: [f64; LANES],
    reach: Reach,
    cut: [Lanes<LANES>; 2],
    /// Lane and entry, by row.
    listed: Vec<(u32, Listed)>,
}

impl Monitored {
    pub(super) fn new(factors: &Factors) -> Monitored {
        let mut branch: Vec<u32> = factors.meshed();
        branch.retain(|&k| factors.limit[k as usize].is_finite());
        let pick = |of: &dyn Fn(usize) -> f64| branch.iter().map(|&k| of(k as usize)).collect::<Vec<f64>>();
        let flow = factors.flow();
        let top = |k: usize| factors.limit[k] * (1.0 + LIMIT_TOLERANCE);
        let per_room = |k: usize, f: f64| if f.abs() > top(k) { 0.0 } else { 1.0 / (top(k) - f).max(f64::MIN_POSITIVE) };
        Monitored {
            from: branch.iter().map(|&k| factors.place_from[k as usize]).collect(),
            to: branch.iter().map(|&k| factors.place_to[k as usize]).collect(),
            b: pick(&|k| factors.b[k]),
            flow: pick(&|k| flow[k]),
            limit: pick(&|k| factors.limit[k]),
            top: pick(&top),
            per_room_up: pick(&|k| per_room(k, flow[k])),
            per_room_down: pick(&|k| per_room(k, -flow[k])),
            over: (0..branch.len() as u32)
                .filter(|&m| flow[branch[m as usize] as usize].abs() > top(branch[m as usize] as usize))
                .collect(),
            branch,
        }
    }

    /// Branches of rows.
    pub(super) fn branches(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().map(|&m| self.branch[m as usize]).collect()
    }
}

impl Outages {
    pub(super) fn new(factors: &Factors, monitored: &Monitored) -> Outages {
        let meshed = factors.meshed();
        let largest = meshed.iter().fold(0.0, |m, &k| larger(factors.flow()[k as usize].abs(), m));
        let chunks: Vec<&[u32]> = meshed.chunks(LANES).collect();
        let blocks: Vec<Alone> =
            map_with(chunks.len(), || factors.sides(), |sides, k| Alone::new(factors, monitored, chunks[k], largest, sides));
        let mut out = Outages { list: vec![0], ..Outages::default() };
        for (block, alone) in meshed.chunks(LANES).zip(&blocks) {
            for (lane, &k) in block.iter().enumerate() {
                if (1.0 - alone.h[lane]).abs() >= BRIDGE_TOLERANCE {
                    out.push(factors, k as usize, alone, lane);
                }
            }
        }
        out
    }

    fn push(&mut self, factors: &Factors, k: usize, alone: &Alone, lane: usize) {
        self.branch.push(k as u32);
        self.from.push(factors.place_from[k]);
        self.to.push(factors.place_to[k]);
        self.b.push(factors.b[k]);
        self.flow.push(factors.flow()[k]);
        self.c.push(1.0 / (1.0 - alone.h[lane]));
        // Capped, so that no product with a flow of zero is undefined.
        let by_group = alone.reach.ratio.map(|groups| groups.map(|g| g.0[lane].min(1e200)));
        self.by_group.push(by_group);
        self.cut.push(alone.cut.map(|c| c.0[lane]));
        self.loading.push(alone.reach.loading.0[lane]);
        let own = alone.listed.iter().filter(|(l, _)| *l as usize == lane);
        self.listed.extend(own.map(|(_, e)| Listed { ..*e }));
        self.list.push(self.listed.len() as u32);
    }

    /// What the bounds need, before hot branches are known.
    pub(super) fn facts(&self, p: usize) -> Facts {
        let (b, flow, c) = (self.b[p], self.flow[p], self.c[p]);
        let [up, down] = self.by_group[p].map(|groups| groups.into_iter().fold(0.0, larger));
        Facts { from: self.from[p], to: self.to[p], b, flow, bc: b * c, cf: c * flow, up, down, certain: 0.0, always: 0.0, hot: 0.0 }
    }

    /// List of an outage.
    pub(super) fn listed(&self, p: usize) -> &[Listed] {
        &self.listed[self.list[p] as usize..self.list[p + 1] as usize]
    }

    /// |u| times the cut for its sign.
    pub(super) fn cut(&self, p: usize, u: f64) -> f64 {
        u.abs() * self.cut[p][usize::from(u < 0.0)]
    }

    /// Rows of the groups in which a pair may overload something anew.
    pub(super) fn groups_reached(&self, pair: [usize; 2], u: [f64; 2], n_rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let [i, j] = [0, 1].map(|s| &self.by_group[pair[s]][usize::from(u[s] < 0.0)]);
        let reached: [bool; GROUPS] = std::array::from_fn(|g| i[g] * u[0].abs() + j[g] * u[1].abs() >= CERTAIN);
        reached.into_iter().enumerate().filter(|(_, reached)| *reached).map(move |(g, _)| group_rows(g, n_rows))
    }

    /// Proves, group by group, that a pair overloads nothing anew.
    pub(super) fn no_group_reached(&self, pair: [usize; 2], u: [f64; 2]) -> bool {
        let [i, j] = [0, 1].map(|s| &self.by_group[pair[s]][usize::from(u[s] < 0.0)]);
        let (u_i, u_j) = (u[0].abs(), u[1].abs());
        i.iter().zip(j).all(|(r_i, r_j)| r_i * u_i + r_j * u_j < CERTAIN)
    }
}

impl Alone {
    fn new(factors: &Factors, monitored: &Monitored, block: &[u32], largest: f64, sides: &mut Sides<LANES>) -> Alone {
        factors.solve_columns(block, sides);
        let mut h = [1.0; LANES];
        for (lane, &k) in block.iter().enumerate() {
            h[lane] = factors.sent(sides, k as usize, lane);
        }
        // Lanes that island, or hold no outage, push nothing.
        let c = Lanes::from_fn(|l| if (1.0 - h[l]).abs() < BRIDGE_TOLERANCE { 0.0 } else { 1.0 / (1.0 - h[l]) });
        let flow = Lanes::from_fn(|l| block.get(l).map_or(0.0, |&k| factors.flow()[k as usize]));
        // Outages and rows stand in one order, so the rows that are outages of the block stand together.
        let is_own = |m: &u32| block.contains(m);
        let first = monitored.branch.iter().position(is_own).unwrap_or(monitored.branch.len());
        let own = first..first + monitored.branch[first..].iter().take_while(|m| is_own(m)).count();
        let scan = Scan { monitored, x: &sides.x, block, own, c, flow };
        let reach = dispatch(factors.level, FindReach(&scan));
        // A pair can drive u to several times the lost flow; ratios that matter only beyond that are left to the full scan.
        let far = flow.zip(flow, |f, _| 0.5 / (2.0 * f.abs() + 0.02 * largest));
        let cut = reach.ratio.map(|groups| {
            let most = groups.into_iter().fold(Lanes::splat(0.0), |m, g| m.zip(g, larger));
            most.zip(far, |r, far| larger(0.5 * r, far))
        });
        let mut listed = Vec::new();
        dispatch(factors.level, Collect { scan: &scan, cut, listed: &mut listed });
        Alone { h, reach, cut, listed }
    }
}

/// Largest ratio by sign of u and group, and highest loading, of each lane.
struct Reach {
    ratio: [[Lanes<LANES>; GROUPS]; 2],
    loading: Lanes<LANES>,
}

/// A block of outages and their columns.
struct Scan<'a> {
    monitored: &'a Monitored,
    x: &'a [Lanes<LANES>],
    block: &'a [u32],
    /// Rows that are outages of the block.
    own: std::ops::Range<usize>,
    c: Lanes<LANES>,
    flow: Lanes<LANES>,
}

/// One monitored row against a block.
struct Row {
    lodf: Lanes<LANES>,
    /// |flow| after each outage.
    post: Lanes<LANES>,
    /// Ratio for u > 0 and u < 0; 0 where the outage or the base case overloads the row.
    ratio: [Lanes<LANES>; 2],
}

impl Scan<'_> {
    /// `lodf` of row m.
    #[inline(always)]
    fn lodf(&self, m: usize) -> Lanes<LANES> {
        let mon = self.monitored;
        let b = mon.b[m];
        let sent = self.x[mon.from[m] as usize].zip(self.x[mon.to[m] as usize], |f, t| (f - t) * b);
        sent.zip(self.c, |s, c| s * c)
    }

    #[inline(always)]
    fn row(&self, m: usize, lodf: Lanes<LANES>) -> Row {
        let mon = self.monitored;
        let (f, top, up, down) = (mon.flow[m], mon.top[m], mon.per_room_up[m], mon.per_room_down[m]);
        let post = lodf.zip(self.flow, |l, u| (f + l * u).abs());
        let kept = lodf.zip(post, |l, p| if p > top { 0.0 } else { l });
        Row { lodf, post, ratio: [kept.zip(kept, |l, _| larger(l * up, -l * down)), kept.zip(kept, |l, _| larger(l * down, -l * up))] }
    }
}

/// Rows of a group.
fn group_rows(group: usize, n_rows: usize) -> std::ops::Range<usize> {
    group * n_rows / GROUPS..(group + 1) * n_rows / GROUPS
}

struct FindReach<'a>(&'a Scan<'a>);

impl Kernel for FindReach<'_> {
    type Output = Reach;

    #[inline(always)]
    fn run(self) -> Reach {
        let scan = self.0;
        let n = scan.monitored.branch.len();
        let mut out = Reach { ratio: [[Lanes::splat(0.0); GROUPS]; 2], loading: Lanes::splat(0.0) };
        for group in 0..GROUPS {
            let mut most = [Lanes::splat(0.0); 3];
            for m in group_rows(group, n) {
                // Rows that are outages of the block follow below, so that nothing is picked out of lanes here.
                if !scan.own.contains(&m) {
                    scan.take(&mut most, m, scan.lodf(m));
                }
            }
            for m in scan.own.clone().filter(|m| group_rows(group, n).contains(m)) {
                let mut lodf = scan.lodf(m);
                for (lane, k) in scan.block.iter().enumerate() {
                    if *k == scan.monitored.branch[m] {
                        lodf.0[lane] = 0.0;
                    }
                }
                scan.take(&mut most, m, lodf);
            }
            (out.ratio[0][group], out.ratio[1][group]) = (most[0], most[1]);
            out.loading = out.loading.zip(most[2], |m, x| larger(x, m));
        }
        out
    }
}

impl Scan<'_> {
    #[inline(always)]
    fn take(&self, most: &mut [Lanes<LANES>; 3], m: usize, lodf: Lanes<LANES>) {
        let row = self.row(m, lodf);
        let per_limit = 1.0 / self.monitored.limit[m];
        most[0] = most[0].zip(row.ratio[0], |m, x| larger(x, m));
        most[1] = most[1].zip(row.ratio[1], |m, x| larger(x, m));
        most[2] = most[2].zip(row.post, |m, p| larger(p * per_limit, m));
    }
}

/// Rows that an outage overloads anew, or whose ratio reaches the cut.
struct Collect<'a> {
    scan: &'a Scan<'a>,
    cut: [Lanes<LANES>; 2],
    listed: &'a mut Vec<(u32, Listed)>,
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Collect { scan, cut, listed } = self;
        let mon = scan.monitored;
        for m in 0..mon.branch.len() {
            let row = scan.row(m, scan.lodf(m));
            let top = mon.top[m];
            let excess = row.ratio[0].zip(cut[0], |r, c| r - c).zip(row.ratio[1].zip(cut[1], |r, c| r - c), larger);
            if excess.zip(row.post, |e, p| larger(e, p - top)).largest() < 0.0 || mon.per_room_up[m] == 0.0 {
                // A row that the base case overloads leaves no room and is looked at for every pair.
                continue;
            }
            for (lane, (&excess, &post)) in excess.0.iter().zip(&row.post.0).enumerate() {
                let own = scan.block.get(lane).is_none_or(|&k| k == mon.branch[m]);
                if (excess >= 0.0 || post > top) && !own {
                    listed.push((lane as u32, Listed { row: m as u32, over: post > top, lodf: row.lodf.0[lane] }));
                }
            }
        }
    }
}
