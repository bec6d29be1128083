//! Sea freight: flows between ports over lanes and passages; detours, waiting, queues.
//!
//! A flow takes the shortest open route. Where its route is closed it waits if the way round takes longer than the closure
//! still lasts, and goes round otherwise. A port that works in part passes that part. Blocked freight is a backlog; each
//! tonne-day of delay counts once, whether spent in a queue or on a detour.

use std::collections::BTreeMap;

use crate::routing::{Graph, Tree, UNREACHED};

/// Mean speed of laden cargo ships, km/d (13 knots).
pub const SHIP_KM_PER_DAY: f64 = 13.0 * 1.852 * 24.0;

/// Lanes, passages, ports and flows.
#[derive(Debug, Clone)]
pub struct Sea {
    graph: Graph,
    lane_passage: Vec<Option<usize>>,
    /// Zone of each port.
    pub port_zone: Vec<usize>,
    /// Node of each port.
    port_node: Vec<usize>,
    /// Spare share of throughput of each port.
    pub port_surge: Vec<f64>,
    /// Capacity of each passage, kt/d; infinite when unlimited.
    passage_capacity: Vec<f64>,
    /// Flows: port, port, kt/d.
    pub flows: Vec<(usize, usize, f64)>,
    base_distance: Vec<u32>,
    /// Lanes of each flow's base route.
    route: Vec<Vec<u32>>,
    flows_by_lane: Vec<Vec<u32>>,
    flows_by_port: Vec<Vec<u32>>,
    passage_flow: Vec<f64>,
    n_zones: usize,
}

/// Shares in service, and when closed passages open again.
#[derive(Debug, Clone, PartialEq)]
pub struct SeaState {
    /// Lanes.
    pub lane: Vec<f64>,
    /// Passages.
    pub passage: Vec<f64>,
    /// Ports.
    pub port: Vec<f64>,
    /// Hours until each passage reopens, as announced; infinite when unknown.
    pub reopen_h: Vec<f64>,
}

/// One instant's answer, by zone.
#[derive(Debug, Clone, PartialEq)]
pub struct SeaFlow {
    /// Freight that cannot move, kt/d.
    pub blocked: Vec<f64>,
    /// Delay on detours: kt/d times days, kt·d per day.
    pub delay: Vec<f64>,
    /// Share of each flow that moves (1 for untouched flows).
    pub moving: Vec<(u32, f64)>,
}

impl Sea {
    /// Builds and routes every flow on the intact network.
    pub fn new(
        n_nodes: usize,
        lanes: &[(usize, usize, f64)],
        lane_passage: Vec<Option<usize>>,
        ports: &[(usize, usize, f64)],
        passage_capacity: Vec<f64>,
        flows: Vec<(usize, usize, f64)>,
        n_zones: usize,
    ) -> Sea {
        let edges: Vec<(usize, usize, u32)> = lanes.iter().map(|l| (l.0, l.1, (l.2 * 10.0).round().max(1.0) as u32)).collect();
        let mut sea = Sea {
            graph: Graph::new(n_nodes, &edges),
            port_zone: ports.iter().map(|p| p.1).collect(),
            port_node: ports.iter().map(|p| p.0).collect(),
            port_surge: ports.iter().map(|p| p.2).collect(),
            flows_by_lane: vec![Vec::new(); lanes.len()],
            flows_by_port: vec![Vec::new(); ports.len()],
            passage_flow: vec![0.0; passage_capacity.len()],
            base_distance: Vec::new(),
            route: Vec::new(),
            lane_passage,
            passage_capacity,
            flows,
            n_zones,
        };
        sea.route_all(lanes.len());
        sea
    }

    fn route_all(&mut self, n_lanes: usize) {
        let mut tree: Option<(usize, Tree)> = None;
        for f in 0..self.flows.len() {
            let (a, b, kt) = self.flows[f];
            if tree.as_ref().is_none_or(|t| t.0 != a) {
                tree = Some((a, self.graph.tree(self.port_node[a], |_| true)));
            }
            let Some((_, t)) = &tree else { continue };
            let to = self.port_node[b];
            let path = t.path(to);
            self.base_distance.push(t.distance[to]);
            let mut passages: Vec<usize> = path.iter().filter_map(|&e| self.lane_passage[e as usize]).collect();
            passages.sort_unstable();
            passages.dedup();
            for p in passages {
                self.passage_flow[p] += kt;
            }
            for &e in &path {
                debug_assert!((e as usize) < n_lanes);
                self.flows_by_lane[e as usize].push(f as u32);
            }
            self.flows_by_port[a].push(f as u32);
            self.flows_by_port[b].push(f as u32);
            self.route.push(path);
        }
    }

    /// Freight through a passage on the intact network, kt/d.
    pub fn passage_flow(&self, passage: usize) -> f64 {
        self.passage_flow[passage]
    }

    /// Freight through a port, kt/d.
    pub fn port_flow(&self, port: usize) -> f64 {
        self.flows_by_port[port].iter().map(|&f| self.flows[f as usize].2).sum()
    }

    /// Flows whose base route runs through a passage.
    pub fn flows_through_passage(&self, passage: usize) -> Vec<usize> {
        (0..self.flows.len()).filter(|&f| self.route[f].iter().any(|&e| self.lane_passage[e as usize] == Some(passage))).collect()
    }

    /// Flows with an end at a port.
    pub fn flows_at_port(&self, port: usize) -> Vec<usize> {
        self.flows_by_port[port].iter().map(|&f| f as usize).collect()
    }

    /// Freight over a lane, kt/d.
    pub fn lane_flow(&self, lane: usize) -> f64 {
        self.flows_by_lane[lane].iter().map(|&f| self.flows[f as usize].2).sum()
    }

    /// Zones that a flow serves (gates excluded by the caller) with their weights.
    pub fn ends(&self, flow: usize) -> [usize; 2] {
        let (a, b, _) = self.flows[flow];
        [self.port_zone[a], self.port_zone[b]]
    }

    /// The state in which everything works.
    pub fn intact(&self) -> SeaState {
        SeaState {
            lane: vec![1.0; self.lane_passage.len()],
            passage: vec![1.0; self.passage_capacity.len()],
            port: vec![1.0; self.port_node.len()],
            reopen_h: vec![f64::INFINITY; self.passage_capacity.len()],
        }
    }

    /// Solves one instant.
    pub fn solve(&self, state: &SeaState) -> SeaFlow {
        let mut touched: Vec<u32> = Vec::new();
        for (e, &s) in state.lane.iter().enumerate() {
            if s <= 0.0 || self.lane_passage[e].is_some_and(|p| state.passage[p] < 1.0) {
                touched.extend(&self.flows_by_lane[e]);
            }
        }
        for (p, &s) in state.port.iter().enumerate() {
            if s < 1.0 {
                touched.extend(&self.flows_by_port[p]);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let mut out =
            SeaFlow { blocked: vec![0.0; self.n_zones], delay: vec![0.0; self.n_zones], moving: Vec::with_capacity(touched.len()) };
        let open = |e: usize| state.lane[e] > 0.0 && self.lane_passage[e].is_none_or(|p| state.passage[p] > 0.0);
        let round = self.ways_round(&touched, state, &open);
        for f in touched {
            let (a, b, kt) = self.flows[f as usize];
            let through_ports = state.port[a].min(state.port[b]);
            let (through_passages, wait_h) = self.passage_share(f as usize, state);
            let route_closed = self.route[f as usize].iter().any(|&e| !open(e as usize));
            let diverted = if route_closed { 1.0 } else { 1.0 - through_passages };
            let (mut moving, mut delay) = (through_ports * (1.0 - diverted), 0.0);
            if diverted > 0.0 && through_ports > 0.0 {
                let round = round.get(&f).copied().unwrap_or(UNREACHED);
                if round != UNREACHED {
                    let days = f64::from(round.saturating_sub(self.base_distance[f as usize])) / 10.0 / SHIP_KM_PER_DAY;
                    if days * 24.0 <= wait_h {
                        moving += through_ports * diverted;
                        delay = kt * through_ports * diverted * days;
                    }
                }
            }
            for z in self.ends(f as usize) {
                out.blocked[z] += kt * (1.0 - moving) / 2.0;
                out.delay[z] += delay / 2.0;
            }
            out.moving.push((f, moving));
        }
        out
    }

    /// Distance of each touched flow over open lanes. Trees grow from the port with most of the flows still open, so that a
    /// lane near a port needs one tree and not one a partner.
    fn ways_round(&self, touched: &[u32], state: &SeaState, open: &dyn Fn(usize) -> bool) -> BTreeMap<u32, u32> {
        let free = |e: usize| open(e) && self.lane_passage[e].is_none_or(|p| state.passage[p] >= 1.0);
        let mut left: Vec<u32> = touched.iter().copied().filter(|&f| self.route[f as usize].iter().any(|&e| !free(e as usize))).collect();
        let mut out = BTreeMap::new();
        while !left.is_empty() {
            let mut count: BTreeMap<usize, usize> = BTreeMap::new();
            for &f in &left {
                let (a, b, _) = self.flows[f as usize];
                *count.entry(a).or_default() += 1;
                *count.entry(b).or_default() += 1;
            }
            let Some((&root, _)) = count.iter().max_by_key(|(port, n)| (**n, std::cmp::Reverse(**port))) else { break };
            let tree = self.graph.tree(self.port_node[root], free);
            left.retain(|&f| {
                let (a, b, _) = self.flows[f as usize];
                let other = if a == root {
                    b
                } else if b == root {
                    a
                } else {
                    return true;
                };
                out.insert(f, tree.distance[self.port_node[other]]);
                false
            });
        }
        out
    }

    /// Share of a flow that its passages still let through, and the longest wait for one that is shut.
    fn passage_share(&self, flow: usize, state: &SeaState) -> (f64, f64) {
        let (mut share, mut wait) = (1.0_f64, 0.0_f64);
        let mut shut = false;
        for &e in &self.route[flow] {
            let Some(p) = self.lane_passage[e as usize] else { continue };
            if state.passage[p] < 1.0 {
                shut = true;
                wait = wait.max(state.reopen_h[p]);
                let room = self.passage_capacity[p] * state.passage[p] / self.passage_flow[p].max(1e-9);
                share = share.min(if self.passage_capacity[p].is_finite() { room.min(1.0) } else { state.passage[p] });
            }
        }
        (share, if shut { wait } else { f64::INFINITY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ports joined by a canal of 1,000 km and a way round of 4,000 km.
    fn canal() -> Sea {
        Sea::new(2, &[(0, 1, 1000.0), (0, 1, 4000.0)], vec![Some(0), None], &[(0, 0, 0.2), (1, 1, 0.2)], vec![100.0], vec![(0, 1, 10.0)], 2)
    }

    #[test]
    fn a_long_closure_sends_ships_round_and_a_short_one_lets_them_wait() {
        let sea = canal();
        let mut s = sea.intact();
        s.passage[0] = 0.0;
        s.reopen_h[0] = 1000.0;
        let round = sea.solve(&s);
        assert_eq!(round.blocked, vec![0.0, 0.0]);
        assert!((round.delay[0] - 10.0 / 2.0 * 3000.0 / SHIP_KM_PER_DAY).abs() < 1e-9);
        s.reopen_h[0] = 24.0;
        let wait = sea.solve(&s);
        assert_eq!(wait.blocked, vec![5.0, 5.0]);
        assert_eq!(sea.solve(&sea.intact()).blocked, vec![0.0, 0.0]);
    }

    #[test]
    fn a_port_at_half_passes_half() {
        let sea = canal();
        let mut s = sea.intact();
        s.port[1] = 0.5;
        assert_eq!(sea.solve(&s).blocked, vec![2.5, 2.5]);
    }
}
