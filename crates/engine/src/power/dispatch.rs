//! Base dispatch, sharing of imbalance, and the linear program of redispatch and shedding.
//!
//! Program: minimise Σ c⁺u + c⁻d + Σ w s  subject to, for each island, Σ(p₀ + u − d) + Σ hvdc = Σ(load − s), and for each
//! line found overloaded, −limit ≤ f₀ + Σ φ·Δ ≤ limit with φ the line's transfer factors. Lines enter only once violated
//! (constraint generation), so the program stays small. u, d: rise and fall of generation at a bus; s: load shed, first as
//! one share a zone (so that equal consumers share alike), then by bus where a limit binds locally.

use std::sync::Arc;

use buttress_lp::{Basis, Limits, Problem, solve};
use buttress_model::Sharing;

use super::{BASE_LOADING, Grid, GridLine, Network, POWER_EPS, PowerFlow, PowerState, Topology};
use crate::ending::Ending;

/// Rounds of constraint generation before giving up.
const MAX_ROUNDS: usize = 40;
/// Lines added a round.
const LINES_A_ROUND: usize = 25;
/// Cost of shedding 1 p.u. by a zone's common share, in the units of dispatch cost; by bus it is dearer.
const SHED_COST: f64 = 1.0e5;
const SHED_COST_BUS: f64 = 1.3e5;
/// Factor on shedding outside zones that are short themselves, under `own_first`.
const OTHERS_FACTOR: f64 = 4.0;

/// What the operator runs when nothing is wrong.
#[derive(Debug, Clone)]
pub struct BaseDispatch {
    /// Study point index.
    pub point: usize,
    /// Output of each plant, p.u.
    pub plant: Vec<f64>,
    /// Set point of each HVDC link (positive: from, to), p.u.
    pub hvdc: Vec<f64>,
    /// Net injection by bus, p.u.
    pub injection: Vec<f64>,
    /// Flow on each line, p.u.
    pub flow: Vec<f64>,
    /// Load shed by load, p.u.
    pub shed: Vec<f64>,
    /// How the program ended.
    pub ending: Ending,
    /// Topology of the base state, for states that keep it.
    pub(super) topology: Option<Arc<Topology>>,
}

impl BaseDispatch {
    /// No dispatch: for balances that need none.
    pub fn none(grid: &Grid, point: usize) -> BaseDispatch {
        BaseDispatch {
            point,
            plant: Vec::new(),
            hvdc: Vec::new(),
            injection: Vec::new(),
            flow: Vec::new(),
            shed: vec![0.0; grid.loads.len()],
            ending: Ending::Solved,
            topology: None,
        }
    }
}

/// Dispatch of one state while it is being worked on, by bus.
pub(crate) struct Now<'a> {
    grid: &'a Grid,
    /// Generation by bus.
    p: Vec<f64>,
    /// Largest generation by bus.
    p_cap: Vec<f64>,
    /// Mean marginal cost by bus.
    cost: Vec<f64>,
    hvdc: Vec<f64>,
    hvdc_bound: Vec<(f64, f64)>,
    /// Demand of each load.
    demand: Vec<f64>,
    shed: Vec<f64>,
    n_zones: usize,
    base_import: Vec<f64>,
    pub(crate) flow: Vec<f64>,
}

impl<'a> Now<'a> {
    pub(crate) fn new(grid: &'a Grid, base: &BaseDispatch, state: &PowerState) -> Now<'a> {
        let n = grid.n_buses;
        let (mut p, mut p_cap, mut cost, mut weight) = (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for (k, ((plant, &share), &p0)) in grid.plants.iter().zip(&state.plant).zip(&base.plant).enumerate() {
            let mut cap = plant.p_max[base.point] * share * state.bus[plant.bus];
            if state.held_plants.binary_search(&(k as u32)).is_ok() {
                cap = cap.min(p0);
            }
            p[plant.bus] += p0.min(cap);
            p_cap[plant.bus] += cap;
            cost[plant.bus] += plant.cost * cap;
            weight[plant.bus] += cap;
        }
        for (c, w) in cost.iter_mut().zip(&weight) {
            if *w > 0.0 {
                *c /= w;
            }
        }
        let hvdc_bound: Vec<(f64, f64)> = grid
            .hvdc
            .iter()
            .zip(&state.hvdc)
            .map(|(h, &s)| {
                let s = s * f64::from(state.bus[h.from] > 0.0 && state.bus[h.to] > 0.0);
                (-h.p_max_reverse * s, h.p_max * s)
            })
            .collect();
        let hvdc: Vec<f64> = base.hvdc.iter().zip(&hvdc_bound).map(|(x, b)| x.clamp(b.0, b.1)).collect();
        let mut hvdc_bound = hvdc_bound;
        for &k in &state.held_hvdc {
            hvdc_bound[k as usize] = (hvdc[k as usize], hvdc[k as usize]);
        }
        let n_zones = state.demand.len();
        let mut base_import = vec![0.0; n_zones];
        for (zone, injection) in grid.bus_zone.iter().zip(&base.injection) {
            base_import[*zone] -= injection;
        }
        let demand: Vec<f64> = grid.loads.iter().map(|l| l.p[base.point] * state.demand[l.zone]).collect();
        let shed = grid.loads.iter().zip(&demand).map(|(l, d)| d * (1.0 - state.bus[l.bus])).collect();
        Now { grid, p, p_cap, cost, hvdc, hvdc_bound, demand, shed, n_zones, base_import, flow: Vec::new() }
    }

    /// Net injection by bus.
    pub(crate) fn injection(&self) -> Vec<f64> {
        let mut x = self.p.clone();
        for ((load, d), s) in self.grid.loads.iter().zip(&self.demand).zip(&self.shed) {
            x[load.bus] -= d - s;
        }
        for (h, f) in self.grid.hvdc.iter().zip(&self.hvdc) {
            x[h.from] -= f;
            x[h.to] += f;
        }
        x
    }

    /// Surplus (positive) or deficit of each island.
    fn imbalance(&self, network: &Network) -> Vec<f64> {
        let mut sum = vec![0.0; network.n_islands()];
        for (i, x) in self.injection().into_iter().enumerate() {
            sum[network.island(i)] += x;
        }
        sum
    }

    /// Shares each island's imbalance by headroom; false where headroom is not enough.
    pub(crate) fn share_imbalance(&mut self, network: &Network) -> bool {
        let imbalance = self.imbalance(network);
        let (mut up, mut down) = (vec![0.0; network.n_islands()], vec![0.0; network.n_islands()]);
        for i in 0..self.grid.n_buses {
            up[network.island(i)] += self.p_cap[i] - self.p[i];
            down[network.island(i)] += self.p[i];
        }
        let mut enough = true;
        for i in 0..self.grid.n_buses {
            let k = network.island(i);
            let x = imbalance[k];
            if x < 0.0 && up[k] > 0.0 {
                self.p[i] += (self.p_cap[i] - self.p[i]) * (-x / up[k]).min(1.0);
            } else if x > 0.0 && down[k] > 0.0 {
                self.p[i] -= self.p[i] * (x / down[k]).min(1.0);
            }
        }
        for k in 0..network.n_islands() {
            enough &= imbalance[k] >= -up[k] - POWER_EPS && imbalance[k] <= down[k] + POWER_EPS;
        }
        enough
    }

    /// Weight of shedding in each zone.
    fn shed_weight(&self, sharing: Sharing) -> Vec<f64> {
        let mut short = vec![1.0; self.n_zones];
        if sharing == Sharing::OwnFirst {
            let (mut cap, mut need) = (vec![0.0; self.n_zones], vec![0.0; self.n_zones]);
            for (i, &c) in self.p_cap.iter().enumerate() {
                cap[self.grid.bus_zone[i]] += c;
            }
            for ((load, d), s) in self.grid.loads.iter().zip(&self.demand).zip(&self.shed) {
                need[load.zone] += d - s;
            }
            for z in 0..self.n_zones {
                if cap[z] + self.base_import[z].max(0.0) >= need[z] - POWER_EPS {
                    short[z] = OTHERS_FACTOR;
                }
            }
            if short.iter().all(|&w| w > 1.0) {
                short.fill(1.0);
            }
        }
        short
    }

    /// Least-cost redispatch and shedding under line limits.
    pub(crate) fn redispatch(&mut self, network: &Network, sharing: Sharing) -> Ending {
        let weight = self.shed_weight(sharing);
        let mut program = Program::new(self, network, &weight, &|i, this: &Now| (1.0 + this.cost[i] * 1e-3, 1.0 - this.cost[i] * 1e-3));
        let ending = program.run(self, network, &|_| 1.0);
        if ending == Ending::Solved {
            program.apply(self);
        } else {
            self.shed.clone_from(&self.demand);
        }
        ending
    }

    /// Buses that are out, or whose island has neither plant nor link from elsewhere.
    fn dead_buses(&self, network: &Network, state: &PowerState) -> Vec<u32> {
        let mut able = vec![false; network.n_islands()];
        for (i, &cap) in self.p_cap.iter().enumerate() {
            able[network.island(i)] |= cap > POWER_EPS;
        }
        for (h, bound) in self.grid.hvdc.iter().zip(&self.hvdc_bound) {
            able[network.island(h.to)] |= bound.1 > POWER_EPS;
            able[network.island(h.from)] |= bound.0 < -POWER_EPS;
        }
        (0..self.grid.n_buses).filter(|&i| state.bus[i] <= 0.0 || !able[network.island(i)]).map(|i| i as u32).collect()
    }

    pub(crate) fn finish(self, network: &Network, state: &PowerState, ending: Ending, used_lp: bool) -> PowerFlow {
        let grid = self.grid;
        let served: Vec<f64> = self
            .demand
            .iter()
            .zip(&self.shed)
            .zip(&grid.loads)
            .map(|((d, s), l)| if *d > POWER_EPS { (1.0 - s / d).clamp(0.0, 1.0) } else { f64::from(state.bus[l.bus] > 0.0) })
            .collect();
        // A bus without load of its own lives when its island has any source; its supply is that of its island.
        let (mut source, mut want, mut got) =
            (vec![0.0; network.n_islands()], vec![0.0; network.n_islands()], vec![0.0; network.n_islands()]);
        for i in 0..grid.n_buses {
            source[network.island(i)] += self.p[i];
        }
        for (h, f) in grid.hvdc.iter().zip(&self.hvdc) {
            source[network.island(h.from)] += (-f).max(0.0);
            source[network.island(h.to)] += f.max(0.0);
        }
        let (mut bus_want, mut bus_got) = (vec![0.0; grid.n_buses], vec![0.0; grid.n_buses]);
        for ((load, d), s) in grid.loads.iter().zip(&self.demand).zip(&self.shed) {
            bus_want[load.bus] += d;
            bus_got[load.bus] += d - s;
            want[network.island(load.bus)] += d;
            got[network.island(load.bus)] += d - s;
        }
        let bus_served = (0..grid.n_buses)
            .map(|i| {
                let k = network.island(i);
                if state.bus[i] <= 0.0 {
                    0.0
                } else if bus_want[i] > POWER_EPS {
                    (bus_got[i] / bus_want[i]).clamp(0.0, 1.0)
                } else if want[k] > POWER_EPS {
                    (got[k] / want[k]).clamp(0.0, 1.0)
                } else {
                    f64::from(source[k] > POWER_EPS || self.p_cap[i] > POWER_EPS)
                }
            })
            .collect();
        let n_islands = want.iter().filter(|w| **w > POWER_EPS).count();
        let dead = self.dead_buses(network, state);
        PowerFlow { ending, served, bus_served, flow: self.flow, dead, n_islands, used_lp }
    }
}

/// Columns of the program, by what they move.
struct Program {
    problem: Problem,
    up: Vec<Option<usize>>,
    down: Vec<Option<usize>>,
    hvdc: Vec<usize>,
    zone_shed: Vec<Option<usize>>,
    load_shed: Vec<usize>,
    /// Demand still served when the program was set up, by load.
    open: Vec<f64>,
    start_flow: Vec<f64>,
    limited: Vec<bool>,
    answer: Vec<f64>,
}

impl Program {
    fn new(now: &Now, network: &Network, weight: &[f64], cost: &dyn Fn(usize, &Now) -> (f64, f64)) -> Program {
        let grid = now.grid;
        let mut problem = Problem::new();
        let (mut up, mut down) = (vec![None; grid.n_buses], vec![None; grid.n_buses]);
        for i in 0..grid.n_buses {
            let (c_up, c_down) = cost(i, now);
            if now.p_cap[i] - now.p[i] > POWER_EPS {
                up[i] = Some(problem.add_col(c_up, 0.0, now.p_cap[i] - now.p[i]));
            }
            if now.p[i] > POWER_EPS {
                down[i] = Some(problem.add_col(c_down, 0.0, now.p[i]));
            }
        }
        let hvdc = now.hvdc.iter().zip(&now.hvdc_bound).map(|(x, b)| problem.add_col(0.0, b.0 - x, b.1 - x)).collect();
        let open: Vec<f64> = now.demand.iter().zip(&now.shed).map(|(d, s)| (d - s).max(0.0)).collect();
        let mut zone_open = vec![0.0; now.n_zones];
        for (load, o) in grid.loads.iter().zip(&open) {
            zone_open[load.zone] += o;
        }
        let zone_shed =
            zone_open.iter().zip(weight).map(|(o, w)| (*o > POWER_EPS).then(|| problem.add_col(SHED_COST * w * o, 0.0, 1.0))).collect();
        let load_shed = grid.loads.iter().zip(&open).map(|(l, o)| problem.add_col(SHED_COST_BUS * weight[l.zone], 0.0, *o)).collect();
        let mut program = Program {
            problem,
            up,
            down,
            hvdc,
            zone_shed,
            load_shed,
            open,
            start_flow: Vec::new(),
            limited: vec![false; grid.lines.len()],
            answer: Vec::new(),
        };
        program.add_balances(now, network);
        program.start_flow = network.flows(now.injection());
        program
    }

    /// A load cannot be shed twice: where its zone's share and its own part together exceed it, a row says so. Returns the
    /// number of rows added; they enter only once violated.
    fn add_load_rows(&mut self, now: &Now) -> usize {
        let before = self.problem.n_rows();
        for (k, load) in now.grid.loads.iter().enumerate() {
            let Some(z) = self.zone_shed[load.zone] else { continue };
            if self.open[k] > POWER_EPS && self.answer[z] * self.open[k] + self.answer[self.load_shed[k]] > self.open[k] + POWER_EPS {
                self.problem.add_row(f64::NEG_INFINITY, self.open[k], [(z, self.open[k]), (self.load_shed[k], 1.0)]);
            }
        }
        self.problem.n_rows() - before
    }

    /// Change of a weighted sum of injections, as row entries: `factor` by bus.
    fn entries(&self, now: &Now, factor: &[f64]) -> Vec<(usize, f64)> {
        let mut row = Vec::new();
        for (i, &f) in factor.iter().enumerate() {
            if f.abs() > 1e-9 {
                row.extend(self.up[i].map(|c| (c, f)));
                row.extend(self.down[i].map(|c| (c, -f)));
            }
        }
        for (h, &c) in now.grid.hvdc.iter().zip(&self.hvdc) {
            let f = factor[h.to] - factor[h.from];
            if f.abs() > 1e-9 {
                row.push((c, f));
            }
        }
        let mut by_zone = vec![0.0; now.n_zones];
        for ((load, &c), &o) in now.grid.loads.iter().zip(&self.load_shed).zip(&self.open) {
            let f = factor[load.bus];
            if f.abs() > 1e-9 && o > POWER_EPS {
                row.push((c, f));
                by_zone[load.zone] += f * o;
            }
        }
        for (z, &f) in by_zone.iter().enumerate() {
            if let Some(c) = self.zone_shed[z]
                && f.abs() > 1e-12
            {
                row.push((c, f));
            }
        }
        row
    }

    fn add_balances(&mut self, now: &Now, network: &Network) {
        let imbalance = now.imbalance(network);
        let mut members = vec![Vec::new(); network.n_islands()];
        for i in 0..now.grid.n_buses {
            members[network.island(i)].push(i);
        }
        for (k, buses) in members.iter().enumerate() {
            let mut factor = vec![0.0; now.grid.n_buses];
            for &i in buses {
                factor[i] = 1.0;
            }
            let row = self.entries(now, &factor);
            if !row.is_empty() {
                self.problem.add_row(-imbalance[k], -imbalance[k], row);
            }
        }
    }

    /// Solves, adds the lines found overloaded, and repeats.
    fn run(&mut self, now: &mut Now, network: &Network, share: &dyn Fn(&GridLine) -> f64) -> Ending {
        let limits = Limits::default();
        for e in network.overloads(&self.start_flow.clone(), share).into_iter().take(LINES_A_ROUND) {
            self.limit_line(now, network, e, share);
        }
        let mut basis: Option<Basis> = None;
        for _ in 0..MAX_ROUNDS {
            let s = solve(&self.problem, &limits, basis.as_ref());
            if !s.is_optimal() {
                return if s.ending == buttress_lp::Ending::Infeasible { Ending::Infeasible } else { Ending::IterationLimit };
            }
            self.answer = s.x;
            let rows = self.problem.n_rows();
            if self.add_load_rows(now) > 0 {
                basis = s.basis.map(|b| b.with_new_rows(self.problem.n_rows() - rows));
                continue;
            }
            let flow = network.flows(self.injection_after(now));
            let fresh: Vec<usize> = network.overloads(&flow, share).into_iter().filter(|&e| !self.limited[e]).take(LINES_A_ROUND).collect();
            now.flow = flow;
            if fresh.is_empty() {
                return Ending::Solved;
            }
            for e in fresh {
                self.limit_line(now, network, e, share);
            }
            basis = s.basis.map(|b| b.with_new_rows(self.problem.n_rows() - rows));
        }
        Ending::IterationLimit
    }

    fn limit_line(&mut self, now: &Now, network: &Network, line: usize, share: &dyn Fn(&GridLine) -> f64) {
        let row = self.entries(now, &network.transfer_factors(line));
        let limit = network.limit_of(line) * share(&now.grid.lines[line]);
        self.problem.add_row(-limit - self.start_flow[line], limit - self.start_flow[line], row);
        self.limited[line] = true;
    }

    fn shed_after(&self, now: &Now) -> Vec<f64> {
        let x = &self.answer;
        now.grid
            .loads
            .iter()
            .enumerate()
            .map(|(k, load)| {
                now.shed[k] + (x[self.load_shed[k]] + self.zone_shed[load.zone].map_or(0.0, |c| x[c]) * self.open[k]).min(self.open[k])
            })
            .collect()
    }

    fn generation_after(&self, now: &Now) -> Vec<f64> {
        let at = |c: Option<usize>| c.map_or(0.0, |c| self.answer[c]);
        (0..now.p.len()).map(|i| now.p[i] + at(self.up[i]) - at(self.down[i])).collect()
    }

    fn injection_after(&self, now: &Now) -> Vec<f64> {
        let mut x = self.generation_after(now);
        for ((load, d), s) in now.grid.loads.iter().zip(&now.demand).zip(self.shed_after(now)) {
            x[load.bus] -= d - s;
        }
        for ((h, f), &c) in now.grid.hvdc.iter().zip(&now.hvdc).zip(&self.hvdc) {
            let f = f + self.answer[c];
            x[h.from] -= f;
            x[h.to] += f;
        }
        x
    }

    fn apply(&self, now: &mut Now) {
        let (shed, p) = (self.shed_after(now), self.generation_after(now));
        for (f, &c) in now.hvdc.iter_mut().zip(&self.hvdc) {
            *f += self.answer[c];
        }
        now.shed = shed;
        now.p = p;
    }
}

/// Least-cost dispatch from nothing, ties held to [`BASE_LOADING`] of their limit.
pub(crate) fn base(grid: &Grid, point: usize, state: &PowerState) -> BaseDispatch {
    let nothing = BaseDispatch {
        point,
        plant: vec![0.0; grid.plants.len()],
        hvdc: vec![0.0; grid.hvdc.len()],
        injection: vec![0.0; grid.n_buses],
        flow: vec![0.0; grid.lines.len()],
        shed: grid.loads.iter().map(|l| l.p[point]).collect(),
        ending: Ending::Singular,
        topology: None,
    };
    let Some(network) = Network::new(grid, state, None) else { return nothing };
    let mut now = Now::new(grid, &nothing, state);
    let mut program = Program::new(&now, &network, &vec![1.0; state.demand.len()], &|_, _| (0.0, 0.0));
    // One column a plant, not a bus: plants at a bus differ in cost. The bus column is closed and replaced.
    let mut plant_col = Vec::with_capacity(grid.plants.len());
    let mut at_bus: Vec<Vec<usize>> = vec![Vec::new(); grid.n_buses];
    for (k, plant) in grid.plants.iter().enumerate() {
        let cap = plant.p_max[point] * state.plant[k] * state.bus[plant.bus];
        // A small rise with the index makes the optimum unique, hence the same on every machine.
        let c = program.problem.add_col(plant.cost + k as f64 * 1e-6, 0.0, cap);
        plant_col.push(c);
        at_bus[plant.bus].push(c);
    }
    for (i, cols) in at_bus.iter().enumerate() {
        if let Some(up) = program.up[i] {
            let row: Vec<(usize, f64)> = std::iter::once((up, -1.0)).chain(cols.iter().map(|&c| (c, 1.0))).collect();
            program.problem.add_row(0.0, 0.0, row);
        }
    }
    // HVDC flows cost a little, so that idle links stay idle.
    for &c in &program.hvdc.clone() {
        let loss = program.problem.add_col(0.5, 0.0, f64::INFINITY);
        program.problem.add_row(0.0, f64::INFINITY, [(loss, 1.0), (c, -1.0)]);
        program.problem.add_row(0.0, f64::INFINITY, [(loss, 1.0), (c, 1.0)]);
    }
    let ending = program.run(&mut now, &network, &|l| if l.is_tie { BASE_LOADING } else { 1.0 });
    if ending != Ending::Solved {
        return BaseDispatch { ending, ..nothing };
    }
    let plant = plant_col.iter().map(|&c| program.answer[c]).collect();
    program.apply(&mut now);
    BaseDispatch {
        point,
        plant,
        hvdc: now.hvdc.clone(),
        injection: now.injection(),
        flow: now.flow.clone(),
        shed: now.shed.clone(),
        ending,
        topology: Some(network.share()),
    }
}
