//! The work list of endpoints: which are due, and which instance sends to them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{
    AcrossTenants, CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql,
    in_transaction_sql,
};
use oms_validation::TenantId;
use oms_work::{DueTenant, claim_sql, due_tenants_sql};

use crate::domain::webhooks::endpoint::{ClaimedEndpoint, EndpointId, EndpointStatus};
use crate::store::webhooks::Now;
use crate::store::webhooks::endpoints::{Row, columns};

const DUE_TENANTS: AcrossTenants =
    due_tenants_sql!("events.endpoints", open "w.due_at IS NOT NULL");

/// Returns the tenants with due endpoints, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    oms_work::find_due_tenants(connection, &DUE_TENANTS, now).await
}

/// Claims up to `limit` due endpoints of a tenant for the duration of a lease.
pub(crate) async fn claim(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    lease: Duration,
) -> Result<Vec<ClaimedEndpoint>, DbError> {
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(embed)]
        endpoint: Row,
        #[diesel(sql_type = BigInt)]
        claim: i64,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        reported_at: Option<DateTime<Utc>>,
        #[diesel(sql_type = Integer)]
        errors_in_a_row: i32,
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
    }

    let rows: Vec<Claimed> = cached_sql(claim_sql!(
        "events.endpoints", key ("id"), open "w.due_at IS NOT NULL", first "w.due_at, w.id",
        join "JOIN events.endpoints e ON e.tenant_id = $1 AND e.id = due.id",
        returning concat!(columns!(), ", w.claim, e.reported_at, e.errors_in_a_row, w.due_at")
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    let claimed = |row: Claimed| ClaimedEndpoint {
        endpoint: row.endpoint.into(),
        reported_at: row.reported_at,
        errors_in_a_row: row.errors_in_a_row,
        claimed_at: row.due_at - lease,
        claim: row.claim,
    };
    Ok(rows.into_iter().map(claimed).collect())
}

/// What an instance knows of an endpoint that it has claimed.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) position: i64,
    pub(crate) failing_since: Option<DateTime<Utc>>,
    pub(crate) failures: i32,
    pub(crate) errors_in_a_row: i32,
    pub(crate) reported_at: Option<DateTime<Utc>>,
    pub(crate) status: EndpointStatus,
    pub(crate) status_reason: Option<String>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The instance goes on, until this time at most.
    Continue(DateTime<Utc>),
    /// It is finished. The endpoint is due at this time, or when there are new events.
    Release(Option<DateTime<Utc>>),
    /// It is finished, and new events change nothing before this time.
    Wait(Option<DateTime<Utc>>),
}

/// Stores the progress of a claimed endpoint. Fails with [`DbError::NotAsExpected`] if the claim has ended. `now` is the
/// time at which a released endpoint is due for which there are new events.
pub(crate) fn save(
    tenant: TenantId,
    id: EndpointId,
    claim: i64,
    progress: Progress,
    then: Then,
    now: DateTime<Utc>,
) -> Statement<'static, ()> {
    #[derive(QueryableByName)]
    struct Saved {}

    let (due_at, goes_on) = match then {
        Then::Continue(until) => (Some(until), true),
        Then::Wait(due_at) => (due_at, true),
        Then::Release(due_at) => (due_at, false),
    };
    cached_sql(concat!(
        "WITH saved AS (
             UPDATE events.endpoints e
             SET position = $4, failing_since = $5, failures = $6, reported_at = $7, status = $8, status_reason = $9,
                 due_at = CASE
                     WHEN $8 <> 'enabled' THEN NULL
                     WHEN NOT $11 AND $4 < (SELECT h.position FROM events.heads h WHERE h.tenant_id = $1) THEN $13
                     ELSE $10
                 END,
                 errors_in_a_row = $12, tries = 0,
                 released_claim = CASE WHEN $11 THEN e.released_claim ELSE e.claim END,
                 version = e.version + CASE WHEN e.status = $8 THEN 0 ELSE 1 END
             WHERE e.tenant_id = $1 AND e.id = $2 AND e.claim = $3 AND e.status = 'enabled' AND ",
        in_transaction_sql!(),
        " RETURNING e.tenant_id
         )
         SELECT ",
        expect_sql!("count(*) = 1"),
        " FROM saved"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<BigInt, _>(claim)
    .bind::<BigInt, _>(progress.position)
    .bind::<Nullable<Timestamptz>, _>(progress.failing_since)
    .bind::<Integer, _>(progress.failures)
    .bind::<Nullable<Timestamptz>, _>(progress.reported_at)
    .bind::<Text, _>(progress.status.as_str())
    .bind::<Nullable<Text>, _>(progress.status_reason)
    .bind::<Nullable<Timestamptz>, _>(due_at)
    .bind::<Bool, _>(goes_on)
    .bind::<Integer, _>(progress.errors_in_a_row)
    .bind::<Timestamptz, _>(now)
    .rows::<Saved>()
    .map(drop)
}
