//! Returns from the request to the refund, with stock, credits and timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use oms_fulfilment::{
    FulfilmentError, Note, OrderReturnStatus, ReceiptDraft, ReceiptId, Received, RequestedBy,
    Return, ReturnId, ReturnReason, ReturnRefusal, ReturnStatus, ShipmentStatus,
};
use oms_orders::{
    OrderStatus, Reason, RequestedDecision, RequestedReturn, ReturningError, cancel_shipment,
    decide_return, deliver_shipment, get_order, receive_return, request_return,
};
use oms_testing::gateway::Confirm;
use oms_validation::{Once, OrderId, WarehouseId};

use crate::shipping::{ANY, key};
use crate::shop::{Shop, tenant};

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

pub fn restocked(units: i32) -> Received {
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
        deliver_shipment(&self.context, tenant(), id, ANY, None, None, "api")
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

pub fn refusal<T: std::fmt::Debug>(refused: Result<T, ReturningError>) -> ReturnRefusal {
    match refused {
        Err(ReturningError::Fulfilment(FulfilmentError::ReturnRefused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

pub fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
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
