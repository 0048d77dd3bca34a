//! Endpoints of returns that read.

pub(super) mod list;
pub(crate) mod representation;
pub(super) mod show;

use crate::domain::id::ReturnId;
use crate::error::FulfilmentError;

/// Parses the ID in a path. A malformed ID is treated as unknown.
///
/// # Errors
/// `ReturnNotFound`.
pub fn return_id_of(path: &str) -> Result<ReturnId, FulfilmentError> {
    path.parse().map_err(|_| FulfilmentError::ReturnNotFound)
}
