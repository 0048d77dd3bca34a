//! Background workers that panic or end.

use futures_util::future::join_all;
use serde_json::json;

use crate::api::{APPLYING, FAILPOINTS, SWEEPING, Settings, command};
use crate::eventually::until;
use crate::process::Process;
use crate::request::small_order;
use crate::shop::Shop;

/// All background workers.
pub(super) const WORKERS: [&str; 14] = [
    "statistics",
    "fulfilment",
    "returns",
    "sweeper",
    "alert_log",
    "gateway_events",
    "relay",
    "webhooks",
    "retention",
    "erasures",
    "evacuations",
    "findings",
    "reconciler",
    "backlog",
];

/// Short intervals, so that each worker soon takes its next turn.
pub(super) const RESTLESS: Settings<'static> = &[
    SWEEPING,
    APPLYING,
    ("OMS_EVENTS_INTERVAL_MS", "100"),
    ("OMS_FULFILMENT_INTERVAL_MS", "100"),
    ("OMS_RECONCILE_INTERVAL_MS", "1000"),
    ("OMS_RETENTION_INTERVAL_MS", "100"),
];

fn with(failpoint: &str) -> Vec<(&str, &str)> {
    [RESTLESS, &[(FAILPOINTS, failpoint)]].concat()
}

#[tokio::test]
async fn every_worker_is_in_the_metrics() {
    let mut shop = Shop::open().await;
    shop.api.process.kill();
    shop.restart(RESTLESS).await;
    let turns = "oms_worker_last_turn_timestamp_seconds{worker=\"";
    let metrics = shop.metrics().await;
    let mut named: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(turns)?.split('"').next())
        .collect();
    let mut workers = WORKERS.to_vec();
    workers.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, workers);
}

#[tokio::test]
async fn a_panic_of_the_sweeper_is_counted_and_its_next_turn_settles_the_order() {
    let mut shop = Shop::open().await;
    let down = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", down).await;
    let placed = shop.place_new(&small_order()).await;
    placed.assert_pending();
    let order_id = placed.order_id();

    shop.api.process.kill();
    shop.restart(&[SWEEPING, (FAILPOINTS, "orders.claimed=1*panic")])
        .await;
    shop.database.make_due().await;
    until("a later turn settles the order", async || {
        shop.database.pass_a_second().await;
        shop.database.status(&order_id).await == "FAILED"
    })
    .await;
    let panics = "oms_worker_panics_total{worker=\"sweeper\"}";
    assert_eq!(shop.metric(panics).await.as_deref(), Some("1"));
    assert!(shop.api.process.is_running());
}

#[tokio::test]
async fn a_panic_of_any_worker_is_counted_and_its_next_turn_completes() {
    let shop = Shop::open().await;
    let shop = &shop;
    let panics = WORKERS.map(async |worker| {
        let api = shop
            .another_api(&with(&format!("worker.{worker}.turn=1*panic")))
            .await;
        let panics = format!("oms_worker_panics_total{{worker=\"{worker}\"}}");
        until("the panic is counted", async || {
            shop.metric_of(&api, &panics).await.as_deref() == Some("1")
        })
        .await;
    });
    join_all(panics).await;
}

#[tokio::test]
async fn the_unexpected_end_of_any_worker_ends_the_process_with_an_error() {
    let shop = Shop::open().await;
    let ends = WORKERS.map(|worker| {
        let failpoint = format!("worker.{worker}.pause=panic");
        let settings = with(&failpoint);
        let command = command(&shop.database.url(), &shop.sandbox.url, &settings);
        async move {
            let exit = Process::start(command).ended().await;
            assert!(!exit.status.success(), "{worker}: {exit:?}");
            let reported = "a background worker ended; the program stops";
            assert!(exit.stdout.contains(reported), "{worker}: {exit:?}");
            assert!(
                exit.stderr.contains("oms-api: a background worker ended"),
                "{worker}: {exit:?}"
            );
        }
    });
    join_all(ends).await;
}
