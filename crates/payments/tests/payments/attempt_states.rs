//! The observed state of a payment is recorded, and an order gets no other attempt before the last one is dead.

use std::sync::Arc;

use oms_database::DbError;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::{
    AttemptId, AttemptState, BeginRefund, FencePolicy, GatewayFault, LaterCause, NewAttempt,
    NewRefund, Operation, PaymentError, PaymentStatus, RefundEnd, RefundId, SettleOutcome,
    begin_refund, finish_refund, list_attempts, record_attempts,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{Plan, declined};

use crate::shop::{Shop, UNKNOWN, usd};

const LOST: Plan = Plan::FailBefore(GatewayFault::TimedOut);

impl Shop {
    async fn state(&self) -> AttemptState {
        self.stored().await.state
    }

    /// Collects the payment, with this plan for its confirmation.
    async fn collect_with(&self, plan: Plan) {
        self.gateway.plan(Operation::Confirm, plan);
        let collected = self.collect_noting().await;
        assert_eq!(collected.closing(), None, "{collected:?}");
    }

    /// Settles the payment, and closes the attempt.
    async fn close_by_settling(&self) {
        let settled = self.settle_noting(FencePolicy::CancelPending).await;
        let closing = settled.closing().unwrap();
        assert!(self.close_noting(&closing, &settled.calls).await);
    }

    /// Tries to record the order's next attempt.
    async fn try_again(&self) -> Result<(), String> {
        let mut connection = self.connect().await;
        let (tenant_id, order_id) = (self.tenant_id, self.attempt.order_id);
        let attempts = list_attempts(&mut connection, tenant_id, order_id).await;
        let last = attempts.unwrap().pop().unwrap();
        let next = NewAttempt {
            id: AttemptId::generate(),
            order_id,
            number: last.number + 1,
            amount: last.amount,
            gateway: last.gateway,
        };
        match record_attempts(&mut connection, tenant_id, &[next]).await {
            Ok(_) => Ok(()),
            Err(PaymentError::Database(DbError::UniqueViolation { constraint })) => Err(constraint),
            Err(error) => panic!("{error}"),
        }
    }

    async fn begin_refund(&self) -> oms_payments::Refund {
        let new = NewRefund {
            id: RefundId::generate(),
            order_id: self.attempt.order_id,
            amount: None,
            idempotency_key: None,
            reason: None,
            requested_by: "api:till".to_owned(),
        };
        let mut connection = self.connect().await;
        match begin_refund(&mut connection, &InstantGateway, self.tenant_id, &new).await {
            Ok(BeginRefund::Begun(refund)) => refund,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_outcome_of_a_confirmation_is_recorded() {
    let test_database = Arc::new(TestDatabase::create());
    for (plan, expected) in [
        (
            Plan::Become(PaymentStatus::NeedsAction),
            AttemptState::NeedsAction,
        ),
        (
            Plan::Become(PaymentStatus::Processing),
            AttemptState::Processing,
        ),
        (
            Plan::Become(PaymentStatus::Authorised),
            AttemptState::Authorised,
        ),
        (
            Plan::Become(PaymentStatus::NotConfirmed),
            AttemptState::Unknown,
        ),
        (LOST, AttemptState::Unknown),
        // A wrong amount needs an operator, and has no state of its own.
        (
            Plan::Become(PaymentStatus::Paid { amount: usd(1) }),
            AttemptState::Sent,
        ),
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.collect_with(plan.clone()).await;
        assert_eq!(shop.state().await, expected, "{plan:?}");
    }
}

#[tokio::test]
async fn a_successful_payment_is_sent_and_then_paid_with_the_captured_amount() {
    let shop = Shop::open().await;
    let collected = shop.collect_noting().await;
    assert_eq!(
        shop.states_during(Operation::Prepare),
        [AttemptState::Created]
    );
    assert_eq!(shop.states_during(Operation::Confirm), [AttemptState::Sent]);
    assert_eq!(shop.stored().await.captured, None);
    assert!(shop.close(&collected.closing().unwrap()).await);
    let stored = shop.stored().await;
    assert_eq!(stored.state, AttemptState::Paid);
    assert_eq!(stored.captured, Some(usd(2000)));
}

#[tokio::test]
async fn a_cancellation_is_recorded_before_it_is_sent() {
    let shop = Shop::open().await;
    shop.collect_with(LOST).await;
    shop.gateway.plan(Operation::Cancel, LOST);
    // Its answer is lost: the cancellation may still be in flight.
    let first = shop.settle(FencePolicy::KeepPending).await;
    assert_eq!(first.closing(), None, "{first:?}");
    assert_eq!(
        shop.states_during(Operation::Cancel),
        [AttemptState::Voiding]
    );
    assert_eq!(shop.state().await, AttemptState::Voiding);
    // An unreachable gateway does not change that.
    shop.gateway.plan(Operation::Lookup, LOST);
    let silent = shop.settle(FencePolicy::KeepPending).await;
    assert_eq!(silent.closing(), None, "{silent:?}");
    assert_eq!(shop.state().await, AttemptState::Voiding);

    shop.close_by_settling().await;
    assert_eq!(shop.state().await, AttemptState::Voided);
}

#[tokio::test]
async fn the_status_that_prevented_a_cancellation_is_recorded() {
    let test_database = Arc::new(TestDatabase::create());
    for (status, expected) in [
        (PaymentStatus::Processing, AttemptState::Processing),
        (PaymentStatus::NeedsAction, AttemptState::NeedsAction),
        (PaymentStatus::Authorised, AttemptState::Authorised),
        (PaymentStatus::NotConfirmed, AttemptState::Voiding),
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.collect_with(LOST).await;
        shop.gateway
            .plan(Operation::Cancel, Plan::Become(status.clone()));
        let settled = shop.settle(FencePolicy::CancelPending).await;
        assert_eq!(settled.closing(), None, "{settled:?}");
        assert_eq!(shop.state().await, expected, "{status:?}");
    }
}

#[tokio::test]
async fn an_unknown_payment_changes_only_by_the_gateways_word() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in UNKNOWN.into_iter().chain([GatewayFault::NoConnection]) {
        let shop = Shop::open_in(&test_database).await;
        shop.collect_with(LOST).await;
        for policy in [
            FencePolicy::Observe,
            FencePolicy::KeepPending,
            FencePolicy::CancelPending,
        ] {
            let plan = Plan::FailBefore(fault.clone());
            shop.gateway.plan(Operation::Lookup, plan);
            let settled = shop.settle(policy).await;
            assert_eq!(settled.closing(), None, "{settled:?}");
            assert_eq!(shop.state().await, AttemptState::Unknown);
        }
        assert!(!shop.gateway.calls().contains(&Operation::Cancel));
        let plan = Plan::Become(PaymentStatus::Processing);
        shop.gateway.plan(Operation::Lookup, plan);
        shop.settle(FencePolicy::KeepPending).await;
        assert_eq!(shop.state().await, AttemptState::Processing);
        // An observed state is not lost because the gateway is unreachable now.
        let plan = Plan::FailBefore(fault.clone());
        shop.gateway.plan(Operation::Lookup, plan);
        shop.settle(FencePolicy::KeepPending).await;
        assert_eq!(shop.state().await, AttemptState::Processing);
        let plan = Plan::Become(PaymentStatus::Paid { amount: usd(2000) });
        shop.gateway.plan(Operation::Lookup, plan);
        shop.close_by_settling().await;
        assert_eq!(shop.state().await, AttemptState::Paid);
    }
}

#[tokio::test]
async fn a_payment_whose_worker_died_before_the_answer_becomes_unknown() {
    let shop = Shop::open().await;
    drop(shop.collect_noting().await);
    assert_eq!(shop.state().await, AttemptState::Sent);
    shop.gateway.plan(Operation::Lookup, LOST);
    shop.settle(FencePolicy::KeepPending).await;
    assert_eq!(shop.state().await, AttemptState::Unknown);
    shop.close_by_settling().await;
    assert_eq!(shop.state().await, AttemptState::Paid);
}

#[tokio::test]
async fn observing_does_not_interfere_with_a_confirmation_in_flight() {
    let test_database = Arc::new(TestDatabase::create());
    let observe = FencePolicy::Observe;

    // The gateway is not called about a payment that was not sent.
    let created = Shop::open_in(&test_database).await;
    let settled = created.settle(observe).await;
    assert!(
        matches!(settled, SettleOutcome::Later(LaterCause::Pending(_))),
        "{settled:?}"
    );
    assert_eq!(created.gateway.calls(), []);
    assert_eq!(created.state().await, AttemptState::Created);

    for (status, expected) in [
        (PaymentStatus::NotConfirmed, AttemptState::Sent),
        (PaymentStatus::NeedsAction, AttemptState::NeedsAction),
        (PaymentStatus::Processing, AttemptState::Processing),
        (PaymentStatus::Authorised, AttemptState::Authorised),
    ] {
        let shop = Shop::open_in(&test_database).await;
        drop(shop.collect_noting().await);
        let plan = Plan::Become(status.clone());
        shop.gateway.plan(Operation::Lookup, plan);
        let settled = shop.settle(observe).await;
        assert!(
            matches!(&settled, SettleOutcome::Later(LaterCause::Pending(found)) if *found == status),
            "{settled:?}"
        );
        assert!(!shop.gateway.calls().contains(&Operation::Cancel));
        assert_eq!(shop.state().await, expected);
    }

    for (status, cancels, expected) in [
        (
            PaymentStatus::Paid { amount: usd(2000) },
            0,
            AttemptState::Paid,
        ),
        (PaymentStatus::Cancelled, 0, AttemptState::Voided),
        (declined("expired_card"), 1, AttemptState::Declined),
    ] {
        let shop = Shop::open_in(&test_database).await;
        drop(shop.collect_noting().await);
        shop.gateway.plan(Operation::Lookup, Plan::Become(status));
        let settled = shop.settle(observe).await;
        assert!(shop.close(&settled.closing().unwrap()).await);
        let calls = shop.gateway.calls().into_iter();
        let cancelled = calls.filter(|call| *call == Operation::Cancel);
        assert_eq!(cancelled.count(), cancels);
        assert_eq!(shop.state().await, expected);
    }
}

#[tokio::test]
async fn an_order_gets_no_other_attempt_while_one_is_alive_or_paid() {
    let test_database = Arc::new(TestDatabase::create());
    let mut seen = Vec::new();
    let mut refused = async |shop: &Shop| {
        let constraint = shop.try_again().await.unwrap_err();
        assert_eq!(constraint, "attempts_one_live_per_order");
        seen.push(shop.state().await);
    };

    let shop = Shop::open_in(&test_database).await;
    refused(&shop).await;
    drop(shop.collect_noting().await);
    refused(&shop).await;
    for plan in [
        LOST,
        Plan::Become(PaymentStatus::NeedsAction),
        Plan::Become(PaymentStatus::Processing),
        Plan::Become(PaymentStatus::Authorised),
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.collect_with(plan).await;
        refused(&shop).await;
    }

    let fenced = Shop::open_in(&test_database).await;
    fenced.collect_with(LOST).await;
    fenced.gateway.plan(Operation::Cancel, LOST);
    fenced.settle(FencePolicy::KeepPending).await;
    refused(&fenced).await;
    fenced.close_by_settling().await;
    assert_eq!(fenced.state().await, AttemptState::Voided);
    assert_eq!(fenced.try_again().await, Ok(()));

    let shop = Shop::open_in(&test_database).await;
    let paid = shop.collect().await;
    assert!(shop.close(&paid.closing().unwrap()).await);
    refused(&shop).await;
    let refund = shop.begin_refund().await;
    refused(&shop).await;
    let mut connection = shop.connect().await;
    let end = RefundEnd::Refunded;
    let left = finish_refund(
        &mut connection,
        &InstantGateway,
        shop.tenant_id,
        &refund,
        &end,
    )
    .await;
    assert_eq!(left.unwrap().map(|finished| finished.left), Some(usd(0)));
    assert_eq!(shop.state().await, AttemptState::Refunded);
    assert_eq!(shop.try_again().await, Ok(()));

    let shop = Shop::open_in(&test_database).await;
    let plan = Plan::Become(declined("expired_card"));
    shop.gateway.plan(Operation::Confirm, plan);
    let collected = shop.collect().await;
    assert!(shop.close(&collected.closing().unwrap()).await);
    assert_eq!(shop.try_again().await, Ok(()));

    let living = AttemptState::ALL.into_iter().filter(|it| !it.is_dead());
    for state in living {
        assert!(seen.contains(&state), "{state} is not covered");
    }
}
