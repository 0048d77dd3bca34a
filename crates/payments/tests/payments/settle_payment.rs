//! Settling payments that were left open: nothing is released without proof.

use std::sync::Arc;

use oms_payments::{
    Attempt, AttemptState, Closing, CollectOutcome, FencePolicy, GatewayFault, LaterCause,
    Operation, PaymentStatus, SettleOutcome, collect_payment, settle_payment,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{Plan, ScriptedGateway, declined, token};

use crate::batches::batches;
use crate::shop::{Shop, UNKNOWN, usd};

#[tokio::test]
async fn an_attempt_whose_reference_was_never_stored_is_cancelled_at_the_gateway_too() {
    let shop = Shop::open().await;
    // The collecting worker ended after the gateway had prepared the payment.
    let lost = Plan::FailAfter(GatewayFault::Interrupted);
    shop.gateway.plan(Operation::Prepare, lost);
    let abandoned = shop.collect().await;
    drop(abandoned);

    let settled = shop.settle(FencePolicy::KeepPending).await;
    assert!(
        matches!(settled, SettleOutcome::Voided { decline_code: None }),
        "{settled:?}"
    );
    assert!(shop.close(&settled.closing().unwrap()).await);
    assert_eq!(shop.stored().await.state, AttemptState::Voided);
    assert_eq!(shop.gateway.payments(), [PaymentStatus::Cancelled]);
}

#[tokio::test]
async fn an_attempt_that_cannot_be_prepared_is_closed_without_the_gateway() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in UNKNOWN {
        let shop = Shop::open_in(&test_database).await;
        shop.gateway
            .plan(Operation::Prepare, Plan::FailBefore(fault));
        let settled = shop.settle(FencePolicy::KeepPending).await;
        assert!(
            matches!(settled, SettleOutcome::NeverPrepared),
            "{settled:?}"
        );
        assert!(shop.close(&settled.closing().unwrap()).await);
        let late = shop.collect().await;
        assert!(matches!(late, CollectOutcome::Superseded), "{late:?}");
        assert_eq!(shop.gateway.charges(), 0);
    }
}

#[tokio::test]
async fn closing_as_never_prepared_changes_nothing_if_a_reference_was_stored_meanwhile() {
    let shop = Shop::open().await;
    let plan = Plan::FailBefore(GatewayFault::TimedOut);
    shop.gateway.plan(Operation::Prepare, plan);
    let settled = shop.settle(FencePolicy::KeepPending).await;
    let paid = shop.collect().await;
    assert!(!shop.close(&settled.closing().unwrap()).await);
    assert!(shop.close(&paid.closing().unwrap()).await);
    assert_eq!(shop.stored().await.state, AttemptState::Paid);
}

#[tokio::test]
async fn a_payment_that_needs_the_customer_waits_and_is_cancelled_after_its_time() {
    let shop = Shop::open().await;
    let plan = Plan::Become(PaymentStatus::NeedsAction);
    shop.gateway.plan(Operation::Confirm, plan);
    assert!(matches!(shop.collect().await, CollectOutcome::Pending));

    let early = shop.settle(FencePolicy::KeepPending).await;
    let pending = PaymentStatus::NeedsAction;
    assert!(
        matches!(&early, SettleOutcome::Later(LaterCause::Pending(status)) if *status == pending),
        "{early:?}"
    );
    assert_eq!(early.closing(), None);
    let late = shop.settle(FencePolicy::CancelPending).await;
    assert_eq!(late.closing(), Some(Closing::Voided));
}

#[tokio::test]
async fn a_payment_that_the_bank_is_processing_stays_open() {
    let shop = Shop::open().await;
    let plan = Plan::Become(PaymentStatus::Processing);
    shop.gateway.plan(Operation::Confirm, plan);
    assert!(matches!(shop.collect().await, CollectOutcome::Pending));
    let settled = shop.settle(FencePolicy::CancelPending).await;
    assert!(matches!(settled, SettleOutcome::Later(_)), "{settled:?}");
    assert!(!shop.gateway.calls().contains(&Operation::Cancel));
}

#[tokio::test]
async fn nothing_is_released_until_the_cancellation_is_proven() {
    let test_database = Arc::new(TestDatabase::create());
    for plan in [
        Plan::FailBefore(GatewayFault::TimedOut),
        Plan::FailAfter(GatewayFault::ServerError { status: 500 }),
    ] {
        let shop = Shop::open_in(&test_database).await;
        let lost = Plan::FailBefore(GatewayFault::TimedOut);
        shop.gateway.plan(Operation::Confirm, lost);
        assert!(matches!(shop.collect().await, CollectOutcome::Unknown));

        shop.gateway.plan(Operation::Cancel, plan);
        let unproven = shop.settle(FencePolicy::KeepPending).await;
        assert_eq!(unproven.closing(), None, "{unproven:?}");
        let proven = shop.settle(FencePolicy::KeepPending).await;
        assert_eq!(proven.closing(), Some(Closing::Voided), "{proven:?}");
    }
}

#[tokio::test]
async fn only_a_cancellation_that_the_gateway_reports_as_done_is_proof() {
    let test_database = Arc::new(TestDatabase::create());
    for status in [
        PaymentStatus::NotConfirmed,
        PaymentStatus::NeedsAction,
        PaymentStatus::Processing,
        PaymentStatus::Authorised,
        declined("expired_card"),
    ] {
        let shop = Shop::open_in(&test_database).await;
        let lost = Plan::FailBefore(GatewayFault::TimedOut);
        shop.gateway.plan(Operation::Confirm, lost);
        assert!(matches!(shop.collect().await, CollectOutcome::Unknown));

        let plan = Plan::Become(status);
        shop.gateway.plan(Operation::Cancel, plan.clone());
        let settled = shop.settle(FencePolicy::CancelPending).await;
        assert_eq!(settled.closing(), None, "{plan:?}: {settled:?}");
    }
}

#[tokio::test]
async fn a_payment_that_arrives_before_the_cancellation_wins() {
    let shop = Shop::open().await;
    let lost = Plan::FailBefore(GatewayFault::TimedOut);
    shop.gateway.plan(Operation::Confirm, lost);
    assert!(matches!(shop.collect().await, CollectOutcome::Unknown));
    let late = Plan::Become(PaymentStatus::Paid { amount: usd(2000) });
    shop.gateway.plan(Operation::Cancel, late);
    let settled = shop.settle(FencePolicy::KeepPending).await;
    assert_eq!(
        settled.closing(),
        Some(Closing::Paid {
            captured: usd(2000)
        }),
        "{settled:?}"
    );
}

#[tokio::test]
async fn an_old_decline_is_cancelled_and_keeps_its_reason() {
    let shop = Shop::open().await;
    shop.gateway
        .plan(Operation::Confirm, Plan::Become(declined("expired_card")));
    // The process ended with the unsaved answer.
    drop(shop.collect().await);
    let settled = shop.settle(FencePolicy::KeepPending).await;
    assert!(shop.close(&settled.closing().unwrap()).await);
    let stored = shop.stored().await;
    assert_eq!(stored.state, AttemptState::Declined);
    assert_eq!(stored.decline_code.unwrap().as_str(), "expired_card");
    assert_eq!(shop.gateway.payments(), [PaymentStatus::Cancelled]);
}

#[tokio::test]
async fn an_unreachable_or_different_gateway_settles_nothing() {
    let shop = Shop::open().await;
    drop(shop.collect().await);
    let plan = Plan::FailBefore(GatewayFault::NoConnection);
    shop.gateway.plan(Operation::Lookup, plan);
    let settled = shop.settle(FencePolicy::CancelPending).await;
    assert!(
        matches!(settled, SettleOutcome::Later(LaterCause::Gateway(_))),
        "{settled:?}"
    );

    let foreign = Attempt {
        gateway: "another".to_owned(),
        ..shop.stored().await
    };
    let calls = shop.gateway.calls().len();
    let policy = FencePolicy::CancelPending;
    let settled = settle_payment(
        &shop.database,
        &shop.gateway,
        shop.tenant_id,
        &foreign,
        policy,
        "sweeper",
    )
    .await
    .outcome;
    assert!(
        matches!(settled, SettleOutcome::Later(LaterCause::OtherGateway(_))),
        "{settled:?}"
    );
    assert_eq!(shop.gateway.calls().len(), calls);
}

#[tokio::test]
async fn a_closed_attempt_is_settled_without_any_call() {
    let shop = Shop::open().await;
    let paid = shop.collect().await;
    assert!(shop.close(&paid.closing().unwrap()).await);
    let calls = shop.gateway.calls().len();
    let settled = shop.settle(FencePolicy::CancelPending).await;
    assert!(matches!(settled, SettleOutcome::Superseded), "{settled:?}");
    assert_eq!(shop.gateway.calls().len(), calls);
}

#[tokio::test]
async fn without_a_database_nothing_is_confirmed() {
    let shop = Shop::open().await;
    shop.database.close();
    // The shop's gateway watches the database, which is closed; this one does not.
    let gateway = ScriptedGateway::default();
    let attempt = &shop.attempt;
    let outcome = collect_payment(
        &batches(&shop.database),
        &gateway,
        shop.tenant_id,
        attempt,
        &token(),
        "api",
    )
    .await
    .outcome;
    assert!(
        matches!(outcome, CollectOutcome::NotStarted { .. }),
        "{outcome:?}"
    );
    assert_eq!(gateway.calls(), [Operation::Prepare]);
    let attempt = shop.stored().await;
    let policy = FencePolicy::KeepPending;
    let settled = settle_payment(
        &shop.database,
        &gateway,
        shop.tenant_id,
        &attempt,
        policy,
        "sweeper",
    )
    .await
    .outcome;
    assert!(
        matches!(settled, SettleOutcome::Later(LaterCause::Database(_))),
        "{settled:?}"
    );
}

/// Settles an attempt as a copied database does, and returns the calls that were made.
async fn settle_inherited(shop: &Shop) -> (SettleOutcome, Vec<Operation>) {
    let inherited = Attempt {
        is_inherited: true,
        ..shop.stored().await
    };
    let calls = shop.gateway.calls().len();
    let (database, gateway) = (&shop.database, &shop.gateway);
    let policy = FencePolicy::CancelPending;
    let settled = settle_payment(
        database,
        gateway,
        shop.tenant_id,
        &inherited,
        policy,
        "sweeper",
    )
    .await;
    (settled.outcome, shop.gateway.calls().split_off(calls))
}

#[tokio::test]
async fn an_inherited_payment_is_only_read() {
    let shop = Shop::open().await;
    let (created, calls) = settle_inherited(&shop).await;
    assert!(
        matches!(created, SettleOutcome::Later(LaterCause::Inherited)),
        "{created:?}"
    );
    assert_eq!(calls, []);

    let lost = Plan::FailBefore(GatewayFault::TimedOut);
    shop.gateway.plan(Operation::Confirm, lost);
    drop(shop.collect().await);
    let (open, calls) = settle_inherited(&shop).await;
    assert!(
        matches!(open, SettleOutcome::Later(LaterCause::Inherited)),
        "{open:?}"
    );
    assert_eq!(calls, [Operation::Lookup]);
    assert_eq!(shop.gateway.payments(), [PaymentStatus::NotConfirmed]);
}

#[tokio::test]
async fn an_inherited_payment_that_has_ended_at_the_gateway_is_settled() {
    let paid = Shop::open().await;
    let late = Plan::FailAfter(GatewayFault::TimedOut);
    paid.gateway.plan(Operation::Confirm, late);
    drop(paid.collect().await);
    let (outcome, calls) = settle_inherited(&paid).await;
    assert!(matches!(outcome, SettleOutcome::Paid { .. }), "{outcome:?}");
    assert_eq!(calls, [Operation::Lookup]);

    let cancelled = Shop::open().await;
    let lost = Plan::FailBefore(GatewayFault::TimedOut);
    cancelled.gateway.plan(Operation::Confirm, lost);
    drop(cancelled.collect().await);
    // Cancelled by the database that this one was copied from.
    drop(cancelled.settle(FencePolicy::CancelPending).await);
    let (outcome, _) = settle_inherited(&cancelled).await;
    assert!(
        matches!(outcome, SettleOutcome::Voided { decline_code: None }),
        "{outcome:?}"
    );
}
