//! The direct-current model of a network: p = b (`θ_from` − `θ_to` − shift) on each branch, power balanced at each bus.
//!
//! Two conventions stand in the literature and give different numbers, so a caller names one:
//! MATPOWER's b = 1/(x·tap) with phase shifts (Zimmerman et al., DOI 10.1109/TPWRS.2010.2051168, eq. 3.21 to 3.29), and
//! `PowerModels`' b = x/(r² + x²) without taps or shifts (Coffrin et al., DOI 10.23919/PSCC.2018.8442948). Shunt conductance is demand
//! at 1 p.u. in both. Units: p.u. on the network's base, radians.

use buttress_model::network::{BusKind, PowerNetwork};

/// How a branch's susceptance is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// b = 1/(x·tap), phase shifts kept.
    Matpower,
    /// b = x/(r² + x²), taps and shifts left out.
    PowerModels,
}

/// A network as arrays. Branches out of service, or with an end at an isolated bus, have `b = 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct DcModel {
    /// Number of buses.
    pub n_buses: usize,
    /// From bus of each branch.
    pub from: Vec<u32>,
    /// To bus of each branch.
    pub to: Vec<u32>,
    /// Susceptance of each branch, p.u.; 0 when it is out of service.
    pub b: Vec<f64>,
    /// Flow that a phase shift drives with equal angles, −b·shift, p.u.
    pub shift_flow: Vec<f64>,
    /// Continuous rating of each branch, p.u.; infinite when unrated.
    pub limit: Vec<f64>,
    /// Net injection at each bus, p.u.: generation − demand − shunt ± direct-current lines − shift flows.
    pub injection: Vec<f64>,
    /// Reference bus of the source, if any.
    pub reference: Option<usize>,
    /// Live buses: not isolated.
    pub live: Vec<bool>,
    /// Base, MVA.
    pub base_mva: f64,
}

impl DcModel {
    /// Reads a network by a convention.
    pub fn new(network: &PowerNetwork, convention: Convention) -> DcModel {
        let n = network.buses.len();
        let base = network.base_mva;
        let live: Vec<bool> = network.buses.iter().map(|b| b.kind != BusKind::Isolated).collect();
        let mut injection: Vec<f64> =
            network.buses.iter().zip(&live).map(|(b, &live)| if live { -(b.pd_mw + b.gs_mw) / base } else { 0.0 }).collect();
        for g in network.generators.iter().filter(|g| g.in_service && live[g.bus]) {
            injection[g.bus] += g.p_mw / base;
        }
        for l in network.dc_lines.iter().filter(|l| l.in_service) {
            if live[l.from] {
                injection[l.from] -= l.p_from_mw / base;
            }
            if live[l.to] {
                injection[l.to] += l.p_to_mw / base;
            }
        }
        let m = network.branches.len();
        let (mut from, mut to) = (Vec::with_capacity(m), Vec::with_capacity(m));
        let (mut b, mut shift_flow, mut limit) = (vec![0.0; m], vec![0.0; m], vec![f64::INFINITY; m]);
        for (k, branch) in network.branches.iter().enumerate() {
            from.push(branch.from as u32);
            to.push(branch.to as u32);
            if branch.rate_a_mva > 0.0 {
                limit[k] = branch.rate_a_mva / base;
            }
            if !branch.in_service || !live[branch.from] || !live[branch.to] || branch.from == branch.to {
                continue;
            }
            match convention {
                Convention::Matpower => {
                    b[k] = 1.0 / (branch.x_pu * branch.ratio());
                    shift_flow[k] = -b[k] * branch.shift_deg.to_radians();
                    injection[branch.from] -= shift_flow[k];
                    injection[branch.to] += shift_flow[k];
                }
                Convention::PowerModels => b[k] = branch.x_pu / (branch.r_pu * branch.r_pu + branch.x_pu * branch.x_pu),
            }
        }
        let reference = network.buses.iter().position(|b| b.kind == BusKind::Reference);
        DcModel { n_buses: n, from, to, b, shift_flow, limit, injection, reference, live, base_mva: base }
    }

    /// As [`Convention::Matpower`], with phase shifts left out: the model of cascades.
    pub fn without_shifts(network: &PowerNetwork) -> DcModel {
        let mut plain = network.clone();
        plain.branches.iter_mut().for_each(|b| b.shift_deg = 0.0);
        DcModel::new(&plain, Convention::Matpower)
    }

    /// Number of branches, those out of service included.
    pub fn n_branches(&self) -> usize {
        self.b.len()
    }
}
