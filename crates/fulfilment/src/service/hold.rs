//! Places and releases holds.

use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::hold::{HoldHandle, NewHold};
use crate::domain::id::FulfilmentOrderId;
use crate::error::FulfilmentError;
use crate::store::touch::{Touched, touch};
use crate::store::{Now, fulfilment_orders, holds};

/// Places a hold in the name of `actor`, and returns whether it is new, with the fulfilment order. A hold with the same
/// handle stays as it is. Nothing of the fulfilment order is sent until all its holds are released. Its order must be
/// locked.
///
/// # Errors
/// `NotFound`, `Closed`, `TooManyHolds`, or the database's error.
pub async fn place_hold(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    hold: &NewHold,
    actor: &str,
) -> Result<(bool, FulfilmentOrder), FulfilmentError> {
    let is_new = insert(connection, tenant, now, id, hold, actor).await?;
    if is_new {
        touch(connection, tenant, now, Touched::FulfilmentOrder(id)).await?;
    }
    Ok((is_new, lock(connection, tenant, now, id).await?))
}

/// Places the same hold, in the name of `actor`, on fulfilment orders that this transaction has opened.
///
/// # Errors
/// When the database fails.
pub async fn hold_opened(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
    hold: &NewHold,
    actor: &str,
) -> Result<(), DbError> {
    holds::insert_all(connection, tenant, now, ids, hold, actor).await
}

/// Like [`place_hold`], for a fulfilment order that the transaction has changed before: its version was raised then.
///
/// # Errors
/// `NotFound`, `Closed`, `TooManyHolds`, or the database's error.
pub async fn place_hold_on_changed(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    hold: &NewHold,
    actor: &str,
) -> Result<(bool, FulfilmentOrder), FulfilmentError> {
    let is_new = insert(connection, tenant, now, id, hold, actor).await?;
    Ok((is_new, lock(connection, tenant, now, id).await?))
}

async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    hold: &NewHold,
    actor: &str,
) -> Result<bool, FulfilmentError> {
    let order = lock(connection, tenant, now, id).await?;
    order.check_hold(&hold.handle)?;
    Ok(holds::insert(connection, tenant, now, id, hold, actor).await?)
}

/// Releases a hold. Returns `false` if there is none with this handle. The order must be locked.
///
/// # Errors
/// `NotFound`, or the database's error.
pub async fn release_hold(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    handle: &HoldHandle,
) -> Result<bool, FulfilmentError> {
    lock(connection, tenant, now, id).await?;
    let is_released = holds::delete(connection, tenant, id, handle).await?;
    if is_released {
        touch(connection, tenant, now, Touched::FulfilmentOrder(id)).await?;
    }
    Ok(is_released)
}

pub(super) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
) -> Result<FulfilmentOrder, FulfilmentError> {
    let locked = fulfilment_orders::lock(connection, tenant, now, &[id]).await?;
    locked.into_iter().next().ok_or(FulfilmentError::NotFound)
}
