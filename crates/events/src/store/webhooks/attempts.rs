//! The log of tries.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Purge, Statement, cached_sql, purge_of};
use oms_validation::{Cursor, TenantId};
use uuid::Uuid;

use crate::domain::webhooks::attempt::{Attempt, AttemptCursor, AttemptOutcome, AttemptTrigger};
use crate::domain::webhooks::endpoint::EndpointId;

/// The purge of old tries.
pub(crate) const STARTED_LONG_AGO: Purge = purge_of!("events.attempts" by "started_at");

/// Inserts tries.
pub(crate) fn insert(
    tenant: TenantId,
    endpoint: EndpointId,
    attempts: &[Attempt],
) -> Statement<'static, usize> {
    let ms = |it: &Attempt| i32::try_from(it.duration.as_millis()).unwrap_or(i32::MAX);
    cached_sql(
        "INSERT INTO events.attempts (tenant_id, endpoint_id, id, event_id, event_type, trigger, started_at,
             duration_ms, outcome, http_status, answer_start)
         SELECT t.tenant_id, $2, a.id, a.event_id, a.event_type, a.trigger, a.started_at, a.duration_ms, a.outcome,
             a.http_status, a.answer_start
         FROM tenancy.tenants t
         CROSS JOIN unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::integer[],
             $9::text[], $10::integer[], $11::text[])
             AS a (id, event_id, event_type, trigger, started_at, duration_ms, outcome, http_status, answer_start)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Array<SqlUuid>, _>(column(attempts, |it| it.id.as_uuid()))
    .bind::<Array<Text>, _>(column(attempts, |it| it.event_id.clone()))
    .bind::<Array<Text>, _>(column(attempts, |it| it.event_type.clone()))
    .bind::<Array<Text>, _>(column(attempts, |it| it.trigger.as_str()))
    .bind::<Array<Timestamptz>, _>(column(attempts, |it| it.started_at))
    .bind::<Array<Integer>, _>(column(attempts, ms))
    .bind::<Array<Text>, _>(column(attempts, |it| it.outcome.as_str()))
    .bind::<Array<Nullable<Integer>>, _>(column(attempts, |it| it.http_status.map(i32::from)))
    .bind::<Array<Text>, _>(column(attempts, |it| it.answer_start.clone()))
    .affected()
}

fn column<T>(attempts: &[Attempt], value: impl Fn(&Attempt) -> T) -> Vec<T> {
    attempts.iter().map(value).collect()
}

/// Returns up to `limit` tries after a cursor, newest first: of an event, if one is given.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    event_id: Option<&str>,
    after: Option<AttemptCursor>,
    limit: usize,
) -> Result<Vec<Attempt>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        event_id: String,
        #[diesel(sql_type = Text)]
        event_type: String,
        #[diesel(sql_type = Text)]
        trigger: String,
        #[diesel(sql_type = Timestamptz)]
        started_at: DateTime<Utc>,
        #[diesel(sql_type = Integer)]
        duration_ms: i32,
        #[diesel(sql_type = Text)]
        outcome: String,
        #[diesel(sql_type = Nullable<Integer>)]
        http_status: Option<i32>,
        #[diesel(sql_type = Text)]
        answer_start: String,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT id, event_id, event_type, trigger, started_at, duration_ms, outcome, http_status, answer_start
         FROM events.attempts
         WHERE tenant_id = $1 AND endpoint_id = $2 AND ($3 IS NULL OR event_id = $3)
           AND id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
         ORDER BY id DESC LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Nullable<Text>, _>(event_id)
    .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    let attempt = |row: Row| Attempt {
        id: row.id.into(),
        event_id: row.event_id,
        event_type: row.event_type,
        trigger: AttemptTrigger::stored(&row.trigger),
        started_at: row.started_at,
        duration: Duration::from_millis(u64::try_from(row.duration_ms).unwrap_or_default()),
        outcome: AttemptOutcome::stored(&row.outcome),
        http_status: row
            .http_status
            .and_then(|status| u16::try_from(status).ok()),
        answer_start: row.answer_start,
    };
    Ok(rows.into_iter().map(attempt).collect())
}
