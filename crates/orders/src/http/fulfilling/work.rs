//! `POST /fulfilment-orders/{id}/start` and `/stop`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{
    FulfilmentOrderId, Work, WrittenFulfilmentOrder, fulfilment_order_id_of,
    written_fulfilment_order,
};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch,
    ProblemResponse,
};

use crate::error;
use crate::http::OrdersApi;
use crate::service::fulfilling;

oms_web::refusals! {
    StartRefusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::NOT_FOUND,
        oms_fulfilment::ON_HOLD,
        oms_fulfilment::SCHEDULED,
        oms_fulfilment::CLOSED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

oms_web::refusals! {
    StopRefusals: [
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
    path = "/fulfilment-orders/{id}/start",
    operation_id = "startFulfilmentOrder",
    tag = "fulfilment",
    summary = "Begin to work on a fulfilment order",
    description = "It leaves `OPEN`. Shipping does the same by itself. Repeating the request changes nothing.",
    params(("id" = FulfilmentOrderId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    responses(
        (status = 200, description = "The fulfilment order.", body = WrittenFulfilmentOrder, headers(("ETag"))),
        StartRefusals,
    ),
)]
pub(in crate::http) async fn start(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let request = (key, expected, id);
    change(&api, tenant, actor, disclosure, request, Work::Start).await
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
        StopRefusals,
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
    let request = (key, expected, id);
    change(&api, tenant, actor, disclosure, request, Work::Stop).await
}

async fn change(
    api: &OrdersApi,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    (key, expected, id): (OptionalIdempotencyKey, OptionalIfMatch, web::Path<String>),
    work: Work,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let changing = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let expected = &expected.0;
        fulfilling::change_work::change_work(&context, tenant, id, expected, work, key, actor).await
    });
    let order = changing.await?;
    Ok(written_fulfilment_order(
        HttpResponse::Ok(),
        order,
        disclosure,
    ))
}
