//! Computes what a refund would do to the ledger of an order, without starting it.

use std::sync::Arc;

use oms_database::boxed;
use oms_payments::{Asked, Refund, RefundActor, RefundId, RefundState};
use oms_validation::{Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::credit::Credit;
use crate::domain::id::CreditId;
use crate::domain::ledger::{Ledger, counted, ledger};
use crate::domain::refund::{Refunded, RequestedRefund};
use crate::domain::refund_plan::plan;
use crate::domain::status::OrderStatus;
use crate::error::ReversingError;
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::reversing::refund_order::check_amount;

/// What a refund would do.
#[derive(Clone, Debug)]
pub struct RefundPreview {
    /// The amount that would be refunded.
    pub amount: Money,
    /// The ledger now.
    pub before: Ledger,
    /// The ledger once the refund is made.
    pub after: Ledger,
    /// The status of the order once the refund is made.
    pub status: OrderStatus,
}

/// Computes what a refund would do. Nothing is locked, so the refund itself may still be rejected; with its amount as
/// the expected amount it is never made for another one.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `NotRefundable`, `RefundInProgress`, `RefundExceedsCaptured`,
/// `InvalidParts` or `AmountNotAccepted` as for the refund; otherwise if the database fails.
#[boxed]
pub async fn preview_refund(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    request: &RequestedRefund,
) -> Result<RefundPreview, ReversingError> {
    let details = get_order(context, tenant, order_id).await?;
    match details.order.status {
        OrderStatus::Paid => {}
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status => return Err(ReversingError::NotRefundable { order_id, status }),
    }
    let before = details.ledger();
    let step = context.gateway.step(before.held.currency);
    let (amount, credits) = match &request.what {
        Refunded::Rest => (before.held, Vec::new()),
        Refunded::Amount(amount) => (*amount, Vec::new()),
        Refunded::Parts(parts) => {
            let counted = counted(&details.order.credits, &details.refunds);
            let planned = plan(&details.order, &counted, parts, step);
            let (credits, sum) =
                planned.map_err(|invalid| ReversingError::InvalidParts(order_id, invalid))?;
            (sum, credits)
        }
    };
    if amount.currency != before.held.currency {
        return Err(ReversingError::RefundCurrency(before.held.currency));
    }
    if amount.amount_minor > before.held.amount_minor {
        let available = before.held;
        return Err(ReversingError::RefundExceedsCaptured { available });
    }
    check_amount(context, amount)?;
    let id = RefundId::generate();
    let granted = credits.into_iter().map(|(part, amount_minor)| Credit {
        id: CreditId::generate(),
        part,
        amount_minor,
        refund_id: Some(id),
        created_at: details.order.created_at,
        return_id: None,
    });
    let granted = granted.collect();
    let after = after(details, id, amount, granted);
    let is_rest = step.is_nothing(after.held.amount_minor);
    Ok(RefundPreview {
        amount,
        before,
        after,
        status: match is_rest {
            true => OrderStatus::Refunded,
            false => OrderStatus::Paid,
        },
    })
}

/// The ledger with one more refund, which is made.
fn after(mut details: OrderDetails, id: RefundId, amount: Money, granted: Vec<Credit>) -> Ledger {
    let Some(attempt) = &details.payment else {
        return details.ledger();
    };
    let newest = details.refunds.iter().map(|refund| refund.created_at).max();
    let credits = details.order.credits.iter().map(|credit| credit.created_at);
    let at = credits
        .max()
        .max(newest)
        .unwrap_or(details.order.created_at);
    let made = Refund {
        id,
        order_id: details.order.id,
        attempt_id: attempt.id,
        number: i32::MAX,
        amount,
        left: amount,
        state: RefundState::Refunded,
        actor: RefundActor::Oms,
        requested_by: None,
        idempotency_key: None,
        reason: None,
        reference: None,
        failure_code: None,
        created_at: at,
        updated_at: at,
        asked: Asked::Never,
    };
    let captured = attempt.captured;
    details.order.credits.extend(granted);
    details.refunds.push(made);
    ledger(&details.order, captured, &details.refunds)
}
