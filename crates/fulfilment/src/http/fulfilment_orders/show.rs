//! `GET /fulfilment-orders/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::fulfilment_order_id_of;
use crate::domain::id::FulfilmentOrderId;
use crate::error::NOT_FOUND;
use crate::http::FulfilmentApi;
use crate::http::representation::{FulfilmentOrderBody, shown};
use crate::service;

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Returns 200 with the fulfilment order and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such
/// fulfilment order.
#[utoipa::path(
    get,
    path = "/fulfilment-orders/{id}",
    operation_id = "getFulfilmentOrder",
    tag = "fulfilment",
    summary = "Get a fulfilment order",
    params(
        ("id" = FulfilmentOrderId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The fulfilment order.", body = FulfilmentOrderBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::get_fulfilment_order::get_fulfilment_order(&context, tenant.0, id).await
    });
    let order = reading.await?;
    Ok(shown(order.version, FulfilmentOrderBody::from(order)))
}
