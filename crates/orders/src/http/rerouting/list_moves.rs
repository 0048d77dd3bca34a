//! `GET /orders/{id}/moves`.

use actix_web::{HttpResponse, web};
use oms_validation::OrderId;
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::representation::MoveBody;
use crate::error::NOT_FOUND;
use crate::http::{OrdersApi, order_id_of};
use crate::service::rerouting::find_moves::find_moves;

/// The moves of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Moves)]
struct Body {
    /// Oldest first, at most 100.
    items: Vec<MoveBody>,
}

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with the moves of an order; 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}/moves",
    operation_id = "listOrderMoves",
    tag = "fulfilment",
    summary = "List an order's moves",
    description = "The units of the order that went from one warehouse to another, and why. Oldest first.",
    params(("id" = OrderId, Path)),
    responses(
        (status = 200, description = "All of them.", body = Body),
        Refusals,
    ),
)]
pub(in crate::http) async fn list_moves(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let reading = api
        .work
        .run(|context| async move { find_moves(&context, tenant.0, id).await });
    let items = reading.await?.into_iter().map(MoveBody::from).collect();
    Ok(HttpResponse::Ok().json(Body { items }))
}
