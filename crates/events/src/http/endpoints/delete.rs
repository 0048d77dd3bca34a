//! `DELETE /webhook-endpoints/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED};
use oms_web::{CurrentTenant, IfMatch, ProblemResponse};

use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error;
use crate::service::webhooks::delete_endpoint::delete_endpoint;

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::ENDPOINT_NOT_FOUND,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 204; 404 if the tenant has no such endpoint; 412 if it was changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    delete,
    path = "/webhook-endpoints/{id}",
    operation_id = "deleteWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Delete a webhook endpoint",
    description = "It gets no more events, and its secrets are deleted. A try that is in flight may still arrive.",
    params(("id" = EndpointId, Path), IfMatch),
    responses(
        (status = 204, description = "The endpoint was deleted."),
        Refusals,
    ),
)]
pub(super) async fn delete(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    expected: IfMatch,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let deleting = api
        .work
        .run(|context| async move { delete_endpoint(&context, tenant.0, id, &expected.0).await });
    deleting.await?;
    Ok(HttpResponse::NoContent().finish())
}
