//! Begins and stops work on a fulfilment order.

use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId};

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::FulfilmentOrderId;
use crate::error::FulfilmentError;
use crate::service::hold::lock;
use crate::store::{Now, fulfilment_orders};

/// Whether a warehouse works on a fulfilment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It begins to.
    Start,
    /// It returns it to the work list.
    Stop,
}

/// Begins or stops work on a fulfilment order, and returns whether this changed it, with the fulfilment order. Its
/// order must be locked.
///
/// # Errors
/// `NotFound`, `Changed`, why it can't be started or stopped, or the database's error.
pub async fn change_work(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    expected: &ExpectedVersion,
    work: Work,
) -> Result<(bool, FulfilmentOrder), FulfilmentError> {
    let mut order = lock(connection, tenant, now, id).await?;
    let is_new = match work {
        Work::Start => order.start()?,
        Work::Stop => order.stop()?,
    };
    if !is_new {
        return Ok((false, order));
    }
    expected.check(order.version)?;
    order.raise_version();
    fulfilment_orders::update(connection, tenant, now, &[&order]).await?;
    Ok((true, lock(connection, tenant, now, id).await?))
}
