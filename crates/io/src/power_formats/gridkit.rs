//! Reads a `GridKit` folder (Wiegmans, "`GridKit`: European and North-American extracts", 2016, DOI 10.5281/zenodo.47317; quote
//! character `'`, tags as hstore, places as longitude x and latitude y), as a network in per unit on 100 MVA.
//!
//! The format has topology and lengths, but no electrical values; those are typical ones:
//!   line         one branch a circuit; r', x', c' and current of the overhead line typical of the voltage (see
//!                [`super::standard_types`]): x = x' length 100 / V², b = 2 π 50 c' length V² / 100, rating √3 V I. Cables too.
//!   transformer  x = 0.1 on 2,000 MVA, as `PyPSA`-Eur has it (Hörsch, Hofmann, Schlachtberger, Brown, Energy Strategy Reviews 22,
//!                2018, DOI 10.1016/j.esr.2018.08.012)
//!   link         direct current, 1,000 MW either way, without loss
//! Direct-current terminals are joined by a converter to the highest voltage of their station, or to the nearest bus within
//! 20 km. What is under construction is out of service. There are no loads in the format.

use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::TAU;

use buttress_model::Finding;
use buttress_model::geo::distance_km;
use buttress_model::network::{Branch, Bus, BusKind, DcLine, Generator, PowerNetwork};

use super::csv_sheet::Sheet;
use super::{Files, Findings, clip, standard_types};

/// System base, MVA.
const BASE_MVA: f64 = 100.0;
/// Rating of a transformer, MVA.
const TRANSFORMER_MVA: f64 = 2000.0;
/// Reactance of a transformer, p.u. on its rating.
const TRANSFORMER_X_PU: f64 = 0.1;
/// Size of a direct-current link or converter, MW; the format gives none.
const LINK_MW: f64 = 1000.0;
/// Farthest bus a direct-current terminal is joined to, km.
const CONVERTER_REACH_KM: f64 = 20.0;
/// Shortest line, km; shorter ones are read as this long, so that no reactance is 0.
const MIN_LENGTH_KM: f64 = 0.05;

/// A folder being read.
struct Reader<'a> {
    files: &'a Files,
    network: PowerNetwork,
    index: BTreeMap<String, usize>,
    stations: Vec<String>,
    /// True for buses of direct current: flagged so, or without a voltage.
    is_dc: Vec<bool>,
    under_construction: Vec<bool>,
    findings: Findings,
}

/// Value of a key in an hstore text.
fn tag<'a>(tags: &'a str, key: &str) -> &'a str {
    let mut rest = tags;
    // Every turn goes past one key.
    while let Some(at) = rest.find(key) {
        let (before, after) = (&rest[..at], &rest[at + key.len()..]);
        if before.ends_with('"')
            && let Some(value) = after.strip_prefix("\"=>\"")
        {
            return value.split('"').next().unwrap_or("");
        }
        rest = after;
    }
    ""
}

/// A text of the tags, empty where they say nothing.
fn said<'a>(tags: &'a str, key: &str) -> &'a str {
    let text = tag(tags, key).trim();
    if matches!(text, "None" | "NULL" | "-1") { "" } else { text }
}

/// ISO 3166-1 alpha-2 code of a country as the map of ENTSO-E writes it.
fn iso_country(code: &str) -> &str {
    match code {
        "UK" => "GB",
        "EL" => "GR",
        // Palestine; `PA` of ISO 3166 is Panama.
        "PA" => "PS",
        other => other,
    }
}

/// Reads a folder; the network when no finding is an error, and all findings.
pub fn parse(folder: &str, files: &Files) -> (Option<PowerNetwork>, Vec<Finding>) {
    let network = PowerNetwork { name: folder.to_owned(), base_mva: BASE_MVA, ..PowerNetwork::default() };
    let mut r = Reader {
        files,
        network,
        index: BTreeMap::new(),
        stations: Vec::new(),
        is_dc: Vec::new(),
        under_construction: Vec::new(),
        findings: Findings::default(),
    };
    r.buses();
    r.lines();
    r.transformers();
    r.links();
    r.terminals();
    r.generators();
    r.countries();
    r.isolate();
    super::give_references(&mut r.network);
    let what = "the format has no loads";
    r.findings.warn(("buses.csv", 0, ""), "no-demand", what, "add demand before asking what is served");
    r.findings.close(r.network)
}

impl Reader<'_> {
    fn sheet(&mut self, file: &str, required: &[&str]) -> Sheet {
        let sheet = Sheet::read(self.files, file, b'\'', &mut self.findings);
        if self.files.contains_key(file) {
            sheet.require(required, &mut self.findings);
        }
        sheet
    }

    fn number(&mut self, sheet: &Sheet, row: usize, column: &str) -> f64 {
        let x = sheet.number(row, column, 0.0, &mut self.findings);
        if x.is_finite() { x } else { 0.0 }
    }

    /// Voltage, kV; some extracts write volts.
    fn voltage(&mut self, sheet: &Sheet, row: usize) -> f64 {
        let v = self.number(sheet, row, "voltage");
        if v > 2000.0 { v / 1000.0 } else { v.max(0.0) }
    }

    fn is_planned(&mut self, sheet: &Sheet, row: usize) -> bool {
        sheet.flag(row, "under_construction", &mut self.findings).unwrap_or(false)
    }

    fn bus(&mut self, sheet: &Sheet, row: usize, column: &str) -> Option<usize> {
        let id = sheet.text(row, column);
        let found = self.index.get(id).copied();
        if found.is_none() {
            let what = format!("bus `{}` is not in buses.csv", clip(id));
            self.findings.error(
                (&sheet.file, sheet.line(row), column),
                "unknown-bus",
                what,
                "mend the number, add the bus, or remove the row",
            );
        }
        found
    }

    /// Two different ends; a row from a bus to itself is left out with a warning.
    fn ends(&mut self, sheet: &Sheet, row: usize) -> Option<(usize, usize)> {
        let (from, to) = (self.bus(sheet, row, "bus0"), self.bus(sheet, row, "bus1"));
        let (from, to) = (from?, to?);
        if from == to {
            let at = (sheet.file.as_str(), sheet.line(row), "bus1");
            self.findings.warn(at, "self-loop", "both ends are the same bus; the row is left out", "give two different buses");
            return None;
        }
        Some((from, to))
    }

    fn buses(&mut self) {
        let sheet = self.sheet("buses.csv", &["bus_id", "station_id", "voltage", "x", "y"]);
        for row in 0..sheet.len() {
            let id = sheet.text(row, "bus_id").to_owned();
            if self.index.insert(id.clone(), self.network.buses.len()).is_some() {
                let what = format!("bus `{}` stands twice", clip(&id));
                self.findings.error(("buses.csv", sheet.line(row), "bus_id"), "duplicate-bus", what, "give every bus its own number");
            }
            let base_kv = self.voltage(&sheet, row);
            let (lon, lat) = (self.number(&sheet, row, "x"), self.number(&sheet, row, "y"));
            let is_dc = sheet.flag(row, "dc", &mut self.findings).unwrap_or(false);
            let planned = self.is_planned(&sheet, row);
            let tags = sheet.text(row, "tags");
            self.stations.push(sheet.text(row, "station_id").to_owned());
            self.is_dc.push(is_dc || base_kv == 0.0);
            self.under_construction.push(planned);
            self.network.buses.push(Bus {
                id,
                name: [said(tags, "name"), sheet.text(row, "symbol")].into_iter().find(|t| !t.is_empty()).unwrap_or("").to_owned(),
                base_kv,
                vm_pu: 1.0,
                vm_max_pu: f64::INFINITY,
                area: 1,
                zone: 1,
                lat_lon: (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some((lat, lon)),
                country: iso_country(said(tags, "country")).to_owned(),
                ..Bus::default()
            });
        }
        if sheet.len() == 0 {
            self.findings.error(("buses.csv", 0, ""), "no-bus", "the folder has no bus", "add rows to buses.csv");
        }
    }

    fn lines(&mut self) {
        let sheet = self.sheet("lines.csv", &["line_id", "bus0", "bus1", "length"]);
        // The description says kilometres, the European extract holds metres; no grid's middle line has 500 km.
        let mut lengths: Vec<f64> = (0..sheet.len()).filter_map(|row| sheet.text(row, "length").parse().ok()).collect();
        lengths.sort_by(f64::total_cmp);
        let scale = if lengths.get(lengths.len() / 2).is_some_and(|m| *m > 500.0) { 1000.0 } else { 1.0 };
        let (mut n_cables, mut n_short, mut n_mixed) = (0, 0, 0);
        for row in 0..sheet.len() {
            let Some((from, to)) = self.ends(&sheet, row) else { continue };
            let length_km = self.number(&sheet, row, "length") / scale;
            n_short += usize::from(length_km < MIN_LENGTH_KM);
            let length_km = length_km.max(MIN_LENGTH_KM);
            let own = self.voltage(&sheet, row);
            let at_bus = self.network.buses[from].base_kv.max(self.network.buses[to].base_kv);
            let v_kv = if own > 0.0 { own } else { at_bus };
            if v_kv == 0.0 {
                let at = ("lines.csv", sheet.line(row), "voltage");
                self.findings.error(at, "no-voltage", "neither the line nor its buses have a voltage", "give the voltage in kV");
                continue;
            }
            n_mixed += usize::from([from, to].iter().any(|&b| self.network.buses[b].base_kv != v_kv));
            n_cables += usize::from(sheet.flag(row, "underground", &mut self.findings) == Some(true));
            let circuits = self.circuits(&sheet, row);
            let in_service = !self.is_planned(&sheet, row);
            let branch = typical(v_kv, length_km);
            for circuit in 1..=circuits {
                let id = sheet.text(row, "line_id");
                let name = if circuits == 1 { id.to_owned() } else { format!("{id}/{circuit}") };
                self.network.branches.push(Branch { name, from, to, in_service, ..branch.clone() });
            }
        }
        self.count("lines.csv", "underground", n_cables, "cables get the values of overhead lines; their reactance is lower");
        self.count("lines.csv", "length", n_short, "lines are shorter than 50 m and are read as 50 m long");
        self.count("lines.csv", "voltage", n_mixed, "lines have another voltage than a bus they end at; per-unit values follow the line");
    }

    fn circuits(&mut self, sheet: &Sheet, row: usize) -> usize {
        if sheet.text(row, "circuits").is_empty() {
            return 1;
        }
        let n = self.number(sheet, row, "circuits");
        if n.fract() == 0.0 && (1.0..=20.0).contains(&n) {
            return n as usize;
        }
        let at = (sheet.file.as_str(), sheet.line(row), "circuits");
        self.findings.warn(at, "odd-circuits", format!("{n} circuits; one is read"), "give a whole number from 1 to 20");
        1
    }

    /// One warning about many rows.
    fn count(&mut self, file: &str, field: &str, n: usize, what: &str) {
        if n > 0 {
            self.findings.warn((file, 0, field), "assumed", format!("{n} {what}"), "give better values where it matters");
        }
    }

    fn transformers(&mut self) {
        let sheet = self.sheet("transformers.csv", &["transformer_id", "bus0", "bus1"]);
        for row in 0..sheet.len() {
            let Some((from, to)) = self.ends(&sheet, row) else { continue };
            self.network.branches.push(Branch {
                name: format!("transformer {}", sheet.text(row, "transformer_id")),
                from,
                to,
                in_service: true,
                x_pu: TRANSFORMER_X_PU * BASE_MVA / TRANSFORMER_MVA,
                rate_a_mva: TRANSFORMER_MVA,
                tap: 1.0,
                angle_min_deg: -360.0,
                angle_max_deg: 360.0,
                ..Branch::default()
            });
        }
        self.count("transformers.csv", "", sheet.len(), "transformers get 2,000 MVA and a reactance of 0.1 p.u.");
    }

    fn dc_line(&mut self, name: String, from: usize, to: usize) -> &mut DcLine {
        let p_range_mw = (-LINK_MW, LINK_MW);
        let at = self.network.dc_lines.len();
        self.network.dc_lines.push(DcLine { name, from, to, in_service: true, p_range_mw, vm_set_pu: (1.0, 1.0), ..DcLine::default() });
        &mut self.network.dc_lines[at]
    }

    fn links(&mut self) {
        let sheet = self.sheet("links.csv", &["link_id", "bus0", "bus1"]);
        let mut n_unknown = 0;
        for row in 0..sheet.len() {
            let Some((from, to)) = self.ends(&sheet, row) else { continue };
            let planned = self.is_planned(&sheet, row);
            let size = said(sheet.text(row, "tags"), "MW").parse().ok().filter(|mw: &f64| *mw > 0.0 && mw.is_finite());
            n_unknown += usize::from(size.is_none());
            let link = self.dc_line(format!("link {}", sheet.text(row, "link_id")), from, to);
            link.in_service = !planned;
            if let Some(mw) = size {
                link.p_range_mw = (-mw, mw);
            }
        }
        let sheet = self.sheet("converters.csv", &["converter_id", "bus0", "bus1"]);
        for row in 0..sheet.len() {
            let Some((from, to)) = self.ends(&sheet, row) else { continue };
            n_unknown += 1;
            self.dc_line(format!("converter {}", sheet.text(row, "converter_id")), from, to);
        }
        self.count("links.csv", "", n_unknown, "links and converters have no size and get 1,000 MW");
    }

    /// Joins terminals of direct current to the alternating-current grid.
    fn terminals(&mut self) {
        let at_link: Vec<usize> = self.network.dc_lines.iter().flat_map(|d| [d.from, d.to]).collect();
        let mut n_alone = 0;
        for bus in 0..self.network.buses.len() {
            if !self.is_dc[bus] || self.network.buses[bus].name == "joint" || !at_link.contains(&bus) {
                continue;
            }
            if let Some(other) = self.terminal_of(bus) {
                let name = format!("converter of bus {}", self.network.buses[bus].id);
                self.dc_line(name, bus, other);
            } else {
                n_alone += 1;
            }
        }
        self.count("buses.csv", "dc", n_alone, "terminals of direct current have no bus within 20 km and stay unconnected");
    }

    fn terminal_of(&self, bus: usize) -> Option<usize> {
        let buses = &self.network.buses;
        let ac = || (0..buses.len()).filter(|&k| !self.is_dc[k]);
        let same = ac().filter(|&k| self.stations[k] == self.stations[bus]).max_by(|&a, &b| buses[a].base_kv.total_cmp(&buses[b].base_kv));
        let (lat, lon) = buses[bus].lat_lon?;
        let near = || {
            ac().filter_map(|k| buses[k].lat_lon.map(|(y, x)| (distance_km(lat, lon, y, x), k)))
                .filter(|(km, _)| *km <= CONVERTER_REACH_KM)
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
                .map(|(_, k)| k)
        };
        same.or_else(near)
    }

    fn generators(&mut self) {
        let sheet = self.sheet("generators.csv", &["generator_id", "bus_id", "technology", "capacity"]);
        let mut n_unknown = 0;
        for row in 0..sheet.len() {
            let Some(bus) = self.bus(&sheet, row, "bus_id") else { continue };
            let capacity = self.number(&sheet, row, "capacity");
            n_unknown += usize::from(capacity <= 0.0);
            let tags = sheet.text(row, "tags");
            let name = said(tags, "name");
            self.network.generators.push(Generator {
                name: if name.is_empty() { format!("generator {}", sheet.text(row, "generator_id")) } else { name.to_owned() },
                fuel: sheet.text(row, "technology").to_owned(),
                bus,
                in_service: tag(tags, "under_construction") != "1",
                q_max_mvar: f64::INFINITY,
                q_min_mvar: f64::NEG_INFINITY,
                vm_set_pu: 1.0,
                mbase_mva: capacity.max(0.0),
                p_max_mw: capacity.max(0.0),
                ..Generator::default()
            });
        }
        self.count("generators.csv", "capacity", n_unknown, "generators have no capacity (-1, 0 or empty) and get 0 MW");
    }

    /// Joints and other buses without a country take it from the nearest bus along lines, by number of lines.
    fn countries(&mut self) {
        let n = &self.network;
        let mut near: Vec<Vec<usize>> = vec![Vec::new(); n.buses.len()];
        let pairs = n.branches.iter().map(|b| (b.from, b.to)).chain(n.dc_lines.iter().map(|d| (d.from, d.to)));
        for (a, b) in pairs {
            near[a].push(b);
            near[b].push(a);
        }
        let mut queue: VecDeque<usize> = (0..n.buses.len()).filter(|&k| !n.buses[k].country.is_empty()).collect();
        let mut n_derived = 0;
        // Every bus enters the queue once: with its own country, or when it gets one.
        while let Some(bus) = queue.pop_front() {
            for &other in &near[bus] {
                if self.network.buses[other].country.is_empty() {
                    let country = self.network.buses[bus].country.clone();
                    self.network.buses[other].country = country;
                    n_derived += 1;
                    queue.push_back(other);
                }
            }
        }
        self.count("buses.csv", "tags", n_derived, "buses have no country and take that of the nearest bus along lines");
    }

    /// Buses under construction are isolated, unless something in service ends there.
    fn isolate(&mut self) {
        let n = &mut self.network;
        let mut used = vec![false; n.buses.len()];
        let branches = n.branches.iter().filter(|b| b.in_service).flat_map(|b| [b.from, b.to]);
        let links = n.dc_lines.iter().filter(|d| d.in_service).flat_map(|d| [d.from, d.to]);
        branches.chain(links).for_each(|bus| used[bus] = true);
        for (bus, planned) in self.under_construction.iter().enumerate() {
            if *planned && !used[bus] {
                n.buses[bus].kind = BusKind::Isolated;
            }
        }
        let kinds: Vec<BusKind> = n.buses.iter().map(|b| b.kind).collect();
        n.generators.iter_mut().filter(|g| kinds[g.bus] == BusKind::Isolated).for_each(|g| g.in_service = false);
    }
}

/// One circuit of the line typical of a voltage.
fn typical(v_kv: f64, length_km: f64) -> Branch {
    let t = standard_types::typical_line(v_kv);
    let z_base = v_kv * v_kv / BASE_MVA;
    Branch {
        r_pu: t.r_ohm_km * length_km / z_base,
        x_pu: t.x_ohm_km * length_km / z_base,
        b_pu: TAU * t.f_nom_hz * 1e-9 * t.c_nf_km * length_km * z_base,
        rate_a_mva: 3.0_f64.sqrt() * v_kv * t.i_nom_ka,
        angle_min_deg: -360.0,
        angle_max_deg: 360.0,
        length_km,
        ..Branch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{folder, rules, shared};
    use super::*;

    const BUSES: &str = "bus_id,station_id,voltage,dc,symbol,under_construction,tags,x,y
1,1,380,f,Substation,f,'\"country\"=>\"DE\", \"oid\"=>\"7\"',10.0,50.0
2,2,380,f,joint,,,11.0,50.0
3,2,220,f,Substation,f,'\"country\"=>\"UK\"',11.0,50.0
4,1,,t,Converter Station,f,'\"country\"=>\"DE\"',10.0,50.0
5,5,,t,Converter Station,f,'\"country\"=>\"FR\"',11.05,50.0
6,6,380,f,Substation,t,'\"country\"=>\"DE\"',12.0,50.0
";
    const LINES: &str = "line_id,bus0,bus1,voltage,circuits,length,underground,under_construction,tags,geometry
a,1,2,380,2,100000,False,False,'\"text_\"=>\"x, y\"','LINESTRING(10 50,11 50)'
b,2,6,380,1,20000.0,True,True,,'LINESTRING(11 50,12 50)'
";

    fn files() -> Files {
        folder(&[
            ("buses.csv", BUSES),
            ("lines.csv", LINES),
            ("transformers.csv", "transformer_id,bus0,bus1\n9,3,2\n"),
            ("links.csv", "link_id,bus0,bus1,length,underground,under_construction,tags,geometry\n8,4,5,70000,t,f,'\"MW\"=>\"None\"',''\n"),
            ("converters.csv", "converter_id,bus0,bus1\n7,1,3\n"),
            (
                "generators.csv",
                "generator_id,bus_id,technology,capacity,tags,geometry\n\
                1,1,Nuclear,1300,'\"name\"=>\"Alpha\"',''\n\
                2,6,Wind farm,-1,'',''\n",
            ),
        ])
    }

    #[test]
    fn a_small_grid_is_read_with_typical_values() {
        let (n, findings) = parse("grid", &files());
        let n = n.unwrap_or_else(|| panic!("{findings:?}"));
        // Two circuits of 100 km at 380 kV: x = 0.246 ohm/km · 100 km · 100 MVA / 380² kV², 2.58 kA.
        assert_eq!(n.branches.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["a/1", "a/2", "b", "transformer 9"]);
        let b = &n.branches[1];
        assert!((b.x_pu - 0.246 * 100.0 * 100.0 / 144_400.0).abs() < 1e-15 && (b.length_km - 100.0).abs() < 1e-12);
        assert!((b.rate_a_mva - 1_698.1).abs() < 0.1 && b.in_service);
        assert!(!n.branches[2].in_service, "under construction");
        assert!((n.branches[3].x_pu - 0.005).abs() < 1e-15 && n.branches[3].rate_a_mva == 2000.0);
        // One link, one converter, and a converter at each end of the link: at its station, and at the nearest bus.
        let ends: Vec<(usize, usize)> = n.dc_lines.iter().map(|d| (d.from, d.to)).collect();
        assert_eq!(ends, [(3, 4), (0, 2), (3, 0), (4, 1)]);
        assert_eq!(n.dc_lines[0].p_range_mw, (-1000.0, 1000.0));
        let countries: Vec<&str> = n.buses.iter().map(|b| b.country.as_str()).collect();
        assert_eq!(countries, ["DE", "DE", "GB", "DE", "FR", "DE"]);
        assert_eq!((n.buses[0].kind, n.buses[5].kind), (BusKind::Reference, BusKind::Isolated));
        assert_eq!((n.generators[0].name.as_str(), n.generators[0].p_max_mw, n.generators[0].fuel.as_str()), ("Alpha", 1300.0, "Nuclear"));
        assert_eq!((n.generators[1].p_max_mw, n.generators[1].in_service), (0.0, false));
        assert_eq!(n.buses[0].lat_lon, Some((50.0, 10.0)));
        assert!(findings.iter().any(|f| f.field == "capacity" && f.what.starts_with("1 generators")), "{findings:?}");
    }

    #[test]
    fn dangling_references_and_double_buses_are_errors() {
        let cases = [
            ("lines.csv", "a,1,2", "a,1,77", "unknown-bus", 2),
            ("generators.csv", "\n2,6", "\n2,66", "unknown-bus", 3),
            ("buses.csv", "\n3,2,220", "\n2,2,220", "duplicate-bus", 4),
            ("lines.csv", "circuits,length", "circuits,len", "missing-column", 1),
            ("buses.csv", "11.0,50.0\n3", "11.0\n3", "ragged-row", 3),
        ];
        for (file, old, new, rule, line) in cases {
            let mut files = files();
            let text = String::from_utf8(files.remove(file).unwrap()).unwrap().replacen(old, new, 1);
            files.insert(file.to_owned(), text.into_bytes());
            let (n, findings) = parse("grid", &files);
            assert!(n.is_none() && findings.iter().any(|f| f.rule == rule && f.line == line), "{new}: {findings:#?}");
        }
        let (n, findings) = parse("grid", &Files::new());
        assert!(n.is_none() && rules(&findings).contains(&"no-bus"));
    }

    #[test]
    fn tags_are_read_by_whole_keys() {
        let tags = "\"oid_name\"=>\"no\", \"name\"=>\"Yes, it is\", \"empty\"=>\"\"";
        assert_eq!((tag(tags, "name"), tag(tags, "empty"), tag(tags, "absent")), ("Yes, it is", "", ""));
    }

    #[test]
    fn the_european_extract_is_read() {
        let Some(path) = shared("energy-power/entsoe-gridkit") else { return };
        let n = super::super::read_power(&path).unwrap().0.unwrap();
        assert_eq!((n.buses.len(), n.generators.len()), (8807, 2582));
        // 11,151 lines with 1 to 3 circuits, and 1,039 transformers.
        assert_eq!((n.branches.len(), n.branches.iter().filter(|b| b.tap == 1.0).count()), (15_742, 1_039));
        assert!(n.buses.iter().filter(|b| b.country == "DE").count() > 474, "joints take a country");
        let longest = n.branches.iter().map(|b| b.length_km).fold(0.0, f64::max);
        assert!((100.0..2000.0).contains(&longest), "{longest} km");
    }
}
