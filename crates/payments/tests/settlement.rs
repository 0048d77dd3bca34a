//! Collecting and settling payments, with every step failing in every way: the money and the attempt always agree.

use std::sync::Arc;

use oms_database::{Connection, Database};
use oms_payments::{
    Attempt, AttemptId, AttemptState, Closing, CollectOutcome, FencePolicy, GatewayFault,
    LaterCause, NewAttempt, Operation, PaymentStatus, SettleOutcome, close_attempt,
    collect_payment, find_payment, record_attempts, settle_payment,
};
use oms_test_support::TestDatabase;
use oms_validation::{Currency, Money, OrderId, TenantId};

#[path = "settlement/fake_gateway.rs"]
mod fake_gateway;
use fake_gateway::{FakeGateway, Plan, declined, token};

/// One store with one order, and a gateway that fails the test when it is called with the connection in hand.
struct Shop {
    // Dropped last, because that drops the database.
    database: Database,
    gateway: FakeGateway,
    tenant_id: TenantId,
    attempt: Attempt,
    test_database: Arc<TestDatabase>,
}

impl Shop {
    async fn open() -> Self {
        Self::open_in(&Arc::new(TestDatabase::create())).await
    }

    async fn open_in(test_database: &Arc<TestDatabase>) -> Self {
        let database = test_database.pool(1);
        let tenant_id = TenantId::generate();
        let new = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: usd(2000),
            gateway: "fake".to_owned(),
        };
        let mut connection = database.acquire().await.unwrap();
        let recorded = record_attempts(&mut connection, tenant_id, &[new]).await;
        drop(connection);
        let gateway = FakeGateway::watching(database.clone());
        Self {
            database,
            gateway,
            tenant_id,
            attempt: recorded.unwrap().remove(0),
            test_database: Arc::clone(test_database),
        }
    }

    async fn connect(&self) -> Connection {
        self.test_database.connect().await
    }

    async fn collect(&self) -> CollectOutcome {
        let attempt = &self.attempt;
        collect_payment(
            &self.database,
            &self.gateway,
            self.tenant_id,
            attempt,
            &token(),
        )
        .await
    }

    async fn settle(&self, policy: FencePolicy) -> SettleOutcome {
        let attempt = self.stored().await;
        settle_payment(
            &self.database,
            &self.gateway,
            self.tenant_id,
            &attempt,
            policy,
        )
        .await
    }

    async fn close(&self, closing: &Closing) -> bool {
        let mut connection = self.connect().await;
        let closed = close_attempt(&mut connection, self.tenant_id, self.attempt.id, closing).await;
        closed.unwrap()
    }

    async fn stored(&self) -> Attempt {
        let mut connection = self.connect().await;
        let found = find_payment(&mut connection, self.tenant_id, self.attempt.order_id).await;
        found.unwrap().unwrap()
    }
}

fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

const UNKNOWN: [GatewayFault; 4] = [
    GatewayFault::TimedOut,
    GatewayFault::Interrupted,
    GatewayFault::ServerError { status: 500 },
    GatewayFault::InProgress,
];

#[tokio::test]
async fn a_payment_is_collected_in_two_calls_and_closes_its_attempt() {
    let shop = Shop::open().await;
    let outcome = shop.collect().await;
    assert!(matches!(outcome, CollectOutcome::Paid { amount } if amount == usd(2000)));
    assert_eq!(shop.stored().await.state, AttemptState::Prepared);
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
async fn a_decline_is_not_tried_again_and_closes_its_attempt() {
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
async fn whatever_goes_wrong_in_preparing_no_money_can_move_any_more() {
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

        // Somebody who was held up does not get any further.
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
async fn another_amount_than_was_asked_closes_nothing() {
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

#[tokio::test]
async fn an_attempt_that_was_left_before_it_was_prepared_is_cancelled_at_the_gateway_too() {
    let shop = Shop::open().await;
    // The one who collected it ended after the gateway had prepared it.
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
async fn giving_up_on_an_attempt_that_was_prepared_meanwhile_changes_nothing() {
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
async fn a_customer_who_has_to_act_is_waited_for_and_then_fenced_off() {
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
async fn what_the_bank_is_working_on_stays_open() {
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
async fn a_payment_that_arrives_before_the_cancellation_wins() {
    let shop = Shop::open().await;
    let lost = Plan::FailBefore(GatewayFault::TimedOut);
    shop.gateway.plan(Operation::Confirm, lost);
    assert!(matches!(shop.collect().await, CollectOutcome::Unknown));
    let late = Plan::Become(PaymentStatus::Paid { amount: usd(2000) });
    shop.gateway.plan(Operation::Cancel, late);
    let settled = shop.settle(FencePolicy::KeepPending).await;
    assert_eq!(settled.closing(), Some(Closing::Paid), "{settled:?}");
}

#[tokio::test]
async fn an_old_decline_is_fenced_and_keeps_its_reason() {
    let shop = Shop::open().await;
    shop.gateway
        .plan(Operation::Confirm, Plan::Become(declined("expired_card")));
    // The process ended with the answer in its hand.
    drop(shop.collect().await);
    let settled = shop.settle(FencePolicy::KeepPending).await;
    assert!(shop.close(&settled.closing().unwrap()).await);
    let stored = shop.stored().await;
    assert_eq!(stored.state, AttemptState::Declined);
    assert_eq!(stored.decline_code.unwrap().as_str(), "expired_card");
    assert_eq!(shop.gateway.payments(), [PaymentStatus::Cancelled]);
}

#[tokio::test]
async fn an_absent_gateway_or_another_one_settles_nothing() {
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
    )
    .await;
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
    // The gateway can't watch a pool that is closed.
    let gateway = FakeGateway::default();
    let attempt = &shop.attempt;
    let outcome =
        collect_payment(&shop.database, &gateway, shop.tenant_id, attempt, &token()).await;
    assert!(
        matches!(outcome, CollectOutcome::NotStarted { .. }),
        "{outcome:?}"
    );
    assert_eq!(gateway.calls(), [Operation::Prepare]);
    let attempt = shop.stored().await;
    let policy = FencePolicy::KeepPending;
    let settled = settle_payment(&shop.database, &gateway, shop.tenant_id, &attempt, policy).await;
    assert!(
        matches!(settled, SettleOutcome::Later(LaterCause::Database(_))),
        "{settled:?}"
    );
}
