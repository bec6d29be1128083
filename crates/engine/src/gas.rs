//! Gas: capacitated flow with stores and tanks, protected customers first.
//!
//! At one instant: production, imports and arriving cargoes serve demand first; stores and tanks add the least share λ of
//! their withdrawal limit that serves all demand, the same λ everywhere the network allows. When even λ = 1 is not enough,
//! classes are served in order (protected, industry, power) and within a class every hub gets the same share unless the
//! network forbids it (max-min fairness). What supply is left over refills stores, again by one share μ.
//! Both λ and the fair share are found by Newton's method on the minimum cut, which is exact after finitely many steps.
//! Source: Radzik, "Newton's method for fractional combinatorial optimization", FOCS 1992, DOI 10.1109/SFCS.1992.267798.

use crate::maxflow::{Edge, FlowNetwork};

/// Integer units of flow per GWh/d (so one unit is a watt-hour per day times 10⁴: far below any meter).
const SCALE: f64 = 1e5;
/// Newton steps of one parametric search.
const MAX_NEWTON: usize = 60;
/// Rounds of fair sharing of what refills stores; later rounds move little and the rest waits for the next event.
const REFILL_ROUNDS: usize = 3;
/// Demand classes, in order of priority.
pub const CLASSES: usize = 3;
/// Shares of working gas at which the withdrawal limit changes: ten steps below half full.
const LEVEL_STEPS: f64 = 20.0;

/// Hub network in GWh/d.
#[derive(Debug, Clone)]
pub struct GasGrid {
    /// Number of hubs.
    pub n_nodes: usize,
    /// Pipes: from, to, capacity, reverse capacity.
    pub pipes: Vec<(usize, usize, f64, f64)>,
    /// Supplies: hub, largest supply.
    pub supplies: Vec<(usize, f64)>,
    /// LNG terminals: hub, send-out, mean arrivals, tank `GWh`.
    pub terminals: Vec<(usize, f64, f64, f64)>,
    /// Stores: hub, working gas `GWh`, withdrawal, injection.
    pub stores: Vec<(usize, f64, f64, f64)>,
    /// Demands: hub, zone, mean GWh/d by class.
    pub demands: Vec<(usize, usize, [f64; CLASSES])>,
    net: FlowNetwork,
    arc: Arcs,
}

#[derive(Debug, Clone, Default)]
struct Arcs {
    pipe: Vec<Edge>,
    supply: Vec<Edge>,
    terminal: Vec<Edge>,
    store: Vec<Edge>,
    tank: Vec<Edge>,
    demand: Vec<[Edge; CLASSES]>,
    refill: Vec<Edge>,
}

/// What the rest of the world does to the hubs and pipes.
#[derive(Debug, Clone, PartialEq)]
pub struct GasState {
    /// Share of each hub in service.
    pub node: Vec<f64>,
    /// Share of each pipe.
    pub pipe: Vec<f64>,
    /// Share of each supply.
    pub supply: Vec<f64>,
    /// Share of each terminal's send-out.
    pub terminal: Vec<f64>,
    /// Factor on cargo arrivals of each terminal.
    pub arrivals: Vec<f64>,
    /// Share of each store's withdrawal and injection.
    pub store: Vec<f64>,
    /// Demand factor by zone.
    pub demand: Vec<f64>,
    /// Profile factor by class (month and peak day).
    pub profile: [f64; CLASSES],
    /// Stored gas, `GWh`.
    pub stored: Vec<f64>,
    /// Tank content, `GWh`.
    pub tank: Vec<f64>,
}

impl GasState {
    /// True when every share is 1: nothing is out and no demand is changed.
    pub fn is_whole(&self) -> bool {
        [&self.node, &self.pipe, &self.supply, &self.terminal, &self.arrivals, &self.store, &self.demand]
            .into_iter()
            .flatten()
            .all(|&x| x == 1.0)
    }
}

/// One instant's answer.
#[derive(Debug, Clone)]
pub struct GasFlow {
    /// Served share of each demand row by class.
    pub served: Vec<[f64; CLASSES]>,
    /// Served share at each hub (protected and power customers together; 1 where nothing is asked).
    pub node_served: Vec<f64>,
    /// Net flow of each pipe, GWh/d.
    pub pipe: Vec<f64>,
    /// Taken from each supply, GWh/d.
    pub supply: Vec<f64>,
    /// Cargo regasified at each terminal, without the tank, GWh/d.
    pub landed: Vec<f64>,
    /// Change of each store, GWh/d (negative: withdrawal).
    pub store_rate: Vec<f64>,
    /// Change of each tank, GWh/d.
    pub tank_rate: Vec<f64>,
}

fn units(x: f64) -> i64 {
    (x * SCALE).round() as i64
}

/// Withdrawal limit over the full one at a fill share: 1 above half, falling in ten steps to 0.4 when nearly empty.
pub fn withdrawal_share(fill: f64) -> f64 {
    if fill <= 1e-9 {
        return 0.0;
    }
    if fill >= 0.5 {
        return 1.0;
    }
    0.4 + 0.6 * (fill * LEVEL_STEPS).ceil().clamp(1.0, 10.0) / 10.0
}

/// Time (d) until a store's flow must change: it runs dry or full, or its withdrawal limit falls below the flow.
/// Steps of the limit that the flow does not reach are no events. Infinite when nothing will happen.
pub fn next_limit_d(stored: f64, working: f64, withdrawal: f64, rate: f64) -> f64 {
    if working <= 0.0 || rate.abs() < 1e-9 {
        return f64::INFINITY;
    }
    if rate > 0.0 {
        let d = (working - stored) / rate;
        return if d <= 1e-9 { f64::INFINITY } else { d };
    }
    let use_share = -rate / withdrawal.max(1e-9);
    // The lowest step whose limit still carries the flow; below its lower edge the flow must fall.
    let step = ((use_share - 0.4) / 0.6 * 10.0 - 1e-6).ceil().clamp(1.0, 10.0);
    let edge = if use_share <= 0.46 { 0.0 } else { (step - 1.0) / LEVEL_STEPS };
    ((stored - edge * working) / -rate).max(0.0)
}

impl GasGrid {
    /// Builds the network once.
    pub fn new(
        n_nodes: usize,
        pipes: Vec<(usize, usize, f64, f64)>,
        supplies: Vec<(usize, f64)>,
        terminals: Vec<(usize, f64, f64, f64)>,
        stores: Vec<(usize, f64, f64, f64)>,
        demands: Vec<(usize, usize, [f64; CLASSES])>,
    ) -> Self {
        let (s, t) = (n_nodes, n_nodes + 1);
        let mut net = FlowNetwork::new(n_nodes + 2);
        let arc = Arcs {
            pipe: pipes.iter().map(|p| net.add(p.0, p.1)).collect(),
            supply: supplies.iter().map(|x| net.add(s, x.0)).collect(),
            terminal: terminals.iter().map(|x| net.add(s, x.0)).collect(),
            store: stores.iter().map(|x| net.add(s, x.0)).collect(),
            tank: terminals.iter().map(|x| net.add(s, x.0)).collect(),
            demand: demands.iter().map(|d| [net.add(d.0, t), net.add(d.0, t), net.add(d.0, t)]).collect(),
            refill: stores.iter().map(|x| net.add(x.0, t)).collect(),
        };
        GasGrid { n_nodes, pipes, supplies, terminals, stores, demands, net, arc }
    }

    /// The state in which everything works, stores at a fill share and tanks half full.
    pub fn intact(&self, n_zones: usize, fill: f64) -> GasState {
        GasState {
            node: vec![1.0; self.n_nodes],
            pipe: vec![1.0; self.pipes.len()],
            supply: vec![1.0; self.supplies.len()],
            terminal: vec![1.0; self.terminals.len()],
            arrivals: vec![1.0; self.terminals.len()],
            store: vec![1.0; self.stores.len()],
            demand: vec![1.0; n_zones],
            profile: [1.0; CLASSES],
            stored: self.stores.iter().map(|s| s.1 * fill).collect(),
            tank: self.terminals.iter().map(|t| t.3 * 0.5).collect(),
        }
    }

    /// True when a flow found for the intact network still fits the shares of a state: capacity is lost, service is not.
    /// Demand, profile and stocks must be those the flow was found for.
    pub fn still_fits(&self, flow: &GasFlow, state: &GasState) -> bool {
        let fits = |amount: f64, capacity: f64, share: f64| share >= 1.0 || amount <= capacity * share.max(0.0) + 1e-6;
        let live = |node: usize| state.node[node];
        self.pipes.iter().enumerate().all(|(k, p)| {
            let f = flow.pipe[k];
            fits(f.abs(), if f >= 0.0 { p.2 } else { p.3 }, state.pipe[k].min(live(p.0)).min(live(p.1)))
        }) && self.supplies.iter().enumerate().all(|(k, s)| fits(flow.supply[k], s.1, state.supply[k].min(live(s.0))))
            && self.terminals.iter().enumerate().all(|(k, t)| {
                fits(flow.landed[k] + (-flow.tank_rate[k]).max(0.0), t.1, state.terminal[k].min(live(t.0)))
                    && (state.arrivals[k] >= 1.0 || flow.landed[k] <= t.2 * state.arrivals[k] + 1e-6)
            })
            && self.stores.iter().enumerate().all(|(k, s)| {
                let r = flow.store_rate[k];
                let limit = if r < 0.0 { s.2 * withdrawal_share(state.stored[k] / s.1.max(1e-9)) } else { s.3 };
                fits(r.abs(), limit, state.store[k].min(live(s.0)))
            })
            && self.demands.iter().all(|d| live(d.0) >= 1.0 && state.demand[d.1] == 1.0)
    }

    /// Solves one instant.
    pub fn solve(&self, state: &GasState) -> GasFlow {
        Instant::new(self, state).solve()
    }
}

struct Instant<'a> {
    grid: &'a GasGrid,
    net: FlowNetwork,
    state: &'a GasState,
    want: Vec<[i64; CLASSES]>,
    store_limit: Vec<i64>,
    tank_limit: Vec<i64>,
    refill_limit: Vec<i64>,
    arrivals: Vec<i64>,
}

impl<'a> Instant<'a> {
    fn new(grid: &'a GasGrid, state: &'a GasState) -> Self {
        let live = |i: usize| state.node[i].clamp(0.0, 1.0);
        let mut net = grid.net.clone();
        for ((p, &share), &arc) in grid.pipes.iter().zip(&state.pipe).zip(&grid.arc.pipe) {
            let share = share * live(p.0).min(live(p.1));
            net.set(arc, units(p.2 * share), units(p.3 * share));
        }
        for ((x, &share), &arc) in grid.supplies.iter().zip(&state.supply).zip(&grid.arc.supply) {
            net.set(arc, units(x.1 * share * live(x.0)), 0);
        }
        let arrivals: Vec<i64> = grid
            .terminals
            .iter()
            .enumerate()
            .map(|(k, x)| units((x.2 * state.arrivals[k]).min(x.1 * state.terminal[k]) * live(x.0)))
            .collect();
        let tank_limit = grid
            .terminals
            .iter()
            .enumerate()
            .map(|(k, x)| if state.tank[k] > 1e-6 { (units(x.1 * state.terminal[k] * live(x.0)) - arrivals[k]).max(0) } else { 0 })
            .collect();
        for (k, &arc) in grid.arc.terminal.iter().enumerate() {
            net.set(arc, arrivals[k], 0);
        }
        let store_limit = grid
            .stores
            .iter()
            .enumerate()
            .map(|(k, x)| units(x.2 * state.store[k] * live(x.0) * withdrawal_share(state.stored[k] / x.1.max(1e-9))))
            .collect();
        let refill_limit = grid
            .stores
            .iter()
            .enumerate()
            .map(|(k, x)| if state.stored[k] < x.1 * (1.0 - 1e-9) { units(x.3 * state.store[k] * live(x.0)) } else { 0 })
            .collect();
        let want = grid.demands.iter().map(|d| std::array::from_fn(|c| units(d.2[c] * state.profile[c] * state.demand[d.1]))).collect();
        Instant { grid, net, state, want, store_limit, tank_limit, refill_limit, arrivals }
    }

    fn s(&self) -> usize {
        self.grid.n_nodes
    }

    fn t(&self) -> usize {
        self.grid.n_nodes + 1
    }

    fn solve(mut self) -> GasFlow {
        for (k, w) in self.want.iter().enumerate() {
            for (c, &want) in w.iter().enumerate() {
                self.net.set(self.grid.arc.demand[k][c], want, 0);
            }
        }
        let fresh = self.net.clone();
        self.net.augment(self.s(), self.t());
        let mut got = self.want.clone();
        if self.unserved() > 0 {
            self.draw(&fresh);
        }
        if self.unserved() > 0 {
            // Some pocket cannot be served in full. Ration it; then draw no more from stores than what is now asked needs.
            self.net = fresh.clone();
            self.set_draw(&vec![1.0; self.store_limit.len()], &vec![1.0; self.tank_limit.len()]);
            got = self.ration();
            let mut rationed = fresh;
            for (k, g) in got.iter().enumerate() {
                for (c, &amount) in g.iter().enumerate() {
                    rationed.set(self.grid.arc.demand[k][c], amount, 0);
                }
            }
            self.net = rationed.clone();
            self.net.augment(self.s(), self.t());
            self.draw(&rationed);
        }
        self.refill();
        self.answer(&got)
    }

    /// Demand without flow yet.
    fn unserved(&self) -> i64 {
        self.grid.arc.demand.iter().flatten().map(|&a| self.net.left(a)).sum()
    }

    fn set_draw(&mut self, store: &[f64], tank: &[f64]) {
        for (arcs, limits, shares) in [(&self.grid.arc.store, &self.store_limit, store), (&self.grid.arc.tank, &self.tank_limit, tank)] {
            for ((&arc, &limit), share) in arcs.iter().zip(limits).zip(shares) {
                self.net.set(arc, (limit as f64 * share).ceil() as i64, 0);
            }
        }
    }

    /// Raises the share of withdrawal limits, alike for all stores and tanks beyond the minimum cut, until all demand is served
    /// or nothing beyond the cut is left to give; stores that the shortage cannot reach stay as they are.
    fn draw(&mut self, fresh: &FlowNetwork) {
        let (mut store, mut tank) = (vec![0.0; self.store_limit.len()], vec![0.0; self.tank_limit.len()]);
        for _ in 0..MAX_NEWTON {
            let short = self.unserved();
            if short == 0 {
                return;
            }
            let beyond = |node: usize| !self.net.source_side(node);
            let open_store: Vec<usize> =
                (0..store.len()).filter(|&k| beyond(self.grid.stores[k].0) && store[k] < 1.0 && self.store_limit[k] > 0).collect();
            let open_tank: Vec<usize> =
                (0..tank.len()).filter(|&k| beyond(self.grid.terminals[k].0) && tank[k] < 1.0 && self.tank_limit[k] > 0).collect();
            let room: i64 = open_store.iter().map(|&k| self.store_limit[k]).chain(open_tank.iter().map(|&k| self.tank_limit[k])).sum();
            if room == 0 {
                return;
            }
            let step = (short as f64 + 1.0) / room as f64;
            open_store.iter().for_each(|&k| store[k] = f64::min(store[k] + step, 1.0));
            open_tank.iter().for_each(|&k| tank[k] = f64::min(tank[k] + step, 1.0));
            self.net = fresh.clone();
            self.set_draw(&store, &tank);
            self.net.augment(self.s(), self.t());
        }
    }

    /// Serves classes in order, each by fair shares; returns what each demand gets.
    fn ration(&mut self) -> Vec<[i64; CLASSES]> {
        for arcs in &self.grid.arc.demand {
            for &arc in arcs {
                self.net.set(arc, 0, 0);
            }
        }
        let mut got = vec![[0; CLASSES]; self.want.len()];
        for class in 0..CLASSES {
            let sinks: Vec<Sink> = self
                .grid
                .demands
                .iter()
                .enumerate()
                .map(|(k, d)| Sink { node: d.0, arc: self.grid.arc.demand[k][class], want: self.want[k][class] })
                .collect();
            for (row, amount) in got.iter_mut().zip(self.fair(&sinks, usize::MAX)) {
                row[class] = amount;
            }
        }
        got
    }

    /// What supply is left over refills stores by one common share.
    fn refill(&mut self) {
        let drawn: Vec<bool> = self.grid.arc.store.iter().map(|&a| self.net.back(a) > 0).collect();
        for &arc in self.grid.arc.store.iter().chain(&self.grid.arc.tank) {
            self.net.close(arc);
        }
        let sinks: Vec<Sink> = self
            .grid
            .stores
            .iter()
            .enumerate()
            .map(|(k, x)| Sink { node: x.0, arc: self.grid.arc.refill[k], want: if drawn[k] { 0 } else { self.refill_limit[k] } })
            .collect();
        self.fair(&sinks, REFILL_ROUNDS);
    }

    /// Pushes flow into the sinks by max-min fair shares on top of the flow that stands; returns the amounts.
    fn fair(&mut self, sinks: &[Sink], rounds: usize) -> Vec<i64> {
        let fresh = self.net.clone();
        let mut got = vec![0; sinks.len()];
        let mut open: Vec<usize> = (0..sinks.len()).filter(|&k| sinks[k].want > 0).collect();
        // Every round binds at least one sink, so the loop ends.
        for _ in 0..rounds.min(sinks.len()) {
            if open.is_empty() {
                break;
            }
            let mut share = 1.0_f64;
            let mut binding = open.clone();
            for _ in 0..MAX_NEWTON {
                let mut asked = got.clone();
                for &k in &open {
                    asked[k] = (sinks[k].want as f64 * share).floor() as i64;
                }
                self.net = fresh.clone();
                for (sink, &a) in sinks.iter().zip(&asked) {
                    self.net.set(sink.arc, a, 0);
                }
                if self.net.augment(self.s(), self.t()) >= asked.iter().sum() {
                    break;
                }
                let beyond: Vec<usize> = (0..sinks.len()).filter(|&k| !self.net.source_side(sinks[k].node)).collect();
                let inflow: i64 = beyond.iter().map(|&k| asked[k] - self.net.left(sinks[k].arc)).sum();
                let promised: i64 = beyond.iter().map(|&k| got[k]).sum();
                let tied: Vec<usize> = beyond.iter().copied().filter(|k| open.binary_search(k).is_ok()).collect();
                let wanted: i64 = tied.iter().map(|&k| sinks[k].want).sum();
                let next = if wanted > 0 { ((inflow - promised) as f64 / wanted as f64).max(0.0) } else { 0.0 };
                if wanted == 0 || next >= share {
                    break;
                }
                (share, binding) = (next, tied);
            }
            for &k in &binding {
                got[k] = (sinks[k].want as f64 * share).floor() as i64;
            }
            open.retain(|k| binding.binary_search(k).is_err());
        }
        self.net = fresh;
        for (sink, &amount) in sinks.iter().zip(&got) {
            self.net.set(sink.arc, amount, 0);
        }
        self.net.augment(self.s(), self.t());
        got
    }

    fn answer(&self, got: &[[i64; CLASSES]]) -> GasFlow {
        let grid = self.grid;
        let gwh = |x: i64| x as f64 / SCALE;
        let share = |want: i64, got: i64| {
            if want <= 0 || want - got <= want / 1_000_000 + 2 { 1.0 } else { got as f64 / want as f64 }
        };
        let served = self.want.iter().zip(got).map(|(w, g)| std::array::from_fn(|c| share(w[c], g[c]))).collect();
        let (mut want_at, mut got_at) = (vec![0; grid.n_nodes], vec![0; grid.n_nodes]);
        for ((d, w), g) in grid.demands.iter().zip(&self.want).zip(got) {
            want_at[d.0] += w[0] + w[2];
            got_at[d.0] += g[0] + g[2];
        }
        let node_served = (0..grid.n_nodes).map(|i| if self.state.node[i] <= 0.0 { 0.0 } else { share(want_at[i], got_at[i]) }).collect();
        let pipe = grid
            .pipes
            .iter()
            .enumerate()
            .map(|(k, p)| {
                let full = units(p.2 * self.state.pipe[k] * self.state.node[p.0].min(self.state.node[p.1]).clamp(0.0, 1.0));
                gwh(full - self.net.left(grid.arc.pipe[k]))
            })
            .collect();
        let out = |arc: Edge| gwh(self.net.back(arc));
        let store_rate = grid.arc.store.iter().zip(&grid.arc.refill).map(|(&w, &r)| out(r) - out(w)).collect();
        // A tank fills with cargo that is not sent out at once, up to its size.
        let tank_rate = (0..grid.terminals.len())
            .map(|k| {
                let (landed, from_tank) = (gwh(self.arrivals[k]) - out(grid.arc.terminal[k]), out(grid.arc.tank[k]));
                if from_tank > 0.0 {
                    -from_tank
                } else if self.state.tank[k] < grid.terminals[k].3 * (1.0 - 1e-9) {
                    landed
                } else {
                    0.0
                }
            })
            .collect();
        let supply = grid.arc.supply.iter().map(|&a| out(a)).collect();
        let landed = grid.arc.terminal.iter().map(|&a| out(a)).collect();
        GasFlow { served, node_served, pipe, supply, landed, store_rate, tank_rate }
    }
}

/// A demand or store that takes gas at a hub.
struct Sink {
    node: usize,
    arc: Edge,
    want: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hub 0 has supply 10 and a store; hub 1 is fed by a pipe of 6; each asks 8 (protected 4, industry 4).
    fn two_hubs(pipe: f64, store: f64) -> GasGrid {
        GasGrid::new(
            2,
            vec![(0, 1, pipe, 0.0)],
            vec![(0, 10.0)],
            vec![],
            vec![(0, 100.0, store, 3.0)],
            vec![(0, 0, [4.0, 4.0, 0.0]), (1, 1, [4.0, 4.0, 0.0])],
        )
    }

    #[test]
    fn stores_add_only_what_is_missing() {
        let g = two_hubs(9.0, 20.0);
        let f = g.solve(&g.intact(2, 0.9));
        assert!(f.served.iter().flatten().all(|&s| s == 1.0), "{f:?}");
        assert!((f.store_rate[0] + 6.0).abs() < 1e-3, "{f:?}");
        assert!((f.pipe[0] - 8.0).abs() < 1e-3);
    }

    #[test]
    fn scarcity_spares_protected_customers_and_is_shared_alike() {
        let g = two_hubs(9.0, 2.0);
        let f = g.solve(&g.intact(2, 0.9));
        for d in &f.served {
            assert_eq!(d[0], 1.0);
            assert!((d[1] - 0.5).abs() < 1e-4, "{f:?}");
        }
    }

    #[test]
    fn a_bottleneck_binds_only_those_behind_it() {
        let g = two_hubs(5.0, 20.0);
        let f = g.solve(&g.intact(2, 0.9));
        assert_eq!(f.served[0], [1.0, 1.0, 1.0]);
        assert!((f.served[1][1] - 0.25).abs() < 1e-4, "{f:?}");
    }

    #[test]
    fn a_pocket_that_cannot_be_served_does_not_drain_stores_elsewhere() {
        // Hub 2 is cut off and asks 5; hub 0 has plenty and its store is not full.
        let g = GasGrid::new(
            3,
            vec![(0, 1, 9.0, 0.0)],
            vec![(0, 20.0)],
            vec![],
            vec![(0, 100.0, 20.0, 3.0)],
            vec![(0, 0, [4.0, 4.0, 0.0]), (1, 1, [4.0, 4.0, 0.0]), (2, 1, [5.0, 0.0, 0.0])],
        );
        let f = g.solve(&g.intact(2, 0.5));
        assert_eq!(f.served[0], [1.0, 1.0, 1.0]);
        assert_eq!(f.served[2][0], 0.0);
        assert!((f.store_rate[0] - 3.0).abs() < 1e-3, "spare supply still refills: {f:?}");
    }

    #[test]
    fn spare_supply_refills_stores() {
        let g = two_hubs(9.0, 20.0);
        let mut s = g.intact(2, 0.5);
        s.profile = [0.5, 0.5, 1.0];
        let f = g.solve(&s);
        assert!((f.store_rate[0] - 2.0).abs() < 1e-3, "{f:?}");
    }

    #[test]
    fn withdrawal_falls_in_ten_steps_below_half() {
        assert_eq!(withdrawal_share(0.9), 1.0);
        assert_eq!(withdrawal_share(0.5), 1.0);
        assert!((withdrawal_share(0.02) - 0.46).abs() < 1e-12);
        assert_eq!(withdrawal_share(0.0), 0.0);
        // At full rate the limit falls below the flow at the lower edge of the tenth step, 45 %.
        assert!((next_limit_d(60.0, 100.0, 2.0, -2.0) - 7.5).abs() < 1e-9);
        // At 40 % of the full rate nothing happens before the store is empty.
        assert!((next_limit_d(50.0, 100.0, 2.5, -1.0) - 50.0).abs() < 1e-9);
        assert!((next_limit_d(98.0, 100.0, 2.0, 1.0) - 2.0).abs() < 1e-9);
        assert_eq!(next_limit_d(100.0, 100.0, 2.0, 1.0), f64::INFINITY);
    }
}
