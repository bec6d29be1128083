//! What a job is: as its account sees it, and as its folder keeps it.

use buttress_wire::stix::Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::question::Question;

/// A moment in microseconds since 1970, written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// The clock.
    pub fn now() -> Moment {
        Moment(crate::clock::now())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Instant(self.0))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        Instant::parse(&text).map(|at| Moment(at.0)).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no moment in UTC")))
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// Is being worked on.
    Running,
    /// Has a result.
    Done,
    /// Ended without a result; `error` says why.
    Failed,
    /// Ended because its account said so.
    Cancelled,
    /// Ended because the node did.
    Interrupted,
}

impl State {
    /// Whether nothing more happens unless somebody asks.
    pub fn is_end(self) -> bool {
        !matches!(self, State::Queued | State::Running)
    }
}

/// How far a job is within its present stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// What is being done, such as `threats`.
    pub stage: String,
    /// Steps done of this stage.
    pub done: u64,
    /// Steps of this stage.
    pub of: u64,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultFile {
    /// Name, to be asked for at `/api/jobs/{id}/result/{file}`.
    pub name: String,
    /// Size, bytes.
    pub bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
}

/// A question put to the engine, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Identifier.
    #[schema(format = "uuid")]
    pub id: String,
    /// What is asked.
    #[serde(flatten)]
    pub question: Question,
    /// Where it stands.
    pub state: State,
    /// Account that asked; nobody else sees the job.
    pub account: String,
    /// SHA-256 of the program's version, the case and the settings: equal digests have equal results.
    pub digest: String,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub made: Moment,
    /// When the present or last attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Moment>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Moment>,
    /// How often it was begun. Every attempt begins at the beginning: the engine keeps no half-done work.
    pub attempts: u32,
    /// How far the present attempt is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Exit code of the program: 0 done, 1 done with findings or without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The result, by name.
    #[serde(default)]
    pub files: Vec<ResultFile>,
}

/// A child process that can be told from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChildMark {
    /// Process, and its group.
    pub pid: i32,
    /// Start of the process in ticks since the machine's.
    pub start: u64,
    /// Which start of the machine.
    pub boot: String,
}

/// A job with what only the node needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub job: Job,
    /// The process that works on it.
    #[serde(default)]
    pub child: Option<ChildMark>,
    /// How often the node ended without saying so while it ran.
    #[serde(default)]
    pub crashes: u32,
}
