//! Reads what may be returned of an order.

use chrono::{DateTime, Utc};
use oms_fulfilment::find_fulfilments;
use oms_payments::{find_payment, find_refunds};
use oms_validation::{Money, OrderId, ProductId, TenantId};

use crate::context::OrderContext;
use crate::domain::goods_of_lines::GoodsOfLines;
use crate::domain::ledger::{counted, ledger};
use crate::domain::return_credit::credit_of_units;
use crate::domain::return_window::{open_units, window_ends};
use crate::error::OrderError;
use crate::service::reading::get_settings;
use crate::store::{clock, orders};

/// What may be returned of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnableLine {
    /// Its number in the order.
    pub number: i32,
    /// The product.
    pub product_id: ProductId,
    /// Units that were sent and are in no return.
    pub returnable: i32,
    /// Those of them that a customer may still return.
    pub open: i32,
    /// When the window of the next unit ends.
    pub window_ends: Option<DateTime<Utc>>,
    /// What is credited if all of them come back, together with those of the lines before, without shipping and fee. No
    /// more than is owed.
    pub credit: Money,
}

/// The lines of an order of which units may be returned.
///
/// # Errors
/// `NotFound` if the tenant has no such order, or the database's error.
pub async fn find_returnable(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<ReturnableLine>, OrderError> {
    let (now, ids) = (context.now(), [order_id]);
    let mut connection = context.database.acquire().await?;
    let connection = &mut connection;
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let mut found = find_fulfilments(connection, tenant, now, &ids).await?;
    let known = found.remove(&order_id).unwrap_or_default();
    let mut refunds = find_refunds(connection, tenant, &ids).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let settings = get_settings::find(context, connection, tenant).await?;
    let settings = settings.settings.returns();
    let present = clock::read(connection, now).await?;
    let payment = find_payment(connection, tenant, order_id).await?;
    let captured = payment.and_then(|attempt| attempt.captured);
    let mut owed = ledger(&order, captured, &refunds).owed.amount_minor;
    let (before, goods) = (counted(&order.credits, &refunds), GoodsOfLines::of(&known));
    let returnable = known.returnable();
    let lines = (1..).zip(&order.lines).filter_map(|(number, line)| {
        let returnable = returnable.get(&number).copied().unwrap_or_default();
        if returnable <= 0 {
            return None;
        }
        let ends = window_ends(&known.shipments, number, settings);
        let sent: i32 = ends.iter().map(|(_, units)| units).sum();
        let (open, window_ends) = open_units(&ends, sent - returnable, present);
        let of_line = (number, returnable);
        let amount_minor = credit_of_units(&order, &before, &goods, owed, of_line);
        owed -= amount_minor;
        Some(ReturnableLine {
            number,
            product_id: line.product_id,
            returnable,
            open,
            window_ends,
            credit: Money {
                amount_minor,
                ..order.total
            },
        })
    });
    Ok(lines.collect())
}
