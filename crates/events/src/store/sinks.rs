//! Sinks: how far the feed of each tenant is published to each, and which instance publishes it.
//!
//! A row does not know whether an instance has its sink configured, so events make it due in any case. Nothing looks at
//! it but the publishers of its sink: without one, it keeps its place.

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
use oms_work::{DueTenant, claim_sql, due_tenants_sql, find_due_tenants_of};
use tokio::sync::Notify;
use uuid::Uuid;

/// Notified in this process when there may be something to publish.
pub static PUBLISHABLE: Notify = Notify::const_new();

/// Maximum number of tenants that are registered with a sink in one turn.
const MISSING: i64 = 1000;

const DUE_TENANTS: AcrossTenants =
    due_tenants_sql!("events.sinks", open "w.due_at IS NOT NULL AND w.sink = $2");

/// Returns the tenants with something to publish to a sink, longest overdue first.
///
/// # Errors
/// If the database fails.
pub async fn find_due(connection: &mut Connection, sink: &str) -> Result<Vec<DueTenant>, DbError> {
    find_due_tenants_of(connection, &DUE_TENANTS, None, sink).await
}

/// Returns tenants that have a feed which is not published to a sink yet.
pub(crate) async fn find_missing(
    connection: &mut Connection,
    sink: &str,
) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "-- across tenants: finds whose feeds a sink does not know
         SELECT h.tenant_id FROM events.heads h
         WHERE NOT EXISTS (SELECT FROM events.sinks s WHERE s.tenant_id = h.tenant_id AND s.sink = $1) LIMIT $2",
    )
    .bind::<Text, _>(sink)
    .bind::<BigInt, _>(MISSING)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}

/// Publishes a tenant's feed to a sink from the first event that is kept.
pub(crate) async fn add(
    connection: &mut Connection,
    tenant: TenantId,
    sink: &str,
    only_records: bool,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO events.sinks AS s (tenant_id, sink, position, due_at, only_records)
         SELECT h.tenant_id, $2, h.purged_to, now(), $3 FROM events.heads h WHERE h.tenant_id = $1
         ON CONFLICT (tenant_id, sink) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(sink)
    .bind::<Bool, _>(only_records)
    .execute(connection)
    .await?;
    Ok(())
}

/// Publishes the feeds of all tenants that a sink does not know yet, from where another sink is: its position, or the
/// end of the feed if nothing waits for it.
pub(crate) async fn begin_beside(
    connection: &mut Connection,
    sink: &str,
    only_records: bool,
    other: &str,
) -> Result<usize, DbError> {
    let begun = cached_sql(
        "-- writes across tenants: a new sink begins with the feeds of all
         INSERT INTO events.sinks AS s (tenant_id, sink, position, due_at, only_records)
         SELECT h.tenant_id, $1,
                CASE WHEN o.tenant_id IS NULL THEN h.purged_to WHEN o.due_at IS NULL THEN h.position
                     ELSE o.position END,
                now(), $2
         FROM events.heads h LEFT JOIN events.sinks o ON o.tenant_id = h.tenant_id AND o.sink = $3
         WHERE NOT EXISTS (SELECT FROM events.sinks k WHERE k.tenant_id = h.tenant_id AND k.sink = $1)
         ORDER BY h.tenant_id
         ON CONFLICT (tenant_id, sink) DO NOTHING",
    )
    .bind::<Text, _>(sink)
    .bind::<Bool, _>(only_records)
    .bind::<Text, _>(other)
    .execute(connection)
    .await?;
    Ok(begun)
}

/// A sink of a tenant that this instance publishes to while its lease lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct ClaimedSink {
    /// Every event up to here was acknowledged.
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    /// The number of the claim.
    #[diesel(sql_type = BigInt)]
    pub(crate) claim: i64,
    /// How often publishing failed in a row, and this try.
    #[diesel(sql_type = Integer)]
    pub(crate) tries: i32,
    /// When the lease ends.
    #[diesel(sql_type = Timestamptz)]
    pub(crate) due_at: DateTime<Utc>,
}

/// Claims a sink of a tenant, if it is due, for the duration of a lease.
pub(crate) async fn claim(
    connection: &mut Connection,
    tenant: TenantId,
    sink: &str,
    lease: Duration,
) -> Result<Option<ClaimedSink>, DbError> {
    let rows: Vec<ClaimedSink> = cached_sql(claim_sql!(
        "events.sinks", key ("sink"), open "w.due_at IS NOT NULL AND w.sink = $5", first "w.due_at", join "",
        returning "w.position, w.claim, w.tries, w.due_at"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(None::<DateTime<Utc>>)
    .bind::<BigInt, _>(1)
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Text, _>(sink)
    .load(connection)
    .await?;
    Ok(rows.into_iter().next())
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The instance goes on, for this long at most.
    Continue(Duration),
    /// Everything was published.
    Release,
    /// It is published again after this time, because publishing failed.
    Pause(Duration),
}

/// Stores how far a claimed sink is. Fails with [`DbError::NotAsExpected`] if the claim has ended. For
/// [`Then::Release`], the transaction must hold the feed's end.
pub(crate) fn save(
    tenant: TenantId,
    sink: &str,
    claimed: &ClaimedSink,
    then: Then,
) -> Statement<'static, ()> {
    #[derive(QueryableByName)]
    struct Saved {}

    let (after, has_failed) = match then {
        Then::Continue(after) => (Some(after), false),
        Then::Pause(after) => (Some(after), true),
        Then::Release => (None, false),
    };
    cached_sql(concat!(
        "WITH saved AS (
             UPDATE events.sinks s
             SET position = $4, due_at = now() + make_interval(secs => $5), tries = $6,
                 released_claim = CASE WHEN $7 THEN s.claim ELSE s.released_claim END
             WHERE s.tenant_id = $1 AND s.sink = $2 AND s.claim = $3 AND ",
        in_transaction_sql!(),
        " RETURNING s.tenant_id
         )
         SELECT ",
        expect_sql!("count(*) = 1"),
        " FROM saved"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(sink.to_owned())
    .bind::<BigInt, _>(claimed.claim)
    .bind::<BigInt, _>(claimed.position)
    .bind::<Nullable<Double>, _>(after.map(|after| after.as_secs_f64()))
    .bind::<Integer, _>(if has_failed { claimed.tries } else { 0 })
    .bind::<Bool, _>(then == Then::Release)
    .rows::<Saved>()
    .map(drop)
}

/// Makes the sinks of a tenant due that were released, for events after a position. Those that take records only are
/// left alone unless there are any. For the transaction that gives events positions.
pub(crate) fn wake(tenant: TenantId, after: i64, has_records: bool) -> Statement<'static, usize> {
    // What was released has everything before, or wants none of it.
    cached_sql(
        "UPDATE events.sinks SET due_at = now(), position = greatest(position, $2)
         WHERE tenant_id = $1 AND due_at IS NULL AND claim = released_claim AND ($3 OR NOT only_records)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(after)
    .bind::<Bool, _>(has_records)
    .affected()
    .signalling(&PUBLISHABLE)
}

/// Returns the age of the oldest event of any tenant that is not published to a sink.
pub(crate) async fn oldest(connection: &mut Connection, sink: &str) -> Result<Duration, DbError> {
    #[derive(QueryableByName)]
    struct Measured {
        #[diesel(sql_type = Nullable<Double>)]
        oldest_s: Option<f64>,
    }

    let measured: Measured = cached_sql(
        "-- across tenants: measures what is not published yet
         SELECT extract(epoch FROM now() - min(first.written_at))::float8 AS oldest_s
         FROM events.sinks w
         CROSS JOIN LATERAL (
             SELECT s.written_at FROM events.segments s
             WHERE s.tenant_id = w.tenant_id AND s.last_position > w.position ORDER BY s.last_position LIMIT 1
         ) first
         WHERE w.due_at IS NOT NULL AND w.sink = $1",
    )
    .bind::<Text, _>(sink)
    .get_result(connection)
    .await?;
    let oldest = measured.oldest_s.unwrap_or_default();
    Ok(Duration::try_from_secs_f64(oldest).unwrap_or_default())
}
