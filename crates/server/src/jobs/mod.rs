//! Jobs: questions that take longer than a request. The node's own program works on them as a child process; what is kept of a job is
//! a folder, so that a restart of the node loses nothing but the time of a half-done attempt.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

mod child;
mod events;
mod folder;
mod job;
mod question;
mod settings;
mod work;
mod workshop;

pub use events::{Event, Heard};
pub use job::{Job, Moment, Progress, ResultFile, State};
pub use question::{NewJob, Question, Wanted};
pub use settings::{
    AssessSettings, Balance, ChangeSettings, Level, Marking, Refused, RunSettings, ScenarioSettings, Sharing, StudyPoint, StudySettings,
    TakeOut,
};
pub use workshop::{Bounds, CaseDigest, JobError, Workshop};

use crate::identity::random;
use events::Feed;
use job::Kept;

/// Starts of one job that may end in the end of the node before nobody but its account starts it again.
const CRASHES: u32 = 3;

struct Entry {
    kept: Kept,
    feed: Feed,
    /// Somebody wants the work on it to end.
    is_unwanted: bool,
}

impl Entry {
    fn new(kept: Kept) -> Entry {
        Entry { feed: Feed::new(&kept.job), kept, is_unwanted: false }
    }
}

#[derive(Default)]
struct Board {
    entries: BTreeMap<String, Entry>,
    is_ending: bool,
}

struct Inner {
    workshop: Workshop,
    board: Mutex<Board>,
    news: Condvar,
    /// Held while the process lives.
    _lock: File,
}

/// The jobs of a node.
pub struct Jobs {
    inner: Arc<Inner>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A new job.
    New(Job),
    /// A job of this account with the same digest.
    Known(Job),
}

impl Inner {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder_of(&self, id: &str) -> PathBuf {
        self.workshop.folder.join(id)
    }

    fn keep(&self, kept: &Kept) -> Result<(), JobError> {
        let path = self.folder_of(&kept.job.id);
        folder::write(&path, kept).map_err(|why| JobError::Folder { path, why })
    }

    /// SHA-256 of everything a result depends on.
    fn digest(&self, question: &Question) -> Result<String, JobError> {
        let case = (self.workshop.case_digest)().map_err(JobError::Case)?;
        let question = serde_json::to_string(question).unwrap_or_default();
        let mut sha = Sha256::new();
        for part in [&self.workshop.version, &case, &question] {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Ok(crate::hex::hex(&sha.finalize()))
    }

    /// Removes what has ended too long ago.
    fn tidy(&self, board: &mut Board) {
        let keep = i64::try_from(self.workshop.bounds.keep.as_micros()).unwrap_or(i64::MAX);
        let before = Moment::now().0.saturating_sub(keep);
        board.entries.retain(|id, entry| {
            let job = &entry.kept.job;
            let is_old = job.state.is_end() && job.ended.unwrap_or(job.made).0 < before;
            // What cannot be removed is tried again.
            !(is_old && folder::remove(&self.folder_of(id)).is_ok())
        });
    }

    /// Makes room for one more job of an account.
    fn make_room(&self, board: &mut Board, account: &str) {
        let own = || board.entries.values().map(|e| &e.kept.job).filter(|job| job.account == account);
        if own().count() < self.workshop.bounds.of_account {
            return;
        }
        let oldest = own().filter(|job| job.state.is_end()).min_by_key(|job| job.made).map(|job| job.id.clone());
        if let Some(id) = oldest.filter(|id| folder::remove(&self.folder_of(id)).is_ok()) {
            board.entries.remove(&id);
        }
    }
}

impl Board {
    fn of(&mut self, account: &str, id: &str) -> Result<&mut Entry, JobError> {
        self.entries.get_mut(id).filter(|entry| entry.kept.job.account == account).ok_or(JobError::Unknown)
    }

    fn has_room(&self, bounds: &Bounds) -> Result<(), JobError> {
        let waiting = self.entries.values().filter(|entry| entry.kept.job.state == State::Queued).count();
        if waiting < bounds.queue { Ok(()) } else { Err(JobError::Full) }
    }
}

/// A job as it was left, made ready to go on.
fn taken_up(mut kept: Kept) -> Kept {
    if let Some(mark) = kept.child.take() {
        child::kill_left_over(&mark);
    }
    if kept.job.state == State::Running {
        kept.crashes += 1;
        kept.job.state = State::Interrupted;
    }
    if kept.job.state == State::Interrupted && kept.crashes < CRASHES {
        kept.job.state = State::Queued;
        kept.job.ended = None;
    } else if kept.job.state == State::Interrupted && kept.job.ended.is_none() {
        kept.job.ended = Some(Moment::now());
        kept.job.error = Some(format!("the node ended {CRASHES} times while it ran"));
    }
    kept.job.progress = None;
    kept
}

impl Jobs {
    /// Takes up the jobs of a folder and begins to work.
    pub fn open(workshop: Workshop) -> Result<Jobs, JobError> {
        let path = workshop.folder.clone();
        let wrong = |why| JobError::Folder { path: path.clone(), why };
        std::fs::create_dir_all(&workshop.folder).map_err(wrong)?;
        let lock = File::create(path.join("lock")).map_err(wrong)?;
        if lock.try_lock().is_err() {
            return Err(JobError::InUse(path));
        }
        let mut board = Board::default();
        for kept in folder::read_all(&path).map_err(wrong)? {
            let kept = taken_up(kept);
            folder::write(&path.join(&kept.job.id), &kept).map_err(wrong)?;
            board.entries.insert(kept.job.id.clone(), Entry::new(kept));
        }
        let at_a_time = workshop.bounds.at_a_time.max(1);
        let inner = Arc::new(Inner { workshop, board: Mutex::new(board), news: Condvar::new(), _lock: lock });
        let mut workers = Vec::new();
        for _ in 0..at_a_time {
            let inner = inner.clone();
            workers.push(std::thread::Builder::new().name("jobs".into()).spawn(move || inner.work()).map_err(wrong)?);
        }
        Ok(Jobs { inner, workers: Mutex::new(workers) })
    }

    /// What jobs are worked on with.
    pub fn workshop(&self) -> &Workshop {
        &self.inner.workshop
    }

    /// Puts a question. Unless it is wanted fresh, a job of the account with the same digest that waits, runs or is done answers it.
    pub fn ask(&self, account: &str, question: Question, wanted: Wanted) -> Result<Asked, JobError> {
        question.check()?;
        let digest = self.inner.digest(&question)?;
        let mut board = self.inner.board();
        if wanted == Wanted::Any {
            let is_same = |job: &&Job| {
                job.account == account && job.digest == digest && matches!(job.state, State::Queued | State::Running | State::Done)
            };
            let known = board.entries.values().map(|e| &e.kept.job).filter(is_same).max_by_key(|job| job.made);
            if let Some(job) = known {
                return Ok(Asked::Known(job.clone()));
            }
        }
        board.has_room(&self.inner.workshop.bounds)?;
        self.inner.make_room(&mut board, account);
        let job = Job {
            id: uuid::Builder::from_random_bytes(random()?).into_uuid().to_string(),
            question,
            state: State::Queued,
            account: account.to_owned(),
            digest,
            made: Moment::now(),
            started: None,
            ended: None,
            attempts: 0,
            progress: None,
            exit_code: None,
            error: None,
            files: Vec::new(),
        };
        let kept = Kept { job: job.clone(), child: None, crashes: 0 };
        self.inner.keep(&kept)?;
        board.entries.insert(job.id.clone(), Entry::new(kept));
        self.inner.news.notify_all();
        Ok(Asked::New(job))
    }

    /// The jobs of an account, the youngest first.
    pub fn list(&self, account: &str) -> Vec<Job> {
        let board = self.inner.board();
        let mut list: Vec<Job> = board.entries.values().map(|e| &e.kept.job).filter(|job| job.account == account).cloned().collect();
        list.sort_by_key(|job| std::cmp::Reverse(job.made));
        list
    }

    /// A job of an account.
    pub fn get(&self, account: &str, id: &str) -> Result<Job, JobError> {
        Ok(self.inner.board().of(account, id)?.kept.job.clone())
    }

    /// Ends a job that waits or runs; the work ends within moments.
    pub fn cancel(&self, account: &str, id: &str) -> Result<Job, JobError> {
        let mut board = self.inner.board();
        let entry = board.of(account, id)?;
        match entry.kept.job.state {
            State::Queued => {
                entry.kept.job.state = State::Cancelled;
                entry.kept.job.ended = Some(Moment::now());
                self.inner.keep(&entry.kept)?;
                entry.feed.tell_state(&entry.kept.job);
            }
            State::Running => entry.is_unwanted = true,
            state => return Err(JobError::State { state, advice: "only one that waits or runs can be cancelled" }),
        }
        let job = entry.kept.job.clone();
        self.inner.news.notify_all();
        Ok(job)
    }

    /// Starts a job again that ended without a result. It begins at the beginning.
    pub fn resume(&self, account: &str, id: &str) -> Result<Job, JobError> {
        let mut board = self.inner.board();
        let state = board.of(account, id)?.kept.job.state;
        if !matches!(state, State::Cancelled | State::Failed | State::Interrupted) {
            return Err(JobError::State { state, advice: "only one that was cancelled, failed or was interrupted can be resumed" });
        }
        board.has_room(&self.inner.workshop.bounds)?;
        let entry = board.of(account, id)?;
        let job = Job { state: State::Queued, ended: None, progress: None, exit_code: None, error: None, ..entry.kept.job.clone() };
        let kept = Kept { job, child: None, crashes: 0 };
        self.inner.keep(&kept)?;
        entry.kept = kept;
        entry.is_unwanted = false;
        entry.feed.tell_state(&entry.kept.job);
        let job = entry.kept.job.clone();
        self.inner.news.notify_all();
        Ok(job)
    }

    /// Removes a job that has ended, with its result.
    pub fn remove(&self, account: &str, id: &str) -> Result<(), JobError> {
        let mut board = self.inner.board();
        let state = board.of(account, id)?.kept.job.state;
        if !state.is_end() {
            return Err(JobError::State { state, advice: "cancel it first" });
        }
        let path = self.inner.folder_of(id);
        folder::remove(&path).map_err(|why| JobError::Folder { path, why })?;
        board.entries.remove(id);
        Ok(())
    }

    /// A file of a result: what is known of it, and the open file.
    pub fn file(&self, account: &str, id: &str, name: &str) -> Result<(ResultFile, File), JobError> {
        let job = self.get(account, id)?;
        let file = job.files.into_iter().find(|file| file.name == name).ok_or(JobError::Unknown)?;
        let path = self.inner.folder_of(id).join(question::RESULT).join(&file.name);
        let open = File::open(&path).map_err(|why| JobError::Folder { path, why })?;
        Ok((file, open))
    }

    /// The events of a job after one that was heard. `None`: its end was heard.
    pub fn hear(&self, account: &str, id: &str, after: Option<i64>) -> Result<Option<Heard>, JobError> {
        let mut board = self.inner.board();
        let entry = board.of(account, id)?;
        Ok(entry.feed.hear(&entry.kept.job, after))
    }

    /// Ends all work; jobs that were running are interrupted and go on at the next start.
    pub fn stop(&self) {
        self.inner.board().is_ending = true;
        self.inner.news.notify_all();
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        // A worker that panicked has nothing left to say.
        workers.into_iter().for_each(|worker| drop(worker.join()));
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
