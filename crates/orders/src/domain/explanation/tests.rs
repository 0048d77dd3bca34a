//! The sentences of every state, as an operator reads them.

mod situation;

use std::fmt::Write as _;

use oms_fulfilment::{Hold, HoldHandle, HoldReason, Note, ReturnStatus, ShipmentStatus};
use oms_payments::{AttemptState, CallEffect, DisputeState, RefundState};
use oms_validation::Currency;

use super::*;
use crate::domain::failure::Failure;
use crate::domain::finding::{FindingAction, FindingKind};
use crate::domain::status::OrderStatus;
use situation::{Situation, at, id, usd};

/// One paragraph for each situation, as an operator reads it.
fn written(situations: &[(String, Situation)]) -> String {
    let mut text = String::new();
    for (title, situation) in situations {
        let explained = situation.explain();
        let next = &explained.next;
        let who = serde_json::to_value(next.who).unwrap();
        writeln!(text, "# {title}").unwrap();
        writeln!(text, "{}", explained.happened).unwrap();
        writeln!(text, "money: {}", explained.money).unwrap();
        writeln!(text, "goods: {}", explained.goods).unwrap();
        writeln!(text, "next: {} {}", who.as_str().unwrap(), next.text).unwrap();
        for step in &explained.possible {
            writeln!(text, "- {} {} {}", step.text, step.method, step.path).unwrap();
        }
        text.push('\n');
    }
    text
}

fn titled(situations: Vec<(&str, Situation)>) -> Vec<(String, Situation)> {
    let titled = situations
        .into_iter()
        .map(|(title, it)| (title.to_owned(), it));
    titled.collect()
}

#[test]
fn every_unsettled_order_is_explained() {
    let mut situations = Vec::new();
    for status in [OrderStatus::PendingPayment, OrderStatus::Cancelling] {
        situations.push((
            format!("{status}, no attempt"),
            Situation::new(status).waiting(0),
        ));
        let is_refunded =
            |it: &AttemptState| matches!(it, AttemptState::Refunding | AttemptState::Refunded);
        for state in AttemptState::ALL.into_iter().filter(|it| !is_refunded(it)) {
            let it = Situation::new(status).payment(state);
            situations.push((format!("{status}, {state}"), it.clone().waiting(0)));
            situations.push((format!("{status}, {state}, given up"), it.given_up(20)));
        }
    }
    for (status, title) in [
        (OrderStatus::Cancelling, "CANCELLING, refund"),
        (OrderStatus::Refunding, "REFUNDING"),
    ] {
        for is_accepted in [false, true] {
            let it = Situation::new(status).payment(AttemptState::Paid);
            let it = it.refund(3000, RefundState::Pending, is_accepted);
            let title = format!(
                "{title} {}",
                if is_accepted { "accepted" } else { "asked for" }
            );
            situations.push((title.clone(), it.clone().waiting(0)));
            situations.push((format!("{title}, tried"), it.clone().waiting(3)));
            situations.push((format!("{title}, given up"), it.given_up(20)));
        }
    }
    let text = written(&situations);
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_known_of_a_stuck_payment_is_said() {
    use AttemptState::{Created, Declined, NeedsAction, Sent, Unknown};
    let pending = |state| Situation::new(OrderStatus::PendingPayment).payment(state);
    let cancelling = Situation::new(OrderStatus::Cancelling).payment(Unknown);
    let eur = |amount_minor| Money {
        amount_minor,
        currency: Currency::parse("EUR").unwrap(),
    };
    let unknown = CallEffect::Unknown;
    let text = written(&titled(vec![
        (
            "a time-out after the effect",
            pending(Unknown)
                .called("confirm", "timed_out", unknown)
                .waiting(0),
        ),
        (
            "the gateway is gone",
            pending(Created)
                .called("prepare", "unreachable", unknown)
                .waiting(3),
        ),
        (
            "the gateway answered since",
            pending(Sent)
                .called("confirm", "processing", CallEffect::Known)
                .waiting(1),
        ),
        ("3-D Secure", pending(NeedsAction).waiting(0)),
        (
            "abandoned 3-D Secure",
            pending(NeedsAction).waiting(0).after(3600),
        ),
        (
            "abandoned 3-D Secure, being ended",
            pending(NeedsAction).after(3600),
        ),
        (
            "declined, and given up by the customer",
            pending(Declined).waiting(0).after(3600),
        ),
        ("due", pending(Unknown).waiting(0).after(120)),
        ("an operator took it", pending(Unknown).given_up(0)),
        ("given up after one try", pending(Unknown).given_up(1)),
        ("another amount", pending(Unknown).took(usd(2900))),
        ("another currency", pending(Unknown).took(eur(3000))),
        (
            "another currency, being cancelled",
            cancelling.took(eur(3000)),
        ),
        ("no amount", pending(Unknown).took(usd(0))),
        ("a request works on it", pending(Sent)),
        (
            "a newer version works on it",
            pending(AttemptState::Other("held")),
        ),
    ]));
    insta::assert_snapshot!(text);
}

#[test]
fn every_paid_order_is_explained() {
    use FindingAction as Action;
    use RefundState::{Failed, Pending, Refunded};
    use ShipmentStatus::{Delivered, Shipped};
    let hold = |handle: &str, reason| Hold {
        handle: HoldHandle::parse(handle).unwrap(),
        reason,
        note: None,
        actor: "api".to_owned(),
        held_at: at(2),
    };
    let free = || {
        let mut it = Situation::paid();
        it.order.total = usd(0);
        it.payment = None;
        it
    };
    let mut just_paid = Situation::paid();
    just_paid.goods = Fulfilment::default();
    let paid = Situation::paid;
    let text = written(&titled(vec![
        ("just paid", just_paid),
        ("to be sent", paid()),
        ("free", free()),
        (
            "to be sent until",
            paid().work(|it| it.ship_by = Some(at(86_400))),
        ),
        (
            "to be sent until long ago",
            paid()
                .work(|it| it.ship_by = Some(at(86_400)))
                .after(86_400),
        ),
        (
            "scheduled",
            paid().work(|it| {
                it.is_scheduled = true;
                it.not_before = Some(at(86_400));
            }),
        ),
        (
            "on hold",
            paid().work(|it| it.holds = vec![hold("fraud-check", HoldReason::FraudCheck)]),
        ),
        (
            "no warehouse",
            paid().work(|it| it.holds = vec![hold("rerouting", HoldReason::NoWarehouse)]),
        ),
        (
            "no warehouse, and on hold",
            paid().work(|it| {
                let note = Note::parse("the warehouse was evacuated").ok();
                let rerouting = hold("rerouting", HoldReason::NoWarehouse);
                it.holds = vec![Hold { note, ..rerouting }, hold("x", HoldReason::Customer)];
            }),
        ),
        (
            "on hold, and a return is requested",
            paid()
                .shipped(1, &[Delivered])
                .returned(ReturnStatus::Requested, 1, 0, 0)
                .work(|it| it.holds = vec![hold("fraud-check", HoldReason::FraudCheck)]),
        ),
        (
            "to be sent, and a return is requested",
            paid()
                .shipped(1, &[Delivered])
                .returned(ReturnStatus::Requested, 1, 0, 0),
        ),
        (
            "to be sent, and a return is approved",
            paid()
                .shipped(1, &[Delivered])
                .returned(ReturnStatus::Approved, 1, 0, 0),
        ),
        ("moved", paid().work(|it| it.warehouse_id = id(77))),
        (
            "moved to a warehouse without a name",
            paid().work(|it| it.warehouse_id = id(78)),
        ),
        ("packed", paid().work(|it| it.lines[0].packed = 2)),
        (
            "the rest is being cancelled",
            paid()
                .shipped(1, &[Shipped])
                .refund(2000, Pending, false)
                .work(|it| it.lines[0].frozen = 2),
        ),
        ("partly sent", paid().shipped(1, &[Shipped])),
        ("sent", paid().shipped(3, &[Shipped, Shipped])),
        ("partly delivered", paid().shipped(3, &[Delivered, Shipped])),
        ("delivered", paid().shipped(3, &[Delivered])),
        ("partly refunded", paid().refund(1000, Refunded, true)),
        (
            "a part is being refunded",
            paid().refund(1000, Pending, false),
        ),
        ("a refund was accepted", paid().refund(1000, Pending, true)),
        ("a refund failed", paid().refund(1000, Failed, true)),
        ("owed", paid().credited(500)),
        (
            "a return is requested",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Requested, 2, 0, 0),
        ),
        (
            "a return is approved",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Approved, 2, 0, 0),
        ),
        (
            "nothing of a return arrived",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Approved, 2, 0, 0)
                .after(900_000),
        ),
        (
            "a return arrived in part",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Received, 2, 1, 0),
        ),
        (
            "a return arrived",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Received, 2, 1, 1),
        ),
        (
            "a return ended",
            paid()
                .shipped(3, &[Delivered])
                .returned(ReturnStatus::Closed, 2, 1, 1),
        ),
        (
            "disputed, and answered",
            paid().disputed(DisputeState::NeedsResponse, Some(at(600_000))),
        ),
        (
            "disputed, and not answered in time",
            paid()
                .disputed(DisputeState::NeedsResponse, Some(at(600_000)))
                .differs(FindingKind::PaymentDisputed, 3000)
                .after(600_000),
        ),
        (
            "a dispute under review",
            paid().disputed(DisputeState::UnderReview, None),
        ),
        (
            "a dispute was won",
            paid().disputed(DisputeState::Won, None),
        ),
        (
            "a wrong amount was taken",
            paid().differs(FindingKind::AmountMismatch, 2900),
        ),
        (
            "a refund failed later",
            paid()
                .credited(1000)
                .refund(1000, Failed, true)
                .differs(FindingKind::RefundFailed, 1000),
        ),
        (
            "a refund failed later, and another for another reason",
            paid()
                .credited(1000)
                .refund(1000, Failed, true)
                .refund(500, Failed, false)
                .differs(FindingKind::RefundFailed, 1000),
        ),
        (
            "disputed",
            paid()
                .disputed(DisputeState::NeedsResponse, Some(at(600_000)))
                .differs(FindingKind::PaymentDisputed, 3000),
        ),
        (
            "charged twice",
            paid().found(
                FindingKind::ChargeWithoutOrder,
                Action::Refund,
                "a second charge of 30.00 USD",
            ),
        ),
    ]));
    insta::assert_snapshot!(text);
}

#[test]
fn every_order_that_ended_is_explained() {
    let failed = |failure| {
        let mut it = Situation::new(OrderStatus::Failed);
        it.order.failure = failure;
        it
    };
    let declined = Failure::PaymentDeclined {
        decline_code: "lost_card".to_owned(),
    };
    let cancelled = Situation::new(OrderStatus::Cancelled);
    let refunded = Situation::new(OrderStatus::Refunded).payment(AttemptState::Refunded);
    let refunded = refunded.refund(3000, RefundState::Refunded, true);
    let void = FindingAction::Void;
    let authorised = "30.00 USD are authorised";
    let text = written(&titled(vec![
        (
            "declined",
            failed(Some(declined)).payment(AttemptState::Declined),
        ),
        (
            "voided",
            failed(Some(Failure::PaymentVoided)).payment(AttemptState::Voided),
        ),
        ("never sent", failed(Some(Failure::GatewayUnavailable))),
        (
            "settled elsewhere",
            failed(Some(Failure::SettledElsewhere)).payment(AttemptState::Unknown),
        ),
        ("failed for no recorded reason", failed(None)),
        (
            "cancelled unpaid",
            cancelled.clone().payment(AttemptState::Voided),
        ),
        (
            "cancelled and refunded",
            cancelled.clone().payment(AttemptState::Refunded).refund(
                3000,
                RefundState::Refunded,
                true,
            ),
        ),
        (
            "cancelled with an authorisation",
            cancelled.payment(AttemptState::Voided).found(
                FindingKind::AuthorisationOnEndedOrder,
                void,
                authorised,
            ),
        ),
        ("refunded", refunded.clone()),
        (
            "the refund failed later",
            Situation::new(OrderStatus::Refunded)
                .payment(AttemptState::Paid)
                .refund(3000, RefundState::Failed, true)
                .differs(FindingKind::RefundFailed, 3000),
        ),
        (
            "a dispute was lost",
            refunded
                .by_dispute()
                .disputed(DisputeState::Lost, None)
                .differs(FindingKind::PaymentDisputed, 3000),
        ),
        (
            "of a newer version",
            Situation::new(OrderStatus::Other("FROZEN")),
        ),
    ]));
    insta::assert_snapshot!(text);
}
