//! Ending attempts, in the transaction that also settles their orders.

use std::collections::HashSet;

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{AttemptId, ClosedAttempt, Closing, PaymentError, UnsavedCalls};

/// Ends an attempt by compare-and-set, and adds the calls that led to it to the history. False means that somebody else
/// has moved it meanwhile: then change nothing else either, and look again. When the transaction is rolled back, for that
/// or any other reason, [`save_calls`](crate::save_calls) keeps the calls.
///
/// Take the closing from [`CollectOutcome::closing`](crate::CollectOutcome::closing) or
/// [`SettleOutcome::closing`](crate::SettleOutcome::closing), which give one only where there is proof.
///
/// # Errors
/// When the database does not answer.
pub async fn close_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    closing: &Closing,
    calls: &UnsavedCalls,
) -> Result<bool, PaymentError> {
    let closed = ClosedAttempt {
        attempt_id,
        closing,
        calls,
    };
    let ended = close_attempts(connection, tenant_id, &[closed]).await?;
    Ok(ended.contains(&attempt_id))
}

/// Ends the attempts of several orders, each as [`close_attempt`] does, and returns those that were ended. Of the others
/// nothing but the history of calls was changed.
///
/// # Errors
/// When the database does not answer.
pub async fn close_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    closed: &[ClosedAttempt<'_>],
) -> Result<HashSet<AttemptId>, PaymentError> {
    Ok(attempts::close_attempts(connection, tenant_id, closed).await?)
}
