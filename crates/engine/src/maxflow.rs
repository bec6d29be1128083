//! Maximum flow on small directed networks with integer capacities: exact, finite, and the same on every machine.
//!
//! Source: Dinic, "Algorithm for solution of a problem of maximum flow in networks with power estimation",
//! Soviet Math. Dokl. 11, 1970. At most n phases of blocking flow.

use std::sync::Arc;

/// A network that is built once and refilled for every solve; copies share the topology.
#[derive(Debug, Clone, Default)]
pub struct FlowNetwork {
    head: Arc<Vec<Vec<u32>>>,
    to: Arc<Vec<u32>>,
    capacity: Vec<i64>,
    level: Vec<u32>,
    next: Vec<usize>,
}

/// An arc of a [`FlowNetwork`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge(u32);

const UNREACHED: u32 = u32::MAX;

impl FlowNetwork {
    /// A network of `n` nodes without arcs.
    pub fn new(n: usize) -> Self {
        FlowNetwork { head: Arc::new(vec![Vec::new(); n]), ..FlowNetwork::default() }
    }

    /// Adds an arc with zero capacity.
    pub fn add(&mut self, from: usize, to: usize) -> Edge {
        let arc = Edge(self.to.len() as u32);
        let head = Arc::make_mut(&mut self.head);
        head[from].push(arc.0);
        head[to].push(arc.0 + 1);
        Arc::make_mut(&mut self.to).extend([to as u32, from as u32]);
        self.capacity.extend([0, 0]);
        arc
    }

    /// Sets capacities in both directions and forgets any flow on the arc.
    pub fn set(&mut self, arc: Edge, capacity: i64, reverse: i64) {
        self.capacity[arc.0 as usize] = capacity.max(0);
        self.capacity[arc.0 as usize + 1] = reverse.max(0);
    }

    /// Takes away the forward capacity that is left; the flow stays.
    pub fn close(&mut self, arc: Edge) {
        self.capacity[arc.0 as usize] = 0;
    }

    /// Forward capacity left.
    pub fn left(&self, arc: Edge) -> i64 {
        self.capacity[arc.0 as usize]
    }

    /// Capacity of the reverse arc: the flow pushed, where the reverse was set to zero.
    pub fn back(&self, arc: Edge) -> i64 {
        self.capacity[arc.0 as usize + 1]
    }

    /// Pushes as much more as possible from `s` to `t`; returns the amount. Flow on arcs out of `s` or into `t` never falls.
    pub fn augment(&mut self, s: usize, t: usize) -> i64 {
        let mut total = 0;
        while self.search(s, t) {
            self.next.clear();
            self.next.resize(self.head.len(), 0);
            loop {
                let pushed = self.push(s, t, i64::MAX);
                if pushed == 0 {
                    break;
                }
                total += pushed;
            }
        }
        total
    }

    /// After [`FlowNetwork::augment`]: true for nodes on the source side of a minimum cut.
    pub fn source_side(&self, node: usize) -> bool {
        self.level[node] != UNREACHED
    }

    fn search(&mut self, s: usize, t: usize) -> bool {
        self.level.clear();
        self.level.resize(self.head.len(), UNREACHED);
        self.level[s] = 0;
        let mut queue = Vec::with_capacity(self.head.len());
        queue.push(s);
        let mut i = 0;
        while i < queue.len() {
            let v = queue[i];
            i += 1;
            for &e in &self.head[v] {
                let w = self.to[e as usize] as usize;
                if self.capacity[e as usize] > 0 && self.level[w] == UNREACHED {
                    self.level[w] = self.level[v] + 1;
                    if w == t {
                        // Nodes as far as the target lie on no shortest way to it.
                        return true;
                    }
                    queue.push(w);
                }
            }
        }
        false
    }

    fn push(&mut self, v: usize, t: usize, limit: i64) -> i64 {
        if v == t {
            return limit;
        }
        while self.next[v] < self.head[v].len() {
            let e = self.head[v][self.next[v]] as usize;
            let w = self.to[e] as usize;
            if self.capacity[e] > 0 && self.level[w] == self.level[v] + 1 {
                let pushed = self.push(w, t, limit.min(self.capacity[e]));
                if pushed > 0 {
                    self.capacity[e] -= pushed;
                    self.capacity[e ^ 1] += pushed;
                    return pushed;
                }
            }
            self.next[v] += 1;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_textbook_network_carries_23() {
        // Cormen et al., figure 26.1.
        let mut g = FlowNetwork::new(6);
        for (a, b, c) in [(0, 1, 16), (0, 2, 13), (1, 3, 12), (2, 1, 4), (2, 4, 14), (3, 2, 9), (3, 5, 20), (4, 3, 7), (4, 5, 4)] {
            let e = g.add(a, b);
            g.set(e, c, 0);
        }
        assert_eq!(g.augment(0, 5), 23);
        assert_eq!(g.augment(0, 5), 0);
    }

    proptest! {
        #[test]
        fn flow_equals_the_cut_it_reports(arcs in proptest::collection::vec((0usize..7, 0usize..7, 0i64..20), 1..40)) {
            let mut g = FlowNetwork::new(7);
            let made: Vec<_> = arcs.iter().filter(|(a, b, _)| a != b).map(|&(a, b, c)| { let e = g.add(a, b); g.set(e, c, 0); (a, b, c) }).collect();
            let flow = g.augment(0, 6);
            let cut: i64 = made.iter().filter(|&&(a, b, _)| g.source_side(a) && !g.source_side(b)).map(|x| x.2).sum();
            prop_assert_eq!(flow, cut);
        }
    }
}
