//! Credits of returns that are not refunded yet. Other refunds leave the money for them.

use oms_database::Connection;
use oms_fulfilment::ReturnId;
use oms_payments::{Refund, RefundId, RefundState, find_payment, find_refunds};
use oms_validation::{OrderId, TenantId};

use crate::domain::credit::Credit;
use crate::domain::id::CreditId;
use crate::error::OrderError;
use crate::store::credits;

/// Which credits are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// Those that no refund has tried to pay out.
    Waiting,
    /// Those of a return that are not refunded, also if a refund of them failed.
    OfReturn(ReturnId),
    /// Those of all returns that are not refunded.
    Unpaid,
}

/// Credits that are not refunded.
#[derive(Clone, Debug)]
pub(crate) struct Unpaid {
    pub(crate) ids: Vec<CreditId>,
    /// Their sum, in minor units.
    pub(crate) sum_minor: i64,
    /// What is left of the payment besides them, at least 0.
    pub(crate) besides_minor: i64,
}

/// The credits of a locked order that are not refunded. `None` if there are none, or their sum is 0.
pub(crate) async fn find_unpaid(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    due: Due,
) -> Result<Option<Unpaid>, OrderError> {
    let mut found = credits::find(tenant, &[order_id]).run(connection).await?;
    let credits = found.remove(&order_id).unwrap_or_default();
    if credits.iter().all(|credit| credit.return_id.is_none()) {
        return Ok(None);
    }
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let credits: Vec<&Credit> = credits
        .iter()
        .filter(|credit| is_due(credit, due, &refunds))
        .collect();
    let sum_minor: i64 = credits.iter().map(|credit| credit.amount_minor).sum();
    if sum_minor <= 0 {
        return Ok(None);
    }
    let payment = find_payment(connection, tenant, order_id).await?;
    let captured = payment.and_then(|attempt| attempt.captured);
    let captured = captured.map_or(0, |captured| captured.amount_minor);
    let counts = |refund: &&Refund| refund.state != RefundState::Failed;
    let refunded = refunds.iter().filter(counts);
    let refunded: i64 = refunded.map(|refund| refund.amount.amount_minor).sum();
    Ok(Some(Unpaid {
        ids: credits.iter().map(|credit| credit.id).collect(),
        sum_minor,
        besides_minor: (captured - refunded - sum_minor).max(0),
    }))
}

fn is_due(credit: &Credit, due: Due, refunds: &[Refund]) -> bool {
    let has_failed = |id: RefundId| {
        let mut refunds = refunds.iter();
        refunds.any(|refund| refund.id == id && refund.state == RefundState::Failed)
    };
    let Some(of) = credit.return_id else {
        return false;
    };
    match due {
        Due::Waiting => credit.refund_id.is_none(),
        Due::OfReturn(id) => id == of && credit.refund_id.is_none_or(has_failed),
        Due::Unpaid => credit.refund_id.is_none_or(has_failed),
    }
}
