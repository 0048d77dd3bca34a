//! Reads a return.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::FulfilmentContext;
use crate::domain::id::ReturnId;
use crate::domain::returns::Return;
use crate::error::FulfilmentError;
use crate::service::decide_return::find;

/// Returns a return with its lines and receipts.
///
/// # Errors
/// `ReturnNotFound`, or the database's error.
#[boxed]
pub async fn get_return(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: ReturnId,
) -> Result<Return, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    find(&mut connection, tenant, id).await
}
