//! `GET /stock-movements`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize, ProductId, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::MovementBody;
use crate::domain::id::MovementId;
use crate::domain::stock_movement::{MovementFilter, MovementKind};
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    warehouse_id: Option<WarehouseId>,
    product_id: Option<ProductId>,
    kind: Option<MovementKind>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<MovementId>>,
}

/// Returns 200 with a page of the movements that match all filters, newest first.
#[utoipa::path(
    get,
    path = "/stock-movements",
    operation_id = "listStockMovements",
    tag = "inventory",
    summary = "List stock movements",
    description = "Movements that match all filters, newest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of movements.", body = PageBody<MovementBody>),
    ),
)]
pub(crate) async fn movements(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let query = query.0;
    let filter = MovementFilter {
        warehouse_id: query.warehouse_id,
        product_id: query.product_id,
        kind: query.kind,
    };
    let listing = api.work.run(|context| async move {
        let tenant = tenant.0;
        service::list_stock_movements::list_stock_movements(
            &context,
            tenant,
            filter,
            query.cursor,
            query.limit,
        )
        .await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, MovementBody::from)))
}
