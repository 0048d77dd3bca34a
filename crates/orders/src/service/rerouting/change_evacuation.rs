//! Stops and resumes the evacuation of a warehouse.

use oms_database::Connection;
use oms_fulfilment::{
    Evacuation, EvacuationId, find_evacuation, resume_evacuation, stop_evacuation,
};
use oms_inventory::{close_warehouse, reopen_warehouse};
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::ReroutingError;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;

/// A change of an evacuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvacuationChange {
    /// Nothing more is moved. The warehouse stays inactive, and may be activated.
    Stop,
    /// The warehouse is closed again, and what is on hold is tried again. Of an evacuation in progress, only the latter.
    Resume,
}

/// Stops or resumes an evacuation. A stopped one moves nothing more once this has returned. Repeating it changes nothing.
///
/// # Errors
/// `EvacuationNotFound`, `EvacuationFinished`, `KeyReused`, `Contended`, or the database's error.
pub async fn change_evacuation(
    context: &OrderContext,
    tenant: TenantId,
    id: EvacuationId,
    change: EvacuationChange,
    key: Option<&IdempotencyKey>,
) -> Result<Evacuation, ReroutingError> {
    let operation = match change {
        EvacuationChange::Stop => "stop evacuation v1",
        EvacuationChange::Resume => "resume evacuation v1",
    };
    let keyed = key.map(|key| Keyed::new(key, operation, &id));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let once = claim_key(connection, tenant, keyed.as_ref()).await?;
            let found = find_evacuation(connection, tenant, id).await?;
            match once {
                Once::Before(()) => Ok(found),
                Once::Now(()) => apply(context, connection, tenant, &found, change).await,
            }
        });
        if let Some(changed) = tried.await {
            return changed;
        }
    }
}

/// Changes the warehouse first, as everywhere, and then the evacuation.
async fn apply(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    found: &Evacuation,
    change: EvacuationChange,
) -> Result<Evacuation, ReroutingError> {
    let (warehouse, id) = (found.warehouse_id, found.id);
    Ok(match change {
        EvacuationChange::Stop => {
            reopen_warehouse(connection, tenant, warehouse, id.as_uuid()).await?;
            stop_evacuation(connection, tenant, id).await?
        }
        EvacuationChange::Resume => {
            close_warehouse(connection, tenant, warehouse, id.as_uuid()).await?;
            resume_evacuation(connection, tenant, context.now(), id).await?
        }
    })
}
