//! Finds the SKUs of products.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::{ProductId, TenantId};

use crate::store::products;

/// Returns the SKUs of those products that the tenant has.
///
/// # Errors
/// When the database fails. An empty slice needs no query.
pub async fn find_skus(
    connection: &mut Connection,
    tenant: TenantId,
    product_ids: &[ProductId],
) -> Result<HashMap<ProductId, String>, DbError> {
    if product_ids.is_empty() {
        return Ok(HashMap::new());
    }
    products::find_skus(connection, tenant, product_ids).await
}
