//! Warehouses.

use diesel::sql_types::{Array, Double, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::catalogue::CatalogueWarehouse;

/// Inserts the warehouses that are not there yet, and returns how many that were.
pub(crate) async fn insert_missing(
    connection: &mut Connection,
    tenant: TenantId,
    warehouses: &[CatalogueWarehouse],
) -> Result<usize, DbError> {
    let ids: Vec<Uuid> = warehouses
        .iter()
        .map(|warehouse| warehouse.id.as_uuid())
        .collect();
    let names: Vec<&str> = warehouses
        .iter()
        .map(|warehouse| warehouse.name.as_str())
        .collect();
    let latitudes: Vec<f64> = warehouses
        .iter()
        .map(|warehouse| warehouse.location.lat())
        .collect();
    let longitudes: Vec<f64> = warehouses
        .iter()
        .map(|warehouse| warehouse.location.lng())
        .collect();
    let inserted = cached_sql(
        "INSERT INTO inventory.warehouses (tenant_id, id, name, location)
         SELECT $1, id, name, ST_SetSRID(ST_MakePoint(lng, lat), 4326)::geography
         FROM unnest($2::uuid[], $3::text[], $4::float8[], $5::float8[]) AS w (id, name, lat, lng)
         ON CONFLICT (tenant_id, id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Double>, _>(latitudes)
    .bind::<Array<Double>, _>(longitudes)
    .execute(connection)
    .await?;
    Ok(inserted)
}
