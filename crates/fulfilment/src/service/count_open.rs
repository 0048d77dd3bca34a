//! Counts the fulfilment orders of which something is left to send.

use oms_database::{Connection, DbError};

use crate::domain::fulfilment_order::ShownStatus;
use crate::store::{Now, open_counts};

/// The statuses of fulfilment orders of which something is left to send.
pub const OPEN_STATUSES: [ShownStatus; 4] = [
    ShownStatus::Open,
    ShownStatus::InProgress,
    ShownStatus::OnHold,
    ShownStatus::Scheduled,
];

/// The numbers of fulfilment orders of all tenants of which something is left to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenCounts {
    /// With each of [`OPEN_STATUSES`].
    pub by_status: [u64; OPEN_STATUSES.len()],
    /// On hold because no warehouse can send them.
    pub unroutable: u64,
}

/// Counts the open fulfilment orders of all tenants. It reads all of them: don't call it more than once a minute.
///
/// # Errors
/// When the database fails.
pub async fn count_open_fulfilment_orders(
    connection: &mut Connection,
    now: Now,
) -> Result<OpenCounts, DbError> {
    let counts = open_counts::count(connection, now).await?;
    let count = |status: ShownStatus| counts.get(status.as_str()).copied().unwrap_or_default();
    Ok(OpenCounts {
        by_status: OPEN_STATUSES.map(count),
        unroutable: open_counts::count_unroutable(connection).await?,
    })
}
