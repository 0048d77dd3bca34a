//! `GET /warehouses`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::WarehouseBody;
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    active: Option<bool>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<WarehouseId>>,
}

/// Returns 200 with a page, newest first.
#[utoipa::path(
    get,
    path = "/warehouses",
    operation_id = "listWarehouses",
    tag = "inventory",
    summary = "List warehouses",
    description = "Newest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of warehouses.", body = PageBody<WarehouseBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        active,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        service::list_warehouses::list_warehouses(&context, tenant.0, active, cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, WarehouseBody::from)))
}
