//! `POST /stock-levels/quarantine`, `/release` and `/write-off`.

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

/// Units that are set aside, or written off, in one warehouse, and the reason.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockQuarantine, examples(examples::stock_quarantine))]
pub(crate) struct Body {
    warehouse_id: WarehouseId,
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Line>,
    #[schema(value_type = Reason)]
    reason: String,
}

/// Units that are for sale again in one warehouse.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockQuarantineRelease, examples(examples::stock_quarantine_release))]
pub(crate) struct ReleaseBody {
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
        error::INSUFFICIENT_STOCK,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

oms_web::refusals! {
    LeavingRefusals: [
        INVALID_HEADER,
        error::UNKNOWN_WAREHOUSE,
        error::UNKNOWN_PRODUCT,
        error::INSUFFICIENT_QUARANTINE,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 201 with the movements, or 200 with those that an earlier request with this key made; 422 if too few units
/// are unreserved, the warehouse or a product is unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/quarantine",
    operation_id = "quarantineStock",
    tag = "inventory",
    summary = "Put stock into quarantine",
    description = "Sets units aside that no order holds. They stay on hand, and new orders do not get them.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn quarantine(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let Body {
        warehouse_id,
        lines,
        reason,
    } = body.0;
    let lines = moved(&lines)?;
    let change = StockChange::Quarantine {
        warehouse_id,
        lines,
    };
    let reason = reason_of(&reason)?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}

/// Returns 201 with the movements, or 200 with those that an earlier request with this key made; 422 if too few units
/// are in quarantine, the warehouse or a product is unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/quarantine/release",
    operation_id = "releaseQuarantine",
    tag = "inventory",
    summary = "Release stock from quarantine",
    description = "Makes units in quarantine available to orders. `reason` defaults to `released from quarantine`.",
    params(IdempotencyKeyHeader),
    request_body = ReleaseBody,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        LeavingRefusals,
    ),
)]
pub(crate) async fn release(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<ReleaseBody>,
) -> Result<HttpResponse, ProblemResponse> {
    let change = StockChange::ReleaseQuarantine {
        warehouse_id: body.0.warehouse_id,
        lines: moved(&body.0.lines)?,
    };
    let reason = body.0.reason.as_deref();
    let reason = reason_of(reason.unwrap_or("released from quarantine"))?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}

/// Returns 201 with the movements, or 200 with those that an earlier request with this key made; 422 if too few units
/// are in quarantine, the warehouse or a product is unknown, or the key was used with a different request.
#[utoipa::path(
    post,
    path = "/stock-levels/quarantine/write-off",
    operation_id = "writeOffQuarantine",
    tag = "inventory",
    summary = "Write off stock in quarantine",
    description = "Removes units in quarantine from the stock on hand.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The movements.", body = ChangeBody, headers(("Location"))),
        (status = 200, description = "The movements that an earlier request with this key made.", body = ChangeBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        LeavingRefusals,
    ),
)]
pub(crate) async fn write_off(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let Body {
        warehouse_id,
        lines,
        reason,
    } = body.0;
    let lines = moved(&lines)?;
    let change = StockChange::WriteOffQuarantine {
        warehouse_id,
        lines,
    };
    let reason = reason_of(&reason)?;
    change_stock(&api, tenant, operator, disclosure, key, change, reason).await
}
