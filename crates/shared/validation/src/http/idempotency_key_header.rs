//! The header that carries the idempotency key.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use oms_errors::{INVALID_HEADER, Problem};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

use crate::IdempotencyKey;

/// The standard name (draft-ietf-httpapi-idempotency-key-header) and the one that older clients send.
const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The idempotency key of a request; a request without one is refused.
#[derive(Debug)]
pub struct IdempotencyKeyHeader(pub IdempotencyKey);

impl FromRequest for IdempotencyKeyHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map(Self))
    }
}

impl IntoParams for IdempotencyKeyHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(
                "The same request with the same key is done once; `X-Idempotency-Key` is another name of the header.",
            ))
            .schema(Some(IdempotencyKey::schema()));
        vec![parameter.build()]
    }
}

fn read(request: &HttpRequest) -> Result<IdempotencyKey, Problem> {
    let headers = request.headers();
    let mut values = NAMES.iter().flat_map(|name| headers.get_all(*name));
    let Some(value) = values.next() else {
        return Err(Problem::new(
            &INVALID_HEADER,
            "the header Idempotency-Key is required",
        ));
    };
    if values.any(|other| other != value) {
        return Err(Problem::new(
            &INVALID_HEADER,
            "there are two different idempotency keys",
        ));
    }
    let key = value
        .to_str()
        .ok()
        .and_then(|text| IdempotencyKey::parse(text).ok());
    key.ok_or_else(|| {
        Problem::new(
            &INVALID_HEADER,
            "the header Idempotency-Key must be 1 to 255 printable ASCII characters",
        )
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn both_names_are_read() {
        for name in NAMES {
            let request = TestRequest::default()
                .insert_header((name, "k-1"))
                .to_http_request();
            assert_eq!(read(&request).unwrap().as_str(), "k-1");
        }
    }

    #[test]
    fn no_key_and_two_different_keys_are_refused() {
        assert!(read(&TestRequest::default().to_http_request()).is_err());
        let two = TestRequest::default()
            .insert_header((NAMES[0], "a"))
            .insert_header((NAMES[1], "b"))
            .to_http_request();
        assert!(read(&two).is_err());
    }
}
