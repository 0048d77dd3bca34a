//! Requests of htmx for a part of a page.

use actix_web::http::header::{HeaderMap, HeaderName};

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_BOOSTED: HeaderName = HeaderName::from_static("hx-boosted");

/// Whether a request is of htmx, for a part of a page.
pub(crate) fn is_for_a_part(headers: &HeaderMap) -> bool {
    headers.contains_key(HX_REQUEST) && !headers.contains_key(HX_BOOSTED)
}
