//! The ledger of an order: what is owed, what is held, and the difference.

use oms_payments::{Refund, RefundId, RefundState};
use oms_validation::Money;

use crate::domain::credit::{Credit, CreditPart};
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;

/// The money of an order. The balance is what is owed less what is held: the customer owes a positive balance, and the
/// merchant owes a negative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The total less all credits, at least 0; 0 for an order that failed or was cancelled.
    pub owed: Money,
    /// What was captured and not refunded.
    pub held: Money,
    /// What is owed less what is held.
    pub balance: Money,
}

/// The credits that count: those of refunds that did not fail, and those of no refund. What came back is owed to the
/// customer whatever becomes of its refund.
pub(crate) fn counted(credits: &[Credit], refunds: &[Refund]) -> Vec<Credit> {
    let has_failed = |credit: &&Credit| {
        let of_credit = |refund: &&Refund| Some(refund.id) == credit.refund_id;
        let refund = refunds.iter().find(of_credit);
        refund.is_some_and(|refund| refund.state == RefundState::Failed)
    };
    let counts = |credit: &&Credit| credit.return_id.is_some() || !has_failed(credit);
    let counted = credits.iter().filter(counts);
    counted.cloned().collect()
}

/// The sum of all credits of an order. What a refund exceeds its own credits by is a credit itself, except for what it
/// pays out of credits of no refund that were granted before. `refunds` are the order's refunds, oldest first.
fn credited(credits: &[Credit], refunds: &[Refund]) -> i64 {
    let mut paid_out = 0;
    let counting = refunds
        .iter()
        .filter(|refund| refund.state != RefundState::Failed);
    let besides = counting.map(|refund| {
        let own = credits
            .iter()
            .filter(|credit| credit.refund_id == Some(refund.id));
        let own: i64 = own.map(|credit| credit.amount_minor).sum();
        let besides = (refund.amount.amount_minor - own).max(0);
        // Those of the same transaction are older. A refund names those of returns that it pays out.
        let is_older = |credit: &&Credit| {
            let is_of_none = credit.refund_id.is_none() && credit.return_id.is_none();
            is_of_none && credit.created_at <= refund.created_at
        };
        let older = credits.iter().filter(is_older);
        let older: i64 = older.map(|credit| credit.amount_minor).sum();
        let pays_out = (older - paid_out).clamp(0, besides);
        paid_out += pays_out;
        besides - pays_out
    });
    let besides: i64 = besides.sum();
    let counted = counted(credits, refunds);
    let counted: i64 = counted.iter().map(|credit| credit.amount_minor).sum();
    counted + besides
}

/// The credits to grant when a refund fails that was done: the customer is still owed them, so that the sum of all
/// credits stays as it was. They belong to no refund until a later one pays them out. `refunds` are the order's refunds
/// before it failed, oldest first.
pub(crate) fn owed_again(
    credits: &[Credit],
    refunds: &[Refund],
    failed: RefundId,
) -> Vec<(CreditPart, i64)> {
    let mut after = refunds.to_vec();
    for refund in after.iter_mut().filter(|refund| refund.id == failed) {
        refund.state = RefundState::Failed;
    }
    let owed_minor = credited(credits, refunds) - credited(credits, &after);
    // Those of returns count although their refund failed.
    let lost = credits
        .iter()
        .filter(|credit| credit.refund_id == Some(failed) && credit.return_id.is_none());
    let mut owed: Vec<(CreditPart, i64)> = lost.map(|it| (it.part, it.amount_minor)).collect();
    let besides = owed_minor - owed.iter().map(|(_, amount)| amount).sum::<i64>();
    if besides > 0 {
        owed.push((CreditPart::UNNAMED, besides));
    }
    owed
}

/// The ledger of an order whose payment captured this much. `refunds` are its refunds, oldest first.
pub(crate) fn ledger(order: &Order, captured: Option<Money>, refunds: &[Refund]) -> Ledger {
    let currency = order.total.currency;
    let money = |amount_minor| Money {
        amount_minor,
        currency,
    };
    let credits = credited(&order.credits, refunds);
    let owed = match order.status {
        OrderStatus::Failed | OrderStatus::Cancelling | OrderStatus::Cancelled => 0,
        // A part may be refunded although a refund of everything, which failed, is owed; and what others refunded at the
        // gateway may exceed it, together with what returns are credited.
        _ => (order.total.amount_minor - credits).max(0),
    };
    let refunded: i64 = refunds
        .iter()
        .filter(|refund| refund.state == RefundState::Refunded)
        .map(|refund| refund.amount.amount_minor)
        .sum();
    let held = captured.map_or(0, |captured| captured.amount_minor) - refunded;
    Ledger {
        owed: money(owed),
        held: money(held),
        balance: money(owed - held),
    }
}
