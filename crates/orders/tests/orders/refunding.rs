//! Refunding some or all of an order's money once, also concurrently.

use std::sync::Arc;

use oms_orders::{
    Disputed, OrderError, OrderSettings, OrderStatus, Reason, Refunded, RefundedOrder,
    RequestedRefund, ReversingError, SweepSummary, cancel_order, refund_order, retry_dead_letter,
    sweep_orders,
};
use oms_payments::RefundState;
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{Currency, IdempotencyKey, Money, OperatorName, OrderId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Shop, other_tenant, settings, tenant, usd};

/// The amount of a refund that this request made, and the status of its order.
fn refunded(answer: Result<RefundedOrder, ReversingError>) -> (i64, OrderStatus) {
    match answer {
        Ok(RefundedOrder::Refunded(refund, status)) => {
            assert_eq!(refund.state, RefundState::Refunded);
            (refund.amount.amount_minor, status)
        }
        other => panic!("not refunded: {other:?}"),
    }
}

fn replayed(answer: Result<RefundedOrder, ReversingError>) -> (i64, OrderStatus) {
    match answer {
        Ok(RefundedOrder::RefundedBefore(refund, status)) => (refund.amount.amount_minor, status),
        other => panic!("not replayed: {other:?}"),
    }
}

fn assert_pending(answer: &Result<RefundedOrder, ReversingError>) {
    let Ok(RefundedOrder::Pending(refund, OrderStatus::Refunding)) = answer else {
        panic!("not pending: {answer:?}")
    };
    assert_eq!(refund.state, RefundState::Pending);
}

#[tokio::test]
async fn the_stock_is_released_when_partial_refunds_leave_nothing() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let (paid, all) = (OrderStatus::Paid, OrderStatus::Refunded);
    assert_eq!(
        refunded(shop.refund(order_id, "a", Some(100)).await),
        (100, paid)
    );
    assert!(shop.state().await.starts_with("PAID 3 "));
    assert_eq!(shop.gateway.net_minor(), 200);
    assert_eq!(
        refunded(shop.refund(order_id, "b", Some(50)).await),
        (50, paid)
    );
    assert_eq!(refunded(shop.refund(order_id, "c", None).await), (150, all));
    assert_eq!(
        shop.state().await,
        "REFUNDED 0 1:PENDING_PAYMENT/api,2:PAID/api,3:REFUNDING/api,4:PAID/api,5:REFUNDING/api,6:PAID/api,\
         7:REFUNDING/api,8:REFUNDED/api refunded 0"
    );
    assert_eq!(shop.gateway.net_minor(), 0);
    assert_eq!(
        shop.refunds().await,
        "refunded 100, refunded 50, refunded 150"
    );
}

#[tokio::test]
async fn a_key_stands_for_one_refund_of_one_order_amount_and_reason() {
    let shop = Shop::open(Confirm::Pays).await;
    let (order_id, other) = (shop.paid("k").await, shop.paid("l").await);
    refunded(shop.refund(order_id, "a", Some(100)).await);
    let again = shop.refund(order_id, "a", Some(100)).await;
    assert_eq!(replayed(again), (100, OrderStatus::Paid));

    let reasoned = RequestedRefund {
        what: Refunded::Amount(usd(100)),
        reason: Some(Reason::parse("broken").unwrap()),
        disputed: Disputed::Refuse,
    };
    let key = IdempotencyKey::parse("a").unwrap();
    for reused in [
        shop.refund(order_id, "a", Some(101)).await,
        shop.refund(order_id, "a", None).await,
        shop.refund(other, "a", Some(100)).await,
        refund_order(&shop.context, tenant(), order_id, &key, &reasoned, "api").await,
    ] {
        assert!(
            matches!(reused, Err(ReversingError::Order(OrderError::KeyReused))),
            "{reused:?}"
        );
    }
    assert_eq!(shop.gateway.net_minor(), 500);

    // The rest, with or without its amount.
    refunded(shop.refund(order_id, "b", None).await);
    let (all, status) = (200, OrderStatus::Refunded);
    assert_eq!(
        replayed(shop.refund(order_id, "b", None).await),
        (all, status)
    );
    let named = shop.refund(order_id, "b", Some(200)).await;
    assert_eq!(replayed(named), (all, status));
    assert_eq!(
        replayed(shop.refund(order_id, "a", Some(100)).await),
        (100, status)
    );
    assert_eq!(shop.gateway.net_minor(), 300);
}

#[tokio::test]
async fn a_refund_of_too_much_or_in_another_currency_changes_nothing() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    refunded(shop.refund(order_id, "a", Some(100)).await);
    let before = shop.state().await;
    let refused = shop.refund(order_id, "b", Some(201)).await;
    let Err(ReversingError::RefundExceedsCaptured { available }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(available, usd(200));
    let eur = Money {
        currency: Currency::parse("EUR").unwrap(),
        ..usd(1)
    };
    let request = RequestedRefund {
        what: Refunded::Amount(eur),
        reason: None,
        disputed: Disputed::Refuse,
    };
    let key = IdempotencyKey::parse("b").unwrap();
    let refused = refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await;
    assert!(
        matches!(refused, Err(ReversingError::RefundCurrency(_))),
        "{refused:?}"
    );
    assert_eq!(shop.state().await, before);
    assert_eq!(shop.gateway.net_minor(), 200);
    // The key of a refused request is free.
    refunded(shop.refund(order_id, "b", Some(200)).await);
}

#[tokio::test]
async fn only_a_paid_order_of_the_tenant_is_refunded() {
    let shop = Shop::open(Confirm::IsLost).await;
    let order_id = shop.pending("k").await;
    let not_refundable = async |expected: OrderStatus| {
        let refused = shop.refund(order_id, "r", Some(1)).await;
        let Err(ReversingError::NotRefundable { status, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(status, expected);
    };
    not_refundable(OrderStatus::PendingPayment).await;
    shop.cancel(order_id).await.unwrap();
    not_refundable(OrderStatus::Cancelled).await;
    assert_eq!(shop.refunds().await, "");

    let key = IdempotencyKey::parse("r").unwrap();
    let all = RequestedRefund {
        what: Refunded::Rest,
        reason: None,
        disputed: Disputed::Refuse,
    };
    for (tenant, order_id) in [(tenant(), OrderId::generate()), (other_tenant(), order_id)] {
        let unknown = refund_order(&shop.context, tenant, order_id, &key, &all, "api").await;
        assert!(
            matches!(unknown, Err(ReversingError::Order(OrderError::NotFound))),
            "{unknown:?}"
        );
    }
}

#[tokio::test]
async fn an_unanswered_refund_is_pending_until_it_is_read_back() {
    for (amount, left, end, stock) in [(Some(100), 200, "PAID", 3), (None, 0, "REFUNDED", 0)] {
        for refunding in [Refunding::IsLost, Refunding::PaysSilently] {
            let shop = Shop::open(Confirm::Pays).await;
            let order_id = shop.paid("k").await;
            shop.gateway.refunds(refunding);
            assert_pending(&shop.refund(order_id, "a", amount).await);
            assert_pending(&shop.refund(order_id, "a", amount).await);
            let other = shop.refund(order_id, "b", amount).await;
            assert!(
                matches!(other, Err(ReversingError::RefundInProgress(_))),
                "{other:?}"
            );
            assert_eq!(
                shop.state().await,
                "REFUNDING 3 1:PENDING_PAYMENT/api,2:PAID/api,3:REFUNDING/api refunding 1"
            );

            shop.gateway.refunds(Refunding::Pays);
            let summary = SweepSummary {
                refunded: 1,
                ..SweepSummary::default()
            };
            assert_eq!(sweep_orders(&shop.context).await.unwrap(), summary);
            let state = shop.state().await;
            assert!(state.starts_with(&format!("{end} {stock} ")), "{state}");
            assert!(state.ends_with(" 0"), "{state}");
            assert_eq!(shop.gateway.net_minor(), left);
            let (amount_minor, _) = replayed(shop.refund(order_id, "a", amount).await);
            assert_eq!(amount_minor, 300 - left);
        }
    }
}

#[tokio::test]
async fn a_rejected_refund_leaves_the_order_paid_and_its_key_replays_the_rejection() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsRefused);
    for _ in 0..2 {
        let refused = shop.refund(order_id, "a", None).await;
        let Err(ReversingError::RefundRefused { status, code, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(status, OrderStatus::Paid);
        assert_eq!(code.as_str(), "lost_or_stolen_card");
    }
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/api,3:REFUNDING/api,4:PAID/api paid 0"
    );
    assert_eq!(shop.gateway.net_minor(), 300);

    shop.gateway.refunds(Refunding::Pays);
    let (amount, status) = refunded(shop.refund(order_id, "b", None).await);
    assert_eq!((amount, status), (300, OrderStatus::Refunded));
    assert_eq!(shop.refunds().await, "failed 300, refunded 300");
}

#[tokio::test]
async fn a_rejection_that_the_sweeper_receives_first_is_answered_the_same() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    assert_pending(&shop.refund(order_id, "a", None).await);
    shop.gateway.refunds(Refunding::IsRefused);
    let summary = SweepSummary {
        refund_failed: 1,
        ..SweepSummary::default()
    };
    assert_eq!(sweep_orders(&shop.context).await.unwrap(), summary);
    let refused = shop.refund(order_id, "a", None).await;
    assert!(
        matches!(refused, Err(ReversingError::RefundRefused { .. })),
        "{refused:?}"
    );
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/api,3:REFUNDING/api,4:PAID/sweeper paid 0"
    );
}

#[tokio::test]
async fn a_refund_without_any_answer_is_left_to_an_operator_whose_retry_continues_it() {
    let settings = OrderSettings {
        sweep_max_tries: 1,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::Pays, settings).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    assert_pending(&shop.refund(order_id, "a", Some(100)).await);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
    assert!(shop.state().await.starts_with("REFUNDING 3 "));

    let dead_letter = shop.text("SELECT id FROM orders.dead_letters").await;
    let ann = OperatorName::parse("ann").unwrap();
    let id = dead_letter.parse().unwrap();
    retry_dead_letter(&shop.context, tenant(), id, None, &ann)
        .await
        .unwrap();
    shop.gateway.refunds(Refunding::Pays);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().refunded, 1);
    assert_eq!(shop.gateway.net_minor(), 200);
    assert_eq!(shop.refunds().await, "refunded 100");
}

/// Requests a refund until the answer is definite.
async fn persistently(
    shop: &Shop,
    order_id: OrderId,
    key: &str,
    amount_minor: Option<i64>,
) -> Result<RefundedOrder, ReversingError> {
    loop {
        match shop.refund(order_id, key, amount_minor).await {
            Err(ReversingError::RefundInProgress(_)) | Ok(RefundedOrder::Pending(..)) => {
                tokio::task::yield_now().await;
            }
            answer => return answer,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_partial_refunds_never_exceed_the_captured_amount() {
    const RIVALS: usize = 10;
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    let order_id = shop.paid("k").await;
    let barrier = Arc::new(Barrier::new(RIVALS));
    let mut rivals = JoinSet::new();
    for rival in 0..RIVALS {
        let (barrier, shop) = (barrier.clone(), shop.clone());
        rivals.spawn(async move {
            barrier.wait().await;
            persistently(&shop, order_id, &format!("r{rival}"), Some(70)).await
        });
    }
    let mut paid_back = 0;
    for answer in rivals.join_all().await {
        match answer {
            Ok(_) => paid_back += 1,
            Err(ReversingError::RefundExceedsCaptured { available }) => {
                assert_eq!(available, usd(20));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(paid_back, 4);
    assert_eq!(shop.gateway.net_minor(), 20);
    assert!(shop.state().await.starts_with("PAID 3 "));
    refunded(shop.refund(order_id, "rest", None).await);
    assert_eq!(shop.gateway.net_minor(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_key_refund_once() {
    const TWINS: usize = 8;
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    let order_id = shop.paid("k").await;
    let barrier = Arc::new(Barrier::new(TWINS));
    let mut twins = JoinSet::new();
    for _ in 0..TWINS {
        let (barrier, shop) = (barrier.clone(), shop.clone());
        twins.spawn(async move {
            barrier.wait().await;
            persistently(&shop, order_id, "one", Some(100)).await
        });
    }
    let answers = twins.join_all().await;
    let by_themselves = answers.iter().filter(|answer| {
        assert!(answer.is_ok(), "{answer:?}");
        matches!(answer, Ok(RefundedOrder::Refunded(..)))
    });
    assert_eq!(by_themselves.count(), 1);
    assert_eq!(shop.refunds().await, "refunded 100");
    assert_eq!(shop.gateway.net_minor(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_refund_and_cancellation_refund_nothing_twice() {
    for round in 0..10 {
        let shop = Arc::new(Shop::open(Confirm::Pays).await);
        let order_id = shop.paid("k").await;
        let barrier = Arc::new(Barrier::new(2));
        let refunding = tokio::spawn({
            let (barrier, shop) = (barrier.clone(), shop.clone());
            async move {
                barrier.wait().await;
                shop.refund(order_id, "r", Some(100)).await
            }
        });
        let context = shop.another_context();
        barrier.wait().await;
        let cancelled = cancel_order(&context, tenant(), order_id, None, None, "api").await;
        match (refunding.await.unwrap(), cancelled) {
            // The cancellation was first.
            (Err(ReversingError::NotRefundable { .. }), Ok(_)) => {
                assert_eq!(shop.refunds().await, "refunded 300", "{round}");
            }
            // The refund was first, and had ended before the cancellation, or not.
            (Ok(_), Ok(_)) => assert_eq!(shop.refunds().await, "refunded 100, refunded 200"),
            (Ok(_), Err(ReversingError::RefundInProgress(_))) => {
                assert_eq!(shop.gateway.net_minor(), 200);
                shop.cancel(order_id).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(shop.gateway.net_minor(), 0);
        assert!(shop.state().await.starts_with("CANCELLED 0 "));
    }
}
