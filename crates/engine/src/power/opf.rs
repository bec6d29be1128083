//! Optimal power flow on the direct-current model: the cheapest dispatch within the limits of generators and branches.
//!
//! minimise Σ `cost_g(p_g)`  subject to  p = b (`θ_from` − `θ_to`) on each branch, power balanced at each bus, |p| ≤ rating,
//! angle differences and outputs within their limits. With [`Convention::PowerModels`] this is `DCPPowerModel` of
//! `PowerModels` (Coffrin et al., DOI 10.23919/PSCC.2018.8442948), whose objectives stand in the DC column of PGLib-OPF
//! (arXiv 1908.02788): b = x/(r² + x²), no taps, no shifts, shunt conductance as demand, a missing angle limit read as 60°.
//! With [`Convention::Matpower`] taps and phase shifts count, and a missing angle limit is none.
//!
//! A direct-current line takes p at its from bus and gives (1 − loss factor) p − constant loss at its to bus. A negative
//! limit of it holds at the to bus, where it bounds what is drawn there.
//! Costs are polynomials up to the square, and piecewise linear where convex; what is neither is an ending, not a number.

use buttress_model::network::{Cost, DcLine, PowerNetwork};

use super::dc::Convention;
use super::program::{Answer, Column, Program, Topology, Wires};
use crate::ending::Ending;

/// Fall of a slope (relative) below which a piecewise cost still counts as convex.
const CONVEX_TOLERANCE: f64 = 1e-9;

/// An optimal dispatch. All arrays are empty and the objective is not a number unless it is solved.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimalFlow {
    /// How it ended.
    pub ending: Ending,
    /// Cost per hour, in the currency of the source.
    pub objective: f64,
    /// Output of each generator row, MW; 0 out of service.
    pub p_mw: Vec<f64>,
    /// Power taken by each direct-current line at its from bus, MW.
    pub dc_line_mw: Vec<f64>,
    /// Flow on each branch row from `from` to `to`, MW.
    pub flow_mw: Vec<f64>,
    /// Angle of each bus, radians; 0 at the first bus of each island.
    pub angle_rad: Vec<f64>,
    /// Marginal cost of demand at each bus, in the currency of the source a megawatt-hour.
    pub price_per_mwh: Vec<f64>,
}

impl OptimalFlow {
    fn none(ending: Ending) -> OptimalFlow {
        OptimalFlow {
            ending,
            objective: f64::NAN,
            p_mw: vec![],
            dc_line_mw: vec![],
            flow_mw: vec![],
            angle_rad: vec![],
            price_per_mwh: vec![],
        }
    }
}

/// What a column of the program belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Generator(usize),
    DcLine(usize),
}

/// The choices of a network: columns in p.u. with their owners, and the constant of the cost.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub(super) columns: Vec<Column>,
    pub(super) owner: Vec<Owner>,
    pub(super) constant: f64,
}

impl Choices {
    /// Columns of every generator and direct-current line in service between live buses, `unit` MW a p.u.
    pub(super) fn new(network: &PowerNetwork, live: &[bool]) -> Result<Choices, Ending> {
        let unit = network.base_mva;
        let mut out = Choices::default();
        for (g, generator) in network.generators.iter().enumerate().filter(|(_, g)| g.in_service && live[g.bus]) {
            let column = Column::at(generator.bus, generator.p_min_mw, generator.p_max_mw, 0.0);
            out.push(Owner::Generator(g), column, &generator.cost, unit)?;
        }
        for (k, line) in network.dc_lines.iter().enumerate().filter(|(_, l)| l.in_service && live[l.from] && live[l.to]) {
            let (low, high) = dc_line_range_mw(line);
            let column = Column { at: [(line.from, -1.0), (line.to, 1.0 - line.loss.1)], low, high, cost: 0.0, square: 0.0 };
            out.push(Owner::DcLine(k), column, &line.cost, unit)?;
        }
        Ok(out)
    }

    /// Adds one choice, given in MW, as one column or, for a piecewise cost, one a piece.
    fn push(&mut self, owner: Owner, column: Column, cost: &Cost, unit: f64) -> Result<(), Ending> {
        let add = |out: &mut Choices, low: f64, high: f64, cost: f64, square: f64| {
            out.columns.push(Column { low: low / unit, high: high / unit, cost: cost * unit, square: square * unit * unit, ..column });
            out.owner.push(owner);
        };
        match cost {
            Cost::None => add(self, column.low, column.high, 0.0, 0.0),
            Cost::Polynomial(coefficients) => {
                let from_low: Vec<f64> = coefficients.iter().rev().copied().collect();
                let power = |k: usize| from_low.get(k).copied().unwrap_or(0.0);
                if from_low.iter().any(|c| !c.is_finite()) {
                    return Err(Ending::NotANumber);
                }
                if from_low.iter().skip(3).any(|&c| c != 0.0) {
                    return Err(Ending::CostDegree);
                }
                if power(2) < 0.0 {
                    return Err(Ending::NotConvex);
                }
                self.constant += power(0);
                add(self, column.low, column.high, power(1), power(2));
            }
            Cost::Piecewise(points) => {
                let (constant, pieces) = pieces(points, column.low, column.high)?;
                self.constant += constant;
                // The first piece carries the absolute output, each other what is above its lower end.
                for (i, &(low, high, slope)) in pieces.iter().enumerate() {
                    let (low, high) = if i == 0 { (low, high) } else { (0.0, high - low) };
                    add(self, low, high, slope, 0.0);
                }
            }
        }
        Ok(())
    }

    /// MW by generator row and by direct-current line row.
    pub(super) fn read(&self, network: &PowerNetwork, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut p, mut dc) = (vec![0.0; network.generators.len()], vec![0.0; network.dc_lines.len()]);
        for (owner, x) in self.owner.iter().zip(x) {
            match *owner {
                Owner::Generator(g) => p[g] += x * network.base_mva,
                Owner::DcLine(k) => dc[k] += x * network.base_mva,
            }
        }
        (p, dc)
    }
}

/// Power at the from bus, MW; a negative limit is one at the to bus.
pub(super) fn dc_line_range_mw(line: &DcLine) -> (f64, f64) {
    let (constant, factor) = line.loss;
    let at_from = |p: f64| if p >= 0.0 { p } else { (p + constant) / (1.0 - factor) };
    (at_from(line.p_range_mw.0), at_from(line.p_range_mw.1))
}

/// Constant of the first piece that `low..high` meets, and each such piece as (low, high, slope). The end pieces go on
/// beyond the points.
fn pieces(points: &[(f64, f64)], low: f64, high: f64) -> Result<(f64, Vec<(f64, f64, f64)>), Ending> {
    if points.iter().any(|p| !p.0.is_finite() || !p.1.is_finite()) {
        return Err(Ending::NotANumber);
    }
    let slopes: Vec<f64> = points.windows(2).map(|w| (w[1].1 - w[0].1) / (w[1].0 - w[0].0)).collect();
    if points.windows(2).any(|w| w[1].0 <= w[0].0) || slopes.windows(2).any(|s| s[1] < s[0] - CONVEX_TOLERANCE * (1.0 + s[0].abs())) {
        return Err(Ending::NotConvex);
    }
    let Some((&last, _)) = slopes.split_last() else {
        return Ok((points.first().map_or(0.0, |p| p.1), vec![(low, high, 0.0)]));
    };
    let met = |i: usize| {
        let left = if i == 0 { f64::NEG_INFINITY } else { points[i].0 };
        let right = if i + 1 == slopes.len() { f64::INFINITY } else { points[i + 1].0 };
        (left.max(low), right.min(high))
    };
    let mut first = slopes.len() - 1;
    let mut out = Vec::new();
    for (i, &slope) in slopes.iter().enumerate().filter(|&(i, _)| met(i).0 < met(i).1) {
        first = first.min(i);
        out.push((met(i).0, met(i).1, slope));
    }
    if out.is_empty() {
        // The output is fixed: any piece that holds it will do.
        first = (0..slopes.len()).find(|&i| i + 1 == slopes.len() || low <= points[i + 1].0).unwrap_or(first);
        out.push((low, high, slopes.get(first).copied().unwrap_or(last)));
    }
    Ok((points[first].1 - slopes[first] * points[first].0, out))
}

/// Injection by bus that cannot be chosen, p.u.: demand, shunt conductance, constant losses of direct-current lines.
pub(super) fn fixed_injection(network: &PowerNetwork, live: &[bool]) -> Vec<f64> {
    let base = network.base_mva;
    let mut fixed: Vec<f64> = network.buses.iter().map(|b| -(b.pd_mw + b.gs_mw) / base).collect();
    for line in network.dc_lines.iter().filter(|l| l.in_service && live[l.from] && live[l.to]) {
        fixed[line.to] -= line.loss.0 / base;
    }
    for (f, _) in fixed.iter_mut().zip(live).filter(|(_, live)| !**live) {
        *f = 0.0;
    }
    fixed
}

/// True when an island demands power and nothing can be chosen in it.
pub(super) fn lacks_source(topology: &Topology, fixed: &[f64], columns: &[Column]) -> bool {
    let mut has_source = vec![false; topology.n_islands];
    for (i, share) in columns.iter().flat_map(|c| c.at) {
        has_source[topology.island[i]] |= share != 0.0;
    }
    topology.by_island(fixed).iter().zip(has_source).any(|(f, has)| *f < 0.0 && !has)
}

/// The cheapest dispatch of a network.
///
/// # Example
/// ```
/// use buttress_engine::ending::Ending;
/// use buttress_engine::power::{dc::Convention, opf};
/// use buttress_model::network::{Bus, Cost, Generator, PowerNetwork};
/// let network = PowerNetwork {
///     base_mva: 100.0,
///     buses: vec![Bus { pd_mw: 60.0, ..Bus::default() }],
///     generators: vec![Generator {
///         in_service: true,
///         p_max_mw: 80.0,
///         cost: Cost::Polynomial(vec![10.0, 5.0]),
///         ..Generator::default()
///     }],
///     ..PowerNetwork::default()
/// };
/// let flow = opf::optimal_flow(&network, Convention::PowerModels);
/// assert!(flow.ending == Ending::Solved && (flow.objective - 605.0).abs() < 1e-9);
/// ```
pub fn optimal_flow(network: &PowerNetwork, convention: Convention) -> OptimalFlow {
    let answer = prepare(network, convention).and_then(|(wires, choices)| {
        let pattern = wires.pattern();
        let topology = Topology::new(&wires, &pattern, &[])?;
        let fixed = fixed_injection(network, &wires.live);
        if lacks_source(&topology, &fixed, &choices.columns) {
            return Err(Ending::NoSource);
        }
        let program = Program { topology: &topology, columns: &choices.columns, fixed: &fixed };
        Ok((program.solve(&[]), choices))
    });
    match answer {
        Err(ending) => OptimalFlow::none(ending),
        Ok((answer, _)) if answer.ending != Ending::Solved => OptimalFlow::none(answer.ending),
        Ok((answer, choices)) => read(network, &choices, answer),
    }
}

/// Branches and choices of a network whose base is a number.
pub(super) fn prepare(network: &PowerNetwork, convention: Convention) -> Result<(Wires, Choices), Ending> {
    if !(network.base_mva.is_finite() && network.base_mva > 0.0) {
        return Err(Ending::NotANumber);
    }
    let wires = Wires::new(network, convention)?;
    let choices = Choices::new(network, &wires.live)?;
    Ok((wires, choices))
}

fn read(network: &PowerNetwork, choices: &Choices, answer: Answer) -> OptimalFlow {
    let base = network.base_mva;
    let (p_mw, dc_line_mw) = choices.read(network, &answer.x);
    OptimalFlow {
        ending: Ending::Solved,
        objective: answer.objective + choices.constant,
        p_mw,
        dc_line_mw,
        flow_mw: answer.flow.iter().map(|f| f * base).collect(),
        angle_rad: answer.theta,
        price_per_mwh: answer.price.iter().map(|p| p / base).collect(),
    }
}

#[cfg(test)]
#[path = "opf_tests.rs"]
pub(super) mod tests;
