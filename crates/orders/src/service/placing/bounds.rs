//! Counting what customers, tenants and credentials have unpaid or declined, with what this process remembers of it.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::bounds::{Declined, Unpaid};
use crate::error::PayingError;
use crate::store::standings;

/// What the tenant has unpaid, give or take a second. Counted anew where `coming` would exceed the bound otherwise: most of
/// what was added since may have been paid a moment later.
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
    // Units can only be summed up over all orders.
    let most = if bound.units > 0 {
        u64::MAX
    } else {
        bound.orders
    };
    let unpaid = standings::find_unpaid_of_tenant(connection, tenant, most).await?;
    memory.tenants.keep(tenant, unpaid);
    Ok(unpaid)
}

/// The declined payments of a credential, give or take a second for those of other instances.
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

/// Refuses another payment of an order when too many were declined.
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
