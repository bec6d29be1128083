//! Data: traffic between metros routed over surviving capacity, shortest way first, then spread.

use crate::routing::Graph;

/// Light in fibre, km per ms.
pub const FIBRE_KM_PER_MS: f64 = 200.0;
/// Ways that one flow may be split over.
const MAX_WAYS: usize = 4;
/// Traffic below this (Gbit/s) counts as none.
const EPS: f64 = 1e-6;

/// Nodes, links and flows.
#[derive(Debug, Clone)]
pub struct Data {
    graph: Graph,
    /// Distance of every node to each node on the intact network.
    distance_to: Vec<Vec<u32>>,
    ends: Vec<(usize, usize)>,
    capacity: Vec<f64>,
    /// Zone of each node.
    pub zone: Vec<usize>,
    /// People connected to each node, or what stands for them; none at exchanges and landings.
    people: Vec<f64>,
    /// Flows: node, node, Gbit/s; sorted by first node.
    pub flows: Vec<(usize, usize, f64)>,
    /// Base ways of each flow: share of the flow and links.
    ways: Vec<Vec<(f64, Vec<u32>)>>,
    base_distance: Vec<u32>,
    base_load: Vec<f64>,
    flows_by_link: Vec<Vec<u32>>,
    flows_by_node: Vec<Vec<u32>>,
    node_total: Vec<f64>,
    n_zones: usize,
    /// Traffic with an end in each zone, Gbit/s.
    pub demand: Vec<f64>,
}

/// Shares in service.
#[derive(Debug, Clone, PartialEq)]
pub struct DataState {
    /// Nodes.
    pub node: Vec<f64>,
    /// Links.
    pub link: Vec<f64>,
}

/// One instant's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFlow {
    /// Traffic lost by zone of either end (half each), Gbit/s.
    pub lost: Vec<f64>,
    /// Share of the zone's people with service: metros weighted by the people of their catchments.
    pub served: Vec<f64>,
    /// Served share at each node.
    pub node_served: Vec<f64>,
    /// Added latency of rerouted traffic, ms times Gbit/s, by zone.
    pub added_latency: Vec<f64>,
}

impl Data {
    /// Builds and routes all flows on the intact network. Nodes are (zone, people), links (node, node, km, Gbit/s).
    /// The traffic of a metro stands for its people in a zone where none are known.
    pub fn new(
        nodes: &[(usize, Option<f64>)],
        links: &[(usize, usize, f64, f64)],
        mut flows: Vec<(usize, usize, f64)>,
        n_zones: usize,
    ) -> Data {
        flows.sort_by_key(|f| (f.0, f.1));
        let edges: Vec<(usize, usize, u32)> = links.iter().map(|l| (l.0, l.1, (l.2 * 10.0).round().max(1.0) as u32)).collect();
        let zone: Vec<usize> = nodes.iter().map(|n| n.0).collect();
        let n = zone.len();
        let mut demand = vec![0.0; n_zones];
        let mut flows_by_node = vec![Vec::new(); n];
        for (k, f) in flows.iter().enumerate() {
            for end in [f.0, f.1] {
                demand[zone[end]] += f.2 / 2.0;
                flows_by_node[end].push(k as u32);
            }
        }
        let mut data = Data {
            graph: Graph::new(n, &edges),
            ends: links.iter().map(|l| (l.0, l.1)).collect(),
            capacity: links.iter().map(|l| l.3).collect(),
            distance_to: Vec::new(),
            ways: Vec::new(),
            base_distance: Vec::new(),
            base_load: vec![0.0; links.len()],
            flows_by_link: vec![Vec::new(); links.len()],
            node_total: flows_by_node.iter().map(|f: &Vec<u32>| f.iter().map(|&k| flows[k as usize].2).sum()).collect(),
            flows_by_node,
            people: Vec::new(),
            zone,
            flows,
            n_zones,
            demand,
        };
        data.distance_to = (0..n).map(|node| data.graph.tree(node, |_| true).distance).collect();
        data.people = data.people_of(nodes);
        data.route_base();
        data
    }

    fn people_of(&self, nodes: &[(usize, Option<f64>)]) -> Vec<f64> {
        let mut known = vec![0.0; self.n_zones];
        for (zone, people) in nodes {
            known[*zone] += people.unwrap_or(0.0);
        }
        let of = |(n, (zone, people)): (usize, &(usize, Option<f64>))| match people {
            Some(people) if known[*zone] > 0.0 => *people,
            Some(_) => self.node_total[n],
            None => 0.0,
        };
        nodes.iter().enumerate().map(of).collect()
    }

    fn route_base(&mut self) {
        let all: Vec<(u32, f64)> = self.flows.iter().enumerate().map(|(k, f)| (k as u32, f.2)).collect();
        let mut residual = self.capacity.clone();
        let routed = self.route(&all, &mut residual, &|_| true);
        for (k, ways) in routed.into_iter().enumerate() {
            let total = self.flows[k].2.max(EPS);
            self.base_distance.push(ways.iter().map(|w| w.2).max().unwrap_or(0));
            for (amount, links, _) in &ways {
                for &e in links {
                    self.base_load[e as usize] += amount;
                    if self.flows_by_link[e as usize].last() != Some(&(k as u32)) {
                        self.flows_by_link[e as usize].push(k as u32);
                    }
                }
            }
            self.ways.push(ways.into_iter().map(|(a, links, _)| (a / total, links)).collect());
        }
    }

    /// Routes amounts in order over residual capacity; returns for each the ways taken as (amount, links, distance).
    fn route(&self, amounts: &[(u32, f64)], residual: &mut [f64], open: &dyn Fn(usize) -> bool) -> Vec<Vec<(f64, Vec<u32>, u32)>> {
        let mut out = Vec::with_capacity(amounts.len());
        for &(k, amount) in amounts {
            let (a, b, _) = self.flows[k as usize];
            let (mut left, mut ways) = (amount, Vec::new());
            for _ in 0..MAX_WAYS {
                if left <= EPS {
                    break;
                }
                let way = self.graph.path(a, b, &self.distance_to[b], |e| residual[e] > EPS && open(e));
                let Some((distance, path)) = way else { break };
                let room = path.iter().map(|&e| residual[e as usize]).fold(f64::INFINITY, f64::min);
                let sent = left.min(room);
                for &e in &path {
                    residual[e as usize] -= sent;
                }
                ways.push((sent, path, distance));
                left -= sent;
            }
            out.push(ways);
        }
        out
    }

    /// Traffic over a link on the intact network, Gbit/s.
    pub fn link_flow(&self, link: usize) -> f64 {
        self.base_load[link]
    }

    /// Flows over a link on the intact network: (node, node, Gbit/s on this link).
    pub fn flows_over_link(&self, link: usize) -> Vec<(usize, usize, f64)> {
        let on = |k: u32| self.ways[k as usize].iter().filter(|w| w.1.contains(&(link as u32))).map(|w| w.0).sum::<f64>();
        self.flows_by_link[link]
            .iter()
            .map(|&k| {
                let f = self.flows[k as usize];
                (f.0, f.1, f.2 * on(k))
            })
            .collect()
    }

    /// Traffic with an end at a node, Gbit/s.
    pub fn node_flow(&self, node: usize) -> f64 {
        self.node_total[node]
    }

    /// The state in which everything works.
    pub fn intact(&self) -> DataState {
        DataState { node: vec![1.0; self.zone.len()], link: vec![1.0; self.ends.len()] }
    }

    /// Solves one instant. Only flows whose ways are spoiled are routed again.
    pub fn solve(&self, state: &DataState) -> DataFlow {
        let share =
            |e: usize| state.link[e].min(f64::from(state.node[self.ends[e].0] > 0.0)).min(f64::from(state.node[self.ends[e].1] > 0.0));
        let shares: Vec<f64> = (0..self.ends.len()).map(share).collect();
        let mut residual: Vec<f64> = (0..shares.len()).map(|e| self.capacity[e] * shares[e] - self.base_load[e]).collect();
        let mut touched: Vec<u32> = Vec::new();
        for e in 0..shares.len() {
            if residual[e] < -EPS || shares[e] <= 0.0 {
                touched.extend(&self.flows_by_link[e]);
            }
        }
        for (n, &s) in state.node.iter().enumerate() {
            if s < 1.0 {
                touched.extend(&self.flows_by_node[n]);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let mut again = Vec::with_capacity(touched.len());
        for &k in &touched {
            let (a, b, total) = self.flows[k as usize];
            for (part, links) in &self.ways[k as usize] {
                for &e in links {
                    residual[e as usize] += part * total;
                }
            }
            again.push((k, total * state.node[a].min(state.node[b]).clamp(0.0, 1.0)));
        }
        for r in &mut residual {
            *r = r.max(0.0);
        }
        let routed = self.route(&again, &mut residual, &|e| shares[e] > 0.0);
        self.answer(state, &shares, &touched, &routed)
    }

    /// Traffic that cannot be carried because an end is down is lost at that end; what the network cannot carry, at both.
    /// People are without service where their own metro is down or cut off, not where the far end is.
    fn answer(&self, state: &DataState, shares: &[f64], touched: &[u32], routed: &[Vec<(f64, Vec<u32>, u32)>]) -> DataFlow {
        let mut out = DataFlow {
            lost: vec![0.0; self.n_zones],
            served: vec![1.0; self.n_zones],
            node_served: vec![1.0; self.zone.len()],
            added_latency: vec![0.0; self.n_zones],
        };
        let mut node_lost = vec![0.0; self.zone.len()];
        for (&k, ways) in touched.iter().zip(routed) {
            let (a, b, total) = self.flows[k as usize];
            let got: f64 = ways.iter().map(|w| w.0).sum();
            let before = self.ways[k as usize].iter().map(|w| w.0).sum::<f64>() * total;
            let asked = total * state.node[a].min(state.node[b]).clamp(0.0, 1.0);
            let network = (asked.min(before) - got).max(0.0);
            let longer: f64 =
                ways.iter().map(|w| w.0 * f64::from(w.2.saturating_sub(self.base_distance[k as usize])) / 10.0 / FIBRE_KM_PER_MS).sum();
            let down = (1.0 - state.node[a], 1.0 - state.node[b]);
            let ends = (before - asked).max(0.0) / (down.0 + down.1).max(1e-12);
            for (end, down) in [(a, down.0), (b, down.1)] {
                out.lost[self.zone[end]] += network / 2.0 + ends * down;
                out.added_latency[self.zone[end]] += longer / 2.0;
                node_lost[end] += network;
            }
        }
        let (mut people, mut without) = (vec![0.0; self.n_zones], vec![0.0; self.n_zones]);
        for n in 0..self.zone.len() {
            let total = self.node_total[n];
            out.node_served[n] = if state.node[n] <= 0.0 {
                0.0
            } else if total > EPS {
                (state.node[n] - node_lost[n] / total).clamp(0.0, 1.0)
            } else {
                f64::from(self.graph.neighbours(n).any(|(_, e)| shares[e] > 0.0))
            };
            people[self.zone[n]] += self.people[n];
            without[self.zone[n]] += self.people[n] * (1.0 - out.node_served[n]);
        }
        for z in 0..self.n_zones {
            if people[z] > EPS {
                out.served[z] = (1.0 - without[z] / people[z]).clamp(0.0, 1.0);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A triangle 0-1 (10), 1-2 (10), 0-2 (4) with a flow of 6 between 0 and 1.
    fn triangle() -> Data {
        Data::new(
            &[(0, Some(0.0)), (1, Some(0.0)), (1, None)],
            &[(0, 1, 100.0, 10.0), (1, 2, 100.0, 10.0), (0, 2, 200.0, 4.0)],
            vec![(0, 1, 6.0)],
            2,
        )
    }

    #[test]
    fn traffic_spreads_over_what_survives() {
        let d = triangle();
        let mut s = d.intact();
        assert_eq!(d.solve(&s).served, vec![1.0, 1.0]);
        s.link[0] = 0.0;
        let f = d.solve(&s);
        assert!((f.lost[0] - 1.0).abs() < 1e-9 && (f.served[0] - 4.0 / 6.0).abs() < 1e-9, "{f:?}");
        assert!((f.added_latency[0] - 4.0 * 200.0 / FIBRE_KM_PER_MS / 2.0).abs() < 1e-9);
        s.link[0] = 0.5;
        let f = d.solve(&s);
        assert!(f.lost[0] < 1e-9, "5 direct and 1 round: {f:?}");
    }

    #[test]
    fn a_dead_node_loses_its_own_traffic() {
        let d = triangle();
        let mut s = d.intact();
        s.node[1] = 0.0;
        let f = d.solve(&s);
        assert_eq!(f.node_served[1], 0.0);
        assert_eq!(f.lost, vec![0.0, 6.0], "all of it is lost where the end is down");
        assert_eq!(f.served, vec![1.0, 0.0], "people at the far end keep their service");
        assert_eq!(f.node_served[2], 1.0, "still linked to node 0");
    }
}
