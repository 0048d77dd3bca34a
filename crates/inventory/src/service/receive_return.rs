//! Receives units that a customer sent back.

use oms_database::Connection;
use oms_validation::{TenantId, WarehouseId};

use crate::domain::returned::ReturnedUnits;
use crate::domain::stock_movement::ChangeRecord;
use crate::service::change_stock::lock_and_check;
use crate::stock_error::ReturnError;
use crate::store::stock_movements;

/// Receives returned units in any warehouse, also one that never had the product: restocked units are on hand and for
/// sale, those in quarantine are on hand and not for sale, and the others change no stock. Runs in the caller's
/// transaction.
///
/// # Errors
/// `AlreadyMade` if the change has received one of the products before; `Refused` if the warehouse or a product is
/// unknown or a level would exceed its limit, unless no unit is there, or with the database's error.
pub async fn receive_return(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse_id: WarehouseId,
    returned: &ReturnedUnits,
    record: ChangeRecord<'_>,
) -> Result<(), ReturnError> {
    let movements = returned.movements(warehouse_id);
    if movements.is_empty() {
        return Ok(());
    }
    lock_and_check::<ReturnError>(connection, tenant, &movements).await?;
    stock_movements::apply(connection, tenant, &movements, record).await?;
    Ok(())
}
