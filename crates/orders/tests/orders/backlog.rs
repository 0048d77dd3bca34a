//! Many orders that are due at the same time: of several tenants, some of them poisoned, after an outage of the
//! gateway.

use std::time::Duration;

use oms_orders::{
    OrderSettings, PlacedOrder, SweepSummary, compared_tenants, measure_backlog, sweep_orders,
};
use oms_payments::{GatewayFault, Reference};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;

use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

const HOUR: Duration = Duration::from_secs(3600);

/// A shop with a test clock, where every confirmation is lost.
async fn shop(settings: OrderSettings) -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::IsLost,
        settings,
        pieces: 100,
        clock: Some(TestClock::at_noon()),
    })
    .await
}

fn in_batches_of(sweep_batch: usize) -> OrderSettings {
    OrderSettings {
        sweep_batch,
        ..settings()
    }
}

#[tokio::test]
async fn a_backlog_is_cleared_turn_by_turn_and_every_tenant_gets_a_share_of_each() {
    clear_a_backlog(&shop(in_batches_of(2)).await).await;
}

#[tokio::test]
async fn a_backlog_on_a_distributed_database_is_cleared_in_the_same_way() {
    let shop = shop(in_batches_of(2)).await;
    shop.database.pretend_to_be_distributed().await;
    clear_a_backlog(&shop).await;
    let compared = compared_tenants(&shop.context, other_tenant()).await;
    assert_eq!(compared.unwrap(), [tenant(), other_tenant()].into());
}

async fn clear_a_backlog(shop: &Shop) {
    shop.stock(other_tenant(), 100).await;
    for number in 0..5 {
        shop.pending(&format!("k{number}")).await;
    }
    let theirs = shop.order_in(other_tenant(), "k").await;
    assert!(matches!(theirs, Ok(PlacedOrder::Pending(_))));

    let mut turns = Vec::new();
    loop {
        let turn = sweep_orders(&shop.context).await.unwrap();
        turns.push((turn.failed, turn.more_due));
        if !turn.more_due {
            break;
        }
    }
    assert_eq!(turns, [(3, true), (2, true), (1, false)]);
    let open = shop
        .text("SELECT count(*) FROM orders.reconciliations")
        .await;
    assert_eq!(open, "0");
}

#[tokio::test]
async fn the_lag_is_that_of_the_most_overdue_order() {
    let shop = shop(settings()).await;
    assert_eq!(
        measure_backlog(&shop.context).await.unwrap().sweep_lag,
        Duration::ZERO
    );
    shop.pending("first").await;
    shop.pass(HOUR);
    shop.pending("second").await;
    shop.pass(HOUR);
    assert_eq!(
        measure_backlog(&shop.context).await.unwrap().sweep_lag,
        2 * HOUR
    );
    sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        measure_backlog(&shop.context).await.unwrap().sweep_lag,
        Duration::ZERO
    );
}

#[tokio::test]
async fn nothing_is_claimed_while_the_breaker_refuses_and_the_lag_grows() {
    let shop = shop(settings()).await;
    shop.pending("k").await;
    shop.gateway.set_available(false);
    for hours in 1..=3 {
        shop.pass(HOUR);
        let swept = sweep_orders(&shop.context).await.unwrap();
        assert_eq!(swept, SweepSummary::default());
        let lag = measure_backlog(&shop.context).await.unwrap().sweep_lag;
        assert_eq!(lag, hours * HOUR);
    }
    let tries = "SELECT tries FROM orders.reconciliations";
    assert_eq!(shop.text(tries).await, "0");
    shop.gateway.set_available(true);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
}

#[tokio::test]
async fn an_unanswered_call_is_a_try_and_a_refused_one_is_not() {
    let shop = shop(settings()).await;
    shop.pending("k").await;
    let tries = "SELECT tries FROM orders.reconciliations";
    shop.gateway.fail_lookups(Some(GatewayFault::BreakerOpen));
    for _ in 0..30 {
        shop.pass(HOUR);
        let swept = sweep_orders(&shop.context).await.unwrap();
        assert_eq!((swept.refused, swept.tries()), (1, 0), "{swept:?}");
        assert_eq!(shop.text(tries).await, "0");
    }
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    for expected in ["1", "2"] {
        shop.pass(HOUR);
        let swept = sweep_orders(&shop.context).await.unwrap();
        assert_eq!((swept.postponed, swept.tries()), (1, 1), "{swept:?}");
        assert_eq!(shop.text(tries).await, expected);
    }
}

#[tokio::test]
async fn refused_orders_are_spread_over_time() {
    let shop = shop(settings()).await;
    for number in 0..16 {
        shop.pending(&format!("k{number}")).await;
    }
    shop.gateway.fail_lookups(Some(GatewayFault::BreakerOpen));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().refused, 16);
    let times = shop
        .text("SELECT count(DISTINCT due_at) FROM orders.reconciliations")
        .await;
    assert_eq!(times, "16");
}

#[tokio::test]
async fn an_order_of_a_slow_customer_uses_no_tries_and_is_checked_less_and_less_often() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::AsksTheCustomer,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await;
    shop.pending("k").await;
    let mut looks = 0;
    for _ in 0..3590 {
        shop.pass(Duration::from_secs(1));
        looks += sweep_orders(&shop.context).await.unwrap().postponed;
    }
    // If each pause were the shortest possible, a tenth of the order's age and at most a minute, there would be about
    // 115 checks.
    assert!((8..=120).contains(&looks), "{looks} checks in an hour");
    assert_eq!(
        shop.text("SELECT tries FROM orders.reconciliations").await,
        "0"
    );
}

/// Two orders that can't be settled, each for its own reason, and one that can.
#[tokio::test]
async fn poisoned_orders_delay_no_other_and_are_left_to_an_operator() {
    let settings = OrderSettings {
        sweep_max_tries: 2,
        ..settings()
    };
    let shop = shop(settings).await;
    let foreign = shop.pending("foreign").await;
    let corrupt = shop.pending("corrupt").await;
    let defective = shop.pending("defective").await;
    shop.execute(&format!(
        "UPDATE payments.attempts SET gateway = 'other' WHERE order_id = '{foreign}';
         ALTER DOMAIN payments.currency DROP CONSTRAINT currency_check;
         UPDATE payments.attempts SET currency = 'us$' WHERE order_id = '{corrupt}'"
    ))
    .await;
    let reference = format!("pi_{}", defective.as_uuid().simple());
    shop.gateway.poison(Reference::parse(&reference).unwrap());
    shop.pending("sound").await;

    let first = sweep_orders(&shop.context).await.unwrap();
    assert_eq!((first.failed, first.postponed), (1, 3), "{first:?}");
    shop.pass(HOUR);
    let second = sweep_orders(&shop.context).await.unwrap();
    assert_eq!((second.dead_lettered, second.tries()), (3, 3), "{second:?}");
    assert_eq!(
        shop.dead_letters().await,
        "2 open, 2 open, 2 open + 3 alerts"
    );
    let of_store = format!(
        "SELECT count(*) FROM events.records WHERE type = 'dead_letter.opened' AND tenant_id = '{}'",
        tenant()
    );
    assert_eq!(shop.text(&of_store).await, "3");
}
