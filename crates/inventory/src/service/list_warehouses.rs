//! Lists warehouses.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId, WarehouseId};

use crate::context::InventoryContext;
use crate::domain::warehouse::Warehouse;
use crate::error::InventoryError;
use crate::store::warehouses;

/// Returns a page of warehouses, newest first. `active` selects the active or the inactive ones.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_warehouses(
    context: &InventoryContext,
    tenant: TenantId,
    active: Option<bool>,
    after: Option<Cursor<WarehouseId>>,
    size: PageSize,
) -> Result<Page<Warehouse, Cursor<WarehouseId>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = warehouses::list(&mut connection, tenant, active, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor(last.id)))
}
