//! The outcome of a request to move or reject units, as it is now.

use oms_database::Connection;
use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, FulfilmentOrderId, Move, MoveId, find_fulfilment, find_moves,
};
use oms_inventory::{RouteExplanation, RoutingTrace, explain_route};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::error::ReroutingError;
use crate::store::unreadable;

/// A move, and why routing chose the warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedMove {
    /// The move.
    pub made: Move,
    /// `None` if the request named the warehouse, and after erasure.
    pub route: Option<(RoutingTrace, RouteExplanation)>,
}

/// What a request did.
#[derive(Clone, Debug, PartialEq)]
pub struct ReroutedOrder {
    /// The fulfilment order of the request.
    pub source: FulfilmentOrder,
    /// The fulfilment order that has the units now: the same one if all of it went. `None` if no warehouse can take
    /// them, and the fulfilment order is on hold.
    pub target: Option<FulfilmentOrder>,
    /// The move.
    pub moved: Option<ExplainedMove>,
}

/// Reads the outcome of the request that was to make a move.
pub(crate) async fn read_rerouted(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, id, move_id): (OrderId, FulfilmentOrderId, MoveId),
) -> Result<ReroutedOrder, ReroutingError> {
    let found = find_fulfilment(connection, tenant, now, order_id).await?;
    let orders = found.fulfilment_orders;
    let find = |id| {
        let order = orders.iter().find(|order| order.id == id);
        order.cloned().ok_or(FulfilmentError::NotFound)
    };
    let source = find(id)?;
    let moves = find_moves(connection, tenant, order_id).await?;
    let Some(made) = moves.into_iter().find(|made| made.id == move_id) else {
        return Ok(ReroutedOrder {
            source,
            target: None,
            moved: None,
        });
    };
    let target = Some(find(made.to_fulfilment_order_id)?);
    Ok(ReroutedOrder {
        source,
        target,
        moved: Some(explain_move(connection, tenant, made).await?),
    })
}

/// Explains why routing chose the warehouse of a move.
pub(crate) async fn explain_move(
    connection: &mut Connection,
    tenant: TenantId,
    made: Move,
) -> Result<ExplainedMove, ReroutingError> {
    let Some(trace) = made.trace.clone() else {
        return Ok(ExplainedMove { made, route: None });
    };
    let trace: RoutingTrace = serde_json::from_value(trace).map_err(unreadable)?;
    let explanation = explain_route(connection, tenant, &trace).await?;
    Ok(ExplainedMove {
        made,
        route: Some((trace, explanation)),
    })
}
