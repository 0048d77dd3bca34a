//! The event types, with Stripe's names.

use serde::{Deserialize, Serialize};

/// The event types that the sandbox supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EventKind {
    /// An intent was created.
    #[serde(rename = "payment_intent.created")]
    IntentCreated,
    /// An intent was paid.
    #[serde(rename = "payment_intent.succeeded")]
    IntentSucceeded,
    /// An attempt to pay an intent failed.
    #[serde(rename = "payment_intent.payment_failed")]
    IntentPaymentFailed,
    /// An intent was cancelled.
    #[serde(rename = "payment_intent.canceled")]
    IntentCanceled,
    /// The bank has an intent, and decides later.
    #[serde(rename = "payment_intent.processing")]
    IntentProcessing,
    /// An intent waits for the customer.
    #[serde(rename = "payment_intent.requires_action")]
    IntentRequiresAction,
    /// An intent was authorised and can be captured.
    #[serde(rename = "payment_intent.amount_capturable_updated")]
    IntentAmountCapturableUpdated,
    /// A charge was authorised or taken.
    #[serde(rename = "charge.succeeded")]
    ChargeSucceeded,
    /// A charge was refunded, in full or in part.
    #[serde(rename = "charge.refunded")]
    ChargeRefunded,
    /// A refund was made.
    #[serde(rename = "refund.created")]
    RefundCreated,
    /// A refund changed after it was made.
    #[serde(rename = "refund.updated")]
    RefundUpdated,
    /// A refund failed after it was made.
    #[serde(rename = "refund.failed")]
    RefundFailed,
    /// A refund of a charge changed. Older than `refund.updated`, and sent together with it.
    #[serde(rename = "charge.refund.updated")]
    ChargeRefundUpdated,
    /// A charge was disputed.
    #[serde(rename = "charge.dispute.created")]
    DisputeCreated,
    /// The status of a dispute changed.
    #[serde(rename = "charge.dispute.updated")]
    DisputeUpdated,
    /// A dispute was closed.
    #[serde(rename = "charge.dispute.closed")]
    DisputeClosed,
    /// The disputed money was withdrawn from the account.
    #[serde(rename = "charge.dispute.funds_withdrawn")]
    DisputeFundsWithdrawn,
    /// The disputed money was returned to the account.
    #[serde(rename = "charge.dispute.funds_reinstated")]
    DisputeFundsReinstated,
}

impl EventKind {
    /// The type's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IntentCreated => "payment_intent.created",
            Self::IntentSucceeded => "payment_intent.succeeded",
            Self::IntentPaymentFailed => "payment_intent.payment_failed",
            Self::IntentCanceled => "payment_intent.canceled",
            Self::IntentProcessing => "payment_intent.processing",
            Self::IntentRequiresAction => "payment_intent.requires_action",
            Self::IntentAmountCapturableUpdated => "payment_intent.amount_capturable_updated",
            Self::ChargeSucceeded => "charge.succeeded",
            Self::ChargeRefunded => "charge.refunded",
            Self::RefundCreated => "refund.created",
            Self::RefundUpdated => "refund.updated",
            Self::RefundFailed => "refund.failed",
            Self::ChargeRefundUpdated => "charge.refund.updated",
            Self::DisputeCreated => "charge.dispute.created",
            Self::DisputeUpdated => "charge.dispute.updated",
            Self::DisputeClosed => "charge.dispute.closed",
            Self::DisputeFundsWithdrawn => "charge.dispute.funds_withdrawn",
            Self::DisputeFundsReinstated => "charge.dispute.funds_reinstated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_serialised_as_its_name() {
        for kind in [
            EventKind::IntentAmountCapturableUpdated,
            EventKind::RefundCreated,
            EventKind::RefundUpdated,
            EventKind::RefundFailed,
            EventKind::ChargeRefundUpdated,
            EventKind::DisputeCreated,
            EventKind::DisputeUpdated,
            EventKind::DisputeClosed,
            EventKind::DisputeFundsWithdrawn,
            EventKind::DisputeFundsReinstated,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
