//! Jobs over HTTP: asking, looking, cancelling, resuming, removing.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use utoipa::ToSchema;

use super::door::Asker;
use super::{Problem, Shared, json};
use crate::jobs::{Asked, Job, NewJob};

/// Largest question, bytes.
const MAX_BODY: usize = 256 * 1024;
/// Time for a question to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The jobs of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobList {
    /// The youngest first.
    jobs: Vec<Job>,
}

/// Put a question
///
/// Where a job of this account has the same digest and waits, runs or is done, that job is the answer, unless `fresh` is true.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs", request_body = NewJob, responses(
    (status = 202, body = Job, description = "A new job", headers(("Location" = String, description = "Path of the job"))),
    (status = 200, body = Job, description = "A job with the same digest", headers(("Location" = String, description = "Path of the job"))),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The body is no JSON"),
    (status = 413, body = Problem, content_type = "application/problem+json", description = "The body is too large"),
    (status = 415, body = Problem, content_type = "application/problem+json", description = "The body is not said to be JSON"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "A setting cannot be taken"),
    (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many jobs wait"),
))]
pub(super) async fn ask(State(api): Shared, asker: Asker, body: Body) -> Result<Response, Problem> {
    let media_type = asker.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let is_json = media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    // Who asks is looked at before the body is read.
    api.clone().work(asker.clone(), |_, _| Ok(())).await?;
    if !is_json {
        let advice = "send the header Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media type not supported", advice));
    }
    let (question, wanted) = read(body).await?.parts();
    let asked = api.work(asker, move |api, account| Ok(api.jobs.ask(account, question, wanted)?)).await?;
    let (status, job) = match asked {
        Asked::New(job) => (StatusCode::ACCEPTED, job),
        Asked::Known(job) => (StatusCode::OK, job),
    };
    let mut response = json(status, &job);
    if let Ok(path) = HeaderValue::try_from(format!("/api/jobs/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    Ok(response)
}

async fn read(body: Body) -> Result<NewJob, Problem> {
    let bytes = match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => {
            let advice = format!("send at most {MAX_BODY} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large", advice));
        }
        Ok(Err(_)) | Err(_) => return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive", "send it faster")),
    };
    serde_json::from_slice(&bytes).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a setting cannot be taken", format!("{e}; /api/openapi.json says what can"))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "the body is no JSON", e.to_string()),
    })
}

/// The jobs of this account
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", responses(
    (status = 200, body = JobList, description = "The jobs"),
))]
pub(super) async fn list(State(api): Shared, asker: Asker) -> Result<Response, Problem> {
    api.work(asker, |api, account| Ok(json(StatusCode::OK, &JobList { jobs: api.jobs.list(account) }))).await
}

/// A job
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "Identifier")), responses(
    (status = 200, body = Job, description = "The job"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account"),
))]
pub(super) async fn get(State(api): Shared, Path(id): Path<String>, asker: Asker) -> Result<Response, Problem> {
    api.work(asker, move |api, account| Ok(json(StatusCode::OK, &api.jobs.get(account, &id)?))).await
}

/// Cancel a job that waits or runs
///
/// The program and all that it started are killed within moments; the events tell when.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path, description = "Identifier")), responses(
    (status = 202, body = Job, description = "The job as it stands"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The job has ended"),
))]
pub(super) async fn cancel(State(api): Shared, Path(id): Path<String>, asker: Asker) -> Result<Response, Problem> {
    api.work(asker, move |api, account| Ok(json(StatusCode::ACCEPTED, &api.jobs.cancel(account, &id)?))).await
}

/// Start a job again that was cancelled, failed or was interrupted
///
/// The engine keeps no half-done work: the job begins at the beginning, with the same settings and, unless the program or the case have
/// changed, the same digest.
#[utoipa::path(post, path = "/api/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path, description = "Identifier")), responses(
    (status = 202, body = Job, description = "The job, waiting"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The job waits, runs or is done"),
    (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many jobs wait"),
))]
pub(super) async fn resume(State(api): Shared, Path(id): Path<String>, asker: Asker) -> Result<Response, Problem> {
    api.work(asker, move |api, account| Ok(json(StatusCode::ACCEPTED, &api.jobs.resume(account, &id)?))).await
}

/// Remove a job that has ended, with its result
#[utoipa::path(delete, path = "/api/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "Identifier")), responses(
    (status = 204, description = "It is gone"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job of this account"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The job waits or runs: cancel it first"),
))]
pub(super) async fn remove(State(api): Shared, Path(id): Path<String>, asker: Asker) -> Result<Response, Problem> {
    api.work(asker, move |api, account| Ok(api.jobs.remove(account, &id)?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
