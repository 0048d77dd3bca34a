//! `GET /warehouses`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_web::paging::{PageBody, PageParameters, cursor, page_size, parse_query};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::WarehouseBody;
use crate::http::{InventoryApi, flag};
use crate::service;

/// 200 with a page, newest first. `active` is `true` or `false`, `limit` 1 to 100 (20), `cursor` the `nextCursor` of an
/// earlier page.
#[utoipa::path(
    get,
    path = "/warehouses",
    operation_id = "listWarehouses",
    tag = "inventory",
    summary = "List warehouses",
    description = "Newest first.",
    params(("active" = Option<bool>, Query), PageParameters),
    responses(
        (status = 200, description = "A page.", body = PageBody<WarehouseBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let query = parse_query(request.query_string(), &["active", "limit", "cursor"])?;
    let (active, size) = (flag(&query, "active")?, page_size(&query)?);
    let after = cursor(&query)?;
    let context = api.context.clone();
    let listing = async move {
        service::list_warehouses::list_warehouses(&context, tenant.0, active, after, size).await
    };
    let found = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(found, WarehouseBody::from)))
}
