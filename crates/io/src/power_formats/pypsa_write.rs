//! Writes a network as a `PyPSA` folder, in the units of [`super::pypsa`]: ohm and siemens for lines, per unit on `s_nom` for
//! transformers (π model, tap at bus 0). A bus of unknown voltage gets 1 kV, which leaves all per-unit values as they are.
//!
//! `PyPSA` has no place for limits of reactive power, costs beyond the square, piecewise costs (their mean slope is written),
//! and constant losses of links; each is said once in a finding.

use std::collections::BTreeSet;

use buttress_model::Finding;
use buttress_model::network::{Branch, BusKind, Cost, Generator, PowerNetwork};

use super::Findings;
use super::csv_sheet::table;

fn number(x: f64) -> String {
    if x.is_infinite() { if x > 0.0 { "inf".into() } else { "-inf".into() } } else { format!("{x:?}") }
}

/// Names that are given, each once; others become the word and the number of the row.
fn names<'a>(word: &str, given: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    given
        .enumerate()
        .map(|(k, name)| {
            let mut name: String = name.trim().chars().map(plain).collect();
            let mut suffix = 0;
            if name.is_empty() {
                name = format!("{word} {}", k + 1);
            }
            let stem = name.clone();
            // As many tries as there are rows at most.
            while !seen.insert(name.clone()) {
                suffix += 1;
                name = format!("{stem} ({word} {}{})", k + 1, "'".repeat(suffix - 1));
            }
            name
        })
        .collect()
}

fn truth(on: bool) -> String {
    if on { "True".into() } else { "False".into() }
}

/// Size, smallest and largest share of it that give a range.
fn size_and_shares(low: f64, high: f64) -> [f64; 3] {
    let size = low.abs().max(high.abs());
    if size == 0.0 {
        return [0.0, 0.0, 1.0];
    }
    let share = |x: f64| if size.is_infinite() { if x.is_infinite() { x.signum() } else { 0.0 } } else { x / size };
    [size, share(low), share(high)]
}

/// Constant, linear and quadratic coefficient; what does not fit is counted.
fn marginal(cost: &Cost, n_lost: &mut usize) -> [f64; 2] {
    match cost {
        Cost::None => [0.0, 0.0],
        Cost::Polynomial(c) => {
            let at = |power: usize| c.len().checked_sub(power + 1).map_or(0.0, |k| c[k]);
            let higher = c.len() > 3 && c[..c.len() - 3].iter().any(|x| *x != 0.0);
            *n_lost += usize::from(higher || at(0) != 0.0);
            [at(1), at(2)]
        }
        Cost::Piecewise(points) => {
            *n_lost += 1;
            match (points.first(), points.last()) {
                (Some(a), Some(b)) if b.0 > a.0 => [(b.1 - a.1) / (b.0 - a.0), 0.0],
                _ => [0.0, 0.0],
            }
        }
    }
}

/// A network being written: voltages and names of its buses.
struct Writer<'a> {
    network: &'a PowerNetwork,
    kv: Vec<f64>,
    ids: Vec<String>,
    findings: Findings,
}

impl Writer<'_> {
    fn id(&self, bus: usize) -> String {
        self.ids.get(bus).cloned().unwrap_or_default()
    }

    fn is_transformer(&self, b: &Branch) -> bool {
        b.tap != 0.0 || b.shift_deg != 0.0 || self.kv.get(b.from) != self.kv.get(b.to)
    }

    fn lost(&mut self, file: &str, n: usize, what: &str) {
        if n > 0 {
            self.findings.warn((file, 0, ""), "not-written", format!("{n} {what}"), "PyPSA has no place for it");
        }
    }

    fn buses(&self) -> String {
        let set_point = |bus: usize, vm: f64| {
            let holds = |g: &&Generator| g.bus == bus && g.in_service && g.vm_set_pu > 0.0;
            let kind = self.network.buses[bus].kind;
            let held = matches!(kind, BusKind::Pv | BusKind::Reference);
            held.then(|| self.network.generators.iter().find(holds)).flatten().map_or(vm, |g| g.vm_set_pu)
        };
        let rows = self.network.buses.iter().enumerate().map(|(k, b)| {
            let (lat, lon) = b.lat_lon.map_or((String::new(), String::new()), |p| (number(p.0), number(p.1)));
            let limits = [number(b.vm_min_pu), number(b.vm_max_pu)];
            let set = number(set_point(k, b.vm_pu));
            [self.id(k), number(self.kv[k]), "AC".into(), lon, lat, set].into_iter().chain(limits).chain([b.country.clone()]).collect()
        });
        table(&["name", "v_nom", "carrier", "x", "y", "v_mag_pu_set", "v_mag_pu_min", "v_mag_pu_max", "country"], rows)
    }

    fn branches(&self, files: &mut Vec<(String, String)>) {
        let base = self.network.base_mva;
        let own = names("branch", self.network.branches.iter().map(|b| b.name.as_str()));
        let (mut lines, mut transformers) = (Vec::new(), Vec::new());
        for (b, name) in self.network.branches.iter().zip(own) {
            let ends = [name, self.id(b.from), self.id(b.to)];
            let limit = if b.rate_a_mva == 0.0 { f64::INFINITY } else { b.rate_a_mva };
            if self.is_transformer(b) {
                // Without a rating any size will do, and the share is unlimited.
                let (s, share) = if limit.is_finite() { (limit, 1.0) } else { (base, f64::INFINITY) };
                let k = s / base;
                let numbers = [b.r_pu * k, b.x_pu * k, b.b_pu / k, s, share, b.ratio(), b.shift_deg].map(number);
                let rest = ["pi".into(), "0".into(), truth(b.in_service)];
                transformers.push(ends.into_iter().chain(numbers).chain(rest).collect());
            } else {
                let z = self.kv.get(b.from).map_or(1.0, |kv| kv * kv) / base;
                let numbers = [b.r_pu * z, b.x_pu * z, b.b_pu / z, limit, b.length_km].map(number);
                lines.push(ends.into_iter().chain(numbers).chain([truth(b.in_service)]).collect());
            }
        }
        let header = ["name", "bus0", "bus1", "r", "x", "b", "s_nom", "length", "active"];
        push(files, "lines.csv", table(&header, lines.into_iter()));
        let header =
            ["name", "bus0", "bus1", "r", "x", "b", "s_nom", "s_max_pu", "tap_ratio", "phase_shift", "model", "tap_side", "active"];
        push(files, "transformers.csv", table(&header, transformers.into_iter()));
    }

    fn generators(&mut self, files: &mut Vec<(String, String)>) {
        let own = names("generator", self.network.generators.iter().map(|g| g.name.as_str()));
        let mut slack: BTreeSet<usize> = BTreeSet::new();
        let mut n_lost = 0;
        let mut rows = Vec::new();
        for (g, name) in self.network.generators.iter().zip(own) {
            let control = match self.network.buses.get(g.bus).map(|b| b.kind) {
                Some(BusKind::Reference) if g.in_service && slack.insert(g.bus) => "Slack",
                Some(BusKind::Reference | BusKind::Pv) => "PV",
                _ => "PQ",
            };
            let [linear, square] = marginal(&g.cost, &mut n_lost);
            let [size, low, high] = size_and_shares(g.p_min_mw, g.p_max_mw);
            let texts = [name, self.id(g.bus), control.into(), g.fuel.clone()];
            let numbers = [size, low, high, g.p_mw, g.q_mvar, linear, square, g.cost_startup, g.cost_shutdown].map(number);
            rows.push(texts.into_iter().chain(numbers).chain([truth(g.in_service)]).collect());
        }
        let header = [
            "name",
            "bus",
            "control",
            "carrier",
            "p_nom",
            "p_min_pu",
            "p_max_pu",
            "p_set",
            "q_set",
            "marginal_cost",
            "marginal_cost_quadratic",
            "start_up_cost",
            "shut_down_cost",
            "active",
        ];
        push(files, "generators.csv", table(&header, rows.into_iter()));
        self.lost("generators.csv", n_lost, "costs have parts that are not linear or quadratic");
        let n = self.network.generators.iter().filter(|g| g.q_max_mvar.is_finite() || g.q_min_mvar.is_finite()).count();
        self.lost("generators.csv", n, "generators have limits of reactive power");
    }

    fn links(&mut self, files: &mut Vec<(String, String)>) {
        let own = names("link", self.network.dc_lines.iter().map(|d| d.name.as_str()));
        let mut n_lost = 0;
        let mut rows = Vec::new();
        for (d, name) in self.network.dc_lines.iter().zip(own) {
            let [linear, square] = marginal(&d.cost, &mut n_lost);
            let [size, low, high] = size_and_shares(d.p_range_mw.0, d.p_range_mw.1);
            let numbers = [size, low, high, d.p_from_mw, 1.0 - d.loss.1, linear, square].map(number);
            rows.push([name, self.id(d.from), self.id(d.to)].into_iter().chain(numbers).chain([truth(d.in_service)]).collect());
        }
        let header = [
            "name",
            "bus0",
            "bus1",
            "p_nom",
            "p_min_pu",
            "p_max_pu",
            "p_set",
            "efficiency",
            "marginal_cost",
            "marginal_cost_quadratic",
            "active",
        ];
        push(files, "links.csv", table(&header, rows.into_iter()));
        self.lost("links.csv", n_lost, "costs have parts that are not linear or quadratic");
        let n = self.network.dc_lines.iter().filter(|d| d.loss.0 != 0.0).count();
        self.lost("links.csv", n, "links have a constant loss");
    }

    fn loads_and_shunts(&self, files: &mut Vec<(String, String)>) {
        let buses = || self.network.buses.iter().enumerate();
        let loads = buses().filter(|(_, b)| b.pd_mw != 0.0 || b.qd_mvar != 0.0);
        let rows = loads.map(|(k, b)| vec![format!("load {}", self.id(k)), self.id(k), number(b.pd_mw), number(b.qd_mvar)]);
        push(files, "loads.csv", table(&["name", "bus", "p_set", "q_set"], rows));
        let shunts = buses().filter(|(_, b)| b.gs_mw != 0.0 || b.bs_mvar != 0.0);
        let rows = shunts.map(|(k, b)| {
            let square = self.kv[k] * self.kv[k];
            vec![format!("shunt {}", self.id(k)), self.id(k), number(b.gs_mw / square), number(b.bs_mvar / square)]
        });
        push(files, "shunt_impedances.csv", table(&["name", "bus", "g", "b"], rows));
    }
}

/// Adds a table that has rows.
fn push(files: &mut Vec<(String, String)>, name: &str, text: String) {
    if text.lines().nth(1).is_some() {
        files.push((name.to_owned(), text));
    }
}

/// The network as files of a folder, (name, text), and what could not be written.
pub fn write(network: &PowerNetwork) -> (Vec<(String, String)>, Vec<Finding>) {
    let kv = network.buses.iter().map(|b| if b.base_kv > 0.0 { b.base_kv } else { 1.0 }).collect();
    let ids = names("bus", network.buses.iter().map(|b| b.id.as_str()));
    let mut w = Writer { network, kv, ids, findings: Findings::default() };
    let head = |rows: &[&[&str]], header: &[&str]| table(header, rows.iter().map(|r| r.iter().map(|c| (*c).to_owned()).collect()));
    let mut files = vec![
        ("network.csv".to_owned(), head(&[&[&network.name, "1.0.0"]], &["name", "pypsa_version"])),
        ("snapshots.csv".to_owned(), head(&[&["now", "1.0", "1.0", "1.0"]], &["snapshot", "objective", "stores", "generators"])),
        ("buses.csv".to_owned(), w.buses()),
    ];
    w.branches(&mut files);
    w.generators(&mut files);
    w.links(&mut files);
    w.loads_and_shunts(&mut files);
    (files, w.findings.finish())
}
