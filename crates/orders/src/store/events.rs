//! The timeline of orders: append-only, one row for each status change and each note.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, cached_sql, send_in_transaction};
use oms_events::{EventKey, append};
use oms_validation::{Currency, Money, OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::event::OrderEvent;
use crate::domain::event_types::is_published;
use crate::domain::published::Published;
use crate::domain::status::OrderStatus;
use crate::store::unreadable;

/// An event that does not change the status.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) order_id: OrderId,
    /// The order's version after the change: numbered from 1 without gaps.
    pub(crate) sequence: i32,
    pub(crate) status: OrderStatus,
    /// What it is about.
    pub(crate) kind: &'a str,
    /// Its facts.
    pub(crate) data: Option<&'a Value>,
    /// Who made the change: `api`, `sweeper`, …
    pub(crate) actor: &'a str,
    /// Why, in words.
    pub(crate) reason: &'a str,
}

impl Event<'_> {
    fn key(&self) -> EventKey {
        EventKey::of_order(self.order_id.as_uuid(), self.sequence)
    }
}

/// Inserts events and appends them to the feed, in the transaction of the changes that they record.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    events: &[Event<'_>],
) -> Result<(), DbError> {
    if !events.iter().all(|it| is_published(it.kind)) {
        return Err(DbError::UnexpectedState(
            "the feed has no type for a kind of event",
        ));
    }
    if events.is_empty() {
        return Ok(());
    }
    let orders: Vec<Uuid> = events.iter().map(|it| it.order_id.as_uuid()).collect();
    let sequences: Vec<i32> = events.iter().map(|it| it.sequence).collect();
    let statuses: Vec<&str> = events.iter().map(|it| it.status.as_str()).collect();
    let actors: Vec<&str> = events.iter().map(|it| it.actor).collect();
    let reasons: Vec<&str> = events.iter().map(|it| it.reason).collect();
    let kinds: Vec<&str> = events.iter().map(|it| it.kind).collect();
    let data: Vec<Option<&Value>> = events.iter().map(|it| it.data).collect();
    let keys: Vec<EventKey> = events.iter().map(Event::key).collect();
    let insert = cached_sql(
        "INSERT INTO orders.events
             (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at, type, data)
         SELECT t.tenant_id, e.order_id, e.sequence, e.status, e.status, e.actor, e.reason, greatest($9, now()), e.type,
                e.data
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
             AS e (order_id, sequence, status, actor, reason, type, data)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<Integer>, _>(sequences)
    .bind::<Array<Text>, _>(statuses)
    .bind::<Array<Text>, _>(actors)
    .bind::<Array<Text>, _>(reasons)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Nullable<Jsonb>>, _>(data)
    .bind::<Nullable<Timestamptz>, _>(now)
    .affected();
    send_in_transaction(connection, (insert, append(tenant, &keys))).await?;
    Ok(())
}

/// Up to `limit` events in sequence order, from the given one on. The time of an event is never before that of its
/// predecessor, even if a transaction that began earlier changed the order later.
pub(crate) async fn find_from(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, i32)>,
    limit: usize,
) -> Result<Vec<(DateTime<Utc>, OrderEvent)>, DbError> {
    #[derive(QueryableByName)]
    struct StandingRow {
        #[diesel(embed)]
        event: Row,
        #[diesel(sql_type = Timestamptz)]
        stands_at: DateTime<Utc>,
    }

    let rows: Vec<StandingRow> = cached_sql(
        "SELECT * FROM (
             SELECT sequence, from_status, to_status, actor, reason, occurred_at, type AS kind, data,
                    max(occurred_at) OVER (ORDER BY sequence) AS stands_at
             FROM orders.events WHERE tenant_id = $1 AND order_id = $2
         ) event
         WHERE $3 IS NULL OR (stands_at, sequence) >= ($3, $4) ORDER BY sequence LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(from.map(|(at, _)| at))
    .bind::<Nullable<Integer>, _>(from.map(|(_, sequence)| sequence))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    let event = |row: StandingRow| (row.stands_at, row.event.into_event());
    Ok(rows.into_iter().map(event).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    sequence: i32,
    #[diesel(sql_type = Nullable<Text>)]
    from_status: Option<String>,
    #[diesel(sql_type = Text)]
    to_status: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    data: Option<Value>,
}

/// The timeline of an order, from its beginning.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<OrderEvent>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT sequence, from_status, to_status, actor, reason, occurred_at, type AS kind, data
         FROM orders.events WHERE tenant_id = $1 AND order_id = $2 ORDER BY sequence",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(Row::into_event).collect())
}

impl Row {
    fn into_event(self) -> OrderEvent {
        OrderEvent {
            sequence: self.sequence,
            from: self.from_status.as_deref().map(OrderStatus::stored),
            to: OrderStatus::stored(&self.to_status),
            kind: self.kind,
            data: self.data,
            actor: self.actor,
            reason: self.reason,
            occurred_at: self.occurred_at,
        }
    }
}

/// The events with these keys, in any order, with what is published of them.
pub(crate) async fn find_published(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[EventKey],
) -> Result<Vec<Published>, DbError> {
    #[derive(QueryableByName)]
    struct PublishedRow {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(embed)]
        event: Row,
        #[diesel(sql_type = BigInt)]
        total_minor: i64,
        #[diesel(sql_type = Text)]
        currency: String,
        #[diesel(sql_type = Nullable<Text>)]
        failure: Option<String>,
    }

    let (orders, sequences): (Vec<Uuid>, Vec<i32>) =
        keys.iter().map(|key| (key.subject_id, key.number)).unzip();
    let rows: Vec<PublishedRow> = cached_sql(
        "SELECT e.order_id, e.sequence, e.from_status, e.to_status, e.actor, '' AS reason, e.occurred_at, e.type AS kind,
                e.data, o.total_minor, o.currency,
                CASE WHEN e.to_status = 'FAILED' THEN o.failure_code END AS failure
         FROM unnest($2::uuid[], $3::integer[]) AS wanted (order_id, sequence)
         JOIN orders.events e
             ON e.tenant_id = $1 AND e.order_id = wanted.order_id AND e.sequence = wanted.sequence
         JOIN orders.orders o ON o.tenant_id = $1 AND o.id = e.order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<Integer>, _>(sequences)
    .load(connection)
    .await?;
    let published = |row: PublishedRow| {
        let currency = Currency::parse_stored(&row.currency).map_err(unreadable)?;
        Ok(Published {
            order_id: row.order_id.into(),
            event: row.event.into_event(),
            total: Money {
                amount_minor: row.total_minor,
                currency,
            },
            failure: row.failure,
        })
    };
    rows.into_iter().map(published).collect()
}
