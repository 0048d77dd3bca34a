//! What this server is and where to go: for whoever opens its address without a path.

use actix_web::HttpResponse;
use actix_web::http::header::{self, Accept};
use actix_web::web::Header;
use serde::Serialize;
use utoipa::ToSchema;

const PAGE: &str = include_str!("index.html");

/// What this server is, and where to go.
#[derive(Serialize, ToSchema)]
pub(super) struct Landing {
    /// What this server is.
    #[schema(example = "oms")]
    name: &'static str,
    /// What it does.
    #[schema(example = "The API of an order management service.")]
    description: &'static str,
    /// The documentation for people, relative to this address.
    #[schema(example = "docs")]
    documentation: &'static str,
    /// The documentation for programs, relative to this address.
    #[schema(example = "openapi.json")]
    openapi: &'static str,
    /// Whether the server can serve, relative to this address.
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

/// A page for browsers, JSON for everybody else.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getLandingPage",
    tag = "documentation",
    summary = "Get the landing page",
    responses((
        status = 200,
        description = "What this server is, and where its documentation is. HTML where `Accept` prefers it.",
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

/// The first of the two that is named, by preference. `*/*` names neither: programs send it.
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
    fn a_browser_gets_html_and_a_program_json() {
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
