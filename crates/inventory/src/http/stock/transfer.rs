//! `POST /stock-levels/transfer`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::invalid_field;
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
    from_warehouse_id: WarehouseId,
    to_warehouse_id: WarehouseId,
    lines: Vec<Line>,
    reason: Option<String>,
}

/// 201 with the movements of both warehouses; 200 with those that an earlier request with this key has made. 422 when the
/// first one has not as many pieces that no order holds, a warehouse or a product is not known, or the key stands for
/// another request.
pub(crate) async fn transfer(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let (from, to) = (body.0.from_warehouse_id, body.0.to_warehouse_id);
    if from == to {
        return Err(invalid_field("toWarehouseId", "must be another warehouse"));
    }
    let lines = lines_of(&body.0.lines, Direction::Up)?;
    let change = StockChange::Transfer { from, to, lines };
    let reason = reason_of(body.0.reason.as_deref().unwrap_or("transferred"))?;
    change_stock(&api, tenant, operator, key, change, reason).await
}
