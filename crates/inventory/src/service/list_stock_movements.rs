//! Lists stock movements.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::MovementId;
use crate::domain::stock_movement::{MovementFilter, StockMovement};
use crate::error::InventoryError;
use crate::store::stock_movements;

/// Returns a page of movements, newest first.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_stock_movements(
    context: &InventoryContext,
    tenant: TenantId,
    filter: MovementFilter,
    after: Option<Cursor<MovementId>>,
    size: PageSize,
) -> Result<Page<StockMovement, Cursor<MovementId>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = stock_movements::list(&mut connection, tenant, filter, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor(last.id)))
}
