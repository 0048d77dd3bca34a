//! What happens to a payment at the gateway in memory long after it was taken.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use oms_payments::{
    DisputeState, GatewayEventId, ListedDispute, ListedRefund, ListedState, Reference, RefundActor,
    RefundFailure, RefundOutcome, RefundRequest, Report, ReportPage,
};
use oms_validation::Money;

use crate::gateway::ScriptedGateway;

/// Refunds and disputes by payment, the oldest first.
#[derive(Default)]
pub struct Aftermath {
    refunds: Mutex<Vec<(Reference, ListedRefund)>>,
    disputes: Mutex<Vec<(Reference, ListedDispute)>>,
    reports: Mutex<Vec<Report>>,
}

impl Aftermath {
    pub fn refunds_of(&self, payment: &Reference) -> Vec<ListedRefund> {
        of(&self.refunds.lock().unwrap(), payment)
    }

    pub fn disputes_of(&self, payment: &Reference) -> Vec<ListedDispute> {
        of(&self.disputes.lock().unwrap(), payment)
    }

    pub fn reports(&self) -> ReportPage {
        ReportPage {
            reports: self.reports.lock().unwrap().clone(),
            next: None,
        }
    }

    /// A refund that we asked for.
    pub fn note(&self, request: &RefundRequest, outcome: &RefundOutcome) {
        let (reference, amount, state) = match outcome {
            RefundOutcome::Refunded { reference, amount } => {
                (reference, amount, ListedState::Refunded)
            }
            RefundOutcome::Pending { reference, amount } => {
                (reference, amount, ListedState::Pending)
            }
            RefundOutcome::Failed {
                reference,
                amount,
                code,
            } => (reference, amount, ListedState::Failed(code.clone())),
            RefundOutcome::AlreadyRefunded => return,
        };
        let listed = ListedRefund {
            reference: reference.clone(),
            refund_id: Some(request.refund_id),
            actor: RefundActor::Gateway,
            amount: *amount,
            state,
        };
        self.keep(&request.reference, listed);
    }

    fn keep(&self, payment: &Reference, listed: ListedRefund) {
        let mut refunds = self.refunds.lock().unwrap();
        refunds.push((payment.clone(), listed));
        self.report(payment);
    }

    fn report(&self, payment: &Reference) {
        let mut reports = self.reports.lock().unwrap();
        let id = GatewayEventId::parse(&format!("evt_{}", reports.len())).unwrap();
        reports.push(Report {
            id,
            reference: payment.clone(),
            tenant_id: None,
        });
    }
}

fn of<T: Clone>(kept: &[(Reference, T)], payment: &Reference) -> Vec<T> {
    let newest_first = kept.iter().rev();
    let of_payment = newest_first.filter(|(owner, _)| owner == payment);
    of_payment.map(|(_, kept)| kept.clone()).collect()
}

impl ScriptedGateway {
    /// Somebody gives money back in the gateway's dashboard. Returns the refund's name; none when so much is not left.
    pub fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64) -> Option<Reference> {
        let amount = self.with_charges(|charges| {
            let charge = charges
                .iter_mut()
                .find(|it| it.reference.as_ref() == Some(payment))?;
            let left = charge.captured.amount_minor - charge.refunded.amount_minor;
            if amount_minor > left || charge.disputed {
                return None;
            }
            charge.refunded.amount_minor += amount_minor;
            Some(Money {
                amount_minor,
                ..charge.captured
            })
        })?;
        let number = self.aftermath.refunds.lock().unwrap().len();
        let reference = Reference::parse(&format!("re_elsewhere_{number}")).unwrap();
        let listed = ListedRefund {
            reference: reference.clone(),
            refund_id: None,
            actor: RefundActor::Gateway,
            amount,
            state: ListedState::Refunded,
        };
        self.aftermath.keep(payment, listed);
        Some(reference)
    }

    /// The bank sends a refund back, as it may weeks later. False when it has failed before.
    pub fn fail_refund(&self, name: &Reference) -> bool {
        let mut refunds = self.aftermath.refunds.lock().unwrap();
        let Some((payment, refund)) = refunds.iter_mut().find(|(_, it)| it.reference == *name)
        else {
            return false;
        };
        if matches!(refund.state, ListedState::Failed(_)) {
            return false;
        }
        refund.state = ListedState::Failed(RefundFailure::new("expired_or_canceled_card"));
        let (payment, amount) = (payment.clone(), refund.amount);
        drop(refunds);
        self.with_charges(|charges| {
            let is_of =
                |it: &&mut oms_payments::ListedCharge| it.reference.as_ref() == Some(&payment);
            let charge = charges.iter_mut().find(is_of).unwrap();
            charge.refunded.amount_minor -= amount.amount_minor;
        });
        self.aftermath.report(&payment);
        true
    }

    /// The customer disputes a payment, or the dispute goes on.
    pub fn dispute(&self, payment: &Reference, amount: Money, state: DisputeState) {
        let mut disputes = self.aftermath.disputes.lock().unwrap();
        match disputes.iter_mut().find(|(owner, _)| owner == payment) {
            Some((_, dispute)) => dispute.state = state,
            None => {
                let name = format!("du_{}", disputes.len());
                let dispute = ListedDispute {
                    reference: Reference::parse(&name).unwrap(),
                    amount,
                    reason: "fraudulent".to_owned(),
                    state,
                    evidence_due_at: DateTime::<Utc>::from_timestamp(1_900_000_000, 0),
                    opened_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
                };
                disputes.push((payment.clone(), dispute));
            }
        }
        drop(disputes);
        self.with_charges(|charges| {
            let of_it =
                |it: &&mut oms_payments::ListedCharge| it.reference.as_ref() == Some(payment);
            if let Some(charge) = charges.iter_mut().find(of_it) {
                charge.disputed = true;
            }
        });
        self.aftermath.report(payment);
    }
}
