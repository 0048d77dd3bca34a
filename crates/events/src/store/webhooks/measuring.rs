//! Measures endpoints and what they have not received.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Nullable};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

/// Numbers of all tenants.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Measured {
    #[diesel(sql_type = BigInt)]
    pub(crate) enabled: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) failing: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) paused: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) disabled: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) backlog: Option<i64>,
    #[diesel(sql_type = Nullable<Double>)]
    pub(crate) oldest_s: Option<f64>,
}

/// Numbers of the replays of all tenants.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Replays {
    #[diesel(sql_type = BigInt)]
    pub(crate) running: i64,
}

/// Numbers of the deliveries of all tenants.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Deliveries {
    #[diesel(sql_type = BigInt)]
    pub(crate) retrying: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) behind: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) exhausted: i64,
}

/// Counts endpoints, and measures the enabled one that is furthest behind, whose events are counted in up to 100
/// segments.
pub(crate) async fn endpoints(connection: &mut Connection) -> Result<Measured, DbError> {
    let measured = cached_sql(
        "-- across tenants: measures what endpoints have not received
         SELECT count(*) FILTER (WHERE e.status = 'enabled' AND e.failing_since IS NULL) AS enabled,
                count(*) FILTER (WHERE e.status = 'enabled' AND e.failing_since IS NOT NULL) AS failing,
                count(*) FILTER (WHERE e.status = 'paused') AS paused,
                count(*) FILTER (WHERE e.status = 'disabled') AS disabled,
                max(waiting.events) AS backlog,
                extract(epoch FROM now() - min(waiting.oldest))::float8 AS oldest_s
         FROM events.endpoints e
         LEFT JOIN LATERAL (
             SELECT sum(cardinality(found.numbers))::bigint AS events, min(found.written_at) AS oldest
             FROM (
                 SELECT s.numbers, s.written_at FROM events.segments s
                 WHERE s.tenant_id = e.tenant_id AND s.last_position > e.position AND e.status = 'enabled'
                 ORDER BY s.last_position LIMIT 100
             ) found
         ) waiting ON true",
    );
    Ok(measured.get_result(connection).await?)
}

/// Counts replays.
pub(crate) async fn replays(connection: &mut Connection) -> Result<Replays, DbError> {
    let counted = cached_sql(
        "-- across tenants: counts what endpoints are being sent again
         SELECT count(*) AS running FROM events.replays WHERE state = 'running'",
    );
    Ok(counted.get_result(connection).await?)
}

/// Counts deliveries.
pub(crate) async fn deliveries(connection: &mut Connection) -> Result<Deliveries, DbError> {
    let counted = cached_sql(
        "-- across tenants: counts what endpoints have rejected
         SELECT count(*) FILTER (WHERE state = 'retrying') AS retrying,
                count(*) FILTER (WHERE state = 'behind') AS behind,
                count(*) FILTER (WHERE state = 'exhausted') AS exhausted
         FROM events.deliveries",
    );
    Ok(counted.get_result(connection).await?)
}
