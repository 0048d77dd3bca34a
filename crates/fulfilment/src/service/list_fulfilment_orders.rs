//! Lists fulfilment orders.

use oms_database::boxed;
use oms_validation::{Page, PageSize, TenantId};

use crate::context::FulfilmentContext;
use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::work_list::{WorkListCursor, WorkListFilter, cursor_of};
use crate::error::FulfilmentError;
use crate::store::work_list;

/// Returns a page of fulfilment orders. What is due first comes first. A page may be short, or empty, and still have a
/// next one.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_fulfilment_orders(
    context: &FulfilmentContext,
    tenant: TenantId,
    filter: &WorkListFilter,
    after: Option<WorkListCursor>,
    size: PageSize,
) -> Result<Page<FulfilmentOrder, WorkListCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = work_list::list(&mut connection, tenant, None, filter, after, limit).await?;
    let page = Page::of(found.orders, size, cursor_of);
    Ok(page.or_continued_at(found.looked_until))
}
