//! The end of one attempt.

use oms_database::{Connection, transaction};
use oms_payments::{AttemptId, ClosedAttempt, Closing, PaymentError, UnsavedCalls, close_attempts};
use oms_validation::TenantId;

/// Ends an attempt, and returns whether that was still possible.
pub(crate) async fn close_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    closing: &Closing,
    calls: &UnsavedCalls,
) -> Result<bool, PaymentError> {
    let closed = [ClosedAttempt {
        attempt_id,
        closing,
        calls,
    }];
    let ended = transaction(connection, async |connection| {
        close_attempts(connection, tenant_id, &closed).await
    });
    Ok(ended.await?.contains(&attempt_id))
}
