//! `assessment.json`: the same values the report is made from. The schema stands in `docs/assessment.schema.json`.

use buttress_engine::ending::Ending;
use buttress_engine::outcome::{Outcome, Service};
use buttress_engine::power::n1::Screening;
use buttress_model::{Case, Study};
use buttress_optim::answer::{Assessment, Plan, SecondHit, Summary};
use buttress_optim::grid_security::GridSecurity;
use serde_json::{Map, Value, json};

/// Name and version of the format.
pub const SCHEMA: &str = "buttress-assessment/1";

/// Digits kept of a float: enough for six significant figures of anything shown.
fn number(x: f64) -> Value {
    if !x.is_finite() {
        return Value::Null;
    }
    let text = format!("{x:.8e}");
    text.parse::<f64>().map_or(Value::Null, |y| json!(y))
}

fn numbers(xs: &[f64]) -> Value {
    xs.iter().map(|&x| number(x)).collect()
}

fn by_service(xs: &[f64]) -> Value {
    let mut map = Map::new();
    for (s, &x) in Service::ALL.iter().zip(xs) {
        map.insert(s.name().into(), number(x));
    }
    Value::Object(map)
}

fn pairs(xs: &[(String, f64)]) -> Value {
    xs.iter().map(|(k, v)| json!({"zone": k, "value": number(*v)})).collect()
}

/// A study as JSON.
pub fn study(study: &Study) -> Value {
    json!({
        "start_month": study.start_month, "horizon_h": study.horizon_h, "storage_fill": study.storage_fill, "seed": study.seed,
        "point": format!("{:?}", study.point), "level": format!("{:?}", study.level), "sharing": format!("{:?}", study.sharing),
        "balance": format!("{:?}", study.balance), "gas_peak_days": study.gas_peak_days, "sampled": study.sampled,
    })
}

/// A summary as JSON.
pub fn summary(s: &Summary) -> Value {
    json!({
        "ending": s.ending.name(),
        "people_hours": number(s.people_hours),
        "people_hours_upper": number(s.people_hours_upper),
        "people_peak": number(s.people_peak),
        "euro": {"low": number(s.euro[0]), "central": number(s.euro[1]), "high": number(s.euro[2])},
        "countries_hit": s.countries,
        "other_countries_hit": s.other_countries,
        "n_countries_hit_at_0_1_and_1_and_5_percent": s.n_countries_at,
        "hours_to_50_90_100_percent": s.restored_h.iter().map(|h| h.map_or(Value::Null, number)).collect::<Vec<_>>(),
        "service_left_at_nadir": by_service(&s.nadir),
        "lost": by_service(&s.lost),
        "by_zone": s.by_zone.iter().map(|z| json!({"zone": z.0, "people_hours": number(z.1), "euro": number(z.2)})).collect::<Vec<_>>(),
        "n_assets_failed": s.n_failed,
    })
}

/// The outcome of one run as JSON: the five numbers, by zone and service, and the curve by event.
pub fn outcome(out: &Outcome, zones: &[String]) -> Value {
    let zone_rows: Vec<Value> = (0..zones.len())
        .filter(|&z| out.people_hours[z] > 1e-9 || out.euro[z][1] > 1e-6 || out.added_latency_ms[z] > 1e-6 || out.lost.iter().any(|l| l[z] > 1e-9))
        .map(|z| {
            let lost: Vec<f64> = out.lost.iter().map(|l| l[z]).collect();
            let peak: Vec<f64> = out.peak.iter().map(|l| l[z]).collect();
            json!({"zone": zones[z], "people_hours": number(out.people_hours[z]), "euro": numbers(&out.euro[z]), "lost": by_service(&lost), "peak": by_service(&peak), "added_latency_ms": number(out.added_latency_ms[z])})
        })
        .collect();
    let curve: Vec<Value> =
        out.curve.iter().map(|p| json!({"t_h": number(p.t_h), "people": number(p.people), "served": by_service(&p.served)})).collect();
    json!({
        "ending": out.ending.name(), "n_events": out.n_events, "n_programs": out.n_programs,
        "people_hours": number(out.people_hours_total()), "people_hours_upper": number(out.people_hours_upper.iter().sum()), "people_peak": number(out.people_peak),
        "euro": numbers(&out.euro_total()), "hours_to_50_90_100_percent": out.restored_h.iter().map(|h| h.map_or(Value::Null, number)).collect::<Vec<_>>(),
        "countries_hit": out.zones_hit(1).iter().map(|&z| zones[z].clone()).collect::<Vec<_>>(),
        "service_left_at_nadir": by_service(&out.nadir), "n_assets_failed": out.n_failed, "zones": zone_rows, "curve": curve,
    })
}

/// One damaged asset of a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Damaged<'a> {
    /// The asset.
    pub asset: &'a buttress_model::Asset,
    /// Share of capacity lost.
    pub share: f64,
    /// From, h.
    pub from_h: f64,
    /// To, h.
    pub to_h: f64,
}

/// One scenario: what was damaged (capacity) and what was lost (service).
#[expect(clippy::too_many_arguments, reason = "the parts of one page of output, each named")]
pub fn scenario(
    case: &Case,
    asked: &Study,
    title: &str,
    out: &Outcome,
    zones: &[String],
    damaged: &[Damaged],
    failed: &[&str],
    reason: &str,
    engine_version: &str,
) -> Value {
    let mut value = outcome(out, zones);
    let rows: Vec<Value> = damaged
        .iter()
        .map(|d| json!({"asset": d.asset.key, "kind": d.asset.kind, "zone": d.asset.zone, "capacity_lost": number(d.asset.capacity * d.share), "unit": d.asset.unit, "from_h": number(d.from_h), "to_h": number(d.to_h)}))
        .collect();
    value["title"] = json!(title);
    value["case_digest"] = json!(case.digest());
    value["study"] = study(asked);
    value["engine_version"] = json!(engine_version);
    value["reason"] = json!(reason);
    value["damaged"] = json!(rows);
    value["failed"] = json!(failed);
    value["lost_total"] = by_service(&Service::ALL.map(|s| out.lost_total(s)));
    value
}

fn second_hit(case: &Case, h: &SecondHit) -> Value {
    let key = |i: u32| case.assets()[i as usize].key.clone();
    json!({"first": key(h.first), "second": key(h.second), "extra_people_hours": number(h.extra_people_hours), "extra_euro": number(h.extra_euro), "exposed_h": number(h.exposed_h)})
}

fn plan(case: &Case, p: &Plan) -> Value {
    let keys: Vec<&str> = p.chosen.iter().map(|&m| case.tables().measures[m].key.as_str()).collect();
    json!({"measures": keys, "cost_meur": number(p.cost_meur), "promised_euro": number(p.promised_euro), "replayed_euro": number(p.replayed_euro), "paid_by_meur": pairs(&p.paid_by), "benefit_of_euro": pairs(&p.benefit_of)})
}

/// The whole assessment as JSON text, ending with a newline.
pub fn to_json(case: &Case, a: &Assessment, engine_version: &str, study_digest: &str) -> String {
    let mut root = Map::new();
    let mut put = |k: &str, v: Value| root.insert(k.to_owned(), v);
    put("schema", json!(SCHEMA));
    put("engine_version", json!(engine_version));
    put("case", json!({"key": a.case[0], "title": a.case[1], "version": a.case[2], "digest": a.case[3]}));
    put("study", study(&a.study));
    put("study_digest", json!(study_digest));
    put("n_assets", json!(a.n_assets));
    put("n_runs", json!(a.n_runs));
    put("skipped", a.skipped.iter().map(|s| json!({"reason": s.0, "n": s.1})).collect());
    put("n_harmless", json!(a.n_harmless));
    put("synthetic_share", number(a.synthetic_share));
    put("base", base(case, a));
    put("facts", a.facts.iter().map(|f| json!({"zone": f.zone, "quantity": f.quantity, "fact": number(f.fact), "case": number(f.ours), "difference": number(f.difference()), "reason": f.reason})).collect());
    put("losses", losses(case, a));
    put(
        "losses_summer_night",
        a.summer
            .iter()
            .map(|s| json!({"asset": case.assets()[s.0 as usize].key, "people_hours": number(s.1), "euro": number(s.2)}))
            .collect(),
    );
    put("threats", threats(case, a));
    put("second_hits_of_quiet_assets", a.quiet.iter().map(|h| second_hit(case, h)).collect());
    put(
        "article_17_candidates",
        a.significant.iter().map(|s| json!({"who": s.who, "what": s.what, "service": s.service, "members": s.members})).collect(),
    );
    put("blueprint_trigger", a.blueprint.iter().map(|b| json!({"key": b.0, "members": b.1})).collect());
    put("cross_border", json!({"zones": a.matrix_zones, "euro": a.matrix.iter().map(|r| numbers(r)).collect::<Vec<_>>()}));
    put("concentration", a.concentration.iter().map(|c| json!({"zone": c.zone, "what": c.what, "hhi": number(c.hhi), "shares": c.shares.iter().map(|s| json!({"supplier": s.0, "share": number(s.1)})).collect::<Vec<_>>()})).collect());
    put(
        "weaknesses",
        a.weaknesses
            .iter()
            .map(|w| json!({"key": w.key, "name": w.name, "euro": number(w.euro), "people_hours": number(w.people_hours)}))
            .collect(),
    );
    put("measures", measures(case, a));
    put(
        "portfolio",
        a.portfolio.as_ref().map_or(
            Value::Null,
            |p| json!({"budget_meur": number(p.budget_meur), "joint": plan(case, &p.joint), "national": plan(case, &p.national)}),
        ),
    );
    put("grid_security", a.grid.as_ref().map_or(Value::Null, |g| grid_security(case, g)));
    put("unattached_dependencies", a.unattached.iter().map(|u| json!({"rule": u.0, "n": u.1})).collect());
    let mut text = serde_json::to_string_pretty(&Value::Object(root)).unwrap_or_default();
    text.push('\n');
    text
}

fn grid_security(case: &Case, g: &Result<GridSecurity, Ending>) -> Value {
    let g = match g {
        Ok(g) => g,
        Err(ending) => return json!({"ending": ending.name()}),
    };
    let key = |k: u32| case.tables().lines[k as usize].asset.key.clone();
    let counts = |s: &Screening| {
        json!({"ending": s.ending.name(), "n_outages": s.n_outages, "n_with_bridge": s.n_with_bridge, "n_islanding": s.n_islanding,
            "n_overloading": s.n_overloading, "n_new_overloading": s.n_new_overloading})
    };
    let worst: Vec<Value> = g
        .worst
        .iter()
        .map(|w| {
            json!({"lines": w.worst.outages.iter().map(|&k| key(k)).collect::<Vec<_>>(), "most_loaded": key(w.worst.branch),
                "loading": number(w.worst.loading), "operator_shed_mw": number(w.operator_mw), "protection_lost_mw": number(w.protection_mw)})
        })
        .collect();
    let quantiles = [0.5, 0.9, 0.99, 1.0].map(|q| json!({"share": q, "lost_mw": number(g.cascades.lost_mw.quantile(q))}));
    json!({
        "ending": "solved", "point": format!("{:?}", g.point), "n1": counts(&g.n1), "n2": counts(&g.n2), "worst": worst,
        "cascades": {
            "n": g.cascades.n_samples, "mean_lost_mw": number(g.cascades.lost_mw.mean()), "share_without_loss": number(1.0 - g.cascades.lost_mw.share_at_least(0.5)),
            "quantiles": quantiles,
            "critical": g.cascades.critical.iter().map(|c| json!({"line": key(c.branch), "trips": number(c.trips), "children": number(c.children), "criticality": number(c.criticality)})).collect::<Vec<_>>(),
        },
    })
}

fn base(case: &Case, a: &Assessment) -> Value {
    let points: Vec<Value> = a
        .base
        .iter()
        .map(|p| {
            json!({"point": format!("{:?}", p.point), "ending": p.ending.name(), "demand_mw": number(p.demand_mw), "available_mw": number(p.available_mw), "unserved_mw": pairs(&p.unserved_mw),
                "overloads": p.overloads.iter().map(|o| json!({"asset": case.assets()[o.0 as usize].key, "loading": number(o.1)})).collect::<Vec<_>>(), "net_import_mw": pairs(&p.net_import_mw)})
        })
        .collect();
    json!({"points": points, "gas_unserved_gwh": pairs(&a.base_gas_unserved_gwh)})
}

fn losses(case: &Case, a: &Assessment) -> Value {
    a.losses
        .iter()
        .map(|l| {
            let asset = &case.assets()[l.asset as usize];
            json!({
                "asset": asset.key, "name": asset.name, "kind": asset.kind, "zone": asset.zone, "provenance": asset.provenance, "central": summary(&l.central),
                "low": l.range.as_ref().map_or(Value::Null, |r| summary(&r.0)), "high": l.range.as_ref().map_or(Value::Null, |r| summary(&r.1)),
                "reason": l.reason, "second_hit": l.second_hit.as_ref().map_or(Value::Null, |h| second_hit(case, h)),
            })
        })
        .collect()
}

fn threats(case: &Case, a: &Assessment) -> Value {
    a.threats
        .iter()
        .map(|t| {
            let row = &case.tables().threats[t.threat];
            json!({
                "key": row.key, "name": row.name, "class": row.class, "n_assets_damaged": t.n_damaged, "reason": t.reason,
                "rate_per_year": {"low": row.rate_low, "central": row.rate_central, "high": row.rate_high, "basis": row.rate_basis},
                "low": summary(&t.runs[0]), "central": summary(&t.runs[1]), "high": summary(&t.runs[2]),
                "curve": t.curve.iter().map(|p| json!({"t_h": number(p.t_h), "people": number(p.people), "served": by_service(&p.served)})).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn measures(case: &Case, a: &Assessment) -> Value {
    a.measures
        .iter()
        .map(|m| {
            let row = &case.tables().measures[m.measure];
            json!({"key": row.key, "name": row.name, "class": row.class, "cost_meur": numbers(&m.cost_meur), "avoided_euro": number(m.avoided_euro), "avoided_people_hours": number(m.avoided_people_hours),
                "avoided_euro_per_euro": number(m.ratio), "avoided_share_by_weakness": numbers(&m.share_of), "by_zone": pairs(&m.by_zone), "helps": m.helps})
        })
        .collect()
}
