//! Progress as server-sent events. A listener that is too slow, or one too many, is let go; it comes back with `Last-Event-ID`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use tokio::time::timeout;

use super::door::Asker;
use super::{Problem, Shared};
use crate::jobs::{Event, Heard};

/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Time for a listener to take what is sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pieces that wait for a listener.
const WAITING: usize = 16;
/// Listeners at a time.
const LISTENERS: usize = 64;
/// Listeners of one account at a time.
const LISTENERS_OF_ACCOUNT: usize = 8;

/// Who listens: a number for each account.
#[derive(Default, Clone)]
pub(super) struct Listeners(Arc<Mutex<BTreeMap<String, usize>>>);

/// A place among the listeners, given back when dropped.
pub(super) struct Place {
    listeners: Listeners,
    account: String,
}

impl Listeners {
    fn place(&self, account: &str) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.get(account).copied().unwrap_or(0);
        if own >= LISTENERS_OF_ACCOUNT || counts.values().sum::<usize>() >= LISTENERS {
            return None;
        }
        counts.insert(account.to_owned(), own + 1);
        Some(Place { listeners: self.clone(), account: account.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(counts.remove(&self.account)),
        }
    }
}

/// What happens to a job
///
/// Server-sent events: `job` with the whole job when its state changes, `progress` between. Ends with the job. Whoever comes back with
/// `Last-Event-ID` gets what was missed, or the job as it stands where that is too long ago; 204 says that the end was heard.
#[utoipa::path(get, path = "/api/jobs/{id}/events", tag = "jobs", params(
    ("id" = String, Path, description = "Identifier"),
    ("Last-Event-ID" = Option<i64>, Header, description = "Number of the last event heard"),
), responses(
    (status = 200, body = String, content_type = "text/event-stream", description = "The events"),
    (status = 204, description = "The end was heard"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account"),
    (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many listeners"),
))]
pub(super) async fn hear(State(api): Shared, Path(id): Path<String>, asker: Asker) -> Result<Response, Problem> {
    let after = asker.headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let heard = api.work(asker, move |api, account| {
        let Some(heard) = api.jobs.hear(account, &id, after)? else { return Ok(None) };
        let full = || Problem::full("too many listen: ask for the job itself, or end another listener");
        Ok(Some((heard, api.listeners.place(account).ok_or_else(full)?)))
    });
    let Some((heard, place)) = heard.await? else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let body = stream(heard, place, HEARTBEAT);
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

fn text(event: &Event) -> Bytes {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.name, event.data).into()
}

/// Sends a piece; an error when the listener has gone or does not take it.
async fn send(to: &mut Sender<Bytes>, piece: Bytes) -> Result<(), ()> {
    match timeout(PATIENCE, to.send_data(piece)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// The events as a body. The place is held as long as they are sent.
fn stream(heard: Heard, place: Place, heartbeat: Duration) -> Body {
    let (mut to, body) = Channel::<Bytes, Infallible>::new(WAITING);
    tokio::spawn(async move {
        let _place = place;
        // Whoever has gone needs no end.
        let _ = tell(&mut to, heard, heartbeat).await;
    });
    Body::new(body)
}

async fn tell(to: &mut Sender<Bytes>, heard: Heard, heartbeat: Duration) -> Result<(), ()> {
    for event in &heard.first {
        send(to, text(event)).await?;
    }
    let Some(mut live) = heard.live else { return Ok(()) };
    loop {
        let piece = match timeout(heartbeat, live.recv()).await {
            Ok(Ok(event)) => text(&event),
            // The job has ended, or the listener has fallen too far behind.
            Ok(Err(_)) => return Ok(()),
            Err(_) => Bytes::from_static(b": alive\n\n"),
        };
        send(to, piece).await?;
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
