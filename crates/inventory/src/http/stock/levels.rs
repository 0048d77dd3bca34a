//! `GET /stock-levels`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_web::paging::{PageBody, PageParameters, cursor, id, page_size, parameter, parse_query};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::LevelBody;
use crate::domain::name::{InvalidSku, Sku};
use crate::domain::stock_level::{LevelFilter, MAX_ON_HAND};
use crate::http::InventoryApi;
use crate::service;
use crate::{ProductId, WarehouseId};

const PARAMETERS: [&str; 6] = [
    "warehouseId",
    "productId",
    "sku",
    "belowAvailable",
    "limit",
    "cursor",
];

/// 200 with a page, by warehouse and product. `warehouseId`, `productId`, `sku` and `belowAvailable` leave those levels that
/// all of them fit; `limit` is 1 to 100 (20), `cursor` the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/stock-levels",
    operation_id = "listStockLevels",
    tag = "inventory",
    summary = "List stock levels",
    description = "By warehouse and product: those that all filters fit.",
    params(
        ("warehouseId" = Option<WarehouseId>, Query),
        ("productId" = Option<ProductId>, Query),
        ("sku" = Option<Sku>, Query),
        ("belowAvailable" = Option<i32>, Query, minimum = 0, maximum = 1_000_000_000, description = "Fewer pieces than that are available."),
        PageParameters,
    ),
    responses(
        (status = 200, description = "A page.", body = PageBody<LevelBody>),
    ),
)]
pub(crate) async fn levels(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let query = parse_query(request.query_string(), &PARAMETERS)?;
    let filter = LevelFilter {
        warehouse_id: id(&query, "warehouseId")?,
        product_id: id(&query, "productId")?,
        sku: parameter(&query, "sku", |text| {
            Sku::parse(text).map_err(|error: InvalidSku| error.to_string())
        })?,
        below_available: parameter(&query, "belowAvailable", parse_pieces)?,
    };
    let (size, after) = (page_size(&query)?, cursor(&query)?);
    let context = api.context.clone();
    let listing = async move {
        service::list_stock_levels::list_stock_levels(&context, tenant.0, filter, after, size).await
    };
    let found = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(found, LevelBody::from)))
}

fn parse_pieces(text: &str) -> Result<i32, String> {
    match text.parse() {
        Ok(pieces) if (0..=MAX_ON_HAND).contains(&pieces) => Ok(pieces),
        _ => Err(format!("must be a whole number from 0 to {MAX_ON_HAND}")),
    }
}
