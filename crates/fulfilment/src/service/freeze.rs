//! Cancels what an order has not sent, in two steps: units are frozen before their money is refunded, and cancelled
//! when that is done.

use std::collections::BTreeMap;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, ProductId, TenantId, WarehouseId};

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::fulfilment_status::Fulfilment;
use crate::domain::happening::Happening;
use crate::domain::line::Units;
use crate::domain::shipment::ShipmentStatus;
use crate::service::find_fulfilments::find_fulfilment;
use crate::store::{Now, fulfilment_orders, shipments};

/// A change of what an order has not sent. Empty if it has nothing unsent.
#[derive(Clone, Debug, Default)]
pub struct UnsentChange {
    before: Fulfilment,
    after: Fulfilment,
}

impl UnsentChange {
    /// What happened, for the order's timeline.
    pub fn happened(&self) -> Vec<Happening<'_>> {
        self.after.happened_since(&self.before)
    }

    /// The units that are frozen now, by the number of the order's line.
    pub fn frozen(&self) -> BTreeMap<i32, i32> {
        let mut frozen = BTreeMap::new();
        for order in &self.after.fulfilment_orders {
            for (line, quantity) in order.frozen().iter() {
                *frozen.entry(line).or_default() += quantity;
            }
        }
        frozen
    }

    /// The frozen units that were cancelled, by warehouse. The caller must release them from the stock in the same
    /// transaction.
    pub fn cancelled(&self) -> Vec<(WarehouseId, BTreeMap<ProductId, i32>)> {
        let both = self.before.fulfilment_orders.iter();
        let both = both.zip(&self.after.fulfilment_orders);
        let units = both.map(|(before, after)| {
            let lines = before.lines.iter().zip(&after.lines);
            let units =
                lines.map(|(before, after)| (after.number, after.cancelled - before.cancelled));
            let units = Units::above_zero(units);
            (after.warehouse_id, units.by_product(&after.lines))
        });
        units.filter(|(_, units)| !units.is_empty()).collect()
    }
}

/// Keeps everything that an order has not sent from being sent: cancels its packed shipments and freezes its units. The
/// order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn freeze_unsent(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    reason: &str,
) -> Result<UnsentChange, DbError> {
    let freeze = |order: &mut FulfilmentOrder| order.freeze();
    change(connection, tenant, now, order_id, Some(reason), freeze).await
}

/// Lets the frozen units of an order be sent. The order must be locked.
///
/// # Errors
/// When the database fails.
pub async fn thaw(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<UnsentChange, DbError> {
    change(
        connection,
        tenant,
        now,
        order_id,
        None,
        FulfilmentOrder::thaw,
    )
    .await
}

/// Cancels the frozen units of an order: the caller must release them from the stock in the same transaction. The order
/// must be locked.
///
/// # Errors
/// When the database fails.
pub async fn cancel_frozen(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<UnsentChange, DbError> {
    let cancel = |order: &mut FulfilmentOrder| _ = order.cancel_frozen();
    change(connection, tenant, now, order_id, None, cancel).await
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
) -> Result<UnsentChange, DbError> {
    let cancel = |order: &mut FulfilmentOrder| {
        order.freeze();
        order.cancel_frozen();
    };
    change(connection, tenant, now, order_id, Some(reason), cancel).await
}

/// Changes the open fulfilment orders of an order, and cancels its packed shipments if there is a reason to.
async fn change(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    unpacked: Option<&str>,
    each: impl Fn(&mut FulfilmentOrder),
) -> Result<UnsentChange, DbError> {
    let is_open = fulfilment_orders::lock_open_of_order(connection, tenant, order_id).await?;
    if !is_open {
        return Ok(UnsentChange::default());
    }
    let before = find_fulfilment(connection, tenant, now, order_id).await?;
    let mut after = before.clone();
    let mut changed = Vec::new();
    for order in after.fulfilment_orders.iter_mut().filter(|it| it.is_open()) {
        let unchanged = order.clone();
        each(order);
        if *order != unchanged {
            order.raise_version();
            changed.push(&*order);
        }
    }
    if let Some(reason) = unpacked {
        let packed = after.shipments.iter_mut();
        for shipment in packed.filter(|it| it.status == ShipmentStatus::Packed) {
            shipment.status = ShipmentStatus::Cancelled;
        }
        shipments::cancel_packed(connection, tenant, now, order_id, reason).await?;
    }
    if !changed.is_empty() {
        fulfilment_orders::update(connection, tenant, now, &changed).await?;
    }
    Ok(UnsentChange { before, after })
}
