//! Credits: what a customer need not pay or gets back, by part of the order.

use chrono::{DateTime, Utc};
use oms_fulfilment::ReturnId;
use oms_payments::RefundId;
use oms_validation::newer_word;

use crate::domain::id::CreditId;

/// A credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Its ID.
    pub id: CreditId,
    /// What it is for.
    pub part: CreditPart,
    /// In minor units of the order's currency. Negative for a restocking fee.
    pub amount_minor: i64,
    /// The refund that pays it out. If that failed, the credit does not count, unless it is for a return.
    pub refund_id: Option<RefundId>,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
    /// The return whose units it is for.
    pub return_id: Option<ReturnId>,
}

/// The part of an order that a credit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CreditPart {
    /// A line.
    Line {
        /// Its number, which begins with 1.
        number: i32,
        /// The units that it is for; `None` if it is for no unit in particular.
        quantity: Option<i32>,
    },
    /// Shipping.
    Shipping,
    /// Fees and duties of the whole order.
    Fee,
    /// What the customer pays for a return: a negative amount.
    RestockingFee,
    /// No part, or one that only a newer version of the program knows.
    Other(&'static str),
}

impl CreditPart {
    /// No part in particular.
    pub(crate) const UNNAMED: Self = Self::Other("other");

    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line { .. } => "line",
            Self::Shipping => "shipping",
            Self::Fee => "fee",
            Self::RestockingFee => "restocking_fee",
            Self::Other(word) => word,
        }
    }

    /// The number of the line and the units, if it is a line.
    pub const fn line(self) -> (Option<i32>, Option<i32>) {
        match self {
            Self::Line { number, quantity } => (Some(number), quantity),
            Self::Shipping | Self::Fee | Self::RestockingFee | Self::Other(_) => (None, None),
        }
    }

    /// Reads what is stored, also if a newer version of the program wrote it.
    pub(crate) fn stored(text: &str, line: Option<i32>, quantity: Option<i32>) -> Self {
        match (text, line) {
            ("line", Some(number)) => Self::Line { number, quantity },
            ("shipping", _) => Self::Shipping,
            ("fee", _) => Self::Fee,
            ("restocking_fee", _) => Self::RestockingFee,
            (word, _) => Self::Other(newer_word(word)),
        }
    }
}
