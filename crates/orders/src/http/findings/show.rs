//! `GET /operations/findings/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentOperator, CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::FindingBody;
use crate::domain::id::FindingId;
use crate::error::FINDING_NOT_FOUND;
use crate::http::OrdersApi;
use crate::service::reconciling;

oms_web::refusals! {
    Refusals: [FINDING_NOT_FOUND]
}

/// Answers 200 with the finding, or 404 if the tenant has no such finding.
#[utoipa::path(
    get,
    path = "/operations/findings/{id}",
    operation_id = "getFinding",
    tag = "operations",
    summary = "Read a finding",
    params(("id" = FindingId, Path)),
    responses(
        (status = 200, description = "The finding.", body = FindingBody),
        Refusals,
    ),
)]
pub(crate) async fn show(
    _: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reading = api.work.run(|context| async move {
        reconciling::get_finding::get_finding(&context, tenant.0, id).await
    });
    let finding = reading.await?;
    Ok(HttpResponse::Ok().json(FindingBody::from(finding)))
}
