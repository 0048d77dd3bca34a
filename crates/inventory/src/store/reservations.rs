//! Reservations, the stock that orders hold.
//!
//! The column `order_id` contains the holder (`docs/decisions/reservation-holders.md`).

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::allocation::{LevelKey, ReservationRequest};
use crate::domain::holding::{HeldUnits, Reservation};
use crate::domain::id::HolderId;

/// Inserts reservations on locked levels and increases `reserved`. Returns the holders that now have stock: those whose
/// warehouse is still active. Fails with [`DbError::NotAsExpected`] if fewer than `expected` reservations were
/// inserted.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
    expected: Option<usize>,
) -> Statement<'q, BTreeSet<HolderId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Array<SqlUuid>)]
        holders: Vec<Uuid>,
    }

    let (mut holders, mut warehouses) = (Vec::new(), Vec::new());
    let (mut products, mut quantities) = (Vec::new(), Vec::new());
    for request in requests {
        for (product, quantity) in request.demand.iter() {
            holders.push(request.holder.as_uuid());
            warehouses.push(request.warehouse_id.as_uuid());
            products.push(product.as_uuid());
            quantities.push(quantity);
        }
    }
    cached_sql(concat!(
        "WITH hold AS (
             SELECT h.*
             FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
                 AS h (holder_id, warehouse_id, product_id, quantity)
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
             SELECT $1, holder_id, warehouse_id, product_id, quantity FROM hold
             RETURNING order_id
         )
         SELECT coalesce(array_agg(order_id), '{}') AS holders, ",
        expect_sql!("count(*) = $6"),
        " FROM held"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(holders)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Nullable<BigInt>, _>(expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
    .rows::<Row>()
    .map(|rows| {
        let holders = rows.into_iter().flat_map(|row| row.holders);
        holders.map(HolderId::from).collect()
    })
}

/// Returns the reservations of holders, ordered by holder, warehouse and product. To change them, lock their levels
/// before this call.
pub(crate) fn find<'q>(tenant: TenantId, holders: &[HolderId]) -> Statement<'q, Vec<Reservation>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        holder_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        quantity: i32,
    }

    let reservation = |row: Row| Reservation {
        holder: row.holder_id.into(),
        warehouse_id: row.warehouse_id.into(),
        product_id: row.product_id.into(),
        quantity: row.quantity,
    };
    cached_sql(
        "SELECT order_id AS holder_id, warehouse_id, product_id, quantity FROM inventory.reservations
         WHERE tenant_id = $1 AND order_id = ANY ($2)
         ORDER BY order_id, warehouse_id, product_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(holders.iter().map(|holder| holder.as_uuid()).collect::<Vec<_>>())
    .rows::<Row>()
    .map(move |rows| rows.into_iter().map(reservation).collect())
}

/// Deletes a holder's reservations of exactly these units on locked levels, and returns their number. Run
/// [`decrease`] after it for the others.
pub(crate) fn delete_exact<'q>(tenant: TenantId, held: HeldUnits<'_>) -> Statement<'q, usize> {
    let (products, quantities) = held.columns();
    cached_sql(
        "DELETE FROM inventory.reservations AS r
         USING unnest($4::uuid[], $5::integer[]) AS h (product_id, quantity)
         WHERE r.tenant_id = $1 AND r.order_id = $2 AND r.warehouse_id = $3
           AND r.product_id = h.product_id AND r.quantity = h.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(held.holder.as_uuid())
    .bind::<SqlUuid, _>(held.warehouse_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .affected()
}

/// Decreases a holder's reservations of more than these units on locked levels, and returns their number.
pub(crate) fn decrease<'q>(tenant: TenantId, held: HeldUnits<'_>) -> Statement<'q, usize> {
    let (products, quantities) = held.columns();
    cached_sql(
        "UPDATE inventory.reservations AS r SET quantity = r.quantity - h.quantity
         FROM unnest($4::uuid[], $5::integer[]) AS h (product_id, quantity)
         WHERE r.tenant_id = $1 AND r.order_id = $2 AND r.warehouse_id = $3
           AND r.product_id = h.product_id AND r.quantity > h.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(held.holder.as_uuid())
    .bind::<SqlUuid, _>(held.warehouse_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .affected()
}

/// Adds units to a holder's reservations on locked levels.
pub(crate) fn increase<'q>(tenant: TenantId, held: HeldUnits<'_>) -> Statement<'q, usize> {
    let (products, quantities) = held.columns();
    cached_sql(
        "INSERT INTO inventory.reservations AS r (tenant_id, order_id, warehouse_id, product_id, quantity)
         SELECT t.tenant_id, $2, $3, h.product_id, h.quantity
         FROM tenancy.tenants t
         CROSS JOIN unnest($4::uuid[], $5::integer[]) AS h (product_id, quantity)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, order_id, warehouse_id, product_id)
             DO UPDATE SET quantity = r.quantity + excluded.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(held.holder.as_uuid())
    .bind::<SqlUuid, _>(held.warehouse_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .affected()
}

/// Returns the stock levels of which a holder has units.
pub(crate) async fn find_levels(
    connection: &mut Connection,
    tenant: TenantId,
    holder: HolderId,
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
    .bind::<SqlUuid, _>(holder.as_uuid())
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.warehouse_id.into(), row.product_id.into()))
        .collect())
}

/// Deletes a holder's reservations on locked levels, decreases `reserved` by exactly their units, and returns these
/// units.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    holder: HolderId,
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
    .bind::<SqlUuid, _>(holder.as_uuid())
    .get_result(connection)
    .await?;
    Ok(row.pieces)
}
