//! Creates a price list, once per idempotency key.

use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::{NewPriceList, PriceList};
use crate::error::InventoryError;
use crate::service::claim_key::claim_key;
use crate::store::price_lists;

/// Creates a price list without prices. For a known key, returns the list of the earlier request in its current state.
///
/// # Errors
/// `PriceListCodeTaken`; `KeyReused`; `OutcomeUnknown` or another error of the database. On error, nothing is changed,
/// except possibly on `OutcomeUnknown`.
pub(crate) async fn create_price_list(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    new: &NewPriceList,
) -> Result<Once<PriceList>, InventoryError> {
    let keyed = Keyed::new(key, "create price list v1", new);
    let id = PriceListId::generate();
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            let found = claim_key(connection, tenant, &keyed, id.as_uuid()).await?;
            if found.is_none() {
                price_lists::insert(connection, tenant, id, new).await?;
            }
            let list = found.map_or(id, PriceListId::from);
            let list = price_lists::find(connection, tenant, list).await?;
            let list = list.ok_or(InventoryError::PriceListNotFound)?;
            Ok(match found {
                Some(_) => Once::Before(list),
                None => Once::Now(list),
            })
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
