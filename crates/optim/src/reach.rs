//! Whom an asset serves in normal operation: candidates of particular European significance.
//!
//! An asset serves a member when it carries at least [`SERVED_SHARE`] of that member's demand for its commodity in the base
//! state. Source of the threshold of six members: Directive (EU) 2022/2557, Art. 17(1).

use std::collections::{BTreeMap, BTreeSet};

use crate::answer::Significant;
use crate::assess::{Desk, SIGNIFICANT_MEMBERS};

/// Least share of a member's demand that counts as being served.
const SERVED_SHARE: f64 = 0.01;

pub(crate) fn significant(desk: &Desk) -> Vec<Significant> {
    let mut by_asset: BTreeMap<u32, (String, BTreeSet<usize>)> = BTreeMap::new();
    let mut add = |asset: usize, service: &str, zones: BTreeSet<usize>| {
        if !zones.is_empty() {
            by_asset.entry(asset as u32).or_insert_with(|| (service.to_owned(), BTreeSet::new())).1.extend(zones);
        }
    };
    data(desk, &mut add);
    sea(desk, &mut add);
    gas(desk, &mut add);
    space(desk, &mut add);
    let is_member = |z: &usize| desk.world.zones[*z].is_eu;
    let keys = |zones: &BTreeSet<usize>| zones.iter().filter(|z| is_member(z)).map(|&z| desk.zones[z].clone()).collect::<Vec<_>>();
    let mut by_operator: BTreeMap<String, (String, BTreeSet<usize>)> = BTreeMap::new();
    for (&asset, (service, zones)) in &by_asset {
        let operator = &desk.world.asset(asset).operator;
        if !operator.is_empty() {
            by_operator.entry(operator.clone()).or_insert_with(|| (service.clone(), BTreeSet::new())).1.extend(zones);
        }
    }
    let assets = by_asset.iter().map(|(&a, (service, zones))| Significant {
        who: desk.world.asset(a).key.clone(),
        what: "asset",
        service: service.clone(),
        members: keys(zones),
    });
    let operators = by_operator.iter().map(|(o, (service, zones))| Significant {
        who: o.clone(),
        what: "operator",
        service: service.clone(),
        members: keys(zones),
    });
    let mut out: Vec<Significant> = assets.chain(operators).filter(|s| s.members.len() >= SIGNIFICANT_MEMBERS).collect();
    out.sort_by(|a, b| b.members.len().cmp(&a.members.len()).then(a.who.cmp(&b.who)));
    out
}

/// Zones of which the amounts reach the least share of demand.
fn served(amounts: &BTreeMap<usize, f64>, demand: &[f64]) -> BTreeSet<usize> {
    amounts.iter().filter(|(z, x)| demand[**z] > 0.0 && **x >= SERVED_SHARE * demand[**z]).map(|(z, _)| *z).collect()
}

fn data(desk: &Desk, add: &mut impl FnMut(usize, &str, BTreeSet<usize>)) {
    let w = &desk.world;
    for link in 0..desk.case.tables().data_links.len() {
        let mut amounts: BTreeMap<usize, f64> = BTreeMap::new();
        for (a, b, x) in w.data.flows_over_link(link) {
            for end in [a, b] {
                *amounts.entry(w.data.zone[end]).or_default() += x / 2.0;
            }
        }
        add(w.first.data_link + link, "data", served(&amounts, &w.data.demand));
    }
}

fn sea(desk: &Desk, add: &mut impl FnMut(usize, &str, BTreeSet<usize>)) {
    let w = &desk.world;
    let demand = &desk.base.demand[buttress_engine::outcome::Service::Freight as usize];
    let mut book = |asset: usize, flows: Vec<usize>| {
        let mut amounts: BTreeMap<usize, f64> = BTreeMap::new();
        for f in flows {
            for z in w.sea.ends(f) {
                *amounts.entry(z).or_default() += w.sea.flows[f].2 / 2.0;
            }
        }
        add(asset, "freight", served(&amounts, demand));
    };
    for p in 0..desk.case.tables().passages.len() {
        book(w.first.passage + p, w.sea.flows_through_passage(p));
    }
    for p in 0..desk.case.tables().ports.len() {
        book(w.first.port + p, w.sea.flows_at_port(p));
    }
}

/// Gas from a supply, terminal, store or pipe follows the base flow of the first instant, mixed in proportion at each hub.
fn gas(desk: &Desk, add: &mut impl FnMut(usize, &str, BTreeSet<usize>)) {
    let w = &desk.world;
    let Some(first) = desk.base.gas.first() else { return };
    let demand = &desk.base.demand[buttress_engine::outcome::Service::Gas as usize];
    let n = w.gas.n_nodes;
    let mut out = vec![Vec::new(); n];
    let mut through = vec![0.0; n];
    for (p, &f) in w.gas.pipes.iter().zip(&first.flow.pipe) {
        let (a, b) = if f >= 0.0 { (p.0, p.1) } else { (p.1, p.0) };
        if f.abs() > 1e-3 {
            out[a].push((b, f.abs()));
            through[a] += f.abs();
        }
    }
    let mut used = vec![BTreeMap::new(); n];
    for (d, share) in w.gas.demands.iter().zip(&first.flow.served) {
        let x: f64 = (0..3).map(|c| d.2[c] * share[c]).sum();
        *used[d.0].entry(d.1).or_insert(0.0) += x;
        through[d.0] += x;
    }
    let follow = |node: usize, amount: f64| {
        let mut amounts: BTreeMap<usize, f64> = BTreeMap::new();
        let mut front = vec![(node, amount)];
        // Flows of a capacitated network may hold small loops; the number of passes is bounded by the number of hubs.
        for _ in 0..n {
            let mut next: BTreeMap<usize, f64> = BTreeMap::new();
            for (i, x) in front {
                if through[i] <= 0.0 || x < 1e-3 {
                    continue;
                }
                for (&z, &u) in &used[i] {
                    *amounts.entry(z).or_default() += x * u / through[i];
                }
                for &(j, f) in &out[i] {
                    *next.entry(j).or_default() += x * f / through[i];
                }
            }
            front = next.into_iter().collect();
            if front.is_empty() {
                break;
            }
        }
        served(&amounts, demand)
    };
    for (k, s) in w.gas.supplies.iter().enumerate() {
        add(w.first.gas_supply + k, "gas", follow(s.0, s.1));
    }
    for (k, s) in w.gas.terminals.iter().enumerate() {
        add(w.first.terminal + k, "gas", follow(s.0, s.2));
    }
    for (k, (p, &f)) in w.gas.pipes.iter().zip(&first.flow.pipe).enumerate() {
        if f.abs() > 1e-3 {
            add(w.first.gas_pipe + k, "gas", follow(if f >= 0.0 { p.1 } else { p.0 }, f.abs()));
        }
    }
}

/// Positioning and augmentation systems, and the sites they cannot do without, serve everybody.
fn space(desk: &Desk, add: &mut impl FnMut(usize, &str, BTreeSet<usize>)) {
    let all: BTreeSet<usize> = (0..desk.zones.len()).filter(|&z| !desk.world.zones[z].is_gate).collect();
    let w = &desk.world;
    for (k, c) in desk.case.tables().constellations.iter().enumerate() {
        if c.service == "pnt" || c.service == "augmentation" {
            add(w.first.system + k, "positioning and timing", all.clone());
        }
    }
    for (k, g) in desk.case.tables().ground_sites.iter().enumerate() {
        let pnt = desk.case.tables().constellations.iter().any(|c| c.asset.key == g.constellation && c.service == "pnt");
        if pnt && g.asset.kind == "ground_control" {
            add(w.first.ground_site + k, "positioning and timing", all.clone());
        }
    }
}
