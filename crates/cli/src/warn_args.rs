//! What can be typed after `buttress warn`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::exchange_args::NodeLook;

/// Verbs of warnings.
#[derive(Debug, Subcommand)]
pub enum WarnVerb {
    /// Check an alert in CAP 1.2: every finding with its element and what to do.
    ///
    /// Exit codes: 0 nothing found; 1 findings; 2 no alert in CAP 1.2 at all.
    Check {
        /// Alert; - for standard input.
        file: PathBuf,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Write an alert in CAP 1.2: from options, from a simulation, or from a warning of a node.
    ///
    /// The alert is printed, or written to --out; what is odd about it goes to standard error. An alert that breaks the standard is
    /// not written.
    Write(Box<WriteArgs>),
    /// Read an alert in CAP 1.2 into a node, as STIX with the message itself kept byte for byte.
    Read {
        /// Alert; - for standard input.
        file: PathBuf,
        /// Collection it is put in.
        #[arg(long, value_name = "ROOT/ID")]
        to: String,
        /// Markings: a word of TLP or marking-definition--UUID. Without a level of TLP the scope makes one: Public is clear, Restricted
        /// amber or as its rule says, Private red. A level wider than the scope is refused.
        #[arg(long, value_name = "MARKING,...", value_delimiter = ',')]
        marking: Vec<String>,
        #[command(flatten)]
        look: NodeLook,
        /// Moment taken for now; what the clock says when left out.
        #[arg(long, value_name = "MOMENT")]
        now: Option<String>,
    },
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident for $cap:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl From<$name> for buttress_wire::cap::$cap {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

words! {
    /// How an alert is to be handled.
    StatusWord for Status {
        /// To be acted on by all who receive it.
        Actual,
        /// To be acted on by the participants of an exercise alone.
        Exercise,
        /// About the functions of the alerting network itself.
        System,
        /// A technical test, to be disregarded.
        Test,
        /// A draft, not to be acted on.
        Draft,
    }
}

words! {
    /// For whom an alert is meant.
    ScopeWord for Scope {
        /// For everyone.
        Public,
        /// For those whom --restriction names.
        Restricted,
        /// For each --address alone.
        Private,
    }
}

words! {
    /// Kind of an event.
    CategoryWord for Category {
        /// Geophysical.
        Geo,
        /// Weather.
        Met,
        /// General emergency and public safety.
        Safety,
        /// Law enforcement, military, private security.
        Security,
        /// Rescue and recovery.
        Rescue,
        /// Fire.
        Fire,
        /// Medical and public health.
        Health,
        /// Environment.
        Env,
        /// Transport.
        Transport,
        /// Utilities, telecommunication and other infrastructure.
        Infra,
        /// Chemical, biological, radiological, nuclear, explosive.
        #[value(name = "cbrne")]
        #[expect(clippy::upper_case_acronyms, reason = "as CAP writes it")]
        CBRNE,
        /// Other.
        Other,
    }
}

words! {
    /// What the audience should do.
    ResponseWord for ResponseType {
        /// Take shelter.
        Shelter,
        /// Leave.
        Evacuate,
        /// Make ready.
        Prepare,
        /// Carry out what was planned.
        Execute,
        /// Keep away.
        Avoid,
        /// Watch the sources of information.
        Monitor,
        /// Evaluate the information; not for public warnings.
        Assess,
        /// The event no longer threatens.
        AllClear,
        /// Nothing is recommended.
        None,
    }
}

words! {
    /// How soon to act.
    UrgencyWord for Urgency {
        /// At once.
        Immediate,
        /// Within the next hour.
        Expected,
        /// In the near future.
        Future,
        /// No longer.
        Past,
        /// Not known.
        Unknown,
    }
}

words! {
    /// How great the threat is.
    SeverityWord for Severity {
        /// Extraordinary.
        Extreme,
        /// Significant.
        Severe,
        /// Possible.
        Moderate,
        /// Minimal.
        Minor,
        /// Not known.
        Unknown,
    }
}

words! {
    /// How certain an event is.
    CertaintyWord for Certainty {
        /// It has happened or goes on.
        Observed,
        /// Above about 50 %.
        Likely,
        /// At or below about 50 %.
        Possible,
        /// Near 0.
        Unlikely,
        /// Not known.
        Unknown,
    }
}

/// An alert to be written.
#[derive(Debug, Args)]
pub struct WriteArgs {
    /// How it is to be handled.
    #[arg(long)]
    pub status: Option<StatusWord>,
    /// Who sends it, unique in the world, such as desk@operator.example.
    #[arg(long, value_name = "NAME")]
    pub sender: Option<String>,
    /// Name of the message, unique for its sender; made from sender, moment and content when left out.
    #[arg(long, value_name = "NAME")]
    pub identifier: Option<String>,
    /// When it is sent; now when left out. Its offset is kept.
    #[arg(long, value_name = "MOMENT")]
    pub sent: Option<String>,
    /// For whom it is meant; when left out as the earlier message or the markings say, else restricted.
    #[arg(long)]
    pub scope: Option<ScopeWord>,
    /// Rule of distribution of a restricted alert; TLP:AMBER when left out.
    #[arg(long, value_name = "TEXT")]
    pub restriction: Option<String>,
    /// Whom a private alert is for. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub address: Vec<String>,
    /// Where it comes from, such as an operator or a device.
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
    /// Purpose of the message; an exercise names itself here.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Code of special handling. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub code: Vec<String>,
    /// Name of an incident it is about. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub incident: Vec<String>,
    #[command(flatten)]
    pub basis: Basis,
    #[command(flatten)]
    pub event: EventArgs,
    #[command(flatten)]
    pub areas: AreaArgs,
    /// File to write instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What an alert starts from.
#[derive(Debug, Args)]
#[group(multiple = true)]
pub struct Basis {
    /// Take the place of an earlier message: sender,identifier,sent, or its file, or with --data an object of the node.
    #[arg(long, value_name = "EARLIER", conflicts_with_all = ["cancel", "from"])]
    pub update: Option<String>,
    /// End an earlier message, named in the same way.
    #[arg(long, value_name = "EARLIER", conflicts_with = "from")]
    pub cancel: Option<String>,
    /// A warning of the node: what came in CAP comes back byte for byte, any other sighting becomes a new alert.
    #[arg(long, value_name = "OBJECT_ID", requires = "data")]
    pub from: Option<String>,
    /// Folder of the node.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Database of the node instead of the one in the folder: `postgres://USER@HOST/NAME`.
    #[arg(long, value_name = "URL", requires = "data")]
    pub database: Option<String>,
    /// A simulation: the output of `buttress run --json`, an assessment.json, the folder of `buttress assess --out`, or - for standard
    /// input. Makes event, severity, urgency, areas and figures; certainty is Possible.
    #[arg(long, value_name = "FILE|DIR|-", conflicts_with_all = ["from", "cancel"])]
    pub run: Option<PathBuf>,
    /// Which run of an assessment: the key of a threat or of an asset.
    #[arg(long, value_name = "KEY", requires = "run")]
    pub of: Option<String>,
    /// Case folder of the simulation, for the places of assets; the embedded Europe when left out.
    #[arg(long, value_name = "DIR", requires = "run")]
    pub case: Option<PathBuf>,
    /// Moment of hour 0 of the simulation; without it nothing is said of onset and urgency.
    #[arg(long, value_name = "MOMENT", requires = "run")]
    pub hour_0: Option<String>,
}

/// What is said of the event.
#[derive(Debug, Args)]
pub struct EventArgs {
    /// The event in words.
    #[arg(long, value_name = "TEXT")]
    pub event: Option<String>,
    /// Kind of the event; infra when nothing says otherwise. May be repeated.
    #[arg(long, value_name = "KIND")]
    pub category: Vec<CategoryWord>,
    /// What the audience should do. May be repeated.
    #[arg(long, value_name = "WHAT")]
    pub response: Vec<ResponseWord>,
    /// How soon to act.
    #[arg(long)]
    pub urgency: Option<UrgencyWord>,
    /// How great the threat is.
    #[arg(long)]
    pub severity: Option<SeverityWord>,
    /// How certain it is.
    #[arg(long)]
    pub certainty: Option<CertaintyWord>,
    /// Language of the text (RFC 3066), such as en-GB.
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// Further languages (TOML): a table for each code, with event, headline, description, instruction, contact. Figures of --run go in
    /// as {people}, {hours}, {countries}, {services}, {assets}.
    #[arg(long, value_name = "FILE.toml")]
    pub texts: Option<PathBuf>,
    /// For whom the text is meant.
    #[arg(long, value_name = "TEXT")]
    pub audience: Option<String>,
    /// When the event begins.
    #[arg(long, value_name = "MOMENT")]
    pub onset: Option<String>,
    /// When the information ends.
    #[arg(long, value_name = "MOMENT")]
    pub expires: Option<String>,
    /// Name of the sender in words.
    #[arg(long, value_name = "TEXT")]
    pub sender_name: Option<String>,
    /// The message in one line.
    #[arg(long, value_name = "TEXT")]
    pub headline: Option<String>,
    /// The event at length.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What to do, at length.
    #[arg(long, value_name = "TEXT")]
    pub instruction: Option<String>,
    /// Page with more information.
    #[arg(long, value_name = "URI")]
    pub web: Option<String>,
    /// Whom to ask.
    #[arg(long, value_name = "TEXT")]
    pub contact: Option<String>,
    /// Code of the event in a system. May be repeated.
    #[arg(long, value_name = "SYSTEM=CODE")]
    pub event_code: Vec<String>,
    /// Further value. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub parameter: Vec<String>,
}

/// Where the event is.
#[derive(Debug, Args)]
pub struct AreaArgs {
    /// The area in words; takes the shapes and codes that are typed.
    #[arg(long, value_name = "TEXT")]
    pub area: Option<String>,
    /// Circle of the area. May be repeated.
    #[arg(long, value_name = "LAT,LON KM", requires = "area", allow_hyphen_values = true)]
    pub circle: Vec<String>,
    /// Polygon of the area, closed, at least four points. May be repeated.
    #[arg(long, value_name = "LAT,LON LAT,LON ...", requires = "area", allow_hyphen_values = true)]
    pub polygon: Vec<String>,
    /// Code of the area, such as "ISO 3166-1=FI". May be repeated.
    #[arg(long, value_name = "SYSTEM=CODE", requires = "area")]
    pub geocode: Vec<String>,
    /// Radius of the circle round each affected asset of --run, km.
    #[arg(long, allow_negative_numbers = true, value_name = "KM", default_value_t = 2.0)]
    pub radius_km: f64,
    /// Half of the width of the corridor round each affected link of --run, km.
    #[arg(long, allow_negative_numbers = true, value_name = "KM", default_value_t = 2.0)]
    pub corridor_km: f64,
}
