//! Operator endpoints for dead letters: the orders that the sweeper has given up on.

pub(super) mod create;
pub(super) mod list;
mod representation;
pub(super) mod resolve;
pub(super) mod retry;
pub(super) mod show;

use crate::domain::id::DeadLetterId;
use crate::error::DeadLetterError;

/// Parses a dead-letter ID. A malformed ID is treated as unknown (404).
fn id_of(path: &str) -> Result<DeadLetterId, DeadLetterError> {
    path.parse().map_err(|_| DeadLetterError::NotFound)
}
