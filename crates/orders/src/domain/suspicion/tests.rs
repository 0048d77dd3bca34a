//! Judging charges and payments against our books.

use chrono::{DateTime, TimeDelta};
use oms_payments::AttemptId;
use oms_validation::Currency;

use super::*;
use crate::domain::finding::FindingKind::{
    AmountMismatch, AuthorisationOnEndedOrder, ChargeOnEndedOrder, ChargeWithoutOrder,
    PaidWithoutCharge,
};

fn money(amount_minor: i64, currency: &str) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse(currency).unwrap(),
    }
}

fn reference() -> Reference {
    Reference::parse("pi_1").unwrap()
}

/// A charge of 700 with the metadata that oms writes.
fn charge(tenant: TenantId, order_id: OrderId) -> ListedCharge {
    ListedCharge {
        disputed: false,
        id: ChargeId::parse("ch_1").unwrap(),
        reference: Some(reference()),
        amount: money(700, "EUR"),
        captured: money(700, "EUR"),
        refunded: money(0, "EUR"),
        status: ChargeStatus::Succeeded,
        capture: Capture::Captured,
        created_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        order_id: Some(order_id),
        tenant_id: Some(tenant),
        installation_id: None,
    }
}

fn attempt(order_id: OrderId, state: &str) -> Attempt {
    Attempt {
        id: AttemptId::generate(),
        order_id,
        number: 1,
        amount: money(700, "EUR"),
        gateway: "scripted".to_owned(),
        state: state.parse().unwrap(),
        reference: Some(reference()),
        captured: None,
        decline_code: None,
        is_inherited: false,
        customer_action: None,
    }
}

struct Case {
    tenant: TenantId,
    charge: ListedCharge,
    attempt: Option<Attempt>,
    order: Option<FoundOrder>,
}

impl Case {
    /// A charge of an order's only payment.
    fn new(status: OrderStatus, attempt_state: &str) -> Self {
        let (tenant, order_id) = (TenantId::generate(), OrderId::generate());
        Self {
            tenant,
            charge: charge(tenant, order_id),
            attempt: Some(attempt(order_id, attempt_state)),
            order: Some(FoundOrder {
                id: order_id,
                status,
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn judge(&self) -> Judgement {
        let books = Books {
            tenant: self.tenant,
            installation: None,
            newest_attempt: None,
        };
        self.judge_by(&books)
    }

    fn judge_by(&self, books: &Books) -> Judgement {
        judge(books, &self.charge, self.attempt.as_ref(), self.order)
    }

    fn suspicion(&self) -> Suspicion {
        match self.judge() {
            Judgement::Suspicious(suspicion) => *suspicion,
            other => panic!("not suspicious: {other:?}"),
        }
    }

    fn kind_and_action(&self) -> (FindingKind, FindingAction) {
        let suspicion = self.suspicion();
        (suspicion.kind, suspicion.action)
    }
}

fn paid() -> Case {
    Case::new(OrderStatus::Paid, "paid")
}

#[test]
fn a_paid_orders_own_charge_is_fine_even_after_a_partial_refund() {
    let id = |case: &Case| case.order.unwrap().id;
    let case = paid();
    assert_eq!(case.judge(), Judgement::Pays(id(&case)));
    let case = paid().with(|it| it.charge.refunded.amount_minor = 699);
    assert_eq!(case.judge(), Judgement::Pays(id(&case)));
    let declined_before = paid().with(|it| it.charge.status = ChargeStatus::Failed);
    assert_eq!(declined_before.judge(), Judgement::Fine);
}

#[test]
fn an_order_in_progress_may_have_any_charge() {
    for status in OrderStatus::ALL.into_iter().filter(|it| it.is_unsettled()) {
        let case = Case::new(status, "paid").with(|it| it.charge.captured.amount_minor = 1);
        assert_eq!(case.judge(), Judgement::Fine, "{status}");
        let past_its_payment = case.with(|it| it.attempt = None);
        assert_eq!(past_its_payment.judge(), Judgement::Fine, "{status}");
    }
    let newer =
        paid().with(|it| it.order.as_mut().unwrap().status = OrderStatus::stored("PARTLY_SHIPPED"));
    assert_eq!(newer.judge(), Judgement::Fine);
}

#[test]
fn another_amount_or_currency_needs_an_operator() {
    for captured in [money(699, "EUR"), money(701, "EUR"), money(700, "USD")] {
        let suspicion = paid().with(|it| it.charge.captured = captured).suspicion();
        assert_eq!(
            (suspicion.kind, suspicion.action),
            (AmountMismatch, FindingAction::None)
        );
        assert_eq!(
            (suspicion.expected, suspicion.found),
            (Some(money(700, "EUR")), Some(captured))
        );
        assert_eq!(suspicion.subject(), "pi_1");
    }
    let reserved = paid().with(|it| {
        it.charge.capture = Capture::Uncaptured;
        it.charge.captured.amount_minor = 0;
    });
    assert_eq!(
        reserved.kind_and_action(),
        (AmountMismatch, FindingAction::None)
    );
}

#[test]
fn an_amount_that_an_operator_accepted_is_expected() {
    let accepted = paid().with(|it| {
        it.charge.captured = money(701, "EUR");
        it.attempt.as_mut().unwrap().captured = Some(money(701, "EUR"));
    });
    assert!(matches!(accepted.judge(), Judgement::Pays(_)));
}

#[test]
fn a_paid_order_that_was_fully_refunded_without_us_needs_an_operator() {
    let suspicion = paid()
        .with(|it| it.charge.refunded.amount_minor = 700)
        .suspicion();
    assert_eq!(
        (suspicion.kind, suspicion.action),
        (PaidWithoutCharge, FindingAction::None)
    );
    assert_eq!(suspicion.subject(), "pi_1");
}

#[test]
fn money_left_on_an_order_that_an_operator_closed_is_reported_but_not_refunded() {
    for status in [
        OrderStatus::Failed,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ] {
        let closed = Case::new(status, "paid")
            .with(|it| it.attempt.as_mut().unwrap().captured = Some(money(700, "EUR")));
        assert_eq!(
            closed.kind_and_action(),
            (ChargeOnEndedOrder, FindingAction::None),
            "{status}"
        );
    }
}

#[test]
fn a_charge_on_a_settled_order_is_refunded() {
    for (status, attempt) in [
        (OrderStatus::Failed, "voided"),
        (OrderStatus::Cancelled, "voided"),
        (OrderStatus::Refunded, "paid"),
    ] {
        let suspicion = Case::new(status, attempt)
            .with(|it| it.charge.refunded.amount_minor = 200)
            .suspicion();
        assert_eq!(
            (suspicion.kind, suspicion.action),
            (ChargeOnEndedOrder, FindingAction::Refund)
        );
        assert_eq!(suspicion.found, Some(money(500, "EUR")));
        assert_eq!(suspicion.subject(), "ch_1");

        let reserved = Case::new(status, attempt).with(|it| {
            it.charge.capture = Capture::Uncaptured;
            it.charge.captured.amount_minor = 0;
        });
        assert_eq!(
            reserved.kind_and_action(),
            (AuthorisationOnEndedOrder, FindingAction::Void)
        );
        let let_go = reserved.with(|it| it.charge.refunded.amount_minor = 700);
        assert_eq!(let_go.judge(), Judgement::Fine);
        let given_back =
            Case::new(status, attempt).with(|it| it.charge.refunded.amount_minor = 700);
        assert_eq!(given_back.judge(), Judgement::Fine);
    }
}

#[test]
fn a_second_charge_of_a_paid_order_is_refunded_only_if_its_payment_has_an_attempt() {
    let of_a_dead_attempt = Case::new(OrderStatus::Paid, "declined");
    let unknown = paid().with(|it| it.attempt = None);
    for (case, action) in [
        (of_a_dead_attempt, FindingAction::Refund),
        (unknown, FindingAction::None),
    ] {
        assert_eq!(case.kind_and_action(), (ChargeWithoutOrder, action));
        assert_eq!(case.suspicion().order.unwrap().1, OrderStatus::Paid);
    }
}

#[test]
fn no_money_is_moved_for_a_payment_without_an_attempt_whatever_its_charge_names() {
    let unsold = |it: &mut Case| it.attempt = None;
    let orphan = || {
        paid().with(unsold).with(|it| {
            it.order = None;
        })
    };
    let reported = (ChargeWithoutOrder, FindingAction::None);
    assert_eq!(orphan().kind_and_action(), reported);
    let nameless = orphan().with(|it| it.charge.order_id = None);
    assert_eq!(nameless.kind_and_action(), reported);
    let foreign = orphan().with(|it| it.charge.tenant_id = None);
    assert_eq!(foreign.kind_and_action(), reported);
    assert_eq!(named_order(foreign.tenant, &foreign.charge), None);
    let of_no_tenant_here = orphan().with(|it| it.charge.tenant_id = Some(TenantId::generate()));
    assert_eq!(of_no_tenant_here.kind_and_action(), reported);
    let reserved = orphan().with(reserve);
    assert_eq!(reserved.kind_and_action(), reported);
    for status in [
        OrderStatus::Failed,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ] {
        let taken = Case::new(status, "voided").with(unsold);
        let expected = (ChargeOnEndedOrder, FindingAction::None);
        assert_eq!(taken.kind_and_action(), expected, "{status}");
        let expected = (AuthorisationOnEndedOrder, FindingAction::None);
        assert_eq!(taken.with(reserve).kind_and_action(), expected, "{status}");
    }
}

#[test]
fn a_finding_about_a_charge_without_an_attempt_names_its_possible_origin() {
    let (ours, theirs) = (InstallationId::generate(), InstallationId::generate());
    let detail = |named: Option<InstallationId>, newest_attempt: Option<i64>| {
        let case = paid().with(|it| {
            it.attempt = None;
            it.charge.installation_id = named;
        });
        let newest = newest_attempt.map(TimeDelta::seconds);
        let books = Books {
            tenant: case.tenant,
            installation: Some(ours),
            newest_attempt: newest.map(|seconds| case.charge.created_at + seconds),
        };
        match case.judge_by(&books) {
            Judgement::Suspicious(suspicion) => {
                assert_eq!(suspicion.installation, named);
                suspicion.detail
            }
            other => panic!("not suspicious: {other:?}"),
        }
    };
    let restored = "this database was probably restored from a backup";
    assert!(detail(Some(ours), Some(-1)).contains(restored));
    assert!(detail(Some(ours), None).contains(restored));
    let copied = detail(Some(ours), Some(1));
    assert!(copied.contains("a copy of this database may be in use"));
    assert!(!copied.contains(restored));
    let other = detail(Some(theirs), Some(-1));
    assert!(other.contains(&theirs.to_string()) && other.contains(&ours.to_string()));
    assert!(detail(None, None).contains("names no installation"));
    assert!(detail(Some(ours), None).len() <= 500);
}

fn reserve(case: &mut Case) {
    case.charge.capture = Capture::Uncaptured;
    case.charge.captured.amount_minor = 0;
}

#[test]
fn a_charge_without_money_is_not_a_difference() {
    let orphan = || {
        paid().with(|it| {
            it.attempt = None;
            it.order = None;
        })
    };
    for status in [ChargeStatus::Pending, ChargeStatus::Failed] {
        let nothing = orphan().with(|it| it.charge.status = status);
        assert_eq!(nothing.judge(), Judgement::Fine, "{status:?}");
    }
}

#[test]
fn a_payment_that_is_not_paid_in_full_is_a_finding() {
    let attempt = attempt(OrderId::generate(), "paid");
    let kind = |status: Option<PaymentStatus>| {
        let suspicion = judge_payment(&attempt, &reference(), status.as_ref());
        suspicion.map(|suspicion| (suspicion.kind, suspicion.subject().to_owned()))
    };
    let paid = |amount| Some(PaymentStatus::Paid { amount });
    assert_eq!(kind(paid(money(700, "EUR"))), None);
    let subject = "pi_1".to_owned();
    let mismatch = Some((AmountMismatch, subject.clone()));
    assert_eq!(kind(paid(money(1, "EUR"))), mismatch);
    assert_eq!(kind(paid(money(700, "USD"))), mismatch);
    for status in [
        None,
        Some(PaymentStatus::Cancelled),
        Some(PaymentStatus::NotConfirmed),
        Some(PaymentStatus::Authorised),
    ] {
        assert_eq!(kind(status), Some((PaidWithoutCharge, subject.clone())));
    }
}
