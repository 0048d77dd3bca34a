//! Closing attempts, in the transaction that also settles their orders.

use std::collections::HashSet;

use oms_database::{Connection, Statement};
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{AttemptId, ClosedAttempt, PaymentError};

/// Closes the attempts of several orders, each by compare-and-set, adds the calls that led to it to the history, and
/// returns the attempts that it closed. Another worker has changed the others in the meantime. Only their history of
/// calls is updated; the caller must not change their orders, and must read them again. If the transaction is rolled
/// back for any reason, save the calls with [`save_calls`](crate::save_calls).
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
