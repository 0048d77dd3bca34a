//! Moves of units between warehouses, and the warehouses that are excluded from orders.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::result::Error::DeserializationError;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId, WarehouseId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::id::MoveId;
use crate::domain::line::Units;
use crate::domain::moving::{ERASED_WORDS, Move, MoveCause};
use crate::store::Now;

/// Inserts a move. Its time is that of the statement, not of the transaction, which may have waited for the order: so
/// moves and exclusions of an order have the order in which they were made.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    made: &Move,
) -> Result<(), DbError> {
    let lines = serde_json::to_value(&made.units).map_err(unreadable)?;
    cached_sql(
        "INSERT INTO fulfilment.moves
             (tenant_id, order_id, id, fulfilment_order_id, to_fulfilment_order_id, from_warehouse_id, to_warehouse_id,
              lines, trace, cause, reason, actor, moved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, greatest($13, clock_timestamp()))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(made.order_id.as_uuid())
    .bind::<SqlUuid, _>(made.id.as_uuid())
    .bind::<SqlUuid, _>(made.fulfilment_order_id.as_uuid())
    .bind::<SqlUuid, _>(made.to_fulfilment_order_id.as_uuid())
    .bind::<SqlUuid, _>(made.from_warehouse_id.as_uuid())
    .bind::<SqlUuid, _>(made.to_warehouse_id.as_uuid())
    .bind::<Jsonb, _>(lines)
    .bind::<Nullable<Jsonb>, _>(made.trace.clone())
    .bind::<Text, _>(made.cause.as_str())
    .bind::<Text, _>(&made.reason)
    .bind::<Text, _>(&made.actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the moves of an order, oldest first.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<Move>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT id, order_id, fulfilment_order_id, to_fulfilment_order_id, from_warehouse_id, to_warehouse_id, lines,
                trace, cause, reason, actor, moved_at
         FROM fulfilment.moves WHERE tenant_id = $1 AND order_id = $2 ORDER BY moved_at, id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter().map(Move::try_from).collect()
}

/// The number of moves of an order.
pub(crate) async fn count(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<usize, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    let counted: Counted = cached_sql(
        "SELECT count(*) AS count FROM fulfilment.moves WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .get_result(connection)
    .await?;
    Ok(usize::try_from(counted.count).unwrap_or(usize::MAX))
}

/// Erases why routing chose the warehouses of orders, which says where they go to, and what people wrote about moves and
/// rejections.
pub(crate) async fn erase(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    for text in [
        "UPDATE fulfilment.moves SET trace = NULL, reason = $3
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND (trace IS NOT NULL OR reason <> $3)",
        "UPDATE fulfilment.exclusions SET reason = $3
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND reason <> $3",
    ] {
        let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
        cached_sql(text)
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Text, _>(ERASED_WORDS)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Excludes a warehouse from an order. An exclusion that is there gets the new reason and time.
pub(crate) async fn exclude(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, warehouse_id): (OrderId, WarehouseId),
    reason: &str,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO fulfilment.exclusions AS x (tenant_id, order_id, warehouse_id, reason, excluded_at)
         VALUES ($1, $2, $3, $4, greatest($5, clock_timestamp()))
         ON CONFLICT (tenant_id, order_id, warehouse_id)
             DO UPDATE SET reason = excluded.reason, excluded_at = excluded.excluded_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(warehouse_id.as_uuid())
    .bind::<Text, _>(reason)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets a warehouse get units of an order again.
pub(crate) async fn include(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    warehouse_id: WarehouseId,
) -> Result<(), DbError> {
    cached_sql(
        "DELETE FROM fulfilment.exclusions WHERE tenant_id = $1 AND order_id = $2 AND warehouse_id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(warehouse_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// The warehouses that are excluded from an order.
pub(crate) async fn find_excluded(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<BTreeSet<WarehouseId>, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
    }

    let rows: Vec<Found> = cached_sql(
        "SELECT warehouse_id FROM fulfilment.exclusions WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| row.warehouse_id.into())
        .collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    fulfilment_order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    to_fulfilment_order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    from_warehouse_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    to_warehouse_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    lines: Value,
    #[diesel(sql_type = Nullable<Jsonb>)]
    trace: Option<Value>,
    #[diesel(sql_type = Text)]
    cause: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Timestamptz)]
    moved_at: DateTime<Utc>,
}

impl TryFrom<Row> for Move {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: MoveId::from(row.id),
            order_id: row.order_id.into(),
            fulfilment_order_id: row.fulfilment_order_id.into(),
            to_fulfilment_order_id: row.to_fulfilment_order_id.into(),
            from_warehouse_id: row.from_warehouse_id.into(),
            to_warehouse_id: row.to_warehouse_id.into(),
            units: Units::stored(row.lines).map_err(unreadable)?,
            trace: row.trace,
            cause: MoveCause::stored(&row.cause),
            reason: row.reason,
            actor: row.actor,
            moved_at: row.moved_at,
        })
    }
}

fn unreadable(error: serde_json::Error) -> DbError {
    DbError::Other(DeserializationError(error.into()))
}
