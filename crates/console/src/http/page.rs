//! A page or a part of one as the answer to a request, with the headers that restrict what a browser does with it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use askama::Template;
use oms_errors::{INTERNAL, Problem};
use oms_web::ProblemResponse;

/// The answer of a page. The guard shows its error as a page.
pub(crate) type Answer = Result<HttpResponse, ProblemResponse>;

/// A page loads files of this server only, and runs nothing and has no style that is written in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

const HX_REFRESH: HeaderName = HeaderName::from_static("hx-refresh");

/// Renders a page, or a part of one.
pub(crate) fn page(template: &impl Template) -> Answer {
    page_with(StatusCode::OK, template)
}

/// Renders a page with a status, such as that of a refusal that it explains.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Answer {
    let html = template.render();
    let html = html.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
    Ok(html_answer(status, html))
}

/// HTML with the headers of a page. Nothing of it is stored by a browser or a proxy.
pub(super) fn html_answer(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((CROSS_ORIGIN_OPENER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "HX-Request"))
        .body(html)
}

/// Makes htmx load the whole page again, of which it asked for a part.
pub(crate) fn reload() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((HX_REFRESH, "true"))
        .finish()
}

/// Sends the browser on to a page of this console after an action, with GET, so that reloading repeats nothing.
pub(crate) fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .finish()
}
