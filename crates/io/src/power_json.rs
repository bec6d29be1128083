//! Answers of the power engine as JSON objects. The schema stands in `docs/power.schema.json`.
//!
//! Numbers are written with all their digits; what is not a number is null. A bus is named as in the source, as a number where
//! the source's name is one; branches and generators by `row`, counted from 1.

use buttress_engine::ending::Ending;
use buttress_engine::power::ac::Solution;
use buttress_engine::power::ac_n1::{Outage, OutageEnding, OutageStudy};
use buttress_engine::power::adequacy::{Adequacy, Sampled};
use buttress_engine::power::factors::Factors;
use buttress_engine::power::n1::{Screening, Worst};
use buttress_engine::power::opf::OptimalFlow;
use buttress_engine::power::overload::Cascade;
use buttress_engine::power::overload::influence::Ensemble;
use buttress_engine::power::overload::timed::{Cause, Outcome, What};
use buttress_engine::power::redispatch::{Correction, Secured};
use buttress_engine::power::shed::Shed;
use buttress_model::PowerNetwork;
use buttress_model::network::BusKind;
use serde_json::{Value, json};

/// Name of a bus as the source writes it.
pub fn bus_name(network: &PowerNetwork, bus: usize) -> Value {
    let id = &network.buses[bus].id;
    id.parse::<u64>().map_or_else(|_| json!(id), |n| json!(n))
}

fn branch(network: &PowerNetwork, row: usize) -> serde_json::Map<String, Value> {
    let b = &network.branches[row];
    [("row", json!(row + 1)), ("from", bus_name(network, b.from)), ("to", bus_name(network, b.to))]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect()
}

/// An alternating-current power flow.
pub fn ac_flow(network: &PowerNetwork, s: &Solution) -> Value {
    let buses: Vec<Value> = (0..network.buses.len())
        .map(|i| json!({"bus": bus_name(network, i), "vm_pu": s.buses[i].map(|v| v.vm_pu), "va_deg": s.buses[i].map(|v| v.va_deg)}))
        .collect();
    let branches: Vec<Value> = s
        .branches
        .iter()
        .enumerate()
        .map(|(k, f)| {
            let mut row = branch(network, k);
            row.insert("p_from_mw".into(), json!(f.p_from_mw));
            row.insert("q_from_mvar".into(), json!(f.q_from_mvar));
            row.insert("p_to_mw".into(), json!(f.p_to_mw));
            row.insert("q_to_mvar".into(), json!(f.q_to_mvar));
            Value::Object(row)
        })
        .collect();
    let generators: Vec<Value> =
        s.generators.iter().enumerate().map(|(k, g)| json!({"row": k + 1, "p_mw": g.p_mw, "q_mvar": g.q_mvar})).collect();
    let islands: Vec<Value> = s
        .islands
        .iter()
        .map(|i| {
            json!({"ending": i.ending.name(), "n_buses": i.n_buses, "mismatch_pu": i.mismatch_pu,
                "references": i.references.iter().map(|&b| bus_name(network, b)).collect::<Vec<_>>()})
        })
        .collect();
    json!({
        "model": "ac", "ending": s.ending.name(), "islands": islands, "iterations": s.iterations, "losses_mw": s.losses_mw,
        "mismatch_history_pu": s.runs.iter().map(|r| &r.mismatch_pu).collect::<Vec<_>>(),
        "at_reactive_limit": s.at_reactive_limit.iter().map(|&b| bus_name(network, b)).collect::<Vec<_>>(),
        "buses": buses, "branches": branches, "gens": generators,
    })
}

/// A direct-current power flow.
pub fn dc_flow(network: &PowerNetwork, f: &Factors) -> Value {
    let live = |i: usize| network.buses[i].kind != BusKind::Isolated;
    let buses: Vec<Value> = (0..network.buses.len())
        .map(|i| {
            let angle = live(i).then(|| f.angle()[i].to_degrees() + network.buses[f.reference()[f.island()[i]]].va_deg);
            json!({"bus": bus_name(network, i), "vm_pu": live(i).then_some(1.0), "va_deg": angle})
        })
        .collect();
    let branches: Vec<Value> = (0..network.branches.len())
        .map(|k| {
            let mut row = branch(network, k);
            row.insert("p_from_mw".into(), json!(f.flow()[k] * network.base_mva));
            Value::Object(row)
        })
        .collect();
    json!({"model": "dc", "ending": "solved", "islands": dc_islands(network, f), "buses": buses, "branches": branches})
}

/// Islands of a direct-current power flow, isolated buses left out.
pub fn dc_islands(network: &PowerNetwork, f: &Factors) -> Vec<Value> {
    let mut sizes = vec![0usize; f.reference().len()];
    for (bus, &island) in network.buses.iter().zip(f.island()) {
        sizes[island] += usize::from(bus.kind != BusKind::Isolated);
    }
    let solved = |(n, &r): (&usize, &usize)| json!({"ending": "solved", "n_buses": n, "references": [bus_name(network, r)]});
    sizes.iter().zip(f.reference()).filter(|x| *x.0 > 0).map(solved).collect()
}

/// A flow without an answer.
pub fn no_flow(model: &str, ending: Ending) -> Value {
    json!({"model": model, "ending": ending.name(), "islands": [], "buses": [], "branches": []})
}

/// An optimal power flow.
pub fn opf(network: &PowerNetwork, s: &OptimalFlow) -> Value {
    let branches: Vec<Value> = s
        .flow_mw
        .iter()
        .enumerate()
        .map(|(k, p)| {
            let mut row = branch(network, k);
            row.insert("p_from_mw".into(), json!(p));
            Value::Object(row)
        })
        .collect();
    let buses: Vec<Value> = s
        .price_per_mwh
        .iter()
        .enumerate()
        .map(|(i, price)| json!({"bus": bus_name(network, i), "va_deg": s.angle_rad[i].to_degrees(), "price_per_mwh": price}))
        .collect();
    json!({
        "ending": s.ending.name(), "objective": s.objective, "gens": rows(&s.p_mw),
        "dc_lines": rows(&s.dc_line_mw), "buses": buses, "branches": branches,
    })
}

/// A dispatch that no single outage overloads.
pub fn secured(s: &Secured) -> Value {
    json!({
        "ending": s.ending.name(), "objective": s.objective, "gens": rows(&s.dispatch.p_mw), "dc_lines": rows(&s.dispatch.dc_line_mw),
        "n_pairs_held": s.n_pairs, "parting_rows": s.parting.iter().map(|k| k + 1).collect::<Vec<_>>(),
    })
}

fn correction(c: &Correction) -> Value {
    json!({"row": c.branch + 1, "ending": c.ending.name(), "n_overloads": c.n_overloads, "moved_mw": c.moved_mw, "tripped_mw": c.tripped_mw,
        "shed_mw": c.shed_mw})
}

/// What outages ask of the operator; `first` is the loss already corrected.
pub fn corrections(first: Option<&Correction>, all: &[Correction]) -> Value {
    json!({
        "ending": "solved", "after": first.map(correction), "n_outages": all.len(),
        "n_redispatched": all.iter().filter(|c| c.moved_mw > 1e-6 || c.tripped_mw > 1e-6).count(),
        "n_shedding": all.iter().filter(|c| c.shed_mw > 1e-6).count(), "outages": all.iter().map(correction).collect::<Vec<_>>(),
    })
}

/// Corrections without an answer.
pub fn no_corrections(ending: Ending) -> Value {
    json!({"ending": ending.name(), "n_outages": 0, "outages": []})
}

fn rows(p_mw: &[f64]) -> Vec<Value> {
    p_mw.iter().enumerate().map(|(k, p)| json!({"row": k + 1, "p_mw": p})).collect()
}

/// Least shedding.
pub fn shed(network: &PowerNetwork, s: &Shed, demand_mw: f64) -> Value {
    let buses: Vec<Value> = s
        .bus_shed_mw
        .iter()
        .enumerate()
        .filter(|x| *x.1 > 1e-9)
        .map(|(i, p)| json!({"bus": bus_name(network, i), "load_shed_mw": p}))
        .collect();
    json!({
        "ending": s.ending.name(), "load_shed_mw": s.shed_mw, "served_mw": demand_mw - s.shed_mw, "demand_mw": demand_mw,
        "buses": buses, "gens": rows(&s.p_mw),
    })
}

fn worst(w: &Worst) -> Value {
    json!({"rows": w.outages.iter().map(|k| k + 1).collect::<Vec<_>>(), "branch_row": w.branch + 1, "loading": w.loading})
}

/// A screening of single or double outages.
pub fn screening(s: &Screening, seconds: f64) -> Value {
    json!({
        "model": "dc", "ending": s.ending.name(), "n_outages": s.n_outages, "n_with_bridge": s.n_with_bridge, "n_islanding": s.n_islanding,
        "n_overloading": s.n_overloading, "n_new_overloading": s.n_new_overloading,
        "worst": s.worst.iter().map(worst).collect::<Vec<_>>(), "seconds": seconds,
    })
}

/// A screening without an answer.
pub fn no_screening(model: &str, ending: Ending, seconds: f64) -> Value {
    json!({"model": model, "ending": ending.name(), "n_outages": 0, "n_with_bridge": 0, "n_islanding": 0, "n_overloading": 0,
        "n_new_overloading": 0, "worst": [], "seconds": seconds})
}

/// All single outages solved in full.
pub fn ac_outages(network: &PowerNetwork, s: &OutageStudy, keep: usize, seconds: f64) -> Value {
    let over = s.overloads();
    let is_new = |o: &&Outage| matches!(&o.ending, OutageEnding::Solved(after) if after.n_new_overloads > 0);
    let violations = s.voltage_violations();
    let voltages = |is_low: bool| {
        let of = violations.iter().filter(|(_, v)| (v.vm_pu < network.buses[v.bus].vm_min_pu) == is_low);
        of.take(keep).map(|(k, v)| json!({"rows": [k + 1], "bus": bus_name(network, v.bus), "vm_pu": v.vm_pu})).collect::<Vec<_>>()
    };
    json!({
        "model": "ac", "ending": s.base.ending.name(), "n_outages": s.outages.len(), "n_with_bridge": 0, "n_islanding": s.n_islanding(),
        "n_overloading": over.len(), "n_new_overloading": s.outages.iter().filter(is_new).count(),
        "n_not_converged": s.not_converged().len(), "not_converged": s.not_converged().iter().map(|k| k + 1).collect::<Vec<_>>(),
        "worst": over.iter().take(keep).map(|(k, l)| json!({"rows": [k + 1], "branch_row": l.branch + 1, "loading": l.share})).collect::<Vec<_>>(),
        "lowest_voltages": voltages(true), "highest_voltages": voltages(false), "seconds": seconds,
    })
}

/// Adequacy by convolution, and by sampling where asked.
pub fn adequacy(a: &Adequacy, sampled: Option<&Sampled>, n_hours: usize) -> Value {
    let one = |a: &Adequacy| json!({"lole_h_per_year": a.lole_h, "eens_mwh_per_year": a.eens_mwh, "lole_daily_peaks_d_per_year": a.lole_daily_peaks_d});
    let mut out = one(a);
    out["ending"] = json!("solved");
    out["n_hours"] = json!(n_hours);
    if let Some(s) = sampled {
        out["sampled"] = json!({"n_samples": s.n_samples, "mean": one(&s.mean), "half_width_95": one(&s.half_width)});
    }
    out
}

/// One cascade by the plain rule: branches by the round in which they tripped, round 0 being the start.
pub fn plain_cascade(c: &Cascade, tripped: &[(u32, u32)], load_mw: f64) -> Value {
    let last = tripped.last().map_or(0, |t| t.1);
    let steps: Vec<Value> = (0..=last)
        .map(|round| json!({"round": round, "rows": tripped.iter().filter(|t| t.1 == round).map(|t| t.0 + 1).collect::<Vec<_>>()}))
        .collect();
    json!({
        "ending": c.ending.name(), "load_mw": load_mw, "served_mw": c.served_mw, "lost_mw": load_mw - c.served_mw, "n_trips": c.trips,
        "n_rounds": c.rounds, "steps": steps,
    })
}

/// Many cascades: the distribution of lost load and the branches that matter most, at most `keep`.
pub fn cascades(e: &Ensemble, keep: usize, seconds: f64) -> Value {
    let quantiles: Vec<Value> = [0.5, 0.9, 0.99, 1.0].iter().map(|&q| json!({"share": q, "lost_mw": e.lost_mw.quantile(q)})).collect();
    let critical: Vec<Value> = e
        .critical
        .iter()
        .take(keep)
        .map(|c| json!({"row": c.branch + 1, "trips": c.trips, "children": c.children, "criticality": c.criticality}))
        .collect();
    json!({
        "ending": "solved", "n_samples": e.n_samples, "lost_mw": e.lost_mw.mean(), "quantiles": quantiles, "n_trips": e.n_trips,
        "critical": critical, "steps": [], "seconds": seconds,
    })
}

fn step(network: &PowerNetwork, what: &What) -> Value {
    let island = |i: u32| place(network, i as usize);
    match *what {
        What::Branch(k, cause) => {
            let why = match cause {
                Cause::Initial => "initial",
                Cause::Heat => "heat",
                Cause::Protection => "protection",
                Cause::HiddenFailure => "hidden_failure",
            };
            json!({"what": "branch_trips", "row": k + 1, "why": why})
        }
        What::Relay(i, relay, mw) => json!({"what": "relay_acts", "island": island(i), "relay": relay + 1, "switched_mw": mw}),
        What::Settled(i, hz) => json!({"what": "island_settles", "island": island(i), "frequency_hz": hz}),
        What::Dark(i, fate) => json!({"what": "island_dark", "island": island(i), "why": fate.map_or("no_source_or_load", |f| f.name())}),
    }
}

/// Name of a bus for people; its number where it has none.
fn place(network: &PowerNetwork, bus: usize) -> Value {
    if network.buses[bus].name.is_empty() { bus_name(network, bus) } else { json!(network.buses[bus].name) }
}

/// A cascade in time.
pub fn timed_cascade(network: &PowerNetwork, c: &Outcome, n_relays: usize) -> Value {
    let steps: Vec<Value> = c
        .steps
        .iter()
        .map(|s| {
            let mut row = step(network, &s.what);
            row["time_s"] = json!(s.time_s);
            row["lost_mw"] = json!(s.lost_mw);
            row
        })
        .collect();
    let mut tripped: Vec<u32> = c.steps.iter().filter_map(|s| if let What::Branch(k, _) = s.what { Some(k + 1) } else { None }).collect();
    tripped.sort_unstable();
    json!({
        "ending": c.ending.name(), "load_mw": c.load_mw, "served_mw": c.load_mw - c.lost_mw, "lost_mw": c.lost_mw, "nadir_hz": c.nadir_hz,
        "tripped_rows": tripped, "switched_mw": c.switched_mw(n_relays),
        "dark": (0..network.buses.len()).filter(|&i| c.dark[i]).map(|i| place(network, i)).collect::<Vec<_>>(), "steps": steps,
    })
}

/// A cascade without an answer.
pub fn no_cascade(ending: Ending) -> Value {
    json!({"ending": ending.name(), "lost_mw": Value::Null, "steps": []})
}

/// Adequacy without an answer.
pub fn no_adequacy(ending: Ending) -> Value {
    json!({"ending": ending.name(), "lole_h_per_year": Value::Null, "eens_mwh_per_year": Value::Null})
}
