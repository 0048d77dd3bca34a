//! Credits of returns that are not refunded yet. Other refunds leave the money for them, or pay them out.

use oms_database::{Connection, DbError};
use oms_fulfilment::ReturnId;
use oms_payments::{Refund, RefundId, RefundState, find_payment, find_refunds};
use oms_validation::{OrderId, TenantId};

use crate::domain::credit::Credit;
use crate::domain::paid_out::{PaidOut, paid_out};
use crate::error::OrderError;
use crate::store::{credits, return_credits};

/// The credits of an order's returns that are not refunded.
#[derive(Clone, Debug)]
pub(crate) struct Unpaid {
    /// Those that no refund has tried to pay out, oldest first.
    pub(crate) waiting: Vec<Credit>,
    /// Those whose refund failed, oldest first.
    pub(crate) failed: Vec<Credit>,
    /// What is left of the payment: neither refunded nor being refunded, in minor units.
    pub(crate) left_minor: i64,
    /// What is being refunded.
    pub(crate) pending_minor: i64,
}

impl Unpaid {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Credit> {
        self.failed.iter().chain(&self.waiting).cloned().collect()
    }

    /// What is left of the payment besides all of them, at least 0.
    pub(crate) fn besides_all(&self) -> i64 {
        (self.left_minor - sum_of(&self.all())).max(0)
    }

    /// What is left of the payment besides those that wait, at least 0.
    pub(crate) fn besides_waiting(&self) -> i64 {
        (self.left_minor - sum_of(&self.waiting)).max(0)
    }

    /// Whether any of them is for this return, and worth something.
    pub(crate) fn has(&self, id: ReturnId) -> bool {
        let mut of_return = self.all();
        of_return.retain(|credit| credit.return_id == Some(id));
        sum_of(&of_return) > 0
    }
}

/// The sum of credits, at least 0, in minor units: fees may exceed what they are deducted from.
pub(crate) fn sum_of(credits: &[Credit]) -> i64 {
    let sum: i64 = credits.iter().map(|credit| credit.amount_minor).sum();
    sum.max(0)
}

/// The credits of a locked order's returns that are not refunded. `None` if there are none.
pub(crate) async fn find_unpaid(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<Unpaid>, OrderError> {
    let mut found = credits::find(tenant, &[order_id]).run(connection).await?;
    let mut credits = found.remove(&order_id).unwrap_or_default();
    credits.retain(|credit| credit.return_id.is_some());
    if credits.is_empty() {
        return Ok(None);
    }
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let has_failed = |id: RefundId| {
        let mut refunds = refunds.iter();
        refunds.any(|refund| refund.id == id && refund.state == RefundState::Failed)
    };
    let is_unpaid = |credit: &Credit| credit.refund_id.is_none_or(has_failed);
    let (failed, waiting): (Vec<Credit>, Vec<Credit>) = credits
        .into_iter()
        .filter(is_unpaid)
        .partition(|credit| credit.refund_id.is_some());
    if failed.is_empty() && waiting.is_empty() {
        return Ok(None);
    }
    let payment = find_payment(connection, tenant, order_id).await?;
    let captured = payment.and_then(|attempt| attempt.captured);
    let captured = captured.map_or(0, |captured| captured.amount_minor);
    let sum = |of: fn(&Refund) -> bool| -> i64 {
        let refunds = refunds.iter().filter(|refund| of(refund));
        refunds.map(|refund| refund.amount.amount_minor).sum()
    };
    Ok(Some(Unpaid {
        waiting,
        failed,
        left_minor: captured - sum(|refund| refund.state != RefundState::Failed),
        pending_minor: sum(|refund| refund.state == RefundState::Pending),
    }))
}

/// Has a refund of this amount pay out credits of a locked order, the first ones first.
pub(crate) async fn pay_out(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    credits: &[Credit],
    (refund_id, amount_minor): (RefundId, i64),
) -> Result<(), DbError> {
    let PaidOut { mut whole, part } = paid_out(credits, amount_minor);
    if let Some((id, paid_minor)) = part {
        return_credits::divide(connection, tenant, order_id, (id, paid_minor)).await?;
        whole.push(id);
    }
    if whole.is_empty() {
        return Ok(());
    }
    return_credits::pay_out(connection, tenant, order_id, &whole, refund_id).await
}
