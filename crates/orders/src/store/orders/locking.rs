//! Locks of orders. Everything that changes an order locks it first.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::status::OrderStatus;

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

/// Locks those of the given orders that are `PAID` until the transaction ends, in key order, and returns them.
pub(crate) async fn lock_paid(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let locked: Vec<Locked> = cached_sql(
        "SELECT id FROM orders.orders
         WHERE tenant_id = $1 AND id = ANY ($2) AND status = 'PAID' ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(locked.into_iter().map(|row| row.id.into()).collect())
}

/// A locked order whose goods are about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Shippable {
    pub(crate) status: OrderStatus,
    /// `None` after erasure.
    pub(crate) shipping_address: Option<Value>,
}

impl Shippable {
    /// Whether its personal data is erased. Then no text about its customer may be stored.
    pub(crate) const fn is_erased(&self) -> bool {
        self.shipping_address.is_none()
    }
}

/// Locks orders until the transaction ends, in key order, and returns their status and address.
pub(crate) async fn lock_shippable(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, Shippable>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Jsonb)]
        shipping_address: Value,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        erased_at: Option<DateTime<Utc>>,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let locked: Vec<Locked> = cached_sql(
        "SELECT id, status, shipping_address, erased_at FROM orders.orders
         WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let shippable = |row: Locked| {
        let order = Shippable {
            status: OrderStatus::stored(&row.status),
            shipping_address: row.erased_at.is_none().then_some(row.shipping_address),
        };
        (row.id.into(), order)
    };
    Ok(locked.into_iter().map(shippable).collect())
}
