//! Orders.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, IdempotencyKey, Money, OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::failure::Failure;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::order::{NewOrder, Order};
use crate::domain::status::OrderStatus;
use crate::store::{lines, unreadable};

/// Claims the idempotency key by inserting the order, and returns when that was. `None` when the key is somebody else's
/// already; waits for a transaction that is about to claim it.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    key: &IdempotencyKey,
    order: &NewOrder,
) -> Result<Option<DateTime<Utc>>, DbError> {
    #[derive(QueryableByName)]
    struct Inserted {
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
    }

    let inserted: Vec<Inserted> = cached_sql(
        "INSERT INTO orders.orders
             (tenant_id, id, idempotency_key, fingerprint, customer_id, status, version, warehouse_id, currency,
              total_minor, shipping_address, routing, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, coalesce($12, now()), coalesce($12, now()))
         ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
         RETURNING created_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order.id.as_uuid())
    .bind::<Text, _>(key.as_str())
    .bind::<Binary, _>(order.fingerprint.0.as_slice())
    .bind::<SqlUuid, _>(order.customer_id.as_uuid())
    .bind::<Text, _>(OrderStatus::PendingPayment.as_str())
    .bind::<SqlUuid, _>(order.warehouse_id.as_uuid())
    .bind::<Text, _>(order.total.currency.as_str())
    .bind::<BigInt, _>(order.total.amount_minor)
    .bind::<Jsonb, _>(json(&order.shipping_address))
    .bind::<Jsonb, _>(json(&order.routing))
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    Ok(inserted.into_iter().next().map(|row| row.created_at))
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("strings and finite numbers can always be written as JSON")
}

/// The text of a look-up: a macro, because the text of a cached statement is a constant.
macro_rules! select_order {
    ($condition:literal) => {
        concat!(
            "SELECT id, fingerprint, customer_id, status, failure_code, warehouse_id, currency, total_minor,
                    shipping_address, routing, created_at
             FROM orders.orders WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// The order that an idempotency key stands for.
pub(crate) async fn find_by_key(
    connection: &mut Connection,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Order>, DbError> {
    let statement = cached_sql(select_order!("idempotency_key = $2"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Text, _>(key.as_str());
    let rows: Vec<Row> = statement.load(connection).await?;
    with_lines(connection, tenant, rows).await
}

/// An order by its id.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<Order>, DbError> {
    let statement = cached_sql(select_order!("id = $2"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    let rows: Vec<Row> = statement.load(connection).await?;
    with_lines(connection, tenant, rows).await
}

/// Where an order is.
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
    let status =
        |row: Found| OrderStatus::parse(&row.status).ok_or_else(|| unreadable("unknown status"));
    found.into_iter().next().map(status).transpose()
}

/// What happens to the idempotency key of an order that changes its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFate {
    /// It stands for this order for ever.
    Keep,
    /// It may be used again: nothing was kept.
    GiveBack,
}

/// From one status to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition<'a> {
    pub(crate) from: OrderStatus,
    pub(crate) to: OrderStatus,
    /// Why it failed; of `FAILED` only.
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) key: KeyFate,
}

/// Compare-and-set of the status. Returns the order's new version, which is the sequence number of the event to write, or
/// `None` when somebody else was first.
pub(crate) async fn change_status(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: OrderId,
    transition: &Transition<'_>,
) -> Result<Option<i32>, DbError> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let changed: Vec<Changed> = cached_sql(
        "UPDATE orders.orders
         SET status = $4, failure_code = $5, version = version + 1, updated_at = coalesce($7, now()),
             idempotency_key = CASE WHEN $6 THEN NULL ELSE idempotency_key END
         WHERE tenant_id = $1 AND id = $2 AND status = $3
         RETURNING version",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(transition.from.as_str())
    .bind::<Text, _>(transition.to.as_str())
    .bind::<Nullable<Text>, _>(transition.failure.map(ToString::to_string))
    .bind::<Bool, _>(transition.key == KeyFate::GiveBack)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    Ok(changed.into_iter().next().map(|row| row.version))
}

/// Counts the version up for a note, which leaves the status as it is, and returns both. Locks the order.
pub(crate) async fn count_up(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: OrderId,
) -> Result<Option<(OrderStatus, i32)>, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let counted: Vec<Counted> = cached_sql(
        "UPDATE orders.orders SET version = version + 1, updated_at = coalesce($3, now())
         WHERE tenant_id = $1 AND id = $2
         RETURNING status, version",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let Some(row) = counted.into_iter().next() else {
        return Ok(None);
    };
    let status = OrderStatus::parse(&row.status).ok_or_else(|| unreadable("unknown status"))?;
    Ok(Some((status, row.version)))
}

/// Locks an order until the transaction ends, and returns the status that it is in until then.
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
    let status =
        |row: Locked| OrderStatus::parse(&row.status).ok_or_else(|| unreadable("unknown status"));
    locked.into_iter().next().map(status).transpose()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
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
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

async fn with_lines(
    connection: &mut Connection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Option<Order>, DbError> {
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let mut order = row.into_order().map_err(unreadable)?;
    order.lines = lines::find(connection, tenant, order.id, order.total.currency).await?;
    Ok(Some(order))
}

impl Row {
    fn into_order(self) -> Result<Order, Box<dyn std::error::Error + Send + Sync>> {
        let currency = Currency::parse(&self.currency)?;
        let failure = match self.failure_code.as_deref() {
            Some(text) => Some(Failure::parse(text).ok_or("unknown failure code")?),
            None => None,
        };
        Ok(Order {
            id: self.id.into(),
            fingerprint: Fingerprint(self.fingerprint.as_slice().try_into()?),
            customer_id: self.customer_id.into(),
            status: OrderStatus::parse(&self.status).ok_or("unknown status")?,
            failure,
            warehouse_id: self.warehouse_id.into(),
            total: Money {
                amount_minor: self.total_minor,
                currency,
            },
            shipping_address: serde_json::from_value(self.shipping_address)?,
            routing: serde_json::from_value(self.routing)?,
            lines: Vec::new(),
            created_at: self.created_at,
        })
    }
}
