//! Ends the cancellation of what an order has not sent, in the commit that ends the refund of its money.

use std::collections::BTreeMap;

use oms_database::{Connection, DbError};
use oms_fulfilment::{UnsentChange, cancel_frozen, thaw};
use oms_inventory::{Demand, HeldUnits, StockError, release_parts};
use oms_payments::RefundEnd;
use oms_validation::{OrderId, ProductId, TenantId, WarehouseId};

use crate::domain::clock::Now;
use crate::service::transitions::happenings::write_happenings;

/// Cancels and releases the frozen units of a locked order if their money was refunded. Otherwise they may be sent
/// again. Does nothing for an order without frozen units: its refund was about money only.
pub(crate) async fn settle_frozen(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    end: &RefundEnd,
    actor: &str,
) -> Result<(), DbError> {
    let changed = match end {
        RefundEnd::Refunded => cancel_frozen(connection, tenant, now, order_id).await?,
        RefundEnd::Failed(_) => thaw(connection, tenant, now, order_id).await?,
    };
    let happened = changed.happened();
    write_happenings(connection, tenant, now, order_id, &happened, actor).await?;
    release_cancelled(connection, tenant, order_id, &changed).await
}

async fn release_cancelled(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    changed: &UnsentChange,
) -> Result<(), DbError> {
    // An order has several fulfilment orders in a warehouse, of which one is open at most.
    let mut cancelled: BTreeMap<WarehouseId, Vec<(ProductId, i32)>> = BTreeMap::new();
    for (warehouse_id, units) in changed.cancelled() {
        cancelled.entry(warehouse_id).or_default().extend(units);
    }
    let demand = |(warehouse_id, units)| {
        // Units of an order, which are within the limits of a demand.
        let units = Demand::from_lines(units);
        let units = units.map_err(|_| DbError::UnexpectedState("no frozen units were cancelled"));
        Ok::<_, DbError>((warehouse_id, units?))
    };
    let cancelled = cancelled.into_iter().map(demand);
    let cancelled: Vec<(WarehouseId, Demand)> = cancelled.collect::<Result<_, _>>()?;
    let held = cancelled.iter().map(|(warehouse_id, units)| HeldUnits {
        holder: order_id.into(),
        warehouse_id: *warehouse_id,
        units,
    });
    let held: Vec<HeldUnits<'_>> = held.collect();
    let released = release_parts(connection, tenant, &held).await;
    released.map_err(|error| match error {
        StockError::Database(error) => error,
        StockError::NotReserved(_) | StockError::AlreadyMade | StockError::NotShipped => {
            DbError::UnexpectedState("an order holds what it has not sent")
        }
    })
}
