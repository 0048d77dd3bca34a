//! The feed: keys of events with their positions.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::batch::Segment;
use crate::domain::feed::Feed;
use crate::store::{Keys, columns};

/// Inserts a segment.
pub(crate) fn insert(tenant: TenantId, segment: &Segment) -> Statement<'static, usize> {
    let (subjects, numbers) = columns(&segment.keys);
    cached_sql(
        "INSERT INTO events.segments (tenant_id, last_position, subject_ids, numbers) VALUES ($1, $2, $3, $4)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(segment.last_position)
    .bind::<Array<SqlUuid>, _>(subjects)
    .bind::<Array<Integer>, _>(numbers)
    .affected()
}

/// Returns the end of a feed and its segments after a position: as many as have `events` events, and at most 1,000. All
/// in one snapshot, so that nothing is missing between the segments and the end. Without a position, only the end.
pub(crate) async fn read(
    connection: &mut Connection,
    tenant: TenantId,
    after: Option<i64>,
    events: usize,
) -> Result<Feed, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = BigInt)]
        purged_to: i64,
        #[diesel(sql_type = Nullable<BigInt>)]
        last_position: Option<i64>,
        #[diesel(sql_type = Nullable<Array<SqlUuid>>)]
        subject_ids: Option<Vec<Uuid>>,
        #[diesel(sql_type = Nullable<Array<Integer>>)]
        numbers: Option<Vec<i32>>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT h.position, h.purged_to, s.last_position, s.subject_ids, s.numbers
         FROM events.heads h
         LEFT JOIN (
             SELECT found.last_position, found.subject_ids, found.numbers,
                    sum(cardinality(found.numbers)) OVER (ORDER BY found.last_position)
                        - cardinality(found.numbers) AS before
             FROM (
                 SELECT last_position, subject_ids, numbers FROM events.segments
                 WHERE tenant_id = $1 AND last_position > $2 ORDER BY last_position LIMIT 1000
             ) found
         ) s ON s.before < $3
         WHERE h.tenant_id = $1 ORDER BY s.last_position",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(after.unwrap_or(i64::MAX))
    .bind::<BigInt, _>(i64::try_from(events).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    let mut feed = Feed::default();
    for row in rows {
        (feed.position, feed.purged_to) = (row.position, row.purged_to);
        let (Some(last_position), Some(subject_ids), Some(numbers)) =
            (row.last_position, row.subject_ids, row.numbers)
        else {
            continue;
        };
        let keys = Keys {
            subject_ids,
            numbers,
        };
        feed.segments.push(Segment {
            last_position,
            keys: keys.into_keys(),
        });
    }
    Ok(feed)
}

/// A segment, without its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct SegmentTime {
    /// The position of its last event.
    #[diesel(sql_type = BigInt)]
    pub(crate) last_position: i64,
    /// The number of its events.
    #[diesel(sql_type = Integer)]
    size: i32,
    /// When its events were published.
    #[diesel(sql_type = Timestamptz)]
    pub(crate) written_at: DateTime<Utc>,
}

impl SegmentTime {
    /// The position before its first event.
    pub(crate) fn before(self) -> i64 {
        self.last_position - i64::from(self.size)
    }
}

/// Returns the first segment with events after a position.
pub(crate) async fn find_following(
    connection: &mut Connection,
    tenant: TenantId,
    position: i64,
) -> Result<Option<SegmentTime>, DbError> {
    let found: Vec<SegmentTime> = cached_sql(
        "SELECT last_position, cardinality(numbers) AS size, written_at FROM events.segments
         WHERE tenant_id = $1 AND last_position > $2 ORDER BY last_position LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(position)
    .load(connection)
    .await?;
    Ok(found.into_iter().next())
}

/// Counts the events after a position, up to another one. `None` if they are in more than `limit` segments.
pub(crate) async fn count(
    connection: &mut Connection,
    tenant: TenantId,
    from: i64,
    to: i64,
    limit: i64,
) -> Result<Option<i64>, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        segments: i64,
        #[diesel(sql_type = BigInt)]
        events: i64,
    }

    let counted: Counted = cached_sql(
        "SELECT count(*) AS segments,
                coalesce(sum(greatest(least(last_position, $3) - greatest(last_position - size, $2), 0)), 0)::bigint
                    AS events
         FROM (
             SELECT last_position, cardinality(numbers) AS size FROM events.segments
             WHERE tenant_id = $1 AND last_position > $2 AND last_position < $3 + 1000
             ORDER BY last_position LIMIT $4
         ) found",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(to)
    .bind::<BigInt, _>(limit + 1)
    .get_result(connection)
    .await?;
    Ok((counted.segments <= limit).then_some(counted.events))
}

/// Returns the tenants whose oldest segment is older than `older_than`.
pub(crate) async fn find_tenants_with_old(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "-- across tenants: what is old is deleted of every tenant
         SELECT t.tenant_id FROM tenancy.tenants t
         CROSS JOIN LATERAL (
             SELECT s.written_at FROM events.segments s
             WHERE s.tenant_id = t.tenant_id ORDER BY s.last_position LIMIT 1
         ) oldest
         WHERE oldest.written_at < now() - make_interval(secs => $1)",
    )
    .bind::<Double, _>(older_than.as_secs_f64())
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}

/// Returns the oldest `limit` segments, without those that follow one that is not older than `older_than`.
pub(crate) async fn find_old(
    connection: &mut Connection,
    tenant: TenantId,
    older_than: Duration,
    limit: i64,
) -> Result<Vec<Segment>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        last_position: i64,
        #[diesel(embed)]
        keys: Keys,
        #[diesel(sql_type = Bool)]
        is_old: bool,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT last_position, subject_ids, numbers, written_at < now() - make_interval(secs => $2) AS is_old
         FROM events.segments WHERE tenant_id = $1 ORDER BY last_position LIMIT $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Double, _>(older_than.as_secs_f64())
    .bind::<BigInt, _>(limit)
    .load(connection)
    .await?;
    let segment = |row: Row| Segment {
        last_position: row.last_position,
        keys: row.keys.into_keys(),
    };
    Ok(rows
        .into_iter()
        .take_while(|row| row.is_old)
        .map(segment)
        .collect())
}

/// Deletes the segments up to a position.
pub(crate) fn delete(tenant: TenantId, to: i64) -> Statement<'static, usize> {
    cached_sql("DELETE FROM events.segments WHERE tenant_id = $1 AND last_position <= $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<BigInt, _>(to)
        .affected()
}
