//! `POST /fulfilment-orders/{id}/stop`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::http::fulfilment_order_id_of;
use oms_fulfilment::http::representation::{WrittenFulfilmentOrder, written_fulfilment_order};
use oms_fulfilment::{FulfilmentOrderId, Work};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch,
    ProblemResponse,
};

use crate::error;
use crate::http::OrdersApi;
use crate::service::fulfilling;

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::NOT_FOUND,
        oms_fulfilment::HAS_SHIPMENTS,
        oms_fulfilment::CLOSED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the fulfilment order, also if nothing changed.
#[utoipa::path(
    post,
    path = "/fulfilment-orders/{id}/stop",
    operation_id = "stopFulfilmentOrder",
    tag = "fulfilment",
    summary = "Return a fulfilment order to the work list",
    description = "Possible while none of its units is packed or shipped. Repeating the request changes nothing.",
    params(("id" = FulfilmentOrderId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    responses(
        (status = 200, description = "The fulfilment order.", body = WrittenFulfilmentOrder, headers(("ETag"))),
        Refusals,
    ),
)]
pub(in crate::http) async fn stop(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let changing = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let (expected, work) = (&expected.0, Work::Stop);
        fulfilling::change_work::change_work(&context, tenant, id, expected, work, key, actor).await
    });
    let order = changing.await?;
    Ok(written_fulfilment_order(
        HttpResponse::Ok(),
        order,
        disclosure,
    ))
}
