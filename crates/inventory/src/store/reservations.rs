//! Reservations, the stock that orders hold.
//!
//! The column `order_id` contains the holder (`docs/decisions/reservation-holders.md`).

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Engine, Statement, cached_sql, expect_sql,
};
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
    let mut held = Held {
        tenant,
        expected: expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        holders: Vec::new(),
        warehouses: Vec::new(),
        products: Vec::new(),
        quantities: Vec::new(),
    };
    for request in requests {
        for (product, quantity) in request.demand.iter() {
            held.holders.push(request.holder.as_uuid());
            held.warehouses.push(request.warehouse_id.as_uuid());
            held.products.push(product.as_uuid());
            held.quantities.push(quantity);
        }
    }
    Statement::for_engine(move |engine| match engine {
        Engine::Plain => insert_and_count(held),
        Engine::Distributed => insert_then_count(held),
    })
}

/// Reservations, column by column.
struct Held {
    tenant: TenantId,
    expected: Option<i64>,
    holders: Vec<Uuid>,
    warehouses: Vec<Uuid>,
    products: Vec<Uuid>,
    quantities: Vec<i32>,
}

/// The holders of the inserted reservations.
#[derive(QueryableByName)]
struct Holding {
    #[diesel(sql_type = Array<SqlUuid>)]
    holders: Vec<Uuid>,
}

fn holders_of(rows: Vec<Holding>) -> BTreeSet<HolderId> {
    let holders = rows.into_iter().flat_map(|row| row.holders);
    holders.map(HolderId::from).collect()
}

/// Increases `reserved` by the units of a CTE, as the text of another CTE.
macro_rules! count_sql {
    ($units:literal) => {
        concat!(
            "counted AS (
             UPDATE inventory.stock_levels s
             SET reserved = s.reserved + total.quantity
             FROM (
                 SELECT warehouse_id, product_id, sum(quantity)::integer AS quantity
                 FROM ",
            $units,
            " GROUP BY warehouse_id, product_id
             ) AS total
             WHERE s.tenant_id = $1
               AND s.warehouse_id = total.warehouse_id AND s.product_id = total.product_id
         )"
        )
    };
}

fn insert_and_count<'q>(held: Held) -> Statement<'q, BTreeSet<HolderId>> {
    cached_sql(concat!(
        "-- plain PostgreSQL: saves a statement
         WITH hold AS (
             SELECT h.*
             FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
                 AS h (holder_id, warehouse_id, product_id, quantity)
             JOIN inventory.warehouses w ON w.tenant_id = $1 AND w.id = h.warehouse_id AND w.active
         ),
         ",
        count_sql!("hold"),
        ",
         held AS (
             INSERT INTO inventory.reservations (tenant_id, order_id, warehouse_id, product_id, quantity)
             SELECT $1, holder_id, warehouse_id, product_id, quantity FROM hold
             RETURNING order_id
         )
         SELECT coalesce(array_agg(order_id), '{}') AS holders, ",
        expect_sql!("count(*) = $6"),
        " FROM held"
    ))
    .bind::<SqlUuid, _>(held.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(held.holders)
    .bind::<Array<SqlUuid>, _>(held.warehouses)
    .bind::<Array<SqlUuid>, _>(held.products)
    .bind::<Array<Integer>, _>(held.quantities)
    .bind::<Nullable<BigInt>, _>(held.expected)
    .rows::<Holding>()
    .map(holders_of)
}

/// Counts the inserted reservations, not the requested ones: a warehouse may be deactivated between the two statements.
fn insert_then_count<'q>(held: Held) -> Statement<'q, BTreeSet<HolderId>> {
    let insert = cached_sql(
        "INSERT INTO inventory.reservations (tenant_id, order_id, warehouse_id, product_id, quantity)
         SELECT w.tenant_id, h.order_id, w.id, h.product_id, h.quantity
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
             AS h (order_id, warehouse_id, product_id, quantity)
         JOIN inventory.warehouses w ON w.tenant_id = $1 AND w.id = h.warehouse_id AND w.active",
    )
    .bind::<SqlUuid, _>(held.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(held.holders.clone())
    .bind::<Array<SqlUuid>, _>(held.warehouses.clone())
    .bind::<Array<SqlUuid>, _>(held.products.clone())
    .bind::<Array<Integer>, _>(held.quantities)
    .affected();
    let count = cached_sql(concat!(
        "WITH held AS (
             SELECT r.order_id, r.warehouse_id, r.product_id, r.quantity
             FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS h (order_id, warehouse_id, product_id)
             JOIN inventory.reservations r
                 ON r.tenant_id = $1 AND r.order_id = h.order_id
                    AND r.warehouse_id = h.warehouse_id AND r.product_id = h.product_id
         ),
         ",
        count_sql!("held"),
        " SELECT coalesce(array_agg(order_id), '{}') AS holders, ",
        expect_sql!("count(*) = $5"),
        " FROM held"
    ))
    .bind::<SqlUuid, _>(held.tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(held.holders)
    .bind::<Array<SqlUuid>, _>(held.warehouses)
    .bind::<Array<SqlUuid>, _>(held.products)
    .bind::<Nullable<BigInt>, _>(held.expected)
    .rows::<Holding>()
    .map(holders_of);
    insert.and(count).map(|(_, holders)| holders)
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

/// Parts of the reservations of holders, column by column.
struct Parts {
    holders: Vec<Uuid>,
    warehouses: Vec<Uuid>,
    products: Vec<Uuid>,
    quantities: Vec<i32>,
}

impl Parts {
    fn of(held: &[HeldUnits<'_>]) -> Self {
        let mut parts = Self {
            holders: Vec::new(),
            warehouses: Vec::new(),
            products: Vec::new(),
            quantities: Vec::new(),
        };
        for held in held {
            for ((warehouse, product), quantity) in held.iter() {
                parts.holders.push(held.holder.as_uuid());
                parts.warehouses.push(warehouse.as_uuid());
                parts.products.push(product.as_uuid());
                parts.quantities.push(quantity);
            }
        }
        parts
    }
}

/// Deletes the reservations of exactly these units on locked levels, and returns their number. Each reservation is
/// there once. Run [`decrease`] after it for the others.
pub(crate) fn delete_exact<'q>(tenant: TenantId, held: &[HeldUnits<'_>]) -> Statement<'q, usize> {
    let parts = Parts::of(held);
    cached_sql(
        "DELETE FROM inventory.reservations AS r
         USING unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
             AS h (order_id, warehouse_id, product_id, quantity)
         WHERE r.tenant_id = $1 AND r.order_id = h.order_id AND r.warehouse_id = h.warehouse_id
           AND r.product_id = h.product_id AND r.quantity = h.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(parts.holders)
    .bind::<Array<SqlUuid>, _>(parts.warehouses)
    .bind::<Array<SqlUuid>, _>(parts.products)
    .bind::<Array<Integer>, _>(parts.quantities)
    .affected()
}

/// Decreases the reservations of more than these units on locked levels, and returns their number. Each reservation is
/// there once.
pub(crate) fn decrease<'q>(tenant: TenantId, held: &[HeldUnits<'_>]) -> Statement<'q, usize> {
    let parts = Parts::of(held);
    cached_sql(
        "UPDATE inventory.reservations AS r SET quantity = r.quantity - h.quantity
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::integer[])
             AS h (order_id, warehouse_id, product_id, quantity)
         WHERE r.tenant_id = $1 AND r.order_id = h.order_id AND r.warehouse_id = h.warehouse_id
           AND r.product_id = h.product_id AND r.quantity > h.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(parts.holders)
    .bind::<Array<SqlUuid>, _>(parts.warehouses)
    .bind::<Array<SqlUuid>, _>(parts.products)
    .bind::<Array<Integer>, _>(parts.quantities)
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
