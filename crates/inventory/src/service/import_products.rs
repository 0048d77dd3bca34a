//! Importing products from a file, once for each idempotency key.

use oms_validation::{IdempotencyKey, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::import::ImportReport;
use crate::error::InventoryError;
use crate::service::import::products::ProductImport;
use crate::service::import::{ImportObserver, ImportRequest, import};

/// Creates the products of a file and changes those that are there, by SKU: a row sets the name and the prices that it has;
/// prices in other currencies stay. Or reports what an earlier request with this key has done.
///
/// # Errors
/// `ImportHeader`, `ImportEmpty`; `ImportRejected` when all rows or none shall be taken; `KeyReused`; `ImportInProgress`
/// when another request with this key is at it; `OutcomeUnknown` and the like when the database fails. Repeating the same
/// request goes on where it was cut off.
pub async fn import_products(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    import(context, tenant, key, &ProductImport, request, observer).await
}
