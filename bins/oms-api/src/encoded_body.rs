//! Refuses compressed bodies, which no endpoint reads.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_errors::{Problem, UNSUPPORTED_MEDIA_TYPE};
use oms_web::ProblemResponse;

use crate::routes::MatchedRoute;

/// Middleware, inside the one that admits requests: refuses an encoded body before any of it is read.
pub(crate) async fn refuse_encoded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_served = request.extensions().get::<MatchedRoute>().is_some();
    if is_served && is_encoded(request.headers()) {
        let detail = "send the body uncompressed, without a Content-Encoding";
        let problem =
            Problem::new(&UNSUPPORTED_MEDIA_TYPE, detail).with_accept_encoding("identity");
        return Ok(request.error_response(ProblemResponse(problem)));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING);
    codings.into_iter().any(|value| {
        value.to_str().map_or(true, |value| {
            let mut codings = value.split(',').map(str::trim);
            codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        })
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_coding_except_identity_is_refused() {
        let encoded = |value: &str| {
            let request = TestRequest::default().insert_header((CONTENT_ENCODING, value));
            is_encoded(request.to_srv_request().headers())
        };
        for value in ["gzip", "GZIP", "br", "identity, gzip", "x"] {
            assert!(encoded(value), "{value}");
        }
        for value in ["", "identity", "Identity, identity"] {
            assert!(!encoded(value), "{value}");
        }
        assert!(!is_encoded(
            TestRequest::default().to_srv_request().headers()
        ));
    }
}
