//! Reads the timeline of an order.

use std::collections::HashMap;

use oms_database::boxed;
use oms_fulfilment::list_tracking_from;
use oms_inventory::find_skus;
use oms_payments::list_calls_from;
use oms_validation::{Cursor, OrderId, Page, PageSize, ProductId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::domain::timeline::{Found, Source, TimelineCursor, TimelineEntry};
use crate::error::OrderError;
use crate::store::{events, orders, retries};

/// A page of an order's timeline.
#[derive(Debug)]
pub struct OrderTimeline {
    /// The order.
    pub order: Order,
    /// A page of its history, oldest first.
    pub page: Page<TimelineEntry, TimelineCursor>,
    /// The SKUs of the products of its lines.
    pub skus: HashMap<ProductId, String>,
}

/// The history of an order, oldest first: its events, stock movements, calls to the gateway,
/// tries of the sweeper, and reports of carriers.
///
/// # Errors
/// `NotFound` if the tenant has no such order; otherwise if the database can't be reached.
#[boxed]
pub async fn get_timeline(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    after: Option<TimelineCursor>,
    size: PageSize,
) -> Result<OrderTimeline, OrderError> {
    let mut connection = context.database.acquire().await?;
    let connection = &mut connection;
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let needed = Found::needed_for(size);
    let first_event = after.map(|Cursor(place)| place.first_event());
    let first_of = |source| after.map(|Cursor(place)| place.first_of(source));
    let (first_call, first_try) = (first_of(Source::Calls), first_of(Source::Tries));
    let first_report = first_of(Source::Tracking);
    let found = Found {
        events: events::find_from(connection, tenant, order_id, first_event, needed).await?,
        calls: list_calls_from(connection, tenant, order_id, first_call, needed).await?,
        tries: retries::find_from(connection, tenant, order_id, first_try, needed).await?,
        tracking: list_tracking_from(connection, tenant, order_id, first_report, needed).await?,
    };
    let products: Vec<ProductId> = order.lines.iter().map(|line| line.product_id).collect();
    Ok(OrderTimeline {
        page: found.page(after, size),
        skus: find_skus(connection, tenant, &products).await?,
        order,
    })
}
