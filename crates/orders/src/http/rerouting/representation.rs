//! Moves as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_fulfilment::{FulfilmentOrderId, MoveCause, MoveId, WrittenFulfilmentOrder};
use oms_validation::{Once, WarehouseId};
use oms_web::{Disclosure, etag, mark_replayed};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::examples;
use crate::http::representation::RoutingBody;
use crate::service::rerouting::rerouted::{ExplainedMove, ReroutedOrder};

/// Units that went to another warehouse.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Move, examples(examples::moved))]
pub(super) struct MoveBody {
    id: MoveId,
    /// The fulfilment order that had the units.
    fulfilment_order_id: FulfilmentOrderId,
    /// The fulfilment order that got them: the same one if all of it went.
    to_fulfilment_order_id: FulfilmentOrderId,
    from_warehouse_id: WarehouseId,
    to_warehouse_id: WarehouseId,
    lines: Vec<MovedLine>,
    cause: MoveCause,
    /// Why, in words.
    reason: String,
    /// Who moved them.
    actor: String,
    /// Why routing chose the warehouse. Absent if the request named it, and once the address is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<RoutingBody>,
    moved_at: DateTime<Utc>,
}

/// Units of a line that went to another warehouse.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MovedLine {
    /// The line's number in the order, from 1.
    line: i32,
    quantity: i32,
}

/// Where the units of a fulfilment order are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rerouted)]
pub(super) struct ReroutedBody {
    outcome: Outcome,
    /// The fulfilment order of the request.
    fulfilment_order: WrittenFulfilmentOrder,
    /// With `moved`: the fulfilment order that has the units now, the same one if all of it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_to: Option<WrittenFulfilmentOrder>,
    /// With `moved`, for credentials that may read fulfilment orders.
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    made: Option<MoveBody>,
}

/// What the request did.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReroutedOutcome)]
enum Outcome {
    /// The units went to another warehouse.
    Moved,
    /// No other warehouse can fill them. The fulfilment order is on hold, and their stock is as it was.
    Held,
}

impl From<ExplainedMove> for MoveBody {
    fn from(explained: ExplainedMove) -> Self {
        let ExplainedMove { made, route } = explained;
        let lines = made.units.iter();
        Self {
            id: made.id,
            fulfilment_order_id: made.fulfilment_order_id,
            to_fulfilment_order_id: made.to_fulfilment_order_id,
            from_warehouse_id: made.from_warehouse_id,
            to_warehouse_id: made.to_warehouse_id,
            lines: lines
                .map(|(line, quantity)| MovedLine { line, quantity })
                .collect(),
            cause: made.cause,
            reason: made.reason,
            actor: made.actor,
            routing: route.map(|(trace, explanation)| RoutingBody::of(trace, explanation)),
            moved_at: made.moved_at,
        }
    }
}

/// Answers 200 with where the units are, and with the version of the fulfilment order of the request as `ETag`.
pub(super) fn answer(done: Once<ReroutedOrder>, disclosure: Disclosure) -> HttpResponse {
    let mut response: HttpResponseBuilder = HttpResponse::Ok();
    let done = mark_replayed(&mut response, done);
    response.insert_header(etag(done.source.version));
    let written = |order| WrittenFulfilmentOrder::of(order, disclosure.fulfilment);
    response.json(ReroutedBody {
        outcome: match done.moved {
            Some(_) => Outcome::Moved,
            None => Outcome::Held,
        },
        fulfilment_order: written(done.source),
        moved_to: done.target.map(written),
        made: done
            .moved
            .filter(|_| disclosure.fulfilment)
            .map(MoveBody::from),
    })
}
