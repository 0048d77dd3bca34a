//! Orders in every situation, for the tests of explanations.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oms_fulfilment::{
    FulfilmentOrder, FulfilmentOrderStatus, Line, RequestedBy, Return, ReturnLine, ReturnReason,
    ReturnStatus, Shipment, ShipmentStatus,
};
use oms_payments::{
    Asked, AttemptState, CallEffect, DeclineCode, DisputeState, Reference, RefundActor,
    RefundFailure,
};
use oms_validation::{Currency, Fingerprint, Money};
use oms_work::Lease;
use serde_json::json;
use uuid::Uuid;

use super::super::*;
use crate::domain::credit::{Credit, CreditPart};
use crate::domain::finding::{FindingAction, FindingKind};
use crate::domain::ledger::ledger;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::status::OrderStatus;

/// All that is stored about an order of 3 units for 30.00 USD.
#[derive(Clone)]
pub(super) struct Situation {
    pub(super) order: Order,
    pub(super) now: DateTime<Utc>,
    pub(super) payment: Option<Attempt>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) refunds: Vec<Refund>,
    pub(super) disputes: Vec<Dispute>,
    pub(super) goods: Fulfilment,
    pub(super) waiting: Option<Waiting>,
    pub(super) last_try: Option<FailedTry>,
    pub(super) dead_letter: Option<DeadLetter>,
    pub(super) last_change: Option<GatewayCall>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(number).into()
}

pub(super) fn usd(amount_minor: i64) -> Money {
    let currency = Currency::parse("USD").unwrap();
    Money {
        amount_minor,
        currency,
    }
}

/// This many seconds after the order was placed.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    let placed: DateTime<Utc> = "2026-11-29T12:00:00Z".parse().unwrap();
    placed + TimeDelta::seconds(seconds)
}

impl Situation {
    pub(super) fn new(status: OrderStatus) -> Self {
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
            now: at(100),
            payment: None,
            expires_at: (status == OrderStatus::PendingPayment).then(|| at(3600)),
            refunds: Vec::new(),
            disputes: Vec::new(),
            goods: Fulfilment::default(),
            waiting: None,
            last_try: None,
            dead_letter: None,
            last_change: None,
            findings: Vec::new(),
        }
    }

    /// A paid order, with all units left to send.
    pub(super) fn paid() -> Self {
        let mut it = Self::new(OrderStatus::Paid).payment(AttemptState::Paid);
        it.goods.fulfilment_orders = vec![work()];
        it
    }

    pub(super) fn payment(mut self, state: AttemptState) -> Self {
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

    pub(super) fn refund(
        mut self,
        amount_minor: i64,
        state: RefundState,
        is_accepted: bool,
    ) -> Self {
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
            failure_code: (state == RefundState::Failed).then(|| {
                RefundFailure::new(match is_accepted {
                    true => "lost_or_stolen_card",
                    false => "charge_disputed",
                })
            }),
            created_at: at(600),
            updated_at: at(600),
            asked: Asked::Perhaps,
        });
        self
    }

    /// The bank gave what was refunded to the customer.
    pub(super) fn by_dispute(mut self) -> Self {
        for refund in &mut self.refunds {
            refund.actor = RefundActor::Dispute;
        }
        self
    }

    /// A part is credited to the customer, and no refund pays it.
    pub(super) fn credited(mut self, amount_minor: i64) -> Self {
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

    pub(super) fn waiting(mut self, tries: u32) -> Self {
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

    pub(super) fn given_up(mut self, tries: u32) -> Self {
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

    /// It is this many seconds after the order was placed.
    pub(super) fn after(mut self, seconds: i64) -> Self {
        self.now = at(seconds);
        self
    }

    pub(super) fn called(mut self, operation: &str, outcome: &str, effect: CallEffect) -> Self {
        self.last_change = Some(GatewayCall {
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

    pub(super) fn found(mut self, kind: FindingKind, action: FindingAction, detail: &str) -> Self {
        self.findings.push(Finding {
            id: id(11),
            kind,
            gateway: "stripe".to_owned(),
            subject: "re_1".to_owned(),
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

    /// A finding with the amounts of both books.
    pub(super) fn differs(self, kind: FindingKind, found_minor: i64) -> Self {
        let mut it = self.found(kind, FindingAction::None, "a detail");
        let finding = it.findings.last_mut().unwrap();
        (finding.expected, finding.found) = (Some(usd(3000)), Some(usd(found_minor)));
        it
    }

    /// The sweeper gave up because the gateway took this much.
    pub(super) fn took(self, taken: Money) -> Self {
        let mut it = self.given_up(1);
        let reason = other_amount::in_words(taken);
        it.dead_letter.as_mut().unwrap().reason = reason;
        it
    }

    pub(super) fn disputed(
        mut self,
        state: DisputeState,
        evidence_due_at: Option<DateTime<Utc>>,
    ) -> Self {
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

    pub(super) fn work(mut self, change: impl FnOnce(&mut FulfilmentOrder)) -> Self {
        change(&mut self.goods.fulfilment_orders[0]);
        self
    }

    pub(super) fn shipped(mut self, units: i32, statuses: &[ShipmentStatus]) -> Self {
        let shipments = (1..)
            .zip(statuses)
            .map(|(number, status)| shipment(number, *status));
        self.goods.shipments = shipments.collect();
        self.work(|order| {
            order.lines[0].shipped = units;
            order.status = match units {
                3 => FulfilmentOrderStatus::Closed,
                _ => FulfilmentOrderStatus::InProgress,
            };
        })
    }

    pub(super) fn returned(
        mut self,
        status: ReturnStatus,
        quantity: i32,
        restocked: i32,
        quarantined: i32,
    ) -> Self {
        self.goods.returns.push(Return {
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

    pub(super) fn explain(&self) -> Explanation {
        let captured = self.payment.as_ref().and_then(|attempt| attempt.captured);
        explain(&Facts {
            order: &self.order,
            now: self.now,
            ledger: ledger(&self.order, captured, &self.refunds),
            payment: self.payment.as_ref(),
            expires_at: self.expires_at,
            refunds: &self.refunds,
            disputes: &self.disputes,
            goods: &self.goods,
            warehouses: &HashMap::from([(id(77), "Chicago".to_owned())]),
            waiting: self.waiting,
            last_try: self.last_try.as_ref(),
            max_tries: 20,
            dead_letter: self.dead_letter.as_ref(),
            last_change: self.last_change.as_ref(),
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
