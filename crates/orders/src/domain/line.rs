//! The lines of an order.

use oms_validation::{Money, MoneyError, ProductId};

/// A requested line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedLine {
    /// The product.
    pub product_id: ProductId,
    /// Number of units.
    pub quantity: i32,
}

/// A line with its unit price at the time when the order was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Number of units.
    pub quantity: i32,
    /// Price of one unit.
    pub unit_price: Money,
    /// The line's share of the order's total: the price of its units, its own adjustments, and its part of those of the
    /// whole order.
    pub payable: Money,
}

impl OrderLine {
    /// The price of the whole line.
    ///
    /// # Errors
    /// If it overflows.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.unit_price.checked_mul(self.quantity)
    }
}
