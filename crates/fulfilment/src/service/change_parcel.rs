//! Changes a parcel: its carrier and how it is tracked.

use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::FulfilmentContext;
use crate::domain::id::ShipmentId;
use crate::domain::parcel::ParcelChange;
use crate::domain::refusal::Refusal;
use crate::domain::shipment::Shipment;
use crate::error::FulfilmentError;
use crate::store::touch::{Touched, touch};
use crate::store::{parcels, shipments};

/// Changes a parcel if its shipment has the expected version, and returns the shipment. Needs no lock on the order: it
/// concerns neither stock nor money.
///
/// # Errors
/// `ShipmentNotFound`; `Changed` if the shipment has another version; `UnknownParcel`; `Erased` for a tracking URL once
/// personal data is erased; or the database's error. On error, nothing is changed.
pub async fn change_parcel(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: ShipmentId,
    number: i32,
    expected: &ExpectedVersion,
    change: ParcelChange,
) -> Result<Shipment, FulfilmentError> {
    let mut request = context.locks.request(tenant.as_uuid(), id.as_uuid());
    loop {
        let tried = request.attempt(FulfilmentError::is_contended, async |connection| {
            change_locked(connection, tenant, (id, number), expected, change.clone()).await
        });
        if let Some(changed) = tried.await {
            return changed;
        }
    }
}

async fn change_locked(
    connection: &mut Connection,
    tenant: TenantId,
    (id, number): (ShipmentId, i32),
    expected: &ExpectedVersion,
    change: ParcelChange,
) -> Result<Shipment, FulfilmentError> {
    let found = shipments::lock(connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    let shipment = found.ok_or(FulfilmentError::ShipmentNotFound)?;
    expected.check(shipment.version)?;
    if shipment.is_erased() && change.tracking_url.is_some() {
        return Err(Refusal::Erased.into());
    }
    let parcel = shipment.parcels.into_iter().find(|it| it.number == number);
    let parcel = parcel.ok_or(Refusal::UnknownParcel { parcel: number })?;
    parcels::update(connection, tenant, id, &change.applied_to(parcel)).await?;
    touch(connection, tenant, None, Touched::Shipment(id)).await?;
    let changed = shipments::find(connection, tenant, &[id]).await?;
    let changed = changed.into_iter().next();
    changed.ok_or(FulfilmentError::ShipmentNotFound)
}
