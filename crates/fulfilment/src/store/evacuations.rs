//! Evacuations of warehouses, and what they did with each fulfilment order.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Cursor, TenantId, WarehouseId};
use uuid::Uuid;

use crate::domain::evacuation::{
    EvacuatedCursor, EvacuatedOrder, Evacuation, EvacuationCursor, EvacuationOutcome,
    EvacuationStatus,
};
use crate::domain::id::{EvacuationId, MoveId};
use crate::store::{Now, row_limit};

/// Selects [`Row`]s. A macro, because the text of a cached statement must be a constant.
macro_rules! select_evacuations {
    ($condition:literal) => {
        concat!(
            "SELECT id, warehouse_id, reason, actor, moved, held, due_at, created_at, progressed_at, finished_at
             FROM fulfilment.evacuations WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Inserts an evacuation that is due now. Returns `false` if its warehouse has an unfinished one.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (id, warehouse): (EvacuationId, WarehouseId),
    reason: &str,
    actor: &str,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO fulfilment.evacuations
             (tenant_id, id, warehouse_id, reason, actor, due_at, created_at, progressed_at)
         VALUES ($1, $2, $3, $4, $5, greatest($6, now()), greatest($6, now()), greatest($6, now()))
         ON CONFLICT (tenant_id, warehouse_id) WHERE finished_at IS NULL DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(warehouse.as_uuid())
    .bind::<Text, _>(reason)
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Returns an evacuation.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Option<Evacuation>, DbError> {
    select_one(connection, tenant, id, select_evacuations!("id = $2")).await
}

/// Like [`find`], but locks it until the transaction ends.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Option<Evacuation>, DbError> {
    let text = select_evacuations!("id = $2 FOR NO KEY UPDATE");
    select_one(connection, tenant, id, text).await
}

async fn select_one(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
    text: &'static str,
) -> Result<Option<Evacuation>, DbError> {
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().next().map(Evacuation::from))
}

/// The unfinished evacuation of a warehouse.
pub(crate) async fn find_unfinished(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse: WarehouseId,
) -> Result<Option<Evacuation>, DbError> {
    let rows: Vec<Row> = cached_sql(select_evacuations!(
        "warehouse_id = $2 AND finished_at IS NULL"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(warehouse.as_uuid())
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(Evacuation::from))
}

/// Returns up to `limit` evacuations after a cursor, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse: Option<WarehouseId>,
    after: Option<EvacuationCursor>,
    limit: usize,
) -> Result<Vec<Evacuation>, DbError> {
    let rows: Vec<Row> = cached_sql(select_evacuations!(
        "($2 IS NULL OR warehouse_id = $2) AND id < coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
         ORDER BY id DESC LIMIT $4"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<SqlUuid>, _>(warehouse.map(|id| id.as_uuid()))
    .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Evacuation::from).collect())
}

/// Stops a locked evacuation: whatever works on it changes nothing any more.
pub(crate) async fn stop(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE fulfilment.evacuations SET due_at = NULL, claim = claim + 1
         WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins a locked evacuation anew, with what it could not move before.
pub(crate) async fn resume(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: EvacuationId,
) -> Result<(), DbError> {
    cached_sql(
        "DELETE FROM fulfilment.evacuated_orders
         WHERE tenant_id = $1 AND evacuation_id = $2 AND outcome = 'held'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    cached_sql(
        "UPDATE fulfilment.evacuations
         SET held = 0, after_due_at = NULL, after_id = NULL, passed_over = false, due_at = greatest($3, now()),
             progressed_at = greatest($3, now()), claim = claim + 1, tries = 0
         WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns up to `limit` fulfilment orders that an evacuation has dealt with, after a cursor, ordered by ID.
pub(crate) async fn list_orders(
    connection: &mut Connection,
    tenant: TenantId,
    id: EvacuationId,
    outcome: Option<EvacuationOutcome>,
    after: Option<EvacuatedCursor>,
    limit: usize,
) -> Result<Vec<EvacuatedOrder>, DbError> {
    #[derive(QueryableByName)]
    struct Done {
        #[diesel(sql_type = SqlUuid)]
        fulfilment_order_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Text)]
        outcome: String,
        #[diesel(sql_type = Nullable<Text>)]
        reason: Option<String>,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        move_id: Option<Uuid>,
        #[diesel(sql_type = Timestamptz)]
        recorded_at: DateTime<Utc>,
    }

    let rows: Vec<Done> = cached_sql(
        "SELECT fulfilment_order_id, order_id, outcome, reason, move_id, recorded_at
         FROM fulfilment.evacuated_orders
         WHERE tenant_id = $1 AND evacuation_id = $2 AND ($3 IS NULL OR outcome = $3)
           AND fulfilment_order_id > coalesce($4, '00000000-0000-0000-0000-000000000000')
         ORDER BY fulfilment_order_id LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Text>, _>(outcome.map(EvacuationOutcome::as_str))
    .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let done = |row: Done| EvacuatedOrder {
        fulfilment_order_id: row.fulfilment_order_id.into(),
        order_id: row.order_id.into(),
        outcome: EvacuationOutcome::stored(&row.outcome),
        reason: row.reason,
        move_id: row.move_id.map(MoveId::from),
        recorded_at: row.recorded_at,
    };
    Ok(rows.into_iter().map(done).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Integer)]
    moved: i32,
    #[diesel(sql_type = Integer)]
    held: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    progressed_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for Evacuation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            warehouse_id: row.warehouse_id.into(),
            status: match (row.finished_at, row.due_at) {
                (Some(_), _) => EvacuationStatus::Finished,
                (None, Some(_)) => EvacuationStatus::InProgress,
                (None, None) => EvacuationStatus::Stopped,
            },
            reason: row.reason,
            actor: row.actor,
            moved: row.moved,
            held: row.held,
            created_at: row.created_at,
            progressed_at: row.progressed_at,
            finished_at: row.finished_at,
        }
    }
}
