//! The words of an intent's life: Stripe's statuses and what is asked of it.

use serde::{Deserialize, Serialize};

/// Whether a confirmed payment is taken at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMethod {
    /// At once.
    #[default]
    Automatic,
    /// Only authorised, until `capture`.
    Manual,
}

/// Stripe's statuses, by its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

/// Whether the customer is there to authenticate. Off session, a card that asks for it is
/// declined: <https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-off_session>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// The customer can be asked.
    On,
    /// Nobody can be asked.
    Off,
}

/// How the control API ends a payment that waits for someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Settlement {
    /// The bank paid, or the customer authenticated.
    Succeeded,
    /// The bank refused, or the customer failed to authenticate.
    Failed,
}

impl Status {
    /// The status as Stripe writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}
