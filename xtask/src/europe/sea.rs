//! Sea: lanes of marnet, passages, ports and freight.
//!
//! Inside the box (30-72 N, 25 W-42 E) every marnet edge is a lane. Outside, marnet is contracted to the gates, the ends of the
//! passages and the nodes at the edge of the box, so that a closed passage still has its detour.
//! Freight is symmetric doubly constrained gravity: `F_ij = a_i a_j f_ij` with `sum_j F_ij = T_i`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io::Read;

use buttress_model::geo::distance_km;
use buttress_model::tables::{Passage, Port, SeaFlow, SeaLane, SeaNode};

use crate::europe::kit::{Common, Kit, Out, Result, Row, degrees, nearest, number, short, text};

/// Tags whose edges stay lanes of their own outside the box.
const EXPLICIT: &[&str] = &["suez", "babalmandab", "malacca", "ormuz", "panama"];
/// Tag whose edges are never used.
const FORBIDDEN: &str = "northwest";
/// Ports and gates between which freight is spread.
const FLOW_PORTS: usize = 80;
/// Ports without curated throughput are left out when no sea lane is this near, km: they lie inland.
const PORT_REACH_KM: f64 = 100.0;
/// Extra-European share of seaborne tonnage.
const EXTRA_EUROPEAN_SHARE: f64 = 0.55;
/// Length scale of intra-European freight, km.
const FREIGHT_SCALE_KM: f64 = 2500.0;
/// Freight flows below this are left out, kt/d.
const FREIGHT_MIN_KT_D: f64 = 0.05;
/// Passages whose edges are those that cross a line (lat, lon, lat, lon), because a circle does not close them.
const CUTS: &[(&str, [f64; 4])] = &[("passage.dover", [51.16, 1.27, 50.80, 1.68])];
/// Ends of the Kiel Canal (lat, lon, lat, lon) and its length, km.
const KIEL: ([f64; 4], f64) = ([53.874, 9.042, 54.454, 10.311], 110.0);

/// Builds sea nodes, passages, lanes, ports and freight flows.
pub fn build(kit: &Kit, out: &mut Out) -> Result<()> {
    let net = Marnet::read(kit)?;
    let passages = kit.curated("passages")?;
    let facts = kit.curated("transport_facts")?;
    let mut ports = read_ports(kit, &net)?;
    ports.extend(read_gates(kit, &net, ports.iter().map(|p| p.kt_d).sum())?);
    let edge_passage = passages_of_edges(&net, &passages);
    let mut chart = Chart::default();
    chart.add_inside(&net, &edge_passage);
    chart.add_outside(&net, &edge_passage, &ports);
    let kiel = kiel_ends(&net)?;
    chart.add_kiel(&net, &kiel);
    for port in ports.iter().filter(|p| !p.gate) {
        chart.add_port(&net, port);
    }
    let anchor = ports.iter().find(|p| p.gate).map(|p| p.sea_node.clone()).ok_or("gates_sea.csv has no gate")?;
    chart.connect(&anchor)?;
    write_passages(out, &passages);
    chart.write(out, &passages);
    let surge = facts.iter().find(|r| text(r, "key") == "port.surge-over-mean").map_or(0.2, |r| number(r, "value_central", 0.2));
    write_ports(out, &ports, surge);
    write_flows(out, &net, &kiel, &ports);
    println!(
        "sea: {} points, {} lanes, {} ports, {} flows",
        chart.nodes.len(),
        chart.lanes.len(),
        ports.len(),
        out.rows::<SeaFlow>().len()
    );
    Ok(())
}

/// Symmetric doubly constrained gravity: flows of pairs `i < j` such that the flows at `i` add up to `totals[i]` (Furness iteration).
pub fn balance(totals: &[f64], deterrence: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize, f64)> {
    const ITERATIONS: usize = 200;
    const TOLERANCE: f64 = 1e-6;
    let n = totals.len();
    let mut f = vec![0.0; n * n];
    for i in 0..n {
        for j in i + 1..n {
            let x = deterrence(i, j);
            f[i * n + j] = x;
            f[j * n + i] = x;
        }
    }
    let sum: f64 = totals.iter().sum();
    let mut a: Vec<f64> = totals.iter().map(|t| if sum > 0.0 { (t / sum).sqrt() } else { 0.0 }).collect();
    for _ in 0..ITERATIONS {
        let mut worst: f64 = 0.0;
        let rows: Vec<f64> = (0..n).map(|i| a[i] * (0..n).map(|j| f[i * n + j] * a[j]).sum::<f64>()).collect();
        for ((factor, row), total) in a.iter_mut().zip(&rows).zip(totals) {
            if *row > 0.0 && *total > 0.0 {
                worst = worst.max((row / total - 1.0).abs());
                *factor *= (total / row).sqrt();
            }
        }
        if worst < TOLERANCE {
            break;
        }
    }
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    pairs.map(|(i, j)| (i, j, a[i] * a[j] * f[i * n + j])).collect()
}

/// One edge of marnet.
struct Edge {
    u: usize,
    v: usize,
    km: f64,
    tag: String,
}

/// The world's sea-lane graph.
struct Marnet {
    lat: Vec<f64>,
    lon: Vec<f64>,
    edges: Vec<Edge>,
}

/// Neighbours and lengths (km) by node.
type Graph = Vec<Vec<(usize, f64)>>;

/// Shortest distances from a node, and the node before each.
struct Paths {
    km: Vec<f64>,
    before: Vec<usize>,
}

impl Marnet {
    fn read(kit: &Kit) -> Result<Self> {
        let path = kit.file("arteries", "arteries/data/marnet.npz")?;
        let file = std::fs::File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut archive = zip::ZipArchive::new(file).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut member = |name: &str| -> Result<npy::Array> {
            let mut bytes = Vec::new();
            let mut entry = archive.by_name(&format!("{name}.npy")).map_err(|e| format!("marnet {name}: {e}"))?;
            entry.read_to_end(&mut bytes).map_err(|e| format!("marnet {name}: {e}"))?;
            npy::parse(name, &bytes)
        };
        let lat = member("lat")?.floats("lat")?;
        let lon = member("lon")?.floats("lon")?;
        let u = member("u")?.integers("u")?;
        let v = member("v")?.integers("v")?;
        let km = member("km")?.floats("km")?;
        let tags = member("passage")?.texts("passage")?;
        if lat.len() != lon.len() || [v.len(), km.len(), tags.len()].iter().any(|n| *n != u.len()) {
            return Err("marnet: arrays of unequal length".into());
        }
        let node = |i: i64| usize::try_from(i).ok().filter(|i| *i < lat.len()).ok_or_else(|| format!("marnet: no node {i}"));
        let mut edges = Vec::with_capacity(u.len());
        for (i, tag) in tags.into_iter().enumerate() {
            edges.push(Edge { u: node(u[i])?, v: node(v[i])?, km: km[i].max(0.0), tag });
        }
        Ok(Marnet { lat, lon, edges })
    }

    fn in_box(&self, node: usize) -> bool {
        (30.0..=72.0).contains(&self.lat[node]) && (-25.0..=42.0).contains(&self.lon[node])
    }

    /// True when both ends lie in the box.
    fn inside(&self, e: &Edge) -> bool {
        self.in_box(e.u) && self.in_box(e.v)
    }

    fn nearest(&self, lat: f64, lon: f64) -> Result<(usize, f64)> {
        nearest(self.lat.iter().copied().zip(self.lon.iter().copied()), lat, lon).ok_or_else(|| "marnet has no nodes".to_owned())
    }

    /// Graph of the edges that pass the filter.
    fn graph(&self, keep: impl Fn(&Edge) -> bool) -> Graph {
        let mut graph: Graph = vec![Vec::new(); self.lat.len()];
        for e in self.edges.iter().filter(|e| e.tag != FORBIDDEN && keep(e)) {
            graph[e.u].push((e.v, e.km));
            graph[e.v].push((e.u, e.km));
        }
        graph
    }

    /// Middle of two nodes; the first where they lie on either side of the date line.
    fn middle(&self, a: usize, b: usize) -> (f64, f64) {
        if (self.lon[a] - self.lon[b]).abs() > 180.0 {
            return (self.lat[a], self.lon[a]);
        }
        (f64::midpoint(self.lat[a], self.lat[b]), f64::midpoint(self.lon[a], self.lon[b]))
    }
}

/// Dijkstra from one node over all nodes.
fn shortest(graph: &Graph, from: usize) -> Paths {
    let mut km = vec![f64::INFINITY; graph.len()];
    let mut before = vec![from; graph.len()];
    let mut heap = BinaryHeap::new();
    km[from] = 0.0;
    // The bits of non-negative numbers sort as the numbers do.
    heap.push(Reverse((0.0_f64.to_bits(), from)));
    while let Some(Reverse((bits, a))) = heap.pop() {
        let here = f64::from_bits(bits);
        if here > km[a] {
            continue;
        }
        for &(b, length) in &graph[a] {
            let there = here + length;
            if there < km[b] {
                km[b] = there;
                before[b] = a;
                heap.push(Reverse((there.to_bits(), b)));
            }
        }
    }
    Paths { km, before }
}

/// Middle of the path from `from` to `to`.
fn path_middle(net: &Marnet, paths: &Paths, from: usize, to: usize) -> (f64, f64) {
    let half = paths.km[to] / 2.0;
    let (mut at, mut last) = (to, to);
    while at != from && paths.km[at] > half {
        last = at;
        at = paths.before[at];
    }
    net.middle(at, last)
}

/// A port or a gate, with the point of marnet that serves it.
struct Site {
    key: String,
    name: String,
    zone: String,
    lat: f64,
    lon: f64,
    kt_d: f64,
    operator: String,
    provenance: &'static str,
    source: String,
    confidence: String,
    gate: bool,
    node: usize,
    node_km: f64,
    sea_node: String,
}

/// Name and position by LOCODE; the first of equals.
fn read_geojson(kit: &Kit) -> Result<BTreeMap<String, (String, f64, f64)>> {
    let path = kit.file("searoute", "searoute/data/ports.geojson")?;
    let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: serde_json::Value = serde_json::from_str(&content).map_err(|e| format!("{}: {e}", path.display()))?;
    let features = json["features"].as_array().ok_or("ports.geojson has no features")?;
    let mut out = BTreeMap::new();
    for f in features {
        let place = &f["geometry"]["coordinates"];
        let (Some(lon), Some(lat)) = (place[0].as_f64(), place[1].as_f64()) else { continue };
        let (Some(locode), Some(name)) = (f["properties"]["port"].as_str(), f["properties"]["name"].as_str()) else { continue };
        if locode.len() == 5 && locode.chars().all(|c| c.is_ascii_alphanumeric()) {
            out.entry(locode.to_uppercase()).or_insert_with(|| (name.trim().to_owned(), lat, lon));
        }
    }
    Ok(out)
}

/// Curated ports in file order, then the other ports of our zones by LOCODE.
fn read_ports(kit: &Kit, net: &Marnet) -> Result<Vec<Site>> {
    let mut places = read_geojson(kit)?;
    let mut out = Vec::new();
    for row in kit.curated("ports")? {
        let locode = text(&row, "locode").to_uppercase();
        let known = places.remove(&locode).map_or((f64::NAN, f64::NAN), |(_, lat, lon)| (lat, lon));
        let (lat, lon) = (number(&row, "lat", known.0), number(&row, "lon", known.1));
        if !lat.is_finite() || !lon.is_finite() {
            return Err(format!("ports.csv: {locode} has no position"));
        }
        let (node, node_km) = net.nearest(lat, lon)?;
        out.push(Site {
            key: text(&row, "key").to_owned(),
            name: text(&row, "name").to_owned(),
            zone: text(&row, "country").to_owned(),
            lat,
            lon,
            kt_d: number(&row, "throughput_mt_y", 0.0) * 1000.0 / 365.0,
            operator: text(&row, "operator").to_owned(),
            provenance: "curated",
            source: text(&row, "source").to_owned(),
            confidence: text(&row, "confidence").to_owned(),
            gate: false,
            node,
            node_km,
            sea_node: format!("sea.{}", locode.to_lowercase()),
        });
    }
    let mut inland = 0;
    for (locode, (name, lat, lon)) in places {
        let zone = locode[..2].to_owned();
        if !kit.is_zone(&zone) {
            continue;
        }
        let (node, node_km) = net.nearest(lat, lon)?;
        if node_km > PORT_REACH_KM {
            inland += 1;
            continue;
        }
        let (key, sea_node) = (format!("port.{}", locode.to_lowercase()), format!("sea.{}", locode.to_lowercase()));
        let (source, confidence) = ("pkg.searoute".to_owned(), "medium".to_owned());
        out.push(Site {
            key,
            name,
            zone,
            lat,
            lon,
            kt_d: 0.0,
            operator: String::new(),
            provenance: "real",
            source,
            confidence,
            gate: false,
            node,
            node_km,
            sea_node,
        });
    }
    println!("sea: {inland} ports farther than {PORT_REACH_KM} km from any lane left out as inland");
    Ok(out)
}

/// Sea gates as ports; together they carry the extra-European share of `total_kt_d`.
fn read_gates(kit: &Kit, net: &Marnet, total_kt_d: f64) -> Result<Vec<Site>> {
    let mut out = Vec::new();
    for row in kit.curated("gates_sea")? {
        let key = text(&row, "key");
        let (lat, lon) = (number(&row, "lat", f64::NAN), number(&row, "lon", f64::NAN));
        if !lat.is_finite() || !lon.is_finite() {
            return Err(format!("gates_sea.csv: {key} has no position"));
        }
        let (node, node_km) = net.nearest(lat, lon)?;
        out.push(Site {
            key: format!("port.gate-{key}"),
            name: text(&row, "name").to_owned(),
            zone: key.to_uppercase(),
            lat,
            lon,
            kt_d: total_kt_d * EXTRA_EUROPEAN_SHARE * number(&row, "share_of_extra_eu_seaborne", 0.0),
            operator: String::new(),
            provenance: "derived",
            source: text(&row, "source").to_owned(),
            confidence: text(&row, "confidence").to_owned(),
            gate: true,
            node,
            node_km,
            sea_node: format!("sea.{node}"),
        });
    }
    Ok(out)
}

/// Key of the passage that each edge runs through.
fn passages_of_edges(net: &Marnet, passages: &[Row]) -> Vec<Option<String>> {
    let tags: BTreeMap<&str, &str> =
        passages.iter().filter(|r| !text(r, "marnet_tag").is_empty()).map(|r| (text(r, "marnet_tag"), text(r, "key"))).collect();
    let circles: Vec<&Row> = passages.iter().filter(|r| text(r, "marnet_tag").is_empty()).collect();
    let of = |e: &Edge| -> Option<String> {
        if let Some(key) = tags.get(e.tag.as_str()) {
            return Some((*key).to_owned());
        }
        if !net.inside(e) {
            return None;
        }
        let (lat, lon) = net.middle(e.u, e.v);
        circles.iter().find(|r| runs_through(net, e, r, (lat, lon))).map(|r| text(r, "key").to_owned())
    };
    net.edges.iter().map(of).collect()
}

fn runs_through(net: &Marnet, e: &Edge, passage: &Row, middle: (f64, f64)) -> bool {
    if let Some((_, line)) = CUTS.iter().find(|(key, _)| *key == text(passage, "key")) {
        return crosses([net.lat[e.u], net.lon[e.u], net.lat[e.v], net.lon[e.v]], *line);
    }
    let (lat, lon) = (number(passage, "lat", f64::NAN), number(passage, "lon", f64::NAN));
    distance_km(middle.0, middle.1, lat, lon) <= number(passage, "radius_km", 0.0)
}

/// True when two short segments (lat, lon, lat, lon) cross.
fn crosses(p: [f64; 4], q: [f64; 4]) -> bool {
    let side = |s: [f64; 4], lat: f64, lon: f64| (s[3] - s[1]) * (lat - s[0]) - (s[2] - s[0]) * (lon - s[1]);
    side(q, p[0], p[1]) * side(q, p[2], p[3]) < 0.0 && side(p, q[0], q[1]) * side(p, q[2], q[3]) < 0.0
}

/// Nodes at the ends of the Kiel Canal, and the length between them, km.
struct Kiel {
    from: usize,
    to: usize,
    km: f64,
}

fn kiel_ends(net: &Marnet) -> Result<Kiel> {
    let ([a, b, c, d], km) = KIEL;
    let (from, from_km) = net.nearest(a, b)?;
    let (to, to_km) = net.nearest(c, d)?;
    if from == to {
        Err("both ends of the Kiel Canal meet the same node".into())
    } else {
        Ok(Kiel { from, to, km: km + 1.1 * (from_km + to_km) })
    }
}

struct Lane {
    key: String,
    zone: String,
    lat: f64,
    lon: f64,
    from: String,
    to: String,
    km: f64,
    passage: Option<String>,
    provenance: &'static str,
    source: &'static str,
}

/// Points and lanes as they will be written.
#[derive(Default)]
struct Chart {
    nodes: Vec<(String, f64, f64)>,
    lanes: Vec<Lane>,
}

impl Chart {
    fn add_inside(&mut self, net: &Marnet, edge_passage: &[Option<String>]) {
        for i in (0..net.lat.len()).filter(|&i| net.in_box(i)) {
            self.nodes.push((format!("sea.{i}"), net.lat[i], net.lon[i]));
        }
        for (e, passage) in net.edges.iter().zip(edge_passage) {
            if net.inside(e) && e.tag != FORBIDDEN {
                self.add_edge(net, e, passage.clone());
            }
        }
    }

    fn add_edge(&mut self, net: &Marnet, e: &Edge, passage: Option<String>) {
        let (lat, lon) = net.middle(e.u, e.v);
        let (key, from, to) = (format!("lane.{}-{}", e.u, e.v), format!("sea.{}", e.u), format!("sea.{}", e.v));
        self.lanes.push(Lane {
            key,
            zone: "WORLD".into(),
            lat,
            lon,
            from,
            to,
            km: e.km,
            passage,
            provenance: "real",
            source: "pkg.arteries",
        });
    }

    /// Contracts marnet outside the box to gates, passage ends, nodes that serve ports, and the edge of the box.
    fn add_outside(&mut self, net: &Marnet, edge_passage: &[Option<String>], sites: &[Site]) {
        let explicit = |e: &Edge| EXPLICIT.contains(&e.tag.as_str());
        let mut kept: BTreeSet<usize> = sites.iter().map(|s| s.node).filter(|&n| !net.in_box(n)).collect();
        let mut rim: BTreeSet<usize> = BTreeSet::new();
        for (e, passage) in net.edges.iter().zip(edge_passage) {
            if net.inside(e) || e.tag == FORBIDDEN {
                continue;
            }
            rim.extend([e.u, e.v].into_iter().filter(|&n| net.in_box(n)));
            if explicit(e) {
                kept.extend([e.u, e.v].into_iter().filter(|&n| !net.in_box(n)));
                self.add_edge(net, e, passage.clone());
            }
        }
        for &i in &kept {
            self.nodes.push((format!("sea.{i}"), net.lat[i], net.lon[i]));
        }
        kept.extend(&rim);
        let within = net.graph(|e| net.inside(e));
        let inner: BTreeMap<usize, Paths> = rim.iter().map(|&n| (n, shortest(&within, n))).collect();
        let open = net.graph(|e| !net.inside(e) && !explicit(e));
        let kept: Vec<usize> = kept.into_iter().collect();
        let paths: Vec<Paths> = kept.iter().map(|&n| shortest(&open, n)).collect();
        for (i, &a) in kept.iter().enumerate() {
            for (j, &b) in kept.iter().enumerate().skip(i + 1) {
                let km = paths[i].km[b];
                let by_other = |(k, &c): (usize, &usize)| k != i && k != j && paths[i].km[c] + paths[k].km[b] <= km + 1e-6;
                if !km.is_finite() || kept.iter().enumerate().any(by_other) || inner.get(&a).is_some_and(|p| p.km[b] <= km) {
                    continue;
                }
                let (lat, lon) = path_middle(net, &paths[i], a, b);
                let (key, from, to) = (format!("lane.open-{a}-{b}"), format!("sea.{a}"), format!("sea.{b}"));
                self.lanes.push(Lane {
                    key,
                    zone: "WORLD".into(),
                    lat,
                    lon,
                    from,
                    to,
                    km,
                    passage: None,
                    provenance: "derived",
                    source: "pkg.arteries",
                });
            }
        }
    }

    fn add_kiel(&mut self, net: &Marnet, kiel: &Kiel) {
        let (lat, lon) = net.middle(kiel.from, kiel.to);
        self.lanes.push(Lane {
            key: "lane.kiel".into(),
            zone: "DE".into(),
            lat,
            lon,
            from: format!("sea.{}", kiel.from),
            to: format!("sea.{}", kiel.to),
            km: kiel.km,
            passage: Some("passage.kiel".into()),
            provenance: "curated",
            source: "src.transport-kiel-canal",
        });
    }

    fn add_port(&mut self, net: &Marnet, port: &Site) {
        self.nodes.push((port.sea_node.clone(), port.lat, port.lon));
        self.lanes.push(Lane {
            key: format!("lane.port-{}", port.sea_node.trim_start_matches("sea.")),
            zone: port.zone.clone(),
            lat: f64::midpoint(port.lat, net.lat[port.node]),
            lon: f64::midpoint(port.lon, net.lon[port.node]),
            from: port.sea_node.clone(),
            to: format!("sea.{}", port.node),
            km: port.node_km * 1.1,
            passage: None,
            provenance: "derived",
            source: "src.derived",
        });
    }

    /// Joins every part that does not reach the anchor to the nearest point that does.
    fn connect(&mut self, anchor: &str) -> Result<()> {
        let index: BTreeMap<&str, usize> = self.nodes.iter().enumerate().map(|(i, n)| (n.0.as_str(), i)).collect();
        let find = |key: &str| index.get(key).copied().ok_or_else(|| format!("sea lane ends at unknown point {key}"));
        let mut near = vec![Vec::new(); self.nodes.len()];
        for lane in &self.lanes {
            let (a, b) = (find(&lane.from)?, find(&lane.to)?);
            near[a].push(b);
            near[b].push(a);
        }
        let mut reached = vec![false; self.nodes.len()];
        flood(&near, find(anchor)?, &mut reached);
        let mut joins = Vec::new();
        for i in 0..self.nodes.len() {
            if reached[i] {
                continue;
            }
            let (key, lat, lon) = &self.nodes[i];
            let targets: Vec<usize> = (0..self.nodes.len()).filter(|&j| reached[j]).collect();
            let Some((t, km)) = nearest(targets.iter().map(|&j| (self.nodes[j].1, self.nodes[j].2)), *lat, *lon) else { continue };
            let to = &self.nodes[targets[t]].0;
            println!("sea: {key} reached no gate; joined to {to} over {km:.0} km");
            joins.push(Lane {
                key: format!("lane.join-{}", key.trim_start_matches("sea.")),
                zone: "WORLD".into(),
                lat: *lat,
                lon: *lon,
                from: key.clone(),
                to: to.clone(),
                km: km * 1.2,
                passage: None,
                provenance: "derived",
                source: "src.derived",
            });
            flood(&near, i, &mut reached);
        }
        self.lanes.extend(joins);
        Ok(())
    }

    fn write(&self, out: &mut Out, passages: &[Row]) {
        let names: BTreeMap<&str, &str> = passages.iter().map(|r| (text(r, "key"), text(r, "name"))).collect();
        for (key, lat, lon) in &self.nodes {
            out.push::<SeaNode>(&[("key", key.clone()), ("lat", degrees(*lat)), ("lon", degrees(*lon))]);
        }
        for lane in &self.lanes {
            let passage = lane.passage.clone().unwrap_or_default();
            let name =
                names.get(passage.as_str()).map_or_else(|| format!("Sea lane near {}", place(lane.lat, lane.lon)), |n| (*n).to_owned());
            let (key, kind, zone) = (lane.key.as_str(), "sea_lane", lane.zone.as_str());
            let common = Common {
                key,
                name: &name,
                kind,
                zone,
                lat: lane.lat,
                lon: lane.lon,
                provenance: lane.provenance,
                source: lane.source,
                confidence: "medium",
            };
            out.push::<SeaLane>(&common.with(&[
                ("group", passage.clone()),
                ("node_from", lane.from.clone()),
                ("node_to", lane.to.clone()),
                ("length_km", short(lane.km, 2)),
                ("passage", passage.clone()),
            ]));
        }
    }
}

/// Marks everything that hangs together with `start`.
fn flood(near: &[Vec<usize>], start: usize, reached: &mut [bool]) {
    let mut todo = vec![start];
    while let Some(i) = todo.pop() {
        if !reached[i] {
            reached[i] = true;
            todo.extend(near[i].iter().copied().filter(|&j| !reached[j]));
        }
    }
}

/// Position in words, such as `54.1N 3.2E`.
fn place(lat: f64, lon: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if lon < 0.0 { 'W' } else { 'E' });
    format!("{:.1}{ns} {:.1}{ew}", lat.abs(), lon.abs())
}

fn passage_zone(key: &str) -> &'static str {
    match key.trim_start_matches("passage.") {
        "gibraltar" => "ES",
        "bosporus" | "dardanelles" => "TR",
        "kiel" => "DE",
        "danish-straits" => "DK",
        "oresund" => "SE",
        "dover" => "GB",
        "messina" => "IT",
        "corinth" => "GR",
        "kerch" => "UA",
        "suez" => "EG",
        "hormuz" => "GULF",
        "malacca" => "ASIA",
        "panama" => "AMER",
        _ => "WORLD",
    }
}

fn write_passages(out: &mut Out, passages: &[Row]) {
    for row in passages {
        let key = text(row, "key");
        let common = Common {
            key,
            name: text(row, "name"),
            kind: "passage",
            zone: passage_zone(key),
            lat: number(row, "lat", 0.0),
            lon: number(row, "lon", 0.0),
            provenance: "curated",
            source: text(row, "source"),
            confidence: text(row, "confidence"),
        };
        out.push::<Passage>(&common.with(&[("group", key.to_owned()), ("capacity_kt_d", short(number(row, "capacity_kt_d", 0.0), 1))]));
    }
}

fn write_ports(out: &mut Out, ports: &[Site], surge: f64) {
    for p in ports {
        let common = Common {
            key: &p.key,
            name: &p.name,
            kind: "port",
            zone: &p.zone,
            lat: p.lat,
            lon: p.lon,
            provenance: p.provenance,
            source: &p.source,
            confidence: &p.confidence,
        };
        out.push::<Port>(&common.with(&[
            ("operator", p.operator.clone()),
            ("sea_node", p.sea_node.clone()),
            ("throughput_kt_d", short(p.kt_d, 3)),
            ("surge_share", short(surge, 3)),
        ]));
    }
}

/// Freight among the largest ports by sea distance, and between them and the gates by throughput alone.
fn write_flows(out: &mut Out, net: &Marnet, kiel: &Kiel, ports: &[Site]) {
    let mut chosen: Vec<&Site> = ports.iter().filter(|p| !p.gate && p.kt_d > 0.0).collect();
    chosen.sort_by(|a, b| b.kt_d.total_cmp(&a.kt_d).then_with(|| a.key.cmp(&b.key)));
    chosen.truncate(FLOW_PORTS);
    chosen.extend(ports.iter().filter(|p| p.gate));
    let mut graph = net.graph(|_| true);
    graph[kiel.from].push((kiel.to, kiel.km));
    graph[kiel.to].push((kiel.from, kiel.km));
    let paths: Vec<Paths> = chosen.iter().map(|p| shortest(&graph, p.node)).collect();
    let totals: Vec<f64> = chosen.iter().map(|p| p.kt_d).collect();
    let flows = balance(&totals, |i, j| match (chosen[i].gate, chosen[j].gate) {
        (true, true) => 0.0,
        (false, false) => (-paths[i].km[chosen[j].node] / FREIGHT_SCALE_KM).exp(),
        _ => 1.0,
    });
    for (i, j, kt_d) in flows.into_iter().filter(|f| f.2 >= FREIGHT_MIN_KT_D) {
        out.push::<SeaFlow>(&[("port_from", chosen[i].key.clone()), ("port_to", chosen[j].key.clone()), ("kt_d", short(kt_d, 3))]);
    }
}

/// Reader of `NumPy` arrays of one dimension: little endian, C order, header version 1 or 2.
mod npy {
    use super::Result;

    /// An array of one of the kinds that marnet holds.
    pub enum Array {
        /// `<f8`.
        Float(Vec<f64>),
        /// `<i8`.
        Integer(Vec<i64>),
        /// `<U` and a length.
        Text(Vec<String>),
    }

    impl Array {
        /// The numbers, when they are floats.
        pub fn floats(self, name: &str) -> Result<Vec<f64>> {
            if let Array::Float(x) = self { Ok(x) } else { Err(format!("{name}.npy does not hold floats")) }
        }

        /// The numbers, when they are integers.
        pub fn integers(self, name: &str) -> Result<Vec<i64>> {
            if let Array::Integer(x) = self { Ok(x) } else { Err(format!("{name}.npy does not hold integers")) }
        }

        /// The texts, when it holds texts.
        pub fn texts(self, name: &str) -> Result<Vec<String>> {
            if let Array::Text(x) = self { Ok(x) } else { Err(format!("{name}.npy does not hold texts")) }
        }
    }

    /// Reads an array.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Array> {
        let (header, data) = split(bytes).ok_or_else(|| format!("{name}.npy is no NumPy file"))?;
        if header.contains("'fortran_order': True") {
            return Err(format!("{name}.npy is in Fortran order"));
        }
        let descr = between(&header, "'descr': '", '\'').ok_or_else(|| format!("{name}.npy names no type"))?;
        let shape = between(&header, "'shape': (", ')').ok_or_else(|| format!("{name}.npy names no shape"))?;
        let count: usize = shape.split(',').filter_map(|s| s.trim().parse::<usize>().ok()).product();
        let width = match descr.strip_prefix("<U") {
            Some(chars) => chars.parse::<usize>().map_err(|e| format!("{name}.npy: {descr}: {e}"))? * 4,
            None => 8,
        };
        if width == 0 || data.len() / width < count {
            return Err(format!("{name}.npy is cut short"));
        }
        let cells = data.chunks_exact(width).take(count);
        match descr {
            "<f8" => Ok(Array::Float(cells.map(|c| f64::from_le_bytes(word(c))).collect())),
            "<i8" => Ok(Array::Integer(cells.map(|c| i64::from_le_bytes(word(c))).collect())),
            _ if descr.starts_with("<U") => Ok(Array::Text(cells.map(characters).collect())),
            _ => Err(format!("{name}.npy: type {descr} is not read here")),
        }
    }

    /// Header text and data.
    fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
        let rest = bytes.strip_prefix(b"\x93NUMPY")?;
        let (length, start) = match rest.first()? {
            1 => (usize::from(u16::from_le_bytes([*rest.get(2)?, *rest.get(3)?])), 4),
            2 => (u32::from_le_bytes([*rest.get(2)?, *rest.get(3)?, *rest.get(4)?, *rest.get(5)?]) as usize, 6),
            _ => return None,
        };
        let header = String::from_utf8_lossy(rest.get(start..start + length)?).into_owned();
        Some((header, rest.get(start + length..)?))
    }

    /// Text after `open` up to `close`.
    fn between<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
        let rest = &text[text.find(open)? + open.len()..];
        Some(&rest[..rest.find(close)?])
    }

    fn word(cell: &[u8]) -> [u8; 8] {
        let mut out = [0; 8];
        for (to, from) in out.iter_mut().zip(cell) {
            *to = *from;
        }
        out
    }

    fn characters(cell: &[u8]) -> String {
        let codes = cell.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        codes.take_while(|c| *c != 0).filter_map(char::from_u32).collect()
    }
}
