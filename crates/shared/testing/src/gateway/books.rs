//! The books of the in-memory gateway: payments, charges, refunds, disputes, and reports of the last two.

mod refunds;

use std::collections::HashMap;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use oms_payments::{
    Capture, ChargeId, ChargePage, ChargeStatus, ChargeWindow, DisputeState, GatewayEventId,
    GatewayFault, ListedCharge, ListedDispute, ListedRefund, PaymentStatus, PrepareRequest,
    Reference, RefundOutcome, Report, ReportPage,
};
use oms_validation::{Money, OrderId, TenantId};

use super::reference_of;

/// Charges per page. It is small, so that a test needs few charges for several pages.
const PAGE_SIZE: usize = 2;

pub(super) struct Books {
    payments: HashMap<Reference, Payment>,
    /// The charges, the oldest first, one second apart.
    pub(super) charges: Vec<ListedCharge>,
    pub(super) first_charge_at: DateTime<Utc>,
    /// The refunds with their payments, the oldest first.
    refunds: Vec<(Reference, ListedRefund)>,
    /// The first answer to each key.
    answered_refunds: HashMap<String, Result<RefundOutcome, GatewayFault>>,
    pub(super) refund_keys: Vec<String>,
    /// The disputes with their payments, the oldest first.
    disputes: Vec<(Reference, ListedDispute)>,
    reports: Vec<Report>,
}

struct Payment {
    amount: Money,
    status: PaymentStatus,
    order_id: OrderId,
    tenant_id: TenantId,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            payments: HashMap::new(),
            charges: Vec::new(),
            first_charge_at: DateTime::<Utc>::from(SystemTime::now()) - TimeDelta::minutes(30),
            refunds: Vec::new(),
            answered_refunds: HashMap::new(),
            refund_keys: Vec::new(),
            disputes: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Returns the reference of an attempt's payment: the same for repeated requests, distinct for each tenant and
    /// attempt.
    pub(super) fn name_of(&self, request: &PrepareRequest) -> Reference {
        let first = reference_of(request.order_id);
        let name = match request.attempt_number {
            1 => first,
            number => name(&format!("{first}_{number}")),
        };
        match self.payments.get(&name) {
            Some(payment) if payment.tenant_id != request.tenant_id => {
                self::name(&format!("{name}_{}", request.tenant_id.as_uuid().simple()))
            }
            _ => name,
        }
    }

    pub(super) fn prepare(&mut self, reference: &Reference, request: &PrepareRequest) {
        let payment = Payment {
            amount: request.amount,
            status: PaymentStatus::NotConfirmed,
            order_id: request.order_id,
            tenant_id: request.tenant_id,
        };
        self.payments.entry(reference.clone()).or_insert(payment);
    }

    /// Fails if no such payment was prepared.
    pub(super) fn known(&self, reference: &Reference) -> Result<(), GatewayFault> {
        match self.payments.contains_key(reference) {
            true => Ok(()),
            false => Err(missing("payment_intent")),
        }
    }

    pub(super) fn statuses(&self) -> Vec<PaymentStatus> {
        let payments = self.payments.values();
        payments.map(|payment| payment.status.clone()).collect()
    }

    pub(super) fn status(&self, reference: &Reference) -> PaymentStatus {
        self.payments[reference].status.clone()
    }

    pub(super) fn asked(&self, reference: &Reference) -> Money {
        self.payments[reference].amount
    }

    /// Changes a payment unless it is paid, cancelled or processing, and returns its status.
    pub(super) fn change(&mut self, reference: &Reference, to: PaymentStatus) -> PaymentStatus {
        let is_settled = matches!(
            self.status(reference),
            PaymentStatus::Paid { .. } | PaymentStatus::Cancelled | PaymentStatus::Processing
        );
        if !is_settled {
            self.force(reference, to);
        }
        self.status(reference)
    }

    /// Changes a payment regardless of its status, and charges it when it becomes paid.
    pub(super) fn force(&mut self, reference: &Reference, to: PaymentStatus) {
        let was_paid = matches!(self.status(reference), PaymentStatus::Paid { .. });
        if let (false, PaymentStatus::Paid { amount }) = (was_paid, &to) {
            self.charge(reference, *amount);
        }
        self.set_status(reference, to);
    }

    pub(super) fn set_status(&mut self, reference: &Reference, to: PaymentStatus) {
        let payment = self.payments.get_mut(reference);
        payment.expect("the payment was prepared").status = to;
    }

    fn charge(&mut self, reference: &Reference, taken: Money) {
        let payment = &self.payments[reference];
        let number = self.charges.len();
        let seconds = i64::try_from(number).expect("a test makes few charges");
        self.charges.push(ListedCharge {
            id: ChargeId::parse(&format!("ch_{number}")).expect("the ID is valid"),
            reference: Some(reference.clone()),
            amount: payment.amount,
            captured: taken,
            refunded: Money::zero(taken.currency),
            status: ChargeStatus::Succeeded,
            capture: Capture::Captured,
            disputed: false,
            created_at: self.first_charge_at + TimeDelta::seconds(seconds),
            order_id: Some(payment.order_id),
            tenant_id: Some(payment.tenant_id),
            installation_id: None,
        });
    }

    /// Releases the authorised amount that was not captured.
    pub(super) fn release(&mut self, reference: &Reference) {
        for charge in &mut self.charges {
            let is_of_it = charge.reference.as_ref() == Some(reference);
            if is_of_it && charge.capture == Capture::Uncaptured {
                charge.refunded = charge.amount;
            }
        }
    }

    pub(super) fn net_minor(&self) -> i64 {
        let net = |it: &ListedCharge| it.captured.amount_minor - it.refunded.amount_minor;
        self.charges.iter().map(net).sum()
    }

    pub(super) fn refunded(&self, payment: &Reference) -> i64 {
        let charge = self.charges.iter().find(|it| is_of(it, payment));
        charge.map_or(0, |charge| charge.refunded.amount_minor)
    }

    pub(super) fn dispute(&mut self, payment: &Reference, amount: Money, state: DisputeState) {
        match self.disputes.iter_mut().find(|(of, _)| of == payment) {
            Some((_, dispute)) => dispute.state = state,
            None => {
                let dispute = ListedDispute {
                    reference: name(&format!("du_{}", self.disputes.len())),
                    amount,
                    reason: "fraudulent".to_owned(),
                    state,
                    evidence_due_at: DateTime::from_timestamp(1_900_000_000, 0),
                    opened_at: DateTime::from_timestamp(1_790_000_000, 0)
                        .expect("the time is valid"),
                };
                self.disputes.push((payment.clone(), dispute));
            }
        }
        if let Some(charge) = self.charges.iter_mut().find(|it| is_of(it, payment)) {
            charge.disputed = true;
        }
        self.report(payment);
    }

    /// Returns the disputes of a payment, the newest first.
    pub(super) fn disputes_of(&self, payment: &Reference) -> Vec<ListedDispute> {
        of(&self.disputes, payment)
    }

    fn report(&mut self, payment: &Reference) {
        let id = format!("evt_{}", self.reports.len());
        self.reports.push(Report {
            id: GatewayEventId::parse(&id).expect("the ID is valid"),
            reference: payment.clone(),
            tenant_id: None,
        });
    }

    pub(super) fn reports(&self) -> ReportPage {
        ReportPage {
            reports: self.reports.clone(),
            next: None,
        }
    }

    pub(super) fn find_charge(&self, id: &ChargeId) -> Option<ListedCharge> {
        self.charges.iter().find(|it| it.id == *id).cloned()
    }

    /// Returns the page of charges after a cursor, the newest first.
    pub(super) fn page(&self, window: &ChargeWindow, after: Option<&ChargeId>) -> ChargePage {
        let is_inside = |it: &&ListedCharge| (window.from..window.to).contains(&it.created_at);
        let inside = self.charges.iter().rev().filter(is_inside);
        let mut rest: Vec<ListedCharge> = inside.cloned().collect();
        if let Some(after) = after {
            let seen = rest.iter().position(|it| it.id == *after);
            rest.drain(..=seen.expect("a cursor is a charge of the window"));
        }
        let has_more = rest.len() > PAGE_SIZE;
        rest.truncate(PAGE_SIZE);
        ChargePage {
            next: rest.last().filter(|_| has_more).map(|last| last.id.clone()),
            charges: rest,
        }
    }
}

fn name(text: &str) -> Reference {
    Reference::parse(text).expect("letters, digits and underscores make a valid reference")
}

/// Returns the fault for a missing object.
fn missing(what: &str) -> GatewayFault {
    GatewayFault::Rejected {
        status: 404,
        code: Some("resource_missing".to_owned()),
        param: Some(what.to_owned()),
    }
}

fn is_of(charge: &ListedCharge, payment: &Reference) -> bool {
    charge.reference.as_ref() == Some(payment)
}

fn of<T: Clone>(kept: &[(Reference, T)], payment: &Reference) -> Vec<T> {
    let newest_first = kept.iter().rev();
    let of_payment = newest_first.filter(|(of, _)| of == payment);
    of_payment.map(|(_, kept)| kept.clone()).collect()
}
