//! The embedded Europe: the tables of `data/europe`, compressed into the library at build time.

use std::io::Read;

use buttress_model::draft::Draft;
use buttress_model::{Case, Finding};

use crate::case_folder;
use crate::report::Ring;

static ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/europe.gz"));

/// Files of the embedded case by name.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    // The archive was written by the build script of this very crate; what cannot be read is left out and then missed by the check.
    let _ = flate2::read::GzDecoder::new(ARCHIVE).read_to_end(&mut bytes);
    let (mut out, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some(end) = rest.iter().position(|&b| b == b'\n') {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let Some((name, length)) = head.rsplit_once(' ') else { break };
        let Ok(length) = length.parse::<usize>() else { break };
        let start = end + 1;
        if start + length > rest.len() {
            break;
        }
        out.push((name.to_owned(), rest[start..start + length].to_vec()));
        rest = &rest[start + length..];
    }
    out
}

/// The embedded case as a draft.
pub fn draft() -> (Draft, Vec<Finding>) {
    let tables: Vec<(String, Vec<u8>)> = files().into_iter().filter(|f| f.0 != "borders.csv").collect();
    case_folder::parse("europe", &tables)
}

/// The embedded case, checked.
pub fn case() -> (Option<Case>, Vec<Finding>) {
    let (draft, mut findings) = draft();
    let (case, more) = buttress_model::check::check(&draft);
    findings.extend(more);
    (case, findings)
}

/// Borders for maps.
pub fn borders() -> Vec<Ring> {
    let Some((_, bytes)) = files().into_iter().find(|f| f.0 == "borders.csv") else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let mut rings: Vec<(String, String, Vec<(f64, f64)>)> = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [zone, ring, lon, lat] = cells[..] else { continue };
        let (Ok(lon), Ok(lat)) = (lon.parse(), lat.parse()) else { continue };
        match rings.last_mut() {
            Some(last) if last.0 == zone && last.1 == ring => last.2.push((lon, lat)),
            _ => rings.push((zone.to_owned(), ring.to_owned(), vec![(lon, lat)])),
        }
    }
    rings.into_iter().map(|(zone, _, points)| Ring { zone, points }).collect()
}
