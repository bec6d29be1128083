//! Taking in the body of a request: what can be refused before it comes, and how much may be held at a time.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::taxii::{self, Answer, MAX_BODY};

/// Time for a body to arrive.
pub(crate) const BODY_TIME: Duration = Duration::from_mins(1);
/// Time for a body that was refused to end.
const REST_TIME: Duration = Duration::from_secs(15);
/// Bodies up to this size are read from anybody; larger ones from who is logged in.
const SMALL_BODY: u64 = 64 * 1024;
/// Room for the larger bodies that are read at a time, KiB.
static ROOM: Semaphore = Semaphore::const_new(128 * 1024);

/// A body in memory, with the room that it takes.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _room: Option<SemaphorePermit<'static>>,
}

fn bare(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Vec::new() }
}

/// The answer to a request whose head alone rules it out.
pub(crate) fn refused_at_once(head: &Parts, body: &Body) -> Option<Answer> {
    // RFC 9112 section 3.2: a request that does not say whom it means, or says so twice, is none.
    if head.version == Version::HTTP_11 && head.headers.get_all(header::HOST).iter().count() != 1 {
        return Some(bare(400));
    }
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some(taxii::body_encoded());
    }
    body.size_hint().exact().is_some_and(|n| n > MAX_BODY as u64).then(taxii::body_too_large)
}

/// Whether a body is, or may become, so large that only who is logged in may send it.
pub(crate) fn is_large(body: &Body) -> bool {
    body.size_hint().exact().is_none_or(|n| n > SMALL_BODY)
}

/// Reads a body, or gives it back with what is to be answered.
pub(crate) async fn whole(mut body: Body) -> Result<Whole, (Body, Answer)> {
    let mut room = None;
    if is_large(&body) {
        let kib = body.size_hint().exact().unwrap_or(MAX_BODY as u64).div_ceil(1024);
        let permits = u32::try_from(kib).unwrap_or(u32::MAX);
        match tokio::time::timeout(BODY_TIME, ROOM.acquire_many(permits)).await {
            Ok(Ok(permit)) => room = Some(permit),
            Ok(Err(_)) | Err(_) => return Err((body, taxii::no_room())),
        }
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(&mut body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => Ok(Whole { bytes: collected.to_bytes(), _room: room }),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err((body, taxii::body_too_large())),
        // Who breaks off reads no answer; who is too slow is told so.
        Ok(Err(_)) | Err(_) => Err((Body::empty(), bare(408))),
    }
}

/// Throws the rest of a body away while its answer is given, so that who still sends comes to read it.
pub(crate) fn throw_away(body: Body) {
    tokio::spawn(tokio::time::timeout(REST_TIME, async move {
        let mut body = Limited::new(body, MAX_BODY);
        while let Some(Ok(_)) = body.frame().await {}
    }));
}
