//! Alerts for operators, and whether they were delivered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use oms_work::{DueTenant, Lease, claim_sql, due_tenants_sql};
use uuid::Uuid;

use crate::domain::alert::{Alert, AlertKind};
use crate::domain::clock::Now;
use crate::domain::id::AlertId;
use crate::store::unreadable;

/// A new alert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewAlert<'a> {
    pub(crate) kind: AlertKind,
    pub(crate) subject_id: Uuid,
    pub(crate) order_id: Option<OrderId>,
    /// 1 to 500 characters.
    pub(crate) message: &'a str,
}

/// Raises an alert in the commit of the change that it reports. Does nothing if its subject already has one.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    alert: &NewAlert<'_>,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.alerts
             (tenant_id, id, kind, subject_id, order_id, message, created_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, greatest($7, now()), greatest($7, now()))
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

/// Re-arms the alert of a subject that has relapsed, so that it is delivered again. Raises it if there is none.
pub(crate) async fn repeat(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    alert: &NewAlert<'_>,
) -> Result<(), DbError> {
    insert(connection, tenant, now, alert).await?;
    cached_sql(
        "UPDATE orders.alerts SET message = $4, delivered_at = NULL, due_at = greatest($5, now()),
             claim = claim + 1
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

/// The tenants with undelivered alerts, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("orders.alerts", open "w.delivered_at IS NULL");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// An alert that this instance delivers while its lease lasts.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedAlert {
    pub(crate) alert: Alert,
    lease: Lease,
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
    #[diesel(sql_type = BigInt)]
    claim: i64,
    #[diesel(sql_type = Integer)]
    tries: i32,
}

/// Claims up to `limit` undelivered alerts of a tenant under a lease, longest overdue first. Skips rows that another
/// instance is claiming and kinds that only a newer version of the program knows.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    lease: Duration,
) -> Result<Vec<ClaimedAlert>, DbError> {
    let rows: Vec<Row> = cached_sql(claim_sql!(
        "orders.alerts", key ("id"), open "w.delivered_at IS NULL AND w.kind = ANY ($5)", first "w.due_at",
        join "",
        returning "w.id, w.kind, w.subject_id, w.order_id, w.message, w.created_at, w.claim, w.tries"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Array<Text>, _>(AlertKind::ALL.map(AlertKind::as_str).to_vec())
    .load(connection)
    .await?;
    rows.into_iter()
        .map(|row| row.into_claimed(tenant))
        .collect()
}

impl Row {
    fn into_claimed(self, tenant_id: TenantId) -> Result<ClaimedAlert, DbError> {
        let lease = Lease::new(self.claim, self.tries);
        let alert = Alert {
            id: self.id.into(),
            tenant_id,
            kind: AlertKind::parse(&self.kind).ok_or_else(|| unreadable("unknown alert kind"))?,
            subject_id: self.subject_id,
            order_id: self.order_id.map(OrderId::from),
            message: self.message,
            created_at: self.created_at,
        };
        Ok(ClaimedAlert { alert, lease })
    }
}

/// Marks an alert as delivered. Does nothing if a later claim took it, or if the alert was raised again in the
/// meantime.
pub(crate) async fn mark_delivered(
    connection: &mut Connection,
    now: Now,
    claimed: &ClaimedAlert,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.alerts SET delivered_at = greatest($3, now())
         WHERE tenant_id = $1 AND id = $2 AND claim = $4 AND delivered_at IS NULL",
    )
    .bind::<SqlUuid, _>(claimed.alert.tenant_id.as_uuid())
    .bind::<SqlUuid, _>(claimed.alert.id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(claimed.lease.claim)
    .execute(connection)
    .await?;
    Ok(())
}
