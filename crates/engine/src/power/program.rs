//! The program behind optimal power flow, shedding and redispatch on a direct-current network.
//!
//! minimise Σ c x + ½ Σ q x²  subject to  Σ(fixed + A x) = 0 on each island,  low ≤ f ≤ high on each branch,
//! where f = b (`θ_from` − `θ_to`) + shift flow and B θ = fixed + A x − shift injection. Units: p.u., radians.
//!
//! Two equal forms are solved. In the first, θ is eliminated: f = f⁰ + Σ φ A x with φ = b (`e_from` − `e_to`)ᵀ B⁻¹ the transfer
//! factors of a branch (one sparse solve), and a branch enters only once the last answer overloads it. The relaxed program
//! bounds the full one from below, so an answer without overloads is optimal, and no answer means infeasible. Where more
//! than [`DENSE_LINES`] branches are overloaded at once, or the factors grow beyond [`DENSE_ENTRIES`], the second form takes
//! over: θ stays as columns, every rated branch is a sparse row. Each round adds a branch, so rounds are bounded by branches.
//! Source: Stott, Jardim, Alsaç, IEEE Trans. Power Syst. 24(3), 2009, DOI 10.1109/TPWRS.2009.2021235.

use buttress_lp::{Basis, Limits, Problem, Solution, solve};
use buttress_model::network::PowerNetwork;

use super::dc::{Convention, DcModel};
use super::ldl::{Factor, Pattern};
use crate::ending::Ending;

/// A flow above its limit by more than this (p.u.) is an overload.
pub(super) const OVERLOAD: f64 = 1e-6;
/// Overloaded branches in one answer above which the sparse form is faster.
const DENSE_LINES: usize = 64;
/// Stored transfer factors above which the sparse form is faster.
const DENSE_ENTRIES: usize = 500_000;
/// Transfer factors below this are no entries.
const SMALL_FACTOR: f64 = 1e-9;
/// Angle difference that `PowerModels` puts in place of a missing limit, degrees.
const DEFAULT_ANGLE_DEG: f64 = 60.0;

/// Branches as a program sees them.
#[derive(Debug, Clone)]
pub(super) struct Wires {
    pub(super) n_buses: usize,
    pub(super) from: Vec<usize>,
    pub(super) to: Vec<usize>,
    /// Susceptance, p.u.; 0 out of service.
    pub(super) b: Vec<f64>,
    /// Flow at equal angles.
    pub(super) shift: Vec<f64>,
    pub(super) low: Vec<f64>,
    pub(super) high: Vec<f64>,
    /// Buses that are not isolated.
    pub(super) live: Vec<bool>,
}

/// Limits of an angle difference, radians, as each convention reads columns 12 and 13 of a MATPOWER branch: `PowerModels`
/// replaces what is missing or beyond 90° by 60°; MATPOWER reads 0 and ±360° as none.
fn angle_limits(convention: Convention, min: f64, max: f64) -> (f64, f64) {
    let (min, max) = match convention {
        Convention::PowerModels if min == 0.0 && max == 0.0 => (-DEFAULT_ANGLE_DEG, DEFAULT_ANGLE_DEG),
        Convention::PowerModels => (if min <= -90.0 { -DEFAULT_ANGLE_DEG } else { min }, if max >= 90.0 { DEFAULT_ANGLE_DEG } else { max }),
        Convention::Matpower => (
            if min == 0.0 || min <= -360.0 { f64::NEG_INFINITY } else { min },
            if max == 0.0 || max >= 360.0 { f64::INFINITY } else { max },
        ),
    };
    (min.to_radians(), max.to_radians())
}

impl Wires {
    /// Branches with ratings and angle limits; `Err` when a susceptance is no number (a branch without impedance).
    pub(super) fn new(network: &PowerNetwork, convention: Convention) -> Result<Wires, Ending> {
        let mut wires = Wires::rated(network, convention)?;
        if network.branches.iter().any(|b| b.angle_min_deg.is_nan() || b.angle_max_deg.is_nan()) {
            return Err(Ending::NotANumber);
        }
        for (k, branch) in network.branches.iter().enumerate() {
            let (min, max) = angle_limits(convention, branch.angle_min_deg, branch.angle_max_deg);
            if wires.b[k] != 0.0 {
                let (x, y) = (wires.b[k] * min, wires.b[k] * max);
                wires.low[k] = wires.low[k].max(x.min(y) + wires.shift[k]);
                wires.high[k] = wires.high[k].min(x.max(y) + wires.shift[k]);
            }
        }
        Ok(wires)
    }

    /// Branches with ratings only, phase shifters at neutral.
    pub(super) fn ratings_only(network: &PowerNetwork, convention: Convention) -> Result<Wires, Ending> {
        let mut wires = Wires::rated(network, convention)?;
        wires.shift.fill(0.0);
        Ok(wires)
    }

    fn rated(network: &PowerNetwork, convention: Convention) -> Result<Wires, Ending> {
        let model = DcModel::new(network, convention);
        if model.b.iter().chain(&model.shift_flow).any(|x| !x.is_finite()) || network.branches.iter().any(|b| b.rate_a_mva.is_nan()) {
            return Err(Ending::NotANumber);
        }
        let index = |xs: &[u32]| xs.iter().map(|&i| i as usize).collect();
        Ok(Wires {
            n_buses: model.n_buses,
            from: index(&model.from),
            to: index(&model.to),
            low: model.limit.iter().map(|x| -x).collect(),
            high: model.limit,
            b: model.b,
            shift: model.shift_flow,
            live: model.live,
        })
    }

    /// Fill-reducing order of the susceptance matrix, for any set of branches in service.
    pub(super) fn pattern(&self) -> Pattern {
        let edges: Vec<(usize, usize)> = self.from.iter().copied().zip(self.to.iter().copied()).collect();
        Pattern::analyse(self.n_buses, &edges)
    }

    /// How far each overloaded branch is beyond its limit, p.u., worst first.
    pub(super) fn overloads(&self, flow: &[f64]) -> Vec<(f64, usize)> {
        let excess = |k: usize| (flow[k] - self.high[k]).max(self.low[k] - flow[k]);
        let mut over: Vec<(f64, usize)> = (0..flow.len()).map(|k| (excess(k), k)).filter(|o| o.0 > OVERLOAD).collect();
        over.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        over
    }
}

/// Islands and factorised susceptance matrix for one set of branches in service.
#[derive(Debug)]
pub(super) struct Topology<'a> {
    pub(super) wires: &'a Wires,
    pattern: &'a Pattern,
    pub(super) b: Vec<f64>,
    /// Island of each bus, numbered by lowest bus.
    pub(super) island: Vec<usize>,
    pub(super) n_islands: usize,
    /// First bus of each island: its angle is 0.
    is_reference: Vec<bool>,
    factor: Factor,
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

fn islands(wires: &Wires, b: &[f64]) -> (Vec<usize>, Vec<bool>) {
    let n = wires.n_buses;
    let mut parent: Vec<usize> = (0..n).collect();
    for k in (0..b.len()).filter(|&k| b[k] != 0.0) {
        let (x, y) = (root(&mut parent, wires.from[k]), root(&mut parent, wires.to[k]));
        parent[x.max(y)] = x.min(y);
    }
    let is_reference: Vec<bool> = (0..n).map(|i| parent[i] == i).collect();
    let mut island = vec![0; n];
    let mut count = 0;
    for i in 0..n {
        // The root is the lowest bus, so its number stands already.
        island[i] = if is_reference[i] { count } else { island[root(&mut parent, i)] };
        count += usize::from(is_reference[i]);
    }
    (island, is_reference)
}

impl<'a> Topology<'a> {
    /// The network without the branches `out` (0-based); `Err` when its matrix is singular.
    pub(super) fn new(wires: &'a Wires, pattern: &'a Pattern, out: &[usize]) -> Result<Topology<'a>, Ending> {
        let mut b = wires.b.clone();
        for &k in out {
            b[k] = 0.0;
        }
        let (island, is_reference) = islands(wires, &b);
        let n_islands = is_reference.iter().filter(|r| **r).count();
        let (mut diagonal, mut edge) = (vec![0.0; wires.n_buses], vec![0.0; b.len()]);
        for k in 0..b.len() {
            let (f, t) = (wires.from[k], wires.to[k]);
            diagonal[f] += b[k];
            diagonal[t] += b[k];
            if !is_reference[f] && !is_reference[t] {
                edge[k] = -b[k];
            }
        }
        for (d, &r) in diagonal.iter_mut().zip(&is_reference) {
            if r {
                *d = 1.0;
            }
        }
        let factor = pattern.factor(&diagonal, &edge).ok_or(Ending::Singular)?;
        Ok(Topology { wires, pattern, b, island, n_islands, is_reference, factor })
    }

    /// B⁻¹ times a vector by bus, references at 0.
    pub(super) fn solve(&self, mut rhs: Vec<f64>) -> Vec<f64> {
        for (x, &r) in rhs.iter_mut().zip(&self.is_reference) {
            if r {
                *x = 0.0;
            }
        }
        self.pattern.solve(&self.factor, &mut rhs);
        rhs
    }

    /// Angles for injections by bus; what an island lacks in balance falls to its reference.
    pub(super) fn angles(&self, injection: &[f64]) -> Vec<f64> {
        let mut rhs = injection.to_vec();
        for k in (0..self.b.len()).filter(|&k| self.b[k] != 0.0 && self.wires.shift[k] != 0.0) {
            rhs[self.wires.from[k]] -= self.wires.shift[k];
            rhs[self.wires.to[k]] += self.wires.shift[k];
        }
        self.solve(rhs)
    }

    /// Flow on every branch at these angles.
    pub(super) fn flows(&self, theta: &[f64]) -> Vec<f64> {
        let w = self.wires;
        let flow = |k: usize| if self.b[k] == 0.0 { 0.0 } else { self.b[k] * (theta[w.from[k]] - theta[w.to[k]]) + w.shift[k] };
        (0..self.b.len()).map(flow).collect()
    }

    /// Weighted sum of the transfer factors of branches, by bus.
    pub(super) fn transfer(&self, weights: &[(usize, f64)]) -> Vec<f64> {
        let mut rhs = vec![0.0; self.wires.n_buses];
        for &(k, w) in weights {
            rhs[self.wires.from[k]] += w * self.b[k];
            rhs[self.wires.to[k]] -= w * self.b[k];
        }
        self.solve(rhs)
    }

    /// Sum of a quantity by bus over each island.
    pub(super) fn by_island(&self, of: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.n_islands];
        for (i, x) in of.iter().enumerate() {
            sum[self.island[i]] += x;
        }
        sum
    }
}

/// A quantity that may be chosen, p.u.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Bus and share injected there; a direct-current line has two.
    pub(super) at: [(usize, f64); 2],
    pub(super) low: f64,
    pub(super) high: f64,
    /// Linear cost.
    pub(super) cost: f64,
    /// Coefficient of the square.
    pub(super) square: f64,
}

impl Column {
    /// Injection at one bus.
    pub(super) fn at(bus: usize, low: f64, high: f64, cost: f64) -> Column {
        Column { at: [(bus, 1.0), (bus, 0.0)], low, high, cost, square: 0.0 }
    }

    fn ends(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.at.iter().copied().filter(|e| e.1 != 0.0)
    }
}

/// What is chosen, on which network.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) topology: &'a Topology<'a>,
    pub(super) columns: &'a [Column],
    /// Injection by bus that cannot be chosen.
    pub(super) fixed: &'a [f64],
}

/// An answer; all but the ending is empty when there is none.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) ending: Ending,
    pub(super) objective: f64,
    /// Value of each column.
    pub(super) x: Vec<f64>,
    pub(super) theta: Vec<f64>,
    pub(super) flow: Vec<f64>,
    /// Change of the objective per unit of demand, by bus.
    pub(super) price: Vec<f64>,
    /// Branches held; none in the sparse form, which holds all.
    pub(super) lines: Vec<usize>,
}

impl Answer {
    pub(super) fn none(ending: Ending) -> Answer {
        Answer { ending, objective: f64::NAN, x: vec![], theta: vec![], flow: vec![], price: vec![], lines: vec![] }
    }
}

pub(super) fn ending_of(ending: &buttress_lp::Ending) -> Ending {
    match ending {
        buttress_lp::Ending::Optimal => Ending::Solved,
        buttress_lp::Ending::Infeasible => Ending::Infeasible,
        buttress_lp::Ending::Unbounded => Ending::Unbounded,
        buttress_lp::Ending::IterationLimit => Ending::IterationLimit,
        buttress_lp::Ending::Numerical => Ending::Singular,
        buttress_lp::Ending::NotAProgram(_) => Ending::NotANumber,
    }
}

impl Program<'_> {
    /// Injection by bus at a choice.
    pub(super) fn injection(&self, x: &[f64]) -> Vec<f64> {
        let mut injection = self.fixed.to_vec();
        for (column, x) in self.columns.iter().zip(x) {
            for (i, share) in column.ends() {
                injection[i] += share * x;
            }
        }
        injection
    }

    fn columns(&self) -> Problem {
        let mut p = Problem::new();
        for c in self.columns {
            p.add_col(c.cost, c.low, c.high);
        }
        if self.columns.iter().any(|c| c.square != 0.0) {
            p.quadratic = self.columns.iter().map(|c| 2.0 * c.square).collect();
        }
        p
    }

    /// Solves by whichever form the shape of the network asks for; `seeds` are branches that will likely bind.
    pub(super) fn solve(&self, seeds: &[usize]) -> Answer {
        Dense::new(self, seeds).solve().unwrap_or_else(|| self.solve_sparse())
    }

    /// θ form: columns, then θ; a balance a bus, then a row a rated branch. Rows of branches are flows for the simplex, and
    /// angle differences for quadratic costs, where Clarabel is the steadier for entries of ±1.
    pub(super) fn solve_sparse(&self) -> Answer {
        let (t, w) = (self.topology, self.topology.wires);
        let mut p = self.columns();
        let theta = p.n_cols();
        for &reference in &t.is_reference {
            let free = if reference { 0.0 } else { f64::INFINITY };
            p.add_col(0.0, -free, free);
        }
        if !p.quadratic.is_empty() {
            p.quadratic.resize(p.n_cols(), 0.0);
        }
        let mut rows: Vec<Vec<(usize, f64)>> = (0..w.n_buses).map(|i| vec![(theta + i, 0.0)]).collect();
        let mut demand: Vec<f64> = self.fixed.iter().map(|x| -x).collect();
        for k in (0..t.b.len()).filter(|&k| t.b[k] != 0.0) {
            let (f, to, b) = (w.from[k], w.to[k], t.b[k]);
            rows[f][0].1 -= b;
            rows[to][0].1 -= b;
            add_entry(&mut rows[f], theta + to, b);
            add_entry(&mut rows[to], theta + f, b);
            demand[f] += w.shift[k];
            demand[to] -= w.shift[k];
        }
        for (j, column) in self.columns.iter().enumerate() {
            column.ends().for_each(|(i, share)| rows[i].push((j, share)));
        }
        for (row, &demand) in rows.into_iter().zip(&demand) {
            p.add_row(demand, demand, row);
        }
        for k in (0..t.b.len()).filter(|&k| t.b[k] != 0.0 && (w.low[k].is_finite() || w.high[k].is_finite())) {
            let unit = if p.quadratic.is_empty() { 1.0 } else { t.b[k].abs() };
            let entry = t.b[k] / unit;
            let (low, high) = (w.low[k] - w.shift[k], w.high[k] - w.shift[k]);
            p.add_row(low / unit, high / unit, [(theta + w.from[k], entry), (theta + w.to[k], -entry)]);
        }
        let s = solve(&p, &Limits::default(), None);
        if !s.is_optimal() {
            return Answer::none(ending_of(&s.ending));
        }
        let x = s.x[..theta].to_vec();
        let theta = t.angles(&self.injection(&x));
        let price = s.row_dual[..w.n_buses].to_vec();
        Answer { ending: Ending::Solved, objective: s.objective, x, flow: t.flows(&theta), theta, price, lines: vec![] }
    }
}

/// Adds to the entry of a column, which parallel branches share.
fn add_entry(row: &mut Vec<(usize, f64)>, column: usize, value: f64) {
    match row.iter_mut().find(|e| e.0 == column) {
        Some(entry) => entry.1 += value,
        None => row.push((column, value)),
    }
}

/// Transfer-factor form while it grows.
pub(super) struct Dense<'a> {
    program: &'a Program<'a>,
    p: Problem,
    basis: Option<Basis>,
    /// Flow that the fixed injections drive.
    pub(super) own_flow: Vec<f64>,
    /// Row of each island's balance.
    balance: Vec<usize>,
    /// Branches held, with their rows.
    lines: Vec<(usize, usize)>,
    known: Vec<bool>,
}

impl<'a> Dense<'a> {
    /// The program that holds the balances and the branches `seeds`.
    pub(super) fn new(program: &'a Program<'a>, seeds: &[usize]) -> Dense<'a> {
        let t = program.topology;
        let own_flow = t.flows(&t.angles(program.fixed));
        let mut out =
            Dense { program, p: program.columns(), basis: None, own_flow, balance: vec![], lines: vec![], known: vec![false; t.b.len()] };
        let mut members = vec![Vec::new(); t.n_islands];
        for (j, column) in program.columns.iter().enumerate() {
            column.ends().for_each(|(i, share)| members[t.island[i]].push((j, share)));
        }
        out.balance = t.by_island(program.fixed).iter().zip(members).map(|(fixed, m)| out.p.add_row(-fixed, -fixed, merged(m))).collect();
        out.add_lines(seeds);
        out
    }

    fn add_lines(&mut self, lines: &[usize]) {
        let w = self.program.topology.wires;
        for &k in lines {
            let row = self.add_row(&[(k, 1.0)], w.low[k], w.high[k]);
            self.lines.push((k, row));
            self.known[k] = true;
        }
    }

    /// Adds `low ≤ Σ weight · flow ≤ high` and returns its row.
    pub(super) fn add_row(&mut self, weights: &[(usize, f64)], low: f64, high: f64) -> usize {
        let factor = self.program.topology.transfer(weights);
        let entries: Vec<(usize, f64)> = (self.program.columns.iter().enumerate())
            .map(|(j, c)| (j, c.ends().map(|(i, share)| share * factor[i]).sum::<f64>()))
            .filter(|e| e.1.abs() > SMALL_FACTOR)
            .collect();
        let own: f64 = weights.iter().map(|&(k, w)| w * self.own_flow[k]).sum();
        self.basis = self.basis.take().map(|b| b.with_new_rows(1));
        self.p.add_row(low - own, high - own, entries)
    }

    /// Solves the program as it stands, without looking for overloads; the dispatch, its angles and flows.
    pub(super) fn solve_once(&mut self) -> Result<(Solution, Vec<f64>, Vec<f64>), buttress_lp::Ending> {
        let mut s = solve(&self.p, &Limits::default(), self.basis.as_ref());
        if !s.is_optimal() {
            return Err(s.ending);
        }
        self.basis = s.basis.take();
        let theta = self.program.topology.angles(&self.program.injection(&s.x));
        let flow = self.program.topology.flows(&theta);
        Ok((s, theta, flow))
    }

    /// Adds the branches that these flows overload and that are not yet held; their number.
    pub(super) fn add_overloads(&mut self, flow: &[f64]) -> usize {
        let over: Vec<usize> = self.overloads(flow);
        self.add_lines(&over);
        over.len()
    }

    fn overloads(&self, flow: &[f64]) -> Vec<usize> {
        self.program.topology.wires.overloads(flow).into_iter().map(|o| o.1).filter(|&k| !self.known[k]).collect()
    }

    /// `None` when the sparse form should decide.
    pub(super) fn solve(mut self) -> Option<Answer> {
        for _ in 0..=self.known.len() {
            let (s, theta, flow) = match self.solve_once() {
                Ok(found) => found,
                Err(e @ (buttress_lp::Ending::Infeasible | buttress_lp::Ending::NotAProgram(_))) => {
                    return Some(Answer::none(ending_of(&e)));
                }
                Err(_) => return None,
            };
            let over = self.overloads(&flow);
            if over.is_empty() {
                return Some(self.answer(s, theta, flow));
            }
            if over.len() > DENSE_LINES || (self.lines.len() + over.len()) * self.program.columns.len() > DENSE_ENTRIES {
                return None;
            }
            self.add_lines(&over);
        }
        None
    }

    /// The answer, with the branches it holds.
    fn answer(self, s: Solution, theta: Vec<f64>, flow: Vec<f64>) -> Answer {
        let t = self.program.topology;
        let congestion: Vec<(usize, f64)> = self.lines.iter().map(|&(k, row)| (k, s.row_dual[row])).collect();
        let mut price = t.transfer(&congestion);
        for (i, price) in price.iter_mut().enumerate() {
            *price += s.row_dual[self.balance[t.island[i]]];
        }
        let lines = self.lines.iter().map(|l| l.0).collect();
        Answer { ending: Ending::Solved, objective: s.objective, x: s.x, theta, flow, price, lines }
    }
}

/// Entries of one row with the two ends of a direct-current line inside one island added up; columns ascend.
fn merged(entries: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    let mut out: Vec<(usize, f64)> = Vec::with_capacity(entries.len());
    for (j, v) in entries {
        match out.last_mut() {
            Some(last) if last.0 == j => last.1 += v,
            _ => out.push((j, v)),
        }
    }
    out
}
