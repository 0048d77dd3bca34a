//! The outbox: what transactions have appended and the relay has not seen yet.

use std::collections::HashMap;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    AcrossTenants, CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql,
};
use oms_validation::TenantId;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::batch::Envelope;
use crate::domain::key::EventKey;
use crate::store::{Keys, columns};

/// Notified in this process after a commit that has appended events.
pub static APPENDED: Notify = Notify::const_new();

/// Appends events of orders' timelines to the outbox, in the transaction that writes them. One row for all of them.
pub fn append<'q>(tenant: TenantId, keys: &[EventKey]) -> Statement<'q, usize> {
    let (subjects, numbers) = columns(keys);
    cached_sql(
        "INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers) VALUES ($1, $2, $3, $4)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Array<SqlUuid>, _>(subjects)
    .bind::<Array<Integer>, _>(numbers)
    .affected()
    .signalling(&APPENDED)
}

/// The text that appends events as a part of the statement that writes them: `append_sql!("$11", tenant "$1", subject
/// "changed.id", number "changed.version", from "changed")`. The row has the ID of the first parameter, a UUIDv7. It
/// appends nothing if `from` is empty. Statements with it are `signalling(&oms_events::APPENDED)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __append_sql {
    ($id:literal, tenant $tenant:literal, subject $subject:literal, number $number:literal, from $from:literal) => {
        concat!(
            "INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers)
             SELECT ",
            $tenant,
            ", ",
            $id,
            "::uuid, array_agg(",
            $subject,
            "), array_agg(",
            $number,
            ") FROM ",
            $from,
            " HAVING count(*) > 0"
        )
    };
}

/// The tenants with rows.
const TENANTS: AcrossTenants = AcrossTenants {
    stepping: "-- across tenants: finds who has work
         WITH RECURSIVE tenants (tenant_id) AS (
             (SELECT o.tenant_id FROM events.outbox o ORDER BY o.tenant_id LIMIT 1)
             UNION ALL
             SELECT following.tenant_id FROM tenants
             CROSS JOIN LATERAL (
                 SELECT o.tenant_id FROM events.outbox o
                 WHERE o.tenant_id > tenants.tenant_id ORDER BY o.tenant_id LIMIT 1
             ) following
         )
         SELECT tenant_id FROM tenants",
    visiting: "-- across tenants: finds who has work
         SELECT t.tenant_id FROM tenancy.tenants t
         CROSS JOIN LATERAL (SELECT o.id FROM events.outbox o WHERE o.tenant_id = t.tenant_id LIMIT 1) first",
};

/// Returns the tenants whose events wait for the relay. Takes one step in the primary key for each.
pub(crate) async fn find_tenants(connection: &mut Connection) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let text = TENANTS.text_for(connection).await?;
    let rows: Vec<Row> = cached_sql(text).load(connection).await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(embed)]
    keys: Keys,
}

fn envelopes(rows: Vec<Row>) -> Vec<Envelope> {
    let envelope = |row: Row| Envelope {
        id: row.id,
        keys: row.keys.into_keys(),
    };
    rows.into_iter().map(envelope).collect()
}

/// Returns the first `limit` rows of a tenant, by ID.
pub(crate) fn first(tenant: TenantId, limit: usize) -> Statement<'static, Vec<Envelope>> {
    cached_sql(
        "SELECT id, subject_ids, numbers FROM events.outbox WHERE tenant_id = $1 ORDER BY id LIMIT $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .rows::<Row>()
    .map(envelopes)
}

/// Returns the rows that have earlier events of these orders than the given numbers. Reads all rows of the tenant.
pub(crate) fn earlier(
    tenant: TenantId,
    latest: HashMap<Uuid, i32>,
) -> Statement<'static, Vec<Envelope>> {
    let (subjects, numbers): (Vec<Uuid>, Vec<i32>) = latest.into_iter().unzip();
    cached_sql(
        "SELECT o.id, o.subject_ids, o.numbers FROM events.outbox o
         CROSS JOIN LATERAL unnest(o.subject_ids, o.numbers) AS event (subject_id, number)
         JOIN unnest($2::uuid[], $3::integer[]) AS latest (subject_id, number)
             ON latest.subject_id = event.subject_id AND event.number < latest.number
         WHERE o.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(subjects)
    .bind::<Array<Integer>, _>(numbers)
    .rows::<Row>()
    .map(envelopes)
}

/// Deletes rows, and fails with [`DbError::NotAsExpected`] unless all of them are there.
pub(crate) fn delete(tenant: TenantId, ids: Vec<Uuid>) -> Statement<'static, ()> {
    #[derive(QueryableByName)]
    struct Deleted {}

    let expected = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    cached_sql(concat!(
        "WITH gone AS (
             DELETE FROM events.outbox WHERE tenant_id = $1 AND id = ANY ($2) RETURNING id
         )
         SELECT ",
        expect_sql!("count(*) = $3"),
        " FROM gone"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<BigInt, _>(expected)
    .rows::<Deleted>()
    .map(drop)
}

/// Returns the number of rows of all tenants, and the age of the oldest.
pub(crate) async fn measure(connection: &mut Connection) -> Result<(u64, Duration), DbError> {
    #[derive(QueryableByName)]
    struct Measured {
        #[diesel(sql_type = BigInt)]
        rows: i64,
        #[diesel(sql_type = Nullable<Double>)]
        oldest_s: Option<f64>,
    }

    let measured: Measured = cached_sql(
        "-- across tenants: measures what waits for the relay
         SELECT count(*) AS rows, extract(epoch FROM now() - min(created_at))::float8 AS oldest_s
         FROM (SELECT created_at FROM events.outbox LIMIT 100000) waiting",
    )
    .get_result(connection)
    .await?;
    let oldest = measured.oldest_s.unwrap_or_default();
    Ok((
        u64::try_from(measured.rows).unwrap_or_default(),
        Duration::try_from_secs_f64(oldest).unwrap_or_default(),
    ))
}
