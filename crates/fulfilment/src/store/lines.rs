//! The lines of fulfilment orders.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql, in_transaction_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::fulfilment_order::{FulfilmentOrder, NewFulfilmentOrder};
use crate::domain::id::FulfilmentOrderId;
use crate::domain::line::Line;
use crate::store::grouped;

/// Inserts the lines of new fulfilment orders, which have the IDs of `ids`.
///
/// It may be sent together with the BEGIN of its transaction.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    ids: &[FulfilmentOrderId],
    new: &[NewFulfilmentOrder],
) -> Statement<'q, ()> {
    let (mut orders, mut numbers) = (Vec::new(), Vec::new());
    let (mut products, mut quantities) = (Vec::new(), Vec::new());
    for (id, order) in ids.iter().zip(new) {
        for (number, (product_id, quantity)) in (1_i32..).zip(&order.lines) {
            orders.push(id.as_uuid());
            numbers.push(number);
            products.push(product_id.as_uuid());
            quantities.push(*quantity);
        }
    }
    cached_sql(concat!(
        "INSERT INTO fulfilment.lines (tenant_id, fulfilment_order_id, line_number, product_id, quantity)
         SELECT t.tenant_id, n.fulfilment_order_id, n.line_number, n.product_id, n.quantity
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::integer[], $4::uuid[], $5::integer[])
             AS n (fulfilment_order_id, line_number, product_id, quantity)
         WHERE t.tenant_id = $1 AND ",
        in_transaction_sql!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .affected()
    .map(|_| ())
}

/// Writes the units of the lines of locked fulfilment orders. Packed units are those of the shipments.
pub(crate) fn update<'q>(tenant: TenantId, changed: &[&FulfilmentOrder]) -> Statement<'q, usize> {
    let (mut orders, mut numbers) = (Vec::new(), Vec::new());
    let (mut shipped, mut frozen, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
    for order in changed {
        for line in &order.lines {
            orders.push(order.id.as_uuid());
            numbers.push(line.number);
            shipped.push(line.shipped);
            frozen.push(line.frozen);
            cancelled.push(line.cancelled);
        }
    }
    cached_sql(
        "UPDATE fulfilment.lines l SET shipped = n.shipped, frozen = n.frozen, cancelled = n.cancelled
         FROM unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
             AS n (fulfilment_order_id, line_number, shipped, frozen, cancelled)
         WHERE l.tenant_id = $1 AND l.fulfilment_order_id = n.fulfilment_order_id AND l.line_number = n.line_number
             AND (l.shipped, l.frozen, l.cancelled) <> (n.shipped, n.frozen, n.cancelled)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<Integer>, _>(shipped)
    .bind::<Array<Integer>, _>(frozen)
    .bind::<Array<Integer>, _>(cancelled)
    .affected()
}

/// Returns the lines of fulfilment orders, ordered by number. Packed units are those of shipments that have not left.
pub(crate) fn find<'q>(
    tenant: TenantId,
    fulfilment_orders: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<Line>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        fulfilment_order_id: Uuid,
        #[diesel(sql_type = Integer)]
        line_number: i32,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        quantity: i32,
        #[diesel(sql_type = Integer)]
        shipped: i32,
        #[diesel(sql_type = Integer)]
        packed: i32,
        #[diesel(sql_type = Integer)]
        frozen: i32,
        #[diesel(sql_type = Integer)]
        cancelled: i32,
    }

    cached_sql(
        "SELECT l.fulfilment_order_id, l.line_number, l.product_id, l.quantity, l.shipped,
                coalesce(p.packed, 0)::integer AS packed, l.frozen, l.cancelled
         FROM fulfilment.lines l
         LEFT JOIN (
             SELECT s.fulfilment_order_id, sl.line_number, sum(sl.quantity) AS packed
             FROM fulfilment.shipments s
             JOIN fulfilment.shipment_lines sl ON sl.tenant_id = $1 AND sl.shipment_id = s.id
             WHERE s.tenant_id = $1 AND s.fulfilment_order_id = ANY ($2) AND s.status = 'PACKED'
             GROUP BY s.fulfilment_order_id, sl.line_number
         ) p ON p.fulfilment_order_id = l.fulfilment_order_id AND p.line_number = l.line_number
         WHERE l.tenant_id = $1 AND l.fulfilment_order_id = ANY ($2)
         ORDER BY l.fulfilment_order_id, l.line_number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(fulfilment_orders.to_vec())
    .rows::<Row>()
    .map(|rows| {
        let line = |row: Row| {
            let line = Line {
                number: row.line_number,
                product_id: row.product_id.into(),
                quantity: row.quantity,
                shipped: row.shipped,
                packed: row.packed,
                frozen: row.frozen,
                cancelled: row.cancelled,
            };
            (row.fulfilment_order_id, line)
        };
        grouped(rows.into_iter().map(line))
    })
}
