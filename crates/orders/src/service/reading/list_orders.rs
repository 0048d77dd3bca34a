//! Lists orders.

use chrono::{DateTime, Utc};
use oms_database::boxed;
use oms_validation::{Page, PageSize, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::domain::order_listing::{OrderCursor, OrderListing};
use crate::error::OrderError;
use crate::store::orders::{completeness, listing};

/// A page of a list of orders.
#[derive(Debug)]
pub struct ListedOrders {
    /// The orders, with their lines.
    pub page: Page<Order, OrderCursor>,
    /// No order created before this time will appear in the list later.
    pub complete_until: DateTime<Utc>,
}

/// Lists orders page by page. A page looks at a bounded number of orders, so it may have fewer entries than requested,
/// or none, and still name a next page.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn list_orders(
    context: &OrderContext,
    tenant: TenantId,
    listing: &OrderListing,
    after: Option<OrderCursor>,
    size: PageSize,
) -> Result<ListedOrders, OrderError> {
    let mut connection = context.database.acquire().await?;
    // Before the list is read, so that the list contains everything committed in between.
    let complete_until = completeness::complete_until(&mut connection).await?;
    // One more than the page, to know whether there is a next page.
    let limit = size.get() + 1;
    let ids = listing.ids(after);
    let listed = listing::list(&mut connection, tenant, listing, ids, limit).await?;
    let mut page = Page::of(listed.orders, size, |last| listing.cursor(last.id));
    if page.next.is_none() {
        page.next = listed.looked_until.map(|last| listing.cursor(last));
    }
    Ok(ListedOrders {
        page,
        complete_until,
    })
}
