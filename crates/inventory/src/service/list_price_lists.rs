//! Lists price lists.

use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::{PriceList, PriceListCode};
use crate::error::InventoryError;
use crate::store::price_lists;

/// Returns a page of price lists, newest first. A given code selects the one list with it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn list_price_lists(
    context: &InventoryContext,
    tenant: TenantId,
    code: Option<&PriceListCode>,
    after: Option<Cursor<PriceListId>>,
    size: PageSize,
) -> Result<Page<PriceList, Cursor<PriceListId>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = price_lists::list(&mut connection, tenant, code, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor(last.id)))
}
