//! Records what carriers report about parcels.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::domain::id::ShipmentId;
use crate::domain::refusal::Refusal;
use crate::domain::shipment::Shipment;
use crate::domain::tracking::TrackingReport;
use crate::error::FulfilmentError;
use crate::store::{Now, parcels, shipments, tracking_events};

/// Records a report, once however often the carrier repeats it, and returns the shipment. Needs no lock on the order.
/// A shipment whose parcels are all delivered must then be delivered under the order's lock.
///
/// # Errors
/// `ShipmentNotFound`, `UnknownParcel`, or the database's error.
pub async fn record_tracking(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ShipmentId,
    report: &TrackingReport,
    actor: &str,
) -> Result<Shipment, FulfilmentError> {
    let locked = shipments::lock(connection, tenant, &[id]).await?;
    let shipment = locked.into_iter().next();
    let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
    let number = report.parcel;
    let place = shipment.parcels.iter().position(|it| it.number == number);
    let place = place.ok_or(Refusal::UnknownParcel { parcel: number })?;
    if !tracking_events::insert(connection, tenant, now, id, report, actor).await? {
        return Ok(shipment);
    }
    let before = shipment.parcels[place].clone();
    let after = before.clone().reported(report);
    if after != before {
        parcels::update(connection, tenant, id, &after).await?;
        shipments::touch(connection, tenant, now, id).await?;
    }
    let recorded = shipments::find(connection, tenant, &[id]).await?;
    let recorded = recorded.into_iter().next();
    recorded.ok_or(FulfilmentError::ShipmentNotFound)
}
