//! Recording attempts, before any call to a gateway.

use oms_database::{Connection, Statement};
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
    match new.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(recording(tenant_id, new).run(connection).await?),
    }
}

/// Returns the statement of [`record_attempts`], which may be sent together with other statements of the transaction.
pub fn recording<'q>(tenant_id: TenantId, new: &'q [NewAttempt]) -> Statement<'q, Vec<Attempt>> {
    let recorded: Vec<Attempt> = new.iter().map(NewAttempt::recorded).collect();
    attempts::insert_attempts(tenant_id, new).map(|_| recorded)
}
