//! Reading what became of an import.

use oms_validation::TenantId;

use crate::context::InventoryContext;
use crate::domain::id::ImportId;
use crate::domain::import::ImportReport;
use crate::error::InventoryError;
use crate::service::import::report;

/// An import with the rows that were rejected.
///
/// # Errors
/// `ImportNotFound`; or why the database can't be asked.
pub async fn get_import(
    context: &InventoryContext,
    tenant: TenantId,
    id: ImportId,
) -> Result<ImportReport, InventoryError> {
    let mut connection = context.database.acquire().await?;
    report(&mut connection, tenant, id).await
}
