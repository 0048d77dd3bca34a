//! Finds the orders that must be locked before their fulfilment orders and shipments.

use std::collections::HashMap;

use oms_database::{Connection, DbError, send_together};
use oms_validation::{OrderId, TenantId};

use crate::domain::fulfilment_status::FulfilmentStatus;
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::shipment::Shipment;
use crate::store::{fulfilment_orders, progress, shipments};

/// Returns the orders of the given fulfilment orders that exist.
///
/// # Errors
/// When the database fails.
pub async fn find_orders_of(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[FulfilmentOrderId],
) -> Result<HashMap<FulfilmentOrderId, OrderId>, DbError> {
    fulfilment_orders::find_orders(tenant, ids)
        .run(connection)
        .await
}

/// The order and the fulfilment order that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The order.
    pub order_id: OrderId,
    /// The fulfilment order.
    pub fulfilment_order_id: FulfilmentOrderId,
}

/// Returns the subjects of fulfilment orders and of shipments that exist, in one round trip.
///
/// # Errors
/// When the database fails.
pub async fn find_subjects(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[FulfilmentOrderId],
    shipment_ids: &[ShipmentId],
) -> Result<
    (
        HashMap<FulfilmentOrderId, Subject>,
        HashMap<ShipmentId, Subject>,
    ),
    DbError,
> {
    let of_shipments = !shipment_ids.is_empty();
    let statements = (
        fulfilment_orders::find_orders(tenant, ids),
        of_shipments.then(|| shipments::find_subjects(tenant, shipment_ids)),
    );
    let (orders, of_shipments) = send_together(connection, statements).await?;
    let subject = |(fulfilment_order_id, order_id)| Subject {
        order_id,
        fulfilment_order_id,
    };
    let orders = orders.into_iter().map(|it| (it.0, subject(it)));
    let of_shipments = of_shipments.unwrap_or_default().into_iter();
    let of_shipments = of_shipments.map(|(id, of)| (id, subject(of)));
    Ok((orders.collect(), of_shipments.collect()))
}

/// Returns those of the given shipments that exist, unordered, and the fulfilment statuses of orders, in two round trips.
/// Of the orders' other shipments it reads no more than the status.
///
/// # Errors
/// When the database fails.
pub async fn find_shipments_and_statuses(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ShipmentId],
    order_ids: &[OrderId],
) -> Result<(Vec<Shipment>, HashMap<OrderId, FulfilmentStatus>), DbError> {
    let statements = (
        shipments::find_by_id(tenant, ids),
        (!order_ids.is_empty()).then(|| progress::find_statuses(tenant, order_ids)),
    );
    let (rows, statuses) = send_together(connection, statements).await?;
    let found = shipments::with_parts(connection, tenant, rows).await?;
    Ok((found, statuses.unwrap_or_default()))
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
