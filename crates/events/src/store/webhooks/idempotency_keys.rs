//! The idempotency keys of webhooks.

use diesel::QueryableByName;
use diesel::sql_types::{Binary, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use oms_validation::{Fingerprint, IdempotencyKey, Keyed, TenantId};
use uuid::Uuid;

use crate::store::webhooks::unreadable;

/// The request and the result of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRecord {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) result_id: Uuid,
}

/// The purge of old keys.
pub(crate) const CLAIMED_LONG_AGO: Purge = purge_of!("events.idempotency_keys" by "created_at");

/// Claims a key for a result. Returns `false` if it is already claimed. Waits for a concurrent transaction that claims
/// it.
pub(crate) async fn claim(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Uuid,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO events.idempotency_keys (tenant_id, idempotency_key, fingerprint, result_id)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, idempotency_key) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(request.key.as_str())
    .bind::<Binary, _>(&request.fingerprint.0[..])
    .bind::<SqlUuid, _>(result_id)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Returns the record of a key if it was claimed.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<KeyRecord>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Binary)]
        fingerprint: Vec<u8>,
        #[diesel(sql_type = SqlUuid)]
        result_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT fingerprint, result_id FROM events.idempotency_keys
         WHERE tenant_id = $1 AND idempotency_key = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(key.as_str())
    .load(connection)
    .await?;
    let record = |row: Row| {
        let fingerprint = row.fingerprint.try_into();
        Ok(KeyRecord {
            fingerprint: Fingerprint(
                fingerprint.map_err(|_| unreadable("a fingerprint's length"))?,
            ),
            result_id: row.result_id,
        })
    };
    rows.into_iter().next().map(record).transpose()
}
