//! `POST /stock-levels/adjust`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ValidJson};
use serde::Deserialize;
use validator::Validate;

use super::{Line, change_stock, lines_of, reason_of};
use crate::WarehouseId;
use crate::domain::stock_change::{Direction, StockChange};
use crate::http::InventoryApi;

/// The body: by how much, up or down, and why.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    warehouse_id: WarehouseId,
    lines: Vec<Line>,
    reason: String,
}

/// 201 with the movements; 200 with those that an earlier request with this key has made. 422 when there are not as many
/// pieces that no order holds, the warehouse or a product is not known, or the key stands for another request.
pub(crate) async fn adjust(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let change = StockChange::Adjust {
        warehouse_id: body.0.warehouse_id,
        lines: lines_of(&body.0.lines, Direction::UpOrDown)?,
    };
    let reason = reason_of(&body.0.reason)?;
    change_stock(&api, tenant, operator, key, change, reason).await
}
