//! The lines of orders.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Money, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::line::OrderLine;

#[derive(QueryableByName)]
pub(crate) struct Line {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Integer)]
    quantity: i32,
    #[diesel(sql_type = BigInt)]
    unit_price_minor: i64,
}

impl Line {
    /// The line with its price in the currency of its order.
    pub(crate) fn in_currency(self, currency: Currency) -> OrderLine {
        OrderLine {
            product_id: self.product_id.into(),
            quantity: self.quantity,
            unit_price: Money {
                amount_minor: self.unit_price_minor,
                currency,
            },
        }
    }
}

/// The lines of the given orders, in line-number order for each.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Line>>, DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Line> = cached_sql(
        "SELECT order_id, product_id, quantity, unit_price_minor FROM orders.lines
         WHERE tenant_id = $1 AND order_id = ANY ($2) ORDER BY order_id, number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let mut lines = HashMap::<OrderId, Vec<Line>>::new();
    for row in rows {
        lines.entry(row.order_id.into()).or_default().push(row);
    }
    Ok(lines)
}
