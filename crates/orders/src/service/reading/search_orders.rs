//! Finds orders by what somebody types into a search box.

use oms_database::boxed;
use oms_payments::{Reference, find_attempt_by_reference};
use oms_validation::{OrderId, PageSize, TenantId, parse_uuid};

use crate::context::OrderContext;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::order::Order;
use crate::domain::order_listing::{OrderFilter, OrderListing, OrderSort};
use crate::error::OrderError;
use crate::service::reading::list_orders::list_orders;
use crate::store::orders;

/// What a text stands for.
#[derive(Debug)]
pub enum FoundOrders {
    /// One order, by its ID or the reference of its payment.
    One(OrderId),
    /// The orders of a customer, with the ID that the text is.
    OfCustomer(CustomerId),
    /// The orders with the text as their external reference, newest first.
    WithReference(ExternalReference, Vec<Order>),
    /// Nothing.
    Nothing,
}

/// Finds what a text stands for: the ID of an order, of a customer, the gateway's reference of a payment, or an external
/// reference, in this order. Each is read from an index.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn search_orders(
    context: &OrderContext,
    tenant: TenantId,
    text: &str,
) -> Result<FoundOrders, OrderError> {
    let text = text.trim();
    if let Ok(id) = parse_uuid(text) {
        let mut connection = context.database.acquire().await?;
        if orders::find(&mut connection, tenant, id.into())
            .await?
            .is_some()
        {
            return Ok(FoundOrders::One(id.into()));
        }
        drop(connection);
        let filter = OrderFilter {
            customer_id: Some(id.into()),
            ..OrderFilter::default()
        };
        if !first_of(context, tenant, filter).await?.is_empty() {
            return Ok(FoundOrders::OfCustomer(id.into()));
        }
    }
    if let Ok(reference) = Reference::parse(text) {
        let mut connection = context.database.acquire().await?;
        let gateway = context.gateway.name();
        let found = find_attempt_by_reference(&mut connection, tenant, gateway, &reference).await?;
        if let Some(attempt) = found {
            return Ok(FoundOrders::One(attempt.order_id));
        }
    }
    let Ok(reference) = ExternalReference::parse(text) else {
        return Ok(FoundOrders::Nothing);
    };
    let filter = OrderFilter {
        external_reference: Some(reference.clone()),
        ..OrderFilter::default()
    };
    let found = first_of(context, tenant, filter).await?;
    Ok(match found.as_slice() {
        [] => FoundOrders::Nothing,
        [one] => FoundOrders::One(one.id),
        _ => FoundOrders::WithReference(reference, found),
    })
}

async fn first_of(
    context: &OrderContext,
    tenant: TenantId,
    filter: OrderFilter,
) -> Result<Vec<Order>, OrderError> {
    let listing = OrderListing {
        filter,
        sort: OrderSort::NewestFirst,
    };
    let listed = list_orders(context, tenant, &listing, None, PageSize::default()).await?;
    Ok(listed.page.items)
}
