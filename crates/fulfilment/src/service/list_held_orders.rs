//! Lists the fulfilment orders on hold.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::FulfilmentContext;
use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::work_list::HeldCursor;
use crate::error::FulfilmentError;
use crate::store::held_orders;

/// Returns a page of the open fulfilment orders on hold, of all warehouses, the oldest first. A page may be short, or
/// empty, and still have a next one.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_held_orders(
    context: &FulfilmentContext,
    tenant: TenantId,
    after: Option<HeldCursor>,
    size: PageSize,
) -> Result<Page<FulfilmentOrder, HeldCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    let after = after.map(|Cursor(id)| id);
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = held_orders::list(&mut connection, tenant, None, after, limit).await?;
    let page = Page::of(found.orders, size, |last| Cursor(last.id));
    Ok(page.or_continued_at(found.looked_until.map(Cursor)))
}
