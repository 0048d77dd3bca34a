//! `POST /webhook-endpoints/{id}/pause` and `…/enable`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_web::{CurrentActor, CurrentTenant, OptionalIfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{EndpointBody, answer};
use super::{WebhooksApi, id_of};
use crate::domain::feed::FeedStart;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error;
use crate::http::examples;
use crate::service::webhooks::set_status::{enable_endpoint, pause_endpoint};

oms_web::refusals! {
    PauseRefusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        error::ENDPOINT_NOT_FOUND,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the endpoint, also if it was paused or disabled already.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/pause",
    operation_id = "pauseWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Pause a webhook endpoint",
    description = "It gets no events until it is enabled, and keeps its place.",
    params(("id" = EndpointId, Path), OptionalIfMatch),
    responses(
        (status = 200, description = "The endpoint.", body = EndpointBody, headers(("ETag"))),
        PauseRefusals,
    ),
)]
pub(super) async fn pause(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    expected: OptionalIfMatch,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let pausing = api.work.run(|context| async move {
        pause_endpoint(&context, tenant.0, id, &expected.0, &actor.0).await
    });
    Ok(answer(HttpResponse::Ok(), pausing.await?, Vec::new()))
}

/// Where an endpoint continues.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EnabledWebhookEndpoint, examples(examples::enable))]
pub(super) struct EnableBody {
    /// `earliest`, `latest`, or a cursor of `GET /events`. Omitted: at its place.
    #[schema(value_type = Option<String>)]
    resume_from: Option<FeedStart>,
}

oms_web::refusals! {
    EnableRefusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        error::ENDPOINT_NOT_FOUND,
        error::POSITION_EXPIRED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the endpoint, also if it was enabled already; 409 if events after its place were deleted.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/enable",
    operation_id = "enableWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Enable a webhook endpoint",
    description = "It gets the events from its place on, or from `resumeFrom`.",
    params(("id" = EndpointId, Path), OptionalIfMatch),
    request_body = EnableBody,
    responses(
        (status = 200, description = "The endpoint.", body = EndpointBody, headers(("ETag"))),
        EnableRefusals,
    ),
)]
pub(super) async fn enable(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: ValidJson<EnableBody>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let resume_from = body.0.resume_from;
    let enabling = api.work.run(|context| async move {
        enable_endpoint(&context, tenant.0, id, &expected.0, resume_from).await
    });
    Ok(answer(HttpResponse::Ok(), enabling.await?, Vec::new()))
}
