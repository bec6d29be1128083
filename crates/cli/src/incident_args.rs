//! What can be typed after `buttress incident`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::exchange_args::NodeLook;

/// Verbs of incidents.
#[derive(Debug, Subcommand)]
pub enum IncidentVerb {
    /// Show every deadline of NIS2 Art. 23 and CER Art. 15 side by side, with what is left.
    ///
    /// Exit code 1: a deadline has been missed.
    Clock(Box<ClockArgs>),
    /// Hold figures against the thresholds of CER, NIS2, Regulation 2024/2690 and the Blueprint: which hold, with articles.
    ///
    /// Figures are typed, or taken from a simulation with --run. Exit code 1: something cannot be decided yet.
    Significance(Box<SignificanceArgs>),
    /// Fill the form of a report as Markdown or JSON; gaps are named, never invented.
    ///
    /// Exit code 1: a field that must be answered is not.
    Form(Box<FormArgs>),
    /// Open an incident in a node, so that its clocks survive.
    Open(Box<OpenArgs>),
    /// List the incidents of a node with the next deadline of each, overdue first.
    ///
    /// Exit code 1: one is overdue.
    List {
        #[command(flatten)]
        look: NodeLook,
        #[command(flatten)]
        now: Now,
    },
    /// Show an incident of a node: who knew when, every deadline, what is known of the impact.
    Show {
        /// Identifier, the beginning of it, or the name.
        incident: String,
        #[command(flatten)]
        look: NodeLook,
        #[command(flatten)]
        now: Now,
    },
    /// Note that a report was handed in, or that the incident was handled.
    Done(Box<DoneArgs>),
    /// Note what is newly known of an incident: figures, answers, requests of the authority.
    Note(Box<NoteArgs>),
}

/// The moment taken for now.
#[derive(Debug, Args)]
pub struct Now {
    /// Moment taken for now; what the clock says when left out.
    #[arg(long, value_name = "MOMENT")]
    pub now: Option<String>,
}

/// Which law binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Regime {
    /// Directive (EU) 2022/2555.
    Nis2,
    /// Directive (EU) 2022/2557.
    Cer,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// How the entity is bound.
#[derive(Debug, Args)]
pub struct Bound {
    /// Laws that bind the entity.
    #[arg(long, value_name = "LAW,...", value_delimiter = ',', default_value = "nis2,cer")]
    pub regime: Vec<Regime>,
    /// A trust service: NIS2 wants the notification within 24 h.
    #[arg(long)]
    pub trust_service: bool,
    /// No detailed report under CER is relevant.
    #[arg(long)]
    pub initial_only: bool,
}

/// How months are counted.
#[derive(Debug, Args)]
pub struct Counting {
    /// Member state whose rules count, such as FI: time zone, end of day, rest days and holidays (Regulation 1182/71). Without it the
    /// strict reading counts, under which no deadline is later.
    #[arg(long, value_name = "XX")]
    pub state: Option<String>,
    /// Time zone of the entity, such as Europe/Helsinki; that of --aware or of the state when left out.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// What differs from the rules of the state, and its thresholds (TOML).
    #[arg(long, value_name = "FILE.toml")]
    pub rules: Option<PathBuf>,
}

/// Awareness: what every clock starts from.
#[derive(Debug, Args)]
pub struct Beginning {
    /// When the entity became aware, such as 2026-01-31T10:00[Europe/Helsinki] or 2026-01-31T10:00+02:00.
    #[arg(long, value_name = "MOMENT")]
    pub aware: String,
    /// Who became aware: the entity, and the person or desk.
    #[arg(long, value_name = "NAME", default_value = "not said")]
    pub who: String,
    /// Name of the incident.
    #[arg(long, value_name = "NAME", default_value = "incident")]
    pub name: String,
    /// Sector of the entity, such as energy, transport, health, drinking-water, digital-infrastructure. Banking, financial market and
    /// digital infrastructure owe no reports under CER.
    #[arg(long, value_name = "SECTOR")]
    pub sector: Option<String>,
}

/// Deadlines.
#[derive(Debug, Args)]
pub struct ClockArgs {
    #[command(flatten)]
    pub aware: Beginning,
    #[command(flatten)]
    pub bound: Bound,
    #[command(flatten)]
    pub counting: Counting,
    /// When the incident notification of NIS2 was handed in; the same as --done notification=MOMENT.
    #[arg(long, value_name = "MOMENT")]
    pub notified: Option<String>,
    /// A report handed in: early-warning, notification, intermediate, progress, final, initial or detailed, and when. May be repeated.
    #[arg(long, value_name = "STAGE=MOMENT")]
    pub done: Vec<String>,
    #[command(flatten)]
    pub course: Course,
    #[command(flatten)]
    pub now: Now,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What else moves clocks.
#[derive(Debug, Args)]
pub struct Course {
    /// When the incident was handled.
    #[arg(long, value_name = "MOMENT")]
    pub handled: Option<String>,
    /// A request of the authority for an intermediate report, and by when it wants the answer. May be repeated.
    #[arg(long, value_name = "MOMENT[..MOMENT]")]
    pub requested: Vec<String>,
    /// From when, and until when, the entity was operationally unable to notify (CER Art. 15(1)).
    #[arg(long, value_name = "MOMENT[..MOMENT]")]
    pub unable: Option<String>,
}

/// Figures of an incident.
#[derive(Debug, Default, Args)]
pub struct Figures {
    /// Figures from a simulation: the output of `buttress run --json`, an assessment.json, the folder of `buttress assess --out`, or -
    /// for standard input. What is typed besides goes before.
    #[arg(long, value_name = "FILE|DIR|-")]
    pub run: Option<PathBuf>,
    /// Which run of an assessment: the key of a threat or of an asset.
    #[arg(long, value_name = "KEY", requires = "run")]
    pub of: Option<String>,
    /// What happened.
    #[arg(long, value_name = "TEXT")]
    pub nature: Option<String>,
    /// Severity in words.
    #[arg(long, value_name = "TEXT")]
    pub severity: Option<String>,
    /// Users without the service.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub users: Option<f64>,
    /// All users of the service: makes a share of the users without it.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub users_of: Option<f64>,
    /// How long the disruption lasts, h.
    #[arg(long, allow_negative_numbers = true, value_name = "HOURS")]
    pub hours: Option<f64>,
    /// Area affected, km².
    #[arg(long, allow_negative_numbers = true, value_name = "KM2")]
    pub area_km2: Option<f64>,
    /// Whether that area is geographically isolated.
    #[arg(long, value_name = "yes|no")]
    pub isolated: Option<YesNo>,
    /// Countries where essential services are, or might be, significantly disrupted, such as FI,EE.
    #[arg(long, value_name = "XX,...", value_delimiter = ',')]
    pub countries: Vec<String>,
    /// Services hit.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub services: Vec<String>,
    /// Cause, or type of threat.
    #[arg(long, value_name = "TEXT")]
    pub cause: Option<String>,
    /// Possible consequences.
    #[arg(long, value_name = "TEXT")]
    pub consequences: Option<String>,
    /// Where the handling stands.
    #[arg(long, value_name = "TEXT")]
    pub status: Option<String>,
    /// A measure applied or under way. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub measure: Vec<String>,
    /// An indicator of compromise. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub indicator: Vec<String>,
    /// Direct financial loss of the entity, caused or possible, EUR.
    #[arg(long, allow_negative_numbers = true, value_name = "EUR")]
    pub loss_eur: Option<f64>,
    /// Turnover of the entity in the financial year before, EUR.
    #[arg(long, allow_negative_numbers = true, value_name = "EUR")]
    pub turnover_eur: Option<f64>,
    #[command(flatten)]
    pub answers: Answers,
}

/// Questions that a person answers.
#[derive(Debug, Default, Args)]
pub struct Answers {
    /// Are unlawful or malicious acts suspected?
    #[arg(long, value_name = "yes|no")]
    pub malicious: Option<YesNo>,
    /// Is a cross-border impact possible? Two member states in --countries say yes by themselves.
    #[arg(long, value_name = "yes|no")]
    pub cross_border: Option<YesNo>,
    /// Is severe operational disruption caused or possible (NIS2 Art. 23(3)(a))?
    #[arg(long, value_name = "yes|no")]
    pub severe_disruption: Option<YesNo>,
    /// Is severe financial loss for the entity caused or possible (NIS2 Art. 23(3)(a))?
    #[arg(long, value_name = "yes|no")]
    pub severe_loss: Option<YesNo>,
    /// Is considerable damage to others caused or possible (NIS2 Art. 23(3)(b))?
    #[arg(long, value_name = "yes|no")]
    pub damage_to_others: Option<YesNo>,
    /// Is a critical entity of particular European significance hit (CER Art. 17)?
    #[arg(long, value_name = "yes|no")]
    pub particular_significance: Option<YesNo>,
    /// Is coordination in the Union agreed to be needed (Blueprint)?
    #[arg(long, value_name = "yes|no")]
    pub coordination_agreed: Option<YesNo>,
}

/// A digital service with thresholds of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Digital {
    /// Cloud computing (Art. 7).
    Cloud,
    /// Data centre (Art. 8).
    DataCentre,
    /// Content delivery network (Art. 9).
    ContentDelivery,
}

/// Significance.
#[derive(Debug, Args)]
pub struct SignificanceArgs {
    #[command(flatten)]
    pub figures: Figures,
    /// Thresholds of the state for the parameters of CER Art. 15(1), in its table [thresholds] (TOML); the directive names none.
    #[arg(long, value_name = "FILE.toml")]
    pub rules: Option<PathBuf>,
    /// A digital service under Implementing Regulation (EU) 2024/2690.
    #[arg(long, value_name = "SERVICE")]
    pub digital: Option<Digital>,
    /// How long the digital service was wholly down, min.
    #[arg(long, allow_negative_numbers = true, value_name = "MINUTES", requires = "digital")]
    pub down_min: Option<f64>,
    /// How long the digital service was limited, h.
    #[arg(long, allow_negative_numbers = true, value_name = "HOURS", requires = "digital")]
    pub limited_h: Option<f64>,
    /// Users in the Union for whom it was limited.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER", requires = "digital")]
    pub limited_users: Option<f64>,
    /// Their share of its users in the Union, 0 to 1.
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE", requires = "digital")]
    pub limited_share: Option<f64>,
    /// An earlier incident with the same apparent root cause, and its loss in EUR (2024/2690 Art. 4). May be repeated.
    #[arg(long, value_name = "MOMENT=EUR", requires = "digital")]
    pub earlier: Vec<String>,
    #[command(flatten)]
    pub now: Now,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// A form.
#[derive(Debug, Args)]
pub struct FormArgs {
    /// Report: early-warning, notification, intermediate, progress or final (NIS2); initial or detailed (CER).
    #[arg(long, value_name = "STAGE")]
    pub stage: String,
    /// Law the report is made under; follows from the stage when left out.
    #[arg(long, value_name = "LAW")]
    pub regime: Option<Regime>,
    /// Incident of a node: identifier, the beginning of it, or the name. What is typed besides goes before what the node knows.
    #[arg(long, value_name = "INCIDENT", requires = "data", conflicts_with = "aware")]
    pub incident: Option<String>,
    /// Folder of the node.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Database of the node instead of the one in the folder: `postgres://USER@HOST/NAME`.
    #[arg(long, value_name = "URL", requires = "data")]
    pub database: Option<String>,
    /// When the entity became aware.
    #[arg(long, value_name = "MOMENT", required_unless_present = "incident")]
    pub aware: Option<String>,
    /// Who became aware: the entity, and the person or desk.
    #[arg(long, value_name = "NAME", default_value = "not said")]
    pub who: String,
    /// Name of the incident.
    #[arg(long, value_name = "NAME", default_value = "incident")]
    pub name: String,
    #[command(flatten)]
    pub figures: Figures,
    /// File to write instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// JSON instead of Markdown.
    #[arg(long)]
    pub json: bool,
}

/// A new incident.
#[derive(Debug, Args)]
pub struct OpenArgs {
    #[command(flatten)]
    pub aware: Beginning,
    #[command(flatten)]
    pub bound: Bound,
    #[command(flatten)]
    pub counting: Counting,
    #[command(flatten)]
    pub figures: Figures,
    /// Collection it is kept in.
    #[arg(long, value_name = "ROOT/ID")]
    pub to: String,
    /// Markings: a word of TLP or marking-definition--UUID. The node's default, TLP:AMBER, when left out.
    #[arg(long, value_name = "MARKING,...", value_delimiter = ',')]
    pub marking: Vec<String>,
    #[command(flatten)]
    pub look: NodeLook,
    #[command(flatten)]
    pub now: Now,
}

/// A report handed in.
#[derive(Debug, Args)]
pub struct DoneArgs {
    /// What was done: early-warning, notification, intermediate, progress, final, initial or detailed; or handled.
    pub stage: String,
    /// Incident: identifier, the beginning of it, or the name.
    pub incident: String,
    /// When; now when left out.
    #[arg(long, value_name = "MOMENT")]
    pub at: Option<String>,
    /// Who handed it in.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    #[command(flatten)]
    pub look: NodeLook,
    #[command(flatten)]
    pub now: Now,
}

/// What is newly known.
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// Incident: identifier, the beginning of it, or the name.
    pub incident: String,
    #[command(flatten)]
    pub figures: Figures,
    #[command(flatten)]
    pub course: Course,
    #[command(flatten)]
    pub look: NodeLook,
    #[command(flatten)]
    pub now: Now,
}
