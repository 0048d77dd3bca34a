//! Ways to hold more unpaid stock than a limit allows, or to have declines not counted; and honest orders that a limit
//! must not refuse.

use oms_orders::{
    Cancellation, DeadLetter, NotPaid, PlacingError, Reason, Verdict, create_dead_letter,
    resolve_dead_letter, retry_dead_letter, sweep_orders,
};
use oms_testing::gateway::Refunding;
use oms_validation::OperatorName;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

async fn processing(bounds: OrderBounds) -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::IsProcessed,
        settings: bounded(bounds),
        pieces: 1000,
        clock: None,
    })
    .await
}

fn decline(shop: &Shop, order_id: OrderId, attempt: i32) {
    let code = DeclineCode::new("stolen_card");
    let status = PaymentStatus::Declined { code };
    shop.gateway
        .set_status(&reference(order_id, attempt), status);
}

async fn place_as(shop: &Shop, actor: &str, key: &str, customer: u128) -> Option<OrderId> {
    let (key, request) = (IdempotencyKey::parse(key).unwrap(), of_customer(customer));
    match place_order(&shop.context, tenant(), &key, &request, actor).await {
        Ok(PlacedOrder::Pending(order)) => Some(order.order_id),
        Err(PlacingError::NotPaid(NotPaid::Unpaid { order_id, .. })) => Some(order_id),
        Err(PlacingError::Exceeded(exceeded)) => {
            assert_eq!(exceeded.bound, Bound::CredentialDeclines);
            None
        }
        other => panic!("neither placed nor refused: {other:?}"),
    }
}

/// The actors of the declines, oldest first.
async fn decliners(shop: &Shop) -> String {
    let sql =
        "SELECT coalesce(string_agg(actor, ' ' ORDER BY declined_at), '') FROM orders.declines";
    shop.text(sql).await
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn reason() -> Reason {
    Reason::parse("the bank does not answer").unwrap()
}

async fn leave_to_operator(shop: &Shop, order_id: OrderId) -> DeadLetter {
    let (ann, reason) = (ann(), reason());
    let created = create_dead_letter(&shop.context, tenant(), order_id, None, &ann, &reason);
    created.await.unwrap().into_inner()
}

async fn resolve(shop: &Shop, dead_letter: &DeadLetter, verdict: Verdict) {
    let id = dead_letter.id;
    resolve_dead_letter(
        &shop.context,
        tenant(),
        id,
        None,
        verdict,
        &ann(),
        &reason(),
    )
    .await
    .unwrap();
}

async fn assert_cancelling(shop: &Shop, order_id: OrderId) {
    let cancelled = shop.cancel(order_id).await.unwrap();
    assert!(
        matches!(cancelled, Cancellation::InProgress(_)),
        "{cancelled:?}"
    );
}

#[tokio::test]
async fn a_decline_counts_when_its_order_is_cancelled() {
    let shop = asking(declines(1, 0)).await;
    let order_id = shop.pending("k1").await;
    decline(&shop, order_id, 1);
    let cancelled = shop.cancel(order_id).await.unwrap();
    assert!(matches!(cancelled, Cancellation::Done(_)), "{cancelled:?}");
    assert_eq!(
        bound(&shop.order("k2").await),
        Some(Bound::CustomerDeclines)
    );
}

#[tokio::test]
async fn a_decline_counts_when_an_operator_settles_its_order() {
    let elsewhere = Verdict::SettledElsewhere { confirmed: true };
    for verdict in [elsewhere, Verdict::Failed] {
        let shop = asking(declines(1, 1)).await;
        let order_id = shop.pending("k1").await;
        let dead_letter = leave_to_operator(&shop, order_id).await;
        decline(&shop, order_id, 1);
        resolve(&shop, &dead_letter, verdict).await;
        assert_eq!(decliners(&shop).await, "api");
        assert_eq!(
            bound(&shop.order("k2").await),
            Some(Bound::CredentialDeclines)
        );
        let (key, request) = (IdempotencyKey::parse("k3").unwrap(), three_pieces());
        let other = place_order(&shop.context, tenant(), &key, &request, "api:other");
        assert_eq!(bound(&other.await), Some(Bound::CustomerDeclines));
    }
}

#[tokio::test]
async fn a_decline_that_the_sweeper_finds_counts_against_the_credential_that_placed_the_order() {
    let shop = asking(declines(0, 1)).await;
    let order_id = place_as(&shop, "api:web", "k1", 1).await.unwrap();
    decline(&shop, order_id, 1);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    assert_eq!(decliners(&shop).await, "api:web");
    assert_eq!(place_as(&shop, "api:web", "k2", 2).await, None);
    assert!(place_as(&shop, "api:app", "k3", 3).await.is_some());
}

#[tokio::test]
async fn a_decline_counts_against_the_credential_that_started_the_attempt() {
    let shop = Shop::open_with(
        Confirm::AsksTheCustomer,
        OrderSettings {
            bounds: declines(0, 10),
            ..hold()
        },
    )
    .await;
    let order_id = place_as(&shop, "api:web", "k", 1).await.unwrap();
    decline(&shop, order_id, 1);
    let (key, card) = (IdempotencyKey::parse("p").unwrap(), method("pm_card_amex"));
    pay_order(&shop.context, tenant(), order_id, &key, &card, "api:app")
        .await
        .unwrap();
    assert_eq!(decliners(&shop).await, "api:web");
    decline(&shop, order_id, 2);
    assert_eq!(sweep_orders(&shop.context).await.unwrap().tries(), 1);
    assert_eq!(decliners(&shop).await, "api:web api:app");
}

#[tokio::test]
async fn an_unpaid_order_counts_while_it_is_cancelled_until_its_stock_is_released() {
    for bounds in [customers(2, 0), customers(0, 6), tenants(2, 0)] {
        let shop = processing(bounds).await;
        let first = shop.pending("k1").await;
        assert_cancelling(&shop, first).await;
        let second = shop.pending("k2").await;
        assert_cancelling(&shop, second).await;
        assert!(bound(&shop.order("k3").await).is_some());
        assert_eq!(kept(&shop).await.split(' ').nth(1), Some("6"));
        shop.gateway
            .set_status(&reference(first, 1), PaymentStatus::Cancelled);
        assert_eq!(sweep_orders(&shop.context).await.unwrap().cancelled, 1);
        shop.pending("k3").await;
    }
}

#[tokio::test]
async fn a_paid_order_that_is_being_cancelled_does_not_count() {
    let shop = Shop::open_as(Opening {
        settings: bounded(customers(1, 3)),
        pieces: 1000,
        ..Opening::default()
    })
    .await;
    let order_id = shop.paid("k1").await;
    shop.gateway.refunds(Refunding::IsLost);
    assert_cancelling(&shop, order_id).await;
    shop.paid("k2").await;

    // Nor does an order whose payment turns out to be taken.
    shop.gateway.confirms(Confirm::PaysSilently);
    let order_id = shop.pending("k3").await;
    assert_cancelling(&shop, order_id).await;
    shop.pending("k4").await;
}

#[tokio::test]
async fn an_order_that_is_left_to_an_operator_counts_until_it_is_resolved() {
    for bounds in [customers(1, 0), customers(0, 3), tenants(1, 0)] {
        let shop = asking(bounds).await;
        let order_id = shop.pending("k1").await;
        let dead_letter = leave_to_operator(&shop, order_id).await;
        assert!(bound(&shop.order("k2").await).is_some());
        let id = dead_letter.id;
        retry_dead_letter(&shop.context, tenant(), id, None, &ann())
            .await
            .unwrap();
        assert!(bound(&shop.order("k2").await).is_some());
        let dead_letter = leave_to_operator(&shop, order_id).await;
        assert!(bound(&shop.order("k2").await).is_some());
        resolve(&shop, &dead_letter, Verdict::Failed).await;
        shop.pending("k2").await;
        let kept = "SELECT count(*) FROM orders.dead_letters WHERE customer_id IS NOT NULL";
        assert_eq!(shop.text(kept).await, "0");
    }
}

#[tokio::test]
async fn a_cancellation_that_an_operator_retries_counts_only_if_it_is_unpaid() {
    let shop = processing(customers(1, 0)).await;
    let order_id = shop.pending("k1").await;
    assert_cancelling(&shop, order_id).await;
    let id = leave_to_operator(&shop, order_id).await.id;
    retry_dead_letter(&shop.context, tenant(), id, None, &ann())
        .await
        .unwrap();
    assert!(bound(&shop.order("k2").await).is_some());

    let shop = Shop::open_with(Confirm::Pays, bounded(customers(1, 0))).await;
    let order_id = shop.paid("k1").await;
    shop.gateway.refunds(Refunding::IsLost);
    assert_cancelling(&shop, order_id).await;
    let id = leave_to_operator(&shop, order_id).await.id;
    retry_dead_letter(&shop.context, tenant(), id, None, &ann())
        .await
        .unwrap();
    shop.paid("k2").await;
}

#[tokio::test]
async fn immediately_paid_orders_never_reach_the_limit_of_a_tenant() {
    for bounds in [tenants(2, 0), tenants(0, 6)] {
        let shop = Shop::open_as(Opening {
            settings: bounded(bounds),
            pieces: 1000,
            ..Opening::default()
        })
        .await;
        for number in 0..20 {
            let placed = place(&shop.context, &format!("k{number}"), &of_customer(number)).await;
            assert!(matches!(placed, Ok(PlacedOrder::Paid(_))), "{placed:?}");
        }
        shop.gateway.confirms(Confirm::AsksTheCustomer);
        for key in ["a", "b"] {
            shop.pending(key).await;
        }
        let Err(PlacingError::Exceeded(exceeded)) = shop.order("c").await else {
            panic!("not refused");
        };
        assert_eq!(exceeded.retry_after, Duration::from_secs(1));
    }
}

#[tokio::test]
async fn with_more_declines_than_the_limit_the_newest_ones_decide_when_to_retry() {
    let shop = declining(declines(10, 0)).await;
    for key in ["k1", "k2", "k3"] {
        assert_declined(&shop, key, &three_pieces()).await;
        shop.pass(10 * MINUTE);
    }
    let stricter = shop.another_context_with(bounded(declines(2, 0)));
    let refused = place(&stricter, "k4", &three_pieces()).await;
    let Err(PlacingError::Exceeded(exceeded)) = refused else {
        panic!("not refused: {refused:?}");
    };
    // Twenty and ten minutes ago: the older one must leave the window.
    assert_eq!(exceeded.retry_after, 40 * MINUTE);
}
