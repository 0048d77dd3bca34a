//! Releases the stock of an order that ends, in the commit that ends it.

use oms_database::{Connection, DbError};
use oms_fulfilment::cancel_unsent;
use oms_inventory::release;
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::service::transitions::happenings::write_happenings;

/// Cancels what the order has not sent in the name of `actor`, and releases its stock. What was sent stays sent.
pub(crate) async fn release_unsent(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    actor: &str,
) -> Result<(), DbError> {
    let reason = "the order ended";
    let cancelled = cancel_unsent(connection, tenant, now, order_id, reason).await?;
    let happened = cancelled.happened();
    write_happenings(connection, tenant, now, order_id, &happened, actor).await?;
    release(connection, tenant, order_id.into()).await?;
    Ok(())
}
