//! The units that holders have reserved, and the parts of them that they give up.

use std::collections::{BTreeMap, BTreeSet};

use oms_validation::{ProductId, WarehouseId};
use uuid::Uuid;

use crate::domain::allocation::LevelKey;
use crate::domain::demand::Demand;
use crate::domain::id::HolderId;
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_level::LevelChange;
use crate::domain::stock_movement::MovementKind;

/// Units of a holder in one warehouse.
#[derive(Clone, Copy, Debug)]
pub struct HeldUnits<'a> {
    /// The holder.
    pub holder: HolderId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The products and quantities.
    pub units: &'a Demand,
}

/// A reservation: the units of one stock level that a holder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The holder.
    pub holder: HolderId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The product.
    pub product_id: ProductId,
    /// Units, above zero.
    pub quantity: i32,
}

/// A product of which a holder has reserved fewer units than it was to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreserved {
    /// The product.
    pub product_id: ProductId,
    /// Units that the holder has reserved in the warehouse.
    pub reserved: i32,
    /// Units that it was to give up.
    pub wanted: i32,
}

impl HeldUnits<'_> {
    /// The stock levels of the units, in the order in which they must be locked.
    pub(crate) fn levels(&self) -> BTreeSet<LevelKey> {
        self.iter().map(|(level, _)| level).collect()
    }

    /// The products and quantities as parallel arrays.
    pub(crate) fn columns(&self) -> (Vec<Uuid>, Vec<i32>) {
        self.iter()
            .map(|((_, product), quantity)| (product.as_uuid(), quantity))
            .unzip()
    }

    /// The changes of the levels, where `each` is the change of one unit.
    pub(crate) fn changes(&self, each: LevelChange) -> BTreeMap<LevelKey, LevelChange> {
        let times = |quantity: i32| LevelChange {
            on_hand: each.on_hand * quantity,
            reserved: each.reserved * quantity,
            quarantined: each.quarantined * quantity,
        };
        self.iter()
            .map(|(level, quantity)| (level, times(quantity)))
            .collect()
    }

    /// The movements of the units into the warehouse, or out of it if `sign` is -1.
    pub(crate) fn movements(&self, kind: MovementKind, sign: i32) -> Vec<PlannedMovement> {
        let movement = |(level, quantity)| PlannedMovement {
            level,
            kind,
            quantity: sign * quantity,
            quarantined: 0,
        };
        self.iter().map(movement).collect()
    }

    /// Checks that the holder has reserved at least these units, against its current reservations.
    pub(crate) fn check_reserved(
        &self,
        reservations: &[Reservation],
    ) -> Result<(), Vec<Unreserved>> {
        let reserved = |level: LevelKey| {
            let of_level = reservations
                .iter()
                .find(|it| it.holder == self.holder && (it.warehouse_id, it.product_id) == level);
            of_level.map_or(0, |reservation| reservation.quantity)
        };
        let missing: Vec<Unreserved> = self
            .iter()
            .map(|(level, wanted)| Unreserved {
                product_id: level.1,
                reserved: reserved(level),
                wanted,
            })
            .filter(|it| it.reserved < it.wanted)
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(missing),
        }
    }

    /// The stock levels and quantities.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LevelKey, i32)> + '_ {
        let units = self.units.iter();
        units.map(|(product, quantity)| ((self.warehouse_id, product), quantity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(number: u128) -> ProductId {
        Uuid::from_u128(number).into()
    }

    #[test]
    fn only_the_holder_s_reservations_in_the_warehouse_count() {
        let (holder, warehouse_id) = (HolderId::generate(), WarehouseId::generate());
        let reservation = |quantity, product_id| Reservation {
            holder,
            warehouse_id,
            product_id,
            quantity,
        };
        let reservations = [
            reservation(2, product(1)),
            reservation(3, product(2)),
            Reservation {
                holder: HolderId::generate(),
                ..reservation(9, product(2))
            },
            Reservation {
                warehouse_id: WarehouseId::generate(),
                ..reservation(9, product(2))
            },
        ];
        let check = |units: &[(ProductId, i32)]| {
            let units = Demand::from_lines(units.iter().copied()).unwrap();
            let held = HeldUnits {
                holder,
                warehouse_id,
                units: &units,
            };
            held.check_reserved(&reservations)
        };
        assert_eq!(check(&[(product(1), 2), (product(2), 1)]), Ok(()));
        let missing = |product_id, reserved, wanted| Unreserved {
            product_id,
            reserved,
            wanted,
        };
        assert_eq!(
            check(&[(product(1), 1), (product(2), 4), (product(3), 1)]),
            Err(vec![missing(product(2), 3, 4), missing(product(3), 0, 1)])
        );
    }
}
