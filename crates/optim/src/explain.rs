//! Causes as sentences.

use buttress_engine::compile::{Part, Supply, World};
use buttress_engine::outcome::{Cause, CausedBy, Outcome, Service};

/// Steps told in a short reason.
const MAX_STEPS: usize = 3;

fn step(world: &World, cause: &Cause) -> String {
    let name = &world.asset(cause.asset).name;
    match cause.by {
        CausedBy::Damage => format!("{name} is lost at {} h", hours(cause.t_h)),
        CausedBy::Dependency(d) => {
            let dep = &world.deps[d as usize];
            let rule = &world.case.tables().dependencies[dep.rule as usize];
            let what = if rule.needs == "asset" { format!("what it needs ({})", rule.at) } else { rule.needs.clone() };
            let buffer = dep.buffer_h[2 - world.study.level.index()];
            let after = if buffer > 0.0 { format!(" when its {} h of autonomy are used up", hours(buffer)) } else { String::new() };
            if matches!(dep.supply, Supply::Area(_)) {
                return format!("the dark part of {name} is out at {} h{after}", hours(cause.t_h));
            }
            format!("{name} is without {what} and loses {:.0} % of its capacity at {} h{after}", dep.effect * 100.0, hours(cause.t_h))
        }
    }
}

fn hours(h: f64) -> String {
    if (h - h.round()).abs() < 0.05 { format!("{h:.0}") } else { format!("{h:.1}") }
}

/// The first steps of a cascade and what is lost, as one sentence, of a run that kept its causes.
pub fn first_steps(world: &World, out: &Outcome) -> String {
    let damaged = out.causes.iter().filter(|c| c.by == CausedBy::Damage).count();
    let mut parts: Vec<String> = Vec::new();
    if out.causes.is_empty() {
        parts.push("No asset fails".into());
    } else if damaged > 2 {
        parts.push(format!("{damaged} assets are damaged"));
    } else {
        parts.extend(out.causes.iter().filter(|c| c.by == CausedBy::Damage).map(|c| step(world, c)));
    }
    let then: Vec<&Cause> = out.causes.iter().filter(|c| c.by != CausedBy::Damage).collect();
    parts.extend(then.iter().take(MAX_STEPS).map(|c| step(world, c)));
    if then.len() > MAX_STEPS {
        parts.push(format!("{} more assets follow", then.len() - MAX_STEPS));
    }
    let lost = lost_services(out);
    if lost.is_empty() {
        parts.push("no service is lost".into());
    } else {
        parts.push(format!("lost: {}", lost.join(", ")));
    }
    format!("{}.", parts.join("; "))
}

/// A number for reading: three figures, with thousands, millions or billions as words.
fn amount(x: f64) -> String {
    let (value, word) = match x {
        x if x >= 999.5e6 => (x / 1e9, " billion"),
        x if x >= 999.5e3 => (x / 1e6, " million"),
        x if x >= 9_995.0 => (x / 1e3, " thousand"),
        x => (x, ""),
    };
    let digits = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{word}")
}

fn lost_services(out: &Outcome) -> Vec<String> {
    Service::ALL
        .iter()
        .filter(|s| out.lost_total(**s) > 1e-3)
        .map(|s| match s {
            Service::Passengers => format!("journeys of {} passengers", amount(out.lost_total(*s))),
            Service::Pnt => format!("{} {} of positioning", amount(out.lost_total(*s)), s.lost_unit()),
            _ => format!("{} {} of {}", amount(out.lost_total(*s)), s.lost_unit(), s.name()),
        })
        .collect()
}

/// The path that led to the failure of `asset`, from the first damage on, as a sentence; `None` when it did not fail.
pub fn why(world: &World, out: &Outcome, asset: u32) -> Option<String> {
    let mut path = Vec::new();
    let mut at = out.causes.iter().find(|c| c.asset == asset)?;
    // Each step goes back to an earlier failure, so the list of causes bounds the walk.
    for _ in 0..out.causes.len() {
        path.push(step(world, at));
        let CausedBy::Dependency(d) = at.by else { break };
        let Some(before) = supplier(world, out, d, at.t_h) else { break };
        at = before;
    }
    path.reverse();
    Some(format!("{}.", path.join("; then ")))
}

/// The failure before `t` that most plainly took away what dependency `d` draws from.
fn supplier<'o>(world: &World, out: &'o Outcome, d: u32, t: f64) -> Option<&'o Cause> {
    let dep = &world.deps[d as usize];
    let direct = |asset: u32| match (&dep.supply, world.parts[asset as usize]) {
        (Supply::Bus(b), Part::Bus(k)) => *b == k,
        (Supply::Area(buses), Part::Bus(k)) => buses.iter().any(|b| b.0 == k),
        (Supply::DataNode(n), Part::DataNode(k)) | (Supply::GasNode(n), Part::GasNode(k)) => *n == k,
        (Supply::Assets(ids, _), _) => ids.contains(&asset),
        _ => false,
    };
    let sector = |asset: u32| {
        matches!(
            (&dep.supply, world.parts[asset as usize]),
            (Supply::Bus(_) | Supply::Area(_), Part::Bus(_) | Part::Line(_) | Part::Plant(_) | Part::Hvdc(_))
                | (
                    Supply::GasNode(_),
                    Part::GasNode(_) | Part::GasPipe(_) | Part::Store(_) | Part::Terminal(_) | Part::GasSupply(_) | Part::Compressor(_)
                )
                | (Supply::DataNode(_), Part::DataNode(_) | Part::DataLink(_))
                | (Supply::Pnt(..) | Supply::Timing(..) | Supply::Satcom(_), Part::System(_) | Part::Satellite(_) | Part::GroundSite(_))
        )
    };
    let earlier = || out.causes.iter().filter(|c| c.t_h <= t && c.asset != dep.dependent);
    earlier().find(|c| direct(c.asset)).or_else(|| earlier().find(|c| sector(c.asset)))
}
