//! The SQL of the cache.

use std::time::Duration;

use diesel::sql_types::{Array, Binary, Double, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use uuid::Uuid;

use crate::Coordinates;

/// The SHA-256 of an address.
pub(crate) type AddressHash = [u8; 32];

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Double)]
    lat: f64,
    #[diesel(sql_type = Double)]
    lng: f64,
}

/// Returns the coordinates of an address, if they were cached less than `ttl` ago.
pub(crate) async fn find_location(
    connection: &mut Connection,
    tenant: Uuid,
    address: &AddressHash,
    ttl: Duration,
) -> Result<Option<Coordinates>, DbError> {
    let row: Option<Row> = cached_sql(
        "SELECT ST_Y(location::geometry) AS lat, ST_X(location::geometry) AS lng
         FROM geocoding.cached_locations
         WHERE tenant_id = $1 AND address_hash = $2
           AND cached_at > now() - make_interval(secs => $3)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Binary, _>(address.as_slice())
    .bind::<Double, _>(ttl.as_secs_f64())
    .get_result(connection)
    .await
    .optional()?;
    Ok(row.and_then(|row| Coordinates::new(row.lat, row.lng).ok()))
}

/// Caches the coordinates of an address.
pub(crate) async fn upsert_location(
    connection: &mut Connection,
    tenant: Uuid,
    address: &AddressHash,
    coordinates: Coordinates,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO geocoding.cached_locations (tenant_id, address_hash, location)
         VALUES ($1, $2, ST_SetSRID(ST_MakePoint($3, $4), 4326)::geography)
         ON CONFLICT (tenant_id, address_hash)
         DO UPDATE SET location = EXCLUDED.location, cached_at = EXCLUDED.cached_at",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Binary, _>(address.as_slice())
    .bind::<Double, _>(coordinates.lng())
    .bind::<Double, _>(coordinates.lat())
    .execute(connection)
    .await?;
    Ok(())
}

/// The purge of old entries.
pub(crate) const LEARNT_LONG_AGO: Purge = purge_of!("geocoding.cached_locations" by "cached_at");

/// Deletes the coordinates of addresses.
pub(crate) async fn delete_locations(
    connection: &mut Connection,
    tenant: Uuid,
    addresses: &[AddressHash],
) -> Result<(), DbError> {
    let hashes: Vec<&[u8]> = addresses.iter().map(<[u8; 32]>::as_slice).collect();
    cached_sql(
        "DELETE FROM geocoding.cached_locations WHERE tenant_id = $1 AND address_hash = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<Binary>, _>(hashes)
    .execute(connection)
    .await?;
    Ok(())
}
