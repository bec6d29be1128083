//! What the node says of itself.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::door::Asker;
use super::{Problem, Shared, json, openapi};

/// That the node lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always true: a node that does not live says nothing.
    alive: bool,
}

/// What the node runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct About {
    /// Name of the program.
    program: &'static str,
    /// Its version.
    version: String,
    /// SHA-256 of the case that jobs work on.
    case_digest: String,
}

/// That the node lives
///
/// Needs no login, and says nothing else.
#[utoipa::path(get, path = "/api/health", tag = "node", responses((status = 200, body = Health, description = "It lives")), security(()))]
pub(super) async fn health() -> Response {
    json(StatusCode::OK, &Health { alive: true })
}

/// Version of the program and digest of its case
#[utoipa::path(get, path = "/api/version", tag = "node", responses(
    (status = 200, body = About, description = "What it runs"),
))]
pub(super) async fn version(State(api): Shared, asker: Asker) -> Result<Response, Problem> {
    api.account(asker, |api, _| {
        let shop = api.jobs.workshop();
        let case_digest = (shop.case_digest)().map_err(crate::jobs::JobError::Case)?;
        Ok(json(StatusCode::OK, &About { program: "buttress", version: shop.version.clone(), case_digest }))
    })
    .await
}

/// This description
#[utoipa::path(get, path = "/api/openapi.json", tag = "node", responses((status = 200, body = Object, description = "OpenAPI 3.1")), security(()))]
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text()).into_response()
}
