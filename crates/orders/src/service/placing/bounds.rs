//! Counts the unpaid orders and declined payments of tenants and credentials, with the cache of this process.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::bounds::{Declined, Unpaid};
use crate::error::PayingError;
use crate::store::standings;

/// The tenant's unpaid orders, up to a second old. Counted again if `coming` would exceed the limit: most of what the
/// cache added since may have been paid by now.
pub(crate) async fn unpaid_of_tenant(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    coming: &Unpaid,
) -> Result<Unpaid, DbError> {
    let (memory, bound) = (&context.bounds, context.settings.bounds.tenant);
    if bound.orders == 0 && bound.units == 0 {
        return Ok(Unpaid::default());
    }
    if let Some(unpaid) = memory.tenants.find(&tenant)
        && bound.has_room(&unpaid, coming)
    {
        return Ok(unpaid);
    }
    // Units can only be summed over all orders.
    let most = if bound.units > 0 {
        u64::MAX
    } else {
        bound.orders
    };
    let unpaid = standings::find_unpaid_of_tenant(connection, tenant, most).await?;
    memory.tenants.keep(tenant, unpaid);
    Ok(unpaid)
}

/// A credential's declined payments. Those of other instances may be missing for up to a second.
pub(crate) async fn declines_of_credential(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    actor: &str,
) -> Result<Declined, DbError> {
    let (memory, limit) = (&context.bounds, context.settings.bounds.declines);
    if limit.per_credential == 0 {
        return Ok(Declined::default());
    }
    let key = (tenant, actor.to_owned());
    if let Some(declined) = memory.credentials.find(&key) {
        return Ok(declined);
    }
    let (now, most) = (context.now(), limit.per_credential);
    let counted =
        standings::find_declines_of_actor(connection, tenant, now, actor, limit.window, most);
    let declined = counted.await?;
    memory.credentials.keep(key, declined);
    Ok(declined)
}

/// Refuses another payment of an order after too many declines.
pub(crate) async fn refuse_declined(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<(), PayingError> {
    let bounds = context.settings.bounds;
    let of_credential = declines_of_credential(context, connection, tenant, actor).await?;
    bounds.check_credential_declines(&of_credential)?;
    if bounds.declines.per_customer == 0 {
        return Ok(());
    }
    let (now, limit) = (context.now(), bounds.declines);
    let of_customer =
        standings::find_declines_of_customer(connection, tenant, now, order_id, limit).await?;
    Ok(bounds.check_customer_declines(&of_customer)?)
}
