//! Collecting payments, with every step failing in every way: the money and the attempt always agree.

use std::sync::Arc;

use oms_payments::{
    AttemptState, CollectOutcome, FencePolicy, GatewayFault, Operation, PaymentStatus,
    SettleOutcome,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{Plan, declined};

use crate::shop::{Shop, UNKNOWN, usd};

#[tokio::test]
async fn a_payment_is_collected_in_two_calls_and_closes_its_attempt() {
    let shop = Shop::open().await;
    let outcome = shop.collect().await;
    assert!(matches!(outcome, CollectOutcome::Paid { amount } if amount == usd(2000)));
    assert_eq!(shop.stored().await.state, AttemptState::Sent);
    assert!(shop.close(&outcome.closing().unwrap()).await);
    let stored = shop.stored().await;
    assert_eq!(stored.state, AttemptState::Paid);
    assert!(stored.reference.is_some());
    assert_eq!(
        shop.gateway.calls(),
        [Operation::Prepare, Operation::Confirm]
    );
}

#[tokio::test]
async fn a_decline_is_not_retried_and_closes_its_attempt() {
    let shop = Shop::open().await;
    let plan = Plan::Become(declined("insufficient_funds"));
    shop.gateway.plan(Operation::Confirm, plan);
    let outcome = shop.collect().await;
    assert!(shop.close(&outcome.closing().unwrap()).await);
    let stored = shop.stored().await;
    assert_eq!(stored.state, AttemptState::Declined);
    assert_eq!(stored.decline_code.unwrap().as_str(), "insufficient_funds");
    assert_eq!(
        shop.gateway.calls(),
        [Operation::Prepare, Operation::Confirm]
    );
}

#[tokio::test]
async fn no_money_can_move_after_a_failed_preparation() {
    let test_database = Arc::new(TestDatabase::create());
    let mut plans = vec![Plan::FailBefore(GatewayFault::NoConnection)];
    plans.extend(UNKNOWN.map(Plan::FailAfter));
    for plan in plans {
        let shop = Shop::open_in(&test_database).await;
        shop.gateway.plan(Operation::Prepare, plan);
        let outcome = shop.collect().await;
        assert!(
            matches!(outcome, CollectOutcome::NotStarted { .. }),
            "{outcome:?}"
        );
        assert!(shop.close(&outcome.closing().unwrap()).await);
        assert_eq!(shop.stored().await.state, AttemptState::Voided);
        assert_eq!(shop.gateway.charges(), 0);

        // A delayed worker gets no further.
        let late = shop.collect().await;
        assert!(matches!(late, CollectOutcome::Superseded), "{late:?}");
        assert_eq!(shop.gateway.charges(), 0);
    }
}

#[tokio::test]
async fn a_confirmation_that_is_known_not_to_have_happened_closes_its_attempt() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in [
        GatewayFault::BreakerOpen,
        GatewayFault::NoConnection,
        GatewayFault::RateLimited,
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.gateway
            .plan(Operation::Confirm, Plan::FailBefore(fault));
        let outcome = shop.collect().await;
        assert!(
            matches!(outcome, CollectOutcome::NotStarted { .. }),
            "{outcome:?}"
        );
        assert!(shop.close(&outcome.closing().unwrap()).await);
        assert_eq!(shop.stored().await.state, AttemptState::Voided);
    }
}

#[tokio::test]
async fn a_confirmation_without_an_answer_is_read_back_and_never_repeated() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in UNKNOWN {
        for (plan, charges) in [
            (Plan::FailAfter(fault.clone()), 1),
            (Plan::FailBefore(fault.clone()), 0),
        ] {
            let shop = Shop::open_in(&test_database).await;
            shop.gateway.plan(Operation::Confirm, plan.clone());
            let outcome = shop.collect().await;
            assert_eq!(shop.gateway.charges(), charges, "{plan:?}");
            match outcome {
                CollectOutcome::Paid { .. } => assert_eq!(charges, 1, "{plan:?}"),
                CollectOutcome::Unknown => {}
                outcome => panic!("{plan:?}: {outcome:?}"),
            }
            let settled = shop.settle(FencePolicy::KeepPending).await;
            match settled {
                SettleOutcome::Paid { .. } => assert_eq!(charges, 1, "{plan:?}"),
                SettleOutcome::Voided { .. } => assert_eq!(charges, 0, "{plan:?}"),
                settled => panic!("{plan:?}: {settled:?}"),
            }
            let confirmed = shop.gateway.calls().into_iter();
            let confirmed = confirmed.filter(|call| *call == Operation::Confirm);
            assert_eq!(confirmed.count(), 1, "{plan:?}");
        }
    }
}

#[tokio::test]
async fn another_amount_than_requested_does_not_close_the_attempt() {
    let shop = Shop::open().await;
    let wrong = PaymentStatus::Paid { amount: usd(1) };
    shop.gateway.plan(Operation::Confirm, Plan::Become(wrong));
    let outcome = shop.collect().await;
    assert!(matches!(outcome, CollectOutcome::WrongAmount { charged } if charged == usd(1)));
    assert_eq!(outcome.closing(), None);
    let settled = shop.settle(FencePolicy::CancelPending).await;
    assert!(matches!(settled, SettleOutcome::WrongAmount { charged } if charged == usd(1)));
    assert_eq!(settled.closing(), None);
}
