//! `POST /operations/dead-letters/{id}/retry`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant};

use super::id_of;
use super::representation::DeadLetterBody;
use crate::http::OrdersApi;
use crate::service;

/// 202 with the dead letter: its order is due for the sweeper now. 404 when there is none of this id in this store; 409 when
/// it is not open any more.
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
