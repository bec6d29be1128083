//! Reads MATPOWER cases, format version 2 (MATPOWER User's Manual, appendix B; Zimmerman, Murillo-Sánchez, Thomas, IEEE Trans.
//! Power Syst. 26(1), 2011, DOI 10.1109/TPWRS.2010.2051168).
//!
//! Read: `version`, `baseMVA`, `bus`, `gen`, `branch`, `gencost`, `dcline`, `dclinecost`, `bus_name`, `gen_name`, `genfuel`,
//! `gentype`, and the fields that [`super::matpower_write`] adds for what the format has no place for. Other fields are listed
//! in one warning and left out.

use std::collections::{BTreeMap, BTreeSet};

use buttress_model::Finding;
use buttress_model::network::{Branch, Bus, BusKind, Cost, DcLine, Generator, PowerNetwork};

use super::m_file::{self, MFile, Matrix, Value};
use super::{Findings, clip};

const BUS: [&str; 13] = ["bus_i", "type", "Pd", "Qd", "Gs", "Bs", "area", "Vm", "Va", "baseKV", "zone", "Vmax", "Vmin"];
const GEN: [&str; 10] = ["bus", "Pg", "Qg", "Qmax", "Qmin", "Vg", "mBase", "status", "Pmax", "Pmin"];
const BRANCH: [&str; 13] = ["fbus", "tbus", "r", "x", "b", "rateA", "rateB", "rateC", "ratio", "angle", "status", "angmin", "angmax"];
const DCLINE: [&str; 17] =
    ["fbus", "tbus", "status", "Pf", "Pt", "Qf", "Qt", "Vf", "Vt", "Pmin", "Pmax", "QminF", "QmaxF", "QminT", "QmaxT", "loss0", "loss1"];
const GENCOST: [&str; 4] = ["model", "startup", "shutdown", "n"];

/// Fields that are read; the last seven are those the writer adds.
const FIELDS: [&str; 19] = [
    "version",
    "baseMVA",
    "bus",
    "gen",
    "branch",
    "gencost",
    "dcline",
    "dclinecost",
    "bus_name",
    "gen_name",
    "genfuel",
    "gentype",
    "case_name",
    "bus_key",
    "bus_lat_lon",
    "bus_country",
    "branch_name",
    "branch_length_km",
    "dcline_name",
];

/// A row of a matrix, with what is needed to say where it stands.
struct Row<'a> {
    file: &'a str,
    line: u64,
    cells: &'a [f64],
    names: &'static [&'static str],
    bad: &'a [(u64, usize, String)],
}

impl<'a> Row<'a> {
    fn at(&self, k: usize) -> (&'a str, u64, &'static str) {
        (self.file, self.line, self.names.get(k).copied().unwrap_or(""))
    }

    /// A cell that may be infinite, such as a limit; the default where the row is shorter.
    fn limit(&self, k: usize, default: f64, findings: &mut Findings) -> f64 {
        let Some(&x) = self.cells.get(k) else { return default };
        if !x.is_nan() {
            return x;
        }
        match self.bad.iter().find(|b| b.0 == self.line && b.1 == k) {
            Some((_, _, text)) => {
                findings.error(self.at(k), "not-a-number", format!("`{text}` is no number"), "write plain numbers; nothing is computed");
            }
            None => findings.error(self.at(k), "not-a-number", "the value is NaN", "give a number"),
        }
        default
    }

    /// A cell that must be finite; 0 where the row is shorter.
    fn finite(&self, k: usize, findings: &mut Findings) -> f64 {
        let x = self.limit(k, 0.0, findings);
        if x.is_finite() {
            return x;
        }
        findings.error(self.at(k), "not-finite", format!("the value is {x}"), "give a finite number");
        0.0
    }

    fn whole(&self, k: usize, findings: &mut Findings) -> i64 {
        let x = self.finite(k, findings);
        if x.fract() != 0.0 || x.abs() > 9e15 {
            findings.error(self.at(k), "not-whole", format!("{x} is no whole number"), "give a whole number");
        }
        x as i64
    }

    /// Index of the bus that a cell names.
    fn bus(&self, k: usize, index: &BTreeMap<i64, usize>, findings: &mut Findings) -> usize {
        let before = findings.n_errors;
        let number = self.whole(k, findings);
        match index.get(&number) {
            Some(&i) => i,
            None if findings.n_errors > before => 0,
            None => {
                findings.error(self.at(k), "unknown-bus", format!("bus {number} is not in mpc.bus"), "mend the number or add the bus");
                0
            }
        }
    }

    /// The status: any number but 0 is in service, as MATPOWER has it.
    fn status(&self, k: usize, findings: &mut Findings) -> bool {
        let x = self.limit(k, 1.0, findings);
        if x != 0.0 && x != 1.0 {
            findings.warn(self.at(k), "odd-status", format!("the status is {x}"), "write 1 for in service, 0 for out of service");
        }
        x > 0.0
    }

    fn ordered(&self, low: (usize, f64), high: (usize, f64), findings: &mut Findings) {
        if low.1 > high.1 {
            let what = format!("{} = {} is above {} = {}", self.names[low.0], low.1, self.names[high.0], high.1);
            findings.warn(self.at(low.0), "crossed-limits", what, "exchange or mend the limits");
        }
    }
}

/// A file being read.
struct Case<'a> {
    file: &'a str,
    read: &'a MFile,
}

impl<'a> Case<'a> {
    /// The last value of a field, with its line.
    fn field(&self, name: &str) -> Option<(u64, &'a Value)> {
        self.read.fields.iter().rev().find(|f| f.name == name).map(|f| (f.line, &f.value))
    }

    /// Rows of a matrix that have at least `least` cells and all the same number.
    fn rows(&self, field: &str, names: &'static [&'static str], least: usize, findings: &mut Findings) -> Vec<Row<'a>> {
        let Some((line, value)) = self.field(field) else { return Vec::new() };
        let Value::Matrix(matrix) = value else {
            let what = format!("mpc.{field} is no matrix of numbers");
            findings.error((self.file, line, field), "no-matrix", what, "write rows of numbers in square brackets");
            return Vec::new();
        };
        let mut out = Vec::with_capacity(matrix.rows().len());
        let first = matrix.rows().next().map_or(0, |r| r.1.len());
        for (line, cells) in matrix.rows() {
            if cells.len() < least {
                let what = format!("the row has {} columns", cells.len());
                findings.error((self.file, line, field), "too-few-columns", what, &format!("give at least {least}: {}", names.join(" ")));
            } else if cells.len() != first {
                let what = format!("the row has {} columns, the first of mpc.{field} {first}", cells.len());
                findings.error(
                    (self.file, line, field),
                    "ragged-row",
                    what,
                    "give every row the same columns; write decimals with a point",
                );
            }
            out.push(Row { file: self.file, line, cells, names, bad: &matrix.bad });
        }
        out
    }

    /// The matrix of a field that must be there.
    fn required(&self, field: &str, names: &'static [&'static str], least: usize, findings: &mut Findings) -> Vec<Row<'a>> {
        if self.field(field).is_none() {
            let what = format!("mpc.{field} is missing");
            findings.error((self.file, 0, field), "missing-field", what, "add the matrix; it may be empty: `[]`");
        }
        self.rows(field, names, least, findings)
    }

    /// One column of texts with `n` rows; empty when the field is absent or does not fit.
    fn texts(&self, field: &str, column: usize, n: usize, findings: &mut Findings) -> Vec<String> {
        let Some((line, value)) = self.field(field) else { return Vec::new() };
        let Value::Cells(rows) = value else {
            findings.warn((self.file, line, field), "no-texts", "the field is no cell array; it is left out", "write texts in braces");
            return Vec::new();
        };
        // A row vector of texts is as good as a column.
        let flat: Vec<&String> =
            if rows.len() == 1 && n > 1 { rows[0].iter().collect() } else { rows.iter().filter_map(|r| r.get(column)).collect() };
        if flat.len() != n {
            if column == 0 {
                let what = format!("{} texts for {n} rows; they are left out", flat.len());
                findings.warn((self.file, line, field), "wrong-count", what, "give one text a row");
            }
            return Vec::new();
        }
        flat.into_iter().cloned().collect()
    }

    fn one_text(&self, field: &str) -> Option<&'a str> {
        match self.field(field) {
            Some((_, Value::Text(text))) => Some(text),
            _ => None,
        }
    }
}

/// Reads a case; the network when no finding is an error, and all findings.
pub fn parse(file: &str, bytes: &[u8]) -> (Option<PowerNetwork>, Vec<Finding>) {
    let mut findings = Findings::default();
    if bytes.contains(&0) {
        findings.error((file, 0, ""), "not-text", "the file is binary or UTF-16", "give the case as UTF-8 text");
        return (None, findings.finish());
    }
    let read = m_file::read(file, bytes, &mut findings);
    let case = Case { file, read: &read };
    if !is_case(&case, &mut findings) {
        return (None, findings.finish());
    }
    let network = network(&case, &mut findings);
    findings.close(network)
}

/// Says why a file without any case matrix is none, and lists what is not read.
fn is_case(case: &Case, findings: &mut Findings) -> bool {
    let (file, read) = (case.file, case.read);
    if !read.fields.iter().any(|f| FIELDS.contains(&f.name.as_str())) {
        let (what, advice) = if read.others.iter().any(|o| o.contains("chgtab") || o.contains("contab")) {
            ("the file is a table of changes (contingencies), not a case", "give the case file that it belongs to")
        } else {
            ("the file sets no field of a case", "give a MATPOWER case: mpc.baseMVA, mpc.bus, mpc.gen, mpc.branch")
        };
        findings.error((file, 0, ""), "no-case", what, advice);
        return false;
    }
    let mut unread: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for f in &read.fields {
        if !FIELDS.contains(&f.name.as_str()) {
            unread.entry(&f.name).or_insert(f.line);
        } else if !seen.insert(&f.name) {
            let what = format!("mpc.{} is set again; the last counts", f.name);
            findings.warn((file, f.line, &f.name), "set-twice", what, "set every field once");
        }
    }
    if !unread.is_empty() {
        let list: Vec<String> = unread.iter().take(40).map(|(name, line)| format!("{} (line {line})", clip(name))).collect();
        let what = format!("fields that are not read: {}", list.join(", "));
        findings.warn((file, 0, ""), "unread-fields", what, "nothing, unless you need them");
    }
    true
}

fn network(case: &Case, findings: &mut Findings) -> PowerNetwork {
    let file = case.file;
    match case.field("version") {
        Some((_, Value::Text(v))) if v == "2" => {}
        Some((_, Value::Number(2.0))) => {}
        Some((line, _)) => {
            let advice = "convert it in MATPOWER with savecase(…, loadcase(…))";
            findings.error((file, line, "version"), "version", "the version is not '2'", advice);
        }
        None => findings.warn((file, 0, "version"), "version", "no version is given; 2 is assumed", "add mpc.version = '2'"),
    }
    let base_mva = match case.field("baseMVA") {
        Some((_, Value::Number(x))) if *x > 0.0 && x.is_finite() => *x,
        Some((line, _)) => {
            findings.error(
                (file, line, "baseMVA"),
                "bad-base",
                "baseMVA is no positive number",
                "give the system base in MVA, such as 100",
            );
            100.0
        }
        None => {
            findings.error((file, 0, "baseMVA"), "bad-base", "mpc.baseMVA is missing", "give the system base in MVA, such as 100");
            100.0
        }
    };
    let (buses, index) = buses(case, findings);
    let mut out = PowerNetwork {
        name: case.one_text("case_name").unwrap_or(&case.read.function).to_owned(),
        base_mva,
        generators: generators(case, &index, findings),
        branches: branches(case, &index, findings),
        dc_lines: dc_lines(case, &index, findings),
        buses,
    };
    name_all(case, &mut out, findings);
    check_isolated(file, &out, findings);
    out
}

fn buses(case: &Case, findings: &mut Findings) -> (Vec<Bus>, BTreeMap<i64, usize>) {
    let rows = case.required("bus", &BUS, BUS.len(), findings);
    let mut index = BTreeMap::new();
    let mut out = Vec::with_capacity(rows.len());
    for (k, row) in rows.iter().enumerate() {
        let number = row.whole(0, findings);
        if index.insert(number, k).is_some() {
            findings.error(row.at(0), "duplicate-bus", format!("bus {number} stands twice"), "give every bus its own number");
        } else if number < 1 {
            findings.error(row.at(0), "bad-bus-number", format!("the number of the bus is {number}"), "number buses from 1");
        }
        let kind = match row.whole(1, findings) {
            1 => BusKind::Pq,
            2 => BusKind::Pv,
            3 => BusKind::Reference,
            4 => BusKind::Isolated,
            other => {
                let advice = "write 1 (PQ), 2 (PV), 3 (reference) or 4 (isolated)";
                findings.error(row.at(1), "bad-bus-type", format!("the type of the bus is {other}"), advice);
                BusKind::Pq
            }
        };
        let bus = Bus {
            id: number.to_string(),
            kind,
            pd_mw: row.finite(2, findings),
            qd_mvar: row.finite(3, findings),
            gs_mw: row.finite(4, findings),
            bs_mvar: row.finite(5, findings),
            area: row.whole(6, findings),
            vm_pu: row.finite(7, findings),
            va_deg: row.finite(8, findings),
            base_kv: row.finite(9, findings),
            zone: row.whole(10, findings),
            vm_max_pu: row.limit(11, f64::INFINITY, findings),
            vm_min_pu: row.limit(12, 0.0, findings),
            ..Bus::default()
        };
        if bus.base_kv < 0.0 {
            findings.error(row.at(9), "negative", format!("the nominal voltage is {} kV", bus.base_kv), "give it in kV, or 0 if unknown");
        }
        row.ordered((12, bus.vm_min_pu), (11, bus.vm_max_pu), findings);
        out.push(bus);
    }
    if out.is_empty() {
        findings.error((case.file, 0, "bus"), "no-bus", "the case has no bus", "give at least one row in mpc.bus");
    } else if !out.iter().any(|b| b.kind == BusKind::Reference) {
        let what = "no bus is the reference (type 3)";
        findings.warn((case.file, 0, "bus"), "no-reference", what, "give one bus the type 3; the engine takes the first of an island");
    }
    (out, index)
}

fn generators(case: &Case, index: &BTreeMap<i64, usize>, findings: &mut Findings) -> Vec<Generator> {
    let rows = case.required("gen", &GEN, GEN.len(), findings);
    let costs = costs(case, "gencost", rows.len(), findings);
    let mut out = Vec::with_capacity(rows.len());
    for (k, row) in rows.iter().enumerate() {
        let (cost_startup, cost_shutdown, cost) = costs.get(k).cloned().unwrap_or_default();
        let g = Generator {
            bus: row.bus(0, index, findings),
            p_mw: row.finite(1, findings),
            q_mvar: row.finite(2, findings),
            q_max_mvar: row.limit(3, f64::INFINITY, findings),
            q_min_mvar: row.limit(4, f64::NEG_INFINITY, findings),
            vm_set_pu: row.finite(5, findings),
            mbase_mva: row.finite(6, findings),
            in_service: row.status(7, findings),
            p_max_mw: row.limit(8, f64::INFINITY, findings),
            p_min_mw: row.limit(9, f64::NEG_INFINITY, findings),
            cost_startup,
            cost_shutdown,
            cost,
            ..Generator::default()
        };
        row.ordered((9, g.p_min_mw), (8, g.p_max_mw), findings);
        row.ordered((4, g.q_min_mvar), (3, g.q_max_mvar), findings);
        out.push(g);
    }
    let more = |r: &&Row| r.cells.iter().skip(GEN.len()).any(|x| *x != 0.0);
    if let Some(row) = rows.iter().find(more) {
        let what = "columns 11 and on (capability curve, ramps, results) are not read";
        findings.warn((case.file, row.line, "gen"), "unread-columns", what, "nothing, unless you need them");
    }
    out
}

fn branches(case: &Case, index: &BTreeMap<i64, usize>, findings: &mut Findings) -> Vec<Branch> {
    let rows = case.required("branch", &BRANCH, 11, findings);
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        let before = findings.n_errors;
        let b = Branch {
            from: row.bus(0, index, findings),
            to: row.bus(1, index, findings),
            r_pu: row.finite(2, findings),
            x_pu: row.finite(3, findings),
            b_pu: row.finite(4, findings),
            rate_a_mva: row.limit(5, 0.0, findings),
            rate_b_mva: row.limit(6, 0.0, findings),
            rate_c_mva: row.limit(7, 0.0, findings),
            tap: row.finite(8, findings),
            shift_deg: row.finite(9, findings),
            in_service: row.status(10, findings),
            angle_min_deg: row.limit(11, -360.0, findings),
            angle_max_deg: row.limit(12, 360.0, findings),
            ..Branch::default()
        };
        if findings.n_errors == before {
            check_branch(row, &b, findings);
        }
        out.push(b);
    }
    out
}

fn check_branch(row: &Row, b: &Branch, findings: &mut Findings) {
    if b.from == b.to {
        findings.error(row.at(1), "self-loop", "both ends are the same bus", "give two different buses");
    }
    if b.x_pu == 0.0 {
        let advice = "give the series reactance in per unit, or merge the two buses";
        if b.in_service {
            findings.error(row.at(3), "zero-reactance", "x is 0: the branch would short-circuit the flow", advice);
        } else {
            findings.warn(row.at(3), "zero-reactance", "x is 0 in a branch out of service", advice);
        }
    }
    for (k, rate) in [(5, b.rate_a_mva), (6, b.rate_b_mva), (7, b.rate_c_mva)] {
        if rate < 0.0 {
            findings.error(row.at(k), "negative", format!("the rating is {rate} MVA"), "give MVA, or 0 for no limit");
        }
    }
    if b.tap < 0.0 {
        findings.error(row.at(8), "negative", format!("the tap ratio is {}", b.tap), "give the ratio, or 0 for a line");
    }
    row.ordered((11, b.angle_min_deg), (12, b.angle_max_deg), findings);
}

fn dc_lines(case: &Case, index: &BTreeMap<i64, usize>, findings: &mut Findings) -> Vec<DcLine> {
    let rows = case.rows("dcline", &DCLINE, DCLINE.len(), findings);
    let costs = costs(case, "dclinecost", rows.len(), findings);
    let mut out = Vec::with_capacity(rows.len());
    for (k, row) in rows.iter().enumerate() {
        let (below, above) = (f64::NEG_INFINITY, f64::INFINITY);
        let d = DcLine {
            from: row.bus(0, index, findings),
            to: row.bus(1, index, findings),
            in_service: row.status(2, findings),
            p_from_mw: row.finite(3, findings),
            p_to_mw: row.finite(4, findings),
            q_mvar: (row.finite(5, findings), row.finite(6, findings)),
            vm_set_pu: (row.finite(7, findings), row.finite(8, findings)),
            p_range_mw: (row.limit(9, below, findings), row.limit(10, above, findings)),
            q_from_range_mvar: (row.limit(11, below, findings), row.limit(12, above, findings)),
            q_to_range_mvar: (row.limit(13, below, findings), row.limit(14, above, findings)),
            loss: (row.finite(15, findings), row.finite(16, findings)),
            cost: costs.get(k).cloned().unwrap_or_default().2,
            ..DcLine::default()
        };
        row.ordered((9, d.p_range_mw.0), (10, d.p_range_mw.1), findings);
        out.push(d);
    }
    out
}

/// Start-up, shutdown and cost of `n` units; a second half for reactive power is left out.
fn costs(case: &Case, field: &str, n: usize, findings: &mut Findings) -> Vec<(f64, f64, Cost)> {
    let rows = case.rows(field, &GENCOST, GENCOST.len(), findings);
    if rows.len() == 2 * n && n > 0 {
        let what = "the second half prices reactive power and is not read";
        findings.warn((case.file, rows[n].line, field), "reactive-cost", what, "nothing, unless you need it");
    } else if !rows.is_empty() && rows.len() != n {
        let what = format!("{} rows of cost for {n} units", rows.len());
        findings.error((case.file, rows[0].line, field), "wrong-count", what, "give one row a unit, or two times as many");
    }
    rows.iter().take(n).map(|row| cost(row, findings)).collect()
}

fn cost(row: &Row, findings: &mut Findings) -> (f64, f64, Cost) {
    let (model, up, down) = (row.whole(0, findings), row.finite(1, findings), row.finite(2, findings));
    let n = row.whole(3, findings);
    if model != 1 && model != 2 {
        findings.error(row.at(0), "cost-model", format!("cost model {model}"), "write 1 (piecewise linear) or 2 (polynomial)");
        return (up, down, Cost::None);
    }
    let cells = (row.cells.len().saturating_sub(4)) as i64;
    let width = if model == 1 { 2 } else { 1 };
    if n < 0 || n > cells / width {
        let what = format!("n is {n}, but {cells} numbers follow");
        findings.error(row.at(3), "cost-length", what, "give n coefficients (model 2) or n points (model 1)");
        return (up, down, Cost::None);
    }
    let n = n as usize;
    if n == 0 {
        return (up, down, Cost::None);
    }
    if model == 2 {
        return (up, down, Cost::Polynomial((4..4 + n).map(|k| row.finite(k, findings)).collect()));
    }
    let points: Vec<(f64, f64)> = (0..n).map(|k| (row.finite(4 + 2 * k, findings), row.finite(5 + 2 * k, findings))).collect();
    if points.windows(2).any(|w| w[1].0 <= w[0].0) {
        findings.error(row.at(3), "cost-order", "the points do not ascend in MW", "order them by MW, each MW once");
    }
    (up, down, Cost::Piecewise(points))
}

/// Names, fuels and places, from the fields beside the matrices.
fn name_all(case: &Case, out: &mut PowerNetwork, findings: &mut Findings) {
    let n = (out.buses.len(), out.generators.len(), out.branches.len(), out.dc_lines.len());
    fn set<T>(rows: &mut [T], texts: Vec<String>, put: impl Fn(&mut T, String)) {
        rows.iter_mut().zip(texts).for_each(|(row, text)| put(row, text));
    }
    set(&mut out.buses, case.texts("bus_name", 0, n.0, findings), |b, t| b.name = t);
    set(&mut out.buses, case.texts("bus_country", 0, n.0, findings), |b, t| b.country = t);
    set(&mut out.generators, case.texts("gentype", 0, n.1, findings), |g, t| g.fuel = t);
    // RTS-GMLC: name, type of unit, fuel.
    set(&mut out.generators, case.texts("gen_name", 2, n.1, findings), |g, t| g.fuel = t);
    set(&mut out.generators, case.texts("gen_name", 0, n.1, findings), |g, t| g.name = t);
    set(&mut out.generators, case.texts("genfuel", 0, n.1, findings), |g, t| g.fuel = t);
    set(&mut out.branches, case.texts("branch_name", 0, n.2, findings), |b, t| b.name = t);
    set(&mut out.dc_lines, case.texts("dcline_name", 0, n.3, findings), |d, t| d.name = t);
    let keys = case.texts("bus_key", 0, n.0, findings);
    if keys.iter().collect::<BTreeSet<_>>().len() == keys.len() {
        set(&mut out.buses, keys, |b, t| b.id = t);
    } else {
        findings.error((case.file, 0, "bus_key"), "duplicate-bus", "a key stands twice in mpc.bus_key", "give every bus its own key");
    }
    let matrix = |field: &str| match case.field(field) {
        Some((_, Value::Matrix(m))) => Some(m),
        _ => None,
    };
    let pick = |m: Option<&Matrix>, n: usize| m.filter(|m| m.rows().len() == n).map(|m| m.rows().map(|r| r.1.to_vec()).collect::<Vec<_>>());
    for (bus, row) in out.buses.iter_mut().zip(pick(matrix("bus_lat_lon"), n.0).unwrap_or_default()) {
        bus.lat_lon = match row[..] {
            [lat, lon] if lat.abs() <= 90.0 && lon.abs() <= 360.0 => Some((lat, lon)),
            _ => None,
        };
    }
    for (branch, row) in out.branches.iter_mut().zip(pick(matrix("branch_length_km"), n.2).unwrap_or_default()) {
        branch.length_km = row.first().copied().filter(|x| x.is_finite() && *x >= 0.0).unwrap_or(0.0);
    }
}

/// What runs at a bus that is out of service.
fn check_isolated(file: &str, n: &PowerNetwork, findings: &mut Findings) {
    let dead: Vec<bool> = n.buses.iter().map(|b| b.kind == BusKind::Isolated).collect();
    let is_dead = |bus: usize| dead.get(bus).copied().unwrap_or(false);
    let count = n.generators.iter().filter(|g| g.in_service && is_dead(g.bus)).count()
        + n.branches.iter().filter(|b| b.in_service && (is_dead(b.from) || is_dead(b.to))).count();
    if count > 0 {
        let what = format!("{count} generators or branches are in service at isolated buses (type 4)");
        findings.warn((file, 0, "bus"), "isolated-in-service", what, "take them out of service, or mend the type of the bus");
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rules, shared};
    use super::*;
    use proptest::prelude::*;

    const THREE: &str = "function mpc = three
%{
mpc.bus = [ 9 9 9 ];
%}
mpc.version = '2'; mpc.baseMVA = 100.;
mpc.bus = [ % one, two and three
\t10, 3, 50, .5, 0, 0, 1, 1, 0, 380, 1, 1.1, 0.9; 20 1 1e2 -2.5e1 3 4 1 1 0 380 1 1.1 .9
  30\t2 150 ... the row goes on
     0 0 0 2 1.02 -3 110 4 1.1 .9];
mpc.gen = [
  10 80 0 Inf -Inf 1 100 1 200 10
  30 1d2 5 50 -50 1.02 100 0 300 0
];
mpc.branch = [
  10 20 .01 .1 .02 250 0 0 0 0 1;
  20 30 0 .05 0 0 0 0 0.98 5 1;
  10 30 0 .2 0 100 110 120 0 0 0; ];
mpc.gencost = [ 2 1 2 3 .1 20 5 0; 1 0 0 2 0 0 300 6000; 2 0 0 1 0 0 0 0; 2 0 0 1 0 0 0 0 ];
mpc.dcline = [ 10 30 1 10 9 0 0 1 1 -20 20 -5 5 -5 5 .5 .01 ];
mpc.dclinecost = [ 2 0 0 2 7 0 ];
mpc.bus_name = { 'North'; 'O''Hara % no comment'; 'South' };
mpc.gen_name = { 'g1' 'CT' 'Oil'; 'g2' 'PV' 'Solar' };
mpc.storage = [ 1 2 3 ];
";

    fn read(text: &str) -> (Option<PowerNetwork>, Vec<Finding>) {
        parse("three.m", text.as_bytes())
    }

    #[test]
    fn every_form_of_the_language_is_read() {
        let (network, findings) = read(THREE);
        assert_eq!(rules(&findings), ["unread-fields", "reactive-cost"], "{findings:?}");
        let n = network.unwrap();
        assert_eq!((n.name.as_str(), n.base_mva), ("three", 100.0));
        let ids: Vec<_> = n.buses.iter().map(|b| (b.id.as_str(), b.kind, b.pd_mw, b.base_kv)).collect();
        assert_eq!(ids, [("10", BusKind::Reference, 50.0, 380.0), ("20", BusKind::Pq, 100.0, 380.0), ("30", BusKind::Pv, 150.0, 110.0)]);
        assert_eq!((n.buses[0].qd_mvar, n.buses[1].qd_mvar, n.buses[1].gs_mw, n.buses[1].bs_mvar), (0.5, -25.0, 3.0, 4.0));
        assert_eq!((n.buses[2].area, n.buses[2].vm_pu, n.buses[2].va_deg, n.buses[2].zone), (2, 1.02, -3.0, 4));
        assert_eq!(n.buses[1].name, "O'Hara % no comment");
        assert_eq!((n.generators[0].q_max_mvar, n.generators[0].q_min_mvar), (f64::INFINITY, f64::NEG_INFINITY));
        assert_eq!((n.generators[1].p_mw, n.generators[1].in_service, n.generators[1].bus), (100.0, false, 2));
        assert_eq!((n.generators[1].name.as_str(), n.generators[1].fuel.as_str()), ("g2", "Solar"));
        assert_eq!(n.generators[0].cost, Cost::Polynomial(vec![0.1, 20.0, 5.0]));
        assert_eq!((n.generators[0].cost_startup, n.generators[0].cost_shutdown), (1.0, 2.0));
        assert_eq!(n.generators[1].cost, Cost::Piecewise(vec![(0.0, 0.0), (300.0, 6000.0)]));
        let b = &n.branches[1];
        assert_eq!((b.from, b.to, b.x_pu, b.tap, b.shift_deg, b.angle_min_deg, b.angle_max_deg), (1, 2, 0.05, 0.98, 5.0, -360.0, 360.0));
        assert_eq!((n.branches[2].rate_b_mva, n.branches[2].in_service), (110.0, false));
        let d = &n.dc_lines[0];
        assert_eq!((d.from, d.to, d.p_from_mw, d.p_to_mw, d.p_range_mw, d.loss), (0, 2, 10.0, 9.0, (-20.0, 20.0), (0.5, 0.01)));
        assert_eq!(d.cost, Cost::Polynomial(vec![7.0, 0.0]));
    }

    #[test]
    fn ends_of_lines_and_a_byte_order_mark_change_nothing() {
        let plain = read(THREE).0;
        assert_eq!(read(&THREE.replace('\n', "\r\n")).0, plain);
        assert_eq!(read(&format!("\u{feff}{THREE}")).0, plain);
    }

    #[test]
    fn every_defect_is_found_at_its_line() {
        let cases: &[(&str, &str, &str, u64, &str)] = &[
            ("20 1 1e2", "10 1 1e2", "duplicate-bus", 7, "bus_i"),
            ("20 1 1e2", "20.5 1 1e2", "not-whole", 7, "bus_i"),
            ("20 1 1e2", "20 7 1e2", "bad-bus-type", 7, "type"),
            ("20 1 1e2", "20 1 NaN", "not-a-number", 7, "Pd"),
            ("20 1 1e2", "20 1 Inf", "not-finite", 7, "Pd"),
            ("20 1 1e2", "20 1 5*20", "not-a-number", 7, "Pd"),
            ("20 1 1e2", "20 1 1,5", "ragged-row", 7, "bus"),
            ("0.98 5 1;", "0.98 5;", "too-few-columns", 16, "branch"),
            ("10 80 0", "11 80 0", "unknown-bus", 11, "bus"),
            ("20 30 0 .05", "20 31 0 .05", "unknown-bus", 16, "tbus"),
            ("20 30 0 .05", "20 20 0 .05", "self-loop", 16, "tbus"),
            ("20 30 0 .05", "20 30 0 0", "zero-reactance", 16, "x"),
            ("100 110 120", "-100 110 120", "negative", 17, "rateA"),
            ("mpc.baseMVA = 100.;", "", "bad-base", 0, "baseMVA"),
            ("mpc.baseMVA = 100.;", "mpc.baseMVA = 10*10;", "bad-base", 5, "baseMVA"),
            ("mpc.version = '2'", "mpc.version = '1'", "version", 5, "version"),
            ("2 1 2 3 .1", "2 1 2 9 .1", "cost-length", 18, "n"),
            ("2 1 2 3 .1", "3 1 2 3 .1", "cost-model", 18, "model"),
            ("1 0 0 2 0 0 300", "1 0 0 2 400 0 300", "cost-order", 18, "n"),
            ("; 2 0 0 1 0 0 0 0 ]", "]", "wrong-count", 18, "gencost"),
            ("mpc.gencost =", "mpc.bus(2, 3) = 4;\nmpc.gencost =", "computes", 18, ""),
            ("mpc.gencost =", "for k = 1:3\nmpc.gencost =", "computes", 18, ""),
            ("-5 5 .5 .01 ];", "-5 5 .5 .01", "open-bracket", 19, "dcline"),
            ("%}", "", "open-comment", 2, ""),
            ("mpc.gen = [", "mpc.gens = [", "missing-field", 0, "gen"),
            ("function mpc = three", "function [baseMVA, bus] = three", "version-1", 1, ""),
            ("'South' }", "'South }", "open-text", 21, ""),
        ];
        for (old, new, rule, line, field) in cases {
            let (network, findings) = read(&THREE.replacen(old, new, 1));
            assert!(network.is_none(), "{new}");
            let found = findings.iter().any(|f| f.rule == *rule && f.line == *line && f.field == *field && !f.advice.is_empty());
            assert!(found, "{new}: {findings:#?}");
        }
    }

    #[test]
    fn odd_but_usable_cases_are_read_with_warnings() {
        let cases = [
            ("10, 3, 50", "10, 1, 50", "no-reference"),
            ("mpc.version = '2';", "", "version"),
            ("200 10\n", "200 210\n", "crossed-limits"),
        ];
        for (old, new, rule) in cases {
            let (network, findings) = read(&THREE.replacen(old, new, 1));
            assert!(network.is_some() && rules(&findings).contains(&rule), "{new}: {findings:?}");
        }
    }

    #[test]
    fn what_is_no_case_is_said_in_one_finding() {
        let table = "function chgtab = contab\ndefine_constants;\nchgtab = [ 1 0 CT_TBRCH 1 BR_STATUS CT_REP 0; ];\n";
        for text in [table, "", "hello = 3;", "% only a comment"] {
            let (network, findings) = read(text);
            assert!(network.is_none());
            assert_eq!(rules(&findings), ["no-case"], "{text}");
        }
        assert!(read(table).1[0].what.contains("table of changes"));
        assert_eq!(rules(&parse("x.m", b"mpc.bus = [1\0];").1), ["not-text"]);
    }

    #[test]
    fn hostile_files_end_soon_with_findings() {
        let many = 10_000_000;
        let heads = ["", "mpc.bus = [", "mpc.bus_name = {", "function ", "mpc.baseMVA = ", "x = "];
        for filling in ["[", "{", "'", "\"", "%{\n", "...\n", "(", ";", "1 ", "\u{1}", "x=[", "é", "%}"] {
            for head in heads {
                let text = format!("{head}{}", filling.repeat(many / filling.len() / 10));
                let (network, findings) = read(&text);
                assert!(network.is_none() && !findings.is_empty() && findings.len() < 500, "{head} {filling}: {}", findings.len());
            }
        }
        let (network, findings) = read(&format!("mpc.bus = {}", "[".repeat(many)));
        assert!(network.is_none() && findings.len() < 10, "{findings:?}");
    }

    proptest! {
        #[test]
        fn a_damaged_file_never_panics_and_gives_a_network_or_an_error(
            edits in prop::collection::vec((0..THREE.len(), any::<u8>(), 0..4_usize), 1..6), cut in 0..4 * THREE.len()
        ) {
            let mut bytes = THREE.as_bytes().to_vec();
            for (at, byte, what) in edits {
                let at = at.min(bytes.len() - 1);
                match what {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => { bytes.remove(at); }
                    _ => { let tail = bytes.split_off(at); bytes.extend_from_slice(b" [ ; "); bytes.extend(tail); }
                }
            }
            bytes.truncate(cut);
            let (network, findings) = parse("x.m", &bytes);
            let has_error = findings.iter().any(|f| f.weight == buttress_model::Weight::Error);
            prop_assert_eq!(network.is_none(), has_error);
            if let Some(n) = network {
                let size = n.buses.len();
                prop_assert!(n.generators.iter().all(|g| g.bus < size) && n.branches.iter().all(|b| b.from < size && b.to < size));
            }
        }
    }

    #[test]
    fn every_shared_case_is_read() {
        let (mut n_read, mut n_tables) = (0, 0);
        let folders = ["matpower", "pglib-opf", "pglib-opf/api", "pglib-opf/sad", "rts-gmlc", "restoration", "../attack-nk/rts24"];
        for folder in folders {
            let Some(folder) = shared(&format!("energy-power/{folder}")) else { return };
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|x| x != "m") {
                    continue;
                }
                let (network, findings) = super::super::read_power(&path).unwrap();
                let name = path.file_name().unwrap().to_str().unwrap();
                if name.starts_with("contab") {
                    assert_eq!(rules(&findings), ["no-case"]);
                    n_tables += 1;
                    continue;
                }
                let n = network.unwrap_or_else(|| panic!("{name}: {findings:#?}"));
                let counts = (n.buses.len(), n.generators.len(), n.branches.len(), n.dc_lines.len());
                let expected = match name {
                    "case13659pegase.m" => (13659, 4092, 20467, 0),
                    "case_ACTIVSg2000.m" => (2000, 544, 3206, 0),
                    "RTS_GMLC.m" => (73, 158, 120, 1),
                    "nesta_case24_ieee_rts.m" => (24, 33, 38, 0),
                    _ => counts,
                };
                assert_eq!(counts, expected, "{name}");
                n_read += 1;
            }
        }
        assert!(n_read >= 50 && n_tables == 2, "{n_read} cases, {n_tables} tables");
    }
}
