//! Lines of fulfilment orders, and what is left of them to send.

use std::collections::BTreeMap;

use oms_validation::ProductId;

use crate::domain::refusal::Refusal;

/// A line of a fulfilment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the order.
    pub number: i32,
    /// The product.
    pub product_id: ProductId,
    /// Units that the warehouse was to send.
    pub quantity: i32,
    /// Units that left.
    pub shipped: i32,
    /// Units in parcels that have not left.
    pub packed: i32,
    /// Units that are about to be cancelled, and must not be sent.
    pub frozen: i32,
    /// Units that were cancelled.
    pub cancelled: i32,
}

impl Line {
    /// Units that are neither sent nor cancelled: those that the order still holds in the warehouse.
    pub const fn outstanding(&self) -> i32 {
        self.quantity - self.shipped - self.cancelled
    }

    /// Units that may be packed or shipped now: outstanding, and neither packed nor about to be cancelled.
    pub const fn ready(&self) -> i32 {
        self.outstanding() - self.packed - self.frozen
    }
}

/// Units of some lines, by the lines' numbers. Each quantity is at least 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Units(BTreeMap<i32, i32>);

/// The error for units that violate the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUnits {
    /// There are none, or too many.
    #[error("must have 1 to {MAX_UNITS_LINES} entries")]
    Count,
    /// The quantity at this index is out of range.
    #[error("must be between 1 and {MAX_UNITS}")]
    Quantity(usize),
    /// The line at this index is a duplicate.
    #[error("must not be listed twice")]
    Twice(usize),
}

/// Maximum number of lines of one shipment: as many as an order may have.
pub(crate) const MAX_UNITS_LINES: usize = 100;

/// Maximum units of a line: as many as an order may have.
pub(crate) const MAX_UNITS: i32 = 1_000_000;

impl Units {
    /// Checks pairs of a line's number and a quantity.
    ///
    /// # Errors
    /// When there are none or too many, a line is listed twice, or a quantity is out of range.
    pub fn new(pairs: &[(i32, i64)]) -> Result<Self, InvalidUnits> {
        if !(1..=MAX_UNITS_LINES).contains(&pairs.len()) {
            return Err(InvalidUnits::Count);
        }
        let mut units = BTreeMap::new();
        for (place, (line, quantity)) in pairs.iter().enumerate() {
            let quantity = i32::try_from(*quantity).unwrap_or_default();
            if !(1..=MAX_UNITS).contains(&quantity) {
                return Err(InvalidUnits::Quantity(place));
            }
            if units.insert(*line, quantity).is_some() {
                return Err(InvalidUnits::Twice(place));
            }
        }
        Ok(Self(units))
    }

    /// Everything of these lines that may be sent now. Empty if there is nothing.
    pub fn ready_of(lines: &[Line]) -> Self {
        Self::above_zero(lines.iter().map(|line| (line.number, line.ready())))
    }

    /// The quantities above zero, by line number.
    pub(crate) fn above_zero(quantities: impl Iterator<Item = (i32, i32)>) -> Self {
        Self(quantities.filter(|(_, quantity)| *quantity > 0).collect())
    }

    /// The lines' numbers and quantities.
    pub fn iter(&self) -> impl Iterator<Item = (i32, i32)> + '_ {
        self.0.iter().map(|(line, quantity)| (*line, *quantity))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The units of a line.
    pub fn of(&self, line: i32) -> i32 {
        self.0.get(&line).copied().unwrap_or_default()
    }

    /// The units of each product. A product may be in several lines.
    pub fn by_product(&self, lines: &[Line]) -> BTreeMap<ProductId, i32> {
        let mut products = BTreeMap::new();
        for line in lines.iter().filter(|line| self.of(line.number) > 0) {
            *products.entry(line.product_id).or_default() += self.of(line.number);
        }
        products
    }

    /// Checks that the lines exist and have as many units that may be sent now.
    pub(crate) fn check_ready(&self, lines: &[Line]) -> Result<(), Refusal> {
        for (number, wanted) in self.iter() {
            let line = lines.iter().find(|line| line.number == number);
            let ready = line.ok_or(Refusal::UnknownLine { line: number })?.ready();
            if wanted > ready {
                return Err(Refusal::MoreThanOutstanding {
                    line: number,
                    wanted,
                    ready,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn line(number: i32, quantity: i32) -> Line {
        Line {
            number,
            product_id: Uuid::from_u128(number.unsigned_abs().into()).into(),
            quantity,
            shipped: 0,
            packed: 0,
            frozen: 0,
            cancelled: 0,
        }
    }

    #[test]
    fn units_are_few_distinct_and_within_limits() {
        let of = |pairs: &[(i32, i64)]| Units::new(pairs).err();
        assert_eq!(of(&[(1, 1), (2, 1_000_000)]), None);
        assert_eq!(of(&[]), Some(InvalidUnits::Count));
        let many: Vec<(i32, i64)> = (1..=101).map(|line| (line, 1)).collect();
        assert_eq!(of(&many), Some(InvalidUnits::Count));
        assert_eq!(of(&many[..100]), None);
        for wrong in [0, -1, 1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(
                of(&[(1, wrong)]),
                Some(InvalidUnits::Quantity(0)),
                "{wrong}"
            );
        }
        assert_eq!(of(&[(1, 1), (1, 1)]), Some(InvalidUnits::Twice(1)));
    }

    #[test]
    fn units_must_be_outstanding_and_neither_packed_nor_frozen() {
        let lines = [
            Line {
                shipped: 1,
                packed: 1,
                frozen: 1,
                cancelled: 1,
                ..line(1, 10)
            },
            line(2, 1),
        ];
        let check = |pairs: &[(i32, i64)]| Units::new(pairs).unwrap().check_ready(&lines);
        assert_eq!((lines[0].outstanding(), lines[0].ready()), (8, 6));
        assert_eq!(check(&[(1, 6), (2, 1)]), Ok(()));
        let refused = Refusal::MoreThanOutstanding {
            line: 1,
            wanted: 7,
            ready: 6,
        };
        assert_eq!(check(&[(1, 7)]), Err(refused));
        assert_eq!(check(&[(3, 1)]), Err(Refusal::UnknownLine { line: 3 }));
        assert_eq!(
            Units::ready_of(&lines),
            Units::new(&[(1, 6), (2, 1)]).unwrap()
        );
    }

    #[test]
    fn units_of_lines_with_the_same_product_are_added() {
        let product_id = Uuid::from_u128(7).into();
        let lines = [1, 2].map(|number| Line {
            product_id,
            ..line(number, 5)
        });
        let units = Units::new(&[(1, 2), (2, 3)]).unwrap();
        assert_eq!(units.by_product(&lines), BTreeMap::from([(product_id, 5)]));
    }
}
