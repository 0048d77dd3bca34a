//! Operator endpoints for findings: the differences between the gateway's books and ours.

pub(super) mod list;
mod representation;
pub(super) mod resolve;
pub(super) mod show;

use crate::domain::id::FindingId;
use crate::error::ReconcilingError;

/// Parses a finding ID. A malformed ID is treated as unknown (404).
fn id_of(path: &str) -> Result<FindingId, ReconcilingError> {
    path.parse().map_err(|_| ReconcilingError::FindingNotFound)
}
