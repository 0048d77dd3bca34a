//! Reservations that move to another warehouse, and what that does to the stock of the one that they leave.

use std::collections::{BTreeMap, BTreeSet};

use oms_validation::{ProductId, WarehouseId};

use crate::domain::allocation::LevelKey;
use crate::domain::demand::Demand;
use crate::domain::holding::HeldUnits;
use crate::domain::id::HolderId;
use crate::domain::stock_change::{PlannedMovement, Shortfall};
use crate::domain::stock_level::{LevelChange, LevelCounts};
use crate::domain::stock_movement::MovementKind;

/// The changes of levels.
type Changes = BTreeMap<LevelKey, LevelChange>;

/// What is true of the units that leave a warehouse only on paper: a warehouse may reject an order because it can't
/// find them, or because they are damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum SourceStock {
    /// They are there, and for sale.
    #[default]
    Keep,
    /// They are gone.
    WriteOff,
    /// They are gone, and so are all units of the product that no other holder has.
    WriteOffAll,
    /// They are there, and not for sale.
    Quarantine,
    /// The warehouse has counted this many units of the product, 0 to 1,000,000,000, those of others included.
    Count(i32),
}

/// Reserved units that move from one warehouse to another.
#[derive(Clone, Copy, Debug)]
pub struct ReservationMove<'a> {
    /// The holder of the units.
    pub holder: HolderId,
    /// The warehouse that they leave.
    pub from: WarehouseId,
    /// The warehouse that they go to, another one.
    pub to: WarehouseId,
    /// The products and quantities.
    pub units: &'a Demand,
    /// What is true of the units at the warehouse that they leave; of products that are missing here, `Keep`.
    pub source: &'a BTreeMap<ProductId, SourceStock>,
}

/// A product of which a warehouse has fewer available units than were to move there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The product.
    pub product_id: ProductId,
    /// Units that are available there.
    pub available: i32,
    /// Units that were to move there.
    pub wanted: i32,
}

impl<'a> ReservationMove<'a> {
    /// The units where they are reserved now.
    pub(crate) fn leaving(&self) -> HeldUnits<'a> {
        HeldUnits {
            holder: self.holder,
            warehouse_id: self.from,
            units: self.units,
        }
    }

    /// The units where they will be reserved.
    pub(crate) fn arriving(&self) -> HeldUnits<'a> {
        HeldUnits {
            warehouse_id: self.to,
            ..self.leaving()
        }
    }

    /// The stock levels of both warehouses, in the order in which they must be locked.
    pub(crate) fn levels(&self) -> BTreeSet<LevelKey> {
        let mut levels = self.leaving().levels();
        levels.append(&mut self.arriving().levels());
        levels
    }

    /// Checks that the units are available at their destination, against its locked levels. An inactive warehouse has
    /// none.
    pub(crate) fn check_available(
        &self,
        available: &BTreeMap<LevelKey, i32>,
        is_active: bool,
    ) -> Result<(), Vec<Unavailable>> {
        let left = |level| match is_active {
            true => available.get(&level).map_or(0, |left| (*left).max(0)),
            false => 0,
        };
        let short: Vec<Unavailable> = self
            .arriving()
            .iter()
            .map(|(level, wanted)| Unavailable {
                product_id: level.1,
                available: left(level),
                wanted,
            })
            .filter(|it| it.available < it.wanted)
            .collect();
        match short.is_empty() {
            true => Ok(()),
            false => Err(short),
        }
    }

    /// The changes of both warehouses' levels, and the movements at the one that the units leave, against its locked
    /// levels. A count that leaves fewer units than others hold, or than are in quarantine, is refused.
    pub(crate) fn plan(
        &self,
        counts: &BTreeMap<LevelKey, LevelCounts>,
    ) -> Result<(Changes, Vec<PlannedMovement>), Vec<Shortfall>> {
        let mut changes = self.arriving().changes(LevelChange {
            reserved: 1,
            ..LevelChange::default()
        });
        let (mut movements, mut shortfalls) = (Vec::new(), Vec::new());
        for (level, quantity) in self.leaving().iter() {
            let counts = counts.get(&level).copied().unwrap_or_default();
            let source = self.source.get(&level.1).copied().unwrap_or_default();
            let movement = source.movement(level, quantity, counts);
            let after = LevelCounts {
                reserved: counts.reserved - quantity,
                ..counts
            };
            let (moved, quarantined) =
                movement.map_or((0, 0), |movement| (movement.quantity, movement.quarantined));
            if after.removable() + moved - quarantined < 0 {
                shortfalls.push(Shortfall {
                    warehouse_id: level.0,
                    product_id: level.1,
                    removable: after.removable(),
                    wanted: -moved,
                });
            }
            let change = LevelChange {
                on_hand: moved,
                reserved: -quantity,
                quarantined,
            };
            changes.insert(level, change);
            movements.extend(movement);
        }
        match shortfalls.is_empty() {
            true => Ok((changes, movements)),
            false => Err(shortfalls),
        }
    }
}

impl SourceStock {
    fn movement(
        self,
        level: LevelKey,
        quantity: i32,
        counts: LevelCounts,
    ) -> Option<PlannedMovement> {
        let (kind, moved, quarantined) = match self {
            Self::Keep => return None,
            Self::WriteOff => (MovementKind::WriteOff, -quantity, 0),
            Self::WriteOffAll => {
                let left = counts.removable() + quantity;
                (MovementKind::WriteOff, -left, 0)
            }
            Self::Quarantine => (MovementKind::Quarantine, 0, quantity),
            Self::Count(counted) => match counted - counts.on_hand {
                0 => return None,
                difference => (MovementKind::Adjustment, difference, 0),
            },
        };
        Some(PlannedMovement {
            level,
            kind,
            quantity: moved,
            quarantined,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ON_HAND: i32 = 10;

    fn product() -> ProductId {
        Uuid::from_u128(1).into()
    }

    /// Moves 3 of the 7 reserved units of a level with 10 units, 2 of which are in quarantine.
    fn planned(source: SourceStock) -> Result<(LevelChange, Option<PlannedMovement>), Shortfall> {
        let units = Demand::from_lines([(product(), 3)]).unwrap();
        let moved = ReservationMove {
            holder: HolderId::generate(),
            from: WarehouseId::generate(),
            to: WarehouseId::generate(),
            units: &units,
            source: &BTreeMap::from([(product(), source)]),
        };
        let counts = LevelCounts {
            on_hand: ON_HAND,
            reserved: 7,
            quarantined: 2,
            ..LevelCounts::default()
        };
        let plan = moved.plan(&BTreeMap::from([((moved.from, product()), counts)]));
        let (changes, movements) = plan.map_err(|shortfalls| shortfalls[0])?;
        let arrived = LevelChange {
            reserved: 3,
            ..LevelChange::default()
        };
        assert_eq!(changes[&(moved.to, product())], arrived);
        Ok((
            changes[&(moved.from, product())],
            movements.first().copied(),
        ))
    }

    #[test]
    fn the_source_keeps_writes_off_sets_aside_or_counts_its_stock() {
        let expected = [
            (SourceStock::Keep, 0, 0, None),
            (SourceStock::WriteOff, -3, 0, Some(MovementKind::WriteOff)),
            (
                SourceStock::WriteOffAll,
                -4,
                0,
                Some(MovementKind::WriteOff),
            ),
            (
                SourceStock::Quarantine,
                0,
                3,
                Some(MovementKind::Quarantine),
            ),
            (SourceStock::Count(10), 0, 0, None),
            (SourceStock::Count(6), -4, 0, Some(MovementKind::Adjustment)),
            (SourceStock::Count(12), 2, 0, Some(MovementKind::Adjustment)),
        ];
        for (source, on_hand, quarantined, kind) in expected {
            let (change, movement) = planned(source).unwrap();
            let expected = LevelChange {
                on_hand,
                reserved: -3,
                quarantined,
            };
            assert_eq!(change, expected, "{source:?}");
            assert_eq!(movement.map(|it| it.kind), kind, "{source:?}");
            let moved = movement.map_or((0, 0), |it| (it.quantity, it.quarantined));
            assert_eq!(moved, (on_hand, quarantined), "{source:?}");
        }
    }

    #[test]
    fn a_count_can_not_take_what_others_hold_or_what_is_in_quarantine() {
        let shortfall = planned(SourceStock::Count(5)).unwrap_err();
        assert_eq!((shortfall.removable, shortfall.wanted), (4, 5));
    }
}
