//! `POST /evacuations/{id}/resume`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_fulfilment::{EvacuationBody, EvacuationId, evacuation_id_of};
use oms_web::{CurrentTenant, OptionalIdempotencyKey, ProblemResponse};

use crate::error;
use crate::http::OrdersApi;
use crate::service::rerouting::evacuation_requests::resume_evacuation;

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        oms_fulfilment::EVACUATION_NOT_FOUND,
        oms_fulfilment::EVACUATION_FINISHED,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the evacuation.
#[utoipa::path(
    post,
    path = "/evacuations/{id}/resume",
    operation_id = "resumeEvacuation",
    tag = "fulfilment",
    summary = "Resume an evacuation",
    description = "Closes the warehouse again, and tries again to move what is on hold. Of an evacuation in progress it does only the latter.",
    params(("id" = EvacuationId, Path), OptionalIdempotencyKey),
    responses(
        (status = 200, description = "The evacuation.", body = EvacuationBody),
        Refusals,
    ),
)]
pub(in crate::http) async fn resume(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = evacuation_id_of(&id)?;
    let changing = api.work.run(|context| async move {
        resume_evacuation(&context, tenant.0, id, key.0.as_ref()).await
    });
    Ok(HttpResponse::Ok().json(EvacuationBody::from(changing.await?)))
}
