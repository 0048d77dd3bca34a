//! Stock levels, and the only statement that locks them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, DurationCounts, Durations, LockWait, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::allocation::LevelKey;
use crate::domain::catalogue::CatalogueProduct;
use crate::store::level_counts::columns;

/// The durations of [`lock`]. A process-wide static, because callers pass only a connection.
static LOCKING: Durations = Durations::new();

/// Returns how long locking stock took, including failed attempts.
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
/// Every writer of stock calls this first, so that no two writers can deadlock. `FOR NO KEY UPDATE` does not block the
/// foreign key checks of reservations and movements. The result is as of the lock, not as of the statement's snapshot,
/// and omits levels that don't exist. The lock timeout stays set until the transaction ends.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
    wait: LockWait,
) -> Result<BTreeMap<LevelKey, i32>, DbError> {
    let (warehouses, products) = columns(keys);
    let since = Instant::now();
    let locked: Result<Vec<LockedLevel>, _> = cached_sql(
        "SELECT s.warehouse_id, s.product_id, s.on_hand - s.reserved - s.safety_stock AS available
         FROM (SELECT set_config('lock_timeout', coalesce($4, current_setting('lock_timeout')), true)) AS bound
         CROSS JOIN inventory.stock_levels s
         JOIN unnest($2::uuid[], $3::uuid[]) AS k (warehouse_id, product_id)
             ON s.warehouse_id = k.warehouse_id AND s.product_id = k.product_id
         WHERE s.tenant_id = $1
         ORDER BY s.tenant_id, s.warehouse_id, s.product_id
         FOR NO KEY UPDATE OF s",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Nullable<Text>, _>(wait.setting())
    .load(connection)
    .await;
    LOCKING.count(since.elapsed());
    let rows = locked?;
    let level = |row: LockedLevel| {
        (
            (row.warehouse_id.into(), row.product_id.into()),
            row.available,
        )
    };
    Ok(rows.into_iter().map(level).collect())
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
