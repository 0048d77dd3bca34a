//! Warehouses that an evacuation has closed.

use std::collections::BTreeSet;

use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{TenantId, WarehouseId};
use uuid::Uuid;

use crate::domain::id::HolderId;
use crate::store::IdRow;

/// Deactivates a warehouse for an evacuation. Returns `false` if there is no such warehouse.
pub(crate) async fn close(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    evacuation: Uuid,
) -> Result<bool, DbError> {
    let closed = cached_sql(
        "UPDATE inventory.warehouses
         SET active = false, evacuation_id = $3, version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(evacuation)
    .execute(connection)
    .await?;
    Ok(closed == 1)
}

/// Ends what [`close`] began, unless another evacuation has closed the warehouse since.
pub(crate) async fn reopen(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    evacuation: Uuid,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.warehouses SET evacuation_id = NULL, version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND evacuation_id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(evacuation)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether an evacuation keeps a warehouse closed.
pub(crate) async fn is_closed(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<bool, DbError> {
    let rows: Vec<IdRow> = cached_sql(
        "SELECT id FROM inventory.warehouses WHERE tenant_id = $1 AND id = $2 AND evacuation_id IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    Ok(!rows.is_empty())
}

/// Whether a holder that is not one of these has reserved units in a warehouse.
pub(crate) async fn has_other_holders(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    known: &BTreeSet<HolderId>,
) -> Result<bool, DbError> {
    let known: Vec<Uuid> = known.iter().map(|holder| holder.as_uuid()).collect();
    let rows: Vec<IdRow> = cached_sql(
        "SELECT order_id AS id FROM inventory.reservations
         WHERE tenant_id = $1 AND warehouse_id = $2 AND order_id <> ALL ($3) LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<SqlUuid>, _>(known)
    .load(connection)
    .await?;
    Ok(!rows.is_empty())
}
