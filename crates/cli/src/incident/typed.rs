//! From what is typed to clocks, figures and findings.

use std::error::Error;
use std::path::{Path, PathBuf};

use buttress_wire::Instant;
use buttress_wire::incident::clock::{History, Inability, Request, Submission};
use buttress_wire::incident::figures::Run;
use buttress_wire::incident::kept::Clocks;
use buttress_wire::incident::significance::{
    DigitalService, Finding, Outage, SmallIncident, StateThresholds, blueprint, cer, digital, money, nis2, recurring,
};
use buttress_wire::incident::states::{Settings, state, zone_name};
use buttress_wire::incident::{Answer, Awareness, Cer, Duty, Impact, Nis2, Sector};
use jiff::tz::TimeZone;

use crate::incident_args::{Beginning, Bound, Counting, Course, Digital, Figures, Regime, SignificanceArgs, YesNo};
use crate::moment::{moment, offset, text, zone};

type Typed<T> = Result<T, Box<dyn Error>>;

/// The sectors as they are typed.
pub fn sectors() -> String {
    Sector::ALL.map(Sector::word).join(", ")
}

/// What is said of a stage that is none.
pub fn no_stage(word: &str) -> String {
    format!("`{word}` is no report: write one of {}", Duty::ALL.map(Duty::word).join(", "))
}

/// Settings of a file, or none.
pub fn settings(path: Option<&Path>) -> Typed<Settings> {
    let Some(path) = path else { return Ok(Settings::default()) };
    toml::from_str(&text(path)?).map_err(|why| format!("{}: {why}", path.display()).into())
}

/// The clocks of an incident that nothing has been handed in for.
pub fn clocks(aware: &Beginning, bound: &Bound, counting: &Counting) -> Typed<Clocks> {
    let member = match &counting.state {
        None => None,
        Some(code) => {
            let why =
                format!("--state {code} is no member state of the Union; write two letters such as FI, or leave it out and give --zone");
            Some(state(code).ok_or(why)?)
        }
    };
    let given = counting.zone.as_deref().or(member.map(|m| m.zone)).map(zone).transpose()?;
    let (at, with_it) = moment(&aware.aware, given.as_ref()).map_err(|why| format!("--aware {why}"))?;
    // The zone that was asked for, else that of the state, else that of the moment itself.
    let home = given.or(with_it).or_else(|| offset(&aware.aware)).unwrap_or(TimeZone::UTC);
    let sector = match &aware.sector {
        Some(word) => {
            Sector::from_word(word).ok_or_else(|| format!("--sector {word} is none of the Annex of CER: write one of {}", sectors()))?
        }
        None => Sector::Energy,
    };
    let is_bound = |regime| bound.regime.contains(&regime);
    let awareness = Awareness {
        incident: aware.name.clone(),
        who: aware.who.clone(),
        at,
        sector,
        nis2: is_bound(Regime::Nis2).then_some(if bound.trust_service { Nis2::TrustService } else { Nis2::Entity }),
        cer: is_bound(Regime::Cer).then_some(if bound.initial_only { Cer::InitialOnly } else { Cer::WithDetailedReport }),
    };
    Ok(Clocks {
        awareness,
        history: History::default(),
        state: member.map(|m| m.code.to_owned()),
        zone: zone_name(&home),
        settings: settings(counting.rules.as_deref())?,
        impact: Impact::default(),
    })
}

/// `STAGE=MOMENT`.
pub fn submission(text: &str, home: &TimeZone) -> Typed<Submission> {
    let Some((word, at)) = text.split_once('=') else { return Err(format!("--done {text}: write STAGE=MOMENT").into()) };
    let duty = Duty::from_word(word).ok_or_else(|| format!("--done {}", no_stage(word)))?;
    let (at, _) = moment(at, Some(home)).map_err(|why| format!("--done {word}: {why}"))?;
    Ok(Submission { duty, at, by: None })
}

/// `MOMENT` or `MOMENT..MOMENT`.
fn span(flag: &str, text: &str, home: &TimeZone) -> Typed<(Instant, Option<Instant>)> {
    let at = |text: &str| moment(text, Some(home)).map(|(at, _)| at).map_err(|why| format!("{flag} {why}"));
    let (from, until) = text.split_once("..").map_or((text, None), |(from, until)| (from, Some(until)));
    let (from, until) = (at(from)?, until.map(at).transpose()?);
    if until.is_some_and(|until| until < from) {
        return Err(format!("{flag} {text} ends before it begins").into());
    }
    Ok((from, until))
}

/// Notes what else moves clocks.
pub fn course(history: &mut History, course: &Course, home: &TimeZone) -> Typed<()> {
    if let Some(text) = &course.handled {
        history.handled_at = Some(moment(text, Some(home)).map_err(|why| format!("--handled {why}"))?.0);
    }
    for text in &course.requested {
        let (at, answer_by) = span("--requested", text, home)?;
        history.requests.push(Request { at, answer_by });
    }
    if let Some(text) = &course.unable {
        let (from, until) = span("--unable", text, home)?;
        history.inability = Some(Inability { from, until });
    }
    Ok(())
}

/// The result of a run, from a file, a folder or standard input.
pub fn run(path: &Path, of: Option<&str>) -> Typed<Run> {
    let file: PathBuf = if path.is_dir() { path.join("assessment.json") } else { path.to_owned() };
    Run::read(&text(&file)?, of).map_err(|why| format!("{}: {why}", file.display()).into())
}

/// What is known of the impact: what is typed, else what the simulation says, else what was known before.
pub fn impact(figures: &Figures, before: Option<&Impact>) -> Typed<Impact> {
    let mut impact = before.cloned().unwrap_or_default();
    if let Some(path) = &figures.run {
        let simulated = run(path, figures.of.as_deref())?.impact();
        impact = Impact {
            nature: impact.nature.or(simulated.nature),
            consequences: impact.consequences.or(simulated.consequences),
            figures_from: simulated.figures_from,
            severity: simulated.severity,
            people_hit: simulated.people_hit,
            duration_h: simulated.duration_h,
            countries: simulated.countries,
            sectors: simulated.sectors,
            services: simulated.services,
            ..impact
        };
    }
    let say = |slot: &mut Option<String>, said: &Option<String>| {
        if said.is_some() {
            slot.clone_from(said);
        }
    };
    say(&mut impact.nature, &figures.nature);
    say(&mut impact.severity, &figures.severity);
    say(&mut impact.cause, &figures.cause);
    say(&mut impact.consequences, &figures.consequences);
    say(&mut impact.status, &figures.status);
    amount(&mut impact.people_hit, "--users", figures.users)?;
    amount(&mut impact.duration_h, "--hours", figures.hours)?;
    amount(&mut impact.area_km2, "--area-km2", figures.area_km2)?;
    amount(&mut impact.loss_eur, "--loss-eur", figures.loss_eur)?;
    amount(&mut impact.turnover_eur, "--turnover-eur", figures.turnover_eur)?;
    share(&mut impact, figures.users_of)?;
    if !figures.countries.is_empty() {
        let codes = figures.countries.iter().map(|code| country(code)).collect::<Typed<_>>()?;
        impact.countries = Some(codes);
    }
    if !figures.services.is_empty() {
        impact.services = figures.services.iter().cloned().collect();
    }
    impact.measures.extend(figures.measure.iter().cloned());
    impact.indicators.extend(figures.indicator.iter().cloned());
    let answers = &figures.answers;
    for (slot, said) in [
        (&mut impact.isolated, figures.isolated),
        (&mut impact.malicious, answers.malicious),
        (&mut impact.cross_border, answers.cross_border),
        (&mut impact.severe_disruption, answers.severe_disruption),
        (&mut impact.severe_loss, answers.severe_loss),
        (&mut impact.damage_to_others, answers.damage_to_others),
        (&mut impact.particular_significance, answers.particular_significance),
        (&mut impact.coordination_agreed, answers.coordination_agreed),
    ] {
        if let Some(said) = said {
            *slot = if said == YesNo::Yes { Answer::Yes } else { Answer::No };
        }
    }
    Ok(impact)
}

fn amount(slot: &mut Option<f64>, flag: &str, said: Option<f64>) -> Typed<()> {
    if let Some(value) = said {
        if !value.is_finite() || value < 0.0 {
            return Err(format!("{flag} is {value}; give a number, 0 or more").into());
        }
        *slot = Some(value);
    }
    Ok(())
}

fn share(impact: &mut Impact, users_of: Option<f64>) -> Typed<()> {
    let Some(all) = users_of else { return Ok(()) };
    let Some(hit) = impact.people_hit else { return Err("--users-of needs the users hit: give --users or --run".into()) };
    if !all.is_finite() || all <= 0.0 || hit > all {
        return Err(format!("--users-of is {all}, and {hit} users are hit; give all users of the service").into());
    }
    impact.share = Some(hit / all);
    Ok(())
}

fn country(code: &str) -> Typed<String> {
    let is_code = code.len() == 2 && code.bytes().all(|c| c.is_ascii_alphabetic());
    if is_code {
        Ok(code.to_ascii_uppercase())
    } else {
        Err(format!("--countries: `{code}` is no country; write two letters such as FI").into())
    }
}

/// Every rule that applies, in the order of the laws.
pub fn findings(args: &SignificanceArgs, impact: &Impact, thresholds: &StateThresholds, now: Instant) -> Typed<Vec<Finding>> {
    let mut list = cer(impact, thresholds);
    list.extend(nis2(impact));
    if let Some(service) = args.digital {
        let service = match service {
            Digital::Cloud => DigitalService::Cloud,
            Digital::DataCentre => DigitalService::DataCentre,
            Digital::ContentDelivery => DigitalService::ContentDelivery,
        };
        let mut outage = Outage::default();
        amount(&mut outage.down_min, "--down-min", args.down_min)?;
        amount(&mut outage.limited_h, "--limited-h", args.limited_h)?;
        amount(&mut outage.limited_users, "--limited-users", args.limited_users)?;
        amount(&mut outage.limited_share, "--limited-share", args.limited_share)?;
        if outage.limited_share.is_some_and(|share| share > 1.0) {
            return Err("--limited-share is above 1; give a share between 0 and 1".into());
        }
        list.push(money(impact));
        list.extend(digital(service, &outage));
        if !args.earlier.is_empty() {
            let mut incidents = vec![SmallIncident { at: now, cause: Some("this".into()), loss_eur: impact.loss_eur }];
            for text in &args.earlier {
                let wrong = || format!("--earlier {text}: write MOMENT=EUR");
                let (at, loss) = text.split_once('=').ok_or_else(wrong)?;
                let mut loss_eur = None;
                amount(&mut loss_eur, "--earlier", Some(loss.parse().map_err(|_| wrong())?))?;
                incidents.push(SmallIncident { at: moment(at, None)?.0, cause: Some("this".into()), loss_eur });
            }
            list.push(recurring(&incidents, impact.turnover_eur, &TimeZone::UTC));
        }
    }
    list.extend(blueprint(impact));
    Ok(list)
}
