//! The secrets of endpoints, sealed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::adapters::sealing::Sealed;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::store::webhooks::Now;

/// A stored secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSecret {
    /// Counts an endpoint's secrets from 1. The highest is the newest.
    pub(crate) number: i32,
    pub(crate) sealed: Sealed,
    /// When it stops to sign.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// Inserts a secret.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    number: i32,
    sealed: &Sealed,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO events.secrets (tenant_id, endpoint_id, number, sealed, key_id) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Integer, _>(number)
    .bind::<Binary, _>(&sealed.bytes)
    .bind::<Text, _>(&sealed.key_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the secrets of an endpoint that sign now, newest first.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    now: Now,
) -> Result<Vec<StoredSecret>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        number: i32,
        #[diesel(sql_type = Binary)]
        sealed: Vec<u8>,
        #[diesel(sql_type = Text)]
        key_id: String,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        expires_at: Option<DateTime<Utc>>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT number, sealed, key_id, expires_at FROM events.secrets
         WHERE tenant_id = $1 AND endpoint_id = $2 AND (expires_at IS NULL OR expires_at > greatest($3, now()))
         ORDER BY number DESC",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let secret = |row: Row| StoredSecret {
        number: row.number,
        sealed: Sealed {
            bytes: row.sealed,
            key_id: row.key_id,
        },
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(secret).collect())
}

/// Replaces the sealed form of a secret.
pub(crate) async fn reseal(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    number: i32,
    sealed: &Sealed,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE events.secrets SET sealed = $4, key_id = $5 WHERE tenant_id = $1 AND endpoint_id = $2 AND number = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Integer, _>(number)
    .bind::<Binary, _>(&sealed.bytes)
    .bind::<Text, _>(&sealed.key_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets one secret sign for `overlap` longer, and deletes all older ones.
pub(crate) async fn retire(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    newest: i32,
    overlap: Duration,
    now: Now,
) -> Result<(), DbError> {
    cached_sql(
        "DELETE FROM events.secrets WHERE tenant_id = $1 AND endpoint_id = $2 AND number < $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Integer, _>(newest)
    .execute(connection)
    .await?;
    cached_sql(
        "UPDATE events.secrets SET expires_at = greatest($4, now()) + make_interval(secs => $5)
         WHERE tenant_id = $1 AND endpoint_id = $2 AND number = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Integer, _>(newest)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(overlap.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the secrets of an endpoint.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM events.secrets WHERE tenant_id = $1 AND endpoint_id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}
