//! What people have to be told, and whether they were.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::alert::{Alert, AlertKind};
use crate::domain::clock::Now;
use crate::domain::id::AlertId;
use crate::store::unreadable;

/// An alert that is about to be raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewAlert<'a> {
    pub(crate) kind: AlertKind,
    pub(crate) subject_id: Uuid,
    pub(crate) order_id: Option<OrderId>,
    /// 1 to 500 characters.
    pub(crate) message: &'a str,
}

/// Raises an alert, in the commit of what it tells of; nothing when there is one for its subject already.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    alert: &NewAlert<'_>,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.alerts
             (tenant_id, id, kind, subject_id, order_id, message, created_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), coalesce($7, now()))
         ON CONFLICT (tenant_id, kind, subject_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(AlertId::generate().as_uuid())
    .bind::<Text, _>(alert.kind.as_str())
    .bind::<SqlUuid, _>(alert.subject_id)
    .bind::<Nullable<SqlUuid>, _>(alert.order_id.map(OrderId::as_uuid))
    .bind::<Text, _>(alert.message)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Has an alert delivered once more, because its subject is as bad as it was again; raises it if there is none.
pub(crate) async fn repeat(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    alert: &NewAlert<'_>,
) -> Result<(), DbError> {
    insert(connection, tenant, now, alert).await?;
    cached_sql(
        "UPDATE orders.alerts SET message = $4, delivered_at = NULL, due_at = coalesce($5, now())
         WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(alert.kind.as_str())
    .bind::<SqlUuid, _>(alert.subject_id)
    .bind::<Text, _>(alert.message)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The tenants that have an alert due, the longest due first. It looks across tenants, one step in the index for each: a
/// backlog of any length costs nothing more.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Due {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let rows: Vec<Due> = cached_sql(
        "WITH RECURSIVE tenants (tenant_id, due_at) AS (
             (SELECT a.tenant_id, a.due_at FROM orders.alerts a
              WHERE a.delivered_at IS NULL ORDER BY a.tenant_id, a.due_at LIMIT 1)
             UNION ALL
             SELECT following.tenant_id, following.due_at FROM tenants
             CROSS JOIN LATERAL (
                 SELECT a.tenant_id, a.due_at FROM orders.alerts a
                 WHERE a.delivered_at IS NULL AND a.tenant_id > tenants.tenant_id
                 ORDER BY a.tenant_id, a.due_at LIMIT 1
             ) following
         )
         SELECT tenant_id FROM tenants WHERE due_at <= coalesce($1, now()) ORDER BY due_at, tenant_id",
    )
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    order_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    message: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

/// Claims up to `limit` undelivered alerts of a tenant, the longest due first, each for the time of `lease`. Rows that
/// another instance is claiming are passed over, and so are kinds that only a newer version of the program knows.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Alert>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "WITH due AS MATERIALIZED (
             SELECT id FROM orders.alerts
             WHERE tenant_id = $1 AND delivered_at IS NULL AND due_at <= coalesce($4, now()) AND kind = ANY ($5)
             ORDER BY due_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         UPDATE orders.alerts a SET due_at = coalesce($4, now()) + make_interval(secs => $3)
         FROM due WHERE a.tenant_id = $1 AND a.id = due.id
         RETURNING a.id, a.kind, a.subject_id, a.order_id, a.message, a.created_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Array<Text>, _>(AlertKind::ALL.map(AlertKind::as_str).to_vec())
    .load(connection)
    .await?;
    rows.into_iter().map(|row| row.into_alert(tenant)).collect()
}

impl Row {
    fn into_alert(self, tenant_id: TenantId) -> Result<Alert, DbError> {
        Ok(Alert {
            id: self.id.into(),
            tenant_id,
            kind: AlertKind::parse(&self.kind)
                .ok_or_else(|| unreadable("unknown kind of alert"))?,
            subject_id: self.subject_id,
            order_id: self.order_id.map(OrderId::from),
            message: self.message,
            created_at: self.created_at,
        })
    }
}

/// Notes that an alert has reached somebody.
pub(crate) async fn mark_delivered(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: AlertId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.alerts SET delivered_at = coalesce($3, now())
         WHERE tenant_id = $1 AND id = $2 AND delivered_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}
