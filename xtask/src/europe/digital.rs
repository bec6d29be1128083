//! Digital: metros, exchanges, landings, data centres, fibre, submarine cables and busy-hour traffic.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::geo::distance_km;
use buttress_model::tables::{City, DataFlow, DataLink, DataNode, Zone};

use crate::europe::kit::{Common, Kit, Out, Result, Row, nearest, number, short, slug, text};

/// Exchange capacity over its peak traffic.
const EXCHANGE_HEADROOM: f64 = 1.5;
/// Lit share of a cable's design capacity.
const LIT_SHARE: f64 = 0.4;
/// Capacity of a data centre's tail, Gbit/s.
const DATA_CENTRE_GBIT_S: f64 = 5000.0;
/// Capacity of a backbone edge that only topohub knows, Gbit/s.
const TOPOHUB_GBIT_S: f64 = 20_000.0;
/// Route over great circle: on land, at sea.
const DETOUR: (f64, f64) = (1.3, 1.25);
/// A data centre or backbone node farther than this from a metro is not that metro's, km.
const METRO_REACH_KM: f64 = 80.0;
/// Gates' part of international traffic.
const GATE_SHARE: f64 = 0.4;
/// Length scale of European traffic, km.
const TRAFFIC_SCALE_KM: f64 = 1500.0;
/// Part of an exchange's peak that has no second way at once: judgement after the outage in Frankfurt of 9 April 2018, when most
/// networks fell back on transit and private links. Counted on top of the traffic between metros.
const PEERING_ONLY: f64 = 0.2;
/// Flows below this are merged into larger ones, Gbit/s.
const FLOW_MIN_GBIT_S: f64 = 0.5;
/// Most rows of data flows.
const FLOW_ROWS: usize = 6000;
/// Zones whose edges in topohub run over sea.
const ISLANDS: &[&str] = &["GB", "IE", "IS", "MT", "CY"];
/// Pairs of metros whose topohub edge runs over sea.
const OVER_SEA: &[(&str, &str)] = &[
    ("helsinki", "stockholm"),
    ("stockholm", "turku"),
    ("copenhagen", "oslo"),
    ("athens", "palermo"),
    ("athens", "rome"),
    ("athens", "milan"),
    ("palermo", "rome"),
    ("helsinki", "oslo"),
    ("helsinki", "warsaw"),
    ("stockholm", "warsaw"),
    ("copenhagen", "tallinn"),
    ("berlin", "copenhagen"),
];
/// Where cables from Europe to the Gulf and Asia cross Egypt; their middle is set there.
const EGYPT: (f64, f64) = (30.5, 32.0);
/// A cable this long that leaves Europe towards the Gulf or Asia crosses Egypt, km.
const EGYPT_MIN_KM: f64 = 3000.0;

/// Builds data nodes, links and flows.
pub fn build(kit: &Kit, out: &mut Out) -> Result<()> {
    let mut net = Net::default();
    let metros = kit.curated("metros")?;
    for r in &metros {
        net.node(out, r, "metro", &format!("{} metro", text(r, "town")), &[])?;
    }
    add_gates(kit, out, &mut net)?;
    for r in kit.curated("exchanges")? {
        let capacity = number(&r, "peak_traffic_tbit_s", 0.0) * 1000.0 * EXCHANGE_HEADROOM;
        net.node(
            out,
            &r,
            "exchange",
            text(&r, "name"),
            &[("operator", text(&r, "operator").to_owned()), ("capacity_gbit_s", short(capacity, 1))],
        )?;
        net.exchanges.push((text(&r, "key").to_owned(), capacity));
    }
    for r in kit.curated("landings")? {
        net.node(out, &r, "landing_station", &format!("{} cable landing", text(&r, "town")), &[])?;
    }
    add_fibre(kit, out, &mut net)?;
    add_exchange_access(out, &mut net)?;
    add_data_centres(kit, out, &mut net)?;
    add_topohub(kit, out, &mut net)?;
    add_cables(kit, out, &mut net)?;
    write_flows(kit, out, &net)?;
    println!(
        "digital: {} nodes, {} links, {} flows",
        out.rows::<DataNode>().len(),
        out.rows::<DataLink>().len(),
        out.rows::<DataFlow>().len()
    );
    Ok(())
}

/// A place of the data network.
#[derive(Debug, Clone)]
struct Place {
    name: String,
    zone: String,
    lat: f64,
    lon: f64,
}

/// What has been written so far.
#[derive(Default)]
struct Net {
    /// All nodes by key.
    places: BTreeMap<String, Place>,
    /// Metros in file order, without gates.
    metros: Vec<String>,
    /// Exchanges with their capacity, Gbit/s.
    exchanges: Vec<(String, f64)>,
    /// Pairs of nodes that a land link joins, in order of keys.
    joined: BTreeSet<(String, String)>,
}

/// A link before it is written.
struct Link<'a> {
    key: String,
    name: String,
    kind: &'a str,
    from: &'a str,
    to: &'a str,
    km: f64,
    gbit_s: f64,
    provenance: &'a str,
    source: &'a str,
    confidence: &'a str,
}

impl Net {
    /// Writes a curated node.
    fn node(&mut self, out: &mut Out, r: &Row, kind: &str, name: &str, more: &[(&str, String)]) -> Result<()> {
        let (key, zone) = (text(r, "key"), text(r, "zone"));
        let (lat, lon) = (number(r, "lat", f64::NAN), number(r, "lon", f64::NAN));
        if !lat.is_finite() || !lon.is_finite() {
            return Err(format!("{key} has no position"));
        }
        let common =
            Common { key, name, kind, zone, lat, lon, provenance: "curated", source: text(r, "source"), confidence: text(r, "confidence") };
        out.push::<DataNode>(&common.with(more));
        let known_as = if kind == "exchange" || text(r, "town").is_empty() { name } else { text(r, "town") };
        self.places.insert(key.to_owned(), Place { name: known_as.to_owned(), zone: zone.to_owned(), lat, lon });
        if kind == "metro" {
            self.metros.push(key.to_owned());
        }
        Ok(())
    }

    fn place(&self, key: &str) -> Result<&Place> {
        self.places.get(key).ok_or_else(|| format!("no data node {key}"))
    }

    fn distance(&self, a: &str, b: &str) -> Result<f64> {
        let (a, b) = (self.place(a)?, self.place(b)?);
        Ok(distance_km(a.lat, a.lon, b.lat, b.lon))
    }

    /// Nearest metro, of the zone when one is given, and its distance, km.
    fn nearest_metro(&self, lat: f64, lon: f64, zone: Option<&str>) -> Option<(String, f64)> {
        let candidates: Vec<(&String, &Place)> =
            self.metros.iter().filter_map(|m| Some((m, self.places.get(m)?))).filter(|(_, p)| zone.is_none_or(|z| z == p.zone)).collect();
        let (i, km) = nearest(candidates.iter().map(|(_, p)| (p.lat, p.lon)), lat, lon)?;
        Some((candidates[i].0.clone(), km))
    }

    /// The metro of its zone that an exchange hangs on: the nearest.
    fn metro_of_exchange(&self, key: &str) -> Result<String> {
        let place = self.place(key)?;
        let found = self.nearest_metro(place.lat, place.lon, Some(&place.zone));
        Ok(found.ok_or_else(|| format!("{key}: no metro in {}", place.zone))?.0)
    }

    /// Writes a link; `more` are further columns, which may set another middle.
    fn link(&mut self, out: &mut Out, l: &Link, more: &[(&str, String)]) -> Result<()> {
        let (a, b) = (self.place(l.from)?, self.place(l.to)?);
        let (lat, lon) = (f64::midpoint(a.lat, b.lat), f64::midpoint(a.lon, b.lon));
        let common = Common {
            key: &l.key,
            name: &l.name,
            kind: l.kind,
            zone: &a.zone,
            lat,
            lon,
            provenance: l.provenance,
            source: l.source,
            confidence: l.confidence,
        };
        let mut row = common.with(&[
            ("node_from", l.from.to_owned()),
            ("node_to", l.to.to_owned()),
            ("length_km", short(l.km, 1)),
            ("capacity_gbit_s", short(l.gbit_s, 1)),
        ]);
        row.extend(more.iter().map(|(c, v)| (*c, v.clone())));
        out.push::<DataLink>(&row);
        if l.kind == "fibre_link" {
            self.joined.insert(pair(l.from, l.to));
        }
        Ok(())
    }
}

/// Two keys in order.
fn pair(a: &str, b: &str) -> (String, String) {
    if a <= b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
}

/// Node key of a curated end: gates stand as upper-case codes.
fn end_key(code: &str) -> String {
    if code.contains('.') { code.to_owned() } else { format!("metro.gate-{}", code.to_lowercase()) }
}

/// Key without its prefix: `metro.vienna` becomes `vienna`.
fn bare(key: &str) -> &str {
    key.split_once('.').map_or(key, |(_, rest)| rest)
}

fn add_gates(kit: &Kit, out: &mut Out, net: &mut Net) -> Result<()> {
    for mut r in kit.curated("data_gates")? {
        let code = text(&r, "key").to_owned();
        r.insert("key".to_owned(), end_key(&code));
        r.insert("zone".to_owned(), code.to_uppercase());
        let name = text(&r, "name").to_owned();
        net.node(out, &r, "metro", &name, &[])?;
        // A gate serves nobody in the case: it is no candidate for the nearest metro.
        net.metros.pop();
    }
    Ok(())
}

/// Curated fibre between metros, and from landings to metros.
fn add_fibre(kit: &Kit, out: &mut Out, net: &mut Net) -> Result<()> {
    for r in kit.curated("fibre_links")? {
        let (from, to) = (end_key(text(&r, "metro_from")), end_key(text(&r, "metro_to")));
        let link = Link {
            key: text(&r, "key").to_owned(),
            name: text(&r, "name").to_owned(),
            kind: "fibre_link",
            from: &from,
            to: &to,
            km: number(&r, "length_km", net.distance(&from, &to)? * DETOUR.0),
            gbit_s: number(&r, "capacity_gbit_s", 0.0),
            provenance: "curated",
            source: text(&r, "source"),
            confidence: text(&r, "confidence"),
        };
        net.link(out, &link, &[("operator", text(&r, "operator").to_owned())])?;
    }
    for r in kit.curated("landing_backhaul")? {
        let (from, to) = (text(&r, "landing"), text(&r, "metro"));
        let link = Link {
            key: format!("fibre.landing-{}-{}", slug(bare(from)), slug(bare(to))),
            name: format!("Landing {} - {}", net.place(from)?.name, net.place(to)?.name),
            kind: "fibre_link",
            from,
            to,
            km: number(&r, "length_km", net.distance(from, to)? * DETOUR.0),
            gbit_s: number(&r, "capacity_gbit_s", 0.0),
            provenance: "curated",
            source: text(&r, "source"),
            confidence: text(&r, "confidence"),
        };
        net.link(out, &link, &[])?;
    }
    Ok(())
}

/// Two tails from every exchange to the nearest metro of its zone.
fn add_exchange_access(out: &mut Out, net: &mut Net) -> Result<()> {
    for (key, gbit_s) in net.exchanges.clone() {
        let place = net.place(&key)?.clone();
        let metro = net.metro_of_exchange(&key)?;
        for path in 1..=2 {
            let link = Link {
                key: format!("fibre.ixp-{}.{path}", bare(&key)),
                name: format!("Exchange access {}, path {path}", place.name),
                kind: "fibre_link",
                from: &key,
                to: &metro,
                km: 20.0,
                gbit_s,
                provenance: "derived",
                source: "src.derived",
                confidence: "low",
            };
            net.link(out, &link, &[])?;
        }
    }
    Ok(())
}

/// Providers of cloud regions: file stem and name. Regions of `onedrive` are countries, not sites, and are left out.
const PROVIDERS: &[(&str, &str)] = &[
    ("alibaba", "Alibaba Cloud"),
    ("aws", "AWS"),
    ("azure", "Microsoft Azure"),
    ("digitalocean", "DigitalOcean"),
    ("gcp", "Google Cloud"),
    ("ibm", "IBM Cloud"),
    ("linode", "Linode"),
    ("oci", "Oracle Cloud"),
    ("vultr", "Vultr"),
];

fn add_data_centres(kit: &Kit, out: &mut Out, net: &mut Net) -> Result<()> {
    let countries: BTreeMap<String, String> = out
        .rows::<Zone>()
        .iter()
        .map(|z| (cell(z, "name").to_owned(), cell(z, "key").to_owned()))
        .filter(|(_, key)| kit.is_zone(key))
        .collect();
    for (provider, operator) in PROVIDERS {
        let path = kit.file("cloud_regions", &format!("cloud_regions_info/mappings/{provider}_regions.json"))?;
        let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let regions: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&content).map_err(|e| format!("{}: {e}", path.display()))?;
        for (region, value) in &regions {
            let (Some(lat), Some(lon)) = (value["latitude"].as_f64(), value["longitude"].as_f64()) else { continue };
            let zone = value["country"].as_str().and_then(|c| countries.get(c)).map(String::as_str);
            let Some((metro, km)) = net.nearest_metro(lat, lon, zone) else { continue };
            if zone.is_none() && km > METRO_REACH_KM {
                continue;
            }
            let key = format!("dc.{provider}-{}", slug(region));
            if net.places.contains_key(&key) {
                continue;
            }
            let name = format!("{operator} {}", value["location"].as_str().unwrap_or(region));
            let zone = net.place(&metro)?.zone.clone();
            let common = Common {
                key: &key,
                name: &name,
                kind: "data_centre",
                zone: &zone,
                lat,
                lon,
                provenance: "real",
                source: "pkg.cloud-regions",
                confidence: if km > METRO_REACH_KM { "low" } else { "medium" },
            };
            out.push::<DataNode>(&common.with(&[("operator", (*operator).to_owned())]));
            net.places.insert(key.clone(), Place { name: name.clone(), zone, lat, lon });
            let link = Link {
                key: format!("fibre.dc-{}", bare(&key)),
                name: format!("Data centre access {name}"),
                kind: "fibre_link",
                from: &key,
                to: &metro,
                km: (km * DETOUR.0).max(5.0),
                gbit_s: DATA_CENTRE_GBIT_S,
                provenance: "derived",
                source: "src.derived",
                confidence: "low",
            };
            net.link(out, &link, &[])?;
        }
    }
    Ok(())
}

/// Text of a column of a written row.
fn cell<'a>(row: &'a BTreeMap<&'static str, String>, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

/// Backbone edges on land that the curated fibre lacks.
fn add_topohub(kit: &Kit, out: &mut Out, net: &mut Net) -> Result<()> {
    for (name, inner) in [("COST266", "sndlib/cost266"), ("Nobel-EU", "sndlib/nobel-eu"), ("GEANT 2012", "topozoo/Geant2012")] {
        let path = kit.file("topohub", &format!("topohub/data/{inner}.json"))?;
        let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let json: serde_json::Value = serde_json::from_str(&content).map_err(|e| format!("{}: {e}", path.display()))?;
        let nodes = json["nodes"].as_array().ok_or_else(|| format!("{name} has no nodes"))?;
        let edges = json["edges"].as_array().ok_or_else(|| format!("{name} has no edges"))?;
        // Ids are numbers in one file and texts in another.
        let metros: BTreeMap<String, String> = nodes.iter().filter_map(|n| Some((n["id"].to_string(), topohub_metro(net, n)?))).collect();
        for e in edges {
            let (Some(a), Some(b)) = (metros.get(&e["source"].to_string()), metros.get(&e["target"].to_string())) else { continue };
            let (from, to) = pair(a, b);
            let ends = (bare(&from), bare(&to));
            let island = ISLANDS.contains(&net.place(&from)?.zone.as_str()) || ISLANDS.contains(&net.place(&to)?.zone.as_str());
            let sea = island || OVER_SEA.iter().any(|&(x, y)| ends == (x, y) || ends == (y, x));
            if from == to || sea || net.joined.contains(&(from.clone(), to.clone())) {
                continue;
            }
            let link = Link {
                key: format!("fibre.topohub-{}-{}", ends.0, ends.1),
                name: format!("{} - {} ({name})", net.place(&from)?.name, net.place(&to)?.name),
                kind: "fibre_link",
                from: &from,
                to: &to,
                km: net.distance(&from, &to)? * DETOUR.0,
                gbit_s: TOPOHUB_GBIT_S,
                provenance: "derived",
                source: "pkg.topohub",
                confidence: "low",
            };
            net.link(out, &link, &[])?;
        }
    }
    Ok(())
}

/// Metro of a topohub node: by town, or by country code and position.
fn topohub_metro(net: &Net, node: &serde_json::Value) -> Option<String> {
    let name = node["name"].as_str()?;
    if name.len() > 2 {
        let key = format!("metro.{}", slug(name));
        return net.places.contains_key(&key).then_some(key);
    }
    let zone = match name {
        "UK" => "GB",
        "SL" => "SI",
        other => other,
    };
    let (lon, lat) = (node["pos"][0].as_f64()?, node["pos"][1].as_f64()?);
    net.nearest_metro(lat, lon, Some(zone)).filter(|(_, km)| *km <= METRO_REACH_KM).map(|(metro, _)| metro)
}

/// Submarine cables: one link for each pair of landings in a row.
fn add_cables(kit: &Kit, out: &mut Out, net: &mut Net) -> Result<()> {
    for r in kit.curated("cables")? {
        let key = text(&r, "key");
        let ends: Vec<String> = text(&r, "landings").split('|').map(|c| end_key(c.trim())).collect();
        let mut lengths = Vec::new();
        for w in ends.windows(2) {
            lengths.push(net.distance(&w[0], &w[1])?);
        }
        let direct: f64 = lengths.iter().sum();
        let declared = number(&r, "length_km", 0.0);
        let factor = if declared > 0.0 && direct > 0.0 { declared / direct } else { DETOUR.1 };
        for (i, w) in ends.windows(2).enumerate() {
            let one = ends.len() == 2;
            let name = text(&r, "name");
            let link = Link {
                key: if one { key.to_owned() } else { format!("{key}.{}", i + 1) },
                name: if one { name.to_owned() } else { format!("{name}: {} - {}", end_name(net, &w[0])?, end_name(net, &w[1])?) },
                kind: "submarine_cable",
                from: &w[0],
                to: &w[1],
                km: lengths[i] * factor,
                gbit_s: number(&r, "capacity_tbit_s", 0.0) * 1000.0 * LIT_SHARE,
                provenance: "curated",
                source: text(&r, "source"),
                confidence: text(&r, "confidence"),
            };
            let in_service = if text(&r, "in_service") == "0" { "0" } else { "1" };
            let mut more = vec![
                ("group", key.to_owned()),
                ("operator", text(&r, "owner").to_owned()),
                ("supplier", text(&r, "supplier").to_owned()),
                ("in_service", in_service.to_owned()),
            ];
            if through_egypt(&w[0], &w[1], declared, text(&r, "sea")) {
                more.push(("lat", format!("{:.4}", EGYPT.0)));
                more.push(("lon", format!("{:.4}", EGYPT.1)));
            }
            net.link(out, &link, &more)?;
        }
    }
    Ok(())
}

/// Town of a landing, or the code of a gate.
fn end_name(net: &Net, key: &str) -> Result<String> {
    match key.strip_prefix("metro.gate-") {
        Some(code) => Ok(code.to_uppercase()),
        None => Ok(net.place(key)?.name.clone()),
    }
}

/// True for a segment from Europe to the Gulf or Asia of a long cable, or of one that runs through the Red Sea.
fn through_egypt(a: &str, b: &str, declared_km: f64, sea: &str) -> bool {
    let east = |k: &str| k == "metro.gate-gulf" || k == "metro.gate-asia";
    let europe = |k: &str| k.starts_with("landing.");
    ((east(a) && europe(b)) || (east(b) && europe(a))) && (declared_km >= EGYPT_MIN_KM || sea.contains("Red Sea"))
}

/// Traffic of one zone in the busy hour.
struct Demand {
    zone: String,
    domestic: f64,
    international: f64,
    /// Metros of the zone with the people they serve.
    metros: Vec<(String, f64)>,
}

/// Flows by pair of nodes, Gbit/s.
type Flows = BTreeMap<(String, String), f64>;

/// Demand of every zone that has metros, with people shared over metros by the cities nearest to them.
fn demands(kit: &Kit, out: &Out, net: &Net) -> Result<Vec<Demand>> {
    let mut people: BTreeMap<String, f64> = net.metros.iter().map(|m| (m.clone(), 0.0)).collect();
    for city in out.rows::<City>() {
        let position = (cell(city, "lat").parse::<f64>(), cell(city, "lon").parse::<f64>());
        let (Ok(lat), Ok(lon)) = position else { continue };
        if let Some((metro, _)) = net.nearest_metro(lat, lon, Some(cell(city, "zone"))) {
            *people.entry(metro).or_insert(0.0) += cell(city, "population").parse::<f64>().unwrap_or(0.0);
        }
    }
    let rates: BTreeMap<String, Row> = kit.curated("data_demand")?.into_iter().map(|r| (text(&r, "zone").to_owned(), r)).collect();
    let mut list = Vec::new();
    for z in out.rows::<Zone>().iter().filter(|z| kit.is_zone(cell(z, "key"))) {
        let zone = cell(z, "key").to_owned();
        let Some(rate) = rates.get(&zone) else { return Err(format!("data_demand.csv has no row for {zone}")) };
        let population: f64 = cell(z, "population").parse().unwrap_or(0.0);
        let total = population * number(rate, "busy_hour_mbit_s_central", 0.6) / 1000.0;
        let share = number(rate, "international_share_central", 0.35);
        let keys: Vec<&String> = net.metros.iter().filter(|m| net.places.get(*m).is_some_and(|p| p.zone == zone)).collect();
        let sum: f64 = keys.iter().filter_map(|m| people.get(*m)).sum();
        let weight = |m: &str| if sum > 0.0 { people.get(m).copied().unwrap_or(0.0) / sum } else { 1.0 / keys.len() as f64 };
        let metros = keys.iter().map(|m| ((*m).clone(), population * weight(m))).filter(|(_, w)| *w > 0.0).collect();
        list.push(Demand { zone, domestic: total * (1.0 - share), international: total * share, metros });
    }
    Ok(list)
}

/// The largest parts, at most `limit`, scaled to the total; parts below the smallest flow give way to larger ones.
fn largest(mut parts: Vec<(String, String, f64)>, total: f64, limit: usize) -> Vec<(String, String, f64)> {
    let sum: f64 = parts.iter().map(|p| p.2).sum();
    if sum <= 0.0 || total <= 0.0 {
        return Vec::new();
    }
    parts.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
    let enough = parts.iter().take_while(|p| p.2 / sum * total >= FLOW_MIN_GBIT_S).count();
    parts.truncate(enough.clamp(1, limit.max(1)));
    let kept: f64 = parts.iter().map(|p| p.2).sum();
    parts.into_iter().map(|(a, b, w)| (a, b, w / kept * total)).collect()
}

/// Traffic within a zone: between its metros, or from its only metro to its exchanges.
fn domestic(net: &Net, d: &Demand) -> Vec<(String, String, f64)> {
    let mut parts = Vec::new();
    for (i, (a, x)) in d.metros.iter().enumerate() {
        for (b, y) in &d.metros[i + 1..] {
            parts.push((a.clone(), b.clone(), x * y));
        }
    }
    let mut total = d.domestic;
    if let [(only, _)] = &d.metros[..] {
        let exchanges = net.exchanges.iter().filter(|(k, _)| net.places.get(k).is_some_and(|p| p.zone == d.zone));
        parts.extend(exchanges.map(|(k, gbit_s)| (only.clone(), k.clone(), *gbit_s)));
        // What exceeds the exchanges' peak stays within the metro.
        total = total.min(parts.iter().map(|p| p.2).sum::<f64>() / EXCHANGE_HEADROOM);
    }
    largest(parts, total, FLOW_ROWS)
}

/// Traffic of one metro with the metros of other zones.
fn european(net: &Net, list: &[Demand], from: (&str, &str), total: f64, limit: usize) -> Result<Vec<(String, String, f64)>> {
    let (zone, metro) = from;
    let mut parts = Vec::new();
    for other in list.iter().filter(|o| o.zone != zone) {
        for (m, people) in &other.metros {
            parts.push((metro.to_owned(), m.clone(), people * (-net.distance(metro, m)? / TRAFFIC_SCALE_KM).exp()));
        }
    }
    Ok(largest(parts, total, limit))
}

/// All flows when each metro keeps at most `limit` European partners.
fn flows(net: &Net, list: &[Demand], gates: &[(String, f64)], limit: usize) -> Result<Flows> {
    let mut all = Flows::new();
    for d in list {
        let mut parts = domestic(net, d);
        let people: f64 = d.metros.iter().map(|m| m.1).sum();
        for (metro, w) in &d.metros {
            let total = d.international * w / people;
            parts.extend(european(net, list, (d.zone.as_str(), metro.as_str()), total * (1.0 - GATE_SHARE), limit)?);
            let abroad = gates.iter().map(|(gate, share)| (metro.clone(), gate.clone(), *share)).collect();
            parts.extend(largest(abroad, total * GATE_SHARE, limit));
        }
        if d.metros.len() > 1 {
            for (key, gbit_s) in net.exchanges.iter().filter(|(k, _)| net.places.get(k).is_some_and(|p| p.zone == d.zone)) {
                parts.push((net.metro_of_exchange(key)?, key.clone(), gbit_s / EXCHANGE_HEADROOM * PEERING_ONLY));
            }
        }
        for (a, b, gbit_s) in parts {
            *all.entry(pair(&a, &b)).or_insert(0.0) += gbit_s;
        }
    }
    Ok(all)
}

fn write_flows(kit: &Kit, out: &mut Out, net: &Net) -> Result<()> {
    let list = demands(kit, out, net)?;
    let gates: Vec<(String, f64)> =
        kit.curated("data_gates")?.iter().map(|r| (end_key(text(r, "key")), number(r, "share_of_extra_european", 0.0))).collect();
    let mut limit = 40;
    let mut all = flows(net, &list, &gates, limit)?;
    while all.len() > FLOW_ROWS && limit > 4 {
        limit -= 1;
        all = flows(net, &list, &gates, limit)?;
    }
    for ((from, to), gbit_s) in all.iter().filter(|(_, x)| **x >= 0.005) {
        out.push::<DataFlow>(&[("node_from", from.clone()), ("node_to", to.clone()), ("gbit_s", short(*gbit_s, 2))]);
    }
    println!("digital: {:.0} Gbit/s in the busy hour, {limit} partners a metro at most", all.values().sum::<f64>());
    Ok(())
}
