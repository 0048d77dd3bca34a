//! Stock movements, the append-only audit trail.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, send_in_transaction,
};
use oms_events::record;
use oms_validation::{Cursor, TenantId};
use uuid::Uuid;

use crate::domain::allocation::LevelKey;
use crate::domain::id::{MovementId, StockChangeId};
use crate::domain::published::of_movements;
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_level::LevelChange;
use crate::domain::stock_movement::{ChangeRecord, MovementFilter, MovementKind, StockMovement};
use crate::store::{level_counts, row_limit};

/// Applies movements to locked levels, at most one per level, and records them.
pub(crate) async fn apply(
    connection: &mut Connection,
    tenant: TenantId,
    movements: &[PlannedMovement],
    record: ChangeRecord<'_>,
) -> Result<(), DbError> {
    let change = |movement: &PlannedMovement| {
        let change = LevelChange {
            on_hand: movement.quantity,
            quarantined: movement.quarantined,
            ..LevelChange::default()
        };
        (movement.level, change)
    };
    let changes: BTreeMap<LevelKey, LevelChange> = movements.iter().map(change).collect();
    let statements = (
        level_counts::change(tenant, &changes),
        insert(tenant, movements, record),
    );
    send_in_transaction(connection, statements).await?;
    Ok(())
}

/// Records movements whose effect on their levels is another statement, and returns their number.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    movements: &[PlannedMovement],
    record: ChangeRecord<'q>,
) -> Statement<'q, usize> {
    let movements: Vec<_> = movements.iter().map(|it| (*it, record)).collect();
    insert_all(tenant, &movements)
}

/// Like [`insert`], for the movements of several changes. Appends them to the feed too.
pub(crate) fn insert_all<'q>(
    tenant: TenantId,
    movements: &[(PlannedMovement, ChangeRecord<'q>)],
) -> Statement<'q, usize> {
    let ids: Vec<Uuid> = movements.iter().map(|_| Uuid::now_v7()).collect();
    let changed = || movements.iter().map(|(_, record)| record);
    let reasons: Vec<&str> = changed().map(|it| it.reason).collect();
    let actors: Vec<&str> = changed().map(|it| it.actor).collect();
    let changes: Vec<Uuid> = changed().map(|it| it.change_id.as_uuid()).collect();
    let planned = || movements.iter().map(|(movement, _)| movement);
    let warehouses: Vec<Uuid> = planned().map(|m| m.level.0.as_uuid()).collect();
    let products: Vec<Uuid> = planned().map(|m| m.level.1.as_uuid()).collect();
    let kinds: Vec<&str> = planned().map(|m| m.kind.as_str()).collect();
    let quantities: Vec<i32> = planned().map(|m| m.quantity).collect();
    let quarantined: Vec<i32> = planned().map(|m| m.quarantined).collect();
    let records = of_movements(movements);
    let insert = cached_sql(
        "INSERT INTO inventory.stock_movements
             (tenant_id, id, warehouse_id, product_id, kind, quantity, quarantined, reason, actor, change_id)
         SELECT t.tenant_id, m.id, m.warehouse_id, m.product_id, m.kind, m.quantity, m.quarantined, m.reason, m.actor,
                m.change_id
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::integer[], $7::integer[], $8::text[],
                           $9::text[], $10::uuid[])
             AS m (id, warehouse_id, product_id, kind, quantity, quarantined, reason, actor, change_id)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Array<Integer>, _>(quarantined)
    .bind::<Array<Text>, _>(reasons)
    .bind::<Array<Text>, _>(actors)
    .bind::<Array<SqlUuid>, _>(changes)
    .affected();
    match records.is_empty() {
        true => insert,
        false => insert.then(record(tenant, &records)),
    }
}

/// Selects a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! select_movements {
    ($condition:literal) => {
        concat!(
            "SELECT id, change_id, warehouse_id, product_id, kind, quantity, quarantined, reason, actor, occurred_at
             FROM inventory.stock_movements WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Selects a page of movements, newest first. Each combination of keys has its own text, to be planned with the right
/// index.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            select_movements!($condition),
            " AND id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
              AND ($5 IS NULL OR kind = $5)
              ORDER BY id DESC LIMIT $6"
        )
    };
}

/// Returns the movements of a change, ordered by ID.
pub(crate) async fn find_change(
    connection: &mut Connection,
    tenant: TenantId,
    change_id: StockChangeId,
) -> Result<Vec<StockMovement>, DbError> {
    let rows: Vec<Row> = cached_sql(select_movements!("change_id = $2 ORDER BY id"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(change_id.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(StockMovement::from).collect())
}

/// Returns up to `limit` movements after a cursor, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    filter: MovementFilter,
    after: Option<Cursor<MovementId>>,
    limit: usize,
) -> Result<Vec<StockMovement>, DbError> {
    let text = match (filter.warehouse_id, filter.product_id) {
        (None, None) => select_page!("$2::uuid IS NULL AND $3::uuid IS NULL"),
        (Some(_), None) => select_page!("warehouse_id = $2 AND $3::uuid IS NULL"),
        (None, Some(_)) => select_page!("$2::uuid IS NULL AND product_id = $3"),
        (Some(_), Some(_)) => select_page!("warehouse_id = $2 AND product_id = $3"),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(filter.warehouse_id.map(|id| id.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(filter.product_id.map(|id| id.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
        .bind::<Nullable<Text>, _>(filter.kind.map(MovementKind::as_str))
        .bind::<BigInt, _>(row_limit(limit))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(StockMovement::from).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    change_id: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Integer)]
    quantity: i32,
    #[diesel(sql_type = Integer)]
    quarantined: i32,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
}

impl From<Row> for StockMovement {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            change_id: row.change_id.map(Into::into),
            warehouse_id: row.warehouse_id.into(),
            product_id: row.product_id.into(),
            kind: MovementKind::stored(&row.kind),
            quantity: row.quantity,
            quarantined: row.quarantined,
            reason: row.reason,
            actor: row.actor,
            occurred_at: row.occurred_at,
        }
    }
}
