//! Evacuations as JSON.

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, WarehouseId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::evacuation::{EvacuatedOrder, Evacuation, EvacuationOutcome, EvacuationStatus};
use crate::domain::id::{EvacuationId, FulfilmentOrderId, MoveId};
use crate::http::examples;

/// An evacuation of a warehouse: a worker moves its open work to other warehouses.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Evacuation, examples(examples::evacuation))]
pub struct EvacuationBody {
    id: EvacuationId,
    warehouse_id: WarehouseId,
    status: EvacuationStatus,
    reason: String,
    /// Who started it.
    actor: String,
    /// Fulfilment orders that went to other warehouses.
    moved: i32,
    /// Fulfilment orders that are on hold with what could not be moved.
    held: i32,
    created_at: DateTime<Utc>,
    /// When it last moved or held a fulfilment order, or was started or resumed.
    progressed_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
}

/// What an evacuation did with a fulfilment order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvacuatedOrder, examples(examples::evacuated_order))]
pub(crate) struct EvacuatedOrderBody {
    fulfilment_order_id: FulfilmentOrderId,
    order_id: OrderId,
    outcome: EvacuationOutcome,
    /// With `held`: why something of it could not be moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The move, if something of it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    move_id: Option<MoveId>,
    recorded_at: DateTime<Utc>,
}

impl From<Evacuation> for EvacuationBody {
    fn from(evacuation: Evacuation) -> Self {
        Self {
            id: evacuation.id,
            warehouse_id: evacuation.warehouse_id,
            status: evacuation.status,
            reason: evacuation.reason,
            actor: evacuation.actor,
            moved: evacuation.moved,
            held: evacuation.held,
            created_at: evacuation.created_at,
            progressed_at: evacuation.progressed_at,
            finished_at: evacuation.finished_at,
        }
    }
}

impl From<EvacuatedOrder> for EvacuatedOrderBody {
    fn from(order: EvacuatedOrder) -> Self {
        Self {
            fulfilment_order_id: order.fulfilment_order_id,
            order_id: order.order_id,
            outcome: order.outcome,
            reason: order.reason,
            move_id: order.move_id,
            recorded_at: order.recorded_at,
        }
    }
}
