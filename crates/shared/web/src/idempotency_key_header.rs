//! The header that carries the idempotency key.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpRequest, HttpResponseBuilder};
use oms_errors::{INVALID_HEADER, Problem};
use oms_validation::{IdempotencyKey, Once};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

use crate::ProblemResponse;

/// The standard name (draft-ietf-httpapi-idempotency-key-header) and the one that older clients send.
const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The idempotency key of a request; a request without one is refused.
#[derive(Debug)]
pub struct IdempotencyKeyHeader(pub IdempotencyKey);

/// The idempotency key of a request that may do without: repeated without one, it is told that it was done already.
#[derive(Debug)]
pub struct OptionalIdempotencyKey(pub Option<IdempotencyKey>);

impl FromRequest for IdempotencyKeyHeader {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || Problem::new(&INVALID_HEADER, "the header Idempotency-Key is required");
        let key = read(request).and_then(|key| key.ok_or_else(missing));
        ready(key.map(Self).map_err(ProblemResponse))
    }
}

impl FromRequest for OptionalIdempotencyKey {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map(Self).map_err(ProblemResponse))
    }
}

impl IntoParams for IdempotencyKeyHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::True)]
    }
}

impl IntoParams for OptionalIdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::False)]
    }
}

/// Says of an answer that an earlier request with the same key has done what it tells of, if that is so.
pub fn mark_replayed<T>(response: &mut HttpResponseBuilder, once: Once<T>) -> T {
    if matches!(once, Once::Before(_)) {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    once.into_inner()
}

fn parameter(required: Required) -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(
            "The same request with the same key is done once; `X-Idempotency-Key` is another name of the header.",
        ))
        .schema(Some(IdempotencyKey::schema()))
        .build()
}

fn read(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let headers = request.headers();
    let values = NAMES.iter().flat_map(|name| headers.get_all(*name));
    let mut keys = values.map(|value| key_of(value).ok_or_else(invalid));
    let Some(key) = keys.next().transpose()? else {
        return Ok(None);
    };
    for other in keys {
        if other? != key {
            let detail = "there are two different idempotency keys";
            return Err(Problem::new(&INVALID_HEADER, detail));
        }
    }
    Ok(Some(key))
}

fn invalid() -> Problem {
    Problem::new(
        &INVALID_HEADER,
        "the header Idempotency-Key must be 1 to 255 printable ASCII characters, or those between quotes",
    )
}

/// The draft has the key as a string of [RFC 9651](https://www.rfc-editor.org/rfc/rfc9651#name-strings); most clients send it
/// without quotes.
fn key_of(value: &HeaderValue) -> Option<IdempotencyKey> {
    let text = value.to_str().ok()?;
    let key = match text.strip_prefix('"') {
        Some(quoted) => Cow::Owned(unquoted(quoted)?),
        None => Cow::Borrowed(text),
    };
    IdempotencyKey::parse(&key).ok()
}

/// What stands before the closing quote. Parameters may follow it, and mean nothing here.
fn unquoted(text: &str) -> Option<String> {
    let mut string = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => string.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            character => string.push(character),
        }
    }
    let after = characters.as_str();
    (after.is_empty() || after.trim_start().starts_with(';')).then_some(string)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn required(request: &HttpRequest) -> Result<IdempotencyKeyHeader, ProblemResponse> {
        IdempotencyKeyHeader::extract(request).await
    }

    async fn optional(request: &HttpRequest) -> Result<OptionalIdempotencyKey, ProblemResponse> {
        OptionalIdempotencyKey::extract(request).await
    }

    #[actix_web::test]
    async fn both_names_are_read() {
        for name in NAMES {
            let request = TestRequest::default()
                .insert_header((name, "k-1"))
                .to_http_request();
            assert_eq!(required(&request).await.unwrap().0.as_str(), "k-1");
            let key = optional(&request).await.unwrap().0;
            assert_eq!(key.unwrap().as_str(), "k-1");
        }
    }

    #[actix_web::test]
    async fn a_key_between_quotes_is_the_key() {
        for (text, key) in [
            ("k", "k"),
            (r#""k""#, "k"),
            (r#""a \"b\" \\c""#, r#"a "b" \c"#),
            (r#""k";v=1"#, "k"),
            (r#""k" ; v="x""#, "k"),
            (r#"" k""#, " k"),
            (r#"a"b"#, r#"a"b"#),
            (r"a\b", r"a\b"),
        ] {
            let request = TestRequest::default()
                .insert_header((NAMES[0], text))
                .insert_header((NAMES[1], text))
                .to_http_request();
            let read = required(&request).await.unwrap();
            assert_eq!(read.0.as_str(), key, "{text}");
        }
        let both = TestRequest::default()
            .insert_header((NAMES[0], "\"k\""))
            .insert_header((NAMES[1], "k"));
        let read = required(&both.to_http_request()).await.unwrap();
        assert_eq!(read.0.as_str(), "k");
    }

    #[actix_web::test]
    async fn a_quote_that_is_not_closed_and_what_may_not_be_escaped_are_refused() {
        let long = format!("\"{}\"", "x".repeat(256));
        for text in ["\"", "\"k", "\"\"", r#""k\""#, r#""a\b""#, r#""k"x"#, &long] {
            let request = TestRequest::default()
                .insert_header((NAMES[0], text))
                .to_http_request();
            assert!(required(&request).await.is_err(), "{text}");
            assert!(optional(&request).await.is_err(), "{text}");
        }
    }

    #[actix_web::test]
    async fn no_key_is_refused_where_one_is_required() {
        let none = TestRequest::default().to_http_request();
        assert!(required(&none).await.is_err());
        assert!(optional(&none).await.unwrap().0.is_none());
    }

    #[actix_web::test]
    async fn what_is_no_key_and_two_different_keys_are_refused_everywhere() {
        let two = TestRequest::default()
            .insert_header((NAMES[0], "a"))
            .insert_header((NAMES[1], "b"));
        let empty = TestRequest::default().insert_header((NAMES[0], ""));
        for request in [two, empty] {
            let request = request.to_http_request();
            assert!(required(&request).await.is_err());
            assert!(optional(&request).await.is_err());
        }
    }
}
