//! Releases the stock that an order holds.

use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::domain::id::HolderId;
use crate::store::{reservations, stock_levels};

/// Releases all units that a holder has reserved, and returns their number.
///
/// Repeating it, even concurrently, releases nothing more: `reserved` decreases by exactly the reservations that this
/// call deleted. Runs in the caller's transaction.
///
/// # Errors
/// When the database fails or a lock times out. The transaction must then be rolled back.
pub async fn release(
    connection: &mut Connection,
    tenant: TenantId,
    holder: HolderId,
) -> Result<i64, DbError> {
    let levels = reservations::find_levels(connection, tenant, holder).await?;
    if levels.is_empty() {
        return Ok(0);
    }
    stock_levels::lock(tenant, &levels).run(connection).await?;
    reservations::delete(connection, tenant, holder).await
}
