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

/// The sum of all credits of an order. A refund without credits is a credit itself, except for what it pays out of
/// credits of no refund that were granted before. `refunds` are the order's refunds, oldest first.
fn credited(credits: &[Credit], refunds: &[Refund]) -> i64 {
    let is_alone = |refund: &&Refund| {
        let of_refund = |credit: &Credit| credit.refund_id == Some(refund.id);
        refund.state != RefundState::Failed && !credits.iter().any(of_refund)
    };
    let mut paid_out = 0;
    let alone = refunds.iter().filter(is_alone).map(|refund| {
        // Those of the same transaction are older.
        let is_older =
            |credit: &&Credit| credit.refund_id.is_none() && credit.created_at <= refund.created_at;
        // A refund names those of returns that it pays out.
        let is_older = |credit: &&Credit| credit.return_id.is_none() && is_older(credit);
        let older = credits.iter().filter(is_older);
        let older: i64 = older.map(|credit| credit.amount_minor).sum();
        let amount_minor = refund.amount.amount_minor;
        let pays_out = (older - paid_out).clamp(0, amount_minor);
        paid_out += pays_out;
        amount_minor - pays_out
    });
    let alone: i64 = alone.sum();
    let counted = counted(credits, refunds);
    let counted: i64 = counted.iter().map(|credit| credit.amount_minor).sum();
    counted + alone
}

/// The credits to grant when a refund fails that was done: the customer is still owed them, so that the sum of all
/// credits stays as it was. They belong to no refund until a later one pays them out. `refunds` are the order's refunds
/// before it failed, oldest first.
pub(crate) fn owed_again(
    credits: &[Credit],
    refunds: &[Refund],
    failed: RefundId,
) -> Vec<(CreditPart, i64)> {
    let mut of_it = credits
        .iter()
        .filter(|credit| credit.refund_id == Some(failed))
        .peekable();
    if of_it.peek().is_some() {
        // Those of returns count although their refund failed.
        let lost = of_it.filter(|credit| credit.return_id.is_none());
        return lost.map(|it| (it.part, it.amount_minor)).collect();
    }
    let mut after = refunds.to_vec();
    for refund in after.iter_mut().filter(|refund| refund.id == failed) {
        refund.state = RefundState::Failed;
    }
    let owed_minor = credited(credits, refunds) - credited(credits, &after);
    match owed_minor > 0 {
        true => vec![(CreditPart::UNNAMED, owed_minor)],
        false => Vec::new(),
    }
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
