//! Giving up on an order: when, once, and with one alert.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use oms_orders::{
    OrderContext, OrderSettings, PlacedOrder, SweepSummary, measure_backlog, sweep_orders,
};
use oms_payments::{GatewayFault, Operation};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use tokio::task::JoinHandle;

use crate::shop::{Opening, Shop, settings};

const HOUR: Duration = Duration::from_secs(3600);

/// A shop with a test clock, whose sweeper tries `sweep_max_tries` times.
async fn shop(confirm: Confirm, sweep_max_tries: u32) -> Arc<Shop> {
    let shop = Shop::open_as(Opening {
        confirm,
        settings: OrderSettings {
            sweep_max_tries,
            ..settings()
        },
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    });
    Arc::new(shop.await)
}

fn sweep(context: &Arc<OrderContext>) -> JoinHandle<SweepSummary> {
    let context = context.clone();
    tokio::spawn(async move { sweep_orders(&context).await.unwrap() })
}

#[tokio::test]
async fn after_its_last_try_an_order_is_left_to_an_operator_with_one_alert() {
    let shop = shop(Confirm::PaysSilently, 3).await;
    shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    for _ in 0..2 {
        assert_eq!(sweep_orders(&shop.context).await.unwrap().postponed, 1);
        shop.pass(HOUR);
    }
    assert_eq!(shop.dead_letters().await, "0 alerts");
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper unknown 0"
    );
    assert_eq!(shop.dead_letters().await, "3 open + 1 alerts");
    let reason = shop.text("SELECT reason FROM orders.dead_letters").await;
    let expected =
        "the payment gateway was called to learn the outcome of the payment: no answer in time";
    assert!(reason.starts_with(expected), "{reason}");
    assert_eq!(
        measure_backlog(&shop.context)
            .await
            .unwrap()
            .open_dead_letters,
        1
    );

    // The sweeper no longer looks, even when the gateway is back.
    shop.gateway.fail_lookups(None);
    shop.pass(24 * HOUR);
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
}

#[tokio::test]
async fn a_payment_that_the_bank_has_not_decided_in_time_is_left_to_an_operator() {
    let shop = shop(Confirm::IsProcessed, 2).await;
    shop.pending("k").await;
    for _ in 0..5 {
        assert_eq!(sweep_orders(&shop.context).await.unwrap().postponed, 1);
        shop.pass(Duration::from_secs(660));
    }
    shop.pass(HOUR);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().postponed, 1);
    shop.pass(HOUR);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    assert_eq!(shop.dead_letters().await, "2 open + 1 alerts");
}

/// The lease of the worker with the last try expires before it has its answer.
#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_two_sweepers_gives_up_on_an_order_after_the_last_try() {
    let shop = shop(Confirm::PaysSilently, 1).await;
    shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    shop.gateway.hold(Operation::Lookup);

    let mut sweepers = Vec::new();
    for context in [shop.context.clone(), shop.another_context()] {
        sweepers.push(sweep(&context));
        shop.gateway.arrived(Operation::Lookup, 1).await;
        shop.pass(HOUR);
    }
    shop.gateway.release(Operation::Lookup, 2);
    let mut dead_lettered = 0;
    for sweeper in sweepers {
        let summary = sweeper.await.unwrap();
        assert_eq!(summary.tries(), 1, "{summary:?}");
        dead_lettered += summary.dead_lettered;
    }
    assert_eq!(dead_lettered, 1);
    assert_eq!(shop.dead_letters().await, "2 open + 1 alerts");
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper unknown 0"
    );
}

/// The gateway answers the customer's own request only after the sweeper gave up.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_closed_in_the_commit_that_settles_its_order() {
    let shop = shop(Confirm::Pays, 1).await;
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.release(Operation::Confirm, 1);

    let answer = buyer.await.unwrap();
    assert!(matches!(answer, Ok(PlacedOrder::Paid(_))), "{answer:?}");
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper,3:PAID/api paid 0"
    );
    assert_eq!(shop.dead_letters().await, "1 ended api + 1 alerts");
    assert_eq!(
        measure_backlog(&shop.context)
            .await
            .unwrap()
            .open_dead_letters,
        0
    );
}

#[tokio::test]
async fn all_times_come_from_the_clock() {
    let shop = shop(Confirm::PaysSilently, 1).await;
    shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    shop.pass(HOUR);
    sweep_orders(&shop.context).await.unwrap();
    let times = shop
        .text(
            "SELECT string_agg(DISTINCT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), ' ')
             FROM (SELECT created_at FROM orders.dead_letters UNION ALL SELECT occurred_at FROM events.records
                   UNION ALL SELECT updated_at FROM orders.orders
                   UNION ALL SELECT occurred_at FROM orders.events WHERE sequence = 2) x (t)",
        )
        .await;
    let now = shop.clock.as_ref().unwrap().time();
    assert_eq!(times, now.to_rfc3339_opts(SecondsFormat::Secs, true));
    let placed = shop.text(
        "SELECT created_at = occurred_at FROM orders.orders, orders.events WHERE sequence = 1",
    );
    assert_eq!(placed.await, "true");
}
