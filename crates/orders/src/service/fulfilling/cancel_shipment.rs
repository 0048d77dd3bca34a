//! Cancels a shipment that never left the warehouse.

use oms_database::Connection;
use oms_fulfilment::{
    Fulfilment, HoldReason, Shipment, ShipmentId, Undo, cancel_shipment as cancel, cancel_unsent,
    find_fulfilment, has_evacuated,
};
use oms_inventory::{is_active_warehouse, release};
use oms_validation::{
    ExpectedVersion, IdempotencyKey, Keyed, Once, OrderId, TenantId, WarehouseId,
};

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::domain::reason::Reason;
use crate::domain::status::OrderStatus;
use crate::error::ShippingError;
use crate::service::fulfilling::hold_back::{hold_back, rerouting_hold};
use crate::service::fulfilling::lock_order::{
    lock_order, order_of_shipment, refuse_busy, shipment_of,
};
use crate::service::fulfilling::move_stock::unship_units;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::happenings::write_happenings;
use crate::service::transitions::patience::Patience;

/// Cancels a shipment, and returns it. Its units are in stock again, held by the order, and may be sent anew: if its
/// warehouse was evacuated, when their hold is released, or after a move. If the order ended, they are free. Repeating it
/// changes nothing.
///
/// # Errors
/// `Delivered`, `Changed`, `Busy`, or the database's error.
pub async fn cancel_shipment(
    context: &OrderContext,
    tenant: TenantId,
    id: ShipmentId,
    expected: &ExpectedVersion,
    reason: &Reason,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Shipment, ShippingError> {
    let request = (id, reason.as_str());
    let keyed = key.map(|key| Keyed::new(key, "cancel shipment v1", &request));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return shipment_of(connection, tenant, id).await;
            }
            let order_id = order_of_shipment(connection, tenant, id).await?;
            let status = lock_order(connection, tenant, order_id).await?;
            refuse_busy(connection, tenant, order_id, status).await?;
            let (reason, order) = (reason.as_str(), (order_id, status));
            undo(
                connection,
                tenant,
                now,
                (id, expected, reason),
                order,
                actor,
            )
            .await?;
            oms_failpoints::reached("orders.unshipped");
            shipment_of(connection, tenant, id).await
        });
        if let Some(cancelled) = tried.await {
            oms_failpoints::reached("orders.shipment_cancelled");
            return cancelled;
        }
    }
}

async fn undo(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (id, expected, reason): (ShipmentId, &ExpectedVersion, &str),
    (order_id, status): (OrderId, OrderStatus),
    actor: &str,
) -> Result<(), ShippingError> {
    let before = find_fulfilment(connection, tenant, now, order_id).await?;
    let is_ended = !status.holds_stock();
    let of = (expected, reason);
    let cancelled = cancel(connection, tenant, now, id, of, is_ended).await?;
    let Some(cancelled) = cancelled else {
        return Ok(());
    };
    if cancelled.undo == Undo::Shipping {
        unship_units(connection, tenant, &cancelled.units, actor).await?;
    }
    if is_ended {
        cancel_unsent(connection, tenant, now, order_id, reason).await?;
        release(connection, tenant, order_id.into()).await?;
    }
    let after = find_fulfilment(connection, tenant, now, order_id).await?;
    let happened = after.happened_since(&before);
    write_happenings(connection, tenant, now, order_id, &happened, actor).await?;
    hold_evacuated(
        connection,
        tenant,
        now,
        &after,
        cancelled.units.warehouse_id,
        actor,
    )
    .await
}

/// Puts units on hold that are in an evacuated warehouse again: nobody works through its list, and the evacuation doesn't
/// move them any more.
async fn hold_evacuated(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    after: &Fulfilment,
    warehouse_id: WarehouseId,
    actor: &str,
) -> Result<(), ShippingError> {
    let mut orders = after.fulfilment_orders.iter();
    let order = orders.find(|it| it.is_open() && it.warehouse_id == warehouse_id);
    let Some(order) = order else {
        return Ok(());
    };
    let of = (warehouse_id, order.id);
    if !has_evacuated(connection, tenant, of).await?
        || is_active_warehouse(connection, tenant, warehouse_id).await?
    {
        return Ok(());
    }
    let hold = rerouting_hold(HoldReason::NoWarehouse, "the warehouse was evacuated");
    // Cancelling the shipment has raised its version.
    hold_back(connection, tenant, now, (order, true), &hold, actor).await
}
