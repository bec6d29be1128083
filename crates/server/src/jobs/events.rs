//! What happens to a job, for those who listen: the last events, and a channel that leaves a slow listener behind.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::job::{Job, Moment};

/// Events kept for a listener that comes back.
const KEPT: usize = 64;
/// Events that a listener may lag behind before it is dropped.
const LAG: usize = 64;

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, growing also over restarts of the node.
    pub id: i64,
    /// `job`, or `progress`.
    pub name: &'static str,
    /// The job, or its progress, as JSON on one line.
    pub data: String,
}

/// What a listener is given: events to begin with, and those to come while the job is not ended.
pub struct Heard {
    /// Events to begin with.
    pub first: Vec<Arc<Event>>,
    /// Events to come.
    pub live: Option<broadcast::Receiver<Arc<Event>>>,
}

/// The events of one job.
pub(super) struct Feed {
    last: VecDeque<Arc<Event>>,
    /// Number of the youngest event that is no longer kept.
    forgotten: i64,
    live: Option<broadcast::Sender<Arc<Event>>>,
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Feed {
    /// The feed of a job as it stands; nothing older is known.
    pub(super) fn new(job: &Job) -> Feed {
        let mut feed = Feed { last: VecDeque::new(), forgotten: i64::MAX, live: None };
        feed.tell_state(job);
        feed.forgotten = feed.newest() - 1;
        feed
    }

    fn newest(&self) -> i64 {
        self.last.back().map_or(0, |event| event.id)
    }

    fn tell(&mut self, name: &'static str, data: String) {
        let event = Arc::new(Event { id: Moment::now().0.max(self.newest() + 1), name, data });
        if self.last.len() >= KEPT {
            self.forgotten = self.last.pop_front().map_or(self.forgotten, |event| event.id);
        }
        self.last.push_back(event.clone());
        if let Some(live) = &self.live {
            // Nobody may be listening.
            let _ = live.send(event);
        }
    }

    /// Tells how far a job is.
    pub(super) fn tell_progress(&mut self, job: &Job) {
        self.tell("progress", text(&job.progress));
    }

    /// Tells where a job stands. At its end the listeners are let go, and only that end is kept.
    pub(super) fn tell_state(&mut self, job: &Job) {
        if self.live.is_none() && !job.state.is_end() {
            self.live = Some(broadcast::channel(LAG).0);
        }
        self.tell("job", text(job));
        if job.state.is_end() {
            self.live = None;
            let gone = self.last.len() - 1;
            self.forgotten = self.last.drain(..gone).next_back().map_or(self.forgotten, |event| event.id);
        }
    }

    /// What a listener gets that has heard everything up to an event. `None`: it has heard the end.
    pub(super) fn hear(&self, job: &Job, after: Option<i64>) -> Option<Heard> {
        let live = self.live.as_ref().map(broadcast::Sender::subscribe);
        let first: Vec<Arc<Event>> = match after {
            Some(after) if after >= self.forgotten => self.last.iter().filter(|event| event.id > after).cloned().collect(),
            _ => vec![Arc::new(Event { id: self.newest(), name: "job", data: text(job) })],
        };
        (live.is_some() || !first.is_empty()).then_some(Heard { first, live })
    }
}
