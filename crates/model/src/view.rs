//! A checked case, and one flat view of all its assets.

use crate::schema::AssetInfo;
use crate::tables::{
    AirFlow, Airport, Bus, City, Commodity, Constellation, ControlFleet, DataFlow, DataLink, DataNode, Dependency, Fact, GasCompressor,
    GasDemand, GasNode, GasPipe, GasProfile, GasStorage, GasSupply, GroundSite, Hvdc, Line, LngTerminal, Load, Measure, MeasureEffect,
    Passage, Plant, Port, RepairResource, RepairTime, Satellite, SeaFlow, SeaLane, SeaNode, Site, Source, Technology, Threat, ThreatEffect,
    Zone,
};

/// Dense index of an asset in [`Case::assets`]; dies with its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub u32);

/// The four sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sector {
    /// Electricity and gas.
    Energy,
    /// Sea and air.
    Transport,
    /// Data networks.
    Digital,
    /// Satellites and their ground segment.
    Space,
}

impl Sector {
    /// All four, in order.
    pub const ALL: [Sector; 4] = [Sector::Energy, Sector::Transport, Sector::Digital, Sector::Space];

    /// Sector of an asset kind.
    pub fn of_kind(kind: &str) -> Sector {
        match kind {
            "port" | "sea_lane" | "passage" | "airport" => Sector::Transport,
            "metro" | "exchange" | "landing_station" | "data_centre" | "fibre_link" | "submarine_cable" | "site" => Sector::Digital,
            "constellation" | "satellite" | "ground_control" | "ground_uplink" | "ground_sensor" | "ground_gateway" | "control_fleet" => {
                Sector::Space
            }
            _ => Sector::Energy,
        }
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Sector::Energy => "energy",
            Sector::Transport => "transport",
            Sector::Digital => "digital",
            Sector::Space => "space",
        }
    }
}

/// What every sector has in common: one asset, seen from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Durable key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Kind by which its repair time is looked up (pipes under the sea are slower to mend).
    pub repair_kind: String,
    /// Sector.
    pub sector: Sector,
    /// Zone.
    pub zone: String,
    /// Zone of the other end (links); the same as `zone` otherwise.
    pub zone_to: String,
    /// Latitude of the position or middle, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Ends of a link as (lat, lon, lat, lon).
    pub ends: Option<[f64; 4]>,
    /// Group; empty for none.
    pub group: String,
    /// Operator; empty when unknown.
    pub operator: String,
    /// Supplier; empty when unknown.
    pub supplier: String,
    /// Technology of a plant, or constellation of a space asset.
    pub technology: String,
    /// Capacity in `unit`.
    pub capacity: f64,
    /// Unit of the capacity.
    pub unit: &'static str,
    /// False when out of service in the base case.
    pub in_service: bool,
    /// Where the record comes from.
    pub provenance: String,
    /// Source key.
    pub source: String,
    /// Confidence.
    pub confidence: String,
}

/// A case that passed the check. Only [`crate::check::check`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) euro_year: u16,
    pub(crate) digest: String,
    pub(crate) assets: Vec<Asset>,
    /// Assets by key and by group.
    pub(crate) by_key: std::collections::BTreeMap<String, Vec<usize>>,
    pub(crate) t: Tables,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident : $ty:ident),* $(,)?) => {
        /// All typed rows of a case.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct Tables { $( $(#[$doc])* pub $field: Vec<$ty>, )* }
        impl Tables {
            pub(crate) fn read(rows: &impl crate::check::RowSource) -> Self {
                Tables { $( $field: rows.rows::<$ty>(), )* }
            }
        }
    };
}

tables! {
    /// Sources.
    sources: Source,
    /// Zones and gates.
    zones: Zone,
    /// Cities.
    cities: City,
    /// Published totals.
    facts: Fact,
    /// Commodities.
    commodities: Commodity,
    /// Repair times by kind.
    repair_times: RepairTime,
    /// Scarce repair resources.
    repair_resources: RepairResource,
    /// Dependency rules.
    dependencies: Dependency,
    /// Plant technologies.
    technologies: Technology,
    /// Substations.
    buses: Bus,
    /// AC lines.
    lines: Line,
    /// HVDC links.
    hvdc: Hvdc,
    /// Plants.
    plants: Plant,
    /// Loads.
    loads: Load,
    /// Gas hubs.
    gas_nodes: GasNode,
    /// Gas pipes.
    gas_pipes: GasPipe,
    /// Gas compressors.
    gas_compressors: GasCompressor,
    /// Gas stores.
    gas_storages: GasStorage,
    /// LNG terminals.
    lng_terminals: LngTerminal,
    /// Gas supplies.
    gas_supplies: GasSupply,
    /// Gas demands.
    gas_demands: GasDemand,
    /// Gas demand profile.
    gas_profile: GasProfile,
    /// Sea-lane points.
    sea_nodes: SeaNode,
    /// Passages.
    passages: Passage,
    /// Sea lanes.
    sea_lanes: SeaLane,
    /// Ports.
    ports: Port,
    /// Freight flows.
    sea_flows: SeaFlow,
    /// Airports.
    airports: Airport,
    /// Passenger flows.
    air_flows: AirFlow,
    /// Data nodes.
    data_nodes: DataNode,
    /// Data links.
    data_links: DataLink,
    /// Data flows.
    data_flows: DataFlow,
    /// Constellations.
    constellations: Constellation,
    /// Satellites.
    satellites: Satellite,
    /// Ground sites.
    ground_sites: GroundSite,
    /// Control fleets.
    control_fleets: ControlFleet,
    /// Further service sites.
    sites: Site,
    /// Threats.
    threats: Threat,
    /// Threat effects.
    threat_effects: ThreatEffect,
    /// Measures.
    measures: Measure,
    /// Measure effects.
    measure_effects: MeasureEffect,
}

impl Case {
    /// Key of the case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Year of the euro.
    pub fn euro_year(&self) -> u16 {
        self.euro_year
    }

    /// SHA-256 over all tables.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All assets in table order; the index is the [`AssetId`].
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// All typed tables.
    pub fn tables(&self) -> &Tables {
        &self.t
    }

    /// Assets with this key or in this group, ascending.
    pub(crate) fn named(&self, key: &str) -> &[usize] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// The asset with this key.
    pub fn find(&self, key: &str) -> Option<AssetId> {
        self.named(key).iter().find(|&&i| self.assets[i].key == key).map(|&i| AssetId(i as u32))
    }
}

/// Index of assets by key and by group.
pub(crate) fn index_of(assets: &[Asset]) -> std::collections::BTreeMap<String, Vec<usize>> {
    let mut out: std::collections::BTreeMap<String, Vec<usize>> = std::collections::BTreeMap::new();
    for (i, a) in assets.iter().enumerate() {
        out.entry(a.key.clone()).or_default().push(i);
        if !a.group.is_empty() && a.group != a.key {
            out.entry(a.group.clone()).or_default().push(i);
        }
    }
    out
}

fn plain(info: &AssetInfo, capacity: f64, unit: &'static str) -> Asset {
    Asset {
        key: info.key.clone(),
        name: info.name.clone(),
        sector: Sector::of_kind(&info.kind),
        kind: info.kind.clone(),
        repair_kind: info.kind.clone(),
        zone: info.zone.clone(),
        zone_to: info.zone.clone(),
        lat: info.lat,
        lon: info.lon,
        ends: None,
        group: info.group.clone(),
        operator: info.operator.clone(),
        supplier: info.supplier.clone(),
        technology: String::new(),
        capacity,
        unit,
        in_service: info.in_service,
        provenance: info.provenance.clone(),
        source: info.source.clone(),
        confidence: info.confidence.clone(),
    }
}

/// Zone and position of link ends by node key.
struct Places<'a>(std::collections::BTreeMap<&'a str, (&'a str, f64, f64)>);

impl<'a> Places<'a> {
    fn of_assets(infos: impl Iterator<Item = &'a AssetInfo>) -> Self {
        Places(infos.map(|i| (i.key.as_str(), (i.zone.as_str(), i.lat, i.lon))).collect())
    }

    fn link(&self, info: &AssetInfo, from: &str, to: &str, capacity: f64, unit: &'static str) -> Asset {
        let mut a = plain(info, capacity, unit);
        if let (Some(f), Some(t)) = (self.0.get(from), self.0.get(to)) {
            f.0.clone_into(&mut a.zone);
            t.0.clone_into(&mut a.zone_to);
            a.ends = Some([f.1, f.2, t.1, t.2]);
        }
        a
    }
}

/// The flat view. The order of tables here is the order of [`AssetId`]s; the engine's compile step relies on it.
pub(crate) fn assets_of(t: &Tables) -> Vec<Asset> {
    let buses = Places::of_assets(t.buses.iter().map(|x| &x.asset));
    let gas = Places::of_assets(t.gas_nodes.iter().map(|x| &x.asset));
    let data = Places::of_assets(t.data_nodes.iter().map(|x| &x.asset));
    let sea = Places(t.sea_nodes.iter().map(|n| (n.key.as_str(), ("", n.lat, n.lon))).collect());
    let mut out: Vec<Asset> = Vec::new();
    out.extend(t.buses.iter().map(|x| plain(&x.asset, x.v_nom_kv, "kV")));
    out.extend(t.lines.iter().map(|x| buses.link(&x.asset, &x.bus_from, &x.bus_to, x.p_max_mw, "MW")));
    out.extend(t.hvdc.iter().map(|x| buses.link(&x.asset, &x.bus_from, &x.bus_to, x.p_max_mw, "MW")));
    out.extend(t.plants.iter().map(|x| Asset { technology: x.technology.clone(), ..plain(&x.asset, x.p_max_mw, "MW") }));
    out.extend(t.gas_nodes.iter().map(|x| plain(&x.asset, 0.0, "GWh/d")));
    let offshore = t.repair_times.iter().any(|r| r.kind == "gas_pipe_offshore");
    out.extend(t.gas_pipes.iter().map(|x| {
        let a = gas.link(&x.asset, &x.node_from, &x.node_to, x.capacity_gwh_d.max(x.capacity_reverse_gwh_d), "GWh/d");
        Asset { repair_kind: if x.subsea && offshore { "gas_pipe_offshore".into() } else { a.kind.clone() }, ..a }
    }));
    out.extend(t.gas_compressors.iter().map(|x| {
        let capacity = t.gas_pipes.iter().find(|p| p.asset.key == x.pipe).map_or(0.0, |p| p.capacity_gwh_d);
        Asset { technology: x.drive.clone(), ..plain(&x.asset, capacity, "GWh/d") }
    }));
    out.extend(t.gas_storages.iter().map(|x| plain(&x.asset, x.working_gas_gwh, "GWh")));
    out.extend(t.lng_terminals.iter().map(|x| plain(&x.asset, x.sendout_gwh_d, "GWh/d")));
    out.extend(t.gas_supplies.iter().map(|x| plain(&x.asset, x.supply_gwh_d, "GWh/d")));
    out.extend(t.passages.iter().map(|x| plain(&x.asset, x.capacity_kt_d, "kt/d")));
    out.extend(t.sea_lanes.iter().map(|x| {
        let a = sea.link(&x.asset, &x.node_from, &x.node_to, x.length_km, "km");
        Asset { zone: x.asset.zone.clone(), zone_to: x.asset.zone.clone(), ..a }
    }));
    out.extend(t.ports.iter().map(|x| plain(&x.asset, x.throughput_kt_d, "kt/d")));
    out.extend(t.airports.iter().map(|x| plain(&x.asset, x.passengers_d, "/d")));
    out.extend(t.data_nodes.iter().map(|x| plain(&x.asset, x.capacity_gbit_s, "Gbit/s")));
    out.extend(t.data_links.iter().map(|x| data.link(&x.asset, &x.node_from, &x.node_to, x.capacity_gbit_s, "Gbit/s")));
    out.extend(t.constellations.iter().map(|x| Asset { technology: x.asset.key.clone(), ..plain(&x.asset, x.satcom_mbit_s, "Mbit/s") }));
    out.extend(t.satellites.iter().map(|x| Asset { technology: x.constellation.clone(), ..plain(&x.asset, x.altitude_km, "km") }));
    out.extend(t.ground_sites.iter().map(|x| Asset { technology: x.constellation.clone(), ..plain(&x.asset, x.share, "share") }));
    out.extend(t.control_fleets.iter().map(|x| Asset { technology: x.constellation.clone(), ..plain(&x.asset, x.amount_mw, "MW") }));
    out.extend(t.sites.iter().map(|x| Asset { technology: x.service.clone(), ..plain(&x.asset, x.persons, "persons") }));
    out
}
