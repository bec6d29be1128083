//! The node's own API under `/api/`: jobs, their events and results, described in `OpenAPI` 3.1. TAXII is served beside it.
//!
//! A route is a line in [`router`] and a function with its description; who asks is known by [`Api::account`] or, where the right to
//! start jobs is needed, by [`Api::work`].

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use sha2::{Digest, Sha256};

mod about;
mod door;
mod events;
mod jobs;
mod openapi;
mod problem;
mod results;

use door::Asker;
pub use problem::Problem;

use crate::jobs::Jobs;
use crate::store::Account;
use crate::taxii::Service;

/// Everything that a request may need.
pub struct Api {
    jobs: Jobs,
    service: Arc<Service>,
    listeners: events::Listeners,
    /// What a page of a result may do.
    page_policy: String,
}

impl Api {
    /// An API on the jobs of a node. `page_script` is the one script that a page of a result may run.
    pub fn new(jobs: Jobs, service: Arc<Service>, page_script: &str) -> Api {
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(page_script));
        let page_policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'; sandbox allow-scripts"
        );
        Api { jobs, service, listeners: events::Listeners::default(), page_policy }
    }

    /// Ends the work on all jobs; they go on at the next start.
    pub fn stop(&self) {
        self.jobs.stop();
    }

    /// Does what may wait, for the account that asks.
    pub async fn account<T: Send + 'static>(
        self: Arc<Self>,
        asker: Asker,
        what: impl FnOnce(&Api, Arc<Account>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let done = tokio::task::spawn_blocking(move || {
            let account = self.who(&asker)?;
            what(&self, account)
        });
        done.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Does what may wait, for an account that may start jobs.
    pub async fn work<T: Send + 'static>(
        self: Arc<Self>,
        asker: Asker,
        what: impl FnOnce(&Api, &str) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.account(asker, |api, account| {
            api.must_hold_right(&account)?;
            what(api, &account.name)
        })
        .await
    }
}

/// The routes of the API.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/health", get(about::health))
        .route("/api/version", get(about::version))
        .route("/api/openapi.json", get(about::openapi))
        .route("/api/jobs", get(jobs::list).post(jobs::ask))
        .route("/api/jobs/{id}", get(jobs::get).delete(jobs::remove))
        .route("/api/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/jobs/{id}/resume", post(jobs::resume))
        .route("/api/jobs/{id}/events", get(events::hear))
        .route("/api/jobs/{id}/result/{file}", get(results::file))
        .layer(from_fn(guard))
        .with_state(api)
}

/// What holds for every route: nothing is done for another site, nothing is guessed or kept, and every error is a problem.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_foreign(request.headers()) {
        Problem::new(StatusCode::FORBIDDEN, "not from another site", "this API answers no pages of other sites").into_response()
    } else {
        next.run(request).await
    };
    if response.status().as_u16() >= 400 && !problem::is_problem(&response) {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = Problem::of_status(response.status()).into_response();
        allow.map(|allow| response.headers_mut().insert(header::ALLOW, allow));
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that a page of another site asks. Browsers say so with everything but plain reading, and what is read that way
/// the other page does not get to see.
fn is_foreign(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://"));
        origin.is_none() || !origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    })
}

/// A value as JSON.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let Ok(text) = serde_json::to_vec(value) else { return Problem::internal().into_response() };
    let mut response = (status, Body::from(text)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

type Shared = State<Arc<Api>>;

#[cfg(test)]
mod tests;
