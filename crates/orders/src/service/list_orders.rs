//! Listing orders.

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::domain::order_listing::{OrderCursor, OrderListing};
use crate::error::OrderError;
use crate::store::orders::listing;
use oms_validation::{Page, PageSize};

/// A page of orders, with their lines. It may have fewer entries than asked for, or none, and yet name a next page: a page
/// looks at a bounded number of orders.
///
/// # Errors
/// When the database can't be asked.
pub async fn list_orders(
    context: &OrderContext,
    tenant: TenantId,
    listing: &OrderListing,
    after: Option<OrderCursor>,
    size: PageSize,
) -> Result<Page<Order, OrderCursor>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // One more, to know whether there is a next page.
    let limit = size.get() + 1;
    let ids = listing.ids(after);
    let listed = listing::list(&mut connection, tenant, listing, ids, limit).await?;
    let mut page = Page::of(listed.orders, size, |last| listing.cursor(last.id));
    if page.next.is_none() {
        page.next = listed.looked_until.map(|last| listing.cursor(last));
    }
    Ok(page)
}
