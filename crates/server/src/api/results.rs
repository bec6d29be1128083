//! Files of a result, with their digest as tag, and nothing that a page could do beyond showing itself.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};

use super::door::Asker;
use super::{Problem, Shared};
use crate::jobs::ResultFile;

/// Bytes read at a time.
const PIECE: u64 = 256 * 1024;
/// Pieces that wait to be sent.
const WAITING: usize = 2;
/// Time for a piece to be taken.
const PATIENCE: Duration = Duration::from_mins(1);

/// A file of a result
///
/// The tag is the SHA-256 of the content. A page is shown without access to anything else.
#[utoipa::path(get, path = "/api/jobs/{id}/result/{file}", tag = "jobs", params(
    ("id" = String, Path, description = "Identifier"),
    ("file" = String, Path, description = "Name, as in `files` of the job"),
    ("If-None-Match" = Option<String>, Header, description = "Tag of what is there already"),
), responses(
    (status = 200, description = "The file", content((String = "text/html"), (Object = "application/json"), (String = "text/csv"), (String = "text/plain")),
        headers(("ETag" = String, description = "SHA-256 of the content"))),
    (status = 304, description = "It is the one that is there already"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account, or no such file"),
))]
pub(super) async fn file(State(api): Shared, Path((id, name)): Path<(String, String)>, asker: Asker) -> Result<Response, Problem> {
    let known = asker.headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let policy = HeaderValue::try_from(&api.page_policy).map_err(|_| Problem::internal())?;
    let (file, open) = api.work(asker, move |api, account| Ok(api.jobs.file(account, &id, &name)?)).await?;
    let tag = format!("\"{}\"", file.sha256);
    let is_known = known.is_some_and(|tags| tags.split(',').any(|t| t.trim().trim_start_matches("W/") == tag || t.trim() == "*"));
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Body::new(body(open)).into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let cache = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, cache);
    let text = |text: String| HeaderValue::try_from(text).map_err(|_| Problem::internal());
    headers.insert(header::ETAG, text(tag)?);
    if !is_known {
        let (media_type, disposition) = shown(&file);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.bytes));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CONTENT_DISPOSITION, text(format!("{disposition}; filename=\"{}\"", file.name))?);
    }
    Ok(response)
}

/// Media type of a file, and whether it is shown or saved.
fn shown(file: &ResultFile) -> (&'static str, &'static str) {
    match file.name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => ("text/html; charset=utf-8", "inline"),
        "json" => ("application/json", "inline"),
        "txt" => ("text/plain; charset=utf-8", "inline"),
        "csv" => ("text/csv; charset=utf-8", "attachment"),
        _ => ("application/octet-stream", "attachment"),
    }
}

/// A file as a body, read as fast as it is taken.
fn body(file: File) -> Channel<Bytes, Infallible> {
    let (to, body) = Channel::new(WAITING);
    tokio::spawn(send(file, to));
    body
}

/// Sends a file piece by piece; where it cannot, the connection ends short of the promised length.
async fn send(mut file: File, mut to: Sender<Bytes>) {
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            let n = file.by_ref().take(PIECE).read_to_end(&mut piece);
            (file, n.map(|_| piece))
        });
        let Ok((same, Ok(piece))) = read.await else { return };
        file = same;
        let is_end = piece.is_empty();
        if is_end || !matches!(tokio::time::timeout(PATIENCE, to.send_data(piece.into())).await, Ok(Ok(()))) {
            return;
        }
    }
}
