//! Clarabel behind a function on plain arrays: interior point for quadratic and large linear programs.
//!
//! Source: Goulart, Chen, "Clarabel: An interior-point solver for conic programs with quadratic objectives", 2024, arXiv 2405.12762.
//! Rows and bounds become `A x + s = b` with s in a zero cone (equalities) or a nonnegative cone.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT};

use crate::{Ending, Limits, Problem, Solution};

/// One row of the cone form: which row of the program it came from (None for a bound), sign, right-hand side.
struct ConeRow {
    source: Option<usize>,
    col: usize,
    sign: f64,
    rhs: f64,
}

fn cone_rows(p: &Problem) -> (Vec<ConeRow>, usize) {
    let (mut equal, mut rest) = (Vec::new(), Vec::new());
    for i in 0..p.n_rows() {
        let (l, u) = (p.row_lower[i], p.row_upper[i]);
        if l == u {
            equal.push(ConeRow { source: Some(i), col: 0, sign: 1.0, rhs: u });
            continue;
        }
        if u.is_finite() {
            rest.push(ConeRow { source: Some(i), col: 0, sign: 1.0, rhs: u });
        }
        if l.is_finite() {
            rest.push(ConeRow { source: Some(i), col: 0, sign: -1.0, rhs: -l });
        }
    }
    for j in 0..p.n_cols() {
        let (l, u) = (p.col_lower[j], p.col_upper[j]);
        if u.is_finite() {
            rest.push(ConeRow { source: None, col: j, sign: 1.0, rhs: u });
        }
        if l.is_finite() {
            rest.push(ConeRow { source: None, col: j, sign: -1.0, rhs: -l });
        }
    }
    let n_equal = equal.len();
    equal.extend(rest);
    (equal, n_equal)
}

fn triplets(p: &Problem, rows: &[ConeRow]) -> CscMatrix<f64> {
    let (mut i, mut j, mut v) = (Vec::new(), Vec::new(), Vec::new());
    for (k, row) in rows.iter().enumerate() {
        if let Some(source) = row.source {
            for (col, value) in p.rows.row(source) {
                i.push(k);
                j.push(col);
                v.push(row.sign * value);
            }
        } else {
            i.push(k);
            j.push(row.col);
            v.push(row.sign);
        }
    }
    CscMatrix::new_from_triplets(rows.len(), p.n_cols(), i, j, v)
}

pub(crate) fn solve(p: &Problem, limits: &Limits) -> Solution {
    let n = p.n_cols();
    let (rows, n_equal) = cone_rows(p);
    let a = triplets(p, &rows);
    let b: Vec<f64> = rows.iter().map(|r| r.rhs).collect();
    let q: Vec<usize> = (0..n).collect();
    let diagonal = if p.quadratic.is_empty() { vec![0.0; n] } else { p.quadratic.clone() };
    let hessian = CscMatrix::new_from_triplets(n, n, q.clone(), q, diagonal);
    let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(n_equal), NonnegativeConeT(rows.len() - n_equal)];
    let settings = DefaultSettings { verbose: false, max_iter: limits.iterations.min(500), ..DefaultSettings::default() };
    let Ok(mut solver) = DefaultSolver::new(&hessian, &p.cost, &a, &b, &cones, settings) else {
        return Solution::without_answer(Ending::NotAProgram("refused by the interior-point solver".into()));
    };
    solver.solve();
    let ending = match solver.solution.status {
        SolverStatus::Solved => Ending::Optimal,
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Ending::Infeasible,
        SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible => Ending::Unbounded,
        SolverStatus::MaxIterations => Ending::IterationLimit,
        _ => Ending::Numerical,
    };
    if ending != Ending::Optimal {
        return Solution::without_answer(ending);
    }
    let mut row_dual = vec![0.0; p.n_rows()];
    for (row, z) in rows.iter().zip(&solver.solution.z) {
        if let Some(i) = row.source {
            row_dual[i] -= row.sign * z;
        }
    }
    Solution {
        ending,
        objective: solver.solution.obj_val + p.offset,
        x: solver.solution.x.clone(),
        row_dual,
        gap: 0.0,
        iterations: u64::from(solver.solution.iterations),
        basis: None,
    }
}
