//! Alerts are delivered once.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oms_orders::{Alert, AlertKind, AlertSink, OrderSettings, deliver_alerts, sweep_orders};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

#[derive(Default)]
struct Pager {
    delivered: Mutex<Vec<Alert>>,
    /// How many deliveries arrive without being acknowledged, as if the program died in the meantime.
    unacknowledged: Mutex<usize>,
}

#[async_trait]
impl AlertSink for Pager {
    async fn deliver(&self, alert: &Alert) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.delivered.lock().unwrap().push(alert.clone());
        let mut left = self.unacknowledged.lock().unwrap();
        match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                Err("no acknowledgement".into())
            }
            None => Ok(()),
        }
    }
}

/// A shop with `orders` orders that need an operator.
async fn shop(orders: usize) -> Shop {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::Overcharges,
        settings: OrderSettings {
            sweep_batch: orders,
            ..settings()
        },
        pieces: 300,
        clock: Some(TestClock::at_noon()),
    })
    .await;
    for number in 0..orders {
        shop.pending(&format!("k{number}")).await;
    }
    let swept = sweep_orders(&shop.context).await.unwrap();
    assert_eq!(swept.dead_lettered, orders);
    shop
}

#[tokio::test]
async fn an_alert_names_its_subject_and_is_delivered_once() {
    let shop = shop(1).await;
    let pager = Pager::default();
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 1);
    shop.pass(Duration::from_secs(3600));
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 0);

    let delivered = pager.delivered.lock().unwrap().clone();
    let [alert] = delivered.as_slice() else {
        panic!("{delivered:?}")
    };
    assert_eq!(
        (alert.tenant_id, alert.kind),
        (tenant(), AlertKind::DeadLetter)
    );
    let order_id = alert.order_id.unwrap().to_string();
    assert!(alert.message.contains(&order_id), "{}", alert.message);
    let about = format!(
        "SELECT order_id FROM orders.dead_letters WHERE id = '{}'",
        alert.subject_id
    );
    assert_eq!(shop.text(&about).await, order_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_deliver_each_alert_once() {
    const WORKERS: usize = 6;
    const ALERTS: usize = 50;
    let shop = shop(ALERTS).await;
    let (pager, barrier) = (Arc::new(Pager::default()), Arc::new(Barrier::new(WORKERS)));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (pager, barrier, context) = (pager.clone(), barrier.clone(), shop.another_context());
        workers.spawn(async move {
            barrier.wait().await;
            deliver_alerts(&context, pager.as_ref()).await.unwrap()
        });
    }
    let delivered: usize = workers.join_all().await.iter().sum();
    assert_eq!(delivered, ALERTS);
    let seen = pager.delivered.lock().unwrap();
    let ids: HashSet<_> = seen.iter().map(|alert| alert.id).collect();
    assert_eq!((seen.len(), ids.len()), (ALERTS, ALERTS));
}

#[tokio::test]
async fn an_unacknowledged_alert_is_delivered_again_under_its_id() {
    let shop = shop(1).await;
    let pager = Pager {
        unacknowledged: Mutex::new(1),
        ..Pager::default()
    };
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 0);
    // Its lease is its backoff.
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 0);
    shop.pass(Duration::from_secs(60));
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 1);
    let delivered = pager.delivered.lock().unwrap();
    assert_eq!(delivered.len(), 2);
    assert_eq!(delivered[0], delivered[1]);
}

/// Takes half a minute for each delivery to one tenant, and then fails.
struct SlowFailure {
    clock: Arc<TestClock>,
    tried: Mutex<usize>,
    delivered: Mutex<Vec<Alert>>,
}

#[async_trait]
impl AlertSink for SlowFailure {
    async fn deliver(&self, alert: &Alert) -> Result<(), Box<dyn Error + Send + Sync>> {
        if alert.tenant_id != tenant() {
            self.delivered.lock().unwrap().push(alert.clone());
            return Ok(());
        }
        self.clock.pass(Duration::from_secs(30));
        let mut tried = self.tried.lock().unwrap();
        *tried += 1;
        assert!(*tried <= 100, "one tenant's alerts are delivered forever");
        Err("no answer".into())
    }
}

async fn raise(shop: &Shop, tenant: oms_validation::TenantId, alerts: u32) {
    let sql = format!(
        "INSERT INTO tenancy.tenants (tenant_id) VALUES ('{tenant}') ON CONFLICT DO NOTHING;
         INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message, created_at, due_at)
         SELECT '{tenant}', gen_random_uuid(), 'finding', gen_random_uuid(), 'm', '2030-01-01', '2030-01-01'
         FROM generate_series(1, {alerts})"
    );
    shop.execute(&sql).await;
}

#[tokio::test]
async fn a_tenant_whose_alerts_cannot_be_delivered_starves_no_other_tenant() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        clock: Some(clock.clone()),
        ..Opening::default()
    })
    .await;
    raise(&shop, tenant(), 50).await;
    raise(&shop, other_tenant(), 20).await;
    let sink = SlowFailure {
        clock,
        tried: Mutex::default(),
        delivered: Mutex::default(),
    };
    let delivered = deliver_alerts(&shop.context, &sink).await.unwrap();
    assert_eq!(delivered, 20);
    assert_eq!(sink.delivered.lock().unwrap().len(), 20);
    // One batch now, and the next one with the next call.
    assert_eq!(*sink.tried.lock().unwrap(), 16);
}

#[tokio::test]
async fn an_alert_that_only_a_newer_version_knows_delays_no_other() {
    let shop = Shop::open(Confirm::Pays).await;
    raise(&shop, tenant(), 2).await;
    raise(&shop, other_tenant(), 1).await;
    shop.execute(&format!(
        "ALTER TABLE orders.alerts DROP CONSTRAINT alerts_kind_check;
         UPDATE orders.alerts SET due_at = now() - interval '1 day';
         INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message, created_at, due_at)
         VALUES ('{}', gen_random_uuid(), 'novel', gen_random_uuid(), 'm', '2020-01-01', '2020-01-01')",
        tenant()
    ))
    .await;
    let pager = Pager::default();
    assert_eq!(deliver_alerts(&shop.context, &pager).await.unwrap(), 3);
    let novel =
        "SELECT count(*) FROM orders.alerts WHERE delivered_at IS NULL AND due_at = '2020-01-01'";
    assert_eq!(shop.text(novel).await, "1");
}
