//! The rows of `orders.credits` that are for returns. They may wait for their refund.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_fulfilment::ReturnId;
use oms_payments::RefundId;
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::credit::CreditPart;
use crate::domain::id::CreditId;

/// Inserts credits of a return, which wait for their refund. The caller must hold the lock of its order.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    return_id: ReturnId,
    credits: &[(CreditPart, i64)],
    actor: &str,
) -> Result<(), DbError> {
    let ids = credits.iter().map(|_| CreditId::generate().as_uuid());
    let ids: Vec<Uuid> = ids.collect();
    let parts: Vec<&str> = credits.iter().map(|(part, _)| part.as_str()).collect();
    let (lines, quantities): (Vec<Option<i32>>, Vec<Option<i32>>) =
        credits.iter().map(|(part, _)| part.line()).unzip();
    let amounts: Vec<i64> = credits.iter().map(|(_, amount)| *amount).collect();
    cached_sql(
        "INSERT INTO orders.credits
             (tenant_id, order_id, id, source, source_id, part, line_number, quantity, amount_minor, actor)
         SELECT t.tenant_id, $2, new.id, 'return', $3, new.part, new.line_number, new.quantity, new.amount_minor, $4
         FROM tenancy.tenants t
         CROSS JOIN unnest($5::uuid[], $6::text[], $7::integer[], $8::integer[], $9::bigint[])
             AS new (id, part, line_number, quantity, amount_minor)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(return_id.as_uuid())
    .bind::<Text, _>(actor)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(parts)
    .bind::<Array<Nullable<Integer>>, _>(lines)
    .bind::<Array<Nullable<Integer>>, _>(quantities)
    .bind::<Array<BigInt>, _>(amounts)
    .execute(connection)
    .await?;
    Ok(())
}

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
