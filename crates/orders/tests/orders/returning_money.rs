//! The money of returns when the gateway, the bank or other refunds are in the way.

use oms_fulfilment::{OrderReturnStatus, ReturnStatus};
use oms_orders::{
    Disputed, OrderStatus, RefundedOrder, ReturningError, ReturnsPass, ReversingError,
    cancel_unshipped, refund_return, settle_returns, sweep_orders,
};
use oms_payments::DisputeState;
use oms_testing::gateway::{Confirm, Refunding};

use crate::elsewhere::{compare, reference, report};
use crate::returning::restocked;
use crate::shipping::key;
use crate::shop::{Shop, tenant, usd};

#[tokio::test]
async fn a_gateway_that_does_not_answer_keeps_nothing_from_being_received() {
    for refunding in [Refunding::IsLost, Refunding::PaysSilently] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.delivered("k", 3).await;
        let id = shop.approved(order_id, 1).await;
        shop.gateway.refunds(refunding);
        let it = shop.receive(id, restocked(1)).await.unwrap();
        assert_eq!(it.status, ReturnStatus::Closed);
        assert_eq!(shop.stock_counts().await, "8 0 0");
        assert_eq!(
            shop.money(order_id).await.0,
            OrderStatus::Refunding,
            "{refunding:?}"
        );
        shop.assert_sound().await;
        // Another parcel arrives meanwhile. Its credit waits.
        let second = shop.approved(order_id, 1).await;
        shop.receive(second, restocked(1)).await.unwrap();
        assert_eq!(shop.money(order_id).await.1, [100, 300, -200]);
        shop.gateway.refunds(Refunding::Pays);
        for _ in 0..2 {
            sweep_orders(&shop.context).await.unwrap();
        }
        assert_eq!(
            shop.money(order_id).await,
            (OrderStatus::Paid, [100, 100, 0])
        );
        assert_eq!(shop.refunds().await, "refunded 100, refunded 100");
        assert_eq!(shop.gateway.given_back(&reference(order_id)), 200);
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn what_the_bank_rejects_stays_owed_until_an_operator_refunds_it() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    shop.gateway.refunds(Refunding::IsRefused);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    shop.assert_sound().await;
    let refund = async |name: &str| {
        refund_return(
            &shop.context,
            tenant(),
            id,
            &key(name),
            Disputed::Refuse,
            "api:ann",
        )
        .await
    };
    let refused = refund("r1").await;
    let is_refused = matches!(
        refused,
        Err(ReturningError::Money(ReversingError::RefundRefused { .. }))
    );
    assert!(is_refused, "{refused:?}");
    shop.gateway.refunds(Refunding::Pays);
    let refunded = refund("r2").await.unwrap();
    assert!(
        matches!(refunded, RefundedOrder::Refunded(..)),
        "{refunded:?}"
    );
    let again = refund("r2").await.unwrap();
    assert!(
        matches!(again, RefundedOrder::RefundedBefore(..)),
        "{again:?}"
    );
    let nothing = refund("r3").await;
    assert!(
        matches!(nothing, Err(ReturningError::NothingOwed)),
        "{nothing:?}"
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_fails_later_is_owed_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    let name = shop.text("SELECT reference FROM payments.refunds").await;
    let name = oms_payments::Reference::parse(&name).unwrap();
    assert!(shop.gateway.fail_refund(&name));
    report(&shop, "refund.failed", order_id).await;
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    shop.assert_sound().await;
    let refunded = refund_return(
        &shop.context,
        tenant(),
        id,
        &key("r"),
        Disputed::Refuse,
        "api",
    )
    .await;
    assert!(
        matches!(refunded, Ok(RefundedOrder::Refunded(..))),
        "{refunded:?}"
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    assert_eq!(shop.stock_counts().await, "8 0 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_disputed_payment_waits_for_an_operator() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(300), state);
    dispute(DisputeState::NeedsResponse);
    drop(compare(&shop).await);
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 300, -100])
    );
    let mut pass = ReturnsPass::default();
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .refunds,
        0
    );
    let refund = async |name: &str, disputed| {
        refund_return(&shop.context, tenant(), id, &key(name), disputed, "api").await
    };
    let refused = refund("a", Disputed::Refuse).await;
    let is_refused = matches!(
        refused,
        Err(ReturningError::Money(
            ReversingError::PaymentDisputed { .. }
        ))
    );
    assert!(is_refused, "{refused:?}");
    dispute(DisputeState::Won);
    report(&shop, "charge.dispute.closed", order_id).await;
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .refunds,
        1
    );
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn other_refunds_leave_the_money_for_returns_and_one_of_the_rest_pays_them_out() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 1).await;
    let dispute = |state| shop.gateway.dispute(&reference(order_id), usd(300), state);
    dispute(DisputeState::NeedsResponse);
    drop(compare(&shop).await);
    shop.receive(id, restocked(1)).await.unwrap();
    dispute(DisputeState::Won);
    let too_much = shop.refund(order_id, "a", Some(201)).await;
    let is_refused = matches!(
        too_much,
        Err(ReversingError::RefundExceedsCaptured { available }) if available == usd(200)
    );
    assert!(is_refused, "{too_much:?}");
    for is_new in [true, false] {
        let rest = shop.refund(order_id, "c", None).await.unwrap();
        let is_as_expected = match rest {
            RefundedOrder::Refunded(refund, _) => is_new && refund.amount == usd(300),
            RefundedOrder::RefundedBefore(refund, _) => !is_new && refund.amount == usd(300),
            RefundedOrder::Pending(..) => false,
        };
        assert!(is_as_expected);
    }
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn money_that_was_refunded_before_is_not_refunded_for_the_return() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    shop.refund(order_id, "goodwill", Some(150)).await.unwrap();
    let id = shop.approved(order_id, 3).await;
    shop.receive(id, restocked(3)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 150, refunded 150");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    shop.assert_sound().await;
    let other = shop.delivered("l", 3).await;
    shop.refund(other, "all", None).await.unwrap();
    let id = shop.approved(other, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.money(other).await, (OrderStatus::Refunded, [0, 0, 0]));
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_rest_of_an_order_is_cancelled_after_a_part_of_it_came_back() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 1).await;
    let id = shop.approved(order_id, 1).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
    let rest = cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api").await;
    rest.unwrap();
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Refunded, [0, 0, 0])
    );
    assert_eq!(shop.stock_counts().await, "10 0 0");
    assert_eq!(
        shop.return_status(order_id).await,
        OrderReturnStatus::Returned
    );
    shop.assert_sound().await;
}
