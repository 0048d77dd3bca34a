//! Lost answers to COMMIT, and answers that can't be read back: a request reports only what it knows.

use std::fmt::Debug;

use oms_errors::Problem;
use oms_orders::{
    Cancellation, DeadLetterFilter, OrderSettings, OrderStatus, Reason, RefundedOrder, Verdict,
    list_dead_letters, resolve_dead_letter, resolve_finding, retry_dead_letter, sweep_orders,
};
use oms_payments::{GatewayFault, Operation};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{OperatorName, PageSize};

use crate::reconciling::{compare, findings};
use crate::shop::{Opening, Shop, settings, tenant};

impl Shop {
    /// Ends the session of each transaction that does this to a table when it commits, so that the client can't know
    /// whether it was committed.
    async fn lose_commits(&self, event: &str, table: &str) {
        self.execute(&format!(
            "CREATE OR REPLACE FUNCTION public.lose_commit() RETURNS trigger LANGUAGE plpgsql
                 AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER lose_commit AFTER {event} ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.lose_commit();"
        ))
        .await;
    }

    async fn keep_commits(&self, table: &str) {
        self.execute(&format!("DROP TRIGGER lose_commit ON {table}"))
            .await;
    }

    /// Makes orders unreadable, while their status and payments can still be read and changed.
    async fn hide_lines(&self) {
        self.execute("ALTER TABLE orders.lines RENAME unit_price_minor TO hidden_minor")
            .await;
    }

    async fn show_lines(&self) {
        self.execute("ALTER TABLE orders.lines RENAME hidden_minor TO unit_price_minor")
            .await;
    }
}

fn assert_unknown<T: Debug>(answer: Result<T, impl Into<Problem>>) {
    let problem: Problem = answer.unwrap_err().into();
    assert_eq!(problem.body(None)["code"], "orders.outcome_unknown");
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn reason() -> Reason {
    Reason::parse("seen in the dashboard").unwrap()
}

#[tokio::test]
async fn a_cancellation_whose_commit_is_lost_has_an_unknown_outcome() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.lose_commits("UPDATE", "orders.orders").await;
    assert_unknown(shop.cancel(order_id).await);
    shop.keep_commits("orders.orders").await;
    let again = shop.cancel(order_id).await.unwrap();
    assert!(matches!(again, Cancellation::Done(_)), "{again:?}");
}

#[tokio::test]
async fn a_refund_whose_commit_is_lost_has_an_unknown_outcome() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.lose_commits("INSERT", "payments.refunds").await;
    assert_unknown(shop.refund(order_id, "a", None).await);
    shop.keep_commits("payments.refunds").await;
    let again = shop.refund(order_id, "a", None).await.unwrap();
    assert!(matches!(again, RefundedOrder::Refunded(..)), "{again:?}");
    assert_eq!(shop.gateway.net_minor(), 0);
}

#[tokio::test]
async fn an_operators_action_whose_commit_is_lost_has_an_unknown_outcome() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::PaysSilently,
        settings: OrderSettings {
            sweep_max_tries: 1,
            ..settings()
        },
        ..Opening::default()
    })
    .await;
    shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.fail_lookups(None);
    let filter = DeadLetterFilter::Open;
    let open = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    let id = open.unwrap().items[0].id;

    shop.lose_commits("UPDATE", "orders.dead_letters").await;
    // Each with its own connections: those of the other may not know yet that they are closed.
    let (one, other) = (shop.another_context(), shop.another_context());
    assert_unknown(retry_dead_letter(&one, tenant(), id, None, &ann()).await);
    let resolve = async |context| {
        let (verdict, operator, reason) = (Verdict::Paid, ann(), reason());
        resolve_dead_letter(context, tenant(), id, None, verdict, &operator, &reason).await
    };
    assert_unknown(resolve(&other).await);
    shop.keep_commits("orders.dead_letters").await;
    resolve(&shop.context).await.unwrap();
}

#[tokio::test]
async fn a_finding_whose_resolution_is_lost_in_its_commit_has_an_unknown_outcome() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.paid("k").await;
    // Another amount than requested, which is only reported.
    shop.gateway
        .with_charges(|charges| charges[0].captured.amount_minor += 1);
    compare(&shop).await;
    let id = findings(&shop).await[0].id;
    shop.lose_commits("UPDATE", "orders.findings").await;
    let resolve =
        async || resolve_finding(&shop.context, tenant(), id, None, &ann(), &reason()).await;
    assert_unknown(resolve().await);
    shop.keep_commits("orders.findings").await;
    resolve().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_order_that_cannot_be_read_is_not_reported_as_cancelling() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.hide_lines().await;
    // By the request that cancels it, and by a later one.
    for _ in 0..2 {
        let answer = shop.cancel(order_id).await;
        assert!(answer.is_err(), "{answer:?}");
        assert!(shop.state().await.starts_with("CANCELLED 0 "));
    }
    shop.show_lines().await;
    let answer = shop.cancel(order_id).await.unwrap();
    assert!(matches!(answer, Cancellation::Done(_)), "{answer:?}");
}

#[tokio::test]
async fn a_cancellation_that_cannot_be_read_is_reported_as_last_seen() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsLost);
    shop.hide_lines().await;
    for _ in 0..2 {
        match shop.cancel(order_id).await {
            Ok(Cancellation::InProgress(order)) => {
                assert_eq!(order.status, OrderStatus::Cancelling);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_finished_refund_that_cannot_be_read_is_not_reported_as_pending() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.hide_lines().await;
    let answer = shop.refund(order_id, "a", None).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(shop.refunds().await, "refunded 300");
    shop.show_lines().await;
    let again = shop.refund(order_id, "a", None).await.unwrap();
    assert!(
        matches!(again, RefundedOrder::RefundedBefore(..)),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_changed_order_that_cannot_be_read_is_not_reported_as_pending() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.gateway.hold(Operation::Confirm);
    let cancelled_meanwhile = async {
        shop.gateway.arrived(Operation::Confirm, 1).await;
        let order_id = shop.text("SELECT id FROM orders.orders").await;
        shop.cancel(order_id.parse().unwrap()).await.unwrap();
        shop.hide_lines().await;
        shop.gateway.release(Operation::Confirm, 1);
    };
    let (answer, ()) = tokio::join!(shop.order("k"), cancelled_meanwhile);
    assert!(answer.is_err(), "{answer:?}");
    assert!(shop.state().await.starts_with("CANCELLED 0 "));
}
