//! Reads a price list.

use oms_validation::TenantId;

use crate::context::InventoryContext;
use crate::domain::id::PriceListId;
use crate::domain::price_list::PriceList;
use crate::error::InventoryError;
use crate::store::price_lists;

/// Returns a price list, without its prices.
///
/// # Errors
/// `PriceListNotFound`, or the database's error.
pub(crate) async fn get_price_list(
    context: &InventoryContext,
    tenant: TenantId,
    id: PriceListId,
) -> Result<PriceList, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let found = price_lists::find(&mut connection, tenant, id).await?;
    found.ok_or(InventoryError::PriceListNotFound)
}
