//! Problems as actix-web answers. Only this module writes `application/problem+json`.

use std::fmt;
use std::time::SystemTime;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use oms_errors::{
    BODY_TIMEOUT, BODY_TOO_LARGE, INTERNAL, INVALID_REQUEST, Kind, METHOD_NOT_ALLOWED, Problem,
    ROUTE_NOT_FOUND, UNAUTHENTICATED, UNSUPPORTED_MEDIA_TYPE,
};

/// The header of an answer that carries the ID of its request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The ID of the request being served. The middleware that starts the request's trace adds it to the extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// A problem as the answer to a request: the error type of handlers and extractors. Every type that converts into a
/// [`Problem`] converts into it.
#[derive(Debug)]
pub struct ProblemResponse(pub Problem);

impl<E: Into<Problem>> From<E> for ProblemResponse {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for ProblemResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for ProblemResponse {
    fn status_code(&self) -> StatusCode {
        status_of(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        render(&self.0, None)
    }
}

/// Middleware: every error is answered as `application/problem+json` with the ID of the request, and the causes of a
/// 5xx are logged once.
///
/// # Errors
/// None: handlers and extractors answer with a response, never with an error.
pub async fn problem_json(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let request_id = response
        .request()
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone());
    let mut response = answer_problem(response, |_, problem| {
        render(problem, request_id.as_deref())
    });
    if let Some(value) = request_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// Replaces the answer of an error, of a handler or of actix-web itself, with what `render` makes of its problem, and
/// logs the causes of the problem. An error that has a body of its own is not changed.
pub fn answer_problem(
    response: ServiceResponse,
    render: impl FnOnce(&HttpRequest, &Problem) -> HttpResponse,
) -> ServiceResponse {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = response.response().error();
    let rendered = match error.and_then(|error| error.as_error::<ProblemResponse>()) {
        Some(ProblemResponse(problem)) => {
            log(problem);
            render(response.request(), problem)
        }
        None if has_own_body(response.headers()) => return response,
        None => {
            let problem = foreign(status, error);
            log(&problem);
            render(response.request(), &problem)
        }
    };
    response.into_response(rendered)
}

/// Answers of JSON and HTML with an error status are written on purpose, such as a readiness report or a page, and are
/// not changed. Those of actix-web itself are plain text.
fn has_own_body(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json") || value.starts_with("text/html"))
}

/// An error of actix-web itself. Its text is for developers of actix programs, so clients do not see it.
fn foreign(status: StatusCode, error: Option<&Error>) -> Problem {
    let problem_type = match status {
        StatusCode::UNAUTHORIZED => &UNAUTHENTICATED,
        StatusCode::NOT_FOUND => &ROUTE_NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => &METHOD_NOT_ALLOWED,
        StatusCode::REQUEST_TIMEOUT => &BODY_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE => &BODY_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => &UNSUPPORTED_MEDIA_TYPE,
        status if status.is_client_error() => &INVALID_REQUEST,
        _ => &INTERNAL,
    };
    let problem = Problem::of(problem_type);
    match error {
        Some(error) => problem.with_source(error.to_string()),
        None => problem,
    }
}

fn log(problem: &Problem) {
    let problem_type = problem.problem_type();
    let cause = problem.cause_chain().unwrap_or_default();
    match problem_type.kind {
        // An operator must handle both.
        Kind::Internal | Kind::Misconfigured => {
            tracing::error!(code = problem_type.code, cause, "request failed");
        }
        Kind::Unavailable => {
            tracing::warn!(code = problem_type.code, cause, "request refused");
        }
        _ => tracing::debug!(code = problem_type.code, cause, "request refused"),
    }
}

fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.problem_type().kind.status())
        .expect("every Kind has a valid status")
}

fn render(problem: &Problem, request_id: Option<&str>) -> HttpResponse {
    let mut response = HttpResponse::build(status_of(problem));
    response.content_type("application/problem+json");
    if let Some(seconds) = problem.retry_after_s() {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Some(location) = problem.location() {
        response.insert_header((header::LOCATION, location));
    }
    if let Some(methods) = problem.allow() {
        response.insert_header((header::ALLOW, methods));
    }
    if let Some(codings) = problem.accept_encoding() {
        response.insert_header((header::ACCEPT_ENCODING, codings));
    }
    if problem.problem_type().kind == Kind::Unauthorized {
        // Required with a 401 by RFC 9110, section 15.5.2.
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    response.body(problem.body(request_id).to_string())
}

/// A problem as the bytes of an answer, for a request that could not be read. The connection ends after it.
pub fn problem_bytes(problem: &Problem) -> Vec<u8> {
    let status = status_of(problem);
    let body = problem.body(None).to_string();
    let (date, length) = (HttpDate::from(SystemTime::now()), body.len());
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\
         connection: close\r\ndate: {date}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_problem_are_a_complete_answer() {
        let bytes = problem_bytes(&Problem::of(&BODY_TIMEOUT));
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{head}"
        );
        assert!(head.contains("GMT"), "{head}");
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{head}"
        );
        assert!(body.contains("request.timeout"), "{body}");
    }

    #[test]
    fn only_a_401_names_the_authentication_scheme() {
        let answer = |problem_type| render(&Problem::of(problem_type), None);
        let refused = answer(&UNAUTHENTICATED);
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let scheme = refused.headers().get(header::WWW_AUTHENTICATE);
        assert_eq!(scheme, Some(&HeaderValue::from_static("Bearer")));
        let other = answer(&INVALID_REQUEST);
        assert_eq!(other.headers().get(header::WWW_AUTHENTICATE), None);
    }
}
