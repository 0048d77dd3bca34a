//! Locked rows: an order that needs one waits alone, and no other order is affected.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_database::Connection;
use oms_orders::{NotPaid, OrderError, OrderSettings, PlacedOrder, PlacingError, get_order};
use oms_payments::Operation;
use oms_testing::TestDatabase;
use oms_testing::gateway::Confirm;
use tokio::task::yield_now;

use crate::admission::waiting;
use crate::batches::{Placing, open_with, request};
use crate::shop::{Shop, settings, tenant};

/// Orders may wait as long as a slow machine needs.
fn patient() -> OrderSettings {
    OrderSettings {
        batch_wait: Duration::from_secs(60),
        ..settings()
    }
}

fn paid(placed: &Result<PlacedOrder, PlacingError>) -> bool {
    matches!(placed, Ok(PlacedOrder::Paid(_)))
}

async fn assert_paid(placing: Placing) {
    let placed = placing.await.unwrap();
    assert!(paid(&placed), "{placed:?}");
}

impl Shop {
    async fn until_parked(&self, orders: u64) {
        while self.context.batch_counts().arrivals.parked != orders {
            yield_now().await;
        }
    }
}

async fn release(mut holder: Connection) {
    holder.batch_execute("ROLLBACK").await.unwrap();
}

async fn hold(database: &TestDatabase, sql: &str) -> Connection {
    let mut holder = database.connect().await;
    let begin = format!("BEGIN; {sql}");
    holder.batch_execute(&begin).await.unwrap();
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_order_that_needs_a_locked_row_does_not_delay_orders_of_other_products() {
    let store = open_with(&[vec![5, 50]], patient()).await;
    let holder = store.hold(0).await;
    let blocked = store.place("blocked", request(0.0, &[(0, 1)]));
    store.until_parked(1).await;
    for number in 0..5 {
        assert_paid(store.place(&format!("free-{number}"), request(0.0, &[(1, 1)]))).await;
    }
    assert!(!blocked.is_finished());
    release(holder).await;
    assert_paid(blocked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orders_that_wait_for_a_locked_row_hold_no_connection() {
    let store = open_with(&[vec![200, 50]], patient()).await;
    assert_paid(store.place("first", request(0.0, &[(1, 1)]))).await;
    let holder = store.hold(0).await;
    let blocked: Vec<Placing> = (0..100)
        .map(|number| store.place(&format!("blocked-{number}"), request(0.0, &[(0, 1)])))
        .collect();
    store.until_parked(100).await;
    let mut observer = store.database.connect().await;
    assert_eq!(waiting(&mut observer).await, 0);
    assert_paid(store.place("free", request(0.0, &[(1, 1)]))).await;
    release(holder).await;
    for placing in blocked {
        assert_paid(placing).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_for_a_row_are_placed_in_arrival_order() {
    let store = open_with(&[vec![2, 5]], patient()).await;
    let holder = store.hold(0).await;
    let mut placing = Vec::new();
    for number in 0..4 {
        placing.push(store.place(&format!("k{number}"), request(0.0, &[(0, 1)])));
        store.until_parked(number + 1).await;
    }
    release(holder).await;
    let mut answers = Vec::new();
    for placing in placing {
        answers.push(placing.await.unwrap());
    }
    assert!(paid(&answers[0]) && paid(&answers[1]), "{answers:?}");
    for late in &answers[2..] {
        assert!(
            matches!(late, Err(PlacingError::NoSingleWarehouse)),
            "{answers:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_one_row_does_not_block_its_other_rows() {
    let store = open_with(&[vec![5, 50]], patient()).await;
    let holder = store.hold(0).await;
    let basket = store.place("basket", request(0.0, &[(1, 1), (0, 1)]));
    store.until_parked(1).await;
    assert_paid(store.place("free", request(0.0, &[(1, 1)]))).await;
    release(holder).await;
    assert_paid(basket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_row_stays_locked_is_refused_as_contended_and_nothing_is_kept() {
    let impatient = OrderSettings {
        batch_wait: Duration::from_secs(2),
        ..settings()
    };
    for batch_max in [1, 64] {
        let settings = OrderSettings {
            batch_max,
            ..impatient
        };
        let store = open_with(&[vec![5, 5]], settings).await;
        let holder = store.hold(0).await;
        let orders = ["one", "two"].map(|key| store.place(key, request(0.0, &[(0, 1)])));
        for placing in orders {
            let placed = placing.await.unwrap();
            assert!(
                matches!(placed, Err(PlacingError::Order(OrderError::Contended))),
                "{placed:?}"
            );
        }
        release(holder).await;
        assert_paid(store.place("one", request(0.0, &[(0, 1)]))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_instance_is_claiming_delays_only_its_own_order() {
    let store = open_with(&[vec![50]], patient()).await;
    let claim = "INSERT INTO orders.orders
         (tenant_id, id, idempotency_key, fingerprint, customer_id, status, version, warehouse_id, currency,
          total_minor, shipping_address, routing)
         VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'claimed', sha256(''), gen_random_uuid(),
                 'PENDING_PAYMENT', 1, gen_random_uuid(), 'USD', 100, '{}', '{}')";
    let holder = hold(&store.database, claim).await;
    let blocked = store.place("claimed", request(0.0, &[(0, 1)]));
    let mut observer = store.database.connect().await;
    while waiting(&mut observer).await == 0 {
        yield_now().await;
    }
    for number in 0..5 {
        assert_paid(store.place(&format!("free-{number}"), request(0.0, &[(0, 1)]))).await;
    }
    assert!(!blocked.is_finished());
    release(holder).await;
    assert_paid(blocked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_row_is_locked_when_it_is_paid_delays_no_other_order() {
    let store = open_with(&[vec![50]], patient()).await;
    store.gateway.hold(Operation::Confirm);
    let placing: Vec<Placing> = (0..4)
        .map(|number| store.place(&format!("k{number}"), request(0.0, &[(0, 1)])))
        .collect();
    store.gateway.arrived(Operation::Confirm, 4).await;
    let lock = "SELECT FROM orders.orders WHERE idempotency_key = 'k0' FOR UPDATE";
    let holder = hold(&store.database, lock).await;
    store.gateway.release(Operation::Confirm, 4);
    let mut placing = placing.into_iter();
    let blocked = placing.next().unwrap();
    for free in placing {
        assert_paid(free).await;
    }
    assert!(!blocked.is_finished());
    release(holder).await;
    assert_paid(blocked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_can_be_read_while_its_stock_is_locked() {
    let store = open_with(&[vec![5]], patient()).await;
    let placed = store.place("first", request(0.0, &[(0, 1)]));
    let Ok(PlacedOrder::Paid(order)) = placed.await.unwrap() else {
        panic!("not paid")
    };
    let holder = store.hold(0).await;
    let blocked = store.place("blocked", request(0.0, &[(0, 1)]));
    store.until_parked(1).await;
    assert!(get_order(&store.context, tenant(), order.id).await.is_ok());
    release(holder).await;
    assert_paid(blocked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_release_their_stock_yet_leave_connections_to_others() {
    let store = open_with(&[vec![100, 50]], patient()).await;
    let placed = store.place("first", request(0.0, &[(1, 1)]));
    let Ok(PlacedOrder::Paid(earlier)) = placed.await.unwrap() else {
        panic!("not paid")
    };
    store.gateway.confirms(Confirm::Declines);
    store.gateway.hold(Operation::Confirm);
    let declined: Vec<Placing> = (0..30)
        .map(|number| store.place(&format!("declined-{number}"), request(0.0, &[(0, 1)])))
        .collect();
    store.gateway.arrived(Operation::Confirm, 30).await;
    let holder = store.hold(0).await;
    store.gateway.release(Operation::Confirm, 30);
    let mut observer = store.database.connect().await;
    while waiting(&mut observer).await < 2 {
        yield_now().await;
    }
    for _ in 0..5 {
        assert!(
            get_order(&store.context, tenant(), earlier.id)
                .await
                .is_ok()
        );
    }
    release(holder).await;
    for placing in declined {
        let placed = placing.await.unwrap();
        // The last ones may have been left to the sweeper.
        let expected = matches!(
            placed,
            Err(PlacingError::NotPaid(NotPaid::Failed { .. })) | Ok(PlacedOrder::Pending(_))
        );
        assert!(expected, "{placed:?}");
    }
}
