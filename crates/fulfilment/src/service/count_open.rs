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

/// Returns the numbers of fulfilment orders of all tenants with each of [`OPEN_STATUSES`]. It reads all open ones: don't
/// call it more than once a minute.
///
/// # Errors
/// When the database fails.
pub async fn count_open_fulfilment_orders(
    connection: &mut Connection,
    now: Now,
) -> Result<[u64; OPEN_STATUSES.len()], DbError> {
    let counts = open_counts::count(connection, now).await?;
    Ok(OPEN_STATUSES.map(|status| counts.get(status.as_str()).copied().unwrap_or_default()))
}
