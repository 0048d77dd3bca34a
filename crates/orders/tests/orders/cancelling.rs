//! Cancelling orders, whatever has become of their payment. `cancelling_races.rs` has those who race for it.

use oms_orders::{
    Cancellation, DeadLetterError, DeadLetterFilter, DeadLetterId, NotPaid, OrderError,
    OrderStatus, PlacingError, Reason, RefundedOrder, ReversingError, SweepSummary, Verdict,
    cancel_order, get_dead_letter, list_dead_letters, resolve_dead_letter, retry_dead_letter,
    sweep_orders,
};
use oms_payments::{GatewayFault, Operation};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{Once, OperatorName, OrderId, PageSize};

use crate::shop::{Shop, other_tenant, tenant};

fn assert_done(cancelled: &Result<Cancellation, ReversingError>) {
    let Ok(Cancellation::Done(details)) = cancelled else {
        panic!("not cancelled: {cancelled:?}")
    };
    assert_eq!(details.order.status, OrderStatus::Cancelled);
}

fn assert_under_way(cancelled: &Result<Cancellation, ReversingError>) {
    let Ok(Cancellation::UnderWay(order)) = cancelled else {
        panic!("not under way: {cancelled:?}")
    };
    assert_eq!(order.status, OrderStatus::Cancelling);
}

/// One turn of the sweeper, that cancels the one order there is.
async fn sweeper_cancels(shop: &Shop) {
    let cancelled = SweepSummary {
        cancelled: 1,
        ..SweepSummary::default()
    };
    assert_eq!(sweep_orders(&shop.context).await.unwrap(), cancelled);
}

#[tokio::test]
async fn the_money_of_a_paid_order_is_given_back_and_then_its_stock() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let reason = Reason::parse("changed my mind").unwrap();
    let cancelled = cancel_order(
        &shop.context,
        tenant(),
        order_id,
        None,
        Some(&reason),
        "api",
    )
    .await;
    assert_done(&cancelled.map(Once::into_inner));
    let end =
        "CANCELLED 0 1:PENDING_PAYMENT/api,2:PAID/api,3:CANCELLING/api,4:CANCELLED/api refunded 0";
    assert_eq!(shop.state().await, end);
    assert_eq!((shop.gateway.charges(), shop.gateway.net_minor()), (1, 0));
    let said = shop.text("SELECT reason FROM orders.events WHERE sequence = 3");
    assert_eq!(said.await, "changed my mind");

    // Again, and again for its key: nothing more happens.
    assert_done(&shop.cancel(order_id).await);
    let replay = shop.order("k").await;
    assert!(
        matches!(
            replay,
            Err(PlacingError::NotPaid(NotPaid::Cancelled { .. }))
        ),
        "{replay:?}"
    );
    assert_eq!(shop.state().await, end);
    assert_eq!(shop.refunds().await, "refunded 300");
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
}

#[tokio::test]
async fn what_was_given_back_before_is_not_given_back_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let refunded = shop.refund(order_id, "r", Some(120)).await;
    assert!(
        matches!(refunded, Ok(RefundedOrder::Refunded(..))),
        "{refunded:?}"
    );
    assert_done(&shop.cancel(order_id).await);
    assert_eq!(shop.refunds().await, "refunded 120, refunded 180");
    assert_eq!(shop.gateway.net_minor(), 0);
}

#[tokio::test]
async fn a_payment_that_was_not_taken_is_fenced_before_the_stock_is_given_back() {
    let shop = Shop::open(Confirm::IsLost).await;
    let order_id = shop.pending("k").await;
    assert_done(&shop.cancel(order_id).await);
    assert_eq!(
        shop.state().await,
        "CANCELLED 0 1:PENDING_PAYMENT/api,2:CANCELLING/api,3:CANCELLED/api voided 0"
    );
    assert_eq!(
        (
            shop.gateway.charges(),
            shop.gateway.calls_of(Operation::Cancel)
        ),
        (0, 1)
    );
    assert_eq!(shop.refunds().await, "");
}

#[tokio::test]
async fn a_payment_that_is_found_taken_is_given_back_whatever_its_amount() {
    for (confirm, captured) in [(Confirm::PaysSilently, 300), (Confirm::Overcharges, 301)] {
        let shop = Shop::open(confirm).await;
        let order_id = shop.pending("k").await;
        assert_done(&shop.cancel(order_id).await);
        assert_eq!(
            shop.state().await,
            "CANCELLED 0 1:PENDING_PAYMENT/api,2:CANCELLING/api,3:CANCELLED/api refunded 0"
        );
        assert_eq!(shop.refunds().await, format!("refunded {captured}"));
        assert_eq!((shop.gateway.charges(), shop.gateway.net_minor()), (1, 0));
    }
}

/// A gateway that does not answer decides nothing: the stock is held until it does.
#[tokio::test]
async fn a_cancellation_without_an_answer_is_the_sweepers_and_is_not_begun_twice() {
    for (confirm, end) in [
        (Confirm::IsLost, "voided"),
        (Confirm::PaysSilently, "refunded"),
    ] {
        let shop = Shop::open(confirm).await;
        let order_id = shop.pending("k").await;
        shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
        assert_under_way(&shop.cancel(order_id).await);
        let asked = shop.gateway.calls_of(Operation::Lookup);
        assert_under_way(&shop.cancel(order_id).await);
        assert_eq!(shop.gateway.calls_of(Operation::Lookup), asked);
        assert_eq!(
            shop.state().await,
            "CANCELLING 3 1:PENDING_PAYMENT/api,2:CANCELLING/api unknown 1"
        );

        shop.gateway.fail_lookups(None);
        sweeper_cancels(&shop).await;
        assert_eq!(
            shop.state().await,
            format!(
                "CANCELLED 0 1:PENDING_PAYMENT/api,2:CANCELLING/api,3:CANCELLED/sweeper {end} 0"
            )
        );
        assert_eq!(shop.gateway.net_minor(), 0);
        assert_done(&shop.cancel(order_id).await);
    }
}

#[tokio::test]
async fn what_the_bank_is_working_on_is_waited_for_without_counting_tries() {
    let shop = Shop::open(Confirm::IsProcessed).await;
    let order_id = shop.pending("k").await;
    assert_under_way(&shop.cancel(order_id).await);
    let swept = sweep_orders(&shop.context).await.unwrap();
    assert_eq!((swept.postponed, swept.dead_lettered), (1, 0));
    assert_eq!(
        shop.state().await,
        "CANCELLING 3 1:PENDING_PAYMENT/api,2:CANCELLING/api processing 1"
    );
    let tries = shop.text("SELECT tries FROM orders.reconciliations");
    assert_eq!(tries.await, "0");
}

#[tokio::test]
async fn a_refund_without_an_answer_is_read_back_by_the_sweeper_and_made_once() {
    for refunding in [Refunding::IsLost, Refunding::PaysSilently] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.gateway.refunds(refunding);
        assert_under_way(&shop.cancel(order_id).await);
        assert_eq!(
            shop.state().await,
            "CANCELLING 3 1:PENDING_PAYMENT/api,2:PAID/api,3:CANCELLING/api refunding 1"
        );
        shop.gateway.refunds(Refunding::Pays);
        sweeper_cancels(&shop).await;
        assert_eq!(shop.refunds().await, "refunded 300");
        assert_eq!(shop.gateway.net_minor(), 0);
        assert_eq!(
            shop.state().await,
            "CANCELLED 0 1:PENDING_PAYMENT/api,2:PAID/api,3:CANCELLING/api,4:CANCELLED/sweeper refunded 0"
        );
    }
}

#[tokio::test]
async fn an_order_that_waits_for_a_person_can_be_cancelled_which_ends_its_dead_letter() {
    let shop = Shop::open(Confirm::Overcharges).await;
    let order_id = shop.pending("k").await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    assert_done(&shop.cancel(order_id).await);
    assert_eq!(shop.dead_letters().await, "1 ended api + 1 alerts");
    assert_eq!(shop.gateway.net_minor(), 0);
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

#[tokio::test]
async fn a_refund_that_the_bank_refuses_needs_a_person_at_once_and_is_begun_anew_when_retried() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsRefused);
    assert_under_way(&shop.cancel(order_id).await);
    assert_eq!(shop.dead_letters().await, "0 open + 1 alerts");
    assert_eq!(
        shop.state().await,
        "CANCELLING 3 1:PENDING_PAYMENT/api,2:PAID/api,3:CANCELLING/api,4:CANCELLING/api paid 0"
    );
    let nothing_due = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(nothing_due, SweepSummary::default());

    for (refunding, dead_lettered, cancelled) in
        [(Refunding::IsRefused, 1, 0), (Refunding::Pays, 0, 1)]
    {
        let dead_letter = only_dead_letter(&shop).await;
        let reason = Reason::parse("x").unwrap();
        for verdict in [Verdict::Paid, Verdict::Failed] {
            let refused = resolve_dead_letter(
                &shop.context,
                tenant(),
                dead_letter,
                None,
                verdict,
                &ann(),
                &reason,
            )
            .await;
            assert!(
                matches!(
                    refused,
                    Err(DeadLetterError::NotResolvable(OrderStatus::Cancelling))
                ),
                "{refused:?}"
            );
        }
        retry_dead_letter(&shop.context, tenant(), dead_letter, None, &ann())
            .await
            .unwrap();
        shop.gateway.refunds(refunding);
        let swept = sweep_orders(&shop.context).await.unwrap();
        assert_eq!(
            (swept.dead_lettered, swept.cancelled),
            (dead_lettered, cancelled)
        );
    }
    assert_eq!(shop.refunds().await, "failed 300, failed 300, refunded 300");
    assert_eq!(shop.gateway.net_minor(), 0);
    assert!(shop.state().await.starts_with("CANCELLED 0 "));
    assert_eq!(
        shop.dead_letters().await,
        "0 retried operator:ann, 1 retried operator:ann + 2 alerts"
    );
}

async fn only_dead_letter(shop: &Shop) -> DeadLetterId {
    let filter = DeadLetterFilter::Open;
    let page = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    let mut items = page.unwrap().items;
    assert_eq!(items.len(), 1);
    items.pop().unwrap().id
}

#[tokio::test]
async fn a_dead_letter_shows_the_refunds_and_the_calls_to_the_gateway() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsRefused);
    assert_under_way(&shop.cancel(order_id).await);
    let dead_letter = only_dead_letter(&shop).await;
    let details = get_dead_letter(&shop.context, tenant(), dead_letter).await;
    let details = details.unwrap();
    let calls: Vec<_> = details
        .calls
        .iter()
        .map(|call| (call.operation.as_str(), call.outcome.as_str()))
        .collect();
    assert_eq!(
        calls,
        [
            ("prepare", "prepared"),
            ("confirm", "paid"),
            ("refund", "failed:lost_or_stolen_card")
        ]
    );
    let refused = details.refunds[0].failure_code.as_ref().unwrap();
    assert_eq!(refused.as_str(), "lost_or_stolen_card");
    assert_eq!((details.refunds.len(), details.attempts.len()), (1, 1));
}

#[tokio::test]
async fn an_order_that_has_ended_or_is_not_ours_is_not_cancelled() {
    let shop = Shop::open(Confirm::Declines).await;
    let failed = shop.order("k").await;
    let Err(PlacingError::NotPaid(NotPaid::Failed { order_id, .. })) = failed else {
        panic!("not failed: {failed:?}")
    };
    let before = shop.state().await;
    let refused = shop.cancel(order_id).await;
    assert!(
        matches!(
            refused,
            Err(ReversingError::NotCancellable {
                status: OrderStatus::Failed,
                ..
            })
        ),
        "{refused:?}"
    );
    for (tenant, order_id) in [(tenant(), OrderId::generate()), (other_tenant(), order_id)] {
        let unknown = cancel_order(&shop.context, tenant, order_id, None, None, "api").await;
        assert!(
            matches!(unknown, Err(ReversingError::Order(OrderError::NotFound))),
            "{unknown:?}"
        );
    }
    assert_eq!(shop.state().await, before);

    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    shop.refund(order_id, "r", Some(100)).await.unwrap();
    let refused = shop.cancel(order_id).await;
    assert!(
        matches!(refused, Err(ReversingError::RefundInProgress(_))),
        "{refused:?}"
    );
    shop.gateway.refunds(Refunding::Pays);
    sweep_orders(&shop.context).await.unwrap();
    shop.refund(order_id, "rest", None).await.unwrap();
    let refused = shop.cancel(order_id).await;
    assert!(
        matches!(
            refused,
            Err(ReversingError::NotCancellable {
                status: OrderStatus::Refunded,
                ..
            })
        ),
        "{refused:?}"
    );
}
