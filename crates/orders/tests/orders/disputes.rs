//! Payments that customers dispute at their bank.

use oms_orders::{
    Cancellation, Disputed, OrderFilter, OrderListing, OrderSort, OrderStatus, Refunded,
    RequestedRefund, ReversingError, get_order, list_orders, refund_order, sweep_orders,
};
use oms_payments::{DisputeState, Operation, Reference};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{IdempotencyKey, OrderId, PageSize};

use crate::elsewhere::{compare, findings, reference, refunds, report};
use crate::shop::{Shop, tenant, usd};

pub async fn disputed(shop: &Shop, by_webhook: bool) -> OrderId {
    let order_id = shop.paid("k").await;
    shop.gateway
        .dispute(&reference(order_id), usd(300), DisputeState::NeedsResponse);
    match by_webhook {
        true => drop(report(shop, "charge.dispute.created", order_id).await),
        false => drop(compare(shop).await),
    }
    order_id
}

/// The gateway reports another state of the dispute.
async fn goes_on(shop: &Shop, order_id: OrderId, state: DisputeState, kind: &str) {
    shop.gateway.dispute(&reference(order_id), usd(300), state);
    report(shop, kind, order_id).await;
}

async fn listed(shop: &Shop, disputed: bool) -> Vec<OrderId> {
    let listing = OrderListing {
        filter: OrderFilter {
            disputed: Some(disputed),
            ..OrderFilter::default()
        },
        sort: OrderSort::NewestFirst,
    };
    let page = list_orders(&shop.context, tenant(), &listing, None, PageSize::DEFAULT).await;
    page.unwrap()
        .page
        .items
        .iter()
        .map(|order| order.id)
        .collect()
}

#[tokio::test]
async fn a_dispute_is_shown_in_the_order_its_timeline_a_finding_and_a_filter() {
    for by_webhook in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = disputed(&shop, by_webhook).await;
        let other = shop.paid("l").await;
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let dispute = &details.disputes[0];
        assert_eq!(dispute.reference, Reference::parse("du_0").unwrap());
        assert_eq!(dispute.state, DisputeState::NeedsResponse);
        assert_eq!(
            (dispute.amount, dispute.reason.as_str()),
            (usd(300), "fraudulent")
        );
        assert!(dispute.evidence_due_at.is_some());
        assert_eq!(details.order.status, OrderStatus::Paid);
        assert_eq!(findings(&shop).await, "payment_disputed open + 1 alerts");
        assert_eq!(listed(&shop, true).await, [order_id]);
        assert_eq!(listed(&shop, false).await, [other]);
        let told = "SELECT count(*) FROM orders.events WHERE actor = 'gateway' AND reason LIKE 'dispute du_0 %'";
        assert_eq!(shop.text(told).await, "1");
        // It is reported once.
        report(&shop, "charge.dispute.funds_withdrawn", order_id).await;
        compare(&shop).await;
        assert_eq!(shop.text(told).await, "1");
    }
}

#[tokio::test]
async fn a_disputed_payment_is_refunded_only_if_the_request_insists() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = disputed(&shop, true).await;
    let before = shop.state().await;
    let cancelled = shop.cancel(order_id).await;
    assert!(
        matches!(cancelled, Err(ReversingError::PaymentDisputed { .. })),
        "{cancelled:?}"
    );
    let refunded = shop.refund(order_id, "a", None).await;
    assert!(
        matches!(refunded, Err(ReversingError::PaymentDisputed { .. })),
        "{refunded:?}"
    );
    assert_eq!(shop.state().await, before);
    assert_eq!(shop.gateway.net_minor(), 300);

    let request = RequestedRefund {
        what: Refunded::Amount(usd(100)),
        reason: None,
        disputed: Disputed::Refund,
    };
    let key = IdempotencyKey::parse("a").unwrap();
    let asked = refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await;
    assert!(asked.is_ok(), "{asked:?}");
    assert_eq!(shop.gateway.net_minor(), 200);
}

#[tokio::test]
async fn the_sweeper_leaves_a_cancellation_that_is_disputed_meanwhile_to_an_operator() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.gateway.refunds(Refunding::IsRefused);
    let cancelled = shop.cancel(order_id).await.unwrap();
    assert!(
        matches!(cancelled, Cancellation::InProgress(_)),
        "{cancelled:?}"
    );
    goes_on(
        &shop,
        order_id,
        DisputeState::NeedsResponse,
        "charge.dispute.created",
    )
    .await;
    // Booking it has made the cancellation due for the sweeper again, which must not refund.
    shop.gateway.refunds(Refunding::Pays);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    assert_eq!(shop.gateway.net_minor(), 300);

    // After a decision the sweeper can continue.
    goes_on(&shop, order_id, DisputeState::Won, "charge.dispute.closed").await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().cancelled, 1);
    assert_eq!(shop.gateway.net_minor(), 0);
}

#[tokio::test]
async fn a_lost_dispute_takes_the_money_and_the_order_shows_it() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = disputed(&shop, true).await;
    goes_on(
        &shop,
        order_id,
        DisputeState::UnderReview,
        "charge.dispute.updated",
    )
    .await;
    goes_on(&shop, order_id, DisputeState::Lost, "charge.dispute.closed").await;
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.disputes[0].state, DisputeState::Lost);
    assert_eq!(details.order.status, OrderStatus::Refunded);
    assert_eq!(refunds(&shop).await, "dispute refunded 300");
    assert!(shop.state().await.starts_with("REFUNDED 0 "));
    // An operator must see that the money is gone, and nothing is refunded again.
    assert_eq!(findings(&shop).await, "payment_disputed open + 2 alerts");
    compare(&shop).await;
    assert_eq!(findings(&shop).await, "payment_disputed open + 2 alerts");
    assert_eq!(shop.gateway.calls_of(Operation::RefundCharge), 0);
    assert_eq!(shop.gateway.net_minor(), 300);
}

#[tokio::test]
async fn a_won_dispute_and_a_closed_inquiry_move_no_money() {
    for (open, closed) in [
        (DisputeState::NeedsResponse, DisputeState::Won),
        (
            DisputeState::WarningNeedsResponse,
            DisputeState::WarningClosed,
        ),
    ] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        goes_on(&shop, order_id, open, "charge.dispute.created").await;
        goes_on(&shop, order_id, closed, "charge.dispute.closed").await;
        assert_eq!(findings(&shop).await, "payment_disputed gateway + 1 alerts");
        assert_eq!(refunds(&shop).await, "");
        let cancelled = shop.cancel(order_id).await.unwrap();
        assert!(matches!(cancelled, Cancellation::Done(_)), "{cancelled:?}");
        assert_eq!(shop.gateway.net_minor(), 0);
    }
}

#[tokio::test]
async fn money_that_returns_after_a_lost_dispute_is_won_needs_an_operator() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = disputed(&shop, true).await;
    goes_on(&shop, order_id, DisputeState::Lost, "charge.dispute.closed").await;
    goes_on(&shop, order_id, DisputeState::Won, "charge.dispute.closed").await;
    assert_eq!(refunds(&shop).await, "dispute failed 300");
    let state = shop.state().await;
    assert!(
        state.starts_with("REFUNDED 0 ") && state.ends_with(" paid 0"),
        "{state}"
    );
    assert_eq!(findings(&shop).await, "payment_disputed open + 3 alerts");
}
