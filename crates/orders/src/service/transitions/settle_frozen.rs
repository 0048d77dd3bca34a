//! Ends the cancellation of what an order has not sent, in the commit that ends the refund of its money.

use oms_database::{Connection, DbError};
use oms_fulfilment::{UnsentChange, cancel_frozen, thaw};
use oms_inventory::{Demand, HeldUnits, StockError, release_parts};
use oms_payments::RefundEnd;
use oms_validation::{OrderId, TenantId};

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
    for (warehouse_id, units) in changed.cancelled() {
        let units = Demand::from_lines(units);
        // Units of an order, which are within the limits of a demand.
        let units =
            units.map_err(|_| DbError::UnexpectedState("no frozen units were cancelled"))?;
        let held = HeldUnits {
            holder: order_id.into(),
            warehouse_id,
            units: &units,
        };
        let released = release_parts(connection, tenant, held).await;
        released.map_err(|error| match error {
            StockError::Database(error) => error,
            StockError::NotReserved(_) | StockError::AlreadyMade | StockError::NotShipped => {
                DbError::UnexpectedState("an order holds what it has not sent")
            }
        })?;
    }
    Ok(())
}
