//! Least load shedding on the direct-current model: how much demand cannot be served, whatever the operator does.
//!
//! minimise Σ s  subject to  power balanced at each bus, flows within limits, 0 ≤ s ≤ demand at each bus with demand, every
//! generator between min(0, `p_min`) and max(0, `p_max`), and fixed injections (negative demand) spilled at will. Shunt
//! conductance is demand that cannot be shed, unless its island has nothing to feed it. Islands stand alone and need no
//! reference bus. Two conventions are in use:
//! - [`Convention::Matpower`], the default of the verb: b = 1/(x·tap), ratings only, phase shifters at neutral;
//! - [`Convention::PowerModels`]: b = x/(r² + x²), ratings and angle differences, as in the published N-k attacks on RTS-24
//!   (Sundar et al., DOI 10.1002/net.21806) and in `PowerModelsRestoration` (Rhodes et al., DOI 10.1016/j.epsr.2020.106736).
//!
//! A scenario begins at the dispatch x̂ of the base case, balanced again in each island by headroom; demand beyond capacity is
//! shed. What its islands lack in capacity is a lower bound, so an x̂ without overloads is optimal and no program is solved.
//! Otherwise x̂ is moved as little as it takes,
//!
//! minimise Σ |x − x̂| + C Σ s  over the free injections x and s, subject to balances and the branches overloaded so far,
//!
//! which few moves near the overloads achieve, so that few branches ever enter. What it sheds is proved least where it is what
//! the islands lack, or the least with only those branches held. Failing that, the program is solved as if nothing were known.
//! No scenario begins at another, so that answers do not depend on their order.

use buttress_model::network::PowerNetwork;

use super::dc::Convention;
use super::ldl::Pattern;
use super::opf::{dc_line_range_mw, fixed_injection};
use super::program::{Answer, Column, Dense, Program, Topology, Wires};
use crate::batch;
use crate::ending::Ending;

/// Share of the limits within which the base dispatch is looked for: room for what is lost later.
const ROOM: f64 = 0.95;
/// Cost C of a MW shed where one moved costs 1. Higher ones cost the simplex digits, lower ones are paid to spare moves.
const SHED_COST: f64 = 1e6;
/// Shedding below this (p.u.) counts as none.
const NO_SHED: f64 = 1e-9;
/// Overloads from which a dispatch is repaired; beyond, it is no help.
const REPAIRED_LINES: usize = 64;
/// Overloads of the dispatch at hand with which a program begins that could not use it otherwise.
const SEED_LINES: usize = 16;

/// What a network cannot serve. All arrays are empty and the total is not a number unless it is solved.
#[derive(Debug, Clone, PartialEq)]
pub struct Shed {
    /// How it ended.
    pub ending: Ending,
    /// Load shed, MW.
    pub shed_mw: f64,
    /// Load shed at each bus, MW.
    pub bus_shed_mw: Vec<f64>,
    /// Output of each generator row, MW.
    pub p_mw: Vec<f64>,
    /// Flow on each branch row from `from` to `to`, MW.
    pub flow_mw: Vec<f64>,
    /// True when a dispatch at hand was proved optimal and no program was solved.
    pub is_certified: bool,
}

/// Total of one scenario of an ensemble.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShedTotal {
    /// How it ended.
    pub ending: Ending,
    /// Load shed, MW; not a number unless solved.
    pub shed_mw: f64,
    /// True when no program was solved.
    pub is_certified: bool,
}

/// A network made ready for many scenarios.
#[derive(Debug)]
pub struct Shedding<'a> {
    network: &'a PowerNetwork,
    wires: Wires,
    pattern: Pattern,
    fixed: Vec<f64>,
    /// Columns: injections that cost nothing, then load shed, then direct-current lines.
    columns: Vec<Column>,
    n_free: usize,
    n_shed: usize,
    /// Free injections from which scenarios begin: the least, or those of the base case.
    dispatch: Vec<f64>,
}

/// A choice with what it sheds.
struct Choice {
    x: Vec<f64>,
    flow: Vec<f64>,
    is_certified: bool,
}

/// The least load shed by a network as it stands (see [`PowerNetwork::without_branches`]).
///
/// # Example
/// ```
/// use buttress_engine::power::{dc::Convention, shed};
/// use buttress_model::network::{Bus, Generator, PowerNetwork};
/// let network = PowerNetwork {
///     base_mva: 100.0,
///     buses: vec![Bus { pd_mw: 60.0, ..Bus::default() }],
///     generators: vec![Generator { in_service: true, p_max_mw: 45.0, ..Generator::default() }],
///     ..PowerNetwork::default()
/// };
/// assert!((shed::least_shed(&network, Convention::Matpower).shed_mw - 15.0).abs() < 1e-9);
/// ```
pub fn least_shed(network: &PowerNetwork, convention: Convention) -> Shed {
    match Shedding::new(network, convention) {
        Ok(shedding) => shedding.after(&[]),
        Err(ending) => none(ending),
    }
}

fn none(ending: Ending) -> Shed {
    Shed { ending, shed_mw: f64::NAN, bus_shed_mw: vec![], p_mw: vec![], flow_mw: vec![], is_certified: false }
}

impl<'a> Shedding<'a> {
    /// Reads a network; `Err` when its numbers make no program.
    pub fn new(network: &'a PowerNetwork, convention: Convention) -> Result<Shedding<'a>, Ending> {
        let base = network.base_mva;
        if !(base.is_finite() && base > 0.0) {
            return Err(Ending::NotANumber);
        }
        let wires = match convention {
            Convention::Matpower => Wires::ratings_only(network, convention)?,
            Convention::PowerModels => Wires::new(network, convention)?,
        };
        let fixed = fixed_injection(network, &wires.live);
        // Spilling a fixed injection is a negative free injection.
        let mut range: Vec<(f64, f64)> = network.buses.iter().map(|b| (((b.pd_mw + b.gs_mw) / base).min(0.0), 0.0)).collect();
        for g in network.generators.iter().filter(|g| g.in_service) {
            range[g.bus].0 += (g.p_min_mw / base).min(0.0);
            range[g.bus].1 += (g.p_max_mw / base).max(0.0);
        }
        let live = |i: &usize| wires.live[*i];
        let free = (0..range.len()).filter(|i| live(i) && range[*i] != (0.0, 0.0)).map(|i| Column::at(i, range[i].0, range[i].1, 0.0));
        let mut columns: Vec<Column> = free.collect();
        let n_free = columns.len();
        let demand = |i: usize| network.buses[i].pd_mw / base;
        columns.extend((0..range.len()).filter(|i| live(i) && demand(*i) > 0.0).map(|i| Column::at(i, 0.0, demand(i), 1.0)));
        let n_shed = columns.len() - n_free;
        for line in network.dc_lines.iter().filter(|l| l.in_service && wires.live[l.from] && wires.live[l.to]) {
            let (low, high) = dc_line_range_mw(line);
            let at = [(line.from, -1.0), (line.to, 1.0 - line.loss.1)];
            columns.push(Column { at, low: low / base, high: high / base, cost: 0.0, square: 0.0 });
        }
        let is_number = |c: &Column| !c.low.is_nan() && !c.high.is_nan() && c.at.iter().all(|e| e.1.is_finite());
        if !fixed.iter().all(|x| x.is_finite()) || !columns.iter().all(is_number) {
            return Err(Ending::NotANumber);
        }
        let pattern = wires.pattern();
        let dispatch = columns[..n_free].iter().map(|c| c.low).collect();
        Ok(Shedding { network, wires, pattern, fixed, columns, n_free, n_shed, dispatch })
    }

    /// Finds a dispatch of the base case from which scenarios begin: one that leaves room on the branches and sheds only what the
    /// islands lack in capacity, or else any that sheds least.
    #[must_use]
    pub fn with_base(mut self) -> Shedding<'a> {
        if let Some(x) = self.base(ROOM).filter(|x| self.sheds_only_lack(x)).or_else(|| self.base(1.0)) {
            self.dispatch = x[..self.n_free].to_vec();
        }
        self
    }

    /// The base case within a share of the limits, in the sparse form, whose interior point ends amid the optimal dispatches.
    fn base(&self, share: f64) -> Option<Vec<f64>> {
        let mut wires = self.wires.clone();
        wires.low.iter_mut().chain(&mut wires.high).for_each(|x| *x *= share);
        let topology = Topology::new(&wires, &self.pattern, &[]).ok()?;
        let fixed = self.fixed_in(&topology);
        let answer = Program { topology: &topology, columns: &self.columns, fixed: &fixed }.solve_sparse();
        (answer.ending == Ending::Solved).then_some(answer.x)
    }

    fn sheds_only_lack(&self, x: &[f64]) -> bool {
        let lack =
            Topology::new(&self.wires, &self.pattern, &[]).ok().and_then(|t| self.shared(&t, &self.fixed_in(&t), self.dispatch.clone()));
        lack.is_some_and(|lack| is_no_more(self.total(x), self.total(&lack)))
    }

    /// Least shedding with these branches (0-based) out.
    pub fn after(&self, out: &[usize]) -> Shed {
        match self.choose(out) {
            Ok(choice) => self.read(&choice),
            Err(ending) => none(ending),
        }
    }

    /// Totals of many scenarios on `threads` threads, in order; `Err` names the first branch that does not exist.
    pub fn ensemble(&self, scenarios: &[Vec<usize>], threads: usize) -> Result<Vec<ShedTotal>, usize> {
        if let Some(&k) = scenarios.iter().flatten().find(|&&k| k >= self.wires.b.len()) {
            return Err(k);
        }
        Ok(batch::map(scenarios.len(), threads, |i| match self.choose(&scenarios[i]) {
            Ok(choice) => ShedTotal {
                ending: Ending::Solved,
                shed_mw: self.total(&choice.x) * self.network.base_mva,
                is_certified: choice.is_certified,
            },
            Err(ending) => ShedTotal { ending, shed_mw: f64::NAN, is_certified: false },
        }))
    }

    fn choose(&self, out: &[usize]) -> Result<Choice, Ending> {
        let topology = Topology::new(&self.wires, &self.pattern, out)?;
        let fixed = self.fixed_in(&topology);
        let program = Program { topology: &topology, columns: &self.columns, fixed: &fixed };
        let (mut seeds, mut near) = (Vec::new(), None);
        if let Some(x) = self.shared(&topology, &fixed, self.dispatch.clone()) {
            let flow = topology.flows(&topology.angles(&program.injection(&x)));
            seeds = self.wires.overloads(&flow).into_iter().map(|o| o.1).collect();
            if seeds.is_empty() {
                return Ok(Choice { x, flow, is_certified: true });
            }
            near = self.nearest(&program, &x, &seeds);
            let lack = self.total(&x);
            if let Some(near) = near.take_if(|near| is_no_more(self.total(&near.x), lack)) {
                return Ok(Choice { x: near.x, flow: near.flow, is_certified: false });
            }
            seeds.truncate(SEED_LINES);
        }
        let mut rest = Dense::new(&program, near.as_ref().map_or(&seeds, |near| &near.lines));
        if let Some(near) = near
            && let Ok((bound, ..)) = rest.solve_once()
            && is_no_more(self.total(&near.x), bound.objective)
        {
            return Ok(Choice { x: near.x, flow: near.flow, is_certified: false });
        }
        let answer = rest.solve().unwrap_or_else(|| program.solve_sparse());
        match answer {
            Answer { ending: Ending::Solved, x, flow, .. } => Ok(Choice { x, flow, is_certified: false }),
            Answer { ending, .. } => Err(ending),
        }
    }

    /// The dispatch nearest to `x` that sheds least and overloads nothing, where `x` overloads the branches `over`; `None` where it
    /// is not found.
    fn nearest(&self, program: &Program, x: &[f64], over: &[usize]) -> Option<Answer> {
        if over.len() > REPAIRED_LINES {
            return None;
        }
        // Whatever is chosen freely moves up or down from `x`; loads are shed anew.
        let is_shed = |j: usize| (self.n_free..self.n_free + self.n_shed).contains(&j);
        let mut x: Vec<f64> = x.iter().enumerate().map(|(j, &x)| if is_shed(j) { 0.0 } else { x }).collect();
        let (mut moves, mut of) = (Vec::new(), Vec::new());
        for (j, c) in self.columns.iter().enumerate() {
            let cost = if is_shed(j) { SHED_COST } else { 1.0 };
            for (sign, room) in [(1.0, c.high - x[j]), (-1.0, x[j] - c.low)] {
                if room > 0.0 {
                    moves.push(Column { at: c.at.map(|(i, share)| (i, sign * share)), low: 0.0, high: room, cost, square: 0.0 });
                    of.push((j, sign));
                }
            }
        }
        let fixed = program.injection(&x);
        let near = Dense::new(&Program { topology: program.topology, columns: &moves, fixed: &fixed }, over).solve()?;
        near.x.iter().zip(of).for_each(|(by, (j, sign))| x[j] += sign * by);
        (near.ending == Ending::Solved).then_some(Answer { x, ..near })
    }

    /// Fixed injections, with shunts left out where an island has nothing that feeds it.
    fn fixed_in(&self, topology: &Topology) -> Vec<f64> {
        let mut fed = topology.by_island(&self.fixed.iter().map(|f| f.max(0.0)).collect::<Vec<f64>>());
        for c in &self.columns[..self.n_free] {
            fed[topology.island[c.at[0].0]] += c.high.max(0.0);
        }
        for (i, _) in self.columns[self.n_free + self.n_shed..].iter().flat_map(|c| c.at) {
            fed[topology.island[i]] = f64::INFINITY;
        }
        let mut fixed = self.fixed.clone();
        for (i, f) in fixed.iter_mut().enumerate().filter(|(i, _)| self.wires.live[*i] && fed[topology.island[*i]] <= 0.0) {
            *f = -(self.network.buses[i].pd_mw / self.network.base_mva).max(0.0);
        }
        fixed
    }

    /// Free injections moved from `free` towards their limits, by headroom, until each island is balanced; demand beyond
    /// capacity is shed in proportion. Direct-current lines rest. `None` where an island cannot be balanced so.
    fn shared(&self, topology: &Topology, fixed: &[f64], mut free: Vec<f64>) -> Option<Vec<f64>> {
        let (columns, shed) = (&self.columns[..self.n_free], &self.columns[self.n_free..self.n_free + self.n_shed]);
        let mut need: Vec<f64> = topology.by_island(fixed).iter().map(|x| -x).collect();
        let lines = &self.columns[self.n_free + self.n_shed..];
        let rest: Vec<f64> = lines.iter().map(|c| 0.0_f64.max(c.low).min(c.high)).collect();
        for (c, x) in lines.iter().zip(&rest) {
            c.at.iter().for_each(|&(i, share)| need[topology.island[i]] -= share * x);
        }
        let island = |c: &Column| topology.island[c.at[0].0];
        let (mut up, mut down) = (vec![0.0; need.len()], vec![0.0; need.len()]);
        for (c, x) in columns.iter().zip(&free) {
            need[island(c)] -= x;
            up[island(c)] += c.high - x;
            down[island(c)] += x - c.low;
        }
        let mut demand = vec![0.0; need.len()];
        shed.iter().for_each(|c| demand[island(c)] += c.high);
        if need.iter().zip(&up).zip(&demand).any(|((n, u), d)| n - u > d + NO_SHED) || need.iter().zip(&down).any(|(n, d)| -n > d + NO_SHED)
        {
            return None;
        }
        for (c, x) in columns.iter().zip(&mut free) {
            let k = island(c);
            *x += if need[k] > 0.0 { share(need[k], up[k]) * (c.high - *x) } else { -share(-need[k], down[k]) * (*x - c.low) };
        }
        let lost = |c: &Column| share((need[island(c)] - up[island(c)]).max(0.0), demand[island(c)]) * c.high;
        free.extend(shed.iter().map(lost));
        free.extend(rest);
        Some(free)
    }

    /// Load shed, p.u.
    fn total(&self, x: &[f64]) -> f64 {
        x[self.n_free..self.n_free + self.n_shed].iter().sum::<f64>().max(0.0)
    }

    fn read(&self, choice: &Choice) -> Shed {
        let base = self.network.base_mva;
        let mut bus_shed_mw = vec![0.0; self.network.buses.len()];
        let mut free = vec![0.0; self.network.buses.len()];
        for (c, x) in self.columns[..self.n_free].iter().zip(&choice.x) {
            free[c.at[0].0] = x * base;
        }
        for (c, x) in self.columns[self.n_free..].iter().zip(&choice.x[self.n_free..]).take(self.n_shed) {
            bus_shed_mw[c.at[0].0] = x.max(0.0) * base;
        }
        Shed {
            ending: Ending::Solved,
            shed_mw: self.total(&choice.x) * base,
            bus_shed_mw,
            p_mw: self.by_generator(&free),
            flow_mw: choice.flow.iter().map(|f| f * base).collect(),
            is_certified: choice.is_certified,
        }
    }

    /// Splits what each bus injects freely among its generators, in proportion to their ranges; what is spilled is left out.
    fn by_generator(&self, free_mw: &[f64]) -> Vec<f64> {
        let generators = &self.network.generators;
        let mut range = vec![(0.0, 0.0); free_mw.len()];
        let own = |g: &buttress_model::network::Generator| (g.p_min_mw.min(0.0), g.p_max_mw.max(0.0));
        for g in generators.iter().filter(|g| g.in_service && self.wires.live[g.bus]) {
            range[g.bus].0 += own(g).0;
            range[g.bus].1 += own(g).1;
        }
        let output = |g: &buttress_model::network::Generator| {
            let (low, high) = range[g.bus];
            own(g).0 + share((free_mw[g.bus] - low).max(0.0), high - low) * (own(g).1 - own(g).0)
        };
        generators.iter().map(|g| if g.in_service && self.wires.live[g.bus] { output(g) } else { 0.0 }).collect()
    }
}

/// True when what is shed (p.u.) is a lower bound of it, to the digits of a program.
fn is_no_more(shed: f64, bound: f64) -> bool {
    shed <= bound + NO_SHED * (1.0 + bound)
}

/// Share of `of` that `x` is, between 0 and 1; 0 of nothing.
fn share(x: f64, of: f64) -> f64 {
    if of > 0.0 { (x / of).min(1.0) } else { 0.0 }
}

#[cfg(test)]
#[path = "shed_tests.rs"]
mod tests;
