//! Recording attempts, before any call to a gateway.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{Attempt, NewAttempt, PaymentError};

/// Records the attempts of orders that are placed together, in the caller's transaction, and returns them in the same
/// order.
///
/// # Errors
/// When the database can't store them. An order that still has an open attempt is a unique violation.
pub async fn record_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    new: &[NewAttempt],
) -> Result<Vec<Attempt>, PaymentError> {
    if !new.is_empty() {
        attempts::insert_attempts(connection, tenant_id, new).await?;
    }
    Ok(new.iter().map(NewAttempt::recorded).collect())
}
