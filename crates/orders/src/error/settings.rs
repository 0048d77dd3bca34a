//! Why settings can't be changed.

use oms_errors::{Problem, version_mismatch};

use super::{OrderError, family_of_order_error};

/// Why settings can't be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The settings have another version than the change is for.
    #[error("the settings have version {version} now")]
    Changed {
        /// The current version.
        version: i32,
    },
}

family_of_order_error!(SettingsError);

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Order(error) => error.into(),
            SettingsError::Changed { version } => version_mismatch(version),
        }
    }
}
