//! Records that a shipment was delivered.

use chrono::{DateTime, Utc};
use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId};

use crate::domain::id::ShipmentId;
use crate::domain::shipment::Shipment;
use crate::error::FulfilmentError;
use crate::store::{Now, clock, shipments};

/// Records that a shipment was delivered at a time, now if none is given, and returns it. `None` if it was delivered
/// before. Its order must be locked.
///
/// # Errors
/// `ShipmentNotFound`, `Changed`, `NotShipped`, `ShipmentCancelled`, or the database's error.
pub async fn deliver_shipment(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ShipmentId,
    expected: &ExpectedVersion,
    delivered_at: Option<DateTime<Utc>>,
) -> Result<Option<Shipment>, FulfilmentError> {
    let locked = shipments::lock(connection, tenant, &[id]).await?;
    let shipment = locked.into_iter().next();
    let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
    if !shipment.may_deliver()? {
        return Ok(None);
    }
    if !expected.allows(shipment.version) {
        let version = shipment.version;
        return Err(FulfilmentError::Changed { version });
    }
    let present = clock::read(connection, now).await?;
    // A client whose clock is ahead did not deliver in the future.
    let delivered_at = delivered_at.map_or(present, |at| at.min(present));
    shipments::mark_delivered(connection, tenant, now, id, delivered_at).await?;
    let delivered = shipments::find(connection, tenant, &[id]).await?;
    Ok(delivered.into_iter().next())
}
