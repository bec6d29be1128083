//! Who depends on what: rules of the case resolved to assets and supply points.

use std::collections::BTreeMap;

use buttress_model::geo::distance_km;
use buttress_model::tables::Dependency;
use buttress_model::{Case, Selector};

use super::{Index, Offsets, Settings};

/// Electricity dependencies attach to a bus at most this far away.
const BUS_REACH_KM: f64 = 50.0;
/// Data dependencies attach to a metro at most this far away.
const METRO_REACH_KM: f64 = 300.0;
/// Gas dependencies attach to a hub at most this far away.
const HUB_REACH_KM: f64 = 600.0;
/// Where a dependency draws from.
#[derive(Debug, Clone, PartialEq)]
pub enum Supply {
    /// Electricity at a bus.
    Bus(u32),
    /// Electricity over an area: buses with weights that add up to 1.
    Area(Vec<(u32, f64)>),
    /// Gas at a hub.
    GasNode(u32),
    /// Data at a metro.
    DataNode(u32),
    /// Positioning at a place in a zone.
    Pnt(u32, f64, f64),
    /// Timing at a place in a zone.
    Timing(u32, f64, f64),
    /// Satcom of a system.
    Satcom(u32),
    /// At least k of these assets.
    Assets(Vec<u32>, usize),
}

/// One dependency of one asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Dep {
    /// Dependent asset.
    pub dependent: u32,
    /// Row of the rule in the case's dependencies.
    pub rule: u32,
    /// Where it draws from.
    pub supply: Supply,
    /// Served share below which the supply is lost.
    pub threshold: f64,
    /// Autonomy, h, low, central, high.
    pub buffer_h: [f64; 3],
    /// Recharge time, h.
    pub recharge_h: f64,
    /// Probability that the buffer does not start.
    pub failure_on_demand: f64,
    /// Restart delay, h.
    pub restart_delay_h: f64,
    /// Share of capacity lost.
    pub effect: f64,
}

/// Lists of numbers by a dense index, in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    start: Vec<u32>,
    item: Vec<u32>,
}

impl Lists {
    /// Sorts (index, item) pairs into lists; items keep their order.
    fn new(n: usize, pairs: &[(u32, u32)]) -> Lists {
        let mut start = vec![0u32; n + 1];
        for p in pairs {
            start[p.0 as usize + 1] += 1;
        }
        for i in 0..n {
            start[i + 1] += start[i];
        }
        let mut next = start.clone();
        let mut item = vec![0; pairs.len()];
        for &(i, x) in pairs {
            item[next[i as usize] as usize] = x;
            next[i as usize] += 1;
        }
        Lists { start, item }
    }

    /// The list at an index.
    pub fn of(&self, i: usize) -> &[u32] {
        &self.item[self.start[i] as usize..self.start[i + 1] as usize]
    }
}

/// Dependencies by dependent and by supply point.
#[derive(Debug, Clone, Default)]
pub struct DepsAt {
    /// By dependent asset.
    pub dependent: Lists,
    /// By bus.
    pub bus: Lists,
    /// By gas hub.
    pub gas_node: Lists,
    /// By data node.
    pub data_node: Lists,
    /// By supplying asset.
    pub asset: Lists,
    /// On positioning, timing or satcom.
    pub space: Vec<u32>,
}

impl DepsAt {
    pub(super) fn new(deps: &[Dep], case: &Case) -> DepsAt {
        let (mut dependent, mut bus, mut gas_node, mut data_node, mut asset) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut space = Vec::new();
        for (d, dep) in deps.iter().enumerate() {
            let d = d as u32;
            dependent.push((dep.dependent, d));
            match &dep.supply {
                Supply::Bus(i) => bus.push((*i, d)),
                Supply::Area(buses) => bus.extend(buses.iter().map(|(b, _)| (*b, d))),
                Supply::GasNode(i) => gas_node.push((*i, d)),
                Supply::DataNode(i) => data_node.push((*i, d)),
                Supply::Pnt(..) | Supply::Timing(..) | Supply::Satcom(_) => space.push(d),
                Supply::Assets(ids, _) => asset.extend(ids.iter().map(|&i| (i, d))),
            }
        }
        let (t, n) = (case.tables(), case.assets().len());
        DepsAt {
            dependent: Lists::new(n, &dependent),
            bus: Lists::new(t.buses.len(), &bus),
            gas_node: Lists::new(t.gas_nodes.len(), &gas_node),
            data_node: Lists::new(t.data_nodes.len(), &data_node),
            asset: Lists::new(n, &asset),
            space,
        }
    }
}

/// Finds the nearest of many points fast: points binned by degree.
struct Near {
    bins: BTreeMap<(i32, i32), Vec<usize>>,
    points: Vec<(f64, f64)>,
}

impl Near {
    fn new(points: Vec<(f64, f64)>) -> Self {
        let mut bins: BTreeMap<(i32, i32), Vec<usize>> = BTreeMap::new();
        for (i, p) in points.iter().enumerate() {
            bins.entry((p.0.floor() as i32, p.1.floor() as i32)).or_default().push(i);
        }
        Near { bins, points }
    }

    fn find(&self, lat: f64, lon: f64, reach_km: f64, ok: impl Fn(usize) -> bool) -> Option<usize> {
        let dlat = (reach_km / 111.0).ceil() as i32;
        let dlon = (reach_km / (111.0 * lat.to_radians().cos().max(0.1))).ceil() as i32;
        let (y, x) = (lat.floor() as i32, lon.floor() as i32);
        let mut best: Option<(f64, usize)> = None;
        for (_, bin) in self.bins.range((y - dlat, i32::MIN)..=(y + dlat, i32::MAX)).filter(|((_, bx), _)| (bx - x).abs() <= dlon) {
            for &i in bin {
                let d = distance_km(lat, lon, self.points[i].0, self.points[i].1);
                if d <= reach_km && ok(i) && best.is_none_or(|b| (d, i) < b) {
                    best = Some((d, i));
                }
            }
        }
        best.map(|b| b.1)
    }
}

pub(super) fn dependencies_of(case: &Case, first: &Offsets, zones: &Index, settings: &Settings) -> (Vec<Dep>, BTreeMap<u32, usize>) {
    let t = case.tables();
    let (mut deps, mut unattached) = (Vec::new(), BTreeMap::new());
    let place = |a: &buttress_model::schema::AssetInfo| (a.lat, a.lon);
    let finder = Finder {
        case,
        first,
        zones,
        bus: Near::new(t.buses.iter().map(|b| place(&b.asset)).collect()),
        hub: Near::new(t.gas_nodes.iter().map(|n| place(&n.asset)).collect()),
        data: Near::new(t.data_nodes.iter().map(|n| place(&n.asset)).collect()),
        hub_key: Index::new(t.gas_nodes.iter().map(|n| n.asset.key.as_str())),
        bus_key: Index::new(t.buses.iter().map(|n| n.asset.key.as_str())),
        system_key: Index::new(t.constellations.iter().map(|n| n.asset.key.as_str())),
        catchments: catchments(case),
    };
    for (rule, row) in t.dependencies.iter().enumerate() {
        let Ok(selector) = Selector::parse(&row.dependent) else { continue };
        if row.effect <= 0.0 {
            continue;
        }
        for i in selector.select(case) {
            let Some(supply) = finder.supply(row, i) else {
                *unattached.entry(rule as u32).or_insert(0) += 1;
                continue;
            };
            let least = if row.needs == "electricity" { settings.buffer_h[i] } else { 0.0 };
            deps.push(Dep {
                dependent: i as u32,
                rule: rule as u32,
                supply,
                threshold: row.threshold,
                buffer_h: [row.buffer_low_h.max(least), row.buffer_central_h.max(least), row.buffer_high_h.max(least)],
                recharge_h: row.recharge_h,
                failure_on_demand: row.failure_on_demand,
                restart_delay_h: row.restart_delay_h,
                effect: row.effect,
            });
        }
    }
    (deps, unattached)
}

/// Load buses with their people, by the nearest metro of their zone.
pub(super) fn catchments(case: &Case) -> BTreeMap<&str, Vec<(u32, f64)>> {
    let t = case.tables();
    let bus_key = Index::new(t.buses.iter().map(|b| b.asset.key.as_str()));
    let mut out: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
    for load in t.loads.iter().filter(|l| l.population > 0.0) {
        let bus = bus_key.of(&load.bus);
        let place = &t.buses[bus].asset;
        let far = |n: &&buttress_model::tables::DataNode| distance_km(place.lat, place.lon, n.asset.lat, n.asset.lon);
        let metros = t.data_nodes.iter().filter(|n| n.asset.kind == "metro" && n.asset.zone == load.zone);
        if let Some(metro) = metros.min_by(|a, b| far(a).total_cmp(&far(b))) {
            out.entry(&metro.asset.key).or_default().push((bus as u32, load.population));
        }
    }
    out
}

/// Resolves where a dependency draws from.
struct Finder<'a> {
    case: &'a Case,
    first: &'a Offsets,
    zones: &'a Index<'a>,
    bus: Near,
    hub: Near,
    data: Near,
    hub_key: Index<'a>,
    bus_key: Index<'a>,
    system_key: Index<'a>,
    /// Load buses and people by metro key.
    catchments: BTreeMap<&'a str, Vec<(u32, f64)>>,
}

impl Finder<'_> {
    /// Load buses whose nearest metro in the zone is this one, weighted by the people they serve.
    fn catchment(&self, metro: &str) -> Option<Supply> {
        let near = self.catchments.get(metro)?;
        let total: f64 = near.iter().map(|x| x.1).sum();
        (total > 0.0).then(|| Supply::Area(near.iter().map(|(b, p)| (*b, p / total)).collect()))
    }

    fn supply(&self, row: &Dependency, i: usize) -> Option<Supply> {
        let a = &self.case.assets()[i];
        let t = self.case.tables();
        Some(match row.needs.as_str() {
            // A metro stands for the access network of its catchment: as much of it lives as the catchment's supply does.
            "electricity" if a.kind == "metro" => self
                .catchment(&a.key)
                .or_else(|| self.bus.find(a.lat, a.lon, BUS_REACH_KM, |b| t.buses[b].asset.in_service).map(|b| Supply::Bus(b as u32)))?,
            "electricity" => {
                Supply::Bus(match i.checked_sub(self.first.site).and_then(|k| t.sites.get(k)).and_then(|s| s.bus.as_deref()) {
                    Some(bus) => self.bus_key.of(bus) as u32,
                    None => self.bus.find(a.lat, a.lon, BUS_REACH_KM, |b| t.buses[b].asset.in_service)? as u32,
                })
            }
            "gas" => {
                let own = i.checked_sub(self.first.plant).and_then(|k| t.plants.get(k)).and_then(|p| p.gas_node.as_deref());
                Supply::GasNode(match own {
                    Some(key) => self.hub_key.of(key) as u32,
                    None => self.hub.find(a.lat, a.lon, HUB_REACH_KM, |h| t.gas_nodes[h].asset.zone == a.zone)? as u32,
                })
            }
            "data" => Supply::DataNode(self.data.find(a.lat, a.lon, METRO_REACH_KM, |n| t.data_nodes[n].asset.kind == "metro")? as u32),
            "pnt" => Supply::Pnt(self.zones.of(&a.zone) as u32, a.lat, a.lon),
            "timing" => Supply::Timing(self.zones.of(&a.zone) as u32, a.lat, a.lon),
            "satcom" => Supply::Satcom(self.system_key.0.get(a.technology.as_str()).copied()? as u32),
            _ => {
                let ids: Vec<u32> =
                    Selector::parse(&row.at).ok()?.select(self.case).into_iter().filter(|&j| j != i).map(|j| j as u32).collect();
                if ids.is_empty() {
                    return None;
                }
                let least = row.logic.least_of(ids.len());
                Supply::Assets(ids, least)
            }
        })
    }
}
