//! The sweeper's tries that did not settle an order. Append-only: the statement that postpones the order inserts them.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::timeline::FailedTry;

/// Up to `limit` tries, ordered by time and ID, from the given one on.
pub(crate) async fn find_from(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<FailedTry>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT id, number, reason, tried_at, next_at FROM orders.retries
         WHERE tenant_id = $1 AND order_id = $2 AND ($3 IS NULL OR (tried_at, id) >= ($3, $4))
         ORDER BY tried_at, id LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(from.map(|(at, _)| at))
    .bind::<Nullable<SqlUuid>, _>(from.map(|(_, id)| id))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(FailedTry::from).collect())
}

/// The latest try of an order.
pub(crate) async fn find_latest(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<FailedTry>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT id, number, reason, tried_at, next_at FROM orders.retries
         WHERE tenant_id = $1 AND order_id = $2 ORDER BY tried_at DESC, id DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(FailedTry::from))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    tried_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    next_at: DateTime<Utc>,
}

impl From<Row> for FailedTry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            number: row.number,
            reason: row.reason,
            at: row.tried_at,
            next_at: row.next_at,
        }
    }
}
