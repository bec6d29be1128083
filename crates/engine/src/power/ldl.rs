//! Sparse `LDLᵀ` of a symmetric matrix with a fixed pattern: analyse once, refill many, solve for one or for many sides.
//!
//! P A Pᵀ = L D Lᵀ with unit lower-triangular L and diagonal D. The order P is that of [`super::order`], then
//! postordered, so that a sweep touches neighbours in memory. The matrix need not be positive definite
//! (series-compensated lines have negative reactance), so pivots are checked and a tiny one is an ending, not a number.
//! Sources: Davis, "Direct Methods for Sparse Linear Systems", SIAM 2006, chapters 4 and 7, DOI 10.1137/1.9780898718881.
#![expect(clippy::inline_always, reason = "kernels must be compiled inside the function that enables the instructions")]

use super::order::minimum_degree;
use super::simd::{Kernel, Lanes, Level, dispatch};

/// Pivots smaller than this share of the largest diagonal entry are taken as zero.
const PIVOT_TOLERANCE: f64 = 1e-12;

const NONE: u32 = u32::MAX;

/// Pattern, ordering and elimination tree; shared by all refills.
#[derive(Debug, Clone)]
pub struct Pattern {
    n: usize,
    /// New index of each old row.
    new_of: Vec<u32>,
    /// Upper triangle by columns of the permuted matrix: column starts.
    start: Vec<u32>,
    /// Row of each entry, above the diagonal.
    row: Vec<u32>,
    /// Place of each input edge in the entries.
    place: Vec<u32>,
    parent: Vec<u32>,
    l_start: Vec<u32>,
}

/// The numbers of one factorisation.
#[derive(Debug, Clone)]
pub struct Factor {
    l_row: Vec<u32>,
    l_value: Vec<f64>,
    d: Vec<f64>,
}

/// Entries (column, row) sorted into columns, rows ascending and once each: starts and rows. The entries are read twice.
fn by_column(n: usize, entries: impl Iterator<Item = (u32, u32)>, again: impl Iterator<Item = (u32, u32)>) -> (Vec<u32>, Vec<u32>) {
    let mut end = vec![0u32; n + 1];
    for (c, _) in entries {
        end[c as usize + 1] += 1;
    }
    for c in 0..n {
        end[c + 1] += end[c];
    }
    let first = end.clone();
    let mut row = vec![0; end[n] as usize];
    for (c, r) in again {
        row[end[c as usize] as usize] = r;
        end[c as usize] += 1;
    }
    let (mut start, mut kept) = (vec![0; n + 1], 0);
    for c in 0..n {
        let (from, to) = (first[c] as usize, first[c + 1] as usize);
        row[from..to].sort_unstable();
        let mut last = NONE;
        for q in from..to {
            // The place written lies at or before the one read.
            if row[q] != last {
                last = row[q];
                row[kept] = last;
                kept += 1;
            }
        }
        start[c + 1] = kept as u32;
    }
    row.truncate(kept);
    (start, row)
}

/// Children before parents, subtrees together; `new[k]` is the place of node k.
fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    let (mut child, mut sibling) = (vec![NONE; n], vec![NONE; n]);
    for k in (0..n).rev() {
        if parent[k] != NONE {
            sibling[k] = std::mem::replace(&mut child[parent[k] as usize], k as u32);
        }
    }
    let mut new = vec![0; n];
    let (mut stack, mut count) = (Vec::new(), 0);
    for root in (0..n).filter(|&k| parent[k] == NONE) {
        stack.push(root as u32);
        while let Some(&k) = stack.last() {
            let first = std::mem::replace(&mut child[k as usize], NONE);
            if first == NONE {
                stack.pop();
                new[k as usize] = count;
                count += 1;
                // The next child of the parent follows at once.
                if !stack.is_empty() && sibling[k as usize] != NONE {
                    stack.push(sibling[k as usize]);
                }
            } else {
                stack.push(first);
            }
        }
    }
    new
}

impl Pattern {
    /// Analyses an n × n symmetric matrix whose off-diagonal entries may stand at `edges`; repeated edges add up.
    pub fn analyse(n: usize, edges: &[(usize, usize)]) -> Pattern {
        let pairs: Vec<(u32, u32)> = edges.iter().map(|&(a, b)| (a as u32, b as u32)).collect();
        let mut new_of = vec![0; n];
        for (new, &old) in minimum_degree(n, &pairs).iter().enumerate() {
            new_of[old as usize] = new as u32;
        }
        let by_degree = Pattern::ordered(n, edges, new_of);
        let after = postorder(&by_degree.parent);
        let new_of = by_degree.new_of.iter().map(|&k| after[k as usize]).collect();
        Pattern::ordered(n, edges, new_of)
    }

    fn ordered(n: usize, edges: &[(usize, usize)], new_of: Vec<u32>) -> Pattern {
        let permuted = edges.iter().map(|&(a, b)| (new_of[a].max(new_of[b]), new_of[a].min(new_of[b])));
        let off = permuted.clone().filter(|(c, r)| c != r);
        let (start, row) = by_column(n, off.clone(), off);
        let place = permuted
            .map(|(c, r)| {
                let (from, to) = (start[c as usize], start[c as usize + 1]);
                row[from as usize..to as usize].binary_search(&r).map_or(NONE, |q| from + q as u32)
            })
            .collect();
        let mut pattern = Pattern { n, new_of, start, row, place, parent: vec![NONE; n], l_start: vec![0; n + 1] };
        pattern.eliminate();
        pattern
    }

    /// Elimination tree and column counts of L.
    fn eliminate(&mut self) {
        let n = self.n;
        let (mut flag, mut count) = (vec![NONE; n], vec![0; n]);
        for k in 0..n {
            flag[k] = k as u32;
            for p in self.start[k]..self.start[k + 1] {
                let mut i = self.row[p as usize] as usize;
                while flag[i] != k as u32 {
                    if self.parent[i] == NONE {
                        self.parent[i] = k as u32;
                    }
                    count[i] += 1;
                    flag[i] = k as u32;
                    i = self.parent[i] as usize;
                }
            }
        }
        for k in 0..n {
            self.l_start[k + 1] = self.l_start[k] + count[k];
        }
    }

    /// Off-diagonal entries of L.
    pub fn fill(&self) -> usize {
        self.l_start[self.n] as usize
    }

    /// Place of an old row in the order of elimination, which is the order of [`Sides::x`].
    pub fn place_of(&self, row: usize) -> usize {
        self.new_of[row] as usize
    }

    /// Factorises the matrix with these diagonal entries (by old row) and edge values (in the order of `analyse`).
    /// `None` when a pivot vanishes: the matrix is singular.
    pub fn factor(&self, diagonal: &[f64], edge: &[f64]) -> Option<Factor> {
        let n = self.n;
        let mut upper = vec![0.0; self.row.len()];
        for (&place, v) in self.place.iter().zip(edge) {
            if place != NONE {
                upper[place as usize] += v;
            }
        }
        let mut diag = vec![0.0; n];
        for (old, &new) in self.new_of.iter().enumerate() {
            diag[new as usize] = diagonal[old];
        }
        let floor = diag.iter().fold(0.0_f64, |m, x| m.max(x.abs())) * PIVOT_TOLERANCE;
        let mut f = Factor { l_row: vec![0; self.fill()], l_value: vec![0.0; self.fill()], d: vec![0.0; n] };
        let mut filled = vec![0u32; n];
        let (mut y, mut flag) = (vec![0.0; n], vec![NONE; n]);
        let (mut stack, mut path) = (vec![0; n], vec![0; n]);
        for k in 0..n {
            let mut top = n;
            flag[k] = k as u32;
            for p in self.start[k] as usize..self.start[k + 1] as usize {
                let mut i = self.row[p] as usize;
                y[i] += upper[p];
                let mut len = 0;
                while flag[i] != k as u32 {
                    path[len] = i;
                    len += 1;
                    flag[i] = k as u32;
                    i = self.parent[i] as usize;
                }
                while len > 0 {
                    top -= 1;
                    len -= 1;
                    stack[top] = path[len];
                }
            }
            let mut dk = diag[k];
            for &i in &stack[top..n] {
                let yi = std::mem::take(&mut y[i]);
                let begin = self.l_start[i] as usize;
                let end = begin + filled[i] as usize;
                for (&r, &l) in f.l_row[begin..end].iter().zip(&f.l_value[begin..end]) {
                    y[r as usize] -= l * yi;
                }
                let l = yi / f.d[i];
                dk -= l * yi;
                f.l_row[end] = k as u32;
                f.l_value[end] = l;
                filled[i] += 1;
            }
            if dk.is_nan() || dk.abs() <= floor {
                return None;
            }
            f.d[k] = dk;
        }
        Some(f)
    }

    /// Solves A x = b in place; `b` is by old row.
    pub fn solve(&self, f: &Factor, b: &mut [f64]) {
        let n = self.n;
        let mut x = vec![0.0; n];
        for (old, &new) in self.new_of.iter().enumerate() {
            x[new as usize] = b[old];
        }
        for k in 0..n {
            let xk = x[k];
            if xk != 0.0 {
                let (rows, values) = f.column(&self.l_start, k);
                for (&r, &l) in rows.iter().zip(values) {
                    x[r as usize] -= l * xk;
                }
            }
        }
        for k in (0..n).rev() {
            let mut xk = x[k] / f.d[k];
            let (rows, values) = f.column(&self.l_start, k);
            for (&r, &l) in rows.iter().zip(values) {
                xk -= l * x[r as usize];
            }
            x[k] = xk;
        }
        for (old, &new) in self.new_of.iter().enumerate() {
            b[old] = x[new as usize];
        }
    }

    /// Solves for all sides at once, in place, and leaves the sides ready for the next [`Sides::add`]. Each side goes through
    /// the operations of [`Pattern::solve`] in the same order.
    pub fn solve_many<const W: usize>(&self, f: &Factor, level: Level, sides: &mut Sides<W>) {
        let first = std::mem::replace(&mut sides.first, self.n);
        dispatch(level, Sweep { f, l_start: &self.l_start, x: &mut sides.x, touched: &mut sides.touched, first });
    }
}

impl Factor {
    /// Rows and values of a column of L below the diagonal.
    #[inline(always)]
    fn column(&self, l_start: &[u32], k: usize) -> (&[u32], &[f64]) {
        let range = l_start[k] as usize..l_start[k + 1] as usize;
        (&self.l_row[range.clone()], &self.l_value[range])
    }
}

/// `W` sparse right-hand sides, interleaved, that become their solutions.
#[derive(Debug, Clone)]
pub struct Sides<const W: usize> {
    /// Values by place in the order of elimination (see [`Pattern::place_of`]); solutions after [`Pattern::solve_many`].
    pub x: Vec<Lanes<W>>,
    /// Places that a forward sweep reaches: those set, and their ancestors in the elimination tree.
    touched: Vec<bool>,
    /// First of them.
    first: usize,
}

impl<const W: usize> Sides<W> {
    /// Room for a pattern.
    pub fn new(pattern: &Pattern) -> Sides<W> {
        Sides { x: vec![Lanes::splat(0.0); pattern.n], touched: vec![false; pattern.n], first: pattern.n }
    }

    /// Adds a value to side `lane` at a place.
    pub fn add(&mut self, pattern: &Pattern, place: usize, lane: usize, value: f64) {
        self.first = self.first.min(place);
        let mut k = place;
        while !self.touched[k] {
            self.touched[k] = true;
            self.x[k] = Lanes::splat(0.0);
            if pattern.parent[k] == NONE {
                break;
            }
            k = pattern.parent[k] as usize;
        }
        self.x[place].0[lane] += value;
    }
}

/// Forward and backward substitution.
struct Sweep<'a, const W: usize> {
    f: &'a Factor,
    l_start: &'a [u32],
    x: &'a mut [Lanes<W>],
    touched: &'a mut [bool],
    first: usize,
}

impl<const W: usize> Kernel for Sweep<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Sweep { f, l_start, x, touched, first } = self;
        let n = x.len();
        for k in first..n {
            if touched[k] {
                let xk = x[k];
                let (rows, values) = f.column(l_start, k);
                for (&r, &l) in rows.iter().zip(values) {
                    x[r as usize] = x[r as usize].zip(xk, |a, b| a - l * b);
                }
                let d = f.d[k];
                x[k] = xk.zip(xk, |a, _| a / d);
            }
        }
        for k in (0..n).rev() {
            let mut xk = if std::mem::take(&mut touched[k]) { x[k] } else { Lanes::splat(0.0) };
            let (rows, values) = f.column(l_start, k);
            for (&r, &l) in rows.iter().zip(values) {
                xk = xk.zip(x[r as usize], |a, b| a - l * b);
            }
            x[k] = xk;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_singular_matrix_has_no_factor() {
        let p = Pattern::analyse(2, &[(0, 1)]);
        assert!(p.factor(&[1.0, 1.0], &[-1.0]).is_none());
        assert!(p.factor(&[0.0, 0.0], &[0.0]).is_none());
    }

    #[test]
    fn a_path_a_star_and_a_tree_fill_nothing_and_a_cycle_little() {
        let path: Vec<(usize, usize)> = (1..50).map(|i| (i - 1, i)).collect();
        let star: Vec<(usize, usize)> = (1..50).map(|i| (0, i)).collect();
        let tree: Vec<(usize, usize)> = (1..50).map(|i| (i / 2, i)).collect();
        for edges in [&path, &star, &tree] {
            assert_eq!(Pattern::analyse(50, edges).fill(), 49);
        }
        let cycle: Vec<(usize, usize)> = (0..50).map(|i| (i, (i + 1) % 50)).collect();
        assert_eq!(Pattern::analyse(50, &cycle).fill(), 50 + 47);
    }

    #[test]
    fn a_square_mesh_fills_less_than_half_of_what_rows_in_turn_do() {
        // 20 x 20 nodes row by row fill a band: 7600 entries.
        let edges: Vec<(usize, usize)> =
            (0..400).flat_map(|i| [(i % 20 < 19).then_some((i, i + 1)), (i < 380).then_some((i, i + 20))]).flatten().collect();
        let fill = Pattern::analyse(400, &edges).fill();
        assert!(fill < 3600, "{fill}");
    }

    proptest! {
        #[test]
        fn the_order_is_a_permutation_with_children_before_parents(
            n in 1usize..40,
            seed in proptest::collection::vec((0usize..40, 0usize..40), 0..120),
        ) {
            let edges: Vec<(usize, usize)> = seed.iter().map(|&(a, b)| (a % n, b % n)).collect();
            let p = Pattern::analyse(n, &edges);
            let mut places: Vec<usize> = (0..n).map(|i| p.place_of(i)).collect();
            places.sort_unstable();
            prop_assert!(places.iter().enumerate().all(|(k, &place)| k == place));
            prop_assert!(p.parent.iter().enumerate().all(|(k, &above)| above == NONE || above as usize > k));
        }

        #[test]
        fn solving_undoes_multiplying(
            n in 1usize..30,
            seed in proptest::collection::vec((0usize..30, 0usize..30, -2.0f64..2.0), 0..80),
            x in proptest::collection::vec(-5.0f64..5.0, 30),
        ) {
            let edges: Vec<(usize, usize)> = seed.iter().map(|&(a, b, _)| (a % n, b % n)).filter(|(a, b)| a != b).collect();
            let values: Vec<f64> = seed.iter().filter(|&&(a, b, _)| a % n != b % n).map(|s| s.2).collect();
            // Diagonally dominant with mixed signs: indefinite but safe to factor.
            let mut diagonal: Vec<f64> = (0..n).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
            for (&(a, b), v) in edges.iter().zip(&values) {
                for i in [a, b] {
                    diagonal[i] += diagonal[i].signum() * v.abs();
                }
            }
            let p = Pattern::analyse(n, &edges);
            let f = p.factor(&diagonal, &values).expect("dominant");
            let mut b: Vec<f64> = (0..n).map(|i| diagonal[i] * x[i]).collect();
            for (&(i, j), v) in edges.iter().zip(&values) {
                b[i] += v * x[j];
                b[j] += v * x[i];
            }
            let mut sides: [Sides<8>; 3] = std::array::from_fn(|_| Sides::new(&p));
            for (sides, level) in sides.iter_mut().zip([Level::Baseline, Level::Avx2, Level::Widest]) {
                // Twice, so that what a first solve leaves behind would show.
                for factor in [-3.0, 1.0] {
                    for i in 0..n {
                        if b[i] != 0.0 {
                            sides.add(&p, p.place_of(i), 2, factor * b[i]);
                            sides.add(&p, p.place_of(i), 5, -2.0 * factor * b[i]);
                        }
                    }
                    p.solve_many(&f, level, sides);
                }
            }
            p.solve(&f, &mut b);
            for i in 0..n {
                for sides in &sides {
                    let lanes = sides.x[p.place_of(i)].0;
                    prop_assert_eq!([lanes[0], lanes[2], lanes[5]], [0.0, b[i], -2.0 * b[i]]);
                }
            }
            for i in 0..n {
                prop_assert!((b[i] - x[i]).abs() < 1e-8, "{} {}", b[i], x[i]);
            }
        }
    }
}
