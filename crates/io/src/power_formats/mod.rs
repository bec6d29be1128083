//! Power networks as files: MATPOWER cases, `PyPSA` and `GridKit` folders, and the way from a network to a case folder.
//!
//! Readers list everything that is wrong or odd, with file, line, column and advice, and give the network only when no
//! finding is an error. They never panic and every loop ends with its input, whatever the bytes.

mod csv_sheet;
pub mod gridkit;
mod m_file;
pub mod matpower;
pub mod matpower_write;
pub mod pypsa;
pub mod pypsa_write;
mod standard_types;
#[cfg(test)]
mod testing;
pub mod to_case;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use buttress_model::network::{BusKind, PowerNetwork};
use buttress_model::{Finding, Weight};

/// Largest file read; larger ones are refused before they fill memory.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// The world failed, or what was given is no power network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error("cannot read {path}: {why}; give a MATPOWER file, or a folder of PyPSA or GridKit tables")]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// The system's word.
        why: std::io::Error,
    },
    /// None of the formats fits.
    #[error("{path} is no power network: {why}; give a MATPOWER `.m` file, or a folder of PyPSA or GridKit tables")]
    UnknownFormat {
        /// What was to be read.
        path: PathBuf,
        /// What was looked for.
        why: String,
    },
    /// The file is larger than what is read.
    #[error("{path} has {bytes} bytes; at most {MAX_FILE_BYTES} are read")]
    TooLarge {
        /// What was to be read.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

/// Files of a folder by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads a power network, and decides by content which format it is: a MATPOWER `.m` file, a `PyPSA` folder (`buses.csv` with
/// `v_nom`, or `network.csv`), or a `GridKit` folder (`buses.csv` with `bus_id` and `station_id`).
pub fn read_power(path: &Path) -> Result<(Option<PowerNetwork>, Vec<Finding>), Error> {
    read_power_at(path, None)
}

/// As [`read_power`], at a named snapshot of a `PyPSA` folder; without a name, or in other formats, at the first.
pub fn read_power_at(path: &Path, snapshot: Option<&str>) -> Result<(Option<PowerNetwork>, Vec<Finding>), Error> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("network");
    let unknown = |why: &str| Error::UnknownFormat { path: path.into(), why: why.into() };
    if !path.is_dir() {
        let bytes = read_bytes(path)?;
        let is_m = path.extension().is_some_and(|x| x.eq_ignore_ascii_case("m"));
        return if is_m { Ok(matpower::parse(name, &bytes)) } else { Err(unknown("the file's name does not end in `.m`")) };
    }
    let files = read_folder(path)?;
    let header = files.get("buses.csv").map_or("", |b| first_line(b));
    let has = |column: &str| header.split(',').any(|h| h.trim_matches(['"', '\'', ' ', '\u{feff}']) == column);
    if has("bus_id") && has("station_id") {
        Ok(gridkit::parse(name, &files))
    } else if has("v_nom") || files.contains_key("network.csv") {
        Ok(pypsa::parse(name, &files, snapshot))
    } else {
        Err(unknown("it has no buses.csv with `v_nom` (PyPSA) or `bus_id` and `station_id` (GridKit), and no network.csv"))
    }
}

fn first_line(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).unwrap_or("")
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |why| Error::Unreadable { path: path.into(), why };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(Error::TooLarge { path: path.into(), bytes });
    }
    std::fs::read(path).map_err(unreadable)
}

fn read_folder(dir: &Path) -> Result<Files, Error> {
    let entries = std::fs::read_dir(dir).map_err(|why| Error::Unreadable { path: dir.into(), why })?;
    let paths = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_file() && p.extension().is_some_and(|x| x == "csv"));
    let mut files = Files::new();
    for path in paths {
        if let Some(name) = path.file_name().and_then(|n| n.to_str()) {
            files.insert(name.to_owned(), read_bytes(&path)?);
        }
    }
    Ok(files)
}

/// Findings of one rule in one file that are listed one by one; more are counted.
const LISTED_PER_RULE: usize = 20;

/// Where a finding stands: file, line (0 for the whole file) and field (empty for the whole row).
type At<'a> = (&'a str, u64, &'a str);

/// Collects findings, so many of a rule and file, and counts the rest.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
    seen: BTreeMap<(String, &'static str), (usize, Weight)>,
    n_errors: usize,
}

impl Findings {
    fn add(&mut self, weight: Weight, at: At, rule: &'static str, what: String, advice: &str) {
        let (file, line, field) = at;
        let seen = self.seen.entry((file.to_owned(), rule)).or_insert((0, weight));
        seen.0 += 1;
        seen.1 = seen.1.min(weight);
        self.n_errors += usize::from(weight == Weight::Error);
        if seen.0 <= LISTED_PER_RULE {
            self.list.push(Finding { weight, file: file.into(), line, field: field.into(), rule, what, advice: advice.into() });
        }
    }

    fn error(&mut self, at: At, rule: &'static str, what: impl Into<String>, advice: &str) {
        self.add(Weight::Error, at, rule, what.into(), advice);
    }

    fn warn(&mut self, at: At, rule: &'static str, what: impl Into<String>, advice: &str) {
        self.add(Weight::Warning, at, rule, what.into(), advice);
    }

    /// All findings, sorted, those beyond the limit as one line a rule.
    fn finish(mut self) -> Vec<Finding> {
        self.list.sort();
        for ((file, rule), (n, weight)) in self.seen {
            if n > LISTED_PER_RULE {
                let what = format!("{} more like these", n - LISTED_PER_RULE);
                let advice = "mend those listed and read again".into();
                self.list.push(Finding { weight, file, line: 0, field: String::new(), rule, what, advice });
            }
        }
        self.list
    }

    /// The network, unless a finding is an error, and all findings.
    fn close(self, network: PowerNetwork) -> (Option<PowerNetwork>, Vec<Finding>) {
        let usable = self.n_errors == 0;
        (usable.then_some(network), self.finish())
    }
}

/// Gives every island without a reference one: the bus of its first generator in service, else its first bus. A bus alone
/// without a generator gets none.
fn give_references(n: &mut PowerNetwork) {
    let island = islands(n);
    let mut size = vec![0_usize; n.buses.len()];
    island.iter().for_each(|&i| size[i] += 1);
    let mut has = vec![false; n.buses.len()];
    for (bus, &i) in n.buses.iter().zip(&island) {
        has[i] |= bus.kind == BusKind::Reference;
    }
    let running = n.generators.iter().filter(|g| g.in_service).map(|g| g.bus);
    let joined = (0..n.buses.len()).filter(|&bus| size[island[bus]] > 1);
    for bus in running.chain(joined).collect::<Vec<_>>() {
        if !has[island[bus]] && n.buses[bus].kind != BusKind::Isolated {
            has[island[bus]] = true;
            n.buses[bus].kind = BusKind::Reference;
        }
    }
}

/// Lowest bus of the island of each bus, by branches in service.
fn islands(n: &PowerNetwork) -> Vec<usize> {
    let mut root: Vec<usize> = (0..n.buses.len()).collect();
    let find = |root: &mut Vec<usize>, mut i: usize| {
        while root[i] != i {
            root[i] = root[root[i]];
            i = root[i];
        }
        i
    };
    for b in n.branches.iter().filter(|b| b.in_service) {
        let (x, y) = (find(&mut root, b.from), find(&mut root, b.to));
        root[x.max(y)] = x.min(y);
    }
    (0..n.buses.len()).map(|i| find(&mut root, i)).collect()
}

/// At most 40 characters of a text, without control characters.
fn clip(text: &str) -> String {
    let mut out: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_content() {
        let Some(data) = testing::shared("energy-power") else { return };
        let buses = |path: &str| read_power(&data.join(path)).unwrap().0.map(|n| (n.buses.len(), n.generators.len(), n.branches.len()));
        assert_eq!(buses("matpower/case14.m"), Some((14, 5, 20)));
        assert_eq!(buses("scigrid-de"), Some((585, 1461, 948)));
        assert_eq!(buses("entsoe-gridkit").map(|n| (n.0, n.1)), Some((8807, 2582)));
        for other in ["rts-gmlc", "rts-gmlc/bus.csv", "powerplants"] {
            assert!(matches!(read_power(&data.join(other)), Err(Error::UnknownFormat { .. })), "{other}");
        }
        assert!(matches!(read_power(&data.join("absent.m")), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn many_like_findings_are_counted_and_the_network_is_withheld() {
        let mut f = Findings::default();
        (0..100).for_each(|k| f.error(("a", k, ""), "rule", "what", "advice"));
        f.warn(("a", 0, ""), "other", "what", "advice");
        let (network, list) = f.close(PowerNetwork::default());
        assert!(network.is_none());
        assert_eq!(list.len(), LISTED_PER_RULE + 2);
        assert!(list.iter().any(|f| f.what.starts_with("80 more")));
    }
}
