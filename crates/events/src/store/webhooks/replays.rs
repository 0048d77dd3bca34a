//! Replays.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Purge, Statement, cached_sql, purge_of};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::{MAX_LISTED, Replay, ReplayId, ReplayState};
use crate::store::webhooks::Now;

/// The purge of replays that ended long ago.
pub(crate) const ENDED_LONG_AGO: Purge = purge_of!("events.replays" by "ended_at");

macro_rules! select_replays {
    ($rest:literal) => {
        concat!(
            "SELECT id, types, from_position, to_position, events, position, delivered, rejected, state, requested_by,
                    created_at, ended_at
             FROM events.replays WHERE tenant_id = $1 AND endpoint_id = $2 ",
            $rest
        )
    };
}

/// Inserts a replay.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    replay: &Replay,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO events.replays (tenant_id, endpoint_id, id, types, from_position, to_position, events, position,
             requested_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<SqlUuid, _>(replay.id.as_uuid())
    .bind::<Array<Text>, _>(&replay.types)
    .bind::<BigInt, _>(replay.from)
    .bind::<BigInt, _>(replay.to)
    .bind::<Integer, _>(replay.events)
    .bind::<BigInt, _>(replay.position)
    .bind::<Text, _>(&replay.requested_by)
    .bind::<Timestamptz, _>(replay.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the replay of an endpoint that is running.
pub(crate) async fn find_running(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<Option<Replay>, DbError> {
    let rows: Vec<Row> = cached_sql(select_replays!("AND state = 'running'"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().next().map(Replay::from))
}

/// Returns a replay.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    id: ReplayId,
) -> Result<Option<Replay>, DbError> {
    let rows: Vec<Row> = cached_sql(select_replays!("AND id = $3"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().next().map(Replay::from))
}

/// Returns the newest replays of an endpoint, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<Vec<Replay>, DbError> {
    let rows: Vec<Row> = cached_sql(select_replays!("ORDER BY id DESC LIMIT $3"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .bind::<BigInt, _>(MAX_LISTED)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Replay::from).collect())
}

/// Stores the progress of a running replay, for the instance that has claimed its endpoint.
pub(crate) fn save(
    tenant: TenantId,
    endpoint: EndpointId,
    replay: &Replay,
) -> Statement<'static, usize> {
    cached_sql(
        "UPDATE events.replays SET position = $4, delivered = $5, rejected = $6, state = $7, ended_at = $8
         WHERE tenant_id = $1 AND endpoint_id = $2 AND id = $3 AND state = 'running'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<SqlUuid, _>(replay.id.as_uuid())
    .bind::<BigInt, _>(replay.position)
    .bind::<Integer, _>(replay.delivered)
    .bind::<Integer, _>(replay.rejected)
    .bind::<Text, _>(replay.state.as_str())
    .bind::<Nullable<Timestamptz>, _>(replay.ended_at)
    .affected()
}

/// Cancels a running replay.
pub(crate) async fn cancel(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    id: ReplayId,
    now: Now,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE events.replays SET state = 'cancelled', ended_at = greatest($4, now())
         WHERE tenant_id = $1 AND endpoint_id = $2 AND id = $3 AND state = 'running'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes all replays of an endpoint.
pub(crate) async fn delete_all(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM events.replays WHERE tenant_id = $1 AND endpoint_id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Array<Text>)]
    types: Vec<String>,
    #[diesel(sql_type = BigInt)]
    from_position: i64,
    #[diesel(sql_type = BigInt)]
    to_position: i64,
    #[diesel(sql_type = Integer)]
    events: i32,
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Integer)]
    delivered: i32,
    #[diesel(sql_type = Integer)]
    rejected: i32,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    requested_by: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<DateTime<Utc>>,
}

impl From<Row> for Replay {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            types: row.types,
            from: row.from_position,
            to: row.to_position,
            events: row.events,
            position: row.position,
            delivered: row.delivered,
            rejected: row.rejected,
            state: ReplayState::stored(&row.state),
            requested_by: row.requested_by,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}
