//! `POST /stock-levels/receive`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ValidJson};
use serde::Deserialize;
use validator::Validate;

use super::{Line, change_stock, lines_of, reason_of};
use crate::WarehouseId;
use crate::domain::stock_change::{Direction, StockChange};
use crate::http::InventoryApi;

/// The body.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    warehouse_id: WarehouseId,
    lines: Vec<Line>,
    reason: Option<String>,
}

/// 201 with the movements; 200 with those that an earlier request with this key has made. 422 when the warehouse or a
/// product is not known, there would be too much, or the key stands for another request.
pub(crate) async fn receive(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let change = StockChange::Receive {
        warehouse_id: body.0.warehouse_id,
        lines: lines_of(&body.0.lines, Direction::Up)?,
    };
    let reason = reason_of(body.0.reason.as_deref().unwrap_or("received"))?;
    change_stock(&api, tenant, operator, key, change, reason).await
}
