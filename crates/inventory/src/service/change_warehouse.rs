//! Changes a warehouse: its name, its location, whether routing may choose it.

use oms_database::boxed;
use oms_validation::{ExpectedVersion, TenantId, WarehouseId};

use crate::context::InventoryContext;
use crate::domain::warehouse::{Warehouse, WarehouseChange};
use crate::error::InventoryError;
use crate::store::{evacuated_warehouses, warehouses};

/// Changes a warehouse if it has the expected version, and returns it.
///
/// # Errors
/// `WarehouseNotFound`; `Changed` if it has another version; `WarehouseEvacuated`; `WarehouseNameTaken`; `Locating` if the new address can't
/// be geocoded; or the database's error. On error, nothing is changed.
#[boxed]
pub async fn change_warehouse(
    context: &InventoryContext,
    tenant: TenantId,
    id: WarehouseId,
    expected: &ExpectedVersion,
    mut change: WarehouseChange,
) -> Result<Warehouse, InventoryError> {
    if let (Some(address), None) = (&change.address, change.location) {
        let located = context.locator.locate(tenant, address.as_str()).await;
        change.location = Some(located.map_err(InventoryError::Locating)?);
    }
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            let warehouse = warehouses::lock(connection, tenant, id).await?;
            let warehouse = warehouse.ok_or(InventoryError::WarehouseNotFound)?;
            if !expected.allows(warehouse.version) {
                let version = warehouse.version;
                return Err(InventoryError::Changed { version });
            }
            if change.active == Some(true)
                && evacuated_warehouses::is_closed(connection, tenant, id).await?
            {
                return Err(InventoryError::WarehouseEvacuated);
            }
            let changed = change.clone().applied_to(warehouse);
            Ok(warehouses::update(connection, tenant, &changed).await?)
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
