use super::*;
use buttress_model::network::{Branch, Bus, BusKind, Generator};
use std::path::PathBuf;

/// The folder of published cases, when it is there.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: no folder {}", folder.display());
    }
    found.then_some(folder)
}

/// Rows of one matrix of a MATPOWER file.
fn matrix(text: &str, name: &str) -> Vec<Vec<f64>> {
    let head = format!("mpc.{name} = [");
    let body = text.split(&head).nth(1).and_then(|t| t.split("];").next()).unwrap_or_default();
    let row = |l: &str| {
        l.split('%').next().unwrap_or_default().replace(';', " ").split_whitespace().map(|x| x.parse().expect("number")).collect()
    };
    body.lines().map(row).filter(|r: &Vec<f64>| !r.is_empty()).collect()
}

/// A small reader for tests: MATPOWER version 2 with polynomial costs.
#[expect(clippy::disallowed_methods, reason = "published cases stand in files")]
pub(crate) fn read_matpower(path: &std::path::Path) -> PowerNetwork {
    let text = std::fs::read_to_string(path).expect("case");
    let base_mva = text.split("mpc.baseMVA =").nth(1).and_then(|t| t.split(';').next()).expect("base").trim().parse().expect("number");
    let rows = matrix(&text, "bus");
    let bus = |id: f64| rows.iter().position(|r| r[0] == id).expect("bus");
    let kind = |k: f64| if k == 4.0 { BusKind::Isolated } else { BusKind::Pq };
    let buses = rows.iter().map(|r| Bus { kind: kind(r[1]), pd_mw: r[2], gs_mw: r[4], ..Bus::default() }).collect();
    let costs = matrix(&text, "gencost");
    let generator = |(k, g): (usize, &Vec<f64>)| Generator {
        bus: bus(g[0]),
        in_service: g[7] > 0.0,
        p_mw: g[1],
        p_max_mw: g[8],
        p_min_mw: g[9],
        cost: Cost::Polynomial(costs.get(k).map_or(vec![], |c| c[4..4 + c[3] as usize].to_vec())),
        ..Generator::default()
    };
    let branch = |b: &Vec<f64>| Branch {
        from: bus(b[0]),
        to: bus(b[1]),
        r_pu: b[2],
        x_pu: b[3],
        rate_a_mva: b[5],
        rate_b_mva: b[6],
        rate_c_mva: b[7],
        tap: b[8],
        shift_deg: b[9],
        in_service: b[10] > 0.0,
        angle_min_deg: b[11],
        angle_max_deg: b[12],
        ..Branch::default()
    };
    PowerNetwork {
        base_mva,
        generators: matrix(&text, "gen").iter().enumerate().map(generator).collect(),
        branches: matrix(&text, "branch").iter().map(branch).collect(),
        buses,
        ..PowerNetwork::default()
    }
}

/// Every row of the published table whose case is in the folder, with its DC objective as printed.
#[expect(clippy::disallowed_methods, reason = "published values stand in files")]
fn baseline() -> Vec<(PathBuf, String)> {
    let Some(folder) = shared_data().map(|d| d.join("energy-power/pglib-opf")) else { return vec![] };
    let text = std::fs::read_to_string(folder.join("BASELINE-shared.md")).expect("table");
    let mut out = Vec::new();
    for cells in text.lines().filter(|l| l.starts_with("| pglib")).map(|l| l.split('|').map(str::trim).collect::<Vec<&str>>()) {
        let path = ["", "api", "sad"].iter().map(|sub| folder.join(sub).join(format!("{}.m", cells[1]))).find(|p| p.exists());
        if let Some(path) = path {
            out.push((path, cells[4].to_owned()));
        }
    }
    assert_eq!(out.len(), 23);
    out
}

#[test]
fn every_published_objective_comes_out_to_all_printed_digits() {
    for (path, published) in baseline() {
        let flow = optimal_flow(&read_matpower(&path), Convention::PowerModels);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name} {} {:.6} ({published})", flow.ending.name(), flow.objective);
        if published == "inf." {
            assert_eq!(flow.ending, Ending::Infeasible, "{name}");
        } else {
            let published: f64 = published.parse().expect("number");
            let digits = |x: f64| format!("{x:.4e}");
            assert_eq!(flow.ending, Ending::Solved, "{name}");
            assert_eq!(digits(flow.objective), digits(published), "{name} {}", flow.objective);
        }
    }
}
