//! Credits customers for the units of returns, in the transaction that accepts the units or makes more of them due.

use oms_database::Connection;
use oms_fulfilment::find_fulfilments;
use oms_payments::{find_payment, find_refunds};
use oms_validation::{Money, OrderId, TenantId};
use serde_json::json;

use crate::context::OrderContext;
use crate::domain::goods_of_lines::{GoodsOfLines, is_credited};
use crate::domain::ledger::{counted, ledger};
use crate::domain::return_credit::plan_returns;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::happenings::{Told, tell};
use crate::store::credits::{self, GrantedFor};
use crate::store::{clock, orders};

/// Credits what was accepted of the returns of a locked order and is not credited yet. Nothing is credited while no money
/// is left that is owed, so call it again when a refund has failed: it does nothing if nothing more is due.
pub(crate) async fn credit_returns(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<(), OrderError> {
    let now = context.now();
    let mut found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let known = found.remove(&order_id).unwrap_or_default();
    if !known.returns.iter().any(is_credited) {
        return Ok(());
    }
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::Refunding) {
        return Ok(());
    }
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let payment = find_payment(connection, tenant, order_id).await?;
    let captured = payment.and_then(|attempt| attempt.captured);
    let owed = ledger(&order, captured, &refunds).owed.amount_minor;
    let before = counted(&order.credits, &refunds);
    let goods = GoodsOfLines::without_credits(&known);
    let step = context.gateway.step(order.total.currency);
    let planned = plan_returns(&order, &before, owed, goods, &known.returns, step);
    if planned.is_empty() {
        return Ok(());
    }
    let granted = (order_id, clock::read_exactly(connection).await?);
    for (id, parts) in &planned {
        let granted_for = GrantedFor::Return(*id);
        credits::insert(connection, tenant, granted, granted_for, parts, actor).await?;
        let amount = Money {
            amount_minor: parts.iter().map(|(_, amount)| amount).sum(),
            ..order.total
        };
        let number = known.returns.iter().find(|it| it.id == *id);
        let number = number.map_or(0, |it| it.number);
        let told = Told::new(
            "credit.granted",
            json!({ "returnId": id, "number": number, "amount": amount }),
            format!("{amount} was credited for return {number}"),
        );
        tell(connection, tenant, now, order_id, &told, actor).await?;
    }
    Ok(())
}
