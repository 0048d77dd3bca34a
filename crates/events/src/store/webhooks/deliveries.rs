//! Events that endpoints have not received.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Purge, Statement, cached_sql, purge_of};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::AttemptOutcome;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::pending::{Delivery, DeliveryState};
use crate::store::webhooks::Now;

/// The purge of deliveries that were given up.
pub(crate) const GIVEN_UP_LONG_AGO: Purge = purge_of!("events.deliveries" by "given_up_at");

macro_rules! select_deliveries {
    ($condition:literal) => {
        concat!(
            "SELECT position, key_id, number, subject_id, state, tries, due_at, last_outcome, last_status
             FROM events.deliveries WHERE tenant_id = $1 AND endpoint_id = $2 AND ",
            $condition
        )
    };
}

/// Returns the first `limit` deliveries of an endpoint that are not given up, by position.
pub(crate) async fn find_pending(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let rows: Vec<Row> = cached_sql(select_deliveries!(
        "state <> 'exhausted' ORDER BY position LIMIT $3"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Returns up to `limit` deliveries after a position, in a state if one is given.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    state: Option<DeliveryState>,
    after: i64,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let rows: Vec<Row> = cached_sql(select_deliveries!(
        "($3 IS NULL OR state = $3) AND position > $4 ORDER BY position LIMIT $5"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Nullable<Text>, _>(state.map(DeliveryState::as_str))
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Returns the first `limit` deliveries of a subject's events, by position.
pub(crate) async fn list_of(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    subject: Uuid,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let rows: Vec<Row> = cached_sql(select_deliveries!(
        "subject_id = $3 ORDER BY position LIMIT $4"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<SqlUuid, _>(subject)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Returns the delivery of an event.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    key: EventKey,
) -> Result<Option<Delivery>, DbError> {
    let rows: Vec<Row> = cached_sql(select_deliveries!(
        "key_id = $3 AND number = $4 ORDER BY position LIMIT 1"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<SqlUuid, _>(key.subject_id)
    .bind::<Integer, _>(key.number)
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(Delivery::from))
}

/// Inserts or replaces deliveries.
pub(crate) fn write(
    tenant: TenantId,
    endpoint: EndpointId,
    now: Now,
    rows: &[Delivery],
) -> Statement<'static, usize> {
    let outcome = |row: &Delivery| row.last_outcome.map(AttemptOutcome::as_str);
    cached_sql(
        "INSERT INTO events.deliveries AS d (tenant_id, endpoint_id, position, key_id, number, subject_id, state, tries,
             due_at, last_outcome, last_status, updated_at, given_up_at)
         SELECT t.tenant_id, $2, r.position, r.key_id, r.number, r.subject_id, r.state, r.tries, r.due_at,
             r.last_outcome, r.last_status, greatest($3, now()),
             CASE WHEN r.state = 'exhausted' THEN greatest($3, now()) END
         FROM tenancy.tenants t
         CROSS JOIN unnest($4::bigint[], $5::uuid[], $6::integer[], $7::uuid[], $8::text[], $9::integer[],
             $10::timestamptz[], $11::text[], $12::integer[])
             AS r (position, key_id, number, subject_id, state, tries, due_at, last_outcome, last_status)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, endpoint_id, position) DO UPDATE
         SET state = excluded.state, tries = excluded.tries, due_at = excluded.due_at,
             last_outcome = excluded.last_outcome, last_status = excluded.last_status,
             updated_at = excluded.updated_at, given_up_at = excluded.given_up_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Array<BigInt>, _>(column(rows, |row| row.position))
    .bind::<Array<SqlUuid>, _>(column(rows, |row| row.key.subject_id))
    .bind::<Array<Integer>, _>(column(rows, |row| row.key.number))
    .bind::<Array<SqlUuid>, _>(column(rows, |row| row.subject_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.state.as_str()))
    .bind::<Array<Integer>, _>(column(rows, |row| row.tries))
    .bind::<Array<Timestamptz>, _>(column(rows, |row| row.due_at))
    .bind::<Array<Nullable<Text>>, _>(column(rows, outcome))
    .bind::<Array<Nullable<Integer>>, _>(column(rows, |row| row.last_status.map(i32::from)))
    .affected()
}

fn column<T>(rows: &[Delivery], value: impl Fn(&Delivery) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Deletes deliveries.
pub(crate) fn delete(
    tenant: TenantId,
    endpoint: EndpointId,
    positions: Vec<i64>,
) -> Statement<'static, usize> {
    cached_sql(
        "DELETE FROM events.deliveries WHERE tenant_id = $1 AND endpoint_id = $2 AND position = ANY ($3)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<Array<BigInt>, _>(positions)
    .affected()
}

/// Deletes the deliveries of an endpoint after a position.
pub(crate) async fn delete_after(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
    position: i64,
) -> Result<(), DbError> {
    cached_sql(
        "DELETE FROM events.deliveries WHERE tenant_id = $1 AND endpoint_id = $2 AND position > $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .bind::<BigInt, _>(position)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes all deliveries of an endpoint.
pub(crate) async fn delete_all(
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM events.deliveries WHERE tenant_id = $1 AND endpoint_id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = SqlUuid)]
    key_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    tries: i32,
    #[diesel(sql_type = Timestamptz)]
    due_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    last_outcome: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    last_status: Option<i32>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            position: row.position,
            key: EventKey {
                subject_id: row.key_id,
                number: row.number,
            },
            subject_id: row.subject_id,
            state: DeliveryState::stored(&row.state),
            tries: row.tries,
            due_at: row.due_at,
            last_outcome: row.last_outcome.as_deref().map(AttemptOutcome::stored),
            last_status: row
                .last_status
                .and_then(|status| u16::try_from(status).ok()),
        }
    }
}
