//! API keys.

use chrono::{DateTime, Utc};
use diesel::sql_types::{
    Array, Binary, Bool, Double, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::api_key::KeyHash;

/// A key to insert.
pub(crate) struct NewRow<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) slot: i16,
    pub(crate) hash: KeyHash,
    pub(crate) ending: &'a str,
    pub(crate) scopes: Vec<&'a str>,
    /// Seconds from now; `None` means never.
    pub(crate) expires_in_s: Option<f64>,
}

/// A live key, and whether its last recorded use is over a minute ago.
#[derive(Debug, QueryableByName)]
pub(crate) struct LiveKey {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) scopes: Vec<String>,
    #[diesel(sql_type = Bool)]
    pub(crate) use_is_unnoted: bool,
}

/// A listed key.
#[derive(Debug, QueryableByName)]
pub(crate) struct KeyRow {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) ending: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) scopes: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    pub(crate) is_ended: bool,
    #[diesel(sql_type = Bool)]
    pub(crate) is_expired: bool,
}

/// The columns of a live key that a rotation needs.
#[derive(Debug, QueryableByName)]
pub(crate) struct Rotated {
    #[diesel(sql_type = SmallInt)]
    pub(crate) slot: i16,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) scopes: Vec<String>,
}

/// Returns the live key with a hash.
pub(crate) async fn find_live_key(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &KeyHash,
) -> Result<Option<LiveKey>, DbError> {
    let row = cached_sql(
        "SELECT id, name, scopes,
                last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS use_is_unnoted
         FROM access.api_keys
         WHERE tenant_id = $1 AND key_hash = $2
           AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .get_result(connection)
    .await
    .optional()?;
    Ok(row)
}

/// Records the use of a key, at most once a minute across all instances.
pub(crate) async fn note_use(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE access.api_keys SET last_used_at = now()
         WHERE tenant_id = $1 AND id = $2
           AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Frees the slots of a name that expired keys occupy.
pub(crate) async fn revoke_expired(
    connection: &mut Connection,
    tenant: TenantId,
    name: &str,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE access.api_keys SET revoked_at = now()
         WHERE tenant_id = $1 AND name = $2 AND revoked_at IS NULL AND expires_at <= now()",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks and returns the live keys with a name, ordered by slot.
pub(crate) async fn lock_live_keys(
    connection: &mut Connection,
    tenant: TenantId,
    name: &str,
) -> Result<Vec<Rotated>, DbError> {
    let rows = cached_sql(
        "SELECT slot, scopes FROM access.api_keys
         WHERE tenant_id = $1 AND name = $2 AND revoked_at IS NULL ORDER BY slot FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(name)
    .load(connection)
    .await?;
    Ok(rows)
}

/// Makes the key in a slot expire after some seconds, unless it expires sooner.
pub(crate) async fn expire_slot(
    connection: &mut Connection,
    tenant: TenantId,
    name: &str,
    slot: i16,
    in_s: f64,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE access.api_keys SET expires_at = least(expires_at, now() + make_interval(secs => $4))
         WHERE tenant_id = $1 AND name = $2 AND slot = $3 AND revoked_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(name)
    .bind::<SmallInt, _>(slot)
    .bind::<Double, _>(in_s)
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts a key. The slot of its name must be free.
pub(crate) async fn insert_key(
    connection: &mut Connection,
    key: &NewRow<'_>,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO access.api_keys (tenant_id, id, name, slot, key_hash, ending, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))",
    )
    .bind::<SqlUuid, _>(key.tenant.as_uuid())
    .bind::<SqlUuid, _>(key.id)
    .bind::<Text, _>(key.name)
    .bind::<SmallInt, _>(key.slot)
    .bind::<Binary, _>(key.hash.as_slice())
    .bind::<Text, _>(key.ending)
    .bind::<Array<Text>, _>(&key.scopes)
    .bind::<Nullable<Double>, _>(key.expires_in_s)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns all keys of a tenant, including revoked and expired ones, ordered by name and age.
pub(crate) async fn list_keys(
    connection: &mut Connection,
    tenant: TenantId,
) -> Result<Vec<KeyRow>, DbError> {
    let rows = cached_sql(
        "SELECT id, name, ending, scopes, created_at, expires_at, last_used_at,
                revoked_at IS NOT NULL AS is_ended,
                coalesce(expires_at <= coalesce(revoked_at, now()), false) AS is_expired
         FROM access.api_keys WHERE tenant_id = $1 ORDER BY name, created_at, id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .load(connection)
    .await?;
    Ok(rows)
}

/// Revokes a key unless it already is. Returns whether the tenant has it.
pub(crate) async fn revoke_key(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<bool, DbError> {
    let rows = cached_sql(
        "UPDATE access.api_keys SET revoked_at = least(revoked_at, now())
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id)
    .execute(connection)
    .await?;
    Ok(rows == 1)
}
