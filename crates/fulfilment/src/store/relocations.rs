//! Fulfilment orders and lines that go to other warehouses. The caller has locked the order.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId, WarehouseId};
use uuid::Uuid;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::hold::REROUTING;
use crate::domain::id::FulfilmentOrderId;
use crate::domain::line::Units;
use crate::store::Now;

/// Writes the next version of a locked fulfilment order that goes to another warehouse.
pub(crate) async fn relocate(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    to: WarehouseId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE fulfilment.fulfilment_orders
         SET warehouse_id = $3, version = version + 1, updated_at = greatest($4, now())
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(to.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The number of the last fulfilment order of an order.
pub(crate) async fn last_number(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<i32, DbError> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = Integer)]
        number: i32,
    }

    let last: Last = cached_sql(
        "SELECT coalesce(max(number), 0)::integer AS number
         FROM fulfilment.fulfilment_orders WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .get_result(connection)
    .await?;
    Ok(last.number)
}

/// Inserts a fulfilment order for units of another one, whose times it has: a customer who has waited does not go to the
/// end of the work list.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (id, number, warehouse): (FulfilmentOrderId, i32, WarehouseId),
    source: &FulfilmentOrder,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO fulfilment.fulfilment_orders
             (tenant_id, id, order_id, number, warehouse_id, status, ship_by, not_before, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8, greatest($9, now()))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(source.order_id.as_uuid())
    .bind::<Integer, _>(number)
    .bind::<SqlUuid, _>(warehouse.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(source.ship_by)
    .bind::<Nullable<Timestamptz>, _>(source.not_before)
    .bind::<Timestamptz, _>(source.created_at)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the next version of a locked fulfilment order that gets units of another one: it is due when the first of them
/// is, and not sent before the last may be.
pub(crate) async fn combine(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    (ship_by, not_before): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE fulfilment.fulfilment_orders
         SET ship_by = least(ship_by, $3), not_before = greatest(not_before, $4), version = version + 1,
             updated_at = greatest($5, now())
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(ship_by)
    .bind::<Nullable<Timestamptz>, _>(not_before)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes units from the lines of a locked fulfilment order, and deletes lines that have no other units.
pub(crate) async fn take_units(
    connection: &mut Connection,
    tenant: TenantId,
    id: FulfilmentOrderId,
    units: &Units,
) -> Result<(), DbError> {
    let (numbers, quantities): (Vec<i32>, Vec<i32>) = units.iter().unzip();
    let deleted = cached_sql(
        "DELETE FROM fulfilment.lines AS l
         USING unnest($3::integer[], $4::integer[]) AS n (line_number, quantity)
         WHERE l.tenant_id = $1 AND l.fulfilment_order_id = $2 AND l.line_number = n.line_number
           AND l.quantity = n.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Integer>, _>(&numbers)
    .bind::<Array<Integer>, _>(&quantities)
    .execute(connection)
    .await?;
    let decreased = cached_sql(
        "UPDATE fulfilment.lines AS l SET quantity = l.quantity - n.quantity
         FROM unnest($3::integer[], $4::integer[]) AS n (line_number, quantity)
         WHERE l.tenant_id = $1 AND l.fulfilment_order_id = $2 AND l.line_number = n.line_number
           AND l.quantity > n.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Integer>, _>(&numbers)
    .bind::<Array<Integer>, _>(&quantities)
    .execute(connection)
    .await?;
    let expectation = "a fulfilment order has the units that it gives up";
    DbError::unless_changed(deleted + decreased == numbers.len(), expectation)
}

/// Adds units of another fulfilment order's lines to the lines of a locked one.
pub(crate) async fn add_units(
    connection: &mut Connection,
    tenant: TenantId,
    id: FulfilmentOrderId,
    units: &Units,
    source: &FulfilmentOrder,
) -> Result<(), DbError> {
    let given = source.lines.iter().filter(|it| units.of(it.number) > 0);
    let numbers: Vec<i32> = given.clone().map(|line| line.number).collect();
    let products: Vec<Uuid> = given.clone().map(|it| it.product_id.as_uuid()).collect();
    let quantities: Vec<i32> = given.map(|line| units.of(line.number)).collect();
    cached_sql(
        "INSERT INTO fulfilment.lines AS l (tenant_id, fulfilment_order_id, line_number, product_id, quantity)
         SELECT t.tenant_id, $2, n.line_number, n.product_id, n.quantity
         FROM tenancy.tenants t
         CROSS JOIN unnest($3::integer[], $4::uuid[], $5::integer[]) AS n (line_number, product_id, quantity)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, fulfilment_order_id, line_number)
             DO UPDATE SET quantity = l.quantity + excluded.quantity",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .execute(connection)
    .await?;
    Ok(())
}

/// Places the holds of a fulfilment order on another one as well, except the one that says that no warehouse can send it.
pub(crate) async fn copy_holds(
    connection: &mut Connection,
    tenant: TenantId,
    from: FulfilmentOrderId,
    to: FulfilmentOrderId,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, note, actor, held_at)
         SELECT h.tenant_id, $3, h.handle, h.reason, h.note, h.actor, h.held_at
         FROM fulfilment.holds h WHERE h.tenant_id = $1 AND h.fulfilment_order_id = $2 AND h.handle <> $4
         ON CONFLICT (tenant_id, fulfilment_order_id, handle) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(from.as_uuid())
    .bind::<SqlUuid, _>(to.as_uuid())
    .bind::<Text, _>(REROUTING)
    .execute(connection)
    .await?;
    Ok(())
}
