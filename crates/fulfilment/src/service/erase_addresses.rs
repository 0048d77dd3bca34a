//! Erases personal data.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::store::{erasure, moves};

/// Erases the personal data of the fulfilment orders, shipments and returns of orders: addresses, the texts of carriers
/// and of people, also about moves and rejections, and why routing chose other warehouses. Run it in a transaction in which the orders are locked.
///
/// # Errors
/// When the database fails.
pub async fn erase_addresses(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    erasure::erase(connection, tenant, order_ids).await?;
    erasure::erase_return_texts(connection, tenant, order_ids).await?;
    moves::erase(connection, tenant, order_ids).await
}
