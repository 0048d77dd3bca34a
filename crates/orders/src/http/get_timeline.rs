//! `GET /orders/{id}/timeline`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_fulfilment::{ShipmentId, TrackingStatus};
use oms_validation::{OrderId, PageSize, ProductId, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::representation::{CallBody, warehouse_name};
use super::{OrdersApi, order_id_of};
use crate::domain::status::OrderStatus;
use crate::domain::timeline::{Happening, TimelineCursor, TimelineEntry};
use crate::error::NOT_FOUND;
use crate::service::reading;
use crate::service::reading::get_timeline::OrderTimeline;

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of an earlier page.
    #[param(value_type = Option<String>, pattern = "^[ectp][0-9a-f]{48}$")]
    cursor: Option<TimelineCursor>,
}

/// Answers 200 with a page of the order's history, oldest first. 404 if the tenant has no such order. `limit` is 1–100,
/// default 20; `cursor` is the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/orders/{id}/timeline",
    operation_id = "getTimeline",
    tag = "orders",
    summary = "Read an order's timeline",
    description = "Oldest first: status changes, stock reserved and released, calls to the gateway, failed tries, shipments, \
        reports of carriers, and actions of operators, each with who, why and when.",
    params(
        ("id" = OrderId, Path),
        Parameters,
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
    query: Result<Query<Parameters>, ProblemResponse>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    // After the ID: a malformed ID is unknown (404), whatever the query contains.
    let Parameters { limit, cursor } = query?.0;
    let reading = api.work.run(|context| async move {
        reading::get_timeline::get_timeline(&context, tenant.0, id, cursor, limit).await
    });
    let timeline = reading.await?;
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
    /// Who caused it: `api:` and the name of the credential, `operator:` and the operator's name, or a worker such as
    /// `sweeper`. Only `api` in entries of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("api:storefront"))]
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
        /// What it is about, such as `shipment.shipped`; absent if there are only words.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<String>,
        /// Its facts: IDs and units.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    StockReserved(StockBody),
    StockReleased(StockBody),
    GatewayCall(CallBody),
    Retry {
        /// Counted from 1 each time the order is left to the sweeper.
        r#try: i32,
        // Set by hand: utoipa does not read `rename_all_fields`.
        #[serde(rename = "nextAt")]
        next_at: DateTime<Utc>,
    },
    Tracking(TrackingBody),
}

/// A carrier's report about a parcel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrackingEntry)]
struct TrackingBody {
    shipment_id: ShipmentId,
    /// The parcel's number in the shipment.
    parcel: i32,
    status: TrackingStatus,
    /// In the carrier's words. Absent once it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// When it happened, as the carrier says. `occurredAt` is when it was reported.
    happened_at: DateTime<Utc>,
}

/// The stock that an order holds or held, and its warehouse.
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
            Happening::Note {
                status,
                event,
                data,
            } => HappeningBody::Note {
                status,
                event,
                data,
            },
            Happening::StockReserved => HappeningBody::StockReserved(stock.clone()),
            Happening::StockReleased => HappeningBody::StockReleased(stock.clone()),
            Happening::GatewayCall(call) => HappeningBody::GatewayCall(CallBody::from(*call)),
            Happening::Retry(failed) => HappeningBody::Retry {
                r#try: failed.number,
                next_at: failed.next_at,
            },
            Happening::Tracking(report) => HappeningBody::Tracking(TrackingBody {
                shipment_id: report.shipment_id,
                parcel: report.parcel,
                status: report.status,
                detail: report.detail,
                happened_at: report.happened_at,
            }),
        };
        Self {
            occurred_at: entry.occurred_at,
            happening,
            actor: entry.actor,
            reason: entry.reason,
        }
    }
}
