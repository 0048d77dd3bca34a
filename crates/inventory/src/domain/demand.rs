//! An order's demand by product.

use std::collections::BTreeMap;

use oms_validation::ProductId;

/// Maximum units of one product in one order.
pub const MAX_QUANTITY: i32 = 1_000_000;

/// The units needed of each product: at least one product, 1 to [`MAX_QUANTITY`] units each, ordered by product ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Demand(BTreeMap<ProductId, i32>);

/// The error for lines that are not a valid demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDemand {
    /// There are no lines.
    #[error("there are no lines")]
    Empty,
    /// A product's quantity, summed over its lines, is out of range.
    #[error("the quantity of a product must be between 1 and {MAX_QUANTITY}")]
    Quantity,
}

impl Demand {
    /// Sums lines by product, because two lines of one product draw on the same stock level.
    ///
    /// # Errors
    /// When there are no lines, or a quantity or a sum is out of range.
    pub fn from_lines(
        lines: impl IntoIterator<Item = (ProductId, i32)>,
    ) -> Result<Self, InvalidDemand> {
        let mut by_product = BTreeMap::new();
        for (product, quantity) in lines {
            let sum: &mut i32 = by_product.entry(product).or_insert(0);
            *sum = sum.checked_add(quantity).ok_or(InvalidDemand::Quantity)?;
            if quantity < 1 || *sum > MAX_QUANTITY {
                return Err(InvalidDemand::Quantity);
            }
        }
        if by_product.is_empty() {
            return Err(InvalidDemand::Empty);
        }
        Ok(Self(by_product))
    }

    /// Products and quantities, ordered by product ID.
    pub fn iter(&self) -> impl Iterator<Item = (ProductId, i32)> + '_ {
        self.0
            .iter()
            .map(|(product, quantity)| (*product, *quantity))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn product(number: u8) -> ProductId {
        Uuid::from_u128(u128::from(number) + 1).into()
    }

    #[test]
    fn missing_lines_and_quantities_out_of_range_are_refused() {
        let one = |quantity| Demand::from_lines([(product(1), quantity)]);
        assert_eq!(Demand::from_lines([]), Err(InvalidDemand::Empty));
        for quantity in [0, -1, MAX_QUANTITY + 1, i32::MAX, i32::MIN] {
            assert_eq!(one(quantity), Err(InvalidDemand::Quantity), "{quantity}");
        }
        assert!(one(MAX_QUANTITY).is_ok());
    }

    proptest! {
        #[test]
        fn lines_of_one_product_are_summed(lines in prop::collection::vec((0_u8..5, 1..100_i32), 1..50)) {
            let demand = Demand::from_lines(lines.iter().map(|(p, q)| (product(*p), *q))).unwrap();
            for (id, quantity) in demand.iter() {
                let sum: i32 = lines.iter().filter(|(p, _)| product(*p) == id).map(|(_, q)| q).sum();
                prop_assert_eq!(quantity, sum);
            }
            let units: i32 = demand.iter().map(|(_, quantity)| quantity).sum();
            prop_assert_eq!(units, lines.iter().map(|(_, q)| q).sum::<i32>());
        }
    }
}
