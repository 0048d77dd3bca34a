//! Reads the fulfilment orders, shipments and returns of orders.

use std::collections::HashMap;

use oms_database::{Connection, DbError, send_together};
use oms_validation::{OrderId, TenantId};

use crate::domain::fulfilment_status::Fulfilment;
use crate::store::{
    Now, fulfilment_orders, holds, lines, parcels, return_lines, return_receipts, returns,
    shipments,
};

/// Returns the fulfilment orders, shipments and returns of orders, in two round trips. Orders without any are missing.
///
/// # Errors
/// When the database fails.
pub async fn find_fulfilments(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Fulfilment>, DbError> {
    let (orders, sent, returned) = send_together(
        connection,
        (
            fulfilment_orders::find_rows(tenant, now, order_ids),
            shipments::find_rows(tenant, order_ids),
            returns::find_rows(tenant, order_ids),
        ),
    )
    .await?;
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let (order_ids, shipment_ids) = (fulfilment_orders::ids_of(&orders), shipments::ids_of(&sent));
    let return_ids = returns::ids_of(&returned);
    let (has_shipments, has_returns) = (!sent.is_empty(), !returned.is_empty());
    let parts = (
        lines::find(tenant, &order_ids),
        holds::find(tenant, &order_ids),
        has_shipments.then(|| shipments::find_lines(tenant, &shipment_ids)),
        has_shipments.then(|| parcels::find(tenant, &shipment_ids)),
        has_returns.then(|| return_lines::find(tenant, &return_ids)),
        has_returns.then(|| return_receipts::find(tenant, &return_ids)),
    );
    let (lines, holds, shipment_lines, parcels, return_lines, receipts) =
        send_together(connection, parts).await?;
    let mut found = HashMap::<OrderId, Fulfilment>::new();
    for order in fulfilment_orders::fulfilment_orders_of(orders, lines, holds) {
        let fulfilment = found.entry(order.order_id).or_default();
        fulfilment.fulfilment_orders.push(order);
    }
    let (shipment_lines, parcels) = (
        shipment_lines.unwrap_or_default(),
        parcels.unwrap_or_default(),
    );
    for shipment in shipments::shipments_of(sent, shipment_lines, parcels) {
        let fulfilment = found.entry(shipment.order_id).or_default();
        fulfilment.shipments.push(shipment);
    }
    let (return_lines, receipts) = (
        return_lines.unwrap_or_default(),
        receipts.unwrap_or_default(),
    );
    for it in returns::returns_of(returned, return_lines, receipts) {
        let fulfilment = found.entry(it.order_id).or_default();
        fulfilment.returns.push(it);
    }
    Ok(found)
}
