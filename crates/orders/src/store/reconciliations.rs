//! The orders whose payment is open, and when the sweeper shall look at each.
//!
//! Times are the database's: the clocks of the machines that run us need not agree.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

/// An order that the sweeper took on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) order_id: OrderId,
    /// How often it was taken on, this time included.
    pub(crate) tries: u32,
    /// How long ago the order was placed.
    pub(crate) age: Duration,
}

/// Leaves an order to the sweeper, from `delay` on.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    delay: Duration,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.reconciliations (tenant_id, order_id, due_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Double, _>(delay.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// The stores that have an order due. The one statement that looks across tenants: the table holds only open payments.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT DISTINCT tenant_id FROM orders.reconciliations WHERE due_at <= now() ORDER BY tenant_id",
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}

/// Takes on up to `limit` due orders of a store, the longest due first, each for the time of `lease`: nobody else gets
/// them before it is over. Rows that another instance is claiming are passed over.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Claim>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Integer)]
        tries: i32,
        #[diesel(sql_type = Double)]
        age_s: f64,
    }

    let rows: Vec<Row> = cached_sql(
        "WITH due AS MATERIALIZED (
             SELECT order_id FROM orders.reconciliations
             WHERE tenant_id = $1 AND due_at <= now()
             ORDER BY due_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         UPDATE orders.reconciliations r
         SET due_at = now() + make_interval(secs => $3), tries = r.tries + 1
         FROM due
         JOIN orders.orders o ON o.tenant_id = $1 AND o.id = due.order_id
         WHERE r.tenant_id = $1 AND r.order_id = due.order_id
         RETURNING r.order_id, r.tries,
             greatest(extract(epoch FROM now() - o.created_at), 0)::float8 AS age_s",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    let claim = |row: Row| Claim {
        order_id: row.order_id.into(),
        tries: row.tries.unsigned_abs(),
        age: Duration::from_secs_f64(row.age_s),
    };
    Ok(rows.into_iter().map(claim).collect())
}

/// Ends a claim without an outcome: looks again after `delay`.
pub(crate) async fn postpone(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    delay: Duration,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.reconciliations SET due_at = now() + make_interval(secs => $3)
         WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Double, _>(delay.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// Strikes an order off: its payment is no longer open.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(order_id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}
