//! Space: satellite systems, satellites, ground segment and fleets under remote control.

use std::collections::BTreeMap;

use buttress_model::tables::{Constellation, ControlFleet, GroundSite, Satellite, Zone};

use crate::europe::kit::{Common, Kit, Out, Result, Row, number, short, text};

/// Builds constellations, satellites, ground sites and control fleets.
pub fn build(kit: &Kit, out: &mut Out) -> Result<()> {
    let constellations = kit.curated("constellations")?;
    let sites = kit.curated("ground_sites")?;
    write_constellations(out, &constellations, &sites);
    write_satellites(kit, out)?;
    write_ground_sites(out, &sites);
    write_fleets(kit, out)?;
    println!(
        "space: {} constellations, {} satellites, {} ground sites, {} fleets",
        constellations.len(),
        out.rows::<Satellite>().len(),
        out.rows::<GroundSite>().len(),
        out.rows::<ControlFleet>().len()
    );
    Ok(())
}

/// The control site that leads a constellation: the first with a group, else the first.
pub fn main_control<'a>(sites: &'a [Row], constellation: &str) -> Option<&'a Row> {
    let control: Vec<&Row> =
        sites.iter().filter(|r| text(r, "kind") == "ground_control" && text(r, "constellation") == constellation).collect();
    let grouped = control.iter().copied().find(|r| !text(r, "group").is_empty());
    grouped.or_else(|| control.first().copied())
}

/// Group of a ground site; its own key where it has none.
pub fn site_group(site: &Row) -> &str {
    if text(site, "group").is_empty() { text(site, "key") } else { text(site, "group") }
}

/// How long a constellation serves without its ground segment, h.
pub fn message_age_limit_h(constellation: &Row) -> f64 {
    number(constellation, "nav_message_age_limit_h", if text(constellation, "service") == "pnt" { 24.0 } else { 0.0 })
}

fn write_constellations(out: &mut Out, constellations: &[Row], sites: &[Row]) {
    for r in constellations {
        let key = text(r, "key");
        let site = main_control(sites, key);
        let common = Common {
            key: &format!("constellation.{key}"),
            name: text(r, "name"),
            kind: "constellation",
            zone: site.map_or("WORLD", |s| text(s, "zone")),
            lat: site.map_or(0.0, |s| number(s, "lat", 0.0)),
            lon: site.map_or(0.0, |s| number(s, "lon", 0.0)),
            provenance: "curated",
            source: text(r, "source"),
            confidence: text(r, "confidence"),
        };
        out.push::<Constellation>(&common.with(&[
            ("operator", text(r, "operator").to_owned()),
            ("supplier", text(r, "supplier").to_owned()),
            ("service", text(r, "service").to_owned()),
            ("min_elevation_deg", text(r, "min_elevation_deg").to_owned()),
            ("satcom_mbit_s", text(r, "satcom_mbit_s").to_owned()),
            ("message_age_limit_h", short(message_age_limit_h(r), 3)),
            ("timing_holdover_h", text(r, "timing_holdover_h").to_owned()),
        ]));
    }
}

fn write_satellites(kit: &Kit, out: &mut Out) -> Result<()> {
    for r in kit.curated("satellites")? {
        let geo = text(&r, "orbit") == "GEO";
        let needed: &[&str] = if geo { &["lon_deg"] } else { &["raan_deg", "arg_lat_deg"] };
        if needed.iter().any(|c| text(&r, c).is_empty()) {
            println!("space: {} has no orbit angles; left out", text(&r, "key"));
            continue;
        }
        let lon = if geo { (number(&r, "lon_deg", 0.0) + 180.0).rem_euclid(360.0) - 180.0 } else { 0.0 };
        let system = format!("constellation.{}", text(&r, "constellation"));
        let common = Common {
            key: text(&r, "key"),
            name: text(&r, "name"),
            kind: "satellite",
            zone: "WORLD",
            lat: 0.0,
            lon,
            provenance: "curated",
            source: text(&r, "source"),
            confidence: text(&r, "confidence"),
        };
        out.push::<Satellite>(&common.with(&[
            ("group", system.clone()),
            ("in_service", if text(&r, "healthy") == "0" { "0".to_owned() } else { "1".to_owned() }),
            ("constellation", system),
            ("orbit", text(&r, "orbit").to_owned()),
            ("altitude_km", text(&r, "altitude_km").to_owned()),
            ("inclination_deg", text(&r, "inclination_deg").to_owned()),
            ("raan_deg", if geo { short(lon, 3) } else { text(&r, "raan_deg").to_owned() }),
            ("arg_lat_deg", if geo { String::new() } else { text(&r, "arg_lat_deg").to_owned() }),
        ]));
    }
    Ok(())
}

fn write_ground_sites(out: &mut Out, sites: &[Row]) {
    for r in sites {
        if text(r, "constellation").is_empty() {
            println!("space: {} serves no constellation of the case; left out", text(r, "key"));
            continue;
        }
        let common = Common {
            key: text(r, "key"),
            name: text(r, "name"),
            kind: text(r, "kind"),
            zone: text(r, "zone"),
            lat: number(r, "lat", 0.0),
            lon: number(r, "lon", 0.0),
            provenance: "curated",
            source: text(r, "source"),
            confidence: text(r, "confidence"),
        };
        out.push::<GroundSite>(&common.with(&[
            ("group", site_group(r).to_owned()),
            ("operator", text(r, "operator").to_owned()),
            ("constellation", format!("constellation.{}", text(r, "constellation"))),
            ("share", text(r, "share").to_owned()),
        ]));
    }
}

/// Fleets whose size is known in MW; they stand at the zone's centroid of people.
fn write_fleets(kit: &Kit, out: &mut Out) -> Result<()> {
    let position = |z: &BTreeMap<&'static str, String>, column: &str| -> f64 { z.get(column).and_then(|x| x.parse().ok()).unwrap_or(0.0) };
    let key_of = |z: &BTreeMap<&'static str, String>| z.get("key").cloned().unwrap_or_default();
    let centres: BTreeMap<String, (f64, f64)> =
        out.rows::<Zone>().iter().map(|z| (key_of(z), (position(z, "lat"), position(z, "lon")))).collect();
    for r in kit.curated("control_fleets")? {
        if text(&r, "unit") != "MW" {
            continue;
        }
        let zone = text(&r, "zone");
        let (lat, lon) =
            *centres.get(zone).ok_or_else(|| format!("control_fleets.csv: {} lies in unknown zone {zone}", text(&r, "key")))?;
        let common = Common {
            key: text(&r, "key"),
            name: text(&r, "name"),
            kind: "control_fleet",
            zone,
            lat,
            lon,
            provenance: "curated",
            source: text(&r, "source"),
            confidence: text(&r, "confidence"),
        };
        out.push::<ControlFleet>(&common.with(&[
            ("constellation", format!("constellation.{}", text(&r, "constellation"))),
            ("amount_mw", text(&r, "amount").to_owned()),
        ]));
    }
    Ok(())
}
