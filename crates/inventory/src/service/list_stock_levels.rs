//! Lists stock levels.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::InventoryContext;
use crate::domain::allocation::LevelKey;
use crate::domain::stock_level::{LevelFilter, StockLevel};
use crate::error::InventoryError;
use crate::store::{level_counts, product_records};

/// Returns a page of stock levels, ordered by warehouse and product.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_stock_levels(
    context: &InventoryContext,
    tenant: TenantId,
    mut filter: LevelFilter,
    after: Option<Cursor<LevelKey>>,
    size: PageSize,
) -> Result<Page<StockLevel, Cursor<LevelKey>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    if let Some(sku) = &filter.sku {
        let product = product_records::list(&mut connection, tenant, Some(sku), None, 1).await?;
        let product_id = product.first().map(|product| product.id);
        let contradicts = filter.product_id.is_some() && filter.product_id != product_id;
        if product_id.is_none() || contradicts {
            return Ok(Page::of(Vec::new(), size, cursor));
        }
        filter.product_id = product_id;
    }
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = level_counts::list(&mut connection, tenant, &filter, after, limit).await?;
    Ok(Page::of(found, size, cursor))
}

fn cursor(level: &StockLevel) -> Cursor<LevelKey> {
    Cursor((level.warehouse_id, level.product_id))
}
