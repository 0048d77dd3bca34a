//! Creates a product, once per idempotency key.

use oms_validation::{IdempotencyKey, Keyed, Once, ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::product::{NewProduct, Product};
use crate::error::InventoryError;
use crate::service::claim_key::claim_key;
use crate::store::product_records as products;

/// Creates a product. For a known key, returns the product of the earlier request in its current state.
///
/// # Errors
/// `SkuTaken`; `KeyReused`; `OutcomeUnknown` or another error of the database. On error, nothing is changed, except
/// possibly on `OutcomeUnknown`.
pub(crate) async fn create_product(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    new: &NewProduct,
) -> Result<Once<Product>, InventoryError> {
    let keyed = Keyed::new(key, "create product v1", new);
    let id = ProductId::generate();
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
                let found = products::find(connection, tenant, id.into()).await?;
                return found
                    .map(Once::Before)
                    .ok_or(InventoryError::ProductNotFound);
            }
            products::insert(connection, tenant, id, new).await?;
            products::replace_prices(connection, tenant, id, &new.prices).await?;
            let created = products::find(connection, tenant, id).await?;
            created
                .map(Once::Now)
                .ok_or(InventoryError::ProductNotFound)
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
