//! Reads a product.

use oms_database::boxed;
use oms_validation::{ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::product::Product;
use crate::error::InventoryError;
use crate::store::product_records as products;

/// Returns a product.
///
/// # Errors
/// `ProductNotFound`, or the database's error.
#[boxed]
pub async fn get_product(
    context: &InventoryContext,
    tenant: TenantId,
    id: ProductId,
) -> Result<Product, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let found = products::find(&mut connection, tenant, id).await?;
    found.ok_or(InventoryError::ProductNotFound)
}
