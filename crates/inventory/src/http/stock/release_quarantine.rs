//! `POST /stock-levels/quarantine/release`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
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

/// Units that are for sale again in one warehouse.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockQuarantineRelease, examples(examples::stock_quarantine_release))]
pub(crate) struct Body {
    warehouse_id: WarehouseId,
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
        error::INSUFFICIENT_QUARANTINE,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 201 with the movements, or 200 with those that an earlier request with this key made; 422 if too few units
/// are in quarantine,
/// the warehouse or a product is unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/quarantine/release",
    operation_id = "releaseQuarantine",
    tag = "inventory",
    summary = "Release stock from quarantine",
    description = "Makes units in quarantine available to orders. `reason` defaults to `released from quarantine`.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn release(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let change = StockChange::ReleaseQuarantine {
        warehouse_id: body.0.warehouse_id,
        lines: moved(&body.0.lines)?,
    };
    let reason = reason_of(
        body.0
            .reason
            .as_deref()
            .unwrap_or("released from quarantine"),
    )?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}
