//! Giving back what an order holds.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::store::{reservations, stock_levels};

/// Gives back everything that an order holds, and returns how many pieces that were.
///
/// Repeating it, at once or later, gives back nothing more: `reserved` goes down by exactly the reservations that
/// this call deleted. Belongs into the caller's transaction.
///
/// # Errors
/// When the database fails or a lock can't be had in time; the transaction has to be rolled back.
pub async fn release(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<i64, DbError> {
    let levels = reservations::find_levels(connection, tenant, order_id).await?;
    if levels.is_empty() {
        return Ok(0);
    }
    stock_levels::lock(tenant, &levels).run(connection).await?;
    reservations::delete(connection, tenant, order_id).await
}
