//! How much of a service rests on one supplier, one owner or one system.
//!
//! Herfindahl-Hirschman index: Σ s², from 1/n (even) to 1 (one supplier).

use std::collections::BTreeMap;

use crate::answer::Concentration;
use crate::assess::Desk;

fn row(zone: &str, what: &str, amounts: BTreeMap<String, f64>) -> Option<Concentration> {
    let total: f64 = amounts.values().sum();
    if total <= 0.0 || amounts.len() < 2 && amounts.keys().next().is_none_or(String::is_empty) {
        return None;
    }
    let mut shares: Vec<(String, f64)> =
        amounts.into_iter().map(|(k, v)| (if k.is_empty() { "unknown".into() } else { k }, v / total)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let hhi = shares.iter().map(|s| s.1 * s.1).sum();
    shares.truncate(6);
    Some(Concentration { zone: zone.into(), what: what.into(), shares, hhi })
}

pub(crate) fn concentration(desk: &Desk) -> Vec<Concentration> {
    let t = desk.case.tables();
    let mut out = Vec::new();
    let mut origin: BTreeMap<String, f64> = BTreeMap::new();
    for s in t.gas_supplies.iter().filter(|s| s.asset.in_service) {
        *origin.entry(s.asset.supplier.clone()).or_default() += s.supply_gwh_d;
    }
    for l in t.lng_terminals.iter().filter(|l| l.asset.in_service) {
        *origin.entry("LNG".into()).or_default() += l.sendout_gwh_d * l.arrivals_share;
    }
    out.extend(row("all", "gas supply by origin (GWh/d capacity)", origin));
    let mut by_maker: BTreeMap<String, f64> = BTreeMap::new();
    for h in t.hvdc.iter().filter(|h| h.asset.in_service) {
        *by_maker.entry(h.asset.supplier.clone()).or_default() += h.p_max_mw;
    }
    out.extend(row("all", "HVDC links by maker (MW)", by_maker));
    let mut cables: BTreeMap<String, f64> = BTreeMap::new();
    for c in t.data_links.iter().filter(|c| c.asset.in_service && c.asset.kind == "submarine_cable") {
        *cables.entry(c.asset.supplier.clone()).or_default() += c.capacity_gbit_s;
    }
    out.extend(row("all", "submarine cables by maker (Gbit/s)", cables));
    for zone in desk.world.zones.iter().filter(|z| !z.is_gate) {
        let mut technology: BTreeMap<String, f64> = BTreeMap::new();
        for p in t.plants.iter().filter(|p| p.asset.zone == zone.key && p.asset.in_service) {
            *technology.entry(p.technology.clone()).or_default() += p.p_max_mw;
        }
        out.extend(row(&zone.key, "power plants by technology (MW)", technology));
        let mut entries: BTreeMap<String, f64> = BTreeMap::new();
        for a in desk
            .case
            .assets()
            .iter()
            .filter(|a| a.kind == "gas_pipe" && a.in_service && a.zone != a.zone_to && (a.zone == zone.key || a.zone_to == zone.key))
        {
            let other = if a.zone == zone.key { &a.zone_to } else { &a.zone };
            *entries.entry(other.clone()).or_default() += a.capacity;
        }
        out.extend(row(&zone.key, "gas entry capacity by neighbour (GWh/d)", entries));
    }
    out.sort_by(|a, b| {
        (a.zone != "all").cmp(&(b.zone != "all")).then(b.hhi.total_cmp(&a.hhi)).then(a.zone.cmp(&b.zone)).then(a.what.cmp(&b.what))
    });
    out
}
