//! One function a sector: solve the state, book the loss against the base, and look at the dependencies that draw from it.

use buttress_model::Balance;
use buttress_model::geo::distance_km;

use super::{Class, DepNow, DepState, FAILED, Factor, GasRun, GasStretch, Run, SAME_TIME_H, What, gas_next_h};
use crate::compile::{Supply, World};
use crate::outcome::Service;
use crate::power::BASE_MVA;

/// Shortfall of stored gas against the base, as a share of all working gas, below which a disturbed year counts as healed.
const HEALED_SHARE: f64 = 0.002;

/// True when everything is back, everybody is served, and stores are nearly where they would have been.
fn healed(world: &World, gas: &GasRun, base: Option<&GasStretch>, now: f64) -> bool {
    let Some(base) = base else { return false };
    if gas.flow.served.iter().zip(&base.flow.served).any(|(s, b)| s.iter().zip(b).any(|(s, b)| s < b)) {
        return false;
    }
    let days = (now - base.t_h) / 24.0;
    let would: f64 = base.stored.iter().zip(&base.flow.store_rate).map(|(s, r)| (s + r * days).max(0.0)).sum();
    let working: f64 = world.gas.stores.iter().map(|s| s.1).sum();
    gas.state.stored.iter().sum::<f64>() >= would - HEALED_SHARE * working
}

impl Run<'_, '_> {
    pub(super) fn solve_power(&mut self) {
        let w = self.world;
        let Some(state) = &self.power else { return };
        let flow = match w.study.balance {
            Balance::Flow => w.power.grid.solve(&w.power.base, state, w.study.sharing),
            Balance::Component => w.power.grid.solve_by_component(w.study.point, state),
        };
        self.ending = self.ending.and(flow.ending);
        self.n_programs += u32::from(flow.used_lp);
        let base = &self.base.power;
        let e = Service::Electricity as usize;
        self.rates.lost[e].fill(0.0);
        self.rates.people[e].fill(0.0);
        for ((load, &now), &before) in w.power.grid.loads.iter().zip(&flow.served).zip(&base.served) {
            let gap = (before - now).max(0.0);
            self.rates.lost[e][load.zone] += gap * load.p[w.study.point as usize] * state.demand[load.zone] * BASE_MVA;
            self.rates.people[e][load.zone] += gap * load.population;
        }
        self.set_shares(Service::Electricity);
        self.note_dead(&flow.dead);
        // Buses whose supply moved away from or back to full: their dependents are looked at.
        let before = std::mem::replace(&mut self.power_low, flow.bus_served);
        for bus in 0..self.power_low.len() {
            if self.power_low[bus] < FAILED || before.get(bus).is_some_and(|&b| b < FAILED) {
                for &d in w.deps_at.bus.of(bus) {
                    self.look_at(d);
                }
            }
        }
    }

    pub(super) fn set_shares(&mut self, service: Service) {
        let s = service as usize;
        for z in 0..self.world.zones.len() {
            let demand = self.base.demand[s][z];
            self.rates.share[s][z] = if demand > 0.0 { (self.rates.lost[s][z] / demand).clamp(0.0, 1.0) } else { 0.0 };
        }
    }

    pub(super) fn solve_gas(&mut self) {
        let w = self.world;
        let calendar = &self.base.calendar;
        let stretch = calendar.partition_point(|c| c.0 <= self.now + SAME_TIME_H).saturating_sub(1);
        let boundary = calendar.get(stretch + 1).map_or(f64::INFINITY, |c| c.0);
        let Some(gas) = &mut self.gas else { return };
        gas.state.profile = calendar[stretch].1;
        let base = self.base.gas_at(self.now);
        let base_end = self.base.gas_after(self.now);
        let next = match base {
            Some(b) if gas.on_base && w.gas.still_fits(&b.flow, &gas.state) => {
                gas.flow.clone_from(&b.flow);
                if gas.state.is_whole() {
                    // Everything is back and stocks are those of the base: gas needs no further look.
                    self.gas = None;
                    self.no_gas_loss();
                    return;
                }
                base_end
            }
            _ => {
                gas.on_base = false;
                gas.flow = w.gas.solve(&gas.state);
                if gas.state.is_whole() && healed(w, gas, base, self.now) {
                    self.gas = None;
                    self.no_gas_loss();
                    return;
                }
                (self.now + gas_next_h(w, &gas.state, &gas.flow)).min(boundary)
            }
        };
        let g = Service::Gas as usize;
        self.rates.lost[g].fill(0.0);
        self.rates.people[g].fill(0.0);
        let (mut protected, mut unserved) = (vec![0.0; w.zones.len()], vec![0.0; w.zones.len()]);
        for (k, d) in w.gas.demands.iter().enumerate() {
            for c in 0..crate::gas::CLASSES {
                let before = base.map_or(1.0, |b| b.flow.served[k][c]);
                let gap = (before - gas.flow.served[k][c]).max(0.0);
                let asked = d.2[c] * gas.state.profile[c] * gas.state.demand[d.1];
                self.rates.lost[g][d.1] += gap * asked;
                if c == 0 {
                    protected[d.1] += asked;
                    unserved[d.1] += gap * asked;
                }
            }
        }
        for z in 0..w.zones.len() {
            if protected[z] > 0.0 {
                self.rates.people[g][z] = w.gas_people[z] * unserved[z] / protected[z];
            }
        }
        let served: Vec<(usize, f64)> =
            gas.flow.node_served.iter().enumerate().map(|(n, s)| (n, s / base.map_or(1.0, |b| b.flow.node_served[n]).max(1e-9))).collect();
        self.set_shares(Service::Gas);
        self.push(next, Class::Clock, What::GasClock);
        for (n, s) in served {
            let s = s.min(1.0);
            if s < FAILED || self.gas_low.contains_key(&(n as u32)) {
                if s < FAILED {
                    self.gas_low.insert(n as u32, s)
                } else {
                    self.gas_low.remove(&(n as u32))
                };
                for &d in w.deps_at.gas_node.of(n) {
                    self.look_at(d);
                }
            }
        }
    }

    fn no_gas_loss(&mut self) {
        let g = Service::Gas as usize;
        for list in [&mut self.rates.lost[g], &mut self.rates.people[g], &mut self.rates.share[g]] {
            list.fill(0.0);
        }
        let low: Vec<u32> = std::mem::take(&mut self.gas_low).into_keys().collect();
        for n in low {
            for &d in self.world.deps_at.gas_node.of(n as usize) {
                self.look_at(d);
            }
        }
    }

    pub(super) fn solve_data(&mut self) {
        let w = self.world;
        let Some(state) = &self.data else { return };
        let flow = w.data.solve(state);
        self.account.note_latency(&flow.added_latency);
        let s = Service::Data as usize;
        for z in 0..w.zones.len() {
            self.rates.lost[s][z] = (flow.lost[z] - self.base.data.lost[z]).max(0.0);
            // The share of people without service, not of traffic, so that it compares with other services.
            self.rates.share[s][z] = (self.base.data.served[z] - flow.served[z]).max(0.0);
            self.rates.people[s][z] = w.zones[z].population * (self.base.data.served[z] - flow.served[z]).max(0.0);
        }
        for (n, &served) in flow.node_served.iter().enumerate() {
            if served < FAILED || self.data_low.contains_key(&(n as u32)) {
                if served < FAILED {
                    self.data_low.insert(n as u32, served)
                } else {
                    self.data_low.remove(&(n as u32))
                };
                for &d in w.deps_at.data_node.of(n) {
                    self.look_at(d);
                }
            }
        }
    }

    pub(super) fn solve_space(&mut self) {
        let w = self.world;
        let Some(state) = &self.space else { return };
        let flow = w.space.solve(state);
        for z in 0..w.zones.len() {
            let jam = self.jammed(w.case.tables().zones[z].lat, w.case.tables().zones[z].lon);
            for (service, before, now) in [
                (Service::Pnt, self.base.space.pnt[z], flow.pnt[z] * (1.0 - jam)),
                (Service::Timing, self.base.space.timing[z], flow.timing[z] * (1.0 - jam)),
            ] {
                self.rates.lost[service as usize][z] = w.zones[z].population * (before - now).max(0.0);
            }
        }
        let s = Service::Satcom as usize;
        self.rates.lost[s].fill(0.0);
        for (c, &mbit) in w.space.satcom_mbit_s.iter().enumerate() {
            self.rates.lost[s][w.asset_zone[w.first.system + c]] += mbit * (self.base.space.satcom[c] - flow.satcom[c]).max(0.0);
        }
        self.space_flow = Some(flow);
        for service in [Service::Pnt, Service::Timing, Service::Satcom] {
            self.set_shares(service);
        }
        for &d in &w.deps_at.space {
            self.look_at(d);
        }
    }

    /// Share of positioning lost to jamming at a place.
    fn jammed(&self, lat: f64, lon: f64) -> f64 {
        let left = self.product(|f| match *f {
            Factor::Jam { lat: y, lon: x, km, lost } if distance_km(lat, lon, y, x) <= km => Some(1.0 - lost),
            _ => None,
        });
        1.0 - left
    }

    pub(super) fn solve_sea(&mut self) {
        let w = self.world;
        let now = self.now;
        let reopen: Vec<(usize, f64)> = self
            .damage
            .iter()
            .filter(|d| d.from_h <= now + SAME_TIME_H && d.to_h > now)
            .filter_map(|d| (d.asset as usize).checked_sub(w.first.passage).map(|k| (k, d.to_h - now)))
            .collect();
        let Some(state) = &mut self.sea else { return };
        for x in &mut state.reopen_h {
            *x = f64::INFINITY;
        }
        let n = state.reopen_h.len();
        for (k, h) in reopen.into_iter().filter(|x| x.0 < n) {
            state.reopen_h[k] = if state.reopen_h[k].is_finite() { state.reopen_h[k].max(h) } else { h };
        }
        let flow = w.sea.solve(state);
        self.delay_rate.clone_from(&flow.delay);
        for z in 0..w.zones.len() {
            let spare = self.base.demand[Service::Freight as usize][z] * w.sea_surge;
            self.set_queue(z, flow.blocked[z], spare);
            let demand = self.base.demand[Service::Freight as usize][z];
            self.rates.share[Service::Freight as usize][z] = if demand > 0.0 { (flow.blocked[z] / demand).clamp(0.0, 1.0) } else { 0.0 };
        }
        self.show_freight();
    }

    pub(super) fn solve_air(&mut self) {
        let w = self.world;
        let Some(share) = &self.air else { return };
        let lost = w.air.solve(share);
        self.rates.lost[Service::Passengers as usize] = lost;
        self.set_shares(Service::Passengers);
    }

    /// Sets what blocks a zone's queue; a backlog clears at the spare rate once nothing is blocked.
    fn set_queue(&mut self, z: usize, blocked: f64, spare: f64) {
        let q = &mut self.queues[z];
        q.blocked = blocked;
        q.rate = if blocked > 1e-9 {
            blocked
        } else if q.backlog > 1e-9 {
            -spare.max(q.backlog / 30.0).max(1e-9)
        } else {
            0.0
        };
        if q.rate < 0.0 {
            let t = self.now + q.backlog / -q.rate * 24.0;
            self.push(t, Class::Clock, What::QueueClear);
        }
    }

    pub(super) fn account_queues(&mut self) {
        for q in &mut self.queues {
            if q.blocked <= 1e-9 && q.backlog <= 1e-6 {
                *q = super::Queue::default();
            }
        }
        self.show_freight();
    }

    /// Fleets and named sites: what they deliver is their own share.
    pub(super) fn count_sites(&mut self) {
        let w = self.world;
        let (c, s) = (Service::Control as usize, Service::Site as usize);
        self.rates.lost[c].fill(0.0);
        self.rates.lost[s].fill(0.0);
        for &asset in &self.touched_sites {
            let (i, gone) = (asset as usize, 1.0 - self.share(asset));
            match w.parts[i] {
                crate::compile::Part::Fleet(k) => {
                    self.rates.lost[c][w.asset_zone[i]] += gone * w.case.tables().control_fleets[k as usize].amount_mw;
                }
                crate::compile::Part::Site(k) => self.rates.lost[s][w.asset_zone[i]] += gone * w.case.tables().sites[k as usize].persons,
                _ => {}
            }
        }
        self.rates.people[s] = self.rates.lost[s].clone();
        self.set_shares(Service::Control);
        self.set_shares(Service::Site);
    }

    /// Served share of what a dependency draws from.
    fn served(&self, supply: &Supply) -> f64 {
        let base = &self.base.space;
        match supply {
            Supply::Bus(b) => self.power_low.get(*b as usize).copied().unwrap_or(1.0),
            Supply::Area(buses) => buses.iter().map(|(b, w)| w * self.power_low.get(*b as usize).copied().unwrap_or(1.0)).sum(),
            Supply::GasNode(n) => self.gas_low.get(n).copied().unwrap_or(1.0),
            Supply::DataNode(n) => self.data_low.get(n).copied().unwrap_or(1.0),
            Supply::Pnt(z, lat, lon) => {
                self.space_flow.as_ref().map_or(1.0, |f| f.pnt[*z as usize] / base.pnt[*z as usize].max(1e-9)).min(1.0)
                    * (1.0 - self.jammed(*lat, *lon))
            }
            Supply::Timing(z, lat, lon) => {
                self.space_flow.as_ref().map_or(1.0, |f| f.timing[*z as usize] / base.timing[*z as usize].max(1e-9)).min(1.0)
                    * (1.0 - self.jammed(*lat, *lon))
            }
            Supply::Satcom(c) => {
                self.space_flow.as_ref().map_or(1.0, |f| f.satcom[*c as usize] / base.satcom[*c as usize].max(1e-9)).min(1.0)
            }
            Supply::Assets(ids, k) => {
                let live = ids.iter().filter(|&&i| self.world.settings.in_service[i as usize] && self.share(i) > 0.5).count();
                f64::from(live >= *k)
            }
        }
    }

    /// Share of capacity that a lost dependency costs now: supply over an area costs as much of it as is dark.
    pub(super) fn effect_now(&self, d: u32) -> f64 {
        let dep = &self.world.deps[d as usize];
        match dep.supply {
            Supply::Area(_) => dep.effect * (1.0 - self.served(&dep.supply)),
            _ => dep.effect,
        }
    }

    /// Moves a dependency to the state that its supply asks for.
    pub(super) fn look_at(&mut self, d: u32) {
        let dep = &self.world.deps[d as usize];
        let threshold = if matches!(dep.supply, Supply::Area(_)) { 1.0 } else { dep.threshold };
        let supplied = self.served(&dep.supply) >= threshold - 1e-9;
        let state = self.deps_now.state(d);
        match (supplied, state) {
            (false, DepState::Ok) => self.lose_supply(d),
            (false, DepState::Restarting(_)) => {
                self.deps_now.at(d).state = DepState::Lost;
            }
            // The dark part of an area grew or shrank.
            (false, DepState::Lost) if matches!(dep.supply, Supply::Area(_)) => self.weigh_dependencies(d),
            (true, DepState::Buffer(since)) => {
                let buffer = self.buffer_h(d);
                let (level, _) = self.level_at(d, since);
                let left = if buffer > 0.0 { (level - (self.now - since) / buffer).max(0.0) } else { 0.0 };
                *self.deps_now.at(d) = DepNow { state: DepState::Ok, level: left, since_h: self.now };
            }
            (true, DepState::Lost) => {
                let at = self.now + dep.restart_delay_h;
                self.deps_now.at(d).state = DepState::Restarting(at);
                self.push(at, Class::Recover, What::Restarted(d));
            }
            _ => {}
        }
    }

    fn buffer_h(&self, d: u32) -> f64 {
        // A severe run has short buffers, a mild one long ones.
        self.world.deps[d as usize].buffer_h[2 - self.world.study.level.index()]
    }

    /// Buffer level (share) at a time, recharging since it was last noted.
    fn level_at(&self, d: u32, t: f64) -> (f64, f64) {
        let dep = &self.world.deps[d as usize];
        let DepNow { level, since_h: since, .. } = self.deps_now.get(d);
        let gained = if dep.recharge_h > 0.0 { (t - since) / dep.recharge_h } else { 1.0 };
        ((level + gained).min(1.0), since)
    }

    pub(super) fn buffer_ends(&self, d: u32, since: f64) -> f64 {
        since + self.buffer_h(d) * self.level_at(d, since).0
    }

    fn lose_supply(&mut self, d: u32) {
        let dep = &self.world.deps[d as usize];
        let starts = !(self.world.study.sampled && dep.failure_on_demand > 0.0 && self.rng.unit() < dep.failure_on_demand);
        let ends = self.buffer_ends(d, self.now);
        if starts && ends > self.now + SAME_TIME_H {
            self.deps_now.at(d).state = DepState::Buffer(self.now);
            self.push(ends, Class::Worsen, What::Exhausted(d));
        } else {
            *self.deps_now.at(d) = DepNow { state: DepState::Lost, level: 0.0, since_h: self.now };
            self.weigh_dependencies(d);
        }
    }
}
