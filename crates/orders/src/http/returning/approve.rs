//! `POST /returns/{id}/approve`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{ReturnId, WrittenReturn};
use oms_validation::WarehouseId;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch, OptionalJson,
    ProblemResponse,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::returning::decide;
use crate::http::{OrdersApi, examples};
use crate::service::returning::decide_return::RequestedDecision;

/// Where the units are sent, and until when.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReturnApproval, examples(examples::return_approval))]
pub(crate) struct Body {
    /// Where the units are to be sent. Defaults to the warehouse that was named when the return was requested, or that
    /// sent the units.
    warehouse_id: Option<WarehouseId>,
    /// When the return is closed if nothing was received: within 365 days. Defaults to the setting.
    #[schema(examples("2026-12-30T12:00:00Z"))]
    expires_at: Option<DateTime<Utc>>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::RETURN_NOT_FOUND,
        oms_fulfilment::RETURN_WRONG_STATUS,
        oms_inventory::UNKNOWN_WAREHOUSE,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the return. Repeating the request changes nothing.
#[utoipa::path(
    post,
    path = "/returns/{id}/approve",
    operation_id = "approveReturn",
    tag = "returns",
    summary = "Approve a return",
    description = "The units may be sent back, until the return expires.",
    params(("id" = ReturnId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The return.", body = WrittenReturn, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn approve(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let body = body.0.unwrap_or_default();
    let decision = RequestedDecision::Approve {
        warehouse_id: body.warehouse_id,
        expires_at: body.expires_at,
    };
    let request = (key, expected, id);
    decide(&api, tenant, actor, disclosure, request, decision).await
}
