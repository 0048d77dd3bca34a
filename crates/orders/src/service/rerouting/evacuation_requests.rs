//! Starts, stops and resumes the evacuation of a warehouse. While it is not finished and not stopped, the warehouse is
//! inactive and can't be activated, so that routing does not choose it.

use oms_database::transaction;
use oms_fulfilment::{
    Evacuation, EvacuationId, find_evacuation, resume_evacuation as resume,
    start_evacuation as start, stop_evacuation as stop,
};
use oms_inventory::{close_warehouse, reopen_warehouse};
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId, WarehouseId};

use crate::context::OrderContext;
use crate::domain::reason::Reason;
use crate::error::ReroutingError;
use crate::service::transitions::claim_key::{claim_key, claim_or_find};

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
    let mut connection = context.database.acquire().await?;
    let started = transaction(&mut connection, async |connection| {
        let id = EvacuationId::generate();
        if let Once::Before(id) = claim_or_find(connection, tenant, &keyed, id.as_uuid()).await? {
            let before = find_evacuation(connection, tenant, id.into()).await?;
            return Ok(Once::Before(before));
        }
        close_warehouse(connection, tenant, warehouse_id, id.as_uuid()).await?;
        let (of, reason) = ((id, warehouse_id), reason.as_str());
        let started = start(connection, tenant, context.now(), of, reason, actor).await?;
        oms_failpoints::reached("orders.evacuation_starting");
        Ok::<_, ReroutingError>(Once::Now(started))
    });
    let started = started.await;
    oms_failpoints::reached("orders.evacuation_started");
    started
}

/// Stops an evacuation. Nothing more is moved once this has returned. The warehouse stays inactive, and may be activated.
/// Repeating it changes nothing.
///
/// # Errors
/// `EvacuationNotFound`, `EvacuationFinished`, `KeyReused`, or the database's error.
pub async fn stop_evacuation(
    context: &OrderContext,
    tenant: TenantId,
    id: EvacuationId,
    key: Option<&IdempotencyKey>,
) -> Result<Evacuation, ReroutingError> {
    let keyed = key.map(|key| Keyed::new(key, "stop evacuation v1", &id));
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let once = claim_key(connection, tenant, keyed.as_ref()).await?;
        let found = find_evacuation(connection, tenant, id).await?;
        if once == Once::Before(()) {
            return Ok(found);
        }
        // The warehouse first, as everywhere.
        reopen_warehouse(connection, tenant, found.warehouse_id, id.as_uuid()).await?;
        Ok(stop(connection, tenant, id).await?)
    })
    .await
}

/// Resumes an evacuation: closes its warehouse again, and tries again to move what is on hold. If it is in progress, it
/// only does the latter.
///
/// # Errors
/// `EvacuationNotFound`, `EvacuationFinished`, `KeyReused`, or the database's error.
pub async fn resume_evacuation(
    context: &OrderContext,
    tenant: TenantId,
    id: EvacuationId,
    key: Option<&IdempotencyKey>,
) -> Result<Evacuation, ReroutingError> {
    let keyed = key.map(|key| Keyed::new(key, "resume evacuation v1", &id));
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let once = claim_key(connection, tenant, keyed.as_ref()).await?;
        let found = find_evacuation(connection, tenant, id).await?;
        if once == Once::Before(()) {
            return Ok(found);
        }
        close_warehouse(connection, tenant, found.warehouse_id, id.as_uuid()).await?;
        Ok(resume(connection, tenant, context.now(), id).await?)
    })
    .await
}
