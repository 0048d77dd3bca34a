//! The worklist: the orders that are not settled yet, and when the sweeper shall look at each.

use std::collections::HashSet;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::reason::cut;
use crate::domain::status::OrderStatus;

/// An order that the sweeper took on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) order_id: OrderId,
    /// Where the order is.
    pub(crate) status: OrderStatus,
    /// How often it was taken on, this time included. Tells this claim from a later one, to which it may have been lost.
    pub(crate) tries: u32,
    /// How long ago the order was placed.
    pub(crate) age: Duration,
}

impl Claim {
    /// Of whoever has just put an order on the list and goes on with it: lost as soon as the sweeper takes it on.
    pub(crate) const fn of_request(order_id: OrderId, status: OrderStatus) -> Self {
        Self {
            order_id,
            status,
            tries: 0,
            age: Duration::ZERO,
        }
    }
}

/// A store with orders that are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DueTenant {
    pub(crate) tenant: TenantId,
    /// For how long the first of them has been due.
    pub(crate) lag: Duration,
}

/// Leaves an order to the sweeper, from `delay` on. Its tries are counted anew.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    delay: Duration,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.reconciliations (tenant_id, order_id, due_at)
         VALUES ($1, $2, coalesce($4, now()) + make_interval(secs => $3))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The stores that have an order due, the longest due first. It looks across tenants, one step in the index for each: a
/// backlog of any length costs nothing more.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
        #[diesel(sql_type = Double)]
        lag_s: f64,
    }

    let rows: Vec<Row> = cached_sql(
        "WITH RECURSIVE tenants (tenant_id, due_at) AS (
             (SELECT r.tenant_id, r.due_at FROM orders.reconciliations r
              ORDER BY r.tenant_id, r.due_at LIMIT 1)
             UNION ALL
             SELECT following.tenant_id, following.due_at FROM tenants
             CROSS JOIN LATERAL (
                 SELECT r.tenant_id, r.due_at FROM orders.reconciliations r
                 WHERE r.tenant_id > tenants.tenant_id ORDER BY r.tenant_id, r.due_at LIMIT 1
             ) following
         )
         SELECT tenant_id, extract(epoch FROM coalesce($1, now()) - due_at)::float8 AS lag_s
         FROM tenants WHERE due_at <= coalesce($1, now()) ORDER BY due_at, tenant_id",
    )
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let due = |row: Row| DueTenant {
        tenant: row.tenant_id.into(),
        lag: Duration::try_from_secs_f64(row.lag_s).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(due).collect())
}

/// Takes on up to `limit` due orders of a store, the longest due first, each for the time of `lease`: nobody else gets
/// them before it is over. Rows that another instance is claiming are passed over.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Claim>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Integer)]
        tries: i32,
        #[diesel(sql_type = Double)]
        age_s: f64,
    }

    let rows: Vec<Row> = cached_sql(
        "WITH due AS MATERIALIZED (
             SELECT order_id FROM orders.reconciliations
             WHERE tenant_id = $1 AND due_at <= coalesce($4, now())
             ORDER BY due_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         UPDATE orders.reconciliations r
         SET due_at = coalesce($4, now()) + make_interval(secs => $3), tries = r.tries + 1
         FROM due
         JOIN orders.orders o ON o.tenant_id = $1 AND o.id = due.order_id
         WHERE r.tenant_id = $1 AND r.order_id = due.order_id
         RETURNING r.order_id, o.status, r.tries,
             extract(epoch FROM coalesce($4, now()) - o.created_at)::float8 AS age_s",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let claim = |row: Row| Claim {
        order_id: row.order_id.into(),
        status: OrderStatus::stored(&row.status),
        tries: row.tries.unsigned_abs(),
        // Placed in the future, by another clock, is placed just now.
        age: Duration::try_from_secs_f64(row.age_s).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(claim).collect())
}

/// Whether a claim that ends without an outcome was one of the tries that an order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try<'a> {
    /// It was, and it failed.
    Counts {
        /// Why, in words.
        reason: &'a str,
    },
    /// It was not: nothing was asked, or the answer was to wait.
    DoesNotCount,
}

/// Ends a claim without an outcome: looks again after `delay`. A try that counts is kept for the timeline. Changes nothing
/// when the claim was lost to a later one.
pub(crate) async fn postpone(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    claim: &Claim,
    delay: Duration,
    counted: Try<'_>,
) -> Result<(), DbError> {
    let failed = match counted {
        Try::Counts { reason } => Some(cut(reason)),
        Try::DoesNotCount => None,
    };
    cached_sql(
        "WITH postponed AS (
             UPDATE orders.reconciliations
             SET due_at = coalesce($5, now()) + make_interval(secs => $4),
                 tries = tries - CASE WHEN $7 IS NULL THEN 1 ELSE 0 END
             WHERE tenant_id = $1 AND order_id = $2 AND tries = $3
             RETURNING due_at
         )
         INSERT INTO orders.retries (tenant_id, order_id, id, number, reason, tried_at, next_at)
         SELECT $1, $2, $6, $3, $7, coalesce($5, now()), due_at FROM postponed WHERE $7 IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claim.order_id.as_uuid())
    .bind::<Integer, _>(tries(claim))
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Nullable<Text>, _>(failed)
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the sweeper look at an order now, even if it is looking already: something has happened since. False when the order
/// is not on the list.
pub(crate) async fn bring_forward(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<bool, DbError> {
    let moved = cached_sql(
        "UPDATE orders.reconciliations SET due_at = least(due_at, coalesce($3, now()))
         WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(moved == 1)
}

/// Strikes an order off that was given up on. False when the claim was lost to a later one, or the order was struck off
/// already.
pub(crate) async fn delete_claimed(
    connection: &mut Connection,
    tenant: TenantId,
    claim: &Claim,
) -> Result<bool, DbError> {
    let deleted = cached_sql(
        "DELETE FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = $2 AND tries = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claim.order_id.as_uuid())
    .bind::<Integer, _>(tries(claim))
    .execute(connection)
    .await?;
    Ok(deleted == 1)
}

fn tries(claim: &Claim) -> i32 {
    i32::try_from(claim.tries).unwrap_or(i32::MAX)
}

/// Strikes orders off that are settled. Returns those that were on the list.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashSet<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Deleted {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let deleted: Vec<Deleted> = cached_sql(
        "DELETE FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = ANY ($2)
         RETURNING order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(deleted.into_iter().map(|row| row.order_id.into()).collect())
}
