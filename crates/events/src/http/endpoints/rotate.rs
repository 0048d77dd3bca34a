//! `POST /webhook-endpoints/{id}/rotate-secret`.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED};
use oms_web::{
    CurrentTenant, IdempotencyKeyHeader, IfMatch, ProblemResponse, ValidJson, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{CreatedBody, created};
use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error;
use crate::http::examples;
use crate::service::webhooks::rotate_secret::rotate_secret;

/// How a secret is replaced.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecretRotation, examples(examples::rotation))]
pub(super) struct Body {
    /// For how many hours the previous secret signs as well.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 168, default = 24)]
    #[validate(range(max = 168, message = "must be a whole number of hours from 0 to 168"))]
    overlap_hours: u32,
}

const fn a_day() -> u32 {
    24
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::ENDPOINT_NOT_FOUND,
        error::NO_SECRET_KEYS,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the endpoint and its new secret.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "webhook-endpoints",
    summary = "Replace the secret of a webhook endpoint",
    description = "Webhooks are signed with the new secret, and with the previous one as well for `overlapHours`. Older ones no longer sign. Repeat \
        a request without an answer with its key: it returns the same secret.",
    params(("id" = EndpointId, Path), IdempotencyKeyHeader, IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The endpoint and its new secret, which is not shown again.", body = CreatedBody,
            headers(("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn rotate(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    expected: IfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let overlap = Duration::from_secs(u64::from(body.0.overlap_hours) * 3600);
    let rotating = api.work.run(|context| async move {
        rotate_secret(&context, tenant.0, id, &key.0, &expected.0, overlap).await
    });
    let mut response = HttpResponse::Ok();
    let rotated = mark_replayed(&mut response, rotating.await?);
    Ok(created(response, rotated))
}
