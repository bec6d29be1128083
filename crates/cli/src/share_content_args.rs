//! What can be typed after `buttress share` about content: publish, replay, lesson, import.

use std::path::{Path, PathBuf};

use buttress_server::node;
use buttress_server::store::{Place, Store};
use buttress_wire::stix::{Id, Instant};
use buttress_wire::vocabulary::{AskedMarking, Marked};
use clap::{Args, Subcommand};

use crate::exchange_args::NodeLook;

/// Content that is shared and taken back.
#[derive(Debug, Subcommand)]
pub enum ShareContent {
    /// Publish an assessment, one weakness of it, or its plans as marked STIX 2.1 objects.
    Publish(Box<Publish>),
    /// Write from a received report what `buttress run` takes, and say whether the case is the same.
    Replay(Replay),
    /// Lessons and best practice: note, find, bring a step further.
    Lesson {
        #[command(subcommand)]
        verb: LessonVerb,
    },
    /// Bring in threat background: a STIX bundle as it is, or a taxonomy or galaxy of MISP.
    Import(Import),
}

/// Who shares, under which marking.
#[derive(Debug, Args)]
pub struct Marking {
    /// Level of TLP: clear, green, amber, amber+strict or red.
    #[arg(long = "marking", value_name = "LEVEL", default_value = "amber")]
    pub level: String,
    /// Confidentiality label beside it.
    #[arg(long, value_name = "POLICY/CLASSIFICATION")]
    pub label: Option<String>,
    /// Who may have it by the label: nations, EU, NATO, org:NAME, need:NAME; one must be held.
    #[arg(long, value_name = "WHO,...", value_delimiter = ',', requires = "label")]
    pub releasable_to: Vec<String>,
    /// Caveats of the label; all must be held.
    #[arg(long, value_name = "CAVEAT,...", value_delimiter = ',', requires = "label")]
    pub caveat: Vec<String>,
}

impl Marking {
    /// Reads the words; `by` is who labels.
    pub fn read(&self, by: &str) -> Result<Marked, String> {
        let asked = AskedMarking {
            tlp: &self.level,
            label: self.label.as_deref(),
            releasable_to: &self.releasable_to,
            caveats: &self.caveat,
            originator: by,
        };
        asked.read()
    }
}

/// Publishing.
#[derive(Debug, Args)]
pub struct Publish {
    /// Folder that `buttress assess --out` wrote, or its assessment.json.
    pub from: PathBuf,
    /// Collection of this node that gets the objects.
    #[arg(long, value_name = "ROOT/ID", required_unless_present = "out", requires = "data")]
    pub to: Option<String>,
    /// Write a STIX bundle to this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Organisation that publishes.
    #[arg(long, value_name = "ORGANISATION")]
    pub by: String,
    #[command(flatten)]
    pub marking: Marking,
    /// Worst assets and worst threats, this many each.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// One weakness only: rank of an asset's loss, or key of an asset or threat.
    #[arg(long, value_name = "RANK|KEY", conflicts_with = "plan")]
    pub weakness: Option<String>,
    /// The measures of the plans only.
    #[arg(long)]
    pub plan: bool,
    /// Case folder that was assessed; the embedded Europe when left out.
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Warn above this many assets of one operator.
    #[arg(long, value_name = "N", default_value_t = buttress_wire::vocabulary::MAX_PER_OPERATOR)]
    pub max_per_operator: usize,
    /// Folder of the node.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Database instead of the one in the folder.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Replaying.
#[derive(Debug, Args)]
pub struct Replay {
    /// Identifier of the report.
    pub report: String,
    /// Collection that holds it.
    #[arg(long, value_name = "ROOT/ID")]
    pub from: String,
    /// Folder for the study and scenario files.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Case folder to run on; the embedded Europe when left out.
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Run every scenario and compare with what was published.
    #[arg(long)]
    pub run: bool,
    /// See only what this account may.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub reader: Option<String>,
    #[command(flatten)]
    pub look: NodeLook,
}

/// Importing.
#[derive(Debug, Args)]
pub struct Import {
    /// File: a STIX bundle, a machinetag.json, or a galaxy cluster file.
    pub file: PathBuf,
    /// Collection that gets the objects.
    #[arg(long, value_name = "ROOT/ID")]
    pub to: String,
    /// Organisation that makes objects from a file of MISP; a bundle stays as it is.
    #[arg(long, value_name = "ORGANISATION")]
    pub by: Option<String>,
    #[command(flatten)]
    pub marking: Marking,
    #[command(flatten)]
    pub look: NodeLook,
}

/// Verbs of lessons.
#[derive(Debug, Subcommand)]
pub enum LessonVerb {
    /// Note an observation, of a lesson or a best practice to be.
    Add(Box<LessonAdd>),
    /// List all, or those about something.
    List {
        #[command(flatten)]
        about: LessonAbout,
    },
    /// Find those that hold all these words.
    Find {
        /// Words, in any case.
        words: String,
        #[command(flatten)]
        about: LessonAbout,
    },
    /// Show one, with its steps and their evidence.
    Show {
        /// Identifier of the note.
        id: String,
        #[command(flatten)]
        within: LessonWithin,
    },
    /// Bring one a step further: observation, lesson identified, lesson learned.
    Promote(Box<LessonPromote>),
}

/// Where lessons are, and who looks.
#[derive(Debug, Args)]
pub struct LessonWithin {
    /// Collection that holds them.
    #[arg(long = "in", value_name = "ROOT/ID")]
    pub place: String,
    /// See only what this account may.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub reader: Option<String>,
    #[command(flatten)]
    pub look: NodeLook,
}

/// What lessons are about.
#[derive(Debug, Args)]
pub struct LessonAbout {
    /// Key of an asset, or its beginning.
    #[arg(long, value_name = "KEY")]
    pub asset: Option<String>,
    /// Key of a measure.
    #[arg(long, value_name = "KEY")]
    pub measure: Option<String>,
    /// Sector.
    #[arg(long)]
    pub sector: Option<String>,
    /// State.
    #[arg(long, value_parser = ["observation", "lesson_identified", "lesson_learned"])]
    pub state: Option<String>,
    /// Lesson or best practice.
    #[arg(long, value_parser = ["lesson", "best_practice"])]
    pub kind: Option<String>,
    #[command(flatten)]
    pub within: LessonWithin,
}

/// A lesson to be noted.
#[derive(Debug, Args)]
pub struct LessonAdd {
    /// Title, one line.
    pub title: String,
    /// What was seen.
    #[arg(long)]
    pub text: String,
    /// Organisation that tells it.
    #[arg(long, value_name = "ORGANISATION")]
    pub by: String,
    /// Lesson or best practice.
    #[arg(long, default_value = "lesson", value_parser = ["lesson", "best_practice"])]
    pub kind: String,
    /// Sectors.
    #[arg(long, value_name = "SECTOR,...", value_delimiter = ',')]
    pub sector: Vec<String>,
    /// Keys of assets or groups of the case; a group stands for all its assets.
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    pub asset: Vec<String>,
    /// Keys of measures of the case.
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    pub measure: Vec<String>,
    /// Case folder; the embedded Europe when left out.
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    #[command(flatten)]
    pub marking: Marking,
    /// Collection that gets it.
    #[arg(long, value_name = "ROOT/ID")]
    pub to: String,
    #[command(flatten)]
    pub look: NodeLook,
}

/// A step of a lesson.
#[derive(Debug, Args)]
pub struct LessonPromote {
    /// Identifier of the note.
    pub id: String,
    /// What the step rests on.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub evidence: String,
    /// Organisation that says so.
    #[arg(long, value_name = "ORGANISATION", default_value = "")]
    pub by: String,
    /// Why it happened; asked for to be identified.
    #[arg(long, value_name = "TEXT")]
    pub cause: Option<String>,
    /// What is to be done; asked for to be identified.
    #[arg(long, value_name = "TEXT")]
    pub remedy: Option<String>,
    /// Who does it; asked for to be identified.
    #[arg(long, value_name = "TEXT")]
    pub who: Option<String>,
    /// Output of `buttress run --json` without the remedy; to be learned.
    #[arg(long, value_name = "FILE", requires = "after")]
    pub before: Option<PathBuf>,
    /// Output of `buttress run --json` with the remedy; to be learned.
    #[arg(long, value_name = "FILE", requires = "before")]
    pub after: Option<PathBuf>,
    /// Objects that prove it, instead of two runs.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub proof: Vec<String>,
    /// Collection that holds it.
    #[arg(long = "in", value_name = "ROOT/ID")]
    pub place: String,
    #[command(flatten)]
    pub look: NodeLook,
}

/// Opens a node.
pub fn open(data: &Path, database: Option<&str>) -> Result<Store, node::NodeError> {
    node::open(data, database)
}

/// Reads `ROOT/ID`.
pub fn place(text: &str) -> Result<Place, String> {
    Place::parse(text).ok_or_else(|| format!("`{text}` is no collection: write ROOT/ID of one that `buttress node collection list` shows"))
}

/// Reads an identifier.
pub fn id(text: &str) -> Result<Id, String> {
    Id::parse(text).ok_or_else(|| format!("`{text}` is no identifier: write a type, two hyphens and a UUID"))
}

/// The clock.
pub fn now() -> Instant {
    Instant(buttress_server::clock::now())
}

/// Reads a text file of a bounded size.
pub fn read_file(path: &Path) -> Result<String, String> {
    const MAX_BYTES: u64 = 512 * 1024 * 1024;
    let failed = |why: std::io::Error| format!("{}: {why}", path.display());
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_BYTES {
        return Err(format!("{} has {length} bytes; split it into files of at most {MAX_BYTES}", path.display()));
    }
    std::fs::read_to_string(path).map_err(failed)
}
