//! The rows of `orders.credits` that are for returns. They may wait for their refund.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_payments::RefundId;
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::id::CreditId;

/// Has credits paid out by a refund. The caller must hold the lock of their order.
pub(crate) async fn pay_out(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    ids: &[CreditId],
    refund_id: RefundId,
) -> Result<(), DbError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let changed = cached_sql(
        "UPDATE orders.credits SET refund_id = $4
         WHERE tenant_id = $1 AND order_id = $2 AND id = ANY ($3) AND source = 'return'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids)
    .bind::<SqlUuid, _>(refund_id.as_uuid())
    .execute(connection)
    .await?;
    DbError::unless_changed(changed == ids.len(), "the order of the credits is locked")
}

/// Divides a credit, of which a refund pays out this much. The rest stays as the whole was. The caller must hold the lock
/// of its order.
pub(crate) async fn divide(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    (id, paid_minor): (CreditId, i64),
) -> Result<(), DbError> {
    let divided = cached_sql(
        "INSERT INTO orders.credits
             (tenant_id, order_id, id, source, source_id, part, line_number, amount_minor, refund_id, created_at, actor)
         SELECT tenant_id, order_id, $4, source, source_id, part, line_number, amount_minor - $5, refund_id, created_at,
             actor
         FROM orders.credits WHERE tenant_id = $1 AND order_id = $2 AND id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(CreditId::generate().as_uuid())
    .bind::<BigInt, _>(paid_minor)
    .execute(connection)
    .await?;
    DbError::unless_changed(divided == 1, "the order of the credit is locked")?;
    cached_sql(
        "UPDATE orders.credits SET amount_minor = $4 WHERE tenant_id = $1 AND order_id = $2 AND id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<BigInt, _>(paid_minor)
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the credits of a refund that failed wait for another refund. The caller must hold the lock of their order.
pub(crate) async fn release(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    refund_id: RefundId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE orders.credits SET refund_id = NULL
         WHERE tenant_id = $1 AND order_id = $2 AND refund_id = $3 AND source = 'return'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(refund_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns up to `limit` paid orders with credits that wait for their refund, in ID order after the given one.
pub(crate) async fn find_waiting(
    connection: &mut Connection,
    tenant: TenantId,
    after: Option<OrderId>,
    limit: usize,
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT c.order_id
         FROM orders.credits c
         JOIN orders.orders o ON o.tenant_id = $1 AND o.id = c.order_id
         WHERE c.tenant_id = $1 AND c.source = 'return' AND c.refund_id IS NULL AND o.status = 'PAID'
             AND c.order_id > coalesce($2, '00000000-0000-0000-0000-000000000000')
         GROUP BY c.order_id HAVING sum(c.amount_minor) > 0
         ORDER BY c.order_id LIMIT $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<SqlUuid>, _>(after.map(|id| id.as_uuid()))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.order_id.into()).collect())
}

/// Returns whether credits of an order wait for their refund.
pub(crate) async fn is_waiting(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<bool, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        waits: bool,
    }

    let row: Row = cached_sql(
        "SELECT EXISTS (
             SELECT FROM orders.credits
             WHERE tenant_id = $1 AND order_id = $2 AND source = 'return' AND refund_id IS NULL
         ) AS waits",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .get_result(connection)
    .await?;
    Ok(row.waits)
}
