//! Imports products from a file, once per idempotency key.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::import::ImportReport;
use crate::error::InventoryError;
use crate::service::import::products::ProductImport;
use crate::service::import::{ImportObserver, ImportRequest, import};

/// Creates the products of a file, and changes existing ones with the same SKU: a row sets the name and its prices;
/// prices in other currencies stay. For a known key, returns the report of the earlier request.
///
/// # Errors
/// `ImportEncoding`, `ImportHeader`, `ImportEmpty`; `ImportRejected` in an all-or-nothing import; `KeyReused`;
/// `ImportInProgress` if another request with this key is running; `OutcomeUnknown` or another error of the database.
/// Repeating the same request resumes an interrupted import.
#[boxed]
pub async fn import_products(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    import(context, tenant, key, &ProductImport, request, observer).await
}
