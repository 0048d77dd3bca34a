//! Replaces the prices of a price list.

use std::collections::BTreeSet;

use oms_validation::{ExpectedVersion, ProductId, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::{ListPrices, PriceList};
use crate::error::InventoryError;
use crate::service::change_price_list::lock;
use crate::store::list_prices::{self, PriceColumns};
use crate::store::{price_lists, products};

/// Replaces all prices of a list that has the expected version, and returns the list. Placed orders keep their prices.
///
/// # Errors
/// `PriceListNotFound`; `Changed` if it has another version; `PriceListCurrency`; `UnknownProducts`; or the database's
/// error. On error, nothing is changed.
pub(crate) async fn set_list_prices(
    context: &InventoryContext,
    tenant: TenantId,
    id: PriceListId,
    expected: &ExpectedVersion,
    prices: &ListPrices,
) -> Result<PriceList, InventoryError> {
    let wanted = prices.as_slice();
    let ids: BTreeSet<ProductId> = wanted.iter().map(|price| price.product_id).collect();
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            let list = lock(connection, tenant, id, expected).await?;
            let currency = list.currency;
            if let Some(index) = prices.other_than(currency) {
                return Err(InventoryError::PriceListCurrency { index, currency });
            }
            let known = products::find_known(connection, tenant, &ids).await?;
            if known.len() < ids.len() {
                let unknown = ids.difference(&known).copied().collect();
                return Err(InventoryError::UnknownProducts(unknown));
            }
            list_prices::delete_others(connection, tenant, id, wanted).await?;
            let mut columns = PriceColumns::default();
            wanted.iter().for_each(|price| columns.push(id, price));
            list_prices::write(connection, tenant, columns).await?;
            price_lists::raise_versions(connection, tenant, &[id.as_uuid()]).await?;
            let changed = price_lists::find(connection, tenant, id).await?;
            changed.ok_or(InventoryError::PriceListNotFound)
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
