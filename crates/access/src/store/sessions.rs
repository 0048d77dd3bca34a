//! Sessions of the console.

use chrono::{DateTime, Utc};
use diesel::sql_types::{
    Array, Binary, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::tenant_secret::SecretHash;

/// Sessions whose time is over, whether they ended before or not.
pub(crate) const EXPIRED: Purge = purge_of!("access.sessions" by "expires_at");

/// A session to insert.
pub(crate) struct NewRow<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) hash: SecretHash,
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) scopes: Vec<&'a str>,
    pub(crate) api_key: Option<Uuid>,
    /// Seconds from now.
    pub(crate) expires_in_s: f64,
}

/// When a session began and when it ends.
#[derive(Debug, QueryableByName)]
pub(crate) struct Times {
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) expires_at: DateTime<Utc>,
}

/// A valid session, and whether its last recorded use is over a minute ago.
#[derive(Debug, QueryableByName)]
pub(crate) struct LiveSession {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) scopes: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) expires_at: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    pub(crate) use_is_unnoted: bool,
}

/// A listed session.
#[derive(Debug, QueryableByName)]
pub(crate) struct ListedSession {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Bool)]
    pub(crate) has_key: bool,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) seen_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) expires_at: DateTime<Utc>,
}

/// Inserts a session.
pub(crate) async fn insert_session(
    connection: &mut Connection,
    session: &NewRow<'_>,
) -> Result<Times, DbError> {
    let times = cached_sql(
        "INSERT INTO access.sessions (tenant_id, id_hash, id, name, scopes, api_key_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
         RETURNING created_at, expires_at",
    )
    .bind::<SqlUuid, _>(session.tenant.as_uuid())
    .bind::<Binary, _>(session.hash.as_slice())
    .bind::<SqlUuid, _>(session.id)
    .bind::<Text, _>(session.name)
    .bind::<Array<Text>, _>(&session.scopes)
    .bind::<Nullable<SqlUuid>, _>(session.api_key)
    .bind::<Double, _>(session.expires_in_s)
    .get_result(connection)
    .await?;
    Ok(times)
}

/// Returns the session with a hash, unless it has ended, was idle for too long, or its key has ended.
pub(crate) async fn find_live_session(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &SecretHash,
    idle_s: f64,
) -> Result<Option<LiveSession>, DbError> {
    let session = cached_sql(
        "SELECT s.id, s.name, s.scopes, s.created_at, s.expires_at,
                s.seen_at < now() - interval '1 minute' AS use_is_unnoted
         FROM access.sessions s
         LEFT JOIN access.api_keys k ON k.tenant_id = s.tenant_id AND k.id = s.api_key_id
         WHERE s.tenant_id = $1 AND s.id_hash = $2 AND s.ended_at IS NULL AND s.expires_at > now()
           AND s.seen_at > now() - make_interval(secs => $3)
           AND (s.api_key_id IS NULL
                OR (k.id IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .bind::<Double, _>(idle_s)
    .get_result(connection)
    .await
    .optional()?;
    Ok(session)
}

/// Records the use of a session.
pub(crate) async fn note_use(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &SecretHash,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE access.sessions SET seen_at = now() WHERE tenant_id = $1 AND id_hash = $2 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a session unless it has ended.
pub(crate) async fn end_session(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &SecretHash,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE access.sessions SET ended_at = now() WHERE tenant_id = $1 AND id_hash = $2 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends all sessions of a name. Returns their number.
pub(crate) async fn end_sessions_of(
    connection: &mut Connection,
    tenant: TenantId,
    name: &str,
) -> Result<usize, DbError> {
    let ended = cached_sql(
        "UPDATE access.sessions SET ended_at = now() WHERE tenant_id = $1 AND name = $2 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(name)
    .execute(connection)
    .await?;
    Ok(ended)
}

/// Returns the valid sessions of a tenant, the newest first, up to a number.
pub(crate) async fn list_sessions(
    connection: &mut Connection,
    tenant: TenantId,
    idle_s: f64,
    most: i64,
) -> Result<Vec<ListedSession>, DbError> {
    let sessions = cached_sql(
        "SELECT s.id, s.name, s.api_key_id IS NOT NULL AS has_key, s.created_at, s.seen_at, s.expires_at
         FROM access.sessions s
         LEFT JOIN access.api_keys k ON k.tenant_id = s.tenant_id AND k.id = s.api_key_id
         WHERE s.tenant_id = $1 AND s.ended_at IS NULL AND s.expires_at > now()
           AND s.seen_at > now() - make_interval(secs => $2)
           AND (s.api_key_id IS NULL
                OR (k.id IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())))
         ORDER BY s.created_at DESC, s.id LIMIT $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Double, _>(idle_s)
    .bind::<diesel::sql_types::BigInt, _>(most)
    .load(connection)
    .await?;
    Ok(sessions)
}
