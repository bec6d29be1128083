//! Who asks. The one place where the API looks at a login; it is that of TAXII.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::{Api, Problem};
use crate::clock;
use crate::listen::Caller;
use crate::store::Account;
use crate::taxii::Request;

/// What a request says of who asks.
#[derive(Clone)]
pub struct Asker {
    /// Headers.
    pub headers: HeaderMap,
    /// The other end of the connection.
    caller: Option<Caller>,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asker, Infallible> {
        Ok(Asker { headers: parts.headers.clone(), caller: parts.extensions.get::<Caller>().cloned() })
    }
}

impl Api {
    /// The account behind a request.
    pub(super) fn who(&self, asker: &Asker) -> Result<Arc<Account>, Problem> {
        let request = Request {
            authorization: asker.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("")),
            certificate: asker.caller.as_ref().and_then(|caller| caller.certificate.as_deref()),
            address: asker.caller.as_ref().map(|caller| caller.address),
            now: clock::now(),
            ..Request::default()
        };
        Ok(self.service.login(&request)??)
    }

    /// Refuses an account that may not start jobs.
    pub(super) fn must_hold_right(&self, account: &Account) -> Result<(), Problem> {
        if self.service.may_start_jobs(account)? {
            return Ok(());
        }
        let advice = "this login may start no jobs: the operator lets it with `buttress node user add ... --jobs`";
        Err(Problem::new(StatusCode::FORBIDDEN, "not allowed", advice))
    }
}
