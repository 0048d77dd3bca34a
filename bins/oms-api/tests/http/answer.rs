//! One answer of the API, and assertions about all answers of its kind.

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// One answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `Null` if the text is not JSON.
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status,
            headers,
            text,
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn order_id(&self) -> String {
        let id = self.body["orderId"].as_str();
        id.unwrap_or_else(|| panic!("no orderId: {self:?}"))
            .to_owned()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        let named = errors.into_iter().flatten();
        named
            .map(|error| error["field"].as_str().unwrap())
            .collect()
    }

    /// Seconds to wait before the next attempt.
    pub fn retry_after(&self) -> Option<u32> {
        self.header("retry-after")
            .map(|seconds| seconds.parse().unwrap())
    }

    /// Asserts a 201 with everything that belongs to it.
    pub fn assert_created(&self) {
        assert_eq!(self.status, 201, "{self:?}");
        assert_eq!(self.body["status"], "PAID", "{self:?}");
        assert!(self.body.get("cached").is_none(), "{self:?}");
        assert!(self.header("idempotent-replayed").is_none(), "{self:?}");
        self.assert_location(&self.order_id());
    }

    /// Asserts a 200 for an order that an earlier request placed.
    pub fn assert_replayed(&self, order_id: &str) {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.body["status"], "PAID", "{self:?}");
        assert_eq!(self.body["cached"], true, "{self:?}");
        assert_eq!(self.header("idempotent-replayed"), Some("true"), "{self:?}");
        assert_eq!(self.order_id(), order_id, "{self:?}");
        self.assert_location(order_id);
    }

    /// Asserts a 202 with everything that belongs to it.
    pub fn assert_pending(&self) {
        assert_eq!(self.status, 202, "{self:?}");
        assert_eq!(self.body["status"], "PENDING_PAYMENT", "{self:?}");
        assert!(self.retry_after() >= Some(1), "{self:?}");
        self.assert_location(&self.order_id());
    }

    /// Asserts a refusal of this status and code, in the form of all refusals.
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["type"], format!("urn:oms:problem:{code}"));
        for member in ["title", "detail"] {
            assert!(self.body[member].is_string(), "{member}: {self:?}");
        }
        let waits = self.retry_after().is_some();
        // Some conflicts disappear with time. The answer tells whether this one does.
        let (is_retryable, has_to_wait) = match status {
            409 => (waits, waits),
            // Not before an operator has fixed the cause.
            503 if code == "payments.gateway_refused" => (false, false),
            status => (
                matches!(status, 408 | 429 | 500 | 503),
                matches!(status, 429 | 503),
            ),
        };
        assert_eq!(self.body["retryable"], is_retryable, "{self:?}");
        assert_eq!(waits, has_to_wait, "{self:?}");
        let request_id = self.header("x-request-id");
        assert!(request_id.is_some(), "{self:?}");
        assert_eq!(self.body["requestId"].as_str(), request_id, "{self:?}");
    }

    /// Asserts a 409 for an order that another request or worker is processing.
    pub fn assert_in_progress(&self) {
        self.assert_problem(409, "orders.in_progress");
        assert_eq!(self.body["retryable"], true, "{self:?}");
        self.assert_location(&self.order_id());
    }

    /// Asserts a 402 for an order that failed.
    pub fn assert_failed(&self, code: &str) {
        self.assert_problem(402, code);
        assert_eq!(self.body["orderStatus"], "FAILED", "{self:?}");
        self.assert_location(&self.order_id());
    }

    fn assert_location(&self, order_id: &str) {
        let expected = format!("/orders/{order_id}");
        assert_eq!(self.header("location"), Some(expected.as_str()), "{self:?}");
    }
}
