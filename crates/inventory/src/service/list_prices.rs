//! Lists the prices of a price list.

use oms_validation::{Cursor, Page, PageSize, ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::ListPrice;
use crate::error::InventoryError;
use crate::store::list_prices::{self, PriceKey};
use crate::store::price_lists;

/// Returns a page of the prices of a list, ordered by product and quantity. A given product selects its prices.
///
/// # Errors
/// `PriceListNotFound`, or the database's error.
pub(crate) async fn list_prices(
    context: &InventoryContext,
    tenant: TenantId,
    list: PriceListId,
    product: Option<ProductId>,
    after: Option<Cursor<PriceKey>>,
    size: PageSize,
) -> Result<Page<ListPrice, Cursor<PriceKey>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let known = price_lists::find(&mut connection, tenant, list).await?;
    known.ok_or(InventoryError::PriceListNotFound)?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = list_prices::list(&mut connection, tenant, list, product, after, limit).await?;
    Ok(Page::of(found, size, |last| {
        let quantity = u64::from(last.min_quantity.unsigned_abs());
        Cursor((last.product_id, quantity))
    }))
}
