//! Endpoints of products.

pub(super) mod change;
pub(super) mod create;
pub(super) mod list;
mod representation;
pub(super) mod show;

use oms_errors::{Problem, invalid_field};
use oms_validation::{Money, ProductId};

use crate::domain::product::{InvalidPrices, Prices};
use crate::error::InventoryError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
fn id_of(path: &str) -> Result<ProductId, InventoryError> {
    path.parse().map_err(|_| InventoryError::ProductNotFound)
}

fn location_of(id: ProductId) -> String {
    format!("/products/{id}")
}

fn prices_of(prices: Vec<Money>) -> Result<Prices, Problem> {
    Prices::new(prices).map_err(|error: InvalidPrices| invalid_field("prices", error.to_string()))
}
