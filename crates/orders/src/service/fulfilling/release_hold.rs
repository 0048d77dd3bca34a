//! Releases a hold on a fulfilment order.

use oms_database::boxed;
use oms_fulfilment::{FulfilmentOrderId, HoldHandle, release_hold as release};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::facts::of_release;
use crate::service::fulfilling::lock_order::{lock_order, order_of};
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;

/// Releases a hold. Does nothing if there is none with this handle, or if no hold can have such a handle (`None`).
///
/// # Errors
/// `NotFound` if the tenant has no such fulfilment order, or the database's error.
#[boxed]
pub async fn release_hold(
    context: &OrderContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
    handle: Option<&HoldHandle>,
    actor: &str,
) -> Result<(), ShippingError> {
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            let order_id = order_of(connection, tenant, id).await?;
            lock_order(connection, tenant, order_id).await?;
            let Some(handle) = handle else {
                return Ok(());
            };
            if release(connection, tenant, now, id, handle).await? {
                let told = of_release(id, handle);
                tell(connection, tenant, now, order_id, &told, actor).await?;
            }
            Ok(())
        });
        if let Some(released) = tried.await {
            return released;
        }
    }
}
