//! Orders.

mod changing;
pub(crate) mod completeness;
pub(crate) mod listing;
mod locking;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql, send_together};
use oms_inventory::PriceListCode;
use oms_validation::{Currency, Fingerprint, IdempotencyKey, Money, OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use changing::{KeyFate, Transition, change_statuses, raise_versions};
pub(crate) use locking::{Shippable, lock_paid, lock_placed, lock_shippable, lock_status};

use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::failure::Failure;
use crate::domain::metadata::Metadata;
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;
use crate::domain::tenant_settings::VersionedSettings;
use crate::store::{adjustments, credits, lines, settings, unreadable};

/// The columns of a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! order_columns {
    () => {
        "id, idempotency_key, fingerprint, customer_id, status, failure_code, warehouse_id, currency, total_minor,
         shipping_address, routing, external_reference, metadata, created_at, erased_at, price_list"
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

/// The external references of those of the given orders that have one.
pub(crate) async fn find_references(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, ExternalReference>, DbError> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        external_reference: String,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Named> = cached_sql(
        "SELECT id, external_reference FROM orders.orders
         WHERE tenant_id = $1 AND id = ANY ($2) AND external_reference IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let named = |row: Named| {
        let reference = ExternalReference::stored(&row.external_reference);
        Ok((row.id.into(), reference.map_err(unreadable)?))
    };
    rows.into_iter().map(named).collect()
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
    #[diesel(sql_type = Nullable<Text>)]
    price_list: Option<String>,
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
            price_list: self
                .price_list
                .as_deref()
                .map(PriceListCode::parse)
                .transpose()?,
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
