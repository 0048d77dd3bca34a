//! The timeline of orders: append-only, one row for each state change.

use diesel::sql_types::{Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};

use crate::domain::status::OrderStatus;

/// One state change.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    /// Numbered from 1 for each order, without gaps: it is the order's version after the change.
    pub(crate) sequence: i32,
    pub(crate) from: Option<OrderStatus>,
    pub(crate) to: OrderStatus,
    /// Who did it: `api`, `sweeper`, …
    pub(crate) actor: &'a str,
    /// Why, in words.
    pub(crate) reason: &'a str,
}

/// Appends an event, in the commit of the change that it tells of.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    event: &Event<'_>,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Integer, _>(event.sequence)
    .bind::<Nullable<Text>, _>(event.from.map(OrderStatus::as_str))
    .bind::<Text, _>(event.to.as_str())
    .bind::<Text, _>(event.actor)
    .bind::<Text, _>(event.reason)
    .execute(connection)
    .await?;
    Ok(())
}
