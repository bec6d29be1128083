//! One function a verb: call, print.

use std::collections::BTreeMap;
use std::path::Path;

use buttress::engine::outcome::{Outcome, Service};
use buttress::io::assessment_json;
use buttress::model::{Case, Finding, Weight};
use buttress::optim::assess::{Options, facts};
use buttress::{Asked, Prepared};
use clap::CommandFactory;
use serde_json::{Value, json};

use crate::args::{Cli, Common, Look, ScenarioArgs, Verb};
use crate::print::{Code, print, print_json, table, threads};
use crate::progress::Bars;

/// Runs a verb; the number is the exit code.
pub fn run(cli: &Cli) -> Code {
    match &cli.verb {
        Verb::Check { dir, json } => check(dir.as_deref(), *json),
        Verb::Case { look, sources } => case(look, *sources),
        Verb::Find { text, look, limit } => find(text, look, *limit),
        Verb::Run { scenario, common } => simulate(scenario, common),
        Verb::Rank { common, limit, threads } => rank(common, *limit, *threads),
        Verb::Why { asset, take_out, threat, scenario, common } => {
            let args = ScenarioArgs { scenario: scenario.clone(), take_out: take_out.clone(), threat: threat.clone() };
            why(asset, &args, common)
        }
        Verb::Diff { before, after, json } => diff(before, after, *json),
        Verb::Assess { case, study, out, budget, threads, marking, json } => assess(&Assess {
            case: case.as_deref(),
            study: study.as_deref(),
            out,
            budget: *budget,
            threads: *threads,
            marking,
            json: *json,
        }),
        Verb::Power { verb } => crate::power::run(verb),
        Verb::Serve(args) => crate::exchange::serve(args),
        Verb::Node { verb } => crate::exchange::node(verb),
        Verb::Share { verb } => crate::share_publish::run(verb),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "buttress", &mut script);
            print(&String::from_utf8_lossy(&script));
            Ok(0)
        }
    }
}

fn finding_json(f: &Finding) -> Value {
    json!({"weight": if f.weight == Weight::Error { "error" } else { "warning" }, "file": f.file, "line": f.line, "field": f.field, "rule": f.rule, "what": f.what, "advice": f.advice})
}

fn check(dir: Option<&Path>, as_json: bool) -> Code {
    let (case, findings) = buttress::check(dir)?;
    let errors = findings.iter().filter(|f| f.weight == Weight::Error).count();
    if as_json {
        print_json(
            &json!({"usable": case.is_some(), "n_errors": errors, "n_warnings": findings.len() - errors, "findings": findings.iter().map(finding_json).collect::<Vec<_>>()}),
        );
    } else {
        for f in &findings {
            print(&format!("{f}\n"));
        }
        let n = case.as_ref().map_or(0, |c| c.assets().len());
        print(&format!(
            "{errors} errors, {} warnings; {}\n",
            findings.len() - errors,
            if case.is_some() { format!("the case is usable ({n} assets)") } else { "the case cannot be used".into() }
        ));
    }
    Ok(u8::from(!findings.is_empty()))
}

fn counts(case: &Case, of: impl Fn(&buttress::model::Asset) -> String) -> BTreeMap<String, [usize; 5]> {
    let mut out: BTreeMap<String, [usize; 5]> = BTreeMap::new();
    for a in case.assets() {
        let row = out.entry(of(a)).or_default();
        row[0] += 1;
        row[match a.provenance.as_str() {
            "real" => 1,
            "curated" => 2,
            "derived" => 3,
            _ => 4,
        }] += 1;
    }
    out
}

fn case(look: &Look, sources: bool) -> Code {
    let case = buttress::load(look.case.as_deref())?;
    let rows = facts(&case);
    let views = [
        ("sector", counts(&case, |a| a.sector.name().into())),
        ("kind", counts(&case, |a| a.kind.clone())),
        ("country", counts(&case, |a| a.zone.clone())),
    ];
    if look.json {
        let view = |m: &BTreeMap<String, [usize; 5]>| {
            m.iter()
                .map(|(k, c)| json!({"key": k, "n": c[0], "real": c[1], "curated": c[2], "derived": c[3], "synthetic": c[4]}))
                .collect::<Vec<_>>()
        };
        print_json(&json!({
            "key": case.key(), "title": case.title(), "version": case.version(), "digest": case.digest(), "n_assets": case.assets().len(),
            "by_sector": view(&views[0].1), "by_kind": view(&views[1].1), "by_country": view(&views[2].1),
            "facts": rows.iter().map(|f| json!({"zone": f.zone, "quantity": f.quantity, "fact": f.fact, "case": f.ours, "difference": f.difference(), "reason": f.reason})).collect::<Vec<_>>(),
            "sources": case.tables().sources.iter().map(|s| json!({"key": s.key, "citation": s.citation, "licence": s.licence, "vintage": s.vintage, "url": s.url})).collect::<Vec<_>>(),
        }));
        return Ok(0);
    }
    print(&format!(
        "{} ({}, version {})\n{} assets in {} zones; digest {}\n",
        case.title(),
        case.key(),
        case.version(),
        case.assets().len(),
        case.tables().zones.len(),
        &case.digest()[..16]
    ));
    for (name, view) in &views {
        let mut t = table(&[name, "assets", "real", "curated", "derived", "synthetic"], 1);
        for (k, c) in view {
            t.add_row(std::iter::once(k.clone()).chain(c.iter().map(ToString::to_string)));
        }
        print(&format!("\n{t}\n"));
    }
    let mut t = table(&["total", "zone", "published", "case", "difference", "reason"], 2);
    for f in rows.iter().filter(|f| f.difference().abs() > 0.1) {
        t.add_row([
            f.quantity.clone(),
            f.zone.clone(),
            format!("{:.0}", f.fact),
            format!("{:.0}", f.ours),
            format!("{:+.0} %", f.difference() * 100.0),
            f.reason.clone(),
        ]);
    }
    let apart = rows.iter().filter(|f| f.difference().abs() > 0.1).count();
    print(&format!("\n{} of {} published totals are met within 10 %; apart:\n{t}\n", rows.len() - apart, rows.len()));
    let mut licences: BTreeMap<&str, usize> = BTreeMap::new();
    for s in &case.tables().sources {
        *licences.entry(s.licence.as_str()).or_default() += 1;
    }
    if sources {
        for s in &case.tables().sources {
            print(&format!("{}: {} [{}]\n", s.key, s.citation, s.licence));
        }
    } else {
        print(&format!(
            "{} sources; licences: {}. List them with --sources.\n",
            case.tables().sources.len(),
            licences.keys().copied().collect::<Vec<_>>().join("; ")
        ));
    }
    Ok(0)
}

fn find(text: &str, look: &Look, limit: usize) -> Code {
    let case = buttress::load(look.case.as_deref())?;
    let hits = buttress::find(&case, text)?;
    if look.json {
        print_json(
            &json!({"n": hits.len(), "assets": hits.iter().take(limit).map(|a| json!({"key": a.key, "name": a.name, "kind": a.kind, "zone": a.zone, "lat": a.lat, "lon": a.lon, "operator": a.operator, "capacity": a.capacity, "unit": a.unit, "in_service": a.in_service, "provenance": a.provenance, "source": a.source})).collect::<Vec<_>>()}),
        );
    } else {
        let mut t = table(&["key", "name", "kind", "zone", "capacity", "provenance"], 6);
        for a in hits.iter().take(limit) {
            t.add_row([
                a.key.clone(),
                a.name.clone(),
                a.kind.clone(),
                a.zone.clone(),
                format!("{:.0} {}", a.capacity, a.unit),
                a.provenance.clone(),
            ]);
        }
        print(&format!(
            "{t}\n{} assets{}\n",
            hits.len(),
            if hits.len() > limit { format!(", {limit} shown; more with --limit") } else { String::new() }
        ));
    }
    Ok(u8::from(hits.is_empty()))
}

fn asked(args: &ScenarioArgs) -> Asked<'_> {
    Asked { scenario: args.scenario.as_deref(), threat: args.threat.as_deref(), take_out: args.take_out.as_deref() }
}

fn simulate(args: &ScenarioArgs, common: &Common) -> Code {
    let study = buttress::study(common.study.as_deref())?;
    let Prepared { case, title, changes } = buttress::prepare(common.look.case.as_deref(), asked(args))?;
    let s = buttress::simulate(&case, &study, &changes)?;
    let zones: Vec<String> = s.world.zones.iter().map(|z| z.key.clone()).collect();
    if common.look.json {
        print_json(&buttress::scenario_json(&s, &changes, &title));
    } else {
        print(&format!("{title}\n{}\n", buttress::optim::explain::first_steps(&s.world, &s.outcome)));
        print(&five_numbers(&s.outcome, &zones));
        print_zones(&s.outcome, &zones);
        print_curve(&s.outcome);
    }
    Ok(u8::from(s.outcome.ending != buttress::engine::ending::Ending::Solved))
}

fn five_numbers(out: &Outcome, zones: &[String]) -> String {
    let h = |x: Option<f64>| x.map_or("> horizon".to_owned(), |h| format!("{h:.0} h"));
    let worst = Service::ALL
        .iter()
        .filter(|s| out.nadir[**s as usize] < 1.0 - 1e-9)
        .map(|s| format!("{} {:.2} %", s.name(), out.nadir[*s as usize] * 100.0))
        .collect::<Vec<_>>();
    let hit: Vec<&str> = out.zones_hit(1).iter().map(|&z| zones[z].as_str()).collect();
    let euro = out.euro_total();
    let slowest = (0..zones.len()).max_by(|&a, &b| out.added_latency_ms[a].total_cmp(&out.added_latency_ms[b]).then(b.cmp(&a)));
    let delay = slowest.filter(|&z| out.added_latency_ms[z] >= 0.005);
    let delay = delay.map_or(String::new(), |z| {
        format!("data delay              up to {:.2} ms more on average ({})\n", out.added_latency_ms[z], zones[z])
    });
    format!(
        "people without service  {:.0} at the peak; {:.0} people-hours (up to {:.0})\nservice left            {}\n{delay}restored                50 % {}, 90 % {}, 100 % {}\ncountries hit           {}\neuro                    {:.1} to {:.1} million (central {:.1})\nending                  {}\n",
        out.people_peak,
        out.people_hours_total(),
        out.people_hours_upper.iter().sum::<f64>(),
        if worst.is_empty() { "all".into() } else { worst.join(", ") },
        h(out.restored_h[0]),
        h(out.restored_h[1]),
        h(out.restored_h[2]),
        if hit.is_empty() { "none".into() } else { hit.join(" ") },
        euro[0] / 1e6,
        euro[2] / 1e6,
        euro[1] / 1e6,
        out.ending.name()
    )
}

fn print_zones(out: &Outcome, zones: &[String]) {
    let mut t = table(&["zone", "service", "lost", "unit", "peak", "unit at peak"], 2);
    let mut any = false;
    for (z, key) in zones.iter().enumerate() {
        for s in Service::ALL {
            let lost = out.lost[s as usize][z];
            if lost > 1e-6 {
                any = true;
                t.add_row([
                    key.clone(),
                    s.name().into(),
                    format!("{lost:.1}"),
                    s.lost_unit().into(),
                    format!("{:.1}", out.peak[s as usize][z]),
                    s.rate_unit().into(),
                ]);
            }
        }
    }
    if any {
        print(&format!("\n{t}\n"));
    }
}

fn print_curve(out: &Outcome) {
    let shown: Vec<Service> = Service::ALL.into_iter().filter(|s| out.nadir[*s as usize] < 1.0 - 1e-9).collect();
    if shown.is_empty() {
        return;
    }
    let mut header = vec!["hour", "people without"];
    header.extend(shown.iter().map(|s| s.name()));
    let mut t = table(&header, 0);
    const ROWS: usize = 24;
    for p in out.curve.iter().take(ROWS) {
        let mut row = vec![format!("{:.1}", p.t_h), format!("{:.0}", p.people)];
        row.extend(shown.iter().map(|s| format!("{:.2} %", p.served[*s as usize] * 100.0)));
        t.add_row(row);
    }
    print(&format!("\n{t}\n"));
    if out.curve.len() > ROWS {
        print(&format!("{} more events; all with --json\n", out.curve.len() - ROWS));
    }
}

fn why(asset: &str, args: &ScenarioArgs, common: &Common) -> Code {
    let study = buttress::study(common.study.as_deref())?;
    let given = args.scenario.is_some() || args.take_out.is_some() || args.threat.is_some();
    let of = if given { asked(args) } else { Asked { take_out: Some(asset), ..Asked::default() } };
    let Prepared { case, title, changes } = buttress::prepare(common.look.case.as_deref(), of)?;
    let s = buttress::simulate(&case, &study, &changes)?;
    let sentence = if given { buttress::why_in(&s, asset, &title)? } else { buttress::optim::explain::first_steps(&s.world, &s.outcome) };
    if common.look.json {
        print_json(&json!({"asset": asset, "scenario": title, "why": sentence}));
    } else {
        print(&format!("{sentence}\n"));
    }
    Ok(0)
}

fn rank(common: &Common, limit: usize, given: Option<usize>) -> Code {
    let case = buttress::load(common.look.case.as_deref())?;
    let study = buttress::study(common.study.as_deref())?;
    let losses = buttress::optim::assess::rank(&case, &study, threads(given), &Bars::new());
    if common.look.json {
        print_json(
            &json!({"n_assets": case.assets().len(), "n_with_loss": losses.len(), "losses": losses.iter().take(limit).map(|l| { let a = &case.assets()[l.asset as usize]; json!({"asset": a.key, "name": a.name, "kind": a.kind, "zone": a.zone, "provenance": a.provenance, "central": assessment_json::summary(&l.central)}) }).collect::<Vec<_>>()}),
        );
        return Ok(0);
    }
    let mut t = table(&["", "asset", "name", "kind", "zone", "people-hours", "million euro", "countries", "90 % back"], 5);
    for (k, l) in losses.iter().take(limit).enumerate() {
        let a = &case.assets()[l.asset as usize];
        let s = &l.central;
        t.add_row([
            (k + 1).to_string(),
            a.key.clone(),
            a.name.clone(),
            a.kind.clone(),
            a.zone.clone(),
            format!("{:.0}", s.people_hours),
            format!("{:.1}", s.euro[1] / 1e6),
            s.countries.len().to_string(),
            s.restored_h[1].map_or("> horizon".into(), |h| format!("{h:.0} h")),
        ]);
    }
    print(&format!("{t}\n{} of {} assets cost something when lost alone\n", losses.len(), case.assets().len()));
    Ok(0)
}

struct Assess<'a> {
    case: Option<&'a Path>,
    study: Option<&'a Path>,
    out: &'a Path,
    budget: f64,
    threads: Option<usize>,
    marking: &'a str,
    json: bool,
}

fn assess(args: &Assess) -> Code {
    if !(args.budget.is_finite() && args.budget >= 0.0) {
        return Err(format!("--budget is {}; give million euro, 0 or more", args.budget).into());
    }
    let study = buttress::study(args.study)?;
    let case = buttress::load(args.case)?;
    buttress::probe_out(args.out)?;
    let bars = Bars::new();
    let a = buttress::assessment(&case, &study, &Options { budget_meur: Some(args.budget), threads: threads(args.threads) }, &bars);
    drop(bars);
    let borders = buttress::io::embedded::borders();
    let mut command = "buttress assess".to_owned();
    for (flag, path) in [("", args.case), (" --study", args.study)] {
        if let Some(path) = path {
            command.push_str(&format!("{flag} {}", path.display()));
        }
    }
    command.push_str(&format!(" --budget {}", args.budget));
    let page = buttress::write_report(&case, &a, &borders, &command, args.marking, args.out)?;
    if args.json {
        print(&assessment_json::to_json(&case, &a, buttress::VERSION, &buttress::io::scenario_file::study_digest(&study)));
    } else {
        print(&summary(&case, &a, &page));
    }
    Ok(u8::from(a.base.iter().any(|p| p.ending != buttress::engine::ending::Ending::Solved)))
}

/// Ten lines.
fn summary(case: &Case, a: &buttress::optim::Assessment, page: &Path) -> String {
    let line = |k: usize| {
        a.losses.iter().filter(|l| case.assets()[l.asset as usize].provenance != "synthetic").nth(k).map_or(String::new(), |l| {
            let x = &case.assets()[l.asset as usize];
            format!(
                "{} ({}, {}): {:.2} million people-hours, {:.0} million euro",
                x.name,
                x.kind.replace('_', " "),
                x.zone,
                l.central.people_hours / 1e6,
                l.central.euro[1] / 1e6
            )
        })
    };
    let worst = a.threats.first().map_or(String::new(), |t| {
        let s = &t.runs[1];
        format!(
            "{}: {:.1} million people-hours, {} to {} million euro, {} countries",
            case.tables().threats[t.threat].name,
            s.people_hours / 1e6,
            (s.euro[0] / 1e6).round(),
            (s.euro[2] / 1e6).round(),
            s.countries.len()
        )
    });
    let best = a
        .measures
        .first()
        .map_or(String::new(), |m| format!("{}: {:.1} euro avoided per euro", case.tables().measures[m.measure].name, m.ratio));
    let plan = a.portfolio.as_ref().map_or(String::new(), |p| {
        format!(
            "{:.0} million euro: {:.0} million avoided jointly, {:.0} million nation by nation",
            p.budget_meur,
            p.joint.replayed_euro / 1e6,
            p.national.replayed_euro / 1e6
        )
    });
    let unserved: f64 = a.base.iter().flat_map(|p| &p.unserved_mw).map(|u| u.1).sum::<f64>() + 0.0;
    let overloads: usize = a.base.iter().map(|p| p.overloads.len()).sum();
    format!(
        "{}, version {}: {} assets, {} runs\nbase case       {unserved:.0} MW unserved and {overloads} lines overloaded at winter peak and summer night\nworst loss      {}\nsecond          {}\nthird           {}\nworst threat    {worst}\nbest measure    {best}\nportfolio       {plan}\nEU relevance    {} candidates under CER Article 17, {} losses that hit six or more members\nreport          {}\n",
        case.title(),
        case.version(),
        a.n_assets,
        a.n_runs,
        line(0),
        line(1),
        line(2),
        a.significant.len(),
        a.blueprint.len(),
        page.display()
    )
}

fn diff(before: &Path, after: &Path, as_json: bool) -> Code {
    const SHOWN: usize = 30;
    let d = buttress::diff(before, after)?;
    if as_json {
        print_json(&d.to_json());
        return Ok(u8::from(!d.same));
    }
    if d.same {
        print("the two assessments are the same\n");
        return Ok(0);
    }
    for [what, was, is] in &d.made_from {
        print(&format!("{what}: {was} before, {is} after\n"));
    }
    let rank = |r: Option<usize>| r.map_or("-".to_owned(), |r| r.to_string());
    for (name, what, rows) in [("asset", "cost when lost", &d.losses), ("threat", "cost", &d.threats), ("measure", "avoided", &d.measures)]
    {
        let mut t = table(&[name, "people-hours", "euro", "rank before", "rank after"], 1);
        for r in rows.iter().take(SHOWN) {
            t.add_row([
                r.key.clone(),
                format!("{:+.0}", r.people_hours),
                format!("{:+.0}", r.euro),
                rank(r.rank_before),
                rank(r.rank_after),
            ]);
        }
        let shown = if rows.len() > SHOWN { format!(", {SHOWN} shown; all with --json") } else { String::new() };
        let body = if rows.is_empty() { String::new() } else { format!("{t}\n") };
        print(&format!("{body}{} {name}s changed ({what}){shown}\n", rows.len()));
    }
    for p in &d.portfolio {
        let list = |keys: &[String]| if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        print(&format!("{} plan: {:+.0} euro avoided; added {}; dropped {}\n", p.plan, p.replayed_euro, list(&p.added), list(&p.dropped)));
    }
    Ok(1)
}
