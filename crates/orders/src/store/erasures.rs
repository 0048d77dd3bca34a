//! `orders.erasures`: requests to erase a customer, and their progress.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use oms_work::{DueTenant, Lease, claim_sql, due_tenants_sql};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::erasure::{Erasure, ErasureProgress, OpenErasure, customer_hash};
use crate::domain::id::{CustomerId, ErasureId};
use crate::store::unreadable;

/// The columns of a [`Row`], with the table as `w`. A macro, because the text of a cached statement must be a constant.
macro_rules! columns {
    () => {
        "w.id, w.customer_id, w.pseudonym, w.requested_by, w.requested_at, w.covers_until, w.includes_recent, w.position,
         w.passed_over, w.claim, w.tries, w.completed_at,
         (SELECT coalesce(sum(a.erased_orders), 0) FROM orders.erasures a
          WHERE a.tenant_id = $1 AND a.customer_hash = w.customer_hash)::int AS erased_orders"
    };
}

/// What was requested, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requested<'a> {
    pub(crate) customer_id: CustomerId,
    /// Replaces the customer on erased orders, unless the request repeats an open one, which keeps its own pseudonym.
    pub(crate) pseudonym: CustomerId,
    pub(crate) by: &'a str,
    pub(crate) includes_recent: bool,
    /// How long the worker leaves the erasure to the request.
    pub(crate) lease: Duration,
}

/// Stores and claims a request. If the same caller has an open request for the same erasure, that one continues and
/// also covers the orders placed since. A completed request stays as it is.
pub(crate) async fn put(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    requested: Requested<'_>,
) -> Result<Erasure, DbError> {
    #[derive(QueryableByName)]
    struct Kept {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let kept: Kept = cached_sql(
        "INSERT INTO orders.erasures AS w
             (tenant_id, id, customer_hash, customer_id, pseudonym, requested_by, requested_at, covers_until, includes_recent,
              due_at)
         VALUES ($1, $2, $3, $4, $5, $6, greatest($7, now()), greatest($7, now()), $8,
             greatest($7, now()) + make_interval(secs => $9))
         ON CONFLICT (tenant_id, customer_hash, requested_by, includes_recent) WHERE completed_at IS NULL DO UPDATE
         SET covers_until = greatest(w.covers_until, excluded.covers_until), due_at = excluded.due_at,
             claim = w.claim + 1
         RETURNING w.id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(ErasureId::generate().as_uuid())
    .bind::<Binary, _>(&customer_hash(tenant, requested.customer_id)[..])
    .bind::<SqlUuid, _>(requested.customer_id.as_uuid())
    .bind::<SqlUuid, _>(requested.pseudonym.as_uuid())
    .bind::<Text, _>(requested.by)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Bool, _>(requested.includes_recent)
    .bind::<Double, _>(requested.lease.as_secs_f64())
    .get_result(connection)
    .await?;
    get(connection, tenant, kept.id.into()).await
}

/// Returns an earlier request about a customer: preferably one by the same caller with the same scope, then an open
/// one, then the latest.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    requested: Requested<'_>,
) -> Result<Option<Erasure>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM orders.erasures w WHERE w.tenant_id = $1 AND w.customer_hash = $2
         ORDER BY w.requested_by = $3 AND w.includes_recent = $4 DESC, w.completed_at IS NULL DESC, w.requested_at DESC, w.id
         LIMIT 1"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(&customer_hash(tenant, requested.customer_id)[..])
    .bind::<Text, _>(requested.by)
    .bind::<Bool, _>(requested.includes_recent)
    .load(connection)
    .await?;
    rows.into_iter().next().map(Row::into_erasure).transpose()
}

/// A request by its ID.
pub(crate) async fn get(
    connection: &mut Connection,
    tenant: TenantId,
    id: ErasureId,
) -> Result<Erasure, DbError> {
    let found = find_by_ids(connection, tenant, vec![id.as_uuid()]).await?;
    let erasure = found.into_iter().next();
    erasure.ok_or(DbError::Other(diesel::result::Error::NotFound))
}

async fn find_by_ids(
    connection: &mut Connection,
    tenant: TenantId,
    ids: Vec<Uuid>,
) -> Result<Vec<Erasure>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM orders.erasures w WHERE w.tenant_id = $1 AND w.id = ANY ($2)"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    rows.into_iter().map(Row::into_erasure).collect()
}

/// The tenants with a request due, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("orders.erasures", open "w.due_at IS NOT NULL");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// Claims up to `limit` due requests of a tenant under a lease, longest overdue first.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Erasure>, DbError> {
    #[derive(QueryableByName)]
    struct ClaimedRow {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let claimed: Vec<ClaimedRow> = cached_sql(claim_sql!(
        "orders.erasures", key ("id"), open "w.due_at IS NOT NULL", first "w.due_at", join "", returning "w.id"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    let ids: Vec<Uuid> = claimed.into_iter().map(|row| row.id).collect();
    match ids.is_empty() {
        true => Ok(Vec::new()),
        false => find_by_ids(connection, tenant, ids).await,
    }
}

/// A claim on a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) tenant: TenantId,
    pub(crate) id: ErasureId,
    pub(crate) lease: Lease,
}

/// Locks a request for the rest of the transaction. Returns `false` if a later claim took it.
pub(crate) async fn hold(connection: &mut Connection, claimed: Claimed) -> Result<bool, DbError> {
    let held = cached_sql(
        "SELECT id FROM orders.erasures WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL
         FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(claimed.tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<BigInt, _>(claimed.lease.claim)
    .execute(connection)
    .await?;
    Ok(held > 0)
}

/// The outcome of one page of an erasure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageDone {
    /// Number of orders erased.
    pub(crate) erased: i32,
    /// Whether the page skipped orders that could have been erased.
    pub(crate) passed_over: bool,
    /// The last order of the page; `None` after the last page.
    pub(crate) position: Option<OrderId>,
}

/// Adds to the number of erased orders and records the position of the pass. Does nothing if a later claim took the
/// request.
pub(crate) async fn advance(
    connection: &mut Connection,
    claimed: Claimed,
    page: PageDone,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.erasures SET erased_orders = erased_orders + $4, position = $5,
             passed_over = $6 OR (position IS NOT NULL AND passed_over)
         WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL",
    )
    .bind::<SqlUuid, _>(claimed.tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<BigInt, _>(claimed.lease.claim)
    .bind::<Integer, _>(page.erased)
    .bind::<Nullable<SqlUuid>, _>(page.position.map(OrderId::as_uuid))
    .bind::<Bool, _>(page.passed_over)
    .execute(connection)
    .await?;
    Ok(())
}

/// How long an erasure waits before the next pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    /// When some orders were locked.
    pub(crate) retry: Duration,
    /// When the remaining orders may not be erased yet.
    pub(crate) recheck: Duration,
}

/// Ends a turn. An erasure with no orders left is complete and forgets the customer. Any other is due immediately if
/// its pass is unfinished, otherwise after a pause. Returns `None` and changes nothing if a later claim took the
/// request.
pub(crate) async fn end_turn(
    connection: &mut Connection,
    now: Now,
    claimed: Claimed,
    pauses: Pauses,
) -> Result<Option<Erasure>, DbError> {
    #[derive(QueryableByName)]
    struct Pass {
        #[diesel(sql_type = Bool)]
        has_orders: bool,
        #[diesel(sql_type = Bool)]
        is_over: bool,
        #[diesel(sql_type = Bool)]
        passed_over: bool,
    }

    let Claimed { tenant, id, lease } = claimed;
    let passes: Vec<Pass> = cached_sql(
        "SELECT EXISTS (
                 SELECT FROM orders.orders o
                 WHERE o.tenant_id = $1 AND o.customer_id = w.customer_id AND o.created_at <= w.covers_until
             ) AS has_orders, w.position IS NULL AS is_over, w.passed_over
         FROM orders.erasures w WHERE w.tenant_id = $1 AND w.id = $2 AND w.claim = $3 AND w.due_at IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<BigInt, _>(lease.claim)
    .load(connection)
    .await?;
    let Some(pass) = passes.into_iter().next() else {
        return Ok(None);
    };
    // Only the holder of the claim changes these columns, so they are still current.
    let text = match pass.has_orders {
        true => {
            "UPDATE orders.erasures SET tries = 0, due_at = greatest($4, now()) + make_interval(secs => $5)
             WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL"
        }
        false => {
            "UPDATE orders.erasures
             SET completed_at = greatest($4, now()), customer_id = NULL, pseudonym = NULL, position = NULL,
                 passed_over = false, tries = 0, due_at = NULL
             WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL AND $5::float8 IS NOT NULL"
        }
    };
    let pause = match pass {
        Pass { is_over: false, .. } => Duration::ZERO,
        Pass {
            passed_over: true, ..
        } => pauses.retry,
        _ => pauses.recheck,
    };
    let ended = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<BigInt, _>(lease.claim)
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Double, _>(pause.as_secs_f64())
        .execute(connection)
        .await?;
    match ended {
        0 => Ok(None),
        _ => get(connection, tenant, id).await.map(Some),
    }
}

/// Age of the oldest incomplete request of all tenants.
pub(crate) async fn oldest_age(
    connection: &mut Connection,
    now: Now,
) -> Result<Option<Duration>, DbError> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = Nullable<Double>)]
        age_s: Option<f64>,
    }

    let oldest: Oldest = cached_sql(
        "-- across tenants: a gauge
         SELECT extract(epoch FROM greatest($1, now()) - min(requested_at))::float8 AS age_s
         FROM orders.erasures WHERE due_at IS NOT NULL",
    )
    .bind::<Nullable<Timestamptz>, _>(now)
    .get_result(connection)
    .await?;
    Ok(oldest
        .age_s
        .map(|age_s| Duration::try_from_secs_f64(age_s).unwrap_or_default()))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pseudonym: Option<Uuid>,
    #[diesel(sql_type = Text)]
    requested_by: String,
    #[diesel(sql_type = Timestamptz)]
    requested_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    covers_until: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    includes_recent: bool,
    #[diesel(sql_type = Integer)]
    erased_orders: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    position: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    passed_over: bool,
    #[diesel(sql_type = BigInt)]
    claim: i64,
    #[diesel(sql_type = Integer)]
    tries: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    completed_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_erasure(self) -> Result<Erasure, DbError> {
        let progress = match (self.completed_at, self.customer_id, self.pseudonym) {
            (Some(at), ..) => ErasureProgress::Complete { at },
            (None, Some(customer_id), Some(pseudonym)) => ErasureProgress::Open(OpenErasure {
                customer_id: customer_id.into(),
                pseudonym: pseudonym.into(),
                position: self.position.map(Into::into),
                passed_over: self.passed_over,
                lease: Lease::new(self.claim, self.tries),
            }),
            (None, ..) => return Err(unreadable("an open erasure has no customer")),
        };
        Ok(Erasure {
            id: self.id.into(),
            requested_by: self.requested_by,
            requested_at: self.requested_at,
            covers_until: self.covers_until,
            includes_recent: self.includes_recent,
            erased_orders: self.erased_orders,
            progress,
        })
    }
}
