//! Why books can't be compared, or a finding can't be read or resolved.

use oms_errors::{Problem, invalid_field};

use super::{FINDING_NOT_FOUND, FINDING_RESOLVED, OrderError, family_of_order_error};
use crate::domain::reconcile_window::InvalidWindow;

/// Why books can't be compared, or a finding can't be read or resolved.
#[derive(Debug, thiserror::Error)]
pub enum ReconcilingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The tenant has no such finding.
    #[error("finding not found")]
    FindingNotFound,
    /// The finding is resolved.
    #[error("the finding is already resolved")]
    FindingResolved,
    /// The given times don't form a valid window.
    #[error(transparent)]
    InvalidWindow(#[from] InvalidWindow),
}

family_of_order_error!(ReconcilingError);

impl From<ReconcilingError> for Problem {
    fn from(error: ReconcilingError) -> Self {
        match error {
            ReconcilingError::Order(error) => error.into(),
            ReconcilingError::FindingNotFound => Self::of(&FINDING_NOT_FOUND),
            ReconcilingError::FindingResolved => Self::of(&FINDING_RESOLVED),
            ReconcilingError::InvalidWindow(error) => invalid_field("window", error.to_string()),
        }
    }
}
