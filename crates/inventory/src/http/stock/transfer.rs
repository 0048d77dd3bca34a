//! `POST /stock-levels/transfer`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, invalid_field};
use oms_validation::{Reason, WarehouseId};
use oms_web::{
    CurrentOperator, CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse, ValidJson,
    reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::ChangeBody;
use super::{Line, change_stock, moved};
use crate::domain::stock_change::StockChange;
use crate::error;
use crate::http::{InventoryApi, examples};

/// Stock that moves from one warehouse to another.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockTransfer, examples(examples::stock_transfer))]
pub(crate) struct Body {
    from_warehouse_id: WarehouseId,
    to_warehouse_id: WarehouseId,
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Line>,
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
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

/// Returns 201 with the movements of both warehouses, or 200 with those that an earlier request with this key made; 422
/// if the source has too few unreserved units, the destination would exceed a limit, a warehouse or a product is
/// unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/transfer",
    operation_id = "transferStock",
    tag = "inventory",
    summary = "Transfer stock",
    description = "Moves units from one warehouse to another. `reason` defaults to `transferred`.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn transfer(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let (from, to) = (body.0.from_warehouse_id, body.0.to_warehouse_id);
    if from == to {
        return Err(invalid_field("toWarehouseId", "must differ from fromWarehouseId").into());
    }
    let lines = moved(&body.0.lines)?;
    let change = StockChange::Transfer { from, to, lines };
    let reason = reason_of(body.0.reason.as_deref().unwrap_or("transferred"))?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}
