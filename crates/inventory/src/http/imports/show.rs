//! `GET /imports/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::ReportBody;
use crate::ImportId;
use crate::error::{IMPORT_NOT_FOUND, InventoryError};
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [IMPORT_NOT_FOUND]
}

/// Returns 200 with the report so far, or 404 if the tenant has no such import.
#[utoipa::path(
    get,
    path = "/imports/{id}",
    operation_id = "getImport",
    tag = "inventory",
    summary = "Get an import report",
    params(("id" = ImportId, Path)),
    responses(
        (status = 200, description = "The report so far.", body = ReportBody),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    // A malformed ID is treated as unknown.
    let id = id.parse().map_err(|_| InventoryError::ImportNotFound)?;
    let reading = api.work.run(|context| async move {
        service::get_import::get_import(&context, tenant.0, id).await
    });
    let report = reading.await?;
    Ok(HttpResponse::Ok().json(ReportBody::from(report)))
}
