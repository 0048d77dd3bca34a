//! Starts the evacuation of a warehouse. While it is not finished and not stopped, the warehouse is inactive and can't be
//! activated, so that routing does not choose it.

use oms_fulfilment::{Evacuation, EvacuationId, find_evacuation, start_evacuation as start};
use oms_inventory::close_warehouse;
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId, WarehouseId};

use crate::context::OrderContext;
use crate::domain::reason::Reason;
use crate::error::ReroutingError;
use crate::service::transitions::claim_key::claim_or_find;
use crate::service::transitions::patience::Patience;

/// Closes a warehouse and starts its evacuation, in one commit. A worker moves its open work.
///
/// # Errors
/// `WarehouseNotFound`; `EvacuationUnfinished` if it has another one; `KeyReused`; or the database's error.
pub async fn start_evacuation(
    context: &OrderContext,
    tenant: TenantId,
    warehouse_id: WarehouseId,
    reason: &Reason,
    key: &IdempotencyKey,
    actor: &str,
) -> Result<Once<Evacuation>, ReroutingError> {
    let content = (warehouse_id, reason.as_str());
    let keyed = Keyed::new(key, "evacuate warehouse v1", &content);
    let id = EvacuationId::generate();
    let mut patience = Patience::new(context, tenant, warehouse_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            if let Once::Before(id) =
                claim_or_find(connection, tenant, &keyed, id.as_uuid()).await?
            {
                let before = find_evacuation(connection, tenant, id.into()).await?;
                return Ok(Once::Before(before));
            }
            close_warehouse(connection, tenant, warehouse_id, id.as_uuid()).await?;
            let (of, now) = ((id, warehouse_id), context.now());
            let started = start(connection, tenant, now, of, reason.as_str(), actor).await?;
            oms_failpoints::reached("orders.evacuation_starting");
            Ok::<_, ReroutingError>(Once::Now(started))
        });
        if let Some(started) = tried.await {
            oms_failpoints::reached("orders.evacuation_started");
            return started;
        }
    }
}
