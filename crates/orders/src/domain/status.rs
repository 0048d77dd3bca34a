//! The statuses of an order and the transitions between them.

use std::fmt;

use oms_validation::newer_word;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// The stock is held, and the outcome of the payment is unknown.
    PendingPayment,
    /// The payment was collected.
    Paid,
    /// No payment was collected, and the stock was released. Final.
    Failed,
    /// A cancellation is in progress. The stock is held until it is proven that no money moved, or that all of it was
    /// refunded.
    Cancelling,
    /// It was cancelled, no money is left with the merchant, and the stock was released. Final.
    Cancelled,
    /// A refund is in progress; the stock is held.
    Refunding,
    /// All of the money was refunded, and the stock was released. Final.
    Refunded,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    OrderStatus,
    "The status of an order.",
    oms_validation::openapi::words(OrderStatus::ALL.map(OrderStatus::as_str))
}

impl OrderStatus {
    /// All statuses.
    pub const ALL: [Self; 7] = [
        Self::PendingPayment,
        Self::Paid,
        Self::Failed,
        Self::Cancelling,
        Self::Cancelled,
        Self::Refunding,
        Self::Refunded,
    ];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "PENDING_PAYMENT",
            Self::Paid => "PAID",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Refunding => "REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that only a newer version of the program knows.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses the text of [`OrderStatus::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether an order may change from this status to `next`. Final statuses allow no change. An event from a status
    /// to itself is a note, not a transition.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::PendingPayment => matches!(next, Self::Paid | Self::Failed | Self::Cancelling),
            // Straight to `REFUNDED` if its money was refunded at the gateway itself.
            Self::Paid => matches!(next, Self::Cancelling | Self::Refunding | Self::Refunded),
            Self::Cancelling => matches!(next, Self::Cancelled),
            Self::Refunding => matches!(next, Self::Paid | Self::Refunded),
            Self::Failed | Self::Cancelled | Self::Refunded | Self::Other(_) => false,
        }
    }

    /// Whether the order needs more work. Such an order is on the work list or has an open dead letter.
    pub const fn is_unsettled(self) -> bool {
        match self {
            Self::PendingPayment | Self::Cancelling | Self::Refunding => true,
            Self::Paid | Self::Failed | Self::Cancelled | Self::Refunded | Self::Other(_) => false,
        }
    }

    /// Whether an order in this status holds its stock.
    pub const fn holds_stock(self) -> bool {
        match self {
            // The stock of an order with a status that only a newer version knows must stay held.
            Self::PendingPayment
            | Self::Paid
            | Self::Cancelling
            | Self::Refunding
            | Self::Other(_) => true,
            Self::Failed | Self::Cancelled | Self::Refunded => false,
        }
    }
}

impl<'de> Deserialize<'de> for OrderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| {
            let statuses = Self::ALL.map(Self::as_str).join(", ");
            D::Error::custom(format!("must be one of {statuses}"))
        })
    }
}

impl Serialize for OrderStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::OrderStatus::{
        Cancelled, Cancelling, Failed, Paid, PendingPayment, Refunded, Refunding,
    };
    use super::*;

    #[test]
    fn only_the_listed_transitions_are_allowed() {
        let legal = [
            (PendingPayment, Paid),
            (PendingPayment, Failed),
            (PendingPayment, Cancelling),
            (Paid, Cancelling),
            (Paid, Refunding),
            (Paid, Refunded),
            (Cancelling, Cancelled),
            (Refunding, Paid),
            (Refunding, Refunded),
        ];
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                let expected = legal.contains(&(from, to));
                assert_eq!(from.may_become(to), expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn only_an_order_without_stock_is_final() {
        for status in OrderStatus::ALL {
            let has_a_way_out = OrderStatus::ALL
                .into_iter()
                .any(|next| status.may_become(next));
            assert_eq!(has_a_way_out, status.holds_stock(), "{status}");
            assert!(!status.is_unsettled() || status.holds_stock(), "{status}");
        }
    }

    #[test]
    fn the_database_and_json_use_the_same_name_for_a_status() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(OrderStatus::parse("paid"), None);
    }
}
