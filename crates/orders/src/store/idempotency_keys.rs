//! Idempotency keys of operations on existing orders, each with the request that it stands for.

use diesel::QueryableByName;
use diesel::sql_types::{Binary, Nullable, Text, Uuid as SqlUuid};
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

/// Releases a key whose request changed nothing.
pub(crate) async fn release(
    connection: &mut Connection,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM orders.idempotency_keys WHERE tenant_id = $1 AND idempotency_key = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Text, _>(key.as_str())
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
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Binary)]
        fingerprint: Vec<u8>,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        result_id: Option<Uuid>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT fingerprint, result_id FROM orders.idempotency_keys
         WHERE tenant_id = $1 AND idempotency_key = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(key.as_str())
    .load(connection)
    .await?;
    let claimed = |row: Row| {
        let bytes = row.fingerprint.try_into();
        let bytes = bytes.map_err(|_| unreadable("a fingerprint has the wrong length"))?;
        Ok(Claimed {
            fingerprint: Fingerprint(bytes),
            result_id: row.result_id,
        })
    };
    rows.into_iter().next().map(claimed).transpose()
}
