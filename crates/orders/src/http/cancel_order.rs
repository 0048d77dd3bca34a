//! `POST /orders/{id}/cancel`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::OrderId;
use oms_validation::http::{CurrentTenant, OptionalJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{OrderBody, PendingOrder};
use super::{OrdersApi, order_id_of, reason_of};
use crate::domain::actor::API;
use crate::domain::reason::Reason;
use crate::error::{self, OrderError, RETRY_AFTER_S, location_of};
use crate::service;
use crate::service::cancel_order::Cancellation;

/// The body, which may be absent.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CancellationRequest)]
pub(super) struct Body {
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
}

oms_errors::refusals! {
    Refusals: [error::NOT_FOUND], with a location: [error::NOT_CANCELLABLE, error::REFUND_IN_PROGRESS]
}

/// 200 with the order once it is cancelled; 202 while that is under way. 404 when there is none of this id in this store; 409
/// when it has failed or was refunded, or while money of it is given back.
#[utoipa::path(
    post,
    path = "/orders/{id}/cancel",
    operation_id = "cancelOrder",
    tag = "orders",
    summary = "Cancel an order",
    description = "Gives back what was paid, and the stock. Repeating it changes nothing more.",
    params(("id" = OrderId, Path)),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "Cancelled: no money is left with us, and the stock is back.", body = OrderBody,
            headers(("Location"))),
        (status = 202, description = "Under way.", body = PendingOrder, headers(("Location"), ("Retry-After"))),
        Refusals,
    ),
)]
pub(super) async fn cancel_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, Problem> {
    let id = order_id_of(&id)?;
    let reason = reason_of(body.0.unwrap_or_default().reason.as_deref())?;
    let context = api.context.clone();
    let cancelling = async move {
        service::cancel_order::cancel_order(&context, tenant.0, id, reason.as_ref(), API).await
    };
    let cancellation = api.detached(cancelling).await??;
    Ok(answer(cancellation)?)
}

fn answer(cancellation: Cancellation) -> Result<HttpResponse, OrderError> {
    Ok(match cancellation {
        Cancellation::Done(details) => HttpResponse::Ok()
            .insert_header((header::LOCATION, location_of(details.order.id)))
            .json(OrderBody::of(*details)?),
        Cancellation::UnderWay(order) => HttpResponse::Accepted()
            .insert_header((header::LOCATION, location_of(order.order_id)))
            .insert_header((header::RETRY_AFTER, RETRY_AFTER_S))
            .json(PendingOrder {
                order_id: order.order_id,
                status: order.status,
            }),
    })
}
