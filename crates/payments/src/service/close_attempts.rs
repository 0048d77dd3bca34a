//! Closing attempts, in the transaction that also settles their orders.

use std::collections::HashSet;

use oms_database::{Connection, Statement};
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{AttemptId, ClosedAttempt, PaymentError};

/// Closes the attempts of several orders, each by compare-and-set, and adds the calls that led to it to their history.
/// Returns the closed attempts. For those that another worker has changed in the meantime, only the calls are added;
/// the caller must leave their orders unchanged and read them again. If the transaction is rolled back for any reason,
/// save the calls with [`save_calls`](crate::save_calls).
///
/// Take the closing from [`CollectOutcome::closing`](crate::CollectOutcome::closing) or
/// [`SettleOutcome::closing`](crate::SettleOutcome::closing), which have one only if there is proof.
///
/// # Errors
/// When the database does not answer.
pub async fn close_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    closed: &[ClosedAttempt<'_>],
) -> Result<HashSet<AttemptId>, PaymentError> {
    let closing = attempts::close_attempts(tenant_id, closed, None);
    Ok(closing.run(connection).await?)
}

/// Returns a statement that closes the attempts of several orders, all of them or none. It may be sent together with
/// other statements of the transaction and its COMMIT. It fails with
/// [`DbError::NotAsExpected`](oms_database::DbError::NotAsExpected) if another transaction has changed one of the
/// attempts.
pub fn closing_all<'q>(tenant_id: TenantId, closed: &'q [ClosedAttempt<'q>]) -> Statement<'q, ()> {
    attempts::close_attempts(tenant_id, closed, Some(closed.len())).map(|_| ())
}
