//! `GET /warehouses/{id}`.

use actix_web::{HttpResponse, web};
use oms_validation::WarehouseId;
use oms_web::{CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::{WarehouseBody, answer};
use crate::error::WAREHOUSE_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [WAREHOUSE_NOT_FOUND]
}

/// Returns 200 with the warehouse and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such
/// warehouse.
#[utoipa::path(
    get,
    path = "/warehouses/{id}",
    operation_id = "getWarehouse",
    tag = "inventory",
    summary = "Get a warehouse",
    params(
        ("id" = WarehouseId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The warehouse.", body = WarehouseBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::get_warehouse::get_warehouse(&context, tenant.0, id).await
    });
    let warehouse = reading.await?;
    Ok(answer(HttpResponse::Ok(), warehouse))
}
