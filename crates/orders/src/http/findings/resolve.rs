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

/// How it was settled outside.
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

/// 200 with the finding, resolved. 404 when there is none of this id in this store; 409 when it is not open any more;
/// 422 when the key stands for another request.
#[utoipa::path(
    post,
    path = "/operations/findings/{id}/resolve",
    operation_id = "resolveFinding",
    tag = "operations",
    summary = "Say that a finding was settled elsewhere",
    params(("id" = FindingId, Path), OptionalIdempotencyKey),
    request_body = Body,
    responses(
        (status = 200, description = "It is resolved.", body = FindingBody,
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
    let context = api.context.clone();
    let resolving = async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        reconciling::resolve_finding::resolve_finding(&context, tenant, id, key, operator, &reason)
            .await
    };
    let resolved = api.detached(resolving).await??;
    let mut response = HttpResponse::Ok();
    let finding = mark_replayed(&mut response, resolved);
    Ok(response.json(FindingBody::from(finding)))
}
