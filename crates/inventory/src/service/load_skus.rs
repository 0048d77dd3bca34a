//! Reads the SKUs of products, for lists that name them.

use std::collections::HashMap;

use oms_database::boxed;
use oms_validation::{ProductId, TenantId};

use crate::context::InventoryContext;
use crate::error::InventoryError;
use crate::service::find_skus::find_skus;

/// Returns the SKUs of those products that the tenant has.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn load_skus(
    context: &InventoryContext,
    tenant: TenantId,
    product_ids: &[ProductId],
) -> Result<HashMap<ProductId, String>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    Ok(find_skus(&mut connection, tenant, product_ids).await?)
}
