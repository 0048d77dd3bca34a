//! Attempts in a real database: their compare-and-sets under races, their constraints, and their tenants.

use std::sync::Arc;

use oms_database::{Connection, Database, DbError};
use oms_payments::{
    Attempt, AttemptId, AttemptState, Closing, CollectOutcome, DeclineCode, FencePolicy,
    NewAttempt, PaymentError, SettleOutcome, UnsavedCalls, collect_payment, find_payment,
    record_attempts, settle_payment,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{ScriptedGateway, token};
use oms_testing::world::{new_tenant, usd};
use oms_validation::{OrderId, TenantId};
use tokio::sync::Barrier;

use crate::batches::batches;
use crate::closing::close_attempt;

fn attempt(order_id: OrderId, number: i32) -> NewAttempt {
    NewAttempt {
        id: AttemptId::generate(),
        order_id,
        number,
        amount: usd(2000),
        gateway: "scripted".to_owned(),
    }
}

async fn record(connection: &mut Connection, tenant_id: TenantId) -> Attempt {
    let new = [attempt(OrderId::generate(), 1)];
    let recorded = record_attempts(connection, tenant_id, &new).await.unwrap();
    recorded.into_iter().next().unwrap()
}

async fn find(connection: &mut Connection, tenant_id: TenantId, order_id: OrderId) -> Attempt {
    let found = find_payment(connection, tenant_id, order_id).await.unwrap();
    found.expect("the order has an attempt")
}

fn violated(result: Result<Vec<Attempt>, PaymentError>) -> String {
    match result {
        Err(PaymentError::Database(DbError::UniqueViolation { constraint })) => constraint,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn attempts_that_are_recorded_together_are_found_by_their_orders() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant_id = new_tenant(connection).await;
    let new: Vec<NewAttempt> = (1..=20)
        .map(|amount| NewAttempt {
            amount: usd(amount),
            ..attempt(OrderId::generate(), 1)
        })
        .collect();
    let recorded = record_attempts(connection, tenant_id, &new).await.unwrap();
    for (new, recorded) in new.iter().zip(recorded) {
        let found = find(connection, tenant_id, new.order_id).await;
        assert_eq!(found, recorded);
        assert_eq!((found.id, found.amount), (new.id, new.amount));
        assert_eq!(found.state, AttemptState::Created);
    }
    let none = record_attempts(connection, tenant_id, &[]).await.unwrap();
    assert_eq!(none, []);
}

#[tokio::test]
async fn an_order_has_one_open_attempt_at_a_time_and_the_latest_is_found() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant_id = new_tenant(connection).await;
    let order_id = OrderId::generate();
    let first = attempt(order_id, 1);
    record_attempts(connection, tenant_id, std::slice::from_ref(&first))
        .await
        .unwrap();

    let second = [attempt(order_id, 2)];
    let constraint = violated(record_attempts(connection, tenant_id, &second).await);
    assert_eq!(constraint, "attempts_one_live_per_order");

    let closing = Closing::NeverPrepared;
    assert!(
        close_attempt(
            connection,
            tenant_id,
            first.id,
            &closing,
            &UnsavedCalls::none()
        )
        .await
        .unwrap()
    );
    record_attempts(connection, tenant_id, &second)
        .await
        .unwrap();
    assert_eq!(find(connection, tenant_id, order_id).await.number, 2);
}

#[tokio::test]
async fn a_tenant_cannot_see_change_or_block_anothers_attempts() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let (ours, theirs) = (new_tenant(connection).await, new_tenant(connection).await);
    let attempt = record(connection, ours).await;

    let found = find_payment(connection, theirs, attempt.order_id).await;
    assert_eq!(found.unwrap(), None);
    let closing = Closing::NeverPrepared;
    assert!(
        !close_attempt(
            connection,
            theirs,
            attempt.id,
            &closing,
            &UnsavedCalls::none()
        )
        .await
        .unwrap()
    );
    assert_eq!(find(connection, ours, attempt.order_id).await, attempt);

    // Another tenant can have the same attempt ID and order ID.
    let same = [NewAttempt {
        id: attempt.id,
        ..self::attempt(attempt.order_id, 1)
    }];
    let twin = record_attempts(connection, theirs, &same).await.unwrap();
    let pool = database.pool(2);
    let gateway = ScriptedGateway::default();
    for (tenant_id, attempt) in [(ours, &attempt), (theirs, &twin[0])] {
        let outcome = collect_payment(
            &batches(&pool),
            &gateway,
            tenant_id,
            attempt,
            &token(),
            "api",
        )
        .await
        .outcome;
        assert!(
            matches!(outcome, CollectOutcome::Paid { .. }),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_closed_attempt_stays_as_it_is() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant_id = new_tenant(connection).await;
    let pool = database.pool(2);
    let every = || {
        [
            Closing::Paid {
                captured: usd(2000),
            },
            Closing::Declined(DeclineCode::new("expired_card")),
            Closing::Voided,
            Closing::NeverPrepared,
        ]
    };
    for first in every() {
        let attempt = record(connection, tenant_id).await;
        if first.from().contains(&AttemptState::Sent) {
            let gateway = ScriptedGateway::default();
            let collected = collect_payment(
                &batches(&pool),
                &gateway,
                tenant_id,
                &attempt,
                &token(),
                "api",
            )
            .await;
            assert!(collected.closing().is_some());
        }
        assert!(
            close_attempt(
                connection,
                tenant_id,
                attempt.id,
                &first,
                &UnsavedCalls::none()
            )
            .await
            .unwrap()
        );
        let closed = find(connection, tenant_id, attempt.order_id).await;
        assert_eq!(closed.state, first.to());
        assert_eq!(closed.decline_code.as_ref(), first.decline_code());

        for second in every() {
            let none = UnsavedCalls::none();
            let won = close_attempt(connection, tenant_id, attempt.id, &second, &none).await;
            assert!(!won.unwrap(), "{first:?} then {second:?}");
        }
        assert_eq!(find(connection, tenant_id, attempt.order_id).await, closed);
    }
}

#[tokio::test]
async fn no_attempt_is_paid_or_declined_without_a_reference() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant_id = new_tenant(connection).await;
    let attempt = record(connection, tenant_id).await;
    let declined = Closing::Declined(DeclineCode::new("expired_card"));
    let captured = usd(2000);
    for closing in [Closing::Paid { captured }, declined, Closing::Voided] {
        let none = UnsavedCalls::none();
        let won = close_attempt(connection, tenant_id, attempt.id, &closing, &none).await;
        assert!(!won.unwrap(), "{closing:?}");
    }
}

async fn close(database: &Database, tenant_id: TenantId, id: AttemptId, closing: &Closing) -> bool {
    let mut connection = database.acquire().await.unwrap();
    close_attempt(
        &mut connection,
        tenant_id,
        id,
        closing,
        &UnsavedCalls::none(),
    )
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn either_a_collecting_or_a_closing_worker_wins_but_never_both() {
    let test_database = TestDatabase::create();
    let database = test_database.pool(4);
    let tenant_id = new_tenant(&mut test_database.connect().await).await;
    for round in 0..50 {
        let attempt = record(&mut database.acquire().await.unwrap(), tenant_id).await;
        let gateway = Arc::new(ScriptedGateway::default());
        let barrier = Arc::new(Barrier::new(2));

        let collecting = tokio::spawn({
            let (database, gateway) = (database.clone(), Arc::clone(&gateway));
            let (attempt, barrier) = (attempt.clone(), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                collect_payment(
                    &batches(&database),
                    &*gateway,
                    tenant_id,
                    &attempt,
                    &token(),
                    "api",
                )
                .await
            }
        });
        let giving_up = tokio::spawn({
            let (database, barrier) = (database.clone(), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                close(&database, tenant_id, attempt.id, &Closing::NeverPrepared).await
            }
        });
        let outcome = collecting.await.unwrap().outcome;
        let gave_up = giving_up.await.unwrap();

        let charges = gateway.charges();
        match outcome {
            CollectOutcome::Paid { .. } => assert!(!gave_up && charges == 1, "round {round}"),
            CollectOutcome::Superseded => assert!(gave_up && charges == 0, "round {round}"),
            outcome => panic!("round {round}: {outcome:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_workers_closes_an_attempt() {
    let test_database = TestDatabase::create();
    let database = test_database.pool(8);
    let tenant_id = new_tenant(&mut test_database.connect().await).await;
    for round in 0..50 {
        let attempt = record(&mut database.acquire().await.unwrap(), tenant_id).await;
        let gateway = ScriptedGateway::default();
        let collected = collect_payment(
            &batches(&database),
            &gateway,
            tenant_id,
            &attempt,
            &token(),
            "api",
        )
        .await;
        assert!(collected.closing().is_some());
        let barrier = Arc::new(Barrier::new(8));
        let closers: Vec<_> = (0..8)
            .map(|number| {
                let (database, barrier) = (database.clone(), Arc::clone(&barrier));
                let closing = match number % 3 {
                    0 => Closing::Paid {
                        captured: usd(2000),
                    },
                    1 => Closing::Voided,
                    _ => Closing::Declined(DeclineCode::new("expired_card")),
                };
                tokio::spawn(async move {
                    barrier.wait().await;
                    close(&database, tenant_id, attempt.id, &closing)
                        .await
                        .then(|| closing.to())
                })
            })
            .collect();
        let mut winners = Vec::new();
        for closer in closers {
            winners.extend(closer.await.unwrap());
        }
        let mut connection = database.acquire().await.unwrap();
        let found = find(&mut connection, tenant_id, attempt.order_id).await;
        assert_eq!(winners, [found.state], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collecting_and_a_settling_worker_agree_on_the_outcome() {
    let test_database = TestDatabase::create();
    let database = test_database.pool(4);
    let tenant_id = new_tenant(&mut test_database.connect().await).await;
    for round in 0..50 {
        let attempt = record(&mut database.acquire().await.unwrap(), tenant_id).await;
        let gateway = Arc::new(ScriptedGateway::default());
        let barrier = Arc::new(Barrier::new(2));

        let collecting = tokio::spawn({
            let (database, gateway) = (database.clone(), Arc::clone(&gateway));
            let (attempt, barrier) = (attempt.clone(), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                collect_payment(
                    &batches(&database),
                    &*gateway,
                    tenant_id,
                    &attempt,
                    &token(),
                    "api",
                )
                .await
            }
        });
        let settling = tokio::spawn({
            let (database, gateway) = (database.clone(), Arc::clone(&gateway));
            let (attempt, barrier) = (attempt.clone(), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                let policy = FencePolicy::KeepPending;
                settle_payment(&database, &*gateway, tenant_id, &attempt, policy, "sweeper").await
            }
        });
        let (collected, settled) = (collecting.await.unwrap(), settling.await.unwrap());

        match (&collected.outcome, &settled.outcome, gateway.charges()) {
            (CollectOutcome::Paid { .. }, SettleOutcome::Paid { .. }, 1)
            | (CollectOutcome::Superseded, SettleOutcome::Voided { .. }, 0) => {}
            other => panic!("round {round}: {other:?}"),
        }
    }
}
