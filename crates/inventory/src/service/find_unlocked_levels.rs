//! Finds stock levels that can be locked without waiting.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{ProductId, TenantId, WarehouseId};

use crate::store::stock_levels;

/// Returns the given stock levels that no other session has locked at this moment.
///
/// # Errors
/// When the database fails.
pub async fn find_unlocked_levels(
    connection: &mut Connection,
    tenant: TenantId,
    levels: &BTreeSet<(WarehouseId, ProductId)>,
) -> Result<BTreeSet<(WarehouseId, ProductId)>, DbError> {
    stock_levels::find_unlocked(connection, tenant, levels).await
}
