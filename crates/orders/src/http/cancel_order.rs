//! `POST /orders/{id}/cancel`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentTenant, OptionalJson};
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use super::representation::OrderBody;
use super::{OrdersApi, order_id_of, reason_of};
use crate::domain::actor::API;
use crate::error::{OrderError, RETRY_AFTER_S, location_of};
use crate::service;
use crate::service::cancel_order::Cancellation;

/// The body, which may be absent.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    reason: Option<String>,
}

/// 200 with the order once it is cancelled; 202 while that is under way. 404 when there is none of this id in this store; 409
/// when it has failed or was refunded, or while money of it is given back.
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
            .json(json!({ "orderId": order.order_id, "status": order.status })),
    })
}
