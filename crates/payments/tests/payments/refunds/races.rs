//! Concurrent refunds of the same money, each worker on its own connection.

use std::sync::Arc;

use oms_database::transaction;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::{
    AttemptState, BeginRefund, NewRefund, RefundEnd, RefundResult, RefundState, begin_refund,
    finish_refund,
};
use oms_testing::TestDatabase;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::till::{Till, key};
use crate::shop::{PRICE, usd};

const CLERKS: usize = 8;

/// Begins many refunds concurrently.
async fn all_begin(till: &Till, new: impl Fn(usize) -> NewRefund) -> Vec<BeginRefund> {
    let barrier = Arc::new(Barrier::new(CLERKS));
    let mut clerks = JoinSet::new();
    for number in 0..CLERKS {
        let (barrier, new, tenant_id) = (barrier.clone(), new(number), till.shop.tenant_id);
        let mut connection = till.shop.connect().await;
        clerks.spawn(async move {
            barrier.wait().await;
            let begun = transaction(&mut connection, async |connection| {
                begin_refund(connection, &InstantGateway, tenant_id, &new).await
            });
            begun.await.unwrap()
        });
    }
    clerks.join_all().await
}

/// What is refunded or pending, by our books.
async fn promised(till: &Till) -> i64 {
    let refunds = till.refunds().await.into_iter();
    let alive = refunds.filter(|refund| refund.state != RefundState::Failed);
    alive.map(|refund| refund.amount.amount_minor).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_refunds_never_exceed_the_captured_amount() {
    let till = Till::open().await;
    let mut taken_back = 0;
    for amount in [Some(700), Some(700), Some(700), None, None] {
        let answers = all_begin(&till, |_| till.new_refund(amount)).await;
        let begun: Vec<_> = answers
            .iter()
            .filter_map(|answer| match answer {
                BeginRefund::Begun(refund) => Some(refund),
                _ => None,
            })
            .collect();
        let left = PRICE - taken_back;
        let possible = left > 0 && amount.is_none_or(|amount| amount <= left);
        assert_eq!(begun.len(), usize::from(possible), "{answers:?}");
        for refund in begun {
            taken_back += refund.amount.amount_minor;
            let end = till.execute(refund).await.end().unwrap();
            assert!(till.finish(refund, &end).await.is_some());
        }
        assert_eq!(promised(&till).await, taken_back);
        assert_eq!(till.refunded_minor().await, taken_back);
        assert!(taken_back <= PRICE);
    }
    assert_eq!(taken_back, PRICE);
    assert_eq!(till.state().await, AttemptState::Refunded);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_refunds_with_one_key_one_begins_and_the_others_return_it() {
    let till = Till::open().await;
    let new = |_| NewRefund {
        idempotency_key: key("k"),
        ..till.new_refund(Some(10))
    };
    let answers = all_begin(&till, new).await;
    let [refund] = till.refunds().await.try_into().unwrap();
    let begun =
        |answer: &&BeginRefund| matches!(answer, BeginRefund::Begun(it) if it.id == refund.id);
    let told =
        |answer: &&BeginRefund| matches!(answer, BeginRefund::KeyTaken(it) if it.id == refund.id);
    assert_eq!(answers.iter().filter(begun).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(told).count(), CLERKS - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_two_orders_claim_concurrently_goes_to_one() {
    let test_database = Arc::new(TestDatabase::create());
    for round in 0..10 {
        let one = Till::open_in(&test_database).await;
        let other = Till::open_in_store(&test_database, one.shop.tenant_id).await;
        let barrier = Arc::new(Barrier::new(2));
        let mut clerks = JoinSet::new();
        for till in [&one, &other] {
            let new = NewRefund {
                idempotency_key: key("k"),
                ..till.new_refund(None)
            };
            let (barrier, tenant_id) = (barrier.clone(), one.shop.tenant_id);
            let mut connection = till.shop.connect().await;
            clerks.spawn(async move {
                barrier.wait().await;
                let begun = transaction(&mut connection, async |connection| {
                    begin_refund(connection, &InstantGateway, tenant_id, &new).await
                });
                begun.await.unwrap()
            });
        }
        let answers = clerks.join_all().await;
        let (begun, taken): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| matches!(answer, BeginRefund::Begun(_)));
        match (&begun[..], &taken[..]) {
            ([BeginRefund::Begun(begun)], [BeginRefund::KeyTaken(taken)]) => {
                assert_eq!(begun.id, taken.id);
            }
            other => panic!("round {round}: {other:?}"),
        }
        // The loser's payment is unchanged.
        let states = [one.state().await, other.state().await];
        assert!(states.contains(&AttemptState::Paid), "{states:?}");
        assert!(states.contains(&AttemptState::Refunding), "{states:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_executed_concurrently_is_made_once() {
    let test_database = Arc::new(TestDatabase::create());
    for amount in [Some(500), None] {
        let till = Arc::new(Till::open_in(&test_database).await);
        let refund = till.begin(amount).await;
        let barrier = Arc::new(Barrier::new(CLERKS));
        let mut clerks = JoinSet::new();
        for _ in 0..CLERKS {
            let (till, barrier) = (till.clone(), barrier.clone());
            clerks.spawn(async move {
                barrier.wait().await;
                till.execute_again().await
            });
        }
        for result in clerks.join_all().await {
            assert!(matches!(result, RefundResult::Refunded), "{result:?}");
        }
        assert_eq!(till.refunded_minor().await, refund.amount.amount_minor);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_that_end_a_refund_exactly_one_wins() {
    let till = Till::open().await;
    for round in 1..=10 {
        let refund = till.begin(Some(10)).await;
        let barrier = Arc::new(Barrier::new(CLERKS));
        let mut clerks = JoinSet::new();
        for _ in 0..CLERKS {
            let (barrier, refund) = (barrier.clone(), refund.clone());
            let (mut connection, tenant_id) = (till.shop.connect().await, till.shop.tenant_id);
            clerks.spawn(async move {
                barrier.wait().await;
                let ended = transaction(&mut connection, async |connection| {
                    finish_refund(
                        connection,
                        &InstantGateway,
                        tenant_id,
                        &refund,
                        &RefundEnd::Refunded,
                    )
                    .await
                });
                ended.await.unwrap().map(|finished| finished.left)
            });
        }
        let ends: Vec<_> = clerks.join_all().await.into_iter().flatten().collect();
        assert_eq!(ends, [usd(PRICE - 10 * round)]);
        assert_eq!(till.state().await, AttemptState::Paid);
    }
}
