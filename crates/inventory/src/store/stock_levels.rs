//! Stock levels, and the only statement that locks them.

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

/// The durations of [`lock`]. A process-wide static, because callers pass only a connection.
static LOCKING: Durations = Durations::new();

/// Returns how long locking stock took, including failed attempts and the statements sent before it in the same round
/// trip.
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

/// Locks stock levels in key order, and returns the available units of each. These are negative if units that orders
/// hold were since declared safety stock.
///
/// Every writer of stock calls this first, so that writers can't deadlock. `FOR NO KEY UPDATE` doesn't block the
/// foreign key checks of reservations and movements. The returned values are as of the lock, not as of the statement's
/// snapshot. Missing levels are omitted.
pub(crate) fn lock<'q>(
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
) -> Statement<'q, BTreeMap<LevelKey, i32>> {
    let (warehouses, products) = columns(keys);
    cached_sql(
        "SELECT s.warehouse_id, s.product_id,
                s.on_hand - s.reserved - s.backordered - s.quarantined - s.safety_stock AS available
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

/// Returns the stock levels that no other session has locked. Locks them for an instant. The commit does not wait for
/// the disk, because losing it would do no harm.
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

#[derive(QueryableByName)]
struct ReceivedLevel {
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Integer)]
    on_hand: i32,
}

/// Receives initial stock for missing levels, and returns the number of new levels.
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
    let received: Vec<ReceivedLevel> = cached_sql(
        "INSERT INTO inventory.stock_levels AS s (tenant_id, warehouse_id, product_id, on_hand)
         SELECT t.tenant_id, first.warehouse_id, first.product_id, first.quantity
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::integer[]) AS first (warehouse_id, product_id, quantity)
         WHERE t.tenant_id = $1
         ON CONFLICT DO NOTHING
         RETURNING s.warehouse_id, s.product_id, s.on_hand",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(product_ids)
    .bind::<Array<Integer>, _>(quantities)
    .load(connection)
    .await?;
    let movements: Vec<Uuid> = received.iter().map(|_| Uuid::now_v7()).collect();
    let warehouses: Vec<Uuid> = received.iter().map(|level| level.warehouse_id).collect();
    let product_ids: Vec<Uuid> = received.iter().map(|level| level.product_id).collect();
    let quantities: Vec<i32> = received.iter().map(|level| level.on_hand).collect();
    cached_sql(
        "INSERT INTO inventory.stock_movements
             (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
         SELECT t.tenant_id, m.id, m.warehouse_id, m.product_id, 'receipt', m.quantity, 'first stock', 'catalogue'
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
             AS m (id, warehouse_id, product_id, quantity)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(movements)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(product_ids)
    .bind::<Array<Integer>, _>(quantities)
    .execute(connection)
    .await?;
    Ok(received.len())
}
