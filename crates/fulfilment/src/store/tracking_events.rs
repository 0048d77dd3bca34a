//! What carriers reported, in the order of its arrival.

use diesel::sql_types::{Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::domain::id::{ShipmentId, TrackingEventId};
use crate::domain::text::Note;
use crate::domain::tracking::TrackingReport;
use crate::store::Now;

/// Appends a report. Returns `false` if the same was reported before: carriers repeat their hooks.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    shipment: ShipmentId,
    report: &TrackingReport,
    actor: &str,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO fulfilment.tracking_events
             (tenant_id, shipment_id, id, parcel_number, status, detail, happened_at, actor, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, greatest($9, now()))
         ON CONFLICT (tenant_id, shipment_id, parcel_number, happened_at, status) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(shipment.as_uuid())
    .bind::<SqlUuid, _>(TrackingEventId::generate().as_uuid())
    .bind::<Integer, _>(report.parcel)
    .bind::<Text, _>(report.status.as_str())
    .bind::<Nullable<Text>, _>(report.detail.as_ref().map(Note::as_str))
    .bind::<Timestamptz, _>(report.happened_at)
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}
