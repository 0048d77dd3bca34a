//! Reservations, the stock that orders hold.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::allocation::{LevelKey, ReservationRequest};

/// Inserts reservations on locked levels and adds them to `reserved`. Returns the orders that now hold stock, which are
/// those whose warehouse is still active.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
) -> Result<BTreeSet<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let holds: Vec<_> = requests
        .iter()
        .flat_map(|request| request.demand.iter().map(move |line| (request, line)))
        .collect();
    let orders: Vec<Uuid> = holds
        .iter()
        .map(|(request, _)| request.order_id.as_uuid())
        .collect();
    let warehouses: Vec<Uuid> = holds
        .iter()
        .map(|(request, _)| request.warehouse_id.as_uuid())
        .collect();
    let products: Vec<Uuid> = holds
        .iter()
        .map(|(_, (product, _))| product.as_uuid())
        .collect();
    let quantities: Vec<i32> = holds.iter().map(|(_, (_, quantity))| *quantity).collect();
    let rows: Vec<Row> = cached_sql(
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
         )
         INSERT INTO inventory.reservations (tenant_id, order_id, warehouse_id, product_id, quantity)
         SELECT $1, order_id, warehouse_id, product_id, quantity FROM hold
         RETURNING order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.order_id.into()).collect())
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
