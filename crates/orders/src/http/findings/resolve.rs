//! `POST /operations/findings/{id}/resolve`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant, ValidJson, reason_of};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::FindingBody;
use crate::domain::id::FindingId;
use crate::domain::reason::Reason;
use crate::error::{FINDING_NOT_FOUND, FINDING_RESOLVED};
use crate::http::OrdersApi;
use crate::service;

/// How it was settled outside.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FindingResolution)]
pub(crate) struct Body {
    #[schema(value_type = Reason)]
    reason: String,
}

oms_errors::refusals! {
    Refusals: [FINDING_NOT_FOUND, FINDING_RESOLVED]
}

/// 200 with the finding, resolved. 404 when there is none of this id in this store; 409 when it is not open any more.
#[utoipa::path(
    post,
    path = "/operations/findings/{id}/resolve",
    operation_id = "resolveFinding",
    tag = "operations",
    summary = "Say that a finding was settled elsewhere",
    params(("id" = FindingId, Path)),
    request_body = Body,
    responses(
        (status = 200, description = "It is resolved.", body = FindingBody),
        Refusals,
    ),
)]
pub(crate) async fn resolve(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let reason = reason_of(&body.0.reason)?;
    let context = api.context.clone();
    let resolving = async move {
        let (tenant, operator) = (tenant.0, &operator.0);
        service::resolve_finding::resolve_finding(&context, tenant, id, operator, &reason).await
    };
    let resolved = api.detached(resolving).await??;
    Ok(HttpResponse::Ok().json(FindingBody::from(resolved)))
}
