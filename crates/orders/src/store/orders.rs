//! Orders.

pub(crate) mod completeness;
pub(crate) mod listing;
mod shippable;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz,
    Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Engine, Statement, cached_sql, expect_sql,
    in_transaction_sql, send_together,
};
use oms_validation::{Currency, Fingerprint, IdempotencyKey, Money, OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::address::ShippingAddress;
use crate::domain::clock::Now;
use crate::domain::external_reference::ExternalReference;
use crate::domain::failure::Failure;
use crate::domain::metadata::Metadata;
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;
use crate::domain::tenant_settings::VersionedSettings;
use crate::store::{adjustments, credits, lines, settings, unreadable};

pub(crate) use shippable::{Shippable, lock_shippable};

/// The columns of a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! order_columns {
    () => {
        "id, idempotency_key, fingerprint, customer_id, status, failure_code, warehouse_id, currency, total_minor,
         shipping_address, routing, external_reference, metadata, created_at, erased_at"
    };
}
use order_columns;

/// The text of a query.
macro_rules! select_order {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            order_columns!(),
            " FROM orders.orders WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// The orders that the given idempotency keys stand for, by key, and the newest settings of the tenant, if it has any, in
/// one round trip.
pub(crate) async fn find_by_keys_and_settings(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[&IdempotencyKey],
) -> Result<(HashMap<String, Order>, Option<VersionedSettings>), DbError> {
    let steps = (rows_by_keys(tenant, keys), settings::find(tenant));
    let (rows, settings) = send_together(connection, steps).await?;
    let settings = settings.map(settings::Stored::parse).transpose()?;
    Ok((by_key(connection, tenant, rows).await?, settings))
}

fn rows_by_keys<'q>(tenant: TenantId, keys: &[&'q IdempotencyKey]) -> Statement<'q, Vec<Row>> {
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    cached_sql(select_order!("idempotency_key = ANY ($2)"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Text>, _>(keys)
        .rows()
}

async fn by_key(
    connection: &mut Connection,
    tenant: TenantId,
    mut rows: Vec<Row>,
) -> Result<HashMap<String, Order>, DbError> {
    let found: Vec<_> = rows
        .iter_mut()
        .map(|row| row.idempotency_key.take().unwrap_or_default())
        .collect();
    let orders = with_lines(connection, tenant, rows).await?;
    Ok(found.into_iter().zip(orders).collect())
}

/// Returns those of the given idempotency keys that stand for an order.
pub(crate) fn taken_keys<'q>(
    tenant: TenantId,
    keys: &[&IdempotencyKey],
) -> Statement<'q, HashSet<String>> {
    const TAKEN: &str = "
SELECT idempotency_key
FROM orders.orders WHERE tenant_id = $1 AND idempotency_key = ANY ($2)";

    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = Text)]
        idempotency_key: String,
    }

    let keys: Vec<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    let statement = cached_sql(TAKEN)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Text>, _>(keys);
    statement
        .rows()
        .map(|rows: Vec<Taken>| rows.into_iter().map(|row| row.idempotency_key).collect())
}

/// An order by its ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<Order>, DbError> {
    Ok(find_by_ids(connection, tenant, &[id]).await?.pop())
}

/// Returns those of the given orders that exist, unordered.
pub(crate) async fn find_by_ids(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<Vec<Order>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let statement = cached_sql(select_order!("id = ANY ($2)"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids);
    let rows: Vec<Row> = statement.load(connection).await?;
    with_lines(connection, tenant, rows).await
}

/// The status of an order.
pub(crate) async fn find_status(
    connection: &mut Connection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<OrderStatus>, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        status: String,
    }

    let found: Vec<Found> =
        cached_sql("SELECT status FROM orders.orders WHERE tenant_id = $1 AND id = $2")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<SqlUuid, _>(id.as_uuid())
            .load(connection)
            .await?;
    let status = |row: Found| OrderStatus::stored(&row.status);
    Ok(found.into_iter().next().map(status))
}

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
         )
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
    .rows::<Changed>()
    .map(ids_of)
}

/// The events are inserted for the orders that now have the status. An order that had it before has the event of its
/// version already.
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
    changed.then(told)
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

/// A locked order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) status: OrderStatus,
    /// How long ago it was placed.
    pub(crate) age: Duration,
}

/// Locks an order until the transaction ends, and returns its status and age.
pub(crate) async fn lock_placed(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: OrderId,
) -> Result<Option<Placed>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Double)]
        age_s: f64,
    }

    // Not the transaction's time: the order ages while this statement waits for the lock.
    let locked: Vec<Locked> = cached_sql(
        "SELECT status, extract(epoch FROM greatest($3, clock_timestamp()) - created_at)::float8 AS age_s
         FROM orders.orders WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let placed = |row: Locked| Placed {
        status: OrderStatus::stored(&row.status),
        // An order that another clock placed in the future counts as placed just now.
        age: Duration::try_from_secs_f64(row.age_s).unwrap_or_default(),
    };
    Ok(locked.into_iter().next().map(placed))
}

/// Locks an order until the transaction ends, and returns its status.
pub(crate) async fn lock_status(
    connection: &mut Connection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<OrderStatus>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Text)]
        status: String,
    }

    let locked: Vec<Locked> = cached_sql(
        "SELECT status FROM orders.orders WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    let status = |row: Locked| OrderStatus::stored(&row.status);
    Ok(locked.into_iter().next().map(status))
}

/// The number of an order's newest event.
pub(crate) async fn find_version(
    connection: &mut Connection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<i32>, DbError> {
    #[derive(QueryableByName)]
    struct Versioned {
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let found: Vec<Versioned> =
        cached_sql("SELECT version FROM orders.orders WHERE tenant_id = $1 AND id = $2")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<SqlUuid, _>(id.as_uuid())
            .load(connection)
            .await?;
    Ok(found.into_iter().next().map(|row| row.version))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    idempotency_key: Option<String>,
    #[diesel(sql_type = Binary)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = SqlUuid)]
    customer_id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    failure_code: Option<String>,
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    total_minor: i64,
    #[diesel(sql_type = Jsonb)]
    shipping_address: Value,
    #[diesel(sql_type = Jsonb)]
    routing: Value,
    #[diesel(sql_type = Nullable<Text>)]
    external_reference: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    metadata: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    erased_at: Option<DateTime<Utc>>,
}

async fn with_lines(
    connection: &mut Connection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Vec<Order>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let orders = rows
        .into_iter()
        .map(|row| row.into_order().map_err(unreadable));
    let mut orders: Vec<Order> = orders.collect::<Result<_, _>>()?;
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let steps = (
        lines::find(tenant, &ids),
        adjustments::find(tenant, &ids),
        credits::find(tenant, &ids),
    );
    let (mut lines, mut adjustments, mut credits) = send_together(connection, steps).await?;
    for order in &mut orders {
        let currency = order.total.currency;
        order.adjustments = adjustments.remove(&order.id).unwrap_or_default();
        order.credits = credits.remove(&order.id).unwrap_or_default();
        let lines = lines.remove(&order.id).unwrap_or_default();
        order.lines = lines
            .into_iter()
            .map(|line| line.in_currency(currency))
            .collect();
    }
    Ok(orders)
}

impl Row {
    fn into_order(self) -> Result<Order, Box<dyn std::error::Error + Send + Sync>> {
        let currency = Currency::parse_stored(&self.currency)?;
        let failure = self.failure_code.as_deref().map(Failure::parse);
        Ok(Order {
            id: self.id.into(),
            fingerprint: Fingerprint(self.fingerprint.as_slice().try_into()?),
            customer_id: self.customer_id.into(),
            status: OrderStatus::stored(&self.status),
            failure,
            warehouse_id: self.warehouse_id.into(),
            total: Money {
                amount_minor: self.total_minor,
                currency,
            },
            shipping_address: match self.erased_at {
                Some(_) => None,
                None => Some(ShippingAddress::stored(self.shipping_address)?),
            },
            routing: serde_json::from_value(self.routing)?,
            lines: Vec::new(),
            adjustments: Vec::new(),
            credits: Vec::new(),
            external_reference: self
                .external_reference
                .map(|text| ExternalReference::stored(&text))
                .transpose()?,
            metadata: self
                .metadata
                .map(Metadata::stored)
                .transpose()?
                .unwrap_or_default(),
            created_at: self.created_at,
            erased_at: self.erased_at,
        })
    }
}
