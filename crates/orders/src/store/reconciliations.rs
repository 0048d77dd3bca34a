//! The worklist: the orders that are not settled yet, and when the sweeper shall look at each.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use oms_work::{DueTenant, Lease, claim_sql, due_tenants_sql, postpone_sql};
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
    pub(crate) lease: Lease,
    /// How long ago the order was placed.
    pub(crate) age: Duration,
}

impl Claim {
    /// The claim of a request that has just put the order on the list, and continues with it: lost as soon as the sweeper
    /// claims the order.
    pub(crate) const fn of_request(order_id: OrderId, status: OrderStatus, entry: Entry) -> Self {
        Self {
            order_id,
            status,
            lease: Lease::new(entry.claim, 0),
            age: Duration::ZERO,
        }
    }
}

/// An entry of the worklist that no sweeper has claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    claim: i64,
}

/// Whether the stock that an order holds is paid for. While it is not, the order counts against the bounds of its customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    /// No money was taken.
    Unpaid,
    /// The money was taken, even if it is being given back.
    Paid,
}

/// Leaves an order to the sweeper, from `delay` on. Its tries are counted anew.
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

/// Counts an order that is on the list against no bound from now on: its payment was taken.
pub(crate) async fn count_no_more(
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

/// The tenants that have an order due, the longest due first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("orders.reconciliations", open "true");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// Claims up to `limit` due orders of a tenant for the time of `lease`, the longest due first.
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
        // Placed in the future, by another clock, is placed just now.
        age: (row.due_at - row.created_at)
            .to_std()
            .unwrap_or_default()
            .saturating_sub(lease),
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

/// Ends a claim without an outcome: looks again after `delay`. A try that counts is kept for the timeline: run this in a
/// transaction. Changes nothing when the claim was lost to a later one.
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

/// Has the sweeper look at an order now, even if it is looking already: something has happened since. False when the order
/// is not on the list.
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

/// Strikes an order off that was given up on. False when the claim was lost to a later one, or the order was struck off
/// already.
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
