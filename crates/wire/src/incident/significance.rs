//! Whether an incident is significant: each rule with its value, its threshold and its article.
//!
//! A missing input gives [`Verdict::Unknown`] unless the others already decide; nothing is guessed. Numbers that are negative or
//! not finite, and shares above 1, count as missing.
//!
//! Read: CER Art. 15(1), NIS2 Art. 23(3), Implementing Regulation (EU) 2024/2690 Art. 3, 4, 7, 8 and 9 (availability only), the
//! Blueprint. Not covered: the criteria of 2024/2690 on data, malice, health and trade secrets, and the services of its other
//! articles. Planned maintenance is never significant there (recital 33); the caller leaves it out.

use super::{Answer, Impact};
use crate::Instant;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Outcome of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not fulfilled.
    NotMet,
    /// Cannot be said; an input is missing.
    Unknown,
    /// Fulfilled.
    Met,
}

impl Verdict {
    /// Fulfilled when both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Fulfilled when either is.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Met } else { Self::NotMet }
    }
}

impl From<Answer> for Verdict {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::Met,
            Answer::No => Self::NotMet,
            Answer::Unknown => Self::Unknown,
        }
    }
}

/// Fulfilled when any finding is; CER asks for its parameters to be weighed, so there this is only a first look.
pub fn any(findings: &[Finding]) -> Verdict {
    findings.iter().fold(Verdict::NotMet, |all, f| all.or(f.verdict))
}

/// Which rule was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// CER Art. 15(1)(a), number.
    CerUsers,
    /// CER Art. 15(1)(a), proportion.
    CerProportion,
    /// CER Art. 15(1)(b).
    CerDuration,
    /// CER Art. 15(1)(c).
    CerArea,
    /// CER Art. 15(1), second subparagraph: the competent authorities notify the Commission.
    CerSixStates,
    /// NIS2 Art. 23(3)(a).
    Nis2Disruption,
    /// NIS2 Art. 23(3)(b).
    Nis2Damage,
    /// Implementing Regulation (EU) 2024/2690 Art. 3(1)(a).
    Money,
    /// Implementing Regulation (EU) 2024/2690 Art. 4.
    Recurring,
    /// Implementing Regulation (EU) 2024/2690 Art. 7, 8 or 9: the service is wholly down.
    ServiceDown,
    /// Implementing Regulation (EU) 2024/2690 Art. 7, 8 or 9: the service is limited.
    ServiceLimited,
    /// Blueprint, test (a).
    BlueprintSixStates,
    /// Blueprint, test (b).
    BlueprintParticular,
    /// Blueprint, test (c).
    BlueprintCoordination,
}

/// What a value is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The value must be greater.
    Above(f64),
    /// The value must be as great or greater.
    AtLeast(f64),
    /// The state sets the threshold and has not been asked, or the threshold hangs on a missing input.
    NotSet,
    /// A person says yes or no; there is no number.
    Said,
}

/// One quantity held against its threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Name of the quantity.
    pub quantity: &'static str,
    /// Its value, if known.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// Its threshold.
    pub bound: Bound,
    /// The outcome for this quantity alone.
    pub verdict: Verdict,
}

impl Reading {
    fn number(quantity: &'static str, value: Option<f64>, unit: &'static str, bound: Bound) -> Self {
        let value = value.filter(|v| v.is_finite() && *v >= 0.0 && (unit != SHARE || *v <= 1.0));
        let verdict = match (value, bound) {
            (Some(v), Bound::Above(t)) => Verdict::of(v > t),
            (Some(v), Bound::AtLeast(t)) => Verdict::of(v >= t),
            _ => Verdict::Unknown,
        };
        Self { quantity, value, unit, bound, verdict }
    }

    fn said(quantity: &'static str, answer: Answer) -> Self {
        Self { quantity, value: None, unit: "", bound: Bound::Said, verdict: answer.into() }
    }
}

const SHARE: &str = "share of 1";

/// The outcome of one rule, with all that led to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Where it is written.
    pub article: &'static str,
    /// The outcome.
    pub verdict: Verdict,
    /// The quantities it rests on.
    pub readings: Vec<Reading>,
    /// What would have to be known to decide; empty once decided.
    pub missing: Vec<&'static str>,
}

impl Finding {
    fn new(rule: Rule, article: &'static str, verdict: Verdict, readings: Vec<Reading>) -> Self {
        let missing = match verdict {
            Verdict::Unknown => readings.iter().filter(|r| r.verdict == Verdict::Unknown).flat_map(wanted).collect(),
            Verdict::Met | Verdict::NotMet => Vec::new(),
        };
        Self { rule, article, verdict, readings, missing }
    }

    fn single(rule: Rule, article: &'static str, reading: Reading) -> Self {
        Self::new(rule, article, reading.verdict, vec![reading])
    }
}

fn wanted(reading: &Reading) -> Vec<&'static str> {
    let value = reading.value.is_none().then_some(reading.quantity);
    let threshold = (reading.bound == Bound::NotSet).then_some(match reading.quantity {
        LOSS => "turnover_eur",
        _ => "threshold of the state",
    });
    value.into_iter().chain(threshold).collect()
}

const LOSS: &str = "loss_eur";

/// Thresholds of one state for the parameters of CER Art. 15(1); the directive names none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StateThresholds {
    /// Users, at least.
    pub users: Option<f64>,
    /// Share of users, 0 to 1, at least.
    pub share: Option<f64>,
    /// Duration, h, at least.
    pub duration_h: Option<f64>,
    /// Area, km², at least.
    pub area_km2: Option<f64>,
    /// Area where it is geographically isolated, km², at least.
    pub isolated_area_km2: Option<f64>,
}

/// The parameters of CER Art. 15(1)(a) to (c) against the thresholds of the state, and the rule of six states.
pub fn cer(impact: &Impact, state: &StateThresholds) -> Vec<Finding> {
    let users = Reading::number("people_hit", impact.people_hit, "users", at_least(state.users));
    let share = Reading::number("share", impact.share, SHARE, at_least(state.share));
    let duration = Reading::number("duration_h", impact.duration_h, "h", at_least(state.duration_h));
    vec![
        Finding::single(Rule::CerUsers, "Directive (EU) 2022/2557 Art. 15(1)(a)", users),
        Finding::single(Rule::CerProportion, "Directive (EU) 2022/2557 Art. 15(1)(a)", share),
        Finding::single(Rule::CerDuration, "Directive (EU) 2022/2557 Art. 15(1)(b)", duration),
        cer_area(impact, state),
        Finding::single(Rule::CerSixStates, "Directive (EU) 2022/2557 Art. 15(1), second subparagraph", states(impact, 6)),
    ]
}

/// The area; with isolation unknown the two thresholds must agree.
fn cer_area(impact: &Impact, state: &StateThresholds) -> Finding {
    let article = "Directive (EU) 2022/2557 Art. 15(1)(c)";
    let area = |threshold| Reading::number("area_km2", impact.area_km2, "km²", at_least(threshold));
    let reading = match impact.isolated {
        Answer::Yes => area(state.isolated_area_km2),
        Answer::No => area(state.area_km2),
        Answer::Unknown => {
            let (open, isolated) = (area(state.area_km2), area(state.isolated_area_km2));
            if open.verdict != isolated.verdict {
                let readings = vec![open, isolated, Reading::said("isolated", Answer::Unknown)];
                return Finding::new(Rule::CerArea, article, Verdict::Unknown, readings);
            }
            open
        }
    };
    Finding::single(Rule::CerArea, article, reading)
}

fn at_least(threshold: Option<f64>) -> Bound {
    threshold.filter(|t| t.is_finite()).map_or(Bound::NotSet, Bound::AtLeast)
}

fn states(impact: &Impact, at_least: u32) -> Reading {
    let n = impact.member_states().map(|n| n as f64);
    Reading::number("countries", n, "member states", Bound::AtLeast(f64::from(at_least)))
}

/// NIS2 Art. 23(3): both criteria are words, so a person answers.
pub fn nis2(impact: &Impact) -> Vec<Finding> {
    let disruption = Reading::said("severe_disruption", impact.severe_disruption);
    let loss = Reading::said("severe_loss", impact.severe_loss);
    let either = disruption.verdict.or(loss.verdict);
    let damage = Reading::said("damage_to_others", impact.damage_to_others);
    vec![
        Finding::new(Rule::Nis2Disruption, "Directive (EU) 2022/2555 Art. 23(3)(a)", either, vec![disruption, loss]),
        Finding::single(Rule::Nis2Damage, "Directive (EU) 2022/2555 Art. 23(3)(b)", damage),
    ]
}

/// Loss above which an incident of a digital entity is significant, EUR (2024/2690 Art. 3(1)(a)).
pub const LOSS_LIMIT_EUR: f64 = 500_000.0;
/// Share of the turnover of the year before that does the same, if it is lower (2024/2690 Art. 3(1)(a)).
pub const LOSS_LIMIT_SHARE: f64 = 0.05;

/// Loss against EUR 500,000 or 5 % of turnover, the lower; without the turnover only the ends are certain.
fn loss_reading(loss_eur: Option<f64>, turnover_eur: Option<f64>) -> Reading {
    let turnover = turnover_eur.filter(|t| t.is_finite() && *t >= 0.0);
    let certain = Reading::number(LOSS, loss_eur, "EUR", Bound::Above(LOSS_LIMIT_EUR));
    match (turnover, certain.value) {
        (Some(t), _) => Reading::number(LOSS, loss_eur, "EUR", Bound::Above(LOSS_LIMIT_EUR.min(LOSS_LIMIT_SHARE * t))),
        (None, Some(loss)) if loss > LOSS_LIMIT_EUR || loss == 0.0 => certain,
        (None, _) => Reading::number(LOSS, loss_eur, "EUR", Bound::NotSet),
    }
}

/// The money rule of Implementing Regulation (EU) 2024/2690 Art. 3(1)(a).
pub fn money(impact: &Impact) -> Finding {
    let reading = loss_reading(impact.loss_eur, impact.turnover_eur);
    Finding::single(Rule::Money, "Implementing Regulation (EU) 2024/2690 Art. 3(1)(a)", reading)
}

/// A digital service with thresholds of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigitalService {
    /// Cloud computing (Art. 7).
    Cloud,
    /// Data centre (Art. 8).
    DataCentre,
    /// Content delivery network (Art. 9; 30 min in the regulation as published, 10 min in the draft of June 2024).
    ContentDelivery,
}

/// How a digital service failed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outage {
    /// How long it was wholly down, min.
    pub down_min: Option<f64>,
    /// How long it was limited, h.
    pub limited_h: Option<f64>,
    /// Users in the Union for whom it was limited.
    pub limited_users: Option<f64>,
    /// Their share of its users in the Union, 0 to 1.
    pub limited_share: Option<f64>,
}

/// The availability rules of Implementing Regulation (EU) 2024/2690 Art. 7(a) and (b), 8(a) and (b), 9(a) and (b).
pub fn digital(service: DigitalService, outage: &Outage) -> Vec<Finding> {
    let (down_article, limited_article, down_min) = match service {
        DigitalService::Cloud => {
            ("Implementing Regulation (EU) 2024/2690 Art. 7(a)", "Implementing Regulation (EU) 2024/2690 Art. 7(b)", 30.0)
        }
        DigitalService::DataCentre => {
            ("Implementing Regulation (EU) 2024/2690 Art. 8(a)", "Implementing Regulation (EU) 2024/2690 Art. 8(b)", 0.0)
        }
        DigitalService::ContentDelivery => {
            ("Implementing Regulation (EU) 2024/2690 Art. 9(a)", "Implementing Regulation (EU) 2024/2690 Art. 9(b)", 30.0)
        }
    };
    let down = Reading::number("down_min", outage.down_min, "min", Bound::Above(down_min));
    let duration = Reading::number("limited_h", outage.limited_h, "h", Bound::Above(1.0));
    let limited = if service == DigitalService::DataCentre {
        Finding::single(Rule::ServiceLimited, limited_article, duration)
    } else {
        // Above the smaller of two numbers is above one or the other.
        let users = Reading::number("limited_users", outage.limited_users, "users", Bound::Above(1e6));
        let share = Reading::number("limited_share", outage.limited_share, SHARE, Bound::Above(0.05));
        let verdict = users.verdict.or(share.verdict).and(duration.verdict);
        Finding::new(Rule::ServiceLimited, limited_article, verdict, vec![users, share, duration])
    };
    vec![Finding::single(Rule::ServiceDown, down_article, down), limited]
}

/// An incident that is not significant by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmallIncident {
    /// When it occurred.
    pub at: Instant,
    /// Its apparent root cause, if known.
    pub cause: Option<String>,
    /// Its direct loss, EUR, if known.
    pub loss_eur: Option<f64>,
}

/// Recurring incidents: twice or more within six months, one apparent root cause, together above the money limit (2024/2690 Art. 4).
///
/// Months are civil months in `zone`. The group that comes nearest is the one shown. A loss or a cause that is not known leaves
/// the rule unknown wherever it could decide it.
pub fn recurring(incidents: &[SmallIncident], turnover_eur: Option<f64>, zone: &TimeZone) -> Finding {
    let mut sorted: Vec<&SmallIncident> = incidents.iter().collect();
    sorted.sort_by_key(|i| i.at);
    let mut best = group(&[], turnover_eur);
    for (first, start) in sorted.iter().enumerate() {
        let until = start.at.in_zone(zone).checked_add(6.months()).map_or(Instant(i64::MAX), |end| end.timestamp().into());
        let near = &sorted[first..first + sorted[first..].partition_point(|i| i.at <= until)];
        for cause in causes(start, near) {
            let found = one_cause(near, cause, turnover_eur);
            if rank(&found) > rank(&best) {
                best = found;
            }
        }
    }
    best
}

/// The causes the first incident of a group may have.
fn causes<'a>(start: &'a SmallIncident, near: &[&'a SmallIncident]) -> BTreeSet<Option<&'a str>> {
    match &start.cause {
        Some(cause) => BTreeSet::from([Some(cause.as_str())]),
        None => near.iter().map(|i| i.cause.as_deref()).collect(),
    }
}

/// The rule for one cause: by the incidents that surely have it, or unknown if those without a known cause could tip it.
fn one_cause(near: &[&SmallIncident], cause: Option<&str>, turnover_eur: Option<f64>) -> Finding {
    let with = |i: &&&SmallIncident| i.cause.is_some() && i.cause.as_deref() == cause;
    let sure: Vec<&SmallIncident> = near.iter().filter(with).copied().collect();
    let possible: Vec<&SmallIncident> = near.iter().filter(|i| i.cause.is_none() || with(i)).copied().collect();
    let found = group(&sure, turnover_eur);
    let could = group(&possible, turnover_eur);
    if found.verdict >= could.verdict {
        return found;
    }
    let mut readings = could.readings;
    readings.push(Reading::said("cause", Answer::Unknown));
    Finding::new(Rule::Recurring, RECURRING, Verdict::Unknown, readings)
}

/// Which finding comes nearest: by outcome, number of incidents, loss.
fn rank(finding: &Finding) -> (Verdict, Vec<Option<f64>>) {
    (finding.verdict, finding.readings.iter().map(|r| r.value).collect())
}

const RECURRING: &str = "Implementing Regulation (EU) 2024/2690 Art. 4";

fn group(incidents: &[&SmallIncident], turnover_eur: Option<f64>) -> Finding {
    let count = Reading::number("incidents", Some(incidents.len() as f64), "in six months, one cause", Bound::AtLeast(2.0));
    let known: Vec<f64> = incidents.iter().filter_map(|i| i.loss_eur).filter(|l| l.is_finite() && *l >= 0.0).collect();
    let sum: f64 = known.iter().sum();
    let mut loss = loss_reading(Some(sum), turnover_eur);
    if known.len() < incidents.len() && loss.verdict != Verdict::Met {
        loss = Reading { value: None, verdict: Verdict::Unknown, ..loss };
    }
    let verdict = count.verdict.and(loss.verdict);
    Finding::new(Rule::Recurring, RECURRING, verdict, vec![count, loss])
}

/// The three tests of a significant incident in the Critical Infrastructure Blueprint (Council Recommendation C/2024/4371).
pub fn blueprint(impact: &Impact) -> [Finding; 3] {
    let article = |test: usize| {
        ["Council Recommendation C/2024/4371 (a)", "Council Recommendation C/2024/4371 (b)", "Council Recommendation C/2024/4371 (c)"][test]
    };
    let particular = Reading::said("particular_significance", impact.particular_significance);
    let two = states(impact, 2);
    let agreed = Reading::said("coordination_agreed", impact.coordination_agreed);
    let both = two.verdict.and(agreed.verdict);
    [
        Finding::single(Rule::BlueprintSixStates, article(0), states(impact, 6)),
        Finding::single(Rule::BlueprintParticular, article(1), particular),
        Finding::new(Rule::BlueprintCoordination, article(2), both, vec![two, agreed]),
    ]
}
