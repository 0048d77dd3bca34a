//! Idempotency keys of operations on existing orders, each with the request that it stands for.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use oms_validation::{Fingerprint, IdempotencyKey, Keyed, TenantId};
use uuid::Uuid;

use crate::store::unreadable;

/// Deletes keys that were claimed long ago.
pub(crate) const CLAIMED_LONG_AGO: Purge = purge_of!("orders.idempotency_keys" by "created_at");

/// Claims a key, for a result if the request creates something. Returns `false` if it is taken. Waits for a transaction that is claiming it.
pub(crate) async fn claim(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Option<Uuid>,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO orders.idempotency_keys (tenant_id, idempotency_key, fingerprint, result_id)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, idempotency_key) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(request.key.as_str())
    .bind::<Binary, _>(&request.fingerprint.0[..])
    .bind::<Nullable<SqlUuid>, _>(result_id)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Claims distinct keys, each for its result, in key order, and returns those that were free. Waits for transactions
/// that are claiming one of them.
pub(crate) async fn claim_all(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[(Keyed<'_>, Uuid)],
) -> Result<HashSet<String>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        idempotency_key: String,
    }

    let keys: Vec<&str> = requests.iter().map(|(it, _)| it.key.as_str()).collect();
    let fingerprints: Vec<&[u8]> = requests
        .iter()
        .map(|(it, _)| &it.fingerprint.0[..])
        .collect();
    let results: Vec<Uuid> = requests.iter().map(|(_, result)| *result).collect();
    let claimed: Vec<Row> = cached_sql(
        "INSERT INTO orders.idempotency_keys AS claimed (tenant_id, idempotency_key, fingerprint, result_id)
         SELECT t.tenant_id, k.idempotency_key, k.fingerprint, k.result_id
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::text[], $3::bytea[], $4::uuid[]) AS k (idempotency_key, fingerprint, result_id)
         WHERE t.tenant_id = $1
         ORDER BY k.idempotency_key
         ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
         RETURNING claimed.idempotency_key",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<Binary>, _>(fingerprints)
    .bind::<Array<SqlUuid>, _>(results)
    .load(connection)
    .await?;
    Ok(claimed.into_iter().map(|row| row.idempotency_key).collect())
}

/// Releases keys whose requests changed nothing.
pub(crate) async fn release(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[&IdempotencyKey],
) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    cached_sql(
        "DELETE FROM orders.idempotency_keys WHERE tenant_id = $1 AND idempotency_key = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<Text>, _>(keys)
    .execute(connection)
    .await?;
    Ok(())
}

/// The request that a key stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) fingerprint: Fingerprint,
    /// What the request created.
    pub(crate) result_id: Option<Uuid>,
}

/// The request that a key stands for, if the key is claimed.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Claimed>, DbError> {
    let mut found = find_all(connection, tenant, &[key]).await?;
    Ok(found.remove(key.as_str()))
}

/// The requests that keys stand for, by key. Keys that are not claimed are missing.
pub(crate) async fn find_all(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[&IdempotencyKey],
) -> Result<HashMap<String, Claimed>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        idempotency_key: String,
        #[diesel(sql_type = Binary)]
        fingerprint: Vec<u8>,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        result_id: Option<Uuid>,
    }

    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let rows: Vec<Row> = cached_sql(
        "SELECT idempotency_key, fingerprint, result_id FROM orders.idempotency_keys
         WHERE tenant_id = $1 AND idempotency_key = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<Text>, _>(keys)
    .load(connection)
    .await?;
    let claimed = |row: Row| {
        let bytes = row.fingerprint.try_into();
        let bytes = bytes.map_err(|_| unreadable("a fingerprint has the wrong length"))?;
        let claimed = Claimed {
            fingerprint: Fingerprint(bytes),
            result_id: row.result_id,
        };
        Ok((row.idempotency_key, claimed))
    };
    rows.into_iter().map(claimed).collect()
}
