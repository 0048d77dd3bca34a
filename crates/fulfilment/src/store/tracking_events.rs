//! What carriers reported, in the order of its arrival.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::id::{ShipmentId, TrackingEventId};
use crate::domain::text::Note;
use crate::domain::tracking::{TrackingEvent, TrackingReport, TrackingStatus};
use crate::store::{Now, row_limit};

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

/// Returns up to `limit` reports about the parcels of an order by time and ID, starting with a given one, if any.
pub(crate) async fn find_from(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<TrackingEvent>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        shipment_id: Uuid,
        #[diesel(sql_type = Integer)]
        shipment_number: i32,
        #[diesel(sql_type = Integer)]
        parcel_number: i32,
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Nullable<Text>)]
        detail: Option<String>,
        #[diesel(sql_type = Timestamptz)]
        happened_at: DateTime<Utc>,
        #[diesel(sql_type = Text)]
        actor: String,
        #[diesel(sql_type = Timestamptz)]
        recorded_at: DateTime<Utc>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT e.id, e.shipment_id, s.number AS shipment_number, e.parcel_number, e.status, e.detail, e.happened_at,
                e.actor, e.recorded_at
         FROM fulfilment.shipments s
         JOIN fulfilment.tracking_events e ON e.tenant_id = $1 AND e.shipment_id = s.id
         WHERE s.tenant_id = $1 AND s.order_id = $2
             AND (e.recorded_at, e.id)
                 >= (coalesce($3, '-infinity'), coalesce($4, '00000000-0000-0000-0000-000000000000'))
         ORDER BY e.recorded_at, e.id LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(from.map(|(at, _)| at))
    .bind::<Nullable<SqlUuid>, _>(from.map(|(_, id)| id))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let event = |row: Row| TrackingEvent {
        id: row.id,
        shipment_id: row.shipment_id.into(),
        shipment_number: row.shipment_number,
        parcel: row.parcel_number,
        status: TrackingStatus::stored(&row.status),
        detail: row.detail,
        happened_at: row.happened_at,
        actor: row.actor,
        recorded_at: row.recorded_at,
    };
    Ok(rows.into_iter().map(event).collect())
}
