//! Orders whose payment was left open, and concurrent workers that settle them.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_orders::{
    NotPaid, OrderError, OrderSettings, PlacedOrder, PlacingError, SweepSummary, get_order,
    sweep_orders,
};
use oms_payments::Operation;
use oms_testing::gateway::Confirm;
use oms_validation::{Currency, TenantId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::shop::{Opening, Shop, settings, tenant};

#[tokio::test]
async fn an_order_whose_confirmation_was_lost_fails_behind_a_fence() {
    let shop = Shop::open(Confirm::IsLost).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Pending(_))));
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api unknown 1"
    );

    let summary = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        summary,
        SweepSummary {
            failed: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper voided 0"
    );
    assert_eq!(
        (
            shop.gateway.charges(),
            shop.gateway.calls_of(Operation::Cancel)
        ),
        (0, 1)
    );
    assert!(matches!(
        shop.order("k").await,
        Err(PlacingError::NotPaid(NotPaid::Failed { .. }))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_order_delays_no_other_and_costs_no_try() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::IsLost,
        settings: OrderSettings {
            batch_wait: Duration::from_millis(200),
            ..settings()
        },
        ..Opening::default()
    })
    .await;
    let locked = shop.pending("locked").await;
    let other = shop.pending("other").await;
    let mut holder = shop.database.connect().await;
    let lock = format!("BEGIN; SELECT FROM orders.orders WHERE id = '{locked}' FOR UPDATE");
    holder.batch_execute(&lock).await.unwrap();
    let summary = sweep_orders(&shop.context).await.unwrap();
    let expected = SweepSummary {
        failed: 1,
        refused: 1,
        ..SweepSummary::default()
    };
    assert_eq!(summary, expected);
    let status = format!("SELECT status FROM orders.orders WHERE id = '{other}'");
    assert_eq!(shop.text(&status).await, "FAILED");
    let tries = format!("SELECT tries FROM orders.reconciliations WHERE order_id = '{locked}'");
    assert_eq!(shop.text(&tries).await, "0");
}

#[tokio::test]
async fn an_order_whose_confirmation_succeeded_silently_is_paid_once() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Pending(_))));
    let summary = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        summary,
        SweepSummary {
            paid: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/sweeper paid 0"
    );
    assert_eq!(
        (
            shop.gateway.charges(),
            shop.gateway.calls_of(Operation::Cancel)
        ),
        (1, 0)
    );
    assert!(matches!(
        shop.order("k").await,
        Ok(PlacedOrder::PaidBefore(_))
    ));
}

#[tokio::test]
async fn a_decline_releases_the_stock_immediately_and_is_never_looked_up_again() {
    let shop = Shop::open(Confirm::Declines).await;
    assert!(matches!(
        shop.order("k").await,
        Err(PlacingError::NotPaid(NotPaid::Failed { .. }))
    ));
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/api declined 0"
    );
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
}

#[tokio::test]
async fn a_wrong_amount_keeps_the_stock_and_needs_an_operator_immediately() {
    let shop = Shop::open(Confirm::Overcharges).await;
    let order_id = shop.pending("k").await;
    let summary = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        summary,
        SweepSummary {
            dead_lettered: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper sent 0"
    );
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
    let alerts = shop.alerts().await.join(", ");
    let expected =
        format!("dead_letter.opened: order {order_id} needs an operator after 1 tries: ");
    assert!(alerts.starts_with(&expected), "{alerts}");
    assert!(alerts.contains("301 USD"), "{alerts}");
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
}

#[tokio::test]
async fn an_order_keeps_its_stock_until_the_deadline_while_its_customer_must_act() {
    let shop = Shop::open(Confirm::AsksTheCustomer).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Pending(_))));
    let summary = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        summary,
        SweepSummary {
            postponed: 1,
            ..SweepSummary::default()
        }
    );
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api needs_action 1"
    );

    let no_patience = OrderSettings {
        sweep_after: Duration::ZERO,
        pending_payment_deadline: Duration::ZERO,
        ..OrderSettings::new(Currency::parse("USD").unwrap())
    };
    let shop = Shop::open_with(Confirm::AsksTheCustomer, no_patience).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Pending(_))));
    sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper voided 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_concurrent_sweepers_settles_the_order() {
    const SWEEPERS: usize = 8;
    let shop = Shop::open(Confirm::IsLost).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Pending(_))));
    let barrier = Arc::new(Barrier::new(SWEEPERS));
    let mut sweepers = JoinSet::new();
    for _ in 0..SWEEPERS {
        let (barrier, context) = (barrier.clone(), shop.context.clone());
        sweepers.spawn(async move {
            barrier.wait().await;
            sweep_orders(&context).await.unwrap()
        });
    }
    let failed: usize = sweepers
        .join_all()
        .await
        .iter()
        .map(|summary| summary.failed)
        .sum();
    assert_eq!((failed, shop.gateway.calls_of(Operation::Cancel)), (1, 1));
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper voided 0"
    );
}

/// The sweeper looks while the confirmation is in flight, which is then refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_arrives_after_the_fence_takes_nothing() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    let summary = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(
        summary,
        SweepSummary {
            failed: 1,
            ..SweepSummary::default()
        }
    );
    shop.gateway.release(Operation::Confirm, 1);

    let answer = buyer.await.unwrap();
    assert!(
        matches!(answer, Err(PlacingError::NotPaid(NotPaid::Failed { .. }))),
        "{answer:?}"
    );
    assert_eq!(shop.gateway.charges(), 0);
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper voided 0"
    );
}

#[tokio::test]
async fn another_tenant_does_not_see_an_order() {
    let shop = Shop::open(Confirm::Pays).await;
    let Ok(PlacedOrder::Paid(order)) = shop.order("k").await else {
        panic!("not paid")
    };
    assert!(get_order(&shop.context, tenant(), order.id).await.is_ok());
    let stranger: TenantId = Uuid::from_u128(2).into();
    let theirs = get_order(&shop.context, stranger, order.id).await;
    assert!(matches!(theirs, Err(OrderError::NotFound)));
}
