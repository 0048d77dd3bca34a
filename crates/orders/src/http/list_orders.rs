//! `GET /orders`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::{Problem, invalid_field};
use oms_inventory::WarehouseId;
use oms_validation::PageSize;
use oms_web::paging::{PageParameters, id, page_size, parameter, parse_query};
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::OrdersApi;
use super::representation::{OrderSummary, Replay};
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::order::Order;
use crate::domain::order_listing::{OrderCursor, OrderFilter, OrderListing, OrderSort};
use crate::domain::status::OrderStatus;
use crate::service::reading;

/// 200 with a page, newest first unless `sort` is `oldest`. `status`, `customerId`, `warehouseId`, `createdFrom`, `createdTo`,
/// `externalReference` and `disputed` narrow it, all that are given together; `limit` is 1 to 100 (20), `cursor` the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "listOrders",
    tag = "orders",
    summary = "List orders",
    description = "Those to which all of the filters apply, page by page. A page may be shorter than its `limit`, or empty, and yet have \
        a `nextCursor`: go on until there is none.",
    params(ListParameters, PageParameters),
    responses((status = 200, description = "A page.", body = OrderPage)),
)]
pub(super) async fn list_orders(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let query = Query::parse(request.query_string())?;
    let context = api.context.clone();
    let listing = async move {
        let Query {
            listing,
            size,
            after,
        } = query;
        reading::list_orders::list_orders(&context, tenant.0, &listing, after, size).await
    };
    let listed = api.detached(listing).await??;
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
    /// What the request for the next page has to carry as `cursor`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// No order that was created before this time will appear in the list later. To poll for new orders without missing
    /// one, pass this value of the last poll's first page as `createdFrom`, with `sort=oldest`, and ignore the orders
    /// that you have.
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

/// The parameters of the list.
const PARAMETERS: [&str; 10] = [
    "status",
    "customerId",
    "warehouseId",
    "createdFrom",
    "createdTo",
    "externalReference",
    "disputed",
    "sort",
    "limit",
    "cursor",
];

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what is read by hand")]
struct ListParameters {
    status: Option<OrderStatus>,
    customer_id: Option<CustomerId>,
    warehouse_id: Option<WarehouseId>,
    external_reference: Option<ExternalReference>,
    /// Placed then or later.
    created_from: Option<DateTime<Utc>>,
    /// Placed before that. Later than `createdFrom`.
    created_to: Option<DateTime<Utc>>,
    /// Whether the payment was ever disputed.
    disputed: Option<bool>,
    sort: Option<OrderSort>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Query {
    listing: OrderListing,
    size: PageSize,
    after: Option<OrderCursor>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Problem> {
        let query = parse_query(text, &PARAMETERS)?;
        let filter = OrderFilter {
            status: parameter(&query, "status", parse_status)?,
            customer_id: id(&query, "customerId")?,
            warehouse_id: id(&query, "warehouseId")?,
            created_from: parameter(&query, "createdFrom", parse_time)?,
            created_to: parameter(&query, "createdTo", parse_time)?,
            external_reference: parameter(&query, "externalReference", parse_reference)?,
            disputed: parameter(&query, "disputed", parse_flag)?,
        };
        if let (Some(from), Some(to)) = (filter.created_from, filter.created_to)
            && from >= to
        {
            return Err(invalid_field("createdTo", "must be later than createdFrom"));
        }
        let sort = parameter(&query, "sort", parse_sort)?;
        let listing = OrderListing {
            filter,
            sort: sort.unwrap_or(OrderSort::NewestFirst),
        };
        let after = parameter(&query, "cursor", |text| {
            let parsed = listing.parse_cursor(text);
            parsed.map_err(|error| error.to_string())
        })?;
        let size = page_size(&query)?;
        Ok(Self {
            listing,
            size,
            after,
        })
    }
}

fn parse_status(value: &str) -> Result<OrderStatus, String> {
    OrderStatus::parse(value).ok_or_else(|| {
        let statuses = OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
        format!("must be one of {statuses}")
    })
}

fn parse_reference(value: &str) -> Result<ExternalReference, String> {
    ExternalReference::parse(value).map_err(|error| error.to_string())
}

fn parse_flag(value: &str) -> Result<bool, String> {
    let parsed = value.parse();
    parsed.map_err(|_| "must be true or false".to_owned())
}

fn parse_sort(value: &str) -> Result<OrderSort, String> {
    OrderSort::parse(value).ok_or_else(|| "must be newest or oldest".to_owned())
}

fn parse_time(value: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(value).map(|at| at.to_utc());
    let wrong = "must be a time such as 2026-11-01T00:00:00Z, with %2B for the + of an offset";
    parsed.map_err(|_| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_parameters_asks_for_the_newest_of_all() {
        let query = Query::parse("").unwrap();
        assert_eq!(query.listing.filter, OrderFilter::default());
        assert_eq!(query.listing.sort, OrderSort::NewestFirst);
        assert_eq!((query.size, query.after), (PageSize::DEFAULT, None));
    }

    #[test]
    fn blank_parameters_count_as_left_out() {
        let names = PARAMETERS.map(|name| format!("{name}=")).join("&");
        assert_eq!(Query::parse(&names).unwrap(), Query::parse("").unwrap());
    }

    #[test]
    fn filters_are_combined() {
        let id = uuid::Uuid::from_u128(7);
        let text = format!(
            "status=PAID&customerId={id}&warehouseId={id}&createdFrom=2026-11-01T00:00:00Z\
             &createdTo=2026-11-02T01:00:00%2B01:00&externalReference=%231001&disputed=true&sort=oldest&limit=7"
        );
        let query = Query::parse(&text).unwrap();
        let filter = query.listing.filter;
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
        assert_eq!(query.listing.sort, OrderSort::OldestFirst);
        assert_eq!(Some(query.size), PageSize::new(7));
    }

    #[test]
    fn a_parameter_that_is_wrong_or_unknown_or_given_twice_is_named() {
        let other = Query::parse("").unwrap().listing;
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
            let body = Query::parse(text).unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}
