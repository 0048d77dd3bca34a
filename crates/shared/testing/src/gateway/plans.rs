//! What happens to the calls of the gateway in memory.

use std::collections::{HashMap, VecDeque};

use oms_payments::{
    GatewayFault, Operation, PaymentStatus, Reference, RefundFailure, RefundOutcome,
};
use oms_validation::Money;

use super::{Call, declined};

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It does what it asks for.
    Succeed,
    /// It fails before it has an effect.
    FailBefore(GatewayFault),
    /// It has its effect, and the answer is lost.
    FailAfter(GatewayFault),
    /// The payment becomes this.
    Become(PaymentStatus),
    /// One minor unit too many is taken.
    Overcharge,
    /// The refund fails without an effect, and so does every other refund with its key.
    FailKey(GatewayFault),
    /// The refund becomes this.
    Refund(fn(Reference, Money) -> RefundOutcome),
    /// The caller meets a defect.
    Panic,
}

/// What confirmations do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// They take the money.
    Pays,
    /// They take the money, and the answer is lost.
    PaysSilently,
    /// They are lost on the way.
    IsLost,
    /// They need the customer to act.
    AsksTheCustomer,
    /// They take one minor unit too many.
    Overcharges,
    /// They are declined.
    Declines,
    /// They are left to the bank, which takes its time and lets nobody cancel.
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

/// What refunds do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunding {
    /// They succeed.
    Pays,
    /// They succeed, and the answer is lost.
    PaysSilently,
    /// They are lost on the way.
    IsLost,
    /// The bank refuses them.
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

/// The plans by operation: those of single calls first, then the standing one.
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
