//! Shipments by tracking number.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Cursor, TenantId};
use uuid::Uuid;

use crate::domain::id::ShipmentId;
use crate::domain::shipment::{Shipment, ShipmentStatus};
use crate::domain::text::TrackingNumber;
use crate::store::{most_looked_at, row_limit, shipments};

/// A part of a list.
pub(crate) struct Listed {
    /// Those that match, newest first.
    pub(crate) shipments: Vec<Shipment>,
    /// Where the search stopped, if it stopped before the list ended and before the page was full.
    pub(crate) looked_until: Option<Cursor<ShipmentId>>,
}

/// Returns up to `limit` shipments after a cursor with a parcel of this tracking number, newest first. It looks at a
/// bounded number of them, so that a number that many parcels have makes no page slow.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    tracking_number: &TrackingNumber,
    status: Option<ShipmentStatus>,
    after: Option<Cursor<ShipmentId>>,
    limit: usize,
) -> Result<Listed, DbError> {
    #[derive(QueryableByName)]
    struct LookedAt {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = Bool)]
        is_wanted: bool,
    }

    let rows: Vec<LookedAt> = cached_sql(concat!(
        "SELECT * FROM (
             SELECT s.id, row_number() OVER (ORDER BY s.id DESC) AS position,
                    ($3 IS NULL OR s.status = $3) AS is_wanted
             FROM (
                 SELECT DISTINCT p.shipment_id FROM fulfilment.parcels p
                 WHERE p.tenant_id = $1 AND p.tracking_number = $2
                     AND p.shipment_id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                 ORDER BY p.shipment_id DESC LIMIT ",
        most_looked_at!(),
        ") p
             JOIN fulfilment.shipments s ON s.tenant_id = $1 AND s.id = p.shipment_id
         ) looked_at
         WHERE is_wanted OR position = ",
        most_looked_at!(),
        " ORDER BY position LIMIT $5"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(tracking_number.as_str())
    .bind::<Nullable<Text>, _>(status.map(ShipmentStatus::as_str))
    .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let last = rows.last().filter(|row| row.position == most_looked_at!());
    let looked_until = last.map(|row| Cursor(row.id.into()));
    let wanted = rows.iter().filter(|row| row.is_wanted);
    let ids: Vec<ShipmentId> = wanted.map(|row| row.id.into()).collect();
    let mut found = match ids.is_empty() {
        true => Vec::new(),
        false => shipments::find(connection, tenant, &ids).await?,
    };
    found.sort_by_key(|it| std::cmp::Reverse(it.id));
    Ok(Listed {
        shipments: found,
        looked_until,
    })
}
