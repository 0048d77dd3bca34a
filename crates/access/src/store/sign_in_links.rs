//! Links that sign in to the console, once.

use diesel::sql_types::{Array, Binary, Double, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use oms_validation::TenantId;

use crate::domain::tenant_secret::SecretHash;

/// Links whose time is over, whether they were used or not.
pub(crate) const EXPIRED: Purge = purge_of!("access.sign_in_links" by "expires_at");

/// Whom a link signs in.
#[derive(Debug, QueryableByName)]
pub(crate) struct Link {
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) scopes: Vec<String>,
}

/// Inserts a link.
pub(crate) async fn insert_link(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &SecretHash,
    name: &str,
    scopes: &[&str],
    expires_in_s: f64,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO access.sign_in_links (tenant_id, token_hash, name, scopes, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .bind::<Text, _>(name)
    .bind::<Array<Text>, _>(scopes)
    .bind::<Double, _>(expires_in_s)
    .execute(connection)
    .await?;
    Ok(())
}

/// Uses a link up. `None` if it is unknown, used or expired.
pub(crate) async fn use_link(
    connection: &mut Connection,
    tenant: TenantId,
    hash: &SecretHash,
) -> Result<Option<Link>, DbError> {
    let link = cached_sql(
        "UPDATE access.sign_in_links SET used_at = now()
         WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > now()
         RETURNING name, scopes",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Binary, _>(hash.as_slice())
    .get_result(connection)
    .await
    .optional()?;
    Ok(link)
}
