//! Endpoints of fulfilment orders.

pub(super) mod list;
pub(super) mod show;

use crate::domain::id::FulfilmentOrderId;
use crate::error::FulfilmentError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
///
/// # Errors
/// `NotFound`.
pub fn fulfilment_order_id_of(path: &str) -> Result<FulfilmentOrderId, FulfilmentError> {
    path.parse().map_err(|_| FulfilmentError::NotFound)
}
