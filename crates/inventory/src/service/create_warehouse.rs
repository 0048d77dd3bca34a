//! Creates a warehouse, once per idempotency key.

use oms_database::Connection;
use oms_validation::{IdempotencyKey, Keyed, Location, Once, TenantId, WarehouseId};
use uuid::Uuid;

use crate::context::InventoryContext;
use crate::domain::warehouse::{NewWarehouse, Warehouse};
use crate::error::InventoryError;
use crate::service::claim_key::{claim_key, find_result};
use crate::store::warehouses;

/// Creates a warehouse. For a known key, returns the warehouse of the earlier request in its current state.
///
/// # Errors
/// `NoPlace`; `Locating` if the address can't be geocoded; `WarehouseNameTaken`; `KeyReused`; `OutcomeUnknown` or
/// another error of the database. On error, nothing is changed, except possibly on `OutcomeUnknown`.
pub(crate) async fn create_warehouse(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    new: &NewWarehouse,
) -> Result<Once<Warehouse>, InventoryError> {
    let keyed = Keyed::new(key, "create warehouse v1", new);
    // A repeated request must not depend on the geocoder.
    let mut connection = context.database.acquire().await?;
    if let Some(id) = find_result(&mut connection, tenant, &keyed).await? {
        return created_before(&mut connection, tenant, id).await;
    }
    drop(connection);
    let location = locate(context, tenant, new).await?;
    let id = WarehouseId::generate();
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
                return created_before(connection, tenant, id).await;
            }
            let created = warehouses::insert(connection, tenant, id, new, location).await?;
            Ok(Once::Now(created))
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}

async fn created_before(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Once<Warehouse>, InventoryError> {
    let found = warehouses::find(connection, tenant, id.into()).await?;
    found
        .map(Once::Before)
        .ok_or(InventoryError::WarehouseNotFound)
}

async fn locate(
    context: &InventoryContext,
    tenant: TenantId,
    new: &NewWarehouse,
) -> Result<Location, InventoryError> {
    match (&new.location, &new.address) {
        (Some(location), _) => Ok(*location),
        (None, Some(address)) => {
            let located = context.locator.locate(tenant, address.as_str()).await;
            located.map_err(InventoryError::Locating)
        }
        (None, None) => Err(InventoryError::NoPlace),
    }
}
