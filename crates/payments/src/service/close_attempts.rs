//! Closing attempts, in the transaction that also settles their orders.

use std::collections::HashSet;

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{AttemptId, ClosedAttempt, PaymentError};

/// Closes the attempts of several orders, each by compare-and-set, adds the calls that led to it to the history, and
/// returns the attempts that it closed. The others were moved by another worker meanwhile, and nothing but their
/// history of calls was changed: change nothing else either, and look again. If the transaction is rolled back, for
/// that or any other reason, save the calls with [`save_calls`](crate::save_calls).
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
    Ok(attempts::close_attempts(connection, tenant_id, closed).await?)
}
