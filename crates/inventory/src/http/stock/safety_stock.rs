//! `GET` and `PUT /stock-levels/{warehouseId}/{productId}/safety-stock`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson, etag};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::refusal;
use crate::domain::stock_level::MAX_ON_HAND;
use crate::error::{InventoryError, OUTCOME_UNKNOWN, STOCK_LEVEL_NOT_FOUND};
use crate::http::{InventoryApi, examples};
use crate::service;
use crate::{ProductId, WarehouseId};

/// The body, and the answer.
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

/// 200 with the pieces that routing leaves alone, and an `ETag`; 304 when `If-None-Match` names it; 404 when the
/// warehouse never had the product.
#[utoipa::path(
    get,
    path = "/stock-levels/{warehouse}/{product}/safety-stock",
    operation_id = "getSafetyStock",
    tag = "inventory",
    summary = "Read how many pieces routing leaves alone",
    params(
        ("warehouse" = WarehouseId, Path),
        ("product" = ProductId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer: 304 while nothing has changed."),
    ),
    responses(
        (status = 200, description = "The quantity.", body = Body, headers(("ETag"))),
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
    let context = api.context.clone();
    let reading =
        async move { service::get_safety_stock::get_safety_stock(&context, tenant.0, level).await };
    Ok(answer(api.detached(reading).await??))
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

/// 200 with the new quantity. 404 when the warehouse never had the product; 412 when it was set to another quantity
/// meanwhile; 428 without `If-Match`.
#[utoipa::path(
    put,
    path = "/stock-levels/{warehouse}/{product}/safety-stock",
    operation_id = "setSafetyStock",
    tag = "inventory",
    summary = "Say how many pieces routing leaves alone",
    params(("warehouse" = WarehouseId, Path), ("product" = ProductId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The new quantity.", body = Body, headers(("ETag"))),
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
    let context = api.context.clone();
    let setting = async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::set_safety_stock::set_safety_stock(&context, tenant, level, expected, quantity)
            .await
    };
    let set = api.detached(setting).await?;
    set.map_err(|error| refusal(error, disclosure))?;
    Ok(answer(quantity))
}

/// What are no ids are the ids of nothing.
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
