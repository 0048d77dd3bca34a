//! Endpoints of shipments.

pub(super) mod change_parcel;
pub(super) mod list;
pub(super) mod show;

use crate::domain::id::ShipmentId;
use crate::error::FulfilmentError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
///
/// # Errors
/// `ShipmentNotFound`.
pub fn shipment_id_of(path: &str) -> Result<ShipmentId, FulfilmentError> {
    path.parse().map_err(|_| FulfilmentError::ShipmentNotFound)
}
