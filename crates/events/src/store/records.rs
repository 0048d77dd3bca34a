//! Events that are stored with their data.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::event::{EventFacts, Subject};
use crate::domain::key::EventKey;
use crate::domain::record::NewRecord;
use crate::store::outbox::append;

/// Stores events with their data and appends them to the outbox, in the transaction of what they are about.
pub fn record<'q>(tenant: TenantId, records: &[NewRecord]) -> Statement<'q, usize> {
    let keys: Vec<EventKey> = records
        .iter()
        .map(|it| EventKey::of_record(it.id))
        .collect();
    let ids: Vec<Uuid> = records.iter().map(|it| it.id).collect();
    let types: Vec<&'static str> = records.iter().map(|it| it.event_type).collect();
    let kinds: Vec<String> = records
        .iter()
        .map(|it| it.subject.kind.to_string())
        .collect();
    let subjects: Vec<Uuid> = records.iter().map(|it| it.subject.id).collect();
    let data: Vec<Value> = records.iter().map(|it| it.data.clone()).collect();
    let times: Vec<Option<DateTime<Utc>>> = records.iter().map(|it| it.occurred_at).collect();
    let insert = cached_sql(
        "INSERT INTO events.records (tenant_id, id, type, subject_type, subject_id, data, occurred_at)
         SELECT t.tenant_id, r.id, r.type, r.subject_type, r.subject_id, r.data, greatest(r.occurred_at, now())
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::jsonb[], $7::timestamptz[])
             AS r (id, type, subject_type, subject_id, data, occurred_at)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(types)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<SqlUuid>, _>(subjects)
    .bind::<Array<Jsonb>, _>(data)
    .bind::<Array<Nullable<Timestamptz>>, _>(times)
    .affected();
    insert.then(append(tenant, &keys))
}

/// Returns the facts of those of the records that exist and are of the given types, in any order. Without types, of all.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[Uuid],
    types: Option<&[&'static str]>,
) -> Result<Vec<EventFacts>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        kind: String,
        #[diesel(sql_type = Text)]
        subject_type: String,
        #[diesel(sql_type = SqlUuid)]
        subject_id: Uuid,
        #[diesel(sql_type = Jsonb)]
        data: Value,
        #[diesel(sql_type = Timestamptz)]
        occurred_at: DateTime<Utc>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT id, type AS kind, subject_type, subject_id, data, occurred_at FROM events.records
         WHERE tenant_id = $1 AND id = ANY ($2) AND ($3 IS NULL OR type = ANY ($3))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Nullable<Array<Text>>, _>(types)
    .load(connection)
    .await?;
    let facts = |row: Row| EventFacts {
        key: EventKey::of_record(row.id),
        event_type: row.kind,
        subject: Subject {
            kind: Cow::Owned(row.subject_type),
            id: row.subject_id,
        },
        occurred_at: row.occurred_at,
        data: row.data,
    };
    Ok(rows.into_iter().map(facts).collect())
}

/// Deletes records.
pub(crate) fn delete(tenant: TenantId, ids: Vec<Uuid>) -> Statement<'static, usize> {
    cached_sql("DELETE FROM events.records WHERE tenant_id = $1 AND id = ANY ($2)")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .affected()
}
