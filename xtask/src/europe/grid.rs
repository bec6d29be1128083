//! The transmission grid: Germany from `SciGRID`, elsewhere synthesised from plants and cities, joined by curated ties.
//!
//! Buses: plants and cities merged greedily by weight. Lines: Gabriel graph (Gabriel and Sokal 1969, DOI 10.2307/2412323) by
//! region, without edges over water or foreign land. Circuits: least-cost dispatch with the grid's own limits left out, then
//! as many standard circuits as the largest flow needs, with or without the loss of another line.

use std::collections::{BTreeMap, BTreeSet};

use buttress_engine::power::{BASE_MVA, BaseDispatch, Grid, GridHvdc, GridLine, GridLoad, GridPlant};
use buttress_model::StudyPoint;
use buttress_model::geo::distance_km;
use buttress_model::tables::{Bus as BusRow, Hvdc as HvdcRow, Line as LineRow, Load as LoadRow};

use super::borders::Land;
use super::gas::Hubs;
use super::kit::{Common, Kit, Out, Result, Row, nearest, number, read_csv, short, slug, text};
use super::places::{DERIVED, Place, Places, SYNTHETIC, zone_keys};
use super::plants::{self, Fleet, Placed, Plant};

/// Plants from this size on are seeds of buses, MW.
const SEED_MW: f64 = 100.0;
/// Cities from this size on are seeds of buses.
const SEED_CITY: f64 = 100_000.0;
/// Seeds nearer than this are one bus, km; smaller in small zones.
const MERGE_KM: f64 = 40.0;
const MERGE_SMALL_KM: f64 = 25.0;
const SMALL_ZONES: &[&str] = &["NL", "BE", "CH", "LU", "MT", "CY", "SI", "XK", "ME"];
/// German stations nearer than this are one bus, km.
const STATION_KM: f64 = 1.5;
/// A tie ends at the nearest bus within this, km.
const ATTACH_KM: f64 = 40.0;
/// An edge longer than this may not lie off its zone's land by more than the share.
const SHORT_EDGE_KM: f64 = 20.0;
const OFF_LAND_SHARE: f64 = 0.3;
const LAND_SAMPLES: usize = 12;
/// Route length over the great circle.
const DETOUR: f64 = 1.15;
/// Parts of a region nearer than this are joined: a bay, a strait or a bend of the border, not an open sea, km.
const GAP_KM: f64 = 100.0;
/// Lines between two such parts.
const GAP_LINES: usize = 2;
/// Cities take from at least this many buses within the radius, km, and from one more for every [`SUBSTATION_MW`].
const CITY_BUSES: usize = 3;
const CITY_KM: f64 = 60.0;
/// Peak load that one substation of the transmission grid serves; denser places get more of them, spread over the city.
const SUBSTATION_MW: f64 = 600.0;
const MOST_SUBSTATIONS: f64 = 40.0;
const SPREAD_KM: f64 = 4.5;
/// Distances below this count alike when a city shares its load, km.
const CITY_CORE_KM: f64 = 12.0;
/// A part of a region without tie that holds less of the zone's load than this joins the main part, bus by bus.
const SMALL_PART: f64 = 0.03;
/// Standard circuits: reactance ohm/km, rating MW.
const X_380: f64 = 0.26;
const X_220: f64 = 0.30;
const RATE_380: f64 = 1700.0;
const RATE_220: f64 = 490.0;
/// Buses below this at both ends get a 220 kV line, MW.
const SMALL_BUS_MW: f64 = 300.0;
/// Reserve of a planned line over its largest flow.
const PLAN_RESERVE: f64 = 1.05;
/// Rounds of planning, and the largest number of circuits on a route.
const PLAN_ROUNDS: usize = 8;
const MOST_CIRCUITS: f64 = 20.0;
/// Short-circuit voltage of the transformers through which a tie below 200 kV is reached (both ends, on its own rating).
const TRANSFORMER_X: f64 = 0.24;
const DE_GRID: &str = "examples/networks/scigrid-de/scigrid-de";

/// A bus.
#[derive(Debug, Clone)]
pub struct Bus {
    /// Key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Zone or gate.
    pub zone: String,
    /// Part of the zone that is planned by itself.
    pub region: String,
    /// Latitude, deg.
    pub lat: f64,
    /// Longitude, deg.
    pub lon: f64,
    /// Nominal voltage, kV; 0 until known.
    kv: f64,
    provenance: &'static str,
    source: &'static str,
}

impl Bus {
    /// The key without `bus.`.
    pub fn bare_key(&self) -> &str {
        self.key.strip_prefix("bus.").unwrap_or(&self.key)
    }
}

/// What a line is, hence how it is planned.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Synthetic,
    Real,
    Tie,
}

#[derive(Debug, Clone)]
struct Branch {
    class: Class,
    key: String,
    name: String,
    group: String,
    from: usize,
    to: usize,
    length_km: f64,
    kv: f64,
    /// Circuits (a shared tower counts in part).
    circuits: f64,
    /// Reactance of one circuit, p.u.
    x_pu: f64,
    /// Rating of one circuit, MW.
    rate_mw: f64,
    is_reinforced: bool,
    source: String,
    confidence: String,
}

impl Branch {
    fn limit_mw(&self) -> f64 {
        self.rate_mw * self.circuits
    }
}

#[derive(Debug, Clone)]
struct Link {
    row: Row,
    from: usize,
    to: usize,
    p_max_mw: f64,
    p_max_reverse_mw: f64,
    in_service: bool,
}

/// Buses, lines and links.
#[derive(Default)]
pub struct Net {
    /// Buses.
    pub buses: Vec<Bus>,
    by_region: BTreeMap<String, Vec<usize>>,
    branches: Vec<Branch>,
    links: Vec<Link>,
}

/// What the grid is built from.
pub struct Inputs<'a> {
    /// Kit.
    pub kit: &'a Kit,
    /// Land of the zones.
    pub land: &'a Land,
    /// Cities and countries.
    pub places: &'a Places,
    /// Plants.
    pub fleet: &'a Fleet,
    /// Gas hubs.
    pub hubs: &'a Hubs,
    /// False: lines are sized without regard to the loss of another.
    pub with_n1: bool,
}

/// Part of a zone that is planned by itself: two areas in Denmark, Northern Ireland apart from Great Britain.
fn region_of(zone: &str, lat: f64, lon: f64) -> String {
    match zone {
        "DK" if lon < 10.9 || (lat > 56.2 && lon < 12.0) => "DK-W".into(),
        "DK" => "DK-E".into(),
        "GB" if lon < -5.4 && (54.0..55.4).contains(&lat) => "GB-NIR".into(),
        _ => zone.into(),
    }
}

fn sync_area(region: &str) -> &str {
    match region {
        "NO" | "SE" | "FI" | "DK-E" => "NORDIC",
        "IE" | "GB-NIR" => "IE",
        "GB" | "IS" | "CY" | "RU" | "TN" | "BY" => region,
        _ => "CE",
    }
}

impl Net {
    /// The nearest bus of the zone, within the part of it that the point lies in.
    pub fn nearest_bus(&self, zone: &str, lat: f64, lon: f64) -> Option<usize> {
        self.nearest_with_distance(zone, lat, lon).map(|(i, _)| i)
    }

    fn nearest_with_distance(&self, zone: &str, lat: f64, lon: f64) -> Option<(usize, f64)> {
        let members = self.members(&region_of(zone, lat, lon));
        let (at, km) = nearest(members.iter().map(|&i| (self.buses[i].lat, self.buses[i].lon)), lat, lon)?;
        Some((members[at], km))
    }

    fn members(&self, region: &str) -> &[usize] {
        self.by_region.get(region).map_or(&[], Vec::as_slice)
    }

    fn push_bus(&mut self, bus: Bus) -> usize {
        let index = self.buses.len();
        self.by_region.entry(bus.region.clone()).or_default().push(index);
        self.buses.push(bus);
        index
    }

    fn km(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.buses[a], &self.buses[b]);
        distance_km(a.lat, a.lon, b.lat, b.lon)
    }

    fn regions(&self) -> Vec<String> {
        self.by_region.keys().cloned().collect()
    }

    /// Adds a synthetic line; voltage and circuits come with the plan.
    fn add_synthetic(&mut self, from: usize, to: usize, suffix: &str) {
        let (a, b) = (&self.buses[from], &self.buses[to]);
        let key = format!("line.{}.{}{suffix}", a.bare_key(), b.bare_key());
        let name = format!("{} - {}{}", a.name, b.name, if suffix.is_empty() { "" } else { " cable" });
        let length_km = (self.km(from, to) * DETOUR).max(1.0);
        self.branches.push(Branch {
            class: Class::Synthetic,
            key,
            name,
            group: String::new(),
            from,
            to,
            length_km,
            kv: 380.0,
            circuits: 1.0,
            x_pu: circuit_x(380.0, length_km),
            rate_mw: RATE_380,
            is_reinforced: false,
            source: SYNTHETIC.into(),
            confidence: "low".into(),
        });
    }

    /// True where a straight line between two buses stays on the zone's land.
    fn is_on_land(&self, land: &Land, a: usize, b: usize) -> bool {
        if self.km(a, b) <= SHORT_EDGE_KM {
            return true;
        }
        let (a, b) = (&self.buses[a], &self.buses[b]);
        let off = (0..LAND_SAMPLES).filter(|k| {
            let t = (*k as f64 + 0.5) / LAND_SAMPLES as f64;
            !land.contains(&a.zone, a.lat + t * (b.lat - a.lat), a.lon + t * (b.lon - a.lon))
        });
        off.count() as f64 <= OFF_LAND_SHARE * LAND_SAMPLES as f64
    }
}

/// Reactance of one circuit, p.u.
fn circuit_x(kv: f64, km: f64) -> f64 {
    let ohm_km = if kv >= 300.0 { X_380 } else { X_220 };
    ohm_km * km / (kv * kv / BASE_MVA)
}

/// Names buses after the nearest city, counting.
struct Namer<'a> {
    cities: &'a [Place],
    count: BTreeMap<String, usize>,
    seen: BTreeSet<String>,
}

impl Namer<'_> {
    /// Key and name of a new bus.
    fn name(&mut self, zone: &str, lat: f64, lon: f64) -> (String, String) {
        let of_zone: Vec<&Place> = self.cities.iter().filter(|c| c.zone == zone).collect();
        let city = nearest(of_zone.iter().map(|c| (c.lat, c.lon)), lat, lon).map_or(zone, |(i, _)| of_zone[i].name.as_str());
        let n = self.count.entry(format!("{zone} {city}")).or_default();
        *n += 1;
        let name = format!("{city} {n}");
        (self.unique_key(zone, &name), name)
    }

    fn unique_key(&mut self, zone: &str, name: &str) -> String {
        let plain = format!("bus.{}-{}", zone.to_lowercase(), slug(name));
        let numbered = (2..).map(|n| format!("{plain}-{n}"));
        let key = std::iter::once(plain.clone()).chain(numbered).find(|k| !self.seen.contains(k)).unwrap_or_default();
        self.seen.insert(key.clone());
        key
    }
}

/// Builds, plans and writes the grid and its plants; returns the report.
pub fn build(inputs: &Inputs, out: &mut Out) -> Result<String> {
    let mut net = Net::default();
    let mut namer = Namer { cities: &inputs.places.cities, count: BTreeMap::new(), seen: BTreeSet::new() };
    read_german_grid(inputs.kit, &mut net, &mut namer)?;
    for zone in inputs.kit.zones.iter().filter(|z| z.as_str() != "DE") {
        add_seeds(zone, inputs, &mut net, &mut namer);
    }
    for region in net.regions().iter().filter(|r| r.as_str() != "DE") {
        add_gabriel(region, inputs.land, &mut net);
    }
    attach_ties(inputs, &mut net, &mut namer)?;
    attach_links(inputs, &mut net, &mut namer)?;
    bridge_gaps(&mut net);
    mend_parts(inputs, &mut net)?;

    let shares = load_shares(&net, inputs.places)?;
    let mut report = Report::default();
    let mut placed = inputs.fleet.settle(&net)?;
    fill_rest(inputs, &net, &shares, &mut placed, &mut report);
    add_gate_plants(inputs.kit, &net, &mut placed);
    let model = Model { zones: zone_keys(inputs.kit), shares, inputs };
    plan(&mut net, &model, &placed, &mut report);
    set_bus_voltage(&mut net);
    plants::write(inputs.fleet, &placed, &net, inputs.hubs, out);
    write_buses(&net, out);
    write_lines(&net, out);
    write_links(&net, out);
    write_loads(&net, &model, out);
    report.describe(&net, inputs.kit);
    Ok(report.text)
}

// ---- Germany ----

fn read_german_grid(kit: &Kit, net: &mut Net, namer: &mut Namer) -> Result<()> {
    let read = |name: &str| -> Result<Vec<Row>> {
        let path = kit.file("pypsa", &format!("{DE_GRID}/{name}"))?;
        let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        read_csv(name, &content)
    };
    let mut bus_of: BTreeMap<String, usize> = BTreeMap::new();
    for row in read("buses.csv")? {
        let (lat, lon, kv) = (number(&row, "y", 0.0), number(&row, "x", 0.0), number(&row, "v_nom", 380.0));
        let index = match net.nearest_with_distance("DE", lat, lon) {
            Some((i, km)) if km <= STATION_KM => i,
            _ => {
                let station = text(&row, "osm_name");
                let (key, name) = if slug(station).is_empty() {
                    namer.name("DE", lat, lon)
                } else {
                    (namer.unique_key("DE", station), station.to_owned())
                };
                let (provenance, source) = ("real", "pkg.pypsa-scigrid-de");
                net.push_bus(Bus { key, name, zone: "DE".into(), region: "DE".into(), lat, lon, kv, provenance, source })
            }
        };
        net.buses[index].kv = net.buses[index].kv.max(kv);
        bus_of.insert(text(&row, "name").to_owned(), index);
    }
    for row in read("lines.csv")? {
        let (Some(&from), Some(&to)) = (bus_of.get(text(&row, "bus0")), bus_of.get(text(&row, "bus1"))) else {
            return Err(format!("scigrid-de: line {} has no bus", text(&row, "name")));
        };
        let circuits = number(&row, "num_parallel", 1.0);
        let s_nom = number(&row, "s_nom", 0.0);
        if from == to || circuits <= 0.0 || s_nom <= 0.0 {
            continue;
        }
        // The reactance column is empty for a quarter of the lines, so the package's line types count (ohm/km and circuit).
        let (kv, ohm_km) = if text(&row, "type").ends_with("380.0") { (380.0, 0.246) } else { (220.0, 0.301) };
        let length_km = number(&row, "length", 0.0).max(0.5);
        net.branches.push(Branch {
            class: Class::Real,
            key: format!("line.de-scigrid-{}", slug(text(&row, "name"))),
            name: format!("{} - {} {kv} kV", net.buses[from].name, net.buses[to].name),
            group: String::new(),
            from,
            to,
            length_km,
            kv,
            circuits,
            x_pu: ohm_km * length_km / (kv * kv / BASE_MVA),
            rate_mw: s_nom / circuits,
            is_reinforced: false,
            source: "pkg.pypsa-scigrid-de".into(),
            confidence: "medium".into(),
        });
    }
    Ok(())
}

// ---- synthesis ----

/// Buses of a zone: large plants and cities, merged greedily by weight.
fn add_seeds(zone: &str, inputs: &Inputs, net: &mut Net, namer: &mut Namer) {
    let mut seeds: Vec<(f64, f64, f64)> = Vec::new();
    for plant in inputs.fleet.large.iter().filter(|p| p.zone == zone && p.mw >= SEED_MW && p.technology != "wind_offshore") {
        seeds.push((plant.mw, plant.lat, plant.lon));
    }
    let cities = || inputs.places.cities.iter().filter(|c| c.zone == zone && c.weight > 0.0);
    let largest = cities().map(|c| c.weight).fold(0.0, f64::max);
    for city in cities().filter(|c| c.population >= SEED_CITY || c.weight >= largest) {
        seeds.push((city.weight / 1000.0, city.lat, city.lon));
    }
    seeds.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    let merge_km = if SMALL_ZONES.contains(&zone) { MERGE_SMALL_KM } else { MERGE_KM };
    let mut sites: Vec<(f64, f64)> = Vec::new();
    for (_, lat, lon) in seeds {
        if sites.iter().all(|s| distance_km(s.0, s.1, lat, lon) > merge_km) {
            sites.push((lat, lon));
        }
    }
    // What the cities around a site draw decides how many substations stand for it.
    let peak = inputs.places.countries.iter().find(|c| c.zone == zone).map_or(0.0, |c| c.winter_peak_mw);
    let all: f64 = cities().map(|c| c.weight).sum::<f64>().max(1.0);
    let mut drawn = vec![0.0; sites.len()];
    for city in cities() {
        if let Some((i, _)) = nearest(sites.iter().copied(), city.lat, city.lon) {
            drawn[i] += peak * city.weight / all;
        }
    }
    for (&(lat, lon), &mw) in sites.iter().zip(&drawn) {
        let n = (mw / SUBSTATION_MW).ceil().clamp(1.0, MOST_SUBSTATIONS) as usize;
        for k in 0..n {
            // A sunflower around the site: even spacing, the same on every machine.
            let (r, angle) = (SPREAD_KM * (k as f64).sqrt(), k as f64 * 2.399_963);
            let (dy, dx) = (r * angle.sin() / 111.2, r * angle.cos() / (111.2 * lat.to_radians().cos()));
            add_bus(net, namer, (zone, lat + dy, lon + dx));
        }
    }
}

fn add_bus(net: &mut Net, namer: &mut Namer, (zone, lat, lon): (&str, f64, f64)) -> usize {
    let (key, name) = namer.name(zone, lat, lon);
    let region = region_of(zone, lat, lon);
    net.push_bus(Bus { key, name, zone: zone.into(), region, lat, lon, kv: 0.0, provenance: "synthetic", source: SYNTHETIC })
}

/// Lines of a region: an edge stands when no third bus lies in the circle over it, and it stays on land.
fn add_gabriel(region: &str, land: &Land, net: &mut Net) {
    let members = net.members(region).to_vec();
    let square: Vec<Vec<f64>> = members.iter().map(|&a| members.iter().map(|&b| net.km(a, b).powi(2)).collect()).collect();
    for i in 0..members.len() {
        for j in i + 1..members.len() {
            let is_free = (0..members.len()).all(|k| k == i || k == j || square[i][k] + square[j][k] >= square[i][j]);
            if is_free && net.is_on_land(land, members[i], members[j]) {
                net.add_synthetic(members[i], members[j], "");
            }
        }
    }
}

// ---- ties and links ----

/// The bus where a tie or link ends: the nearest, or a new one with two lines; gates have one bus each.
fn attach(inputs: &Inputs, net: &mut Net, namer: &mut Namer, (zone, lat, lon): (&str, f64, f64)) -> usize {
    if !inputs.kit.is_zone(zone) {
        if let Some(&gate) = net.members(zone).first() {
            return gate;
        }
        let name = format!("Gate {zone}");
        let key = namer.unique_key(zone, "gate");
        let (provenance, source) = ("derived", DERIVED);
        return net.push_bus(Bus { key, name, zone: zone.into(), region: zone.into(), lat, lon, kv: 380.0, provenance, source });
    }
    if let Some((bus, km)) = net.nearest_with_distance(zone, lat, lon)
        && km <= ATTACH_KM
    {
        return bus;
    }
    let bus = add_bus(net, namer, (zone, lat, lon));
    let mut others: Vec<usize> = net.members(&region_of(zone, lat, lon)).iter().copied().filter(|&i| i != bus).collect();
    others.sort_by(|&a, &b| net.km(bus, a).total_cmp(&net.km(bus, b)).then(a.cmp(&b)));
    let ends: Vec<usize> = others.into_iter().filter(|&i| net.is_on_land(inputs.land, bus, i)).take(2).collect();
    for end in ends {
        net.add_synthetic(bus, end, "");
    }
    bus
}

/// Zone and coordinates of one end of a curated row.
fn end_of<'a>(row: &'a Row, end: &str) -> (&'a str, f64, f64) {
    (text(row, &format!("country_{end}")), number(row, &format!("lat_{end}"), 0.0), number(row, &format!("lon_{end}"), 0.0))
}

fn attach_ties(inputs: &Inputs, net: &mut Net, namer: &mut Namer) -> Result<()> {
    for row in inputs.kit.curated("ac_ties")? {
        let from = attach(inputs, net, namer, end_of(&row, "from"));
        let to = attach(inputs, net, namer, end_of(&row, "to"));
        let (kv, circuits) = (number(&row, "v_nom_kv", 380.0), number(&row, "circuits", 1.0).max(1.0));
        let limit = number(&row, "s_max_mw", 0.0);
        if from == to || limit <= 0.0 {
            return Err(format!("ac_ties.csv: {} has one bus at both ends, or no s_max_mw", text(&row, "key")));
        }
        let route = net.km(from, to) * DETOUR;
        let length_km = number(&row, "length_km", route);
        // The bus stands for the station, so its distance from it belongs to the line.
        let mut x_pu = circuit_x(kv, length_km.max(route).max(1.0));
        if kv < 200.0 {
            x_pu += TRANSFORMER_X * BASE_MVA / (limit / circuits);
        }
        let zones = [text(&row, "country_from"), text(&row, "country_to")].map(str::to_lowercase);
        net.branches.push(Branch {
            class: Class::Tie,
            key: text(&row, "key").to_owned(),
            name: text(&row, "name").to_owned(),
            group: format!("tie.{}-{}", zones[0], zones[1]),
            from,
            to,
            length_km,
            kv,
            circuits,
            x_pu,
            rate_mw: limit / circuits,
            is_reinforced: false,
            source: text(&row, "source").to_owned(),
            confidence: text(&row, "confidence").to_owned(),
        });
    }
    Ok(())
}

fn attach_links(inputs: &Inputs, net: &mut Net, namer: &mut Namer) -> Result<()> {
    for row in inputs.kit.curated("hvdc")? {
        let from = attach(inputs, net, namer, end_of(&row, "from"));
        let to = attach(inputs, net, namer, end_of(&row, "to"));
        if from == to {
            println!("grid: {} has one bus at both ends and is left out", text(&row, "key"));
            continue;
        }
        let (p_max_mw, p_max_reverse_mw) = (number(&row, "p_max_mw", 0.0), number(&row, "p_max_reverse_mw", 0.0));
        let in_service = text(&row, "in_service") != "0";
        net.links.push(Link { row, from, to, p_max_mw, p_max_reverse_mw, in_service });
    }
    Ok(())
}

// ---- parts of a region ----

/// A connected part of a region.
#[derive(Default)]
struct Part {
    buses: Vec<usize>,
    share: f64,
    load_mw: f64,
    firm_mw: f64,
    tie_mw: f64,
}

/// Lowest bus of the connected part of its region that each bus lies in.
fn part_numbers(net: &Net) -> Vec<usize> {
    let mut root: Vec<usize> = (0..net.buses.len()).collect();
    let find = |root: &[usize], mut i: usize| {
        while root[i] != i {
            i = root[i];
        }
        i
    };
    for b in net.branches.iter().filter(|b| net.buses[b.from].region == net.buses[b.to].region) {
        let (x, y) = (find(&root, b.from), find(&root, b.to));
        root[x.max(y)] = x.min(y);
    }
    (0..net.buses.len()).map(|i| find(&root, i)).collect()
}

/// Joins parts of a region that lie close to each other, nearest buses first.
fn bridge_gaps(net: &mut Net) {
    let part = part_numbers(net);
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for region in net.regions() {
        let members = net.members(&region);
        for (n, &a) in members.iter().enumerate() {
            for &b in members[n + 1..].iter().filter(|&&b| part[a] != part[b]) {
                let km = net.km(a, b);
                if km <= GAP_KM {
                    pairs.push((km, a, b));
                }
            }
        }
    }
    pairs.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)).then(x.2.cmp(&y.2)));
    let mut n_lines: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (_, a, b) in pairs {
        let n = n_lines.entry((part[a].min(part[b]), part[a].max(part[b]))).or_default();
        if *n < GAP_LINES {
            *n += 1;
            net.add_synthetic(a, b, "");
        }
    }
}

/// Joins what land and sea left apart: small parts go to the main part, larger ones get a cable.
fn mend_parts(inputs: &Inputs, net: &mut Net) -> Result<()> {
    let parts = find_parts(inputs, net)?;
    let mut dropped = BTreeSet::new();
    let mut cables: Vec<(usize, usize)> = Vec::new();
    for (region, parts) in &parts {
        let Some(main) = parts.iter().max_by(|a, b| a.share.total_cmp(&b.share).then(b.buses.cmp(&a.buses))) else { continue };
        for part in parts.iter().filter(|p| p.buses != main.buses) {
            let is_short = part.load_mw > part.tie_mw + 0.9 * part.firm_mw;
            if part.tie_mw <= 0.0 && part.share < SMALL_PART {
                dropped.extend(part.buses.iter().copied());
            } else if part.tie_mw <= 0.0 || is_short {
                let pairs = part.buses.iter().flat_map(|&a| main.buses.iter().map(move |&b| (a, b)));
                cables.extend(pairs.min_by(|x, y| net.km(x.0, x.1).total_cmp(&net.km(y.0, y.1))));
            }
        }
        let n_dropped = parts.iter().flat_map(|p| &p.buses).filter(|b| dropped.contains(b)).count();
        if n_dropped > 0 {
            println!("grid: {region}: {n_dropped} buses of small parts join the main part");
        }
    }
    for (a, b) in cables {
        println!("grid: synthetic cable {} - {}", net.buses[a].name, net.buses[b].name);
        // Two assets, so that the loss of one leaves the part supplied.
        net.add_synthetic(a, b, "-1");
        net.add_synthetic(a, b, "-2");
    }
    drop_buses(net, &dropped);
    Ok(())
}

fn find_parts(inputs: &Inputs, net: &Net) -> Result<BTreeMap<String, Vec<Part>>> {
    let part_of = part_numbers(net);
    let shares = load_shares(net, inputs.places)?;
    let mut by_root: BTreeMap<usize, Part> = BTreeMap::new();
    for (i, &number) in part_of.iter().enumerate() {
        let part = by_root.entry(number).or_default();
        let peak = inputs.places.country(&net.buses[i].zone).map_or(0.0, |c| c.winter_peak_mw);
        part.buses.push(i);
        part.share += shares[i];
        part.load_mw += shares[i] * peak;
    }
    for Placed { bus, plant } in inputs.fleet.settle(net)? {
        let availability = inputs.fleet.technologies.get(&plant.technology).map_or(0.0, |t| t.availability[0]);
        by_root.entry(part_of[bus]).or_default().firm_mw += availability * plant.mw;
    }
    let ties = net.branches.iter().map(|b| (b.from, b.to, b.limit_mw()));
    let links = net.links.iter().filter(|l| l.in_service).map(|l| (l.from, l.to, l.p_max_mw.min(l.p_max_reverse_mw)));
    for (from, to, mw) in ties.chain(links) {
        let (x, y) = (part_of[from], part_of[to]);
        if x != y {
            by_root.entry(x).or_default().tie_mw += mw;
            by_root.entry(y).or_default().tie_mw += mw;
        }
    }
    let mut by_region: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    for (first, part) in by_root {
        by_region.entry(net.buses[first].region.clone()).or_default().push(part);
    }
    Ok(by_region)
}

/// Removes buses and their lines; links out of service that end there move to the nearest bus left.
fn drop_buses(net: &mut Net, dropped: &BTreeSet<usize>) {
    if dropped.is_empty() {
        return;
    }
    let old = std::mem::take(&mut net.buses);
    net.by_region.clear();
    let mut number_of = vec![None; old.len()];
    for (i, bus) in old.iter().enumerate().filter(|(i, _)| !dropped.contains(i)) {
        number_of[i] = Some(net.push_bus(bus.clone()));
    }
    let branches = std::mem::take(&mut net.branches);
    for mut branch in branches {
        if let (Some(from), Some(to)) = (number_of[branch.from], number_of[branch.to]) {
            (branch.from, branch.to) = (from, to);
            net.branches.push(branch);
        }
    }
    let links = std::mem::take(&mut net.links);
    for mut link in links {
        let moved = |i: usize| number_of[i].or_else(|| net.nearest_bus(&old[i].zone, old[i].lat, old[i].lon));
        if let (Some(from), Some(to)) = (moved(link.from), moved(link.to)) {
            (link.from, link.to) = (from, to);
            net.links.push(link);
        }
    }
}

// ---- demand ----

/// Share of its zone's demand at each bus: every city draws on the nearest buses by inverse distance.
fn load_shares(net: &Net, places: &Places) -> Result<Vec<f64>> {
    let mut weight = vec![0.0; net.buses.len()];
    let mut total: BTreeMap<&str, f64> = BTreeMap::new();
    let mut zone_weight: BTreeMap<&str, f64> = BTreeMap::new();
    for city in &places.cities {
        *zone_weight.entry(&city.zone).or_default() += city.weight;
    }
    for city in places.cities.iter().filter(|c| c.weight > 0.0) {
        let region = region_of(&city.zone, city.lat, city.lon);
        let peak = places.countries.iter().find(|c| c.zone == city.zone).map_or(0.0, |c| c.winter_peak_mw);
        let mw = peak * city.weight / zone_weight.get(city.zone.as_str()).copied().unwrap_or(1.0);
        let buses = net.members(&region);
        if buses.is_empty() {
            return Err(format!("region {region} has no bus"));
        }
        let away = |&i: &usize| (distance_km(net.buses[i].lat, net.buses[i].lon, city.lat, city.lon), i);
        let mut near: Vec<(f64, usize)> = buses.iter().map(away).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let n_near = near.iter().take(CITY_BUSES.max((mw / SUBSTATION_MW).ceil() as usize)).filter(|(km, _)| *km <= CITY_KM).count().max(1);
        near.truncate(n_near);
        let sum: f64 = near.iter().map(|(km, _)| 1.0 / km.max(CITY_CORE_KM)).sum();
        for (km, i) in near {
            weight[i] += city.weight / km.max(CITY_CORE_KM) / sum;
        }
        *total.entry(&city.zone).or_default() += city.weight;
    }
    for (w, bus) in weight.iter_mut().zip(&net.buses) {
        *w /= total.get(bus.zone.as_str()).copied().unwrap_or(1.0);
    }
    Ok(weight)
}

/// Fills what remains to the published capacity, and tells the totals before.
fn fill_rest(inputs: &Inputs, net: &Net, shares: &[f64], placed: &mut Vec<Placed>, report: &mut Report) {
    report.line("### Installed capacity before the rest is filled");
    report.line("");
    report.line("| zone | records MW | published MW | difference | filled MW |");
    report.line("|---|---:|---:|---:|---:|");
    let mut fresh = Vec::new();
    for country in &inputs.places.countries {
        let total: f64 = placed.iter().filter(|p| p.plant.zone == country.zone).map(|p| p.plant.mw).sum();
        let loads: Vec<(usize, f64)> =
            (0..net.buses.len()).filter(|&i| net.buses[i].zone == country.zone).map(|i| (i, shares[i])).collect();
        let rest = inputs.fleet.rest(net, country, placed, &loads);
        // An empty sum is -0.
        let filled = rest.iter().map(|p| p.plant.mw).sum::<f64>() + 0.0;
        let percent = 100.0 * (total - country.installed_mw) / country.installed_mw.max(1.0);
        report.line(&format!("| {} | {total:.0} | {:.0} | {percent:+.1} % | {filled:.0} |", country.zone, country.installed_mw));
        fresh.extend(rest);
    }
    report.line("");
    placed.extend(fresh);
}

/// One plant at each gate that a tie or link in service reaches, as large as those together.
fn add_gate_plants(kit: &Kit, net: &Net, placed: &mut Vec<Placed>) {
    for (bus, at) in net.buses.iter().enumerate().filter(|(_, b)| !kit.is_zone(&b.zone)) {
        let ties = net.branches.iter().filter(|b| b.from == bus || b.to == bus).map(Branch::limit_mw);
        let into = |l: &Link| if l.from == bus { l.p_max_mw } else { l.p_max_reverse_mw };
        let links = net.links.iter().filter(|l| l.in_service && (l.from == bus || l.to == bus)).map(into);
        let mw: f64 = ties.chain(links).sum();
        if mw <= 0.0 {
            continue;
        }
        let plant = Plant {
            key: format!("plant.gate-{}", at.zone.to_lowercase()),
            name: format!("Imports over gate {}", at.zone),
            zone: at.zone.clone(),
            lat: at.lat,
            lon: at.lon,
            technology: "other".into(),
            mw,
            operator: String::new(),
            provenance: "derived",
            source: DERIVED.into(),
            confidence: "low".into(),
        };
        placed.push(Placed { bus, plant });
    }
}

// ---- plan ----

/// What turns the net into numbers of the engine.
struct Model<'a> {
    zones: Vec<String>,
    shares: Vec<f64>,
    inputs: &'a Inputs<'a>,
}

impl Model<'_> {
    /// Demand of a bus at winter peak and summer night, MW, and its people.
    fn demand(&self, net: &Net, bus: usize) -> ([f64; 2], f64) {
        let country = self.inputs.places.country(&net.buses[bus].zone);
        country.map_or(([0.0, 0.0], 0.0), |c| {
            let share = self.shares[bus];
            ([c.winter_peak_mw * share, c.summer_night_mw * share], c.population * share)
        })
    }

    /// The grid; lines inside a zone without limit where `with_limits` says no.
    fn grid(&self, net: &Net, placed: &[Placed], with_limits: bool) -> Grid {
        let zone_of = |bus: usize| self.zones.iter().position(|z| *z == net.buses[bus].zone).unwrap_or(0);
        let bus_zone: Vec<usize> = (0..net.buses.len()).map(zone_of).collect();
        let line = |b: &Branch| GridLine {
            from: b.from,
            to: b.to,
            b: b.circuits / b.x_pu,
            p_max: if with_limits || b.class == Class::Tie { b.limit_mw() / BASE_MVA } else { f64::INFINITY },
            is_tie: bus_zone[b.from] != bus_zone[b.to],
        };
        let lines = net.branches.iter().map(line).collect();
        let in_service = net.links.iter().filter(|l| l.in_service);
        let hvdc = in_service
            .map(|l| GridHvdc { from: l.from, to: l.to, p_max: l.p_max_mw / BASE_MVA, p_max_reverse: l.p_max_reverse_mw / BASE_MVA })
            .collect();
        let technologies = &self.inputs.fleet.technologies;
        let plant = |p: &Placed| {
            let (availability, cost) = technologies.get(&p.plant.technology).map_or(([0.0; 2], 0.0), |t| (t.availability, t.cost));
            GridPlant { bus: p.bus, p_max: availability.map(|a| a * p.plant.mw / BASE_MVA), cost, black_start: false }
        };
        let plants = placed.iter().map(plant).collect();
        let loads = (0..net.buses.len())
            .map(|bus| {
                let (mw, population) = self.demand(net, bus);
                GridLoad { bus, zone: bus_zone[bus], p: mw.map(|x| x / BASE_MVA), population }
            })
            .filter(|l| l.population > 0.0)
            .collect();
        Grid::new(buttress_model::Balance::Flow, net.buses.len(), bus_zone, lines, hvdc, plants, loads)
    }
}

/// Chooses voltage and circuits of the synthetic lines, and reinforces German ones that the base case overloads.
fn plan(net: &mut Net, model: &Model, placed: &[Placed], report: &mut Report) {
    choose_voltage(net, model, placed);
    let mut base_flow = vec![0.0; net.branches.len()];
    for round in 1..=PLAN_ROUNDS {
        let grid = model.grid(net, placed, false);
        let state = grid.intact(model.zones.len());
        let bases = [StudyPoint::WinterPeak, StudyPoint::SummerNight].map(|p| grid.base_dispatch(p, &state));
        for (e, flow) in base_flow.iter_mut().enumerate() {
            *flow = bases.iter().map(|b| b.flow.get(e).map_or(0.0, |f| f.abs())).fold(0.0, f64::max) * BASE_MVA;
        }
        let worst: Vec<f64> = if model.inputs.with_n1 {
            let pairs: Vec<_> = bases.iter().map(|b| (b, &state)).collect();
            grid.worst_flows(&pairs).into_iter().map(|f| f * BASE_MVA).collect()
        } else {
            base_flow.clone()
        };
        let n_changed = resize(net, &base_flow, &worst);
        println!("grid: planning round {round}: {n_changed} lines changed ({}, {})", bases[0].ending.name(), bases[1].ending.name());
        if n_changed == 0 {
            break;
        }
    }
    report.plan(net, &base_flow, model.inputs.with_n1);
    let grid = model.grid(net, placed, true);
    let state = grid.intact(model.zones.len());
    for point in [StudyPoint::WinterPeak, StudyPoint::SummerNight] {
        report.dispatch(&grid, &model.zones, point, &grid.base_dispatch(point, &state));
    }
}

fn choose_voltage(net: &mut Net, model: &Model, placed: &[Placed]) {
    let mut size: Vec<f64> = (0..net.buses.len()).map(|i| model.demand(net, i).0[0]).collect();
    let mut plant_mw = vec![0.0; net.buses.len()];
    for p in placed {
        plant_mw[p.bus] += p.plant.mw;
    }
    for (s, p) in size.iter_mut().zip(&plant_mw) {
        *s = s.max(*p);
    }
    for branch in net.branches.iter_mut().filter(|b| b.class == Class::Synthetic) {
        let is_small = size[branch.from] < SMALL_BUS_MW && size[branch.to] < SMALL_BUS_MW;
        (branch.kv, branch.rate_mw) = if is_small { (220.0, RATE_220) } else { (380.0, RATE_380) };
        branch.x_pu = circuit_x(branch.kv, branch.length_km);
    }
}

/// Adds circuits where flows (MW) ask for them; returns how many lines changed.
fn resize(net: &mut Net, base_flow: &[f64], worst: &[f64]) -> usize {
    let mut n_changed = 0;
    for ((branch, base), worst) in net.branches.iter_mut().zip(base_flow).zip(worst) {
        let wanted = match branch.class {
            Class::Synthetic => (PLAN_RESERVE * worst / branch.rate_mw).ceil(),
            // A real line is taken as it is, unless the base case itself does not fit.
            Class::Real if *base > branch.limit_mw() * (1.0 + 1e-6) => {
                branch.circuits + ((base - branch.limit_mw()) / branch.rate_mw).ceil()
            }
            _ => branch.circuits,
        };
        let wanted = wanted.clamp(branch.circuits, MOST_CIRCUITS.max(branch.circuits));
        if wanted > branch.circuits {
            branch.circuits = wanted;
            branch.is_reinforced = branch.class == Class::Real;
            n_changed += 1;
        }
    }
    n_changed
}

fn set_bus_voltage(net: &mut Net) {
    let mut high = vec![false; net.buses.len()];
    for b in net.branches.iter().filter(|b| b.kv >= 300.0) {
        high[b.from] = true;
        high[b.to] = true;
    }
    for (bus, high) in net.buses.iter_mut().zip(high) {
        if bus.kv == 0.0 {
            bus.kv = if high { 380.0 } else { 220.0 };
        }
    }
}

// ---- writing ----

fn write_buses(net: &Net, out: &mut Out) {
    for bus in &net.buses {
        let confidence = if bus.provenance == "real" { "medium" } else { "low" };
        let common = Common {
            key: &bus.key,
            name: &bus.name,
            kind: "substation",
            zone: &bus.zone,
            lat: bus.lat,
            lon: bus.lon,
            provenance: bus.provenance,
            source: bus.source,
            confidence,
        };
        out.push::<BusRow>(&common.with(&[("v_nom_kv", short(bus.kv, 0)), ("sync_area", sync_area(&bus.region).into())]));
    }
}

fn write_lines(net: &Net, out: &mut Out) {
    for b in &net.branches {
        let (from, to) = (&net.buses[b.from], &net.buses[b.to]);
        let provenance = match b.class {
            Class::Synthetic => "synthetic",
            Class::Real if b.is_reinforced => "derived",
            Class::Real => "real",
            Class::Tie => "curated",
        };
        let name = if b.class == Class::Synthetic { format!("{} {} kV", b.name, b.kv) } else { b.name.clone() };
        let common = Common {
            key: &b.key,
            name: &name,
            kind: "power_line",
            zone: &from.zone,
            lat: f64::midpoint(from.lat, to.lat),
            lon: f64::midpoint(from.lon, to.lon),
            provenance,
            source: &b.source,
            confidence: &b.confidence,
        };
        out.push::<LineRow>(&common.with(&[
            ("group", b.group.clone()),
            ("bus_from", from.key.clone()),
            ("bus_to", to.key.clone()),
            ("length_km", short(b.length_km, 1)),
            ("circuits", short(b.circuits.round().max(1.0), 0)),
            ("x_pu", short(b.x_pu / b.circuits, 6)),
            ("p_max_mw", short(b.limit_mw(), 1)),
        ]));
    }
}

fn write_links(net: &Net, out: &mut Out) {
    for link in &net.links {
        let (from, to, row) = (&net.buses[link.from], &net.buses[link.to], &link.row);
        let common = Common {
            key: text(row, "key"),
            name: text(row, "name"),
            kind: "hvdc_link",
            zone: &from.zone,
            lat: f64::midpoint(number(row, "lat_from", from.lat), number(row, "lat_to", to.lat)),
            lon: f64::midpoint(number(row, "lon_from", from.lon), number(row, "lon_to", to.lon)),
            provenance: "curated",
            source: text(row, "source"),
            confidence: text(row, "confidence"),
        };
        let length = number(row, "length_km", DETOUR * distance_km(from.lat, from.lon, to.lat, to.lon));
        out.push::<HvdcRow>(&common.with(&[
            ("operator", text(row, "operator").into()),
            ("supplier", text(row, "supplier").into()),
            ("in_service", if link.in_service { "1".into() } else { "0".into() }),
            ("bus_from", from.key.clone()),
            ("bus_to", to.key.clone()),
            ("length_km", short(length, 1)),
            ("p_max_mw", short(link.p_max_mw, 0)),
            ("p_max_reverse_mw", short(link.p_max_reverse_mw, 0)),
        ]));
    }
}

fn write_loads(net: &Net, model: &Model, out: &mut Out) {
    for (i, bus) in net.buses.iter().enumerate() {
        let ([winter, summer], population) = model.demand(net, i);
        if population <= 0.0 {
            continue;
        }
        out.push::<LoadRow>(&[
            ("key", format!("load.{}", bus.bare_key())),
            ("bus", bus.key.clone()),
            ("zone", bus.zone.clone()),
            ("winter_peak_mw", short(winter, 2)),
            ("summer_night_mw", short(summer, 2)),
            ("population", short(population, 0)),
        ]);
    }
}

// ---- report ----

/// Lines of BUILD.md about the grid.
#[derive(Default)]
struct Report {
    text: String,
}

impl Report {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What planning asked for.
    fn plan(&mut self, net: &Net, base_flow: &[f64], with_n1: bool) {
        let synthetic = || net.branches.iter().zip(base_flow).filter(|(b, _)| b.class == Class::Synthetic);
        let n_lines = synthetic().count();
        let circuits: f64 = synthetic().map(|(b, _)| b.circuits).sum();
        let needed: f64 = synthetic().map(|(b, f)| (PLAN_RESERVE * f / b.rate_mw).ceil().max(1.0)).sum();
        let n_full = synthetic().filter(|(b, _)| b.circuits >= MOST_CIRCUITS).count();
        let n_reinforced = net.branches.iter().filter(|b| b.is_reinforced).count();
        self.line("### Plan of the lines");
        self.line("");
        let rule = if with_n1 { "the loss of any one other line" } else { "the base state only" };
        self.line(&format!("- {n_lines} synthetic lines have {circuits:.0} circuits, sized for {rule}."));
        self.line(&format!("- The base flows alone need {needed:.0} circuits: the difference is {:.0}.", circuits - needed));
        self.line(&format!("- {n_full} synthetic lines stand at the limit of {MOST_CIRCUITS} circuits."));
        self.line(&format!("- {n_reinforced} German lines got circuits (`derived`), since the base flow exceeds their limit."));
        self.line("");
    }

    /// What the base dispatch with all limits delivers.
    fn dispatch(&mut self, grid: &Grid, zones: &[String], point: StudyPoint, base: &BaseDispatch) {
        let name = if point == StudyPoint::WinterPeak { "Winter peak" } else { "Summer night" };
        let index = point as usize;
        let load: f64 = grid.loads.iter().map(|l| l.p[index]).sum::<f64>() * BASE_MVA;
        let shed: f64 = base.shed.iter().sum::<f64>() * BASE_MVA;
        let over = grid.lines.iter().zip(&base.flow).filter(|(l, f)| f.abs() > l.p_max * (1.0 + 1e-4)).count();
        let ending = base.ending.name();
        self.line(&format!("- {name}: {ending}, load {load:.0} MW, unserved {shed:.1} MW, overloaded lines {over}."));
        println!("grid: {name}: {ending}, load {load:.0} MW, unserved {shed:.1} MW, overloaded lines {over}");
        let mut by_zone: BTreeMap<&str, f64> = BTreeMap::new();
        for (l, s) in grid.loads.iter().zip(&base.shed) {
            *by_zone.entry(&zones[l.zone]).or_default() += s * BASE_MVA;
        }
        for (zone, mw) in by_zone.into_iter().filter(|(_, mw)| *mw > 0.5) {
            self.line(&format!("  - {zone}: {mw:.0} MW unserved"));
            println!("grid:   {zone}: {mw:.0} MW unserved");
        }
    }

    /// Our own numbers by zone.
    fn describe(&mut self, net: &Net, kit: &Kit) {
        self.line("");
        self.line("### Grid by zone");
        self.line("");
        self.line("| zone | substations | km 380 kV class | km 220 kV class | mean degree | AC ties MW | HVDC MW |");
        self.line("|---|---:|---:|---:|---:|---:|---:|");
        for zone in &kit.zones {
            let is_here = |i: usize| net.buses[i].zone == *zone;
            let n = net.buses.iter().filter(|b| b.zone == *zone).count();
            let inner = || net.branches.iter().filter(|b| is_here(b.from) && is_here(b.to));
            let km = |high: bool| inner().filter(|b| (b.kv >= 300.0) == high).map(|b| b.length_km).sum::<f64>() + 0.0;
            let pairs: BTreeSet<(usize, usize)> = inner().map(|b| (b.from.min(b.to), b.from.max(b.to))).collect();
            let degree = 2.0 * pairs.len() as f64 / (n as f64).max(1.0);
            let ties = net.branches.iter().filter(|b| is_here(b.from) != is_here(b.to)).map(Branch::limit_mw).sum::<f64>() + 0.0;
            let links =
                net.links.iter().filter(|l| l.in_service && is_here(l.from) != is_here(l.to)).map(|l| l.p_max_mw).sum::<f64>() + 0.0;
            self.line(&format!("| {zone} | {n} | {:.0} | {:.0} | {degree:.2} | {ties:.0} | {links:.0} |", km(true), km(false)));
        }
        self.line("");
    }
}
