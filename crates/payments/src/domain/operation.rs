//! The operations of a gateway, and the idempotency keys of their calls.

use std::fmt;

use oms_validation::OrderId;
use uuid::Uuid;

use crate::ChargeId;

/// An operation of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make a payment that can move no money yet.
    Prepare,
    /// Collect the payment.
    Confirm,
    /// Read the payment.
    Lookup,
    /// Ensure that the payment is never collected.
    Cancel,
    /// Capture an authorised payment.
    Capture,
    /// Refund money of a payment.
    Refund,
    /// List charges.
    ListCharges,
    /// Read a charge.
    FindCharge,
    /// Refund a charge.
    RefundCharge,
    /// Read one refund of a payment.
    FindRefund,
    /// List the refunds of a payment.
    ListRefunds,
    /// List the disputes of a payment.
    ListDisputes,
    /// List reports of refunds and disputes.
    ListReports,
}

impl Operation {
    const ALL: [Self; 13] = [
        Self::Prepare,
        Self::Confirm,
        Self::Lookup,
        Self::Cancel,
        Self::Capture,
        Self::Refund,
        Self::ListCharges,
        Self::FindCharge,
        Self::RefundCharge,
        Self::FindRefund,
        Self::ListRefunds,
        Self::ListDisputes,
        Self::ListReports,
    ];

    /// The operations that ask a gateway to change something. The others only read.
    pub(crate) const CHANGES: [Self; 6] = [
        Self::Prepare,
        Self::Confirm,
        Self::Cancel,
        Self::Capture,
        Self::Refund,
        Self::RefundCharge,
    ];

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The purpose of the operation, in words.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Prepare => "to register the payment at the gateway before any money can move",
            Self::Confirm => "to collect the payment",
            Self::Lookup => "to learn the outcome of the payment",
            Self::Cancel => "to ensure that the payment is never collected",
            Self::Capture => "to capture the authorised amount",
            Self::Refund => "to refund money",
            Self::ListCharges => "to compare the gateway's charges with the orders",
            Self::FindCharge => "to learn the outcome of a charge",
            Self::RefundCharge => "to refund a charge",
            Self::FindRefund => "to learn the outcome of a refund",
            Self::ListRefunds => "to list the refunds of the payment",
            Self::ListDisputes => "to learn whether the payment is disputed",
            Self::ListReports => "to find refunds and disputes that no webhook reported",
        }
    }

    /// The name, in keys, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Confirm => "confirm",
            Self::Lookup => "lookup",
            Self::Cancel => "cancel",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::ListCharges => "list_charges",
            Self::FindCharge => "find_charge",
            Self::RefundCharge => "refund_charge",
            Self::FindRefund => "find_refund",
            Self::ListRefunds => "list_refunds",
            Self::ListDisputes => "list_disputes",
            Self::ListReports => "list_reports",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The idempotency key of a call to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationKey(String);

impl OperationKey {
    /// `{order}:{operation}:{attempt}`: the effect happens once, however often the call is made.
    pub fn new(order_id: OrderId, operation: Operation, attempt_number: i32) -> Self {
        Self(format!("{order_id}:{operation}:{attempt_number}"))
    }

    /// `{order}:{operation}:{attempt}:{unique}`: for calls that can be repeated without harm and whose answer must be
    /// fresh. Stripe replays the first answer to a key whatever it was, even a 500 or a rejection that no longer
    /// applies (<https://docs.stripe.com/error-low-level>).
    pub fn unique(order_id: OrderId, operation: Operation, attempt_number: i32) -> Self {
        let unique = Uuid::now_v7().simple();
        Self(format!("{order_id}:{operation}:{attempt_number}:{unique}"))
    }

    /// `{charge}:{operation}`: for a charge that may belong to no order.
    pub fn of_charge(charge: &ChargeId, operation: Operation) -> Self {
        Self(format!("{charge}:{operation}"))
    }

    /// `{charge}:{operation}:{unique}`, like [`unique`](Self::unique).
    pub fn unique_of_charge(charge: &ChargeId, operation: Operation) -> Self {
        let unique = Uuid::now_v7().simple();
        Self(format!("{charge}:{operation}:{unique}"))
    }

    /// The key as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_every_time_unless_it_is_unique() {
        let order_id = OrderId::generate();
        let key = || OperationKey::new(order_id, Operation::Confirm, 1);
        assert_eq!(key(), key());
        assert_eq!(key().as_str(), format!("{order_id}:confirm:1"));

        let unique = || OperationKey::unique(order_id, Operation::Cancel, 2);
        assert_ne!(unique(), unique());
        let prefix = format!("{order_id}:cancel:2:");
        assert!(unique().as_str().starts_with(&prefix));
    }

    #[test]
    fn every_operation_parses_from_its_name_and_no_other_text_does() {
        for operation in Operation::ALL {
            assert_eq!(Operation::parse(operation.as_str()), Some(operation));
            assert!(operation.purpose().starts_with("to "), "{operation}");
        }
        assert_eq!(Operation::parse("Prepare"), None);
    }

    #[test]
    fn a_charge_has_keys_of_its_own() {
        let charge = ChargeId::parse("ch_1").unwrap();
        let key = OperationKey::of_charge(&charge, Operation::RefundCharge);
        assert_eq!(key.as_str(), "ch_1:refund_charge");
        let unique = || OperationKey::unique_of_charge(&charge, Operation::RefundCharge);
        assert_ne!(unique(), unique());
        assert!(unique().as_str().starts_with("ch_1:refund_charge:"));
    }
}
