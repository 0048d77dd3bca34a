//! What products are called.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::ProductId;
use crate::store::products;

/// The SKUs of those products that the store has.
///
/// # Errors
/// When the database can't be asked; without products it isn't.
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
