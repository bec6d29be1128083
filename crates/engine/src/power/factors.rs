//! Base flows, transfer factors and outage factors of the direct-current model.
//!
//! B θ = P with B the Laplacian of b over the branches in service, θ = 0 at one reference bus an island: the reference bus of
//! the source absorbs the mismatch of its island, and the first bus of every other island does so there, by leaving its row out.
//! For branch k with incidence `a_k` (+1 at from, −1 at to) let B `x_k` = `a_k`. Then
//!   PTDF of k: `h_k` = `b_k` `x_k`, flow on k per unit injected at each bus (taken out at the reference);
//!   `H_ek` = `b_e` `a_eᵀ` `x_k`, flow on e per unit sent from end to end of k;
//!   LODF: `L_ek` = `H_ek` / (1 − `H_kk`), share of the lost flow of k that e takes up; `L_kk` = −1.
//! 1 − `H_kk` vanishes when k is a bridge. Bridges are found on the graph, exactly; a branch whose 1 − `H_kk` is below
//! [`BRIDGE_TOLERANCE`] counts as one too (negative reactances can cancel a path).
//! Sources: Wood, Wollenberg, Sheblé, "Power Generation, Operation, and Control", 3rd ed., Wiley 2013, chapter 7;
//! Güler, Gross, Liu, IEEE Trans. Power Syst. 22(4), 2007, DOI 10.1109/TPWRS.2007.907512. Units: p.u., radians.

use super::dc::DcModel;
use super::ldl::{Factor, Pattern, Sides};
use super::simd::Level;
use crate::components::{bridges, components};
use crate::ending::Ending;

/// A branch with |1 − `H_kk`| below this islands, and a pair with |1 − `L_ij` `L_ji`| below it.
pub const BRIDGE_TOLERANCE: f64 = 1e-8;
/// A branch is overloaded when its flow exceeds its limit by more than this share.
pub const LIMIT_TOLERANCE: f64 = 1e-9;
/// Columns solved together.
pub(super) const LANES: usize = 8;

/// A factorised model and its base flows.
#[derive(Debug, Clone)]
pub struct Factors {
    pattern: Pattern,
    factor: Factor,
    pub(super) level: Level,
    /// Place of the ends of each branch in the order of elimination.
    pub(super) place_from: Vec<u32>,
    pub(super) place_to: Vec<u32>,
    /// True at the place of a reference bus.
    is_reference: Vec<bool>,
    /// Susceptance of each branch, p.u.; 0 out of service.
    pub(super) b: Vec<f64>,
    /// Continuous rating of each branch, p.u.; infinite when unrated.
    pub(super) limit: Vec<f64>,
    /// Base, MVA.
    pub(super) base_mva: f64,
    flow: Vec<f64>,
    angle: Vec<f64>,
    island: Vec<usize>,
    reference: Vec<usize>,
    is_bridge: Vec<bool>,
}

impl Factors {
    /// Factorises a model and solves its base flows. `Err` is [`Ending::NotANumber`] when a susceptance or an injection is not
    /// finite, [`Ending::Singular`] when a pivot vanishes.
    pub fn new(model: &DcModel) -> Result<Factors, Ending> {
        if model.b.iter().chain(&model.injection).chain(&model.shift_flow).any(|x| !x.is_finite()) || model.limit.iter().any(|x| x.is_nan())
        {
            return Err(Ending::NotANumber);
        }
        let (n, m) = (model.n_buses, model.n_branches());
        let ends: Vec<(usize, usize)> = model.from.iter().zip(&model.to).map(|(&f, &t)| (f as usize, t as usize)).collect();
        let links: Vec<Option<(usize, usize)>> = (0..m).map(|k| (model.b[k] != 0.0).then_some(ends[k])).collect();
        let (island, n_islands) = components(n, links.iter().flatten().copied());
        let mut reference = vec![usize::MAX; n_islands];
        for i in model.reference.into_iter().chain(0..n) {
            if reference[island[i]] == usize::MAX {
                reference[island[i]] = i;
            }
        }
        let mut diagonal = vec![0.0; n];
        for (&(f, t), &b) in ends.iter().zip(&model.b) {
            diagonal[f] += b;
            diagonal[t] += b;
        }
        let mut at_reference = vec![false; n];
        for &r in &reference {
            at_reference[r] = true;
            diagonal[r] = 1.0;
        }
        let inner: Vec<usize> = (0..m).filter(|&k| model.b[k] != 0.0 && !at_reference[ends[k].0] && !at_reference[ends[k].1]).collect();
        let pattern = Pattern::analyse(n, &inner.iter().map(|&k| ends[k]).collect::<Vec<_>>());
        let factor = pattern.factor(&diagonal, &inner.iter().map(|&k| -model.b[k]).collect::<Vec<_>>()).ok_or(Ending::Singular)?;
        let mut theta: Vec<f64> = (0..n).map(|i| if at_reference[i] { 0.0 } else { model.injection[i] }).collect();
        pattern.solve(&factor, &mut theta);
        let flow = (0..m).map(|k| model.b[k] * (theta[ends[k].0] - theta[ends[k].1]) + model.shift_flow[k]).collect();
        let mut is_reference = vec![false; n];
        for &r in &reference {
            is_reference[pattern.place_of(r)] = true;
        }
        Ok(Factors {
            place_from: ends.iter().map(|e| pattern.place_of(e.0) as u32).collect(),
            place_to: ends.iter().map(|e| pattern.place_of(e.1) as u32).collect(),
            is_bridge: bridges(n, &links),
            pattern,
            factor,
            level: Level::default(),
            is_reference,
            b: model.b.clone(),
            limit: model.limit.clone(),
            base_mva: model.base_mva,
            flow,
            angle: theta,
            island,
            reference,
        })
    }

    /// The same factors, worked with these instructions; the numbers do not depend on them.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Factors {
        self.level = level;
        self
    }

    /// Flow on each branch with everything in service, p.u.; 0 out of service.
    pub fn flow(&self) -> &[f64] {
        &self.flow
    }

    /// Angle of each bus against its island's reference, rad.
    pub fn angle(&self) -> &[f64] {
        &self.angle
    }

    /// Island of each bus, numbered by the lowest bus in it.
    pub fn island(&self) -> &[usize] {
        &self.island
    }

    /// Reference bus of each island.
    pub fn reference(&self) -> &[usize] {
        &self.reference
    }

    /// Whether the loss of each branch disconnects its ends, by the graph.
    pub fn is_bridge(&self) -> &[bool] {
        &self.is_bridge
    }

    /// Whether a branch is in service.
    pub fn in_service(&self, branch: usize) -> bool {
        self.b[branch] != 0.0
    }

    /// PTDF row of a branch: its flow per unit injected at each bus and taken out at the reference of the bus's island.
    pub fn transfer_factors(&self, branch: usize) -> Vec<f64> {
        let mut sides = self.sides();
        self.solve_columns(&[branch as u32], &mut sides);
        let by_place = &sides.x;
        (0..self.island.len()).map(|i| self.b[branch] * by_place[self.pattern.place_of(i)].0[0]).collect()
    }

    /// PTDF column of a bus: flow on each branch per unit injected there and taken out at the reference of its island.
    pub fn injection_factors(&self, bus: usize) -> Vec<f64> {
        let mut sides = self.sides();
        self.add(&mut sides, self.pattern.place_of(bus), 0, 1.0);
        self.pattern.solve_many(&self.factor, self.level, &mut sides);
        (0..self.b.len()).map(|e| self.sent(&sides, e, 0)).collect()
    }

    /// LODF column of a branch: share of its flow that each branch takes up when it is lost, −1 for itself. `None` when the
    /// branch is out of service or its loss islands.
    pub fn outage_factors(&self, branch: usize) -> Option<Vec<f64>> {
        if !self.in_service(branch) || self.is_bridge[branch] {
            return None;
        }
        let mut sides = self.sides();
        self.solve_columns(&[branch as u32], &mut sides);
        let left = 1.0 - self.sent(&sides, branch, 0);
        (left.abs() >= BRIDGE_TOLERANCE).then(|| {
            let mut column: Vec<f64> = (0..self.b.len()).map(|e| self.sent(&sides, e, 0) / left).collect();
            column[branch] = -1.0;
            column
        })
    }

    /// Flow on each branch after the loss of one, p.u. `None` when the branch is out of service or its loss islands
    /// (see [`flows_without`]).
    pub fn flow_after(&self, branch: usize) -> Option<Vec<f64>> {
        let column = self.outage_factors(branch)?;
        let mut flow: Vec<f64> = self.flow.iter().zip(&column).map(|(f, l)| f + l * self.flow[branch]).collect();
        flow[branch] = 0.0;
        Some(flow)
    }

    /// Branches in service that are no bridges of the graph, neighbours in the order of elimination together.
    pub(super) fn meshed(&self) -> Vec<u32> {
        let mut out: Vec<u32> = (0..self.b.len() as u32).filter(|&k| self.in_service(k as usize) && !self.is_bridge[k as usize]).collect();
        out.sort_by_key(|&k| {
            let (f, t) = (self.place_from[k as usize], self.place_to[k as usize]);
            (f.min(t), f.max(t), k)
        });
        out
    }

    /// Room for [`Factors::solve_columns`].
    pub(super) fn sides(&self) -> Sides<LANES> {
        Sides::new(&self.pattern)
    }

    /// Solves B `x_k` = `a_k` for up to [`LANES`] branches; lane l of the result belongs to `branches[l]`.
    pub(super) fn solve_columns(&self, branches: &[u32], sides: &mut Sides<LANES>) {
        for (lane, &k) in branches.iter().enumerate() {
            self.add(sides, self.place_from[k as usize] as usize, lane, 1.0);
            self.add(sides, self.place_to[k as usize] as usize, lane, -1.0);
        }
        self.pattern.solve_many(&self.factor, self.level, sides);
    }

    /// `H_ek` for the branch k of a lane.
    pub(super) fn sent(&self, sides: &Sides<LANES>, e: usize, lane: usize) -> f64 {
        (sides.x[self.place_from[e] as usize].0[lane] - sides.x[self.place_to[e] as usize].0[lane]) * self.b[e]
    }

    fn add(&self, sides: &mut Sides<LANES>, place: usize, lane: usize, value: f64) {
        if !self.is_reference[place] {
            sides.add(&self.pattern, place, lane, value);
        }
    }
}

/// Flow on each branch with some branches out, each island solved on its own, p.u.
///
/// Rule: the reference of each island of the whole network first absorbs its mismatch; then, in each island that remains, the
/// larger of generation and demand (positive and negative injections) is scaled down to the smaller; an island with one of
/// them only goes dead. Injections that stand for phase shifts are not scaled.
pub fn flows_without(model: &DcModel, out: &[usize]) -> Result<Vec<f64>, Ending> {
    let (n, m) = (model.n_buses, model.n_branches());
    let ends = |k: usize| (model.from[k] as usize, model.to[k] as usize);
    let islands = |b: &[f64]| components(n, (0..m).filter(|&k| b[k] != 0.0).map(ends));
    let mut p = model.injection.clone();
    for k in 0..m {
        p[ends(k).0] += model.shift_flow[k];
        p[ends(k).1] -= model.shift_flow[k];
    }
    let (island, n_islands) = islands(&model.b);
    let mut mismatch = vec![0.0; n_islands];
    for i in 0..n {
        mismatch[island[i]] += p[i];
    }
    for i in model.reference.into_iter().chain(0..n) {
        p[i] -= std::mem::take(&mut mismatch[island[i]]);
    }
    let mut without = model.clone();
    for &k in out {
        (without.b[k], without.shift_flow[k]) = (0.0, 0.0);
    }
    let (island, n_islands) = islands(&without.b);
    let mut sides = vec![(0.0_f64, 0.0_f64); n_islands];
    for i in 0..n {
        let (up, down) = &mut sides[island[i]];
        *up += p[i].max(0.0);
        *down += (-p[i]).max(0.0);
    }
    for i in 0..n {
        let (up, down) = sides[island[i]];
        let own = if p[i] > 0.0 { up } else { down };
        without.injection[i] = if own > 0.0 { p[i] * (up.min(down) / own) } else { 0.0 };
    }
    for k in 0..m {
        without.injection[ends(k).0] -= without.shift_flow[k];
        without.injection[ends(k).1] += without.shift_flow[k];
    }
    Ok(Factors::new(&without)?.flow)
}

#[cfg(test)]
mod tests {
    use buttress_model::network::{Branch, Bus, BusKind, Generator, PowerNetwork};

    use super::super::dc::Convention;
    use super::*;

    /// IEEE 14 buses: reactances and taps, demand and generation, MW.
    fn ieee14() -> DcModel {
        const BRANCHES: [(usize, usize, f64, f64); 20] = [
            (1, 2, 0.05917, 0.0),
            (1, 5, 0.22304, 0.0),
            (2, 3, 0.19797, 0.0),
            (2, 4, 0.17632, 0.0),
            (2, 5, 0.17388, 0.0),
            (3, 4, 0.17103, 0.0),
            (4, 5, 0.04211, 0.0),
            (4, 7, 0.20912, 0.978),
            (4, 9, 0.55618, 0.969),
            (5, 6, 0.25202, 0.932),
            (6, 11, 0.1989, 0.0),
            (6, 12, 0.25581, 0.0),
            (6, 13, 0.13027, 0.0),
            (7, 8, 0.17615, 0.0),
            (7, 9, 0.11001, 0.0),
            (9, 10, 0.0845, 0.0),
            (9, 14, 0.27038, 0.0),
            (10, 11, 0.19207, 0.0),
            (12, 13, 0.19988, 0.0),
            (13, 14, 0.34802, 0.0),
        ];
        let demand = [0.0, 21.7, 94.2, 47.8, 7.6, 11.2, 0.0, 0.0, 29.5, 9.0, 3.5, 6.1, 13.5, 14.9];
        let kind = |i| if i == 0 { BusKind::Reference } else { BusKind::Pq };
        let running = |bus, p_mw| Generator { bus, p_mw, in_service: true, ..Generator::default() };
        let network = PowerNetwork {
            base_mva: 100.0,
            buses: demand.iter().enumerate().map(|(i, &pd_mw)| Bus { pd_mw, kind: kind(i), ..Bus::default() }).collect(),
            generators: vec![running(0, 232.4), running(1, 40.0)],
            branches: BRANCHES
                .iter()
                .map(|&(f, t, x_pu, tap)| Branch { from: f - 1, to: t - 1, x_pu, tap, in_service: true, ..Branch::default() })
                .collect(),
            ..PowerNetwork::default()
        };
        DcModel::new(&network, Convention::Matpower)
    }

    #[test]
    fn published_flows_and_outage_factors_of_ieee_14() {
        let model = ieee14();
        let f = Factors::new(&model).expect("regular");
        let near = |a: f64, b: f64, digits: f64| (a - b).abs() <= digits;
        let at = |a: usize, b: usize| (0..20).find(|&k| (model.from[k] + 1, model.to[k] + 1) == (a as u32, b as u32)).expect("branch");
        let base = [147.839, 71.161, 70.015, 55.152, 40.972, -24.185, -61.746, 28.361, 16.552, 42.787];
        assert!(base.iter().zip(f.flow()).all(|(b, f)| near(100.0 * f, *b, 5e-4)), "{:?}", f.flow());
        assert_eq!((0..20).filter(|&k| f.is_bridge()[k]).collect::<Vec<_>>(), [at(7, 8)]);
        assert!(f.outage_factors(at(7, 8)).is_none());
        let factors: [((usize, usize), &[((usize, usize), f64)]); 3] = [
            ((1, 2), &[((1, 5), 1.0), ((2, 3), -0.1688), ((2, 4), -0.3534), ((2, 5), -0.4778), ((3, 4), -0.1688), ((4, 5), -0.4933)]),
            ((2, 3), &[((1, 2), -0.2077), ((2, 4), 0.4553), ((2, 5), 0.3370), ((4, 5), -0.5146)]),
            ((4, 5), &[((1, 2), -0.2899), ((2, 4), -0.5145), ((2, 5), 0.4705), ((6, 11), -0.1443)]),
        ];
        let after: [((usize, usize), &[((usize, usize), f64)]); 3] = [
            ((1, 2), &[((1, 5), 219.00), ((4, 5), -134.68), ((2, 4), 2.91)]),
            ((2, 3), &[((2, 4), 87.03), ((3, 4), -94.20), ((1, 2), 133.30)]),
            ((4, 5), &[((1, 2), 165.74), ((2, 5), 11.92), ((2, 4), 86.92)]),
        ];
        for ((out, rows), (_, flows)) in factors.into_iter().zip(after) {
            let column = f.outage_factors(at(out.0, out.1)).expect("no bridge");
            assert!(rows.iter().all(|&((a, b), l)| near(column[at(a, b)], l, 5e-5)), "{out:?} {column:?}");
            let flow = f.flow_after(at(out.0, out.1)).expect("no bridge");
            assert!(flows.iter().all(|&((a, b), p)| near(100.0 * flow[at(a, b)], p, 5e-3)), "{out:?} {flow:?}");
        }
    }

    #[test]
    fn rows_and_columns_of_transfer_factors_are_one_matrix_and_give_the_flows() {
        let model = ieee14();
        let f = Factors::new(&model).expect("regular");
        let columns: Vec<Vec<f64>> = (0..14).map(|i| f.injection_factors(i)).collect();
        for k in 0..20 {
            let row = f.transfer_factors(k);
            assert!((0..14).all(|i| (row[i] - columns[i][k]).abs() < 1e-12));
            let flow: f64 = row.iter().zip(&model.injection).map(|(h, p)| h * p).sum();
            assert!((flow - f.flow()[k]).abs() < 1e-12);
        }
    }

    #[test]
    fn bad_numbers_and_cancelling_branches_are_endings() {
        let mut model = ieee14();
        model.b[3] = f64::INFINITY;
        assert_eq!(Factors::new(&model).err(), Some(Ending::NotANumber));
        let bus = |kind| Bus { kind, ..Bus::default() };
        let branch = |x_pu| Branch { from: 0, to: 1, x_pu, in_service: true, ..Branch::default() };
        let network = PowerNetwork {
            base_mva: 100.0,
            buses: vec![bus(BusKind::Reference), bus(BusKind::Pq)],
            branches: vec![branch(0.5), branch(-0.5)],
            ..PowerNetwork::default()
        };
        assert_eq!(Factors::new(&DcModel::new(&network, Convention::Matpower)).err(), Some(Ending::Singular));
    }
}
