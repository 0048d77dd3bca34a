//! Changes a product: its SKU, its name, its prices.

use oms_validation::{ExpectedVersion, ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::product::{Product, ProductChange};
use crate::error::InventoryError;
use crate::store::product_records as products;

/// Changes a product if it has the expected version, and returns it. Placed orders keep their prices.
///
/// # Errors
/// `ProductNotFound`; `Changed` if it has another version; `SkuTaken`; or the database's error. On error, nothing is
/// changed.
pub(crate) async fn change_product(
    context: &InventoryContext,
    tenant: TenantId,
    id: ProductId,
    expected: &ExpectedVersion,
    change: ProductChange,
) -> Result<Product, InventoryError> {
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            let product = products::lock(connection, tenant, id).await?;
            let product = product.ok_or(InventoryError::ProductNotFound)?;
            if !expected.allows(product.version) {
                let version = product.version;
                return Err(InventoryError::Changed { version });
            }
            let changed = change.clone().applied_to(product);
            products::update(connection, tenant, &changed).await?;
            products::replace_prices(connection, tenant, id, &changed.prices).await?;
            let changed = products::find(connection, tenant, id).await?;
            changed.ok_or(InventoryError::ProductNotFound)
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
