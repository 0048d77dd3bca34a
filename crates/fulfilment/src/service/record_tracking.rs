//! Records what carriers report about parcels.

use oms_database::{Connection, send_in_transaction};
use oms_validation::TenantId;

use crate::domain::id::ShipmentId;
use crate::domain::refusal::Refusal;
use crate::domain::shipment::Shipment;
use crate::domain::tracking::TrackingReport;
use crate::error::FulfilmentError;
use crate::store::touch::{Touched, touch};
use crate::store::{Now, clock, parcels, shipments, tracking_events};

/// Records a report, once however often the carrier repeats it, and returns the shipment. Needs no lock on the order.
/// A shipment whose parcels are all delivered must then be delivered under the order's lock. Once personal data is
/// erased, the carrier's words are not stored.
///
/// # Errors
/// `ShipmentNotFound`, `UnknownParcel`, `ImplausibleTime`, or the database's error.
pub async fn record_tracking(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ShipmentId,
    report: &TrackingReport,
    actor: &str,
) -> Result<Shipment, FulfilmentError> {
    let statements = (shipments::lock_rows(tenant, &[id]), clock::read(now));
    let (locked, present) = send_in_transaction(connection, statements).await?;
    let locked = shipments::with_parts(connection, tenant, locked).await?;
    let locked = locked.into_iter().next();
    let shipment = locked.ok_or(FulfilmentError::ShipmentNotFound)?;
    let number = report.parcel;
    let place = shipment.parcels.iter().position(|it| it.number == number);
    let place = place.ok_or(Refusal::UnknownParcel { parcel: number })?;
    shipment.check_time(report.happened_at, present)?;
    let mut stored = report.clone();
    stored.detail = stored.detail.filter(|_| !shipment.is_erased());
    if !tracking_events::insert(connection, tenant, now, id, &stored, actor).await? {
        return Ok(shipment);
    }
    let before = shipment.parcels[place].clone();
    let after = before.clone().reported(report, present);
    if after != before {
        parcels::update(connection, tenant, id, &after).await?;
        touch(connection, tenant, now, Touched::Shipment(id)).await?;
    }
    let recorded = shipments::find(connection, tenant, &[id]).await?;
    let recorded = recorded.into_iter().next();
    recorded.ok_or(FulfilmentError::ShipmentNotFound)
}
