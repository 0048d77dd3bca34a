//! The ledger of an order: what is owed, what is held, and the difference.

use oms_payments::{Refund, RefundState};
use oms_validation::Money;

use crate::domain::credit::Credit;
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;

/// The money of an order. The balance is what is owed less what is held: the customer owes a positive balance, and the
/// merchant owes a negative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The total less all credits; 0 for an order that failed or was cancelled.
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

/// The ledger of an order whose payment captured this much. A refund without credits is a credit itself.
pub(crate) fn ledger(order: &Order, captured: Option<Money>, refunds: &[Refund]) -> Ledger {
    let currency = order.total.currency;
    let money = |amount_minor| Money {
        amount_minor,
        currency,
    };
    let is_credited = |refund: &&Refund| {
        let of_refund = |credit: &Credit| credit.refund_id == Some(refund.id);
        order.credits.iter().any(of_refund)
    };
    let alone = refunds
        .iter()
        .filter(|refund| refund.state != RefundState::Failed && !is_credited(refund));
    let credits: i64 = counted(&order.credits, refunds)
        .iter()
        .map(|credit| credit.amount_minor)
        .chain(alone.map(|refund| refund.amount.amount_minor))
        .sum();
    let owed = match order.status {
        OrderStatus::Failed | OrderStatus::Cancelling | OrderStatus::Cancelled => 0,
        // What others refunded at the gateway may exceed it, together with what returns are credited.
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
