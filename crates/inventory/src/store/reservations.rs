//! Reservations, the stock that orders hold.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::allocation::{LevelKey, ReservationRequest};

/// Inserts reservations on locked levels and increases `reserved`. Returns the orders that now hold stock: those whose
/// warehouse is still active. Fails with [`DbError::NotAsExpected`] if fewer than `expected` reservations were
/// inserted.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
    expected: Option<usize>,
) -> Statement<'q, BTreeSet<OrderId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Array<SqlUuid>)]
        orders: Vec<Uuid>,
    }

    let (mut orders, mut warehouses) = (Vec::new(), Vec::new());
    let (mut products, mut quantities) = (Vec::new(), Vec::new());
    for request in requests {
        for (product, quantity) in request.demand.iter() {
            orders.push(request.order_id.as_uuid());
            warehouses.push(request.warehouse_id.as_uuid());
            products.push(product.as_uuid());
            quantities.push(quantity);
        }
    }
    cached_sql(concat!(
        "WITH hold AS (
             SELECT h.*
             FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
                 AS h (order_id, warehouse_id, product_id, quantity)
             JOIN inventory.warehouses w ON w.tenant_id = $1 AND w.id = h.warehouse_id AND w.active
         ),
         counted AS (
             UPDATE inventory.stock_levels s
             SET reserved = s.reserved + total.quantity
             FROM (
                 SELECT warehouse_id, product_id, sum(quantity)::integer AS quantity
                 FROM hold GROUP BY warehouse_id, product_id
             ) AS total
             WHERE s.tenant_id = $1
               AND s.warehouse_id = total.warehouse_id AND s.product_id = total.product_id
         ),
         held AS (
             INSERT INTO inventory.reservations (tenant_id, order_id, warehouse_id, product_id, quantity)
             SELECT $1, order_id, warehouse_id, product_id, quantity FROM hold
             RETURNING order_id
         )
         SELECT coalesce(array_agg(order_id), '{}') AS orders, ",
        expect_sql!("count(*) = $6"),
        " FROM held"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Nullable<BigInt>, _>(expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
    .rows::<Row>()
    .map(|rows| {
        let orders = rows.into_iter().flat_map(|row| row.orders);
        orders.map(OrderId::from).collect()
    })
}

/// Returns the stock levels of which an order holds units.
pub(crate) async fn find_levels(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<BTreeSet<LevelKey>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT warehouse_id, product_id FROM inventory.reservations
         WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.warehouse_id.into(), row.product_id.into()))
        .collect())
}

/// Deletes an order's reservations on locked levels, decreases `reserved` by exactly their units, and returns these
/// units.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<i64, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        pieces: i64,
    }

    let row: Row = cached_sql(
        "WITH deleted AS (
             DELETE FROM inventory.reservations
             WHERE tenant_id = $1 AND order_id = $2
             RETURNING warehouse_id, product_id, quantity
         ),
         counted AS (
             UPDATE inventory.stock_levels s
             SET reserved = s.reserved - d.quantity
             FROM deleted d
             WHERE s.tenant_id = $1 AND s.warehouse_id = d.warehouse_id AND s.product_id = d.product_id
         )
         SELECT coalesce(sum(quantity), 0)::bigint AS pieces FROM deleted",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .get_result(connection)
    .await?;
    Ok(row.pieces)
}
