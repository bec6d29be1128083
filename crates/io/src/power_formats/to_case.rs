//! A power network as a case folder, so that `check`, `run` and `assess` work on it.
//!
//! Rules, each a choice where the network says nothing:
//! - zones: one a country; buses without a country share zone `XX`. A country of the embedded Europe brings its population and
//!   product; other zones get 1,000 persons per MW of demand, an assumption near Europe's mean at the peak.
//! - people of a zone are shared by demand. The one demand of the network stands for both study points.
//! - places: buses without one get the mean place of their zone; where a zone has none, a grid of ±1° around 0° N 0° E, in the
//!   sea and off the map, so that nobody takes it for a real place.
//! - lines: x on 100 MVA times the tap ratio; phase shifts, resistance, charging and shunts are left out.
//! - plants: largest output, always available. Technology is the fuel's class and the marginal cost at half output, so that the
//!   order of dispatch is kept; without a cost, that of the embedded Europe. Least output is left out. A generator that can only
//!   draw power becomes a load, a negative load a plant.
//! - value of lost load, repair times and their sources: those of the embedded Europe.
//! - every record is `derived`, with the source `imported` that names the file.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::Finding;
use buttress_model::draft::Draft;
use buttress_model::geo::distance_km;
use buttress_model::network::{BusKind, Cost, Generator, PowerNetwork};

use super::Findings;
use super::csv_sheet::table;
use crate::embedded;

/// People for each MW of demand where nothing else is known.
const PERSONS_PER_MW: f64 = 1000.0;
/// Source key of everything that was imported.
const SOURCE: &str = "imported";
/// Zone of buses without a country (a code that ISO 3166 leaves to users).
const NO_COUNTRY: &str = "XX";
/// Largest plant and direct-current link of a case, MW.
const MAX_UNIT_MW: f64 = 20_000.0;
/// Largest line and load of a case, MW.
const MAX_LINE_MW: f64 = 100_000.0;
/// Smallest reactance written, p.u.
const MIN_X_PU: f64 = 1e-6;

/// Rows of the embedded Europe by table and key.
struct Europe(Draft);

impl Europe {
    /// Cells of the row whose first column (its key) is this one.
    fn row(&self, table: &str, key: &str) -> Option<BTreeMap<&str, &str>> {
        let raw = self.0.tables.get(table)?;
        let (_, cells) = raw.rows.iter().find(|r| r.1.first().is_some_and(|k| k == key))?;
        Some(raw.header.iter().map(String::as_str).zip(cells.iter().map(String::as_str)).collect())
    }
}

/// A case being made.
struct Maker<'a> {
    network: &'a PowerNetwork,
    europe: Europe,
    source: &'a str,
    /// Zone of each bus.
    zone: Vec<&'a str>,
    /// Key of each bus.
    keys: Vec<String>,
    /// Place of each bus: latitude, longitude, and whether the network gave it.
    places: Vec<(f64, f64, bool)>,
    /// Sources of the embedded Europe that are used.
    sources: BTreeSet<String>,
    findings: Findings,
    files: Vec<(String, String)>,
}

/// The network as files of a case folder, (name, text), and what had to be changed or left out; `source` names the file or
/// folder that it was read from.
pub fn to_case(network: &PowerNetwork, source: &str) -> (Vec<(String, String)>, Vec<Finding>) {
    let zone: Vec<&str> = network.buses.iter().map(|b| if is_key(&b.country) { b.country.as_str() } else { NO_COUNTRY }).collect();
    let places = places(network, &zone);
    let keys = keys("bus", network.buses.iter().map(|b| b.id.as_str()));
    let europe = Europe(embedded::draft().0);
    let (sources, findings) = (BTreeSet::new(), Findings::default());
    let mut m = Maker { network, europe, source, zone, keys, places, sources, findings, files: Vec::new() };
    let name = plain(&network.name, "imported network");
    let text = |s: &str| toml::Value::String(s.to_owned()).to_string();
    let key = slug(&name);
    let meta = format!("key = {}\ntitle = {}\nversion = \"imported\"\neuro_year = 2024\n", text(&key), text(&name));
    m.files.push(("case.toml".into(), meta));
    let loads = m.loads();
    m.zones(&loads);
    m.load_table(&loads);
    m.buses();
    m.lines();
    m.links();
    m.plants();
    m.rules();
    m.source_table(&name);
    (m.files, m.findings.finish())
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Letters, digits and dashes of a text, in lower case.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.truncate(60);
    let out = out.trim_end_matches('-');
    if out.is_empty() { "x".into() } else { out.into() }
}

/// `word.slug`, with a number where it stands already.
fn keys<'a>(word: &str, texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts
        .enumerate()
        .map(|(k, text)| {
            let stem = if text.trim().is_empty() { format!("{word}.{}", k + 1) } else { format!("{word}.{}", slug(text)) };
            let mut key = stem.clone();
            let mut n = 1;
            // As many tries as there are rows at most.
            while !seen.insert(key.clone()) {
                n += 1;
                key = format!("{stem}_{n}");
            }
            key
        })
        .collect()
}

/// A text without control characters, or the other when it is empty.
fn plain(text: &str, other: &str) -> String {
    let out: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if out.is_empty() { other.to_owned() } else { out }
}

fn number(x: f64) -> String {
    format!("{x}")
}

/// Place of each bus, laid out where there is none.
fn places(network: &PowerNetwork, zone: &[&str]) -> Vec<(f64, f64, bool)> {
    let known = |p: &(f64, f64)| p.0.abs() <= 90.0 && p.1.is_finite();
    let own: Vec<Option<(f64, f64)>> = network.buses.iter().map(|b| b.lat_lon.filter(known)).collect();
    let mut mean: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for (z, p) in zone.iter().zip(&own) {
        if let Some((lat, lon)) = p {
            let m = mean.entry(z).or_insert((0.0, 0.0, 0.0));
            *m = (m.0 + lat, m.1 + lon, m.2 + 1.0);
        }
    }
    let side = (own.len() as f64).sqrt().ceil().max(2.0);
    let grid = |k: usize| {
        let (row, column) = ((k as f64 / side).floor(), k as f64 % side);
        (1.0 - 2.0 * row / (side - 1.0), 2.0 * column / (side - 1.0) - 1.0)
    };
    own.iter()
        .enumerate()
        .map(|(k, p)| {
            let laid_out = || mean.get(zone[k]).map_or_else(|| grid(k), |m| (m.0 / m.2, m.1 / m.2));
            let (lat, lon) = p.unwrap_or_else(laid_out);
            ((lat * 1e5).round() / 1e5, ((lon + 180.0).rem_euclid(360.0) * 1e5).round() / 1e5 - 180.0, p.is_some())
        })
        .collect()
}

/// A load: key, bus, MW.
type LoadRow = (String, usize, f64);

const ASSET: [&str; 10] = ["key", "name", "kind", "zone", "lat", "lon", "in_service", "provenance", "source", "confidence"];

impl Maker<'_> {
    fn put(&mut self, name: &str, header: &[&str], rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            self.files.push((format!("{name}.csv"), table(header, rows.into_iter())));
        }
    }

    fn count(&mut self, file: &str, n: usize, what: &str, advice: &str) {
        if n > 0 {
            self.findings.warn((file, 0, ""), "changed", format!("{n} {what}"), advice);
        }
    }

    fn is_dead(&self, bus: usize) -> bool {
        self.network.buses[bus].kind == BusKind::Isolated
    }

    /// Columns that every asset has, for one at the middle of two buses (the same twice for a point).
    fn asset(&self, key: String, name: String, kind: &str, ends: (usize, usize), in_service: &str) -> Vec<String> {
        let (a, b) = (self.places[ends.0], self.places[ends.1]);
        let confidence = if a.2 && b.2 { "medium" } else { "low" };
        let (lat, lon) = (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
        let zone = self.zone[ends.0].to_owned();
        let texts = [in_service, "derived", SOURCE, confidence].map(str::to_owned);
        [key, name, kind.into(), zone, number(lat), number(lon)].into_iter().chain(texts).collect()
    }

    fn bus_name(&self, bus: usize) -> String {
        let b = &self.network.buses[bus];
        plain(&b.name, &plain(&b.id, "bus"))
    }

    /// Loads in service, those of generators that only draw power among them.
    fn loads(&mut self) -> Vec<LoadRow> {
        let n = self.network;
        let demands = n.buses.iter().enumerate().filter(|(_, b)| b.pd_mw > 0.0).map(|(k, b)| (k, b.pd_mw));
        let drawing = n.generators.iter().filter(|g| g.in_service && draws_only(g)).map(|g| (g.bus, -g.p_min_mw));
        let all: Vec<(usize, f64)> = demands.chain(drawing).collect();
        let live: Vec<(usize, f64)> = all.iter().copied().filter(|l| !self.is_dead(l.0) && l.1.is_finite()).collect();
        self.count(
            "power_loads.csv",
            all.len() - live.len(),
            "loads at isolated buses are left out",
            "mend the type of the bus if they are in service",
        );
        let clipped = live.iter().filter(|l| l.1 > MAX_LINE_MW).count();
        self.count("power_loads.csv", clipped, "loads are cut to 100,000 MW", "mend the demand");
        let keys = keys("load", live.iter().map(|l| n.buses[l.0].id.as_str()));
        live.into_iter().zip(keys).map(|((bus, mw), key)| (key, bus, mw.min(MAX_LINE_MW))).collect()
    }

    fn demand_by_zone(&self, loads: &[LoadRow]) -> BTreeMap<String, f64> {
        let mut out: BTreeMap<String, f64> = self.zone.iter().map(|z| ((*z).to_owned(), 0.0)).collect();
        loads.iter().for_each(|l| *out.entry(self.zone[l.1].to_owned()).or_insert(0.0) += l.2);
        out
    }

    /// People of a zone: those of the embedded Europe, else by demand.
    fn people(&self, zone: &str, demand_mw: f64) -> f64 {
        let known = self.europe.row("zones", zone).filter(|r| r.get("kind") == Some(&"zone"));
        known.and_then(|r| r.get("population")?.parse().ok()).unwrap_or((demand_mw * PERSONS_PER_MW).round())
    }

    fn zones(&mut self, loads: &[LoadRow]) {
        let header = ["key", "name", "kind", "eu_member", "nato_member", "population", "gdp_meur", "lat", "lon", "voll_eur_mwh", "source"];
        let mut rows = Vec::new();
        for (zone, demand) in self.demand_by_zone(loads) {
            let known = self.europe.row("zones", &zone).filter(|r| r.get("kind") == Some(&"zone"));
            if let Some(row) = known {
                let cells: Vec<String> = header.iter().map(|h| row.get(h).copied().unwrap_or("").to_owned()).collect();
                self.sources.insert(cells[10].clone());
                rows.push(cells);
                continue;
            }
            let own: Vec<&(f64, f64, bool)> = self.zone.iter().zip(&self.places).filter(|(z, _)| **z == zone).map(|(_, p)| p).collect();
            let mean = |pick: fn(&(f64, f64, bool)) -> f64| own.iter().map(|p| pick(p)).sum::<f64>() / own.len().max(1) as f64;
            let place = [mean(|p| p.0), mean(|p| p.1)].map(number);
            let name = if zone == NO_COUNTRY { plain(&self.network.name, "No country") } else { zone.clone() };
            let people = number(self.people(&zone, demand));
            let first = [zone, name, "zone".into(), "0".into(), "0".into(), people, "0".into()];
            rows.push(first.into_iter().chain(place).chain([String::new(), SOURCE.into()]).collect());
        }
        self.put("zones", &header, rows);
    }

    fn load_table(&mut self, loads: &[LoadRow]) {
        let demand = self.demand_by_zone(loads);
        let one = |(key, bus, mw): &LoadRow| {
            let zone = self.zone[*bus];
            let total = demand.get(zone).copied().unwrap_or(0.0);
            let people = if total > 0.0 { self.people(zone, total) * mw / total } else { 0.0 };
            let people = number((people * 1000.0).round() / 1000.0);
            vec![key.clone(), self.keys[*bus].clone(), zone.to_owned(), number(*mw), number(*mw), people]
        };
        let rows: Vec<Vec<String>> = loads.iter().map(one).collect();
        if rows.is_empty() {
            self.findings.warn(
                ("power_loads.csv", 0, ""),
                "no-demand",
                "the network has no demand",
                "add loads; without them nothing can be lost",
            );
        }
        self.put("power_loads", &["key", "bus", "zone", "winter_peak_mw", "summer_night_mw", "population"], rows);
    }

    fn buses(&mut self) {
        let n = self.network;
        let mut rows = Vec::new();
        for (k, b) in n.buses.iter().enumerate() {
            let on = if self.is_dead(k) { "0" } else { "1" };
            let mut row = self.asset(self.keys[k].clone(), self.bus_name(k), "substation", (k, k), on);
            row.push(number(b.base_kv.clamp(1.0, 1200.0)));
            rows.push(row);
        }
        let n_laid_out = self.places.iter().filter(|p| !p.2).count();
        self.count(
            "power_buses.csv",
            n_laid_out,
            "buses have no place and are laid out",
            "give latitude and longitude where the place matters",
        );
        let n_odd = n.buses.iter().filter(|b| !(1.0..=1200.0).contains(&b.base_kv)).count();
        self.count(
            "power_buses.csv",
            n_odd,
            "buses have no voltage from 1 to 1,200 kV and get the nearest",
            "give the nominal voltage in kV",
        );
        self.put("power_buses", &with(&["v_nom_kv"]), rows);
    }

    fn lines(&mut self) {
        let n = self.network;
        let keys = keys("line", n.branches.iter().map(|b| b.name.as_str()));
        let (mut rows, mut n_shifts, mut n_small) = (Vec::new(), 0, 0);
        for (b, key) in n.branches.iter().zip(keys) {
            let name = plain(&b.name, &format!("{} - {}", self.bus_name(b.from), self.bus_name(b.to)));
            let on = if b.in_service { "1" } else { "0" };
            let mut row = self.asset(key, name, "power_line", (b.from, b.to), on);
            let x = b.x_pu * b.ratio() * 100.0 / n.base_mva;
            n_shifts += usize::from(b.shift_deg != 0.0);
            n_small += usize::from(x.abs() < MIN_X_PU);
            let x = if x.abs() < MIN_X_PU { MIN_X_PU } else { x.clamp(-10.0, 100.0) };
            let limit = if b.rate_a_mva <= MAX_LINE_MW { b.rate_a_mva } else { 0.0 };
            row.extend([self.keys[b.from].clone(), self.keys[b.to].clone()]);
            row.extend([self.length(b.length_km, b.from, b.to), 1.0, x, limit].map(number));
            rows.push(row);
        }
        self.count("power_lines.csv", n_shifts, "phase shifts are left out", "flows differ from the source's where shifters act");
        self.count("power_lines.csv", n_small, "reactances are raised to 0.000001 p.u.", "merge the two buses");
        self.put("power_lines", &with(&["bus_from", "bus_to", "length_km", "circuits", "x_pu", "p_max_mw"]), rows);
    }

    /// Length of a link: its own, else the distance of its ends where both are known.
    fn length(&self, own_km: f64, from: usize, to: usize) -> f64 {
        let (a, b) = (self.places[from], self.places[to]);
        let km = match own_km {
            x if x > 0.0 => x,
            _ if a.2 && b.2 => distance_km(a.0, a.1, b.0, b.1),
            _ => 0.0,
        };
        (km.min(5000.0) * 1000.0).round() / 1000.0
    }

    fn links(&mut self) {
        let n = self.network;
        let keys = keys("hvdc", n.dc_lines.iter().map(|d| d.name.as_str()));
        let (mut rows, mut n_cut) = (Vec::new(), 0);
        for (d, key) in n.dc_lines.iter().zip(keys) {
            let name = plain(&d.name, &format!("{} - {}", self.bus_name(d.from), self.bus_name(d.to)));
            let on = if d.in_service { "1" } else { "0" };
            let mut row = self.asset(key, name, "hvdc_link", (d.from, d.to), on);
            let limits = [d.p_range_mw.1, -d.p_range_mw.0].map(|mw| mw.max(0.0));
            n_cut += usize::from(limits.iter().any(|mw| *mw > MAX_UNIT_MW));
            row.extend([self.keys[d.from].clone(), self.keys[d.to].clone()]);
            let [forth, back] = limits.map(|mw| mw.min(MAX_UNIT_MW));
            row.extend([self.length(0.0, d.from, d.to), forth, back].map(number));
            rows.push(row);
        }
        self.count("hvdc_links.csv", n_cut, "links are cut to 20,000 MW", "give the size of the link");
        self.put("hvdc_links", &with(&["bus_from", "bus_to", "length_km", "p_max_mw", "p_max_reverse_mw"]), rows);
    }

    fn plants(&mut self) {
        let n = self.network;
        // Bus, name, class, cost, MW, in service.
        let mut units: Vec<(usize, String, &str, Option<f64>, f64, bool)> = Vec::new();
        for g in n.generators.iter().filter(|g| !draws_only(g)) {
            units.push((g.bus, g.name.clone(), class_of(&g.fuel), cost_at_half(g), g.p_max_mw.max(0.0), g.in_service));
        }
        for (k, b) in n.buses.iter().enumerate().filter(|(_, b)| b.pd_mw < 0.0) {
            units.push((k, format!("negative load {}", b.id), "other", Some(0.0), -b.pd_mw, true));
        }
        let n_cut = units.iter().filter(|u| u.4 > MAX_UNIT_MW).count();
        self.count("power_plants.csv", n_cut, "plants are cut to 20,000 MW", "give the size of the plant");
        let keys = keys("plant", units.iter().map(|u| u.1.as_str()));
        let mut rows = Vec::new();
        let mut technologies: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((bus, name, class, cost, mw, on), key) in units.into_iter().zip(keys) {
            let technology = self.technology(class, cost, &mut technologies);
            let name = plain(&name, &format!("{class} at {}", self.bus_name(bus)));
            let mut row = self.asset(key, name, "power_plant", (bus, bus), if on { "1" } else { "0" });
            row.extend([self.keys[bus].clone(), technology, number(mw.min(MAX_UNIT_MW))]);
            rows.push(row);
        }
        let header =
            ["key", "name", "fuel", "availability_winter_peak", "availability_summer_night", "cost_eur_mwh", "black_start", "source"];
        self.put("technologies", &header, technologies.into_values().collect());
        self.put("power_plants", &with(&["bus", "technology", "p_max_mw"]), rows);
    }

    /// Key of the technology of a class and cost, made when it is new.
    fn technology(&self, class: &str, cost: Option<f64>, made: &mut BTreeMap<String, Vec<String>>) -> String {
        let row = self.europe.row("technologies", class).unwrap_or_default();
        let cell = |name: &str| row.get(name).copied().unwrap_or("");
        let key = cost.map_or(class.to_owned(), |c| format!("{class}-{c}"));
        made.entry(key.clone()).or_insert_with(|| {
            let cost = cost.map_or(cell("cost_eur_mwh").to_owned(), number);
            let name = plain(cell("name"), class);
            let black_start = if cell("black_start") == "1" { "1" } else { "0" };
            [&key, &name, plain(cell("fuel"), class).as_str(), "1", "1", &cost, black_start, SOURCE].map(str::to_owned).to_vec()
        });
        key
    }

    /// Value of lost load and repair times, from the embedded Europe.
    fn rules(&mut self) {
        let tables: [(&str, &[&str], &[&str]); 2] = [
            (
                "commodities",
                &["electricity"],
                &["key", "sector", "unit", "household", "value_low", "value_central", "value_high", "value_unit", "source"],
            ),
            (
                "repair_times",
                &["substation", "power_line", "hvdc_link", "power_plant"],
                &["kind", "low_h", "central_h", "high_h", "resource", "source"],
            ),
        ];
        for (name, keys, header) in tables {
            let rows: Vec<Vec<String>> = keys
                .iter()
                .filter_map(|key| self.europe.row(name, key))
                .map(|row| header.iter().map(|h| row.get(h).copied().unwrap_or("").to_owned()).collect())
                .collect();
            self.sources.extend(rows.iter().filter_map(|r| r.last().cloned()));
            self.put(name, header, rows);
        }
    }

    fn source_table(&mut self, name: &str) {
        let header = ["key", "citation", "url", "licence", "vintage"];
        let file = plain(self.source, "a file");
        let own = [SOURCE, &format!("{file}: power network `{name}`, imported"), "", "as the source file; not looked up", ""];
        let mut rows = vec![own.map(str::to_owned).to_vec()];
        for key in &self.sources {
            if let Some(row) = self.europe.row("sources", key) {
                rows.push(header.iter().map(|h| row.get(h).copied().unwrap_or("").to_owned()).collect());
            }
        }
        self.put("sources", &header, rows);
    }
}

/// Columns of an asset table.
fn with(own: &[&'static str]) -> Vec<&'static str> {
    ASSET.iter().chain(own).copied().collect()
}

/// A generator that is a load: it can draw power, but not give any.
fn draws_only(g: &Generator) -> bool {
    g.p_max_mw <= 0.0 && g.p_min_mw < 0.0
}

/// Marginal cost at half of the largest output, EUR/MWh, to a tenth, from 0 to 10,000.
fn cost_at_half(g: &Generator) -> Option<f64> {
    let p = if g.p_max_mw.is_finite() { g.p_max_mw.max(0.0) / 2.0 } else { 0.0 };
    let slope = match &g.cost {
        Cost::None => return None,
        Cost::Polynomial(c) => {
            let powers = c.len().saturating_sub(1);
            // Horner's scheme for the derivative.
            c.iter().take(powers).enumerate().fold(0.0, |sum, (k, c)| sum * p + c * (powers - k) as f64)
        }
        Cost::Piecewise(points) => {
            let segment = points.windows(2).find(|w| p <= w[1].0).or_else(|| points.windows(2).last());
            segment.map_or(0.0, |w| (w[1].1 - w[0].1) / (w[1].0 - w[0].0))
        }
    };
    slope.is_finite().then(|| (slope.clamp(0.0, 10_000.0) * 10.0).round() / 10.0)
}

/// Technology of the embedded Europe that a word for a fuel or technology means.
fn class_of(fuel: &str) -> &'static str {
    let f = fuel.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| f.contains(w));
    match () {
        () if says(&["nuclear", "uranium"]) => "nuclear",
        () if says(&["lignite", "brown"]) => "lignite",
        () if says(&["coal"]) => "hard_coal",
        () if says(&["shale", "peat"]) => "peat_shale",
        () if says(&["ocgt", "open cycle"]) => "gas_ocgt",
        () if says(&["gas", "ccgt"]) || f == "ng" => "gas_ccgt",
        () if says(&["oil", "diesel"]) => "oil",
        () if says(&["pump", "phs"]) => "hydro_pumped",
        () if says(&["run", "ror"]) => "hydro_run_of_river",
        () if says(&["hydro", "water", "reservoir"]) => "hydro_reservoir",
        () if says(&["offshore", "offwind"]) => "wind_offshore",
        () if says(&["wind"]) => "wind_onshore",
        () if says(&["solar", "photovoltaic", "pv"]) => "solar",
        () if says(&["bio", "wood"]) => "biomass",
        () if says(&["waste"]) => "waste",
        () if says(&["geothermal"]) => "geothermal",
        () if says(&["battery", "storage"]) => "battery",
        () => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rules, shared};
    use super::super::{matpower, read_power};
    use super::*;
    use crate::case_folder;
    use buttress_model::Case;

    const TWO: &str = "function mpc = two
mpc.version = '2'; mpc.baseMVA = 50;
mpc.bus = [ 1 3 60 0 0 0 1 1 0 0 1 1.1 .9
2 1 30 0 0 0 1 1 0 380 1 1.1 .9; 3 4 5 0 0 0 1 1 0 380 1 1.1 .9; 4 1 -10 0 0 0 1 1 0 380 1 1.1 .9 ];
mpc.gen = [ 1 0 0 0 0 1 100 1 200 10; 2 -30 0 0 0 1 100 1 0 -30; 2 0 0 0 0 1 100 1 25000 0 ];
mpc.gencost = [ 2 0 0 3 .01 20 5; 2 0 0 1 0 0 0; 2 0 0 2 99999 0 0 ];
mpc.branch = [ 1 2 0 .1 0 80 0 0 .95 0 1; 2 4 0 .2 0 0 0 0 0 3 1; 1 3 0 .1 0 0 0 0 0 0 0 ];
mpc.dcline = [ 1 2 1 0 0 0 0 1 1 -40 Inf 0 0 0 0 0 0 ];
mpc.genfuel = { 'coal'; 'load'; 'Fossil gas' };
";

    fn checked(files: &[(String, String)]) -> Case {
        let bytes: Vec<(String, Vec<u8>)> = files.iter().map(|(n, t)| (n.clone(), t.clone().into_bytes())).collect();
        let (draft, mut findings) = case_folder::parse("x", &bytes);
        let (case, more) = buttress_model::check::check(&draft);
        findings.extend(more);
        assert!(findings.is_empty(), "{findings:#?}");
        case.unwrap()
    }

    #[test]
    fn a_network_becomes_a_case_without_findings() {
        let n = matpower::parse("two.m", TWO.as_bytes()).0.unwrap();
        let (files, findings) = to_case(&n, "two.m");
        let what: Vec<&str> = findings.iter().map(|f| f.what.as_str()).collect();
        for part in [
            "1 links are cut",
            "4 buses have no place",
            "1 buses have no voltage",
            "1 loads at isolated",
            "1 phase shifts",
            "1 plants are cut",
        ] {
            assert!(what.iter().any(|w| w.starts_with(part)), "{part}: {what:?}");
        }
        let case = checked(&files);
        let t = case.tables();
        assert_eq!((case.key(), t.zones.len(), t.zones[0].population), ("two", 1, 120_000.0));
        let loads: Vec<(&str, f64, f64)> = t.loads.iter().map(|l| (l.bus.as_str(), l.winter_peak_mw, l.population)).collect();
        assert_eq!(loads, [("bus.1", 60.0, 60_000.0), ("bus.2", 30.0, 30_000.0), ("bus.2", 30.0, 30_000.0)]);
        // 0.1 p.u. on 50 MVA with a tap of 0.95, on 100 MVA.
        assert!((t.lines[0].x_pu - 0.19).abs() < 1e-12 && t.lines[0].p_max_mw == 80.0 && !t.lines[2].asset.in_service);
        assert_eq!((t.hvdc[0].p_max_mw, t.hvdc[0].p_max_reverse_mw), (20_000.0, 40.0));
        // Marginal cost at 100 MW: 2 · 0.01 · 100 + 20.
        let plants: Vec<(&str, f64)> = t.plants.iter().map(|p| (p.technology.as_str(), p.p_max_mw)).collect();
        assert_eq!(plants, [("hard_coal-22", 200.0), ("gas_ccgt-10000", 20_000.0), ("other-0", 10.0)]);
        assert!(!t.buses[2].asset.in_service && t.buses[0].v_nom_kv == 1.0);
        assert!(t.buses.iter().all(|b| b.asset.lat.abs() <= 1.0 && b.asset.lon.abs() <= 1.0 && b.asset.source == "imported"));
        assert!(t.sources[0].citation.contains("two.m"));
    }

    #[test]
    fn countries_become_zones_with_their_people() {
        let mut n = matpower::parse("two.m", TWO.as_bytes()).0.unwrap();
        (n.buses[0].country, n.buses[1].country) = ("DE".into(), "SA".into());
        n.buses[0].lat_lon = Some((52.0, 10.0));
        n.buses[1].lat_lon = Some((24.0, 400.0));
        let case = checked(&to_case(&n, "two.m").0);
        let zones: Vec<(&str, f64)> = case.tables().zones.iter().map(|z| (z.key.as_str(), z.population)).collect();
        assert_eq!(zones.iter().map(|z| z.0).collect::<Vec<_>>(), ["DE", "SA", "XX"]);
        assert!(zones[0].1 > 8e7 && zones[1].1 == 60_000.0, "{zones:?}");
        assert_eq!(case.tables().loads[0].population, zones[0].1);
        assert_eq!((case.tables().buses[0].asset.lat, case.tables().buses[1].asset.lon), (52.0, 40.0));
    }

    #[test]
    fn keys_are_distinct_and_fuels_find_their_class() {
        assert_eq!(keys("bus", ["a b", "A-B", "", "ä"].into_iter()), ["bus.a-b", "bus.a-b_2", "bus.3", "bus.x"]);
        let classes =
            ["Nuclear", "Brown coal/Lignite", "Fossil gas", "ng", "Hydro mixed pump storage", "Run of River", "Wind Offshore", "PV", "?"];
        let expected =
            ["nuclear", "lignite", "gas_ccgt", "gas_ccgt", "hydro_pumped", "hydro_run_of_river", "wind_offshore", "solar", "other"];
        assert_eq!(classes.map(class_of), expected);
        let europe = Europe(embedded::draft().0);
        assert!(expected.iter().all(|class| europe.row("technologies", class).is_some()));
    }

    #[test]
    fn an_empty_network_says_that_nothing_can_be_lost() {
        let n = PowerNetwork {
            name: "a\u{1}\"b".into(),
            base_mva: 100.0,
            buses: vec![buttress_model::network::Bus::default()],
            ..Default::default()
        };
        let (files, findings) = to_case(&n, "");
        assert!(rules(&findings).contains(&"no-demand"));
        checked(&files);
    }

    #[test]
    fn the_worst_pair_of_the_reliability_test_system_sheds_194_mw() {
        use buttress_engine::cascade::{Base, Keep, run};
        use buttress_engine::compile::World;
        use buttress_engine::outcome::Service;
        use buttress_model::{Change, Study};
        let Some(path) = shared("energy-power/matpower/case24_ieee_rts.m") else { return };
        let case = checked(&to_case(&read_power(&path).unwrap().0.unwrap(), "case24_ieee_rts.m").0);
        let study = Study::default();
        let world = World::compile(&case, &study, &[]);
        let base = Base::new(&world);
        let lost = |pairs: &[(&str, &str)]| {
            let lines = case.tables().lines.iter();
            let hit = lines.filter(|l| pairs.contains(&(l.bus_from.as_str(), l.bus_to.as_str())));
            let changes: Vec<Change> = hit.map(|l| Change { to_h: Some([10.0; 3]), ..Change::take_out(&l.asset.key) }).collect();
            assert_eq!(changes.len(), pairs.len());
            run(&world, &base, &changes, Keep { curve: false, causes: false }, 1).lost_total(Service::Electricity)
        };
        // Each leaves one bus without a line for ten hours, and it is energised a step of 0.5 h later.
        // Enumeration of all 703 pairs of branches, DC load shedding: 194 MW and 136 MW are the worst two; single losses shed none.
        assert!((lost(&[("bus.11", "bus.14"), ("bus.14", "bus.16")]) - 194.0 * 10.5).abs() < 1e-3);
        assert!((lost(&[("bus.2", "bus.6"), ("bus.6", "bus.10")]) - 136.0 * 10.5).abs() < 1e-3);
        assert!(lost(&[("bus.11", "bus.14")]).abs() < 1e-3);
    }

    #[test]
    fn shared_networks_become_cases() {
        for path in ["matpower/case24_ieee_rts.m", "matpower/case2869pegase.m", "rts-gmlc/RTS_GMLC.m", "scigrid-de", "entsoe-gridkit"] {
            let Some(path) = shared(&format!("energy-power/{path}")) else { return };
            let n = read_power(&path).unwrap().0.unwrap();
            let case = checked(&to_case(&n, "shared").0);
            assert_eq!((case.tables().buses.len(), case.tables().lines.len()), (n.buses.len(), n.branches.len()), "{}", path.display());
        }
    }
}
