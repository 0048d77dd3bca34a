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

/// The standard name (draft-ietf-httpapi-idempotency-key-header) and the name that older clients send.
const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The idempotency key of a request. A request without one is refused.
#[derive(Debug)]
pub struct IdempotencyKeyHeader(pub IdempotencyKey);

/// The optional idempotency key of a request. Without one, a repeated request is answered that its change was already
/// made.
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

/// Marks an answer as replayed if an earlier request with the same key did the work.
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
            "A request that is repeated with the same key takes effect only once. The header may also be sent as `X-Idempotency-Key`.",
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
            let detail = "the headers have two different idempotency keys";
            return Err(Problem::new(&INVALID_HEADER, detail));
        }
    }
    Ok(Some(key))
}

fn invalid() -> Problem {
    Problem::new(
        &INVALID_HEADER,
        "the header Idempotency-Key must be 1 to 255 printable ASCII characters, optionally in quotes",
    )
}

/// In the draft the key is a string of [RFC 9651](https://www.rfc-editor.org/rfc/rfc9651#name-strings). Most clients
/// send it without quotes.
fn key_of(value: &HeaderValue) -> Option<IdempotencyKey> {
    let text = value.to_str().ok()?;
    let key = match text.strip_prefix('"') {
        Some(quoted) => Cow::Owned(unquoted(quoted)?),
        None => Cow::Borrowed(text),
    };
    IdempotencyKey::parse(&key).ok()
}

/// The text before the closing quote. Parameters after it are ignored.
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
    async fn the_quotes_around_a_key_are_removed() {
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
    async fn unclosed_quotes_and_invalid_escapes_are_refused() {
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
    async fn a_missing_key_is_refused_only_where_a_key_is_required() {
        let none = TestRequest::default().to_http_request();
        assert!(required(&none).await.is_err());
        assert!(optional(&none).await.unwrap().0.is_none());
    }

    #[actix_web::test]
    async fn an_empty_key_and_two_different_keys_are_always_refused() {
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
