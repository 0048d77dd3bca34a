//! The cases of the contract.

use std::collections::HashSet;

use chrono::DateTime;
use oms_payments::{
    Capture, ChargeId, ChargeStatus, ChargeWindow, Effect, ListedCharge, ListedRefund, ListedState,
    Operation, OperationKey, PaymentStatus, PrepareRequest, Reference, RefundActor, RefundId,
    RefundOutcome, RefundRequest,
};
use oms_testing::gateway::{Confirm, declined};
use oms_testing::world::{tenant, usd};
use oms_validation::OrderId;

use super::subjects::Subject;

/// A payment of 20 dollars.
struct Payment<'a> {
    subject: &'a dyn Subject,
    request: PrepareRequest,
    reference: Reference,
}

const AMOUNT: i64 = 2000;

fn paid() -> PaymentStatus {
    PaymentStatus::Paid {
        amount: usd(AMOUNT),
    }
}

impl<'a> Payment<'a> {
    async fn prepare(subject: &'a dyn Subject) -> Self {
        let request = PrepareRequest {
            order_id: OrderId::generate(),
            tenant_id: tenant(),
            attempt_number: 1,
            amount: usd(AMOUNT),
            allows_redirects: false,
        };
        let prepared = subject.gateway().prepare(&request).await;
        Self {
            subject,
            request,
            reference: prepared.unwrap().value,
        }
    }

    /// A payment that was confirmed, with any outcome.
    async fn confirmed(subject: &'a dyn Subject, ends: Confirm) -> (Self, PaymentStatus) {
        let payment = Self::prepare(subject).await;
        let status = payment.confirm(ends).await;
        (payment, status)
    }

    /// A paid payment.
    async fn paid(subject: &'a dyn Subject) -> Self {
        let (payment, status) = Self::confirmed(subject, Confirm::Pays).await;
        assert_eq!(status, paid());
        payment
    }

    fn key(&self, operation: Operation) -> OperationKey {
        OperationKey::unique(self.request.order_id, operation, 1)
    }

    async fn confirm(&self, ends: Confirm) -> PaymentStatus {
        let (gateway, method) = (self.subject.gateway(), self.subject.method(ends));
        let key = self.key(Operation::Confirm);
        let confirmed = gateway.confirm(&self.reference, &method, &key).await;
        confirmed.unwrap().value
    }

    async fn lookup(&self) -> PaymentStatus {
        let read = self.subject.gateway().lookup(&self.reference).await;
        read.unwrap().value
    }

    async fn cancel(&self) -> PaymentStatus {
        let (gateway, key) = (self.subject.gateway(), self.key(Operation::Cancel));
        let cancelled = gateway.cancel(&self.reference, &key).await;
        cancelled.unwrap().value
    }

    fn refund_of(&self, amount_minor: i64) -> RefundRequest {
        RefundRequest {
            reference: self.reference.clone(),
            order_id: self.request.order_id,
            refund_id: RefundId::generate(),
            amount: usd(amount_minor),
        }
    }

    async fn refund(&self, request: &RefundRequest) -> RefundOutcome {
        let (gateway, key) = (self.subject.gateway(), self.key(Operation::Refund));
        gateway.refund(request, &key).await.unwrap().value
    }

    async fn find_refund(&self, id: RefundId) -> Option<RefundOutcome> {
        let gateway = self.subject.gateway();
        gateway
            .find_refund(&self.reference, id)
            .await
            .unwrap()
            .value
    }

    async fn refunds(&self) -> Vec<ListedRefund> {
        let gateway = self.subject.gateway();
        gateway.list_refunds(&self.reference).await.unwrap().value
    }
}

pub(crate) async fn preparing_a_payment_again_returns_the_same_reference(subject: &dyn Subject) {
    let payment = Payment::prepare(subject).await;
    let again = subject.gateway().prepare(&payment.request).await.unwrap();
    assert_eq!(again.value, payment.reference);
    assert_eq!(payment.lookup().await, PaymentStatus::NotConfirmed);
}

pub(crate) async fn each_attempt_has_its_own_payment(subject: &dyn Subject) {
    let first = Payment::prepare(subject).await;
    let request = PrepareRequest {
        attempt_number: 2,
        ..first.request
    };
    let second = subject.gateway().prepare(&request).await.unwrap();
    assert_ne!(second.value, first.reference);
}

pub(crate) async fn a_confirmed_payment_is_paid_in_full(subject: &dyn Subject) {
    let (_, status) = Payment::confirmed(subject, Confirm::Pays).await;
    assert_eq!(status, paid());
}

pub(crate) async fn a_payment_that_was_never_prepared_cannot_be_confirmed(subject: &dyn Subject) {
    let payment = Payment::prepare(subject).await;
    let unknown = Reference::parse("pi_unknown").unwrap();
    let (method, key) = (
        subject.method(Confirm::Pays),
        payment.key(Operation::Confirm),
    );
    let refused = subject.gateway().confirm(&unknown, &method, &key).await;
    assert_eq!(refused.unwrap_err().effect(), Effect::DidNotHappen);
}

pub(crate) async fn reading_a_payment_returns_its_current_status(subject: &dyn Subject) {
    let insufficient = declined("insufficient_funds");
    for (ends, expected) in [
        (Confirm::Pays, paid()),
        (Confirm::Declines, insufficient),
        (Confirm::AsksTheCustomer, PaymentStatus::NeedsAction),
        (Confirm::IsProcessed, PaymentStatus::Processing),
    ] {
        let (payment, status) = Payment::confirmed(subject, ends).await;
        assert_eq!(status, expected);
        assert_eq!(payment.lookup().await, expected);
    }
}

pub(crate) async fn a_second_confirmation_charges_nothing_more(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    assert_eq!(payment.confirm(Confirm::Pays).await, paid());
    assert_eq!(list(subject, &always()).await.0.len(), 1);
}

pub(crate) async fn a_declined_payment_is_not_charged_and_can_be_cancelled(subject: &dyn Subject) {
    let (payment, _) = Payment::confirmed(subject, Confirm::Declines).await;
    let (charges, _) = list(subject, &always()).await;
    let is_paid = |it: &ListedCharge| it.status == ChargeStatus::Succeeded;
    assert!(!charges.iter().any(is_paid), "{charges:?}");
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
}

pub(crate) async fn a_payment_that_needs_the_customer_has_an_action_and_can_be_cancelled(
    subject: &dyn Subject,
) {
    let payment = Payment::prepare(subject).await;
    let method = subject.method(Confirm::AsksTheCustomer);
    let key = payment.key(Operation::Confirm);
    let gateway = subject.gateway();
    let confirmed = gateway.confirm(&payment.reference, &method, &key).await;
    let confirmed = confirmed.unwrap();
    assert_eq!(confirmed.value, PaymentStatus::NeedsAction);
    assert!(confirmed.customer_action.is_some());
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
}

/// Stripe cancels such a payment "in rare cases": <https://docs.stripe.com/api/payment_intents/cancel>.
pub(crate) async fn cancelling_a_payment_that_the_bank_is_processing_reports_its_status(
    subject: &dyn Subject,
) {
    let (payment, _) = Payment::confirmed(subject, Confirm::IsProcessed).await;
    let status = payment.cancel().await;
    let allowed = [PaymentStatus::Processing, PaymentStatus::Cancelled];
    assert!(allowed.contains(&status), "{status:?}");
    assert_eq!(payment.lookup().await, status);
}

pub(crate) async fn a_cancelled_payment_stays_cancelled(subject: &dyn Subject) {
    let payment = Payment::prepare(subject).await;
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
    assert_eq!(
        payment.confirm(Confirm::Pays).await,
        PaymentStatus::Cancelled
    );
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
    assert_eq!(payment.lookup().await, PaymentStatus::Cancelled);
    assert_eq!(list(subject, &always()).await.0, []);
}

pub(crate) async fn a_cancelled_payment_is_reported_as_cancelled(subject: &dyn Subject) {
    let payment = Payment::prepare(subject).await;
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
}

pub(crate) async fn a_late_cancellation_reports_the_payment_as_paid(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    assert_eq!(payment.cancel().await, paid());
}

pub(crate) async fn a_refund_is_made_in_full(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    let refunded = payment.refund(&payment.refund_of(500)).await;
    assert_eq!(amount_of(&refunded), Some(500));
}

pub(crate) async fn a_refund_is_made_once_per_key_and_found_by_its_id(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    let request = payment.refund_of(500);
    let key = payment.key(Operation::Refund);
    let gateway = subject.gateway();
    let first = gateway.refund(&request, &key).await.unwrap().value;
    assert_eq!(amount_of(&first), Some(500));
    let again = gateway.refund(&request, &key).await.unwrap().value;
    assert_eq!(again, first);
    assert_eq!(
        payment.find_refund(request.refund_id).await,
        Some(first.clone())
    );

    let second = payment.refund_of(700);
    payment.refund(&second).await;
    let listed = payment.refunds().await;
    let facts: Vec<_> = listed
        .iter()
        .map(|it| (it.refund_id, it.amount.amount_minor, &it.state, it.actor))
        .collect();
    let refunded = &ListedState::Refunded;
    assert_eq!(
        facts,
        [
            (Some(second.refund_id), 700, refunded, RefundActor::Gateway),
            (Some(request.refund_id), 500, refunded, RefundActor::Gateway),
        ]
    );
    let (charges, _) = list(subject, &always()).await;
    assert_eq!(charges[0].refunded, usd(1200));
}

pub(crate) async fn refunds_never_exceed_the_paid_amount(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    payment.refund(&payment.refund_of(500)).await;
    let (too_much, key) = (payment.refund_of(1501), payment.key(Operation::Refund));
    let refused = subject.gateway().refund(&too_much, &key).await;
    assert_eq!(refused.unwrap_err().effect(), Effect::DidNotHappen);
    let rest = payment.refund(&payment.refund_of(1500)).await;
    assert_eq!(amount_of(&rest), Some(1500));
    let more = payment.refund(&payment.refund_of(1)).await;
    assert_eq!(more, RefundOutcome::AlreadyRefunded);
    assert_eq!(payment.refunds().await.len(), 2);
}

pub(crate) async fn a_refund_that_was_never_requested_is_not_found(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    assert_eq!(payment.find_refund(RefundId::generate()).await, None);
    assert_eq!(payment.refunds().await, []);
}

pub(crate) async fn a_refund_made_elsewhere_is_listed_and_reported(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    subject.refund_elsewhere(&payment.reference, 300).await;
    let [listed] = payment.refunds().await.try_into().unwrap();
    assert_eq!((listed.refund_id, listed.amount), (None, usd(300)));
    let reports = subject.gateway().list_reports(&always(), None).await;
    let reports = reports.unwrap().reports;
    assert!(reports.iter().any(|it| it.reference == payment.reference));
}

pub(crate) async fn every_charge_is_listed_once_and_names_its_order(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    for _ in 0..200 {
        subject.charge(700).await;
    }
    let (charges, pages) = list(subject, &always()).await;
    assert!(pages > 2, "{pages} pages");
    let ids: HashSet<&str> = charges.iter().map(|it| it.id.as_str()).collect();
    assert_eq!((charges.len(), ids.len()), (201, 201));

    // The newest charge is first.
    let [ours] = charges
        .iter()
        .filter(|it| it.order_id.is_some())
        .collect::<Vec<_>>()[..]
    else {
        panic!("exactly one charge has an order: {charges:?}")
    };
    assert_eq!(charges.last(), Some(ours));
    assert_eq!(ours.order_id, Some(payment.request.order_id));
    assert_eq!(ours.tenant_id, Some(tenant()));
    assert_eq!(ours.reference.as_ref(), Some(&payment.reference));
    assert_eq!(
        (ours.status, ours.capture),
        (ChargeStatus::Succeeded, Capture::Captured)
    );
    let amounts = (ours.amount, ours.captured, ours.refunded);
    assert_eq!(amounts, (usd(AMOUNT), usd(AMOUNT), usd(0)));
    let found = subject.gateway().find_charge(&ours.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(ours));

    let earlier = ChargeWindow {
        to: ours.created_at,
        ..always()
    };
    assert_eq!(list(subject, &earlier).await, (Vec::new(), 1));
}

pub(crate) async fn a_charge_without_an_order_is_refunded_up_to_the_captured_amount(
    subject: &dyn Subject,
) {
    subject.charge(700).await;
    let [charge] = list(subject, &always()).await.0.try_into().unwrap();
    assert_eq!((charge.order_id, charge.tenant_id), (None, None));
    let refund = async || {
        let key = OperationKey::unique_of_charge(&charge.id, Operation::RefundCharge);
        let gateway = subject.gateway();
        let refunded = gateway
            .refund_charge(&charge.id, charge.captured, &key)
            .await;
        refunded.unwrap()
    };
    assert_eq!(amount_of(&refund().await), Some(700));
    assert_eq!(refund().await, RefundOutcome::AlreadyRefunded);
    let read = subject.gateway().find_charge(&charge.id).await.unwrap();
    assert_eq!(read.unwrap().refunded, usd(700));

    let unknown = ChargeId::parse("ch_unknown").unwrap();
    assert_eq!(subject.gateway().find_charge(&unknown).await.unwrap(), None);
}

pub(crate) async fn a_payment_that_is_not_disputed_has_no_disputes(subject: &dyn Subject) {
    let payment = Payment::paid(subject).await;
    let disputes = subject.gateway().list_disputes(&payment.reference).await;
    assert_eq!(disputes.unwrap().value, []);
}

/// The amount in minor units; `None` if the outcome is not about this refund.
fn amount_of(outcome: &RefundOutcome) -> Option<i64> {
    match outcome {
        RefundOutcome::Refunded { amount, .. } => Some(amount.amount_minor),
        _ => None,
    }
}

/// A window far longer than any test.
fn always() -> ChargeWindow {
    ChargeWindow {
        from: DateTime::from_timestamp(0, 0).unwrap(),
        to: DateTime::from_timestamp(10_000_000_000, 0).unwrap(),
    }
}

/// Returns all charges of a window, and the number of pages.
async fn list(subject: &dyn Subject, window: &ChargeWindow) -> (Vec<ListedCharge>, usize) {
    let (mut charges, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = subject.gateway().list_charges(window, after.as_ref()).await;
        let page = page.unwrap();
        charges.extend(page.charges);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (charges, pages);
        }
    }
}
