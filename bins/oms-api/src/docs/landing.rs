//! The landing page: the answer to a request without a path.

use actix_web::HttpResponse;
use actix_web::http::header::{self, Accept};
use actix_web::web::Header;
use serde::Serialize;
use utoipa::ToSchema;

const PAGE: &str = include_str!("index.html");

/// The name of this server, and where to find its documentation.
#[derive(Serialize, ToSchema)]
pub(super) struct Landing {
    /// Name of the server.
    #[schema(example = "oms")]
    name: &'static str,
    /// Purpose of the server.
    #[schema(example = "The API of an order management service.")]
    description: &'static str,
    /// The documentation for people, relative to this address.
    #[schema(example = "docs")]
    documentation: &'static str,
    /// The OpenAPI document, relative to this address.
    #[schema(example = "openapi.json")]
    openapi: &'static str,
    /// The health check, relative to this address.
    #[schema(example = "health")]
    health: &'static str,
}

const LANDING: Landing = Landing {
    name: "oms",
    description: "The API of an order management service.",
    documentation: "docs",
    openapi: "openapi.json",
    health: "health",
};

/// HTML for browsers, JSON for other clients.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getLandingPage",
    tag = "documentation",
    summary = "Get the landing page",
    responses((
        status = 200,
        description = "The name of the server and the addresses of its documentation. HTML if `Accept` prefers it.",
        content((Landing = "application/json"), (String = "text/html")),
    )),
)]
pub(super) async fn landing(accept: Option<Header<Accept>>) -> HttpResponse {
    let mut response = if accept.is_some_and(|accept| prefers_html(&accept)) {
        super::html(PAGE)
    } else {
        HttpResponse::Ok().json(LANDING)
    };
    response
        .headers_mut()
        .insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

/// Whether `Accept` names HTML before JSON, by preference. `*/*` counts as neither, because programs send it.
fn prefers_html(accept: &Accept) -> bool {
    let ranked = accept.ranked();
    let named = ranked
        .iter()
        .map(|media| media.essence_str())
        .find(|media| ["text/html", "application/json"].contains(media));
    named == Some("text/html")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::Header;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn browsers_get_html_and_programs_get_json() {
        let is_html = |accept: &str| {
            let request = TestRequest::get().insert_header((header::ACCEPT, accept));
            prefers_html(&Accept::parse(&request.to_http_request()).unwrap())
        };
        assert!(is_html(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(is_html("application/json;q=0.5, text/html"));
        assert!(!is_html("text/html;q=0.5, application/json"));
        assert!(!is_html("*/*"));
        assert!(!is_html("application/json, text/html"));
        assert!(!is_html("image/png"));
    }
}
