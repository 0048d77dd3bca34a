//! Finds the orders that must be locked before their fulfilment orders and shipments.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::shipment::Shipment;
use crate::store::{fulfilment_orders, shipments};

/// Returns the orders of the given fulfilment orders that exist.
///
/// # Errors
/// When the database fails.
pub async fn find_orders_of(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[FulfilmentOrderId],
) -> Result<HashMap<FulfilmentOrderId, OrderId>, DbError> {
    fulfilment_orders::find_orders(connection, tenant, ids).await
}

/// Returns those of the given shipments that exist, unordered.
///
/// # Errors
/// When the database fails.
pub async fn find_shipments(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ShipmentId],
) -> Result<Vec<Shipment>, DbError> {
    shipments::find(connection, tenant, ids).await
}
