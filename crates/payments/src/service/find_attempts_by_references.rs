//! Finding the attempts of payments that a gateway lists.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{Attempt, PaymentError, Reference};

/// Returns the attempts with one of these gateway references, in no order. Payments that are not ours, or are
/// another tenant's, have none.
///
/// # Errors
/// When the database does not answer.
pub async fn find_attempts_by_references(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    references: &[Reference],
) -> Result<Vec<Attempt>, PaymentError> {
    if references.is_empty() {
        return Ok(Vec::new());
    }
    Ok(attempts::find_by_references(connection, tenant_id, gateway, references).await?)
}
