//! `POST /operations/dead-letters/{id}/retry`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant};

use super::id_of;
use super::representation::DeadLetterBody;
use crate::domain::id::DeadLetterId;
use crate::error::{DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED};
use crate::http::OrdersApi;
use crate::service;

oms_errors::refusals! {
    Refusals: [DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED]
}

/// 202 with the dead letter: its order is due for the sweeper now. 404 when there is none of this id in this store; 409 when
/// it is not open any more.
#[utoipa::path(
    post,
    path = "/operations/dead-letters/{id}/retry",
    operation_id = "retryDeadLetter",
    tag = "operations",
    summary = "Have the sweeper try again",
    params(("id" = DeadLetterId, Path)),
    responses(
        (status = 202, description = "The order is due for the sweeper now.", body = DeadLetterBody),
        Refusals,
    ),
)]
pub(crate) async fn retry(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let context = api.context.clone();
    let retrying = async move {
        service::retry_dead_letter::retry_dead_letter(&context, tenant.0, id, &operator.0).await
    };
    let retried = api.detached(retrying).await??;
    Ok(HttpResponse::Accepted().json(DeadLetterBody::from(retried)))
}
