//! What jobs are worked on with, within which bounds, and what may go wrong.

use std::path::PathBuf;
use std::time::Duration;

use super::{Refused, State};
use crate::identity::NoRandomness;

/// Bounds of what jobs may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Jobs worked on at a time.
    pub at_a_time: usize,
    /// Jobs that wait.
    pub queue: usize,
    /// Jobs kept of one account; the oldest ended one makes room.
    pub of_account: usize,
    /// Time of an attempt.
    pub time: Duration,
    /// Size of a job's folder, bytes.
    pub bytes: u64,
    /// Age at which what has ended is removed.
    pub keep: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let keep = Duration::from_hours(30 * 24);
        Bounds { at_a_time: 1, queue: 16, of_account: 100, time: Duration::from_hours(6), bytes: 256 << 20, keep }
    }
}

/// What computes the digest of the node's case.
pub type CaseDigest = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

/// What jobs are worked on with.
pub struct Workshop {
    /// Folder of the jobs, made where it is missing.
    pub folder: PathBuf,
    /// The program: this one.
    pub program: PathBuf,
    /// Its version.
    pub version: String,
    /// Folder of the case; the program's own when left out.
    pub case: Option<PathBuf>,
    /// Digest of that case as it is now.
    pub case_digest: CaseDigest,
    /// Bounds.
    pub bounds: Bounds,
}

/// Why something cannot be done with a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The folder of the jobs.
    #[error("{path}: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Another process works in the folder.
    #[error("{0}: another `buttress serve` works here; end it first, or give another --data")]
    InUse(PathBuf),
    /// No randomness for an identifier.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A setting.
    #[error(transparent)]
    Settings(#[from] Refused),
    /// The case. What is wrong with it is for the operator, who is told by the program.
    #[error("the node's case cannot be read: its operator finds out why with `buttress check`")]
    Case(String),
    /// Too many jobs wait.
    #[error("too many jobs wait: ask again when one has ended")]
    Full,
    /// No such job of this account.
    #[error("there is no such job of this login")]
    Unknown,
    /// The job's state does not allow it.
    #[error("the job is {}: {advice}", serde_json::to_string(.state).unwrap_or_default().trim_matches('"'))]
    State {
        /// Where it stands.
        state: State,
        /// What to do.
        advice: &'static str,
    },
}
