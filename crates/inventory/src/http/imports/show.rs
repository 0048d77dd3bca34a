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

/// 200 with the report, as far as the import has come; 404 when there is none of this id in this store.
#[utoipa::path(
    get,
    path = "/imports/{id}",
    operation_id = "getImport",
    tag = "inventory",
    summary = "Read what became of an import",
    params(("id" = ImportId, Path)),
    responses(
        (status = 200, description = "The report, as far as the import has come.", body = ReportBody),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    // What is no id is the id of nothing.
    let id = id.parse().map_err(|_| InventoryError::ImportNotFound)?;
    let context = api.context.clone();
    let reading = async move { service::get_import::get_import(&context, tenant.0, id).await };
    let report = api.detached(reading).await??;
    Ok(HttpResponse::Ok().json(ReportBody::from(report)))
}
