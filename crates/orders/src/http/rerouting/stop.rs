//! `POST /evacuations/{id}/stop`.

use actix_web::{HttpResponse, web};
use oms_fulfilment::{EvacuationBody, EvacuationId};
use oms_web::{CurrentTenant, OptionalIdempotencyKey, ProblemResponse};

use super::{EvacuationRefusals, evacuation_changed};
use crate::http::OrdersApi;
use crate::service::rerouting::change_evacuation::EvacuationChange;

/// Answers 200 with the evacuation.
#[utoipa::path(
    post,
    path = "/evacuations/{id}/stop",
    operation_id = "stopEvacuation",
    tag = "fulfilment",
    summary = "Stop an evacuation",
    description = "Nothing more is moved once this has answered. The warehouse stays inactive; activate it to give it new orders. Repeating the request changes nothing.",
    params(("id" = EvacuationId, Path), OptionalIdempotencyKey),
    responses(
        (status = 200, description = "The evacuation.", body = EvacuationBody),
        EvacuationRefusals,
    ),
)]
pub(in crate::http) async fn stop(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    evacuation_changed(&api, tenant, key, &id, EvacuationChange::Stop).await
}
