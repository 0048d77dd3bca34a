//! `POST /operations/dead-letters/{id}/resolve`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant, ValidJson, invalid_field};
use serde::Deserialize;
use validator::Validate;

use super::id_of;
use super::representation::DeadLetterBody;
use crate::domain::dead_letter::Verdict;
use crate::domain::reason::{InvalidReason, Reason};
use crate::http::OrdersApi;
use crate::service;

/// What became of the order's payment, and how the operator knows.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    r#as: As,
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum As {
    Paid,
    Failed,
}

/// 200 with the dead letter, once the order has ended as the body says. 404 when there is none of this id in this store; 409
/// when it is not open any more, or the gateway does not prove what the body says; 503 when the gateway does not answer.
pub(crate) async fn resolve(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let verdict = match body.0.r#as {
        As::Paid => Verdict::Paid,
        As::Failed => Verdict::Failed,
    };
    let reason = Reason::parse(&body.0.reason)
        .map_err(|error: InvalidReason| invalid_field("reason", error.to_string()))?;
    let context = api.context.clone();
    let resolving = async move {
        let (tenant, operator) = (tenant.0, &operator.0);
        service::resolve_dead_letter::resolve_dead_letter(
            &context, tenant, id, verdict, operator, &reason,
        )
        .await
    };
    let resolved = api.detached(resolving).await??;
    Ok(HttpResponse::Ok().json(DeadLetterBody::from(resolved)))
}
