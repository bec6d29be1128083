//! Helpers of the tests: shared data, and direct-current flows by dense elimination.

use std::path::PathBuf;

use buttress_model::Finding;
use buttress_model::network::{BusKind, PowerNetwork};

/// A file or folder of the shared data; `None`, and a line on the error stream, where it is missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !full.exists() {
        eprintln!("skipped: ../shared/data/{path} is missing");
        return None;
    }
    Some(full)
}

/// A folder of inline files.
pub fn folder(files: &[(&str, &str)]) -> super::Files {
    files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Rules of findings.
pub fn rules(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.rule).collect()
}

/// Flow from → to of each branch, MW, with b = 1/(x tap); every reference has angle 0 and balances its island.
pub fn dc_flows(n: &PowerNetwork) -> Vec<f64> {
    let size = n.buses.len();
    let mut a = vec![vec![0.0; size + 1]; size];
    for (k, bus) in n.buses.iter().enumerate() {
        a[k][size] = -(bus.pd_mw + bus.gs_mw) / n.base_mva;
    }
    n.generators.iter().filter(|g| g.in_service).for_each(|g| a[g.bus][size] += g.p_mw / n.base_mva);
    for d in n.dc_lines.iter().filter(|d| d.in_service) {
        a[d.from][size] -= d.p_from_mw / n.base_mva;
        a[d.to][size] += d.p_to_mw / n.base_mva;
    }
    for b in n.branches.iter().filter(|b| b.in_service) {
        let y = 1.0 / (b.x_pu * b.ratio());
        let shifted = y * b.shift_deg.to_radians();
        for (i, j, s) in [(b.from, b.to, shifted), (b.to, b.from, -shifted)] {
            a[i][i] += y;
            a[i][j] -= y;
            a[i][size] += s;
        }
    }
    for (k, _) in n.buses.iter().enumerate().filter(|(_, b)| b.kind == BusKind::Reference) {
        a[k] = vec![0.0; size + 1];
        a[k][k] = 1.0;
    }
    for k in 0..size {
        let pivot = (k..size).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        let row = a[k].clone();
        for below in a.iter_mut().skip(k + 1).filter(|r| r[k] != 0.0) {
            let factor = below[k] / row[k];
            below.iter_mut().zip(&row).skip(k).for_each(|(x, y)| *x -= factor * y);
        }
    }
    let mut angle = vec![0.0; size];
    for k in (0..size).rev() {
        let rest: f64 = (k + 1..size).map(|j| a[k][j] * angle[j]).sum();
        angle[k] = (a[k][size] - rest) / a[k][k];
    }
    let flow = |b: &buttress_model::network::Branch| {
        f64::from(u8::from(b.in_service)) * (angle[b.from] - angle[b.to] - b.shift_deg.to_radians()) / (b.x_pu * b.ratio()) * n.base_mva
    };
    n.branches.iter().map(flow).collect()
}
