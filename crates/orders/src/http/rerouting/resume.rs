//! `POST /evacuations/{id}/resume`.

use actix_web::{HttpResponse, web};
use oms_fulfilment::{EvacuationBody, EvacuationId};
use oms_web::{CurrentTenant, OptionalIdempotencyKey, ProblemResponse};

use super::{EvacuationRefusals, evacuation_changed};
use crate::http::OrdersApi;
use crate::service::rerouting::change_evacuation::EvacuationChange;

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
        EvacuationRefusals,
    ),
)]
pub(in crate::http) async fn resume(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    evacuation_changed(&api, tenant, key, &id, EvacuationChange::Resume).await
}
