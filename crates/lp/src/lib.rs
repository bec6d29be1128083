//! Linear, convex quadratic and mixed-integer programs as plain arrays.
//!
//! minimise ½ xᵀ diag(q) x + cᵀ x + offset  subject to  `row_lower` ≤ A x ≤ `row_upper`,
//! `col_lower` ≤ x ≤ `col_upper`, and x integer where asked.
//!
//! This crate is the only home of the solvers. [`solve`] picks one by the rule of [`Engine::for_problem`];
//! not finding an optimum is an [`Ending`], never an error and never a silent default.

mod conic;
mod simplex;

/// A matrix stored by rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Start of each row in `index`/`value`; one longer than the number of rows.
    pub start: Vec<usize>,
    /// Column of each entry.
    pub index: Vec<usize>,
    /// Value of each entry.
    pub value: Vec<f64>,
}

impl Rows {
    /// A matrix without rows.
    pub fn new() -> Self {
        Rows { start: vec![0], index: Vec::new(), value: Vec::new() }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// Appends one row given as (column, value) entries.
    pub fn push(&mut self, entries: impl IntoIterator<Item = (usize, f64)>) {
        for (j, v) in entries {
            self.index.push(j);
            self.value.push(v);
        }
        self.start.push(self.index.len());
    }

    /// Entries of row `i` as (column, value).
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.start[i]..self.start[i + 1];
        self.index[range.clone()].iter().copied().zip(self.value[range].iter().copied())
    }
}

/// One program. Shapes: every `col_*`, `cost`, `quadratic`, `integer` has one entry a column; `row_*` one a row.
/// `quadratic` and `integer` may be empty, meaning none. Bounds may be infinite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problem {
    /// Linear cost c.
    pub cost: Vec<f64>,
    /// Diagonal q ≥ 0 of the quadratic cost; empty for a linear program.
    pub quadratic: Vec<f64>,
    /// Constant added to the objective.
    pub offset: f64,
    /// Lower bounds of the columns.
    pub col_lower: Vec<f64>,
    /// Upper bounds of the columns.
    pub col_upper: Vec<f64>,
    /// Lower bounds of the rows.
    pub row_lower: Vec<f64>,
    /// Upper bounds of the rows.
    pub row_upper: Vec<f64>,
    /// The matrix A.
    pub rows: Rows,
    /// Which columns are integer; empty for none.
    pub integer: Vec<bool>,
}

impl Problem {
    /// An empty program.
    pub fn new() -> Self {
        Problem { rows: Rows::new(), ..Problem::default() }
    }

    /// Adds a column and returns its index.
    pub fn add_col(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.cost.push(cost);
        self.col_lower.push(lower);
        self.col_upper.push(upper);
        self.cost.len() - 1
    }

    /// Adds a row `lower ≤ Σ value·x ≤ upper` and returns its index.
    pub fn add_row(&mut self, lower: f64, upper: f64, entries: impl IntoIterator<Item = (usize, f64)>) -> usize {
        self.row_lower.push(lower);
        self.row_upper.push(upper);
        self.rows.push(entries);
        self.row_lower.len() - 1
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.cost.len()
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.row_lower.len()
    }

    /// The first thing that makes the arrays no program at all, in words.
    fn defect(&self) -> Option<String> {
        let (n, m) = (self.n_cols(), self.n_rows());
        if self.col_lower.len() != n || self.col_upper.len() != n || self.row_upper.len() != m || self.rows.n_rows() != m {
            return Some("array lengths differ".into());
        }
        if !self.quadratic.is_empty() && self.quadratic.len() != n || !self.integer.is_empty() && self.integer.len() != n {
            return Some("quadratic or integer array has the wrong length".into());
        }
        if self.rows.index.iter().any(|&j| j >= n) {
            return Some("a row names a column that does not exist".into());
        }
        if self.quadratic.iter().any(|&q| q < 0.0) {
            return Some("the quadratic cost is not convex".into());
        }
        let finite = |xs: &[f64]| xs.iter().all(|x| x.is_finite());
        if !finite(&self.cost) || !finite(&self.quadratic) || !finite(&self.rows.value) || !self.offset.is_finite() {
            return Some("a cost or coefficient is not a finite number".into());
        }
        let nan = |xs: &[f64]| xs.iter().any(|x| x.is_nan());
        if nan(&self.col_lower) || nan(&self.col_upper) || nan(&self.row_lower) || nan(&self.row_upper) {
            return Some("a bound is not a number".into());
        }
        None
    }
}

/// How a solve ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The optimum, within tolerance; for integers, within the gap reported.
    Optimal,
    /// No point satisfies the constraints.
    Infeasible,
    /// The objective falls without limit.
    Unbounded,
    /// The iteration or node limit was reached first.
    IterationLimit,
    /// The numerics failed: no answer can be trusted.
    Numerical,
    /// The arrays are no program; the text says what is wrong with them.
    NotAProgram(String),
}

/// Where each column and row stands at a vertex: what a warm start needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    cols: Vec<i32>,
    rows: Vec<i32>,
}

impl Basis {
    /// The same basis for the program with `n` rows appended, which start slack.
    #[must_use]
    pub fn with_new_rows(mut self, n: usize) -> Basis {
        self.rows.extend(std::iter::repeat_n(simplex::BASIC, n));
        self
    }
}

/// The answer to a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// How the solve ended; all else is meaningful only after [`Ending::Optimal`].
    pub ending: Ending,
    /// Objective value with offset.
    pub objective: f64,
    /// Value of each column.
    pub x: Vec<f64>,
    /// Dual value of each row (change of objective per unit of the active bound); empty for integers.
    pub row_dual: Vec<f64>,
    /// Proved relative gap of a mixed-integer program; 0 otherwise.
    pub gap: f64,
    /// Simplex or interior-point iterations.
    pub iterations: u64,
    /// Basis for a warm start, when the simplex was used.
    pub basis: Option<Basis>,
}

impl Solution {
    fn without_answer(ending: Ending) -> Self {
        Solution { ending, objective: f64::NAN, x: Vec::new(), row_dual: Vec::new(), gap: f64::INFINITY, iterations: 0, basis: None }
    }

    /// True when an optimum was found.
    pub fn is_optimal(&self) -> bool {
        self.ending == Ending::Optimal
    }
}

/// Linear programs with more rows than this go to the barrier when nothing is known of their vertex.
pub const BARRIER_ROWS: usize = 6000;

/// The solver behind a solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `HiGHS` dual simplex and branch-and-bound (MIT).
    Simplex,
    /// `HiGHS` interior point without crossover (MIT): ends amid the optimal points and gives no basis.
    Barrier,
    /// `HiGHS` interior point with crossover (MIT): a vertex and its basis, for large programs.
    Crossover,
    /// Clarabel interior point (Apache-2.0).
    InteriorPoint,
}

impl Engine {
    /// The documented rule: integers and anything that will be warm-started go to the simplex; quadratic costs go to
    /// the interior point; a linear program goes to the simplex, since a vertex keeps ties exact, unless it is large
    /// ([`BARRIER_ROWS`]): there the barrier is faster and, unlike Clarabel, keeps the objective to 1e-7 relative.
    pub fn for_problem(problem: &Problem) -> Engine {
        if problem.integer.iter().any(|&i| i) {
            Engine::Simplex
        } else if problem.quadratic.iter().any(|&q| q > 0.0) {
            Engine::InteriorPoint
        } else if problem.n_rows() > BARRIER_ROWS {
            Engine::Barrier
        } else {
            Engine::Simplex
        }
    }
}

/// Limits of a solve; counts, never clocks, so that the answer is repeatable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Simplex or interior-point iterations.
    pub iterations: u32,
    /// Branch-and-bound nodes.
    pub nodes: u32,
    /// Relative gap at which a mixed-integer solve may stop.
    pub gap: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { iterations: 200_000, nodes: 100_000, gap: 1e-9 }
    }
}

/// Solves `problem` by the rule of [`Engine::for_problem`]; from `warm`, by the simplex, when a basis of the same shape is given.
///
/// # Example
/// ```
/// use buttress_lp::{Limits, Problem, solve};
/// let mut p = Problem::new();
/// let x = p.add_col(-1.0, 0.0, 4.0);
/// let y = p.add_col(-2.0, 0.0, 3.0);
/// p.add_row(f64::NEG_INFINITY, 5.0, [(x, 1.0), (y, 1.0)]);
/// let s = solve(&p, &Limits::default(), None);
/// assert!(s.is_optimal() && (s.objective + 8.0).abs() < 1e-9);
/// ```
pub fn solve(problem: &Problem, limits: &Limits, warm: Option<&Basis>) -> Solution {
    let engine = if warm.is_some() { Engine::Simplex } else { Engine::for_problem(problem) };
    solve_with(problem, limits, warm, engine)
}

/// Solves with a named engine; for tests that compare the two.
pub fn solve_with(problem: &Problem, limits: &Limits, warm: Option<&Basis>, engine: Engine) -> Solution {
    if let Some(defect) = problem.defect() {
        return Solution::without_answer(Ending::NotAProgram(defect));
    }
    let crossed = |lower: &[f64], upper: &[f64]| lower.iter().zip(upper).any(|(l, u)| l > u);
    if crossed(&problem.col_lower, &problem.col_upper) || crossed(&problem.row_lower, &problem.row_upper) {
        return Solution::without_answer(Ending::Infeasible);
    }
    match engine {
        Engine::Simplex => simplex::solve(problem, limits, warm),
        Engine::Barrier => simplex::solve_by_barrier(problem, limits, "off"),
        Engine::Crossover => simplex::solve_by_barrier(problem, limits, "on"),
        Engine::InteriorPoint => conic::solve(problem, limits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diet() -> Problem {
        let mut p = Problem::new();
        let a = p.add_col(0.6, 0.0, f64::INFINITY);
        let b = p.add_col(0.35, 0.0, f64::INFINITY);
        p.add_row(8.0, f64::INFINITY, [(a, 5.0), (b, 7.0)]);
        p.add_row(15.0, f64::INFINITY, [(a, 4.0), (b, 2.0)]);
        p
    }

    #[test]
    fn all_engines_agree_on_a_linear_program() {
        let limits = Limits::default();
        let s = solve_with(&diet(), &limits, None, Engine::Simplex);
        assert!(s.is_optimal() && (s.objective - 2.25).abs() < 1e-9, "{}", s.objective);
        for engine in [Engine::Barrier, Engine::Crossover, Engine::InteriorPoint] {
            let c = solve_with(&diet(), &limits, None, engine);
            assert!(c.is_optimal() && (s.objective - c.objective).abs() < 1e-6);
            for (a, b) in s.row_dual.iter().zip(&c.row_dual) {
                assert!((a - b).abs() < 1e-5, "{engine:?} {:?} {:?}", s.row_dual, c.row_dual);
            }
        }
    }

    #[test]
    fn a_warm_start_repeats_the_optimum_without_iterations() {
        let limits = Limits::default();
        let cold = solve(&diet(), &limits, None);
        let warm = solve(&diet(), &limits, cold.basis.as_ref());
        assert_eq!(warm.iterations, 0);
        assert_eq!(cold.x, warm.x);
    }

    #[test]
    fn an_integer_program_reaches_the_known_optimum() {
        // max 5a + 4b + 3c, 2a+3b+c<=5, 4a+b+2c<=11, 3a+4b+2c<=8, integer: 13 at (2,0,1).
        let mut p = Problem::new();
        for c in [-5.0, -4.0, -3.0] {
            p.add_col(c, 0.0, 10.0);
        }
        for (w, b) in [([2.0, 3.0, 1.0], 5.0), ([4.0, 1.0, 2.0], 11.0), ([3.0, 4.0, 2.0], 8.0)] {
            p.add_row(f64::NEG_INFINITY, b, w.into_iter().enumerate());
        }
        p.integer = vec![true; 3];
        let s = solve(&p, &Limits::default(), None);
        assert!(s.is_optimal() && (s.objective + 13.0).abs() < 1e-9 && s.gap <= 1e-9);
    }

    #[test]
    fn a_quadratic_program_goes_to_the_interior_point() {
        // min (x-1)^2 + (y-2)^2 with x + y = 2: (0.5, 1.5).
        let mut p = Problem::new();
        p.add_col(-2.0, f64::NEG_INFINITY, f64::INFINITY);
        p.add_col(-4.0, f64::NEG_INFINITY, f64::INFINITY);
        p.quadratic = vec![2.0, 2.0];
        p.offset = 5.0;
        p.add_row(2.0, 2.0, [(0, 1.0), (1, 1.0)]);
        let s = solve(&p, &Limits::default(), None);
        assert!(s.is_optimal());
        assert!((s.x[0] - 0.5).abs() < 1e-6 && (s.x[1] - 1.5).abs() < 1e-6 && (s.objective - 0.5).abs() < 1e-6);
    }

    #[test]
    fn every_way_to_have_no_answer_is_an_ending() {
        let limits = Limits::default();
        let mut infeasible = Problem::new();
        infeasible.add_col(1.0, 0.0, 1.0);
        infeasible.add_row(2.0, 3.0, [(0, 1.0)]);
        let mut crossed = Problem::new();
        crossed.add_col(1.0, 2.0, 1.0);
        let mut unbounded = Problem::new();
        unbounded.add_col(-1.0, 0.0, f64::INFINITY);
        unbounded.add_row(0.0, f64::INFINITY, [(0, 1.0)]);
        let mut nan = Problem::new();
        nan.add_col(f64::NAN, 0.0, 1.0);
        let mut ragged = Problem::new();
        ragged.add_row(0.0, 1.0, [(3, 1.0)]);
        for engine in [Engine::Simplex, Engine::Barrier, Engine::Crossover, Engine::InteriorPoint] {
            assert_eq!(solve_with(&infeasible, &limits, None, engine).ending, Ending::Infeasible);
            assert_eq!(solve_with(&crossed, &limits, None, engine).ending, Ending::Infeasible);
            assert_eq!(solve_with(&unbounded, &limits, None, engine).ending, Ending::Unbounded);
            assert!(matches!(solve_with(&nan, &limits, None, engine).ending, Ending::NotAProgram(_)));
            assert!(matches!(solve_with(&ragged, &limits, None, engine).ending, Ending::NotAProgram(_)));
        }
        let tight = Limits { iterations: 0, ..limits };
        assert_eq!(solve_with(&diet(), &tight, None, Engine::Simplex).ending, Ending::IterationLimit);
    }

    #[test]
    fn a_program_without_rows_or_columns_is_solved() {
        let mut p = Problem::new();
        p.add_col(1.0, -3.0, 2.0);
        let s = solve(&p, &Limits::default(), None);
        assert!(s.is_optimal() && s.x == vec![-3.0]);
        assert!(solve(&Problem::new(), &Limits::default(), None).is_optimal());
    }
}
