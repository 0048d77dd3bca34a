//! Lists shipments.

use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::FulfilmentContext;
use crate::domain::shipment::Shipment;
use crate::domain::work_list::{ShipmentCursor, ShipmentFilter, ShipmentsOf};
use crate::error::FulfilmentError;
use crate::store::{shipments, tracked};

/// Returns a page of shipments, newest first. A page may be short, or empty, and still have a next one.
///
/// # Errors
/// When the database fails.
pub async fn list_shipments(
    context: &FulfilmentContext,
    tenant: TenantId,
    filter: &ShipmentFilter,
    after: Option<ShipmentCursor>,
    size: PageSize,
) -> Result<Page<Shipment, ShipmentCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    match &filter.of {
        ShipmentsOf::Order(order_id) => {
            // An order has at most 50.
            let all = shipments::find_of_order(&mut connection, tenant, *order_id).await?;
            let is_listed = |it: &Shipment| {
                filter.status.is_none_or(|status| it.status == status)
                    && after.is_none_or(|Cursor(last)| it.id < last)
            };
            let mut found: Vec<Shipment> = all.into_iter().filter(is_listed).collect();
            found.sort_by_key(|it| std::cmp::Reverse(it.id));
            Ok(Page::of(found, size, cursor_of))
        }
        ShipmentsOf::Tracking(number) => {
            // One more row shows whether there is a next page.
            let limit = size.get() + 1;
            let status = filter.status;
            let found =
                tracked::list(&mut connection, tenant, number, status, after, limit).await?;
            let page = Page::of(found.shipments, size, cursor_of);
            Ok(page.or_continued_at(found.looked_until))
        }
    }
}

fn cursor_of(last: &Shipment) -> ShipmentCursor {
    Cursor(last.id)
}
