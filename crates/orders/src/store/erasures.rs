//! `orders.erasures`: requests to erase a customer, and how far they are.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Binary, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use oms_work::due_tenants_sql;
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::erasure::{Erasure, ErasureProgress, OpenErasure, customer_hash};
use crate::domain::id::{CustomerId, ErasureId};
use crate::store::unreadable;

/// What a [`Row`] is read from: a macro, because the text of a cached statement is a constant.
macro_rules! columns {
    () => {
        "id, customer_id, pseudonym, requested_by, requested_at, includes_recent, erased_orders, position, completed_at"
    };
}

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requested<'a> {
    pub(crate) customer_id: CustomerId,
    /// What erased orders get in place of the customer, unless an open request has one.
    pub(crate) pseudonym: CustomerId,
    pub(crate) by: &'a str,
    pub(crate) includes_recent: bool,
    /// How long the worker leaves it to the request.
    pub(crate) lease: Duration,
}

/// Keeps a request. One that is there about the same customer begins anew, from the first order.
pub(crate) async fn put(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    requested: Requested<'_>,
) -> Result<Erasure, DbError> {
    let row: Row = cached_sql(concat!(
        "INSERT INTO orders.erasures AS kept
             (tenant_id, id, customer_hash, customer_id, pseudonym, requested_by, requested_at, includes_recent, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, coalesce($7, now()) + make_interval(secs => $9))
         ON CONFLICT (tenant_id, customer_hash) DO UPDATE
         SET customer_id = excluded.customer_id, pseudonym = coalesce(kept.pseudonym, excluded.pseudonym),
             requested_by = excluded.requested_by, requested_at = excluded.requested_at,
             includes_recent = excluded.includes_recent OR (kept.completed_at IS NULL AND kept.includes_recent),
             position = NULL, due_at = excluded.due_at, completed_at = NULL
         RETURNING ",
        columns!()
    ))
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
    row.into_erasure()
}

/// The request about a customer, if there ever was one.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<Option<Erasure>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM orders.erasures WHERE tenant_id = $1 AND customer_hash = $2"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(&customer_hash(tenant, customer)[..])
    .load(connection)
    .await?;
    rows.into_iter().next().map(Row::into_erasure).transpose()
}

/// The tenants that have a request due, the longest due first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<TenantId>, DbError> {
    let statement = due_tenants_sql!("orders.erasures", open "w.due_at IS NOT NULL");
    let due = oms_work::find_due_tenants(connection, statement, now).await?;
    Ok(due.into_iter().map(|it| it.tenant).collect())
}

/// Claims the request of a tenant that is longest due, for the time of `lease`.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    lease: Duration,
) -> Result<Option<Erasure>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "UPDATE orders.erasures SET due_at = coalesce($2, now()) + make_interval(secs => $3)
         WHERE tenant_id = $1 AND id = (
             SELECT e.id FROM orders.erasures e WHERE e.tenant_id = $1 AND e.due_at <= coalesce($2, now())
             ORDER BY e.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    rows.into_iter().next().map(Row::into_erasure).transpose()
}

/// Counts orders that were erased, and notes how far the pass is. An erasure that is complete stays so.
pub(crate) async fn advance(
    connection: &mut Connection,
    tenant: TenantId,
    id: ErasureId,
    erased: i32,
    position: Option<OrderId>,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.erasures SET erased_orders = erased_orders + $3,
             position = CASE WHEN completed_at IS NULL THEN $4 END
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Integer, _>(erased)
    .bind::<Nullable<SqlUuid>, _>(position.map(OrderId::as_uuid))
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a turn. An erasure without orders left is complete, and forgets the customer; another one is due again after
/// `pause`.
pub(crate) async fn end_turn(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ErasureId,
    pause: Duration,
) -> Result<Erasure, DbError> {
    let row: Row = cached_sql(concat!(
        "WITH left_over AS (
             SELECT EXISTS (SELECT FROM orders.erasures e JOIN orders.orders o
                 ON o.tenant_id = e.tenant_id AND o.customer_id = e.customer_id AND o.created_at <= e.requested_at
                 WHERE e.tenant_id = $1 AND e.id = $2) AS any
         )
         UPDATE orders.erasures
         SET completed_at = coalesce(completed_at, CASE WHEN NOT left_over.any THEN coalesce($3, now()) END),
             customer_id = CASE WHEN left_over.any THEN customer_id END,
             pseudonym = CASE WHEN left_over.any THEN pseudonym END,
             position = CASE WHEN left_over.any THEN position END,
             due_at = CASE WHEN left_over.any THEN coalesce($3, now()) + make_interval(secs => $4) END
         FROM left_over WHERE tenant_id = $1 AND id = $2
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(pause.as_secs_f64())
    .get_result(connection)
    .await?;
    row.into_erasure()
}

/// For how long the oldest request that is not complete has been open, of all tenants.
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
        "SELECT extract(epoch FROM coalesce($1, now()) - min(requested_at))::float8 AS age_s
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
    #[diesel(sql_type = Bool)]
    includes_recent: bool,
    #[diesel(sql_type = Integer)]
    erased_orders: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    position: Option<Uuid>,
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
            }),
            (None, ..) => return Err(unreadable("an open erasure without a customer")),
        };
        Ok(Erasure {
            id: self.id.into(),
            requested_by: self.requested_by,
            requested_at: self.requested_at,
            includes_recent: self.includes_recent,
            erased_orders: self.erased_orders,
            progress,
        })
    }
}
