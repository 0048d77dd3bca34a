//! Reads the report of an import.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::InventoryContext;
use crate::domain::id::ImportId;
use crate::domain::import::ImportReport;
use crate::error::InventoryError;
use crate::service::import::report;

/// Returns an import with its rejected rows.
///
/// # Errors
/// `ImportNotFound`, or the database's error.
#[boxed]
pub async fn get_import(
    context: &InventoryContext,
    tenant: TenantId,
    id: ImportId,
) -> Result<ImportReport, InventoryError> {
    let mut connection = context.database.acquire().await?;
    report(&mut connection, tenant, id).await
}
