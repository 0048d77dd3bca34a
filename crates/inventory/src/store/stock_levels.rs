//! Stock levels, and the only place where they are locked.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, DurationCounts, Durations, Statement, cached_sql,
};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::allocation::LevelKey;
use crate::domain::catalogue::CatalogueProduct;
use crate::store::level_counts::columns;

/// How long [`lock`] took, of the whole process: whoever locks has a connection and nothing else.
static LOCKING: Durations = Durations::new();

/// How long it took to lock stock, also in vain, with the statements that were sent in front of it.
pub fn stock_lock_times() -> DurationCounts {
    LOCKING.counts()
}

#[derive(QueryableByName)]
struct LockedLevel {
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Integer)]
    available: i32,
}

/// Locks stock levels in the order of their key, and returns the pieces of each that may still be promised: below
/// zero where orders hold pieces that became safety stock since.
///
/// Every writer of stock goes through here first, so that no two of them can wait for each other. `FOR NO KEY UPDATE`
/// lets the foreign keys of reservations and movements through. What it returns is as of the lock, not as of the
/// statement's snapshot; levels that do not exist are left out.
pub(crate) fn lock<'q>(
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
) -> Statement<'q, BTreeMap<LevelKey, i32>> {
    let (warehouses, products) = columns(keys);
    cached_sql(
        "SELECT s.warehouse_id, s.product_id, s.on_hand - s.reserved - s.safety_stock AS available
         FROM inventory.stock_levels s
         JOIN unnest($2::uuid[], $3::uuid[]) AS k (warehouse_id, product_id)
             ON s.warehouse_id = k.warehouse_id AND s.product_id = k.product_id
         WHERE s.tenant_id = $1
         ORDER BY s.tenant_id, s.warehouse_id, s.product_id
         FOR NO KEY UPDATE OF s",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .rows::<LockedLevel>()
    .timed(&LOCKING)
    .map(|rows| {
        let level = |row: LockedLevel| {
            (
                (row.warehouse_id.into(), row.product_id.into()),
                row.available,
            )
        };
        rows.into_iter().map(level).collect()
    })
}

/// Those of the stock levels that no other session has locked. Locks them for an instant; without waiting for the disk,
/// because nothing is written that anybody would miss.
pub(crate) async fn find_unlocked(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
) -> Result<BTreeSet<LevelKey>, DbError> {
    let (warehouses, products) = columns(keys);
    let unlocked: Vec<LockedLevel> = cached_sql(
        "SELECT s.warehouse_id, s.product_id, 0 AS available
         FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick
         CROSS JOIN inventory.stock_levels s
         JOIN unnest($2::uuid[], $3::uuid[]) AS k (warehouse_id, product_id)
             ON s.warehouse_id = k.warehouse_id AND s.product_id = k.product_id
         WHERE s.tenant_id = $1
         FOR NO KEY UPDATE OF s SKIP LOCKED",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .load(connection)
    .await?;
    let key = |row: LockedLevel| (row.warehouse_id.into(), row.product_id.into());
    Ok(unlocked.into_iter().map(key).collect())
}

/// Receives first stock where there is no level yet, and returns how many levels that made.
pub(crate) async fn receive_missing(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[CatalogueProduct],
) -> Result<usize, DbError> {
    let stock: Vec<_> = products
        .iter()
        .flat_map(|product| product.stock.iter().map(|stock| (product.id, *stock)))
        .collect();
    let warehouses: Vec<Uuid> = stock
        .iter()
        .map(|(_, s)| s.warehouse_id.as_uuid())
        .collect();
    let product_ids: Vec<Uuid> = stock.iter().map(|(id, _)| id.as_uuid()).collect();
    let quantities: Vec<i32> = stock.iter().map(|(_, s)| s.quantity).collect();
    let movements: Vec<Uuid> = stock.iter().map(|_| Uuid::now_v7()).collect();
    let received = cached_sql(
        "WITH stock AS (
             SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::uuid[])
                 AS s (warehouse_id, product_id, quantity, movement_id)
         ),
         received AS (
             INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
             SELECT $1, warehouse_id, product_id, quantity FROM stock
             ON CONFLICT DO NOTHING
             RETURNING warehouse_id, product_id
         )
         INSERT INTO inventory.stock_movements
             (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
         SELECT $1, s.movement_id, s.warehouse_id, s.product_id, 'receipt', s.quantity,
                'first stock', 'catalogue'
         FROM stock s JOIN received USING (warehouse_id, product_id)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(product_ids)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Array<SqlUuid>, _>(movements)
    .execute(connection)
    .await?;
    Ok(received)
}
