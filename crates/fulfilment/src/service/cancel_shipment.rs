//! Cancels a shipment that never left the warehouse.

use oms_database::Connection;
use oms_validation::{ExpectedVersion, OrderId, TenantId};

use crate::domain::id::ShipmentId;
use crate::domain::line::Units;
use crate::domain::moving::ERASED_WORDS;
use crate::domain::returns::refusal::ReturnRefusal;
use crate::domain::shipment::Undo;
use crate::error::FulfilmentError;
use crate::service::dispatch::Departure;
use crate::service::find_fulfilments::find_fulfilment;
use crate::service::relocation::give_unshipped;
use crate::store::{Now, fulfilment_orders, shipments};

/// A shipment that was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledShipment {
    /// What this undid. The units of [`Undo::Shipping`] must be put back into the stock in the same transaction.
    pub undo: Undo,
    /// Its units.
    pub units: Departure,
}

/// Cancels a shipment, and makes its units outstanding again: in its fulfilment order, or, if that is closed, in the one
/// that is open in its warehouse. If the order has ended (`is_ended`), they are cancelled instead. `None` if it was
/// cancelled before. Its order must be locked.
///
/// # Errors
/// `ShipmentNotFound`, `Changed`, `Delivered`, `HasReturn`, or the database's error.
pub async fn cancel_shipment(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ShipmentId,
    (expected, reason): (&ExpectedVersion, &str),
    is_ended: bool,
) -> Result<Option<CancelledShipment>, FulfilmentError> {
    let found = shipments::find(connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    let of = found
        .ok_or(FulfilmentError::ShipmentNotFound)?
        .fulfilment_order_id;
    // The fulfilment order first, as everywhere.
    let locked = fulfilment_orders::lock(connection, tenant, now, &[of]).await?;
    let mut order = locked.into_iter().next().ok_or(FulfilmentError::NotFound)?;
    let locked = shipments::lock(connection, tenant, &[id]).await?;
    let shipment = locked.into_iter().next();
    let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
    let Some(undo) = shipment.may_cancel()? else {
        return Ok(None);
    };
    expected.check(shipment.version)?;
    let (units, was_closed) = (shipment.units(), !order.is_open());
    match undo {
        Undo::Packing => order.unpack(&units),
        Undo::Shipping => {
            refuse_returned(connection, tenant, now, (order.order_id, &units)).await?;
            order.unship(&units);
        }
    }
    if is_ended {
        order.cancel(&units);
    }
    order.raise_version();
    shipments::mark_cancelled(connection, tenant, now, &[id], reason).await?;
    let departure = Departure {
        shipment_id: id,
        order_id: order.order_id,
        warehouse_id: order.warehouse_id,
        units: units.by_product(&order.lines),
    };
    let given = (&mut order, &units);
    let reason = if shipment.is_erased() {
        ERASED_WORDS
    } else {
        reason
    };
    let is_elsewhere =
        was_closed && !is_ended && give_unshipped(connection, tenant, now, given, reason).await?;
    if !is_elsewhere {
        fulfilment_orders::update(connection, tenant, now, &[&order]).await?;
    }
    Ok(Some(CancelledShipment {
        undo,
        units: departure,
    }))
}

/// Refuses to take back the sending of units that are in a return.
async fn refuse_returned(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, units): (OrderId, &Units),
) -> Result<(), FulfilmentError> {
    let found = find_fulfilment(connection, tenant, now, order_id).await?;
    let returnable = found.returnable();
    let is_free = |(line, quantity): (i32, i32)| returnable.get(&line) >= Some(&quantity);
    match units.iter().all(is_free) {
        true => Ok(()),
        false => Err(ReturnRefusal::HasReturn.into()),
    }
}
