//! Plans for the calls of the in-memory gateway.

use std::collections::{HashMap, VecDeque};

use oms_payments::{
    GatewayFault, Operation, PaymentStatus, Reference, RefundFailure, RefundOutcome,
};
use oms_validation::Money;

use super::{Call, declined};

/// The result of one call.
#[derive(Clone, Debug)]
pub enum Plan {
    /// The call succeeds.
    Succeed,
    /// The call fails before it has an effect.
    FailBefore(GatewayFault),
    /// The call has its effect, but its answer is lost.
    FailAfter(GatewayFault),
    /// The payment gets this status.
    Become(PaymentStatus),
    /// The gateway takes one minor unit too many.
    Overcharge,
    /// The refund fails without an effect, and so does every repetition with its key.
    FailKey(GatewayFault),
    /// The refund gets this outcome.
    Refund(fn(Reference, Money) -> RefundOutcome),
    /// The call panics.
    Panic,
}

/// The result of confirmations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// The gateway takes the money.
    Pays,
    /// The gateway takes the money, but its answer is lost.
    PaysSilently,
    /// The request is lost.
    IsLost,
    /// The customer must act.
    AsksTheCustomer,
    /// The gateway takes one minor unit too many.
    Overcharges,
    /// The payment is declined.
    Declines,
    /// The bank processes the payment for a while, during which it can't be cancelled.
    IsProcessed,
}

impl Confirm {
    pub(super) fn plan(self) -> Option<Plan> {
        Some(match self {
            Self::Pays => return None,
            Self::PaysSilently => Plan::FailAfter(GatewayFault::TimedOut),
            Self::IsLost => Plan::FailBefore(GatewayFault::TimedOut),
            Self::AsksTheCustomer => Plan::Become(PaymentStatus::NeedsAction),
            Self::Overcharges => Plan::Overcharge,
            Self::Declines => Plan::Become(declined("insufficient_funds")),
            Self::IsProcessed => Plan::Become(PaymentStatus::Processing),
        })
    }
}

/// The result of refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunding {
    /// The refund succeeds.
    Pays,
    /// The refund succeeds, but the answer is lost.
    PaysSilently,
    /// The request is lost.
    IsLost,
    /// The bank refuses the refund.
    IsRefused,
}

impl Refunding {
    pub(super) fn plan(self) -> Option<Plan> {
        Some(match self {
            Self::Pays => return None,
            Self::PaysSilently => Plan::FailAfter(GatewayFault::TimedOut),
            Self::IsLost => Plan::FailBefore(GatewayFault::TimedOut),
            Self::IsRefused => Plan::Refund(|reference, amount| RefundOutcome::Failed {
                reference,
                amount,
                code: RefundFailure::new("lost_or_stolen_card"),
            }),
        })
    }
}

/// The plans by operation. Plans of single calls take precedence over the standing plan.
#[derive(Default)]
pub(super) struct Plans {
    next: HashMap<&'static str, VecDeque<Plan>>,
    standing: HashMap<&'static str, Plan>,
    poisoned: Option<Reference>,
}

impl Plans {
    pub(super) fn add(&mut self, operation: Operation, plan: Plan) {
        let next = self.next.entry(operation.as_str()).or_default();
        next.push_back(plan);
    }

    pub(super) fn set_standing(&mut self, operation: Operation, plan: Option<Plan>) {
        match plan {
            Some(plan) => self.standing.insert(operation.as_str(), plan),
            None => self.standing.remove(operation.as_str()),
        };
    }

    pub(super) fn poison(&mut self, reference: Reference) {
        self.poisoned = Some(reference);
    }

    pub(super) fn next(&mut self, call: &Call) -> Plan {
        if call.operation == Operation::Lookup
            && self.poisoned.is_some()
            && self.poisoned == call.reference
        {
            return Plan::Panic;
        }
        let operation = call.operation.as_str();
        let next = self.next.get_mut(operation).and_then(VecDeque::pop_front);
        next.or_else(|| self.standing.get(operation).cloned())
            .unwrap_or(Plan::Succeed)
    }
}
