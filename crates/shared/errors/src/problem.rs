//! A problem: one refusal, as the client and the operator see it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::ProblemType;

/// The problem of one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field as in the request, such as `items[0].quantity`.
    #[schema(examples("items[0].quantity"))]
    pub field: String,
    /// What is wrong with the field, in words for the client.
    #[schema(examples("must be between 1 and 1000000"))]
    pub message: String,
}

/// Why a request is refused ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Match on `code`: it is stable, while
/// texts may change. A problem may have more members than these.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// `urn:oms:problem:` and the code.
    #[schema(value_type = String, format = "uri")]
    r#type: String,
    /// The meaning of the code, in one sentence.
    title: &'static str,
    /// The HTTP status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The cause of this refusal, in words.
    detail: &'a str,
    /// The kind of problem, for programs.
    code: &'static str,
    /// Whether the same request, with the same idempotency key, may succeed later.
    retryable: bool,
    /// The invalid fields, if the problem is about fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
    /// The ID of the request, under which the server's log has the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = true)]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: &'a Map<String, Value>,
}

/// One refusal: its type, its text for the client, and its cause, which only the log contains.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

/// Boxed, because a `Result` is at least as large as its error.
#[derive(Debug)]
struct Parts {
    problem_type: &'static ProblemType,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after_s: Option<u32>,
    location: Option<String>,
    allow: Option<String>,
    accept_encoding: Option<&'static str>,
    extensions: Map<String, Value>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A refusal with words for the client. A 5xx shows its fixed title instead of `detail`.
    pub fn new(problem_type: &'static ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = if problem_type.kind.status() >= 500 {
            Cow::Borrowed(problem_type.title)
        } else {
            detail.into()
        };
        Self(Box::new(Parts {
            problem_type,
            detail,
            fields: Vec::new(),
            retry_after_s: None,
            location: None,
            allow: None,
            accept_encoding: None,
            extensions: Map::new(),
            source: None,
        }))
    }

    /// A refusal whose detail is its title.
    pub fn of(problem_type: &'static ProblemType) -> Self {
        Self::new(problem_type, problem_type.title)
    }

    /// Names the invalid fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.0.fields = fields;
        self
    }

    /// Sets the time after which to retry, in seconds (`Retry-After`).
    #[must_use]
    pub fn with_retry_after_s(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Sets the address of the resource concerned (`Location`).
    #[must_use]
    pub fn with_location(mut self, location: String) -> Self {
        self.0.location = Some(location);
        self
    }

    /// Lists the allowed methods (`Allow`, required with a 405 by RFC 9110, section 15.5.6).
    #[must_use]
    pub fn with_allow(mut self, methods: impl Into<String>) -> Self {
        self.0.allow = Some(methods.into());
        self
    }

    /// Lists the codings that a body may have (`Accept-Encoding`, in a 415 by RFC 9110, section 15.5.16).
    #[must_use]
    pub fn with_accept_encoding(mut self, codings: &'static str) -> Self {
        self.0.accept_encoding = Some(codings);
        self
    }

    /// Adds an extension member to the body (RFC 9457, section 3.2).
    #[must_use]
    pub fn with_extension(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// Keeps the cause for the log. Clients never see it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The type of this refusal.
    pub fn problem_type(&self) -> &'static ProblemType {
        self.0.problem_type
    }

    /// Seconds after which to retry.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// The address of the resource concerned.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The allowed methods.
    pub fn allow(&self) -> Option<&str> {
        self.0.allow.as_deref()
    }

    /// The codings that a body may have.
    pub fn accept_encoding(&self) -> Option<&'static str> {
        self.0.accept_encoding
    }

    /// The causes, outermost first, joined by `: `.
    pub fn cause_chain(&self) -> Option<String> {
        let outermost = self.0.source.as_deref()?;
        let mut chain = outermost.to_string();
        let mut next = outermost.source();
        while let Some(cause) = next {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            next = cause.source();
        }
        Some(chain)
    }

    /// The body: `type`, `title`, `status`, `detail`, `code`, `retryable`, and, if they are set, `errors`, `requestId`
    /// and extension members.
    pub fn body(&self, request_id: Option<&str>) -> Value {
        let problem_type = self.0.problem_type;
        let body = ProblemBody {
            r#type: format!("urn:oms:problem:{}", problem_type.code),
            title: problem_type.title,
            status: problem_type.kind.status(),
            detail: &self.0.detail,
            code: problem_type.code,
            retryable: problem_type.kind.is_retryable(),
            errors: &self.0.fields,
            request_id,
            extensions: &self.0.extensions,
        };
        serde_json::to_value(body).expect("its keys are strings, and its values JSON")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.problem_type.code, self.0.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_5xx_is_fixed() {
        let problem = Problem::new(&crate::INTERNAL, "password=hunter2").with_source("cause");
        let body = problem.body(None).to_string();
        assert!(
            !body.contains("hunter2") && !body.contains("cause"),
            "{body}"
        );
        assert_eq!(problem.cause_chain().as_deref(), Some("cause"));
    }

    #[test]
    fn a_problem_names_its_fields_and_its_request() {
        let body = Problem::new(&crate::INVALID_REQUEST, "see errors")
            .with_fields(vec![FieldError {
                field: "items[0].quantity".into(),
                message: "must be at least 1".into(),
            }])
            .body(Some("r-1"));
        assert_eq!(body["status"], 400);
        assert_eq!(body["code"], "request.invalid");
        assert_eq!(body["retryable"], false);
        assert_eq!(body["errors"][0]["field"], "items[0].quantity");
        assert_eq!(body["requestId"], "r-1");
    }
}
