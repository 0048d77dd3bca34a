//! `POST /operations/findings/{id}/resolve`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_web::{
    CurrentOperator, CurrentTenant, OptionalIdempotencyKey, ProblemResponse, ValidJson,
    mark_replayed, reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::FindingBody;
use crate::domain::id::FindingId;
use crate::domain::reason::Reason;
use crate::error::{FINDING_NOT_FOUND, FINDING_RESOLVED, KEY_REUSED, OUTCOME_UNKNOWN};
use crate::http::OrdersApi;
use crate::service::reconciling;

/// How the finding was settled outside oms.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FindingResolution)]
pub(crate) struct Body {
    #[schema(value_type = Reason)]
    reason: String,
}

oms_web::refusals! {
    Refusals: [INVALID_HEADER, FINDING_NOT_FOUND, FINDING_RESOLVED, KEY_REUSED, OUTCOME_UNKNOWN]
}

/// Answers 200 with the resolved finding. 404 if the tenant has no such finding; 409 if it is already resolved; 422 if
/// the key belongs to another request.
#[utoipa::path(
    post,
    path = "/operations/findings/{id}/resolve",
    operation_id = "resolveFinding",
    tag = "operations",
    summary = "Resolve a finding",
    params(("id" = FindingId, Path), OptionalIdempotencyKey),
    request_body = Body,
    responses(
        (status = 200, description = "The finding was resolved.", body = FindingBody,
            headers(("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn resolve(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reason = reason_of(&body.0.reason)?;
    let resolving = api.work.run(|context| async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        reconciling::resolve_finding::resolve_finding(&context, tenant, id, key, operator, &reason)
            .await
    });
    let resolved = resolving.await?;
    let mut response = HttpResponse::Ok();
    let finding = mark_replayed(&mut response, resolved);
    Ok(response.json(FindingBody::from(finding)))
}
