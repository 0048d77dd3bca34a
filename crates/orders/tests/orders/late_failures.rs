//! Refunds that fail after they succeeded: the money is back with the merchant, who still owes it.

use oms_fulfilment::{FulfilmentStatus, ShipmentStatus};
use oms_orders::{
    Cancellation, Disputed, OrderStatus, Refunded, RefundedOrder, RequestedCredit, RequestedParts,
    RequestedRefund, ShippingError, cancel_unshipped, get_order, refund_order, sweep_orders,
};
use oms_payments::{DisputeState, Reference};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{IdempotencyKey, OrderId};

use crate::elsewhere::{reference, report};
use crate::shop::{Shop, tenant, usd};

/// `owed held balance` of an order.
async fn ledger(shop: &Shop, order_id: OrderId) -> (i64, i64, i64) {
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    let ledger = details.ledger();
    (
        ledger.owed.amount_minor,
        ledger.held.amount_minor,
        ledger.balance.amount_minor,
    )
}

/// The gateway's names of those refunds of an order that it knows, oldest first.
async fn names(shop: &Shop, order_id: OrderId) -> Vec<Reference> {
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    let refunds = details.refunds.into_iter();
    refunds.filter_map(|refund| refund.reference).collect()
}

async fn fail(shop: &Shop, order_id: OrderId, index: usize) {
    let name = names(shop, order_id).await.swap_remove(index);
    assert!(shop.gateway.fail_refund(&name));
    // However often it is reported.
    for _ in 0..2 {
        report(shop, "refund.failed", order_id).await;
    }
}

async fn refund_unit(shop: &Shop, order_id: OrderId, key: &str) -> i64 {
    let parts = RequestedParts {
        lines: vec![RequestedCredit {
            line: 1,
            quantity: Some(1),
            amount: None,
        }],
        ..RequestedParts::default()
    };
    let request = RequestedRefund {
        what: Refunded::Parts(parts),
        reason: None,
        disputed: Disputed::Refuse,
    };
    let key = IdempotencyKey::parse(key).unwrap();
    match refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await {
        Ok(RefundedOrder::Refunded(refund, _)) => refund.amount.amount_minor,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_price_of_cancelled_units_is_owed_until_it_is_paid_out() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let cancelled = cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api").await;
    assert!(matches!(
        cancelled.unwrap().into_inner(),
        Cancellation::Done(_)
    ));
    assert_eq!(ledger(&shop, order_id).await, (100, 100, 0));
    fail(&shop, order_id, 0).await;
    // The units stay cancelled.
    assert_eq!(shop.level().await, "9 0");
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Fulfilled);
    assert_eq!(ledger(&shop, order_id).await, (100, 300, -200));
    shop.assert_sound().await;
    shop.refund(order_id, "a", Some(150)).await.unwrap();
    assert_eq!(ledger(&shop, order_id).await, (100, 150, -50));
    // What exceeds the debt is a credit of its own.
    shop.refund(order_id, "b", Some(70)).await.unwrap();
    assert_eq!(ledger(&shop, order_id).await, (80, 80, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn parts_whose_refund_failed_are_owed_and_not_refunded_as_parts_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.refund(order_id, "goodwill", Some(10)).await.unwrap();
    assert_eq!(refund_unit(&shop, order_id, "first").await, 100);
    fail(&shop, order_id, 1).await;
    // The goodwill of before pays out nothing of it.
    assert_eq!(ledger(&shop, order_id).await, (190, 290, -100));
    assert_eq!(refund_unit(&shop, order_id, "second").await, 100);
    assert_eq!(ledger(&shop, order_id).await, (90, 190, -100));
    // Refunded in the dashboard.
    shop.gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    report(&shop, "refund.created", order_id).await;
    assert_eq!(ledger(&shop, order_id).await, (90, 90, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_ended_order_whose_refund_failed_owes_the_money() {
    for cancels in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        match cancels {
            true => drop(shop.cancel(order_id).await.unwrap()),
            false => drop(shop.refund(order_id, "a", None).await.unwrap()),
        }
        assert_eq!(ledger(&shop, order_id).await, (0, 0, 0));
        fail(&shop, order_id, 0).await;
        assert_eq!(ledger(&shop, order_id).await, (0, 300, -300));
        shop.gateway
            .refund_elsewhere(&reference(order_id), 300)
            .unwrap();
        report(&shop, "refund.created", order_id).await;
        assert_eq!(ledger(&shop, order_id).await, (0, 0, 0));
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn a_dispute_that_is_won_after_all_is_no_debt() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let payment = reference(order_id);
    shop.gateway.dispute(&payment, usd(120), DisputeState::Lost);
    report(&shop, "charge.dispute.closed", order_id).await;
    assert_eq!(ledger(&shop, order_id).await, (180, 180, 0));
    shop.gateway.dispute(&payment, usd(120), DisputeState::Won);
    report(&shop, "charge.dispute.updated", order_id).await;
    assert_eq!(ledger(&shop, order_id).await, (300, 300, 0));
}

#[tokio::test]
async fn an_order_whose_rest_is_being_refunded_may_be_sent_once_something_is_left() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.refund(order_id, "a", Some(100)).await.unwrap();
    shop.gateway.refunds(Refunding::IsLost);
    let pending = shop.refund(order_id, "b", None).await.unwrap();
    assert!(matches!(pending, RefundedOrder::Pending(..)), "{pending:?}");
    let busy = shop.ship(order_id, Some(1), ShipmentStatus::Shipped).await;
    assert!(matches!(busy, Err(ShippingError::Busy { .. })), "{busy:?}");
    // The first refund fails, so that the second one leaves something.
    fail(&shop, order_id, 0).await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.gateway.refunds(Refunding::Pays);
    sweep_orders(&shop.context).await.unwrap();
    assert_eq!(ledger(&shop, order_id).await, (0, 100, -100));
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_leaves_something_again_is_requested_with_its_first_key() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.refund(order_id, "a", Some(200)).await.unwrap();
    // It was the rest when it began.
    shop.gateway.refunds(Refunding::IsLost);
    let pending = shop.refund(order_id, "b", None).await.unwrap();
    assert!(matches!(pending, RefundedOrder::Pending(..)), "{pending:?}");
    fail(&shop, order_id, 0).await;
    // The first request may still be in flight, and arrive after the list was read.
    shop.gateway.refunds(Refunding::PaysSilently);
    for _ in 0..2 {
        shop.execute("UPDATE orders.reconciliations SET due_at = now()")
            .await;
        sweep_orders(&shop.context).await.unwrap();
    }
    let keys = shop.gateway.refund_keys();
    let of_second: Vec<&String> = keys
        .iter()
        .filter(|key| key.contains(":refund:2"))
        .collect();
    assert!(of_second.len() > 1, "{keys:?}");
    assert!(of_second.iter().all(|key| *key == of_second[0]), "{keys:?}");
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.order.status, OrderStatus::Paid);
    assert_eq!(shop.gateway.net_minor(), 200);
    shop.assert_sound().await;
}
