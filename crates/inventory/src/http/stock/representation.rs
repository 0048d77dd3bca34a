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
    on_hand: i32,
    reserved: i32,
    safety_stock: i32,
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
    quantity: i32,
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
