//! Overload cascades in time: heat, protection, frequency, hidden failures.
//!
//! - Heat: the rise Θ of a conductor, 1 at its continuous rating, follows τ dΘ/dt = u² − Θ with u = |flow| / rating. It trips at
//!   Θ* = (emergency rating / rating)², after τ ln((u² − Θ) / (u² − Θ*)) when u² > Θ*: the standard first-order form of
//!   IEC 60255-149. The intact network starts in thermal equilibrium.
//! - Protection: above a multiple of the emergency rating a branch trips after a fixed delay.
//! - Hidden failures: each live branch at a bus of a tripped one trips wrongly with probability p (Chen, Thorp, Dobson, Int. J.
//!   Electr. Power Energy Syst. 27, 2005, DOI 10.1016/j.ijepes.2004.12.003).
//! - Islands: when one falls apart, each part follows [`crate::power::frequency`] from nominal frequency. Until it has settled the
//!   machines share the imbalance by their capacity (inertia); then relays have acted, and governors share the rest equally in
//!   per unit within their headroom. What headroom cannot cover the self-regulation of the load does. A part that collapses, or
//!   has no machine or no load, goes dark, and direct-current lines to it stop. A further
//!   split restarts the response from nominal frequency; load and generation switched by relays is spread over the island.
//!
//! Flows are direct current, in steps from event to event; there is no oscillation, voltage or angle stability in it.

use buttress_model::network::PowerNetwork;

use super::flows::{Grid, State, balance};
use crate::batch;
use crate::ending::Ending;
use crate::power::dc::DcModel;
use crate::power::frequency::{Action, Area, Fate, Horizon, Relay, Reserve, Response};
use crate::rng::Rng;

/// Imbalance below this share of the load is none.
const BALANCED: f64 = 1e-9;
/// Events this close are one, s.
const AT_ONCE_S: f64 = 1e-3;
/// Halvings that place a common per-unit share of governors.
const HALVINGS: usize = 60;

/// A frequency relay as a share of an island's load (or generation, where it trips that).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShareRelay {
    /// What it does.
    pub action: Action,
    /// Setting, Hz.
    pub frequency_hz: f64,
    /// Time beyond the setting before it acts, s.
    pub delay_s: f64,
    /// Share of the island's load or generation before the event.
    pub share: f64,
}

/// How branches, protection and machines behave.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Thermal time constant τ of conductors, s.
    pub thermal_time_s: f64,
    /// Least rating as a multiple of the base flow, so that the intact network stands.
    pub least_margin: f64,
    /// Emergency rating as a multiple of the rating where the network gives neither the short-term nor the emergency rating.
    pub emergency_multiple: f64,
    /// Multiple of the emergency rating above which protection trips without waiting for heat.
    pub instant_multiple: f64,
    /// Delay of that protection, s.
    pub instant_delay_s: f64,
    /// Probability of a hidden failure at each exposure.
    pub hidden_failure_probability: f64,
    /// Nominal frequency, Hz.
    pub nominal_hz: f64,
    /// Kinetic energy per capacity of running machines, MW s/MW.
    pub inertia_s: f64,
    /// Droop of governors, p.u. frequency per p.u. power.
    pub droop: f64,
    /// Time constant of governors, s.
    pub governor_time_s: f64,
    /// Self-regulation of load, 1/Hz.
    pub self_regulation_per_hz: f64,
    /// Frequency relays of every island.
    pub relays: Vec<ShareRelay>,
    /// Frequencies at which an island goes dark, low and high, Hz.
    pub collapse_hz: (f64, f64),
    /// Longest time followed, s.
    pub horizon_s: f64,
}

/// Why a branch left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is the start of the cascade.
    Initial,
    /// Its conductor reached the trip temperature.
    Heat,
    /// Its flow was beyond the instantaneous setting.
    Protection,
    /// It tripped wrongly beside another.
    HiddenFailure,
}

/// What happened in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// A branch left, by index.
    Branch(u32, Cause),
    /// In an island, named by its first bus, a relay of [`Settings::relays`] switched that much load or generation, MW.
    Relay(u32, u32, f64),
    /// An island settled at a frequency, Hz; load that neither relays nor governors balanced is lost to self-regulation.
    Settled(u32, f64),
    /// An island went dark: by its frequency, or for want of a machine or a load.
    Dark(u32, Option<Fate>),
}

/// One step of the record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// When, s.
    pub time_s: f64,
    /// What and why.
    pub what: What,
    /// Load lost by it, MW.
    pub lost_mw: f64,
}

/// What came of one cascade.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How the run ended; `NotSettled` when branches were still heating at the horizon.
    pub ending: Ending,
    /// Load of the intact network, MW.
    pub load_mw: f64,
    /// Load lost by shedding and darkness, MW.
    pub lost_mw: f64,
    /// Steps in order of time.
    pub steps: Vec<Step>,
    /// Lowest frequency of any island that held or fell, Hz.
    pub nadir_hz: f64,
    /// Island of each bus at the end, named by its first bus.
    pub island: Vec<u32>,
    /// True for buses that are dark at the end.
    pub dark: Vec<bool>,
}

impl Outcome {
    /// Load or generation switched by each of the first `n_relays` relays, MW, over all islands.
    pub fn switched_mw(&self, n_relays: usize) -> Vec<f64> {
        let mut mw = vec![0.0; n_relays];
        for s in &self.steps {
            if let What::Relay(_, relay, p) = s.what
                && let Some(sum) = mw.get_mut(relay as usize)
            {
                *sum += p;
            }
        }
        mw
    }
}

#[derive(Debug, Clone, Copy)]
struct Machine {
    bus: usize,
    p: f64,
    p_max: f64,
}

/// A direct-current line, oriented by its power; it stops when an end goes dark.
#[derive(Debug, Clone, Copy)]
struct Link {
    from: usize,
    to: usize,
    p_from: f64,
    p_to: f64,
}

/// The full model of one network.
#[derive(Debug, Clone)]
pub struct Timed {
    /// The intact network.
    pub grid: Grid,
    /// How it behaves.
    pub settings: Settings,
    /// Rating of each branch, p.u.
    pub rating: Vec<f64>,
    /// Emergency rating of each branch, p.u.
    pub emergency: Vec<f64>,
    machines: Vec<Machine>,
    load: Vec<f64>,
    infeed: Vec<f64>,
    links: Vec<Link>,
    /// Branches at each bus.
    around: Vec<Vec<u32>>,
}

impl Timed {
    /// Reads a network and its direct-current model. Losses and shunts are load or infeed at their bus; the larger side of an
    /// island out of balance is scaled to the smaller.
    pub fn new(network: &PowerNetwork, model: &DcModel, settings: Settings) -> Result<Timed, Ending> {
        let grid = Grid::new(model)?;
        let n = grid.n_buses;
        let mut machines: Vec<Machine> = network
            .generators
            .iter()
            .filter(|g| g.in_service && g.p_mw >= 0.0 && g.p_max_mw > 0.0 && model.live[g.bus])
            .map(|g| Machine { bus: g.bus, p: g.p_mw / grid.base_mva, p_max: g.p_max_mw.max(g.p_mw) / grid.base_mva })
            .collect();
        let mut load: Vec<f64> =
            network.buses.iter().zip(&model.live).map(|(b, live)| if *live { b.pd_mw.max(0.0) / grid.base_mva } else { 0.0 }).collect();
        let links = links(network, model);
        let mut infeed = grid.offered.clone();
        for l in &links {
            infeed[l.from] += l.p_from;
            infeed[l.to] -= l.p_to;
        }
        for (i, l) in load.iter().enumerate() {
            infeed[i] += l;
        }
        machines.iter().for_each(|m| infeed[m.bus] -= m.p);
        for (infeed, load) in infeed.iter_mut().zip(&mut load) {
            *load += (-*infeed).max(0.0);
            *infeed = infeed.max(0.0);
        }
        let totals = totals(&grid.island, &machines, &load, &infeed, &links);
        let scale = |bus: usize| {
            let t = totals[grid.island[bus] as usize];
            let excess = t.made - t.used;
            (1.0 - excess.max(0.0) / t.power.max(f64::MIN_POSITIVE), 1.0 + excess.min(0.0) / t.load.max(f64::MIN_POSITIVE))
        };
        machines.iter_mut().for_each(|m| m.p *= scale(m.bus).0.max(0.0));
        for i in 0..n {
            infeed[i] *= scale(i).0.max(0.0);
            load[i] *= scale(i).1.max(0.0);
        }
        let (mut rating, mut emergency) = (model.limit.clone(), vec![f64::INFINITY; grid.n_branches()]);
        for (k, branch) in network.branches.iter().enumerate() {
            let given = [branch.rate_c_mva, branch.rate_b_mva].into_iter().find(|r| *r > 0.0).map(|r| r / grid.base_mva);
            let wanted = given.unwrap_or(rating[k] * settings.emergency_multiple).max(rating[k]);
            rating[k] = rating[k].max(settings.least_margin * grid.flow[k].abs());
            emergency[k] = wanted.max(rating[k]);
        }
        let mut around = vec![Vec::new(); n];
        for k in (0..grid.n_branches()).filter(|&k| grid.b[k] != 0.0) {
            around[grid.from[k] as usize].push(k as u32);
            around[grid.to[k] as usize].push(k as u32);
        }
        Ok(Timed { grid, settings, rating, emergency, machines, load, infeed, links, around })
    }

    /// Follows one cascade from outages of branches (by index); `seed` decides hidden failures.
    pub fn run(&self, outages: &[u32], seed: u64) -> Outcome {
        Run::new(self, seed).follow(outages)
    }

    /// One cascade per start, in order and the same for any number of threads; start `i` is seeded with the `i`-th draw of `seed`.
    pub fn ensemble(&self, starts: &[Vec<u32>], seed: u64, threads: usize) -> Vec<Outcome> {
        let mut rng = Rng::new(seed);
        let seeds: Vec<u64> = starts.iter().map(|_| rng.bits()).collect();
        batch::map(starts.len(), threads, |i| self.run(&starts[i], seeds[i]))
    }
}

/// An island that has not settled.
struct Pending {
    root: u32,
    from_s: f64,
    until_s: f64,
    response: Response,
}

struct Run<'t> {
    timed: &'t Timed,
    state: State<'t>,
    rng: Rng,
    time_s: f64,
    heat: Vec<f64>,
    /// When protection acts, if a flow stays beyond the instantaneous setting.
    due_s: Vec<f64>,
    machines: Vec<Machine>,
    load: Vec<f64>,
    infeed: Vec<f64>,
    links: Vec<Link>,
    dark: Vec<bool>,
    /// Size of each island when it was last looked at, by first bus.
    n_buses: Vec<usize>,
    pending: Vec<Pending>,
    sums: Vec<(f64, f64)>,
    out: Outcome,
}

/// Totals of an island, p.u.
#[derive(Default, Clone, Copy)]
struct Totals {
    /// Machines and infeed.
    power: f64,
    /// Load.
    load: f64,
    /// Power and what direct-current lines bring on balance.
    made: f64,
    /// Load and what direct-current lines take on balance.
    used: f64,
    capacity: f64,
    up: f64,
    down: f64,
    n_buses: usize,
}

/// Totals by first bus of an island.
fn totals(island: &[u32], machines: &[Machine], load: &[f64], infeed: &[f64], links: &[Link]) -> Vec<Totals> {
    let mut totals = vec![Totals::default(); island.len()];
    for i in 0..island.len() {
        let t = &mut totals[island[i] as usize];
        t.power += infeed[i];
        t.load += load[i];
        t.n_buses += 1;
    }
    for m in machines {
        let t = &mut totals[island[m.bus] as usize];
        t.power += m.p;
        t.capacity += m.p_max;
        t.up += m.p_max - m.p;
        t.down += m.p;
    }
    let mut brought = vec![0.0; if links.is_empty() { 0 } else { island.len() }];
    for l in links {
        brought[island[l.from] as usize] -= l.p_from;
        brought[island[l.to] as usize] += l.p_to;
    }
    for (i, t) in totals.iter_mut().enumerate() {
        let brought = brought.get(i).copied().unwrap_or(0.0);
        (t.made, t.used) = (t.power + brought.max(0.0), t.load + (-brought).max(0.0));
    }
    totals
}

/// Direct-current lines that run.
fn links(network: &PowerNetwork, model: &DcModel) -> Vec<Link> {
    let base = network.base_mva;
    let running = network.dc_lines.iter().filter(|l| l.in_service && model.live[l.from] && model.live[l.to]);
    let oriented =
        running.map(|l| if l.p_from_mw >= 0.0 { (l.from, l.to, l.p_from_mw, l.p_to_mw) } else { (l.to, l.from, -l.p_to_mw, -l.p_from_mw) });
    oriented.map(|(from, to, p_from, p_to)| Link { from, to, p_from: p_from / base, p_to: p_to / base }).collect()
}

impl<'t> Run<'t> {
    fn new(timed: &'t Timed, seed: u64) -> Run<'t> {
        let grid = &timed.grid;
        let n = grid.n_buses;
        let load_mw = timed.load.iter().sum::<f64>() * grid.base_mva;
        let heat = (0..grid.n_branches()).map(|k| square(grid.flow[k] / timed.rating[k])).collect();
        let mut n_buses = vec![0; n];
        grid.island.iter().for_each(|&i| n_buses[i as usize] += 1);
        let out = Outcome {
            ending: Ending::IterationLimit,
            load_mw,
            lost_mw: 0.0,
            steps: Vec::new(),
            nadir_hz: timed.settings.nominal_hz,
            island: Vec::new(),
            dark: Vec::new(),
        };
        Run {
            timed,
            state: State::new(grid),
            rng: Rng::new(seed),
            time_s: 0.0,
            heat,
            due_s: vec![f64::INFINITY; grid.n_branches()],
            machines: timed.machines.clone(),
            load: timed.load.clone(),
            infeed: timed.infeed.clone(),
            links: timed.links.clone(),
            dark: vec![false; n],
            n_buses,
            pending: Vec::new(),
            sums: Vec::new(),
            out,
        }
    }

    fn follow(mut self, outages: &[u32]) -> Outcome {
        let initial = outages.iter().map(|&k| (k, Cause::Initial)).collect();
        self.trip(initial);
        // Every event takes a branch out or settles an island; an island changes by a branch or once by the darkness of another.
        for _ in 0..3 * self.timed.grid.n_branches() + self.n_buses.len() + 3 {
            if let Some(ending) = self.flows() {
                self.out.ending = ending;
                break;
            }
            let (trip_s, settle_s) = (self.next_trip_s(), self.pending.iter().fold(f64::INFINITY, |t, p| t.min(p.until_s)));
            let next = trip_s.min(settle_s);
            if next.is_infinite() || next > self.timed.settings.horizon_s {
                self.out.ending = if next.is_infinite() { Ending::Solved } else { Ending::NotSettled };
                break;
            }
            self.advance(next);
            if settle_s <= trip_s {
                self.settle();
            } else {
                let tripped = self.tripping();
                self.trip(tripped);
            }
        }
        // Relays are known only once their island has settled.
        self.out.steps.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        self.out.island.clone_from(&self.state.island);
        self.out.dark = self.dark;
        self.out
    }

    fn record(&mut self, what: What, lost: f64) {
        let lost_mw = lost * self.timed.grid.base_mva;
        self.out.lost_mw += lost_mw;
        self.out.steps.push(Step { time_s: self.time_s, what, lost_mw });
    }

    /// Solves the flows of the present injections and starts or stops protection; an ending when that fails.
    fn flows(&mut self) -> Option<Ending> {
        let grid = &self.timed.grid;
        for i in 0..grid.n_buses {
            self.state.p[i] = self.infeed[i] - self.load[i];
        }
        self.machines.iter().for_each(|m| self.state.p[m.bus] += m.p);
        for l in &self.links {
            self.state.p[l.from] -= l.p_from;
            self.state.p[l.to] += l.p_to;
        }
        let totals = self.totals();
        for p in &self.pending {
            let t = totals[p.root as usize];
            for m in self.machines.iter().filter(|m| self.state.island[m.bus] == p.root) {
                self.state.p[m.bus] += (t.used - t.made) * m.p_max / t.capacity;
            }
        }
        balance(&mut self.state.p, &self.state.island, &mut self.sums);
        self.state.injections_changed();
        let ending = self.state.solve();
        let s = &self.timed.settings;
        for k in 0..grid.n_branches() {
            let beyond = self.state.flow(k).abs() > s.instant_multiple * self.timed.emergency[k];
            self.due_s[k] = if beyond { self.due_s[k].min(self.time_s + s.instant_delay_s) } else { f64::INFINITY };
        }
        (ending != Ending::Solved).then_some(ending)
    }

    /// When heat trips a branch under the present flows, s.
    fn heat_due_s(&self, k: usize) -> f64 {
        let u2 = square(self.state.flow(k) / self.timed.rating[k]);
        let limit = square(self.timed.emergency[k] / self.timed.rating[k]);
        if u2.is_nan() || limit.is_nan() || u2 <= limit {
            f64::INFINITY
        } else if self.heat[k] >= limit {
            self.time_s
        } else {
            self.time_s + self.timed.settings.thermal_time_s * ((u2 - self.heat[k]) / (u2 - limit)).ln()
        }
    }

    fn next_trip_s(&self) -> f64 {
        (0..self.heat.len()).fold(f64::INFINITY, |t, k| t.min(self.due_s[k]).min(self.heat_due_s(k)))
    }

    /// Moves to a time; conductors warm or cool on the way.
    fn advance(&mut self, to_s: f64) {
        let keep = (-(to_s - self.time_s) / self.timed.settings.thermal_time_s).exp();
        for k in 0..self.heat.len() {
            let u2 = square(self.state.flow(k) / self.timed.rating[k]);
            if u2.is_finite() {
                self.heat[k] = u2 + (self.heat[k] - u2) * keep;
            }
        }
        self.time_s = to_s;
    }

    /// Branches that trip now.
    fn tripping(&self) -> Vec<(u32, Cause)> {
        let now = self.time_s + AT_ONCE_S;
        let cause = |k: usize| {
            if self.due_s[k] <= now { Some(Cause::Protection) } else { (self.heat_due_s(k) <= now).then_some(Cause::Heat) }
        };
        (0..self.heat.len()).filter_map(|k| cause(k).map(|c| (k as u32, c))).collect()
    }

    /// Takes branches out, with the hidden failures they expose, and starts the response of islands that changed.
    fn trip(&mut self, mut tripped: Vec<(u32, Cause)>) {
        let grid = &self.timed.grid;
        let p = self.timed.settings.hidden_failure_probability;
        let mut gone: Vec<u32> = tripped.iter().map(|t| t.0).collect();
        if p > 0.0 {
            for k in gone.clone() {
                for bus in [grid.from[k as usize], grid.to[k as usize]] {
                    for &other in &self.timed.around[bus as usize] {
                        if self.state.b[other as usize] != 0.0 && !gone.contains(&other) && self.rng.unit() < p {
                            gone.push(other);
                            tripped.push((other, Cause::HiddenFailure));
                        }
                    }
                }
            }
        }
        for &(k, cause) in &tripped {
            if self.state.b[k as usize] != 0.0 {
                self.record(What::Branch(k, cause), 0.0);
            }
        }
        if self.state.remove(&gone) {
            self.respond();
        }
    }

    fn totals(&self) -> Vec<Totals> {
        totals(&self.state.island, &self.machines, &self.load, &self.infeed, &self.links)
    }

    /// Starts the frequency response of every island that has changed; one that goes dark may change others by its direct-current
    /// lines, once each.
    fn respond(&mut self) {
        for _ in 0..=self.n_buses.len() {
            let totals = self.totals();
            self.pending.retain(|p| totals[p.root as usize].n_buses == self.n_buses[p.root as usize]);
            let changed = |&i: &u32| {
                let t = &totals[i as usize];
                t.n_buses > 0 && t.n_buses != self.n_buses[i as usize] && !self.dark[i as usize]
            };
            let changed: Vec<u32> = (0..totals.len() as u32).filter(changed).collect();
            if changed.is_empty() {
                break;
            }
            for root in changed {
                let t = totals[root as usize];
                self.n_buses[root as usize] = t.n_buses;
                if t.capacity == 0.0 || t.load == 0.0 {
                    self.darken(root, None);
                } else if (t.made - t.used).abs() > BALANCED * t.used {
                    let response = self.area(&t).respond((t.made - t.used) * self.timed.grid.base_mva, self.response_horizon());
                    let until_s = self.time_s + response.final_s;
                    self.pending.push(Pending { root, from_s: self.time_s, until_s, response });
                }
            }
        }
    }

    fn response_horizon(&self) -> Horizon {
        // Ten time constants of the governors and of a heavy island, whichever lasts longer, are enough to settle.
        Horizon { end_s: 10.0 * self.timed.settings.governor_time_s.max(6.0), trace_every_s: f64::INFINITY }
    }

    fn area(&self, t: &Totals) -> Area {
        let (s, base) = (&self.timed.settings, self.timed.grid.base_mva);
        let governors = Reserve {
            slope_mw_per_hz: t.capacity * base / (s.droop * s.nominal_hz),
            dead_band_hz: 0.0,
            up_mw: t.up * base,
            down_mw: t.down * base,
            time_constant_s: s.governor_time_s,
            ramp_mw_per_s: f64::INFINITY,
        };
        let relay = |r: &ShareRelay| {
            let whole = if r.action == Action::ShedLoad { t.load } else { t.power };
            Relay { action: r.action, frequency_hz: r.frequency_hz, delay_s: r.delay_s, p_mw: r.share * whole * base }
        };
        Area {
            nominal_hz: s.nominal_hz,
            kinetic_mws: s.inertia_s * t.capacity * base,
            load_mw: t.load * base,
            self_regulation_per_hz: s.self_regulation_per_hz,
            reserves: vec![governors],
            relays: s.relays.iter().map(relay).collect(),
            collapse_low_hz: s.collapse_hz.0,
            collapse_high_hz: s.collapse_hz.1,
        }
    }

    /// Ends the response of the islands that settle now.
    fn settle(&mut self) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|p| p.until_s <= self.time_s + AT_ONCE_S);
        self.pending = later;
        for p in now {
            self.out.nadir_hz = self.out.nadir_hz.min(p.response.nadir.0);
            self.switch(&p);
            if p.response.fate == Fate::Held {
                self.govern(p.root, p.response.final_hz);
            } else {
                self.darken(p.root, Some(p.response.fate));
            }
        }
        self.respond();
    }

    /// Does to an island what its relays did, spread over it; a tripped share of a machine takes its headroom along.
    fn switch(&mut self, p: &Pending) {
        let (t, base) = (self.totals()[p.root as usize], self.timed.grid.base_mva);
        let (mut shed, mut tripped) = (0.0, 0.0);
        for a in &p.response.acted {
            let relay = &self.timed.settings.relays[a.relay];
            let (whole, done) = if relay.action == Action::ShedLoad { (t.load, &mut shed) } else { (t.power, &mut tripped) };
            let mw = relay.share.min(1.0 - *done) * whole * base;
            *done = (*done + relay.share).min(1.0);
            let lost = if relay.action == Action::ShedLoad { mw } else { 0.0 };
            self.out.lost_mw += lost;
            let what = What::Relay(p.root, a.relay as u32, mw);
            self.out.steps.push(Step { time_s: p.from_s + a.time_s, what, lost_mw: lost });
        }
        for i in (0..self.load.len()).filter(|&i| self.state.island[i] == p.root) {
            self.load[i] *= 1.0 - shed;
            self.infeed[i] *= 1.0 - tripped;
        }
        for m in self.machines.iter_mut().filter(|m| self.state.island[m.bus] == p.root) {
            m.p *= 1.0 - tripped;
            m.p_max *= 1.0 - tripped;
        }
    }

    /// Governors of an island share its imbalance equally in per unit within their headroom; self-regulation takes the rest.
    fn govern(&mut self, root: u32, final_hz: f64) {
        let t = self.totals()[root as usize];
        let need = t.used - t.made;
        let inside: Vec<usize> = (0..self.machines.len()).filter(|&g| self.state.island[self.machines[g].bus] == root).collect();
        let room = |m: &Machine| if need > 0.0 { m.p_max - m.p } else { m.p };
        let moved = |share: f64| inside.iter().map(|&g| (share * self.machines[g].p_max).min(room(&self.machines[g]))).sum::<f64>();
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if moved(middle) < need.abs() {
                low = middle;
            } else {
                high = middle;
            }
        }
        for &g in &inside {
            let step = (high * self.machines[g].p_max).min(room(&self.machines[g]));
            self.machines[g].p += step.copysign(need);
        }
        let now = self.totals()[root as usize];
        let left = (1.0 - (now.used - now.made).max(0.0) / now.load.max(f64::MIN_POSITIVE)).max(0.0);
        self.load.iter_mut().zip(&self.state.island).filter(|(_, i)| **i == root).for_each(|(l, _)| *l *= left);
        let lost = now.load * (1.0 - left);
        self.record(What::Settled(root, final_hz), if lost > BALANCED * t.load { lost } else { 0.0 });
    }

    /// Switches off an island.
    fn darken(&mut self, root: u32, fate: Option<Fate>) {
        let had_power = self.totals()[root as usize].power > 0.0;
        let mut lost = 0.0;
        for i in (0..self.load.len()).filter(|&i| self.state.island[i] == root) {
            lost += std::mem::take(&mut self.load[i]);
            self.infeed[i] = 0.0;
            self.dark[i] = true;
        }
        for m in self.machines.iter_mut().filter(|m| self.state.island[m.bus] == root) {
            (m.p, m.p_max) = (0.0, 0.0);
        }
        let (n_buses, island) = (&mut self.n_buses, &self.state.island);
        self.links.retain(|l| {
            let ends = [island[l.from], island[l.to]];
            // Forgetting the size of an island marks it as changed.
            ends.iter().filter(|i| ends.contains(&root) && **i != root).for_each(|i| n_buses[*i as usize] = 0);
            !ends.contains(&root)
        });
        if lost > 0.0 || had_power {
            self.record(What::Dark(root, fate), lost);
        }
    }
}

fn square(x: f64) -> f64 {
    x * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::dc::Convention;
    use buttress_model::network::{Branch, Bus, BusKind, DcLine, Generator};

    fn settings() -> Settings {
        Settings {
            thermal_time_s: 600.0,
            least_margin: 1.0,
            emergency_multiple: 1.2,
            instant_multiple: 1.5,
            instant_delay_s: 0.5,
            hidden_failure_probability: 0.0,
            nominal_hz: 50.0,
            inertia_s: 4.0,
            droop: 0.05,
            governor_time_s: 6.0,
            self_regulation_per_hz: 0.02,
            relays: vec![],
            collapse_hz: (47.5, 51.5),
            horizon_s: 7200.0,
        }
    }

    /// Buses of (load, made, most made) MW and branches of (from, to, rating) with x = 0.1.
    fn network(buses: &[(f64, f64, f64)], branches: &[(usize, usize, f64)]) -> PowerNetwork {
        let kind = |i| if i == 0 { BusKind::Reference } else { BusKind::Pq };
        PowerNetwork {
            name: String::new(),
            base_mva: 100.0,
            buses: buses.iter().enumerate().map(|(i, b)| Bus { kind: kind(i), pd_mw: b.0, ..Bus::default() }).collect(),
            generators: buses
                .iter()
                .enumerate()
                .filter(|(_, b)| b.2 > 0.0)
                .map(|(bus, b)| Generator { bus, in_service: true, p_mw: b.1, p_max_mw: b.2, ..Generator::default() })
                .collect(),
            branches: branches
                .iter()
                .map(|&(from, to, rate_a_mva)| Branch { from, to, rate_a_mva, in_service: true, x_pu: 0.1, ..Branch::default() })
                .collect(),
            dc_lines: vec![],
        }
    }

    fn timed(buses: &[(f64, f64, f64)], branches: &[(usize, usize, f64)], settings: Settings) -> Timed {
        let network = network(buses, branches);
        Timed::new(&network, &DcModel::new(&network, Convention::Matpower), settings).unwrap()
    }

    #[test]
    fn a_line_warms_until_it_trips() {
        // 150 MW over two lines of 100 MW. On one: u² = 2.25 from Θ = 0.5625 to 1.2² = 1.44 in 600 ln(1.6875/0.81) s.
        let t = timed(&[(0.0, 150.0, 200.0), (150.0, 0.0, 0.0)], &[(0, 1, 100.0), (0, 1, 100.0)], settings());
        let o = t.run(&[0], 1);
        assert_eq!(o.ending, Ending::Solved);
        assert_eq!(o.steps[1].what, What::Branch(1, Cause::Heat));
        assert!((o.steps[1].time_s - 600.0 * (1.6875_f64 / 0.81).ln()).abs() < 1e-6, "{:?}", o.steps);
        assert_eq!(o.steps[3].what, What::Dark(1, None));
        assert!((o.lost_mw - 150.0).abs() < 1e-9);
        // The maker is left without load and dark as well.
        assert_eq!(o.dark, [true, true]);
    }

    #[test]
    fn protection_does_not_wait_for_heat() {
        // u = 1.9 > 1.5 · 1.2.
        let t = timed(&[(0.0, 190.0, 200.0), (190.0, 0.0, 0.0)], &[(0, 1, 100.0), (0, 1, 100.0)], settings());
        let o = t.run(&[0], 1);
        assert_eq!((o.steps[1].what, o.steps[1].time_s), (What::Branch(1, Cause::Protection), 0.5));
        // Below the emergency rating nothing trips.
        let t = timed(&[(0.0, 110.0, 200.0), (110.0, 0.0, 0.0)], &[(0, 1, 100.0), (0, 1, 100.0)], settings());
        let o = t.run(&[0], 1);
        assert_eq!((o.ending, o.lost_mw, o.steps.len()), (Ending::Solved, 0.0, 1));
    }

    #[test]
    fn an_island_lives_on_its_headroom_and_sheds_the_rest() {
        // Bus 1 uses 100, makes 90, could make 120; the tie brings 10. Cut: governors make 100, nothing is lost.
        let grid = [(200.0, 210.0, 300.0), (100.0, 90.0, 120.0)];
        let o = timed(&grid, &[(0, 1, 50.0)], settings()).run(&[0], 1);
        assert!(o.lost_mw.abs() < 1e-6 && o.nadir_hz < 49.9 && o.nadir_hz > 48.0, "{o:?}");
        // Without room, a relay at 49 Hz sheds 15 %, and governors take the surplus of 5 MW back.
        let relays = vec![ShareRelay { action: Action::ShedLoad, frequency_hz: 49.0, delay_s: 0.2, share: 0.15 }];
        let full = [(200.0, 210.0, 300.0), (100.0, 90.0, 90.0)];
        let o = timed(&full, &[(0, 1, 50.0)], Settings { relays, ..settings() }).run(&[0], 1);
        assert!((o.lost_mw - 15.0).abs() < 1e-6 && (o.switched_mw(1)[0] - 15.0).abs() < 1e-9, "{o:?}");
        // Without relay either, 10 MW short against 2 MW/Hz: dark below 47.5 Hz.
        let o = timed(&full, &[(0, 1, 50.0)], settings()).run(&[0], 1);
        assert!((o.lost_mw - 100.0).abs() < 1e-6 && o.dark[1] && !o.dark[0], "{o:?}");
        assert!(o.steps.iter().any(|s| s.what == What::Dark(1, Some(Fate::CollapsedLow))));
    }

    #[test]
    fn hidden_failures_take_the_neighbours_of_a_trip() {
        let ring = [(0, 1, 900.0), (1, 2, 900.0), (2, 3, 900.0), (3, 0, 900.0)];
        let grid = [(0.0, 100.0, 200.0), (50.0, 0.0, 0.0), (50.0, 0.0, 0.0), (0.0, 0.0, 0.0)];
        let never = timed(&grid, &ring, settings()).run(&[0], 5);
        assert_eq!((never.steps.len(), never.lost_mw), (1, 0.0));
        let always = timed(&grid, &ring, Settings { hidden_failure_probability: 1.0, ..settings() }).run(&[0], 5);
        let hidden: Vec<u32> =
            always.steps.iter().filter_map(|s| if let What::Branch(k, Cause::HiddenFailure) = s.what { Some(k) } else { None }).collect();
        assert_eq!(hidden, [3, 1]);
        assert!((always.lost_mw - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_direct_current_line_carries_darkness() {
        // Bus 1 lives on bus 0 and sends 50 MW to bus 2, which makes all it can. Without 0-1 all three fall.
        let mut network = network(&[(0.0, 150.0, 200.0), (100.0, 0.0, 0.0), (150.0, 100.0, 100.0)], &[(0, 1, 900.0)]);
        network.dc_lines = vec![DcLine { from: 1, to: 2, in_service: true, p_from_mw: 50.0, p_to_mw: 50.0, ..DcLine::default() }];
        let t = Timed::new(&network, &DcModel::new(&network, Convention::Matpower), settings()).unwrap();
        let o = t.run(&[0], 1);
        assert!((o.load_mw - 250.0).abs() < 1e-9 && (o.lost_mw - 250.0).abs() < 1e-6, "{o:?}");
        assert_eq!((o.ending, o.dark), (Ending::Solved, vec![true; 3]));
        // With room at bus 2 it holds.
        network.generators[1].p_max_mw = 200.0;
        let t = Timed::new(&network, &DcModel::new(&network, Convention::Matpower), Settings { inertia_s: 40.0, ..settings() }).unwrap();
        let o = t.run(&[0], 1);
        assert!((o.lost_mw - 100.0).abs() < 1e-6 && !o.dark[2], "{o:?}");
    }

    #[test]
    fn an_ensemble_is_the_same_at_any_number_of_threads() {
        let n = 12;
        let buses: Vec<(f64, f64, f64)> = (0..n).map(|i| if i % 3 == 0 { (0.0, 90.0, 120.0) } else { (45.0, 0.0, 0.0) }).collect();
        let mut lines: Vec<(usize, usize, f64)> = (0..n).map(|i| (i, (i + 1) % n, 50.0)).collect();
        lines.extend((0..n / 2).map(|i| (i, i + n / 2, 30.0)));
        let relays = vec![ShareRelay { action: Action::ShedLoad, frequency_hz: 49.0, delay_s: 0.2, share: 0.3 }];
        let t = timed(&buses, &lines, Settings { hidden_failure_probability: 0.1, relays, ..settings() });
        let starts: Vec<Vec<u32>> = (0..60u32).map(|i| vec![i % 18, (i * 7 + 3) % 18]).collect();
        let one = t.ensemble(&starts, 9, 1);
        assert_eq!(one, t.ensemble(&starts, 9, 2));
        assert!(one.iter().any(|o| o.lost_mw > 0.0) && one.iter().all(|o| o.ending == Ending::Solved));
        for o in &one {
            let by_step: f64 = o.steps.iter().map(|s| s.lost_mw).sum();
            assert!((by_step - o.lost_mw).abs() < 1e-9 && o.lost_mw <= o.load_mw + 1e-9);
        }
    }
}
