//! Changes of orders: their status, and their version.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Engine, Statement, cached_sql, expect_sql,
    in_transaction_sql,
};
use oms_events::{APPENDED, append_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::failure::Failure;
use crate::domain::status::OrderStatus;

/// What happens to an order's idempotency key when its status changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFate {
    /// It stands for this order forever.
    Keep,
    /// It may be used again, because the order failed without effect.
    Release,
}

/// A change from one status to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition<'a> {
    pub(crate) from: OrderStatus,
    pub(crate) to: OrderStatus,
    /// Why the order failed; only with `FAILED`.
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) key: KeyFate,
}

/// Returns a statement that compares and sets the status of orders, and inserts an event for each. The event names the
/// order's actor, and its number is the order's new version. The statement returns the changed orders, and leaves the
/// others as they were. It fails with [`DbError::NotAsExpected`] if fewer than `expected` are changed. It may be sent
/// together with the BEGIN of its transaction.
///
/// Only requests that placed orders change several together, and each order was placed by one request. So two of these
/// statements never wait for each other, whatever the order of their rows.
pub(crate) fn change_statuses<'q>(
    tenant: TenantId,
    now: Now,
    changers: &[(OrderId, &'q str)],
    transition: &Transition<'_>,
    reason: &'q str,
    expected: Option<usize>,
) -> Statement<'q, HashSet<OrderId>> {
    let change = StatusChange {
        tenant,
        now,
        ids: changers.iter().map(|(id, _)| id.as_uuid()).collect(),
        actors: changers.iter().map(|(_, actor)| *actor).collect(),
        from: transition.from.as_str(),
        to: transition.to.as_str(),
        failure: transition.failure.map(ToString::to_string),
        releases_key: transition.key == KeyFate::Release,
        reason,
        expected: expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
    };
    Statement::for_engine(move |engine| match engine {
        Engine::Plain => change_with_events(change),
        Engine::Distributed => change_then_insert_events(change),
    })
}

/// Changes of the status of orders.
struct StatusChange<'q> {
    tenant: TenantId,
    now: Now,
    ids: Vec<Uuid>,
    actors: Vec<&'q str>,
    from: &'static str,
    to: &'static str,
    failure: Option<String>,
    releases_key: bool,
    reason: &'q str,
    expected: Option<i64>,
}

/// The changed orders.
#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = Array<SqlUuid>)]
    ids: Vec<Uuid>,
}

fn ids_of(changed: Vec<Changed>) -> HashSet<OrderId> {
    let ids = changed.into_iter().flat_map(|row| row.ids);
    ids.map(OrderId::from).collect()
}

/// Changes the status of orders, as the text of a CTE.
macro_rules! change_sql {
    ($returning:literal) => {
        concat!(
            "changed AS (
             UPDATE orders.orders
             SET status = $4, failure_code = $5, version = version + 1, updated_at = greatest($7, now()),
                 idempotency_key = CASE WHEN $6 THEN NULL ELSE idempotency_key END
             WHERE tenant_id = $1 AND id = ANY ($2) AND status = $3 AND ",
            in_transaction_sql!(),
            " RETURNING ",
            $returning,
            ")"
        )
    };
}

fn change_with_events(change: StatusChange<'_>) -> Statement<'_, HashSet<OrderId>> {
    cached_sql(concat!(
        "-- plain PostgreSQL: saves a statement
         WITH ",
        change_sql!("id, version"),
        ",
         told AS (
             INSERT INTO orders.events
                 (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
             SELECT $1, changed.id, changed.version, $3, $4, deed.actor, $9, greatest($7, now())
             FROM unnest($2::uuid[], $8::text[]) AS deed (order_id, actor)
             JOIN changed ON changed.id = deed.order_id
         ),
         appended AS (",
        append_sql!("$11", tenant "$1", subject "changed.id", number "changed.version", from "changed"),
        ")
         SELECT coalesce(array_agg(id), '{}') AS ids, ",
        expect_sql!("count(*) = $10"),
        " FROM changed"
    ))
    .bind::<SqlUuid, _>(change.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(change.ids)
    .bind::<Text, _>(change.from)
    .bind::<Text, _>(change.to)
    .bind::<Nullable<Text>, _>(change.failure)
    .bind::<Bool, _>(change.releases_key)
    .bind::<Nullable<Timestamptz>, _>(change.now)
    .bind::<Array<Text>, _>(change.actors)
    .bind::<Text, _>(change.reason)
    .bind::<Nullable<BigInt>, _>(change.expected)
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .rows::<Changed>()
    .signalling(&APPENDED)
    .map(ids_of)
}

/// The events are inserted for the orders that now have the status, and appended first. An order that had the status
/// before has the event of its version already.
fn change_then_insert_events(change: StatusChange<'_>) -> Statement<'_, HashSet<OrderId>> {
    let changed = cached_sql(concat!(
        "WITH ",
        change_sql!("id"),
        " SELECT coalesce(array_agg(id), '{}') AS ids, ",
        expect_sql!("count(*) = $8"),
        " FROM changed"
    ))
    .bind::<SqlUuid, _>(change.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(change.ids.clone())
    .bind::<Text, _>(change.from)
    .bind::<Text, _>(change.to)
    .bind::<Nullable<Text>, _>(change.failure)
    .bind::<Bool, _>(change.releases_key)
    .bind::<Nullable<Timestamptz>, _>(change.now)
    .bind::<Nullable<BigInt>, _>(change.expected)
    .rows::<Changed>()
    .map(ids_of);
    let append = cached_sql(append_sql!(
        "$2", tenant "changed.tenant_id", subject "changed.id", number "changed.version",
        from "orders.orders AS changed
              WHERE changed.tenant_id = $1 AND changed.id = ANY ($3) AND changed.status = $4
                  AND NOT EXISTS (
                      SELECT FROM orders.events told
                      WHERE told.tenant_id = $1 AND told.order_id = changed.id AND told.sequence = changed.version)
              GROUP BY changed.tenant_id"
    ))
    .bind::<SqlUuid, _>(change.tenant.as_uuid())
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Array<SqlUuid>, _>(change.ids.clone())
    .bind::<Text, _>(change.to)
    .affected()
    .signalling(&APPENDED);
    let told = cached_sql(
        "INSERT INTO orders.events
             (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
         SELECT changed.tenant_id, changed.id, changed.version, $4, $5, deed.actor, $6, changed.updated_at
         FROM unnest($2::uuid[], $3::text[]) AS deed (order_id, actor)
         JOIN orders.orders AS changed
             ON changed.tenant_id = $1 AND changed.id = deed.order_id AND changed.status = $5
         ON CONFLICT (tenant_id, order_id, sequence) DO NOTHING",
    )
    .bind::<SqlUuid, _>(change.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(change.ids)
    .bind::<Array<Text>, _>(change.actors)
    .bind::<Text, _>(change.from)
    .bind::<Text, _>(change.to)
    .bind::<Text, _>(change.reason)
    .affected();
    changed.then(append).then(told)
}

/// Raises the versions of orders by the numbers of their new events, and returns each unchanged status and new version.
/// Locks the orders, in no order.
pub(crate) async fn raise_versions(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    counts: &BTreeMap<OrderId, i32>,
) -> Result<HashMap<OrderId, (OrderStatus, i32)>, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let ids: Vec<Uuid> = counts.keys().map(|id| id.as_uuid()).collect();
    let counts: Vec<i32> = counts.values().copied().collect();
    let counted: Vec<Counted> = cached_sql(
        "UPDATE orders.orders o SET version = o.version + n.count, updated_at = greatest($4, now())
         FROM unnest($2::uuid[], $3::integer[]) AS n (id, count)
         WHERE o.tenant_id = $1 AND o.id = n.id
         RETURNING o.id, o.status, o.version",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Integer>, _>(counts)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let counted = counted.into_iter().map(|row| {
        let status = OrderStatus::stored(&row.status);
        (row.id.into(), (status, row.version))
    });
    Ok(counted.collect())
}
