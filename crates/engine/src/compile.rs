//! Case → arrays. After this step there is one unit system: per unit on 100 MVA, radians, hours, metres, euro of one year;
//! gas stays in `GWh` and GWh/d, freight in kt and kt/d, data in Gbit/s, as the sectors' own base units.

use std::collections::BTreeMap;
use std::sync::Arc;

use buttress_model::{Action, Asset, Balance, Case, Change, Study};

use crate::air::Air;
use crate::data::Data;
use crate::gas::GasGrid;
use crate::power::{BASE_MVA, BaseDispatch, Grid, GridHvdc, GridLine, GridLoad, GridPlant, PowerState};
use crate::sea::Sea;
use crate::space::{Orbit, Space};

mod needs;

use needs::dependencies_of;
pub use needs::{Dep, DepsAt, Supply};

/// Share of a pipe's capacity that remains without its compressor (free flow); the geometric middle of engineering practice.
pub const FREE_FLOW_SHARE: f64 = 0.5;

/// Gas that a person in a home heated or supplied with gas uses in a year, `MWh` (about 12 `MWh` a household of 2.3; Eurostat
/// household energy use, low confidence by country): protected gas over this is the number of people on gas, at most all.
pub const GAS_MWH_PER_PERSON: f64 = 5.0;

/// What an asset is to its sector: the part of a solver's state that it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Substation.
    Bus(u32),
    /// AC line.
    Line(u32),
    /// HVDC link.
    Hvdc(u32),
    /// Plant.
    Plant(u32),
    /// Gas hub.
    GasNode(u32),
    /// Gas pipe.
    GasPipe(u32),
    /// Compressor on a pipe.
    Compressor(u32),
    /// Gas store.
    Store(u32),
    /// LNG terminal.
    Terminal(u32),
    /// Gas supply.
    GasSupply(u32),
    /// Passage.
    Passage(u32),
    /// Sea lane.
    Lane(u32),
    /// Port.
    Port(u32),
    /// Airport.
    Airport(u32),
    /// Data node.
    DataNode(u32),
    /// Data link.
    DataLink(u32),
    /// Constellation.
    System(u32),
    /// Satellite.
    Satellite(u32),
    /// Ground site.
    GroundSite(u32),
    /// Control fleet.
    Fleet(u32),
    /// Further service site.
    Site(u32),
}

/// A zone as the engine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneInfo {
    /// Key.
    pub key: String,
    /// Population; 0 for gates.
    pub population: f64,
    /// True for gates.
    pub is_gate: bool,
    /// EU member.
    pub is_eu: bool,
    /// Value of lost load, EUR/MWh, when known.
    pub voll: Option<f64>,
}

/// Things a structural change may alter, by asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// In service.
    pub in_service: Vec<bool>,
    /// Factor on capacity.
    pub capacity: Vec<f64>,
    /// Factor on stock.
    pub stock: Vec<f64>,
    /// Factor on repair time.
    pub repair: Vec<f64>,
    /// Factor on damage.
    pub damage: Vec<f64>,
    /// Least autonomy without electricity, h.
    pub buffer_h: Vec<f64>,
    /// Storage fill at the start, by asset; negative: the study's.
    pub fill: Vec<f64>,
}

/// Power network and its base dispatch.
#[derive(Debug)]
pub struct PowerWorld {
    /// Grid.
    pub grid: Grid,
    /// Base dispatch at the study point.
    pub base: BaseDispatch,
    /// Intact state (assets out of service at 0).
    pub state: PowerState,
}

/// Everything a run needs, read-only and shared by all runs.
#[derive(Debug, Clone)]
pub struct World<'c> {
    /// The case.
    pub case: &'c Case,
    /// The study.
    pub study: Study,
    /// Zones.
    pub zones: Arc<Vec<ZoneInfo>>,
    /// Part of each asset.
    pub parts: Arc<Vec<Part>>,
    /// Zone of each asset.
    pub asset_zone: Arc<Vec<usize>>,
    /// Repair hours of each asset: low, central, high.
    pub repair_h: Arc<Vec<[f64; 3]>>,
    /// Scarce resource that each asset's repair needs, as a row of the case's repair resources.
    pub repair_needs: Arc<Vec<Option<u32>>>,
    /// Structural settings.
    pub settings: Arc<Settings>,
    /// Dependencies.
    pub deps: Arc<Vec<Dep>>,
    /// People who depend on gas, by zone.
    pub gas_people: Arc<Vec<f64>>,
    /// Spare share of sea freight handling, mean over ports.
    pub sea_surge: f64,
    /// Dependencies by who has them and by what they draw from.
    pub deps_at: Arc<DepsAt>,
    /// Electricity.
    pub power: Arc<PowerWorld>,
    /// Gas.
    pub gas: Arc<GasGrid>,
    /// Sea.
    pub sea: Arc<Sea>,
    /// Air.
    pub air: Arc<Air>,
    /// Data.
    pub data: Arc<Data>,
    /// Space.
    pub space: Arc<Space>,
    /// Pipe of each compressor.
    pub compressor_pipe: Arc<Vec<usize>>,
    /// Compressors of each pipe, as asset ids.
    pub pipe_compressors: Arc<Vec<Vec<u32>>>,
    /// First asset id of each table, in [`Part`] order.
    pub first: Arc<Offsets>,
    /// Dependencies that found no supply point, by rule row.
    pub unattached: Arc<BTreeMap<u32, usize>>,
}

/// First asset id of each table.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "one number a table, named like the table")]
pub struct Offsets {
    pub bus: usize,
    pub line: usize,
    pub hvdc: usize,
    pub plant: usize,
    pub gas_node: usize,
    pub gas_pipe: usize,
    pub compressor: usize,
    pub store: usize,
    pub terminal: usize,
    pub gas_supply: usize,
    pub passage: usize,
    pub lane: usize,
    pub port: usize,
    pub airport: usize,
    pub data_node: usize,
    pub data_link: usize,
    pub system: usize,
    pub satellite: usize,
    pub ground_site: usize,
    pub fleet: usize,
    pub site: usize,
}

fn lay_out(case: &Case) -> (Vec<Part>, Offsets) {
    let t = case.tables();
    let mut parts = Vec::with_capacity(case.assets().len());
    let mut add = |n: usize, part: &dyn Fn(u32) -> Part| {
        let first = parts.len();
        parts.extend((0..n as u32).map(part));
        first
    };
    let o = Offsets {
        bus: add(t.buses.len(), &Part::Bus),
        line: add(t.lines.len(), &Part::Line),
        hvdc: add(t.hvdc.len(), &Part::Hvdc),
        plant: add(t.plants.len(), &Part::Plant),
        gas_node: add(t.gas_nodes.len(), &Part::GasNode),
        gas_pipe: add(t.gas_pipes.len(), &Part::GasPipe),
        compressor: add(t.gas_compressors.len(), &Part::Compressor),
        store: add(t.gas_storages.len(), &Part::Store),
        terminal: add(t.lng_terminals.len(), &Part::Terminal),
        gas_supply: add(t.gas_supplies.len(), &Part::GasSupply),
        passage: add(t.passages.len(), &Part::Passage),
        lane: add(t.sea_lanes.len(), &Part::Lane),
        port: add(t.ports.len(), &Part::Port),
        airport: add(t.airports.len(), &Part::Airport),
        data_node: add(t.data_nodes.len(), &Part::DataNode),
        data_link: add(t.data_links.len(), &Part::DataLink),
        system: add(t.constellations.len(), &Part::System),
        satellite: add(t.satellites.len(), &Part::Satellite),
        ground_site: add(t.ground_sites.len(), &Part::GroundSite),
        fleet: add(t.control_fleets.len(), &Part::Fleet),
        site: add(t.sites.len(), &Part::Site),
    };
    (parts, o)
}

/// Dense index by durable key.
struct Index<'a>(BTreeMap<&'a str, usize>);

impl<'a> Index<'a> {
    fn new(keys: impl Iterator<Item = &'a str>) -> Self {
        Index(keys.enumerate().map(|(i, k)| (k, i)).collect())
    }

    /// The check made every reference resolve, so the fallback is never used.
    fn of(&self, key: &str) -> usize {
        self.0.get(key).copied().unwrap_or(0)
    }
}

impl<'c> World<'c> {
    /// Compiles a case for a study, after the structural changes of a scenario.
    pub fn compile(case: &'c Case, study: &Study, changes: &[Change]) -> World<'c> {
        let (parts, first) = lay_out(case);
        let zone_index = Index::new(case.tables().zones.iter().map(|z| z.key.as_str()));
        let zones: Vec<ZoneInfo> = case
            .tables()
            .zones
            .iter()
            .map(|z| ZoneInfo {
                key: z.key.clone(),
                population: if z.kind == "gate" { 0.0 } else { z.population },
                is_gate: z.kind == "gate",
                is_eu: z.eu_member,
                voll: z.voll_eur_mwh,
            })
            .collect();
        let asset_zone: Vec<usize> = case.assets().iter().map(|a| zone_index.of(&a.zone)).collect();
        let settings = settings_of(case, changes);
        let power = power_of(case, study, &settings, &first, &zone_index);
        let (gas, compressor_pipe) = gas_of(case, &settings, &first, &zone_index);
        let mut pipe_compressors = vec![Vec::new(); case.tables().gas_pipes.len()];
        for (k, &p) in compressor_pipe.iter().enumerate() {
            pipe_compressors[p].push((first.compressor + k) as u32);
        }
        let (deps, unattached) = dependencies_of(case, &first, &zone_index, &settings);
        let deps_at = DepsAt::new(&deps, case);
        let on_gas = gas_people(case, &zones, &zone_index);
        World {
            case,
            study: study.clone(),
            repair_h: Arc::new(repair_of(case)),
            repair_needs: Arc::new(repair_needs_of(case)),
            sea: Arc::new(sea_of(case, &zone_index)),
            air: Arc::new(air_of(case, &zone_index)),
            data: Arc::new(data_of(case, &settings, &first, &zone_index)),
            space: Arc::new(space_of(case)),
            zones: Arc::new(zones),
            parts: Arc::new(parts),
            asset_zone: Arc::new(asset_zone),
            settings: Arc::new(settings),
            gas_people: Arc::new(on_gas),
            sea_surge: surge_of(case),
            deps: Arc::new(deps),
            deps_at: Arc::new(deps_at),
            power: Arc::new(power),
            gas: Arc::new(gas),
            compressor_pipe: Arc::new(compressor_pipe),
            pipe_compressors: Arc::new(pipe_compressors),
            first: Arc::new(first),
            unattached: Arc::new(unattached),
        }
    }

    /// The same world with further structural changes; only the sectors they spoil are built again. The base dispatch is kept
    /// where capacity only grows, since it stays feasible; it is found again when something is put in service.
    #[must_use]
    pub fn with(&self, changes: &[Change]) -> World<'c> {
        let mut out = self.clone();
        let mut settings = (*self.settings).clone();
        let spoiled = apply_settings(self.case, changes, &mut settings);
        let zone_index = Index::new(self.case.tables().zones.iter().map(|z| z.key.as_str()));
        if spoiled.power {
            if spoiled.service {
                out.power = Arc::new(power_of(self.case, &self.study, &settings, &self.first, &zone_index));
            } else {
                // Only limits changed: topology and base dispatch stay.
                let growth = |first: usize, k: usize| settings.capacity[first + k] / self.settings.capacity[first + k];
                let grid =
                    self.power.grid.scaled(|k| growth(self.first.line, k), |k| growth(self.first.hvdc, k), |k| growth(self.first.plant, k));
                out.power = Arc::new(PowerWorld { grid, state: self.power.state.clone(), base: self.power.base.clone() });
            }
        }
        if spoiled.gas {
            out.gas = Arc::new(gas_of(self.case, &settings, &self.first, &zone_index).0);
        }
        if spoiled.data {
            out.data = Arc::new(data_of(self.case, &settings, &self.first, &zone_index));
        }
        if spoiled.buffers {
            let mut deps = (*self.deps).clone();
            for dep in &mut deps {
                if self.case.tables().dependencies[dep.rule as usize].needs == "electricity" {
                    dep.buffer_h = dep.buffer_h.map(|h| h.max(settings.buffer_h[dep.dependent as usize]));
                }
            }
            out.deps = Arc::new(deps);
        }
        out.settings = Arc::new(settings);
        out
    }

    /// The same world at another parameter level.
    #[must_use]
    pub fn at_level(&self, level: buttress_model::Level) -> World<'c> {
        World { study: Study { level, ..self.study.clone() }, ..self.clone() }
    }

    /// The same world at another study point of electricity; the base dispatch is found anew.
    #[must_use]
    pub fn at_point(&self, point: buttress_model::StudyPoint) -> World<'c> {
        let mut out = World { study: Study { point, ..self.study.clone() }, ..self.clone() };
        let zone_index = Index::new(self.case.tables().zones.iter().map(|z| z.key.as_str()));
        out.power = Arc::new(power_of(self.case, &out.study, &self.settings, &self.first, &zone_index));
        out
    }

    /// What an asset carries in the base state, in its own unit; its capacity where the base flow is not at hand.
    pub fn carried(&self, asset: u32) -> f64 {
        let power = |x: Option<&f64>| x.map_or(0.0, |p| p.abs() * BASE_MVA);
        match self.parts[asset as usize] {
            Part::Line(k) => power(self.power.base.flow.get(k as usize)),
            Part::Hvdc(k) => power(self.power.base.hvdc.get(k as usize)),
            Part::Plant(k) => power(self.power.base.plant.get(k as usize)),
            Part::DataLink(k) => self.data.link_flow(k as usize),
            Part::DataNode(k) => self.data.node_flow(k as usize),
            Part::Port(k) => self.sea.port_flow(k as usize),
            _ => self.asset(asset).capacity,
        }
    }

    /// Dependencies of an asset.
    pub fn deps_of(&self, asset: u32) -> &[u32] {
        self.deps_at.dependent.of(asset as usize)
    }

    /// Asset in the case.
    pub fn asset(&self, id: u32) -> &'c Asset {
        &self.case.assets()[id as usize]
    }
}

fn gas_people(case: &Case, zones: &[ZoneInfo], index: &Index) -> Vec<f64> {
    let mut protected = vec![0.0; zones.len()];
    for d in &case.tables().gas_demands {
        protected[index.of(&d.zone)] += d.protected_gwh_y;
    }
    zones.iter().zip(protected).map(|(z, gwh)| (gwh * 1e3 / GAS_MWH_PER_PERSON).min(z.population)).collect()
}

fn surge_of(case: &Case) -> f64 {
    let (mut all, mut spare) = (0.0, 0.0);
    for p in &case.tables().ports {
        all += p.throughput_kt_d;
        spare += p.throughput_kt_d * p.surge_share;
    }
    if all > 0.0 { spare / all } else { 0.2 }
}

fn settings_of(case: &Case, changes: &[Change]) -> Settings {
    let n = case.assets().len();
    let mut s = Settings {
        in_service: case.assets().iter().map(|a| a.in_service).collect(),
        capacity: vec![1.0; n],
        stock: vec![1.0; n],
        repair: vec![1.0; n],
        damage: vec![1.0; n],
        buffer_h: vec![0.0; n],
        fill: vec![-1.0; n],
    };
    apply_settings(case, changes, &mut s);
    s
}

/// What a list of structural changes spoils.
#[derive(Default)]
struct Spoiled {
    power: bool,
    gas: bool,
    data: bool,
    buffers: bool,
    service: bool,
}

fn apply_settings(case: &Case, changes: &[Change], s: &mut Settings) -> Spoiled {
    let mut spoiled = Spoiled::default();
    for change in changes {
        let hits = match change.action {
            Action::TakeOut | Action::Derate | Action::SetDemand | Action::SetSupply | Action::Jam | Action::Forbid => continue,
            _ => change.select.select(case),
        };
        for &i in &hits {
            match change.action {
                Action::Restore => s.in_service[i] = true,
                Action::Uprate => s.capacity[i] *= 1.0 + change.value,
                Action::AddStock => s.stock[i] *= 1.0 + change.value,
                Action::SpeedRepair => s.repair[i] *= change.value,
                Action::Harden => s.damage[i] *= change.value,
                Action::SetBuffer => s.buffer_h[i] = s.buffer_h[i].max(change.value),
                Action::SetStorage => s.fill[i] = change.value.clamp(0.0, 1.0),
                _ => {}
            }
            if matches!(change.action, Action::Restore | Action::Uprate | Action::AddStock) {
                match case.assets()[i].kind.as_str() {
                    "substation" | "power_line" | "hvdc_link" | "power_plant" => spoiled.power = true,
                    k if k.starts_with("gas") || k == "lng_terminal" => spoiled.gas = true,
                    "metro" | "exchange" | "landing_station" | "data_centre" | "fibre_link" | "submarine_cable" => spoiled.data = true,
                    _ => {}
                }
                spoiled.service |= change.action == Action::Restore;
            }
            spoiled.buffers |= change.action == Action::SetBuffer;
        }
    }
    spoiled
}

fn repair_of(case: &Case) -> Vec<[f64; 3]> {
    let by_kind: BTreeMap<&str, [f64; 3]> =
        case.tables().repair_times.iter().map(|r| (r.kind.as_str(), [r.low_h, r.central_h, r.high_h])).collect();
    case.assets().iter().map(|a| by_kind.get(a.repair_kind.as_str()).copied().unwrap_or([24.0, 72.0, 336.0])).collect()
}

fn repair_needs_of(case: &Case) -> Vec<Option<u32>> {
    let t = case.tables();
    let scarce = |resource: &str| t.repair_resources.iter().position(|r| r.key == resource).map(|i| i as u32);
    let by_kind: BTreeMap<&str, Option<u32>> = t.repair_times.iter().map(|r| (r.kind.as_str(), scarce(&r.resource))).collect();
    case.assets().iter().map(|a| by_kind.get(a.repair_kind.as_str()).copied().flatten()).collect()
}

fn grid_of(case: &Case, study: &Study, settings: &Settings, first: &Offsets, zones: &Index) -> (Grid, PowerState) {
    let t = case.tables();
    let buses = Index::new(t.buses.iter().map(|b| b.asset.key.as_str()));
    let bus_zone: Vec<usize> = t.buses.iter().map(|b| zones.of(&b.asset.zone)).collect();
    let pu = |mw: f64| mw / BASE_MVA;
    let lines = t
        .lines
        .iter()
        .enumerate()
        .map(|(k, l)| {
            let (from, to) = (buses.of(&l.bus_from), buses.of(&l.bus_to));
            let growth = settings.capacity[first.line + k];
            GridLine {
                from,
                to,
                b: 1.0 / l.x_pu,
                p_max: if l.p_max_mw > 0.0 { pu(l.p_max_mw) * growth } else { f64::INFINITY },
                is_tie: bus_zone[from] != bus_zone[to],
            }
        })
        .collect();
    let hvdc = t
        .hvdc
        .iter()
        .enumerate()
        .map(|(k, h)| {
            let growth = settings.capacity[first.hvdc + k];
            GridHvdc {
                from: buses.of(&h.bus_from),
                to: buses.of(&h.bus_to),
                p_max: pu(h.p_max_mw) * growth,
                p_max_reverse: pu(h.p_max_reverse_mw) * growth,
            }
        })
        .collect();
    let technology: BTreeMap<&str, _> = t.technologies.iter().map(|x| (x.key.as_str(), x)).collect();
    let plants = t
        .plants
        .iter()
        .enumerate()
        .map(|(k, p)| {
            let (winter, summer, cost, black_start) = technology.get(p.technology.as_str()).map_or((1.0, 1.0, 50.0, false), |x| {
                (x.availability_winter_peak, x.availability_summer_night, x.cost_eur_mwh, x.black_start)
            });
            let cap = pu(p.p_max_mw) * settings.capacity[first.plant + k];
            GridPlant {
                bus: buses.of(&p.bus),
                p_max: [cap * winter, cap * summer],
                cost,
                black_start: black_start && p.asset.provenance != "derived",
            }
        })
        .collect();
    let loads = t
        .loads
        .iter()
        .map(|l| GridLoad {
            bus: buses.of(&l.bus),
            zone: zones.of(&l.zone),
            p: [pu(l.winter_peak_mw), pu(l.summer_night_mw)],
            population: l.population,
        })
        .collect();
    let grid = Grid::new(study.balance, t.buses.len(), bus_zone, lines, hvdc, plants, loads);
    let mut state = grid.intact(t.zones.len());
    let on = |i: usize| f64::from(settings.in_service[i]);
    state.bus.iter_mut().enumerate().for_each(|(k, x)| *x = on(first.bus + k));
    state.line.iter_mut().enumerate().for_each(|(k, x)| *x = on(first.line + k));
    state.hvdc.iter_mut().enumerate().for_each(|(k, x)| *x = on(first.hvdc + k));
    state.plant.iter_mut().enumerate().for_each(|(k, x)| *x = on(first.plant + k));
    (grid, state)
}

fn power_of(case: &Case, study: &Study, settings: &Settings, first: &Offsets, zones: &Index) -> PowerWorld {
    let (grid, state) = grid_of(case, study, settings, first, zones);
    let base = match study.balance {
        Balance::Flow => grid.base_dispatch(study.point, &state),
        Balance::Component => BaseDispatch::none(&grid, study.point as usize),
    };
    PowerWorld { grid, base, state }
}

fn gas_of(case: &Case, settings: &Settings, first: &Offsets, zones: &Index) -> (GasGrid, Vec<usize>) {
    let t = case.tables();
    let nodes = Index::new(t.gas_nodes.iter().map(|n| n.asset.key.as_str()));
    let pipe_index = Index::new(t.gas_pipes.iter().map(|p| p.asset.key.as_str()));
    let cap = |first: usize, k: usize| settings.capacity[first + k] * f64::from(settings.in_service[first + k]);
    let pipes = t
        .gas_pipes
        .iter()
        .enumerate()
        .map(|(k, p)| {
            let f = cap(first.gas_pipe, k);
            (nodes.of(&p.node_from), nodes.of(&p.node_to), p.capacity_gwh_d * f, p.capacity_reverse_gwh_d * f)
        })
        .collect();
    let supplies = t.gas_supplies.iter().enumerate().map(|(k, s)| (nodes.of(&s.node), s.supply_gwh_d * cap(first.gas_supply, k))).collect();
    let terminals = t
        .lng_terminals
        .iter()
        .enumerate()
        .map(|(k, x)| {
            let f = cap(first.terminal, k);
            (
                nodes.of(&x.node),
                x.sendout_gwh_d * f,
                x.sendout_gwh_d * x.arrivals_share * f,
                x.tank_gwh * settings.stock[first.terminal + k],
            )
        })
        .collect();
    let stores = t
        .gas_storages
        .iter()
        .enumerate()
        .map(|(k, x)| {
            let f = cap(first.store, k);
            (nodes.of(&x.node), x.working_gas_gwh * settings.stock[first.store + k], x.withdrawal_gwh_d * f, x.injection_gwh_d * f)
        })
        .collect();
    let day = |gwh_y: f64| gwh_y / 365.0;
    let demands = t
        .gas_demands
        .iter()
        .map(|d| (nodes.of(&d.node), zones.of(&d.zone), [day(d.protected_gwh_y), day(d.industry_gwh_y), day(d.power_gwh_y)]))
        .collect();
    let compressor_pipe = t.gas_compressors.iter().map(|c| pipe_index.of(&c.pipe)).collect();
    (GasGrid::new(t.gas_nodes.len(), pipes, supplies, terminals, stores, demands), compressor_pipe)
}

fn sea_of(case: &Case, zones: &Index) -> Sea {
    let t = case.tables();
    let nodes = Index::new(t.sea_nodes.iter().map(|n| n.key.as_str()));
    let passages = Index::new(t.passages.iter().map(|p| p.asset.key.as_str()));
    let ports = Index::new(t.ports.iter().map(|p| p.asset.key.as_str()));
    let lanes: Vec<(usize, usize, f64)> = t.sea_lanes.iter().map(|l| (nodes.of(&l.node_from), nodes.of(&l.node_to), l.length_km)).collect();
    let lane_passage = t.sea_lanes.iter().map(|l| l.passage.as_deref().map(|p| passages.of(p))).collect();
    let port_rows: Vec<(usize, usize, f64)> =
        t.ports.iter().map(|p| (nodes.of(&p.sea_node), zones.of(&p.asset.zone), p.surge_share)).collect();
    let capacity = t.passages.iter().map(|p| if p.capacity_kt_d > 0.0 { p.capacity_kt_d } else { f64::INFINITY }).collect();
    let mut flows: Vec<(usize, usize, f64)> = t.sea_flows.iter().map(|f| (ports.of(&f.port_from), ports.of(&f.port_to), f.kt_d)).collect();
    flows.sort_by_key(|f| (f.0, f.1));
    Sea::new(t.sea_nodes.len(), &lanes, lane_passage, &port_rows, capacity, flows, t.zones.len())
}

fn air_of(case: &Case, zones: &Index) -> Air {
    let t = case.tables();
    let airports = Index::new(t.airports.iter().map(|a| a.asset.key.as_str()));
    let rows: Vec<(usize, f64, f64, f64, f64)> =
        t.airports.iter().map(|a| (zones.of(&a.asset.zone), a.asset.lat, a.asset.lon, a.passengers_d, a.surge_share)).collect();
    let flows: Vec<(usize, usize, f64)> =
        t.air_flows.iter().map(|f| (airports.of(&f.airport_from), airports.of(&f.airport_to), f.passengers_d)).collect();
    Air::new(&rows, &flows, t.zones.len())
}

fn data_of(case: &Case, settings: &Settings, first: &Offsets, zones: &Index) -> Data {
    let t = case.tables();
    let nodes = Index::new(t.data_nodes.iter().map(|n| n.asset.key.as_str()));
    let catchments = needs::catchments(case);
    let people = |key: &str| catchments.get(key).map_or(0.0, |c| c.iter().map(|x| x.1).sum());
    let sites: Vec<(usize, Option<f64>)> =
        t.data_nodes.iter().map(|n| (zones.of(&n.asset.zone), (n.asset.kind == "metro").then(|| people(&n.asset.key)))).collect();
    let links: Vec<(usize, usize, f64, f64)> = t
        .data_links
        .iter()
        .enumerate()
        .map(|(k, l)| {
            let i = first.data_link + k;
            (
                nodes.of(&l.node_from),
                nodes.of(&l.node_to),
                l.length_km,
                l.capacity_gbit_s * settings.capacity[i] * f64::from(settings.in_service[i]),
            )
        })
        .collect();
    let flows = t.data_flows.iter().map(|f| (nodes.of(&f.node_from), nodes.of(&f.node_to), f.gbit_s)).collect();
    Data::new(&sites, &links, flows, t.zones.len())
}

fn space_of(case: &Case) -> Space {
    let t = case.tables();
    let systems = Index::new(t.constellations.iter().map(|c| c.asset.key.as_str()));
    let mut gateways = vec![Vec::new(); t.constellations.len()];
    for (k, g) in t.ground_sites.iter().enumerate() {
        if g.asset.kind == "ground_gateway" && g.share > 0.0 {
            gateways[systems.of(&g.constellation)].push((
                k,
                g.share,
                if g.asset.group.is_empty() { g.asset.key.clone() } else { g.asset.group.clone() },
            ));
        }
    }
    let satellite_system = t.satellites.iter().map(|s| systems.of(&s.constellation)).collect();
    let is_pnt = t.constellations.iter().map(|c| c.service == "pnt").collect();
    let satcom = t.constellations.iter().map(|c| if c.service == "satcom" { c.satcom_mbit_s } else { 0.0 }).collect();
    let orbits: Vec<Option<Orbit>> = t
        .satellites
        .iter()
        .map(|s| {
            (s.orbit != "GEO").then(|| Orbit {
                altitude_km: s.altitude_km,
                inclination: s.inclination_deg.to_radians(),
                raan: s.raan_deg.to_radians(),
                arg_lat: s.arg_lat_deg.to_radians(),
            })
        })
        .collect();
    let mask: Vec<f64> = t.constellations.iter().map(|c| c.min_elevation_deg).collect();
    let places: Vec<(f64, f64)> = t.zones.iter().map(|z| (z.lat, z.lon)).collect();
    Space::new(satellite_system, is_pnt, satcom, gateways).with_view(&orbits, &mask, &places)
}
