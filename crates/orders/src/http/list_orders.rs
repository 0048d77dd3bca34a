//! `GET /orders`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::{Problem, invalid_field};
use oms_validation::{PageSize, Time, WarehouseId};
use oms_web::{CurrentTenant, ProblemResponse, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::OrdersApi;
use super::representation::{OrderSummary, Replay};
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::order::Order;
use crate::domain::order_listing::{OrderCursor, OrderFilter, OrderListing, OrderSort};
use crate::domain::status::OrderStatus;
use crate::service::reading;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    status: Option<OrderStatus>,
    customer_id: Option<CustomerId>,
    warehouse_id: Option<WarehouseId>,
    external_reference: Option<ExternalReference>,
    /// Placed at this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_from: Option<Time>,
    /// Placed before this time. Must be later than `createdFrom`.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_to: Option<Time>,
    /// Whether the payment was ever disputed.
    disputed: Option<bool>,
    #[serde(default)]
    sort: OrderSort,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of an earlier page, with all other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<OrderCursor>,
}

impl Parameters {
    fn read(self) -> Result<(OrderListing, PageSize, Option<OrderCursor>), Problem> {
        if let (Some(from), Some(to)) = (self.created_from, self.created_to)
            && from >= to
        {
            return Err(invalid_field("createdTo", "must be later than createdFrom"));
        }
        let filter = OrderFilter {
            status: self.status,
            customer_id: self.customer_id,
            warehouse_id: self.warehouse_id,
            created_from: self.created_from.map(Time::get),
            created_to: self.created_to.map(Time::get),
            external_reference: self.external_reference,
            disputed: self.disputed,
        };
        let sort = self.sort;
        let listing = OrderListing { filter, sort };
        let checked = self.cursor.map_or(Ok(()), |cursor| listing.check(cursor));
        checked.map_err(|error| invalid_field("cursor", error.to_string()))?;
        Ok((listing, self.limit, self.cursor))
    }
}

/// Answers 200 with a page, newest first unless `sort` is `oldest`. `status`, `customerId`, `warehouseId`,
/// `createdFrom`, `createdTo`, `externalReference` and `disputed` are combined with AND; `limit` is 1–100, default 20;
/// `cursor` is the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "listOrders",
    tag = "orders",
    summary = "List orders",
    description = "Orders that match all filters, page by page. A page may have fewer than `limit` orders, or none, and still have a \
        `nextCursor`. Continue until it is absent.",
    params(Parameters),
    responses((status = 200, description = "A page.", body = OrderPage)),
)]
pub(super) async fn list_orders(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let (listing, limit, after) = query.0.read()?;
    let listing = api.work.run(|context| async move {
        reading::list_orders::list_orders(&context, tenant.0, &listing, after, limit).await
    });
    let listed = listing.await?;
    let page = listed.page.try_map(|order| ListedOrder::of(&order))?;
    Ok(HttpResponse::Ok().json(OrderPage {
        items: page.items,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        complete_until: listed.complete_until,
    }))
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderPage {
    items: Vec<ListedOrder>,
    /// Pass it as `cursor` to get the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// No order created before this time will appear in the list later. To poll for new orders without missing one,
    /// pass the value from the first page of the last poll as `createdFrom`, with `sort=oldest`, and skip the orders
    /// that you already have.
    complete_until: DateTime<Utc>,
}

/// An order of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ListedOrder {
    #[serde(flatten)]
    summary: OrderSummary,
    /// Why the order failed, such as `payment_declined:insufficient_funds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl ListedOrder {
    fn of(order: &Order) -> Result<Self, Problem> {
        Ok(Self {
            summary: OrderSummary::of(order, Replay::No)?,
            failure: order.failure.as_ref().map(ToString::to_string),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(OrderListing, PageSize, Option<OrderCursor>), Problem> {
        Query::<Parameters>::parse(text)?.0.read()
    }

    #[test]
    fn a_query_without_parameters_lists_the_newest_orders() {
        let (listing, size, after) = parse("").unwrap();
        assert_eq!(listing.filter, OrderFilter::default());
        assert_eq!(listing.sort, OrderSort::NewestFirst);
        assert_eq!((size, after), (PageSize::DEFAULT, None));
    }

    #[test]
    fn blank_parameters_count_as_omitted() {
        let blank = "status=&customerId=&warehouseId=&externalReference=&createdFrom=&createdTo=&disputed=&sort=\
            &limit=&cursor=";
        assert_eq!(parse(blank).unwrap(), parse("").unwrap());
    }

    #[test]
    fn filters_are_combined() {
        let id = uuid::Uuid::from_u128(7);
        let text = format!(
            "status=PAID&customerId={id}&warehouseId={id}&createdFrom=2026-11-01T00:00:00Z\
             &createdTo=2026-11-02T01:00:00%2B01:00&externalReference=%231001&disputed=true&sort=oldest&limit=7"
        );
        let (listing, size, _) = parse(&text).unwrap();
        let filter = listing.filter;
        assert_eq!(filter.status, Some(OrderStatus::Paid));
        assert_eq!(filter.disputed, Some(true));
        assert_eq!(filter.customer_id, Some(id.into()));
        assert_eq!(filter.warehouse_id, Some(id.into()));
        assert_eq!(
            filter.external_reference,
            ExternalReference::parse("#1001").ok()
        );
        let hours = filter.created_to.unwrap() - filter.created_from.unwrap();
        assert_eq!(hours, chrono::TimeDelta::hours(24));
        assert_eq!(listing.sort, OrderSort::OldestFirst);
        assert_eq!(Some(size), PageSize::new(7));
    }

    #[test]
    fn a_wrong_unknown_or_repeated_parameter_is_named() {
        let (other, ..) = parse("").unwrap();
        let of_other = format!(
            "sort=oldest&cursor={}",
            other.cursor(oms_validation::OrderId::generate())
        );
        for (text, field) in [
            ("status=paid", "status"),
            ("status=PAID&status=PAID", "status"),
            ("customerId=7", "customerId"),
            ("warehouseId=x", "warehouseId"),
            ("createdFrom=2026-11-01", "createdFrom"),
            ("createdTo=2026-11-01T00:00:00+00:00", "createdTo"),
            (
                "createdFrom=2026-11-01T00:00:00Z&createdTo=2026-11-01T00:00:00Z",
                "createdTo",
            ),
            ("externalReference=a%0Ab", "externalReference"),
            ("sort=up", "sort"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("cursor=42", "cursor"),
            (&of_other, "cursor"),
            ("page=2", "page"),
        ] {
            let body = parse(text).unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}
