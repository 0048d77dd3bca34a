//! The lines of an order and their total.

use oms_validation::{Currency, Money, MoneyError, ProductId};

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

/// The sum of the lines.
///
/// # Errors
/// If it overflows, or the currencies differ.
pub(crate) fn total(currency: Currency, lines: &[OrderLine]) -> Result<Money, MoneyError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        sum.checked_add(line.total()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn line(quantity: i32, amount_minor: i64) -> OrderLine {
        let product_id = Uuid::from_u128(1).into();
        OrderLine {
            product_id,
            quantity,
            unit_price: Money {
                amount_minor,
                currency: usd(),
            },
        }
    }

    #[test]
    fn a_total_that_overflows_is_refused() {
        assert_eq!(
            total(usd(), &[line(2, i64::MAX)]),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            total(usd(), &[line(1, i64::MAX), line(1, 1)]),
            Err(MoneyError::Overflow)
        );
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_quantity_times_unit_price(
            lines in prop::collection::vec((1..1_000_000_i32, 1..1_000_000_000_i64), 1..100),
        ) {
            let order: Vec<OrderLine> = lines.iter().map(|(q, price)| line(*q, *price)).collect();
            let expected: i128 = lines.iter().map(|(q, price)| i128::from(*q) * i128::from(*price)).sum();
            prop_assert_eq!(i128::from(total(usd(), &order).unwrap().amount_minor), expected);
        }
    }
}
