//! `HiGHS` behind safe functions: dual simplex or interior point for linear programs, branch and bound for integers.
//!
//! Source: Huangfu, Hall, "Parallelizing the dual revised simplex method", Math. Prog. Comp. 10, 2018, DOI 10.1007/s12532-017-0130-5.
//! One thread and a fixed seed, so that the same program gives the same vertex.
#![expect(unsafe_code, reason = "the C interface of HiGHS; this file is the only one that names it")]

use std::ffi::{CString, c_void};

use highs_sys as c;

use crate::{Basis, Ending, Limits, Problem, Solution};

/// Status of a basic row or column.
pub(crate) const BASIC: i32 = c::kHighsBasisStatusBasic;
/// Programs with fewer rows than this are solved without presolve, which would cost more than the simplex.
const PRESOLVE_ROWS: usize = 400;

/// Devex pricing of the dual simplex.
const DEVEX: u32 = 1;

struct Handle(*mut c_void);

impl Handle {
    fn new() -> Self {
        // SAFETY: no arguments; the handle is destroyed once, in drop.
        Handle(unsafe { c::Highs_create() })
    }

    fn set_bool(&self, option: &str, value: bool) {
        let name = CString::new(option).unwrap_or_default();
        // SAFETY: a live handle and a NUL-terminated name.
        unsafe { c::Highs_setBoolOptionValue(self.0, name.as_ptr(), c::HighsInt::from(value)) };
    }

    fn set_string(&self, option: &str, value: &str) {
        let (name, value) = (CString::new(option).unwrap_or_default(), CString::new(value).unwrap_or_default());
        // SAFETY: as above, with a NUL-terminated value.
        unsafe { c::Highs_setStringOptionValue(self.0, name.as_ptr(), value.as_ptr()) };
    }

    fn set_int(&self, option: &str, value: u32) {
        let name = CString::new(option).unwrap_or_default();
        let value = c::HighsInt::try_from(value).unwrap_or(c::HighsInt::MAX);
        // SAFETY: as above.
        unsafe { c::Highs_setIntOptionValue(self.0, name.as_ptr(), value) };
    }

    fn set_double(&self, option: &str, value: f64) {
        let name = CString::new(option).unwrap_or_default();
        // SAFETY: as above.
        unsafe { c::Highs_setDoubleOptionValue(self.0, name.as_ptr(), value) };
    }

    fn int_info(&self, info: &str) -> i64 {
        let name = CString::new(info).unwrap_or_default();
        let mut value: c::HighsInt = 0;
        // SAFETY: as above; `value` outlives the call.
        unsafe { c::Highs_getIntInfoValue(self.0, name.as_ptr(), &raw mut value) };
        i64::from(value)
    }

    fn double_info(&self, info: &str) -> f64 {
        let name = CString::new(info).unwrap_or_default();
        let mut value = 0.0;
        // SAFETY: as above.
        unsafe { c::Highs_getDoubleInfoValue(self.0, name.as_ptr(), &raw mut value) };
        value
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by Highs_create and not destroyed before.
        unsafe { c::Highs_destroy(self.0) };
    }
}

fn ints(xs: &[usize]) -> Vec<c::HighsInt> {
    xs.iter().map(|&x| x as c::HighsInt).collect()
}

fn pass(handle: &Handle, p: &Problem) -> c::HighsInt {
    let start = ints(&p.rows.start[..p.n_rows()]);
    let index = ints(&p.rows.index);
    let integrality: Vec<c::HighsInt> = if p.integer.is_empty() {
        Vec::new()
    } else {
        p.integer.iter().map(|&i| if i { c::kHighsVarTypeInteger } else { c::kHighsVarTypeContinuous }).collect()
    };
    // SAFETY: the lengths of all arrays were checked by `Problem::defect`; HiGHS copies them.
    unsafe {
        c::Highs_passModel(
            handle.0,
            p.n_cols() as c::HighsInt,
            p.n_rows() as c::HighsInt,
            index.len() as c::HighsInt,
            0,
            c::kHighsMatrixFormatRowwise,
            c::kHighsHessianFormatTriangular,
            c::kHighsObjSenseMinimize,
            p.offset,
            p.cost.as_ptr(),
            p.col_lower.as_ptr(),
            p.col_upper.as_ptr(),
            p.row_lower.as_ptr(),
            p.row_upper.as_ptr(),
            start.as_ptr(),
            index.as_ptr(),
            p.rows.value.as_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            std::ptr::null(),
            if integrality.is_empty() { std::ptr::null() } else { integrality.as_ptr() },
        )
    }
}

fn ending_of(status: c::HighsInt) -> Ending {
    match status {
        c::kHighsModelStatusOptimal | c::kHighsModelStatusModelEmpty => Ending::Optimal,
        c::kHighsModelStatusInfeasible => Ending::Infeasible,
        c::kHighsModelStatusUnbounded | c::kHighsModelStatusUnboundedOrInfeasible => Ending::Unbounded,
        c::kHighsModelStatusIterationLimit | c::kHighsModelStatusSolutionLimit => Ending::IterationLimit,
        _ => Ending::Numerical,
    }
}

/// Interior point with crossover "on" or "off"; where it fails to finish, the simplex decides.
pub(crate) fn solve_by_barrier(p: &Problem, limits: &Limits, crossover: &str) -> Solution {
    let handle = handle(limits);
    handle.set_string("solver", "ipm");
    handle.set_string("run_crossover", crossover);
    handle.set_int("ipm_iteration_limit", limits.iterations);
    if pass(&handle, p) == c::kHighsStatusError {
        return Solution::without_answer(Ending::NotAProgram("refused by the interior-point solver".into()));
    }
    // SAFETY: a live handle with a model.
    let (run, status) = unsafe { (c::Highs_run(handle.0), c::Highs_getModelStatus(handle.0)) };
    if run == c::kHighsStatusError || ending_of(status) != Ending::Optimal {
        return solve(p, limits, None);
    }
    let iterations = handle.int_info("ipm_iteration_count").max(0) as u64;
    let solution = read(&handle, p, false);
    Solution { basis: solution.basis.filter(|_| crossover == "on"), iterations, ..solution }
}

/// A silent handle with one thread and a fixed seed.
fn handle(limits: &Limits) -> Handle {
    let handle = Handle::new();
    handle.set_bool("output_flag", false);
    handle.set_int("threads", 1);
    handle.set_int("random_seed", 1);
    handle.set_int("simplex_iteration_limit", limits.iterations);
    handle
}

pub(crate) fn solve(p: &Problem, limits: &Limits, warm: Option<&Basis>) -> Solution {
    let handle = handle(limits);
    let is_integer = p.integer.iter().any(|&i| i);
    if !is_integer && p.n_rows() < PRESOLVE_ROWS {
        handle.set_string("presolve", "off");
    }
    if is_integer {
        handle.set_int("mip_max_nodes", limits.nodes);
        handle.set_double("mip_rel_gap", limits.gap);
    }
    if pass(&handle, p) == c::kHighsStatusError {
        return Solution::without_answer(Ending::NotAProgram("refused by the simplex solver".into()));
    }
    if let Some(basis) = warm
        && basis.cols.len() == p.n_cols()
        && basis.rows.len() == p.n_rows()
    {
        if p.n_rows() >= PRESOLVE_ROWS {
            // Steepest edge would begin with one solve a row, which costs more than the few iterations from a good basis.
            handle.set_int("simplex_dual_edge_weight_strategy", DEVEX);
        }
        // SAFETY: both arrays have the model's lengths.
        unsafe { c::Highs_setBasis(handle.0, basis.cols.as_ptr(), basis.rows.as_ptr()) };
    }
    // SAFETY: a live handle with a model.
    let (run, status) = unsafe { (c::Highs_run(handle.0), c::Highs_getModelStatus(handle.0)) };
    let mut ending = ending_of(status);
    if run == c::kHighsStatusError && ending == Ending::Optimal {
        ending = Ending::Numerical;
    }
    if ending == Ending::Unbounded && status == c::kHighsModelStatusUnboundedOrInfeasible {
        // Presolve could not tell which; without presolve the simplex can.
        handle.set_bool("allow_unbounded_or_infeasible", false);
        handle.set_string("presolve", "off");
        // SAFETY: a live handle with a model.
        ending = unsafe {
            c::Highs_run(handle.0);
            ending_of(c::Highs_getModelStatus(handle.0))
        };
    }
    if ending != Ending::Optimal {
        return Solution::without_answer(ending);
    }
    read(&handle, p, is_integer)
}

fn read(handle: &Handle, p: &Problem, is_integer: bool) -> Solution {
    let (n, m) = (p.n_cols(), p.n_rows());
    let (mut x, mut col_dual) = (vec![0.0; n], vec![0.0; n]);
    let (mut activity, mut row_dual) = (vec![0.0; m], vec![0.0; m]);
    let (mut cols, mut rows) = (vec![0; n], vec![0; m]);
    // SAFETY: every array has the model's length.
    let has_basis = unsafe {
        c::Highs_getSolution(handle.0, x.as_mut_ptr(), col_dual.as_mut_ptr(), activity.as_mut_ptr(), row_dual.as_mut_ptr());
        !is_integer && c::Highs_getBasis(handle.0, cols.as_mut_ptr(), rows.as_mut_ptr()) != c::kHighsStatusError
    };
    let objective = p.offset + p.cost.iter().zip(&x).map(|(c, x)| c * x).sum::<f64>();
    let iterations = if is_integer { 0 } else { handle.int_info("simplex_iteration_count").max(0) as u64 };
    Solution {
        ending: Ending::Optimal,
        objective,
        x,
        row_dual: if is_integer { Vec::new() } else { row_dual },
        gap: if is_integer { handle.double_info("mip_gap").max(0.0) } else { 0.0 },
        iterations,
        basis: has_basis.then_some(Basis { cols, rows }),
    }
}
