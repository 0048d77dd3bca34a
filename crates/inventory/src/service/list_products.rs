//! Lists products.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::name::Sku;
use crate::domain::product::Product;
use crate::error::InventoryError;
use crate::store::product_records as products;

/// Returns a page of products, newest first. A given SKU selects the one product with it.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_products(
    context: &InventoryContext,
    tenant: TenantId,
    sku: Option<&Sku>,
    after: Option<Cursor<ProductId>>,
    size: PageSize,
) -> Result<Page<Product, Cursor<ProductId>>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = products::list(&mut connection, tenant, sku, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor(last.id)))
}
