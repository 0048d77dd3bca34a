//! The states of an order and the ways between them.

use serde::{Deserialize, Serialize};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// The stock is held, and the outcome of the payment is not known yet.
    PendingPayment,
    /// The payment was collected.
    Paid,
    /// No payment was collected, and the stock was given back.
    Failed,
}

impl OrderStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::PendingPayment, Self::Paid, Self::Failed];

    /// As the database and JSON have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "PENDING_PAYMENT",
            Self::Paid => "PAID",
            Self::Failed => "FAILED",
        }
    }

    /// Reads what [`OrderStatus::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether an order may go from this state to that one. Final states absorb.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::PendingPayment => matches!(next, Self::Paid | Self::Failed),
            Self::Paid | Self::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pending_order_changes_and_only_into_a_final_state() {
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                let legal =
                    from == OrderStatus::PendingPayment && to != OrderStatus::PendingPayment;
                assert_eq!(from.may_become(to), legal, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn the_database_and_json_spell_a_status_alike() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(OrderStatus::parse("paid"), None);
    }
}
