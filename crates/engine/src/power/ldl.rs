//! Sparse `LDLᵀ` of a symmetric matrix with a fixed pattern: analyse once, refill many.
//!
//! A = L D Lᵀ with unit lower-triangular L and diagonal D, rows and columns permuted by minimum degree.
//! The matrix need not be positive definite (series-compensated lines have negative reactance), so pivots are
//! checked and a tiny one is an ending, not a number.
//! Source: Davis, "Direct Methods for Sparse Linear Systems", SIAM 2006, chapters 4 and 7, DOI 10.1137/1.9780898718881.

/// Pivots smaller than this share of the largest diagonal entry are taken as zero.
const PIVOT_TOLERANCE: f64 = 1e-12;

/// Pattern, ordering and elimination tree; shared by all refills.
#[derive(Debug, Clone)]
pub struct Pattern {
    n: usize,
    /// New index of each old row.
    new_of: Vec<usize>,
    /// Upper triangle by columns of the permuted matrix: column starts.
    start: Vec<usize>,
    /// Row of each entry, above the diagonal.
    row: Vec<usize>,
    /// Place of each input edge in the entries.
    place: Vec<usize>,
    parent: Vec<usize>,
    l_start: Vec<usize>,
}

/// The numbers of one factorisation.
#[derive(Debug, Clone)]
pub struct Factor {
    l_row: Vec<usize>,
    l_value: Vec<f64>,
    d: Vec<f64>,
}

const NONE: usize = usize::MAX;

/// Minimum-degree order on the graph of the matrix. Ties go to the lower index, so the order is fixed by the data.
fn minimum_degree(n: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut neighbours: Vec<std::collections::BTreeSet<usize>> = vec![std::collections::BTreeSet::new(); n];
    for &(a, b) in edges {
        if a != b {
            neighbours[a].insert(b);
            neighbours[b].insert(a);
        }
    }
    let mut queue: std::collections::BTreeSet<(usize, usize)> = (0..n).map(|i| (neighbours[i].len(), i)).collect();
    let mut order = Vec::with_capacity(n);
    while let Some((_, i)) = queue.pop_first() {
        order.push(i);
        let around: Vec<usize> = std::mem::take(&mut neighbours[i]).into_iter().collect();
        for &a in &around {
            queue.remove(&(neighbours[a].len(), a));
            neighbours[a].remove(&i);
            neighbours[a].extend(around.iter().copied().filter(|&b| b != a));
        }
        queue.extend(around.iter().map(|&a| (neighbours[a].len(), a)));
    }
    order
}

impl Pattern {
    /// Analyses an n × n symmetric matrix whose off-diagonal entries may stand at `edges`; repeated edges add up.
    pub fn analyse(n: usize, edges: &[(usize, usize)]) -> Pattern {
        let order = minimum_degree(n, edges);
        let mut new_of = vec![0; n];
        for (new, &old) in order.iter().enumerate() {
            new_of[old] = new;
        }
        let permuted: Vec<(usize, usize)> = edges.iter().map(|&(a, b)| (new_of[a].max(new_of[b]), new_of[a].min(new_of[b]))).collect();
        let mut unique = permuted.clone();
        unique.sort_unstable();
        unique.dedup();
        unique.retain(|(c, r)| c != r);
        let mut start = vec![0; n + 1];
        for &(c, _) in &unique {
            start[c + 1] += 1;
        }
        for c in 0..n {
            start[c + 1] += start[c];
        }
        let row: Vec<usize> = unique.iter().map(|&(_, r)| r).collect();
        let place = permuted.iter().map(|e| unique.binary_search(e).unwrap_or(NONE)).collect();
        let mut pattern = Pattern { n, new_of, start, row, place, parent: vec![NONE; n], l_start: vec![0; n + 1] };
        pattern.eliminate();
        pattern
    }

    /// Elimination tree and column counts of L.
    fn eliminate(&mut self) {
        let n = self.n;
        let (mut flag, mut count) = (vec![NONE; n], vec![0; n]);
        for k in 0..n {
            flag[k] = k;
            for p in self.start[k]..self.start[k + 1] {
                let mut i = self.row[p];
                while flag[i] != k {
                    if self.parent[i] == NONE {
                        self.parent[i] = k;
                    }
                    count[i] += 1;
                    flag[i] = k;
                    i = self.parent[i];
                }
            }
        }
        for k in 0..n {
            self.l_start[k + 1] = self.l_start[k] + count[k];
        }
    }

    /// Off-diagonal entries of L.
    pub fn fill(&self) -> usize {
        self.l_start[self.n]
    }

    /// Factorises the matrix with these diagonal entries (by old row) and edge values (in the order of `analyse`).
    /// `None` when a pivot vanishes: the matrix is singular.
    pub fn factor(&self, diagonal: &[f64], edge: &[f64]) -> Option<Factor> {
        let n = self.n;
        let mut upper = vec![0.0; self.row.len()];
        for (&place, v) in self.place.iter().zip(edge) {
            if place != NONE {
                upper[place] += v;
            }
        }
        let mut diag = vec![0.0; n];
        for (old, &new) in self.new_of.iter().enumerate() {
            diag[new] = diagonal[old];
        }
        let floor = diag.iter().fold(0.0_f64, |m, x| m.max(x.abs())) * PIVOT_TOLERANCE;
        let mut f = Factor { l_row: vec![0; self.fill()], l_value: vec![0.0; self.fill()], d: vec![0.0; n] };
        let mut filled = vec![0usize; n];
        let (mut y, mut flag) = (vec![0.0; n], vec![NONE; n]);
        let (mut stack, mut path) = (vec![0; n], vec![0; n]);
        for k in 0..n {
            let mut top = n;
            flag[k] = k;
            for p in self.start[k]..self.start[k + 1] {
                let mut i = self.row[p];
                y[i] += upper[p];
                let mut len = 0;
                while flag[i] != k {
                    path[len] = i;
                    len += 1;
                    flag[i] = k;
                    i = self.parent[i];
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
                let begin = self.l_start[i];
                let end = begin + filled[i];
                for q in begin..end {
                    y[f.l_row[q]] -= f.l_value[q] * yi;
                }
                let l = yi / f.d[i];
                dk -= l * yi;
                f.l_row[end] = k;
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
            x[new] = b[old];
        }
        for k in 0..n {
            let xk = x[k];
            if xk != 0.0 {
                for q in self.l_start[k]..self.l_start[k + 1] {
                    x[f.l_row[q]] -= f.l_value[q] * xk;
                }
            }
        }
        for k in (0..n).rev() {
            let mut xk = x[k] / f.d[k];
            for q in self.l_start[k]..self.l_start[k + 1] {
                xk -= f.l_value[q] * x[f.l_row[q]];
            }
            x[k] = xk;
        }
        for (old, &new) in self.new_of.iter().enumerate() {
            b[old] = x[new];
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

    proptest! {
        #[test]
        fn solving_undoes_multiplying(n in 1usize..30, seed in proptest::collection::vec((0usize..30, 0usize..30, -2.0f64..2.0), 0..80), x in proptest::collection::vec(-5.0f64..5.0, 30)) {
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
            p.solve(&f, &mut b);
            for i in 0..n {
                prop_assert!((b[i] - x[i]).abs() < 1e-8, "{} {}", b[i], x[i]);
            }
        }
    }
}
