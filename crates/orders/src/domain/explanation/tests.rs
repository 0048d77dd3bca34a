use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oms_fulfilment::{
    FulfilmentOrder, FulfilmentOrderStatus, Hold, HoldHandle, HoldReason, Line, RequestedBy,
    Return, ReturnLine, ReturnReason, ReturnStatus, Shipment, ShipmentStatus,
};
use oms_payments::{
    Asked, AttemptState, CallEffect, DeclineCode, DisputeState, Reference, RefundActor,
    RefundFailure,
};
use oms_validation::{Currency, Fingerprint, Money};
use oms_work::Lease;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::credit::{Credit, CreditPart};
use crate::domain::failure::Failure;
use crate::domain::finding::{FindingAction, FindingKind};
use crate::domain::ledger::ledger;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::status::OrderStatus;

/// All that is stored about an order of 3 units for 30.00 USD.
#[derive(Clone)]
struct Situation {
    order: Order,
    payment: Option<Attempt>,
    expires_at: Option<DateTime<Utc>>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    fulfilment: Fulfilment,
    waiting: Option<Waiting>,
    last_try: Option<FailedTry>,
    dead_letter: Option<DeadLetter>,
    last_call: Option<GatewayCall>,
    findings: Vec<Finding>,
}

fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(number).into()
}

fn usd(amount_minor: i64) -> Money {
    let currency = Currency::parse("USD").unwrap();
    Money {
        amount_minor,
        currency,
    }
}

/// This many seconds after the order was placed.
fn at(seconds: i64) -> DateTime<Utc> {
    let placed: DateTime<Utc> = "2026-11-29T12:00:00Z".parse().unwrap();
    placed + TimeDelta::seconds(seconds)
}

impl Situation {
    fn new(status: OrderStatus) -> Self {
        let trace = json!({
            "destination": { "lat": 1.0, "lng": 1.0 },
            "candidates": [{
                "warehouseId": id::<oms_validation::WarehouseId>(7), "warehouseName": "Atlanta", "distanceM": 1, "outcome": "chosen"
            }]
        });
        let order = Order {
            id: id(1),
            fingerprint: Fingerprint([0; 32]),
            customer_id: id(2),
            status,
            failure: None,
            warehouse_id: id(7),
            price_list: None,
            total: usd(3000),
            shipping_address: None,
            routing: serde_json::from_value(trace).unwrap(),
            lines: vec![OrderLine {
                product_id: id(3),
                quantity: 3,
                unit_price: usd(1000),
                payable: usd(3000),
            }],
            adjustments: Vec::new(),
            credits: Vec::new(),
            external_reference: None,
            metadata: Metadata::default(),
            created_at: at(0),
            erased_at: None,
        };
        Self {
            order,
            payment: None,
            expires_at: (status == OrderStatus::PendingPayment).then(|| at(3600)),
            refunds: Vec::new(),
            disputes: Vec::new(),
            fulfilment: Fulfilment::default(),
            waiting: None,
            last_try: None,
            dead_letter: None,
            last_call: None,
            findings: Vec::new(),
        }
    }

    /// A paid order, with all units left to send.
    fn paid() -> Self {
        let mut it = Self::new(OrderStatus::Paid).payment(AttemptState::Paid);
        it.fulfilment.fulfilment_orders = vec![work()];
        it
    }

    fn payment(mut self, state: AttemptState) -> Self {
        let is_taken = matches!(
            state,
            AttemptState::Paid | AttemptState::Refunding | AttemptState::Refunded
        );
        let declined = DeclineCode::new("insufficient_funds");
        self.payment = Some(Attempt {
            id: id(4),
            order_id: id(1),
            number: 1,
            amount: usd(3000),
            gateway: "stripe".to_owned(),
            state,
            reference: None,
            captured: is_taken.then(|| usd(3000)),
            decline_code: (state == AttemptState::Declined).then_some(declined),
            is_inherited: false,
            customer_action: None,
        });
        self
    }

    fn refund(mut self, amount_minor: i64, state: RefundState, is_accepted: bool) -> Self {
        let number = i32::try_from(self.refunds.len()).unwrap() + 1;
        self.refunds.push(Refund {
            id: id(50 + u128::try_from(number).unwrap()),
            order_id: id(1),
            attempt_id: id(4),
            number,
            amount: usd(amount_minor),
            left: usd(3000 - amount_minor),
            state,
            actor: RefundActor::Oms,
            requested_by: None,
            idempotency_key: None,
            reason: None,
            reference: is_accepted.then(|| Reference::parse("re_1").unwrap()),
            failure_code: (state == RefundState::Failed)
                .then(|| RefundFailure::new("lost_or_stolen_card")),
            created_at: at(600),
            updated_at: at(600),
            asked: Asked::Perhaps,
        });
        self
    }

    /// A part is credited to the customer, and no refund pays it.
    fn credited(mut self, amount_minor: i64) -> Self {
        self.order.credits.push(Credit {
            id: id(30),
            part: CreditPart::Shipping,
            amount_minor,
            refund_id: None,
            created_at: at(500),
            return_id: None,
        });
        self
    }

    fn waiting(mut self, tries: u32) -> Self {
        self.waiting = Some(Waiting {
            due_at: at(120),
            tries,
        });
        self.last_try = (tries > 0).then(|| FailedTry {
            id: id(9),
            number: 1,
            reason: "stripe: connection refused".to_owned(),
            at: at(60),
            next_at: at(120),
        });
        self
    }

    fn given_up(mut self, tries: u32) -> Self {
        self = self.waiting(tries);
        self.waiting = None;
        self.dead_letter = Some(DeadLetter {
            id: id(8),
            order_id: id(1),
            order_status: self.order.status,
            reason: "stripe: connection refused".to_owned(),
            tries,
            created_at: at(900),
            resolved: None,
        });
        self
    }

    fn called(mut self, operation: &str, outcome: &str, effect: CallEffect) -> Self {
        self.last_call = Some(GatewayCall {
            id: id(10),
            order_id: id(1),
            attempt_id: id(4),
            attempt_number: 1,
            actor: None,
            operation: operation.to_owned(),
            repetition: 1,
            gateway: "stripe".to_owned(),
            reference: None,
            request_id: Some("req_8Xk".to_owned()),
            outcome: outcome.to_owned(),
            effect,
            duration: Duration::from_millis(8010),
            called_at: at(31),
        });
        self
    }

    fn found(mut self, kind: FindingKind, action: FindingAction, detail: &str) -> Self {
        self.findings.push(Finding {
            id: id(11),
            kind,
            gateway: "stripe".to_owned(),
            charge: None,
            payment: None,
            order_id: Some(id(1)),
            installation_id: None,
            expected: None,
            found: None,
            detail: detail.to_owned(),
            action,
            lease: Lease::new(0, 0),
            found_at: at(7200),
            last_seen_at: at(7200),
            note: None,
            resolved: None,
        });
        self
    }

    fn disputed(mut self, state: DisputeState, evidence_due_at: Option<DateTime<Utc>>) -> Self {
        self.disputes.push(Dispute {
            reference: Reference::parse("dp_1").unwrap(),
            state,
            amount: usd(3000),
            reason: "fraudulent".to_owned(),
            evidence_due_at,
            opened_at: at(3600),
        });
        self
    }

    fn work(mut self, change: impl FnOnce(&mut FulfilmentOrder)) -> Self {
        change(&mut self.fulfilment.fulfilment_orders[0]);
        self
    }

    fn shipped(mut self, units: i32, statuses: &[ShipmentStatus]) -> Self {
        let shipments = (1..)
            .zip(statuses)
            .map(|(number, status)| shipment(number, *status));
        self.fulfilment.shipments = shipments.collect();
        self.work(|order| {
            order.lines[0].shipped = units;
            order.status = match units {
                3 => FulfilmentOrderStatus::Closed,
                _ => FulfilmentOrderStatus::InProgress,
            };
        })
    }

    fn returned(
        mut self,
        status: ReturnStatus,
        quantity: i32,
        restocked: i32,
        quarantined: i32,
    ) -> Self {
        self.fulfilment.returns.push(Return {
            id: id(20),
            order_id: id(1),
            number: 1,
            status,
            version: 1,
            warehouse_id: None,
            requested_by: RequestedBy::Customer,
            note: None,
            override_reason: None,
            decision_reason: None,
            terms: json!({}),
            requested_at: at(90_000),
            updated_at: at(90_000),
            expires_at: (status == ReturnStatus::Approved).then(|| at(900_000)),
            closed_at: None,
            lines: vec![ReturnLine {
                number: 1,
                product_id: id(3),
                quantity,
                reason: ReturnReason::Unwanted,
                restocked,
                quarantined,
                discarded: 0,
                missing: 0,
                accepted: restocked + quarantined,
            }],
            receipts: Vec::new(),
        });
        self
    }

    fn explain(&self) -> Explanation {
        let captured = self.payment.as_ref().and_then(|attempt| attempt.captured);
        explain(&Facts {
            order: &self.order,
            ledger: ledger(&self.order, captured, &self.refunds),
            payment: self.payment.as_ref(),
            expires_at: self.expires_at,
            refunds: &self.refunds,
            disputes: &self.disputes,
            fulfilment: &self.fulfilment,
            waiting: self.waiting,
            last_try: self.last_try.as_ref(),
            max_tries: 20,
            dead_letter: self.dead_letter.as_ref(),
            last_call: self.last_call.as_ref(),
            findings: &self.findings,
        })
    }
}

fn work() -> FulfilmentOrder {
    FulfilmentOrder {
        id: id(5),
        order_id: id(1),
        number: 1,
        warehouse_id: id(7),
        status: FulfilmentOrderStatus::Open,
        version: 1,
        ship_by: None,
        not_before: None,
        is_scheduled: false,
        created_at: at(1),
        updated_at: at(1),
        closed_at: None,
        lines: vec![Line {
            number: 1,
            product_id: id(3),
            quantity: 3,
            shipped: 0,
            packed: 0,
            frozen: 0,
            cancelled: 0,
        }],
        holds: Vec::new(),
    }
}

fn shipment(number: i32, status: ShipmentStatus) -> Shipment {
    Shipment {
        id: id(60 + u128::try_from(number).unwrap()),
        order_id: id(1),
        number,
        fulfilment_order_id: id(5),
        warehouse_id: id(7),
        status,
        version: 1,
        destination: None,
        created_at: at(1000),
        updated_at: at(1000),
        shipped_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel_reason: None,
        lines: Vec::new(),
        parcels: Vec::new(),
    }
}

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
    use AttemptState::{Created, NeedsAction, Sent, Unknown};
    let pending = |state| Situation::new(OrderStatus::PendingPayment).payment(state);
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
                .called("lookup", "processing", CallEffect::Known)
                .waiting(1),
        ),
        ("abandoned 3-D Secure", pending(NeedsAction).waiting(0)),
        ("an operator took it", pending(Unknown).given_up(0)),
        ("given up after one try", pending(Unknown).given_up(1)),
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
    just_paid.fulfilment = Fulfilment::default();
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
            paid().work(|it| {
                it.holds = vec![
                    hold("rerouting", HoldReason::NoWarehouse),
                    hold("x", HoldReason::Customer),
                ];
            }),
        ),
        ("moved", paid().work(|it| it.warehouse_id = id(77))),
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
            "disputed",
            paid().disputed(DisputeState::NeedsResponse, Some(at(600_000))),
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
            paid().found(
                FindingKind::AmountMismatch,
                Action::None,
                "29.00 USD were taken instead of 30.00 USD",
            ),
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
        ("refunded", refunded),
        (
            "of a newer version",
            Situation::new(OrderStatus::Other("FROZEN")),
        ),
    ]));
    insta::assert_snapshot!(text);
}
