//! Clocks, thresholds and forms of incidents under NIS2 and CER.
//!
//! [`clock`] says which report is due when, [`significance`] whether an incident must be reported at all, [`form`] what each
//! report must hold. The law behind them: Directive (EU) 2022/2555 (NIS2) Art. 23, Directive (EU) 2022/2557 (CER) Art. 15,
//! Implementing Regulation (EU) 2024/2690, and the Critical Infrastructure Blueprint (Council Recommendation C/2024/4371).
//! What was recalled and not read again says *recalled*. National law may differ: nothing here is legal advice.
//!
//! No clock is read: the caller hands in `now` and a time zone.

pub mod clock;
pub mod figures;
pub mod form;
pub mod kept;
pub mod significance;
pub mod states;

#[cfg(test)]
mod tests_clock;
#[cfg(test)]
mod tests_form;
#[cfg(test)]
mod tests_significance;

use crate::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The directive a duty comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Directive (EU) 2022/2555.
    Nis2,
    /// Directive (EU) 2022/2557.
    Cer,
}

/// A report that an entity owes, in the order of the articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// NIS2 Art. 23(4)(a).
    EarlyWarning,
    /// NIS2 Art. 23(4)(b).
    Notification,
    /// NIS2 Art. 23(4)(c), on request.
    IntermediateReport,
    /// NIS2 Art. 23(4)(e), when the incident still goes on as the final report falls due.
    ProgressReport,
    /// NIS2 Art. 23(4)(d), or (e) after a progress report.
    FinalReport,
    /// CER Art. 15(1), within 24 h.
    InitialNotification,
    /// CER Art. 15(1), where relevant.
    DetailedReport,
}

impl Duty {
    /// Every duty, in the order of the articles.
    pub const ALL: [Self; 7] = [
        Self::EarlyWarning,
        Self::Notification,
        Self::IntermediateReport,
        Self::ProgressReport,
        Self::FinalReport,
        Self::InitialNotification,
        Self::DetailedReport,
    ];

    /// The directive this duty comes from.
    pub fn law(self) -> Law {
        match self {
            Self::InitialNotification | Self::DetailedReport => Law::Cer,
            _ => Law::Nis2,
        }
    }

    /// The name of the report in plain words.
    pub fn title(self) -> &'static str {
        match self {
            Self::EarlyWarning => "early warning",
            Self::Notification => "incident notification",
            Self::IntermediateReport => "intermediate report",
            Self::ProgressReport => "progress report",
            Self::FinalReport => "final report",
            Self::InitialNotification => "initial notification",
            Self::DetailedReport => "detailed report",
        }
    }

    /// The name of the report as it is typed, such as `early-warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::EarlyWarning => "early-warning",
            Self::Notification => "notification",
            Self::IntermediateReport => "intermediate",
            Self::ProgressReport => "progress",
            Self::FinalReport => "final",
            Self::InitialNotification => "initial",
            Self::DetailedReport => "detailed",
        }
    }

    /// The report with a typed name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|duty| duty.word() == word)
    }

    /// The article that asks for the report in the common case; a [`clock::Deadline`] names the one that applied.
    pub fn article(self) -> &'static str {
        match self {
            Self::EarlyWarning => "Directive (EU) 2022/2555 Art. 23(4)(a)",
            Self::Notification => "Directive (EU) 2022/2555 Art. 23(4)(b)",
            Self::IntermediateReport => "Directive (EU) 2022/2555 Art. 23(4)(c)",
            Self::ProgressReport => "Directive (EU) 2022/2555 Art. 23(4)(e)",
            Self::FinalReport => "Directive (EU) 2022/2555 Art. 23(4)(d)",
            Self::InitialNotification | Self::DetailedReport => "Directive (EU) 2022/2557 Art. 15(1)",
        }
    }
}

/// A sector of the Annex of CER (the list of eleven is recalled).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sector {
    /// Electricity, district heating and cooling, oil, gas, hydrogen.
    Energy,
    /// Air, rail, water, road, public transport.
    Transport,
    /// Banking.
    Banking,
    /// Financial market infrastructure.
    FinancialMarket,
    /// Health.
    Health,
    /// Drinking water.
    DrinkingWater,
    /// Waste water.
    WasteWater,
    /// Digital infrastructure.
    DigitalInfrastructure,
    /// Public administration.
    PublicAdministration,
    /// Ground infrastructure that supports services in space.
    Space,
    /// Food.
    Food,
}

impl Sector {
    /// Every sector, in the order of the Annex.
    pub const ALL: [Self; 11] = [
        Self::Energy,
        Self::Transport,
        Self::Banking,
        Self::FinancialMarket,
        Self::Health,
        Self::DrinkingWater,
        Self::WasteWater,
        Self::DigitalInfrastructure,
        Self::PublicAdministration,
        Self::Space,
        Self::Food,
    ];

    /// The name of the sector as it is typed, such as `drinking-water`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Transport => "transport",
            Self::Banking => "banking",
            Self::FinancialMarket => "financial-market",
            Self::Health => "health",
            Self::DrinkingWater => "drinking-water",
            Self::WasteWater => "waste-water",
            Self::DigitalInfrastructure => "digital-infrastructure",
            Self::PublicAdministration => "public-administration",
            Self::Space => "space",
            Self::Food => "food",
        }
    }

    /// The sector with a typed name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sector| sector.word() == word)
    }

    /// Whether chapter III of CER, and so Art. 15, binds the sector: not banking, financial market and digital (CER Art. 8, recalled).
    pub fn owes_cer_reports(self) -> bool {
        !matches!(self, Self::Banking | Self::FinancialMarket | Self::DigitalInfrastructure)
    }
}

/// How NIS2 binds the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nis2 {
    /// An essential or important entity: notification within 72 h.
    Entity,
    /// A trust service whose trust services are hit: notification within 24 h (Art. 23(4), second subparagraph).
    TrustService,
}

/// How CER binds the entity: whether a detailed report is relevant (Art. 15(1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cer {
    /// A detailed report follows; also the choice while nobody has decided.
    WithDetailedReport,
    /// The initial notification is enough.
    InitialOnly,
}

/// The moment an entity knew: what every clock starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awareness {
    /// Name or id of the incident.
    pub incident: String,
    /// Who became aware: the entity, and the person or desk.
    pub who: String,
    /// When they became aware.
    pub at: Instant,
    /// The sector of the entity.
    pub sector: Sector,
    /// How NIS2 binds the entity, if it does.
    pub nis2: Option<Nis2>,
    /// How CER binds the entity, if it does; without effect where [`Sector::owes_cer_reports`] says no.
    pub cer: Option<Cer>,
}

/// What a person or a simulation says about a question of yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Nobody has said.
    #[default]
    Unknown,
}

/// What is known of an incident, from people or from a simulation; what is absent is unknown and never guessed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    /// Where the figures come from, such as a simulation; absent where a person gave them.
    pub figures_from: Option<String>,
    /// Nature of the incident: what happened.
    pub nature: Option<String>,
    /// Severity in words.
    pub severity: Option<String>,
    /// Users without the service.
    pub people_hit: Option<f64>,
    /// Their share of all users of the service, 0 to 1.
    pub share: Option<f64>,
    /// How long the disruption lasts, h.
    pub duration_h: Option<f64>,
    /// Area affected, km².
    pub area_km2: Option<f64>,
    /// Whether that area is geographically isolated.
    pub isolated: Answer,
    /// Countries where essential services are, or might be, significantly disrupted; ISO 3166-1 alpha-2.
    pub countries: Option<BTreeSet<String>>,
    /// Sectors hit.
    pub sectors: BTreeSet<Sector>,
    /// Services hit.
    pub services: BTreeSet<String>,
    /// Cause, or type of threat.
    pub cause: Option<String>,
    /// Whether unlawful or malicious acts are suspected.
    pub malicious: Answer,
    /// Whether a cross-border impact is possible; two or more member states in `countries` say yes by themselves.
    pub cross_border: Answer,
    /// Possible consequences in words.
    pub consequences: Option<String>,
    /// Where the handling stands.
    pub status: Option<String>,
    /// Measures applied and under way.
    pub measures: Vec<String>,
    /// Indicators of compromise.
    pub indicators: Vec<String>,
    /// Direct financial loss of the entity, caused or possible, EUR.
    pub loss_eur: Option<f64>,
    /// Total turnover of the entity in the financial year before, EUR.
    pub turnover_eur: Option<f64>,
    /// Whether severe operational disruption of the services is caused or possible (NIS2 Art. 23(3)(a)).
    pub severe_disruption: Answer,
    /// Whether severe financial loss for the entity is caused or possible (NIS2 Art. 23(3)(a)).
    pub severe_loss: Answer,
    /// Whether considerable damage to others is caused or possible (NIS2 Art. 23(3)(b)).
    pub damage_to_others: Answer,
    /// Whether a critical entity of particular European significance is hit (CER Art. 17).
    pub particular_significance: Answer,
    /// Whether coordination in the Union is agreed to be needed (Blueprint).
    pub coordination_agreed: Answer,
}

/// The member states of the Union, ISO 3166-1 alpha-2; Greece also by the Union's own code.
const MEMBER_STATES: [&str; 28] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL",
    "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Impact {
    /// Number of member states of the Union among the countries hit; other countries do not count towards two or six.
    pub fn member_states(&self) -> Option<usize> {
        let countries = self.countries.as_ref()?;
        let states: BTreeSet<&str> = countries
            .iter()
            .filter_map(|c| MEMBER_STATES.iter().find(|m| m.eq_ignore_ascii_case(c)))
            .map(|m| if *m == "EL" { "GR" } else { m })
            .collect();
        Some(states.len())
    }

    /// Whether a cross-border impact is possible: as said, or yes when two or more member states are hit.
    pub fn crosses_border(&self) -> Answer {
        if self.member_states().is_some_and(|n| n >= 2) { Answer::Yes } else { self.cross_border }
    }
}
