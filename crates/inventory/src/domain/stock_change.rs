//! Changes of stock by operators, their movements, and the checks of these movements.

use std::collections::{BTreeMap, BTreeSet};

use oms_validation::{ProductId, WarehouseId};
use serde::Serialize;

use crate::domain::allocation::LevelKey;
use crate::domain::demand::MAX_QUANTITY;
use crate::domain::stock_level::{LevelCounts, MAX_ON_HAND};
use crate::domain::stock_movement::MovementKind;

/// Maximum lines of one change.
pub(crate) const MAX_CHANGE_LINES: usize = 100;

/// A change that is made completely or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum StockChange {
    /// Units arrive from a supplier.
    Receive {
        /// The warehouse that receives them.
        warehouse_id: WarehouseId,
        /// Units of each product, above zero.
        lines: Lines,
    },
    /// Units were recounted, found or lost.
    Adjust {
        /// The warehouse.
        warehouse_id: WarehouseId,
        /// The difference for each product, positive or negative.
        lines: Lines,
    },
    /// Units move from one warehouse to another.
    Transfer {
        /// The source warehouse.
        from: WarehouseId,
        /// The destination warehouse.
        to: WarehouseId,
        /// Units of each product, above zero.
        lines: Lines,
    },
    /// Units are set aside and no longer for sale.
    Quarantine {
        /// The warehouse.
        warehouse_id: WarehouseId,
        /// Units of each product, above zero.
        lines: Lines,
    },
    /// Units that were set aside are for sale again.
    ReleaseQuarantine {
        /// The warehouse.
        warehouse_id: WarehouseId,
        /// Units of each product, above zero.
        lines: Lines,
    },
    /// Units that were set aside leave the stock.
    WriteOffQuarantine {
        /// The warehouse.
        warehouse_id: WarehouseId,
        /// Units of each product, above zero.
        lines: Lines,
    },
}

/// A movement that a change will make on one stock level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedMovement {
    pub(crate) level: LevelKey,
    pub(crate) kind: MovementKind,
    /// Units that enter the warehouse.
    pub(crate) quantity: i32,
    /// Units that enter quarantine.
    pub(crate) quarantined: i32,
}

/// A level with fewer removable units than a change would remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The product.
    pub product_id: ProductId,
    /// Units that no order holds and that are not in quarantine.
    pub removable: i32,
    /// Units that the change would remove.
    pub wanted: i32,
}

/// The reason that a change can't be made to the current stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefusedChange {
    /// The tenant has no such warehouse.
    UnknownWarehouse(WarehouseId),
    /// The tenant has no such products.
    UnknownProducts(Vec<ProductId>),
    /// These levels have too few units that no order holds and that are not in quarantine.
    Insufficient(Vec<Shortfall>),
    /// These levels have too few units in quarantine, which `removable` is here.
    InsufficientQuarantine(Vec<Shortfall>),
    /// The levels of these products would exceed [`MAX_ON_HAND`].
    TooMuch(Vec<ProductId>),
}

impl StockChange {
    /// Its movements, at most one per level.
    pub(crate) fn movements(&self) -> Vec<PlannedMovement> {
        use MovementKind::{Adjustment, Receipt, TransferIn, TransferOut};
        match self {
            Self::Receive {
                warehouse_id,
                lines,
            } => moved(*warehouse_id, lines, Receipt, (1, 0)).collect(),
            Self::Adjust {
                warehouse_id,
                lines,
            } => moved(*warehouse_id, lines, Adjustment, (1, 0)).collect(),
            Self::Transfer { from, to, lines } => moved(*from, lines, TransferOut, (-1, 0))
                .chain(moved(*to, lines, TransferIn, (1, 0)))
                .collect(),
            Self::Quarantine {
                warehouse_id,
                lines,
            } => moved(*warehouse_id, lines, MovementKind::Quarantine, (0, 1)).collect(),
            Self::ReleaseQuarantine {
                warehouse_id,
                lines,
            } => moved(
                *warehouse_id,
                lines,
                MovementKind::QuarantineRelease,
                (0, -1),
            )
            .collect(),
            Self::WriteOffQuarantine {
                warehouse_id,
                lines,
            } => moved(*warehouse_id, lines, MovementKind::WriteOff, (-1, -1)).collect(),
        }
    }
}

/// The movements of lines, each unit of which enters the warehouse and its quarantine by the given signs.
fn moved(
    warehouse_id: WarehouseId,
    lines: &Lines,
    kind: MovementKind,
    (sign, quarantine_sign): (i32, i32),
) -> impl Iterator<Item = PlannedMovement> + '_ {
    lines
        .0
        .iter()
        .map(move |(product_id, quantity)| PlannedMovement {
            level: (warehouse_id, *product_id),
            kind,
            quantity: sign * quantity,
            quarantined: quarantine_sign * quantity,
        })
}

/// Checks movements against their locked levels. A missing level has no units.
pub(crate) fn check(
    levels: &BTreeMap<LevelKey, LevelCounts>,
    movements: &[PlannedMovement],
) -> Result<(), RefusedChange> {
    let counts = |level| levels.get(&level).copied().unwrap_or_default();
    let short = |left: fn(LevelCounts) -> i32, taken: fn(&PlannedMovement) -> i32| {
        let shortfall = |movement: &PlannedMovement| Shortfall {
            warehouse_id: movement.level.0,
            product_id: movement.level.1,
            removable: left(counts(movement.level)),
            wanted: taken(movement),
        };
        let shortfalls = movements.iter().map(shortfall);
        let shortfalls: Vec<_> = shortfalls.filter(|it| it.removable < it.wanted).collect();
        (!shortfalls.is_empty()).then_some(shortfalls)
    };
    if let Some(short) = short(LevelCounts::removable, |it| it.quarantined - it.quantity) {
        return Err(RefusedChange::Insufficient(short));
    }
    if let Some(short) = short(|it| it.quarantined, |it| -it.quarantined) {
        return Err(RefusedChange::InsufficientQuarantine(short));
    }
    let is_too_much = |movement: &&PlannedMovement| {
        movement.quantity > 0 && counts(movement.level).on_hand > MAX_ON_HAND - movement.quantity
    };
    let too_much: Vec<_> = movements.iter().filter(is_too_much).collect();
    match too_much.is_empty() {
        true => Ok(()),
        false => Err(RefusedChange::TooMuch(
            too_much.iter().map(|movement| movement.level.1).collect(),
        )),
    }
}

/// Quantities by product: 1 to 100 distinct products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lines(BTreeMap<ProductId, i32>);

/// The signs that quantities may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// 1 to [`MAX_QUANTITY`].
    Up,
    /// 1 to [`MAX_QUANTITY`], positive or negative.
    UpOrDown,
}

/// The error for lines that violate the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLines {
    /// There are none, or too many.
    #[error("must have 1 to {MAX_CHANGE_LINES} entries")]
    Count,
    /// The quantity at this index is out of range.
    #[error("must be between 1 and {MAX_QUANTITY}")]
    Up(usize),
    /// The quantity at this index is out of range.
    #[error("must be between -{MAX_QUANTITY} and {MAX_QUANTITY}, and not 0")]
    UpOrDown(usize),
    /// The product at this index is a duplicate.
    #[error("must not be listed twice")]
    Twice(usize),
}

impl Lines {
    /// Checks lines.
    ///
    /// # Errors
    /// When there are no or too many lines, a product is listed twice, or a quantity is out of range.
    pub fn new(lines: &[(ProductId, i64)], direction: Direction) -> Result<Self, InvalidLines> {
        if !(1..=MAX_CHANGE_LINES).contains(&lines.len()) {
            return Err(InvalidLines::Count);
        }
        let mut by_product = BTreeMap::new();
        for (place, (product, quantity)) in lines.iter().enumerate() {
            let quantity = i32::try_from(*quantity).unwrap_or(i32::MAX);
            let is_valid = match direction {
                Direction::Up => (1..=MAX_QUANTITY).contains(&quantity),
                Direction::UpOrDown => {
                    quantity != 0 && (-MAX_QUANTITY..=MAX_QUANTITY).contains(&quantity)
                }
            };
            match direction {
                _ if is_valid => {}
                Direction::Up => return Err(InvalidLines::Up(place)),
                Direction::UpOrDown => return Err(InvalidLines::UpOrDown(place)),
            }
            if by_product.insert(*product, quantity).is_some() {
                return Err(InvalidLines::Twice(place));
            }
        }
        Ok(Self(by_product))
    }
}

/// The levels of movements, in the order in which they must be locked.
pub(crate) fn levels_of(movements: &[PlannedMovement]) -> BTreeSet<LevelKey> {
    movements.iter().map(|movement| movement.level).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn product(number: u128) -> ProductId {
        Uuid::from_u128(number).into()
    }

    fn warehouse(number: u128) -> WarehouseId {
        Uuid::from_u128(number).into()
    }

    fn one(quantity: i64) -> Lines {
        Lines::new(&[(product(1), quantity)], Direction::UpOrDown).unwrap()
    }

    #[test]
    fn a_transfer_removes_from_one_warehouse_what_it_adds_to_the_other() {
        let (from, to) = (warehouse(1), warehouse(2));
        let lines = Lines::new(&[(product(1), 2), (product(2), 3)], Direction::Up).unwrap();
        let movements = StockChange::Transfer { from, to, lines }.movements();
        assert_eq!(movements.iter().map(|m| m.quantity).sum::<i32>(), 0);
        assert_eq!(levels_of(&movements).len(), 4);
        let of = |level: LevelKey| {
            movements
                .iter()
                .find(|m| m.level == level)
                .unwrap()
                .quantity
        };
        assert_eq!((of((from, product(2))), of((to, product(2)))), (-3, 3));
    }

    #[test]
    fn reserved_units_can_not_be_removed_but_safety_stock_can() {
        let level = (warehouse(1), product(1));
        let counts = LevelCounts {
            on_hand: 10,
            reserved: 4,
            safety_stock: 6,
            ..LevelCounts::default()
        };
        let levels = BTreeMap::from([(level, counts)]);
        let adjust = |quantity| StockChange::Adjust {
            warehouse_id: warehouse(1),
            lines: one(quantity),
        };
        assert_eq!(check(&levels, &adjust(-6).movements()), Ok(()));
        let refused = check(&levels, &adjust(-7).movements());
        let shortfall = Shortfall {
            warehouse_id: warehouse(1),
            product_id: product(1),
            removable: 6,
            wanted: 7,
        };
        assert_eq!(refused, Err(RefusedChange::Insufficient(vec![shortfall])));
        let nowhere = check(&BTreeMap::new(), &adjust(-1).movements());
        assert!(matches!(nowhere, Err(RefusedChange::Insufficient(_))));
    }

    #[test]
    fn only_free_units_enter_quarantine_and_only_quarantined_ones_leave_it() {
        let level = (warehouse(1), product(1));
        let counts = LevelCounts {
            on_hand: 10,
            reserved: 4,
            quarantined: 1,
            ..LevelCounts::default()
        };
        let levels = BTreeMap::from([(level, counts)]);
        let (warehouse_id, free, set_aside) = (warehouse(1), 5, 1);
        let shortfall = |removable, wanted| {
            vec![Shortfall {
                warehouse_id,
                product_id: product(1),
                removable,
                wanted,
            }]
        };
        let enter = |lines| StockChange::Quarantine {
            warehouse_id,
            lines,
        };
        let release = |lines| StockChange::ReleaseQuarantine {
            warehouse_id,
            lines,
        };
        let write_off = |lines| StockChange::WriteOffQuarantine {
            warehouse_id,
            lines,
        };
        let checked = |change: StockChange| check(&levels, &change.movements());
        assert_eq!(checked(enter(one(free))), Ok(()));
        assert_eq!(checked(release(one(set_aside))), Ok(()));
        assert_eq!(checked(write_off(one(set_aside))), Ok(()));
        assert_eq!(
            checked(enter(one(6))),
            Err(RefusedChange::Insufficient(shortfall(5, 6)))
        );
        for change in [release(one(2)), write_off(one(2))] {
            let refused = RefusedChange::InsufficientQuarantine(shortfall(1, 2));
            assert_eq!(checked(change), Err(refused));
        }
    }

    #[test]
    fn a_level_can_not_exceed_its_limit() {
        let counts = |on_hand| LevelCounts {
            on_hand,
            ..LevelCounts::default()
        };
        let receive = StockChange::Receive {
            warehouse_id: warehouse(1),
            lines: one(1),
        };
        let with = |on_hand| {
            let levels = BTreeMap::from([((warehouse(1), product(1)), counts(on_hand))]);
            check(&levels, &receive.movements())
        };
        assert_eq!(with(MAX_ON_HAND - 1), Ok(()));
        assert_eq!(
            with(MAX_ON_HAND),
            Err(RefusedChange::TooMuch(vec![product(1)]))
        );
    }

    #[test]
    fn lines_must_be_few_distinct_and_within_the_quantity_limits() {
        let max = i64::from(MAX_QUANTITY);
        let up = |quantity| Lines::new(&[(product(1), quantity)], Direction::Up).err();
        let either = |quantity| Lines::new(&[(product(1), quantity)], Direction::UpOrDown).err();
        assert_eq!(
            (up(1), up(max), either(-max), either(max)),
            (None, None, None, None)
        );
        for wrong in [0, -1, max + 1, i64::MAX, i64::MIN] {
            assert_eq!(up(wrong), Some(InvalidLines::Up(0)), "{wrong}");
        }
        for wrong in [0, -max - 1, max + 1, i64::MIN] {
            assert_eq!(either(wrong), Some(InvalidLines::UpOrDown(0)), "{wrong}");
        }
        let twice = [(product(1), 1), (product(1), 1)];
        assert_eq!(
            Lines::new(&twice, Direction::Up),
            Err(InvalidLines::Twice(1))
        );
        let many: Vec<_> = (1..=101).map(|n| (product(n), 1)).collect();
        assert_eq!(Lines::new(&many, Direction::Up), Err(InvalidLines::Count));
        assert_eq!(Lines::new(&[], Direction::Up), Err(InvalidLines::Count));
        assert!(Lines::new(&many[..100], Direction::Up).is_ok());
    }
}
