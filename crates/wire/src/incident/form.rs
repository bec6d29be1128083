//! What each report must hold, filled from an impact: NIS2 Art. 23(4) and CER Art. 15(1) and (2).
//!
//! The fields of NIS2 follow its wording as recalled; those of CER follow the text as read. The directive says nothing on the
//! content of a progress report: its fields are ours. States publish forms of their own; these hold what those ask for at least.

use super::{Answer, Awareness, Duty, Impact, Law, Sector};
use crate::Instant;
use serde::Serialize;
use std::fmt;

/// When a field must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Always.
    Always,
    /// Where it applies.
    WhereApplicable,
    /// As far as the information is available.
    WhereAvailable,
}

/// One field of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its key.
    pub key: &'static str,
    /// What it asks for.
    pub asks: &'static str,
    /// The article that asks.
    pub article: &'static str,
    /// When it must be answered.
    pub need: Need,
    /// The answer, if there is one.
    pub answer: Option<String>,
}

/// A report with its fields, answered or missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Form {
    /// The directive.
    pub law: Law,
    /// Which report.
    pub duty: Duty,
    /// Its name.
    pub title: &'static str,
    /// Name or id of the incident.
    pub incident: String,
    /// Who became aware.
    pub who: String,
    /// When they became aware.
    pub aware_at: Instant,
    /// Where the figures come from, if not from a person.
    pub figures_from: Option<String>,
    /// The fields, in the order of the article.
    pub fields: Vec<Field>,
    /// Keys of the fields that always need an answer and have none.
    pub missing: Vec<&'static str>,
    /// Keys of the other fields without an answer: say so, or say that they do not apply.
    pub unanswered: Vec<&'static str>,
}

impl Form {
    /// Fills a report from what is known.
    pub fn fill(duty: Duty, awareness: &Awareness, impact: &Impact) -> Self {
        let fields: Vec<Field> = questions(duty)
            .iter()
            .map(|&(topic, need, article)| Field { key: topic.key(), asks: topic.asks(), article, need, answer: topic.answer(impact) })
            .collect();
        let open = |always: &dyn Fn(Need) -> bool| -> Vec<&'static str> {
            fields.iter().filter(|f| f.answer.is_none() && always(f.need)).map(|f| f.key).collect()
        };
        let missing = open(&|need| need == Need::Always);
        let unanswered = open(&|need| need != Need::Always);
        Self {
            law: duty.law(),
            duty,
            title: duty.title(),
            incident: awareness.incident.clone(),
            who: awareness.who.clone(),
            aware_at: awareness.at,
            figures_from: text(impact.figures_from.as_ref()),
            fields,
            missing,
            unanswered,
        }
    }

    /// The form as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        // Text, enums and lists only: nothing here can fail to be written.
        serde_json::to_value(self).unwrap_or_default()
    }

    fn law_name(&self) -> &'static str {
        match self.law {
            Law::Nis2 => "NIS2",
            Law::Cer => "CER",
        }
    }

    /// The form as Markdown, with its gaps named at the end.
    pub fn to_markdown(&self) -> String {
        let quoted = |text: &str| escaped(text).replace('\n', "\n> ");
        let mut page = format!("# {}: {}\n\n", self.law_name(), self.title);
        page += &format!("- Incident: {}\n", escaped(&self.incident).replace('\n', " "));
        page += &format!("- Aware: {}, {}\n", escaped(&self.who).replace('\n', " "), self.aware_at.short());
        if let Some(from) = &self.figures_from {
            page += &format!("- Figures: {}; check them before handing in\n", escaped(from).replace('\n', " "));
        }
        for field in &self.fields {
            let answer = field.answer.as_deref().map_or_else(|| format!("*{}*", gap(field.need)), quoted);
            page += &format!("\n## {}\n\n{}\n\n> {answer}\n", field.asks, field.article);
        }
        let asks = |keys: &[&str]| -> String {
            self.fields.iter().filter(|f| keys.contains(&f.key)).map(|f| format!("- {} (`{}`)\n", f.asks, f.key)).collect()
        };
        page += "\n## Gaps\n\n";
        if self.missing.is_empty() && self.unanswered.is_empty() {
            page += "None.\n";
        }
        if !self.missing.is_empty() {
            page += &format!("Must be answered and is not:\n\n{}", asks(&self.missing));
        }
        if !self.unanswered.is_empty() {
            let gap = if self.missing.is_empty() { "" } else { "\n" };
            page += &format!("{gap}To be answered, or said not to apply or not to be known:\n\n{}", asks(&self.unanswered));
        }
        page
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.law_name(), self.title)?;
        writeln!(f, "incident: {}", printable(&self.incident))?;
        writeln!(f, "aware: {} at {}", printable(&self.who), self.aware_at.short())?;
        for field in &self.fields {
            let answer = field.answer.as_deref().map_or_else(|| gap(field.need).to_owned(), printable);
            writeln!(f, "\n{} [{}]\n  {answer}", field.asks, field.article)?;
        }
        Ok(())
    }
}

/// What stands where an answer should be.
fn gap(need: Need) -> &'static str {
    match need {
        Need::Always => "MISSING",
        Need::WhereApplicable => "not answered (where applicable)",
        Need::WhereAvailable => "not answered (where available)",
    }
}

/// Text without control characters in which Markdown and HTML see nothing but text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            c if c.is_control() => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Text without control characters; lines after the first are indented so that none looks like a field.
fn printable(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    clean.replace('\n', "\n  ")
}

/// What a field asks for.
#[derive(Debug, Clone, Copy)]
enum Topic {
    Malicious,
    CrossBorder,
    Nature,
    Severity,
    Impact,
    Indicators,
    Status,
    Cause,
    Measures,
    Consequences,
    Users,
    Proportion,
    Duration,
    Area,
}

type Question = (Topic, Need, &'static str);

fn questions(duty: Duty) -> &'static [Question] {
    use Need::{Always, WhereApplicable, WhereAvailable};
    match duty {
        Duty::EarlyWarning => {
            &[(Topic::Malicious, WhereApplicable, "NIS2 Art. 23(4)(a)"), (Topic::CrossBorder, WhereApplicable, "NIS2 Art. 23(4)(a)")]
        }
        Duty::Notification => &[
            (Topic::Malicious, WhereApplicable, "NIS2 Art. 23(4)(b), update of (a)"),
            (Topic::CrossBorder, WhereApplicable, "NIS2 Art. 23(4)(b), update of (a)"),
            (Topic::Severity, Always, "NIS2 Art. 23(4)(b)"),
            (Topic::Impact, Always, "NIS2 Art. 23(4)(b)"),
            (Topic::Indicators, WhereAvailable, "NIS2 Art. 23(4)(b)"),
        ],
        Duty::IntermediateReport => &[(Topic::Status, Always, "NIS2 Art. 23(4)(c)")],
        Duty::ProgressReport => &[(Topic::Status, Always, "NIS2 Art. 23(4)(e)"), (Topic::Measures, WhereAvailable, "NIS2 Art. 23(4)(e)")],
        Duty::FinalReport => &[
            (Topic::Nature, Always, "NIS2 Art. 23(4)(d)(i)"),
            (Topic::Severity, Always, "NIS2 Art. 23(4)(d)(i)"),
            (Topic::Impact, Always, "NIS2 Art. 23(4)(d)(i)"),
            (Topic::Cause, Always, "NIS2 Art. 23(4)(d)(ii)"),
            (Topic::Measures, Always, "NIS2 Art. 23(4)(d)(iii)"),
            (Topic::CrossBorder, WhereApplicable, "NIS2 Art. 23(4)(d)(iv)"),
        ],
        Duty::InitialNotification | Duty::DetailedReport => &[
            (Topic::Nature, WhereAvailable, "CER Art. 15(2)"),
            (Topic::Cause, WhereAvailable, "CER Art. 15(2)"),
            (Topic::Consequences, WhereAvailable, "CER Art. 15(2)"),
            (Topic::CrossBorder, WhereAvailable, "CER Art. 15(2)"),
            (Topic::Users, WhereAvailable, "CER Art. 15(1)(a)"),
            (Topic::Proportion, WhereAvailable, "CER Art. 15(1)(a)"),
            (Topic::Duration, WhereAvailable, "CER Art. 15(1)(b)"),
            (Topic::Area, WhereAvailable, "CER Art. 15(1)(c)"),
        ],
    }
}

impl Topic {
    fn key(self) -> &'static str {
        match self {
            Self::Malicious => "malicious",
            Self::CrossBorder => "cross_border",
            Self::Nature => "nature",
            Self::Severity => "severity",
            Self::Impact => "impact",
            Self::Indicators => "indicators",
            Self::Status => "status",
            Self::Cause => "cause",
            Self::Measures => "measures",
            Self::Consequences => "consequences",
            Self::Users => "people_hit",
            Self::Proportion => "share",
            Self::Duration => "duration_h",
            Self::Area => "area_km2",
        }
    }

    fn asks(self) -> &'static str {
        match self {
            Self::Malicious => "Are unlawful or malicious acts suspected?",
            Self::CrossBorder => "Cross-border impact",
            Self::Nature => "What happened",
            Self::Severity => "Severity",
            Self::Impact => "Impact",
            Self::Indicators => "Indicators of compromise",
            Self::Status => "Where the handling stands",
            Self::Cause => "Root cause or type of threat",
            Self::Measures => "Measures applied and under way",
            Self::Consequences => "Possible consequences",
            Self::Users => "Number of users affected",
            Self::Proportion => "Proportion of users affected",
            Self::Duration => "Duration of the disruption",
            Self::Area => "Geographical area affected",
        }
    }

    fn answer(self, impact: &Impact) -> Option<String> {
        match self {
            Self::Malicious => yes_no(impact.malicious),
            Self::CrossBorder => cross_border(impact),
            Self::Nature => text(impact.nature.as_ref()),
            Self::Severity => text(impact.severity.as_ref()),
            Self::Impact => whole(impact),
            Self::Indicators => list(&impact.indicators),
            Self::Status => text(impact.status.as_ref()),
            Self::Cause => text(impact.cause.as_ref()),
            Self::Measures => list(&impact.measures),
            Self::Consequences => text(impact.consequences.as_ref()),
            Self::Users => number(impact.people_hit).map(|n| format!("{n} users")),
            Self::Proportion => number(impact.share).filter(|s| *s <= 1.0).map(|s| format!("{} % of users", rounded(100.0 * s))),
            Self::Duration => number(impact.duration_h).map(|h| format!("{} h", rounded(h))),
            Self::Area => area(impact),
        }
    }
}

fn yes_no(answer: Answer) -> Option<String> {
    match answer {
        Answer::Yes => Some("yes".to_owned()),
        Answer::No => Some("no".to_owned()),
        Answer::Unknown => None,
    }
}

fn text(text: Option<&String>) -> Option<String> {
    text.map(|t| t.trim()).filter(|t| !t.is_empty()).map(str::to_owned)
}

fn list(items: &[String]) -> Option<String> {
    text(Some(&items.join("; ")))
}

fn number(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite() && *v >= 0.0)
}

/// Two decimals are enough for people to read.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn countries(impact: &Impact) -> Option<String> {
    let names: Vec<String> = impact.countries.iter().flatten().cloned().collect();
    text(Some(&names.join(", ")))
}

fn cross_border(impact: &Impact) -> Option<String> {
    let answer = yes_no(impact.crosses_border())?;
    Some(match countries(impact) {
        Some(countries) => format!("{answer} (countries: {countries})"),
        None => answer,
    })
}

fn area(impact: &Impact) -> Option<String> {
    let area = number(impact.area_km2).map(|a| format!("{} km²", rounded(a)));
    let isolated = match impact.isolated {
        Answer::Yes => Some("geographically isolated".to_owned()),
        Answer::No => Some("not geographically isolated".to_owned()),
        Answer::Unknown => None,
    };
    let parts: Vec<String> = area.into_iter().chain(isolated).collect();
    text(Some(&parts.join(", ")))
}

/// All that is known of the impact in one line.
fn whole(impact: &Impact) -> Option<String> {
    let named = |name: &str, items: Vec<String>| (!items.is_empty()).then(|| format!("{name}: {}", items.join(", ")));
    let parts: Vec<String> = [
        Topic::Users.answer(impact),
        Topic::Proportion.answer(impact),
        Topic::Duration.answer(impact),
        area(impact),
        countries(impact).map(|c| format!("countries: {c}")),
        named("sectors", impact.sectors.iter().map(|s| sector_name(*s).to_owned()).collect()),
        named("services", impact.services.iter().cloned().collect()),
        number(impact.loss_eur).map(|l| format!("loss {l} EUR")),
    ]
    .into_iter()
    .flatten()
    .collect();
    text(Some(&parts.join("; ")))
}

fn sector_name(sector: Sector) -> &'static str {
    match sector {
        Sector::Energy => "energy",
        Sector::Transport => "transport",
        Sector::Banking => "banking",
        Sector::FinancialMarket => "financial market infrastructure",
        Sector::Health => "health",
        Sector::DrinkingWater => "drinking water",
        Sector::WasteWater => "waste water",
        Sector::DigitalInfrastructure => "digital infrastructure",
        Sector::PublicAdministration => "public administration",
        Sector::Space => "space",
        Sector::Food => "food",
    }
}
