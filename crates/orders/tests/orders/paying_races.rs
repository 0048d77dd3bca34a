//! Races for an order that waits for its payment: its customer, other methods, the sweeper at the deadline, gateway
//! events and a storefront that gives up. The order is charged at most once, and never by two payments at a time.

use std::sync::Arc;
use std::time::Duration;

use oms_orders::{
    NotPaid, OrderContext, OrderSettings, PayingError, PlacedOrder, PlacingError, ReversingError,
    cancel_order, check_payment, pay_order, sweep_orders,
};
use oms_payments::PaymentStatus;
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, Once, OrderId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::paying::{hold, method, reference};
use crate::shop::{Opening, Shop, tenant};

/// Number of rounds of each race.
const ROUNDS: usize = 12;
/// Number of concurrent payments with other methods.
const RIVALS: usize = 4;

#[derive(Clone, Copy)]
enum Rival {
    /// Pays with another method.
    Payer(usize),
    /// Finishes the first payment in the browser.
    Customer,
    /// Reports that the customer is done, as a gateway event does.
    Storefront,
    /// Settles the order, at or before its deadline.
    Sweeper,
    /// Cancels the order.
    Canceller,
}

impl Rival {
    async fn run(self, shop: &Shop, context: Arc<OrderContext>, order_id: OrderId, round: usize) {
        let tenant = tenant();
        match self {
            Self::Payer(number) => {
                let key = IdempotencyKey::parse(&format!("p{round}.{number}")).unwrap();
                let method = method("pm_card_mastercard");
                let paid = pay_order(&context, tenant, order_id, &key, &method, "api").await;
                assert_expected(&paid.map(Once::into_inner));
            }
            Self::Customer => {
                let first = reference(order_id, 1);
                let amount = shop.gateway.asked(&first);
                shop.gateway.set(&first, PaymentStatus::Paid { amount });
            }
            Self::Storefront => {
                let key = IdempotencyKey::parse(&format!("c{round}")).unwrap();
                let checked = check_payment(&context, tenant, order_id, &key, "api").await;
                assert_expected(&checked.map(Once::into_inner));
            }
            Self::Sweeper => {
                sweep_orders(&context).await.unwrap();
            }
            Self::Canceller => {
                let cancelled = cancel_order(&context, tenant, order_id, None, None, "api").await;
                assert!(
                    matches!(
                        cancelled,
                        Ok(_) | Err(ReversingError::NotCancellable { .. })
                    ),
                    "{cancelled:?}"
                );
            }
        }
    }
}

fn assert_expected(answer: &Result<PlacedOrder, PayingError>) {
    assert!(
        matches!(
            answer,
            Ok(_)
                | Err(PayingError::NotPaid(_)
                    | PayingError::Closed { .. }
                    | PayingError::Expired(_)
                    | PayingError::InProgress(_))
        ),
        "{answer:?}"
    );
}

/// A shop whose orders are raced for, one after the other.
struct Arena {
    shop: Arc<Shop>,
    /// An instance of the program for each rival.
    instances: Vec<Arc<OrderContext>>,
}

impl Arena {
    async fn open(rivals: usize) -> Self {
        let shop = Shop::open_as(Opening {
            settings: hold(),
            pieces: 1000,
            ..Opening::default()
        });
        let shop = Arc::new(shop.await);
        let instances = (0..rivals).map(|_| shop.another_context()).collect();
        Self { shop, instances }
    }

    /// Starts all rivals together on an order that waits for its customer.
    async fn race(&self, round: usize, rivals: &[Rival], is_late: bool) {
        let shop = &self.shop;
        shop.gateway.confirms(Confirm::AsksTheCustomer);
        let order_id = shop.pending(&format!("k{round}")).await;
        shop.gateway.confirms(Confirm::Pays);
        if is_late {
            let sql = "UPDATE orders.orders SET created_at = now() - interval '1 hour'";
            shop.execute(&format!("{sql} WHERE id = '{order_id}'"))
                .await;
        }
        let barrier = Arc::new(Barrier::new(rivals.len()));
        let mut racing = JoinSet::new();
        for (rival, instance) in rivals.iter().zip(&self.instances) {
            let (at, shop, rival) = (barrier.clone(), shop.clone(), *rival);
            let instance = instance.clone();
            racing.spawn(async move {
                at.wait().await;
                rival.run(&shop, instance, order_id, round).await;
            });
        }
        racing.join_all().await;
        self.assert_one_end(order_id).await;
    }

    async fn assert_one_end(&self, order_id: OrderId) {
        let shop = &self.shop;
        // A rival that lost may have left the order to the sweeper.
        for _ in 0..2 {
            shop.execute("UPDATE orders.reconciliations SET due_at = now()")
                .await;
            sweep_orders(&shop.context).await.unwrap();
        }
        let of_it = async |sql: &str| {
            let sql = sql.replace("$1", &format!("'{order_id}'"));
            shop.text(&sql).await
        };
        let status = of_it("SELECT status FROM orders.orders WHERE id = $1").await;
        let attempts = "SELECT string_agg(number || ' ' || state, ',' ORDER BY number)
                        FROM payments.attempts WHERE order_id = $1 AND reference IS NOT NULL";
        let attempts = of_it(attempts).await;
        let seen = format!("{status}: {attempts}");
        let charged = match status.as_str() {
            "PAID" => 1,
            "FAILED" | "CANCELLED" | "PENDING_PAYMENT" => 0,
            other => panic!("not settled: {other}"),
        };
        // Each attempt in our books agrees with its payment at the gateway, and at most one is alive.
        let (mut alive, mut paid, mut returned) = (0, 0, 0);
        for attempt in attempts.split(',') {
            let (number, state) = attempt.split_once(' ').unwrap();
            let payment = reference(order_id, number.parse().unwrap());
            let at_the_gateway = shop.gateway.status(&payment);
            let cancelled = at_the_gateway == PaymentStatus::Cancelled;
            let is_dead = matches!(state, "voided" | "declined");
            assert_eq!(is_dead, cancelled, "{seen}: {number} is {at_the_gateway:?}");
            alive += usize::from(!cancelled);
            paid += usize::from(matches!(at_the_gateway, PaymentStatus::Paid { .. }));
            returned += usize::from(state == "refunded");
        }
        assert!(alive <= 1, "{seen}");
        assert_eq!(paid - returned, charged, "{seen}");
        let gaps = "SELECT version = (SELECT count(*) FROM orders.events WHERE order_id = $1)
                    FROM orders.orders WHERE id = $1";
        assert_eq!(of_it(gaps).await, "true", "{seen}");
        let stock = "SELECT reserved = 3 * (SELECT count(*) FROM orders.orders
                                            WHERE status IN ('PAID', 'PENDING_PAYMENT'))
                     FROM inventory.stock_levels";
        assert_eq!(shop.text(stock).await, "true", "{seen}");
    }
}

fn payers() -> Vec<Rival> {
    (0..RIVALS).map(Rival::Payer).collect()
}

async fn race(rivals: &[Rival], is_late: bool) {
    let arena = Arena::open(rivals.len()).await;
    for round in 0..ROUNDS {
        arena.race(round, rivals, is_late).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_concurrent_methods_pays() {
    race(&payers(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_race_the_customer_who_finishes_the_first_payment() {
    let rivals = [payers(), vec![Rival::Customer, Rival::Storefront]].concat();
    race(&rivals, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_race_a_storefront_that_gives_up() {
    let rivals = [payers(), vec![Rival::Canceller, Rival::Customer]].concat();
    race(&rivals, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rivals_race_the_deadline() {
    let rivals = [
        payers(),
        vec![Rival::Customer, Rival::Sweeper, Rival::Storefront],
    ];
    race(&rivals.concat(), true).await;
}

/// The sweeper fails a held order while another method is tried: either the order is paid, or it fails and is not
/// charged.
#[tokio::test(flavor = "multi_thread")]
async fn another_method_races_the_end_of_a_held_order() {
    let arena = Arena::open(1).await;
    let shop = &arena.shop;
    // For this instance the deadline has passed.
    let sweeping = shop.another_context_with(OrderSettings {
        pending_payment_deadline: Duration::ZERO,
        ..hold()
    });
    for round in 0..ROUNDS {
        shop.gateway.confirms(Confirm::Declines);
        let unpaid = shop.order(&format!("k{round}")).await.unwrap_err();
        let PlacingError::NotPaid(NotPaid::Unpaid { order_id, .. }) = unpaid else {
            panic!("not held: {unpaid:?}")
        };
        shop.gateway.confirms(Confirm::Pays);
        shop.execute("UPDATE orders.reconciliations SET due_at = now()")
            .await;
        let barrier = Arc::new(Barrier::new(2));
        let sweeper = tokio::spawn({
            let (barrier, sweeping) = (barrier.clone(), sweeping.clone());
            async move {
                barrier.wait().await;
                sweep_orders(&sweeping).await.unwrap();
            }
        });
        barrier.wait().await;
        let instance = arena.instances[0].clone();
        Rival::Payer(0).run(shop, instance, order_id, round).await;
        sweeper.await.unwrap();
        arena.assert_one_end(order_id).await;
    }
}
