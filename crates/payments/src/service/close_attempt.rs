//! Ending an attempt, in the transaction that also settles its order.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{AttemptId, Closing, PaymentError, UnsavedCalls};

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
    Ok(attempts::close_attempt(connection, tenant_id, attempt_id, closing, calls).await?)
}
