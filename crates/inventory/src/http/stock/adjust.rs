//! `POST /stock-levels/adjust`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::Reason;
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
use crate::{ProductId, WarehouseId};

/// The body: by how much, up or down, and why.
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

/// One line of an adjustment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AdjustedLine)]
struct Line {
    product_id: ProductId,
    #[schema(schema_with = up_or_down)]
    quantity: i64,
}

fn up_or_down() -> Schema {
    let pieces = |from: i32, to: i32| -> RefOr<Schema> {
        let pieces = ObjectBuilder::new().schema_type(Type::Integer);
        pieces.minimum(Some(from)).maximum(Some(to)).into()
    };
    OneOfBuilder::new()
        .item(pieces(1, MAX_QUANTITY))
        .item(pieces(-MAX_QUANTITY, -1))
        .description(Some("Pieces, up or down."))
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

/// 201 with the movements; 200 with those that an earlier request with this key has made. 422 when there are not as many
/// pieces that no order holds, the warehouse or a product is not known, or the key stands for another request.
#[utoipa::path(
    post,
    path = "/stock-levels/adjust",
    operation_id = "adjustStock",
    tag = "inventory",
    summary = "Adjust stock that was counted, found or lost",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key has made.", body = ChangeBody,
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
