//! Limits on the unpaid orders and declined payments of a customer, a tenant and a credential.

mod ways_around;

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_orders::{
    Bound, DeclineLimit, Exceeded, NotPaid, OrderBounds, OrderContext, OrderError, OrderRequest,
    OrderSettings, PayingError, PlacedOrder, PlacingError, RequestedLine, UnpaidBound,
    check_payment, pay_order, place_order,
};
use oms_payments::{DeclineCode, GatewayFault, Operation, PaymentStatus};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, Once, OrderId};
use tokio::task::yield_now;
use uuid::Uuid;

use crate::paying::{hold, method, reference};
use crate::shop::{Opening, Shop, other_tenant, settings, tenant, three_pieces};

const HOUR: Duration = Duration::from_secs(3600);

fn bounded(bounds: OrderBounds) -> OrderSettings {
    OrderSettings {
        bounds,
        ..settings()
    }
}

fn customers(orders: u64, units: u64) -> OrderBounds {
    OrderBounds {
        customer: UnpaidBound { orders, units },
        ..OrderBounds::NONE
    }
}

fn tenants(orders: u64, units: u64) -> OrderBounds {
    OrderBounds {
        tenant: UnpaidBound { orders, units },
        ..OrderBounds::NONE
    }
}

fn declines(per_customer: u64, per_credential: u64) -> OrderBounds {
    OrderBounds {
        declines: DeclineLimit {
            window: HOUR,
            per_customer,
            per_credential,
        },
        ..OrderBounds::NONE
    }
}

/// Three units for a customer that other tests don't use.
fn of_customer(number: u128) -> OrderRequest {
    OrderRequest {
        customer_id: Uuid::from_u128(0xC000 + number).into(),
        ..three_pieces()
    }
}

async fn place(
    context: &Arc<OrderContext>,
    key: &str,
    request: &OrderRequest,
) -> Result<PlacedOrder, PlacingError> {
    let key = IdempotencyKey::parse(key).unwrap();
    place_order(context, tenant(), &key, request, "api").await
}

/// The limit that was reached.
fn bound(placed: &Result<PlacedOrder, PlacingError>) -> Option<Bound> {
    match placed {
        Err(PlacingError::Exceeded(exceeded)) => Some(exceeded.bound),
        _ => None,
    }
}

async fn asking(bounds: OrderBounds) -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::AsksTheCustomer,
        settings: bounded(bounds),
        pieces: 1000,
        clock: None,
    })
    .await
}

async fn declining(bounds: OrderBounds) -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::Declines,
        settings: bounded(bounds),
        pieces: 1000,
        clock: Some(TestClock::at_noon()),
    })
    .await
}

/// `orders units calls`: number of orders, of units held, and of gateway calls.
async fn kept(shop: &Shop) -> String {
    let sql = "SELECT concat_ws(' ', (SELECT count(*) FROM orders.orders),
                   (SELECT sum(reserved) FROM inventory.stock_levels),
                   (SELECT count(*) FROM payments.gateway_calls))";
    shop.text(sql).await
}

async fn assert_declined(shop: &Shop, key: &str, request: &OrderRequest) {
    let declined = place(&shop.context, key, request).await;
    assert!(
        matches!(declined, Err(PlacingError::NotPaid(NotPaid::Failed { .. }))),
        "{declined:?}"
    );
}

#[tokio::test]
async fn a_customer_with_too_many_unpaid_orders_is_refused_and_nothing_is_kept() {
    let shop = asking(customers(2, 0)).await;
    let first = shop.pending("k1").await;
    shop.pending("k2").await;
    let before = kept(&shop).await;
    let refused = shop.order("k3").await;
    let Err(PlacingError::Exceeded(exceeded)) = refused else {
        panic!("not refused: {refused:?}");
    };
    let least = Exceeded {
        bound: Bound::CustomerOrders,
        most: 2,
        retry_after: Duration::from_secs(60),
    };
    assert_eq!(exceeded, least);
    assert_eq!(kept(&shop).await, before);
    assert_eq!(shop.context.exceeded(Bound::CustomerOrders), 1);

    // Other customers are not affected, and a key that stands for an order is answered as always.
    let other = place(&shop.context, "other", &of_customer(1)).await;
    assert!(matches!(other, Ok(PlacedOrder::Pending(_))), "{other:?}");
    let replayed = shop.order("k1").await;
    assert!(
        matches!(replayed, Ok(PlacedOrder::PendingBefore(_))),
        "{replayed:?}"
    );
    shop.cancel(first).await.unwrap();
    shop.pending("k3").await;
    assert_eq!(bound(&shop.order("k4").await), Some(Bound::CustomerOrders));
}

#[tokio::test]
async fn a_paid_order_does_not_count() {
    let shop = Shop::open_with(Confirm::Pays, bounded(customers(1, 3))).await;
    for key in ["k1", "k2", "k3"] {
        shop.paid(key).await;
    }
}

#[tokio::test]
async fn the_units_of_unpaid_orders_and_of_a_single_order_are_limited() {
    let shop = asking(customers(0, 7)).await;
    let eight = OrderRequest {
        lines: three_pieces()
            .lines
            .into_iter()
            .map(|line| RequestedLine {
                quantity: 8,
                ..line
            })
            .collect(),
        ..three_pieces()
    };
    let alone = place(&shop.context, "k0", &eight).await;
    assert_eq!(bound(&alone), Some(Bound::OrderUnits));
    shop.pending("k1").await;
    shop.pending("k2").await;
    assert_eq!(bound(&shop.order("k3").await), Some(Bound::CustomerUnits));
    assert_eq!(kept(&shop).await.split(' ').nth(1), Some("6"));
}

/// Makes orders of one customer wait on each of these instances, the first of each in its own batch and the others
/// together in the next, until all have arrived.
async fn place_at_once(
    shop: &Shop,
    instances: &[Arc<OrderContext>],
    each: u64,
) -> Vec<Result<PlacedOrder, PlacingError>> {
    let mut holder = shop.database.connect().await;
    holder
        .batch_execute("BEGIN; LOCK TABLE inventory.prices")
        .await
        .unwrap();
    let mut placing = Vec::new();
    for (number, context) in instances.iter().enumerate() {
        for order in 0..each {
            let context = context.clone();
            placing.push(tokio::spawn(async move {
                place(&context, &format!("{number}-{order}"), &three_pieces()).await
            }));
        }
    }
    let come = |context: &OrderContext| {
        let counts = context.batch_counts().arrivals;
        counts.items + counts.waiting
    };
    while instances.iter().any(|it| come(it) < each) {
        yield_now().await;
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    let mut placed = Vec::new();
    for one in placing {
        placed.push(one.await.unwrap());
    }
    placed
}

fn pending(placed: &[Result<PlacedOrder, PlacingError>]) -> usize {
    let is_pending = |it: &&Result<_, _>| matches!(it, Ok(PlacedOrder::Pending(_)));
    placed.iter().filter(is_pending).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_one_customer_in_one_batch_are_counted_one_at_a_time() {
    let shop = asking(customers(5, 0)).await;
    let placed = place_at_once(&shop, std::slice::from_ref(&shop.context), 20).await;
    assert_eq!(pending(&placed), 5, "{placed:?}");
    let refused = placed
        .iter()
        .filter(|it| bound(it) == Some(Bound::CustomerOrders));
    assert_eq!(refused.count(), 15, "{placed:?}");
    assert_eq!(kept(&shop).await.split(' ').nth(1), Some("15"));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_one_customer_on_several_instances_are_counted_one_at_a_time() {
    let shop = asking(customers(5, 0)).await;
    let instances = [
        shop.context.clone(),
        shop.another_context(),
        shop.another_context(),
    ];
    let placed = place_at_once(&shop, &instances, 8).await;
    assert_eq!(pending(&placed), 5, "{placed:?}");
    let refused = placed
        .iter()
        .filter(|it| bound(it) == Some(Bound::CustomerOrders));
    assert_eq!(refused.count(), 19, "{placed:?}");
    assert_eq!(kept(&shop).await.split(' ').nth(1), Some("15"));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_counted_one_order_at_a_time_on_several_instances() {
    let shop = asking(customers(0, 10)).await;
    let instances = [shop.context.clone(), shop.another_context()];
    let placed = place_at_once(&shop, &instances, 6).await;
    assert_eq!(pending(&placed), 3, "{placed:?}");
    assert_eq!(kept(&shop).await.split(' ').nth(1), Some("9"));
}

#[tokio::test]
async fn the_unpaid_orders_and_units_of_a_tenant_are_limited_over_all_customers() {
    for (bounds, met) in [
        (tenants(2, 0), Bound::TenantOrders),
        (tenants(0, 8), Bound::TenantUnits),
    ] {
        let shop = asking(bounds).await;
        for number in 1..=2 {
            let placed = place(&shop.context, &format!("k{number}"), &of_customer(number)).await;
            assert!(matches!(placed, Ok(PlacedOrder::Pending(_))), "{placed:?}");
        }
        let refused = place(&shop.context, "k3", &of_customer(3)).await;
        assert_eq!(bound(&refused), Some(met));
        // A newly started instance counts them too.
        let started = shop.another_context();
        let refused = place(&started, "k4", &of_customer(4)).await;
        assert_eq!(bound(&refused), Some(met));
        shop.stock(other_tenant(), 10).await;
        let elsewhere = shop.order_in(other_tenant(), "k").await;
        assert!(
            matches!(elsewhere, Ok(PlacedOrder::Pending(_))),
            "{elsewhere:?}"
        );
    }
}

#[tokio::test]
async fn a_customer_whose_payments_are_declined_is_refused_before_the_gateway_is_called() {
    let shop = declining(declines(3, 0)).await;
    for key in ["k1", "k2", "k3"] {
        assert_declined(&shop, key, &three_pieces()).await;
    }
    let before = kept(&shop).await;
    let refused = shop.order("k4").await;
    let Err(PlacingError::Exceeded(exceeded)) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(exceeded.bound, Bound::CustomerDeclines);
    assert_eq!(exceeded.retry_after, HOUR);
    // Neither a restart nor another instance lifts the limit.
    let refused = place(&shop.another_context(), "k5", &three_pieces()).await;
    assert_eq!(bound(&refused), Some(Bound::CustomerDeclines));
    assert_eq!(kept(&shop).await, before);
    // An earlier decline is answered as always.
    assert_declined(&shop, "k1", &three_pieces()).await;
    assert_declined(&shop, "other", &of_customer(1)).await;

    shop.pass(HOUR + Duration::from_secs(1));
    assert_declined(&shop, "k4", &three_pieces()).await;
}

#[tokio::test]
async fn a_credential_whose_payments_are_declined_is_refused_whatever_the_customer() {
    let shop = declining(declines(0, 2)).await;
    assert_declined(&shop, "k1", &of_customer(1)).await;
    assert_declined(&shop, "k2", &of_customer(2)).await;
    let before = kept(&shop).await;
    let refused = place(&shop.context, "k3", &of_customer(3)).await;
    assert_eq!(bound(&refused), Some(Bound::CredentialDeclines));
    let refused = place(&shop.another_context(), "k4", &of_customer(4)).await;
    assert_eq!(bound(&refused), Some(Bound::CredentialDeclines));
    assert_eq!(kept(&shop).await, before);
}

#[tokio::test]
async fn gateway_failures_and_successful_payments_are_not_declines() {
    let shop = declining(declines(1, 1)).await;
    shop.gateway
        .fail(Operation::Prepare, Some(GatewayFault::NoConnection));
    for number in 0..3 {
        let failed = shop.order(&format!("f{number}")).await;
        assert!(
            matches!(failed, Err(PlacingError::Order(OrderError::Payment(_)))),
            "{failed:?}"
        );
    }
    shop.gateway.fail(Operation::Prepare, None);
    shop.gateway.confirms(Confirm::Pays);
    for number in 0..3 {
        shop.paid(&format!("p{number}")).await;
    }
    shop.gateway.confirms(Confirm::AsksTheCustomer);
    let abandoned = shop.pending("abandoned").await;
    shop.cancel(abandoned).await.unwrap();
    shop.gateway.confirms(Confirm::Pays);
    shop.paid("last").await;
}

async fn pay(shop: &Shop, order_id: OrderId, key: &str) -> Result<Once<PlacedOrder>, PayingError> {
    let key = IdempotencyKey::parse(key).unwrap();
    let method = method("pm_card_mastercard");
    pay_order(&shop.context, tenant(), order_id, &key, &method, "api").await
}

#[tokio::test]
async fn declines_of_another_method_for_the_same_order_count_too() {
    let shop = Shop::open_with(
        Confirm::Declines,
        OrderSettings {
            bounds: declines(2, 0),
            ..hold()
        },
    )
    .await;
    let Err(PlacingError::NotPaid(NotPaid::Unpaid { order_id, .. })) = shop.order("k").await else {
        panic!("not held");
    };
    let second = pay(&shop, order_id, "p1").await;
    assert!(
        matches!(second, Err(PayingError::NotPaid(NotPaid::Unpaid { .. }))),
        "{second:?}"
    );
    let before = kept(&shop).await;
    let third = pay(&shop, order_id, "p2").await;
    let Err(PayingError::Exceeded(exceeded)) = third else {
        panic!("not refused: {third:?}");
    };
    assert_eq!(exceeded.bound, Bound::CustomerDeclines);
    assert_eq!(
        bound(&shop.order("k2").await),
        Some(Bound::CustomerDeclines)
    );
    assert_eq!(kept(&shop).await, before);
    assert_eq!(shop.context.exceeded(Bound::CustomerDeclines), 2);
}

#[tokio::test]
async fn a_payment_that_is_declined_after_the_customer_acted_counts() {
    let shop = asking(declines(1, 0)).await;
    let order_id = shop.pending("k1").await;
    let code = DeclineCode::new("authentication_failed");
    let status = PaymentStatus::Declined { code };
    shop.gateway.set_status(&reference(order_id, 1), status);
    let key = IdempotencyKey::parse("done").unwrap();
    let done = check_payment(&shop.context, tenant(), order_id, &key, "api").await;
    assert!(
        matches!(done, Err(PayingError::NotPaid(NotPaid::Failed { .. }))),
        "{done:?}"
    );
    assert_eq!(
        bound(&shop.order("k2").await),
        Some(Bound::CustomerDeclines)
    );
}
