//! Warehouses.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{Cursor, Location, TenantId, WarehouseId};
use postgis_diesel::sql_types::Geography;
use uuid::Uuid;

use crate::domain::catalogue::CatalogueWarehouse;
use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::{NewWarehouse, Warehouse};
use crate::store::{IdRow, point, row_limit, unreadable};

/// Inserts missing warehouses, and returns their number.
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
         SELECT t.tenant_id, w.id, w.name, ST_SetSRID(ST_MakePoint(w.lng, w.lat), 4326)::geography
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::text[], $4::float8[], $5::float8[]) AS w (id, name, lat, lng)
         WHERE t.tenant_id = $1
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

/// The columns of a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! columns {
    () => {
        "id, name, address, ST_Y(location::geometry) AS lat, ST_X(location::geometry) AS lng, active, version,
         created_at, updated_at"
    };
}

macro_rules! select_warehouse {
    ($locking:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM inventory.warehouses WHERE tenant_id = $1 AND id = $2 ",
            $locking
        )
    };
}

/// Inserts a warehouse and returns it.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    new: &NewWarehouse,
    location: Location,
) -> Result<Warehouse, DbError> {
    let row: Row = cached_sql(concat!(
        "INSERT INTO inventory.warehouses (tenant_id, id, name, address, location, active)
         VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(new.name.as_str())
    .bind::<Nullable<Text>, _>(new.address.as_ref().map(AddressLine::as_str))
    .bind::<Geography, _>(point(location))
    .bind::<Bool, _>(new.active)
    .get_result(connection)
    .await?;
    row.try_into()
}

/// Returns the warehouse with an ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<Option<Warehouse>, DbError> {
    select_one(connection, tenant, id, select_warehouse!("")).await
}

/// Returns whether a warehouse exists and takes part in routing.
pub(crate) fn is_active<'q>(tenant: TenantId, id: WarehouseId) -> Statement<'q, bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        active: bool,
    }

    cached_sql("SELECT active FROM inventory.warehouses WHERE tenant_id = $1 AND id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .rows::<Row>()
        .map(|rows| rows.iter().any(|row| row.active))
}

/// Like [`find`], but locks the warehouse until the transaction ends. The lock does not block reservations or
/// movements.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<Option<Warehouse>, DbError> {
    select_one(
        connection,
        tenant,
        id,
        select_warehouse!("FOR NO KEY UPDATE"),
    )
    .await
}

async fn select_one(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    text: &'static str,
) -> Result<Option<Warehouse>, DbError> {
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Warehouse::try_from).transpose()
}

/// Writes and returns the next version of a locked warehouse.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse: &Warehouse,
) -> Result<Warehouse, DbError> {
    let row: Row = cached_sql(concat!(
        "UPDATE inventory.warehouses
         SET name = $3, address = $4, location = $5, active = $6, version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = $2
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(warehouse.id.as_uuid())
    .bind::<Text, _>(warehouse.name.as_str())
    .bind::<Nullable<Text>, _>(warehouse.address.as_ref().map(AddressLine::as_str))
    .bind::<Geography, _>(point(warehouse.location))
    .bind::<Bool, _>(warehouse.active)
    .get_result(connection)
    .await?;
    row.try_into()
}

/// Returns up to `limit` warehouses after a cursor, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    active: Option<bool>,
    after: Option<Cursor<WarehouseId>>,
    limit: usize,
) -> Result<Vec<Warehouse>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM inventory.warehouses
         WHERE tenant_id = $1 AND ($2 IS NULL OR active = $2)
           AND id < coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
         ORDER BY id DESC LIMIT $4"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Bool>, _>(active)
    .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    rows.into_iter().map(Warehouse::try_from).collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Double)]
    lat: f64,
    #[diesel(sql_type = Double)]
    lng: f64,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Warehouse {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let address = row.address.as_deref().map(AddressLine::stored);
        Ok(Self {
            id: row.id.into(),
            name: Name::stored(&row.name).map_err(unreadable)?,
            address: address.transpose().map_err(unreadable)?,
            location: Location::new(row.lat, row.lng).map_err(unreadable)?,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Returns the names of those warehouses that the tenant has.
pub(crate) async fn find_names(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &BTreeSet<WarehouseId>,
) -> Result<HashMap<WarehouseId, String>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        name: String,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> = cached_sql(
        "SELECT id, name FROM inventory.warehouses WHERE tenant_id = $1 AND id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let named = rows.into_iter().map(|row| (row.id.into(), row.name));
    Ok(named.collect())
}

/// Returns the IDs that belong to warehouses of the tenant.
pub(crate) async fn find_known(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &BTreeSet<WarehouseId>,
) -> Result<BTreeSet<WarehouseId>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<IdRow> =
        cached_sql("SELECT id FROM inventory.warehouses WHERE tenant_id = $1 AND id = ANY ($2)")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .load(connection)
            .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
