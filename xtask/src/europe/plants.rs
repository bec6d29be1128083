//! Power plants: read and cleaned, merged by site, small ones aggregated to the nearest bus, the rest to the fact filled.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::geo::distance_km;
use buttress_model::tables::{Plant as PlantRow, Technology};

use super::gas::Hubs;
use super::grid::Net;
use super::kit::{Common, Kit, Out, Result, number, short, slug, text};
use super::places::{Country, DERIVED, Places, is_supplied};

/// Plants from this size on are rows of their own, MW.
const LARGE_MW: f64 = 50.0;
/// Plants nearer than this with the same technology are one site, km.
const SITE_KM: f64 = 3.0;
/// Smallest aggregate of small plants, MW.
const AGGREGATE_MW: f64 = 10.0;
/// Last year of commissioning.
const YEAR: f64 = 2026.0;
/// A rest below this share of the fact is not filled.
const REST_SHARE: f64 = 0.02;
/// Largest piece of the rest at one bus, MW.
const REST_PIECE_MW: f64 = 1000.0;
/// Technologies whose every unit is listed: the rest to the fact cannot be of them.
const FULLY_LISTED: &[&str] = &["nuclear", "hard_coal", "lignite", "peat_shale"];
/// Year of the published capacity totals.
const FACT_YEAR: f64 = 2023.0;
/// Excess over a published total from which the newest plants are left out.
const EXCESS_SHARE: f64 = 0.07;
/// Source of the plants.
const PACKAGE: &str = "pkg.powerplantmatching";

/// A technology as the dispatch sees it.
#[derive(Debug, Clone)]
pub struct Tech {
    /// Name.
    pub name: String,
    /// Availability at winter peak and summer night.
    pub availability: [f64; 2],
    /// Marginal cost, EUR/MWh.
    pub cost: f64,
}

/// A plant before it has a bus.
#[derive(Debug, Clone)]
pub struct Plant {
    /// Key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Latitude, deg.
    pub lat: f64,
    /// Longitude, deg.
    pub lon: f64,
    /// Technology key.
    pub technology: String,
    /// Net capacity, MW.
    pub mw: f64,
    /// Operator, when known.
    pub operator: String,
    /// Provenance word.
    pub provenance: &'static str,
    /// Source key.
    pub source: String,
    /// Confidence word.
    pub confidence: String,
}

/// A plant at its bus.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Number of the bus in the net.
    pub bus: usize,
    /// The plant.
    pub plant: Plant,
}

struct Small {
    zone: String,
    lat: f64,
    lon: f64,
    technology: &'static str,
    mw: f64,
    /// Year of commissioning, when known.
    year: Option<f64>,
}

/// All plants and technologies.
pub struct Fleet {
    /// Plants with a row of their own.
    pub large: Vec<Plant>,
    small: Vec<Small>,
    /// Plants that exist but are occupied or damaged: written out of service.
    lost: Vec<Plant>,
    /// Technologies by key.
    pub technologies: BTreeMap<String, Tech>,
}

/// Reads the plants, and writes the technologies.
pub fn read(kit: &Kit, places: &Places, out: &mut Out) -> Result<Fleet> {
    let technologies = write_technologies(kit, out)?;
    let Package { mut units, mut small, lost } = read_package(kit, places)?;
    let extra = kit.curated("plants_extra")?;
    for country in &places.countries {
        let curated: f64 = extra.iter().filter(|r| text(r, "country") == country.zone).map(|r| number(r, "p_max_mw", 0.0)).sum();
        leave_out_newest(country, curated, &mut units, &mut small);
    }
    let mut large = merge_sites(units.into_iter().map(|u| u.0).collect());
    let mut lost = merge_sites(lost);
    for row in extra {
        let technology = text(&row, "technology");
        if !technologies.contains_key(technology) {
            return Err(format!("plants_extra.csv: technology {technology} is unknown"));
        }
        large.push(Plant {
            key: text(&row, "key").to_owned(),
            name: text(&row, "name").to_owned(),
            zone: text(&row, "country").to_owned(),
            lat: number(&row, "lat", 0.0),
            lon: number(&row, "lon", 0.0),
            technology: technology.to_owned(),
            mw: number(&row, "p_max_mw", 0.0),
            operator: text(&row, "operator").to_owned(),
            provenance: "curated",
            source: text(&row, "source").to_owned(),
            confidence: text(&row, "confidence").to_owned(),
        });
    }
    lost.extend(rest_out_of_service(places, &large, &small, &lost));
    let n = large.len();
    large.append(&mut lost);
    give_keys(&mut large);
    let lost = large.split_off(n);
    Ok(Fleet { large, small, lost, technologies })
}

/// What remains to Ukraine's published capacity was destroyed, is occupied or is not listed: one derived row, out of service,
/// so that the total can be compared and nothing is dispatched that does not run.
fn rest_out_of_service(places: &Places, large: &[Plant], small: &[Small], lost: &[Plant]) -> Option<Plant> {
    let country = places.countries.iter().find(|c| c.zone == "UA")?;
    let of_plants = |list: &[Plant]| list.iter().filter(|p| p.zone == "UA").map(|p| p.mw).sum::<f64>();
    let listed = of_plants(large) + of_plants(lost) + small.iter().filter(|s| s.zone == "UA").map(|s| s.mw).sum::<f64>();
    println!(
        "plants: UA: {listed:.0} MW listed, in service or not, against {:.0}; the rest is one row out of service",
        country.installed_mw
    );
    (country.installed_mw > listed).then(|| Plant {
        key: String::new(),
        name: "Destroyed, occupied or unlisted plants of Ukraine".to_owned(),
        zone: "UA".to_owned(),
        lat: 48.5,
        lon: 35.0,
        technology: "hard_coal".to_owned(),
        mw: country.installed_mw - listed,
        operator: String::new(),
        provenance: "derived",
        source: "src.derived".to_owned(),
        confidence: "low".to_owned(),
    })
}

/// The published totals are of 2023. Where the listed plants exceed one by more than [`EXCESS_SHARE`], wind, solar and
/// batteries without a date or built after that year are left out, undated and newest first, until they do not.
fn leave_out_newest(country: &Country, curated_mw: f64, units: &mut Vec<(Plant, Option<f64>)>, small: &mut Vec<Small>) {
    let of_zone = |zone: &str| zone == country.zone;
    let mut total = curated_mw
        + units.iter().filter(|u| of_zone(&u.0.zone)).map(|u| u.0.mw).sum::<f64>()
        + small.iter().filter(|s| of_zone(&s.zone)).map(|s| s.mw).sum::<f64>();
    let limit = country.installed_mw * (1.0 + EXCESS_SHARE);
    let is_new = |technology: &str, year: Option<f64>| {
        matches!(technology, "wind_onshore" | "wind_offshore" | "solar" | "battery") && year.is_none_or(|y| y > FACT_YEAR)
    };
    let mut newest: Vec<(f64, bool, usize, f64)> = Vec::new();
    newest.extend(
        units
            .iter()
            .enumerate()
            .filter(|(_, u)| of_zone(&u.0.zone) && is_new(&u.0.technology, u.1))
            .map(|(i, u)| (u.1.unwrap_or(f64::INFINITY), true, i, u.0.mw)),
    );
    newest.extend(
        small
            .iter()
            .enumerate()
            .filter(|(_, s)| of_zone(&s.zone) && is_new(s.technology, s.year))
            .map(|(i, s)| (s.year.unwrap_or(f64::INFINITY), false, i, s.mw)),
    );
    newest.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.3.total_cmp(&a.3)).then(a.2.cmp(&b.2)));
    let (mut drop_unit, mut drop_small, mut dropped) = (BTreeSet::new(), BTreeSet::new(), 0.0);
    for (_, is_unit, i, mw) in newest {
        if total <= limit {
            break;
        }
        total -= mw;
        dropped += mw;
        if is_unit {
            drop_unit.insert(i)
        } else {
            drop_small.insert(i)
        };
    }
    let mut i = 0;
    units.retain(|_| (!drop_unit.contains(&i), i += 1).0);
    i = 0;
    small.retain(|_| (!drop_small.contains(&i), i += 1).0);
    if dropped > 0.0 {
        println!(
            "plants: {}: {dropped:.0} MW of undated or newer wind, solar and batteries left out; {total:.0} MW stay against {:.0}",
            country.zone, country.installed_mw
        );
    }
}

/// What the package holds.
struct Package {
    /// Large units and their year.
    units: Vec<(Plant, Option<f64>)>,
    small: Vec<Small>,
    lost: Vec<Plant>,
}

fn write_technologies(kit: &Kit, out: &mut Out) -> Result<BTreeMap<String, Tech>> {
    let is_written = !out.rows::<Technology>().is_empty();
    let mut technologies = BTreeMap::new();
    for row in kit.curated("technologies")? {
        let availability = [number(&row, "availability_winter_peak", 0.0), number(&row, "availability_summer_night", 0.0)];
        let tech = Tech { name: text(&row, "name").to_owned(), availability, cost: number(&row, "cost_eur_mwh", 0.0) };
        technologies.insert(text(&row, "key").to_owned(), tech);
        if is_written {
            continue;
        }
        let copy = |column: &'static str| (column, text(&row, column).to_owned());
        out.push::<Technology>(&[
            copy("key"),
            copy("name"),
            copy("fuel"),
            copy("availability_winter_peak"),
            copy("availability_summer_night"),
            copy("cost_eur_mwh"),
            copy("black_start"),
            copy("source"),
        ]);
    }
    Ok(technologies)
}

/// Rows of the package in the zones: large ones without key, and small ones.
fn read_package(kit: &Kit, places: &Places) -> Result<Package> {
    let closed: BTreeMap<(String, String, String), String> = kit
        .curated("plants_closed")?
        .iter()
        .map(|r| {
            ((text(r, "name").to_owned(), text(r, "country").to_owned(), text(r, "fueltype").to_owned()), text(r, "source").to_owned())
        })
        .collect();
    let zones: BTreeMap<&str, &str> = places.countries.iter().map(|c| (c.name.as_str(), c.zone.as_str())).collect();
    let path = kit.file("powerplantmatching", "powerplants.csv")?;
    let fail = |e: csv::Error| format!("{}: {e}", path.display());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&path).map_err(fail)?;
    let header = reader.headers().map_err(fail)?.clone();
    let column = |name: &str| header.iter().position(|h| h == name).ok_or_else(|| format!("{}: no column {name}", path.display()));
    let [name, fuel, tech, set] = [column("Name")?, column("Fueltype")?, column("Technology")?, column("Set")?];
    let [country, capacity, date_in, date_out] = [column("Country")?, column("Capacity")?, column("DateIn")?, column("DateOut")?];
    let [lat, lon] = [column("lat")?, column("lon")?];
    let (mut units, mut small, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(fail)?;
        let cell = |i: usize| record.get(i).unwrap_or("");
        let value = |i: usize| cell(i).parse::<f64>().ok();
        let Some(&zone) = zones.get(cell(country)) else { continue };
        let is_running = value(date_in).is_none_or(|y| y <= YEAR) && value(date_out).is_none_or(|y| y > YEAR);
        let (Some(lat), Some(lon), Some(mw)) = (value(lat), value(lon), value(capacity)) else { continue };
        let closed_by = closed.get(&(cell(name).to_owned(), zone.to_owned(), cell(fuel).to_owned()));
        // Occupied or damaged plants in Ukraine still stand in the published total: they stay, out of service.
        let is_lost = zone == "UA"
            && mw >= LARGE_MW
            && (!is_supplied(zone, lat, lon) || closed_by.is_some_and(|s| s.ends_with("-war") || s.ends_with("-partial")));
        if mw <= 0.0 || !is_lost && (!is_running || closed_by.is_some() || !is_supplied(zone, lat, lon)) {
            continue;
        }
        let technology = technology_of(cell(fuel), cell(tech), cell(set), zone);
        if mw >= LARGE_MW {
            let plant = Plant {
                key: String::new(),
                name: cell(name).to_owned(),
                zone: zone.to_owned(),
                lat,
                lon,
                technology: technology.to_owned(),
                mw,
                operator: String::new(),
                provenance: "real",
                source: PACKAGE.to_owned(),
                confidence: "medium".to_owned(),
            };
            if is_lost { lost.push(plant) } else { units.push((plant, value(date_in))) }
        } else {
            small.push(Small { zone: zone.to_owned(), lat, lon, technology, mw, year: value(date_in) });
        }
    }
    Ok(Package { units, small, lost })
}

/// Technology of a row of the package.
fn technology_of(fuel: &str, technology: &str, set: &str, zone: &str) -> &'static str {
    match (fuel, technology) {
        ("Nuclear", _) => "nuclear",
        ("Hard Coal", _) => "hard_coal",
        // Peat (and oil shale) stands under lignite in the package.
        ("Lignite", _) if matches!(zone, "FI" | "IE" | "EE" | "LV" | "SE") => "peat_shale",
        ("Lignite", _) => "lignite",
        ("Natural Gas", _) if set == "CHP" => "gas_chp",
        ("Natural Gas", "OCGT" | "Combustion Engine" | "Steam Turbine") => "gas_ocgt",
        ("Natural Gas", _) => "gas_ccgt",
        ("Oil", _) => "oil",
        ("Hydro", "Pumped Storage") => "hydro_pumped",
        ("Hydro", "Reservoir") => "hydro_reservoir",
        ("Hydro", _) => "hydro_run_of_river",
        ("Wind", "Offshore") => "wind_offshore",
        ("Wind", _) => "wind_onshore",
        ("Solar", _) => "solar",
        ("Solid Biomass" | "Biogas", _) => "biomass",
        ("Waste", _) => "waste",
        ("Geothermal", _) => "geothermal",
        ("Battery" | "Mechanical Storage" | "Heat Storage" | "Hydrogen Storage", _) => "battery",
        _ => "other",
    }
}

/// Joins units of one technology at one site, largest first.
fn merge_sites(mut units: Vec<Plant>) -> Vec<Plant> {
    units.sort_by(|a, b| b.mw.total_cmp(&a.mw).then_with(|| a.name.cmp(&b.name)).then(a.lat.total_cmp(&b.lat)));
    let mut sites: Vec<(Plant, usize, f64)> = Vec::new();
    for unit in units {
        let same = sites.iter_mut().find(|(s, _, _)| {
            s.technology == unit.technology && s.zone == unit.zone && distance_km(s.lat, s.lon, unit.lat, unit.lon) <= SITE_KM
        });
        match same {
            Some((_, count, mw)) => {
                *count += 1;
                *mw += unit.mw;
            }
            None => sites.push((unit.clone(), 1, unit.mw)),
        }
    }
    sites
        .into_iter()
        .map(|(mut site, count, mw)| {
            site.mw = mw;
            let bare = site.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
            if count > 1 && !bare.is_empty() {
                site.name = bare.to_owned();
            }
            site
        })
        .collect()
}

/// Gives every plant without one a unique key from zone and name.
fn give_keys(plants: &mut [Plant]) {
    let mut seen: BTreeSet<String> = plants.iter().map(|p| p.key.clone()).filter(|k| !k.is_empty()).collect();
    for plant in plants.iter_mut().filter(|p| p.key.is_empty()) {
        let name = slug(&plant.name);
        let bare = if name.is_empty() { "site" } else { name.as_str() };
        let plain = format!("plant.{}-{bare}", plant.zone.to_lowercase());
        let longer = format!("{plain}-{}", plant.technology);
        let numbered = (2..).map(|n| format!("{longer}-{n}"));
        let key = [plain, longer.clone()].into_iter().chain(numbered).find(|k| !seen.contains(k));
        plant.key = key.unwrap_or(longer);
        seen.insert(plant.key.clone());
    }
}

impl Fleet {
    /// Puts every plant to the nearest bus of its zone; small ones as aggregates by bus and technology.
    pub fn settle(&self, net: &Net) -> Result<Vec<Placed>> {
        let find = |zone: &str, lat: f64, lon: f64| net.nearest_bus(zone, lat, lon).ok_or_else(|| format!("zone {zone} has no bus"));
        let mut placed = Vec::new();
        for plant in &self.large {
            placed.push(Placed { bus: find(&plant.zone, plant.lat, plant.lon)?, plant: plant.clone() });
        }
        let mut sums: BTreeMap<(&str, &'static str), BTreeMap<usize, f64>> = BTreeMap::new();
        for small in &self.small {
            let bus = find(&small.zone, small.lat, small.lon)?;
            *sums.entry((small.zone.as_str(), small.technology)).or_default().entry(bus).or_default() += small.mw;
        }
        for ((zone, technology), by_bus) in sums {
            for (bus, mw) in gather(&by_bus) {
                placed.push(self.aggregate(net, zone, technology, (bus, mw)));
            }
        }
        Ok(placed)
    }

    fn aggregate(&self, net: &Net, zone: &str, technology: &str, (bus, mw): (usize, f64)) -> Placed {
        let at = &net.buses[bus];
        let plant = Plant {
            key: format!("plant.agg-{}-{technology}", at.bare_key()),
            name: format!("Small {} near {}", self.lower_name(technology), at.name),
            zone: zone.to_owned(),
            lat: at.lat,
            lon: at.lon,
            technology: technology.to_owned(),
            mw,
            operator: String::new(),
            provenance: "derived",
            source: PACKAGE.to_owned(),
            confidence: "medium".to_owned(),
        };
        Placed { bus, plant }
    }

    fn lower_name(&self, technology: &str) -> String {
        self.technologies.get(technology).map_or_else(|| technology.to_owned(), |t| t.name.to_lowercase())
    }

    /// What remains to the published capacity of a country, by technology in proportion to what is present, at the buses
    /// with the largest load (`loads`: bus and share of the zone's load).
    pub fn rest(&self, net: &Net, country: &Country, placed: &[Placed], loads: &[(usize, f64)]) -> Vec<Placed> {
        let mut mix: BTreeMap<&str, f64> = BTreeMap::new();
        let mut total = 0.0;
        for p in placed.iter().filter(|p| p.plant.zone == country.zone) {
            total += p.plant.mw;
            if !FULLY_LISTED.contains(&p.plant.technology.as_str()) {
                *mix.entry(&p.plant.technology).or_default() += p.plant.mw;
            }
        }
        let rest = country.installed_mw - total;
        let known: f64 = mix.values().sum();
        // The figure of Ukraine still counts lost plants, so its rest is not there.
        if country.zone == "UA" || country.installed_mw <= 0.0 || rest < REST_SHARE * country.installed_mw || known <= 0.0 {
            return Vec::new();
        }
        let mut order = loads.to_vec();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut out = Vec::new();
        for (technology, share) in mix {
            let mw = rest * share / known;
            let pieces = ((mw / REST_PIECE_MW).ceil().max(1.0) as usize).min(order.len());
            let weight: f64 = order[..pieces].iter().map(|o| o.1).sum();
            for (n, (bus, load)) in order[..pieces].iter().enumerate() {
                let piece = if weight > 0.0 { mw * load / weight } else { mw / pieces as f64 };
                out.push(self.rest_piece(net, country, technology, (n, *bus, piece)));
            }
        }
        out
    }

    fn rest_piece(&self, net: &Net, country: &Country, technology: &str, (n, bus, mw): (usize, usize, f64)) -> Placed {
        let suffix = if n == 0 { String::new() } else { format!("-{}", n + 1) };
        let at = &net.buses[bus];
        let plant = Plant {
            key: format!("plant.rest-{}-{technology}{suffix}", country.zone.to_lowercase()),
            name: format!("Further {} of {} ({})", self.lower_name(technology), country.name, at.name),
            zone: country.zone.clone(),
            lat: at.lat,
            lon: at.lon,
            technology: technology.to_owned(),
            mw,
            operator: String::new(),
            provenance: "derived",
            source: DERIVED.to_owned(),
            confidence: "low".to_owned(),
        };
        Placed { bus, plant }
    }
}

/// Aggregates of one zone and technology by bus: too small ones join the largest.
fn gather(by_bus: &BTreeMap<usize, f64>) -> Vec<(usize, f64)> {
    let Some((&largest, _)) = by_bus.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0))) else { return Vec::new() };
    let is_kept = |bus: usize, mw: f64| bus == largest || mw >= AGGREGATE_MW;
    let scattered: f64 = by_bus.iter().filter(|(b, mw)| !is_kept(**b, **mw)).map(|(_, mw)| mw).sum();
    let kept = by_bus.iter().filter(|(b, mw)| is_kept(**b, **mw));
    kept.map(|(&b, &mw)| (b, if b == largest { mw + scattered } else { mw })).collect()
}

/// Writes the plants, those lost last and out of service.
pub fn write(fleet: &Fleet, placed: &[Placed], net: &Net, hubs: &Hubs, out: &mut Out) {
    let of_zone = |plant: &Plant| {
        (0..net.buses.len()).filter(|&b| net.buses[b].zone == plant.zone).min_by(|&a, &b| {
            let d = |i: usize| distance_km(net.buses[i].lat, net.buses[i].lon, plant.lat, plant.lon);
            d(a).total_cmp(&d(b))
        })
    };
    let lost: Vec<Placed> = fleet.lost.iter().filter_map(|p| of_zone(p).map(|bus| Placed { bus, plant: p.clone() })).collect();
    for (is_lost, Placed { bus, plant }) in placed.iter().map(|p| (false, p)).chain(lost.iter().map(|p| (true, p))) {
        let hub = if plant.technology.starts_with("gas") { hubs.nearest_in(&plant.zone, plant.lat, plant.lon) } else { None };
        let common = Common {
            key: &plant.key,
            name: &plant.name,
            kind: "power_plant",
            zone: &plant.zone,
            lat: plant.lat,
            lon: plant.lon,
            provenance: plant.provenance,
            source: &plant.source,
            confidence: &plant.confidence,
        };
        out.push::<PlantRow>(&common.with(&[
            ("operator", plant.operator.clone()),
            ("in_service", if is_lost { "0".into() } else { String::new() }),
            ("bus", net.buses[*bus].key.clone()),
            ("technology", plant.technology.clone()),
            ("p_max_mw", short(plant.mw, 1)),
            ("gas_node", hub.map_or(String::new(), |h| h.key.clone())),
        ]));
    }
}
