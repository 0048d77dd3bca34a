//! Changing a product: its SKU, its name, its prices.

use oms_database::transaction;
use oms_validation::{ExpectedVersion, TenantId};

use crate::ProductId;
use crate::context::InventoryContext;
use crate::domain::product::{Product, ProductChange};
use crate::error::InventoryError;
use crate::store::product_records as products;

/// Changes a product that is in a version which the change is for, and returns it. Orders that were placed keep the prices
/// of their time.
///
/// # Errors
/// `ProductNotFound`; `Changed` when it is in another version; `SkuTaken`; or why the database failed. Nothing is changed
/// then.
pub(crate) async fn change_product(
    context: &InventoryContext,
    tenant: TenantId,
    id: ProductId,
    expected: &ExpectedVersion,
    change: ProductChange,
) -> Result<Product, InventoryError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let product = products::lock(connection, tenant, id).await?;
        let product = product.ok_or(InventoryError::ProductNotFound)?;
        if !expected.allows(product.version) {
            let version = product.version;
            return Err(InventoryError::Changed { version });
        }
        let changed = change.applied_to(product);
        products::update(connection, tenant, &changed).await?;
        products::replace_prices(connection, tenant, id, &changed.prices).await?;
        let changed = products::find(connection, tenant, id).await?;
        changed.ok_or(InventoryError::ProductNotFound)
    })
    .await
}
