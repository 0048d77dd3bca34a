//! `POST /stock-levels/adjust`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::{ProductId, Reason, WarehouseId};
use oms_web::{
    CurrentOperator, CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse, ValidJson,
    reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{OneOfBuilder, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use validator::Validate;

use super::representation::ChangeBody;
use super::{change_stock, lines_of};
use crate::domain::demand::MAX_QUANTITY;
use crate::domain::stock_change::{Direction, StockChange};
use crate::error;
use crate::http::{InventoryApi, examples};

/// An adjustment of stock in one warehouse, and its reason.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockAdjustment, examples(examples::stock_adjust))]
pub(crate) struct Body {
    warehouse_id: WarehouseId,
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Line>,
    #[schema(value_type = Reason)]
    reason: String,
}

/// A line of an adjustment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AdjustedLine)]
struct Line {
    product_id: ProductId,
    #[schema(schema_with = up_or_down)]
    quantity: i64,
}

fn up_or_down() -> Schema {
    let units = |from: i32, to: i32| -> RefOr<Schema> {
        let units = ObjectBuilder::new().schema_type(Type::Integer);
        units.minimum(Some(from)).maximum(Some(to)).into()
    };
    OneOfBuilder::new()
        .item(units(1, MAX_QUANTITY))
        .item(units(-MAX_QUANTITY, -1))
        .description(Some("Units to add, or to remove if negative."))
        .into()
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::UNKNOWN_WAREHOUSE,
        error::UNKNOWN_PRODUCT,
        error::INSUFFICIENT_STOCK,
        error::TOO_MUCH_STOCK,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 201 with the movements, or 200 with those that an earlier request with this key made; 422 if too few units
/// are unreserved, the warehouse or a product is unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/adjust",
    operation_id = "adjustStock",
    tag = "inventory",
    summary = "Adjust stock",
    description = "Corrects stock that was recounted, found or lost.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn adjust(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let lines = body.0.lines.iter();
    let pairs: Vec<(ProductId, i64)> = lines.map(|line| (line.product_id, line.quantity)).collect();
    let change = StockChange::Adjust {
        warehouse_id: body.0.warehouse_id,
        lines: lines_of(&pairs, Direction::UpOrDown)?,
    };
    let reason = reason_of(&body.0.reason)?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}
