//! Reads the names of warehouses, for what is said about orders that were moved.

use std::collections::{BTreeSet, HashMap};

use oms_database::{Connection, DbError};
use oms_validation::{TenantId, WarehouseId};

use crate::store::warehouses;

/// Returns the names of those warehouses that the tenant has, as they are now.
///
/// # Errors
/// When the database fails.
pub async fn find_warehouse_names(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &BTreeSet<WarehouseId>,
) -> Result<HashMap<WarehouseId, String>, DbError> {
    warehouses::find_names(connection, tenant, ids).await
}
