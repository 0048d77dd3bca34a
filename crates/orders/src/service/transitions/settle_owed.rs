//! Settles what the end of a refund means for what customers are owed: credits that it should have paid out wait again,
//! and findings about failed refunds are resolved once nothing is owed.

use oms_database::Connection;
use oms_payments::{Refund, RefundEnd, find_payment, find_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::credit::Credit;
use crate::domain::finding::FindingKind;
use crate::domain::ledger::ledger;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::credit_returns::credit_returns;
use crate::service::transitions::report_payment::{Locked, report_failed_refund, settle};
use crate::store::{credits, orders, return_credits};

/// Who ended a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The gateway. If it rejected the refund of a return, an operator is alerted.
    Gateway,
    /// An operator, who knows.
    Operator,
}

/// Settles the end of a refund of a locked order, whose status was changed before.
pub(crate) async fn settle_credits(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (refund, end): (&Refund, &RefundEnd),
    ended_by: EndedBy,
    actor: &str,
) -> Result<(), OrderError> {
    let order_id = refund.order_id;
    let code = match end {
        RefundEnd::Failed(code) => Some(code.clone()),
        RefundEnd::Refunded => None,
    };
    // One that a request started stands for more than returns. Those that it should have paid out are refunded on
    // their own; an operator decides about one that was for returns alone.
    if code.is_some() && refund.idempotency_key.is_some() {
        return_credits::release(connection, tenant, order_id, refund.id).await?;
    } else if code.is_some() && ended_by == EndedBy::Gateway {
        let failed = Refund {
            failure_code: code,
            ..refund.clone()
        };
        report_rejected(context, connection, tenant, &failed).await?;
    }
    credit_returns(context, connection, tenant, order_id, actor).await?;
    match end {
        RefundEnd::Refunded => settle_findings(context, connection, tenant, order_id).await,
        RefundEnd::Failed(_) => Ok(()),
    }
}

/// Reports a refund of a return that the gateway rejected: nobody requested it, so nobody was answered.
async fn report_rejected(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    refund: &Refund,
) -> Result<(), OrderError> {
    let order_id = refund.order_id;
    let mut found = credits::find(tenant, &[order_id]).run(connection).await?;
    let credits = found.remove(&order_id).unwrap_or_default();
    let is_of_return =
        |credit: &Credit| credit.refund_id == Some(refund.id) && credit.return_id.is_some();
    let payment = find_payment(connection, tenant, order_id).await?;
    let Some(attempt) = payment.filter(|_| credits.iter().any(is_of_return)) else {
        return Ok(());
    };
    let locked = Locked {
        tenant,
        now: context.now(),
        gateway: context.gateway.name(),
        status: OrderStatus::Paid,
        attempt: &attempt,
    };
    Ok(report_failed_refund(connection, &locked, refund).await?)
}

/// Resolves the findings about failed refunds of a locked order if the customer is owed nothing any more.
pub(super) async fn settle_findings(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<(), OrderError> {
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let has_failed = |refund: &Refund| refund.state == oms_payments::RefundState::Failed;
    if !refunds.iter().any(has_failed) {
        return Ok(());
    }
    let order = orders::find(connection, tenant, order_id).await?;
    let payment = find_payment(connection, tenant, order_id).await?;
    let (Some(order), Some(attempt)) = (order, payment) else {
        return Ok(());
    };
    if ledger(&order, attempt.captured, &refunds)
        .balance
        .amount_minor
        < 0
    {
        return Ok(());
    }
    let locked = Locked {
        tenant,
        now: context.now(),
        gateway: context.gateway.name(),
        status: order.status,
        attempt: &attempt,
    };
    let note = "everything that was owed was refunded";
    Ok(settle(connection, &locked, FindingKind::RefundFailed, None, note).await?)
}
