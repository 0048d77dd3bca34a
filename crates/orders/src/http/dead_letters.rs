//! The endpoints for operators: the orders that the sweeper has given up on.

pub(super) mod create;
pub(super) mod list;
mod representation;
pub(super) mod resolve;
pub(super) mod retry;
pub(super) mod show;

use crate::domain::id::DeadLetterId;
use crate::error::DeadLetterError;

/// What is no id is the id of nothing.
fn id_of(path: &str) -> Result<DeadLetterId, DeadLetterError> {
    path.parse().map_err(|_| DeadLetterError::NotFound)
}
