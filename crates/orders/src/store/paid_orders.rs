//! Orders as reverse reconciliation reads them: many at a time, with few columns.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::domain::status::OrderStatus;
use crate::domain::suspicion::FoundOrder;

/// The statuses of the given orders that exist, in no particular order.
pub(crate) async fn find_statuses(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<Vec<FoundOrder>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
    }

    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> =
        cached_sql("SELECT id, status FROM orders.orders WHERE tenant_id = $1 AND id = ANY ($2)")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .load(connection)
            .await?;
    let found = |row: Row| FoundOrder {
        id: row.id.into(),
        status: OrderStatus::stored(&row.status),
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Maximum time between placing an order and collecting its payment.
const OLDEST: TimeDelta = TimeDelta::days(1);
/// How far the clock that generates IDs may be ahead of the database's.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// Up to `limit` paid orders whose payment was collected within a window, in ID order, after the given one.
///
/// An ID begins with its time of creation, so the primary key finds the orders of a time span, and no order pays for an
/// index on time.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    window: &ReconcileWindow,
    after: Option<OrderId>,
    limit: usize,
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let first = first_id_at(window.from() - OLDEST);
    let rows: Vec<Row> = cached_sql(
        "SELECT o.id FROM orders.orders o
         WHERE o.tenant_id = $1 AND o.id > $2 AND o.id < $3 AND o.status = 'PAID'
             AND EXISTS (
                 SELECT FROM orders.events e
                 WHERE e.tenant_id = $1 AND e.order_id = o.id AND e.to_status = 'PAID' AND e.from_status <> 'PAID'
                     AND e.occurred_at >= $4 AND e.occurred_at < $5)
         ORDER BY o.id LIMIT $6",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(after.map_or(first, OrderId::as_uuid))
    .bind::<SqlUuid, _>(first_id_at(window.to() + AHEAD))
    .bind::<Timestamptz, _>(window.from())
    .bind::<Timestamptz, _>(window.to())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Up to `limit` orders that are `PAID`, in ID order, after the given one.
pub(crate) async fn list_all(
    connection: &mut Connection,
    tenant: TenantId,
    after: Option<OrderId>,
    limit: usize,
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT id FROM orders.orders
         WHERE tenant_id = $1 AND id > $2 AND status = 'PAID' ORDER BY id LIMIT $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), OrderId::as_uuid))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// How far back orders are that an older instance of the program may still make `PAID`.
const RECENT: TimeDelta = TimeDelta::days(2);

/// A lower bound for the IDs of orders that an older instance of the program may still make `PAID`.
pub(crate) async fn first_recent(
    connection: &mut Connection,
    now: Now,
) -> Result<OrderId, DbError> {
    #[derive(QueryableByName)]
    struct Clock {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }

    let clock: Clock = cached_sql("SELECT greatest($1, now()) AS now")
        .bind::<Nullable<Timestamptz>, _>(now)
        .get_result(connection)
        .await?;
    Ok(first_id_at(clock.now - RECENT).into())
}

/// Returns those of the given orders that were paid before this installation recorded what is shipped.
pub(crate) async fn paid_before_fulfilment(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<HashSet<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> = cached_sql(
        "SELECT DISTINCT e.order_id FROM orders.events e
         WHERE e.tenant_id = $1 AND e.order_id = ANY ($2) AND e.to_status = 'PAID'
             AND coalesce(e.from_status, '') NOT IN ('PAID', 'REFUNDING')
             AND e.occurred_at < (SELECT fulfilment_from FROM installation.identity)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.order_id.into()).collect())
}

/// A lower bound for every UUIDv7 generated at this time: its first 48 bits are the milliseconds
/// (<https://www.rfc-editor.org/rfc/rfc9562#section-5.7>).
fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let ms = u128::try_from(time.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(ms << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_lies_within_the_bounds_of_its_millisecond() {
        let id = OrderId::generate().as_uuid();
        let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
        let made_at =
            DateTime::from_timestamp(i64::try_from(seconds).unwrap(), nanoseconds).unwrap();
        assert!(first_id_at(made_at) <= id);
        assert!(first_id_at(made_at + TimeDelta::milliseconds(1)) > id);
    }
}
