//! Locks the order of a fulfilment order or a shipment, which everything that changes them locks first.

use oms_database::Connection;
use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, FulfilmentOrderId, Shipment, ShipmentId, find_fulfilment,
    find_orders_of, find_shipments,
};
use oms_payments::{count_left, find_pending_refund};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ShippingError};
use crate::store::orders;

/// The order of a fulfilment order.
pub(crate) async fn order_of(
    connection: &mut Connection,
    tenant: TenantId,
    id: FulfilmentOrderId,
) -> Result<OrderId, ShippingError> {
    let found = find_orders_of(connection, tenant, &[id]).await?;
    Ok(*found.get(&id).ok_or(FulfilmentError::NotFound)?)
}

/// The order of a shipment.
pub(crate) async fn order_of_shipment(
    connection: &mut Connection,
    tenant: TenantId,
    id: ShipmentId,
) -> Result<OrderId, ShippingError> {
    Ok(shipment_of(connection, tenant, id).await?.order_id)
}

/// A fulfilment order as it is, for a repeated request.
pub(crate) async fn fulfilment_order_of(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, id): (OrderId, FulfilmentOrderId),
) -> Result<FulfilmentOrder, ShippingError> {
    let found = find_fulfilment(connection, tenant, now, order_id).await?;
    let mut orders = found.fulfilment_orders.into_iter();
    let order = orders.find(|it| it.id == id);
    Ok(order.ok_or(FulfilmentError::NotFound)?)
}

/// A shipment as it is.
pub(crate) async fn shipment_of(
    connection: &mut Connection,
    tenant: TenantId,
    id: ShipmentId,
) -> Result<Shipment, ShippingError> {
    let found = find_shipments(connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    Ok(found.ok_or(FulfilmentError::ShipmentNotFound)?)
}

/// Locks an order until the transaction ends, and returns its status.
pub(crate) async fn lock_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<OrderStatus, ShippingError> {
    let status = orders::lock_status(connection, tenant, order_id).await?;
    Ok(status.ok_or(OrderError::NotFound)?)
}

/// Refuses to send units of a locked order that is being cancelled, or of which all the money is being refunded.
pub(crate) async fn refuse_busy(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<(), ShippingError> {
    match is_busy(connection, tenant, order_id, status).await? {
        true => Err(ShippingError::Busy { order_id, status }),
        false => Ok(()),
    }
}

/// Whether a locked order is being cancelled, or all of its money is being refunded.
pub(crate) async fn is_busy(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<bool, ShippingError> {
    Ok(match status {
        OrderStatus::Cancelling => true,
        OrderStatus::Refunding => {
            let pending = find_pending_refund(connection, tenant, order_id).await?;
            let left = count_left(connection, tenant, order_id).await?;
            pending.is_some() && left.is_none_or(|left| left.amount_minor == 0)
        }
        // The fulfilment orders of an order that ended are closed, unless an earlier version of the program ended it.
        OrderStatus::PendingPayment
        | OrderStatus::Paid
        | OrderStatus::Failed
        | OrderStatus::Cancelled
        | OrderStatus::Refunded
        | OrderStatus::Other(_) => false,
    })
}
