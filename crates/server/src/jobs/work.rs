//! One worker: takes the oldest job that waits, starts the program, watches it, and says what became of it.

use std::time::Duration;

use super::child::{self, Running};
use super::folder;
use super::job::{Job, Moment, State};
use super::question::{CASE, PROGRESS};
use super::{Board, Inner, JobError};

/// Time between two looks at a child.
const LOOK: Duration = Duration::from_millis(50);
/// Looks between two measurements of its folder.
const MEASURE: u32 = 10;
/// Time between two looks for what is too old, where nothing else happens.
const TIDY: Duration = Duration::from_mins(10);

/// How an attempt ended.
enum Ending {
    /// The program ended, with this code.
    Exit(i32),
    /// The node ended it.
    Stopped(State),
    /// There is no result, and why.
    Failed(String),
}

impl Inner {
    /// Works until the node ends.
    pub(super) fn work(&self) {
        while let Some(job) = self.next() {
            let ending = self.attempt(&job).unwrap_or_else(|why| Ending::Failed(why.to_string()));
            self.finish(&job.id, ending);
        }
    }

    /// Waits for a job to work on; `None` when the node ends.
    fn next(&self) -> Option<Job> {
        let mut board = self.board();
        loop {
            if board.is_ending {
                return None;
            }
            self.tidy(&mut board);
            let waiting = board.entries.values_mut().filter(|entry| entry.kept.job.state == State::Queued);
            if let Some(entry) = waiting.min_by_key(|entry| entry.kept.job.made) {
                let job = &mut entry.kept.job;
                (job.state, job.started, job.progress) = (State::Running, Some(Moment::now()), None);
                (job.attempts, job.files) = (job.attempts + 1, Vec::new());
                entry.is_unwanted = false;
                entry.feed.tell_state(&entry.kept.job);
                return Some(entry.kept.job.clone());
            }
            board = self.news.wait_timeout(board, TIDY).map_or_else(|e| e.into_inner().0, |waited| waited.0);
        }
    }

    /// Starts the program and watches it to its end.
    fn attempt(&self, job: &Job) -> Result<Ending, JobError> {
        let shop = &self.workshop;
        let path = self.folder_of(&job.id);
        let wrong = |why| JobError::Folder { path: job.id.clone().into(), why };
        // The case may have changed since the question was put: the digest is that of what is worked on.
        let digest = self.digest(&job.question)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = (cores / shop.bounds.at_a_time.max(1)).max(1);
        let call = job.question.call(shop.case.as_ref().map(|_| CASE), threads)?;
        let streams = folder::prepare(&path, &call, shop.case.as_deref()).map_err(wrong)?;
        let mut running = Running::start(&shop.program, &call.arguments, &path, streams).map_err(wrong)?;
        let kept = self.change(&job.id, |entry| {
            entry.kept.job.digest = digest;
            entry.kept.child = running.mark();
        });
        let why = match kept {
            Ok(()) => self.watch(&job.id, &mut running),
            Err(e) => Some(Ending::Failed(e.to_string())),
        };
        let status = running.end().map_err(wrong)?;
        Ok(why.unwrap_or_else(|| child::ending(status).map_or_else(Ending::Failed, Ending::Exit)))
    }

    /// Changes what is kept of a job.
    fn change(&self, id: &str, change: impl FnOnce(&mut super::Entry)) -> Result<(), JobError> {
        let mut board = self.board();
        let entry = board.entries.get_mut(id).ok_or(JobError::Unknown)?;
        change(entry);
        self.keep(&entry.kept)
    }

    /// Watches a child until it has ended or must end; then why.
    fn watch(&self, id: &str, running: &mut Running) -> Option<Ending> {
        let (bounds, path) = (&self.workshop.bounds, self.folder_of(id));
        // The bound on time ends this loop at the latest.
        for look in 0_u32.. {
            // What was written before the end is read and measured after it.
            let has_ended = running.has_ended();
            if running.age() > bounds.time {
                return Some(Ending::Failed(format!("it took longer than {} s", bounds.time.as_secs())));
            }
            if (has_ended || look % MEASURE == 0) && folder::size(&path) > bounds.bytes {
                return Some(Ending::Failed(format!("it wrote more than {} bytes", bounds.bytes)));
            }
            let progress = running.progress(&path.join(PROGRESS));
            let mut board = self.board();
            if let (Some(progress), Some(entry)) = (progress, board.entries.get_mut(id)) {
                entry.kept.job.progress = Some(progress);
                entry.feed.tell_progress(&entry.kept.job);
            }
            if has_ended {
                return None;
            }
            if let Some(state) = must_stop(&board, id) {
                return Some(Ending::Stopped(state));
            }
            drop(self.news.wait_timeout(board, LOOK));
        }
        None
    }

    fn finish(&self, id: &str, ending: Ending) {
        let path = self.folder_of(id);
        let mut state = State::Failed;
        let (mut exit_code, mut error, mut files) = (None, None, Vec::new());
        match ending {
            Ending::Exit(code @ (0 | 1)) => match folder::files(&path) {
                Ok(found) => (state, exit_code, files) = (State::Done, Some(code), found),
                Err(e) => error = Some(format!("the result cannot be read: {e}")),
            },
            Ending::Exit(code) => (exit_code, error) = (Some(code), Some(folder::last_words(&path))),
            Ending::Stopped(stopped) => state = stopped,
            Ending::Failed(why) => error = Some(why),
        }
        if state != State::Done {
            folder::discard(&path);
        }
        let mut board = self.board();
        let Some(entry) = board.entries.get_mut(id) else { return };
        let job = &mut entry.kept.job;
        (job.state, job.ended, job.exit_code, job.error, job.files) = (state, Some(Moment::now()), exit_code, error, files);
        entry.kept.child = None;
        if let Err(e) = self.keep(&entry.kept) {
            // In memory the job is what it is; after a restart it is worked on again.
            entry.kept.job.error.get_or_insert(e.to_string());
        }
        entry.feed.tell_state(&entry.kept.job);
        self.news.notify_all();
    }
}

/// Whether the work on a job must stop, and what the job is then.
fn must_stop(board: &Board, id: &str) -> Option<State> {
    let is_unwanted = board.entries.get(id).is_none_or(|entry| entry.is_unwanted);
    is_unwanted.then_some(State::Cancelled).or(board.is_ending.then_some(State::Interrupted))
}
