//! Refunds: which may be begun, and what remains of the captured amount.

use std::sync::Arc;

use oms_payments::adapters::instant::InstantGateway;
use oms_payments::{
    AttemptState, BeginRefund, FencePolicy, NewRefund, Operation, PaymentError, PaymentStatus,
    RefundEnd, RefundFailure, RefundState, begin_refund, find_refund_by_key, list_refunds,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::Plan;
use oms_validation::{Currency, Money, TenantId};

mod executing;
mod races;
mod till;

use crate::shop::{PRICE, Shop, usd};
use till::{Till, key};

#[tokio::test]
async fn a_payment_is_refunded_in_full_with_one_call() {
    let till = Till::open().await;
    let refund = till.begin(None).await;
    assert_eq!((refund.amount, refund.left), (usd(PRICE), usd(0)));
    assert_eq!((refund.number, refund.state), (1, RefundState::Pending));
    assert_eq!(till.state().await, AttemptState::Refunding);

    let result = till.execute(&refund).await;
    assert_eq!(result.end(), Some(RefundEnd::Refunded));
    // The gateway has refunded it, but nothing is written before the caller's transaction.
    assert_eq!(till.state().await, AttemptState::Refunding);
    let left = till.finish(&refund, &result.end().unwrap()).await;
    assert_eq!(left, Some(usd(0)));

    assert_eq!(till.state().await, AttemptState::Refunded);
    assert_eq!(till.refunded_minor().await, PRICE);
    assert_eq!(till.shop.gateway.calls()[2..], [Operation::Refund]);
    let [stored] = till.refunds().await.try_into().unwrap();
    assert_eq!(stored.state, RefundState::Refunded);
    assert_eq!(stored.reference.unwrap().as_str(), "re_1");
    assert_eq!(stored.reason.as_deref(), Some("does not fit"));
    assert_eq!(stored.failure_code, None);
}

#[tokio::test]
async fn a_payment_is_refunded_in_parts_until_nothing_is_left() {
    let till = Till::open().await;
    assert_eq!(till.refund(Some(500)).await, usd(1500));
    assert_eq!(till.state().await, AttemptState::Paid);
    assert_eq!(till.refund(Some(700)).await, usd(800));
    assert_eq!(till.refund(None).await, usd(0));
    assert_eq!(till.state().await, AttemptState::Refunded);

    let refunds = till.refunds().await;
    let amounts: Vec<_> = refunds.iter().map(|it| (it.number, it.amount)).collect();
    assert_eq!(amounts, [(1, usd(500)), (2, usd(700)), (3, usd(800))]);
    assert_eq!(till.refunded_minor().await, PRICE);
    let order_id = till.shop.attempt.order_id;
    let keys = [1, 2, 3].map(|number| format!("{order_id}:refund:{number}"));
    assert_eq!(till.shop.gateway.refund_keys(), keys);
}

#[tokio::test]
async fn a_refund_that_exceeds_the_remainder_is_rejected_and_changes_nothing() {
    let till = Till::open().await;
    assert_eq!(till.refund(Some(500)).await, usd(1500));
    let eur = Money {
        currency: Currency::parse("EUR").unwrap(),
        ..usd(1)
    };
    for amount in [usd(1501), usd(i64::MAX), eur] {
        let new = NewRefund {
            amount: Some(amount),
            ..till.new_refund(None)
        };
        let available = usd(1500);
        let expected = BeginRefund::ExceedsCaptured { available };
        assert_eq!(till.try_to_begin(&new).await, expected, "{amount:?}");
    }
    assert_eq!(till.refunds().await.len(), 1);
    assert_eq!(till.state().await, AttemptState::Paid);
    assert_eq!(till.refund(Some(1500)).await, usd(0));
}

#[tokio::test]
async fn the_database_rejects_invalid_refunds_too() {
    let till = Till::open().await;
    let mut connection = till.shop.connect().await;
    let nothing = till.new_refund(Some(0));
    let less = till.new_refund(Some(-1));
    let wordy = NewRefund {
        reason: Some("x".repeat(501)),
        ..till.new_refund(None)
    };
    for new in [nothing, less, wordy] {
        let refused =
            begin_refund(&mut connection, &InstantGateway, till.shop.tenant_id, &new).await;
        assert!(matches!(refused, Err(PaymentError::Database(_))), "{new:?}");
    }
    assert_eq!(till.refunds().await, []);
    assert_eq!(till.state().await, AttemptState::Paid);
}

#[tokio::test]
async fn only_a_paid_attempt_is_refunded() {
    let test_database = Arc::new(TestDatabase::create());
    let not_refundable = async |till: &Till| {
        let began = till.try_to_begin(&till.new_refund(None)).await;
        assert_eq!(began, BeginRefund::NotRefundable);
    };
    for status in [
        PaymentStatus::NeedsAction,
        PaymentStatus::Processing,
        PaymentStatus::Authorised,
        PaymentStatus::NotConfirmed,
    ] {
        let till = Till {
            shop: Shop::open_in(&test_database).await,
        };
        not_refundable(&till).await;
        let plan = Plan::Become(status);
        till.shop.gateway.plan(Operation::Confirm, plan);
        assert_eq!(till.shop.collect().await.closing(), None);
        not_refundable(&till).await;
        let plan = Plan::Become(PaymentStatus::Cancelled);
        till.shop.gateway.plan(Operation::Lookup, plan);
        let settled = till.shop.settle(FencePolicy::KeepPending).await;
        assert!(till.shop.close(&settled.closing().unwrap()).await);
        assert_eq!(till.state().await, AttemptState::Voided);
        not_refundable(&till).await;
    }

    let till = Till::open_in(&test_database).await;
    let refund = till.begin(Some(1)).await;
    // Another refund is pending.
    not_refundable(&till).await;
    assert_eq!(
        till.finish(&refund, &RefundEnd::Refunded).await,
        Some(usd(1999))
    );
    till.refund(None).await;
    not_refundable(&till).await;
}

#[tokio::test]
async fn a_key_belongs_to_one_refund_whatever_its_outcome() {
    let test_database = Arc::new(TestDatabase::create());
    let till = Till::open_in(&test_database).await;
    let new = NewRefund {
        idempotency_key: key("k"),
        ..till.new_refund(Some(500))
    };
    let BeginRefund::Begun(refund) = till.try_to_begin(&new).await else {
        panic!("not begun");
    };
    let taken = async |new: NewRefund| match till.try_to_begin(&new).await {
        BeginRefund::KeyTaken(taken) => assert_eq!(taken.id, refund.id),
        other => panic!("{other:?}"),
    };
    let other_amount = NewRefund {
        idempotency_key: key("k"),
        ..till.new_refund(Some(9999))
    };
    // While the refund is pending, when it is done, and when nothing is left.
    taken(other_amount.clone()).await;
    till.finish(&refund, &RefundEnd::Refunded).await.unwrap();
    taken(other_amount.clone()).await;
    till.refund(None).await;
    taken(other_amount).await;
    assert_eq!(till.refunds().await.len(), 2);

    let mut connection = till.shop.connect().await;
    let found = find_refund_by_key(&mut connection, till.shop.tenant_id, &key("k").unwrap()).await;
    let found = found.unwrap().unwrap();
    assert_eq!((found.id, found.order_id), (refund.id, new.order_id));

    // Another tenant can use the same key.
    let elsewhere = Till::open_in(&test_database).await;
    let same_key = NewRefund {
        idempotency_key: key("k"),
        ..elsewhere.new_refund(None)
    };
    let began = elsewhere.try_to_begin(&same_key).await;
    assert!(matches!(began, BeginRefund::Begun(_)), "{began:?}");
}

#[tokio::test]
async fn a_refund_that_is_rolled_back_was_never_begun() {
    let till = Till::open().await;
    let new = NewRefund {
        idempotency_key: key("k"),
        ..till.new_refund(None)
    };
    till.begin_and_roll_back(&new).await;
    assert_eq!(till.refunds().await, []);
    assert_eq!(till.state().await, AttemptState::Paid);
    let began = till.try_to_begin(&new).await;
    assert!(matches!(began, BeginRefund::Begun(_)), "{began:?}");
}

#[tokio::test]
async fn the_money_of_a_failed_refund_can_be_refunded_again() {
    let till = Till::open().await;
    let refund = till.begin(Some(1200)).await;
    let failed = RefundEnd::Failed(RefundFailure::new("expired_or_canceled_card"));
    assert_eq!(till.finish(&refund, &failed).await, Some(usd(PRICE)));
    assert_eq!(till.state().await, AttemptState::Paid);
    let [stored] = till.refunds().await.try_into().unwrap();
    assert_eq!(stored.state, RefundState::Failed);
    let code = stored.failure_code.unwrap();
    assert_eq!(code.as_str(), "expired_or_canceled_card");

    // Its amount is available again, and the next refund has a new number.
    let again = till.begin(None).await;
    assert_eq!((again.number, again.amount), (2, usd(PRICE)));
    let rest = RefundEnd::Failed(RefundFailure::new("lost_or_stolen_card"));
    assert_eq!(till.finish(&again, &rest).await, Some(usd(PRICE)));
}

#[tokio::test]
async fn a_refund_ends_once() {
    let till = Till::open().await;
    let refund = till.begin(Some(500)).await;
    let left = till.finish(&refund, &RefundEnd::Refunded).await;
    assert_eq!(left, Some(usd(1500)));
    let failed = RefundEnd::Failed(RefundFailure::new("declined"));
    for late in [RefundEnd::Refunded, failed] {
        assert_eq!(till.finish(&refund, &late).await, None);
    }
    let [stored] = till.refunds().await.try_into().unwrap();
    assert_eq!(stored.state, RefundState::Refunded);
    assert_eq!(till.state().await, AttemptState::Paid);
}

#[tokio::test]
async fn another_tenant_cannot_see_begin_or_end_a_refund() {
    let till = Till::open().await;
    let stranger = TenantId::generate();
    let mut connection = till.shop.connect().await;
    let theirs = begin_refund(
        &mut connection,
        &InstantGateway,
        stranger,
        &till.new_refund(None),
    )
    .await;
    assert_eq!(theirs.unwrap(), BeginRefund::NotRefundable);

    let refund = till.begin(None).await;
    let seen = list_refunds(&mut connection, stranger, refund.order_id).await;
    assert_eq!(seen.unwrap(), []);
    let end = RefundEnd::Refunded;
    let ended =
        oms_payments::finish_refund(&mut connection, &InstantGateway, stranger, &refund, &end)
            .await;
    assert_eq!(ended.unwrap(), None);
    assert_eq!(till.state().await, AttemptState::Refunding);
}

#[tokio::test]
async fn an_amount_that_an_operator_accepted_can_be_refunded_in_full() {
    let shop = Shop::open().await;
    let charged = usd(2500);
    let plan = Plan::Become(PaymentStatus::Paid { amount: charged });
    shop.gateway.plan(Operation::Confirm, plan);
    assert_eq!(shop.collect().await.closing(), None);
    let settled = shop.settle(FencePolicy::CancelPending).await;
    assert_eq!(settled.closing(), None);
    let accepted = settled.accept_charged_amount(&shop.attempt).unwrap();
    assert!(shop.close(&accepted).await);
    let stored = shop.stored().await;
    assert_eq!((stored.amount, stored.captured), (usd(2000), Some(charged)));

    let till = Till { shop };
    let refund = till.begin(None).await;
    assert_eq!(refund.amount, charged);
    let end = till.execute(&refund).await.end().unwrap();
    assert_eq!(till.finish(&refund, &end).await, Some(usd(0)));
    assert_eq!(till.refunded_minor().await, 2500);
}
