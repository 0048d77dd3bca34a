//! Reads a shipment.

use oms_validation::TenantId;

use crate::context::FulfilmentContext;
use crate::domain::id::ShipmentId;
use crate::domain::shipment::Shipment;
use crate::error::FulfilmentError;
use crate::store::shipments;

/// Returns a shipment with its lines and parcels.
///
/// # Errors
/// `ShipmentNotFound`, or the database's error.
pub async fn get_shipment(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: ShipmentId,
) -> Result<Shipment, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    let found = shipments::find(&mut connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    found.ok_or(FulfilmentError::ShipmentNotFound)
}
