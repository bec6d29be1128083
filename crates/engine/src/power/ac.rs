//! Alternating-current power flow by Newton's method.
//!
//! With complex voltages V = v e^{jθ} and the admittance matrix Y, the power that leaves bus i into the network is
//!
//! ```text
//! S_i = P_i + j Q_i = Σ_j s_ij,  s_ij = V_i (Y_ij V_j)*
//! ```
//!
//! and at a solution P (unless the bus is a reference) and Q (only at PQ buses) equal what is injected. In the unknowns θ and ln v the
//! Jacobian has one 2 × 2 block for each entry of Y:
//!
//! ```text
//! J_ij = [ Im s_ij, Re s_ij; −Re s_ij, Im s_ij ],  J_ii = [ Im s_ii − Q_i, Re s_ii + P_i; P_i − Re s_ii, Im s_ii + Q_i ]
//! ```
//!
//! What a bus holds becomes a row of the identity, so the pattern depends on the branches alone. Branches are π-circuits with the tap
//! τ e^{jφ} at the from end: Yff = (y + jb/2)/τ², Yft = −y e^{jφ}/τ, Ytf = −y e^{−jφ}/τ, Ytt = y + jb/2.
//! Sources: Tinney, Hart, IEEE Trans. Power App. Syst. PAS-86(11), 1967, DOI 10.1109/TPAS.1967.291823; branch model and dc lines as
//! in MATPOWER (Zimmerman et al., DOI 10.1109/TPWRS.2010.2051168). Where the full steps do not converge, each island's step is
//! scaled by the multiplier of Iwamoto and Tamura (DOI 10.1109/TPAS.1981.316511): with F the mismatch before and F₁ after the full
//! step, μ minimises |(1 − μ) F + μ² F₁|²; in polar coordinates this is its second-order approximation.
//! Units: per unit on the network's base, radians.

use std::f64::consts::TAU;

use buttress_model::network::{Branch, BusKind, PowerNetwork};

use super::dc::{Convention, DcModel};
use super::lu::{Block, Factor, Lanes, Pattern, Way};
use crate::ending::Ending;
use solution::wrapped;

pub use solution::{BranchFlow, Island, Output, Run, Solution, StepLength, Voltage};

mod solution;

/// Real and imaginary part.
pub(super) type Complex = [f64; 2];

/// Mismatch, p.u., beyond which the iterates of an island are given up.
const DIVERGED: f64 = 1e12;
/// Below this mismatch, p.u., the last factorisation serves again as long as it gains [`REUSE_GAIN`] a step.
const REUSE_BELOW: f64 = 1e-2;
/// Smallest fall of the mismatch in one step for which a factorisation is kept.
const REUSE_GAIN: f64 = 0.05;
/// Reactive output this far beyond a limit, p.u., is still within it.
const LIMIT_TOLERANCE: f64 = 1e-6;
/// How often a bus may return from a reactive limit to its set point.
const RETURNS: u8 = 2;
/// Largest change of a branch angle in a guarded step, radians.
const TURN: f64 = std::f64::consts::FRAC_PI_3;
/// An island whose guarded step is shorter than this share of the Newton step stands at a least mismatch that is not zero, and is given
/// up: there is most likely no solution near.
const LEAST_SCALE: f64 = 1e-4;
/// Angle across a branch, radians, beyond which another solution is looked for.
const WIDEST: f64 = std::f64::consts::FRAC_PI_2;
/// Entry of an island table for a bus that is out of service.
pub(super) const NO_ISLAND: u32 = u32::MAX;

/// Voltages to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Set points or 1 p.u., with every angle that of the island's first reference.
    Flat,
    /// As flat, with angles of the direct-current model; flat where that model is singular.
    #[default]
    Dc,
    /// Magnitudes and angles of the source.
    Case,
}

/// What happens at the limits of reactive power. A reference holds its voltage in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReactiveLimits {
    /// They are not looked at.
    #[default]
    Ignored,
    /// A bus beyond a limit is held at it and gives up its voltage, and takes it back when the voltage passes the set point.
    Held {
        /// Most rounds of switching.
        rounds: usize,
    },
}

/// How a power flow is to be solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Voltages to start from.
    pub start: Start,
    /// Largest accepted mismatch, p.u.
    pub tolerance: f64,
    /// Most steps in each run.
    pub iterations: usize,
    /// Treatment of reactive limits.
    pub reactive_limits: ReactiveLimits,
}

impl Default for Options {
    fn default() -> Options {
        Options { start: Start::Dc, tolerance: 1e-8, iterations: 30, reactive_limits: ReactiveLimits::Ignored }
    }
}

/// What a bus holds in this solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// P and Q.
    Pq,
    /// P and v.
    Pv,
    /// θ and v.
    Reference,
    /// Nothing: isolated, or without a source.
    Dead,
}

/// Network data in the order of the factorisation.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    /// Yff, Yft, Ytf, Ytt of each branch; zero when it carries nothing.
    pub(super) admittance: Vec<[Complex; 4]>,
    /// Phase shift of each branch, radians.
    shift: Vec<f64>,
    /// Entries of Y.
    pub(super) y: Vec<Complex>,
    /// Injections P, Q.
    pub(super) target: Vec<Complex>,
    /// 1 where P and Q of a bus are equations, 0 where θ and v are held.
    pub(super) free: Vec<[f64; 2]>,
    /// Island of each bus.
    pub(super) island: Vec<u32>,
    pub(super) islands: Vec<Island>,
    /// Islands that the present run works on.
    in_run: Vec<bool>,
    role: Vec<Role>,
    v_set: Vec<f64>,
    /// Generation P, Q that the source gives.
    generation: Vec<Complex>,
    /// Sum of the reactive limits of the generators of a bus.
    q_range: Vec<[f64; 2]>,
    /// −1 or 1 where a bus is held at its lower or upper reactive limit.
    at_limit: Vec<i8>,
    returns: Vec<u8>,
}

/// Voltages in the order of the factorisation.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// θ and v of each bus.
    pub(super) polar: Vec<[f64; 2]>,
    /// V of each bus.
    pub(super) v: Vec<Lanes<1>>,
    /// S of each bus.
    pub(super) s: Vec<Lanes<1>>,
}

/// Room for one solve; kept between solves it saves its allocation.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(super) grid: Grid,
    pub(super) state: State,
    pub(super) blocks: Vec<Block>,
    pub(super) factor: Factor,
    /// −F before a solve, the step after it.
    step: Vec<Lanes<1>>,
    /// −F.
    minus_f: Vec<Lanes<1>>,
}

/// Pattern, order and symbolic factorisation of a network; good for any change that keeps its buses and the ends of its branches,
/// switching included.
#[derive(Debug, Clone)]
pub struct Analysed {
    pub(super) pattern: Pattern,
    n_buses: usize,
    ends: Vec<(u32, u32)>,
}

fn ends(network: &PowerNetwork) -> impl Iterator<Item = (u32, u32)> {
    network.branches.iter().map(|b| (b.from as u32, b.to as u32))
}

pub(super) fn times(a: Complex, b: Complex) -> Complex {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// a b*.
pub(super) fn times_conjugate(a: Complex, b: Complex) -> Complex {
    [a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]]
}

/// cos x and sin x by Taylor series after reduction to |x| ≤ π/4, to about 1 unit in the last place for |x| < 10⁵: plain arithmetic, so
/// the same bytes on every processor, and free of branches.
pub(super) fn rotation(x: f64) -> Complex {
    // Adding 1.5 · 2⁵² rounds to an integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const HALF_PI_HIGH: f64 = 1.570_796_326_734_125_6;
    const HALF_PI_LOW: f64 = 6.077_100_506_506_192e-11;
    let shifted = x * std::f64::consts::FRAC_2_PI + ROUND;
    let turns = shifted - ROUND;
    let r = (x - turns * HALF_PI_HIGH) - turns * HALF_PI_LOW;
    let z = r * r;
    let mut sine = 1.0 / 355_687_428_096_000.0;
    for c in
        [-1.0 / 1_307_674_368_000.0, 1.0 / 6_227_020_800.0, -1.0 / 39_916_800.0, 1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0, -1.0 / 6.0]
    {
        sine = sine * z + c;
    }
    let sine = r + r * z * sine;
    let mut cosine = 1.0 / 20_922_789_888_000.0;
    for c in [-1.0 / 87_178_291_200.0, 1.0 / 479_001_600.0, -1.0 / 3_628_800.0, 1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5] {
        cosine = cosine * z + c;
    }
    let cosine = 1.0 + z * cosine;
    match shifted.to_bits() & 3 {
        0 => [cosine, sine],
        1 => [-sine, cosine],
        2 => [-cosine, -sine],
        _ => [sine, -cosine],
    }
}

/// Yff, Yft, Ytf, Ytt.
fn admittance(branch: &Branch) -> [Complex; 4] {
    let square = branch.r_pu * branch.r_pu + branch.x_pu * branch.x_pu;
    let series = [branch.r_pu / square, -branch.x_pu / square];
    let own = [series[0], series[1] + branch.b_pu / 2.0];
    let ratio = branch.ratio();
    let turn = if branch.shift_deg == 0.0 { [1.0, 0.0] } else { rotation(branch.shift_deg.to_radians()) };
    let (with, against) = (times(series, turn), times_conjugate(series, turn));
    [own.map(|x| x / (ratio * ratio)), with.map(|x| -x / ratio), against.map(|x| -x / ratio), own]
}

/// S = V (Y V)* for `K` states side by side.
pub(super) fn power<const K: usize>(pattern: &Pattern, y: &[Complex], v: &[Lanes<K>], s: &mut [Lanes<K>]) {
    for i in 0..pattern.n() {
        let mut current = [[0.0; K]; 2];
        let row = pattern.row(i);
        for (&j, y) in pattern.column()[row.clone()].iter().zip(&y[row]) {
            let v = &v[j as usize];
            for lane in 0..K {
                current[0][lane] += y[0] * v[0][lane] - y[1] * v[1][lane];
                current[1][lane] += y[0] * v[1][lane] + y[1] * v[0][lane];
            }
        }
        for lane in 0..K {
            s[i][0][lane] = v[i][0][lane] * current[0][lane] + v[i][1][lane] * current[1][lane];
            s[i][1][lane] = v[i][1][lane] * current[0][lane] - v[i][0][lane] * current[1][lane];
        }
    }
}

/// Jacobian at a state.
pub(super) fn jacobian(pattern: &Pattern, grid: &Grid, state: &State, blocks: &mut [Block]) {
    for i in 0..pattern.n() {
        let ([[e], [f]], [p, q]) = (state.v[i], grid.free[i]);
        for k in pattern.row(i) {
            let [[ej], [fj]] = state.v[pattern.column()[k] as usize];
            let s = times_conjugate([e, f], times(grid.y[k], [ej, fj]));
            blocks[k] = [p * s[1], p * s[0], -q * s[0], q * s[1]];
        }
        let [[power], [reactive]] = state.s[i];
        let d = &mut blocks[pattern.diagonal()[i] as usize];
        *d = [d[0] - p * reactive + (1.0 - p), d[1] + p * power, d[2] + q * power, d[3] + q * reactive + (1.0 - q)];
    }
}

/// Islands of the branches that carry something: an island for each bus, numbered by lowest bus, and their number.
fn find_islands(network: &PowerNetwork, carries: impl Fn(&Branch) -> bool) -> (Vec<u32>, usize) {
    let n = network.buses.len();
    let mut root: Vec<u32> = (0..n as u32).collect();
    let find = |root: &mut Vec<u32>, mut v: u32| {
        // Each pass halves the path, so this ends.
        while root[v as usize] != v {
            root[v as usize] = root[root[v as usize] as usize];
            v = root[v as usize];
        }
        v
    };
    for b in network.branches.iter().filter(|b| carries(b)) {
        let (a, b) = (find(&mut root, b.from as u32), find(&mut root, b.to as u32));
        root[a.max(b) as usize] = a.min(b);
    }
    let (mut island, mut count) = (vec![NO_ISLAND; n], 0);
    for v in 0..n {
        if network.buses[v].kind != BusKind::Isolated {
            let r = find(&mut root, v as u32) as usize;
            if r == v {
                island[v] = count;
                count += 1;
            } else {
                island[v] = island[r];
            }
        }
    }
    (island, count as usize)
}

impl Grid {
    /// Reads a network; false when a number in it is not finite.
    fn read(&mut self, network: &PowerNetwork, analysed: &Analysed) -> bool {
        let (n, base, new_of) = (network.buses.len(), network.base_mva, analysed.pattern.new_of());
        let live = |k: usize| network.buses[k].kind != BusKind::Isolated;
        let carries = |b: &Branch| b.in_service && live(b.from) && live(b.to);
        self.y.clear();
        self.y.resize(analysed.pattern.n_blocks(), [0.0; 2]);
        self.admittance.clear();
        self.shift = network.branches.iter().map(|b| b.shift_deg.to_radians()).collect();
        for (branch, &(ft, tf)) in network.branches.iter().zip(analysed.pattern.edge()) {
            let a = if carries(branch) { admittance(branch) } else { [[0.0; 2]; 4] };
            self.admittance.push(a);
            let [f, t] = [branch.from, branch.to].map(|b| analysed.pattern.diagonal()[new_of[b] as usize]);
            for (place, y) in [f, ft, tf, t].into_iter().zip(a) {
                self.y[place as usize][0] += y[0];
                self.y[place as usize][1] += y[1];
            }
        }
        for list in [&mut self.target, &mut self.generation, &mut self.q_range, &mut self.free] {
            list.clear();
            list.resize(n, [0.0; 2]);
        }
        self.v_set = vec![1.0; n];
        (self.at_limit, self.returns) = (vec![0; n], vec![0; n]);
        let mut has_generator = vec![false; n];
        for g in network.generators.iter().filter(|g| g.in_service && live(g.bus)) {
            let i = new_of[g.bus] as usize;
            has_generator[g.bus] = true;
            self.v_set[i] = g.vm_set_pu;
            self.generation[i][0] += g.p_mw / base;
            self.generation[i][1] += g.q_mvar / base;
            self.q_range[i][0] += g.q_min_mvar / base;
            self.q_range[i][1] += g.q_max_mvar / base;
        }
        let (island, n_islands) = find_islands(network, carries);
        self.island = vec![NO_ISLAND; n];
        self.in_run = vec![false; n_islands];
        self.role = vec![Role::Dead; n];
        self.islands = vec![Island { ending: Ending::NoSource, n_buses: 0, references: Vec::new(), mismatch_pu: 0.0 }; n_islands];
        for (k, bus) in network.buses.iter().enumerate().filter(|&(k, _)| live(k)) {
            let i = new_of[k] as usize;
            let d = &mut self.y[analysed.pattern.diagonal()[i] as usize];
            *d = [d[0] + bus.gs_mw / base, d[1] + bus.bs_mvar / base];
            self.target[i] = [self.generation[i][0] - bus.pd_mw / base, self.generation[i][1] - bus.qd_mvar / base];
            self.role[i] = match bus.kind {
                BusKind::Reference if has_generator[k] => Role::Reference,
                BusKind::Pv if has_generator[k] => Role::Pv,
                _ => Role::Pq,
            };
            self.island[i] = island[k];
            let its = &mut self.islands[island[k] as usize];
            its.n_buses += 1;
            if self.role[i] == Role::Reference {
                its.references.push(k);
                its.ending = Ending::IterationLimit;
            }
        }
        self.add_dc_lines(network, new_of);
        self.is_finite(network)
    }

    /// A dc line takes p at its from bus and delivers p less its loss at its to bus.
    fn add_dc_lines(&mut self, network: &PowerNetwork, new_of: &[u32]) {
        for l in network.dc_lines.iter().filter(|l| l.in_service) {
            let delivered = l.p_from_mw - (l.loss.0 + l.loss.1 * l.p_from_mw);
            for (bus, p, q) in [(l.from, -l.p_from_mw, l.q_mvar.0), (l.to, delivered, l.q_mvar.1)] {
                let t = &mut self.target[new_of[bus] as usize];
                *t = [t[0] + p / network.base_mva, t[1] + q / network.base_mva];
            }
        }
    }

    fn is_finite(&self, network: &PowerNetwork) -> bool {
        let finite = |list: &[[f64; 2]]| list.iter().flatten().all(|x| x.is_finite());
        let voltages = network.buses.iter().all(|b| b.vm_pu.is_finite() && b.va_deg.is_finite());
        voltages && network.base_mva > 0.0 && finite(&self.y) && finite(&self.target) && self.v_set.iter().all(|x| x.is_finite())
    }

    /// Sets which equations hold: none in an island that is not in the run.
    fn release(&mut self) {
        for i in 0..self.role.len() {
            let runs = self.island[i] != NO_ISLAND && self.in_run[self.island[i] as usize];
            self.free[i] = match self.role[i] {
                Role::Pq if runs => [1.0, 1.0],
                Role::Pv if runs => [1.0, 0.0],
                _ => [0.0, 0.0],
            };
        }
    }

    /// Takes the islands without a solution out of all equations.
    pub(super) fn leave_unsolved(&mut self) {
        for (runs, island) in self.in_run.iter_mut().zip(&self.islands) {
            *runs = island.ending == Ending::Solved;
        }
        self.release();
    }

    /// Puts other voltages into the chosen islands; returns all voltages as they were.
    fn put(&self, polar: &mut [[f64; 2]], other: &[[f64; 2]], chosen: &[bool]) -> Vec<[f64; 2]> {
        let old = polar.to_vec();
        for (i, island) in self.island.iter().enumerate().filter(|(_, island)| **island != NO_ISLAND) {
            if chosen[*island as usize] {
                polar[i] = other[i];
            }
        }
        old
    }

    /// True when the island of a bus (new numbering) ended so.
    pub(super) fn ended(&self, i: usize, ending: Ending) -> bool {
        self.island[i] != NO_ISLAND && self.islands[self.island[i] as usize].ending == ending
    }

    /// Holds buses at the reactive limits they are beyond and frees those whose voltage has passed the set point; returns the islands
    /// where something changed.
    fn switch_at_limits(&mut self, state: &mut State) -> Vec<usize> {
        let mut changed = std::collections::BTreeSet::new();
        for i in 0..self.role.len() {
            if !self.ended(i, Ending::Solved) {
                continue;
            }
            let q = state.s[i][1][0] - self.target[i][1] + self.generation[i][1];
            let side = match (self.role[i], self.at_limit[i]) {
                (Role::Pv, _) if q > self.q_range[i][1] + LIMIT_TOLERANCE => 1,
                (Role::Pv, _) if q < self.q_range[i][0] - LIMIT_TOLERANCE => -1,
                (Role::Pq, 1) if state.polar[i][1] > self.v_set[i] => 0,
                (Role::Pq, -1) if state.polar[i][1] < self.v_set[i] => 0,
                _ => continue,
            };
            if side == 0 {
                if self.returns[i] == RETURNS {
                    continue;
                }
                self.returns[i] += 1;
                self.role[i] = Role::Pv;
                state.polar[i][1] = self.v_set[i];
            } else {
                let limit = self.q_range[i][usize::from(side > 0)];
                self.target[i][1] += limit - self.generation[i][1];
                self.generation[i][1] = limit;
                self.role[i] = Role::Pq;
            }
            self.at_limit[i] = side;
            changed.insert(self.island[i] as usize);
        }
        changed.into_iter().collect()
    }
}

impl Analysed {
    /// Orders and analyses a network.
    pub fn new(network: &PowerNetwork) -> Analysed {
        let ends: Vec<(u32, u32)> = ends(network).collect();
        Analysed { pattern: Pattern::analyse(network.buses.len(), &ends), n_buses: network.buses.len(), ends }
    }

    /// True when the network has the buses and branch ends that were analysed.
    pub fn fits(&self, network: &PowerNetwork) -> bool {
        network.buses.len() == self.n_buses && network.branches.len() == self.ends.len() && ends(network).eq(self.ends.iter().copied())
    }

    /// Blocks of the factor below its diagonal.
    pub fn fill(&self) -> usize {
        self.pattern.fill()
    }

    /// Room for solves.
    pub fn workspace(&self) -> Workspace {
        let n = self.n_buses;
        let zero = [[0.0]; 2];
        let state = State { polar: vec![[0.0, 1.0]; n], v: vec![zero; n], s: vec![zero; n] };
        let blocks = vec![[0.0; 4]; self.pattern.n_blocks()];
        Workspace {
            grid: Grid::default(),
            state,
            blocks,
            factor: self.pattern.factor_storage(),
            step: vec![zero; n],
            minus_f: vec![zero; n],
        }
    }

    /// Solves the power flow of a network. One that this analysis does not fit is analysed anew.
    pub fn solve(&self, network: &PowerNetwork, options: &Options, work: &mut Workspace) -> Solution {
        if !self.fits(network) {
            let analysed = Analysed::new(network);
            let mut room = analysed.workspace();
            return analysed.solve(network, options, &mut room);
        }
        if !work.grid.read(network, self) {
            return Solution::empty(network, Ending::NotANumber);
        }
        self.start(network, options.start, work);
        let mut runs = Vec::new();
        self.converge(options, work, &mut runs);
        if let ReactiveLimits::Held { rounds } = options.reactive_limits {
            self.hold_limits(options, rounds, work, &mut runs);
        }
        work.solution(network, self, runs)
    }

    /// Sets the voltages to start from.
    fn start(&self, network: &PowerNetwork, start: Start, work: &mut Workspace) {
        let new_of = self.pattern.new_of();
        let Workspace { grid, state, .. } = work;
        for (k, bus) in network.buses.iter().enumerate() {
            let i = new_of[k] as usize;
            let reference = (grid.island[i] != NO_ISLAND).then(|| grid.islands[grid.island[i] as usize].references.first()).flatten();
            let held = matches!(grid.role[i], Role::Pv | Role::Reference);
            let angle = match reference {
                Some(&r) if start != Start::Case && grid.role[i] != Role::Reference => network.buses[r].va_deg,
                _ => bus.va_deg,
            };
            let magnitude = if held { grid.v_set[i] } else { 1.0 };
            state.polar[i] = [angle.to_radians(), if start == Start::Case && !held { bus.vm_pu } else { magnitude }];
        }
        if start == Start::Dc {
            for (runs, island) in grid.in_run.iter_mut().zip(&grid.islands) {
                *runs = island.ending != Ending::NoSource;
            }
            grid.release();
            self.dc_angles(network, work);
        }
    }

    /// Adds the angles of the direct-current model, by one solve on the pattern of the Jacobian.
    fn dc_angles(&self, network: &PowerNetwork, work: &mut Workspace) {
        let model = DcModel::new(network, Convention::Matpower);
        let Workspace { grid, state, blocks, factor, step, .. } = work;
        blocks.fill([0.0; 4]);
        for (k, &i) in self.pattern.new_of().iter().enumerate() {
            let i = i as usize;
            blocks[self.pattern.diagonal()[i] as usize] = [1.0 - grid.free[i][0], 0.0, 0.0, 1.0];
            step[i] = [[grid.free[i][0] * model.injection[k]], [0.0]];
        }
        for (&b, (&(f, t), &(ft, tf))) in model.b.iter().zip(self.ends.iter().zip(self.pattern.edge())) {
            let [f, t] = [f, t].map(|k| self.pattern.new_of()[k as usize] as usize);
            let flow = b * (state.polar[f][0] - state.polar[t][0]);
            for (i, place, flow) in [(f, ft, flow), (t, tf, -flow)] {
                let b = grid.free[i][0] * b;
                blocks[self.pattern.diagonal()[i] as usize][0] += b;
                blocks[place as usize][0] -= b;
                step[i][0][0] -= grid.free[i][0] * flow;
            }
        }
        if self.pattern.solve_checked(blocks, factor, step).is_ok() {
            for (polar, step) in state.polar.iter_mut().zip(step) {
                polar[0] += step[0][0];
            }
        }
    }

    /// Runs Newton's method with full steps and, for the islands that leaves unsolved or with more than 90° across a branch, with
    /// guarded steps from the same start. What the first run solved stays where the second finds nothing.
    pub(super) fn converge(&self, options: &Options, work: &mut Workspace, runs: &mut Vec<Run>) {
        let start = work.state.polar.clone();
        self.run(options, StepLength::Full, work, runs);
        let angle = |i: usize| work.state.polar[i][0];
        let wide = self.widest(&work.grid, |f, t, k| wrapped(angle(f) - angle(t) - work.grid.shift[k], TAU));
        let poor = |(island, wide): (&Island, &f64)| match island.ending {
            Ending::NoSource => false,
            Ending::Solved => *wide > WIDEST,
            _ => true,
        };
        let again: Vec<bool> = work.grid.islands.iter().zip(&wide).map(poor).collect();
        if !again.contains(&true) {
            return;
        }
        let first: Vec<Ending> = work.grid.islands.iter().map(|i| i.ending).collect();
        let found = work.grid.put(&mut work.state.polar, &start, &again);
        self.run(options, StepLength::Guarded, work, runs);
        let back: Vec<bool> =
            first.iter().zip(&work.grid.islands).map(|(first, now)| *first == Ending::Solved && now.ending != Ending::Solved).collect();
        if back.contains(&true) {
            work.grid.put(&mut work.state.polar, &found, &back);
            for (island, _) in work.grid.islands.iter_mut().zip(&back).filter(|(_, back)| **back) {
                island.ending = Ending::Solved;
            }
            self.evaluate(work);
        }
    }

    /// Widest of a value of the ends of a branch (in the order of the factorisation, with its number) in each island.
    fn widest(&self, grid: &Grid, width: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
        let mut widest = vec![0.0_f64; grid.islands.len()];
        for (k, (&(f, t), a)) in self.ends.iter().zip(&grid.admittance).enumerate() {
            if *a != [[0.0; 2]; 4] {
                let [f, t] = [f, t].map(|b| self.pattern.new_of()[b as usize] as usize);
                let w = &mut widest[grid.island[f] as usize];
                *w = w.max(width(f, t, k));
            }
        }
        widest
    }

    /// One run on every island with a source.
    fn run(&self, options: &Options, step: StepLength, work: &mut Workspace, runs: &mut Vec<Run>) {
        let grid = &mut work.grid;
        for (k, island) in grid.islands.iter().enumerate() {
            grid.in_run[k] = island.ending != Ending::NoSource;
        }
        grid.release();
        let mismatch_pu = self.newton(options, step, work);
        runs.push(Run { step, mismatch_pu });
    }

    /// One run; returns the largest mismatch before each step and at the end, and leaves the endings in the islands.
    fn newton(&self, options: &Options, length: StepLength, work: &mut Workspace) -> Vec<f64> {
        let mut history: Vec<f64> = Vec::with_capacity(8);
        let mut may_reuse = false;
        for iteration in 0..=options.iterations {
            self.evaluate(work);
            let (worst, works) = work.judge(options.tolerance);
            let gains = history.last().is_some_and(|&before| worst < before * REUSE_GAIN);
            history.push(worst);
            work.minus_f.clone_from(&work.step);
            if !works || iteration == options.iterations {
                break;
            }
            if may_reuse && worst < REUSE_BELOW && gains {
                self.pattern.solve(&work.factor, &mut work.step);
            } else {
                may_reuse = self.direction(work) == Way::Plain;
            }
            match length {
                StepLength::Full => work.advance(|_| 1.0),
                StepLength::Guarded => self.advance_guarded(work),
            }
        }
        history
    }

    /// S at the present voltages, and −F.
    fn evaluate(&self, work: &mut Workspace) {
        let Workspace { grid, state, step, .. } = work;
        for (v, &[angle, magnitude]) in state.v.iter_mut().zip(&state.polar) {
            let [c, s] = rotation(angle);
            *v = [[magnitude * c], [magnitude * s]];
        }
        power(&self.pattern, &grid.y, &state.v, &mut state.s);
        for (i, step) in step.iter_mut().enumerate() {
            for c in 0..2 {
                step[c][0] = if grid.free[i][c] == 0.0 { 0.0 } else { grid.target[i][c] - state.s[i][c][0] };
            }
        }
    }

    /// The Newton step from −F. An island with a singular Jacobian leaves the run.
    fn direction(&self, work: &mut Workspace) -> Way {
        for _ in 0..=work.grid.islands.len() {
            jacobian(&self.pattern, &work.grid, &work.state, &mut work.blocks);
            match self.pattern.solve_checked(&work.blocks, &mut work.factor, &mut work.step) {
                Ok(way) => return way,
                Err(row) => work.fail(work.grid.island[row] as usize, Ending::Singular),
            }
        }
        Way::Pivoted
    }

    /// Takes in each island the share λ of the step that changes no branch angle by more than [`TURN`], and scales it by the multiplier.
    /// After that share the mismatch is (1 − λ) F + c with c of second order.
    fn advance_guarded(&self, work: &mut Workspace) {
        let (before, f, direction) = (work.state.polar.clone(), work.minus_f.clone(), work.step.clone());
        let turn = self.widest(&work.grid, |f, t, _| (work.step[f][0][0] - work.step[t][0][0]).abs());
        let share: Vec<f64> = turn.into_iter().map(|t| if t > TURN { TURN / t } else { 1.0 }).collect();
        work.advance(|island| share[island]);
        self.evaluate(work);
        let mut sums = vec![[0.0; 3]; share.len()];
        for i in (0..before.len()).filter(|&i| work.grid.island[i] != NO_ISLAND) {
            let island = work.grid.island[i] as usize;
            for c in 0..2 {
                let a = f[i][c][0];
                let second = work.step[i][c][0] - (1.0 - share[island]) * a;
                let sum = &mut sums[island];
                *sum = [sum[0] + a * a, sum[1] + a * second, sum[2] + second * second];
            }
        }
        let scale: Vec<f64> = sums.into_iter().zip(share).map(|(sum, share)| share * multiplier(sum, share)).collect();
        work.state.polar = before;
        work.step = direction;
        for (island, _) in scale.iter().enumerate().filter(|(_, scale)| **scale < LEAST_SCALE) {
            work.fail(island, Ending::IterationLimit);
        }
        work.advance(|island| scale[island]);
    }

    /// Switches buses beyond a reactive limit and back, and solves again, until nothing changes.
    fn hold_limits(&self, options: &Options, rounds: usize, work: &mut Workspace, runs: &mut Vec<Run>) {
        for round in 0..=rounds {
            let changed = work.grid.switch_at_limits(&mut work.state);
            if changed.is_empty() {
                return;
            }
            if round == rounds {
                for island in changed {
                    work.grid.islands[island].ending = Ending::NotSettled;
                }
                return;
            }
            for island in changed {
                work.grid.islands[island].ending = Ending::IterationLimit;
            }
            self.converge(options, work, runs);
        }
    }
}

/// The μ in (0, 1] at which |(1 − λμ) a + μ² c|² stops falling, from aa = |a|², ac = a·c, cc = |c|² and λ.
fn multiplier([aa, ac, cc]: [f64; 3], share: f64) -> f64 {
    if !cc.is_finite() {
        return 0.5;
    }
    // Half the derivative; it is −λ aa at 0.
    let slope = |m: f64| -share * aa + m * (share * share * aa + 2.0 * ac) - 3.0 * share * ac * m * m + 2.0 * cc * m * m * m;
    if slope(1.0) <= 0.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..52 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    high
}

impl Workspace {
    /// Finds the largest mismatch of each island in the run, from −F, and what it says about the island. Returns the largest of all, and
    /// whether an island still works on it.
    fn judge(&mut self, tolerance: f64) -> (f64, bool) {
        let grid = &mut self.grid;
        grid.islands.iter_mut().zip(&grid.in_run).filter(|(_, run)| **run).for_each(|(i, _)| i.mismatch_pu = 0.0);
        for (f, &island) in self.step.iter().zip(&grid.island) {
            if island != NO_ISLAND && grid.in_run[island as usize] {
                let most = &mut grid.islands[island as usize].mismatch_pu;
                for x in [f[0][0].abs(), f[1][0].abs()] {
                    // What is not a number counts as beyond all bounds.
                    *most = if x.is_nan() { f64::INFINITY } else { most.max(x) };
                }
            }
        }
        let (mut worst, mut works) = (0.0_f64, false);
        for k in 0..self.grid.islands.len() {
            let mismatch = self.grid.islands[k].mismatch_pu;
            worst = worst.max(mismatch);
            if self.grid.in_run[k] {
                self.grid.islands[k].ending = if mismatch <= tolerance { Ending::Solved } else { Ending::IterationLimit };
                works |= mismatch > tolerance && mismatch <= DIVERGED;
                if mismatch > DIVERGED {
                    self.fail(k, Ending::IterationLimit);
                }
            }
        }
        (worst, works)
    }

    /// Takes an island out of the run.
    fn fail(&mut self, island: usize, ending: Ending) {
        self.grid.islands[island].ending = ending;
        self.grid.in_run[island] = false;
        self.grid.release();
        for (i, step) in self.step.iter_mut().enumerate() {
            if self.grid.island[i] == island as u32 {
                *step = [[0.0], [0.0]];
            }
        }
    }

    /// Moves the voltages along the step, scaled in each island.
    fn advance(&mut self, scale: impl Fn(usize) -> f64) {
        for (i, (polar, step)) in self.state.polar.iter_mut().zip(&self.step).enumerate() {
            if self.grid.island[i] == NO_ISLAND {
                continue;
            }
            let scale = scale(self.grid.island[i] as usize);
            polar[0] += scale * step[0][0];
            polar[1] += scale * step[1][0] * polar[1];
            if polar[1] < 0.0 {
                *polar = [polar[0] + std::f64::consts::PI, -polar[1]];
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
