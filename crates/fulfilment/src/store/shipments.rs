//! Shipments and their lines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, send_in_transaction, send_together,
};
use oms_validation::{OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::parcel::Parcel;
use crate::domain::shipment::{NewShipment, Shipment, ShipmentLine, ShipmentStatus};
use crate::store::{Now, grouped, parcels};

/// Selects [`Row`]s. A macro, because the text of a cached statement must be a constant.
macro_rules! select_shipments {
    ($condition:literal) => {
        concat!(
            "SELECT s.id, s.order_id, s.number, s.fulfilment_order_id, s.warehouse_id, s.status, s.version,
                    s.destination, s.created_at, s.updated_at, s.shipped_at, s.delivered_at, s.cancelled_at,
                    s.cancel_reason
             FROM fulfilment.shipments s WHERE s.tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Inserts shipments. A macro, because a distributed engine accepts no time in a `CASE`.
macro_rules! insert_shipments {
    ($shipped_at:literal) => {
        concat!(
            "INSERT INTO fulfilment.shipments
                 (tenant_id, id, order_id, number, fulfilment_order_id, warehouse_id, status, destination, created_at,
                  updated_at, shipped_at)
             SELECT t.tenant_id, n.id, n.order_id, n.number, n.fulfilment_order_id, n.warehouse_id, n.status,
                    n.destination, greatest($9, now()), greatest($9, now()), ",
            $shipped_at,
            " FROM tenancy.tenants t
             CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::uuid[], $7::text[], $8::jsonb[])
                 AS n (id, order_id, number, fulfilment_order_id, warehouse_id, status, destination)
             WHERE t.tenant_id = $1"
        )
    };
}

/// Inserts shipments with their lines and parcels.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    new: &[NewShipment],
) -> Result<(), DbError> {
    let is_packed = |it: &&NewShipment| it.status == ShipmentStatus::Packed;
    let (packed, shipped): (Vec<_>, Vec<_>) = new.iter().partition(is_packed);
    let rows = |new: Vec<&NewShipment>, text: &'static str| {
        (!new.is_empty()).then(|| insert_rows(tenant, now, &new, text))
    };
    let of_shipment = |it: &NewShipment| (it.id, it.parcels.clone());
    let parcels: Vec<_> = new.iter().map(of_shipment).collect();
    let statements = (
        rows(packed, insert_shipments!("NULL")),
        rows(shipped, insert_shipments!("greatest($9, now())")),
        insert_lines(tenant, new),
        parcels::insert(tenant, &parcels),
    );
    send_in_transaction(connection, statements).await?;
    Ok(())
}

fn insert_rows<'q>(
    tenant: TenantId,
    now: Now,
    new: &[&NewShipment],
    text: &'static str,
) -> Statement<'q, usize> {
    let column = |of: fn(&NewShipment) -> Uuid| new.iter().map(|it| of(it)).collect::<Vec<_>>();
    let numbers: Vec<i32> = new.iter().map(|it| it.number).collect();
    let statuses: Vec<&'static str> = new.iter().map(|it| it.status.as_str()).collect();
    let destinations: Vec<Option<Value>> = new.iter().map(|it| it.destination.clone()).collect();
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(column(|it| it.id.as_uuid()))
        .bind::<Array<SqlUuid>, _>(column(|it| it.order_id.as_uuid()))
        .bind::<Array<Integer>, _>(numbers)
        .bind::<Array<SqlUuid>, _>(column(|it| it.fulfilment_order_id.as_uuid()))
        .bind::<Array<SqlUuid>, _>(column(|it| it.warehouse_id.as_uuid()))
        .bind::<Array<Text>, _>(statuses)
        .bind::<Array<Nullable<Jsonb>>, _>(destinations)
        .bind::<Nullable<Timestamptz>, _>(now)
        .affected()
}

fn insert_lines<'q>(tenant: TenantId, new: &[NewShipment]) -> Statement<'q, usize> {
    let (mut shipments, mut numbers) = (Vec::new(), Vec::new());
    let (mut products, mut quantities) = (Vec::new(), Vec::new());
    for shipment in new {
        for line in &shipment.lines {
            shipments.push(shipment.id.as_uuid());
            numbers.push(line.number);
            products.push(line.product_id.as_uuid());
            quantities.push(line.quantity);
        }
    }
    cached_sql(
        "INSERT INTO fulfilment.shipment_lines (tenant_id, shipment_id, line_number, product_id, quantity)
         SELECT t.tenant_id, n.shipment_id, n.line_number, n.product_id, n.quantity
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::integer[], $4::uuid[], $5::integer[])
             AS n (shipment_id, line_number, product_id, quantity)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(shipments)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .affected()
}

/// Returns those of the given shipments that exist, unordered.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ShipmentId],
) -> Result<Vec<Shipment>, DbError> {
    let rows = find_by_id(tenant, ids).run(connection).await?;
    with_parts(connection, tenant, rows).await
}

/// Like [`find`], without their lines and parcels.
pub(crate) fn find_by_id<'q>(tenant: TenantId, ids: &[ShipmentId]) -> Statement<'q, Vec<Row>> {
    select(tenant, select_shipments!("s.id = ANY ($2)"), ids)
}

/// Returns the fulfilment order and the order of those of the given shipments that exist.
pub(crate) fn find_subjects<'q>(
    tenant: TenantId,
    ids: &[ShipmentId],
) -> Statement<'q, HashMap<ShipmentId, (FulfilmentOrderId, OrderId)>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        fulfilment_order_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let found = |row: Found| {
        let of = (row.fulfilment_order_id.into(), row.order_id.into());
        (row.id.into(), of)
    };
    cached_sql(
        "SELECT id, fulfilment_order_id, order_id FROM fulfilment.shipments
         WHERE tenant_id = $1 AND id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Found>()
    .map(move |rows| rows.into_iter().map(found).collect())
}

/// Like [`find`], but locks them until the transaction ends, in key order.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ShipmentId],
) -> Result<Vec<Shipment>, DbError> {
    let rows = lock_rows(tenant, ids).run(connection).await?;
    with_parts(connection, tenant, rows).await
}

/// Like [`lock`], without their lines and parcels, which must be read after it.
pub(crate) fn lock_rows<'q>(tenant: TenantId, ids: &[ShipmentId]) -> Statement<'q, Vec<Row>> {
    let text = select_shipments!("s.id = ANY ($2) ORDER BY s.id FOR NO KEY UPDATE");
    select(tenant, text, ids)
}

fn select<'q>(tenant: TenantId, text: &'static str, ids: &[ShipmentId]) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// Returns the shipments of orders, ordered by order and number, without their lines and parcels.
pub(crate) fn find_rows<'q>(tenant: TenantId, order_ids: &[OrderId]) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let text = select_shipments!("s.order_id = ANY ($2) ORDER BY s.order_id, s.number");
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// Returns the shipments of an order, ordered by number.
pub(crate) async fn find_of_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<Shipment>, DbError> {
    let rows = find_rows(tenant, &[order_id]).run(connection).await?;
    with_parts(connection, tenant, rows).await
}

/// Returns the number of the last shipment of each order that has one.
pub(crate) fn last_numbers<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, HashMap<OrderId, i32>> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Integer)]
        number: i32,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let last = |row: Last| (row.order_id.into(), row.number);
    cached_sql(
        "SELECT order_id, max(number)::integer AS number FROM fulfilment.shipments
         WHERE tenant_id = $1 AND order_id = ANY ($2) GROUP BY order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Last>()
    .map(move |rows| rows.into_iter().map(last).collect())
}

/// Changes packed shipments to `SHIPPED`, and returns their number.
pub(crate) fn mark_shipped<'q>(
    tenant: TenantId,
    now: Now,
    ids: &[ShipmentId],
) -> Statement<'q, usize> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "UPDATE fulfilment.shipments
         SET status = 'SHIPPED', version = version + 1, updated_at = greatest($3, now()),
             shipped_at = greatest($3, now())
         WHERE tenant_id = $1 AND id = ANY ($2) AND status = 'PACKED'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids)
    .bind::<Nullable<Timestamptz>, _>(now)
    .affected()
}

/// Changes shipped shipments to `DELIVERED`, each with its time, and returns their number.
pub(crate) fn mark_delivered<'q>(
    tenant: TenantId,
    now: Now,
    delivered: &[(ShipmentId, DateTime<Utc>)],
) -> Statement<'q, usize> {
    let ids: Vec<Uuid> = delivered.iter().map(|(id, _)| id.as_uuid()).collect();
    let times: Vec<DateTime<Utc>> = delivered.iter().map(|(_, at)| *at).collect();
    cached_sql(
        "UPDATE fulfilment.shipments s
         SET status = 'DELIVERED', version = s.version + 1, updated_at = greatest($4, now()),
             delivered_at = n.delivered_at
         FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, delivered_at)
         WHERE s.tenant_id = $1 AND s.id = n.id AND s.status = 'SHIPPED'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(times)
    .bind::<Nullable<Timestamptz>, _>(now)
    .affected()
}

/// Changes packed or shipped shipments to `CANCELLED`. The reason is not stored once personal data is erased.
pub(crate) async fn mark_cancelled(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    ids: &[ShipmentId],
    reason: &str,
) -> Result<(), DbError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let changed = cached_sql(
        "UPDATE fulfilment.shipments
         SET status = 'CANCELLED', version = version + 1, updated_at = greatest($3, now()),
             cancelled_at = greatest($3, now()), cancel_reason = CASE WHEN destination IS NOT NULL THEN $4 END
         WHERE tenant_id = $1 AND id = ANY ($2) AND status IN ('PACKED', 'SHIPPED')",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Text, _>(reason)
    .execute(connection)
    .await?;
    DbError::unless_changed(changed == ids.len(), "the shipments are locked")
}

/// Changes the packed shipments of an order to `CANCELLED`, and returns their number. The order must be locked.
pub(crate) async fn cancel_packed(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    reason: &str,
) -> Result<usize, DbError> {
    let cancelled = cached_sql(
        "UPDATE fulfilment.shipments
         SET status = 'CANCELLED', version = version + 1, updated_at = greatest($3, now()),
             cancelled_at = greatest($3, now()), cancel_reason = CASE WHEN destination IS NOT NULL THEN $4 END
         WHERE tenant_id = $1 AND order_id = $2 AND status = 'PACKED'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Text, _>(reason)
    .execute(connection)
    .await?;
    Ok(cancelled)
}

/// A shipment without its lines and parcels.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = SqlUuid)]
    fulfilment_order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Nullable<Jsonb>)]
    destination: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    shipped_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    delivered_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    cancelled_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    cancel_reason: Option<String>,
}

/// Adds lines and parcels to rows, and keeps their order.
pub(crate) async fn with_parts(
    connection: &mut Connection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Vec<Shipment>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids_of(&rows);
    let parts = (find_lines(tenant, &ids), parcels::find(tenant, &ids));
    let (lines, parcels) = send_together(connection, parts).await?;
    Ok(shipments_of(rows, lines, parcels))
}

/// The IDs of rows.
pub(crate) fn ids_of(rows: &[Row]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// Puts shipments together, in the order of their rows.
pub(crate) fn shipments_of(
    rows: Vec<Row>,
    mut lines: HashMap<Uuid, Vec<ShipmentLine>>,
    mut parcels: HashMap<Uuid, Vec<Parcel>>,
) -> Vec<Shipment> {
    let shipment = |row: Row| Shipment {
        id: row.id.into(),
        order_id: row.order_id.into(),
        number: row.number,
        fulfilment_order_id: row.fulfilment_order_id.into(),
        warehouse_id: row.warehouse_id.into(),
        status: ShipmentStatus::stored(&row.status),
        version: row.version,
        destination: row.destination,
        created_at: row.created_at,
        updated_at: row.updated_at,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
        cancelled_at: row.cancelled_at,
        cancel_reason: row.cancel_reason,
        lines: lines.remove(&row.id).unwrap_or_default(),
        parcels: parcels.remove(&row.id).unwrap_or_default(),
    };
    rows.into_iter().map(shipment).collect()
}

/// Returns the lines of shipments, ordered by number.
pub(crate) fn find_lines<'q>(
    tenant: TenantId,
    shipments: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<ShipmentLine>>> {
    #[derive(QueryableByName)]
    struct LineRow {
        #[diesel(sql_type = SqlUuid)]
        shipment_id: Uuid,
        #[diesel(sql_type = Integer)]
        line_number: i32,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        quantity: i32,
    }

    cached_sql(
        "SELECT shipment_id, line_number, product_id, quantity FROM fulfilment.shipment_lines
         WHERE tenant_id = $1 AND shipment_id = ANY ($2) ORDER BY shipment_id, line_number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(shipments.to_vec())
    .rows::<LineRow>()
    .map(|rows| {
        let line = |row: LineRow| {
            let line = ShipmentLine {
                number: row.line_number,
                product_id: row.product_id.into(),
                quantity: row.quantity,
            };
            (row.shipment_id, line)
        };
        grouped(rows.into_iter().map(line))
    })
}
