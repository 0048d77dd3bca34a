//! `GET /orders/{id}/refunds`.

use actix_web::{HttpResponse, web};
use oms_validation::OrderId;
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::representation::RefundBody;
use super::{OrdersApi, order_id_of};
use crate::error::NOT_FOUND;
use crate::service::reading;

/// All refunds of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refunds)]
struct Body {
    /// Oldest first.
    items: Vec<RefundBody>,
}

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with all refunds of an order, or 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}/refunds",
    operation_id = "listRefunds",
    tag = "orders",
    summary = "List an order's refunds",
    params(("id" = OrderId, Path)),
    responses(
        (status = 200, description = "All refunds of the order.", body = Body),
        Refusals,
    ),
)]
pub(super) async fn list_refunds(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let reading = api
        .work
        .run(|context| async move { reading::get_order::get_order(&context, tenant.0, id).await });
    let details = reading.await?;
    let items = details.refunds.into_iter().map(RefundBody::from).collect();
    Ok(HttpResponse::Ok().json(Body { items }))
}
