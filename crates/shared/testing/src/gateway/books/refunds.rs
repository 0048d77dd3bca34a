//! Refunds in the books: at most the captured amount, and one per idempotency key.

use oms_payments::{
    ChargeId, GatewayFault, ListedRefund, ListedState, OperationKey, Reference, RefundActor,
    RefundFailure, RefundId, RefundOutcome, RefundRequest,
};
use oms_validation::Money;

use super::super::Plan;
use super::{Books, is_of, missing, name, of};

impl Books {
    /// Refunds a payment. A repeated key gets its first answer again.
    pub(in crate::gateway) fn refund_once(
        &mut self,
        request: &RefundRequest,
        key: &OperationKey,
        plan: &Plan,
    ) -> Result<RefundOutcome, GatewayFault> {
        let key = key.as_str();
        if let Some(first) = self.answered_refunds.get(key) {
            return first.clone();
        }
        let (payment, id) = (&request.reference, Some(request.refund_id));
        let answer = match plan {
            Plan::FailKey(fault) => Err(fault.clone()),
            Plan::Refund(becomes) => self.refund(payment, id, request.amount, Some(*becomes)),
            _ => self.refund(payment, id, request.amount, None),
        };
        self.answered_refunds.insert(key.to_owned(), answer.clone());
        answer
    }

    /// Refunds a payment, up to the captured amount.
    pub(in crate::gateway) fn refund(
        &mut self,
        payment: &Reference,
        id: Option<RefundId>,
        amount: Money,
        becomes: Option<fn(Reference, Money) -> RefundOutcome>,
    ) -> Result<RefundOutcome, GatewayFault> {
        let place = self.charges.iter().position(|it| is_of(it, payment));
        let place = place.ok_or_else(|| rejected("payment_intent"))?;
        self.refund_at(place, payment, id, amount, becomes)
    }

    pub(in crate::gateway) fn refund_charge(
        &mut self,
        id: &ChargeId,
        amount: Money,
    ) -> Result<RefundOutcome, GatewayFault> {
        let place = self.charges.iter().position(|it| it.id == *id);
        let place = place.ok_or_else(|| missing("charge"))?;
        let payment = self.charges[place].reference.clone();
        let payment = payment.unwrap_or_else(|| name(id.as_str()));
        self.refund_at(place, &payment, None, amount, None)
    }

    fn refund_at(
        &mut self,
        place: usize,
        payment: &Reference,
        id: Option<RefundId>,
        amount: Money,
        becomes: Option<fn(Reference, Money) -> RefundOutcome>,
    ) -> Result<RefundOutcome, GatewayFault> {
        let charge = &mut self.charges[place];
        let left = charge.captured.amount_minor - charge.refunded.amount_minor;
        if left == 0 {
            return Ok(RefundOutcome::AlreadyRefunded);
        }
        if amount.amount_minor > left || amount.currency != charge.captured.currency {
            return Err(rejected("amount"));
        }
        let reference = name(&format!("re_{}", self.refunds.len() + 1));
        let outcome = match becomes {
            Some(becomes) => becomes(reference, amount),
            None => RefundOutcome::Refunded { reference, amount },
        };
        if let Some(listed) = listed(id, &outcome) {
            if counts(&listed) {
                charge.refunded.amount_minor += amount.amount_minor;
            }
            self.keep(payment, listed);
        }
        Ok(outcome)
    }

    pub(in crate::gateway) fn refund_outcomes(&self) -> Vec<RefundOutcome> {
        self.refunds.iter().map(|(_, it)| outcome_of(it)).collect()
    }

    pub(in crate::gateway) fn find_refund(
        &mut self,
        payment: &Reference,
        id: RefundId,
        plan: &Plan,
    ) -> Option<RefundOutcome> {
        let is_it =
            |(of, it): &(Reference, ListedRefund)| of == payment && it.refund_id == Some(id);
        let place = self.refunds.iter().rposition(is_it)?;
        if let Plan::Refund(becomes) = plan {
            let found = &self.refunds[place].1;
            let outcome = becomes(found.reference.clone(), found.amount);
            let becomes = listed(Some(id), &outcome).expect("a planned outcome is a refund");
            self.replace(place, becomes);
        }
        Some(outcome_of(&self.refunds[place].1))
    }

    /// Changes a refund, and the refunded amount of its charge.
    fn replace(&mut self, place: usize, becomes: ListedRefund) {
        let (payment, refund) = &mut self.refunds[place];
        let counted = [&*refund, &becomes].map(|it| i64::from(counts(it)) * it.amount.amount_minor);
        *refund = becomes;
        let charge = self.charges.iter_mut().find(|it| is_of(it, payment));
        if let Some(charge) = charge {
            charge.refunded.amount_minor += counted[1] - counted[0];
        }
    }

    pub(in crate::gateway) fn refund_elsewhere(
        &mut self,
        payment: &Reference,
        amount_minor: i64,
    ) -> Option<Reference> {
        let charge = self.charges.iter().find(|it| is_of(it, payment))?;
        if charge.disputed {
            return None;
        }
        let amount = Money {
            amount_minor,
            ..charge.captured
        };
        match self.refund(payment, None, amount, None) {
            Ok(RefundOutcome::Refunded { reference, .. }) => Some(reference),
            _ => None,
        }
    }

    pub(in crate::gateway) fn fail_refund(&mut self, name: &Reference) -> bool {
        let place = self
            .refunds
            .iter()
            .position(|(_, it)| it.reference == *name);
        let Some(place) = place else { return false };
        let (payment, refund) = self.refunds[place].clone();
        if matches!(refund.state, ListedState::Failed(_)) {
            return false;
        }
        let failed = ListedRefund {
            state: ListedState::Failed(RefundFailure::new("expired_or_canceled_card")),
            ..refund
        };
        self.replace(place, failed);
        self.report(&payment);
        true
    }

    /// Returns the refunds of a payment, the newest first.
    pub(in crate::gateway) fn refunds_of(&self, payment: &Reference) -> Vec<ListedRefund> {
        of(&self.refunds, payment)
    }

    fn keep(&mut self, payment: &Reference, refund: ListedRefund) {
        self.refunds.push((payment.clone(), refund));
        self.report(payment);
    }
}

/// Whether a refund's money has been paid out or is about to be.
fn counts(refund: &ListedRefund) -> bool {
    !matches!(refund.state, ListedState::Failed(_))
}

/// Returns a refund with this outcome, or `None` if nothing was left to refund.
fn listed(refund_id: Option<RefundId>, outcome: &RefundOutcome) -> Option<ListedRefund> {
    let (reference, amount, state) = match outcome {
        RefundOutcome::Refunded { reference, amount } => (reference, amount, ListedState::Refunded),
        RefundOutcome::Pending { reference, amount } => (reference, amount, ListedState::Pending),
        RefundOutcome::Failed {
            reference,
            amount,
            code,
        } => (reference, amount, ListedState::Failed(code.clone())),
        RefundOutcome::AlreadyRefunded => return None,
    };
    Some(ListedRefund {
        reference: reference.clone(),
        refund_id,
        actor: RefundActor::Gateway,
        amount: *amount,
        state,
    })
}

fn outcome_of(refund: &ListedRefund) -> RefundOutcome {
    let (reference, amount) = (refund.reference.clone(), refund.amount);
    match &refund.state {
        ListedState::Refunded => RefundOutcome::Refunded { reference, amount },
        ListedState::Pending => RefundOutcome::Pending { reference, amount },
        ListedState::Failed(code) => RefundOutcome::Failed {
            reference,
            amount,
            code: code.clone(),
        },
    }
}

fn rejected(param: &str) -> GatewayFault {
    GatewayFault::Rejected {
        status: 400,
        code: None,
        param: Some(param.to_owned()),
    }
}
