//! Stripe's error object, and the errors of this sandbox.
//!
//! Formats: <https://docs.stripe.com/api/errors>, codes: <https://docs.stripe.com/error-codes>.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{answer::Answer, cards::Decline};

/// An error in Stripe's format, with its HTTP status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    error: Box<ErrorObject>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_intent: Option<Value>,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let error = ErrorObject {
            kind,
            message: message.into(),
            ..ErrorObject::default()
        };
        Self {
            status,
            error: Box::new(error),
        }
    }

    /// `invalid_request_error` with the given status and text.
    pub(crate) fn invalid_request(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    /// A parameter that is invalid: 400.
    pub(crate) fn parameter(param: &str, message: impl Into<String>) -> Self {
        Self::invalid_request(400, message).with_param(param)
    }

    /// A required parameter is missing: 400 `parameter_missing`.
    pub(crate) fn missing(param: &str) -> Self {
        Self::parameter(param, format!("Missing required param: {param}."))
            .with_code("parameter_missing")
    }

    /// An object named in the path does not exist: 404 `resource_missing`.
    pub(crate) fn no_such(object: &str, id: &str, param: &str) -> Self {
        Self::invalid_request(404, format!("No such {object}: '{id}'"))
            .with_code("resource_missing")
            .with_param(param)
    }

    /// An object named in a parameter does not exist: 400 `resource_missing`.
    pub(crate) fn no_such_param(object: &str, id: &str, param: &str) -> Self {
        Self {
            status: 400,
            ..Self::no_such(object, id, param)
        }
    }

    /// The intent's status does not allow the operation: 400 `payment_intent_unexpected_state`.
    pub(crate) fn unexpected_state(message: impl Into<String>) -> Self {
        Self::invalid_request(400, message).with_code("payment_intent_unexpected_state")
    }

    /// The card was declined: 402 `card_error`.
    pub(crate) fn card(decline: &Decline) -> Self {
        let mut declined = Self::new(402, "card_error", decline.message.clone());
        declined.error.code = Some(decline.code.clone());
        declined
            .error
            .decline_code
            .clone_from(&decline.decline_code);
        declined.error.param = decline.param();
        declined
    }

    /// The idempotency key was used for another request: 400 `idempotency_error`.
    pub(crate) fn idempotency_mismatch(message: String) -> Self {
        Self::new(400, "idempotency_error", message)
    }

    /// The first request with this idempotency key is still in progress: 409.
    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key {key} \
             (that probably means you submitted twice, and the other request is still going \
             through). Please try again later."
        );
        Self::new(409, "idempotency_error", message).with_code("idempotency_key_in_use")
    }

    /// Too many calls within one second: 429, <https://docs.stripe.com/rate-limits>.
    pub(crate) fn rate_limited() -> Self {
        Self::invalid_request(429, "Request rate limit exceeded.").with_code("rate_limit")
    }

    /// An injected failure with one of the statuses that a fault plan allows.
    pub(crate) fn injected(status: u16) -> Self {
        match status {
            429 => {
                Self::invalid_request(429, "Request rate limit exceeded (payment-sandbox fault).")
                    .with_code("rate_limit")
            }
            _ => Self::internal(
                status,
                "An error was injected by payment-sandbox's fault plan.",
            ),
        }
    }

    /// `api_error`: the sandbox itself failed.
    pub(crate) fn internal(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "api_error", message)
    }

    /// Adds an error code.
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.error.code = Some(code.to_owned());
        self
    }

    /// Adds the name of the offending parameter.
    pub(crate) fn with_param(mut self, param: &str) -> Self {
        self.error.param = Some(param.to_owned());
        self
    }

    /// Adds the failed charge and the intent as it is now.
    pub(crate) fn with_payment(mut self, charge: Option<&str>, intent: Value) -> Self {
        self.error.charge = charge.map(str::to_owned);
        self.error.payment_intent = Some(intent);
        self
    }

    /// The error as an answer.
    pub(crate) fn answer(&self) -> Answer {
        Answer {
            status: self.status,
            body: json!({ "error": self.error }).to_string(),
        }
    }
}
