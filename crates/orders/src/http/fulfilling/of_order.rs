//! `GET /orders/{id}/fulfilment-orders`.

use actix_web::{HttpResponse, web};
use oms_fulfilment::{FulfilmentOrderBody, FulfilmentStatus, ShipmentBody};
use oms_validation::OrderId;
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::NOT_FOUND;
use crate::http::{OrdersApi, order_id_of};
use crate::service::fulfilling;

/// The fulfilment of an order: its fulfilment orders and shipments.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderFulfilment)]
struct Body {
    fulfilment_status: FulfilmentStatus,
    /// Ordered by number.
    fulfilment_orders: Vec<FulfilmentOrderBody>,
    /// Ordered by number.
    shipments: Vec<ShipmentBody>,
}

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with the fulfilment orders and shipments of an order; 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}/fulfilment-orders",
    operation_id = "listOrderFulfilmentOrders",
    tag = "fulfilment",
    summary = "List an order's fulfilment orders",
    description = "With its shipments. Empty until the order is paid.",
    params(("id" = OrderId, Path)),
    responses(
        (status = 200, description = "All of them.", body = Body),
        Refusals,
    ),
)]
pub(in crate::http) async fn of_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        fulfilling::order_fulfilments::order_fulfilments(&context, tenant.0, id).await
    });
    let found = reading.await?;
    let fulfilment_status = found.status();
    let orders = found.fulfilment_orders.into_iter();
    let shipments = found.shipments.into_iter();
    Ok(HttpResponse::Ok().json(Body {
        fulfilment_status,
        fulfilment_orders: orders.map(FulfilmentOrderBody::from).collect(),
        shipments: shipments.map(ShipmentBody::from).collect(),
    }))
}
