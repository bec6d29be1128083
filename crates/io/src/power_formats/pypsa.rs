//! Reads a `PyPSA` folder of CSV tables (Brown, Hörsch, Schlachtberger, J. Open Research Software 6(4), 2018, DOI
//! 10.5334/jors.188) at one snapshot, as a network in per unit on 100 MVA.
//!
//! With V the nominal voltage (kV) of the line's first bus, S the transformer's `s_nom` (MVA), base 100 MVA:
//!   line         x = `x_ohm` 100 / V²,  b = `b_siemens` V² / 100;  by type: `x_ohm` = x' length / n, b = 2 π f c' length n
//!   transformer  x = `x_pu` 100 / S,  b = `b_pu` S / 100;  by type: r = vscr / n, x = √(vsc² − vscr²) / n
//!   T model      z ← z (1 + z y / 4),  y ← y / (1 + z y / 4); `lpf` of `PyPSA` leaves this step out
//!
//! Storage units and stores become generators that may also draw power; energy is not kept. Links become direct-current lines
//! with loss (1 − efficiency) p. Lines between buses of carrier DC become direct-current lines. Components at buses of other
//! carriers (gas, heat) are left out, with a warning. Dispatch is `p_set`, or 0.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

use buttress_model::Finding;
use buttress_model::network::{Branch, Bus, BusKind, Cost, DcLine, Generator, PowerNetwork};

use super::csv_sheet::Sheet;
use super::standard_types::{self, LineType, TransformerType};
use super::{Files, Findings, clip};

/// System base, MVA.
const BASE_MVA: f64 = 100.0;

/// A component's table, with its series at one snapshot.
struct Component {
    sheet: Sheet,
    series: BTreeMap<&'static str, Sheet>,
    snapshot: usize,
}

/// Which row of the series is read, and how many there should be.
#[derive(Clone, Copy)]
struct Snapshot {
    row: usize,
    n: usize,
}

impl Component {
    fn read(files: &Files, name: &str, series: &[&'static str], at: Snapshot, findings: &mut Findings) -> Component {
        let sheet = Sheet::read(files, &format!("{name}.csv"), b'"', findings);
        let mut out = Component { sheet, series: BTreeMap::new(), snapshot: at.row };
        let mut seen = BTreeSet::new();
        for row in 0..out.sheet.len() {
            if !seen.insert(out.name(row)) {
                let what = format!("`{}` stands twice", clip(out.name(row)));
                findings.error((&out.sheet.file, out.sheet.line(row), "name"), "duplicate-name", what, "give every row its own name");
            }
        }
        for attribute in series {
            let file = format!("{name}-{attribute}.csv");
            if files.contains_key(&file) {
                let sheet = Sheet::read(files, &file, b'"', findings);
                if sheet.len() != at.n.max(1) {
                    let what = format!("{} rows for {} snapshots", sheet.len(), at.n.max(1));
                    findings.error((&file, 0, ""), "wrong-count", what, "give one row a snapshot");
                }
                out.series.insert(attribute, sheet);
            }
        }
        out
    }

    fn name(&self, row: usize) -> &str {
        if self.sheet.has("name") { self.sheet.text(row, "name") } else { self.sheet.cell(row, 0) }
    }

    fn at<'a>(&'a self, row: usize, field: &'a str) -> (&'a str, u64, &'a str) {
        (&self.sheet.file, self.sheet.line(row), field)
    }

    /// A number at the snapshot: of its series where it has one, else of the table.
    fn value(&self, row: usize, attribute: &str, default: f64, findings: &mut Findings) -> f64 {
        let fixed = |f: &mut Findings| self.sheet.number(row, attribute, default, f);
        match self.series.get(attribute).filter(|s| s.has(self.name(row))) {
            Some(series) => {
                let default = fixed(findings);
                series.number(self.snapshot, self.name(row), default, findings)
            }
            None => fixed(findings),
        }
    }

    /// As [`Component::value`], but infinity is an error.
    fn finite(&self, row: usize, attribute: &str, default: f64, findings: &mut Findings) -> f64 {
        let x = self.value(row, attribute, default, findings);
        if x.is_finite() {
            return x;
        }
        findings.error(self.at(row, attribute), "not-finite", format!("the value is {x}"), "give a finite number");
        default
    }

    fn active(&self, row: usize, findings: &mut Findings) -> bool {
        self.sheet.flag(row, "active", findings).unwrap_or(true)
    }

    /// Nominal size: the optimal one where it may be extended and was optimised.
    fn nominal(&self, row: usize, attribute: &str, findings: &mut Findings) -> f64 {
        let given = self.value(row, attribute, 0.0, findings);
        let may_grow = self.sheet.flag(row, &format!("{attribute}_extendable"), findings).unwrap_or(false);
        let best = self.sheet.number(row, &format!("{attribute}_opt"), 0.0, findings);
        let x = if may_grow && best > 0.0 { best } else { given };
        if x < 0.0 {
            findings.error(self.at(row, attribute), "negative", format!("the size is {x}"), "give a size of 0 or more");
        }
        x.max(0.0)
    }
}

/// Buses of the power network by name, and those of other carriers.
#[derive(Default)]
struct Buses {
    index: BTreeMap<String, usize>,
    is_dc: Vec<bool>,
    left_out: BTreeSet<String>,
    /// Components at buses that are left out, by file.
    dropped: BTreeMap<String, usize>,
}

impl Buses {
    /// The bus a cell names; none, with a finding, when it is unknown, and none when it is left out.
    fn find(&mut self, c: &Component, row: usize, column: &str, findings: &mut Findings) -> Option<usize> {
        let name = c.sheet.text(row, column);
        if let Some(&i) = self.index.get(name) {
            return Some(i);
        }
        if self.left_out.contains(name) {
            *self.dropped.entry(c.sheet.file.clone()).or_insert(0) += 1;
        } else {
            let what = format!("bus `{}` is not in buses.csv", clip(name));
            findings.error(c.at(row, column), "unknown-bus", what, "mend the name or add the bus");
        }
        None
    }
}

/// Reads a folder at a snapshot, or at the first; the network when no finding is an error, and all findings.
pub fn parse(folder: &str, files: &Files, snapshot: Option<&str>) -> (Option<PowerNetwork>, Vec<Finding>) {
    let f = &mut Findings::default();
    let at = find_snapshot(files, snapshot, f);
    let meta = Sheet::read(files, "network.csv", b'"', f);
    let name = Some(meta.text(0, "name")).filter(|n| !n.is_empty()).unwrap_or(folder).to_owned();
    let mut n = PowerNetwork { name, base_mva: BASE_MVA, ..PowerNetwork::default() };
    let mut buses = read_buses(files, at, &mut n, f);
    lines(files, at, &mut n, &mut buses, f);
    transformers(files, at, &mut n, &mut buses, f);
    links(files, at, &mut n, &mut buses, f);
    generators(files, at, &mut n, &mut buses, f);
    storage(files, at, &mut n, &mut buses, f);
    loads(files, at, &mut n, &mut buses, f);
    shunts(files, at, &mut n, &mut buses, f);
    super::give_references(&mut n);
    if !buses.left_out.is_empty() {
        let list: Vec<String> = buses.dropped.iter().map(|(file, n)| format!("{n} of {file}")).collect();
        let what = format!("{} buses are not electric and are left out, with {}", buses.left_out.len(), list.join(", "));
        f.warn(("buses.csv", 0, "carrier"), "other-carriers", what, "nothing, when only the power network is wanted");
    }
    std::mem::take(f).close(n)
}

fn find_snapshot(files: &Files, wanted: Option<&str>, findings: &mut Findings) -> Snapshot {
    let sheet = Sheet::read(files, "snapshots.csv", b'"', findings);
    let n = sheet.len();
    let Some(wanted) = wanted else { return Snapshot { row: 0, n } };
    let is_named = |row: &usize| ["snapshot", "timestep", "name", ""].iter().any(|c| sheet.has(c) && sheet.text(*row, c) == wanted);
    let row = (0..n).find(is_named).unwrap_or_else(|| {
        let label = |row: usize| ["snapshot", "timestep", "name", ""].into_iter().find(|c| sheet.has(c)).map_or("", |c| sheet.text(row, c));
        let what = format!("no snapshot is called `{}`", clip(wanted));
        let advice = format!("name one of the {n}, from `{}` to `{}`", clip(label(0)), clip(label(n.saturating_sub(1))));
        findings.error(("snapshots.csv", 0, "snapshot"), "unknown-snapshot", what, &advice);
        0
    });
    Snapshot { row, n }
}

fn read_buses(files: &Files, at: Snapshot, n: &mut PowerNetwork, f: &mut Findings) -> Buses {
    let c = Component::read(files, "buses", &["v_mag_pu_set"], at, f);
    let mut out = Buses::default();
    for row in 0..c.sheet.len() {
        let name = c.name(row).to_owned();
        let carrier = c.sheet.text(row, "carrier");
        if !["", "AC", "DC", "ac", "dc", "electricity", "low voltage"].contains(&carrier) {
            out.left_out.insert(name);
            continue;
        }
        let v_nom = c.value(row, "v_nom", 1.0, f);
        if !(v_nom > 0.0 && v_nom.is_finite()) {
            f.error(c.at(row, "v_nom"), "bad-voltage", format!("the nominal voltage is {v_nom} kV"), "give a positive voltage in kV");
        }
        let (lon, lat) = (c.finite(row, "x", 0.0, f), c.finite(row, "y", 0.0, f));
        let is_place = (lon, lat) != (0.0, 0.0) && lat.abs() <= 90.0 && lon.abs() <= 360.0;
        out.index.insert(name.clone(), n.buses.len());
        out.is_dc.push(carrier.eq_ignore_ascii_case("DC"));
        n.buses.push(Bus {
            id: name,
            vm_pu: c.value(row, "v_mag_pu_set", 1.0, f),
            base_kv: v_nom,
            vm_max_pu: c.value(row, "v_mag_pu_max", f64::INFINITY, f),
            vm_min_pu: c.value(row, "v_mag_pu_min", 0.0, f),
            area: 1,
            zone: 1,
            lat_lon: is_place.then_some((lat, lon)),
            country: c.sheet.text(row, "country").to_owned(),
            ..Bus::default()
        });
    }
    if n.buses.is_empty() {
        f.error(("buses.csv", 0, ""), "no-bus", "the folder has no electric bus", "add buses.csv with name and v_nom");
    }
    out
}

/// Line types of the folder, before the standard ones.
fn line_types(files: &Files, f: &mut Findings) -> BTreeMap<String, LineType> {
    let at = Snapshot { row: 0, n: 0 };
    let c = Component::read(files, "line_types", &[], at, f);
    let one = |row: usize, f: &mut Findings| LineType {
        f_nom_hz: c.finite(row, "f_nom", 50.0, f),
        r_ohm_km: c.finite(row, "r_per_length", 0.0, f),
        x_ohm_km: c.finite(row, "x_per_length", 0.0, f),
        c_nf_km: c.finite(row, "c_per_length", 0.0, f),
        i_nom_ka: c.finite(row, "i_nom", 0.0, f),
    };
    (0..c.sheet.len()).map(|row| (c.name(row).to_owned(), one(row, f))).collect()
}

fn transformer_types(files: &Files, f: &mut Findings) -> BTreeMap<String, TransformerType> {
    let at = Snapshot { row: 0, n: 0 };
    let c = Component::read(files, "transformer_types", &[], at, f);
    let one = |row: usize, f: &mut Findings| TransformerType {
        s_nom_mva: c.finite(row, "s_nom", 0.0, f),
        vsc_percent: c.finite(row, "vsc", 0.0, f),
        vscr_percent: c.finite(row, "vscr", 0.0, f),
        pfe_kw: c.finite(row, "pfe", 0.0, f),
        i0_percent: c.finite(row, "i0", 0.0, f),
        phase_shift_deg: c.finite(row, "phase_shift", 0.0, f),
        tap_side: c.finite(row, "tap_side", 0.0, f),
        tap_neutral: c.finite(row, "tap_neutral", 0.0, f),
        tap_step_percent: c.finite(row, "tap_step", 0.0, f),
    };
    (0..c.sheet.len()).map(|row| (c.name(row).to_owned(), one(row, f))).collect()
}

/// The type that a row names; an unknown name is a finding.
fn named<T: Copy>(c: &Component, row: usize, own: &BTreeMap<String, T>, standard: fn(&str) -> Option<T>, f: &mut Findings) -> Option<T> {
    let name = c.sheet.text(row, "type");
    if name.is_empty() {
        return None;
    }
    let found = own.get(name).copied().or_else(|| standard(name));
    if found.is_none() {
        let advice = "add the type to line_types.csv or transformer_types.csv, or give r, x and b in the row";
        f.error(c.at(row, "type"), "unknown-type", format!("the type `{}` is not known", clip(name)), advice);
    }
    found
}

/// How many circuits or transformers stand in a row.
fn parallel(c: &Component, row: usize, f: &mut Findings) -> f64 {
    let n = c.finite(row, "num_parallel", 1.0, f);
    if n > 0.0 {
        return n;
    }
    f.error(c.at(row, "num_parallel"), "not-positive", format!("num_parallel is {n}"), "give at least a part of one, such as 1");
    1.0
}

fn lines(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let c = Component::read(files, "lines", &["s_max_pu"], at, f);
    let types = line_types(files, f);
    let mut n_leaks = 0;
    for row in 0..c.sheet.len() {
        let (Some(from), Some(to)) = (buses.find(&c, row, "bus0", f), buses.find(&c, row, "bus1", f)) else { continue };
        let length = c.finite(row, "length", 0.0, f);
        let s_nom = c.nominal(row, "s_nom", f);
        let rate = rating(&c, row, s_nom, f);
        let (name, in_service) = (c.name(row).to_owned(), c.active(row, f));
        if buses.is_dc[from] && buses.is_dc[to] {
            let limit = if rate > 0.0 { rate } else { f64::INFINITY };
            let p_range_mw = (-limit, limit);
            n.dc_lines.push(DcLine { name, from, to, in_service, p_range_mw, vm_set_pu: (1.0, 1.0), ..DcLine::default() });
            continue;
        }
        let (r, x, b) = if let Some(t) = named(&c, row, &types, standard_types::line, f) {
            let many = parallel(&c, row, f);
            let b = TAU * t.f_nom_hz * 1e-9 * t.c_nf_km * length * many;
            (t.r_ohm_km * length / many, t.x_ohm_km * length / many, b)
        } else {
            (c.finite(row, "r", 0.0, f), c.finite(row, "x", 0.0, f), c.finite(row, "b", 0.0, f))
        };
        n_leaks += usize::from(c.finite(row, "g", 0.0, f) != 0.0);
        let z_base = n.buses[from].base_kv.powi(2) / BASE_MVA;
        let branch = Branch {
            name,
            from,
            to,
            in_service,
            r_pu: r / z_base,
            x_pu: x / z_base,
            b_pu: b * z_base,
            rate_a_mva: rate,
            length_km: length.max(0.0),
            ..unlimited()
        };
        check_branch(&c, row, &branch, f);
        n.branches.push(branch);
    }
    if n_leaks > 0 {
        let what = format!("the shunt conductance of {n_leaks} lines is not read");
        f.warn(("lines.csv", 0, "g"), "unread-columns", what, "nothing, unless it matters; it is 0 in most networks");
    }
}

/// Rating of a branch, MVA; an infinite one reads as 0, which is none.
fn rating(c: &Component, row: usize, s_nom: f64, f: &mut Findings) -> f64 {
    let share = c.value(row, "s_max_pu", 1.0, f);
    if share < 0.0 {
        f.error(c.at(row, "s_max_pu"), "negative", format!("s_max_pu is {share}"), "give a share of s_nom");
    }
    let rate = s_nom * share;
    if rate == 0.0 {
        let what = "the rating is 0; the branch is read as unlimited";
        f.warn(c.at(row, "s_nom"), "no-rating", what, "give s_nom in MVA");
    }
    if rate.is_finite() { rate.max(0.0) } else { 0.0 }
}

/// A branch without any limit.
fn unlimited() -> Branch {
    Branch { angle_min_deg: -360.0, angle_max_deg: 360.0, ..Branch::default() }
}

fn check_branch(c: &Component, row: usize, b: &Branch, f: &mut Findings) {
    if b.from == b.to {
        f.error(c.at(row, "bus1"), "self-loop", "both ends are the same bus", "give two different buses");
    }
    if b.x_pu == 0.0 || !b.x_pu.is_finite() {
        let what = format!("the series reactance is {} p.u.", b.x_pu);
        f.error(c.at(row, "x"), "zero-reactance", what, "give x, or a type and a length; s_nom of a transformer must be positive");
    }
}

/// A complex number: real and imaginary part.
type Complex = (f64, f64);

fn times(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// Series impedance and shunt admittance of the π model of a transformer given as a T.
fn pi_of_t(z: Complex, y: Complex) -> (Complex, Complex) {
    let zy = times(z, y);
    let k = (1.0 + zy.0 / 4.0, zy.1 / 4.0);
    let size = k.0 * k.0 + k.1 * k.1;
    (times(z, k), times(y, (k.0 / size, -k.1 / size)))
}

fn transformers(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let c = Component::read(files, "transformers", &["s_max_pu", "phase_shift"], at, f);
    let types = transformer_types(files, f);
    for row in 0..c.sheet.len() {
        let (Some(from), Some(to)) = (buses.find(&c, row, "bus0", f), buses.find(&c, row, "bus1", f)) else { continue };
        let mut s_nom = c.nominal(row, "s_nom", f);
        let (mut z, mut y, tap, mut shift, side);
        if let Some(t) = named(&c, row, &types, standard_types::transformer, f) {
            let many = parallel(&c, row, f);
            let (vsc, r) = (t.vsc_percent / 100.0, t.vscr_percent / 100.0);
            let g = t.pfe_kw / (1000.0 * t.s_nom_mva);
            let b = -((t.i0_percent / 100.0).powi(2) - g * g).max(0.0).sqrt();
            z = (r / many, (vsc * vsc - r * r).max(0.0).sqrt() / many);
            y = (g * many, b * many);
            // PyPSA keeps the rating of one where it converts to per unit, and the number only in the impedances.
            s_nom = t.s_nom_mva;
            shift = t.phase_shift_deg;
            side = t.tap_side;
            tap = 1.0 + (c.finite(row, "tap_position", 0.0, f) - t.tap_neutral) * t.tap_step_percent / 100.0;
        } else {
            z = (c.finite(row, "r", 0.0, f), c.finite(row, "x", 0.0, f));
            y = (c.finite(row, "g", 0.0, f), c.finite(row, "b", 0.0, f));
            shift = c.finite(row, "phase_shift", 0.0, f);
            side = c.finite(row, "tap_side", 0.0, f);
            tap = c.finite(row, "tap_ratio", 1.0, f);
        }
        if tap <= 0.0 {
            f.error(c.at(row, "tap_ratio"), "not-positive", format!("the tap ratio is {tap}"), "give a ratio near 1");
        }
        // A T without the column, as in PyPSA, which reads an empty cell of the column as a π.
        let is_t = !c.sheet.has("model") || c.sheet.text(row, "model") == "t";
        if is_t && y != (0.0, 0.0) {
            (z, y) = pi_of_t(z, y);
        }
        let rate = rating(&c, row, s_nom, f);
        // The tap is at the from bus; where the table has it at the other side, the ends change places.
        let (from, to) = if side == 1.0 { (to, from) } else { (from, to) };
        shift = if side == 1.0 { -shift } else { shift };
        let scale = BASE_MVA / s_nom;
        let branch = Branch {
            name: c.name(row).to_owned(),
            from,
            to,
            in_service: c.active(row, f),
            r_pu: z.0 * scale,
            x_pu: z.1 * scale,
            b_pu: y.1 / scale,
            rate_a_mva: rate,
            tap,
            shift_deg: shift,
            ..unlimited()
        };
        check_branch(&c, row, &branch, f);
        n.branches.push(branch);
    }
}

fn links(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let series = ["p_set", "p_max_pu", "p_min_pu", "efficiency", "marginal_cost"];
    let c = Component::read(files, "links", &series, at, f);
    let mut n_more = 0;
    for row in 0..c.sheet.len() {
        let (Some(from), Some(to)) = (buses.find(&c, row, "bus0", f), buses.find(&c, row, "bus1", f)) else { continue };
        if from == to {
            f.error(c.at(row, "bus1"), "self-loop", "both ends are the same bus", "give two different buses");
        }
        n_more += usize::from(!c.sheet.text(row, "bus2").is_empty());
        let p_nom = c.nominal(row, "p_nom", f);
        let efficiency = c.finite(row, "efficiency", 1.0, f);
        let p = c.finite(row, "p_set", 0.0, f);
        n.dc_lines.push(DcLine {
            name: c.name(row).to_owned(),
            from,
            to,
            in_service: c.active(row, f),
            p_from_mw: p,
            p_to_mw: p * efficiency,
            p_range_mw: (part(p_nom, c.value(row, "p_min_pu", 0.0, f)), part(p_nom, c.value(row, "p_max_pu", 1.0, f))),
            vm_set_pu: (1.0, 1.0),
            loss: (0.0, 1.0 - efficiency),
            cost: cost(&c, row, f),
            ..DcLine::default()
        });
    }
    if n_more > 0 {
        let what = format!("{n_more} links reach further buses (bus2 and on), which are not read");
        f.warn(("links.csv", 0, "bus2"), "more-ports", what, "nothing, unless you need them");
    }
}

/// A share of a size that may be infinite.
fn part(size: f64, share: f64) -> f64 {
    if share == 0.0 { 0.0 } else { size * share }
}

/// Cost of active power: quadratic where given.
fn cost(c: &Component, row: usize, f: &mut Findings) -> Cost {
    let is_given = |a: &str| c.sheet.has(a) || c.series.contains_key(a);
    if !is_given("marginal_cost") && !is_given("marginal_cost_quadratic") {
        return Cost::None;
    }
    let (linear, square) = (c.finite(row, "marginal_cost", 0.0, f), c.finite(row, "marginal_cost_quadratic", 0.0, f));
    if square == 0.0 { Cost::Polynomial(vec![linear, 0.0]) } else { Cost::Polynomial(vec![square, linear, 0.0]) }
}

const UNIT_SERIES: [&str; 6] = ["p_set", "q_set", "p_max_pu", "p_min_pu", "marginal_cost", "marginal_cost_quadratic"];

/// A generator or storage unit, whose output may go down to `p_min_pu` of its size unless the table says otherwise.
fn unit(c: &Component, row: usize, bus: usize, p_min_pu: f64, f: &mut Findings) -> Generator {
    let p_nom = c.nominal(row, "p_nom", f);
    let sign = c.finite(row, "sign", 1.0, f);
    let limits = (part(p_nom, c.value(row, "p_min_pu", p_min_pu, f)), part(p_nom, c.value(row, "p_max_pu", 1.0, f)));
    let (low, high) = if sign < 0.0 { (-limits.1, -limits.0) } else { limits };
    if low > high {
        let what = format!("p_min_pu is above p_max_pu: {low} MW to {high} MW");
        f.warn(c.at(row, "p_min_pu"), "crossed-limits", what, "exchange or mend the limits");
    }
    Generator {
        name: c.name(row).to_owned(),
        fuel: c.sheet.text(row, "carrier").to_owned(),
        bus,
        in_service: c.active(row, f),
        p_mw: sign * c.finite(row, "p_set", 0.0, f),
        q_mvar: sign * c.finite(row, "q_set", 0.0, f),
        q_max_mvar: f64::INFINITY,
        q_min_mvar: f64::NEG_INFINITY,
        vm_set_pu: 1.0,
        mbase_mva: p_nom,
        p_max_mw: high,
        p_min_mw: low,
        cost_startup: c.finite(row, "start_up_cost", 0.0, f),
        cost_shutdown: c.finite(row, "shut_down_cost", 0.0, f),
        cost: cost(c, row, f),
    }
}

/// Puts a unit in, and lets it hold its bus where the table says so.
fn place(n: &mut PowerNetwork, mut g: Generator, control: &str) {
    let bus = &mut n.buses[g.bus];
    g.vm_set_pu = bus.vm_pu;
    if g.in_service {
        match control {
            "Slack" => bus.kind = BusKind::Reference,
            "PV" if bus.kind == BusKind::Pq => bus.kind = BusKind::Pv,
            _ => {}
        }
    }
    n.generators.push(g);
}

fn generators(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let c = Component::read(files, "generators", &UNIT_SERIES, at, f);
    for row in 0..c.sheet.len() {
        if let Some(bus) = buses.find(&c, row, "bus", f) {
            place(n, unit(&c, row, bus, 0.0, f), c.sheet.text(row, "control"));
        }
    }
}

fn storage(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let before = n.generators.len();
    let c = Component::read(files, "storage_units", &UNIT_SERIES, at, f);
    for row in 0..c.sheet.len() {
        if let Some(bus) = buses.find(&c, row, "bus", f) {
            place(n, unit(&c, row, bus, -1.0, f), c.sheet.text(row, "control"));
        }
    }
    let c = Component::read(files, "stores", &UNIT_SERIES, at, f);
    for row in 0..c.sheet.len() {
        if let Some(bus) = buses.find(&c, row, "bus", f) {
            // A store has no power limit; it can move what it holds within one hour.
            let e_nom = c.nominal(row, "e_nom", f);
            let g = unit(&c, row, bus, 0.0, f);
            place(n, Generator { p_max_mw: e_nom, p_min_mw: -e_nom, mbase_mva: e_nom, ..g }, "");
        }
    }
    if n.generators.len() > before {
        let what = format!("{} storage units and stores are read as generators; their energy is not kept", n.generators.len() - before);
        f.warn(("storage_units.csv", 0, ""), "storage-energy", what, "nothing, for a single hour");
    }
}

fn loads(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let c = Component::read(files, "loads", &["p_set", "q_set"], at, f);
    for row in 0..c.sheet.len() {
        let Some(bus) = buses.find(&c, row, "bus", f) else { continue };
        if c.active(row, f) {
            let sign = c.finite(row, "sign", -1.0, f);
            n.buses[bus].pd_mw -= sign * c.finite(row, "p_set", 0.0, f);
            n.buses[bus].qd_mvar -= sign * c.finite(row, "q_set", 0.0, f);
        }
    }
}

fn shunts(files: &Files, at: Snapshot, n: &mut PowerNetwork, buses: &mut Buses, f: &mut Findings) {
    let c = Component::read(files, "shunt_impedances", &[], at, f);
    for row in 0..c.sheet.len() {
        let Some(bus) = buses.find(&c, row, "bus", f) else { continue };
        if c.active(row, f) {
            let square = n.buses[bus].base_kv.powi(2);
            n.buses[bus].gs_mw += c.finite(row, "g", 0.0, f) * square;
            n.buses[bus].bs_mvar += c.finite(row, "b", 0.0, f) * square;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dc_flows, folder, rules, shared};
    use super::super::{pypsa_write, read_power_at};
    use super::*;
    use proptest::prelude::*;

    /// Three buses with every kind of component.
    const THREE: &[(&str, &str)] = &[
        ("buses.csv", "name,v_nom,carrier,x,y,country\nA,380,AC,10,50,DE\nB,380,AC,11,51,DE\nC,110,AC,12,50.5,AT\n"),
        ("generators-p_max_pu.csv", "snapshot,wind\nnight,0.25\nnoon,0.5\n"),
        (
            "generators.csv",
            "name,bus,control,p_nom,carrier,marginal_cost,p_set,p_min_pu\n\
            slack,A,Slack,1000,Gas,50,0,0.2\n\
            wind,B,PQ,400,Wind Onshore,0,100,\n",
        ),
        (
            "lines.csv",
            "name,bus0,bus1,type,length,num_parallel,s_nom,s_max_pu,r,x,b\n\
            typed,A,B,Al/St 240/40 4-bundle 380.0,100,2,3396,0.7,,,\n\
            plain,A,B,,120,,1000,,3,30,0.0005\n",
        ),
        ("links.csv", "name,bus0,bus1,p_nom,efficiency,p_min_pu,p_set\ndc,A,C,200,0.95,-1,40\n"),
        ("loads-p_set.csv", "snapshot,l\nnight,150\nnoon,300\n"),
        ("loads.csv", "name,bus,p_set,q_set\nl,C,200,20\n"),
        ("network.csv", "name,pypsa_version\nthree,1.0.0\n"),
        ("shunt_impedances.csv", "name,bus,g,b\nsh,C,0.0001,0.002\n"),
        ("snapshots.csv", "snapshot,objective,stores,generators\nnight,1,1,1\nnoon,1,1,1\n"),
        (
            "transformers.csv",
            "name,bus0,bus1,type,num_parallel,tap_position,s_nom,x,r,b,g,model,tap_ratio,tap_side,phase_shift\n\
            std,B,C,160 MVA 380/110 kV,2,3,,,,,,,,,\n\
            own,A,C,,,,500,0.12,0.01,-0.02,0.003,t,1.05,1,4\n",
        ),
    ];

    fn read(edits: &[(&str, &str, &str)], snapshot: Option<&str>) -> (Option<PowerNetwork>, Vec<Finding>) {
        let mut files = folder(THREE);
        for (name, old, new) in edits {
            let text = String::from_utf8(files.remove(*name).unwrap_or_default()).unwrap();
            assert!(text.contains(old), "{name} has no `{old}`");
            files.insert((*name).to_owned(), text.replacen(old, new, 1).into_bytes());
        }
        parse("folder", &files, snapshot)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-11 * b.abs().max(1e-3)
    }

    #[test]
    fn electrical_values_are_those_of_pypsa() {
        let (n, findings) = read(&[], None);
        assert!(findings.is_empty(), "{findings:?}");
        let n = n.unwrap();
        // PyPSA 1.4.0, calculate_dependent_values, on 1 MVA: r_pu, x_pu, b_pu.
        let expected = [
            (1.038_781_163_434_903_1e-5, 8.518_005_540_166_205e-5, 125.206_290_253_229_06),
            (2.077_562_326_869_806_3e-5, 0.000_207_756_232_686_980_6, 72.2),
            (7.812_5e-6, 0.000_381_169_945_488_557_6, -0.149_879_951_961_561_54),
            (2.000_255_000_000_000_4e-5, 0.000_240_146_6, -9.993_988_599_517_248),
        ];
        for (b, (r, x, y)) in n.branches.iter().zip(expected) {
            assert!(near(b.r_pu, r * 100.0) && near(b.x_pu, x * 100.0) && near(b.b_pu, y / 100.0), "{b:?}");
        }
        assert_eq!(n.branches.iter().map(|b| b.rate_a_mva).collect::<Vec<_>>(), [3396.0 * 0.7, 1000.0, 160.0, 500.0]);
        assert_eq!((n.branches[2].tap, n.branches[2].from, n.branches[2].to), (1.045, 1, 2));
        // The tap changer of `own` is at C: there the branch begins.
        assert_eq!((n.branches[3].tap, n.branches[3].shift_deg, n.branches[3].from, n.branches[3].to), (1.05, -4.0, 2, 0));
    }

    #[test]
    fn flows_are_those_of_pypsa_at_every_snapshot() {
        // PyPSA 1.4.0, lpf: p0 of typed, plain, std, own, MW; the same with `own` as T or π, since lpf takes no T.
        let expected = [
            ("night", [33.238_868_730_401_22, 13.627_936_179_464_502, 146.866_804_909_865_7, -33.656_804_909_865_71]),
            ("noon", [70.958_340_992_210_92, 29.092_919_806_806_48, 200.051_260_799_017_4, 63.158_739_200_982_495]),
        ];
        for (snapshot, flows) in expected {
            let n = read(&[("transformers.csv", "0.003,t,", "0.003,pi,")], Some(snapshot)).0.unwrap();
            let mut ours = dc_flows(&n);
            // From C to A here, from A to C there.
            ours[3] = -ours[3];
            for (a, b) in ours.iter().zip(flows) {
                assert!(near(*a, b), "{snapshot}: {ours:?}");
            }
        }
    }

    #[test]
    fn units_loads_links_and_shunts_are_read() {
        let n = read(&[], Some("noon")).0.unwrap();
        assert_eq!(
            (n.name.as_str(), n.base_mva, n.buses[2].lat_lon, n.buses[2].country.as_str()),
            ("three", 100.0, Some((50.5, 12.0)), "AT")
        );
        assert_eq!((n.buses[0].kind, n.buses[1].kind), (BusKind::Reference, BusKind::Pq));
        assert_eq!((n.buses[2].pd_mw, n.buses[2].qd_mvar), (300.0, 20.0));
        assert!(near(n.buses[2].gs_mw, 1.21) && near(n.buses[2].bs_mvar, 24.2));
        let g = &n.generators;
        assert_eq!((g[0].p_max_mw, g[0].p_min_mw, g[0].fuel.as_str()), (1000.0, 200.0, "Gas"));
        assert_eq!((g[1].p_max_mw, g[1].p_mw, g[1].p_min_mw), (200.0, 100.0, 0.0));
        assert_eq!(g[0].cost, Cost::Polynomial(vec![50.0, 0.0]));
        let d = &n.dc_lines[0];
        assert_eq!((d.p_from_mw, d.p_to_mw, d.p_range_mw), (40.0, 38.0, (-200.0, 200.0)));
        assert!(near(d.loss.1, 0.05));
    }

    #[test]
    fn storage_other_carriers_and_direct_current_are_read_as_said() {
        let edits = [
            ("storage_units.csv", "", "name,bus,p_nom,p_max_pu,carrier\npump,C,50,0.8,PHS\n"),
            ("stores.csv", "", "name,bus,e_nom\nbattery,C,30\n"),
            ("buses.csv", "C,110", "G,1,gas,,,\nD,200,DC,1,2,\nE,200,DC,1,3,\nC,110"),
            ("lines.csv", "plain", "cable,D,E,,1,1,70,,1,,\nplain"),
            ("loads.csv", "l,C", "heat,G,5,0\nl,C"),
        ];
        let (n, findings) = read(&edits, None);
        let n = n.unwrap_or_else(|| panic!("{findings:?}"));
        assert_eq!(rules(&findings), ["other-carriers", "storage-energy"]);
        assert_eq!(n.generators.iter().skip(2).map(|g| (g.p_min_mw, g.p_max_mw)).collect::<Vec<_>>(), [(-50.0, 40.0), (-30.0, 30.0)]);
        assert_eq!((n.buses.len(), n.branches.len(), n.dc_lines[0].p_range_mw), (5, 4, (-70.0, 70.0)));
    }

    #[test]
    fn every_defect_is_found_at_its_line() {
        let cases: &[(&str, &str, &str, &str, u64)] = &[
            ("lines.csv", "typed,A", "typed,Z", "unknown-bus", 2),
            ("lines.csv", "4-bundle 380.0", "5-bundle", "unknown-type", 2),
            ("lines.csv", "plain,A,B", "plain,B,B", "self-loop", 3),
            ("lines.csv", "3,30,0.0005", "3,0,0.0005", "zero-reactance", 3),
            ("lines.csv", "100,2,3396", "100,0,3396", "not-positive", 2),
            ("lines.csv", "3,30,", "3,thirty,", "not-a-number", 3),
            ("lines.csv", "3,30,0.0005", "3,30", "ragged-row", 3),
            ("transformers.csv", ",500,0.12", ",0,0.12", "zero-reactance", 3),
            ("buses.csv", "B,380", "A,380", "duplicate-name", 3),
            ("buses.csv", "B,380", "B,0", "bad-voltage", 3),
            ("generators.csv", "wind,B,PQ,400", "wind,B,PQ,-400", "negative", 3),
            ("generators-p_max_pu.csv", "noon,0.5\n", "", "wrong-count", 0),
            ("loads.csv", "l,C", "l,X", "unknown-bus", 2),
        ];
        for (file, old, new, rule, line) in cases {
            let (n, findings) = read(&[(file, old, new)], None);
            let found = findings.iter().any(|f| f.rule == *rule && f.line == *line && f.file == *file);
            assert!(n.is_none() && found, "{new}: {findings:#?}");
        }
        assert_eq!(rules(&read(&[], Some("dusk")).1), ["unknown-snapshot"]);
        assert!(parse("x", &Files::new(), None).0.is_none());
    }

    #[test]
    fn a_written_folder_reads_back() {
        let n = read(&[], Some("noon")).0.unwrap();
        let (files, findings) = pypsa_write::write(&n);
        assert!(findings.is_empty(), "{findings:?}");
        let files: Files = files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        let (back, findings) = parse("x", &files, None);
        let back = back.unwrap_or_else(|| panic!("{findings:?}"));
        assert!(dc_flows(&n).iter().zip(dc_flows(&back)).all(|(a, b)| near(*a, b)));
        for (a, b) in n.branches.iter().zip(&back.branches) {
            assert!(near(a.x_pu, b.x_pu) && near(a.r_pu, b.r_pu) && near(a.b_pu, b.b_pu), "{a:?} {b:?}");
            assert_eq!((&a.name, a.from, a.to, a.rate_a_mva, a.in_service), (&b.name, b.from, b.to, b.rate_a_mva, b.in_service));
        }
        for (a, b) in n.generators.iter().zip(&back.generators) {
            assert!(near(a.p_max_mw, b.p_max_mw) && near(a.p_min_mw, b.p_min_mw) && a.p_mw == b.p_mw, "{a:?} {b:?}");
            assert_eq!((&a.name, &a.cost, a.in_service, a.bus), (&b.name, &b.cost, b.in_service, b.bus));
        }
        let key = |n: &PowerNetwork| n.buses.iter().map(|b| (b.id.clone(), b.kind, b.pd_mw, b.lat_lon)).collect::<Vec<_>>();
        assert_eq!(key(&n), key(&back));
        assert_eq!(n.dc_lines[0].p_range_mw, back.dc_lines[0].p_range_mw);
    }

    #[test]
    fn the_german_grid_flows_as_in_pypsa() {
        let Some(path) = shared("energy-power/scigrid-de") else { return };
        let (n, findings) = read_power_at(&path, Some("2011-01-01 12:00:00")).unwrap();
        assert_eq!(rules(&findings), ["storage-energy"]);
        let n = n.unwrap();
        assert!((n.buses.iter().map(|b| b.pd_mw).sum::<f64>() - 51_830.24).abs() < 1e-6);
        let flows = dc_flows(&n);
        // PyPSA 1.4.0, lpf, nothing dispatched but the slack: p0 of lines 1, 2, 100, 400 and transformer 2, MW.
        let expected = [
            ("1", 25_797.901_874_619_973),
            ("2", -8_356.575_825_310_341),
            ("100", -4.547_890_993_679_175),
            ("400", 1_966.572_603_146_727_5),
        ];
        for (name, mw) in expected {
            let k = n.branches.iter().position(|b| b.name == name).unwrap();
            assert!((flows[k] - mw).abs() < 1e-6, "line {name}: {}", flows[k]);
        }
        let k = n.branches.iter().rposition(|b| b.name == "2").unwrap();
        assert!((flows[k] - -38_462.277_422_836_34).abs() < 1e-6, "transformer 2: {}", flows[k]);
    }

    proptest! {
        #[test]
        fn damaged_folders_never_panic(file in 0..THREE.len(), edits in prop::collection::vec((0..400_usize, any::<u8>()), 1..6)) {
            let mut files = folder(THREE);
            let bytes = files.get_mut(THREE[file].0).unwrap();
            for (at, byte) in edits {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let (n, findings) = parse("x", &files, None);
            prop_assert_eq!(n.is_none(), findings.iter().any(|f| f.weight == buttress_model::Weight::Error));
        }
    }
}
