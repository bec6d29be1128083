//! Flows of the direct-current model after outages, fast enough for ensembles of cascades.
//!
//! B θ = p with B = Σ `b_k` `a_k` `a_kᵀ` over live branches, `a_k` = +1 at the from bus and −1 at the to bus; θ = 0 at the first bus of
//! each island of the intact network. Three ideas keep most outages from factorising anything:
//!
//! 1. Balanced islands send nothing over the branch that once joined them. An outage that parts an island therefore stays in the
//!    matrix, where it carries no flow, and the pattern and the grounded buses never change.
//! 2. The other outages are taken out of the factorised matrix by the Woodbury identity: θ = `θ_p` + X w with X = B⁻¹A and
//!    `(I − D AᵀX) w = D Aᵀθ_p` (Golub, Van Loan, "Matrix Computations", 2.1.4). Beyond [`LOW_RANK`] of them B is refactorised.
//! 3. Whether outages part an island is read from 64-bit labels: a branch off the spanning forest has a random label, a branch of
//!    the forest the exclusive or of the labels of those that close a cycle over it. A cut meets each cycle an even number of
//!    times, so its labels cancel: outages with linearly independent labels part nothing, and only dependent ones are counted
//!    anew by union-find (Pritchard, Thurimella, ACM Trans. Algorithms 7(4), 2011, DOI 10.1145/2000807.2000814).
//!    Chance costs time, never truth.

use crate::ending::Ending;
use crate::power::dc::DcModel;
use crate::power::ldl::{Factor, Pattern};
use crate::rng::Rng;

/// Most outages corrected without a new factorisation.
pub const LOW_RANK: usize = 6;
/// A pivot of the small system below this means the correction has lost its digits.
const SMALL_PIVOT: f64 = 1e-7;
/// Seed of the labels; any value gives the same answers.
const LABEL_SEED: u64 = 0x6c61_6265_6c73;
const NONE: u32 = u32::MAX;

/// The intact network: what all cascades share.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Number of buses.
    pub n_buses: usize,
    /// From bus of each branch.
    pub from: Vec<u32>,
    /// To bus of each branch.
    pub to: Vec<u32>,
    /// Susceptance of each branch, p.u.; 0 when out of service.
    pub b: Vec<f64>,
    /// Net injection of each bus with the mismatch at the reference bus, p.u.; islands without it may be out of balance.
    pub offered: Vec<f64>,
    /// Net injection of each bus with every island balanced, p.u.
    pub injection: Vec<f64>,
    /// Flow of each branch, p.u., from → to.
    pub flow: Vec<f64>,
    /// Island of each bus, named by its first bus.
    pub island: Vec<u32>,
    /// Base, MVA.
    pub base_mva: f64,
    theta: Vec<f64>,
    label: Vec<u64>,
    pattern: Pattern,
    diagonal: Vec<f64>,
    edge: Vec<f64>,
    /// Entry of each branch in `edge`; none where an end is grounded.
    edge_of: Vec<u32>,
    factor: Factor,
}

/// Joins the islands of two buses; false when they were one. Islands are named by their first bus.
fn join(root: &mut [u32], a: u32, b: u32) -> bool {
    let (a, b) = (find(root, a), find(root, b));
    if a != b {
        root[a.max(b) as usize] = a.min(b);
    }
    a != b
}

/// Island of a bus, by path halving.
fn find(root: &mut [u32], mut i: u32) -> u32 {
    while root[i as usize] != i {
        let up = root[root[i as usize] as usize];
        root[i as usize] = up;
        i = up;
    }
    i
}

/// Scales the larger side of each island (injections above or below zero) down to the smaller; `sums` is scratch by bus.
pub fn balance(p: &mut [f64], island: &[u32], sums: &mut Vec<(f64, f64)>) {
    sums.clear();
    sums.resize(p.len(), (0.0, 0.0));
    for (&p, &i) in p.iter().zip(island) {
        let s = &mut sums[i as usize];
        s.0 += p.max(0.0);
        s.1 += (-p).max(0.0);
    }
    for s in sums.iter_mut() {
        let low = s.0.min(s.1);
        *s = (if s.0 > 0.0 { low / s.0 } else { 0.0 }, if s.1 > 0.0 { low / s.1 } else { 0.0 });
    }
    for (p, &i) in p.iter_mut().zip(island) {
        let s = sums[i as usize];
        *p *= if *p > 0.0 { s.0 } else { s.1 };
    }
}

/// Labels of the branches in which every cut cancels.
fn cut_labels(n: usize, from: &[u32], to: &[u32], b: &[f64]) -> Vec<u64> {
    let mut start = vec![0usize; n + 1];
    let live = || (0..b.len()).filter(|&k| b[k] != 0.0);
    for k in live() {
        start[from[k] as usize + 1] += 1;
        start[to[k] as usize + 1] += 1;
    }
    for i in 0..n {
        start[i + 1] += start[i];
    }
    let mut next = start.clone();
    let mut around = vec![(0u32, 0u32); start[n]];
    for k in live() {
        for (i, j) in [(from[k], to[k]), (to[k], from[k])] {
            around[next[i as usize]] = (j, k as u32);
            next[i as usize] += 1;
        }
    }
    let (mut order, mut up, mut seen) = (Vec::with_capacity(n), vec![(NONE, NONE); n], vec![false; n]);
    for root in 0..n {
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        let mut head = order.len();
        order.push(root);
        while head < order.len() {
            let i = order[head];
            head += 1;
            for &(j, k) in &around[start[i]..start[i + 1]] {
                if !std::mem::replace(&mut seen[j as usize], true) {
                    up[j as usize] = (i as u32, k);
                    order.push(j as usize);
                }
            }
        }
    }
    let (mut label, mut sum) = (vec![0u64; b.len()], vec![0u64; n]);
    let mut rng = Rng::new(LABEL_SEED);
    for k in live().filter(|&k| up[from[k] as usize].1 != k as u32 && up[to[k] as usize].1 != k as u32) {
        label[k] = rng.bits();
        sum[from[k] as usize] ^= label[k];
        sum[to[k] as usize] ^= label[k];
    }
    for &i in order.iter().rev() {
        let (parent, k) = up[i];
        if k != NONE {
            label[k as usize] = sum[i];
            sum[parent as usize] ^= sum[i];
        }
    }
    label
}

impl Grid {
    /// Reads a model; the reference bus absorbs the mismatch, then every island is balanced.
    pub fn new(model: &DcModel) -> Result<Grid, Ending> {
        let (n, m) = (model.n_buses, model.n_branches());
        if model.b.iter().chain(&model.injection).any(|x| !x.is_finite()) {
            return Err(Ending::NotANumber);
        }
        let mut injection = model.injection.clone();
        if let Some(r) = model.reference {
            injection[r] -= injection.iter().sum::<f64>();
        }
        let offered = injection.clone();
        let mut root: Vec<u32> = (0..n as u32).collect();
        for k in (0..m).filter(|&k| model.b[k] != 0.0) {
            join(&mut root, model.from[k], model.to[k]);
        }
        let island: Vec<u32> = (0..n as u32).map(|i| find(&mut root, i)).collect();
        balance(&mut injection, &island, &mut Vec::new());
        let grounded = |i: u32| island[i as usize] == i;
        let (mut diagonal, mut edges, mut edge, mut edge_of) = (vec![0.0; n], Vec::new(), Vec::new(), vec![NONE; m]);
        for i in (0..n).filter(|&i| grounded(i as u32)) {
            diagonal[i] = 1.0;
        }
        for k in (0..m).filter(|&k| model.b[k] != 0.0) {
            let (f, t) = (model.from[k], model.to[k]);
            for i in [f, t].into_iter().filter(|&i| !grounded(i)) {
                diagonal[i as usize] += model.b[k];
            }
            if !grounded(f) && !grounded(t) {
                edge_of[k] = edge.len() as u32;
                edges.push((f as usize, t as usize));
                edge.push(-model.b[k]);
            }
        }
        let pattern = Pattern::analyse(n, &edges);
        let factor = pattern.factor(&diagonal, &edge).ok_or(Ending::Singular)?;
        let label = cut_labels(n, &model.from, &model.to, &model.b);
        let (from, to, b, base_mva) = (model.from.clone(), model.to.clone(), model.b.clone(), model.base_mva);
        let (theta, flow) = (vec![0.0; n], vec![0.0; m]);
        let n_buses = n;
        let mut grid = Grid {
            n_buses,
            from,
            to,
            b,
            offered,
            injection,
            flow,
            island,
            base_mva,
            theta,
            label,
            pattern,
            diagonal,
            edge,
            edge_of,
            factor,
        };
        let mut theta = grid.injection.clone();
        grid.angles(&grid.factor, &mut theta);
        grid.flow = (0..m).map(|k| grid.b[k] * (theta[grid.from[k] as usize] - theta[grid.to[k] as usize])).collect();
        grid.theta = theta;
        Ok(grid)
    }

    /// Number of branches.
    pub fn n_branches(&self) -> usize {
        self.b.len()
    }

    /// Replaces injections by angles.
    fn angles(&self, factor: &Factor, p: &mut [f64]) {
        for (i, p) in p.iter_mut().enumerate() {
            if self.island[i] == i as u32 {
                *p = 0.0;
            }
        }
        self.pattern.solve(factor, p);
    }
}

/// Linear span of labels over the field of two elements, by leading bit.
#[derive(Debug, Clone)]
struct Span([u64; 64]);

impl Span {
    /// Adds a label; false when it lies in the span already.
    fn insert(&mut self, mut label: u64) -> bool {
        while label != 0 {
            let slot = &mut self.0[63 - label.leading_zeros() as usize];
            if *slot == 0 {
                *slot = label;
                return true;
            }
            label ^= *slot;
        }
        false
    }
}

/// A network after outages: live branches, islands, injections, angles. One is reused for many cascades.
#[derive(Debug, Clone)]
pub struct State<'g> {
    grid: &'g Grid,
    /// Susceptance of each branch, p.u.; 0 when it is out.
    pub b: Vec<f64>,
    /// Island of each bus, named by its first bus.
    pub island: Vec<u32>,
    /// Net injection of each bus, p.u.; each island must balance when [`State::solve`] is called.
    pub p: Vec<f64>,
    /// Voltage angle of each bus, rad.
    pub theta: Vec<f64>,
    /// Branches taken out, in order.
    pub out: Vec<u32>,
    span: Span,
    root: Vec<u32>,
    /// Outages that the factor still holds.
    pending: Vec<u32>,
    columns: Vec<Vec<f64>>,
    /// How many columns of X are there already for the pending outages.
    columns_known: usize,
    theta_p: Vec<f64>,
    theta_p_is_current: bool,
    diagonal: Vec<f64>,
    edge: Vec<f64>,
    factor: Option<Factor>,
}

impl<'g> State<'g> {
    /// The intact network.
    pub fn new(grid: &'g Grid) -> State<'g> {
        State {
            grid,
            b: grid.b.clone(),
            island: grid.island.clone(),
            p: grid.injection.clone(),
            theta: grid.theta.clone(),
            out: Vec::new(),
            span: Span([0; 64]),
            root: Vec::new(),
            pending: Vec::new(),
            columns: vec![vec![0.0; grid.n_buses]; LOW_RANK],
            columns_known: 0,
            theta_p: grid.theta.clone(),
            theta_p_is_current: true,
            diagonal: grid.diagonal.clone(),
            edge: grid.edge.clone(),
            factor: None,
        }
    }

    /// Back to the intact network.
    pub fn reset(&mut self) {
        for &k in &self.out {
            self.b[k as usize] = self.grid.b[k as usize];
        }
        self.out.clear();
        self.pending.clear();
        self.columns_known = 0;
        self.span = Span([0; 64]);
        self.island.copy_from_slice(&self.grid.island);
        self.p.copy_from_slice(&self.grid.injection);
        self.theta_p.copy_from_slice(&self.grid.theta);
        self.theta_p_is_current = true;
        if self.factor.take().is_some() {
            self.diagonal.copy_from_slice(&self.grid.diagonal);
            self.edge.copy_from_slice(&self.grid.edge);
        }
    }

    /// Takes branches out (those out already are passed over); true when an island fell apart.
    pub fn remove(&mut self, branches: &[u32]) -> bool {
        let first = self.out.len();
        let mut parts_nothing = true;
        for &k in branches {
            if std::mem::replace(&mut self.b[k as usize], 0.0) != 0.0 {
                self.out.push(k);
                parts_nothing &= self.span.insert(self.grid.label[k as usize]);
            }
        }
        if parts_nothing {
            self.pending.extend_from_slice(&self.out[first..]);
            return false;
        }
        self.root.clear();
        self.root.extend(0..self.grid.n_buses as u32);
        for (k, _) in self.b.iter().enumerate().filter(|(_, b)| **b != 0.0) {
            join(&mut self.root, self.grid.from[k], self.grid.to[k]);
        }
        for i in 0..self.island.len() {
            self.island[i] = find(&mut self.root, i as u32);
        }
        let mut fell_apart = false;
        for &k in &self.out[first..] {
            if join(&mut self.root, self.grid.from[k as usize], self.grid.to[k as usize]) {
                fell_apart = true;
            } else {
                self.pending.push(k);
            }
        }
        fell_apart
    }

    /// Says that `p` was changed.
    pub fn injections_changed(&mut self) {
        self.theta_p_is_current = false;
    }

    /// Angles for the present branches and injections.
    pub fn solve(&mut self) -> Ending {
        if self.pending.len() > LOW_RANK || !self.corrected() {
            if !self.refactor() {
                return Ending::Singular;
            }
            self.corrected();
        }
        if self.theta.iter().all(|x| x.is_finite()) { Ending::Solved } else { Ending::NotANumber }
    }

    /// Factorises without the pending outages.
    fn refactor(&mut self) -> bool {
        let grid = self.grid;
        for k in self.pending.drain(..) {
            let b = grid.b[k as usize];
            for i in [grid.from[k as usize], grid.to[k as usize]] {
                if grid.island[i as usize] != i {
                    self.diagonal[i as usize] -= b;
                }
            }
            if let Some(e) = self.edge.get_mut(grid.edge_of[k as usize] as usize) {
                *e += b;
            }
        }
        self.theta_p_is_current = false;
        self.columns_known = 0;
        self.factor = grid.pattern.factor(&self.diagonal, &self.edge);
        self.factor.is_some()
    }

    /// Angles by the factor at hand and the Woodbury identity; false when the correction is ill-conditioned.
    fn corrected(&mut self) -> bool {
        let grid = self.grid;
        let factor = self.factor.as_ref().unwrap_or(&grid.factor);
        if !self.theta_p_is_current {
            self.theta_p.copy_from_slice(&self.p);
            grid.angles(factor, &mut self.theta_p);
            self.theta_p_is_current = true;
        }
        self.theta.copy_from_slice(&self.theta_p);
        let r = self.pending.len();
        if r == 0 {
            return true;
        }
        let ends = |k: u32, x: &[f64]| x[grid.from[k as usize] as usize] - x[grid.to[k as usize] as usize];
        let (mut a, mut w) = ([[0.0; LOW_RANK]; LOW_RANK], [0.0; LOW_RANK]);
        for (column, &k) in self.columns.iter_mut().zip(&self.pending).skip(self.columns_known) {
            column.fill(0.0);
            column[grid.from[k as usize] as usize] = 1.0;
            column[grid.to[k as usize] as usize] = -1.0;
            grid.angles(factor, column);
        }
        self.columns_known = r;
        for (i, &k) in self.pending.iter().enumerate() {
            let b = grid.b[k as usize];
            w[i] = b * ends(k, &self.theta_p);
            for j in 0..r {
                a[i][j] = f64::from(u8::from(i == j)) - b * ends(k, &self.columns[j]);
            }
        }
        if !eliminate(&mut a, &mut w, r) {
            return false;
        }
        for (column, w) in self.columns.iter().zip(&w[..r]) {
            for (t, x) in self.theta.iter_mut().zip(column) {
                *t += w * x;
            }
        }
        true
    }

    /// Flow of a branch, p.u., from → to.
    pub fn flow(&self, k: usize) -> f64 {
        self.b[k] * (self.theta[self.grid.from[k] as usize] - self.theta[self.grid.to[k] as usize])
    }

    /// Lists the branches whose flow exceeds their limit.
    pub fn overloaded(&self, limit: &[f64], list: &mut Vec<u32>) {
        list.clear();
        let ends = self.grid.from.iter().zip(&self.grid.to);
        for (k, ((&b, (&f, &t)), &limit)) in self.b.iter().zip(ends).zip(limit).enumerate() {
            if (b * (self.theta[f as usize] - self.theta[t as usize])).abs() > limit {
                list.push(k as u32);
            }
        }
    }

    /// Demand served: injections below zero, p.u.
    pub fn served(&self) -> f64 {
        self.p.iter().filter(|p| **p < 0.0).fold(0.0, |s, p| s - p)
    }
}

/// Solves a small system by elimination with row pivots; false when a pivot is too small to trust.
fn eliminate(a: &mut [[f64; LOW_RANK]; LOW_RANK], w: &mut [f64; LOW_RANK], r: usize) -> bool {
    for c in 0..r {
        let pivot = (c..r).fold(c, |best, i| if a[i][c].abs() > a[best][c].abs() { i } else { best });
        a.swap(c, pivot);
        w.swap(c, pivot);
        if a[c][c].is_nan() || a[c][c].abs() < SMALL_PIVOT {
            return false;
        }
        for i in c + 1..r {
            let share = a[i][c] / a[c][c];
            for j in c..r {
                a[i][j] -= share * a[c][j];
            }
            w[i] -= share * w[c];
        }
    }
    for c in (0..r).rev() {
        let known: f64 = (c + 1..r).map(|j| a[c][j] * w[j]).sum();
        w[c] = (w[c] - known) / a[c][c];
    }
    true
}
