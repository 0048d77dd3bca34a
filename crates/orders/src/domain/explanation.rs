//! What is going on with an order, in words: what happened, where the money and the goods are, who acts next, and what an
//! operator can do. A pure function of what is stored.

mod goods;
mod happened;
mod money;
mod next;
mod possible;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use oms_fulfilment::{Fulfilment, FulfilmentOrder};
use oms_payments::{Attempt, AttemptState, GatewayCall, Refund, RefundState};
use oms_validation::{Money, WarehouseId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dead_letter::DeadLetter;
use crate::domain::dispute::Dispute;
use crate::domain::finding::{Finding, FindingKind};
use crate::domain::ledger::Ledger;
use crate::domain::order::Order;
use crate::domain::other_amount;
use crate::domain::timeline::FailedTry;

/// What is stored about an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) order: &'a Order,
    /// The present. A time that has passed is not announced.
    pub(crate) now: DateTime<Utc>,
    pub(crate) ledger: Ledger,
    /// The latest attempt.
    pub(crate) payment: Option<&'a Attempt>,
    /// When the order fails unless it is paid. Only while it is pending.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Oldest first.
    pub(crate) refunds: &'a [Refund],
    /// Newest first.
    pub(crate) disputes: &'a [Dispute],
    pub(crate) goods: &'a Fulfilment,
    /// The names of the warehouses that its goods were moved to.
    pub(crate) warehouses: &'a HashMap<WarehouseId, String>,
    /// Its entry on the sweeper's work list.
    pub(crate) waiting: Option<Waiting>,
    /// The latest failed try of the sweeper.
    pub(crate) last_try: Option<&'a FailedTry>,
    /// The number of tries after which the sweeper gives up.
    pub(crate) max_tries: u32,
    /// Its open dead letter.
    pub(crate) dead_letter: Option<&'a DeadLetter>,
    /// The latest call that asked the gateway to change something.
    pub(crate) last_change: Option<&'a GatewayCall>,
    /// Its open findings, newest first.
    pub(crate) findings: &'a [Finding],
}

/// An order's entry on the sweeper's work list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// When the sweeper looks at the order.
    pub(crate) due_at: DateTime<Utc>,
    /// Number of tries that have failed.
    pub(crate) tries: u32,
}

/// What is going on with an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What happened.
    pub happened: String,
    /// Where the money is.
    pub money: String,
    /// Where the goods are.
    pub goods: String,
    /// Who acts next.
    pub next: Next,
    /// What an operator can do, the most useful first.
    pub possible: Vec<Possible>,
}

/// Who acts next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Who.
    pub who: Who,
    /// When, if that is known.
    pub at: Option<DateTime<Utc>>,
    /// What happens then.
    pub text: String,
}

/// Who acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Nobody: the order is complete.
    Nobody,
    /// oms itself.
    Oms,
    /// The customer, in the storefront or by sending goods back.
    Customer,
    /// The customer's bank, or the gateway.
    Bank,
    /// The warehouse that has goods to send.
    Warehouse,
    /// An operator.
    Operator,
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Possible {
    /// What.
    pub step: Step,
    /// What it does.
    pub text: String,
    /// The method of the request.
    pub method: &'static str,
    /// The path of the request.
    pub path: String,
}

/// What an operator can do about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Leave the order to the sweeper again.
    RetryDeadLetter,
    /// Settle the order.
    ResolveDeadLetter,
    /// Take the order from the sweeper.
    CreateDeadLetter,
    /// Resolve a finding that was settled at the gateway.
    ResolveFinding,
    /// Approve a return.
    ApproveReturn,
    /// Record what came back.
    ReceiveReturn,
    /// Release a hold.
    ReleaseHold,
    /// Move what is left to another warehouse.
    Move,
    /// Send goods.
    Ship,
    /// Cancel the order, or what was not sent.
    Cancel,
    /// Refund money.
    Refund,
}

/// Explains an order.
pub(crate) fn explain(facts: &Facts<'_>) -> Explanation {
    Explanation {
        happened: happened::happened(facts),
        money: money::money(facts),
        goods: goods::goods(facts),
        next: next::next(facts),
        possible: possible::possible(facts),
    }
}

impl Facts<'_> {
    /// The name of the gateway that has its payment.
    fn gateway(&self) -> &str {
        self.payment
            .map_or("the gateway", |attempt| attempt.gateway.as_str())
    }

    /// The amount that the gateway took, if the sweeper gave up because it is not the order's total.
    fn other_amount(&self) -> Option<Money> {
        other_amount::read(&self.dead_letter?.reason)
    }

    /// Whether oms can refund what the gateway took.
    fn can_refund(&self, taken: Money) -> bool {
        self.payment.is_some_and(|attempt| attempt.can_hold(taken))
    }

    /// Whether the customer has time left to pay.
    fn may_still_be_paid(&self) -> bool {
        self.expires_at.is_some_and(|until| until > self.now)
    }

    /// What is left to send.
    fn open_work(&self) -> impl Iterator<Item = &FulfilmentOrder> {
        let orders = self.goods.fulfilment_orders.iter();
        orders.filter(|order| order.is_open())
    }

    /// What needs an operator of this kind.
    fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        let mut findings = self.findings.iter();
        findings.find(|finding| finding.kind == kind)
    }

    /// Whether a refund of everything failed after it had succeeded, so that it can't be repeated by oms.
    fn is_refund_left_to_the_gateway(&self) -> bool {
        let is_closed = !self.order.status.holds_stock();
        is_closed && self.finding(FindingKind::RefundFailed).is_some()
    }

    fn pending_refund(&self) -> Option<&Refund> {
        let mut refunds = self.refunds.iter();
        refunds.find(|refund| refund.state == RefundState::Pending)
    }

    fn open_dispute(&self) -> Option<&Dispute> {
        let mut disputes = self.disputes.iter();
        disputes.find(|dispute| dispute.state.is_open())
    }

    /// Whether only the customer can continue the payment.
    fn waits_for_customer(&self) -> bool {
        let waits = |attempt: &Attempt| {
            attempt.state == AttemptState::NeedsAction || attempt.state.is_dead()
        };
        self.payment.is_some_and(waits)
    }

    fn amount(&self, amount_minor: i64) -> Money {
        Money {
            amount_minor,
            ..self.order.total
        }
    }

    /// What is owed to the customer; negative if the customer owes.
    fn owed(&self) -> Money {
        self.amount(-self.ledger.balance.amount_minor)
    }

    fn is_free(&self) -> bool {
        self.order.total.amount_minor == 0
    }
}
