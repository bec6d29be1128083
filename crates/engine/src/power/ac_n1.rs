//! Every single-branch outage of an alternating-current power flow, each solved in full.
//!
//! Without branch f–t the mismatch changes only at f and t, and so do four blocks of the Jacobian: J' = J + E M Eᵀ with E the unit
//! columns of f and t (θ and ln v of each) and M = −(the branch's own derivatives), 4 × 4. With J = (L + D) U of the base state,
//!
//! ```text
//! J'⁻¹ r = U⁻¹ ( z − X (I + M K)⁻¹ M Wᵀ z ),  z = (L + D)⁻¹ r,  X = (L + D)⁻¹ E,  W = U⁻ᵀ E,  K = Wᵀ X
//! ```
//!
//! where X and W live on the paths from f and t to the root of the elimination tree. The steps x ← x − J'⁻¹ F(x) keep J' and repeat
//! until the true mismatch F of the changed network is within tolerance. A step (dθ, d ln v) turns V by (1 + j dθ/2) / (1 − j dθ/2),
//! which is e^{j dθ} to second order and a pure rotation always, so no sine is needed. Where they do not get there, Newton's method with fresh
//! Jacobians starts over from the base state, and its ending stands. Voltage set points, and reactive limits where the base solve
//! held them, stay as in the base state. `LANES` outages run side by side, and none of them sees its neighbours: the answers do not
//! depend on the number of threads.
//! Sources: compensation, Alsaç, Stott, Tinney, "Sparsity-Oriented Compensation Methods for Modified Network Solutions", IEEE Trans.
//! Power App. Syst. PAS-102(5), 1983; bridges, Tarjan, Inf. Process. Lett. 2(6), 1974, DOI 10.1016/0020-0190(74)90003-9.

use crate::batch::map_with;
use crate::components::bridges;
use buttress_model::network::PowerNetwork;

use super::ac::{Analysed, Complex, Options, Run, Solution, Workspace, power, times, times_conjugate};
use super::lu::{Border, Lanes};
use crate::ending::Ending;

/// Outages that are solved side by side.
const LANES: usize = 8;
/// Outages that one task works through.
const TASK: usize = 64;
/// Most steps with the Jacobian of the base state.
const KEPT_STEPS: usize = 20;
/// A step with the kept Jacobian must lower the mismatch to at most this share, after the first two.
const KEPT_GAIN: f64 = 0.7;

/// A branch and its larger end loading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loading {
    /// Branch.
    pub branch: usize,
    /// Larger apparent power of its ends over its continuous rating.
    pub share: f64,
}

/// A bus outside its voltage limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoltageViolation {
    /// Bus.
    pub bus: usize,
    /// Its voltage, p.u.
    pub vm_pu: f64,
    /// Distance from the limit, p.u.
    pub beyond_pu: f64,
}

/// The state after an outage, held against the limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct After {
    /// Most loaded rated branch.
    pub most_loaded: Option<Loading>,
    /// Branches above their continuous rating.
    pub n_overloads: usize,
    /// Of these, branches that the base state does not overload.
    pub n_new_overloads: usize,
    /// Bus furthest below its lower limit.
    pub lowest: Option<VoltageViolation>,
    /// Buses below their lower limit.
    pub n_low: usize,
    /// Bus furthest above its upper limit.
    pub highest: Option<VoltageViolation>,
    /// Buses above their upper limit.
    pub n_high: usize,
}

/// How an outage ended.
#[derive(Debug, Clone, PartialEq)]
pub enum OutageEnding {
    /// A solution within tolerance.
    Solved(After),
    /// The branch is a bridge: its loss splits the network, which is not solved.
    Islanding,
    /// No solution was found.
    Unsolved(Ending),
}

/// One outage.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// Branch switched out.
    pub branch: usize,
    /// Steps taken, those of abandoned attempts included.
    pub iterations: usize,
    /// How it ended.
    pub ending: OutageEnding,
}

/// All outages of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct OutageStudy {
    /// The state with every branch in place; without a solution there are no outages.
    pub base: Solution,
    /// Outages of the branches that carry something in an island with a solution, by branch.
    pub outages: Vec<Outage>,
}

impl OutageStudy {
    /// Number of outages that split the network.
    pub fn n_islanding(&self) -> usize {
        self.outages.iter().filter(|o| o.ending == OutageEnding::Islanding).count()
    }

    /// Branches whose outage has no solution, ascending.
    pub fn not_converged(&self) -> Vec<usize> {
        self.outages.iter().filter(|o| matches!(o.ending, OutageEnding::Unsolved(_))).map(|o| o.branch).collect()
    }

    /// Outages that leave a branch above its rating, with that branch; the worst first, and of equals the lower branch.
    pub fn overloads(&self) -> Vec<(usize, Loading)> {
        let worst = |o: &Outage| match &o.ending {
            OutageEnding::Solved(after) => after.most_loaded.filter(|l| l.share > 1.0).map(|l| (o.branch, l)),
            _ => None,
        };
        let mut all: Vec<(usize, Loading)> = self.outages.iter().filter_map(worst).collect();
        all.sort_by(|a, b| b.1.share.total_cmp(&a.1.share).then(a.0.cmp(&b.0)));
        all
    }

    /// Outages that leave a bus outside its voltage limits, with the bus furthest below and the bus furthest above; the widest first,
    /// and of equals the lower branch.
    pub fn voltage_violations(&self) -> Vec<(usize, VoltageViolation)> {
        let worst = |o: &Outage| match &o.ending {
            OutageEnding::Solved(after) => after.lowest.into_iter().chain(after.highest).map(|v| (o.branch, v)).collect(),
            _ => Vec::new(),
        };
        let mut all: Vec<(usize, VoltageViolation)> = self.outages.iter().flat_map(worst).collect();
        all.sort_by(|a, b| b.1.beyond_pu.total_cmp(&a.1.beyond_pu).then(a.0.cmp(&b.0)));
        all
    }
}

/// Solves the base state and the outage of every branch in service.
pub fn ac_outages(network: &PowerNetwork, options: &Options) -> OutageStudy {
    let analysed = Analysed::new(network);
    let mut work = analysed.workspace();
    let base = analysed.solve(network, options, &mut work);
    let candidates: Vec<usize> = (0..network.branches.len())
        .filter(|&k| work.grid.admittance[k] != [[0.0; 2]; 4] && base.buses[network.branches[k].from].is_some())
        .collect();
    let mut links = vec![None; network.branches.len()];
    for &k in &candidates {
        links[k] = Some((network.branches[k].from, network.branches[k].to));
    }
    let bridge = bridges(network.buses.len(), &links);
    let study = Study::new(network, options, &analysed, &work);
    let meshed: Vec<usize> = candidates.iter().copied().filter(|&k| !bridge[k]).collect();
    let tasks: Vec<&[usize]> = meshed.chunks(TASK).collect();
    let solved: Vec<Vec<Outage>> = map_with(tasks.len(), || Scratch::new(&study), |scratch, k| study.run(scratch, tasks[k]));
    let islanding = |branch| Outage { branch, iterations: 0, ending: OutageEnding::Islanding };
    let mut outages: Vec<Outage> = candidates.iter().copied().filter(|&k| bridge[k]).map(islanding).collect();
    outages.extend(solved.into_iter().flatten());
    outages.sort_by_key(|o| o.branch);
    OutageStudy { base, outages }
}

/// A rated branch: ends in the order of the factorisation, admittances, rating squared in p.u., number.
struct Rated {
    ends: [u32; 2],
    admittance: [Complex; 4],
    square: f64,
    branch: usize,
    is_over_in_base: bool,
}

fn squared(s: Complex) -> f64 {
    s[0] * s[0] + s[1] * s[1]
}

impl Rated {
    /// Square of the larger apparent power at an end over the rating.
    fn square_share(&self, f: Complex, t: Complex) -> f64 {
        let apparent = |own: Complex, other: Complex, v: Complex, w: Complex| {
            let (x, y) = (times(own, v), times(other, w));
            squared(v) * squared([x[0] + y[0], x[1] + y[1]])
        };
        let a = &self.admittance;
        apparent(a[0], a[1], f, t).max(apparent(a[3], a[2], t, f)) / self.square
    }
}

/// What all outages share.
struct Study<'a> {
    network: &'a PowerNetwork,
    options: &'a Options,
    analysed: &'a Analysed,
    /// Base state, with the factors of its Jacobian.
    base: Workspace,
    /// False when the Jacobian has no factors without exchanges; every outage then takes fresh Jacobians.
    has_factors: bool,
    rated: Vec<Rated>,
    /// Lower and upper voltage limit of each bus and its number, in the order of the factorisation; open where no solution is.
    limits: Vec<(f64, f64, usize)>,
}

/// One outage under way.
#[derive(Default, Clone)]
struct Lane {
    /// Position in the task.
    outage: usize,
    branch: usize,
    ends: [usize; 2],
    iterations: usize,
    mismatch: f64,
    path: Vec<u32>,
    x: Vec<Border>,
    w: Vec<Border>,
    /// (I + M K)⁻¹ M.
    gain: [[f64; 4]; 4],
    busy: bool,
}

/// Arrays of one thread.
struct Scratch {
    v: Vec<Lanes<LANES>>,
    s: Vec<Lanes<LANES>>,
    step: Vec<Lanes<LANES>>,
    x: Vec<Border>,
    w: Vec<Border>,
    lanes: Vec<Lane>,
    /// Voltages of one lane.
    flat: Vec<Complex>,
    /// For Newton's method on one outage.
    work: Workspace,
}

impl Scratch {
    fn new(study: &Study) -> Scratch {
        let n = study.analysed.pattern.n();
        let zero = vec![[[0.0; LANES]; 2]; n];
        let border = vec![[[0.0; 4]; 2]; n];
        let lanes = vec![Lane::default(); LANES];
        let work = study.base.clone();
        Scratch { v: zero.clone(), s: zero.clone(), step: zero, x: border.clone(), w: border, lanes, flat: vec![[0.0; 2]; n], work }
    }
}

impl<'a> Study<'a> {
    fn new(network: &'a PowerNetwork, options: &'a Options, analysed: &'a Analysed, solved: &Workspace) -> Study<'a> {
        let mut base = solved.clone();
        base.grid.leave_unsolved();
        super::ac::jacobian(&analysed.pattern, &base.grid, &base.state, &mut base.blocks);
        let has_factors = analysed.pattern.factor(&base.blocks, &mut base.factor).is_ok();
        let new_of = analysed.pattern.new_of();
        let mut rated = Vec::new();
        for (k, b) in network.branches.iter().enumerate() {
            let admittance = base.grid.admittance[k];
            let ends = [new_of[b.from], new_of[b.to]];
            if b.rate_a_mva > 0.0 && admittance != [[0.0; 2]; 4] && base.grid.ended(ends[0] as usize, Ending::Solved) {
                let square = (b.rate_a_mva / network.base_mva) * (b.rate_a_mva / network.base_mva);
                rated.push(Rated { ends, admittance, square, branch: k, is_over_in_base: false });
            }
        }
        let mut limits = vec![(f64::NEG_INFINITY, f64::INFINITY, 0); new_of.len()];
        for (k, bus) in network.buses.iter().enumerate() {
            let i = new_of[k] as usize;
            if base.grid.ended(i, Ending::Solved) {
                limits[i] = (bus.vm_min_pu, bus.vm_max_pu, k);
            }
        }
        for r in &mut rated {
            let [f, t] = r.ends.map(|i| base.state.v[i as usize].map(|x| x[0]));
            r.is_over_in_base = r.square_share(f, t) > 1.0;
        }
        Study { network, options, analysed, base, has_factors, rated, limits }
    }

    /// Works through the outages of a task, a new one entering a lane as soon as it is free.
    fn run(&self, scratch: &mut Scratch, task: &[usize]) -> Vec<Outage> {
        let mut done: Vec<Option<Outage>> = vec![None; task.len()];
        let mut waiting = 0;
        // Each pass takes a step in every busy lane, and no outage stays longer than its steps.
        for _ in 0..=task.len() * (KEPT_STEPS + 1) {
            for lane in 0..LANES {
                while !scratch.lanes[lane].busy && waiting < task.len() {
                    if !self.enter(scratch, lane, waiting, task[waiting]) {
                        done[waiting] = Some(self.newton(scratch, task[waiting], 0));
                    }
                    waiting += 1;
                }
            }
            if scratch.lanes.iter().all(|l| !l.busy) {
                break;
            }
            let worst = self.mismatch(scratch);
            for lane in 0..LANES {
                let l = &mut scratch.lanes[lane];
                if !l.busy {
                    continue;
                }
                let (outage, branch, iterations) = (l.outage, l.branch, l.iterations);
                if worst[lane] <= self.options.tolerance {
                    l.busy = false;
                    scratch.flat.iter_mut().zip(&scratch.v).for_each(|(flat, v)| *flat = [v[0][lane], v[1][lane]]);
                    let after = self.after(&scratch.flat, branch);
                    done[outage] = Some(Outage { branch, iterations, ending: OutageEnding::Solved(after) });
                } else if iterations == KEPT_STEPS || !worst[lane].is_finite() || iterations > 2 && worst[lane] > KEPT_GAIN * l.mismatch {
                    l.busy = false;
                    done[outage] = Some(self.newton(scratch, branch, iterations));
                } else {
                    l.mismatch = worst[lane];
                    l.iterations += 1;
                }
            }
            self.step(scratch);
        }
        done.into_iter().flatten().collect()
    }

    /// Puts an outage into a lane at the base state; false when its changed Jacobian cannot be used.
    fn enter(&self, scratch: &mut Scratch, lane: usize, outage: usize, branch: usize) -> bool {
        if !self.has_factors {
            return false;
        }
        let b = &self.network.branches[branch];
        let ends = [b.from, b.to].map(|k| self.analysed.pattern.new_of()[k] as usize);
        let Scratch { v, x, w, lanes, .. } = scratch;
        let l = &mut lanes[lane];
        self.analysed.pattern.path(ends, &mut l.path);
        self.analysed.pattern.border(&self.base.factor, ends, &l.path, x, w);
        l.x.clear();
        l.x.extend(l.path.iter().map(|&k| x[k as usize]));
        l.w.clear();
        l.w.extend(l.path.iter().map(|&k| w[k as usize]));
        let mut k4 = [[0.0; 4]; 4];
        for (x, w) in l.x.iter().zip(&l.w) {
            for (r, c) in (0..4).flat_map(|r| (0..4).map(move |c| (r, c))) {
                k4[r][c] += w[0][r] * x[0][c] + w[1][r] * x[1][c];
            }
        }
        let m = self.removal(branch, ends);
        let mut system = [[0.0; 4]; 4];
        for (r, c) in (0..4).flat_map(|r| (0..4).map(move |c| (r, c))) {
            system[r][c] = f64::from(u8::from(r == c)) + (0..4).map(|k| m[r][k] * k4[k][c]).sum::<f64>();
        }
        let Some(gain) = solve4(system, m) else { return false };
        (l.gain, l.outage, l.branch, l.ends) = (gain, outage, branch, ends);
        (l.iterations, l.mismatch, l.busy) = (0, f64::INFINITY, true);
        for (to, from) in v.iter_mut().zip(&self.base.state.v) {
            to[0][lane] = from[0][0];
            to[1][lane] = from[1][0];
        }
        true
    }

    /// M: what the loss of a branch adds to the Jacobian of the base state at its ends.
    fn removal(&self, branch: usize, ends: [usize; 2]) -> [[f64; 4]; 4] {
        let a = &self.base.grid.admittance[branch];
        let v = ends.map(|i| self.base.state.v[i].map(|x| x[0]));
        let mut m = [[0.0; 4]; 4];
        for (here, there, own, other) in [(0, 1, a[0], a[1]), (1, 0, a[3], a[2])] {
            let (o, s) = (times_conjugate(v[here], times(own, v[here])), times_conjugate(v[here], times(other, v[there])));
            let (p, q) = (o[0] + s[0], o[1] + s[1]);
            let free = self.base.grid.free[ends[here]];
            let blocks = [(here, [o[1] - q, o[0] + p, p - o[0], o[1] + q]), (there, [s[1], s[0], -s[0], s[1]])];
            for (column, block) in blocks {
                for (e, value) in block.into_iter().enumerate() {
                    m[2 * here + e / 2][2 * column + e % 2] -= free[e / 2] * value;
                }
            }
        }
        m
    }

    /// −F in `step`, and the largest entry of each lane.
    fn mismatch(&self, scratch: &mut Scratch) -> [f64; LANES] {
        let (pattern, grid) = (&self.analysed.pattern, &self.base.grid);
        let Scratch { v, s, step, lanes, .. } = scratch;
        power(pattern, &grid.y, v, s);
        for (lane, l) in lanes.iter().enumerate().filter(|(_, l)| l.busy) {
            let a = &grid.admittance[l.branch];
            let [f, t] = l.ends.map(|i| v[i].map(|x| x[lane]));
            for (i, own, other, v, w) in [(l.ends[0], a[0], a[1], f, t), (l.ends[1], a[3], a[2], t, f)] {
                let lost = branch_power(own, other, v, w);
                s[i][0][lane] -= lost[0];
                s[i][1][lane] -= lost[1];
            }
        }
        let mut worst = [0.0_f64; LANES];
        for (((step, s), target), free) in step.iter_mut().zip(s.iter()).zip(&grid.target).zip(&grid.free) {
            for c in 0..2 {
                for lane in 0..LANES {
                    let f = free[c] * (target[c] - s[c][lane]);
                    step[c][lane] = f;
                    // A NaN stays once it is there.
                    worst[lane] = if f.abs() <= worst[lane] || worst[lane].is_nan() { worst[lane] } else { f.abs() };
                }
            }
        }
        worst
    }

    /// Moves every busy lane by one step of its changed Jacobian; what an idle lane does concerns nobody.
    fn step(&self, scratch: &mut Scratch) {
        let pattern = &self.analysed.pattern;
        let Scratch { v, step, lanes, .. } = scratch;
        pattern.forward(&self.base.factor, step);
        for (lane, l) in lanes.iter().enumerate().filter(|(_, l)| l.busy) {
            let mut t = [0.0; 4];
            for (&k, w) in l.path.iter().zip(&l.w) {
                let z = &step[k as usize];
                for c in 0..4 {
                    t[c] += w[0][c] * z[0][lane] + w[1][c] * z[1][lane];
                }
            }
            let u = l.gain.map(|row| row[0] * t[0] + row[1] * t[1] + row[2] * t[2] + row[3] * t[3]);
            for (&k, x) in l.path.iter().zip(&l.x) {
                for r in 0..2 {
                    step[k as usize][r][lane] -= x[r][0] * u[0] + x[r][1] * u[1] + x[r][2] * u[2] + x[r][3] * u[3];
                }
            }
        }
        pattern.backward(&self.base.factor, step);
        for (v, step) in v.iter_mut().zip(step.iter()) {
            for lane in 0..LANES {
                let half = 0.5 * step[0][lane];
                let scale = (1.0 + step[1][lane]) / (1.0 + half * half);
                let (c, s) = ((1.0 - half * half) * scale, 2.0 * half * scale);
                let (e, f) = (v[0][lane], v[1][lane]);
                v[0][lane] = e * c - f * s;
                v[1][lane] = e * s + f * c;
            }
        }
    }

    /// Newton's method with fresh Jacobians on one outage, from the base state.
    fn newton(&self, scratch: &mut Scratch, branch: usize, before: usize) -> Outage {
        let (work, pattern) = (&mut scratch.work, &self.analysed.pattern);
        work.grid.clone_from(&self.base.grid);
        work.state.clone_from(&self.base.state);
        let b = &self.network.branches[branch];
        let [f, t] = [b.from, b.to].map(|k| pattern.diagonal()[pattern.new_of()[k] as usize]);
        let (ft, tf) = pattern.edge()[branch];
        let lost = std::mem::take(&mut work.grid.admittance[branch]);
        for (place, y) in [f, ft, tf, t].into_iter().zip(lost) {
            work.grid.y[place as usize][0] -= y[0];
            work.grid.y[place as usize][1] -= y[1];
        }
        let island = self.base.grid.island[pattern.new_of()[b.from] as usize] as usize;
        work.grid.islands[island].ending = Ending::IterationLimit;
        let mut runs: Vec<Run> = Vec::new();
        self.analysed.converge(self.options, work, &mut runs);
        let iterations = before + runs.iter().map(|r| r.mismatch_pu.len().saturating_sub(1)).sum::<usize>();
        let ending = match work.grid.islands[island].ending {
            Ending::Solved => {
                scratch.flat.iter_mut().zip(&work.state.v).for_each(|(flat, v)| *flat = v.map(|x| x[0]));
                OutageEnding::Solved(self.after(&scratch.flat, branch))
            }
            other => OutageEnding::Unsolved(other),
        };
        Outage { branch, iterations, ending }
    }

    /// Holds a state against ratings and voltage limits.
    fn after(&self, v: &[Complex], out: usize) -> After {
        let mut after = After::default();
        let mut most = (0.0, None);
        for r in self.rated.iter().filter(|r| r.branch != out) {
            let [f, t] = r.ends.map(|i| v[i as usize]);
            let share = r.square_share(f, t);
            after.n_overloads += usize::from(share > 1.0);
            after.n_new_overloads += usize::from(share > 1.0 && !r.is_over_in_base);
            if share > most.0 {
                most = (share, Some(r.branch));
            }
        }
        after.most_loaded = most.1.map(|branch| Loading { branch, share: most.0.sqrt() });
        for (&v, &(low, high, bus)) in v.iter().zip(&self.limits) {
            let vm_pu = squared(v).sqrt();
            if vm_pu >= low - VOLTAGE_TOLERANCE && vm_pu <= high + VOLTAGE_TOLERANCE {
                continue;
            }
            let (beyond_pu, worst, count) = if vm_pu < low {
                (low - vm_pu, &mut after.lowest, &mut after.n_low)
            } else {
                (vm_pu - high, &mut after.highest, &mut after.n_high)
            };
            *count += 1;
            if worst.is_none_or(|w| beyond_pu > w.beyond_pu) {
                *worst = Some(VoltageViolation { bus, vm_pu, beyond_pu });
            }
        }
        after
    }
}

/// A voltage this far beyond a limit, p.u., is still within it.
const VOLTAGE_TOLERANCE: f64 = 1e-6;

/// Power into a branch at the end with voltage v.
fn branch_power(own: Complex, other: Complex, v: Complex, w: Complex) -> Complex {
    let (x, y) = (times(own, v), times(other, w));
    times_conjugate(v, [x[0] + y[0], x[1] + y[1]])
}

/// a⁻¹ b by elimination with row exchanges; nothing when a is singular.
fn solve4(mut a: [[f64; 4]; 4], mut b: [[f64; 4]; 4]) -> Option<[[f64; 4]; 4]> {
    for k in 0..4 {
        let p = (k..4).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs()))?;
        a.swap(k, p);
        b.swap(k, p);
        if a[k][k].abs() < 1e-12 || !a[k][k].is_finite() {
            return None;
        }
        for i in (0..4).filter(|&i| i != k) {
            let f = a[i][k] / a[k][k];
            for c in 0..4 {
                a[i][c] -= f * a[k][c];
                b[i][c] -= f * b[k][c];
            }
        }
    }
    Some(std::array::from_fn(|k| b[k].map(|x| x / a[k][k])))
}

#[cfg(test)]
mod tests {
    use buttress_model::network::{Branch, BusKind};
    use proptest::prelude::*;

    use super::super::ac::BranchFlow;
    use super::super::ac::tests::{bus, generator, line, network, nine_buses, ring};
    use super::*;
    use crate::power::testing::matpower;

    fn rated(mut n: PowerNetwork, rate_a_mva: f64) -> PowerNetwork {
        n.branches.iter_mut().for_each(|b: &mut Branch| b.rate_a_mva = rate_a_mva);
        n
    }

    /// What a solve of the network without the branch says; nothing when it has no solution.
    fn alone(n: &PowerNetwork, branch: usize) -> Option<After> {
        let whole = Analysed::new(n);
        let base = whole.solve(n, &Options::default(), &mut whole.workspace());
        let share = |b: &Branch, f: &BranchFlow| f.p_from_mw.hypot(f.q_from_mvar).max(f.p_to_mw.hypot(f.q_to_mvar)) / b.rate_a_mva;
        let base_over: Vec<bool> = n.branches.iter().zip(&base.branches).map(|(b, f)| b.rate_a_mva > 0.0 && share(b, f) > 1.0).collect();
        let n = n.without_branches(&[branch + 1]).expect("row");
        let analysed = Analysed::new(&n);
        let solution = analysed.solve(&n, &Options::default(), &mut analysed.workspace());
        if solution.ending != Ending::Solved {
            return None;
        }
        let mut after = After::default();
        for (k, (b, f)) in n.branches.iter().zip(&solution.branches).enumerate() {
            if !(b.in_service && b.rate_a_mva > 0.0) {
                continue;
            }
            let share = share(b, f);
            after.n_overloads += usize::from(share > 1.0);
            after.n_new_overloads += usize::from(share > 1.0 && !base_over[k]);
            if after.most_loaded.is_none_or(|m| share > m.share) {
                after.most_loaded = Some(Loading { branch: k, share });
            }
        }
        for (bus, v) in n.buses.iter().zip(&solution.buses) {
            let vm = v.expect("solved").vm_pu;
            after.n_low += usize::from(vm < bus.vm_min_pu - 1e-6);
            after.n_high += usize::from(vm > bus.vm_max_pu + 1e-6);
        }
        Some(after)
    }

    fn agrees(n: &PowerNetwork, study: &OutageStudy) -> Result<(), TestCaseError> {
        for outage in &study.outages {
            let single = alone(n, outage.branch);
            match &outage.ending {
                OutageEnding::Solved(after) => {
                    let single = single.ok_or_else(|| TestCaseError::fail("the single solve has no answer"))?;
                    let (a, b) = (after.most_loaded.expect("rated"), single.most_loaded.expect("rated"));
                    prop_assert!((a.share - b.share).abs() < 1e-7, "{} {:?} {:?}", outage.branch, a, b);
                    prop_assert_eq!((after.n_low, after.n_high), (single.n_low, single.n_high));
                    prop_assert_eq!((after.n_overloads, after.n_new_overloads), (single.n_overloads, single.n_new_overloads));
                }
                OutageEnding::Islanding => {}
                OutageEnding::Unsolved(_) => prop_assert!(single.is_none()),
            }
        }
        Ok(())
    }

    #[test]
    fn nine_buses_have_three_bridges_and_six_outages() {
        let n = rated(nine_buses(), 150.0);
        let study = ac_outages(&n, &Options::default());
        assert_eq!((study.outages.len(), study.n_islanding()), (9, 3));
        assert!(study.outages[..3].iter().all(|o| o.ending == OutageEnding::Islanding));
        assert!(study.not_converged().is_empty());
        agrees(&n, &study).expect("as single solves");
        assert!(study.overloads().windows(2).all(|w| w[0].1.share >= w[1].1.share));
        assert!(!study.overloads().is_empty());
    }

    #[test]
    fn an_outage_that_cannot_be_carried_is_named() {
        // Two lines of x = 0.1 carry up to 10 p.u. together and 5 alone.
        let buses = vec![bus(BusKind::Reference, 0.0, 0.0), bus(BusKind::Pq, 520.0, 0.0)];
        let lines = vec![line(0, 1, [0.0, 0.1, 0.0]), line(1, 0, [0.0, 0.1, 0.0]), line(0, 1, [0.0, 5.0, 0.0])];
        let n = rated(network(buses, vec![generator(0, 0.0, 1.0)], lines), 600.0);
        let study = ac_outages(&n, &Options::default());
        assert_eq!(study.base.ending, Ending::Solved);
        assert_eq!(study.not_converged(), [0, 1]);
        assert!(matches!(study.outages[2].ending, OutageEnding::Solved(_)));
    }

    #[test]
    fn a_base_state_without_a_solution_has_no_outages() {
        let mut n = nine_buses();
        n.generators[0].in_service = false;
        let study = ac_outages(&n, &Options::default());
        assert_eq!((study.base.ending, study.outages.len()), (Ending::NoSource, 0));
    }

    #[test]
    fn voltages_are_held_against_their_limits() {
        let mut n = rated(nine_buses(), 150.0);
        n.buses.iter_mut().for_each(|b| (b.vm_min_pu, b.vm_max_pu) = (1.0, 1.03));
        let study = ac_outages(&n, &Options::default());
        agrees(&n, &study).expect("as single solves");
        let violations = study.voltage_violations();
        assert!(violations.windows(2).all(|w| w[0].1.beyond_pu >= w[1].1.beyond_pu));
        // Bus 0 holds 1.04 whatever happens, so each of the six outages has a bus too high.
        assert!(violations.iter().filter(|(_, v)| v.vm_pu > 1.03).count() == 6 && violations.iter().any(|(_, v)| v.vm_pu < 1.0));
    }

    #[test]
    fn an_island_without_a_solution_does_not_hide_the_outages_of_another() {
        let mut n = nine_buses();
        n.buses.extend([bus(BusKind::Reference, 0.0, 0.0), bus(BusKind::Pq, 900.0, 0.0)]);
        n.generators.push(generator(9, 0.0, 1.0));
        n.branches.push(line(9, 10, [0.0, 0.1, 0.0]));
        let (both, one) = (ac_outages(&rated(n, 150.0), &Options::default()), ac_outages(&rated(nine_buses(), 150.0), &Options::default()));
        assert_ne!(both.base.ending, Ending::Solved);
        assert_eq!((both.outages.len(), both.not_converged()), (9, vec![]));
        for (a, b) in both.overloads().iter().zip(one.overloads()) {
            assert!(a.0 == b.0 && (a.1.share - b.1.share).abs() < 1e-7);
        }
    }

    #[test]
    fn one_thread_and_three_give_the_same_answer() {
        let n = rated(ring(90, &[0.31, 0.72, 0.14, 0.55, 0.98, 0.23, 0.67]), 80.0);
        let run = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool").install(|| ac_outages(&n, &Options::default()))
        };
        let one = run(1);
        assert!(one.outages.len() > TASK);
        assert_eq!(one, run(3));
    }

    proptest! {
        #[test]
        fn outages_agree_with_single_solves(n in 4usize..20, values in proptest::collection::vec(0.0f64..1.0, 37)) {
            let n = rated(ring(n, &values), 60.0);
            agrees(&n, &ac_outages(&n, &Options::default()))?;
        }
    }

    #[test]
    fn european_outages_have_the_known_number_of_bridges() {
        let Some(n) = matpower("case1354pegase") else { return };
        let study = ac_outages(&n, &Options::default());
        assert_eq!((study.outages.len(), study.n_islanding()), (1991, 561));
        for outage in study.outages.iter().filter(|o| o.ending != OutageEnding::Islanding).step_by(97) {
            let single = alone(&n, outage.branch).expect("solved");
            let OutageEnding::Solved(after) = &outage.ending else { panic!("{outage:?}") };
            let (found, wanted) = (after.most_loaded.expect("rated").share, single.most_loaded.expect("rated").share);
            assert!((found - wanted).abs() < 1e-6, "{} {found} {wanted}", outage.branch);
            assert_eq!((after.n_overloads, after.n_low, after.n_high), (single.n_overloads, single.n_low, single.n_high));
        }
        let Some(n) = matpower("case118") else { return };
        assert_eq!(ac_outages(&n, &Options::default()).n_islanding(), 9);
    }
}
