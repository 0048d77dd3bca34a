//! Whether an unsafe request was sent by a page of this console: the defence against cross-site request forgery.
//!
//! It is Fetch Metadata with the `Origin` header as its substitute, as in Go's `http.CrossOriginProtection`. Nothing can
//! be forgotten in a form.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns whether a request is harmless, or was sent by a page of `own`, such as `https://oms.example.com`.
pub(super) fn is_allowed(method: &Method, headers: &HeaderMap, own: &str) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return true;
    }
    match only(headers, &SEC_FETCH_SITE) {
        Found::One(site) => site == "same-origin",
        // Browsers leave it out where a page is not trustworthy: over http, apart from this machine.
        Found::Nothing => only(headers, &ORIGIN) == Found::One(own),
        Found::Unclear => false,
    }
}

#[derive(PartialEq, Eq)]
enum Found<'a> {
    Nothing,
    One(&'a str),
    Unclear,
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Found<'a> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Found::Nothing,
        (Some(value), None) => value.to_str().map_or(Found::Unclear, Found::One),
        (Some(_), Some(_)) => Found::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const OWN: &str = "https://oms.example.com";

    fn allows(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let request = headers
            .iter()
            .fold(TestRequest::default(), |request, header| {
                request.append_header(*header)
            });
        is_allowed(method, request.to_srv_request().headers(), OWN)
    }

    #[test]
    fn a_page_of_another_site_can_only_read() {
        for site in [
            "cross-site",
            "same-site",
            "none",
            "",
            "same-origin, cross-site",
        ] {
            let headers = [("sec-fetch-site", site), ("origin", OWN)];
            assert!(allows(&Method::GET, &headers) && allows(&Method::HEAD, &headers));
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert!(!allows(&method, &headers), "{method} {site:?}");
            }
        }
        let twice = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(!allows(&Method::POST, &twice));
        assert!(allows(&Method::POST, &[("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn the_origin_decides_only_if_the_browser_says_nothing_of_the_site() {
        assert!(allows(&Method::POST, &[("origin", OWN)]));
        for origin in [
            "null",
            "",
            "http://oms.example.com",
            "https://oms.example.com:8443",
            "https://oms.example.com.evil.example",
            "https://evil.example",
        ] {
            assert!(!allows(&Method::POST, &[("origin", origin)]), "{origin:?}");
        }
        assert!(!allows(&Method::POST, &[]));
        assert!(!allows(&Method::POST, &[("origin", OWN), ("origin", OWN)]));
        assert!(!allows(
            &Method::POST,
            &[("referer", "https://oms.example.com/console")]
        ));
    }
}
