//! What goes wrong, told as RFC 9457 asks.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::identity::Refused;
use crate::jobs::JobError;
use crate::store::StoreError;

const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong and what to do (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Kind of the problem; `about:blank` says that the status tells all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What went wrong.
    title: String,
    /// Status of HTTP.
    status: u16,
    /// What to do.
    detail: String,
    #[serde(skip)]
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// A problem with its title and advice.
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem { kind: "about:blank", title: title.into(), status: status.as_u16(), detail: detail.into(), headers: Vec::new() }
    }

    /// There may be room later.
    pub(super) fn full(detail: impl Into<String>) -> Problem {
        Problem {
            headers: vec![("Retry-After", "30".to_owned())],
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too much at a time", detail)
        }
    }

    /// Something that the operator must see to.
    pub(super) fn internal() -> Problem {
        let detail = "try again later, and tell the operator of the node";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the node cannot do this now", detail)
    }

    /// What a bare status says.
    pub(super) fn of_status(status: StatusCode) -> Problem {
        let reason = status.canonical_reason().unwrap_or("error").to_lowercase();
        Problem::new(status, reason, "/api/openapi.json says what can be asked, and how")
    }
}

impl From<StoreError> for Problem {
    fn from(_: StoreError) -> Problem {
        // What the database says is for the operator, not for whoever asks.
        Problem::internal()
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let (title, advice) = refused.words();
        Problem { headers: refused.headers(), ..Problem::new(status, title, advice) }
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Problem {
        let detail = error.to_string();
        match error {
            JobError::Settings(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a setting cannot be taken", detail),
            JobError::Full => Problem::full(detail),
            JobError::Unknown => Problem::new(StatusCode::NOT_FOUND, "not found", detail),
            JobError::State { .. } => Problem::new(StatusCode::CONFLICT, "not in this state", detail),
            JobError::Case(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the node cannot do this now", detail),
            JobError::Folder { .. } | JobError::InUse(_) | JobError::Random(_) => Problem::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Body::from(serde_json::to_vec(&self).unwrap_or_default())).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// Whether an answer tells a problem already.
pub(super) fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}
