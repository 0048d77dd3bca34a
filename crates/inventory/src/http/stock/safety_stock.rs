//! `GET` and `PUT /stock-levels/{warehouseId}/{productId}/safety-stock`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED};
use oms_validation::{ProductId, WarehouseId};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson, etag};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::refusal;
use crate::domain::stock_level::MAX_ON_HAND;
use crate::error::{InventoryError, OUTCOME_UNKNOWN, STOCK_LEVEL_NOT_FOUND};
use crate::http::{InventoryApi, examples};
use crate::service;

/// The units of a stock level that are not available to orders.
#[derive(Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SafetyStock, examples(examples::safety_stock))]
pub(crate) struct Body {
    #[validate(range(min = 0, max = MAX_ON_HAND, message = "must be between 0 and 1000000000"))]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    quantity: i32,
}

oms_web::refusals! {
    ShowRefusals: [STOCK_LEVEL_NOT_FOUND]
}

/// Returns 200 with the safety stock and its `ETag`; 304 if `If-None-Match` matches; 404 if the warehouse has never
/// stocked the product.
#[utoipa::path(
    get,
    path = "/stock-levels/{warehouse}/{product}/safety-stock",
    operation_id = "getSafetyStock",
    tag = "inventory",
    summary = "Get the safety stock",
    params(
        ("warehouse" = WarehouseId, Path),
        ("product" = ProductId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The safety stock.", body = Body, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        ShowRefusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    let level = level_of(&path)?;
    let reading = api.work.run(|context| async move {
        service::get_safety_stock::get_safety_stock(&context, tenant.0, level).await
    });
    Ok(answer(reading.await?))
}

oms_web::refusals! {
    SetRefusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        STOCK_LEVEL_NOT_FOUND,
        OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the new safety stock; 404 if the warehouse has never stocked the product; 412 if the safety stock
/// was changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    put,
    path = "/stock-levels/{warehouse}/{product}/safety-stock",
    operation_id = "setSafetyStock",
    tag = "inventory",
    summary = "Set the safety stock",
    params(("warehouse" = WarehouseId, Path), ("product" = ProductId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The new safety stock.", body = Body, headers(("ETag"))),
        SetRefusals,
    ),
)]
pub(crate) async fn set(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    expected: IfMatch,
    path: web::Path<(String, String)>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let (level, quantity) = (level_of(&path)?, body.0.quantity);
    let setting = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        let set = service::set_safety_stock::set_safety_stock(
            &context, tenant, level, expected, quantity,
        );
        set.await.map_err(|error| refusal(error, disclosure))
    });
    setting.await?;
    Ok(answer(quantity))
}

/// Parses the IDs in a path. Malformed IDs are treated as unknown.
fn level_of(path: &(String, String)) -> Result<(WarehouseId, ProductId), InventoryError> {
    let (warehouse, product) = (path.0.parse(), path.1.parse());
    let (Ok(warehouse), Ok(product)) = (warehouse, product) else {
        return Err(InventoryError::StockLevelNotFound);
    };
    Ok((warehouse, product))
}

fn answer(quantity: i32) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(quantity))
        .json(Body { quantity })
}
