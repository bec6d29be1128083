//! Dispatch that keeps a network safe when a branch is lost: preventive, corrective, and after a second loss.
//!
//! Preventive: minimise cost subject to base limits and, for each branch k whose loss does not part the network and each
//! other branch m, |`f_m` + `L_mk` `f_k`| ≤ limit of m after a loss, with `L_mk` = `b_m` `ψ_m` / (1 − `b_k` `ψ_k`), ψ the angle
//! differences across the branches when 1 p.u. is sent from the from bus of k to its to bus. Pairs enter once violated.
//!
//! Corrective: after a loss, minimise Σ moved + 100 Σ tripped + 1000 Σ (shed or spilled), all in MW, where each generator
//! moves within its limits and its ramp, or trips. Second losses start from what was corrected after the first.
//! Source: Capitanescu et al., "State-of-the-art, challenges, and future trends in security constrained optimal power flow",
//! Electric Power Systems Research 81(8), 2011, DOI 10.1016/j.epsr.2011.04.003. Units inside: p.u.

use std::collections::BTreeSet;

use buttress_model::network::{Branch, PowerNetwork};

use super::dc::Convention;
use super::ldl::Pattern;
use super::opf::{fixed_injection, lacks_source, prepare};
use super::program::{Column, Dense, OVERLOAD, Program, Topology, Wires, ending_of};
use crate::batch;
use crate::ending::Ending;

/// Pairs of lost and overloaded branch added a round.
const PAIRS_A_ROUND: usize = 50;
/// A loss with 1 − `L_kk` below this parts the network.
const PARTS: f64 = 1e-8;
/// Cost of a MW tripped beyond the ramp, and of one shed or spilled, in MW moved.
const TRIP_COST: f64 = 100.0;
const SHED_COST: f64 = 1000.0;

/// Which rating holds after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rating {
    /// Continuous, A.
    Continuous,
    /// Short-term, B.
    ShortTerm,
    /// Emergency, C.
    Emergency,
}

impl Rating {
    /// Rating of a branch, MVA; the continuous one where the source gives no other, infinite where it gives none.
    fn of(self, branch: &Branch) -> f64 {
        let own = match self {
            Rating::Continuous => branch.rate_a_mva,
            Rating::ShortTerm => branch.rate_b_mva,
            Rating::Emergency => branch.rate_c_mva,
        };
        [own, branch.rate_a_mva].into_iter().find(|r| *r > 0.0).unwrap_or(f64::INFINITY)
    }
}

/// How the network is operated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// How branches are read.
    pub convention: Convention,
    /// Rating after a loss.
    pub rating: Rating,
    /// Share of its largest output by which a generator may move after a loss.
    pub ramp_share: f64,
    /// Rounds of constraint generation.
    pub max_rounds: usize,
    /// Threads.
    pub threads: usize,
}

/// A state of operation, MW.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dispatch {
    /// Output of each generator row.
    pub p_mw: Vec<f64>,
    /// Power taken by each direct-current line at its from bus.
    pub dc_line_mw: Vec<f64>,
    /// Demand not served at each bus; negative where a fixed injection is spilled.
    pub bus_shed_mw: Vec<f64>,
}

/// A preventive dispatch. Empty and without an objective unless solved.
#[derive(Debug, Clone, PartialEq)]
pub struct Secured {
    /// How it ended; `infeasible` when no dispatch survives every loss.
    pub ending: Ending,
    /// Cost per hour, in the currency of the source.
    pub objective: f64,
    /// The dispatch.
    pub dispatch: Dispatch,
    /// Flow on each branch row, MW.
    pub flow_mw: Vec<f64>,
    /// Branches (0-based) whose loss parts the network, which a dispatch cannot prevent.
    pub parting: Vec<usize>,
    /// Pairs of lost and overloaded branch that had to be held.
    pub n_pairs: usize,
}

/// What the loss of a branch asks of the operator, MW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Branch lost (0-based).
    pub branch: usize,
    /// How it ended.
    pub ending: Ending,
    /// Branches overloaded before anyone acts.
    pub n_overloads: usize,
    /// Generation moved within ramps, up and down.
    pub moved_mw: f64,
    /// Generation tripped beyond ramps.
    pub tripped_mw: f64,
    /// Load shed and fixed injection spilled.
    pub shed_mw: f64,
}

/// A branch (lost, overloaded) with the factor between them and the excess, p.u.
struct Pair {
    excess: f64,
    lost: usize,
    over: usize,
    factor: f64,
}

/// Pairs that flows violate after the loss of one branch; `None` when the loss parts the network.
fn after_loss(topology: &Topology, limit: &[f64], flow: &[f64], lost: usize) -> Option<Vec<Pair>> {
    let w = topology.wires;
    let mut rhs = vec![0.0; w.n_buses];
    rhs[w.from[lost]] = 1.0;
    rhs[w.to[lost]] = -1.0;
    let psi = topology.solve(rhs);
    let sent = |m: usize| topology.b[m] * (psi[w.from[m]] - psi[w.to[m]]);
    let rest = 1.0 - sent(lost);
    if rest.abs() < PARTS {
        return None;
    }
    let pair = |over: usize| {
        let factor = sent(over) / rest;
        Pair { excess: (flow[over] + factor * flow[lost]).abs() - limit[over], lost, over, factor }
    };
    Some((0..flow.len()).filter(|&m| m != lost && topology.b[m] != 0.0).map(pair).filter(|p| p.excess > OVERLOAD).collect())
}

/// The cheapest dispatch under which no loss of one branch overloads another.
pub fn preventive(network: &PowerNetwork, operation: &Operation) -> Secured {
    secure(network, operation).unwrap_or_else(|ending| Secured {
        ending,
        objective: f64::NAN,
        dispatch: Dispatch::default(),
        flow_mw: vec![],
        parting: vec![],
        n_pairs: 0,
    })
}

fn secure(network: &PowerNetwork, operation: &Operation) -> Result<Secured, Ending> {
    let base = network.base_mva;
    let (wires, choices) = prepare(network, operation.convention)?;
    let pattern = wires.pattern();
    let topology = Topology::new(&wires, &pattern, &[])?;
    let fixed = fixed_injection(network, &wires.live);
    if lacks_source(&topology, &fixed, &choices.columns) {
        return Err(Ending::NoSource);
    }
    let limit: Vec<f64> = network.branches.iter().map(|b| operation.rating.of(b) / base).collect();
    let outages: Vec<usize> = (0..wires.b.len()).filter(|&k| wires.b[k] != 0.0).collect();
    let program = Program { topology: &topology, columns: &choices.columns, fixed: &fixed };
    let mut dense = Dense::new(&program, &[]);
    let mut held = BTreeSet::new();
    for _ in 0..operation.max_rounds {
        let (s, _, flow) = dense.solve_once().map_err(|e| ending_of(&e))?;
        let n_new = dense.add_overloads(&flow);
        let found = batch::map(outages.len(), operation.threads, |i| after_loss(&topology, &limit, &flow, outages[i]));
        let parting = outages.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(&k, _)| k).collect();
        let mut pairs: Vec<Pair> = found.into_iter().flatten().flatten().filter(|p| !held.contains(&(p.lost, p.over))).collect();
        if n_new == 0 && pairs.is_empty() {
            let (p_mw, dc_line_mw) = choices.read(network, &s.x);
            return Ok(Secured {
                ending: Ending::Solved,
                objective: s.objective + choices.constant,
                dispatch: Dispatch { p_mw, dc_line_mw, bus_shed_mw: vec![0.0; network.buses.len()] },
                flow_mw: flow.iter().map(|f| f * base).collect(),
                parting,
                n_pairs: held.len(),
            });
        }
        pairs.sort_by(|a, b| b.excess.total_cmp(&a.excess).then((a.lost, a.over).cmp(&(b.lost, b.over))));
        for p in pairs.iter().take(PAIRS_A_ROUND) {
            dense.add_row(&[(p.over, 1.0), (p.lost, p.factor)], -limit[p.over], limit[p.over]);
            held.insert((p.lost, p.over));
        }
    }
    Err(Ending::IterationLimit)
}

/// A network in operation: what corrections after many losses share.
struct Operated<'a> {
    network: &'a PowerNetwork,
    operation: &'a Operation,
    wires: Wires,
    pattern: Pattern,
    fixed: Vec<f64>,
}

/// What a column of a correction does, to a generator or bus.
#[derive(Debug, Clone, Copy)]
enum Move {
    Up(usize),
    Down(usize),
    Trip(usize),
    Shed(usize),
}

impl<'a> Operated<'a> {
    fn new(network: &'a PowerNetwork, operation: &'a Operation) -> Result<Operated<'a>, Ending> {
        let (mut wires, _) = prepare(network, operation.convention)?;
        for (k, branch) in network.branches.iter().enumerate() {
            let limit = operation.rating.of(branch) / network.base_mva;
            (wires.low[k], wires.high[k]) = (-limit, limit);
        }
        let fixed = fixed_injection(network, &wires.live);
        Ok(Operated { network, operation, pattern: wires.pattern(), wires, fixed })
    }

    /// Injection by bus in a state, p.u.
    fn injection(&self, state: &Dispatch) -> Vec<f64> {
        let base = self.network.base_mva;
        let mut injection = self.fixed.clone();
        for (g, p) in self.network.generators.iter().zip(&state.p_mw) {
            injection[g.bus] += p / base;
        }
        for (l, p) in self.network.dc_lines.iter().zip(&state.dc_line_mw) {
            injection[l.from] -= p / base;
            injection[l.to] += (1.0 - l.loss.1) * p / base;
        }
        for (x, shed) in injection.iter_mut().zip(&state.bus_shed_mw) {
            *x += shed / base;
        }
        injection
    }

    fn moves(&self, state: &Dispatch) -> (Vec<Column>, Vec<Move>) {
        let base = self.network.base_mva;
        let (mut columns, mut moves) = (Vec::new(), Vec::new());
        let mut add = |bus: usize, sign: f64, room: f64, cost: f64, what: Move| {
            if room > 0.0 {
                columns.push(Column { at: [(bus, sign), (bus, 0.0)], low: 0.0, high: room / base, cost, square: 0.0 });
                moves.push(what);
            }
        };
        for (g, (generator, &p)) in self.network.generators.iter().zip(&state.p_mw).enumerate() {
            if !generator.in_service || !self.wires.live[generator.bus] {
                continue;
            }
            let ramp = self.operation.ramp_share * generator.p_max_mw.abs();
            let up = (generator.p_max_mw - p).min(ramp).max(0.0);
            let down = (p - generator.p_min_mw).min(ramp).max(0.0);
            add(generator.bus, 1.0, up, 1.0, Move::Up(g));
            add(generator.bus, -1.0, down, 1.0, Move::Down(g));
            // A trip ends at no output, from either side.
            let room = if p > 0.0 { p - down } else { -p - up };
            add(generator.bus, -p.signum(), room, TRIP_COST, Move::Trip(g));
        }
        for (i, bus) in self.network.buses.iter().enumerate().filter(|(i, _)| self.wires.live[*i]) {
            let left = bus.pd_mw - state.bus_shed_mw.get(i).copied().unwrap_or(0.0);
            add(i, left.signum(), left.abs(), SHED_COST, Move::Shed(i));
        }
        (columns, moves)
    }

    /// Correction after the last of the branches `out` is lost too, and the state it leads to.
    fn correct(&self, state: &Dispatch, out: &[usize]) -> (Correction, Dispatch) {
        let branch = out.last().copied().unwrap_or_default();
        let mut correction = Correction { branch, ending: Ending::Solved, n_overloads: 0, moved_mw: 0.0, tripped_mw: 0.0, shed_mw: 0.0 };
        let failed = |ending: Ending| (Correction { ending, ..correction }, state.clone());
        let topology = match Topology::new(&self.wires, &self.pattern, out) {
            Ok(topology) => topology,
            Err(ending) => return failed(ending),
        };
        let fixed = self.injection(state);
        let flow = topology.flows(&topology.angles(&fixed));
        let n_overloads = self.wires.overloads(&flow).len();
        if n_overloads == 0 && topology.by_island(&fixed).iter().all(|x| x.abs() < OVERLOAD) {
            return (correction, state.clone());
        }
        let (columns, moves) = self.moves(state);
        let answer = Program { topology: &topology, columns: &columns, fixed: &fixed }.solve(&[]);
        if answer.ending != Ending::Solved {
            return failed(answer.ending);
        }
        correction.n_overloads = n_overloads;
        let mut next = state.clone();
        for ((column, what), x) in columns.iter().zip(&moves).zip(&answer.x) {
            let mw = x * self.network.base_mva;
            match *what {
                Move::Up(g) => (correction.moved_mw, next.p_mw[g]) = (correction.moved_mw + mw, next.p_mw[g] + mw),
                Move::Down(g) => (correction.moved_mw, next.p_mw[g]) = (correction.moved_mw + mw, next.p_mw[g] - mw),
                Move::Trip(g) => {
                    correction.tripped_mw += mw;
                    next.p_mw[g] += column.at[0].1 * mw;
                }
                Move::Shed(i) => {
                    correction.shed_mw += mw;
                    next.bus_shed_mw[i] += column.at[0].1 * mw;
                }
            }
        }
        (correction, next)
    }

    fn in_service(&self) -> Vec<usize> {
        (0..self.wires.b.len()).filter(|&k| self.wires.b[k] != 0.0).collect()
    }
}

/// What each branch in service asks of the operator when it is lost from a dispatch; `Err` when the numbers make no network
/// or the arrays of the dispatch do not fit it.
pub fn corrective(network: &PowerNetwork, operation: &Operation, dispatch: &Dispatch) -> Result<Vec<Correction>, Ending> {
    let operated = fitted(network, operation, dispatch)?;
    let outages = operated.in_service();
    Ok(batch::map(outages.len(), operation.threads, |i| operated.correct(dispatch, &[outages[i]]).0))
}

/// For each of the branches `first` (0-based): its correction, and then that of every second loss from the corrected state.
pub fn second_losses(
    network: &PowerNetwork,
    operation: &Operation,
    dispatch: &Dispatch,
    first: &[usize],
) -> Result<Vec<(Correction, Vec<Correction>)>, Ending> {
    let operated = fitted(network, operation, dispatch)?;
    let outages = operated.in_service();
    Ok(batch::map(first.len(), operation.threads, |i| {
        let lost = first[i];
        let (correction, state) = operated.correct(dispatch, &[lost]);
        let second = outages.iter().filter(|&&k| k != lost).map(|&k| operated.correct(&state, &[lost, k]).0).collect();
        (correction, second)
    }))
}

fn fitted<'a>(network: &'a PowerNetwork, operation: &'a Operation, dispatch: &Dispatch) -> Result<Operated<'a>, Ending> {
    let fits = dispatch.p_mw.len() == network.generators.len()
        && dispatch.dc_line_mw.len() == network.dc_lines.len()
        && dispatch.bus_shed_mw.len() == network.buses.len();
    if !fits || !dispatch.p_mw.iter().chain(&dispatch.dc_line_mw).chain(&dispatch.bus_shed_mw).all(|x| x.is_finite()) {
        return Err(Ending::NotANumber);
    }
    Operated::new(network, operation)
}

#[cfg(test)]
#[path = "redispatch_tests.rs"]
mod tests;
