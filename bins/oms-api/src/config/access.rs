//! The settings of access control.

use std::time::Duration;

use super::reader::Reader;

/// How credentials are verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessSettings {
    /// How long a verified key is remembered, and so how long a revoked one is still good at most.
    pub(crate) remember_keys_for: Duration,
}

impl AccessSettings {
    /// Reads them.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            remember_keys_for: reader.milliseconds("OMS_KEY_MEMORY_MS", 10_000, 0..=60_000),
        }
    }
}
