//! `POST /fulfilment-orders/{id}/move`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{FulfilmentOrderId, fulfilment_order_id_of};
use oms_validation::WarehouseId;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, IdempotencyKeyHeader, OptionalIfMatch,
    ProblemResponse, ValidJson, reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::StockBody;
use super::representation::{ReroutedBody, answer};
use crate::domain::reason::Reason;
use crate::error;
use crate::http::fulfilling::{LineRequest, units_of};
use crate::http::{OrdersApi, examples};
use crate::service::rerouting::move_fulfilment_order::{MoveRequest, move_fulfilment_order};
use crate::service::rerouting::reroute::Target;

/// What to move, and where to.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MoveRequest, examples(examples::move_request))]
pub(crate) struct Body {
    /// The warehouse that gets the units, even if it has rejected the order. By default the nearest one that can fill all
    /// of them, apart from those that rejected the order.
    to_warehouse_id: Option<WarehouseId>,
    /// The units of each line, 1–100 entries. By default everything that is left to send.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LineRequest>>,
    #[schema(value_type = Reason)]
    reason: String,
    /// Defaults to `keep`.
    stock: Option<StockBody>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::NOT_FOUND,
        oms_fulfilment::CLOSED,
        oms_fulfilment::PACKED,
        oms_fulfilment::UNKNOWN_LINE,
        oms_fulfilment::MORE_THAN_OUTSTANDING,
        oms_fulfilment::NOTHING_READY,
        oms_fulfilment::NOT_RESERVED,
        oms_fulfilment::TOO_MANY_HOLDS,
        oms_fulfilment::TOO_MANY_MOVES,
        error::NOT_AVAILABLE_THERE,
        error::SAME_WAREHOUSE,
        error::NO_OTHER_WAREHOUSE,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

/// Answers 200 with where the units are.
#[utoipa::path(
    post,
    path = "/fulfilment-orders/{id}/move",
    operation_id = "moveFulfilmentOrder",
    tag = "fulfilment",
    summary = "Move to another warehouse",
    description = "Moves some or all units that are left to send, with their reservations, in one transaction. Packed units stay: cancel their \
        shipment first. If everything goes and nothing was sent, the fulfilment order itself goes. Otherwise the units go to the order's open \
        fulfilment order in the other warehouse, or to a new one. Holds go with them.",
    params(("id" = FulfilmentOrderId, Path), IdempotencyKeyHeader, OptionalIfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The units were moved, by this request or by an earlier one with this key.", body = ReroutedBody,
            headers(("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn move_work(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let Body {
        to_warehouse_id,
        lines,
        reason,
        stock,
    } = body.0;
    let request = MoveRequest {
        units: units_of(lines.as_deref())?,
        target: to_warehouse_id.map_or(Target::Nearest, Target::Given),
        reason: reason_of(&reason)?,
        stock: stock.unwrap_or_default().into(),
    };
    let moving = api.work.run(|context| async move {
        let (tenant, expected, actor) = (tenant.0, &expected.0, actor.0.as_str());
        move_fulfilment_order(&context, tenant, id, expected, &request, &key.0, actor).await
    });
    Ok(answer(moving.await?, disclosure))
}
