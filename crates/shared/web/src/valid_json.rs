//! JSON bodies, read within the body limits and validated.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use oms_errors::{INVALID_REQUEST, Problem, UNSUPPORTED_MEDIA_TYPE, invalid_fields};
use oms_validation::json::{self, InvalidJson};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::body::{BodyLimits, read_body};
use crate::media_type::utf8_media_type;
use crate::{ProblemResponse, field_errors};

/// A JSON body that satisfies the rules of its type.
#[derive(Debug)]
pub struct ValidJson<T>(pub T);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for ValidJson<T> {
    type Error = ProblemResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ProblemResponse>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = BodyLimits::of(request);
        let media_type = check_media_type(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            media_type?;
            Ok(Self(parse(&read_body(payload, limits).await?)?))
        })
    }
}

/// A JSON body that satisfies the rules of its type, or no body at all.
#[derive(Debug)]
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for OptionalJson<T> {
    type Error = ProblemResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ProblemResponse>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = BodyLimits::of(request);
        let media_type = check_media_type(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            let body = read_body(payload, limits).await?;
            if json::without_mark(&body).trim_ascii().is_empty() {
                // An empty body has no media type.
                return Ok(Self(None));
            }
            media_type?;
            Ok(Self(Some(parse(&body)?)))
        })
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    match utf8_media_type(headers).as_deref() {
        Some("application/json") => Ok(()),
        _ => Err(Problem::new(
            &UNSUPPORTED_MEDIA_TYPE,
            "send application/json in UTF-8",
        )),
    }
}

fn parse<T: DeserializeOwned + Validate>(body: &[u8]) -> Result<T, Problem> {
    let value: T = json::from_slice(body).map_err(|error| match error {
        InvalidJson::Syntax(_) => not_json(),
        InvalidJson::Member(field) => invalid_fields(vec![field]),
    })?;
    value
        .validate()
        .map_err(|errors| invalid_fields(field_errors::from_validator(&errors)))?;
    Ok(value)
}

fn not_json() -> Problem {
    Problem::new(&INVALID_REQUEST, "the body is not valid JSON")
}

#[cfg(test)]
mod tests {
    use oms_validation::OrderId;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        #[validate(nested, length(min = 1, max = 2, message = "must have 1 to 2 entries"))]
        order_lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize, Serialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Line {
        order_id: OrderId,
        #[validate(range(min = 1, max = 9, message = "must be between 1 and 9"))]
        quantity: i64,
    }

    const ID: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

    fn fields_of(body: &str) -> Vec<(String, String)> {
        let problem = parse::<Body>(body.as_bytes()).unwrap_err().body(None);
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        errors
            .iter()
            .map(|e| (text(&e["field"]), text(&e["message"])))
            .collect()
    }

    #[test]
    fn a_refused_body_names_the_field() {
        let line = |quantity: &str| {
            format!(r#"{{"orderLines":[{{"orderId":"{ID}","quantity":{quantity}}}]}}"#)
        };
        let cases = [
            (
                line("0"),
                "orderLines[0].quantity",
                "must be between 1 and 9",
            ),
            (
                r#"{"orderLines":[["x",1]]}"#.to_owned(),
                "orderLines[0]",
                "must be an object",
            ),
            (
                line("1.5"),
                "orderLines[0].quantity",
                "must be a whole number",
            ),
            (
                line("\"2\""),
                "orderLines[0].quantity",
                "must be a whole number",
            ),
            (
                line("1").replace(ID, "x"),
                "orderLines[0].orderId",
                "must be a UUID, and not the nil UUID",
            ),
            (
                r#"{"orderLines":[]}"#.to_owned(),
                "orderLines",
                "must have 1 to 2 entries",
            ),
            ("null".to_owned(), ".", "must be an object"),
            (" [[]]".to_owned(), ".", "must be an object"),
            (
                r#"{"orderLines":[7]}"#.to_owned(),
                "orderLines[0]",
                "must be an object",
            ),
            (r#"{}"#.to_owned(), "orderLines", "is required"),
            (
                format!(r#"{{"orderLines":[{{"orderId":"{ID}"}}]}}"#),
                "orderLines[0].quantity",
                "is required",
            ),
            (
                r#"{"orderLines":[],"total":1}"#.to_owned(),
                "total",
                "is not a known field",
            ),
            (
                line("1, \"price\": 1"),
                "orderLines[0].price",
                "is not a known field",
            ),
        ];
        for (body, field, message) in cases {
            assert_eq!(
                fields_of(&body),
                [(field.to_owned(), message.to_owned())],
                "{body}"
            );
        }
    }

    #[test]
    fn numbers_in_any_notation_and_a_byte_order_mark_are_accepted() {
        for quantity in ["2", "2.0", "2e0", "0.2E1"] {
            let body = format!(
                "\u{FEFF}{{\"orderLines\":[{{\"orderId\":\"{ID}\",\"quantity\":{quantity}}}]}}"
            );
            let body: Body = parse(body.as_bytes()).unwrap();
            assert_eq!(body.order_lines[0].quantity, 2);
        }
    }

    #[test]
    fn malformed_json_and_trailing_text_are_refused() {
        for body in ["", "{", "nonsense", r#"{"orderLines":[]} x"#] {
            let problem = parse::<Body>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.problem_type(), &INVALID_REQUEST, "{body:?}");
        }
    }
}
