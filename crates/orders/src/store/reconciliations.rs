//! The work list: the unsettled orders, and when the sweeper looks at each.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql, in_transaction_sql,
};
use oms_validation::{OrderId, TenantId};
use oms_work::{DueTenant, Lease, claim_sql, due_tenants_sql, postpone_sql};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::explanation::Waiting;
use crate::domain::reason::cut;
use crate::domain::status::OrderStatus;

/// An order that the sweeper claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) order_id: OrderId,
    /// The order's status.
    pub(crate) status: OrderStatus,
    pub(crate) lease: Lease,
    /// How long ago the order was placed.
    pub(crate) age: Duration,
}

impl Claim {
    /// The claim of a request that has just put the order on the list and continues with it. It is lost as soon
    /// as the sweeper claims the order.
    pub(crate) const fn of_request(order_id: OrderId, status: OrderStatus, entry: Entry) -> Self {
        Self {
            order_id,
            status,
            lease: Lease::new(entry.claim, 0),
            age: Duration::ZERO,
        }
    }
}

/// An entry of the work list that no sweeper has claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    claim: i64,
}

/// Whether the stock of an order is paid for. Until it is, the order counts against its customer's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    /// No money was taken.
    Unpaid,
    /// The money was taken, even if it is being refunded.
    Paid,
}

/// Puts an order on the list, due after `delay`, with its tries reset to zero.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    delay: Duration,
    stock: Stock,
) -> Result<Entry, DbError> {
    #[derive(QueryableByName)]
    struct Unpaid {
        #[diesel(sql_type = SqlUuid)]
        customer_id: Uuid,
        #[diesel(sql_type = Nullable<BigInt>)]
        units: Option<i64>,
    }
    #[derive(QueryableByName)]
    struct Inserted {
        #[diesel(sql_type = BigInt)]
        claim: i64,
    }

    let unpaid: Vec<Unpaid> = match stock {
        Stock::Paid => Vec::new(),
        Stock::Unpaid => {
            cached_sql(
                "SELECT o.customer_id, (
                     SELECT sum(quantity) FROM orders.lines WHERE tenant_id = $1 AND order_id = $2
                 ) AS units
                 FROM orders.orders o WHERE o.tenant_id = $1 AND o.id = $2",
            )
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<SqlUuid, _>(order_id.as_uuid())
            .load(connection)
            .await?
        }
    };
    let unpaid = unpaid.into_iter().next();
    let inserted: Inserted = cached_sql(
        "INSERT INTO orders.reconciliations (tenant_id, order_id, due_at, customer_id, units)
         VALUES ($1, $2, greatest($4, now()) + make_interval(secs => $3), $5, $6)
         RETURNING claim",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<SqlUuid>, _>(unpaid.as_ref().map(|order| order.customer_id))
    .bind::<Nullable<BigInt>, _>(unpaid.as_ref().and_then(|order| order.units))
    .get_result(connection)
    .await?;
    Ok(Entry {
        claim: inserted.claim,
    })
}

/// The entry of an order, if it is on the list.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<Waiting>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = Integer)]
        tries: i32,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT due_at, tries FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    let waiting = |row: Row| Waiting {
        due_at: row.due_at,
        tries: row.tries.unsigned_abs(),
    };
    Ok(rows.into_iter().next().map(waiting))
}

/// Stops counting an order on the list against any limit, because its payment was taken.
pub(crate) async fn stop_counting(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.reconciliations SET customer_id = NULL, units = NULL
         WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// The tenants with an order due, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("orders.reconciliations", open "true");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// Claims up to `limit` due orders of a tenant under a lease, longest overdue first.
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
        #[diesel(sql_type = BigInt)]
        claim: i64,
        #[diesel(sql_type = Integer)]
        tries: i32,
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
    }

    let rows: Vec<Row> = cached_sql(claim_sql!(
        "orders.reconciliations", key ("order_id"), open "true", first "w.due_at",
        join "JOIN orders.orders o ON o.tenant_id = $1 AND o.id = due.order_id",
        returning "w.order_id, o.status, w.claim, w.tries, w.due_at, o.created_at"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    let claim = |row: Row| Claim {
        order_id: row.order_id.into(),
        status: OrderStatus::stored(&row.status),
        lease: Lease::new(row.claim, row.tries),
        // An order that another clock placed in the future counts as placed just now.
        age: (row.due_at - row.created_at)
            .to_std()
            .unwrap_or_default()
            .saturating_sub(lease),
    };
    Ok(rows.into_iter().map(claim).collect())
}

/// Whether a claim that ended without an outcome counts as one of the order's tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try<'a> {
    /// It counts, and it failed.
    Counts {
        /// Why, in words.
        reason: &'a str,
    },
    /// It does not count: the gateway was not called, or it reported the payment as pending.
    DoesNotCount,
}

/// Ends a claim without an outcome; the order is due again after `delay`. A try that counts is recorded for the
/// timeline, so run this in a transaction. Changes nothing if a later claim took the order.
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
    let postponed = cached_sql(
        postpone_sql!("orders.reconciliations", key ("order_id" = "$6"), open "true", set ""),
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Bool, _>(failed.is_some())
    .bind::<BigInt, _>(claim.lease.claim)
    .bind::<SqlUuid, _>(claim.order_id.as_uuid())
    .execute(connection)
    .await?;
    let Some(reason) = failed.filter(|_| postponed == 1) else {
        return Ok(());
    };
    cached_sql(
        "INSERT INTO orders.retries (tenant_id, order_id, id, number, reason, tried_at, next_at)
         VALUES ($1, $2, $3, $4, $5, greatest($6, now()), greatest($6, now()) + make_interval(secs => $7))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claim.order_id.as_uuid())
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Integer, _>(i32::try_from(claim.lease.tries).unwrap_or(i32::MAX))
    .bind::<Text, _>(reason)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(delay.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes an order due now, even if the sweeper is working on it, because something has happened since. Returns `false`
/// if the order is not on the list.
pub(crate) async fn bring_forward(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<bool, DbError> {
    let moved = cached_sql(
        "UPDATE orders.reconciliations SET due_at = least(due_at, greatest($3, now()))
         WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(moved == 1)
}

/// Removes an order that the sweeper gave up on. Returns `false` if a later claim took the order, or if it is no longer
/// on the list.
pub(crate) async fn delete_claimed(
    connection: &mut Connection,
    tenant: TenantId,
    claim: &Claim,
) -> Result<bool, DbError> {
    let deleted = cached_sql(
        "DELETE FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = $2 AND claim = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claim.order_id.as_uuid())
    .bind::<BigInt, _>(claim.lease.claim)
    .execute(connection)
    .await?;
    Ok(deleted == 1)
}

/// Removes settled orders from the list, and returns those that were on it. Fails with [`DbError::NotAsExpected`] if
/// fewer than `expected` were. Can be sent together with the BEGIN of its transaction.
pub(crate) fn delete<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
    expected: Option<usize>,
) -> Statement<'q, HashSet<OrderId>> {
    #[derive(QueryableByName)]
    struct Deleted {
        #[diesel(sql_type = Array<SqlUuid>)]
        ids: Vec<Uuid>,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(concat!(
        "WITH deleted AS (
             DELETE FROM orders.reconciliations WHERE tenant_id = $1 AND order_id = ANY ($2) AND ",
        in_transaction_sql!(),
        " RETURNING order_id
         )
         SELECT coalesce(array_agg(order_id), '{}') AS ids, ",
        expect_sql!("count(*) = $3"),
        " FROM deleted"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Nullable<BigInt>, _>(expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
    .rows::<Deleted>()
    .map(|deleted| {
        let ids = deleted.into_iter().flat_map(|row| row.ids);
        ids.map(OrderId::from).collect()
    })
}
