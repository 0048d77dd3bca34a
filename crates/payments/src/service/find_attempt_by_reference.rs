//! Finding the attempt that a gateway's reference belongs to.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::attempts;
use crate::{Attempt, PaymentError, Reference};

/// Returns the attempt with this gateway reference; `None` for a payment that is not ours, or is another tenant's.
///
/// # Errors
/// When the database does not answer.
pub async fn find_attempt_by_reference(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    reference: &Reference,
) -> Result<Option<Attempt>, PaymentError> {
    Ok(attempts::find_by_reference(connection, tenant_id, gateway, reference).await?)
}
