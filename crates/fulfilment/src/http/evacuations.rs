//! Endpoints that read evacuations. Orders starts, stops and resumes them.

pub(super) mod list;
pub(super) mod orders;
pub(crate) mod representation;
pub(super) mod show;

use crate::domain::id::EvacuationId;
use crate::error::FulfilmentError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
///
/// # Errors
/// `EvacuationNotFound`.
pub fn evacuation_id_of(path: &str) -> Result<EvacuationId, FulfilmentError> {
    path.parse()
        .map_err(|_| FulfilmentError::EvacuationNotFound)
}
