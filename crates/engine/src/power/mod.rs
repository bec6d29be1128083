//! Electricity: DC power flow by island, redispatch, and minimum-cost load shedding under line limits.
//!
//! Equations (per unit on 100 MVA, radians): B θ = P with B the susceptance Laplacian of the lines in service; flow on a
//! line f = (`θ_from` − `θ_to`) / x. An imbalance is first shared by headroom within its island; where a line limit or the
//! headroom is hit, the linear program of [`dispatch`] decides redispatch and, at last, shedding ("the operator acts in time").
//! Source: Stott, Jardim, Alsaç, "DC Power Flow Revisited", IEEE Trans. Power Syst. 24(3), 2009, DOI 10.1109/TPWRS.2009.2021235.

pub mod ac;
pub mod ac_n1;
pub mod adequacy;
pub mod dc;
mod dispatch;
pub mod factors;
pub mod frequency;
pub mod ldl;
pub mod lu;
pub mod n1;
pub mod n2;
pub mod opf;
pub mod order;
pub mod overload;
mod program;
pub mod redispatch;
pub mod shed;
pub mod simd;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use buttress_model::{Balance, Sharing, StudyPoint};

use crate::components::components;
use crate::ending::Ending;
use ldl::{Factor, Pattern};

pub use dispatch::BaseDispatch;

/// System base, MVA.
pub const BASE_MVA: f64 = 100.0;
/// A line is overloaded when its flow exceeds the limit by more than this share.
const LIMIT_TOLERANCE: f64 = 1e-6;
/// Power below this (p.u.) counts as none.
const POWER_EPS: f64 = 1e-7;
/// Share of a tie's limit that the base dispatch may use, leaving room for the loss of another line
/// (the 70 % rule of Regulation (EU) 2019/943, Art. 16(8), read as a planning margin).
pub const BASE_LOADING: f64 = 0.7;

/// An alternating-current line.
#[derive(Debug, Clone, Copy)]
pub struct GridLine {
    /// From bus.
    pub from: usize,
    /// To bus.
    pub to: usize,
    /// Susceptance 1/x, p.u.
    pub b: f64,
    /// Limit, p.u.; infinite when unlimited.
    pub p_max: f64,
    /// True for a line between two zones.
    pub is_tie: bool,
}

/// A direct-current link.
#[derive(Debug, Clone, Copy)]
pub struct GridHvdc {
    /// From bus.
    pub from: usize,
    /// To bus.
    pub to: usize,
    /// Limit from, to, p.u.
    pub p_max: f64,
    /// Limit to, from, p.u.
    pub p_max_reverse: f64,
}

/// A plant.
#[derive(Debug, Clone, Copy)]
pub struct GridPlant {
    /// Bus.
    pub bus: usize,
    /// Capacity available at each study point, p.u.
    pub p_max: [f64; 2],
    /// Marginal cost, EUR/MWh.
    pub cost: f64,
    /// True when it can start without a grid and is more than an aggregate on paper.
    pub black_start: bool,
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub struct GridLoad {
    /// Bus.
    pub bus: usize,
    /// Zone.
    pub zone: usize,
    /// Demand at each study point, p.u.
    pub p: [f64; 2],
    /// People served.
    pub population: f64,
}

/// Topology and parameters of the grid.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Number of buses.
    pub n_buses: usize,
    /// Zone of each bus.
    pub bus_zone: Vec<usize>,
    /// Lines.
    pub lines: Vec<GridLine>,
    /// HVDC links.
    pub hvdc: Vec<GridHvdc>,
    /// Plants.
    pub plants: Vec<GridPlant>,
    /// Loads.
    pub loads: Vec<GridLoad>,
    /// Analysed once; absent where the study balances by component.
    pattern: Option<Arc<Pattern>>,
}

/// What the rest of the world does to the grid: shares from 0 (out) to 1 (as built).
#[derive(Debug, Clone, PartialEq)]
pub struct PowerState {
    /// Buses.
    pub bus: Vec<f64>,
    /// Lines.
    pub line: Vec<f64>,
    /// HVDC links.
    pub hvdc: Vec<f64>,
    /// Plants.
    pub plant: Vec<f64>,
    /// Demand factor by zone.
    pub demand: Vec<f64>,
    /// Plants that may not be raised above their base output, ascending.
    pub held_plants: Vec<u32>,
    /// Links that may not leave their base set point, ascending.
    pub held_hvdc: Vec<u32>,
}

/// What came out of one solve.
#[derive(Debug, Clone)]
pub struct PowerFlow {
    /// How it ended.
    pub ending: Ending,
    /// Served share of each load.
    pub served: Vec<f64>,
    /// Served share at each bus (1 where nothing is demanded and the bus lives).
    pub bus_served: Vec<f64>,
    /// Flow on each line, p.u.
    pub flow: Vec<f64>,
    /// Buses that are out or in an island without anything that could feed it, ascending.
    pub dead: Vec<u32>,
    /// Number of islands that carry load.
    pub n_islands: usize,
    /// True when the linear program was needed.
    pub used_lp: bool,
}

impl Grid {
    /// Builds a grid; analyses its pattern unless flows are not asked for.
    pub fn new(
        balance: Balance,
        n_buses: usize,
        bus_zone: Vec<usize>,
        lines: Vec<GridLine>,
        hvdc: Vec<GridHvdc>,
        plants: Vec<GridPlant>,
        loads: Vec<GridLoad>,
    ) -> Grid {
        let pattern = (balance == Balance::Flow).then(|| {
            let edges: Vec<(usize, usize)> = lines.iter().map(|l| (l.from, l.to)).collect();
            Arc::new(Pattern::analyse(n_buses, &edges))
        });
        Grid { n_buses, bus_zone, lines, hvdc, plants, loads, pattern }
    }

    /// The same topology with other limits: `line`, `hvdc` and `plant` multiply what stands.
    #[must_use]
    pub fn scaled(&self, line: impl Fn(usize) -> f64, hvdc: impl Fn(usize) -> f64, plant: impl Fn(usize) -> f64) -> Grid {
        let mut out = self.clone();
        for (k, l) in out.lines.iter_mut().enumerate() {
            l.p_max *= line(k);
        }
        for (k, h) in out.hvdc.iter_mut().enumerate() {
            (h.p_max, h.p_max_reverse) = (h.p_max * hvdc(k), h.p_max_reverse * hvdc(k));
        }
        for (k, p) in out.plants.iter_mut().enumerate() {
            p.p_max = p.p_max.map(|x| x * plant(k));
        }
        out
    }

    /// The state in which everything works.
    pub fn intact(&self, n_zones: usize) -> PowerState {
        PowerState {
            bus: vec![1.0; self.n_buses],
            line: vec![1.0; self.lines.len()],
            hvdc: vec![1.0; self.hvdc.len()],
            plant: vec![1.0; self.plants.len()],
            demand: vec![1.0; n_zones],
            held_plants: Vec::new(),
            held_hvdc: Vec::new(),
        }
    }
}

/// What hangs on the topology: islands and factorisation, for one set of buses and lines in service.
#[derive(Debug)]
struct Topology {
    /// Shares of buses and lines it was made for.
    bus: Vec<f64>,
    line: Vec<f64>,
    /// Susceptance of each line in service, 0 otherwise.
    b: Vec<f64>,
    /// Island of each bus; the number of a dead bus is its own.
    island: Vec<usize>,
    n_islands: usize,
    is_reference: Vec<bool>,
    factor: Factor,
}

/// The grid in one state. The topology of the base state is analysed once and shared by all states that keep it.
pub(crate) struct Network<'a> {
    grid: &'a Grid,
    pattern: &'a Pattern,
    topology: Arc<Topology>,
    /// Limit of each line in this state.
    limit: Vec<f64>,
}

/// Islands that the lines with a susceptance make.
fn islands(n: usize, lines: &[GridLine], b: &[f64]) -> (Vec<usize>, usize) {
    components(n, lines.iter().zip(b).filter(|&(_, &b)| b != 0.0).map(|(l, _)| (l.from, l.to)))
}

impl<'a> Network<'a> {
    /// Factorises the grid in a state; `None` when the numbers are singular.
    pub(crate) fn new(grid: &'a Grid, state: &PowerState, base: Option<&BaseDispatch>) -> Option<Network<'a>> {
        let pattern = grid.pattern.as_ref()?;
        let limit = grid.lines.iter().zip(&state.line).map(|(l, s)| l.p_max * s.max(0.0)).collect();
        if let Some(topology) = base.and_then(|b| b.topology.as_ref())
            && topology.bus == state.bus
            && topology.line == state.line
        {
            return Some(Network { grid, pattern, topology: topology.clone(), limit });
        }
        let topology = Arc::new(Topology::new(grid, pattern, state)?);
        Some(Network { grid, pattern, topology, limit })
    }

    /// Number of islands, dead buses included.
    pub(crate) fn n_islands(&self) -> usize {
        self.topology.n_islands
    }

    /// Island of a bus.
    pub(crate) fn island(&self, bus: usize) -> usize {
        self.topology.island[bus]
    }

    fn share(&self) -> Arc<Topology> {
        self.topology.clone()
    }
}

impl Topology {
    fn new(grid: &Grid, pattern: &Pattern, state: &PowerState) -> Option<Topology> {
        let live = |i: usize| state.bus[i] > 0.0;
        let on: Vec<bool> = grid.lines.iter().zip(&state.line).map(|(l, &s)| s > 0.0 && live(l.from) && live(l.to)).collect();
        let b: Vec<f64> = grid.lines.iter().zip(&on).map(|(l, &on)| if on { l.b } else { 0.0 }).collect();
        let (island, n_islands) = islands(grid.n_buses, &grid.lines, &b);
        let mut is_reference = vec![false; grid.n_buses];
        let mut seen = vec![false; n_islands];
        for i in 0..grid.n_buses {
            if !seen[island[i]] {
                seen[island[i]] = true;
                is_reference[i] = true;
            }
        }
        let mut diagonal = vec![0.0; grid.n_buses];
        let mut edge = vec![0.0; grid.lines.len()];
        for (e, (line, &b)) in grid.lines.iter().zip(&b).enumerate() {
            diagonal[line.from] += b;
            diagonal[line.to] += b;
            if !is_reference[line.from] && !is_reference[line.to] {
                edge[e] = -b;
            }
        }
        for (d, &r) in diagonal.iter_mut().zip(&is_reference) {
            if r {
                *d = 1.0;
            }
        }
        let factor = pattern.factor(&diagonal, &edge)?;
        Some(Topology { bus: state.bus.clone(), line: state.line.clone(), b, island, n_islands, is_reference, factor })
    }
}

impl Network<'_> {
    fn solve(&self, mut rhs: Vec<f64>) -> Vec<f64> {
        for (x, &r) in rhs.iter_mut().zip(&self.topology.is_reference) {
            if r {
                *x = 0.0;
            }
        }
        self.pattern.solve(&self.topology.factor, &mut rhs);
        rhs
    }

    /// Flows for balanced injections by bus.
    pub(crate) fn flows(&self, injection: Vec<f64>) -> Vec<f64> {
        let theta = self.solve(injection);
        self.grid.lines.iter().zip(&self.topology.b).map(|(l, b)| (theta[l.from] - theta[l.to]) * b).collect()
    }

    /// Transfer factors of one line: change of its flow per unit injected at each bus (taken out at the reference).
    pub(crate) fn transfer_factors(&self, line: usize) -> Vec<f64> {
        let l = &self.grid.lines[line];
        let mut rhs = vec![0.0; self.grid.n_buses];
        rhs[l.from] += self.topology.b[line];
        rhs[l.to] -= self.topology.b[line];
        self.solve(rhs)
    }

    /// Lines above `share` of their limit, most overloaded first.
    pub(crate) fn overloads(&self, flow: &[f64], share: impl Fn(&GridLine) -> f64) -> Vec<usize> {
        let ratio =
            |e: usize| if self.topology.b[e] == 0.0 { 0.0 } else { flow[e].abs() / (self.limit[e] * share(&self.grid.lines[e])).max(1e-9) };
        let mut over: Vec<usize> = (0..flow.len()).filter(|&e| ratio(e) > 1.0 + LIMIT_TOLERANCE).collect();
        over.sort_by(|&a, &b| ratio(b).total_cmp(&ratio(a)).then(a.cmp(&b)));
        over
    }

    pub(crate) fn limit_of(&self, line: usize) -> f64 {
        self.limit[line]
    }
}

/// Dispatch that the operator holds when nothing is wrong, and what it delivers.
impl Grid {
    /// Solves one state from the base dispatch of a study point.
    pub fn solve(&self, base: &BaseDispatch, state: &PowerState, sharing: Sharing) -> PowerFlow {
        let Some(network) = Network::new(self, state, Some(base)) else { return self.dead(Ending::Singular) };
        let mut now = dispatch::Now::new(self, base, state);
        let overload_free = now.share_imbalance(&network) && {
            let flow = network.flows(now.injection());
            let ok = network.overloads(&flow, |_| 1.0).is_empty();
            now.flow = flow;
            ok
        };
        let mut ending = Ending::Solved;
        if !overload_free {
            ending = now.redispatch(&network, sharing);
        }
        now.finish(&network, state, ending, !overload_free)
    }

    /// Balances each connected component on its own: served ratio = live generation over attached demand, at most 1;
    /// a component without demand is served. No flows, no limits.
    pub fn solve_by_component(&self, point: StudyPoint, state: &PowerState) -> PowerFlow {
        let b: Vec<f64> = self
            .lines
            .iter()
            .zip(&state.line)
            .map(|(l, &s)| f64::from(s > 0.0 && state.bus[l.from] > 0.0 && state.bus[l.to] > 0.0))
            .collect();
        let (island, n_islands) = islands(self.n_buses, &self.lines, &b);
        let (mut live, mut asked) = (vec![0.0; n_islands], vec![0.0; n_islands]);
        for (plant, share) in self.plants.iter().zip(&state.plant) {
            live[island[plant.bus]] += plant.p_max[point as usize] * share;
        }
        for load in &self.loads {
            asked[island[load.bus]] += load.p[point as usize] * state.demand[load.zone];
        }
        let ratio: Vec<f64> = live.iter().zip(&asked).map(|(g, d)| if *d > 0.0 { (g / d).min(1.0) } else { 1.0 }).collect();
        let bus_served: Vec<f64> = (0..self.n_buses).map(|i| if state.bus[i] > 0.0 { ratio[island[i]] } else { 0.0 }).collect();
        let served = self.loads.iter().map(|l| bus_served[l.bus]).collect();
        PowerFlow { ending: Ending::Solved, served, bus_served, flow: Vec::new(), dead: Vec::new(), n_islands, used_lp: false }
    }

    fn dead(&self, ending: Ending) -> PowerFlow {
        PowerFlow {
            ending,
            served: vec![0.0; self.loads.len()],
            bus_served: vec![0.0; self.n_buses],
            flow: vec![0.0; self.lines.len()],
            dead: Vec::new(),
            n_islands: 0,
            used_lp: false,
        }
    }

    /// The direct-current model of one state in its base dispatch: what outages and cascades are screened on.
    pub fn dc_model(&self, base: &BaseDispatch, state: &PowerState) -> dc::DcModel {
        let live = |i: usize| state.bus[i] > 0.0;
        let share = |k: usize| if live(self.lines[k].from) && live(self.lines[k].to) { state.line[k].max(0.0) } else { 0.0 };
        dc::DcModel {
            n_buses: self.n_buses,
            from: self.lines.iter().map(|l| l.from as u32).collect(),
            to: self.lines.iter().map(|l| l.to as u32).collect(),
            b: self.lines.iter().enumerate().map(|(k, l)| if share(k) > 0.0 { l.b } else { 0.0 }).collect(),
            shift_flow: vec![0.0; self.lines.len()],
            limit: self.lines.iter().enumerate().map(|(k, l)| l.p_max * share(k)).collect(),
            injection: base.injection.clone(),
            reference: None,
            live: (0..self.n_buses).map(live).collect(),
            base_mva: BASE_MVA,
        }
    }

    /// Base dispatch at a study point: least cost under base limits, shedding last.
    pub fn base_dispatch(&self, point: StudyPoint, state: &PowerState) -> BaseDispatch {
        dispatch::base(self, point as usize, state)
    }

    /// For every line: the largest flow (p.u.) it carries in the base state or after the loss of any one other line, in one
    /// or more base dispatches. Bridges are lost without redistribution. Used to plan synthetic lines.
    pub fn worst_flows(&self, bases: &[(&BaseDispatch, &PowerState)]) -> Vec<f64> {
        let mut worst = vec![0.0_f64; self.lines.len()];
        for (base, state) in bases {
            let Ok(factors) = factors::Factors::new(&self.dc_model(base, state)) else { continue };
            let after = (0..self.lines.len()).filter_map(|out| factors.flow_after(out));
            for flow in std::iter::once(factors.flow().to_vec()).chain(after) {
                for (w, f) in worst.iter_mut().zip(&flow) {
                    *w = w.max(f.abs());
                }
            }
        }
        worst
    }
}
