//! Returns from the request to the refund, with stock, credits and timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use oms_fulfilment::{
    FulfilmentError, Note, OrderReturnStatus, ReceiptDraft, ReceiptId, Received, RequestedBy,
    Return, ReturnId, ReturnReason, ReturnRefusal, ReturnStatus, ShipmentStatus,
};
use oms_orders::{
    Disputed, OrderStatus, Reason, RefundedOrder, RequestedDecision, RequestedReturn,
    ReturningError, ReturnsPass, ReversingError, cancel_shipment, cancel_unshipped, decide_return,
    deliver_shipment, find_returnable, get_order, receive_return, refund_return, request_return,
    settle_returns, sweep_orders,
};
use oms_payments::DisputeState;
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{Once, OrderId, WarehouseId};

use crate::elsewhere::{compare, reference, report};
use crate::shipping::{ANY, key};
use crate::shop::{Opening, Shop, tenant, usd};

pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn units(line: i32, quantity: i32) -> RequestedReturn {
    RequestedReturn {
        requested_by: RequestedBy::Customer,
        lines: BTreeMap::from([(line, (quantity, ReturnReason::Unwanted))]),
        warehouse_id: None,
        note: None,
        override_reason: None,
    }
}

fn restocked(units: i32) -> Received {
    Received {
        restock: units,
        ..Received::default()
    }
}

impl Shop {
    /// A paid order of three units, of which this many were sent and delivered.
    pub async fn delivered(&self, name: &str, units: i64) -> OrderId {
        let order_id = self.paid(name).await;
        let shipped = self
            .ship(order_id, Some(units), ShipmentStatus::Shipped)
            .await;
        let id = shipped.unwrap().id;
        deliver_shipment(&self.context, tenant(), id, &ANY, None, None, "api")
            .await
            .unwrap();
        order_id
    }

    pub async fn request(
        &self,
        order_id: OrderId,
        requested: &RequestedReturn,
    ) -> Result<Return, ReturningError> {
        let key = key(&ReturnId::generate().to_string());
        let it = request_return(&self.context, tenant(), order_id, &key, requested, "api").await;
        it.map(Once::into_inner)
    }

    pub async fn decide(
        &self,
        id: ReturnId,
        decision: RequestedDecision,
    ) -> Result<Return, ReturningError> {
        decide_return(&self.context, tenant(), id, &ANY, &decision, None, "api").await
    }

    /// An approved return of this many units.
    pub async fn approved(&self, order_id: OrderId, quantity: i32) -> ReturnId {
        let id = self
            .request(order_id, &units(1, quantity))
            .await
            .unwrap()
            .id;
        self.decide(id, APPROVE).await.unwrap();
        id
    }

    pub async fn only_warehouse(&self) -> WarehouseId {
        let id = self.text("SELECT id FROM inventory.warehouses").await;
        id.parse().unwrap()
    }

    /// Receives units of the first line in the only warehouse.
    pub async fn receive(&self, id: ReturnId, units: Received) -> Result<Return, ReturningError> {
        let draft = ReceiptDraft {
            id: ReceiptId::generate(),
            warehouse_id: self.only_warehouse().await,
            lines: BTreeMap::from([(1, units)]),
        };
        let key = key(&draft.id.to_string());
        let it = receive_return(&self.context, tenant(), id, &ANY, &draft, &key, "api:dock").await;
        it.map(Once::into_inner)
    }

    /// `owed held balance` of an order, and its status.
    pub async fn money(&self, order_id: OrderId) -> (OrderStatus, [i64; 3]) {
        let details = get_order(&self.context, tenant(), order_id).await.unwrap();
        let ledger = details.ledger();
        let amounts = [ledger.owed, ledger.held, ledger.balance];
        (details.order.status, amounts.map(|it| it.amount_minor))
    }

    pub async fn return_status(&self, order_id: OrderId) -> OrderReturnStatus {
        let details = get_order(&self.context, tenant(), order_id).await.unwrap();
        details.fulfilment.return_status()
    }

    /// `on_hand reserved quarantined` of the only level.
    pub async fn stock_counts(&self) -> String {
        self.text(
            "SELECT concat_ws(' ', on_hand, reserved, quarantined) FROM inventory.stock_levels",
        )
        .await
    }

    /// The types of an order's events about returns.
    async fn told_of_returns(&self) -> String {
        self.text(
            "SELECT string_agg(type, ' ' ORDER BY order_id, sequence) FROM orders.events
             WHERE type LIKE 'return.%' OR type LIKE 'credit.%'",
        )
        .await
    }

    /// Settings of the tenant for returns, as JSON.
    pub async fn set_returns(&self, settings: &str) {
        let sql = format!(
            "INSERT INTO orders.settings (tenant_id, version, document, actor)
             SELECT '{}', count(*) + 1, '{{\"currencies\": [\"USD\"], \"returns\": {settings}}}', 'x'
             FROM orders.settings",
            tenant()
        );
        self.execute(&sql).await;
    }
}

pub const APPROVE: RequestedDecision = RequestedDecision::Approve {
    warehouse_id: None,
    expires_at: None,
};

fn refusal<T: std::fmt::Debug>(refused: Result<T, ReturningError>) -> ReturnRefusal {
    match refused {
        Err(ReturningError::Fulfilment(FulfilmentError::ReturnRefused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

async fn shop_at_noon() -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::Pays,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await
}

#[tokio::test]
async fn units_come_back_into_stock_and_their_money_goes_back_once() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    assert_eq!(shop.return_status(order_id).await, OrderReturnStatus::None);
    let id = shop.request(order_id, &units(1, 2)).await.unwrap().id;
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::Requested
    );
    let it = shop.decide(id, APPROVE).await.unwrap();
    assert_eq!(it.warehouse_id, Some(shop.only_warehouse().await));
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::InProgress
    );
    assert_eq!(shop.stock_counts().await, "7 0 0");
    let it = shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!((it.status, it.received()), (ReturnStatus::Received, 1));
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    let rest = Received {
        quarantine: 1,
        ..Received::default()
    };
    let it = shop.receive(id, rest).await.unwrap();
    assert_eq!(it.status, ReturnStatus::Closed);
    assert_eq!(shop.stock_counts().await, "9 0 1");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [100, 100, 0])
    );
    assert_eq!(shop.refunds().await, "refunded 100, refunded 100");
    let status = shop.return_status(order_id).await;
    assert_eq!(status, OrderReturnStatus::PartiallyReturned);
    assert_eq!(
        shop.told_of_returns().await,
        "return.requested return.approved return.received credit.granted return.received return.closed \
         credit.granted"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_order_of_which_everything_came_back_is_refunded() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 3).await;
    let all = Received {
        restock: 1,
        discard: 2,
        ..Received::default()
    };
    shop.receive(id, all).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::Returned
    );
    assert_eq!(shop.stock_counts().await, "8 0 0");
    let again = shop.request(order_id, &units(1, 1)).await;
    let refused = ReturnRefusal::MoreThanReturnable {
        line: 1,
        wanted: 1,
        returnable: 0,
    };
    assert_eq!(refusal(again), refused);
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_that_did_not_arrive_are_not_refunded_and_may_be_returned_once_more() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 3).await;
    let units_ = Received {
        restock: 1,
        missing: 1,
        ..Received::default()
    };
    shop.receive(id, units_).await.unwrap();
    let close = RequestedDecision::Close {
        kept: false,
        reason: None,
    };
    let it = shop.decide(id, close.clone()).await.unwrap();
    assert_eq!((it.status, it.lines[0].missing), (ReturnStatus::Closed, 2));
    assert_eq!(shop.decide(id, close).await.unwrap().version, it.version);
    assert_eq!(shop.refunds().await, "refunded 100");
    let late = shop.receive(id, restocked(1)).await;
    assert_eq!(
        refusal(late),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    let id = shop.approved(order_id, 2).await;
    shop.receive(id, restocked(2)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_customer_may_keep_what_is_not_worth_sending_back() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let close = RequestedDecision::Close {
        kept: true,
        reason: Some(note("not worth the postage")),
    };
    let it = shop.decide(id, close).await.unwrap();
    assert_eq!((it.status, it.received()), (ReturnStatus::Closed, 0));
    assert_eq!(it.decision_reason, Some(note("not worth the postage")));
    assert_eq!(shop.refunds().await, "refunded 100");
    assert_eq!(shop.stock_counts().await, "7 0 0");
    assert_eq!(
        refusal(shop.request(order_id, &units(1, 3)).await),
        ReturnRefusal::MoreThanReturnable {
            line: 1,
            wanted: 3,
            returnable: 2,
        }
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn declined_and_cancelled_returns_free_their_units() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    for decision in [
        RequestedDecision::Decline(note("it was worn")),
        RequestedDecision::Cancel(None),
    ] {
        let id = shop.request(order_id, &units(1, 3)).await.unwrap().id;
        let twice = shop.request(order_id, &units(1, 1)).await;
        assert!(matches!(
            refusal(twice),
            ReturnRefusal::MoreThanReturnable { .. }
        ));
        let it = shop.decide(id, decision.clone()).await.unwrap();
        assert!(it.closed_at.is_some() && !it.counts());
        let again = shop.decide(id, decision).await.unwrap();
        assert_eq!(again, it);
        let received = shop.receive(id, restocked(1)).await;
        assert_eq!(refusal(received), ReturnRefusal::WrongStatus(it.status));
    }
    let id = shop.approved(order_id, 1).await;
    shop.decide(id, RequestedDecision::Cancel(None))
        .await
        .unwrap();
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    let cancelled = shop.decide(id, RequestedDecision::Cancel(None)).await;
    assert_eq!(
        refusal(cancelled),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::PartiallyReturned
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn only_what_was_sent_may_come_back_and_what_is_to_come_back_stays_sent() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let nothing = shop.request(order_id, &units(1, 1)).await;
    assert_eq!(refusal(nothing), ReturnRefusal::NothingShipped);
    let shipment = shop
        .ship(order_id, Some(2), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let unknown = shop.request(order_id, &units(2, 1)).await;
    assert_eq!(refusal(unknown), ReturnRefusal::UnknownLine { line: 2 });
    let too_many = shop.request(order_id, &units(1, 3)).await;
    assert!(matches!(
        refusal(too_many),
        ReturnRefusal::MoreThanReturnable { returnable: 2, .. }
    ));
    let id = shop.request(order_id, &units(1, 1)).await.unwrap().id;
    let reason = Reason::parse("it never left").unwrap();
    let cancel = async || {
        cancel_shipment(
            &shop.context,
            tenant(),
            shipment.id,
            &ANY,
            &reason,
            None,
            "api",
        )
        .await
    };
    let refused = cancel().await;
    let expected = "units of the shipment are in a return";
    assert_eq!(refused.unwrap_err().to_string(), expected);
    shop.decide(id, RequestedDecision::Cancel(None))
        .await
        .unwrap();
    cancel().await.unwrap();
    let nothing = shop.request(order_id, &units(1, 1)).await;
    assert_eq!(refusal(nothing), ReturnRefusal::NothingShipped);
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_window_binds_customers_and_operators_pass_it_with_a_reason() {
    let shop = shop_at_noon().await;
    let order_id = shop.delivered("k", 2).await;
    shop.pass(DAY * 20);
    let later = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.pass(DAY * 11);
    // Two units were delivered 31 days ago. The third was sent 11 days ago, and nobody reported its delivery.
    let returnable = find_returnable(&shop.context, tenant(), order_id)
        .await
        .unwrap();
    let line = &returnable[0];
    assert_eq!((line.returnable, line.open, line.credit), (3, 1, usd(300)));
    let ends = later.shipped_at.unwrap() + chrono::TimeDelta::days(37);
    assert_eq!(line.window_ends, Some(ends));
    let late = shop.request(order_id, &units(1, 2)).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { line: 1, open: 1 })),
        "{late:?}"
    );
    let by_operator = RequestedReturn {
        requested_by: RequestedBy::Operator,
        ..units(1, 2)
    };
    let late = shop.request(order_id, &by_operator).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { .. })),
        "{late:?}"
    );
    let with_reason = RequestedReturn {
        override_reason: Some(note("a good customer")),
        ..by_operator
    };
    let it = shop.request(order_id, &with_reason).await.unwrap();
    assert_eq!(it.override_reason, Some(note("a good customer")));
    let late = shop.request(order_id, &units(1, 1)).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { open: 0, .. })),
        "{late:?}"
    );
    shop.set_returns(r#"{"windowDays": 60, "anchor": "shipped"}"#)
        .await;
    shop.request(order_id, &units(1, 1)).await.unwrap();
    shop.assert_sound().await;
}

#[tokio::test]
async fn settings_decide_about_approval_credit_fee_and_shipping_and_hold_for_a_return_as_they_were()
{
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    shop.set_returns(
        r#"{"autoApprove": true, "creditOn": "approved", "restockingFeePpm": 100000}"#,
    )
    .await;
    let it = shop.request(order_id, &units(1, 1)).await.unwrap();
    assert_eq!(
        (it.status, it.lines[0].accepted),
        (ReturnStatus::Approved, 1)
    );
    assert_eq!(it.warehouse_id, Some(shop.only_warehouse().await));
    assert_eq!(shop.refunds().await, "refunded 90");
    shop.set_returns(r#"{"autoApprove": false, "creditOn": "manual"}"#)
        .await;
    shop.receive(it.id, restocked(1)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 90");
    let cancelled = shop.decide(it.id, RequestedDecision::Cancel(None)).await;
    assert_eq!(
        refusal(cancelled),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    let id = shop.approved(order_id, 1).await;
    shop.set_returns(r#"{"creditOn": "received"}"#).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 90");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [210, 210, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_return_of_which_nothing_arrives_in_time_is_closed() {
    let shop = shop_at_noon().await;
    let order_id = shop.delivered("k", 3).await;
    let (silent, begun) = (
        shop.approved(order_id, 1).await,
        shop.approved(order_id, 2).await,
    );
    shop.receive(begun, restocked(1)).await.unwrap();
    let mut pass = ReturnsPass::default();
    shop.pass(DAY * 29);
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .expired,
        0
    );
    shop.pass(DAY * 2);
    let turn = settle_returns(&shop.context, &mut pass).await.unwrap();
    assert_eq!((turn.expired, turn.more), (1, false));
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .expired,
        0
    );
    let late = shop.receive(silent, restocked(1)).await;
    assert_eq!(
        refusal(late),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    shop.receive(begun, restocked(1)).await.unwrap();
    let until = RequestedDecision::Approve {
        warehouse_id: None,
        expires_at: Some(shop.clock.as_ref().unwrap().time() + chrono::TimeDelta::days(366)),
    };
    let with_reason = RequestedReturn {
        requested_by: RequestedBy::Operator,
        override_reason: Some(note("it came late")),
        ..units(1, 1)
    };
    let id = shop.request(order_id, &with_reason).await.unwrap().id;
    let refused = shop.decide(id, until).await;
    assert!(
        matches!(refused, Err(ReturningError::InvalidExpiry)),
        "{refused:?}"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_keeps_nothing_from_being_received() {
    for refunding in [Refunding::IsLost, Refunding::PaysSilently] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.delivered("k", 3).await;
        let id = shop.approved(order_id, 1).await;
        shop.gateway.refunds(refunding);
        let it = shop.receive(id, restocked(1)).await.unwrap();
        assert_eq!(it.status, ReturnStatus::Closed);
        assert_eq!(shop.stock_counts().await, "8 0 0");
        assert_eq!(
            shop.money(order_id).await.0,
            OrderStatus::Refunding,
            "{refunding:?}"
        );
        shop.assert_sound().await;
        // Another parcel arrives meanwhile. Its credit waits.
        let second = shop.approved(order_id, 1).await;
        shop.receive(second, restocked(1)).await.unwrap();
        assert_eq!(shop.money(order_id).await.1, [100, 300, -200]);
        shop.gateway.refunds(Refunding::Pays);
        for _ in 0..2 {
            sweep_orders(&shop.context).await.unwrap();
        }
        assert_eq!(
            shop.money(order_id).await,
            (OrderStatus::Paid, [100, 100, 0])
        );
        assert_eq!(shop.refunds().await, "refunded 100, refunded 100");
        assert_eq!(shop.gateway.given_back(&reference(order_id)), 200);
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn what_the_bank_rejects_stays_owed_until_an_operator_refunds_it() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    shop.gateway.refunds(Refunding::IsRefused);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    shop.assert_sound().await;
    let refund = async |name: &str| {
        refund_return(
            &shop.context,
            tenant(),
            id,
            &key(name),
            Disputed::Refuse,
            "api:ann",
        )
        .await
    };
    let refused = refund("r1").await;
    let is_refused = matches!(
        refused,
        Err(ReturningError::Money(ReversingError::RefundRefused { .. }))
    );
    assert!(is_refused, "{refused:?}");
    shop.gateway.refunds(Refunding::Pays);
    let refunded = refund("r2").await.unwrap();
    assert!(
        matches!(refunded, RefundedOrder::Refunded(..)),
        "{refunded:?}"
    );
    let again = refund("r2").await.unwrap();
    assert!(
        matches!(again, RefundedOrder::RefundedBefore(..)),
        "{again:?}"
    );
    let nothing = refund("r3").await;
    assert!(
        matches!(nothing, Err(ReturningError::NothingOwed)),
        "{nothing:?}"
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_fails_later_is_owed_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    let name = shop.text("SELECT reference FROM payments.refunds").await;
    let name = oms_payments::Reference::parse(&name).unwrap();
    assert!(shop.gateway.fail_refund(&name));
    report(&shop, "refund.failed", order_id).await;
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    shop.assert_sound().await;
    let refunded = refund_return(
        &shop.context,
        tenant(),
        id,
        &key("r"),
        Disputed::Refuse,
        "api",
    )
    .await;
    assert!(
        matches!(refunded, Ok(RefundedOrder::Refunded(..))),
        "{refunded:?}"
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    assert_eq!(shop.stock_counts().await, "8 0 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_disputed_payment_waits_for_an_operator() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(300), state);
    dispute(DisputeState::NeedsResponse);
    drop(compare(&shop).await);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    let mut pass = ReturnsPass::default();
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .refunds,
        0
    );
    let refund = async |name: &str, disputed| {
        refund_return(&shop.context, tenant(), id, &key(name), disputed, "api").await
    };
    let refused = refund("a", Disputed::Refuse).await;
    let is_refused = matches!(
        refused,
        Err(ReturningError::Money(
            ReversingError::PaymentDisputed { .. }
        ))
    );
    assert!(is_refused, "{refused:?}");
    dispute(DisputeState::Won);
    report(&shop, "charge.dispute.closed", order_id).await;
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .refunds,
        1
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn other_refunds_leave_the_money_for_returns_and_one_of_the_rest_pays_them_out() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    shop.gateway.refunds(Refunding::IsRefused);
    shop.receive(id, restocked(1)).await.unwrap();
    shop.gateway.refunds(Refunding::Pays);
    let too_much = shop.refund(order_id, "a", Some(201)).await;
    let is_refused = matches!(
        too_much,
        Err(ReversingError::RefundExceedsCaptured { available }) if available == usd(200)
    );
    assert!(is_refused, "{too_much:?}");
    shop.refund(order_id, "b", Some(50)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [150, 250, -100])
    );
    for is_new in [true, false] {
        let rest = shop.refund(order_id, "c", None).await.unwrap();
        let is_as_expected = match rest {
            RefundedOrder::Refunded(refund, _) => is_new && refund.amount == usd(250),
            RefundedOrder::RefundedBefore(refund, _) => !is_new && refund.amount == usd(250),
            RefundedOrder::Pending(..) => false,
        };
        assert!(is_as_expected);
    }
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn money_that_was_refunded_before_is_not_refunded_for_the_return() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    shop.refund(order_id, "goodwill", Some(150)).await.unwrap();
    let id = shop.approved(order_id, 3).await;
    shop.receive(id, restocked(3)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 150, refunded 150");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
    let other = shop.delivered("l", 3).await;
    shop.refund(other, "all", None).await.unwrap();
    let id = shop.approved(other, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.money(other).await, (OrderStatus::Refunded, [0, 0, 0]));
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_rest_of_an_order_is_cancelled_after_a_part_of_it_came_back() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 1).await;
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    let rest = cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api").await;
    rest.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    assert_eq!(shop.stock_counts().await, "10 0 0");
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::Returned
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_return_may_arrive_in_another_warehouse() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let elsewhere = WarehouseId::generate();
    let draft = || ReceiptDraft {
        id: ReceiptId::generate(),
        warehouse_id: elsewhere,
        lines: BTreeMap::from([(1, restocked(1))]),
    };
    let receive = async |name: &str| {
        let draft = draft();
        receive_return(&shop.context, tenant(), id, &ANY, &draft, &key(name), "api").await
    };
    let unknown = receive("a").await;
    assert!(
        matches!(unknown, Err(ReturningError::Stock(_))),
        "{unknown:?}"
    );
    let warehouse = format!(
        "INSERT INTO inventory.warehouses (tenant_id, id, name, location, active)
         SELECT tenant_id, '{elsewhere}', 'Elsewhere', location, false FROM inventory.warehouses"
    );
    shop.execute(&warehouse).await;
    let received = receive("a").await.unwrap();
    assert!(matches!(received, Once::Now(_)));
    let again = receive("a").await.unwrap();
    assert!(matches!(again, Once::Before(_)));
    let there = format!(
        "SELECT concat_ws(' ', on_hand, quarantined) FROM inventory.stock_levels WHERE warehouse_id = '{elsewhere}'"
    );
    assert_eq!(shop.text(&there).await, "1 0");
    assert_eq!(shop.refunds().await, "refunded 100");
    shop.assert_sound().await;
}

#[tokio::test]
async fn texts_of_returns_are_erased_and_refused_afterwards() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let with_note = RequestedReturn {
        note: Some(note("call me at 555-0100")),
        ..units(1, 1)
    };
    let id = shop.request(order_id, &with_note).await.unwrap().id;
    let decline = || RequestedDecision::Decline(note("ask Ann"));
    shop.decide(id, decline()).await.unwrap();
    let erased = format!("UPDATE orders.orders SET erased_at = now() WHERE id = '{order_id}'");
    let mut connection = shop.database.connect().await;
    oms_fulfilment::erase_addresses(&mut connection, tenant(), &[order_id])
        .await
        .unwrap();
    shop.execute(&erased).await;
    let texts = "SELECT count(*) FROM fulfilment.returns
                 WHERE note IS NOT NULL OR override_reason IS NOT NULL OR decision_reason IS NOT NULL";
    assert_eq!(shop.text(texts).await, "0");
    let told = "SELECT count(*) FROM orders.events
                WHERE reason LIKE '%555%' OR data::text LIKE '%555%' OR reason LIKE '%Ann%'";
    assert_eq!(shop.text(told).await, "0");
    let refused = shop.request(order_id, &with_note).await;
    assert!(
        matches!(refused, Err(ReturningError::Erased(_))),
        "{refused:?}"
    );
    let id = shop.request(order_id, &units(1, 1)).await.unwrap().id;
    let refused = shop.decide(id, decline()).await;
    assert!(
        matches!(refused, Err(ReturningError::Erased(_))),
        "{refused:?}"
    );
    shop.decide(id, RequestedDecision::Cancel(None))
        .await
        .unwrap();
    assert_eq!(shop.text(texts).await, "0");
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let request = async |requested: &RequestedReturn| {
        let key = key("r");
        request_return(&shop.context, tenant(), order_id, &key, requested, "api").await
    };
    let Once::Now(it) = request(&units(1, 1)).await.unwrap() else {
        panic!("not new");
    };
    assert_eq!(
        request(&units(1, 1)).await.unwrap(),
        Once::Before(it.clone())
    );
    let other = request(&units(1, 2)).await;
    assert!(
        matches!(
            other,
            Err(ReturningError::Order(oms_orders::OrderError::KeyReused))
        ),
        "{other:?}"
    );
    let stale = oms_validation::ExpectedVersion::OneOf(vec![7]);
    let approved = decide_return(
        &shop.context,
        tenant(),
        it.id,
        &stale,
        &APPROVE,
        None,
        "api",
    )
    .await;
    let is_stale = matches!(
        approved,
        Err(ReturningError::Fulfilment(FulfilmentError::Changed {
            version: 1
        }))
    );
    assert!(is_stale, "{approved:?}");
}
