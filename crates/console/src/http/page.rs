//! A page or a part of one as the answer to a request, with the headers that restrict what a browser does with it.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use askama::Template;
use oms_errors::{INTERNAL, Problem};

/// The answer of a handler. The guard shows its error as a page.
pub(crate) type Answer = Result<PageResponse, Problem>;

/// The response of a handler. It may cross threads, unlike the response of actix-web.
#[derive(Debug)]
pub(crate) struct PageResponse {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl PageResponse {
    /// A response without headers.
    pub(super) fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a header with a fixed value.
    pub(super) fn with_static(self, name: HeaderName, value: &'static str) -> Self {
        self.with(name, HeaderValue::from_static(value))
    }

    /// Adds a header whose value is computed.
    ///
    /// # Errors
    /// 500 if the value has characters that no header can have.
    pub(super) fn with_text(self, name: HeaderName, value: &str) -> Answer {
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        Ok(self.with(name, value))
    }
}

impl From<PageResponse> for HttpResponse {
    fn from(page: PageResponse) -> Self {
        let mut response = Self::with_body(page.status, BoxBody::new(page.body));
        for (name, value) in page.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

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
    rendered(status, template.render())
}

// Every page ends here; a copy in each would be larger than a call.
#[inline(never)]
fn rendered(status: StatusCode, html: Result<String, askama::Error>) -> Answer {
    let html = html.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
    Ok(html_answer(status, html))
}

/// HTML with the headers of a page. Nothing of it is stored by a browser or a proxy.
pub(super) fn html_answer(status: StatusCode, html: String) -> PageResponse {
    PageResponse::new(status, html)
        .with_static(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_static(header::CONTENT_SECURITY_POLICY, POLICY)
        .with_static(header::REFERRER_POLICY, "same-origin")
        .with_static(CROSS_ORIGIN_OPENER_POLICY, "same-origin")
        .with_static(header::CACHE_CONTROL, "no-store")
        .with_static(header::VARY, "HX-Request")
}

/// Makes htmx load the whole page again, of which it asked for a part.
pub(crate) fn reload() -> Answer {
    let answer = PageResponse::new(StatusCode::NO_CONTENT, Bytes::new());
    Ok(answer.with_static(HX_REFRESH, "true"))
}

/// Sends the browser on to a page of this console after an action, with GET, so that reloading repeats nothing.
#[inline(never)]
pub(crate) fn see(path: &str) -> Answer {
    let answer = see_other(path)?;
    Ok(answer.with_static(header::REFERRER_POLICY, "same-origin"))
}

/// Sends the browser on to an address, with a cookie to keep or to forget.
pub(super) fn see_with_cookie(address: &str, cookie: &str) -> Answer {
    see_other(address)?.with_text(header::SET_COOKIE, cookie)
}

fn see_other(address: &str) -> Answer {
    let answer = PageResponse::new(StatusCode::SEE_OTHER, Bytes::new());
    answer.with_text(header::LOCATION, address)
}
