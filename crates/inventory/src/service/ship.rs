//! Ships units that holders have reserved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_database::{Connection, DbError, send_in_transaction};
use oms_validation::{ProductId, TenantId, WarehouseId};

use crate::domain::allocation::LevelKey;
use crate::domain::demand::Demand;
use crate::domain::holding::{HeldUnits, Reservation};
use crate::domain::id::HolderId;
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_level::LevelChange;
use crate::domain::stock_movement::{ChangeRecord, MovementKind};
use crate::stock_error::StockError;
use crate::store::{level_counts, reservations, stock_levels, stock_movements};

/// Units to ship, and the record of their movements.
#[derive(Clone, Copy, Debug)]
pub struct ShippedUnits<'a> {
    /// The units.
    pub held: HeldUnits<'a>,
    /// The shipment.
    pub record: ChangeRecord<'a>,
}

/// Ships units of holders: they leave the stock on hand, the reserved stock and the holders' reservations, with one
/// movement for each product of a shipment. Takes two round trips, however many shipments there are. Runs in the
/// caller's transaction, which has locked the holders (orders: their rows).
///
/// # Errors
/// `NotReserved` if a holder has reserved fewer of any product in the warehouse; `AlreadyMade` if a change has shipped
/// one of its products before; or the database's error.
pub async fn ship(
    connection: &mut Connection,
    tenant: TenantId,
    shipped: &[ShippedUnits<'_>],
) -> Result<(), StockError> {
    if shipped.is_empty() {
        return Ok(());
    }
    // A holder may ship several times from one warehouse: each reservation is changed once.
    let sums = sums_of(shipped)?;
    let sums = sums
        .iter()
        .map(|((holder, warehouse_id), units)| HeldUnits {
            holder: *holder,
            warehouse_id: *warehouse_id,
            units,
        });
    let sums: Vec<HeldUnits<'_>> = sums.collect();
    lock_reserved(connection, tenant, &sums).await?;
    let mut changes: BTreeMap<LevelKey, LevelChange> = BTreeMap::new();
    for (level, quantity) in sums.iter().flat_map(HeldUnits::iter) {
        let change = changes.entry(level).or_default();
        change.on_hand -= quantity;
        change.reserved -= quantity;
    }
    let movements = shipped.iter().flat_map(|it| {
        let movements = it.held.movements(MovementKind::Shipment, -1).into_iter();
        movements.map(|movement| (movement, it.record))
    });
    let movements: Vec<(PlannedMovement, ChangeRecord<'_>)> = movements.collect();
    let statements = (
        reservations::delete_exact(tenant, &sums),
        reservations::decrease(tenant, &sums),
        level_counts::change(tenant, &changes),
        stock_movements::insert_all(tenant, &movements),
    );
    let (deleted, decreased, _, _) = send_in_transaction(connection, statements).await?;
    all_taken(deleted + decreased, &sums)?;
    Ok(())
}

type Sums = BTreeMap<(HolderId, WarehouseId), Demand>;

fn sums_of(shipped: &[ShippedUnits<'_>]) -> Result<Sums, DbError> {
    let mut lines: BTreeMap<_, Vec<(ProductId, i32)>> = BTreeMap::new();
    for ShippedUnits { held, .. } in shipped {
        let of = lines.entry((held.holder, held.warehouse_id)).or_default();
        of.extend(held.units.iter());
    }
    let sum = |(key, lines): (_, Vec<(ProductId, i32)>)| {
        let sum = Demand::from_lines(lines).map_err(|_| {
            DbError::UnexpectedState(
                "the units of shipments are a part of what their holder has reserved",
            )
        });
        Ok((key, sum?))
    };
    lines.into_iter().map(sum).collect()
}

/// Locks the stock levels of units, and checks that their holder has reserved them.
pub(crate) async fn lock_reserved(
    connection: &mut Connection,
    tenant: TenantId,
    held: &[HeldUnits<'_>],
) -> Result<(), StockError> {
    let levels: BTreeSet<LevelKey> = held.iter().flat_map(HeldUnits::levels).collect();
    let holders: BTreeSet<HolderId> = held.iter().map(|it| it.holder).collect();
    let holders: Vec<HolderId> = holders.into_iter().collect();
    let statements = (
        stock_levels::lock(tenant, &levels),
        reservations::find(tenant, &holders),
    );
    let (_, reserved) = send_in_transaction(connection, statements).await?;
    let mut of_holders: HashMap<HolderId, Vec<Reservation>> = HashMap::new();
    for reservation in reserved {
        of_holders
            .entry(reservation.holder)
            .or_default()
            .push(reservation);
    }
    for held in held {
        let reserved = of_holders.get(&held.holder);
        let reserved = reserved.map_or(&[][..], Vec::as_slice);
        held.check_reserved(reserved)
            .map_err(StockError::NotReserved)?;
    }
    Ok(())
}

/// Checks that as many reservations were changed as were to be.
pub(crate) fn all_taken(changed: usize, held: &[HeldUnits<'_>]) -> Result<(), DbError> {
    let expectation =
        "reservations change only under the locks of their levels and of their holder";
    let expected: usize = held.iter().map(|it| it.units.iter().count()).sum();
    DbError::unless_changed(changed == expected, expectation)
}
