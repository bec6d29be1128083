//! Sparse LU of a matrix of 2 × 2 blocks whose pattern is symmetric and fixed: analyse once, refill many.
//!
//! Rows and columns are permuted by minimum degree and postordered. With A the permuted matrix, row by row
//!
//! ```text
//! w = A_i − Σ_{k<i} L_ik U_k,  L_ik = w_k (k < i),  D_i = w_i,  U_ij = D_i⁻¹ w_j (j > i)
//! ```
//!
//! so A = (L + D) U with U unit upper triangular by blocks. The fast path does not exchange rows: it checks every pivot block and the
//! residual, refines, and where that fails a slower scalar LU with threshold pivoting answers instead.
//! Everything here is in the new numbering; [`Pattern::new_of`] leads there.
//! Sources: Davis, "Direct Methods for Sparse Linear Systems", SIAM 2006, DOI 10.1137/1.9780898718881, chapters 4 and 6; Gilbert,
//! Peierls, SIAM J. Sci. Stat. Comput. 9(5), 1988, DOI 10.1137/0909058 (pivoting by columns).

use std::collections::BTreeSet;

use super::order::minimum_degree;

/// A 2 × 2 block, row by row.
pub type Block = [f64; 4];
/// The two entries of a block row of `K` vectors side by side.
pub type Lanes<const K: usize> = [[f64; K]; 2];
/// Two rows of the four columns that belong to two block columns.
pub type Border = [[f64; 4]; 2];

/// A pivot block is taken as singular when its determinant is below this share of the sizes of its rows before elimination.
const PIVOT_TOLERANCE: f64 = 1e-13;
/// Largest accepted residual, as a share of the largest right-hand side.
const RESIDUAL_TOLERANCE: f64 = 1e-10;
/// Largest accepted residual, as a share of the largest entry of A times the largest of x: near a singular matrix rounding leaves no less.
const BACKWARD_TOLERANCE: f64 = 1e-13;
/// Rounds of iterative refinement before the pivoting fallback.
const REFINEMENTS: usize = 3;
/// The fallback keeps a diagonal pivot that is at least this share of the largest candidate.
const DIAGONAL_SHARE: f64 = 0.1;
const NONE: u32 = u32::MAX;

/// Pattern, order and symbolic factorisation; shared by all refills.
#[derive(Debug, Clone)]
pub struct Pattern {
    n: usize,
    new_of: Vec<u32>,
    parent: Vec<u32>,
    /// Rows of A, columns ascending, diagonal included.
    start: Vec<u32>,
    column: Vec<u32>,
    diagonal: Vec<u32>,
    edge: Vec<(u32, u32)>,
    /// Rows of L, columns ascending.
    l_start: Vec<u32>,
    l_column: Vec<u32>,
    /// Rows of U, columns ascending, and the place in L of the mirrored entry.
    u_start: Vec<u32>,
    u_column: Vec<u32>,
    l_of_u: Vec<u32>,
}

/// The numbers of one factorisation.
#[derive(Debug, Clone)]
pub struct Factor {
    l: Vec<Block>,
    u: Vec<Block>,
    inverse: Vec<Block>,
    row: Vec<Block>,
}

/// How a checked solve got its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Without exchanges.
    Plain,
    /// By the pivoting fallback.
    Pivoted,
}

fn range(start: &[u32], i: usize) -> std::ops::Range<usize> {
    start[i] as usize..start[i + 1] as usize
}

/// Positions of `items` (in the order given) sorted by a key below `n`, equal keys in the order given.
fn sorted_by(n: usize, items: impl Iterator<Item = u32> + Clone, key: impl Fn(u32) -> u32) -> (Vec<u32>, Vec<u32>) {
    let mut start = vec![0u32; n + 1];
    for e in items.clone() {
        start[key(e) as usize + 1] += 1;
    }
    for k in 0..n {
        start[k + 1] += start[k];
    }
    let mut next = start.clone();
    let mut sorted = vec![0u32; start[n] as usize];
    for e in items {
        let k = key(e) as usize;
        sorted[next[k] as usize] = e;
        next[k] += 1;
    }
    (start, sorted)
}

/// Parent of each vertex in the elimination tree, for edges given as (later, earlier) in the elimination order.
fn elimination_tree(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let (start, sorted) = sorted_by(n, 0..edges.len() as u32, |e| edges[e as usize].0);
    let (mut parent, mut ancestor) = (vec![NONE; n], vec![NONE; n]);
    for i in 0..n {
        for &e in &sorted[range(&start, i)] {
            let mut k = edges[e as usize].1;
            while k != NONE && (k as usize) < i {
                let above = std::mem::replace(&mut ancestor[k as usize], i as u32);
                if above == NONE {
                    parent[k as usize] = i as u32;
                }
                k = above;
            }
        }
    }
    parent
}

/// New number of each vertex so that every subtree is numbered in one run.
fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    let mut size = vec![1u32; n];
    for v in 0..n {
        if parent[v] != NONE {
            size[parent[v] as usize] += size[v];
        }
    }
    // Children come before their parent, so reading downwards hands every subtree its run of numbers.
    let mut end = vec![0u32; n];
    let mut roots = n as u32;
    let mut number = vec![0u32; n];
    for v in (0..n).rev() {
        let last = if parent[v] == NONE { &mut roots } else { &mut end[parent[v] as usize] };
        let top = *last;
        *last -= size[v];
        number[v] = top - 1;
        end[v] = top - 1;
    }
    number
}

impl Pattern {
    /// Analyses an n × n matrix of blocks whose off-diagonal blocks may stand at both sides of `edges`; edges may repeat or be loops.
    pub fn analyse(n: usize, edges: &[(u32, u32)]) -> Pattern {
        let mut new_of = vec![0u32; n];
        for (new, old) in minimum_degree(n, edges).into_iter().enumerate() {
            new_of[old as usize] = new as u32;
        }
        let ordered = |map: &[u32]| -> Vec<(u32, u32)> { edges.iter().map(|&(a, b)| (map[a as usize], map[b as usize])).collect() };
        let mut lower = ordered(&new_of);
        lower.iter_mut().for_each(|e| *e = (e.0.max(e.1), e.0.min(e.1)));
        let tree = elimination_tree(n, &lower);
        let number = postorder(&tree);
        new_of.iter_mut().for_each(|v| *v = number[*v as usize]);
        let mut parent = vec![NONE; n];
        for v in 0..n {
            if tree[v] != NONE {
                parent[number[v] as usize] = number[tree[v] as usize];
            }
        }
        let mut pattern = Pattern {
            n,
            parent,
            start: Vec::with_capacity(n + 1),
            column: Vec::with_capacity(n + 2 * edges.len()),
            diagonal: vec![0; n],
            edge: vec![(0, 0); edges.len()],
            l_start: Vec::new(),
            l_column: Vec::new(),
            u_start: Vec::new(),
            u_column: Vec::new(),
            l_of_u: Vec::new(),
            new_of: Vec::new(),
        };
        pattern.rows(&ordered(&new_of));
        pattern.new_of = new_of;
        pattern.symbolic();
        pattern
    }

    /// Sorted rows of A without repeats, and the place of each edge in them.
    fn rows(&mut self, edges: &[(u32, u32)]) {
        let (n, m) = (self.n, edges.len() as u32);
        // Entry e < 2m is edge e/2, forwards when e is even; then come the diagonals.
        let at = |e: u32| match e {
            e if e >= 2 * m => (e - 2 * m, e - 2 * m),
            e if e % 2 == 0 => edges[e as usize / 2],
            e => (edges[e as usize / 2].1, edges[e as usize / 2].0),
        };
        let (_, by_column) = sorted_by(n, 0..2 * m + n as u32, |e| at(e).1);
        let (start, sorted) = sorted_by(n, by_column.iter().copied(), |e| at(e).0);
        for i in 0..n {
            self.start.push(self.column.len() as u32);
            let mut last = NONE;
            for &e in &sorted[range(&start, i)] {
                let column = at(e).1;
                if column != last {
                    self.column.push(column);
                    last = column;
                }
                let place = self.column.len() as u32 - 1;
                match e {
                    e if e >= 2 * m => self.diagonal[i] = place,
                    e if e % 2 == 0 => self.edge[e as usize / 2].0 = place,
                    e => self.edge[e as usize / 2].1 = place,
                }
            }
        }
        self.start.push(self.column.len() as u32);
    }

    /// Patterns of L and U: row i of L holds every vertex on the tree paths from the columns of row i of A up to i.
    fn symbolic(&mut self) {
        let n = self.n;
        let mut flag = vec![NONE; n];
        let (mut above, mut below) = (Vec::with_capacity(4 * n), Vec::with_capacity(4 * n));
        for i in 0..n {
            flag[i] = i as u32;
            for &k in &self.column[self.start[i] as usize..self.diagonal[i] as usize] {
                let mut k = k;
                while flag[k as usize] != i as u32 {
                    flag[k as usize] = i as u32;
                    above.push(k);
                    below.push(i as u32);
                    k = self.parent[k as usize];
                }
            }
        }
        let (u_start, sorted) = sorted_by(n, 0..above.len() as u32, |e| above[e as usize]);
        self.u_column = sorted.iter().map(|&e| below[e as usize]).collect();
        let (l_start, place) = sorted_by(n, 0..above.len() as u32, |q| self.u_column[q as usize]);
        self.l_column = vec![0; above.len()];
        self.l_of_u = vec![0; above.len()];
        for (l, &u) in place.iter().enumerate() {
            self.l_column[l] = above[sorted[u as usize] as usize];
            self.l_of_u[u as usize] = l as u32;
        }
        (self.l_start, self.u_start) = (l_start, u_start);
    }

    /// Number of block rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of blocks of A.
    pub fn n_blocks(&self) -> usize {
        self.column.len()
    }

    /// Number of blocks of L below the diagonal.
    pub fn fill(&self) -> usize {
        self.l_column.len()
    }

    /// New number of each row.
    pub fn new_of(&self) -> &[u32] {
        &self.new_of
    }

    /// Places of the blocks of a row of A.
    pub fn row(&self, i: usize) -> std::ops::Range<usize> {
        range(&self.start, i)
    }

    /// Column of each block of A.
    pub fn column(&self) -> &[u32] {
        &self.column
    }

    /// Place of each diagonal block.
    pub fn diagonal(&self) -> &[u32] {
        &self.diagonal
    }

    /// Places of the blocks (a, b) and (b, a) of each edge (a, b) given to `analyse`.
    pub fn edge(&self) -> &[(u32, u32)] {
        &self.edge
    }

    /// Room for the numbers.
    pub fn factor_storage(&self) -> Factor {
        let zero = [0.0; 4];
        let fill = self.fill();
        Factor { l: vec![zero; fill], u: vec![zero; fill], inverse: vec![zero; self.n], row: vec![zero; self.n] }
    }

    /// Factorises without exchanges; `Err` names the row whose pivot block is singular or not finite.
    pub fn factor(&self, a: &[Block], f: &mut Factor) -> Result<(), usize> {
        let Factor { l, u, inverse, row } = f;
        for i in 0..self.n {
            let (l_row, u_row) = (range(&self.l_start, i), range(&self.u_start, i));
            for &j in self.l_column[l_row.clone()].iter().chain(&self.u_column[u_row.clone()]) {
                row[j as usize] = [0.0; 4];
            }
            row[i] = [0.0; 4];
            let a_row = self.row(i);
            for (&j, block) in self.column[a_row.clone()].iter().zip(&a[a_row]) {
                row[j as usize] = *block;
            }
            for q in l_row {
                let k = self.l_column[q] as usize;
                let w = row[k];
                l[q] = w;
                let r = range(&self.u_start, k);
                for (&j, b) in self.u_column[r.clone()].iter().zip(&u[r]) {
                    subtract_product(&mut row[j as usize], &w, b);
                }
            }
            inverse[i] = inverted(&row[i], &a[self.diagonal[i] as usize]).ok_or(i)?;
            for (&j, out) in self.u_column[u_row.clone()].iter().zip(&mut u[u_row]) {
                *out = product(&inverse[i], &row[j as usize]);
            }
        }
        Ok(())
    }

    /// x ← (L + D)⁻¹ x.
    pub fn forward<const K: usize>(&self, f: &Factor, x: &mut [Lanes<K>]) {
        for i in 0..self.n {
            let mut y = x[i];
            let r = range(&self.l_start, i);
            for (&k, b) in self.l_column[r.clone()].iter().zip(&f.l[r]) {
                subtract_from(&mut y, b, &x[k as usize]);
            }
            let b = &f.inverse[i];
            for lane in 0..K {
                x[i][0][lane] = b[0] * y[0][lane] + b[1] * y[1][lane];
                x[i][1][lane] = b[2] * y[0][lane] + b[3] * y[1][lane];
            }
        }
    }

    /// x ← U⁻¹ x.
    pub fn backward<const K: usize>(&self, f: &Factor, x: &mut [Lanes<K>]) {
        for i in (0..self.n).rev() {
            let mut y = x[i];
            let r = range(&self.u_start, i);
            for (&j, b) in self.u_column[r.clone()].iter().zip(&f.u[r]) {
                subtract_from(&mut y, b, &x[j as usize]);
            }
            x[i] = y;
        }
    }

    /// x ← A⁻¹ x by a factorisation of A, for `K` right-hand sides at once.
    pub fn solve<const K: usize>(&self, f: &Factor, x: &mut [Lanes<K>]) {
        self.forward(f, x);
        self.backward(f, x);
    }

    /// b ← A⁻¹ b: factorises, solves, refines until the residual is small, and pivots where the plain order fails; `f` holds a
    /// factorisation of A when the way was plain. `Err` names a row that depends on the others.
    pub fn solve_checked(&self, a: &[Block], f: &mut Factor, b: &mut [Lanes<1>]) -> Result<Way, usize> {
        let scale = largest(b);
        if self.factor(a, f).is_ok() {
            let mut x = b.to_vec();
            self.solve(f, &mut x);
            for _ in 0..=REFINEMENTS {
                let mut r = self.residual(a, b, &x);
                let left = largest(&r);
                if left <= RESIDUAL_TOLERANCE * scale || left <= BACKWARD_TOLERANCE * size(a) * largest(&x) {
                    b.copy_from_slice(&x);
                    return Ok(Way::Plain);
                }
                self.solve(f, &mut r);
                for (x, r) in x.iter_mut().zip(&r) {
                    x[0][0] += r[0][0];
                    x[1][0] += r[1][0];
                }
            }
        }
        Pivoted::factor(self, a)?.solve(b);
        Ok(Way::Pivoted)
    }

    /// b − A x.
    fn residual(&self, a: &[Block], b: &[Lanes<1>], x: &[Lanes<1>]) -> Vec<Lanes<1>> {
        let mut r = b.to_vec();
        for i in 0..self.n {
            let row = self.row(i);
            for (&j, block) in self.column[row.clone()].iter().zip(&a[row]) {
                subtract_from(&mut r[i], block, &x[j as usize]);
            }
        }
        r
    }

    /// The vertices on the tree paths from two rows to their roots, ascending.
    pub fn path(&self, ends: [usize; 2], path: &mut Vec<u32>) {
        path.clear();
        let [mut a, mut b] = ends.map(|e| e as u32);
        while a != NONE || b != NONE {
            let k = a.min(b);
            path.push(k);
            if a == k {
                a = self.parent[k as usize];
            }
            if b == k {
                b = self.parent[k as usize];
            }
        }
    }

    /// Columns x = (L + D)⁻¹ E and w = U⁻ᵀ E on a path, where E holds the unit columns of its two ends; the rest of both is zero.
    pub fn border(&self, f: &Factor, ends: [usize; 2], path: &[u32], x: &mut [Border], w: &mut [Border]) {
        for &k in path {
            x[k as usize] = [[0.0; 4]; 2];
            w[k as usize] = [[0.0; 4]; 2];
        }
        for (e, &end) in ends.iter().enumerate() {
            for c in 0..2 {
                x[end][c][2 * e + c] = 1.0;
                w[end][c][2 * e + c] = 1.0;
            }
        }
        for &k in path {
            let k = k as usize;
            let (raw, b, wk) = (x[k], &f.inverse[k], w[k]);
            let xk = [0, 2].map(|r| std::array::from_fn(|c| b[r] * raw[0][c] + b[r + 1] * raw[1][c]));
            x[k] = xk;
            for q in range(&self.u_start, k) {
                let j = self.u_column[q] as usize;
                subtract_from(&mut x[j], &f.l[self.l_of_u[q] as usize], &xk);
                let u = &f.u[q];
                subtract_from(&mut w[j], &[u[0], u[2], u[1], u[3]], &wk);
            }
        }
    }
}

fn largest(x: &[Lanes<1>]) -> f64 {
    // A NaN must not pass as small.
    x.iter().flatten().flatten().fold(0.0, |m: f64, v| if v.abs() <= m { m } else { v.abs() })
}

/// Largest entry.
fn size(a: &[Block]) -> f64 {
    a.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()))
}

fn subtract_product(w: &mut Block, a: &Block, b: &Block) {
    w[0] -= a[0] * b[0] + a[1] * b[2];
    w[1] -= a[0] * b[1] + a[1] * b[3];
    w[2] -= a[2] * b[0] + a[3] * b[2];
    w[3] -= a[2] * b[1] + a[3] * b[3];
}

fn product(a: &Block, b: &Block) -> Block {
    [a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3]]
}

fn subtract_from<const K: usize>(y: &mut Lanes<K>, b: &Block, x: &Lanes<K>) {
    for lane in 0..K {
        y[0][lane] -= b[0] * x[0][lane] + b[1] * x[1][lane];
        y[1][lane] -= b[2] * x[0][lane] + b[3] * x[1][lane];
    }
}

/// Inverse of a pivot block, or nothing when it is singular beside the block it came from.
fn inverted(d: &Block, before: &Block) -> Option<Block> {
    let det = d[0] * d[3] - d[1] * d[2];
    let size = before[0].abs().max(before[1].abs()) * before[2].abs().max(before[3].abs());
    // Written so that NaN fails.
    if det.abs() > PIVOT_TOLERANCE * size && det.is_finite() {
        let r = 1.0 / det;
        Some([d[3] * r, -d[1] * r, -d[2] * r, d[0] * r])
    } else {
        None
    }
}

/// Scalar LU with threshold pivoting: P Aᵀ = L U, one column of Aᵀ (a row of A) at a time, L unit lower triangular.
struct Pivoted {
    /// Columns of L below the diagonal, by scalar row of Aᵀ.
    l: Vec<Vec<(usize, f64)>>,
    /// Columns of U above the diagonal, by pivot position.
    u: Vec<Vec<(usize, f64)>>,
    pivot: Vec<f64>,
    /// Row of Aᵀ that is the pivot of each column.
    row_of: Vec<usize>,
}

impl Pivoted {
    fn factor(pattern: &Pattern, a: &[Block]) -> Result<Pivoted, usize> {
        let n = 2 * pattern.n;
        let mut out = Pivoted { l: Vec::with_capacity(n), u: Vec::with_capacity(n), pivot: Vec::with_capacity(n), row_of: Vec::new() };
        let mut position = vec![usize::MAX; n];
        let mut x = vec![0.0; n];
        for k in 0..n {
            // Pivot positions still to apply, and rows without a pivot yet; both ascending.
            let (mut pending, mut open) = (BTreeSet::new(), BTreeSet::new());
            let mut size = 0.0_f64;
            for p in pattern.row(k / 2) {
                for c in 0..2 {
                    let row = 2 * pattern.column[p] as usize + c;
                    x[row] = a[p][2 * (k % 2) + c];
                    size = size.max(x[row].abs());
                    if position[row] == usize::MAX {
                        open.insert(row)
                    } else {
                        pending.insert(position[row])
                    };
                }
            }
            let mut upper = Vec::new();
            while let Some(j) = pending.pop_first() {
                let value = std::mem::take(&mut x[out.row_of[j]]);
                upper.push((j, value));
                for &(row, l) in &out.l[j] {
                    x[row] -= l * value;
                    if position[row] == usize::MAX {
                        open.insert(row)
                    } else {
                        pending.insert(position[row])
                    };
                }
            }
            let most = open.iter().fold(0.0_f64, |m, &r| m.max(x[r].abs()));
            // Written so that NaN fails.
            if !(most > PIVOT_TOLERANCE * size && most.is_finite()) {
                return Err(k / 2);
            }
            let wanted = if open.contains(&k) && x[k].abs() >= DIAGONAL_SHARE * most { Some(k) } else { None };
            let row = wanted.or_else(|| open.iter().copied().find(|&r| x[r].abs() >= most)).ok_or(k / 2)?;
            let pivot = x[row];
            position[row] = k;
            out.row_of.push(row);
            out.pivot.push(pivot);
            out.u.push(upper);
            out.l.push(open.iter().filter(|&&r| r != row).map(|&r| (r, x[r] / pivot)).collect());
            open.iter().for_each(|&r| x[r] = 0.0);
        }
        Ok(out)
    }

    /// b ← A⁻¹ b by Uᵀ z = b, Lᵀ y = z.
    fn solve(&self, b: &mut [Lanes<1>]) {
        let n = self.pivot.len();
        let mut z = vec![0.0; n];
        for k in 0..n {
            let sum: f64 = self.u[k].iter().map(|&(j, v)| v * z[j]).sum();
            z[k] = (b[k / 2][k % 2][0] - sum) / self.pivot[k];
        }
        let mut y = vec![0.0; n];
        for k in (0..n).rev() {
            y[self.row_of[k]] = z[k] - self.l[k].iter().map(|&(row, v)| v * y[row]).sum::<f64>();
        }
        for k in 0..n {
            b[k / 2][k % 2][0] = y[k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gauss elimination with partial pivoting on a full matrix.
    fn dense_solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for k in 0..n {
            let p = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).expect("not empty");
            a.swap(k, p);
            b.swap(k, p);
            for i in k + 1..n {
                let f = a[i][k] / a[k][k];
                for j in k..n {
                    a[i][j] -= f * a[k][j];
                }
                b[i] -= f * b[k];
            }
        }
        for k in (0..n).rev() {
            let sum: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
            b[k] = (b[k] - sum) / a[k][k];
        }
        b
    }

    fn dense(pattern: &Pattern, a: &[Block]) -> Vec<Vec<f64>> {
        let mut full = vec![vec![0.0; 2 * pattern.n()]; 2 * pattern.n()];
        for i in 0..pattern.n() {
            for p in pattern.row(i) {
                for (c, &v) in a[p].iter().enumerate() {
                    full[2 * i + c / 2][2 * pattern.column()[p] as usize + c % 2] = v;
                }
            }
        }
        full
    }

    type Case = (usize, Vec<(u32, u32)>, Vec<f64>);

    fn cases() -> impl Strategy<Value = Case> {
        let edges = proptest::collection::vec((0u32..12, 0u32..12), 0..40);
        (1usize..12, edges, proptest::collection::vec(-1.0f64..1.0, 400))
            .prop_map(|(n, edges, values)| (n, edges.into_iter().map(|(a, b)| (a % n as u32, b % n as u32)).collect(), values))
    }

    fn blocks(pattern: &Pattern, values: &[f64], dominance: f64) -> Vec<Block> {
        let mut a: Vec<Block> = (0..pattern.n_blocks()).map(|p| std::array::from_fn(|c| values[(4 * p + c) % values.len()])).collect();
        for &d in pattern.diagonal() {
            a[d as usize][0] += dominance;
            a[d as usize][3] -= dominance;
        }
        a
    }

    #[test]
    fn a_zero_pivot_is_exchanged() {
        // Both diagonal blocks are zero, so no order without exchanges exists.
        let pattern = Pattern::analyse(2, &[(0, 1)]);
        let mut a = vec![[0.0; 4]; pattern.n_blocks()];
        let (ab, ba) = pattern.edge()[0];
        a[ab as usize] = [0.0, 2.0, 1.0, 0.0];
        a[ba as usize] = [4.0, 0.0, 0.0, 5.0];
        let mut b = vec![[[2.0], [3.0]], [[4.0], [10.0]]];
        let mut f = pattern.factor_storage();
        assert!(pattern.factor(&a, &mut f).is_err());
        let (first, second) = (pattern.new_of()[0] as usize, pattern.new_of()[1] as usize);
        assert_eq!(pattern.solve_checked(&a, &mut f, &mut b), Ok(Way::Pivoted));
        let (rhs_first, rhs_second) = if first == 0 { ((2.0, 3.0), (4.0, 10.0)) } else { ((4.0, 10.0), (2.0, 3.0)) };
        assert_eq!(b[second], [[rhs_first.1], [rhs_first.0 / 2.0]]);
        assert_eq!(b[first], [[rhs_second.0 / 4.0], [rhs_second.1 / 5.0]]);
    }

    #[test]
    fn a_singular_matrix_has_no_solution() {
        let pattern = Pattern::analyse(2, &[(0, 1)]);
        let mut f = pattern.factor_storage();
        let ones = vec![[1.0; 4]; pattern.n_blocks()];
        assert!(pattern.solve_checked(&ones, &mut f, &mut [[[1.0], [2.0]]; 2]).is_err());
        let nan = vec![[f64::NAN; 4]; pattern.n_blocks()];
        assert!(pattern.solve_checked(&nan, &mut f, &mut [[[1.0], [2.0]]; 2]).is_err());
    }

    proptest! {
        #[test]
        fn a_solve_agrees_with_dense_elimination((n, edges, values) in cases()) {
            let pattern = Pattern::analyse(n, &edges);
            let a = blocks(&pattern, &values, 6.0);
            let mut x: Vec<Lanes<3>> = (0..n).map(|i| [[1.0, i as f64, -2.0], [0.5, values[i], 3.0]]).collect();
            let wanted: Vec<Vec<f64>> =
                (0..3).map(|lane| dense_solve(dense(&pattern, &a), x.iter().flat_map(|r| [r[0][lane], r[1][lane]]).collect())).collect();
            let mut f = pattern.factor_storage();
            prop_assert_eq!(pattern.factor(&a, &mut f), Ok(()));
            pattern.solve(&f, &mut x);
            for (k, lane) in (0..2 * n).flat_map(|k| (0..3).map(move |lane| (k, lane))) {
                prop_assert!((x[k / 2][k % 2][lane] - wanted[lane][k]).abs() < 1e-9);
            }
        }

        #[test]
        fn any_regular_matrix_is_solved_to_a_small_residual((n, edges, values) in cases()) {
            let pattern = Pattern::analyse(n, &edges);
            // Small dominance: pivots without exchanges are often poor.
            let a = blocks(&pattern, &values, 0.05);
            let rhs: Vec<Lanes<1>> = (0..n).map(|i| [[1.0], [values[i]]]).collect();
            let mut x = rhs.clone();
            if pattern.solve_checked(&a, &mut pattern.factor_storage(), &mut x).is_ok() {
                let growth = largest(&x).max(1.0);
                prop_assert!(largest(&pattern.residual(&a, &rhs, &x)) <= 1e-9 * growth);
            }
        }

        #[test]
        fn borders_multiply_to_entries_of_the_inverse((n, edges, values) in cases(), ends in (0usize..12, 0usize..12)) {
            let pattern = Pattern::analyse(n, &edges);
            let a = blocks(&pattern, &values, 6.0);
            let mut f = pattern.factor_storage();
            prop_assert_eq!(pattern.factor(&a, &mut f), Ok(()));
            let ends = [ends.0 % n, ends.1 % n];
            let (mut path, mut x, mut w) = (Vec::new(), vec![[[0.0; 4]; 2]; n], vec![[[0.0; 4]; 2]; n]);
            pattern.path(ends, &mut path);
            pattern.border(&f, ends, &path, &mut x, &mut w);
            for (r, c) in (0..4).flat_map(|r| (0..4).map(move |c| (r, c))) {
                let product: f64 = path.iter().flat_map(|&k| (0..2).map(move |s| (k as usize, s))).map(|(k, s)| w[k][s][r] * x[k][s][c]).sum();
                let mut unit = vec![0.0; 2 * n];
                unit[2 * ends[c / 2] + c % 2] = 1.0;
                let column = dense_solve(dense(&pattern, &a), unit);
                prop_assert!((product - column[2 * ends[r / 2] + r % 2]).abs() < 1e-9);
            }
        }
    }
}
