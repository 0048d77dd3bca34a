//! Starts, stops and resumes evacuations. The caller keeps new orders from the warehouse in the same transaction, before
//! it calls these.

use oms_database::{Connection, DbError};
use oms_validation::{TenantId, WarehouseId};

use crate::domain::evacuation::{Evacuation, EvacuationStatus};
use crate::domain::id::EvacuationId;
use crate::error::FulfilmentError;
use crate::store::{Now, evacuations};

/// Starts an evacuation. The worker continues it.
///
/// # Errors
/// `EvacuationUnfinished` if the warehouse has another one, or the database's error.
pub async fn start_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (id, warehouse): (EvacuationId, WarehouseId),
    reason: &str,
    actor: &str,
) -> Result<Evacuation, FulfilmentError> {
    let of = (id, warehouse);
    if !evacuations::insert(connection, tenant, now, of, reason, actor).await? {
        let other = evacuations::find_unfinished(connection, tenant, warehouse).await?;
        let gone = DbError::UnexpectedState("the warehouse is locked by who starts an evacuation");
        return Err(match other {
            Some(other) => FulfilmentError::EvacuationUnfinished(other.id),
            None => gone.into(),
        });
    }
    find_evacuation(connection, tenant, id).await
}

/// Returns an evacuation.
///
/// # Errors
/// `EvacuationNotFound`, or the database's error.
pub async fn find_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Evacuation, FulfilmentError> {
    let found = evacuations::find(connection, tenant, id).await?;
    found.ok_or(FulfilmentError::EvacuationNotFound)
}

/// Stops an evacuation: nothing more is moved once the transaction is committed. Does nothing if it is stopped.
///
/// # Errors
/// `EvacuationNotFound`, `EvacuationFinished`, or the database's error.
pub async fn stop_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Evacuation, FulfilmentError> {
    if lock(connection, tenant, id).await?.status == EvacuationStatus::InProgress {
        evacuations::stop(connection, tenant, id).await?;
    }
    find_evacuation(connection, tenant, id).await
}

/// Resumes an evacuation, and tries again to move what it held. One that is in progress does so too.
///
/// # Errors
/// `EvacuationNotFound`, `EvacuationFinished`, or the database's error.
pub async fn resume_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: EvacuationId,
) -> Result<Evacuation, FulfilmentError> {
    lock(connection, tenant, id).await?;
    evacuations::resume(connection, tenant, now, id).await?;
    find_evacuation(connection, tenant, id).await
}

async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Evacuation, FulfilmentError> {
    let locked = evacuations::lock(connection, tenant, id).await?;
    let evacuation = locked.ok_or(FulfilmentError::EvacuationNotFound)?;
    match evacuation.status {
        EvacuationStatus::Finished => Err(FulfilmentError::EvacuationFinished),
        EvacuationStatus::InProgress | EvacuationStatus::Stopped | EvacuationStatus::Other(_) => {
            Ok(evacuation)
        }
    }
}
