//! `GET /events/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::EventsApi;
use super::representation::EventBody;
use crate::domain::key::EventKey;
use crate::error::{EventsError, NOT_FOUND};
use crate::service;

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with the event; 404 if the tenant has no such event or it is no longer kept.
#[utoipa::path(
    get,
    path = "/events/{id}",
    operation_id = "getEvent",
    tag = "events",
    summary = "Get an event",
    params(("id" = String, Path, description = "The event's `id`.", example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2")),
    responses(
        (status = 200, description = "The event, as the feed has it.", body = EventBody),
        Refusals,
    ),
)]
pub(super) async fn get_event(
    api: web::Data<EventsApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let key: EventKey = id.parse().map_err(|_| EventsError::NotFound)?;
    let reading = api
        .work
        .run(|context| async move { service::get_event::get_event(&context, tenant.0, key).await });
    Ok(HttpResponse::Ok().json(reading.await?))
}
