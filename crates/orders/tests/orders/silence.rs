//! A database that falls silent costs the requests that wait for it a bounded time, and no others. Nothing is lost, and
//! no answer is a guess.

use std::collections::HashSet;
use std::time::Duration;

use oms_database::{Database, DatabaseConfig};
use oms_orders::{OrderError, OrderSettings, PlacedOrder, PlacingError, get_order};
use oms_testing::{SilentProxy, TestDatabase};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::batches::{Placing, open_on, request};
use crate::shop::{Shop, settings, tenant};

/// Far longer than any limit in these tests.
const TOO_LONG: Duration = Duration::from_secs(60);

struct SilencedShop {
    store: Shop,
    proxy: SilentProxy,
}

impl SilencedShop {
    /// The default time-outs, divided by four.
    async fn open() -> Self {
        let database = TestDatabase::create();
        let (proxy, url) = database.behind_proxy().await;
        let pool = Database::new(&DatabaseConfig {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(3),
            ping_timeout: Duration::from_millis(500),
            fresh: Duration::from_millis(250),
            ..DatabaseConfig::new(url)
        });
        let settings = OrderSettings {
            batch_wait: Duration::from_secs(2),
            batch_overdue: Duration::from_millis(250),
            ..settings()
        };
        let stock = [vec![1000]];
        let store = open_on(database, pool.unwrap(), &stock, settings).await;
        Self { store, proxy }
    }

    fn place(&self, key: &str) -> Placing {
        self.store.place(key, request(0.0, &[(0, 1)]))
    }

    async fn paid(&self, key: &str) {
        let placed = timeout(TOO_LONG, self.place(key)).await.unwrap().unwrap();
        assert!(matches!(placed, Ok(PlacedOrder::Paid(_))), "{placed:?}");
    }

    /// Places orders until one is paid, and returns how long that took.
    async fn until_paid(&self, name: &str) -> Duration {
        let since = Instant::now();
        for number in 0.. {
            let placed = self.place(&format!("{name}-{number}")).await.unwrap();
            if matches!(placed, Ok(PlacedOrder::Paid(_))) {
                break;
            }
            assert!(since.elapsed() < TOO_LONG, "{placed:?}");
        }
        since.elapsed()
    }

    /// Sends every key again until its answer is definite. Then each key with an order has exactly one, and all
    /// reserved stock is theirs.
    async fn assert_nothing_lost(&self, keys: &[String], acknowledged: &HashSet<String>) {
        let mut orders = HashSet::new();
        for key in keys {
            let order = loop {
                match self.place(key).await.unwrap() {
                    Ok(PlacedOrder::Paid(order) | PlacedOrder::PaidBefore(order)) => break order,
                    // Its settlement was lost; a sweeper that looks now finds it.
                    Ok(PlacedOrder::Pending(_) | PlacedOrder::PendingBefore(_))
                    | Err(PlacingError::InProgress(_)) => {
                        oms_orders::sweep_orders(&self.store.context).await.unwrap();
                    }
                    Err(
                        PlacingError::Order(OrderError::Database(_))
                        | PlacingError::Order(OrderError::Overloaded)
                        | PlacingError::Order(OrderError::Contended),
                    ) => {}
                    Err(error) => panic!("{key}: {error}"),
                }
                yield_now().await;
            };
            assert!(orders.insert(order.id), "two keys, one order");
        }
        assert!(acknowledged.len() <= keys.len());
        for order in &orders {
            assert!(
                get_order(&self.store.context, tenant(), *order)
                    .await
                    .is_ok()
            );
        }
    }
}

/// The answers to clients that don't stop sending, each within the limit.
async fn heard(placing: Vec<(String, Placing)>) -> (Vec<String>, HashSet<String>) {
    let (mut keys, mut acknowledged) = (Vec::new(), HashSet::new());
    for (key, placing) in placing {
        let placed = timeout(TOO_LONG, placing).await;
        let placed = placed.expect("each request has an answer in time").unwrap();
        match placed {
            Ok(PlacedOrder::Paid(_) | PlacedOrder::PaidBefore(_)) => {
                acknowledged.insert(key.clone());
            }
            Ok(PlacedOrder::Pending(_) | PlacedOrder::PendingBefore(_)) => {}
            Err(error) => assert!(
                matches!(
                    error,
                    PlacingError::Order(OrderError::Database(_))
                        | PlacingError::Order(OrderError::Payment(_))
                        | PlacingError::Order(OrderError::Overloaded)
                        | PlacingError::Order(OrderError::OutcomeUnknown)
                        | PlacingError::Order(OrderError::Contended)
                ),
                "{error}"
            ),
        }
        keys.push(key);
    }
    (keys, acknowledged)
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_delay_their_own_requests_only() {
    let shop = SilencedShop::open().await;
    shop.paid("before").await;
    let caught: Vec<_> = (0..20)
        .map(|number| {
            let key = format!("caught-{number}");
            (key.clone(), shop.place(&key))
        })
        .collect();
    while shop.store.context.batch_counts().arrivals.batches() < 2 {
        yield_now().await;
    }
    shop.proxy.swallow_existing();
    // Long before the others' silence is over, unless the machine itself is slow.
    shop.until_paid("other").await;
    let (keys, acknowledged) = heard(caught).await;
    shop.assert_nothing_lost(&keys, &acknowledged).await;
    assert_eq!(shop.store.context.oldest_batch(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_a_silent_database_end_in_time_and_the_first_one_after_it_is_paid() {
    for frozen in [true, false] {
        let shop = SilencedShop::open().await;
        shop.paid("before").await;
        match frozen {
            true => shop.proxy.freeze(),
            false => shop.proxy.swallow_all(),
        }
        let mut sent = Vec::new();
        let silent_since = Instant::now();
        while silent_since.elapsed() < Duration::from_secs(6) {
            let key = format!("silent-{}", sent.len());
            sent.push((key.clone(), shop.place(&key)));
            // Simulates the steady stream of clients, for which time must pass.
            sleep(Duration::from_millis(50)).await;
        }
        assert!(shop.store.context.oldest_batch().is_some());
        match frozen {
            true => shop.proxy.thaw(),
            false => shop.proxy.heal(),
        }
        shop.until_paid("after").await;
        let (keys, acknowledged) = heard(sent).await;
        shop.assert_nothing_lost(&keys, &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_find_no_connection_in_time_are_not_retried_one_at_a_time() {
    let database = TestDatabase::create();
    let pool = Database::new(&DatabaseConfig {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(1),
        ..DatabaseConfig::new(database.url())
    });
    let pool = pool.unwrap();
    let settings = OrderSettings {
        batch_overdue: TOO_LONG,
        batch_wait: TOO_LONG,
        ..settings()
    };
    let store = open_on(database, pool.clone(), &[vec![10]], settings).await;
    let _taken = pool.acquire().await.unwrap();
    let waits = || pool.waits().counts.iter().sum::<u64>();
    let before = waits();
    let placing: Vec<Placing> = (0..20)
        .map(|number| store.place(&format!("k{number}"), request(0.0, &[(0, 1)])))
        .collect();
    for placing in placing {
        let placed = placing.await.unwrap();
        assert!(
            matches!(placed, Err(PlacingError::Order(OrderError::Database(_)))),
            "{placed:?}"
        );
    }
    assert!(waits() - before <= 3, "one wait for each batch");
}
