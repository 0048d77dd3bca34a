//! Reading what happened to an order.

use std::collections::HashMap;

use oms_inventory::{ProductId, find_skus};
use oms_payments::list_calls_from;
use oms_validation::{OrderId, Page, PageSize, TenantId};

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
    /// What happened to it and because of it, from its beginning.
    pub page: Page<TimelineEntry, TimelineCursor>,
    /// What the products of its lines are called.
    pub skus: HashMap<ProductId, String>,
}

/// What happened to an order, the first first: its own events, what was done to the stock, the calls to the gateway, and the
/// tries of the sweeper.
///
/// # Errors
/// `NotFound` when there is none of this id in this store; else when the database can't be asked.
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
    let first_event = after.map(TimelineCursor::first_event);
    let first_of = |source| after.map(|cursor| cursor.first_of(source));
    let (first_call, first_try) = (first_of(Source::Calls), first_of(Source::Tries));
    let found = Found {
        events: events::find_from(connection, tenant, order_id, first_event, needed).await?,
        calls: list_calls_from(connection, tenant, order_id, first_call, needed).await?,
        tries: retries::find_from(connection, tenant, order_id, first_try, needed).await?,
    };
    let products: Vec<ProductId> = order.lines.iter().map(|line| line.product_id).collect();
    Ok(OrderTimeline {
        page: found.page(after, size),
        skus: find_skus(connection, tenant, &products).await?,
        order,
    })
}
