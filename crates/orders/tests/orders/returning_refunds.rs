//! Returns beside other refunds of their order: whatever fails, what came back is credited and refunded once.

use oms_fulfilment::{ReturnId, ReturnStatus, ShipmentStatus};
use oms_orders::{
    Disputed, OrderStatus, Refunded, RefundedOrder, RequestedDecision, RequestedRefund,
    ReturningError, ReturnsPass, ReversingError, cancel_unshipped, deliver_shipment,
    find_returnable, refund_order, refund_return, settle_returns, sweep_orders,
};
use oms_payments::{DisputeState, Operation, Reference};
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Confirm, Plan, Refunding};
use oms_validation::OrderId;

use crate::elsewhere::{compare, reference, report};
use crate::money::{discounted, paid};
use crate::returning::{DAY, restocked};
use crate::shipping::{ANY, key};
use crate::shop::{Opening, Shop, tenant, usd};

impl Shop {
    /// An order of three units that were delivered, of which one came back while refunds had this outcome.
    async fn returned(&self, refunding: Refunding) -> (OrderId, ReturnId) {
        let order_id = self.delivered("k", 3).await;
        let id = self.approved(order_id, 1).await;
        self.gateway.refunds(refunding);
        self.receive(id, restocked(1)).await.unwrap();
        self.gateway.refunds(Refunding::Pays);
        (order_id, id)
    }

    async fn refund_return(&self, id: ReturnId) -> Result<RefundedOrder, ReturningError> {
        let key = key(&ReturnId::generate().to_string());
        refund_return(&self.context, tenant(), id, &key, Disputed::Refuse, "api").await
    }

    async fn cancel_unsent(&self, order_id: OrderId) {
        let rest = cancel_unshipped(&self.context, tenant(), order_id, None, None, "api").await;
        rest.unwrap();
    }

    /// The only refund that was made fails late.
    async fn fail_late(&self, order_id: OrderId) {
        let name = self
            .text("SELECT max(reference) FROM payments.refunds")
            .await;
        assert!(self.gateway.fail_refund(&Reference::parse(&name).unwrap()));
        report(self, "refund.failed", order_id).await;
    }

    /// Number of credits that wait for their refund, and of open findings about failed refunds and their alerts.
    async fn waiting(&self) -> String {
        self.text(
            "SELECT concat_ws(' ',
                 (SELECT count(*) FROM orders.credits WHERE source = 'return' AND refund_id IS NULL),
                 (SELECT count(*) FROM orders.findings WHERE kind = 'refund_failed' AND resolved_at IS NULL),
                 (SELECT count(*) FROM events.records WHERE type = 'finding.opened'))",
        )
        .await
    }

    async fn sweep(&self) {
        sweep_orders(&self.context).await.unwrap();
    }

    async fn settle(&self) -> u64 {
        let mut pass = ReturnsPass::default();
        let turn = settle_returns(&self.context, &mut pass).await;
        turn.unwrap().refunds
    }
}

#[tokio::test]
async fn a_return_is_credited_when_the_refund_of_everything_is_rejected() {
    for gives_up in [false, true] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.delivered("k", 3).await;
        shop.gateway.refunds(Refunding::IsLost);
        shop.refund(order_id, "all", None).await.unwrap();
        let id = shop.approved(order_id, 1).await;
        shop.receive(id, restocked(1)).await.unwrap();
        // Nothing is owed while everything is being refunded.
        let money = shop.money(order_id).await;
        assert_eq!(money, (OrderStatus::Refunding, [0, 300, -300]));
        match gives_up {
            true => shop.give_up_refund(order_id).await,
            false => {
                shop.gateway.refunds(Refunding::IsRefused);
                shop.sweep().await;
            }
        }
        let money = shop.money(order_id).await;
        assert_eq!(money, (OrderStatus::Refunding, [200, 300, -100]));
        shop.gateway.refunds(Refunding::Pays);
        shop.sweep().await;
        let money = shop.money(order_id).await;
        assert_eq!(money, (OrderStatus::Paid, [200, 200, 0]), "{gives_up}");
        assert_eq!(shop.refunds().await, "failed 300, refunded 100");
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn an_amount_takes_over_what_a_refund_failed_to_pay_out() {
    let shop = Shop::open(Confirm::Pays).await;
    let (order_id, id) = shop.returned(Refunding::Pays).await;
    shop.fail_late(order_id).await;
    assert_eq!(shop.waiting().await, "0 1 1");
    shop.refund(order_id, "a", Some(60)).await.unwrap();
    let money = shop.money(order_id).await;
    assert_eq!(money, (OrderStatus::Paid, [200, 240, -40]));
    // The rest of it, and a goodwill.
    shop.refund(order_id, "b", Some(50)).await.unwrap();
    let money = shop.money(order_id).await;
    assert_eq!(money, (OrderStatus::Paid, [190, 190, 0]));
    assert_eq!(shop.waiting().await, "0 0 1");
    for (name, amount) in [("a", 60), ("b", 50)] {
        let again = shop.refund(order_id, name, Some(amount)).await;
        assert!(
            matches!(again, Ok(RefundedOrder::RefundedBefore(..))),
            "{again:?}"
        );
    }
    let nothing = shop.refund_return(id).await;
    assert!(
        matches!(nothing, Err(ReturningError::NothingOwed)),
        "{nothing:?}"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_key_of_the_rest_and_of_its_amount_is_the_same_request() {
    let shop = Shop::open(Confirm::Pays).await;
    let (order_id, _) = shop.returned(Refunding::IsRefused).await;
    shop.refund(order_id, "rest", None).await.unwrap();
    for amount in [None, Some(300)] {
        let again = shop.refund(order_id, "rest", amount).await;
        assert!(
            matches!(again, Ok(RefundedOrder::RefundedBefore(..))),
            "{again:?}"
        );
    }
    let other = shop.refund(order_id, "rest", Some(299)).await;
    assert!(other.is_err(), "{other:?}");
}

#[tokio::test]
async fn a_return_and_a_cancellation_look_at_the_gateway_before_they_refund() {
    let shop = Shop::open(Confirm::Pays).await;
    let (order_id, id) = shop.returned(Refunding::IsRefused).await;
    let payment = reference(order_id);
    shop.gateway.refund_elsewhere(&payment, 100).unwrap();
    let calls = shop.gateway.calls_of(Operation::Refund);
    let nothing = shop.refund_return(id).await;
    assert!(
        matches!(nothing, Err(ReturningError::NothingOwed)),
        "{nothing:?}"
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    // Everything else, before what is not sent is cancelled.
    let other = shop.delivered("l", 1).await;
    shop.gateway
        .refund_elsewhere(&reference(other), 300)
        .unwrap();
    let rest = cancel_unshipped(&shop.context, tenant(), other, None, None, "api").await;
    let is_refused = matches!(
        rest,
        Err(ReversingError::NotCancellable {
            status: OrderStatus::Refunded,
            ..
        })
    );
    assert!(is_refused, "{rest:?}");
    assert_eq!(shop.gateway.calls_of(Operation::Refund), calls);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_lost_dispute_pays_out_what_a_return_is_owed_until_it_is_won_after_all() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(150), state);
    dispute(DisputeState::NeedsResponse);
    drop(compare(&shop).await);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.money(order_id).await.1, [200, 300, -100]);
    dispute(DisputeState::Lost);
    report(&shop, "charge.dispute.closed", order_id).await;
    // What it took beyond that is lost.
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [150, 150, 0])
    );
    assert_eq!(shop.settle().await, 0);
    dispute(DisputeState::Won);
    report(&shop, "charge.dispute.closed", order_id).await;
    assert_eq!(shop.money(order_id).await.1, [200, 300, -100]);
    assert_eq!(shop.settle().await, 1);
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_rejected_refund_of_a_return_alerts_an_operator_until_it_is_refunded() {
    let shop = Shop::open(Confirm::Pays).await;
    let (order_id, id) = shop.returned(Refunding::IsRefused).await;
    assert_eq!(shop.waiting().await, "0 1 1");
    shop.refund_return(id).await.unwrap();
    assert_eq!(shop.waiting().await, "0 0 1");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    // Or in the dashboard.
    let id = shop.approved(order_id, 1).await;
    shop.gateway.refunds(Refunding::IsRefused);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.waiting().await, "0 1 2");
    shop.gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    report(&shop, "refund.created", order_id).await;
    assert_eq!(shop.waiting().await, "0 0 2");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [100, 100, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn credits_wait_again_when_the_refund_of_the_rest_is_rejected() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(300), state);
    dispute(DisputeState::NeedsResponse);
    drop(compare(&shop).await);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.waiting().await, "1 0 1");
    shop.gateway.refunds(Refunding::IsRefused);
    let request = RequestedRefund {
        what: Refunded::Rest,
        reason: None,
        disputed: Disputed::Refund,
    };
    let key = key("rest");
    let rejected = refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await;
    let is_rejected = matches!(rejected, Err(ReversingError::RefundRefused { .. }));
    assert!(is_rejected, "{rejected:?}");
    assert_eq!(shop.waiting().await, "1 0 1");
    shop.gateway.refunds(Refunding::Pays);
    dispute(DisputeState::Won);
    report(&shop, "charge.dispute.closed", order_id).await;
    assert_eq!(shop.settle().await, 1);
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn shipping_is_refunded_when_the_rest_is_cancelled_after_a_return() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop, discounted(54)).await;
    let shipped = shop.ship(order_id, Some(1), ShipmentStatus::Shipped).await;
    let shipment = shipped.unwrap().id;
    deliver_shipment(&shop.context, tenant(), shipment, ANY, None, None, "api")
        .await
        .unwrap();
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.money(order_id).await.1, [218, 218, 0]);
    shop.cancel_unsent(order_id).await;
    shop.sweep().await;
    assert_eq!(
        shop.refunds().await,
        "refunded 82, refunded 164, refunded 49"
    );
    assert_eq!(shop.money(order_id).await, (OrderStatus::Paid, [5, 5, 0]));
    shop.assert_sound().await;
}

#[tokio::test]
async fn what_is_not_sent_is_cancelled_although_the_rest_of_the_money_belongs_to_a_return() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 1).await;
    shop.refund(order_id, "goodwill", Some(200)).await.unwrap();
    let id = shop.approved(order_id, 1).await;
    shop.gateway.refunds(Refunding::IsRefused);
    shop.receive(id, restocked(1)).await.unwrap();
    shop.gateway.refunds(Refunding::Pays);
    assert_eq!(shop.money(order_id).await.1, [0, 100, -100]);
    shop.cancel_unsent(order_id).await;
    assert_eq!(shop.stock_counts().await, "10 0 0");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [0, 100, -100])
    );
    shop.refund_return(id).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_that_were_credited_before_they_came_are_received_after_the_return_is_closed() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::Pays,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await;
    let order_id = shop.delivered("k", 3).await;
    shop.set_returns(r#"{"creditOn": "approved"}"#).await;
    let id = shop.approved(order_id, 2).await;
    assert_eq!(shop.refunds().await, "refunded 200");
    shop.pass(DAY * 31);
    shop.settle().await;
    let closed = "SELECT status || ' ' || closed_at FROM fulfilment.returns";
    let before = shop.text(closed).await;
    assert!(before.starts_with("CLOSED"), "{before}");
    shop.pass(DAY);
    let it = shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!((it.status, it.received()), (ReturnStatus::Closed, 1));
    assert_eq!(shop.text(closed).await, before);
    assert_eq!(shop.stock_counts().await, "8 0 0");
    assert_eq!(shop.refunds().await, "refunded 200");
    let too_many = shop.receive(id, restocked(2)).await;
    assert!(too_many.is_err(), "{too_many:?}");
    shop.receive(id, restocked(1)).await.unwrap();
    let told = "SELECT count(*) FROM orders.events WHERE type = 'return.closed'";
    assert_eq!(shop.text(told).await, "1");
    let cancelled = shop.decide(id, RequestedDecision::Cancel(None)).await;
    assert!(cancelled.is_err(), "{cancelled:?}");
    shop.assert_sound().await;
}

#[tokio::test]
async fn no_more_is_offered_than_is_left() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    shop.refund(order_id, "goodwill", Some(250)).await.unwrap();
    let returnable = find_returnable(&shop.context, tenant(), order_id).await;
    assert_eq!(returnable.unwrap()[0].credit, usd(50));
}

#[tokio::test]
async fn a_panic_and_a_silent_gateway_keep_no_other_return_from_being_settled() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::Pays,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await;
    let mut refunds = Vec::new();
    for name in ["k", "l"] {
        let order_id = shop.delivered(name, 3).await;
        let id = shop.approved(order_id, 1).await;
        let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(300), state);
        dispute(DisputeState::NeedsResponse);
        drop(compare(&shop).await);
        shop.receive(id, restocked(1)).await.unwrap();
        dispute(DisputeState::Won);
        report(&shop, "charge.dispute.closed", order_id).await;
        refunds.push(order_id);
    }
    shop.gateway.set_available(false);
    assert_eq!(shop.settle().await, 0);
    assert_eq!(shop.waiting().await, "2 0 2");
    shop.gateway.set_available(true);
    shop.gateway.plan(Operation::Refund, Plan::Panic);
    shop.settle().await;
    assert_eq!(
        shop.money(refunds[1]).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
}
