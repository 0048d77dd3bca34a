//! Erases personal data.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::store::erasure;

/// Erases the destinations of the shipments of orders, what carriers said about their parcels, and the texts of their
/// returns.
///
/// # Errors
/// When the database fails.
pub async fn erase_addresses(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    erasure::erase_destinations(connection, tenant, order_ids).await?;
    erasure::erase_details(connection, tenant, order_ids).await?;
    erasure::erase_return_texts(connection, tenant, order_ids).await
}
