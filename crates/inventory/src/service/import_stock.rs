//! Importing stock from a file, once for each idempotency key.

use oms_validation::{IdempotencyKey, Once, Reason, TenantId};

use crate::context::InventoryContext;
use crate::domain::import::{ImportReport, StockMode};
use crate::error::InventoryError;
use crate::service::import::stock::StockImport;
use crate::service::import::{ImportObserver, ImportRequest, import};

/// Sets or receives the stock of a file, through movements that have the import's id as their change. Or reports what an
/// earlier request with this key has done.
///
/// # Errors
/// As [`import_products`](crate::import_products).
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
