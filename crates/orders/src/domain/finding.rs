//! Differences between the gateway's books and ours.

use chrono::{DateTime, Utc};
use oms_payments::{ChargeId, Reference};
use oms_validation::{InstallationId, Money, OrderId, newer_word};
use oms_work::Lease;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::id::FindingId;

/// A difference between the gateway's books and ours, which was confirmed by reading both again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// What kind of difference.
    pub kind: FindingKind,
    /// Whose books.
    pub gateway: String,
    /// The charge, if it is about one.
    pub charge: Option<ChargeId>,
    /// The payment, if it is about one.
    pub payment: Option<Reference>,
    /// The order, if it is about one of ours.
    pub order_id: Option<OrderId>,
    /// The installation that the charge names, if it names one.
    pub installation_id: Option<InstallationId>,
    /// What our books say.
    pub expected: Option<Money>,
    /// What the gateway's books say.
    pub found: Option<Money>,
    /// In words.
    pub detail: String,
    /// What the program does about it by itself.
    pub action: FindingAction,
    /// How often it has tried, and by which claim last.
    pub lease: Lease,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// When it was seen last.
    pub last_seen_at: DateTime<Utc>,
    /// How it was resolved, or why the action has not worked.
    pub note: Option<String>,
    /// Who resolved it and when; none while it is open.
    pub resolved: Option<FindingResolved>,
}

/// How a finding ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingResolved {
    /// `reconciler`, or `operator:ann`.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// Money was taken, or is reserved, for no order of ours or past the payment that its order has.
    ChargeWithoutOrder,
    /// An order is paid, and the gateway has no money for it.
    PaidWithoutCharge,
    /// An order is paid, and another amount or currency was taken.
    AmountMismatch,
    /// Money was taken for an order that failed, was cancelled or was refunded.
    ChargeOnEndedOrder,
    /// Money is reserved for an order that failed, was cancelled or was refunded.
    AuthorisationOnEndedOrder,
    /// A refund failed after it was made, and the money is with us.
    RefundFailed,
    /// The customer disputes the payment at the bank, or has won.
    PaymentDisputed,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    FindingKind,
    "What kind of difference it is.",
    oms_validation::openapi::words(FindingKind::ALL.map(FindingKind::as_str))
}

impl FindingKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ChargeWithoutOrder,
        Self::PaidWithoutCharge,
        Self::AmountMismatch,
        Self::ChargeOnEndedOrder,
        Self::AuthorisationOnEndedOrder,
        Self::RefundFailed,
        Self::PaymentDisputed,
    ];

    /// As the database and JSON have it.
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

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Reads what [`FindingKind::as_str`] wrote.
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
    /// Nothing: a person has to.
    None,
    /// Gives back what is left of the charge.
    Refund,
    /// Cancels the payment, so that what is reserved can't be taken.
    Void,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    FindingAction,
    "What the program does about a finding by itself.",
    oms_validation::openapi::words(FindingAction::ALL.map(FindingAction::as_str))
}

impl FindingAction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Refund, Self::Void];

    /// As the database and JSON have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Reads what [`FindingAction::as_str`] wrote.
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
    /// None: every kind.
    pub kind: Option<FindingKind>,
}

/// Whether something has yet to be done about a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FindingFilter, default = "open")]
pub enum FindingState {
    /// It has.
    #[default]
    Open,
    /// It has not.
    Resolved,
    /// Either.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_spell_alike() {
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
