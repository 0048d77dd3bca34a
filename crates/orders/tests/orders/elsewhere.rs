//! Refunds made at the gateway without us, and refunds that fail after they succeeded.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use oms_orders::{
    AppliedEvents, Cancellation, Going, OrderStatus, ReconcileObserver, ReconcileSummary,
    ReconcileWindow, RefundedOrder, ReversingError, apply_gateway_events, get_order,
    reconcile_charges, sweep_orders,
};
use oms_payments::{
    EventRelevance, GatewayEventId, NewGatewayEvent, Operation, Received, Reference,
    receive_gateway_event,
};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::OrderId;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Shop, tenant, usd};

struct Nobody;

impl ReconcileObserver for Nobody {
    fn progressed(&self, _: &ReconcileSummary) -> Going {
        Going::On
    }
}

/// Compares the gateway's books with ours, as if no webhook ever arrived.
pub async fn compare(shop: &Shop) -> ReconcileSummary {
    let now: DateTime<Utc> = std::time::SystemTime::now().into();
    let (hour, second) = (TimeDelta::hours(1), TimeDelta::seconds(1));
    let window = ReconcileWindow::new(now - hour, now + second, now).unwrap();
    let compared = reconcile_charges(&shop.context, tenant(), &window, &Nobody).await;
    compared.unwrap()
}

pub fn reference(order_id: OrderId) -> Reference {
    Reference::parse(&format!("pi_{}", order_id.as_uuid().simple())).unwrap()
}

/// The gateway reports this event about an order's payment, and it is applied.
pub async fn report(shop: &Shop, kind: &str, order_id: OrderId) -> AppliedEvents {
    let number = shop
        .text("SELECT count(*) FROM payments.gateway_events")
        .await;
    let event = NewGatewayEvent {
        gateway: "scripted".to_owned(),
        id: GatewayEventId::parse(&format!("evt_of_test_{number}")).unwrap(),
        kind: kind.to_owned(),
        relevance: EventRelevance::Relevant,
        reference: Some(reference(order_id)),
        order_id: None,
        tenant_id: None,
        created_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
    };
    let mut connection = shop.database.connect().await;
    let received = receive_gateway_event(&mut connection, tenant(), &event).await;
    assert_eq!(received.unwrap(), Received::Stored);
    apply_gateway_events(&shop.context).await.unwrap()
}

fn outcome(applied: &AppliedEvents) -> &'static str {
    let outcomes: Vec<&'static str> = applied.done.keys().copied().collect();
    match outcomes[..] {
        [one] => one,
        [] => "postponed",
        _ => panic!("{applied:?}"),
    }
}

/// `actor state amount` of each refund, oldest first.
pub async fn refunds(shop: &Shop) -> String {
    let sql = "SELECT coalesce(string_agg(concat_ws(' ', actor, state, amount_minor), ', ' ORDER BY number), '')
               FROM payments.refunds";
    shop.text(sql).await
}

/// `kind open|resolver` of each finding, and the number of alerts.
pub async fn findings(shop: &Shop) -> String {
    let sql = "SELECT concat_ws(' + ',
                   (SELECT string_agg(concat_ws(' ', kind, coalesce(resolved_by, 'open')), ', ' ORDER BY found_at, id)
                    FROM orders.findings),
                   (SELECT count(*) FROM events.records WHERE type = 'finding.opened') || ' alerts')";
    shop.text(sql).await
}

/// The reasons of the timeline entries with the gateway as actor.
async fn told(shop: &Shop) -> String {
    let sql = "SELECT coalesce(string_agg(reason, '; ' ORDER BY sequence), '') FROM orders.events WHERE actor = 'gateway'";
    shop.text(sql).await
}

#[tokio::test]
async fn a_refund_made_at_the_gateway_is_booked_once_under_its_id() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let name = shop
        .gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    assert_eq!(
        outcome(&report(&shop, "charge.refunded", order_id).await),
        "booked"
    );
    for kind in ["refund.created", "refund.updated", "charge.refund.updated"] {
        assert_eq!(
            outcome(&report(&shop, kind, order_id).await),
            "superseded",
            "{kind}"
        );
    }
    compare(&shop).await;
    assert_eq!(refunds(&shop).await, "gateway refunded 100");
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/api,3:PAID/gateway paid 0"
    );
    let expected = format!("1.00 USD was refunded at the gateway by refund {name}");
    assert_eq!(told(&shop).await, expected);
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.refunds[0].reference, Some(name));
    assert_eq!(findings(&shop).await, "0 alerts");
}

#[tokio::test]
async fn an_order_that_was_fully_refunded_at_the_gateway_is_refunded_and_holds_no_stock() {
    for by_webhook in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        for amount in [100, 200] {
            shop.gateway
                .refund_elsewhere(&reference(order_id), amount)
                .unwrap();
        }
        match by_webhook {
            true => drop(report(&shop, "refund.created", order_id).await),
            false => drop(compare(&shop).await),
        }
        assert_eq!(
            shop.state().await,
            "REFUNDED 0 1:PENDING_PAYMENT/api,2:PAID/api,3:PAID/gateway,4:REFUNDED/gateway refunded 0"
        );
        assert_eq!(
            refunds(&shop).await,
            "gateway refunded 100, gateway refunded 200"
        );
        assert_eq!(findings(&shop).await, "0 alerts");
    }
}

#[tokio::test]
async fn a_refund_made_before_we_know_of_the_payment_is_booked_too() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    shop.gateway
        .refund_elsewhere(&reference(order_id), 300)
        .unwrap();
    assert_eq!(
        outcome(&report(&shop, "charge.refunded", order_id).await),
        "booked"
    );
    assert_eq!(
        shop.state().await,
        "REFUNDED 0 1:PENDING_PAYMENT/api,2:PAID/webhook,3:REFUNDED/gateway refunded 0"
    );
}

#[tokio::test]
async fn the_rest_is_what_is_left_at_the_gateway() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    let refused = shop.refund(order_id, "a", Some(201)).await;
    let Err(ReversingError::RefundExceedsCaptured { available }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(available, usd(200));
    let refunded = shop.refund(order_id, "a", None).await.unwrap();
    let RefundedOrder::Refunded(refund, OrderStatus::Refunded) = refunded else {
        panic!("{refunded:?}")
    };
    assert_eq!(refund.amount, usd(200));
    assert_eq!(
        refunds(&shop).await,
        "gateway refunded 100, oms refunded 200"
    );
    assert_eq!(shop.gateway.net_minor(), 0);
    // Repeating the request does not call the gateway.
    let again = shop.refund(order_id, "a", None).await.unwrap();
    assert!(
        matches!(again, RefundedOrder::RefundedBefore(..)),
        "{again:?}"
    );
}

#[tokio::test]
async fn nothing_is_left_after_a_full_refund_at_the_gateway() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway
        .refund_elsewhere(&reference(order_id), 300)
        .unwrap();
    let refused = shop.refund(order_id, "a", None).await;
    let Err(ReversingError::NotRefundable { status, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(status, OrderStatus::Refunded);
    assert_eq!(refunds(&shop).await, "gateway refunded 300");
}

#[tokio::test]
async fn an_order_that_was_partly_refunded_at_the_gateway_can_be_cancelled() {
    for elsewhere in [100, 300] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.gateway
            .refund_elsewhere(&reference(order_id), elsewhere)
            .unwrap();
        let cancelled = shop.cancel(order_id).await.unwrap();
        assert!(matches!(cancelled, Cancellation::Done(_)), "{cancelled:?}");
        assert_eq!(shop.gateway.net_minor(), 0);
        assert_eq!(shop.dead_letters().await, "0 alerts");
        let state = shop.state().await;
        assert!(
            state.starts_with("CANCELLED 0 ") && state.ends_with(" refunded 0"),
            "{state}"
        );
    }
}

#[tokio::test]
async fn a_cancellation_whose_refund_became_too_large_refunds_what_is_left() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    let cancelled = shop.cancel(order_id).await.unwrap();
    assert!(
        matches!(cancelled, Cancellation::InProgress(_)),
        "{cancelled:?}"
    );
    // Together with ours it would be too much, so it is booked only after ours has ended.
    shop.gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    assert_eq!(
        outcome(&report(&shop, "charge.refunded", order_id).await),
        "postponed"
    );
    assert_eq!(refunds(&shop).await, "oms pending 300");

    shop.gateway.refunds(Refunding::Pays);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().cancelled, 1);
    assert_eq!(
        refunds(&shop).await,
        "oms failed 300, gateway refunded 100, oms refunded 200"
    );
    assert_eq!(shop.gateway.net_minor(), 0);
    assert_eq!(shop.dead_letters().await, "0 alerts");
}

#[tokio::test]
async fn a_refund_that_became_too_large_is_rejected_and_the_books_are_right() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    let refund = shop.refund(order_id, "a", Some(250)).await.unwrap();
    assert!(matches!(refund, RefundedOrder::Pending(..)), "{refund:?}");
    shop.gateway
        .refund_elsewhere(&reference(order_id), 100)
        .unwrap();
    shop.gateway.refunds(Refunding::Pays);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().refund_failed, 1);
    assert_eq!(refunds(&shop).await, "oms failed 250, gateway refunded 100");
    let state = shop.state().await;
    assert!(
        state.starts_with("PAID 3 ") && state.ends_with(" paid 0"),
        "{state}"
    );
}

#[tokio::test]
async fn our_own_refund_with_a_lost_answer_is_not_booked_as_foreign() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::PaysSilently);
    shop.refund(order_id, "a", Some(100)).await.unwrap();
    report(&shop, "refund.created", order_id).await;
    compare(&shop).await;
    assert_eq!(refunds(&shop).await, "oms pending 100");
    sweep_orders(&shop.context).await.unwrap();
    report(&shop, "charge.refunded", order_id).await;
    assert_eq!(refunds(&shop).await, "oms refunded 100");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_several_workers_notice_is_booked_once() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    let order_id = shop.paid("k").await;
    for round in 0..5 {
        shop.gateway
            .refund_elsewhere(&reference(order_id), 10)
            .unwrap();
        let barrier = Arc::new(Barrier::new(4));
        let mut noticing = JoinSet::new();
        for worker in 0..4 {
            let (shop, barrier) = (shop.clone(), barrier.clone());
            noticing.spawn(async move {
                barrier.wait().await;
                match worker {
                    0 | 1 => drop(compare(&shop).await),
                    2 => drop(report(&shop, "refund.created", order_id).await),
                    _ => drop(shop.refund(order_id, &format!("r{round}"), Some(1)).await),
                }
            });
        }
        noticing.join_all().await;
        compare(&shop).await;
    }
    let booked = "SELECT string_agg(actor || ' ' || amount_minor, ', ' ORDER BY actor, number)
                  FROM payments.refunds WHERE actor = 'gateway'";
    let expected = ["gateway 10"; 5].join(", ");
    assert_eq!(shop.text(booked).await, expected);
    let sum = "SELECT sum(amount_minor) FROM payments.refunds WHERE state = 'refunded'";
    assert_eq!(
        shop.text(sum).await,
        (300 - shop.gateway.net_minor()).to_string()
    );
}

#[tokio::test]
async fn a_refund_that_fails_later_is_a_finding_and_its_money_is_back() {
    for by_webhook in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.refund(order_id, "a", Some(100)).await.unwrap();
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let name = details.refunds[0].reference.clone().unwrap();
        assert!(shop.gateway.fail_refund(&name));
        match by_webhook {
            true => drop(report(&shop, "refund.failed", order_id).await),
            false => drop(compare(&shop).await),
        }
        assert_eq!(refunds(&shop).await, "oms failed 100");
        assert_eq!(findings(&shop).await, "refund_failed open + 1 alerts");
        let expected = format!(
            "refund {name} of 1.00 USD failed: the card has expired or was cancelled; the money is back with the merchant"
        );
        assert_eq!(told(&shop).await, expected);
        // It can be refunded again, for example in another way.
        let all = shop.refund(order_id, "b", None).await.unwrap();
        let RefundedOrder::Refunded(refund, OrderStatus::Refunded) = all else {
            panic!("{all:?}")
        };
        assert_eq!(refund.amount, usd(300));
    }
}

#[tokio::test]
async fn a_settled_order_whose_refund_fails_stays_settled_and_nothing_is_refunded() {
    for cancels in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        match cancels {
            true => drop(shop.cancel(order_id).await.unwrap()),
            false => drop(shop.refund(order_id, "a", None).await.unwrap()),
        }
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let ended = details.order.status;
        let name = details.refunds[0].reference.clone().unwrap();
        assert!(shop.gateway.fail_refund(&name));
        report(&shop, "refund.failed", order_id).await;
        compare(&shop).await;
        let state = shop.state().await;
        assert!(
            state.starts_with(&format!("{ended} 0 ")) && state.ends_with(" paid 0"),
            "{state}"
        );
        assert_eq!(findings(&shop).await, "refund_failed open + 1 alerts");
        assert_eq!(shop.gateway.net_minor(), 300);
        assert_eq!(shop.gateway.calls_of(Operation::RefundCharge), 0);

        // An operator refunds the money in the dashboard, which settles it.
        shop.gateway
            .refund_elsewhere(&reference(order_id), 300)
            .unwrap();
        report(&shop, "refund.created", order_id).await;
        assert_eq!(findings(&shop).await, "refund_failed gateway + 1 alerts");
        assert_eq!(refunds(&shop).await, "oms failed 300, gateway refunded 300");
        assert!(shop.state().await.ends_with(" refunded 0"));
    }
}
