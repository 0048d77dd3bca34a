//! What holders do with their stock, each in a transaction of its own.

use oms_database::{Connection, transaction};
use oms_inventory::{
    ChangeRecord, HeldUnits, HolderId, ReservationRequest, ReserveOutcome, ShippedUnits,
    StockChangeId, StockError, release_parts, reserve, ship, unship,
};
use oms_validation::{OrderId, WarehouseId};

use crate::fixture::*;

/// Reserves units for a holder that has none of them there. Returns whether they were available.
pub async fn place(
    connection: &mut Connection,
    holder: HolderId,
    warehouse_id: WarehouseId,
    lines: &[(usize, i32)],
) -> bool {
    let request = ReservationRequest {
        holder,
        warehouse_id,
        demand: &demand(lines),
    };
    let outcomes = transaction(connection, async |connection| {
        reserve(connection, tenant(), &[request]).await
    });
    outcomes.await.unwrap() == [ReserveOutcome::Reserved]
}

/// Reserves units for a new order.
pub async fn reserved(
    connection: &mut Connection,
    warehouse_id: WarehouseId,
    lines: &[(usize, i32)],
) -> HolderId {
    let holder = OrderId::generate().into();
    assert!(place(connection, holder, warehouse_id, lines).await);
    holder
}

pub fn record(change_id: StockChangeId) -> ChangeRecord<'static> {
    ChangeRecord {
        change_id,
        reason: "shipment 1",
        actor: "api:packing",
    }
}

pub async fn ship_units(
    connection: &mut Connection,
    holder: HolderId,
    warehouse_id: WarehouseId,
    lines: &[(usize, i32)],
    change_id: StockChangeId,
) -> Result<(), StockError> {
    let units = demand(lines);
    let shipped = HeldUnits {
        holder,
        warehouse_id,
        units: &units,
    };
    transaction(connection, async |connection| {
        let shipped = ShippedUnits {
            held: shipped,
            record: record(change_id),
        };
        ship(connection, tenant(), &[shipped]).await
    })
    .await
}

pub async fn bring_back(
    connection: &mut Connection,
    holder: HolderId,
    change_id: StockChangeId,
) -> Result<(), StockError> {
    transaction(connection, async |connection| {
        unship(connection, tenant(), holder, record(change_id)).await
    })
    .await
}

pub async fn release_units(
    connection: &mut Connection,
    holder: HolderId,
    warehouse_id: WarehouseId,
    lines: &[(usize, i32)],
) -> Result<(), StockError> {
    let units = demand(lines);
    let released = HeldUnits {
        holder,
        warehouse_id,
        units: &units,
    };
    transaction(connection, async |connection| {
        release_parts(connection, tenant(), &[released]).await
    })
    .await
}
