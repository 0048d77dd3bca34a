//! `GET /orders/{id}/timeline`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::Problem;
use oms_inventory::{ProductId, WarehouseId};
use oms_validation::OrderId;
use oms_validation::http::CurrentTenant;
use serde::Serialize;
use utoipa::ToSchema;

use super::paging::{PageBody, parse_pairs, parse_size};
use super::representation::{CallBody, warehouse_name};
use super::{OrdersApi, order_id_of};
use crate::domain::page::{InvalidCursor, PageSize};
use crate::domain::status::OrderStatus;
use crate::domain::timeline::{Happening, TimelineCursor, TimelineEntry};
use crate::error::{NOT_FOUND, invalid_field};
use crate::service;
use crate::service::get_timeline::OrderTimeline;

oms_errors::refusals! {
    Refusals: [NOT_FOUND]
}

/// 200 with a page of what happened to the order, the first first; 404 when there is none of this id in this store. `limit` is
/// 1 to 100 (20), `cursor` the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/orders/{id}/timeline",
    operation_id = "getTimeline",
    tag = "orders",
    summary = "Read what happened to an order",
    description = "The first first: changes of its status, stock reserved and released, calls to the gateway, tries that failed, and what \
        operators did, each with who, why and when.",
    params(
        ("id" = OrderId, Path),
        ("limit" = Option<PageSize>, Query),
        ("cursor" = Option<String>, Query, description = "The `nextCursor` of an earlier page.", pattern = "^[ect][0-9a-f]{48}$"),
    ),
    responses(
        (status = 200, description = "A page.", body = PageBody<EntryBody>),
        Refusals,
    ),
)]
pub(super) async fn get_timeline(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = order_id_of(&id)?;
    let Query { size, after } = Query::parse(request.query_string())?;
    let context = api.context.clone();
    let reading = async move {
        service::get_timeline::get_timeline(&context, tenant.0, id, after, size).await
    };
    let timeline = api.detached(reading).await??;
    let stock = StockBody::of(&timeline);
    let entry = |entry| EntryBody::of(entry, &stock);
    Ok(HttpResponse::Ok().json(PageBody::of(timeline.page, entry)))
}

/// An entry of a timeline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TimelineEntry)]
struct EntryBody {
    occurred_at: DateTime<Utc>,
    #[serde(flatten)]
    happening: HappeningBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[schema(as = Happening)]
enum HappeningBody {
    Transition {
        /// Null when the order was placed.
        #[schema(required = true)]
        from: Option<OrderStatus>,
        to: OrderStatus,
    },
    Note {
        status: OrderStatus,
    },
    StockReserved(StockBody),
    StockReleased(StockBody),
    GatewayCall(CallBody),
    Retry {
        /// Counted from 1 each time that the order is left to the sweeper.
        r#try: i32,
        // By name: utoipa does not read `rename_all_fields`.
        #[serde(rename = "nextAt")]
        next_at: DateTime<Utc>,
    },
}

/// What an order holds, or held, and where.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldStock)]
struct StockBody {
    warehouse_id: WarehouseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse_name: Option<String>,
    items: Vec<HeldItem>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HeldItem {
    product_id: ProductId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    quantity: i32,
}

impl StockBody {
    fn of(timeline: &OrderTimeline) -> Self {
        let OrderTimeline { order, skus, .. } = timeline;
        let items = order.lines.iter().map(|line| HeldItem {
            product_id: line.product_id,
            sku: skus.get(&line.product_id).cloned(),
            quantity: line.quantity,
        });
        Self {
            warehouse_id: order.warehouse_id,
            warehouse_name: warehouse_name(&order.routing),
            items: items.collect(),
        }
    }
}

impl EntryBody {
    fn of(entry: TimelineEntry, stock: &StockBody) -> Self {
        let happening = match entry.happening {
            Happening::Transition { from, to } => HappeningBody::Transition { from, to },
            Happening::Note { status } => HappeningBody::Note { status },
            Happening::StockReserved => HappeningBody::StockReserved(stock.clone()),
            Happening::StockReleased => HappeningBody::StockReleased(stock.clone()),
            Happening::GatewayCall(call) => HappeningBody::GatewayCall(CallBody::from(*call)),
            Happening::Retry(failed) => HappeningBody::Retry {
                r#try: failed.number,
                next_at: failed.next_at,
            },
        };
        Self {
            occurred_at: entry.occurred_at,
            happening,
            actor: entry.actor,
            reason: entry.reason,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Query {
    size: PageSize,
    after: Option<TimelineCursor>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Problem> {
        let (mut size, mut after) = (None, None);
        for (name, value) in &parse_pairs(text)? {
            let is_first = match name.as_str() {
                "limit" => size.replace(parse_size(value)?).is_none(),
                "cursor" => after.replace(parse_cursor(value)?).is_none(),
                _ => return Err(invalid_field(name, "is not a known parameter")),
            };
            if !is_first {
                return Err(invalid_field(name, "is given twice"));
            }
        }
        Ok(Self {
            size: size.unwrap_or(PageSize::DEFAULT),
            after,
        })
    }
}

fn parse_cursor(value: &str) -> Result<TimelineCursor, Problem> {
    let parsed = value.parse();
    parsed.map_err(|error: InvalidCursor| invalid_field("cursor", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_wrong_or_unknown_or_given_twice_is_named() {
        for (text, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=2&limit=2", "limit"),
            ("cursor=42", "cursor"),
            ("sort=oldest", "sort"),
        ] {
            let body = Query::parse(text).unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
        let size = Query::parse("limit=7").unwrap().size;
        assert_eq!(Some(size), PageSize::new(7));
    }
}
