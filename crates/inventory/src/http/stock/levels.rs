//! `GET /stock-levels`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize, ProductId, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::representation::LevelBody;
use crate::domain::name::Sku;
use crate::domain::stock_level::{LevelFilter, MAX_ON_HAND};
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    warehouse_id: Option<WarehouseId>,
    product_id: Option<ProductId>,
    sku: Option<Sku>,
    /// Selects levels with fewer available units than this.
    #[serde(default, deserialize_with = "units")]
    #[param(minimum = 0, maximum = 1_000_000_000)]
    below_available: Option<i32>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(WarehouseId, ProductId)>>,
}

/// Returns 200 with a page of the levels that match all filters, ordered by warehouse and product.
#[utoipa::path(
    get,
    path = "/stock-levels",
    operation_id = "listStockLevels",
    tag = "inventory",
    summary = "List stock levels",
    description = "Stock levels that match all filters, ordered by warehouse and product.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of stock levels.", body = PageBody<LevelBody>),
    ),
)]
pub(crate) async fn levels(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let query = query.0;
    let filter = LevelFilter {
        warehouse_id: query.warehouse_id,
        product_id: query.product_id,
        sku: query.sku,
        below_available: query.below_available,
    };
    let listing = api.work.run(|context| async move {
        service::list_stock_levels::list_stock_levels(
            &context,
            tenant.0,
            filter,
            query.cursor,
            query.limit,
        )
        .await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, LevelBody::from)))
}

fn units<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    match i32::deserialize(deserializer) {
        Ok(units) if (0..=MAX_ON_HAND).contains(&units) => Ok(Some(units)),
        _ => Err(D::Error::custom(format!(
            "must be a whole number from 0 to {MAX_ON_HAND}"
        ))),
    }
}
