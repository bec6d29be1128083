//! Cascade and recovery over time, across sectors.
//!
//! Event-driven and exact: between events every flow is constant; stocks and buffers move linearly, so their exhaustion is
//! computed, not stepped to. Events are ordered by (time, class, id). Within one instant states only worsen; recovery is a
//! later event, so mutual dependence neither oscillates nor heals by itself. Only sectors whose inputs moved are solved
//! again; a sector that is never touched keeps its base answer, which is why most losses cost microseconds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use buttress_model::{Action, Change};

use crate::account::Account;
use crate::compile::{FREE_FLOW_SHARE, Part, World};
use crate::data::DataState;
use crate::ending::Ending;
use crate::gas::{GasFlow, GasState};
use crate::outcome::{Cause, CausedBy, Outcome, Rates, Service};
use crate::power::PowerState;
use crate::rng::Rng;
use crate::sea::SeaState;
use crate::space::SpaceState;

mod base;
mod restart;
mod sectors;

pub use base::{Base, GasStretch};
use base::{data_intact, gas_advance, gas_next_h, gas_start, space_intact};
use restart::Dead;

/// Solve-and-translate rounds within one instant.
const MAX_ROUNDS: usize = 200;
/// Events of one run.
const MAX_EVENTS: u32 = 100_000;
/// Times closer than this are one instant, h.
const SAME_TIME_H: f64 = 1e-9;
/// Share below which an asset counts as failed.
const FAILED: f64 = 1.0 - 1e-9;

/// What to keep of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// Service curves.
    pub curve: bool,
    /// Causes.
    pub causes: bool,
}

/// Classes of events at one time, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Damage, demand, exhaustion.
    Worsen,
    /// Month, peak day, stock step; queue cleared.
    Clock,
    /// Repair, restart.
    Recover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Damage(u32),
    Exhausted(u32),
    Factor(u32),
    GasClock,
    QueueClear,
    Restarted(u32),
    Energised,
}

/// No interval of damage.
const NONE: u32 = u32::MAX;

/// Time as ordered bits; times are never negative.
fn key(t: f64) -> u64 {
    t.max(0.0).to_bits()
}

/// State of one dependency.
#[derive(Debug, Clone, Copy, PartialEq)]
enum DepState {
    /// Supplied; buffer level at a time.
    Ok,
    /// On its buffer since a time.
    Buffer(f64),
    /// Buffer empty.
    Lost,
    /// Supply is back; starts at a time.
    Restarting(f64),
}

/// State of one dependency and the level its buffer had when last noted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct DepNow {
    state: DepState,
    /// Share of a full buffer.
    level: f64,
    since_h: f64,
}

/// Dependencies that have ever moved in a run. Most never do, so a number a dependency leads to what is kept of it.
struct DepsNow {
    /// Place in `kept` plus 1, or 0.
    place: Vec<u32>,
    kept: Vec<DepNow>,
}

impl DepsNow {
    const UNTOUCHED: DepNow = DepNow { state: DepState::Ok, level: 1.0, since_h: 0.0 };

    fn new(n: usize) -> DepsNow {
        DepsNow { place: vec![0; n], kept: Vec::new() }
    }

    fn get(&self, d: u32) -> DepNow {
        match self.place[d as usize] {
            0 => DepsNow::UNTOUCHED,
            p => self.kept[p as usize - 1],
        }
    }

    fn state(&self, d: u32) -> DepState {
        self.get(d).state
    }

    fn at(&mut self, d: u32) -> &mut DepNow {
        let place = &mut self.place[d as usize];
        if *place == 0 {
            self.kept.push(DepsNow::UNTOUCHED);
            *place = self.kept.len() as u32;
        }
        &mut self.kept[*place as usize - 1]
    }
}

/// One interval of damage to one asset.
#[derive(Debug, Clone, Copy)]
struct Damage {
    asset: u32,
    /// Share of capacity lost.
    lost: f64,
    from_h: f64,
    to_h: f64,
}

/// One factor on demand or supply, or a jammed circle, over an interval.
#[derive(Debug, Clone)]
enum Factor {
    Demand {
        service: Service,
        zones: Vec<usize>,
        value: f64,
    },
    Arrivals {
        terminal: usize,
        value: f64,
    },
    Jam {
        lat: f64,
        lon: f64,
        km: f64,
        lost: f64,
    },
    /// These plants are not raised and these links not moved.
    Forbid {
        plants: Vec<u32>,
        hvdc: Vec<u32>,
    },
}

/// Freight that waits for a zone's ports.
#[derive(Debug, Clone, Copy, Default)]
struct Queue {
    /// Waiting, kt.
    backlog: f64,
    /// Growing (positive) or clearing, per day.
    rate: f64,
    blocked: f64,
}

/// A run in progress.
struct Run<'a, 'w> {
    world: &'a World<'w>,
    base: &'a Base,
    account: Account<'a>,
    now: f64,
    events: BinaryHeap<Reverse<(u64, Class, What)>>,
    damage: Vec<Damage>,
    factors: Vec<(Factor, f64, f64)>,
    active_factor: Vec<bool>,
    /// Share of each asset left by damage and by dependencies.
    by_damage: Vec<f64>,
    by_dependency: Vec<f64>,
    /// Intervals of damage of each asset as a chain: the last one, and the one before each.
    last_damage: Vec<u32>,
    damage_before: Vec<u32>,
    /// Intervals that begin or end together.
    groups: Vec<Vec<u32>>,
    /// Fleets and sites away from their full share.
    touched_sites: BTreeSet<u32>,
    deps_now: DepsNow,
    power: Option<Box<PowerState>>,
    dead: Option<Box<Dead>>,
    gas: Option<Box<GasRun>>,
    sea: Option<Box<SeaState>>,
    air: Option<Vec<f64>>,
    data: Option<Box<DataState>>,
    space: Option<Box<SpaceState>>,
    dirty: Dirty,
    rates: Rates,
    queues: Vec<Queue>,
    ending: Ending,
    n_programs: u32,
    causes: Vec<Cause>,
    failed: Vec<bool>,
    n_failed: usize,
    keep: Keep,
    rng: Rng,
    delay_rate: Vec<f64>,
    /// Served shares below 1 by bus, hub and metro.
    power_low: Vec<f64>,
    gas_low: BTreeMap<u32, f64>,
    data_low: BTreeMap<u32, f64>,
    space_flow: Option<crate::space::SpaceFlow>,
}

/// Gas while it is being simulated on its own.
struct GasRun {
    state: GasState,
    flow: GasFlow,
    /// Stocks are still those of the base, so the base flow may be taken where it fits.
    on_base: bool,
}

#[derive(Default, Clone, Copy)]
struct Dirty {
    power: bool,
    gas: bool,
    sea: bool,
    air: bool,
    data: bool,
    space: bool,
    fleet: bool,
}

impl Dirty {
    fn any(self) -> bool {
        self.power || self.gas || self.sea || self.air || self.data || self.space || self.fleet
    }
}

/// Runs a list of timed changes. Structural changes must already be in the world (see [`World::with`]).
pub fn run(world: &World, base: &Base, changes: &[Change], keep: Keep, seed: u64) -> Outcome {
    run_damages(world, base, &damages(world, changes), changes, keep, seed)
}

/// Runs intervals of damage, as [`damages`] gives them, and the changes of demand and supply in `changes`.
pub fn run_damages(world: &World, base: &Base, damages: &[(u32, f64, f64, f64)], changes: &[Change], keep: Keep, seed: u64) -> Outcome {
    let n = world.zones.len();
    let n_assets = world.parts.len();
    let population = world.zones.iter().map(|z| z.population).collect();
    let is_gate = world.zones.iter().map(|z| z.is_gate).collect::<Vec<_>>();
    let mut run = Run {
        world,
        base,
        account: Account::new(&base.prices, population, is_gate, &base.demand, keep.curve),
        now: 0.0,
        events: BinaryHeap::new(),
        damage: Vec::new(),
        factors: Vec::new(),
        active_factor: Vec::new(),
        by_damage: vec![1.0; n_assets],
        by_dependency: vec![1.0; n_assets],
        last_damage: vec![NONE; n_assets],
        damage_before: Vec::new(),
        groups: Vec::new(),
        touched_sites: BTreeSet::new(),
        deps_now: DepsNow::new(world.deps.len()),
        power: None,
        dead: None,
        gas: None,
        sea: None,
        air: None,
        data: None,
        space: None,
        dirty: Dirty::default(),
        rates: Rates::none(n),
        queues: vec![Queue::default(); n],
        ending: Ending::Solved,
        n_programs: 0,
        causes: Vec::new(),
        failed: vec![false; n_assets],
        n_failed: 0,
        keep,
        rng: Rng::new(seed),
        delay_rate: vec![0.0; n],
        power_low: Vec::new(),
        gas_low: BTreeMap::new(),
        data_low: BTreeMap::new(),
        space_flow: None,
    };
    run.schedule_damages(damages);
    run.schedule(changes);
    run.events_until_horizon()
}

/// The intervals of damage that a list of changes makes, as (asset, share lost, from, to).
pub fn damages(world: &World, changes: &[Change]) -> Vec<(u32, f64, f64, f64)> {
    let level = world.study.level.index();
    let mut out = Vec::new();
    let mut to_repair = Vec::new();
    for change in changes {
        let lost = match change.action {
            Action::TakeOut => 1.0,
            Action::Derate => change.value,
            Action::SetSupply => 1.0 - change.value,
            _ => continue,
        };
        for i in change.select.select(world.case) {
            if !world.settings.in_service[i] || (change.action == Action::SetSupply && matches!(world.parts[i], Part::Terminal(_))) {
                continue;
            }
            let lost = (lost * world.settings.damage[i]).clamp(0.0, 1.0);
            let to = match change.to_h {
                Some(to) => to[level],
                None => change.from_h + world.repair_h[i][level] * world.settings.repair[i],
            };
            if lost > 0.0 && to > change.from_h && change.from_h < world.study.horizon_h {
                if change.to_h.is_none() {
                    to_repair.push(out.len());
                }
                out.push((i as u32, lost, change.from_h, to));
            }
        }
    }
    queue_for_resources(world, &mut out, &to_repair);
    out
}

/// Repairs that need a scarce resource wait for it: whenever a team is free it goes to the damage that carries the most service
/// per hour of repair. `to_repair` are the intervals whose end is a repair and not a given time.
fn queue_for_resources(world: &World, out: &mut [(u32, f64, f64, f64)], to_repair: &[usize]) {
    let mut by_resource: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &k in to_repair {
        if let Some(r) = world.repair_needs[out[k].0 as usize] {
            by_resource.entry(r).or_default().push(k);
        }
    }
    for (r, mut open) in by_resource {
        let teams = world.case.tables().repair_resources[r as usize].teams as usize;
        if open.len() <= teams {
            continue;
        }
        let worth = |k: usize| world.carried(out[k].0) * out[k].1 / (out[k].3 - out[k].2);
        let mut ranked: Vec<(f64, usize)> = open.iter().map(|&k| (worth(k), k)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        open = ranked.into_iter().map(|x| x.1).collect();
        let mut free = vec![0.0_f64; teams];
        while !open.is_empty() {
            let team = (0..teams).min_by(|&a, &b| free[a].total_cmp(&free[b])).unwrap_or(0);
            // The worthiest damage that is there when the team is free; otherwise the next to come.
            let at = open.iter().position(|&k| out[k].2 <= free[team]);
            let next = at.unwrap_or_else(|| (0..open.len()).min_by(|&a, &b| out[open[a]].2.total_cmp(&out[open[b]].2)).unwrap_or(0));
            let k = open.remove(next);
            let (start, duration) = (free[team].max(out[k].2), out[k].3 - out[k].2);
            free[team] = start + duration;
            out[k].3 = free[team];
        }
    }
}

impl Run<'_, '_> {
    /// One event for all intervals that begin, or end, at one time.
    fn schedule_damages(&mut self, damages: &[(u32, f64, f64, f64)]) {
        let mut by_time: BTreeMap<(u64, Class), Vec<u32>> = BTreeMap::new();
        self.damage.reserve_exact(damages.len());
        self.damage_before.reserve_exact(damages.len());
        for &(asset, lost, from_h, to_h) in damages {
            let k = self.damage.len() as u32;
            self.damage.push(Damage { asset, lost, from_h, to_h });
            self.damage_before.push(std::mem::replace(&mut self.last_damage[asset as usize], k));
            by_time.entry((key(from_h), Class::Worsen)).or_default().push(k);
            if to_h < self.world.study.horizon_h {
                by_time.entry((key(to_h), Class::Recover)).or_default().push(k);
            }
        }
        for ((bits, class), group) in by_time {
            let g = self.groups.len() as u32;
            self.groups.push(group);
            self.push(f64::from_bits(bits), class, What::Damage(g));
        }
    }

    fn schedule(&mut self, changes: &[Change]) {
        for change in changes {
            let to = change.to_h.map_or(f64::INFINITY, |t| t[self.world.study.level.index()]);
            let factors: Vec<Factor> = match change.action {
                Action::SetDemand => {
                    let named = change.select.zones();
                    let zones =
                        (0..self.world.zones.len()).filter(|&z| named.is_empty() || named.contains(&self.world.zones[z].key)).collect();
                    let service = if change.select.commodity() == Some("gas") { Service::Gas } else { Service::Electricity };
                    vec![Factor::Demand { service, zones, value: change.value }]
                }
                Action::SetSupply => change
                    .select
                    .select(self.world.case)
                    .into_iter()
                    .filter_map(|i| match self.world.parts[i] {
                        Part::Terminal(k) => Some(Factor::Arrivals { terminal: k as usize, value: change.value }),
                        _ => None,
                    })
                    .collect(),
                Action::Forbid => {
                    let (mut plants, mut hvdc) = (Vec::new(), Vec::new());
                    for i in change.select.select(self.world.case) {
                        match self.world.parts[i] {
                            Part::Plant(k) => plants.push(k),
                            Part::Hvdc(k) => hvdc.push(k),
                            _ => {}
                        }
                    }
                    vec![Factor::Forbid { plants, hvdc }]
                }
                Action::Jam => {
                    change.select.circle().map(|(lat, lon, km)| Factor::Jam { lat, lon, km, lost: change.value }).into_iter().collect()
                }
                _ => continue,
            };
            for f in factors {
                let k = self.factors.len() as u32;
                self.factors.push((f, change.from_h, to));
                self.active_factor.push(false);
                self.push(change.from_h, Class::Worsen, What::Factor(k));
                self.push(to, Class::Recover, What::Factor(k));
            }
        }
    }

    fn push(&mut self, t: f64, class: Class, what: What) {
        if t < self.world.study.horizon_h {
            self.events.push(Reverse((key(t), class, what)));
        }
    }

    fn events_until_horizon(mut self) -> Outcome {
        let mut n_events = 0;
        while let Some(&Reverse((bits, class, _))) = self.events.peek() {
            let t = f64::from_bits(bits);
            n_events += 1;
            if n_events > MAX_EVENTS {
                self.ending = self.ending.and(Ending::EventLimit);
                break;
            }
            self.advance(t);
            let mut moved = false;
            while let Some(&Reverse((b, c, what))) = self.events.peek() {
                if c != class || f64::from_bits(b) > t + SAME_TIME_H {
                    break;
                }
                self.events.pop();
                moved |= self.apply(what);
            }
            if moved {
                self.settle();
            }
        }
        let horizon = self.world.study.horizon_h;
        self.advance(horizon);
        self.account.finish(self.ending, n_events, self.n_programs, self.causes, self.n_failed)
    }

    /// Lets time pass with constant rates.
    fn advance(&mut self, t: f64) {
        let hours = t - self.now;
        if hours <= 0.0 {
            return;
        }
        self.pass_queues(hours);
        if let Some(gas) = &mut self.gas {
            gas_advance(self.world, &mut gas.state, &gas.flow, hours);
        }
        self.now = t;
    }

    /// Integrates backlogs (which grow or shrink linearly) and books all losses of the stretch.
    fn pass_queues(&mut self, hours: f64) {
        let days = hours / 24.0;
        let mut rates_changed = false;
        for (z, q) in self.queues.iter_mut().enumerate() {
            let (before, after) = (q.backlog, (q.backlog + q.rate * days).max(0.0));
            q.backlog = after;
            if before > 0.0 || after > 0.0 || self.delay_rate[z] > 0.0 {
                // What counts is tonne-days of delay, in the queue and on detours.
                self.rates.lost[Service::Freight as usize][z] = f64::midpoint(before, after) + self.delay_rate[z];
                rates_changed = true;
            }
        }
        self.account.add(&self.rates, hours);
        if rates_changed {
            self.show_freight();
        }
    }

    /// Freight as a rate for curves: blocked now.
    fn show_freight(&mut self) {
        for (z, q) in self.queues.iter().enumerate() {
            self.rates.lost[Service::Freight as usize][z] =
                if q.backlog > 1e-6 || q.blocked > 0.0 { q.backlog.max(q.blocked) } else { 0.0 } + self.delay_rate[z];
        }
    }

    /// Applies one event; true when something may have moved.
    fn apply(&mut self, what: What) -> bool {
        match what {
            What::Damage(g) => {
                for k in std::mem::take(&mut self.groups[g as usize]) {
                    self.set_damage(self.damage[k as usize].asset);
                }
                true
            }
            What::Exhausted(d) => match self.deps_now.state(d) {
                DepState::Buffer(since) if self.buffer_ends(d, since) <= self.now + SAME_TIME_H => {
                    *self.deps_now.at(d) = DepNow { state: DepState::Lost, level: 0.0, since_h: self.now };
                    self.weigh_dependencies(d);
                    true
                }
                _ => false,
            },
            What::Factor(k) => self.set_factor(k as usize),
            What::GasClock => {
                self.dirty.gas = self.gas.is_some();
                self.dirty.gas
            }
            What::Energised => self.energise(),
            What::QueueClear => {
                self.account_queues();
                true
            }
            What::Restarted(d) => match self.deps_now.state(d) {
                DepState::Restarting(at) if at <= self.now + SAME_TIME_H => {
                    let level = self.deps_now.get(d).level;
                    *self.deps_now.at(d) = DepNow { state: DepState::Ok, level, since_h: self.now };
                    self.weigh_dependencies(d);
                    true
                }
                _ => false,
            },
        }
    }

    /// Share of an asset that is left.
    fn share(&self, asset: u32) -> f64 {
        self.by_damage[asset as usize] * self.by_dependency[asset as usize]
    }

    /// Share lost by the intervals of damage that hold now.
    fn damage_now(&self, asset: u32) -> f64 {
        let now = self.now + SAME_TIME_H;
        let (mut k, mut lost) = (self.last_damage[asset as usize], 0.0_f64);
        while k != NONE {
            let d = &self.damage[k as usize];
            if d.from_h <= now && d.to_h > now {
                lost = lost.max(d.lost);
            }
            k = self.damage_before[k as usize];
        }
        lost
    }

    fn set_damage(&mut self, asset: u32) {
        let before = self.share(asset);
        self.by_damage[asset as usize] = 1.0 - self.damage_now(asset);
        if self.share(asset) < before {
            self.blame(asset, CausedBy::Damage);
        }
        self.moved(asset);
    }

    fn blame(&mut self, asset: u32, by: CausedBy) {
        if !std::mem::replace(&mut self.failed[asset as usize], true) {
            self.n_failed += 1;
            if self.keep.causes {
                self.causes.push(Cause { asset, t_h: self.now, by });
            }
        }
    }

    /// The share of the dependent of `d` is the worst of its lost dependencies.
    fn weigh_dependencies(&mut self, d: u32) {
        let asset = self.world.deps[d as usize].dependent;
        let range = self.world.deps_of(asset);
        let lost = range
            .iter()
            .filter(|&&k| matches!(self.deps_now.state(k), DepState::Lost | DepState::Restarting(_)))
            .map(|&k| self.effect_now(k))
            .fold(0.0, f64::max);
        let before = self.share(asset);
        self.by_dependency[asset as usize] = 1.0 - lost;
        if self.share(asset) < before {
            self.blame(asset, CausedBy::Dependency(d));
        }
        self.moved(asset);
    }

    /// Marks what an asset's share spoils and passes it into the sector's state.
    fn moved(&mut self, asset: u32) {
        let w = self.world;
        let share = if w.settings.in_service[asset as usize] { self.share(asset) } else { 0.0 };
        match w.parts[asset as usize] {
            Part::Bus(k) => {
                let share = self.bus_share(k, share);
                self.power_state().bus[k as usize] = share;
            }
            Part::Line(k) => {
                self.restart_paths_moved();
                self.power_state().line[k as usize] = share;
            }
            Part::Hvdc(k) => {
                self.restart_paths_moved();
                self.power_state().hvdc[k as usize] = share;
            }
            Part::Plant(k) => {
                self.restart_paths_moved();
                self.power_state().plant[k as usize] = share;
            }
            Part::GasNode(_) | Part::GasPipe(_) | Part::Compressor(_) | Part::Store(_) | Part::Terminal(_) | Part::GasSupply(_) => {
                self.set_gas(asset, share);
            }
            Part::Passage(k) => self.sea_state().passage[k as usize] = share,
            Part::Lane(k) => self.sea_state().lane[k as usize] = share,
            Part::Port(k) => self.sea_state().port[k as usize] = share,
            Part::Airport(k) => {
                self.dirty.air = true;
                self.air.get_or_insert_with(|| vec![1.0; w.air.zone.len()])[k as usize] = share;
            }
            Part::DataNode(k) => self.data_state().node[k as usize] = share,
            Part::DataLink(k) => self.data_state().link[k as usize] = share,
            Part::System(k) => self.space_state().system[k as usize] = share,
            Part::Satellite(k) => self.space_state().satellite[k as usize] = share,
            Part::GroundSite(k) => self.space_state().site[k as usize] = share,
            Part::Fleet(_) | Part::Site(_) => {
                self.dirty.fleet = true;
                self.touched_sites.insert(asset);
            }
        }
        for &d in w.deps_at.asset.of(asset as usize) {
            self.look_at(d);
        }
    }

    fn power_state(&mut self) -> &mut PowerState {
        self.dirty.power = true;
        let w = self.world;
        self.power.get_or_insert_with(|| Box::new(w.power.state.clone()))
    }

    fn sea_state(&mut self) -> &mut SeaState {
        self.dirty.sea = true;
        let w = self.world;
        self.sea.get_or_insert_with(|| {
            let mut s = w.sea.intact();
            s.passage.iter_mut().enumerate().for_each(|(k, x)| *x = f64::from(w.settings.in_service[w.first.passage + k]));
            Box::new(s)
        })
    }

    fn data_state(&mut self) -> &mut DataState {
        self.dirty.data = true;
        let w = self.world;
        self.data.get_or_insert_with(|| Box::new(data_intact(w)))
    }

    fn space_state(&mut self) -> &mut SpaceState {
        self.dirty.space = true;
        let w = self.world;
        self.space.get_or_insert_with(|| Box::new(space_intact(w)))
    }

    fn gas_run(&mut self) -> Option<&mut GasRun> {
        if self.gas.is_none() {
            let stretch = self.base.gas_at(self.now)?;
            let mut state = gas_start(self.world);
            let days = (self.now - stretch.t_h) / 24.0;
            state.stored = stretch.stored.iter().zip(&stretch.flow.store_rate).map(|(s, r)| (s + r * days).max(0.0)).collect();
            state.tank = stretch.tank.iter().zip(&stretch.flow.tank_rate).map(|(s, r)| (s + r * days).max(0.0)).collect();
            self.gas = Some(Box::new(GasRun { state, flow: stretch.flow.clone(), on_base: true }));
        }
        self.gas.as_deref_mut()
    }

    fn set_gas(&mut self, asset: u32, share: f64) {
        let w = self.world;
        // Where the asset carried nothing in the base and nothing else is wrong, capacity is lost and service is not.
        let pipe_share = |run: &Self, p: usize| {
            let own = run.share((w.first.gas_pipe + p) as u32);
            let compressors =
                w.pipe_compressors[p].iter().map(|&c| FREE_FLOW_SHARE + (1.0 - FREE_FLOW_SHARE) * run.share(c)).fold(1.0, f64::min);
            own * compressors
        };
        let pipe = match w.parts[asset as usize] {
            Part::GasPipe(k) => Some((k as usize, pipe_share(self, k as usize))),
            Part::Compressor(k) => Some((w.compressor_pipe[k as usize], pipe_share(self, w.compressor_pipe[k as usize]))),
            _ => None,
        };
        let part = w.parts[asset as usize];
        let Some(gas) = self.gas_run() else { return };
        match (part, pipe) {
            (_, Some((p, s))) => gas.state.pipe[p] = s,
            (Part::GasNode(k), _) => gas.state.node[k as usize] = share,
            (Part::Store(k), _) => gas.state.store[k as usize] = share,
            (Part::Terminal(k), _) => gas.state.terminal[k as usize] = share,
            (Part::GasSupply(k), _) => gas.state.supply[k as usize] = share,
            _ => {}
        }
        self.dirty.gas = true;
    }

    /// Product of the factors that hold now and that `value` reads.
    fn product(&self, value: impl Fn(&Factor) -> Option<f64>) -> f64 {
        let active = self.factors.iter().zip(&self.active_factor).filter(|x| *x.1);
        active.filter_map(|(f, _)| value(&f.0)).product()
    }

    fn set_factor(&mut self, k: usize) -> bool {
        let (from, to) = (self.factors[k].1, self.factors[k].2);
        self.active_factor[k] = from <= self.now + SAME_TIME_H && to > self.now + SAME_TIME_H;
        match self.factors[k].0.clone() {
            Factor::Demand { service, zones, .. } => {
                for z in zones {
                    let value = self.product(|f| match f {
                        Factor::Demand { service: s, zones, value } if *s == service && zones.contains(&z) => Some(*value),
                        _ => None,
                    });
                    if service == Service::Gas {
                        if let Some(gas) = self.gas_run() {
                            gas.state.demand[z] = value;
                        }
                        self.dirty.gas = self.gas.is_some();
                    } else {
                        self.power_state().demand[z] = value;
                    }
                }
            }
            Factor::Arrivals { terminal, .. } => {
                let value = self.product(|f| match f {
                    Factor::Arrivals { terminal: t, value } if *t == terminal => Some(*value),
                    _ => None,
                });
                if let Some(gas) = self.gas_run() {
                    gas.state.arrivals[terminal] = value;
                }
                self.dirty.gas = self.gas.is_some();
            }
            Factor::Jam { .. } => {
                self.space_state();
            }
            Factor::Forbid { .. } => {
                let active: Vec<Factor> = self.factors.iter().zip(&self.active_factor).filter(|x| *x.1).map(|x| x.0.0.clone()).collect();
                let state = self.power_state();
                (state.held_plants, state.held_hvdc) = (Vec::new(), Vec::new());
                for f in active {
                    if let Factor::Forbid { plants, hvdc } = f {
                        state.held_plants.extend(plants);
                        state.held_hvdc.extend(hvdc);
                    }
                }
                state.held_plants.sort_unstable();
                state.held_hvdc.sort_unstable();
            }
        }
        true
    }

    /// Solves what moved, translates served shares into states of dependencies, and repeats until nothing moves.
    fn settle(&mut self) {
        for round in 0.. {
            if round >= MAX_ROUNDS {
                self.ending = self.ending.and(Ending::NotSettled);
                break;
            }
            if !self.dirty.any() {
                break;
            }
            let dirty = std::mem::take(&mut self.dirty);
            if dirty.power {
                self.solve_power();
            }
            if dirty.gas {
                self.solve_gas();
            }
            if dirty.data {
                self.solve_data();
            }
            if dirty.space {
                self.solve_space();
            }
            if dirty.sea {
                self.solve_sea();
            }
            if dirty.air {
                self.solve_air();
            }
            if dirty.fleet || dirty.space {
                self.count_sites();
            }
        }
        self.plan_restart();
        self.account.note(&self.rates, self.now);
    }
}
