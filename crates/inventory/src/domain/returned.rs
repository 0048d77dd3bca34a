//! Units that customers sent back, by what was done with them.

use std::collections::BTreeMap;

use oms_validation::{ProductId, WarehouseId};

use crate::domain::demand::MAX_QUANTITY;
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_movement::MovementKind;

/// What was done with the units of a product, each at least 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dispositions {
    /// Units that are for sale again.
    pub restock: i32,
    /// Units that are there, and not for sale until somebody has checked them.
    pub quarantine: i32,
    /// Units that were thrown away. They change no stock.
    pub discard: i32,
    /// Units that did not arrive. They change no stock.
    pub missing: i32,
}

/// The units of a receipt of a return, summed by product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedUnits(BTreeMap<ProductId, Dispositions>);

/// A quantity is below 0, or the sum of a product is not between 1 and [`MAX_QUANTITY`], or there are no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the units of each product must add up to 1 to {MAX_QUANTITY}, and none may be below 0")]
pub struct InvalidReturn;

impl ReturnedUnits {
    /// Sums lines by product, because two lines of one product come back to the same stock level.
    ///
    /// # Errors
    /// When there are no lines, or a quantity or a sum is out of range.
    pub fn from_lines(
        lines: impl IntoIterator<Item = (ProductId, Dispositions)>,
    ) -> Result<Self, InvalidReturn> {
        let mut by_product: BTreeMap<ProductId, Dispositions> = BTreeMap::new();
        for (product, line) in lines {
            let sum = by_product.entry(product).or_default();
            *sum = sum.plus(line).ok_or(InvalidReturn)?;
        }
        match by_product.is_empty() {
            true => Err(InvalidReturn),
            false => Ok(Self(by_product)),
        }
    }

    /// The movements into the warehouse, one for each product of which units are there.
    pub(crate) fn movements(&self, warehouse_id: WarehouseId) -> Vec<PlannedMovement> {
        let movement = |(product, units): (&ProductId, &Dispositions)| PlannedMovement {
            level: (warehouse_id, *product),
            kind: MovementKind::Return,
            quantity: units.restock + units.quarantine,
            quarantined: units.quarantine,
        };
        let movements = self.0.iter().map(movement);
        movements.filter(|movement| movement.quantity > 0).collect()
    }
}

impl Dispositions {
    /// The sum of two lines; `None` if a quantity or the sum is out of range.
    fn plus(self, line: Self) -> Option<Self> {
        let add = |sum: i32, more: i32| (more >= 0).then(|| sum.checked_add(more)).flatten();
        let sum = Self {
            restock: add(self.restock, line.restock)?,
            quarantine: add(self.quarantine, line.quarantine)?,
            discard: add(self.discard, line.discard)?,
            missing: add(self.missing, line.missing)?,
        };
        let all = [sum.restock, sum.quarantine, sum.discard, sum.missing];
        let total: i64 = all.into_iter().map(i64::from).sum();
        (1..=i64::from(MAX_QUANTITY))
            .contains(&total)
            .then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn product(number: u128) -> ProductId {
        Uuid::from_u128(number).into()
    }

    fn units(restock: i32, quarantine: i32, discard: i32, missing: i32) -> Dispositions {
        Dispositions {
            restock,
            quarantine,
            discard,
            missing,
        }
    }

    #[test]
    fn only_units_that_are_there_move_and_lines_of_a_product_move_together() {
        let returned = ReturnedUnits::from_lines([
            (product(1), units(2, 0, 0, 1)),
            (product(2), units(0, 0, 3, 1)),
            (product(1), units(1, 4, 0, 0)),
        ]);
        let warehouse_id = WarehouseId::generate();
        let movements = returned.unwrap().movements(warehouse_id);
        let expected = PlannedMovement {
            level: (warehouse_id, product(1)),
            kind: MovementKind::Return,
            quantity: 7,
            quarantined: 4,
        };
        assert_eq!(movements, [expected]);
    }

    #[test]
    fn nothing_and_quantities_out_of_range_are_refused() {
        let one = |line| ReturnedUnits::from_lines([(product(1), line)]);
        assert_eq!(ReturnedUnits::from_lines([]), Err(InvalidReturn));
        for line in [
            units(0, 0, 0, 0),
            units(-1, 2, 0, 0),
            units(2, -1, 0, 0),
            units(2, 0, -1, 0),
            units(2, 0, 0, -1),
            units(MAX_QUANTITY, 1, 0, 0),
            units(i32::MAX, i32::MAX, i32::MAX, i32::MAX),
        ] {
            assert_eq!(one(line), Err(InvalidReturn), "{line:?}");
        }
        assert!(one(units(MAX_QUANTITY, 0, 0, 0)).is_ok());
        let twice = [(product(1), units(MAX_QUANTITY, 0, 0, 0)); 2];
        assert_eq!(ReturnedUnits::from_lines(twice), Err(InvalidReturn));
    }
}
