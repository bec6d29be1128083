//! A fill-reducing order: approximate minimum degree on a quotient graph.
//!
//! Eliminating variable p joins its neighbours into one element Lp = (Ap ∪ ⋃ Le over the elements e next to p) \ p. The degree of a
//! variable i in Lp is bounded by |Ai \ i| + |Lp \ i| + Σ |Le \ Lp| over its other elements e, counted with the sizes of
//! variables that have become indistinguishable. Ties go to the variable that came last into its degree list, which the data alone
//! decides. Source: Amestoy, Davis, Duff, "An Approximate Minimum Degree Ordering Algorithm", SIAM J. Matrix Anal. Appl. 17(4), 1996,
//! DOI 10.1137/S0895479894278952.

const NONE: u32 = u32::MAX;

/// Order in which to eliminate the vertices of an undirected graph so that little fill appears: entry k is the vertex eliminated k-th.
/// Repeated edges and self-loops are allowed.
pub fn minimum_degree(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let mut graph = Quotient::new(n, edges);
    let mut order = Vec::with_capacity(n);
    while order.len() < n {
        let pivot = graph.take_smallest();
        let weight = graph.size[pivot];
        graph.form_element(pivot);
        graph.weigh_elements(pivot);
        graph.prune(pivot);
        graph.merge_twins();
        graph.close_element(pivot, n - order.len() - weight as usize);
        let mut v = pivot as u32;
        while v != NONE {
            order.push(v);
            v = graph.member_next[v as usize];
        }
    }
    order
}

/// Variables not yet eliminated, and elements that stand for the cliques of those that were.
struct Quotient {
    /// Neighbours of a variable: `n_elements` elements, then variables, `len` in all from `start`.
    adjacent: Vec<u32>,
    start: Vec<u32>,
    n_elements: Vec<u32>,
    len: Vec<u32>,
    /// Variables of each living element, within `pool`.
    pool: Vec<u32>,
    element: Vec<(u32, u32)>,
    /// Weighted size of each element; 0 when it was absorbed.
    element_size: Vec<u32>,
    /// Number of vertices a variable stands for; 0 once it is eliminated or merged.
    size: Vec<u32>,
    degree: Vec<u32>,
    head: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
    smallest: usize,
    /// Vertices merged into a variable, as a list that it starts.
    member_next: Vec<u32>,
    member_last: Vec<u32>,
    /// Equal to `stamp` for variables of the present element.
    seen: Vec<u32>,
    stamp: u32,
    /// |Le \ Lp| of each element, valid where `weighed` equals `stamp`.
    outside: Vec<u32>,
    weighed: Vec<u32>,
    hashes: Vec<(u32, u32)>,
    compare: Vec<u32>,
    comparison: u32,
}

impl Quotient {
    fn new(n: usize, edges: &[(u32, u32)]) -> Quotient {
        let (start, adjacent, len) = neighbours(n, edges);
        let mut graph = Quotient {
            adjacent,
            start,
            n_elements: vec![0; n],
            degree: len.clone(),
            len,
            pool: Vec::with_capacity(4 * n),
            element: vec![(0, 0); n],
            element_size: vec![0; n],
            size: vec![1; n],
            head: vec![NONE; n],
            next: vec![NONE; n],
            previous: vec![NONE; n],
            smallest: 0,
            member_next: vec![NONE; n],
            member_last: (0..n as u32).collect(),
            seen: vec![0; n],
            stamp: 0,
            outside: vec![0; n],
            weighed: vec![0; n],
            hashes: Vec::new(),
            compare: vec![0; n],
            comparison: 0,
        };
        for v in (0..n).rev() {
            graph.list(v);
        }
        graph
    }

    fn list(&mut self, v: usize) {
        let d = self.degree[v] as usize;
        let first = self.head[d];
        (self.next[v], self.previous[v]) = (first, NONE);
        if first != NONE {
            self.previous[first as usize] = v as u32;
        }
        self.head[d] = v as u32;
        self.smallest = self.smallest.min(d);
    }

    fn unlist(&mut self, v: usize) {
        let (before, after) = (self.previous[v], self.next[v]);
        if before == NONE {
            self.head[self.degree[v] as usize] = after;
        } else {
            self.next[before as usize] = after;
        }
        if after != NONE {
            self.previous[after as usize] = before;
        }
    }

    fn take_smallest(&mut self) -> usize {
        while self.head[self.smallest] == NONE {
            self.smallest += 1;
        }
        let v = self.head[self.smallest] as usize;
        self.unlist(v);
        v
    }

    /// Collects Lp at the end of the pool and absorbs the elements it covers; `size[pivot]` becomes 0.
    fn form_element(&mut self, pivot: usize) {
        self.stamp += 1;
        let begin = self.pool.len();
        self.size[pivot] = 0;
        let (from, split) = (self.start[pivot] as usize, (self.start[pivot] + self.n_elements[pivot]) as usize);
        for a in from..split {
            let e = self.adjacent[a] as usize;
            if self.element_size[e] > 0 {
                let (first, last) = self.element[e];
                for q in first..last {
                    self.gather(self.pool[q as usize]);
                }
                self.element_size[e] = 0;
            }
        }
        for a in split..from + self.len[pivot] as usize {
            self.gather(self.adjacent[a]);
        }
        self.element[pivot] = (begin as u32, self.pool.len() as u32);
        self.element_size[pivot] = self.pool[begin..].iter().map(|&i| self.size[i as usize]).sum();
    }

    fn gather(&mut self, variable: u32) {
        let i = variable as usize;
        if self.size[i] > 0 && self.seen[i] != self.stamp {
            self.seen[i] = self.stamp;
            self.unlist(i);
            self.pool.push(variable);
        }
    }

    /// |Le \ Lp| of every element that touches Lp.
    fn weigh_elements(&mut self, pivot: usize) {
        let (first, last) = self.element[pivot];
        for q in first..last {
            let i = self.pool[q as usize] as usize;
            let from = self.start[i] as usize;
            for a in from..from + self.n_elements[i] as usize {
                let e = self.adjacent[a] as usize;
                if self.element_size[e] == 0 {
                    continue;
                }
                if self.weighed[e] != self.stamp {
                    self.weighed[e] = self.stamp;
                    self.outside[e] = self.element_size[e];
                }
                self.outside[e] -= self.size[i];
            }
        }
    }

    /// Prunes the lists of the variables of Lp, puts the new element first, bounds their degrees outside Lp and eliminates those
    /// with none.
    fn prune(&mut self, pivot: usize) {
        let (first, last) = self.element[pivot];
        let mut absorbed = 0;
        self.hashes.clear();
        for q in first..last {
            let i = self.pool[q as usize] as usize;
            let from = self.start[i] as usize;
            let (split, end) = (from + self.n_elements[i] as usize, from + self.len[i] as usize);
            let (mut kept, mut bound, mut hash) = (from, 0, 0u32);
            for a in from..split {
                let e = self.adjacent[a];
                if self.element_size[e as usize] == 0 {
                    continue;
                }
                let outside = self.outside[e as usize];
                if outside == 0 {
                    self.element_size[e as usize] = 0;
                    continue;
                }
                bound += outside;
                hash = hash.wrapping_add(e);
                self.adjacent[kept] = e;
                kept += 1;
            }
            let elements = kept - from;
            for a in split..end {
                let j = self.adjacent[a];
                if self.size[j as usize] > 0 && self.seen[j as usize] != self.stamp {
                    bound += self.size[j as usize];
                    hash = hash.wrapping_add(j);
                    self.adjacent[kept] = j;
                    kept += 1;
                }
            }
            if bound == 0 {
                absorbed += self.size[i];
                self.merge(pivot, i);
                continue;
            }
            self.insert_element(i, pivot as u32, elements, kept - from);
            self.degree[i] = self.degree[i].min(bound);
            self.hashes.push((hash, i as u32));
        }
        self.element_size[pivot] -= absorbed;
    }

    /// Writes `element` before the kept entries of variable i; the first kept variable and element move to the ends of their parts.
    /// There is room: the pivot, or an element absorbed into the new one, has left the list.
    fn insert_element(&mut self, i: usize, element: u32, elements: usize, kept: usize) {
        let from = self.start[i] as usize;
        self.adjacent[from + kept] = self.adjacent[from + elements];
        self.adjacent[from + elements] = self.adjacent[from];
        self.adjacent[from] = element;
        self.n_elements[i] = elements as u32 + 1;
        self.len[i] = kept as u32 + 1;
    }

    /// Merges variables of Lp that have the same neighbours.
    fn merge_twins(&mut self) {
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.sort_unstable();
        for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|g| g.len() > 1) {
            for (k, &(_, i)) in group.iter().enumerate() {
                let i = i as usize;
                if self.size[i] == 0 {
                    continue;
                }
                self.comparison += 1;
                let from = self.start[i] as usize;
                for a in from..from + self.len[i] as usize {
                    self.compare[self.adjacent[a] as usize] = self.comparison;
                }
                for &(_, j) in &group[k + 1..] {
                    let j = j as usize;
                    let at = self.start[j] as usize;
                    let same = self.size[j] > 0
                        && self.len[j] == self.len[i]
                        && self.n_elements[j] == self.n_elements[i]
                        && (at..at + self.len[j] as usize).all(|a| self.compare[self.adjacent[a] as usize] == self.comparison);
                    if same {
                        let size = self.size[j];
                        self.merge(i, j);
                        self.size[i] += size;
                    }
                }
            }
        }
        self.hashes = hashes;
    }

    /// Appends the vertices of `j` to those of `i`.
    fn merge(&mut self, i: usize, j: usize) {
        self.size[j] = 0;
        self.member_next[self.member_last[i] as usize] = j as u32;
        self.member_last[i] = self.member_last[j];
    }

    /// Drops merged variables from Lp and lists the others by their degrees, Lp included; `left` vertices are not yet eliminated.
    fn close_element(&mut self, pivot: usize, left: usize) {
        let (first, last) = self.element[pivot];
        let mut kept = first;
        for q in first..last {
            let i = self.pool[q as usize] as usize;
            if self.size[i] > 0 {
                self.pool[kept as usize] = i as u32;
                kept += 1;
                let others = self.element_size[pivot] - self.size[i];
                self.degree[i] = (self.degree[i] + others).min(left as u32 - self.size[i]);
                self.list(i);
            }
        }
        self.pool.truncate(kept as usize);
        self.element[pivot].1 = kept;
    }
}

/// Neighbour lists without repeats: starts, entries and lengths.
fn neighbours(n: usize, edges: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let mut start = vec![0u32; n + 1];
    for &(a, b) in edges.iter().filter(|(a, b)| a != b) {
        start[a as usize + 1] += 1;
        start[b as usize + 1] += 1;
    }
    for v in 0..n {
        start[v + 1] += start[v];
    }
    let mut fill = start.clone();
    let mut list = vec![0u32; start[n] as usize];
    for &(a, b) in edges.iter().filter(|(a, b)| a != b) {
        for (v, w) in [(a, b), (b, a)] {
            list[fill[v as usize] as usize] = w;
            fill[v as usize] += 1;
        }
    }
    let mut last_seen = vec![NONE; n];
    let mut len = vec![0u32; n];
    for v in 0..n {
        let begin = start[v] as usize;
        for a in begin..start[v + 1] as usize {
            let w = list[a];
            if last_seen[w as usize] != v as u32 {
                last_seen[w as usize] = v as u32;
                list[begin + len[v] as usize] = w;
                len[v] += 1;
            }
        }
    }
    start.truncate(n);
    (start, list, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Off-diagonal entries of the factor under an order, by eliminating on sets.
    fn fill(n: usize, edges: &[(u32, u32)], order: &[u32]) -> usize {
        let mut around = vec![std::collections::BTreeSet::new(); n];
        for &(a, b) in edges.iter().filter(|(a, b)| a != b) {
            around[a as usize].insert(b);
            around[b as usize].insert(a);
        }
        let mut total = 0;
        for &v in order {
            let next = std::mem::take(&mut around[v as usize]);
            total += next.len();
            for &a in &next {
                around[a as usize].remove(&v);
                around[a as usize].extend(next.iter().copied().filter(|&b| b != a));
            }
        }
        total
    }

    #[test]
    fn a_tree_has_no_fill() {
        let edges: Vec<(u32, u32)> = (1..40).map(|v| (v, (v - 1) / 3)).collect();
        assert_eq!(fill(40, &edges, &minimum_degree(40, &edges)), 39);
    }

    #[test]
    fn a_star_is_eliminated_from_its_leaves() {
        let edges: Vec<(u32, u32)> = (1..10).map(|v| (0, v)).collect();
        let order = minimum_degree(10, &edges);
        assert!(order[..8].iter().all(|&v| v != 0));
    }

    #[test]
    fn a_grid_fills_much_less_than_in_natural_order() {
        let at = |r: u32, c: u32| r * 20 + c;
        let mut edges = Vec::new();
        for r in 0..20 {
            for c in 0..19 {
                edges.push((at(r, c), at(r, c + 1)));
                edges.push((at(c, r), at(c + 1, r)));
            }
        }
        let natural: Vec<u32> = (0..400).collect();
        let (by_degree, by_index) = (fill(400, &edges, &minimum_degree(400, &edges)), fill(400, &edges, &natural));
        assert!(2 * by_degree < by_index, "{by_degree} {by_index}");
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation(n in 1usize..60, seed in proptest::collection::vec((0u32..60, 0u32..60), 0..200)) {
            let edges: Vec<(u32, u32)> = seed.iter().map(|&(a, b)| (a % n as u32, b % n as u32)).collect();
            let mut order = minimum_degree(n, &edges);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n as u32).collect::<Vec<_>>());
        }
    }
}
