//! `GET /warehouses/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::{WarehouseBody, answer};
use crate::WarehouseId;
use crate::error::WAREHOUSE_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [WAREHOUSE_NOT_FOUND]
}

/// 200 with the warehouse and its `ETag`; 304 when `If-None-Match` names it; 404 when there is none of this id in this store.
#[utoipa::path(
    get,
    path = "/warehouses/{id}",
    operation_id = "getWarehouse",
    tag = "inventory",
    summary = "Read a warehouse",
    params(
        ("id" = WarehouseId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer: 304 while nothing has changed."),
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
    let context = api.context.clone();
    let reading =
        async move { service::get_warehouse::get_warehouse(&context, tenant.0, id).await };
    let warehouse = api.detached(reading).await??;
    Ok(answer(HttpResponse::Ok(), warehouse))
}
