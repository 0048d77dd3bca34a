//! Stock as JSON.

use chrono::{DateTime, Utc};
use oms_validation::{ProductId, WarehouseId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::{MovementId, StockChangeId};
use crate::domain::name::{Name, Sku};
use crate::domain::stock_level::StockLevel;
use crate::domain::stock_movement::{MovementKind, StockMovement};
use crate::http::examples;

/// A stock level.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockLevel, examples(examples::stock_level))]
pub(super) struct LevelBody {
    warehouse_id: WarehouseId,
    warehouse_name: Name,
    product_id: ProductId,
    sku: Sku,
    /// Units in the warehouse.
    on_hand: i32,
    /// Units that orders hold.
    reserved: i32,
    /// Units that orders wait for.
    backordered: i32,
    /// Units that are in the warehouse but not for sale, such as returns that need to be checked.
    quarantined: i32,
    /// Units that are not available to orders.
    safety_stock: i32,
    /// Units that orders can still have: `onHand - reserved - backordered - quarantined - safetyStock`, at least 0.
    available: i32,
}

impl From<StockLevel> for LevelBody {
    fn from(level: StockLevel) -> Self {
        Self {
            warehouse_id: level.warehouse_id,
            warehouse_name: level.warehouse_name,
            product_id: level.product_id,
            sku: level.sku,
            on_hand: level.counts.on_hand,
            reserved: level.counts.reserved,
            backordered: level.counts.backordered,
            quarantined: level.counts.quarantined,
            safety_stock: level.counts.safety_stock,
            available: level.counts.available(),
        }
    }
}

/// A stock movement.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockMovement, examples(examples::stock_movement))]
pub(super) struct MovementBody {
    id: MovementId,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_id: Option<StockChangeId>,
    warehouse_id: WarehouseId,
    product_id: ProductId,
    kind: MovementKind,
    /// Units that entered the warehouse; negative for units that left.
    quantity: i32,
    /// Units that entered quarantine; negative for units that left it.
    quarantined: i32,
    reason: String,
    actor: String,
    occurred_at: DateTime<Utc>,
}

impl From<StockMovement> for MovementBody {
    fn from(movement: StockMovement) -> Self {
        Self {
            id: movement.id,
            change_id: movement.change_id,
            warehouse_id: movement.warehouse_id,
            product_id: movement.product_id,
            kind: movement.kind,
            quantity: movement.quantity,
            quarantined: movement.quarantined,
            reason: movement.reason,
            actor: movement.actor,
            occurred_at: movement.occurred_at,
        }
    }
}

/// A change of stock.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockChange)]
pub(super) struct ChangeBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    change_id: Option<StockChangeId>,
    movements: Vec<MovementBody>,
}

impl From<Vec<StockMovement>> for ChangeBody {
    fn from(movements: Vec<StockMovement>) -> Self {
        Self {
            change_id: movements.first().and_then(|movement| movement.change_id),
            movements: movements.into_iter().map(MovementBody::from).collect(),
        }
    }
}
