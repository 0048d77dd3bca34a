//! Measures what waits for the relay.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::outbox;

/// What waits for the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// Rows of all tenants; counted up to 100,000.
    pub rows: u64,
    /// The age of the oldest.
    pub oldest: Duration,
}

/// Measures what waits for the relay.
///
/// # Errors
/// If the database fails.
pub async fn measure_outbox(connection: &mut Connection) -> Result<OutboxBacklog, DbError> {
    let (rows, oldest) = outbox::measure(connection).await?;
    Ok(OutboxBacklog { rows, oldest })
}
