//! When this database's newest payment was attempted.

use chrono::{DateTime, Utc};
use oms_database::Connection;

use crate::PaymentError;
use crate::store::attempts;

/// Returns the time of the newest attempt of all tenants; `None` if there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn find_newest_attempt(
    connection: &mut Connection,
) -> Result<Option<DateTime<Utc>>, PaymentError> {
    Ok(attempts::find_newest(connection).await?)
}
