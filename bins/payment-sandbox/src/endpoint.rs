//! Stripe's endpoints by method and path, and their operations.

use serde::{Deserialize, Serialize};

/// The operations, as named in the fault plan and the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Create an intent, and optionally confirm it in the same call.
    Create,
    /// Confirm an intent.
    Confirm,
    /// Read one intent, charge, refund, dispute or event.
    Retrieve,
    /// Cancel an intent.
    Cancel,
    /// Capture an intent.
    Capture,
    /// List intents, charges, refunds, disputes or events.
    List,
    /// Refund a charge.
    Refund,
}

impl Operation {
    /// All operations.
    pub(crate) const ALL: [Self; 7] = [
        Self::Create,
        Self::Confirm,
        Self::Retrieve,
        Self::Cancel,
        Self::Capture,
        Self::List,
        Self::Refund,
    ];
}

/// An endpoint, with the ID in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v1/payment_intents`
    CreateIntent,
    /// `GET /v1/payment_intents`
    ListIntents,
    /// `GET /v1/payment_intents/{id}`
    RetrieveIntent(String),
    /// `POST /v1/payment_intents/{id}/confirm`
    ConfirmIntent(String),
    /// `POST /v1/payment_intents/{id}/cancel`
    CancelIntent(String),
    /// `POST /v1/payment_intents/{id}/capture`
    CaptureIntent(String),
    /// `POST /v1/refunds`
    CreateRefund,
    /// `GET /v1/refunds`
    ListRefunds,
    /// `GET /v1/refunds/{id}`
    RetrieveRefund(String),
    /// `GET /v1/charges`
    ListCharges,
    /// `GET /v1/charges/{id}`
    RetrieveCharge(String),
    /// `GET /v1/disputes`
    ListDisputes,
    /// `GET /v1/disputes/{id}`
    RetrieveDispute(String),
    /// `GET /v1/events`
    ListEvents,
    /// `GET /v1/events/{id}`
    RetrieveEvent(String),
}

impl Endpoint {
    /// Returns the endpoint, if there is one.
    pub(crate) fn find(method: &str, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let endpoint = match (method, segments.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => Self::CreateIntent,
            ("GET", ["v1", "payment_intents"]) => Self::ListIntents,
            ("GET", ["v1", "payment_intents", id]) => Self::RetrieveIntent((*id).to_owned()),
            ("POST", ["v1", "payment_intents", id, "confirm"]) => {
                Self::ConfirmIntent((*id).to_owned())
            }
            ("POST", ["v1", "payment_intents", id, "cancel"]) => {
                Self::CancelIntent((*id).to_owned())
            }
            ("POST", ["v1", "payment_intents", id, "capture"]) => {
                Self::CaptureIntent((*id).to_owned())
            }
            ("POST", ["v1", "refunds"]) => Self::CreateRefund,
            ("GET", ["v1", "refunds"]) => Self::ListRefunds,
            ("GET", ["v1", "refunds", id]) => Self::RetrieveRefund((*id).to_owned()),
            ("GET", ["v1", "charges"]) => Self::ListCharges,
            ("GET", ["v1", "disputes"]) => Self::ListDisputes,
            ("GET", ["v1", "disputes", id]) => Self::RetrieveDispute((*id).to_owned()),
            ("GET", ["v1", "events"]) => Self::ListEvents,
            ("GET", ["v1", "events", id]) => Self::RetrieveEvent((*id).to_owned()),
            ("GET", ["v1", "charges", id]) => Self::RetrieveCharge((*id).to_owned()),
            _ => return None,
        };
        Some(endpoint)
    }

    /// The operation, as named in the fault plan and the statistics.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::CreateIntent => Operation::Create,
            Self::ConfirmIntent(_) => Operation::Confirm,
            Self::CancelIntent(_) => Operation::Cancel,
            Self::CaptureIntent(_) => Operation::Capture,
            Self::CreateRefund => Operation::Refund,
            Self::ListIntents
            | Self::ListRefunds
            | Self::ListCharges
            | Self::ListDisputes
            | Self::ListEvents => Operation::List,
            Self::RetrieveIntent(_)
            | Self::RetrieveRefund(_)
            | Self::RetrieveCharge(_)
            | Self::RetrieveDispute(_)
            | Self::RetrieveEvent(_) => Operation::Retrieve,
        }
    }

    /// Whether idempotency keys have a meaning: on POST only.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.operation(), Operation::Retrieve | Operation::List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_paths_are_found() {
        let confirm = Endpoint::find("POST", "/v1/payment_intents/pi_1/confirm");
        assert_eq!(confirm, Some(Endpoint::ConfirmIntent("pi_1".to_owned())));
        assert_eq!(
            Endpoint::find("GET", "/v1/payment_intents/pi_1/confirm"),
            None
        );
        assert_eq!(Endpoint::find("DELETE", "/v1/payment_intents/pi_1"), None);
        assert_eq!(Endpoint::find("POST", "/v1/customers"), None);
        assert_eq!(Endpoint::find("GET", "/"), None);
    }
}
