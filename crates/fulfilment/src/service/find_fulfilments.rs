//! Reads the fulfilment orders, shipments and returns of orders.

use std::collections::HashMap;

use oms_database::{Connection, DbError, Statement, send_together};
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
    let rows = find_fulfilment_rows(tenant, now, order_ids);
    let rows = rows.run(connection).await?;
    rows.complete(connection, tenant).await
}

/// Like [`find_fulfilments`], for one order. Empty if it has none.
///
/// # Errors
/// When the database fails.
pub async fn find_fulfilment(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<Fulfilment, DbError> {
    let mut found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    Ok(found.remove(&order_id).unwrap_or_default())
}

/// Fulfilment orders and shipments without what is in other tables.
pub struct FulfilmentRows {
    orders: Vec<fulfilment_orders::Row>,
    shipments: Vec<shipments::Row>,
    returns: Vec<returns::Row>,
}

/// The first round trip of [`find_fulfilments`], to be sent together with other statements that read.
pub fn find_fulfilment_rows<'q>(
    tenant: TenantId,
    now: Now,
    order_ids: &[OrderId],
) -> Statement<'q, FulfilmentRows> {
    let orders = fulfilment_orders::find_rows(tenant, now, order_ids);
    let sent = orders.and(shipments::find_rows(tenant, order_ids));
    let rows = sent.and(returns::find_rows(tenant, order_ids));
    rows.map(|((orders, shipments), returns)| FulfilmentRows {
        orders,
        shipments,
        returns,
    })
}

impl FulfilmentRows {
    /// The second round trip, which is spared if there is nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn complete(
        self,
        connection: &mut Connection,
        tenant: TenantId,
    ) -> Result<HashMap<OrderId, Fulfilment>, DbError> {
        let (orders, sent, returned) = (self.orders, self.shipments, self.returns);
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let (order_ids, shipment_ids) =
            (fulfilment_orders::ids_of(&orders), shipments::ids_of(&sent));
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
}
