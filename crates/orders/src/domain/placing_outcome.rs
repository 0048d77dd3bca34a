//! The outcomes of requests to place an order, and their counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// The outcome of a request to place an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacingOutcome {
    /// Placed and paid.
    Paid,
    /// Placed, with an unknown payment outcome.
    Pending,
    /// The payment was declined.
    Declined,
    /// The payment was interrupted, and nothing was charged.
    Voided,
    /// The key stands for a settled order, whose answer was replayed.
    Replayed,
    /// The key stands for an order that is being processed.
    InProgress,
    /// The key belongs to another request.
    KeyReused,
    /// No single warehouse can fill the order.
    NoWarehouse,
    /// There was enough stock, but other orders took it first each time.
    OutOfStock,
    /// It can't be priced: a product is unknown or not sold, or the total is too large.
    NotSold,
    /// The address has no coordinates.
    AddressNotFound,
    /// The customer or the tenant has too many unpaid orders, or too many units in them.
    TooManyUnpaid,
    /// Too many payments of the customer or the credential were declined.
    TooManyDeclines,
    /// The tenant has looked up too many addresses.
    TooManyLookUps,
    /// Too many orders were waiting.
    Overloaded,
    /// The payment gateway was not available.
    GatewayUnavailable,
    /// The payment gateway rejected the payment, or this installation, permanently.
    GatewayRefused,
    /// The database or the geocoder was not available.
    Unavailable,
    /// The database's answer was lost.
    OutcomeUnknown,
    /// A defect.
    Defect,
}

impl PlacingOutcome {
    /// All outcomes.
    pub const ALL: [Self; 20] = [
        Self::Paid,
        Self::Pending,
        Self::Declined,
        Self::Voided,
        Self::Replayed,
        Self::InProgress,
        Self::KeyReused,
        Self::NoWarehouse,
        Self::OutOfStock,
        Self::NotSold,
        Self::AddressNotFound,
        Self::TooManyUnpaid,
        Self::TooManyDeclines,
        Self::TooManyLookUps,
        Self::Overloaded,
        Self::GatewayUnavailable,
        Self::GatewayRefused,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Defect,
    ];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Pending => "pending",
            Self::Declined => "declined",
            Self::Voided => "voided",
            Self::Replayed => "replayed",
            Self::InProgress => "in_progress",
            Self::KeyReused => "key_reused",
            Self::NoWarehouse => "no_warehouse",
            Self::OutOfStock => "out_of_stock",
            Self::NotSold => "not_sold",
            Self::AddressNotFound => "address_not_found",
            Self::TooManyUnpaid => "too_many_unpaid",
            Self::TooManyDeclines => "too_many_declines",
            Self::TooManyLookUps => "too_many_look_ups",
            Self::Overloaded => "overloaded",
            Self::GatewayUnavailable => "gateway_unavailable",
            Self::GatewayRefused => "gateway_refused",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Defect => "defect",
        }
    }
}

/// One counter for each outcome.
#[derive(Default)]
pub(crate) struct PlacingOutcomes([AtomicU64; PlacingOutcome::ALL.len()]);

impl PlacingOutcomes {
    pub(crate) fn count(&self, outcome: PlacingOutcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counted(&self, outcome: PlacingOutcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_own_counter() {
        for (index, outcome) in PlacingOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}
