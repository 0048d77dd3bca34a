//! Changes a price list: when its prices apply, and whether they do at all.

use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::{NeverValid, PriceList, PriceListChange};
use crate::error::InventoryError;
use crate::store::price_lists;

/// Changes a price list if it has the expected version, and returns it. Placed orders keep their prices.
///
/// # Errors
/// `PriceListNotFound`; `Changed` if it has another version; `NeverValid`; or the database's error. On error, nothing
/// is changed.
pub(crate) async fn change_price_list(
    context: &InventoryContext,
    tenant: TenantId,
    id: PriceListId,
    expected: &ExpectedVersion,
    change: PriceListChange,
) -> Result<PriceList, InventoryError> {
    let mut request = context.change(tenant, id.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            let list = lock(connection, tenant, id, expected).await?;
            let changed = change.applied_to(list);
            let changed = changed.map_err(|NeverValid| InventoryError::NeverValid)?;
            price_lists::update(connection, tenant, &changed).await?;
            let changed = price_lists::find(connection, tenant, id).await?;
            changed.ok_or(InventoryError::PriceListNotFound)
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}

/// Locks a list that has the expected version.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: PriceListId,
    expected: &ExpectedVersion,
) -> Result<PriceList, InventoryError> {
    let list = price_lists::lock(connection, tenant, id).await?;
    let list = list.ok_or(InventoryError::PriceListNotFound)?;
    match expected.allows(list.version) {
        true => Ok(list),
        false => Err(InventoryError::Changed {
            version: list.version,
        }),
    }
}
