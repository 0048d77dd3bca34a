//! `POST /fulfilment-orders/{id}/reject`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{FulfilmentOrderId, Note, RejectionReason, fulfilment_order_id_of};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, IdempotencyKeyHeader, OptionalIfMatch,
    ProblemResponse, ValidJson,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::StockBody;
use super::representation::{ReroutedBody, answer};
use crate::error;
use crate::http::fulfilling::{LineRequest, units_of};
use crate::http::{OrdersApi, examples};
use crate::service::rerouting::reject_fulfilment_order::{
    RejectionRequest, reject_fulfilment_order,
};

/// What the warehouse can't send, and why.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Rejection, examples(examples::rejection))]
pub(crate) struct Body {
    reason: RejectionReason,
    /// Why, in words.
    note: Option<Note>,
    /// The units of each line, 1–100 entries. By default everything that is left to send.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LineRequest>>,
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
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

/// Answers 200 with where the units are.
#[utoipa::path(
    post,
    path = "/fulfilment-orders/{id}/reject",
    operation_id = "rejectFulfilmentOrder",
    tag = "fulfilment",
    summary = "Reject what can't be sent",
    description = "The units go to the nearest other warehouse that can fill all of them, and the order is not routed to this one again. If no \
        warehouse can, the fulfilment order is put on hold with `no_warehouse`. `stock` corrects the stock of this warehouse in the same \
        transaction, unless the units stay reserved in it: then only `write_off_all` removes the units that no order has.",
    params(("id" = FulfilmentOrderId, Path), IdempotencyKeyHeader, OptionalIfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The units were moved or are on hold, by this request or by an earlier one with this key.",
            body = ReroutedBody, headers(("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn reject(
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
        reason,
        note,
        lines,
        stock,
    } = body.0;
    let request = RejectionRequest {
        units: units_of(lines.as_deref())?,
        reason,
        note,
        stock: stock.unwrap_or_default().into(),
    };
    let rejecting = api.work.run(|context| async move {
        let (tenant, expected, actor) = (tenant.0, &expected.0, actor.0.as_str());
        reject_fulfilment_order(&context, tenant, id, expected, &request, &key.0, actor).await
    });
    Ok(answer(rejecting.await?, disclosure))
}
