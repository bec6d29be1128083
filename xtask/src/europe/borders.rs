//! Borders: Natural Earth countries decoded from `TopoJSON`, as land to test points against and as simplified rings for the map.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::kit::{Kit, Result, short};

/// Window of the map, degrees: west, east, south, north.
const WINDOW: [f64; 4] = [-25.0, 45.0, 27.0, 72.0];
/// Tolerance of the simplification, degrees.
const TOLERANCE_DEG: f64 = 0.03;
/// Rings smaller than this are not drawn, square degrees.
const SMALLEST_DEG2: f64 = 0.02;
/// Zone of land that is drawn but not modelled.
const OUTSIDE: &str = "-";

/// ISO 3166 numeric codes of the zones. Aland is part of Finland.
const NUMERIC: &[(&str, &str)] = &[
    ("040", "AT"),
    ("056", "BE"),
    ("100", "BG"),
    ("191", "HR"),
    ("196", "CY"),
    ("203", "CZ"),
    ("208", "DK"),
    ("233", "EE"),
    ("246", "FI"),
    ("248", "FI"),
    ("250", "FR"),
    ("276", "DE"),
    ("300", "GR"),
    ("348", "HU"),
    ("372", "IE"),
    ("380", "IT"),
    ("428", "LV"),
    ("440", "LT"),
    ("442", "LU"),
    ("470", "MT"),
    ("528", "NL"),
    ("616", "PL"),
    ("620", "PT"),
    ("642", "RO"),
    ("703", "SK"),
    ("705", "SI"),
    ("724", "ES"),
    ("752", "SE"),
    ("826", "GB"),
    ("578", "NO"),
    ("756", "CH"),
    ("804", "UA"),
    ("498", "MD"),
    ("008", "AL"),
    ("070", "BA"),
    ("499", "ME"),
    ("807", "MK"),
    ("688", "RS"),
    ("352", "IS"),
];

/// Zone of a shape without numeric code.
fn zone_of_name(name: &str) -> &'static str {
    match name {
        "Kosovo" => "XK",
        // One island, one zone: the cities of the north carry the code CY as well.
        "N. Cyprus" => "CY",
        _ => OUTSIDE,
    }
}

/// A closed line of (longitude, latitude), without the repeated last point.
type Ring = Vec<(f64, f64)>;

/// Land of each zone.
pub struct Land {
    zones: BTreeMap<String, Vec<Area>>,
}

struct Area {
    /// West, east, south, north.
    bounds: [f64; 4],
    ring: Ring,
}

impl Land {
    /// True when the point lies on the zone's land (holes, such as enclaves, are not).
    pub fn contains(&self, zone: &str, lat: f64, lon: f64) -> bool {
        let Some(areas) = self.zones.get(zone) else { return false };
        let mut inside = false;
        for area in areas {
            let [west, east, south, north] = area.bounds;
            if lon < west || lon > east || lat < south || lat > north {
                continue;
            }
            let n = area.ring.len();
            for i in 0..n {
                let (a, b) = (area.ring[i], area.ring[(i + 1) % n]);
                if (a.1 > lat) != (b.1 > lat) && lon < (b.0 - a.0) * (lat - a.1) / (b.1 - a.1) + a.0 {
                    inside = !inside;
                }
            }
        }
        inside
    }
}

/// Reads the borders: land of the zones, and the text of `borders.csv`.
pub fn build(kit: &Kit) -> Result<(Land, String)> {
    let path = kit.file("world_atlas", "countries-50m.json")?;
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let arcs = decode_arcs(&json)?;
    let mut rings: BTreeMap<String, Vec<Ring>> = BTreeMap::new();
    for shape in items(&json["objects"]["countries"]["geometries"]) {
        let id = shape["id"].as_str().unwrap_or("");
        let name = shape["properties"]["name"].as_str().unwrap_or("");
        let zone = NUMERIC.iter().find(|(n, _)| *n == id).map_or_else(|| zone_of_name(name), |(_, z)| *z);
        for ring in shape_rings(shape, &arcs) {
            let ring = clip(ring);
            if ring.len() >= 3 {
                let zone = if is_crimea(id, &ring) { "UA" } else { zone };
                rings.entry(zone.to_owned()).or_default().push(ring);
            }
        }
    }
    if let Some(zone) = kit.zones.iter().find(|z| !rings.contains_key(*z)) {
        return Err(format!("countries-50m.json has no border of {zone}"));
    }
    let csv = write(&rings);
    let areas = |rings: Vec<Ring>| rings.into_iter().map(|ring| Area { bounds: bounds(&ring), ring }).collect();
    let zones = rings.into_iter().filter(|(zone, _)| zone != OUTSIDE).map(|(zone, rings)| (zone, areas(rings))).collect();
    Ok((Land { zones }, csv))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Natural Earth draws who holds Crimea; here it lies in Ukraine, as in the resolutions of the United Nations.
fn is_crimea(id: &str, ring: &[(f64, f64)]) -> bool {
    id == "643" && ring.iter().all(|p| p.0 > 32.3 && p.0 < 36.8 && p.1 > 44.2 && p.1 < 46.4)
}

fn decode_arcs(json: &Value) -> Result<Vec<Vec<(f64, f64)>>> {
    let pair = |key: &str| -> Result<(f64, f64)> {
        let v = &json["transform"][key];
        match (v[0].as_f64(), v[1].as_f64()) {
            (Some(a), Some(b)) => Ok((a, b)),
            _ => Err(format!("countries-50m.json: no transform {key}")),
        }
    };
    let (scale, translate) = (pair("scale")?, pair("translate")?);
    let mut arcs = Vec::new();
    for arc in items(&json["arcs"]) {
        let (mut x, mut y) = (0.0, 0.0);
        let mut points = Vec::new();
        for step in items(arc) {
            x += step[0].as_f64().unwrap_or(0.0);
            y += step[1].as_f64().unwrap_or(0.0);
            points.push((x * scale.0 + translate.0, y * scale.1 + translate.1));
        }
        arcs.push(points);
    }
    Ok(arcs)
}

fn shape_rings(shape: &Value, arcs: &[Vec<(f64, f64)>]) -> Vec<Ring> {
    let one = std::slice::from_ref(&shape["arcs"]);
    let polygons = if shape["type"] == "Polygon" { one } else { items(&shape["arcs"]) };
    let mut rings = Vec::new();
    for polygon in polygons {
        for ring in items(polygon) {
            rings.push(join(ring, arcs));
        }
    }
    rings
}

/// Joins the arcs of a ring; a negative number is the arc of its complement, backwards.
fn join(ring: &Value, arcs: &[Vec<(f64, f64)>]) -> Ring {
    let mut out: Ring = Vec::new();
    for index in items(ring) {
        let Some(i) = index.as_i64() else { continue };
        let at = if i >= 0 { i } else { !i };
        let Some(arc) = usize::try_from(at).ok().and_then(|k| arcs.get(k)) else { continue };
        let skip = usize::from(!out.is_empty());
        if i >= 0 {
            out.extend(arc.iter().skip(skip));
        } else {
            out.extend(arc.iter().rev().skip(skip));
        }
    }
    if out.len() > 1 && out.first() == out.last() {
        out.pop();
    }
    out
}

fn bounds(ring: &[(f64, f64)]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
    ring.iter().fold(start, |b, p| [b[0].min(p.0), b[1].max(p.0), b[2].min(p.1), b[3].max(p.1)])
}

/// Cuts a ring to the window, side by side (Sutherland and Hodgman 1974).
fn clip(ring: Ring) -> Ring {
    let mut ring = ring;
    // Each side: which coordinate (0 longitude, 1 latitude), its bound, and whether the inside lies above it.
    for (axis, bound, above) in [(0, WINDOW[0], true), (0, WINDOW[1], false), (1, WINDOW[2], true), (1, WINDOW[3], false)] {
        let value = |p: &(f64, f64)| if axis == 0 { p.0 } else { p.1 };
        let inside = |p: &(f64, f64)| if above { value(p) >= bound } else { value(p) <= bound };
        let mut out = Vec::with_capacity(ring.len());
        for (i, p) in ring.iter().enumerate() {
            let before = &ring[(i + ring.len() - 1) % ring.len()];
            if inside(before) != inside(p) {
                let t = (bound - value(before)) / (value(p) - value(before));
                out.push((before.0 + t * (p.0 - before.0), before.1 + t * (p.1 - before.1)));
            }
            if inside(p) {
                out.push(*p);
            }
        }
        ring = out;
    }
    ring
}

fn area_deg2(ring: &[(f64, f64)]) -> f64 {
    let n = ring.len();
    let twice: f64 = (0..n).map(|i| ring[i].0 * ring[(i + 1) % n].1 - ring[(i + 1) % n].0 * ring[i].1).sum();
    (twice / 2.0).abs()
}

/// Simplifies a ring: cut at its first point and the point farthest from it, each half by Douglas and Peucker (1973).
fn simplify(ring: &[(f64, f64)]) -> Ring {
    let Some(&first) = ring.first() else { return Vec::new() };
    let away = |p: &(f64, f64)| (p.0 - first.0).powi(2) + (p.1 - first.1).powi(2);
    let far = (0..ring.len()).max_by(|&a, &b| away(&ring[a]).total_cmp(&away(&ring[b]))).unwrap_or(0);
    let closed: Ring = ring.iter().copied().chain([first]).collect();
    let mut keep = vec![false; closed.len()];
    for i in [0, far, closed.len() - 1] {
        keep[i] = true;
    }
    let mut open = vec![(0, far), (far, closed.len() - 1)];
    while let Some((a, b)) = open.pop() {
        let worst = (a + 1..b).map(|i| (i, off_line(closed[i], closed[a], closed[b]))).max_by(|x, y| x.1.total_cmp(&y.1));
        if let Some((i, d)) = worst
            && d > TOLERANCE_DEG
        {
            keep[i] = true;
            open.extend([(a, i), (i, b)]);
        }
    }
    keep.pop();
    closed.iter().zip(&keep).filter(|(_, k)| **k).map(|(p, _)| *p).collect()
}

/// Distance of a point from the line through two others, degrees.
fn off_line(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy);
    if length == 0.0 { (p.0 - a.0).hypot(p.1 - a.1) } else { ((p.0 - a.0) * dy - (p.1 - a.1) * dx).abs() / length }
}

fn write(rings: &BTreeMap<String, Vec<Ring>>) -> String {
    let mut out = String::from("zone,ring,lon,lat\n");
    let mut number = 0;
    for (zone, rings) in rings {
        for ring in rings {
            // A zone whose land is all small keeps its rings, so that no zone vanishes from the map.
            let is_large = area_deg2(ring) >= SMALLEST_DEG2 || zone == "MT";
            let simple = if is_large { simplify(ring) } else { Vec::new() };
            if simple.len() < 3 {
                continue;
            }
            number += 1;
            for (lon, lat) in simple {
                let _ = writeln!(out, "{zone},{number},{},{}", short(lon, 3), short(lat, 3));
            }
        }
    }
    out
}
