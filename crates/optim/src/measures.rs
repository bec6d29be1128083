//! Measures of the catalogue, simulated against the worst weaknesses, and what a budget buys.
//!
//! Avoided loss of a measure = Σ over weaknesses of (loss without it − loss with it). A set is chosen greedily by avoided
//! euro per euro, where shares of one weakness combine as 1 − Π(1 − share); the chosen set is then simulated as a whole, so
//! that the promise can be compared with the replay.

use std::collections::{BTreeMap, BTreeSet};

use buttress_engine::batch::map;
use buttress_engine::cascade::{Keep, run};
use buttress_engine::outcome::Service;
use buttress_model::tables::Measure;
use buttress_model::{Action, Change};

use crate::answer::{AssetLoss, MeasureResult, Plan, Portfolio, Summary, ThreatResult, Weakness};
use crate::assess::{Desk, measure_changes, threat_changes};

/// Weaknesses that measures are tried on: the worst threats and the worst assets.
const N_THREATS: usize = 10;
const N_ASSETS: usize = 8;
/// Discount rate of yearly costs (the social rate that the Commission's cost-benefit guides use, 3 %).
const DISCOUNT_RATE: f64 = 0.03;

/// A weakness as changes, with its loss.
struct Trial {
    shown: Weakness,
    changes: Vec<Change>,
    loss: Summary,
    home: Vec<usize>,
    /// Assets that failed, by damage or by cascade.
    failed: BTreeSet<u32>,
}

impl Trial {
    /// True when a change can alter the loss at all: it touches an asset that failed, or adds capacity, stock or demand
    /// response to a service that was lost. What cannot help is not run again.
    fn is_touched(&self, desk: &Desk, c: &Change) -> bool {
        let lost = |s: Service| self.loss.lost[s as usize] > 0.0;
        let kind = |i: usize| desk.case.assets()[i].kind.as_str();
        match c.action {
            Action::Harden | Action::SpeedRepair | Action::SetBuffer => {
                c.select.select(desk.case).iter().any(|&i| self.failed.contains(&(i as u32)))
            }
            Action::SetDemand | Action::Jam | Action::Forbid | Action::Restore | Action::TakeOut | Action::Derate | Action::SetSupply => {
                true
            }
            Action::Uprate | Action::AddStock | Action::SetStorage => c.select.select(desk.case).iter().any(|&i| match kind(i) {
                "substation" | "power_line" | "hvdc_link" | "power_plant" => lost(Service::Electricity),
                k if k.starts_with("gas") || k == "lng_terminal" => lost(Service::Gas) || lost(Service::Electricity),
                "metro" | "exchange" | "landing_station" | "data_centre" | "fibre_link" | "submarine_cable" => lost(Service::Data),
                "port" | "sea_lane" | "passage" => lost(Service::Freight),
                "airport" => lost(Service::Passengers),
                _ => true,
            }),
        }
    }
}

fn trials(desk: &Desk, losses: &[AssetLoss], threats: &[ThreatResult]) -> Vec<Trial> {
    let mut out = Vec::new();
    for t in threats.iter().filter(|t| t.runs[1].euro[1] > 0.0).take(N_THREATS) {
        let threat = &desk.case.tables().threats[t.threat];
        let changes = threat_changes(desk.case, &threat.key);
        if changes.iter().any(|c| c.action.is_structural()) {
            continue;
        }
        let home = desk.home_of(&desk.world, &changes);
        out.push(Trial {
            shown: Weakness {
                key: threat.key.clone(),
                name: threat.name.clone(),
                euro: t.runs[1].euro[1],
                people_hours: t.runs[1].people_hours,
            },
            changes,
            loss: t.runs[1].clone(),
            home,
            failed: BTreeSet::new(),
        });
    }
    for l in losses.iter().filter(|l| desk.world.asset(l.asset).provenance != "synthetic").take(N_ASSETS) {
        let a = desk.world.asset(l.asset);
        out.push(Trial {
            shown: Weakness { key: a.key.clone(), name: a.name.clone(), euro: l.central.euro[1], people_hours: l.central.people_hours },
            changes: vec![Change::take_out(&a.key)],
            loss: l.central.clone(),
            home: desk.home(l.asset),
            failed: BTreeSet::new(),
        });
    }
    let failed = map(out.len(), desk.threads, |k| {
        run(&desk.world, &desk.base, &out[k].changes, Keep { causes: true, curve: false }, desk.world.study.seed)
            .causes
            .iter()
            .map(|c| c.asset)
            .collect()
    });
    for (trial, failed) in out.iter_mut().zip(failed) {
        trial.failed = failed;
    }
    out
}

/// Cost over a measure's life at today's value, MEUR: low, central, high.
pub(crate) fn life_cost(m: &Measure) -> [f64; 3] {
    let annuity = (1.0 - (1.0 + DISCOUNT_RATE).powf(-m.lifetime_y)) / DISCOUNT_RATE;
    [m.cost_low_meur, m.cost_central_meur, m.cost_high_meur].map(|c| c + m.yearly_cost_meur * annuity)
}

/// Losses of all trials with a set of structural changes in place.
fn with_changes(desk: &Desk, trials: &[Trial], changes: &[Change]) -> Vec<Summary> {
    let world = desk.world.with(changes);
    let timed: Vec<Change> = changes.iter().filter(|c| !c.action.is_structural()).cloned().collect();
    trials
        .iter()
        .map(|t| {
            if !changes.iter().any(|c| t.is_touched(desk, c)) {
                return t.loss.clone();
            }
            let all: Vec<Change> = t.changes.iter().chain(&timed).cloned().collect();
            desk.summary(&run(&world, &desk.base, &all, Keep::default(), desk.world.study.seed), &t.home)
        })
        .collect()
}

fn avoided(trial: &Trial, after: &Summary) -> f64 {
    (trial.loss.euro[1] - after.euro[1]).max(0.0)
}

/// What the question hands back: weaknesses, measures by ratio, portfolio, runs made.
pub(crate) type Measured = (Vec<Weakness>, Vec<MeasureResult>, Option<Portfolio>, usize);

pub(crate) fn measures(desk: &Desk, losses: &[AssetLoss], threats: &[ThreatResult], budget_meur: Option<f64>) -> Measured {
    let trials = trials(desk, losses, threats);
    let catalogue = &desk.case.tables().measures;
    desk.progress.stage("measures", catalogue.len());
    let mut results = map(catalogue.len(), desk.threads, |m| {
        let r = one_measure(desk, &trials, m);
        desk.progress.step();
        r
    });
    results.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then(a.measure.cmp(&b.measure)));
    let portfolio = budget_meur.map(|budget| Portfolio {
        budget_meur: budget,
        joint: joint(desk, &trials, &results, budget),
        national: national(desk, &trials, &results, budget),
    });
    let n_runs = trials.len() * (catalogue.len() + if portfolio.is_some() { 2 } else { 0 });
    (trials.into_iter().map(|t| t.shown).collect(), results, portfolio, n_runs)
}

fn one_measure(desk: &Desk, trials: &[Trial], m: usize) -> MeasureResult {
    let row = &desk.case.tables().measures[m];
    let after = with_changes(desk, trials, &measure_changes(desk.case, &row.key));
    let mut by_zone: BTreeMap<String, f64> = BTreeMap::new();
    let (mut euro, mut people) = (0.0, 0.0);
    let mut helps: Vec<(f64, &str)> = Vec::new();
    for (t, a) in trials.iter().zip(&after) {
        let gain = avoided(t, a);
        euro += gain;
        people += (t.loss.people_hours - a.people_hours).max(0.0);
        if gain > 1.0 {
            helps.push((gain, &t.shown.name));
        }
        for (zone, _, before) in &t.loss.by_zone {
            let now = a.by_zone.iter().find(|z| z.0 == *zone).map_or(0.0, |z| z.2);
            *by_zone.entry(zone.clone()).or_default() += (before - now).max(0.0);
        }
    }
    helps.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let cost = life_cost(row);
    MeasureResult {
        measure: m,
        cost_meur: cost,
        avoided_euro: euro,
        avoided_people_hours: people,
        ratio: if cost[1] > 0.0 { euro / (cost[1] * 1e6) } else { 0.0 },
        share_of: trials
            .iter()
            .zip(&after)
            .map(|(t, a)| if t.loss.euro[1] > 0.0 { (avoided(t, a) / t.loss.euro[1]).clamp(0.0, 1.0) } else { 0.0 })
            .collect(),
        by_zone: by_zone.into_iter().filter(|x| x.1 > 1.0).collect(),
        helps: helps.into_iter().take(3).map(|h| h.1.to_owned()).collect(),
    }
}

/// Greedy choice: the measure with the most further avoided euro per euro, while the budget lasts.
fn greedy(
    stakes: &[f64],
    candidates: &[&MeasureResult],
    budget_meur: f64,
    worth: impl Fn(&MeasureResult, usize) -> f64,
) -> (Vec<usize>, f64, f64) {
    let mut left: Vec<f64> = vec![1.0; stakes.len()];
    let (mut chosen, mut cost, mut value) = (Vec::new(), 0.0, 0.0);
    let gain = |c: &MeasureResult, left: &[f64]| (0..stakes.len()).map(|t| stakes[t] * left[t] * c.share_of[t] * worth(c, t)).sum::<f64>();
    for _ in 0..candidates.len() {
        let best = candidates
            .iter()
            .filter(|c| !chosen.contains(&c.measure) && cost + c.cost_meur[1] <= budget_meur + 1e-9 && c.cost_meur[1] > 0.0)
            .map(|c| (gain(c, &left) / c.cost_meur[1], *c))
            .filter(|x| x.0 > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.measure.cmp(&a.1.measure)));
        let Some((_, c)) = best else { break };
        value += gain(c, &left);
        for (l, s) in left.iter_mut().zip(&c.share_of) {
            *l *= 1.0 - s;
        }
        cost += c.cost_meur[1];
        chosen.push(c.measure);
    }
    (chosen, cost, value)
}

/// Zones that pay for a measure with their shares: those it names, by gross domestic product; all when it names none.
fn payers(desk: &Desk, m: usize) -> Vec<(String, f64)> {
    let named: Vec<&str> = desk.case.tables().measures[m].zones.split('|').map(str::trim).filter(|z| !z.is_empty()).collect();
    let zones: Vec<_> =
        desk.case.tables().zones.iter().filter(|z| z.kind == "zone" && (named.is_empty() || named.contains(&z.key.as_str()))).collect();
    let total: f64 = zones.iter().map(|z| z.gdp_meur).sum::<f64>().max(1e-9);
    zones.into_iter().map(|z| (z.key.clone(), z.gdp_meur / total)).collect()
}

fn plan(desk: &Desk, trials: &[Trial], chosen: Vec<usize>, cost_meur: f64, promised: f64, paid: BTreeMap<String, f64>) -> Plan {
    let changes: Vec<Change> = chosen.iter().flat_map(|&m| measure_changes(desk.case, &desk.case.tables().measures[m].key)).collect();
    let after = with_changes(desk, trials, &changes);
    let mut benefit: BTreeMap<String, f64> = BTreeMap::new();
    for (t, a) in trials.iter().zip(&after) {
        for (zone, _, before) in &t.loss.by_zone {
            let now = a.by_zone.iter().find(|z| z.0 == *zone).map_or(0.0, |z| z.2);
            *benefit.entry(zone.clone()).or_default() += before - now;
        }
    }
    Plan {
        chosen,
        cost_meur,
        promised_euro: promised,
        replayed_euro: trials.iter().zip(&after).map(|(t, a)| avoided(t, a)).sum(),
        paid_by: paid.into_iter().collect(),
        benefit_of: benefit.into_iter().filter(|x| x.1.abs() > 1.0).collect(),
    }
}

/// What each weakness costs, euro central.
fn stakes(trials: &[Trial]) -> Vec<f64> {
    trials.iter().map(|t| t.loss.euro[1]).collect()
}

fn joint(desk: &Desk, trials: &[Trial], results: &[MeasureResult], budget: f64) -> Plan {
    let candidates: Vec<&MeasureResult> = results.iter().collect();
    let (chosen, cost, promised) = greedy(&stakes(trials), &candidates, budget, |_, _| 1.0);
    let mut paid: BTreeMap<String, f64> = BTreeMap::new();
    for &m in &chosen {
        let price = results.iter().find(|r| r.measure == m).map_or(0.0, |r| r.cost_meur[1]);
        for (zone, share) in payers(desk, m) {
            *paid.entry(zone).or_default() += price * share;
        }
    }
    plan(desk, trials, chosen, cost, promised, paid)
}

/// Each country spends its own part on measures that name it, at full price, for its own benefit; what two countries buy twice is bought twice.
fn national(desk: &Desk, trials: &[Trial], results: &[MeasureResult], budget: f64) -> Plan {
    let zones: Vec<_> = desk.case.tables().zones.iter().filter(|z| z.kind == "zone").collect();
    let total: f64 = zones.iter().map(|z| z.gdp_meur).sum::<f64>().max(1e-9);
    let (mut all, mut cost, mut promised) = (Vec::new(), 0.0, 0.0);
    let mut paid: BTreeMap<String, f64> = BTreeMap::new();
    for zone in zones {
        let own = |c: &MeasureResult, t: usize| {
            let before: f64 = trials[t].loss.by_zone.iter().map(|z| z.2).sum::<f64>().max(1e-9);
            trials[t].loss.by_zone.iter().find(|z| z.0 == zone.key).map_or(0.0, |z| z.2 / before)
                * f64::from(c.by_zone.iter().any(|z| z.0 == zone.key))
        };
        let candidates: Vec<&MeasureResult> = results.iter().filter(|r| payers(desk, r.measure).iter().any(|p| p.0 == zone.key)).collect();
        let (chosen, c, v) = greedy(&stakes(trials), &candidates, budget * zone.gdp_meur / total, own);
        cost += c;
        promised += v;
        if c > 0.0 {
            paid.insert(zone.key.clone(), c);
        }
        for m in chosen {
            if !all.contains(&m) {
                all.push(m);
            }
        }
    }
    plan(desk, trials, all, cost, promised, paid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn result(measure: usize, cost: f64, share_of: Vec<f64>) -> MeasureResult {
        MeasureResult {
            measure,
            cost_meur: [cost; 3],
            avoided_euro: 0.0,
            avoided_people_hours: 0.0,
            ratio: 0.0,
            share_of,
            by_zone: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Loss that a set of measures avoids: what one leaves, the next meets.
    fn value(stakes: &[f64], measures: &[MeasureResult], set: usize) -> f64 {
        let left = |t: usize| (0..measures.len()).filter(|k| set & (1 << k) > 0).map(|k| 1.0 - measures[k].share_of[t]).product::<f64>();
        (0..stakes.len()).map(|t| stakes[t] * (1.0 - left(t))).sum()
    }

    fn cost(measures: &[MeasureResult], set: usize) -> f64 {
        (0..measures.len()).filter(|k| set & (1 << k) > 0).map(|k| measures[k].cost_meur[1]).sum()
    }

    /// The best set within a budget, by trying all.
    fn optimum(stakes: &[f64], measures: &[MeasureResult], budget: f64) -> f64 {
        let sets = 0..1usize << measures.len();
        sets.filter(|&s| cost(measures, s) <= budget + 1e-9).map(|s| value(stakes, measures, s)).fold(0.0, f64::max)
    }

    /// Benefits of single measures, filled in by ratio, the last one in part: no set is worth more.
    fn bound(stakes: &[f64], measures: &[MeasureResult], budget: f64) -> f64 {
        let mut single: Vec<(f64, f64)> = (0..measures.len()).map(|k| (value(stakes, measures, 1 << k), cost(measures, 1 << k))).collect();
        single.sort_by(|a, b| (b.0 / b.1).total_cmp(&(a.0 / a.1)));
        let (mut left, mut sum) = (budget, 0.0);
        for (v, c) in single {
            let part = (left / c).clamp(0.0, 1.0);
            sum += v * part;
            left -= c * part;
        }
        sum
    }

    proptest! {
        #[test]
        fn greedy_is_at_most_the_optimum_and_that_at_most_the_bound(
            rows in proptest::collection::vec((1.0f64..20.0, proptest::collection::vec(0.0f64..1.0, 3)), 1..8),
            stakes in proptest::collection::vec(0.0f64..100.0, 3),
            budget in 0.0f64..60.0,
        ) {
            let measures: Vec<MeasureResult> = rows.into_iter().enumerate().map(|(k, (cost, share))| result(k, cost, share)).collect();
            let (chosen, spent, avoided) = greedy(&stakes, &measures.iter().collect::<Vec<_>>(), budget, |_, _| 1.0);
            let set = chosen.iter().fold(0, |s, k| s | 1 << k);
            prop_assert!(spent <= budget + 1e-9 && (spent - cost(&measures, set)).abs() < 1e-9);
            prop_assert!((avoided - value(&stakes, &measures, set)).abs() < 1e-9, "what is promised is what the set avoids");
            let (best, most) = (optimum(&stakes, &measures, budget), bound(&stakes, &measures, budget));
            prop_assert!(avoided <= best + 1e-9 && best <= most + 1e-9, "{avoided} {best} {most}");
        }

        #[test]
        fn a_joint_budget_is_worth_at_least_the_national_ones(
            rows in proptest::collection::vec((1.0f64..20.0, proptest::collection::vec(0.0f64..1.0, 3)), 1..7),
            stakes in proptest::collection::vec(0.0f64..100.0, 3),
            parts in proptest::collection::vec(0.0f64..1.0, 3),
            budgets in (0.0f64..30.0, 0.0f64..30.0),
        ) {
            let measures: Vec<MeasureResult> = rows.into_iter().enumerate().map(|(k, (cost, share))| result(k, cost, share)).collect();
            // Each of two nations has its part of every stake.
            let one: Vec<f64> = stakes.iter().zip(&parts).map(|(s, p)| s * p).collect();
            let other: Vec<f64> = stakes.iter().zip(&parts).map(|(s, p)| s * (1.0 - p)).collect();
            let apart = optimum(&one, &measures, budgets.0) + optimum(&other, &measures, budgets.1);
            let joint = optimum(&stakes, &measures, budgets.0 + budgets.1);
            prop_assert!(joint >= apart - 1e-9, "{joint} {apart}");
        }
    }
}
