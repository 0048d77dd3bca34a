//! `GET /stock-movements`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_web::paging::{PageBody, PageParameters, cursor, id, page_size, parameter, parse_query};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::MovementBody;
use crate::domain::stock_movement::{MovementFilter, MovementKind};
use crate::http::InventoryApi;
use crate::service;
use crate::{ProductId, WarehouseId};

const PARAMETERS: [&str; 5] = ["warehouseId", "productId", "kind", "limit", "cursor"];

/// 200 with a page, newest first. `warehouseId`, `productId` and `kind` leave those movements that all of them fit; `limit`
/// is 1 to 100 (20), `cursor` the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/stock-movements",
    operation_id = "listStockMovements",
    tag = "inventory",
    summary = "List what came and went",
    description = "Newest first: those that all filters fit.",
    params(
        ("warehouseId" = Option<WarehouseId>, Query),
        ("productId" = Option<ProductId>, Query),
        ("kind" = Option<MovementKind>, Query),
        PageParameters,
    ),
    responses(
        (status = 200, description = "A page.", body = PageBody<MovementBody>),
    ),
)]
pub(crate) async fn movements(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let query = parse_query(request.query_string(), &PARAMETERS)?;
    let filter = MovementFilter {
        warehouse_id: id(&query, "warehouseId")?,
        product_id: id(&query, "productId")?,
        kind: parameter(&query, "kind", |text| {
            MovementKind::parse(text).ok_or_else(|| "is not a kind of movement".to_owned())
        })?,
    };
    let (size, after) = (page_size(&query)?, cursor(&query)?);
    let context = api.context.clone();
    let listing = async move {
        let tenant = tenant.0;
        service::list_stock_movements::list_stock_movements(&context, tenant, filter, after, size)
            .await
    };
    let found = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(found, MovementBody::from)))
}
