//! The refunds that the gateway in memory keeps.

use std::collections::HashMap;

use oms_payments::{
    GatewayError, GatewayFault, ListedRefund, ListedState, Operation, OperationKey, PaymentStatus,
    Reference, RefundActor, RefundId, RefundOutcome, RefundRequest,
};
use oms_validation::Money;

use super::{FakeGateway, Ledger, Plan};

/// Refunds by their ids, and the first answer to each key.
#[derive(Default)]
pub(super) struct Refunds {
    /// The oldest first.
    kept: Vec<Kept>,
    first_answers: HashMap<String, Result<RefundOutcome, GatewayFault>>,
    keys: Vec<String>,
}

struct Kept {
    id: RefundId,
    payment: Reference,
    outcome: RefundOutcome,
}

impl FakeGateway {
    /// What it has given back, was asked to, or could not.
    pub(crate) fn refunds(&self) -> Vec<RefundOutcome> {
        let ledger = self.ledger.lock().unwrap();
        let kept = ledger.refunds.kept.iter();
        kept.map(|refund| refund.outcome.clone()).collect()
    }

    /// The money of a payment that was given back or is about to be.
    pub(crate) fn given_back(&self, payment: &Reference) -> i64 {
        self.ledger.lock().unwrap().refunds.of(payment)
    }

    /// The key of each call that asked for a refund.
    pub(crate) fn refund_keys(&self) -> Vec<String> {
        self.ledger.lock().unwrap().refunds.keys.clone()
    }

    /// Somebody gives money back with this id.
    pub(crate) fn give_back(&self, id: RefundId, payment: &Reference, amount: Money) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.refunds.keep(id, payment, amount, None);
    }
}

impl Ledger {
    pub(super) fn refund(
        &mut self,
        request: &RefundRequest,
        key: &OperationKey,
        plan: Option<Plan>,
    ) -> Result<RefundOutcome, GatewayError> {
        let key = key.as_str().to_owned();
        self.refunds.keys.push(key.clone());
        let fail = |fault| GatewayError::new(Operation::Refund, fault);
        if let Some(Plan::FailBefore(fault)) = plan {
            return Err(fail(fault));
        }
        if let Some(first) = self.refunds.first_answers.get(&key) {
            return first.clone().map_err(fail);
        }
        let answer = match &plan {
            Some(Plan::FailKey(fault)) => Err(fault.clone()),
            _ => self.give_back(request, plan.as_ref()),
        };
        self.refunds.first_answers.insert(key, answer.clone());
        match plan {
            Some(Plan::FailAfter(fault)) => Err(fail(fault)),
            _ => answer.map_err(fail),
        }
    }

    /// Gives back no more than was taken.
    fn give_back(
        &mut self,
        request: &RefundRequest,
        plan: Option<&Plan>,
    ) -> Result<RefundOutcome, GatewayFault> {
        let (payment, amount) = (&request.reference, request.amount);
        let taken = match &self.payments[payment].1 {
            PaymentStatus::Paid { amount } => *amount,
            _ => return Err(rejected("payment_intent")),
        };
        let left = taken.amount_minor - self.refunds.of(payment);
        if left == 0 {
            return Ok(RefundOutcome::AlreadyRefunded);
        }
        if amount.amount_minor > left || amount.currency != taken.currency {
            return Err(rejected("amount"));
        }
        Ok(self.refunds.keep(request.refund_id, payment, amount, plan))
    }
}

impl Refunds {
    pub(super) fn find(
        &mut self,
        payment: &Reference,
        id: RefundId,
        plan: Option<Plan>,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        if let Some(Plan::FailBefore(fault) | Plan::FailAfter(fault)) = plan {
            return Err(GatewayError::new(Operation::FindRefund, fault));
        }
        let newest_first = self.kept.iter_mut().rev();
        let mut of_payment = newest_first.filter(|refund| refund.payment == *payment);
        let Some(found) = of_payment.find(|refund| refund.id == id) else {
            return Ok(None);
        };
        if let (Some(Plan::Refund(become_this)), Some((name, amount))) =
            (plan, about(&found.outcome))
        {
            found.outcome = become_this(name, amount);
        }
        Ok(Some(found.outcome.clone()))
    }

    fn keep(
        &mut self,
        id: RefundId,
        payment: &Reference,
        amount: Money,
        plan: Option<&Plan>,
    ) -> RefundOutcome {
        let reference = Reference::parse(&format!("re_{}", self.kept.len() + 1)).unwrap();
        let outcome = match plan {
            Some(Plan::Refund(become_this)) => become_this(reference, amount),
            _ => RefundOutcome::Refunded { reference, amount },
        };
        self.kept.push(Kept {
            id,
            payment: payment.clone(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// All refunds of a payment, the newest first.
    pub(super) fn list(&self, payment: &Reference) -> Vec<ListedRefund> {
        let newest_first = self.kept.iter().rev();
        let of_payment = newest_first.filter(|refund| refund.payment == *payment);
        let listed = of_payment.map(|refund| {
            let (reference, amount) = about(&refund.outcome).expect("a kept one has a name");
            ListedRefund {
                reference,
                refund_id: Some(refund.id),
                actor: RefundActor::Gateway,
                amount,
                state: match &refund.outcome {
                    RefundOutcome::Pending { .. } => ListedState::Pending,
                    RefundOutcome::Failed { code, .. } => ListedState::Failed(code.clone()),
                    RefundOutcome::Refunded { .. } | RefundOutcome::AlreadyRefunded => {
                        ListedState::Refunded
                    }
                },
            }
        });
        listed.collect()
    }

    /// What of a payment was given back or is about to be.
    fn of(&self, payment: &Reference) -> i64 {
        let kept = self.kept.iter().filter(|refund| refund.payment == *payment);
        let amounts = kept.map(|refund| match &refund.outcome {
            RefundOutcome::Refunded { amount, .. } | RefundOutcome::Pending { amount, .. } => {
                amount.amount_minor
            }
            RefundOutcome::Failed { .. } | RefundOutcome::AlreadyRefunded => 0,
        });
        amounts.sum()
    }
}

fn about(outcome: &RefundOutcome) -> Option<(Reference, Money)> {
    match outcome {
        RefundOutcome::Refunded { reference, amount }
        | RefundOutcome::Pending { reference, amount }
        | RefundOutcome::Failed {
            reference, amount, ..
        } => Some((reference.clone(), *amount)),
        RefundOutcome::AlreadyRefunded => None,
    }
}

fn rejected(param: &str) -> GatewayFault {
    GatewayFault::Rejected {
        status: 400,
        code: None,
        param: Some(param.to_owned()),
    }
}
