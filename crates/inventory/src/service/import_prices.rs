//! Imports prices of price lists from a file, once per idempotency key.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::import::ImportReport;
use crate::error::InventoryError;
use crate::service::import::prices::PriceImport;
use crate::service::import::{ImportObserver, ImportRequest, import};

/// Sets and removes prices of existing lists: a row names the list, the product and the quantity; other prices stay.
/// For a known key, returns the report of the earlier request.
///
/// # Errors
/// Those of [`import_products`](crate::import_products).
#[boxed]
pub async fn import_prices(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    import(context, tenant, key, &PriceImport, request, observer).await
}
