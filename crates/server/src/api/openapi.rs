//! The description of the API, made from the types themselves.

use std::sync::LazyLock;

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{about, events, jobs, results};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Buttress node",
        version = "1",
        description = "Jobs of a node of the exchange: questions to the engine, their progress and results. Objects are exchanged by TAXII 2.1 on the same address, beginning at `/taxii2/`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    external_docs(
        url = "https://docs.oasis-open.org/cti/taxii/v2.1/os/taxii-v2.1-os.html",
        description = "TAXII 2.1, which the node serves beside this API"
    ),
    tags((name = "jobs", description = "Questions that take longer than a request"), (name = "node", description = "The node itself")),
    paths(
        about::health, about::version, about::openapi, jobs::ask, jobs::list, jobs::get, jobs::cancel, jobs::resume, jobs::remove,
        events::hear, results::file
    ),
    modifiers(&Login),
    security(("basic" = [])),
)]
struct Description;

/// Basic authentication, as in TAXII, and what may be answered wherever it is asked for.
struct Login;

impl Modify for Login {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        let operations = openapi.paths.paths.values_mut().flat_map(|item| [&mut item.get, &mut item.post, &mut item.delete]);
        for operation in operations.flatten().filter(|operation| operation.security.is_none()) {
            for (status, description) in
                [("401", "No login, or a wrong one"), ("403", "The account may start no jobs, or a page of another site asks")]
            {
                let content = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new().description(description).content("application/problem+json", content);
                operation.responses.responses.insert(status.to_owned(), response.build().into());
            }
        }
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| Description::openapi().to_pretty_json().unwrap_or_default() + "\n");

/// The description as JSON.
pub(super) fn text() -> &'static str {
    &TEXT
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_description_in_the_book_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        if std::env::var_os("BUTTRESS_WRITE_OPENAPI").is_some() {
            std::fs::write(path, super::text()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == super::text(), "docs/openapi.json is not what the types say: run this test with BUTTRESS_WRITE_OPENAPI=1");
    }
}
