//! The answer of an alternating-current power flow, in the source's order and units.

use std::f64::consts::TAU;

use buttress_model::network::PowerNetwork;

use super::{Analysed, Complex, NO_ISLAND, Role, Workspace, times, times_conjugate};
use crate::ending::Ending;

/// Length of the steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepLength {
    /// The whole Newton step.
    Full,
    /// Shortened so that no branch angle changes by more than 60°, then scaled by the multiplier of Iwamoto and Tamura.
    Guarded,
}

/// One run of Newton's method.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Length of its steps.
    pub step: StepLength,
    /// Largest mismatch before each step and at the end, p.u.; an island that was given up counts with its last.
    pub mismatch_pu: Vec<f64>,
}

/// Buses joined by branches in service.
#[derive(Debug, Clone, PartialEq)]
pub struct Island {
    /// How its solve ended; `no_source` when no generator holds a reference in it.
    pub ending: Ending,
    /// Number of buses.
    pub n_buses: usize,
    /// Reference buses, ascending.
    pub references: Vec<usize>,
    /// Largest mismatch at the end, p.u.
    pub mismatch_pu: f64,
}

/// Voltage of a bus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voltage {
    /// Magnitude, p.u.
    pub vm_pu: f64,
    /// Angle, degrees, from −180 to 180.
    pub va_deg: f64,
}

/// Power into a branch at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BranchFlow {
    /// Active power at the from end, MW.
    pub p_from_mw: f64,
    /// Reactive power at the from end, Mvar.
    pub q_from_mvar: f64,
    /// Active power at the to end, MW.
    pub p_to_mw: f64,
    /// Reactive power at the to end, Mvar.
    pub q_to_mvar: f64,
}

/// Output of a generator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Output {
    /// Active power, MW.
    pub p_mw: f64,
    /// Reactive power, Mvar.
    pub q_mvar: f64,
}

/// A solved power flow.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Worst ending of the islands.
    pub ending: Ending,
    /// Newton steps in all runs.
    pub iterations: usize,
    /// The runs, in order: full steps first, then, where those failed, with a multiplier; again after each switch at a limit.
    pub runs: Vec<Run>,
    /// Islands, by their lowest bus.
    pub islands: Vec<Island>,
    /// Island of each bus; none when the bus is isolated.
    pub island_of: Vec<Option<u32>>,
    /// Voltage of each bus; none when it is dead: isolated, or in an island without a solution.
    pub buses: Vec<Option<Voltage>>,
    /// Flow of each branch; zero when it is out of service or has a dead end.
    pub branches: Vec<BranchFlow>,
    /// Output of each generator; zero when it is out of service or its bus is dead.
    pub generators: Vec<Output>,
    /// Active losses in branches, MW.
    pub losses_mw: f64,
    /// Branch with the widest angle, the shift of its transformer included, and that angle in degrees. Beyond 90° the solution is one
    /// that the network could hardly hold: look for another start.
    pub widest_angle: Option<(usize, f64)>,
    /// Buses held at a reactive limit instead of their set point, ascending.
    pub at_reactive_limit: Vec<usize>,
}

impl Workspace {
    /// The answer in the source's order and units.
    pub(super) fn solution(&self, network: &PowerNetwork, analysed: &Analysed, runs: Vec<Run>) -> Solution {
        let (grid, state, base) = (&self.grid, &self.state, network.base_mva);
        let new_of = |k: usize| analysed.pattern.new_of()[k] as usize;
        let live: Vec<bool> = (0..network.buses.len()).map(|k| grid.ended(new_of(k), Ending::Solved)).collect();
        let voltage = |k: usize| {
            let [angle, vm_pu] = state.polar[new_of(k)];
            live[k].then_some(Voltage { vm_pu, va_deg: (angle - TAU * (angle / TAU).round()).to_degrees() })
        };
        let complex = |k: usize| state.v[new_of(k)].map(|x| x[0]);
        let branches: Vec<BranchFlow> = (network.branches.iter().zip(&grid.admittance))
            .map(|(b, a)| if live[b.from] && live[b.to] { flow(a, complex(b.from), complex(b.to), base) } else { BranchFlow::default() })
            .collect();
        let mut at: Vec<Vec<usize>> = vec![Vec::new(); network.buses.len()];
        for (g, generator) in network.generators.iter().enumerate().filter(|(_, g)| g.in_service && live[g.bus]) {
            at[generator.bus].push(g);
        }
        let mut generators = vec![Output::default(); network.generators.len()];
        for (k, here) in at.iter().enumerate().filter(|(_, here)| !here.is_empty()) {
            let i = new_of(k);
            // What the bus sends out, less what it receives otherwise, is what its generators make.
            let made: Complex = std::array::from_fn(|c| (state.s[i][c][0] - grid.target[i][c] + grid.generation[i][c]) * base);
            share(network, here, made, grid.role[i], &mut generators);
        }
        Solution {
            ending: grid.islands.iter().fold(Ending::Solved, |e, i| e.and(i.ending)),
            iterations: runs.iter().map(|r| r.mismatch_pu.len().saturating_sub(1)).sum(),
            runs,
            islands: grid.islands.clone(),
            island_of: (0..live.len()).map(|k| Some(grid.island[new_of(k)]).filter(|&i| i != NO_ISLAND)).collect(),
            buses: (0..live.len()).map(voltage).collect(),
            widest_angle: widest_angle(network, |k| live[k].then(|| state.polar[new_of(k)][0].to_degrees())),
            losses_mw: branches.iter().map(|b| b.p_from_mw + b.p_to_mw).sum(),
            branches,
            generators,
            at_reactive_limit: (0..live.len()).filter(|&k| grid.at_limit[new_of(k)] != 0).collect(),
        }
    }
}

/// Power into a branch at both ends.
fn flow(a: &[Complex; 4], from: Complex, to: Complex, base: f64) -> BranchFlow {
    let current = |own: Complex, v: Complex, other: Complex, w: Complex| {
        let (x, y) = (times(own, v), times(other, w));
        times_conjugate(v, [x[0] + y[0], x[1] + y[1]]).map(|s| s * base)
    };
    let ([p_from_mw, q_from_mvar], [p_to_mw, q_to_mvar]) = (current(a[0], from, a[1], to), current(a[3], to, a[2], from));
    BranchFlow { p_from_mw, q_from_mvar, p_to_mw, q_to_mvar }
}

/// Size of an angle, whole turns left out.
pub(super) fn wrapped(angle: f64, turn: f64) -> f64 {
    (angle - turn * (angle / turn).round()).abs()
}

/// The branch in service with the widest angle between its ends, degrees.
fn widest_angle(network: &PowerNetwork, angle: impl Fn(usize) -> Option<f64>) -> Option<(usize, f64)> {
    let mut widest: Option<(usize, f64)> = None;
    for (k, b) in network.branches.iter().enumerate().filter(|(_, b)| b.in_service) {
        let (Some(from), Some(to)) = (angle(b.from), angle(b.to)) else { continue };
        let width = wrapped(from - to - b.shift_deg, 360.0);
        if widest.is_none_or(|w| width > w.1) {
            widest = Some((k, width));
        }
    }
    widest
}

/// Shares what a bus makes among its generators: the first takes the balance of P at a reference; where the voltage was held, each
/// stands at the same share of its reactive range, or makes an equal part when the ranges are open or empty.
fn share(network: &PowerNetwork, here: &[usize], made: Complex, role: Role, out: &mut [Output]) {
    let generator = |g: usize| &network.generators[g];
    let sum = |of: &dyn Fn(usize) -> f64| here.iter().map(|&g| of(g)).sum::<f64>();
    let others = sum(&|g| generator(g).p_mw) - generator(here[0]).p_mw;
    let (low, width) = (sum(&|g| generator(g).q_min_mvar), sum(&|g| generator(g).q_max_mvar - generator(g).q_min_mvar));
    let given = sum(&|g| generator(g).q_mvar);
    for (nth, &g) in here.iter().enumerate() {
        let this = generator(g);
        out[g].p_mw = if role == Role::Reference && nth == 0 { made[0] - others } else { this.p_mw };
        out[g].q_mvar = if role == Role::Pq && made[1] == given {
            this.q_mvar
        } else if width > 0.0 && width.is_finite() && low.is_finite() {
            this.q_min_mvar + (this.q_max_mvar - this.q_min_mvar) * (made[1] - low) / width
        } else {
            made[1] / here.len() as f64
        };
    }
}

impl Solution {
    /// Nothing but an ending.
    pub(super) fn empty(network: &PowerNetwork, ending: Ending) -> Solution {
        Solution {
            ending,
            iterations: 0,
            runs: Vec::new(),
            islands: Vec::new(),
            island_of: vec![None; network.buses.len()],
            buses: vec![None; network.buses.len()],
            branches: vec![BranchFlow::default(); network.branches.len()],
            generators: vec![Output::default(); network.generators.len()],
            losses_mw: 0.0,
            widest_angle: None,
            at_reactive_limit: Vec::new(),
        }
    }
}
