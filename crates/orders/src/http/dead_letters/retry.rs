//! `POST /operations/dead-letters/{id}/retry`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_web::{
    CurrentOperator, CurrentTenant, OptionalIdempotencyKey, ProblemResponse, mark_replayed,
};

use super::id_of;
use super::representation::DeadLetterBody;
use crate::domain::id::DeadLetterId;
use crate::error::{DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED, KEY_REUSED, OUTCOME_UNKNOWN};
use crate::http::OrdersApi;
use crate::service::operating;

oms_web::refusals! {
    Refusals: [INVALID_HEADER, DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED, KEY_REUSED, OUTCOME_UNKNOWN]
}

/// Answers 202 with the dead letter, whose order is now due for the sweeper. 404 if the tenant has no such dead letter;
/// 409 if it is closed; 422 if the key belongs to another request.
#[utoipa::path(
    post,
    path = "/operations/dead-letters/{id}/retry",
    operation_id = "retryDeadLetter",
    tag = "operations",
    summary = "Retry a dead letter",
    params(("id" = DeadLetterId, Path), OptionalIdempotencyKey),
    responses(
        (status = 202, description = "The order is now due for the sweeper.", body = DeadLetterBody,
            headers(("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn retry(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let retrying = api.work.run(|context| async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        operating::retry_dead_letter::retry_dead_letter(&context, tenant, id, key, operator).await
    });
    let retried = retrying.await?;
    let mut response = HttpResponse::Accepted();
    let dead_letter = mark_replayed(&mut response, retried);
    Ok(response.json(DeadLetterBody::from(dead_letter)))
}
