//! Imports stock from a file, once per idempotency key.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Once, Reason, TenantId};

use crate::context::InventoryContext;
use crate::domain::import::{ImportReport, StockMode};
use crate::error::InventoryError;
use crate::service::import::stock::StockImport;
use crate::service::import::{ImportObserver, ImportRequest, import};

/// Sets or receives the stock of a file through movements, whose change ID is the import's ID. For a known key, returns
/// the report of the earlier request.
///
/// # Errors
/// As [`import_products`](crate::import_products).
#[boxed]
pub async fn import_stock(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    mode: StockMode,
    reason: &Reason,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    let stock = StockImport { mode, reason };
    import(context, tenant, key, &stock, request, observer).await
}
