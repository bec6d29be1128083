//! What the world does when nothing is wrong: the base that every run is compared with, gas stocks over the horizon included.

use buttress_model::Balance;

use super::{MAX_EVENTS, SAME_TIME_H};
use crate::account::Prices;
use crate::compile::World;
use crate::data::DataState;
use crate::gas::{CLASSES, GasFlow, GasState, next_limit_d};
use crate::outcome::Service;
use crate::power::PowerFlow;
use crate::space::SpaceState;

/// Stocks are read again at most once a gas day, the unit in which flows are nominated (Regulation (EU) 312/2014, Art. 3).
const GAS_DAY_D: f64 = 1.0;
/// What the world does when nothing is wrong; computed once, subtracted from every run.
#[derive(Debug)]
pub struct Base {
    /// Electricity.
    pub power: PowerFlow,
    /// Gas over the horizon: start of each stretch (h), its answer, stocks at its start.
    pub gas: Vec<GasStretch>,
    /// Start of each stretch of constant gas demand, and factors by class.
    pub calendar: Vec<(f64, [f64; CLASSES])>,
    /// Prices.
    pub prices: Prices,
    /// Baseline by service and zone, in rate units.
    pub demand: Vec<Vec<f64>>,
    /// Positioning, timing and satcom.
    pub space: crate::space::SpaceFlow,
    /// Data.
    pub data: crate::data::DataFlow,
}

/// A stretch of time during which gas flows are constant.
#[derive(Debug, Clone)]
pub struct GasStretch {
    /// Start, h.
    pub t_h: f64,
    /// Answer.
    pub flow: GasFlow,
    /// Stored gas at the start, `GWh`.
    pub stored: Vec<f64>,
    /// Tank content at the start, `GWh`.
    pub tank: Vec<f64>,
}

impl Base {
    /// Runs the world without any change.
    pub fn new(world: &World) -> Base {
        let power = match world.study.balance {
            Balance::Flow => world.power.grid.solve(&world.power.base, &world.power.state, world.study.sharing),
            Balance::Component => world.power.grid.solve_by_component(world.study.point, &world.power.state),
        };
        let space = world.space.solve(&space_intact(world));
        let data = world.data.solve(&data_intact(world));
        let n = world.zones.len();
        let mut demand = vec![vec![0.0; n]; crate::outcome::N_SERVICES];
        for load in &world.power.grid.loads {
            demand[Service::Electricity as usize][load.zone] += load.p[world.study.point as usize] * crate::power::BASE_MVA;
        }
        for d in &world.gas.demands {
            demand[Service::Gas as usize][d.1] += d.2.iter().sum::<f64>();
        }
        for p in 0..world.sea.port_zone.len() {
            demand[Service::Freight as usize][world.sea.port_zone[p]] += world.sea.port_flow(p) / 2.0;
        }
        for a in 0..world.air.zone.len() {
            demand[Service::Passengers as usize][world.air.zone[a]] += world.air.through(a);
        }
        demand[Service::Data as usize].clone_from_slice(&world.data.demand);
        for z in 0..n {
            demand[Service::Pnt as usize][z] = world.zones[z].population;
            demand[Service::Timing as usize][z] = world.zones[z].population;
        }
        for (k, site) in world.case.tables().sites.iter().enumerate() {
            demand[Service::Site as usize][world.asset_zone[world.first.site + k]] += site.persons;
        }
        for (k, f) in world.case.tables().control_fleets.iter().enumerate() {
            demand[Service::Control as usize][world.asset_zone[world.first.fleet + k]] += f.amount_mw;
        }
        let world_zone =
            (0..world.space.satcom_mbit_s.len()).map(|c| (world.asset_zone[world.first.system + c], world.space.satcom_mbit_s[c]));
        for (z, m) in world_zone {
            demand[Service::Satcom as usize][z] += m;
        }
        let calendar = gas_calendar(world);
        Base { power, gas: gas_year(world, &calendar), calendar, prices: Prices::new(world.case), demand, space, data }
    }

    pub(super) fn gas_at(&self, t: f64) -> Option<&GasStretch> {
        let i = self.gas.partition_point(|s| s.t_h <= t + SAME_TIME_H);
        self.gas.get(i.checked_sub(1)?)
    }

    /// End of the base stretch that holds at `t`, h.
    pub(super) fn gas_after(&self, t: f64) -> f64 {
        let i = self.gas.partition_point(|s| s.t_h <= t + SAME_TIME_H);
        self.gas.get(i).map_or(f64::INFINITY, |s| s.t_h)
    }
}

pub(super) fn space_intact(world: &World) -> SpaceState {
    let on = |i: usize| f64::from(world.settings.in_service[i]);
    SpaceState {
        satellite: (0..world.space.satellite_system.len()).map(|k| on(world.first.satellite + k)).collect(),
        system: (0..world.space.is_pnt.len()).map(|k| on(world.first.system + k)).collect(),
        site: (0..world.case.tables().ground_sites.len()).map(|k| on(world.first.ground_site + k)).collect(),
    }
}

pub(super) fn data_intact(world: &World) -> DataState {
    let mut s = world.data.intact();
    s.node.iter_mut().enumerate().for_each(|(k, x)| *x = f64::from(world.settings.in_service[world.first.data_node + k]));
    s.link.iter_mut().enumerate().for_each(|(k, x)| *x = f64::from(world.settings.in_service[world.first.data_link + k]));
    s
}

/// Start of each stretch of constant demand over the horizon: (h, factor by class).
fn gas_calendar(world: &World) -> Vec<(f64, [f64; CLASSES])> {
    const DAYS: [f64; 12] = [31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0];
    let mut by_month = [[1.0; CLASSES]; 12];
    for row in &world.case.tables().gas_profile {
        by_month[(row.month as usize).clamp(1, 12) - 1] = [row.protected_factor, row.industry_factor, row.power_factor];
    }
    let mean: [f64; CLASSES] = std::array::from_fn(|c| world.gas.demands.iter().map(|d| d.2[c]).sum());
    let total: f64 = mean.iter().sum::<f64>().max(1e-9);
    let mut out = Vec::new();
    let (mut t, mut month) = (0.0, usize::from(world.study.start_month).clamp(1, 12) - 1);
    while t < world.study.horizon_h {
        let factor = by_month[month];
        out.push((t, factor));
        let peak = f64::from(world.study.gas_peak_days);
        if month == 0 && peak > 0.0 {
            // Peak days stand in the middle of January: twice the mean day over all classes.
            let level = (0..CLASSES).map(|c| mean[c] * factor[c]).sum::<f64>() / total;
            let begin = t + ((31.0 - peak) / 2.0).floor() * 24.0;
            if begin > t {
                out.push((begin, factor.map(|f| f * 2.0 / level.max(1e-9))));
            } else if let Some(last) = out.last_mut() {
                last.1 = factor.map(|f| f * 2.0 / level.max(1e-9));
            }
            if begin + peak * 24.0 < t + 31.0 * 24.0 {
                out.push((begin + peak * 24.0, factor));
            }
        }
        t += DAYS[month] * 24.0;
        month = (month + 1) % 12;
    }
    out.retain(|s| s.0 < world.study.horizon_h);
    out
}

pub(super) fn gas_start(world: &World) -> GasState {
    let mut s = world.gas.intact(world.zones.len(), world.study.storage_fill);
    for (k, store) in world.gas.stores.iter().enumerate() {
        let fill = world.settings.fill[world.first.store + k];
        if fill >= 0.0 {
            s.stored[k] = store.1 * fill;
        }
    }
    s
}

/// Hours until a stock of this state crosses a step or runs dry or full, at these rates.
pub(super) fn gas_next_h(world: &World, state: &GasState, flow: &GasFlow) -> f64 {
    let stores =
        world.gas.stores.iter().enumerate().map(|(k, s)| next_limit_d(state.stored[k], s.1, s.2 * state.store[k], flow.store_rate[k]));
    let tanks = world.gas.terminals.iter().enumerate().map(|(k, t)| match flow.tank_rate[k] {
        r if r < -1e-9 => state.tank[k] / -r,
        r if r > 1e-9 && state.tank[k] < t.3 => (t.3 - state.tank[k]) / r,
        _ => f64::INFINITY,
    });
    24.0 * stores.chain(tanks).fold(f64::INFINITY, f64::min).max(GAS_DAY_D)
}

pub(super) fn gas_advance(world: &World, state: &mut GasState, flow: &GasFlow, hours: f64) {
    for (k, s) in world.gas.stores.iter().enumerate() {
        state.stored[k] = (state.stored[k] + flow.store_rate[k] * hours / 24.0).clamp(0.0, s.1);
    }
    for (k, t) in world.gas.terminals.iter().enumerate() {
        state.tank[k] = (state.tank[k] + flow.tank_rate[k] * hours / 24.0).clamp(0.0, t.3);
    }
}

fn gas_year(world: &World, calendar: &[(f64, [f64; CLASSES])]) -> Vec<GasStretch> {
    if world.gas.demands.is_empty() {
        return Vec::new();
    }
    let mut state = gas_start(world);
    let (mut t, mut out, mut c) = (0.0, Vec::new(), 0);
    while t < world.study.horizon_h && out.len() < MAX_EVENTS as usize {
        while c + 1 < calendar.len() && calendar[c + 1].0 <= t + SAME_TIME_H {
            c += 1;
        }
        state.profile = calendar[c].1;
        let flow = world.gas.solve(&state);
        let step = gas_next_h(world, &state, &flow);
        let boundary = calendar.get(c + 1).map_or(world.study.horizon_h, |x| x.0);
        let next = (t + step).min(boundary).min(world.study.horizon_h);
        out.push(GasStretch { t_h: t, flow: flow.clone(), stored: state.stored.clone(), tank: state.tank.clone() });
        gas_advance(world, &mut state, &flow, next - t);
        t = next;
    }
    out
}
