//! Endpoints of price lists.

pub(super) mod change;
pub(super) mod create;
pub(super) mod list;
pub(super) mod prices;
mod representation;
pub(super) mod set_prices;
pub(super) mod show;

use oms_errors::{Problem, invalid_field};
use oms_validation::Time;

use crate::domain::id::PriceListId;
use crate::domain::price_list::{NeverValid, Validity};
use crate::error::InventoryError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
fn id_of(path: &str) -> Result<PriceListId, InventoryError> {
    path.parse().map_err(|_| InventoryError::PriceListNotFound)
}

fn location_of(id: PriceListId) -> String {
    format!("/price-lists/{id}")
}

fn validity_of(from: Option<Time>, until: Option<Time>) -> Result<Validity, Problem> {
    let validity = Validity::new(from.map(Time::get), until.map(Time::get));
    validity.map_err(|error: NeverValid| invalid_field("validUntil", error.to_string()))
}
