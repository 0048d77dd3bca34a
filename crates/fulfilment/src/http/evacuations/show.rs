//! `GET /evacuations/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::evacuation_id_of;
use super::representation::EvacuationBody;
use crate::domain::id::EvacuationId;
use crate::error::EVACUATION_NOT_FOUND;
use crate::http::FulfilmentApi;
use crate::service;

oms_web::refusals! {
    Refusals: [EVACUATION_NOT_FOUND]
}

/// Returns 200 with the evacuation; 404 if the tenant has no such evacuation.
#[utoipa::path(
    get,
    path = "/evacuations/{id}",
    operation_id = "getEvacuation",
    tag = "fulfilment",
    summary = "Get an evacuation",
    params(("id" = EvacuationId, Path)),
    responses(
        (status = 200, description = "The evacuation.", body = EvacuationBody),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = evacuation_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::read_evacuations::get_evacuation(&context, tenant.0, id).await
    });
    Ok(HttpResponse::Ok().json(EvacuationBody::from(reading.await?)))
}
