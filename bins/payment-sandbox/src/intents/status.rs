//! The statuses of an intent, and the modes of its confirmation.

use serde::{Deserialize, Serialize};

/// Whether a confirmed payment is captured immediately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMethod {
    /// Immediately.
    #[default]
    Automatic,
    /// Only authorised, until `capture`.
    Manual,
}

/// Stripe's statuses, with Stripe's names.
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

/// Whether the customer is present to authenticate. Off session, a card that requires authentication is declined:
/// <https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-off_session>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// The customer can authenticate.
    On,
    /// Nobody can authenticate.
    Off,
}

/// How the control API settles a waiting payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Settlement {
    /// The bank paid, or the customer authenticated.
    Succeeded,
    /// The bank declined, or the customer failed to authenticate.
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
