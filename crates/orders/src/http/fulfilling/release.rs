//! `DELETE /fulfilment-orders/{id}/holds/{handle}`.

use actix_web::{HttpResponse, web};
use oms_fulfilment::http::fulfilment_order_id_of;
use oms_fulfilment::{FulfilmentOrderId, HoldHandle};
use oms_web::{CurrentActor, CurrentTenant, ProblemResponse};

use crate::error;
use crate::http::OrdersApi;
use crate::service::fulfilling;

oms_web::refusals! {
    Refusals: [oms_fulfilment::NOT_FOUND, error::CONTENDED, error::OUTCOME_UNKNOWN]
}

/// Answers 204, also if there is no hold with this handle.
#[utoipa::path(
    delete,
    path = "/fulfilment-orders/{id}/holds/{handle}",
    operation_id = "releaseHold",
    tag = "fulfilment",
    summary = "Release a hold",
    description = "Does nothing if there is no hold with this handle.",
    params(("id" = FulfilmentOrderId, Path), ("handle" = HoldHandle, Path)),
    responses(
        (status = 204, description = "There is no hold with this handle any more."),
        Refusals,
    ),
)]
pub(in crate::http) async fn release(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    let (id, handle) = path.into_inner();
    let id = fulfilment_order_id_of(&id)?;
    let handle = HoldHandle::parse(&handle).ok();
    let releasing = api.work.run(|context| async move {
        let (tenant, actor) = (tenant.0, actor.0.as_str());
        fulfilling::release_hold::release_hold(&context, tenant, id, handle.as_ref(), actor).await
    });
    releasing.await?;
    Ok(HttpResponse::NoContent().finish())
}
