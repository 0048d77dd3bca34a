//! Differences between the gateway's books and ours.

use chrono::{DateTime, Utc};
use oms_payments::{ChargeId, Reference};
use oms_validation::{InstallationId, Money, OrderId, newer_word};
use oms_work::Lease;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::id::FindingId;

/// A difference between the gateway's books and ours, confirmed by reading both again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its ID.
    pub id: FindingId,
    /// The kind of difference.
    pub kind: FindingKind,
    /// The gateway.
    pub gateway: String,
    /// What it is about, in the gateway's words: a charge, a payment, a refund or a dispute.
    pub subject: String,
    /// The charge, if any.
    pub charge: Option<ChargeId>,
    /// The payment, if any.
    pub payment: Option<Reference>,
    /// Our order, if any.
    pub order_id: Option<OrderId>,
    /// The installation that the charge names, if any.
    pub installation_id: Option<InstallationId>,
    /// The amount in our books.
    pub expected: Option<Money>,
    /// The amount in the gateway's books.
    pub found: Option<Money>,
    /// The difference in words.
    pub detail: String,
    /// The program's own action.
    pub action: FindingAction,
    /// Number of tries of the action, and the latest claim.
    pub lease: Lease,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// How it was resolved, or why the action failed.
    pub note: Option<String>,
    /// Who resolved it and when; `None` while it is open.
    pub resolved: Option<FindingResolved>,
}

/// How a finding was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingResolved {
    /// `reconciler`, or `operator:ann`.
    pub by: String,
    /// When it was resolved.
    pub at: DateTime<Utc>,
}

/// A kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// Money was taken or authorised for no order of ours, or besides the payment of its order.
    ChargeWithoutOrder,
    /// An order is paid, but the gateway has no money for it.
    PaidWithoutCharge,
    /// An order is paid, but another amount or currency was taken.
    AmountMismatch,
    /// Money was taken for an order that failed, was cancelled or was refunded.
    ChargeOnEndedOrder,
    /// Money is authorised for an order that failed, was cancelled or was refunded.
    AuthorisationOnEndedOrder,
    /// A refund succeeded and failed later, so the money is back with the merchant.
    RefundFailed,
    /// The customer disputes the payment at the bank, or has won the dispute.
    PaymentDisputed,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    FindingKind,
    "The kind of difference.",
    oms_validation::openapi::words(FindingKind::ALL.map(FindingKind::as_str))
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::ChargeWithoutOrder,
        Self::PaidWithoutCharge,
        Self::AmountMismatch,
        Self::ChargeOnEndedOrder,
        Self::AuthorisationOnEndedOrder,
        Self::RefundFailed,
        Self::PaymentDisputed,
    ];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChargeWithoutOrder => "charge_without_order",
            Self::PaidWithoutCharge => "paid_without_charge",
            Self::AmountMismatch => "amount_mismatch",
            Self::ChargeOnEndedOrder => "charge_on_ended_order",
            Self::AuthorisationOnEndedOrder => "authorisation_on_ended_order",
            Self::RefundFailed => "refund_failed",
            Self::PaymentDisputed => "payment_disputed",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that only a newer version of the program knows.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses the text of [`FindingKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl<'de> Deserialize<'de> for FindingKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| {
            let kinds = Self::ALL.map(Self::as_str).join(", ");
            D::Error::custom(format!("must be one of {kinds}"))
        })
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the program does about a finding by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingAction {
    /// Nothing: the finding needs an operator.
    None,
    /// Refunds what is left of the charge.
    Refund,
    /// Cancels the payment, so that the authorised money can't be taken.
    Void,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    FindingAction,
    "What the program does about a finding by itself.",
    oms_validation::openapi::words(FindingAction::ALL.map(FindingAction::as_str))
}

impl FindingAction {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::None, Self::Refund, Self::Void];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that only a newer version of the program knows.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses the text of [`FindingAction::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

impl Serialize for FindingAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Which findings to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingFilter {
    /// Open ones, resolved ones, or both.
    pub state: FindingState,
    /// The kind; `None` for every kind.
    pub kind: Option<FindingKind>,
}

/// Which findings to list, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FindingFilter, default = "open")]
pub enum FindingState {
    /// Open ones.
    #[default]
    Open,
    /// Resolved ones.
    Resolved,
    /// Both.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_use_the_same_names() {
        for kind in FindingKind::ALL {
            assert_eq!(FindingKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for action in FindingAction::ALL {
            assert_eq!(FindingAction::parse(action.as_str()), Some(action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }
}
