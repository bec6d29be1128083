//! Shortest paths on an undirected graph with integer lengths, so that ties and sums are exact.
//!
//! Source: Dijkstra, "A note on two problems in connexion with graphs", Numer. Math. 1, 1959, DOI 10.1007/BF01386390.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Compressed adjacency.
#[derive(Debug, Clone)]
pub struct Graph {
    start: Vec<u32>,
    /// Neighbour, edge, length.
    arc: Vec<(u32, u32, u32)>,
}

/// Shortest-path tree from one node.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Distance to each node; [`UNREACHED`] where there is none.
    pub distance: Vec<u32>,
    /// Node before, and the edge to it.
    before: Vec<(u32, u32)>,
}

/// Distance of a node that cannot be reached.
pub const UNREACHED: u32 = u32::MAX;

impl Graph {
    /// Builds from edges (a, b, length).
    pub fn new(n: usize, edges: &[(usize, usize, u32)]) -> Graph {
        let mut start = vec![0u32; n + 1];
        for &(a, b, _) in edges {
            start[a + 1] += 1;
            start[b + 1] += 1;
        }
        for i in 0..n {
            start[i + 1] += start[i];
        }
        let mut fill = start.clone();
        let mut arc = vec![(0, 0, 0); edges.len() * 2];
        for (e, &(a, b, w)) in edges.iter().enumerate() {
            for (from, to) in [(a, b), (b, a)] {
                arc[fill[from] as usize] = (to as u32, e as u32, w);
                fill[from] += 1;
            }
        }
        Graph { start, arc }
    }

    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.start.len() - 1
    }

    /// Neighbours of a node as (node, edge).
    pub fn neighbours(&self, node: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.arc[self.start[node] as usize..self.start[node + 1] as usize].iter().map(|&(n, e, _)| (n as usize, e as usize))
    }

    /// Tree from `source` over edges for which `open` holds. Equal distances keep the lower (node, edge).
    pub fn tree(&self, source: usize, open: impl Fn(usize) -> bool) -> Tree {
        let n = self.n_nodes();
        let mut t = Tree { distance: vec![UNREACHED; n], before: vec![(u32::MAX, u32::MAX); n] };
        t.distance[source] = 0;
        let mut heap = BinaryHeap::from([Reverse((0u32, source as u32))]);
        while let Some(Reverse((d, v))) = heap.pop() {
            if d > t.distance[v as usize] {
                continue;
            }
            for &(w, e, length) in &self.arc[self.start[v as usize] as usize..self.start[v as usize + 1] as usize] {
                let to = d.saturating_add(length);
                let known = t.distance[w as usize];
                if to < known && open(e as usize) {
                    t.distance[w as usize] = to;
                    t.before[w as usize] = (v, e);
                    heap.push(Reverse((to, w)));
                }
            }
        }
        t
    }

    /// Shortest path from `source` to `target` over edges for which `open` holds: its length, and its edges from the target back.
    /// `bound` is a lower bound of the distance of each node to the target, such as its distance in the whole graph: with it
    /// the search hardly leaves the path (Hart, Nilsson, Raphael 1968, DOI 10.1109/TSSC.1968.300136).
    pub fn path(&self, source: usize, target: usize, bound: &[u32], open: impl Fn(usize) -> bool) -> Option<(u32, Vec<u32>)> {
        if bound[source] == UNREACHED {
            return None;
        }
        let n = self.n_nodes();
        let mut t = Tree { distance: vec![UNREACHED; n], before: vec![(u32::MAX, u32::MAX); n] };
        t.distance[source] = 0;
        let mut heap = BinaryHeap::from([Reverse((bound[source], source as u32))]);
        while let Some(Reverse((f, v))) = heap.pop() {
            let d = t.distance[v as usize];
            if v as usize == target {
                return Some((d, t.path(target)));
            }
            if f > d.saturating_add(bound[v as usize]) {
                continue;
            }
            for &(w, e, length) in &self.arc[self.start[v as usize] as usize..self.start[v as usize + 1] as usize] {
                let to = d.saturating_add(length);
                if to < t.distance[w as usize] && bound[w as usize] != UNREACHED && open(e as usize) {
                    t.distance[w as usize] = to;
                    t.before[w as usize] = (v, e);
                    heap.push(Reverse((to.saturating_add(bound[w as usize]), w)));
                }
            }
        }
        None
    }
}

impl Tree {
    /// Edges from `target` back to the source; empty when unreached or the source itself.
    pub fn path(&self, target: usize) -> Vec<u32> {
        let mut out = Vec::new();
        let mut v = target;
        while self.before[v].1 != u32::MAX {
            out.push(self.before[v].1);
            v = self.before[v].0 as usize;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_guided_search_finds_the_length_of_the_tree(
            edges in proptest::collection::vec((0usize..12, 0usize..12, 1u32..50), 0..40),
            closed in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let g = Graph::new(12, &edges);
            for target in 0..12 {
                let bound = g.tree(target, |_| true).distance;
                let truth = g.tree(target, |e| !closed[e]);
                for source in 0..12 {
                    let found = g.path(source, target, &bound, |e| !closed[e]);
                    prop_assert_eq!(found.as_ref().map_or(UNREACHED, |p| p.0), truth.distance[source]);
                    if let Some((length, path)) = found {
                        prop_assert_eq!(path.iter().map(|&e| edges[e as usize].2).sum::<u32>(), length);
                        prop_assert!(path.iter().all(|&e| !closed[e as usize]));
                    }
                }
            }
        }
    }
}
