//! Endpoints of warehouses.

pub(super) mod change;
pub(super) mod create;
pub(super) mod list;
mod representation;
pub(super) mod show;

use oms_validation::WarehouseId;

use crate::error::InventoryError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
fn id_of(path: &str) -> Result<WarehouseId, InventoryError> {
    path.parse().map_err(|_| InventoryError::WarehouseNotFound)
}

fn location_of(id: WarehouseId) -> String {
    format!("/warehouses/{id}")
}
