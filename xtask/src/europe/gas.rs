//! Gas: hubs and corridors joined to the eurogastp topology, stores, terminals, supply, demand and compressors.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::tables::{GasCompressor, GasDemand, GasNode, GasPipe, GasProfile, GasStorage, GasSupply, LngTerminal};
use calamine::{Reader, Xlsx, open_workbook};

use super::kit::{Common, Kit, Out, Result, Row, nearest, number, short, text};

/// Workbook of the topology inside the package.
const WORKBOOK: &str = "src/eurogastp/topo/ENTSOG_TP_Network_v4.xlsx";
/// Sheets that hold edges; the first joins hubs.
const SHEETS: &[&str] = &["ITP", "PRD", "LNG", "UGS", "DIS", "FNC"];
/// Source key of the topology.
const TOPOLOGY: &str = "pkg.eurogastp";

/// A hub.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Key.
    pub key: String,
    /// Zone or gate.
    pub zone: String,
    /// Latitude, deg.
    pub lat: f64,
    /// Longitude, deg.
    pub lon: f64,
    /// True where gas is taken off.
    pub has_demand: bool,
}

/// Hubs by key.
pub struct Hubs(BTreeMap<String, Hub>);

impl Hubs {
    /// The nearest hub of a zone: one with offtake where the zone has any.
    pub fn nearest_in(&self, zone: &str, lat: f64, lon: f64) -> Option<&Hub> {
        let of_zone: Vec<&Hub> = self.0.values().filter(|h| h.zone == zone).collect();
        let with_demand: Vec<&Hub> = of_zone.iter().copied().filter(|h| h.has_demand).collect();
        let choice = if with_demand.is_empty() { of_zone } else { with_demand };
        nearest(choice.iter().map(|h| (h.lat, h.lon)), lat, lon).map(|(i, _)| choice[i])
    }

    fn get(&self, table: &str, key: &str) -> Result<&Hub> {
        self.0.get(key).ok_or_else(|| format!("{table}.csv: hub {key} is not in gas_nodes.csv"))
    }
}

/// Writes all gas tables.
pub fn build(kit: &Kit, out: &mut Out) -> Result<Hubs> {
    let demands = kit.curated("gas_demands")?;
    let hubs = write_nodes(kit, &demands, out)?;
    write_pipes(kit, &hubs, out)?;
    write_storages(kit, &hubs, out)?;
    write_terminals(kit, &hubs, out)?;
    write_supplies(kit, &hubs, out)?;
    write_demands(&demands, &hubs, out)?;
    write_profile(kit, out)?;
    write_compressors(kit, out)?;
    Ok(hubs)
}

/// Parts of a cell that lists several things.
fn parts<'a>(row: &'a Row, column: &str) -> impl Iterator<Item = &'a str> {
    text(row, column).split('|').map(str::trim).filter(|p| !p.is_empty())
}

/// Hub and share of each part of `node_split`.
fn splits(row: &Row) -> Result<Vec<(String, f64)>> {
    let mut out = Vec::new();
    for part in parts(row, "node_split") {
        let read = part.split_once('=').and_then(|(node, share)| Some((node.trim().to_owned(), share.trim().parse::<f64>().ok()?)));
        out.push(read.ok_or_else(|| format!("gas_demands.csv, {}: cannot read {part}", text(row, "zone")))?);
    }
    Ok(out)
}

fn write_nodes(kit: &Kit, demands: &[Row], out: &mut Out) -> Result<Hubs> {
    let mut with_demand = BTreeSet::new();
    for row in demands {
        with_demand.extend(splits(row)?.into_iter().map(|(node, _)| node));
    }
    let mut hubs = BTreeMap::new();
    for row in kit.curated("gas_nodes")? {
        let (key, zone) = (text(&row, "key"), text(&row, "zone"));
        let (lat, lon) = (number(&row, "lat", 0.0), number(&row, "lon", 0.0));
        let is_listed = !text(&row, "eurogastp_node").is_empty();
        let common = Common {
            key,
            name: text(&row, "name"),
            kind: "gas_hub",
            zone,
            lat,
            lon,
            provenance: if is_listed { "real" } else { "curated" },
            source: if is_listed { TOPOLOGY } else { text(&row, "source") },
            confidence: text(&row, "confidence"),
        };
        out.push::<GasNode>(&common.with(&[]));
        hubs.insert(key.to_owned(), Hub { key: key.to_owned(), zone: zone.to_owned(), lat, lon, has_demand: with_demand.contains(key) });
    }
    Ok(Hubs(hubs))
}

/// Edges of the workbook: name, and the nodes it joins.
fn read_edges(kit: &Kit) -> Result<BTreeMap<String, (String, String)>> {
    let path = kit.file("eurogastp", WORKBOOK)?;
    let fail = |e: String| format!("{}: {e}", path.display());
    let mut workbook: Xlsx<_> = open_workbook(&path).map_err(|e: calamine::XlsxError| fail(e.to_string()))?;
    let mut edges = BTreeMap::new();
    for sheet in SHEETS {
        let range = workbook.worksheet_range(sheet).map_err(|e| fail(e.to_string()))?;
        let mut rows = range.rows();
        let Some(header) = rows.next() else { continue };
        let column = |name: &str| header.iter().position(|c| *c == name).ok_or_else(|| fail(format!("sheet {sheet} has no column {name}")));
        let (edge, from, to) = (column("edge_name")?, column("from_node")?, column("to_node")?);
        for row in rows {
            let cell = |i: usize| row.get(i).map_or(String::new(), |c| c.to_string().trim().to_owned());
            if !cell(edge).is_empty() {
                edges.insert(cell(edge), (cell(from), cell(to)));
            }
        }
    }
    Ok(edges)
}

/// Every named edge must exist; edges between our hubs that no row covers are told.
fn check_edges(kit: &Kit, pipes: &[Row]) -> Result<()> {
    let edges = read_edges(kit)?;
    let named: BTreeSet<&str> = pipes.iter().flat_map(|row| parts(row, "eurogastp_edge")).collect();
    let unknown: Vec<&str> = named.iter().copied().filter(|e| !edges.contains_key(*e)).collect();
    if !unknown.is_empty() {
        return Err(format!("gas_pipes.csv: not in eurogastp: {}", unknown.join(", ")));
    }
    let nodes = kit.curated("gas_nodes")?;
    let known: BTreeSet<&str> = nodes.iter().flat_map(|row| parts(row, "eurogastp_node")).collect();
    for (edge, (from, to)) in &edges {
        if from != to && known.contains(from.as_str()) && known.contains(to.as_str()) && !named.contains(edge.as_str()) {
            println!("gas: eurogastp edge {edge} ({from} to {to}) has no row in gas_pipes.csv");
        }
    }
    Ok(())
}

fn write_pipes(kit: &Kit, hubs: &Hubs, out: &mut Out) -> Result<()> {
    let pipes = kit.curated("gas_pipes")?;
    check_edges(kit, &pipes)?;
    for row in &pipes {
        let (from, to) = (hubs.get("gas_pipes", text(row, "node_from"))?, hubs.get("gas_pipes", text(row, "node_to"))?);
        let is_listed = !text(row, "eurogastp_edge").is_empty();
        let common = Common {
            key: text(row, "key"),
            name: text(row, "name"),
            kind: "gas_pipe",
            zone: &from.zone,
            lat: f64::midpoint(from.lat, to.lat),
            lon: f64::midpoint(from.lon, to.lon),
            provenance: "curated",
            // Rows that rest on the topology stand under its licence.
            source: if is_listed { TOPOLOGY } else { text(row, "source") },
            confidence: text(row, "confidence"),
        };
        out.push::<GasPipe>(&common.with(&[
            ("operator", text(row, "operator").into()),
            ("in_service", flag(row, "in_service", "1")),
            ("node_from", from.key.clone()),
            ("node_to", to.key.clone()),
            ("capacity_gwh_d", short(number(row, "capacity_gwh_d", 0.0), 1)),
            ("capacity_reverse_gwh_d", short(number(row, "capacity_reverse_gwh_d", 0.0), 1)),
            ("length_km", short(number(row, "length_km", 0.0), 1)),
            ("subsea", flag(row, "subsea", "0")),
        ]));
    }
    Ok(())
}

/// A flag of a curated row; `empty` where nothing is written.
fn flag(row: &Row, column: &str, empty: &str) -> String {
    let value = text(row, column);
    if value.is_empty() { empty.to_owned() } else { value.to_owned() }
}

/// Columns of a curated asset that stands at a point.
fn at_point<'a>(row: &'a Row, kind: &'a str) -> Common<'a> {
    Common {
        key: text(row, "key"),
        name: text(row, "name"),
        kind,
        zone: text(row, "zone"),
        lat: number(row, "lat", 0.0),
        lon: number(row, "lon", 0.0),
        provenance: "curated",
        source: text(row, "source"),
        confidence: text(row, "confidence"),
    }
}

/// The hub that an asset of a zone feeds.
fn hub_of<'a>(hubs: &'a Hubs, asset: &Common) -> Result<&'a Hub> {
    hubs.nearest_in(asset.zone, asset.lat, asset.lon).ok_or_else(|| format!("{}: zone {} has no gas hub", asset.key, asset.zone))
}

fn write_storages(kit: &Kit, hubs: &Hubs, out: &mut Out) -> Result<()> {
    for row in kit.curated("gas_storages")? {
        let common = at_point(&row, "gas_storage");
        let hub = hub_of(hubs, &common)?;
        out.push::<GasStorage>(&common.with(&[
            ("operator", text(&row, "operator").into()),
            ("node", hub.key.clone()),
            ("working_gas_gwh", short(number(&row, "working_gas_gwh", 0.0), 1)),
            ("withdrawal_gwh_d", short(number(&row, "withdrawal_gwh_d", 0.0), 1)),
            ("injection_gwh_d", short(number(&row, "injection_gwh_d", 0.0), 1)),
        ]));
    }
    Ok(())
}

fn write_terminals(kit: &Kit, hubs: &Hubs, out: &mut Out) -> Result<()> {
    for row in kit.curated("gas_lng")? {
        let common = at_point(&row, "lng_terminal");
        let hub = hub_of(hubs, &common)?;
        out.push::<LngTerminal>(&common.with(&[
            ("operator", text(&row, "operator").into()),
            ("in_service", flag(&row, "in_service", "1")),
            ("node", hub.key.clone()),
            ("sendout_gwh_d", short(number(&row, "sendout_gwh_d", 0.0), 1)),
            ("tank_gwh", short(number(&row, "tank_gwh", 0.0), 1)),
        ]));
    }
    Ok(())
}

fn write_supplies(kit: &Kit, hubs: &Hubs, out: &mut Out) -> Result<()> {
    for row in kit.curated("gas_supplies")? {
        let hub = hubs.get("gas_supplies", text(&row, "node"))?;
        let common = Common { lat: hub.lat, lon: hub.lon, ..at_point(&row, "gas_field") };
        out.push::<GasSupply>(&common.with(&[
            ("supplier", text(&row, "supplier").into()),
            ("node", hub.key.clone()),
            ("supply_gwh_d", short(number(&row, "supply_gwh_d", 0.0), 1)),
        ]));
    }
    Ok(())
}

fn write_demands(demands: &[Row], hubs: &Hubs, out: &mut Out) -> Result<()> {
    for row in demands {
        let zone = text(row, "zone");
        let annual = number(row, "annual_gwh", 0.0);
        let parts = splits(row)?;
        let sum: f64 = parts.iter().map(|p| p.1).sum();
        if sum <= 0.0 {
            return Err(format!("gas_demands.csv: {zone} has no node_split"));
        }
        for (node, share) in parts {
            let hub = hubs.get("gas_demands", &node)?;
            let of = |column: &str| short(annual * number(row, column, 0.0) * share / sum, 1);
            let bare = node.strip_prefix("gas.").unwrap_or(&node);
            out.push::<GasDemand>(&[
                ("key", format!("demand.{}-{bare}", zone.to_lowercase())),
                ("node", hub.key.clone()),
                ("zone", zone.into()),
                ("protected_gwh_y", of("protected_share")),
                ("industry_gwh_y", of("industry_share")),
                ("power_gwh_y", of("power_share")),
            ]);
        }
    }
    Ok(())
}

fn write_profile(kit: &Kit, out: &mut Out) -> Result<()> {
    for row in kit.curated("gas_profile")? {
        let copy = |column: &'static str| (column, text(&row, column).to_owned());
        out.push::<GasProfile>(&[copy("month"), copy("protected_factor"), copy("industry_factor"), copy("power_factor"), copy("source")]);
    }
    Ok(())
}

fn write_compressors(kit: &Kit, out: &mut Out) -> Result<()> {
    let pipes: BTreeSet<String> = out.rows::<GasPipe>().iter().filter_map(|r| r.get("key").cloned()).collect();
    for row in kit.curated("gas_compressors")? {
        let pipe = text(&row, "pipe");
        if !pipes.contains(pipe) {
            return Err(format!("gas_compressors.csv: {} drives {pipe}, which is not in gas_pipes.csv", text(&row, "key")));
        }
        out.push::<GasCompressor>(&at_point(&row, "gas_compressor").with(&[
            ("operator", text(&row, "operator").into()),
            ("pipe", pipe.into()),
            ("drive", text(&row, "drive").into()),
        ]));
    }
    Ok(())
}
