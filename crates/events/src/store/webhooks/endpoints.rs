//! Endpoints.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::result::Error as DieselError;
use diesel::sql_types::{
    Array, BigInt, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::webhooks::endpoint::{
    Description, Endpoint, EndpointId, EndpointStatus, NewEndpoint, Ordering, Signing,
};
use crate::store::webhooks::Now;

/// Notified in this process when endpoints may have become due.
pub static DELIVERABLE: Notify = Notify::const_new();

/// The columns of a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! columns {
    () => {
        "e.id, e.url, e.description, e.types, e.ordering, e.signing, e.max_in_flight, e.status, e.status_reason,
         e.position, e.failing_since, e.failures, e.version, e.created_at, e.updated_at"
    };
}
pub(super) use columns;

macro_rules! select_endpoints {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM events.endpoints e WHERE e.tenant_id = $1 ",
            $rest
        )
    };
}

/// Returns the number of a tenant's endpoints.
pub(crate) async fn count(connection: &mut Connection, tenant: TenantId) -> Result<i64, DbError> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    let count: Count =
        cached_sql("SELECT count(*) AS count FROM events.endpoints WHERE tenant_id = $1")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .get_result(connection)
            .await?;
    Ok(count.count)
}

/// Inserts an endpoint that begins after a position, and returns it.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: EndpointId,
    new: &NewEndpoint,
    position: i64,
) -> Result<Endpoint, DbError> {
    let rows = cached_sql(concat!(
        "INSERT INTO events.endpoints AS e
             (tenant_id, id, url, description, types, ordering, signing, max_in_flight, position, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, greatest($10, now()))
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(new.url.url().as_str())
    .bind::<Nullable<Text>, _>(new.description.as_ref().map(Description::as_str))
    .bind::<Array<Text>, _>(&new.types)
    .bind::<Text, _>(new.ordering.as_str())
    .bind::<Text, _>(new.signing.as_str())
    .bind::<Integer, _>(i32::from(new.max_in_flight.get()))
    .bind::<BigInt, _>(position)
    .bind::<Nullable<Timestamptz>, _>(now)
    .rows::<Row>()
    .signalling(&DELIVERABLE)
    .run(connection)
    .await?;
    written(rows)
}

/// Returns an endpoint.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: EndpointId,
) -> Result<Option<Endpoint>, DbError> {
    select_one(connection, tenant, id, select_endpoints!("AND e.id = $2")).await
}

/// Like [`find`], but locks the endpoint until the transaction ends.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: EndpointId,
) -> Result<Option<Endpoint>, DbError> {
    let text = select_endpoints!("AND e.id = $2 FOR UPDATE");
    select_one(connection, tenant, id, text).await
}

async fn select_one(
    connection: &mut Connection,
    tenant: TenantId,
    id: EndpointId,
    text: &'static str,
) -> Result<Option<Endpoint>, DbError> {
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().next().map(Endpoint::from))
}

/// Returns the endpoints of a tenant, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
) -> Result<Vec<Endpoint>, DbError> {
    let rows: Vec<Row> = cached_sql(select_endpoints!("ORDER BY e.id DESC LIMIT 100"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Endpoint::from).collect())
}

/// Writes the next version of a locked endpoint and returns it. What an instance is sending to it changes nothing any
/// more. An enabled endpoint is due.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    endpoint: &Endpoint,
) -> Result<Endpoint, DbError> {
    // Without a delay, there is no time at which it is due.
    let delay = (endpoint.status == EndpointStatus::Enabled).then_some(0.0);
    let rows = cached_sql(concat!(
        "UPDATE events.endpoints e
         SET url = $3, description = $4, types = $5, ordering = $6, max_in_flight = $7, status = $8,
             status_reason = $9, position = $10, failing_since = $11, failures = $12,
             reported_at = CASE WHEN $11 IS NULL THEN NULL ELSE e.reported_at END,
             errors_in_a_row = CASE WHEN $11 IS NULL THEN 0 ELSE e.errors_in_a_row END,
             due_at = greatest($13, now()) + make_interval(secs => $14),
             claim = e.claim + 1, version = e.version + 1, updated_at = greatest($13, now())
         WHERE e.tenant_id = $1 AND e.id = $2
         RETURNING ",
        columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(endpoint.id.as_uuid())
    .bind::<Text, _>(&endpoint.url)
    .bind::<Nullable<Text>, _>(endpoint.description.as_ref().map(Description::as_str))
    .bind::<Array<Text>, _>(&endpoint.types)
    .bind::<Text, _>(endpoint.ordering.as_str())
    .bind::<Integer, _>(endpoint.max_in_flight)
    .bind::<Text, _>(endpoint.status.as_str())
    .bind::<Nullable<Text>, _>(&endpoint.status_reason)
    .bind::<BigInt, _>(endpoint.position)
    .bind::<Nullable<Timestamptz>, _>(endpoint.failing_since)
    .bind::<Integer, _>(endpoint.failures)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<Double>, _>(delay)
    .rows::<Row>()
    .signalling(&DELIVERABLE)
    .run(connection)
    .await?;
    written(rows)
}

fn written(rows: Vec<Row>) -> Result<Endpoint, DbError> {
    let row = rows.into_iter().next();
    row.map(Endpoint::from)
        .ok_or(DbError::Other(DieselError::NotFound))
}

/// Deletes an endpoint that has no secrets and no deliveries.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    id: EndpointId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM events.endpoints WHERE tenant_id = $1 AND id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the endpoints of a tenant due that were released: they have nothing to send, or only something later. For the transaction that gives events positions: it
/// holds the end of the feed, for which [`heads::hold`](crate::store::heads::hold) waits.
pub(crate) fn wake(tenant: TenantId) -> Statement<'static, usize> {
    cached_sql(
        "UPDATE events.endpoints SET due_at = now()
         WHERE tenant_id = $1 AND status = 'enabled' AND claim = released_claim
           AND (due_at IS NULL OR due_at > now())",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .affected()
    .signalling(&DELIVERABLE)
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Nullable<Text>)]
    description: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    types: Vec<String>,
    #[diesel(sql_type = Text)]
    ordering: String,
    #[diesel(sql_type = Text)]
    signing: String,
    #[diesel(sql_type = Integer)]
    max_in_flight: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    status_reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failing_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl From<Row> for Endpoint {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            url: row.url,
            description: row.description.map(Description::stored),
            types: row.types,
            ordering: Ordering::stored(&row.ordering),
            signing: Signing::stored(&row.signing),
            max_in_flight: row.max_in_flight,
            status: EndpointStatus::stored(&row.status),
            status_reason: row.status_reason,
            position: row.position,
            failing_since: row.failing_since,
            failures: row.failures,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
