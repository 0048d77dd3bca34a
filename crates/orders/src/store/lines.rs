//! The lines of orders.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql};
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
    #[diesel(sql_type = BigInt)]
    payable_minor: i64,
}

impl Line {
    /// The line with its price in the currency of its order.
    pub(crate) fn in_currency(self, currency: Currency) -> OrderLine {
        let money = |amount_minor| Money {
            amount_minor,
            currency,
        };
        OrderLine {
            product_id: self.product_id.into(),
            quantity: self.quantity,
            unit_price: money(self.unit_price_minor),
            payable: money(self.payable_minor),
        }
    }
}

/// Returns a statement that finds the lines of orders, in line-number order for each. The share of a line that an
/// earlier version stored is the price of its units.
pub(crate) fn find<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, HashMap<OrderId, Vec<Line>>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT order_id, product_id, quantity, unit_price_minor,
                coalesce(payable_minor, quantity * unit_price_minor) AS payable_minor
         FROM orders.lines
         WHERE tenant_id = $1 AND order_id = ANY ($2) ORDER BY order_id, number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Line>()
    .map(|rows| {
        let mut lines = HashMap::<OrderId, Vec<Line>>::new();
        for row in rows {
            lines.entry(row.order_id.into()).or_default().push(row);
        }
        lines
    })
}
