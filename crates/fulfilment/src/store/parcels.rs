//! Parcels.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::id::ShipmentId;
use crate::domain::parcel::{NewParcel, Parcel};
use crate::domain::tracking::TrackingStatus;
use crate::store::grouped;

/// Inserts the parcels of shipments, numbered from 1 for each. `None` if there are none.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    new: &[(ShipmentId, Vec<NewParcel>)],
) -> Option<Statement<'q, usize>> {
    let (mut shipments, mut numbers) = (Vec::new(), Vec::new());
    let (mut carriers, mut services) = (Vec::new(), Vec::new());
    let (mut tracking_numbers, mut tracking_urls) = (Vec::new(), Vec::new());
    for (shipment, parcels) in new {
        for (number, parcel) in (1_i32..).zip(parcels) {
            shipments.push(shipment.as_uuid());
            numbers.push(number);
            carriers.push(parcel.carrier.to_string());
            services.push(parcel.service.as_ref().map(ToString::to_string));
            tracking_numbers.push(parcel.tracking_number.as_ref().map(ToString::to_string));
            tracking_urls.push(parcel.tracking_url.as_ref().map(ToString::to_string));
        }
    }
    if shipments.is_empty() {
        return None;
    }
    let statement = cached_sql(
        "INSERT INTO fulfilment.parcels
             (tenant_id, shipment_id, number, carrier, service, tracking_number, tracking_url)
         SELECT t.tenant_id, n.shipment_id, n.number, n.carrier, n.service, n.tracking_number, n.tracking_url
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
             AS n (shipment_id, number, carrier, service, tracking_number, tracking_url)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(shipments)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<Text>, _>(carriers)
    .bind::<Array<Nullable<Text>>, _>(services)
    .bind::<Array<Nullable<Text>>, _>(tracking_numbers)
    .bind::<Array<Nullable<Text>>, _>(tracking_urls);
    Some(statement.affected())
}

/// Writes a parcel of a locked shipment.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    shipment: ShipmentId,
    parcel: &Parcel,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE fulfilment.parcels
         SET carrier = $4, service = $5, tracking_number = $6, tracking_url = $7, tracking_status = $8,
             status_at = $9, estimated_at = $10, delivered_at = $11
         WHERE tenant_id = $1 AND shipment_id = $2 AND number = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(shipment.as_uuid())
    .bind::<Integer, _>(parcel.number)
    .bind::<Text, _>(&parcel.carrier)
    .bind::<Nullable<Text>, _>(&parcel.service)
    .bind::<Nullable<Text>, _>(&parcel.tracking_number)
    .bind::<Nullable<Text>, _>(&parcel.tracking_url)
    .bind::<Nullable<Text>, _>(parcel.tracking_status.map(TrackingStatus::as_str))
    .bind::<Nullable<Timestamptz>, _>(parcel.status_at)
    .bind::<Nullable<Timestamptz>, _>(parcel.estimated_at)
    .bind::<Nullable<Timestamptz>, _>(parcel.delivered_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the parcels of shipments, ordered by number.
pub(crate) fn find<'q>(
    tenant: TenantId,
    shipments: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<Parcel>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        shipment_id: Uuid,
        #[diesel(sql_type = Integer)]
        number: i32,
        #[diesel(sql_type = Text)]
        carrier: String,
        #[diesel(sql_type = Nullable<Text>)]
        service: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        tracking_number: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        tracking_url: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        tracking_status: Option<String>,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        status_at: Option<DateTime<Utc>>,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        estimated_at: Option<DateTime<Utc>>,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        delivered_at: Option<DateTime<Utc>>,
    }

    cached_sql(
        "SELECT shipment_id, number, carrier, service, tracking_number, tracking_url, tracking_status, status_at,
                estimated_at, delivered_at
         FROM fulfilment.parcels
         WHERE tenant_id = $1 AND shipment_id = ANY ($2) ORDER BY shipment_id, number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(shipments.to_vec())
    .rows::<Row>()
    .map(|rows| {
        let parcel = |row: Row| {
            let status = row.tracking_status.as_deref();
            let parcel = Parcel {
                number: row.number,
                carrier: row.carrier,
                service: row.service,
                tracking_number: row.tracking_number,
                tracking_url: row.tracking_url,
                tracking_status: status.map(TrackingStatus::stored),
                status_at: row.status_at,
                estimated_at: row.estimated_at,
                delivered_at: row.delivered_at,
            };
            (row.shipment_id, parcel)
        };
        grouped(rows.into_iter().map(parcel))
    })
}
