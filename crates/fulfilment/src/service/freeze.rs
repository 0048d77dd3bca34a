//! Cancels what an order has not sent, in two steps: units are frozen before their money is refunded, and cancelled
//! when that is done.

use std::collections::BTreeMap;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, ProductId, TenantId, WarehouseId};

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::line::Units;
use crate::store::{Now, fulfilment_orders, shipments};

/// Keeps everything that an order has not sent from being sent: cancels its packed shipments and freezes its units.
/// Returns the frozen units by line. The order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn freeze_unsent(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    reason: &str,
) -> Result<BTreeMap<i32, i32>, DbError> {
    let mut open = fulfilment_orders::lock_open_of_order(connection, tenant, now, order_id).await?;
    if open.is_empty() {
        return Ok(BTreeMap::new());
    }
    shipments::cancel_packed(connection, tenant, now, order_id, reason).await?;
    let mut frozen = BTreeMap::new();
    for order in &mut open {
        order.freeze();
        for (line, quantity) in order.frozen().iter() {
            *frozen.entry(line).or_default() += quantity;
        }
    }
    update(connection, tenant, now, &open).await?;
    Ok(frozen)
}

/// Lets the frozen units of an order be sent. Returns `false` if it has none. The order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn thaw(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<bool, DbError> {
    let mut frozen = lock_frozen(connection, tenant, now, order_id).await?;
    if frozen.is_empty() {
        return Ok(false);
    }
    frozen.iter_mut().for_each(FulfilmentOrder::thaw);
    update(connection, tenant, now, &frozen).await?;
    Ok(true)
}

/// Cancels the frozen units of an order, and returns them: the caller must release them from the stock in the same
/// transaction. The order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn cancel_frozen(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<Vec<(WarehouseId, BTreeMap<ProductId, i32>)>, DbError> {
    let mut frozen = lock_frozen(connection, tenant, now, order_id).await?;
    if frozen.is_empty() {
        return Ok(Vec::new());
    }
    let cancel = |order: &mut FulfilmentOrder| {
        let units: Units = order.cancel_frozen();
        (order.warehouse_id, units.by_product(&order.lines))
    };
    let cancelled = frozen.iter_mut().map(cancel).collect();
    update(connection, tenant, now, &frozen).await?;
    Ok(cancelled)
}

/// Cancels everything that an order has not sent, with its packed shipments: its stock is released in the same
/// transaction. The order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn cancel_unsent(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    reason: &str,
) -> Result<(), DbError> {
    let mut open = fulfilment_orders::lock_open_of_order(connection, tenant, now, order_id).await?;
    if open.is_empty() {
        return Ok(());
    }
    shipments::cancel_packed(connection, tenant, now, order_id, reason).await?;
    for order in &mut open {
        order.freeze();
        order.cancel_frozen();
    }
    update(connection, tenant, now, &open).await
}

async fn lock_frozen(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<Vec<FulfilmentOrder>, DbError> {
    let mut open = fulfilment_orders::lock_open_of_order(connection, tenant, now, order_id).await?;
    open.retain(|order| !order.frozen().is_empty());
    Ok(open)
}

async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    orders: &[FulfilmentOrder],
) -> Result<(), DbError> {
    let orders: Vec<&FulfilmentOrder> = orders.iter().collect();
    fulfilment_orders::update(connection, tenant, now, &orders).await
}
