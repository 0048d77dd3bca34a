//! Starting while the database is unreachable, silent or unsuitable.

use std::net::TcpListener;
use std::time::Duration;

use oms_testing::TestDatabase;
use tokio::net::TcpStream;

use crate::api::{Api, Settings, command};
use crate::process::{Exit, Process};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;
use crate::transaction_pooler::TransactionPooler;

const NO_GATEWAY: &str = "http://127.0.0.1:1";

async fn run(database_url: &str, settings: Settings<'_>, words: &[&str]) -> Exit {
    let mut command = command(database_url, NO_GATEWAY, settings);
    command.args(words);
    Process::start(command).ended().await
}

/// The URL of the same database at another address.
fn at(database_url: &str, address: &str) -> String {
    let (before, rest) = database_url.split_once('@').unwrap();
    let (_, path) = rest.split_once('/').unwrap();
    format!("{before}@{address}/{path}")
}

/// A server that accepts connections but never answers, until it is dropped.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://oms:hunter2@{}/oms",
        listener.local_addr().unwrap()
    );
    (listener, url)
}

#[tokio::test]
async fn serve_waits_for_a_database_that_is_not_reachable_yet() {
    let database = StoreDatabase::create().await;
    let maintenance = database.maintenance().await;
    maintenance.take_away().await;
    let settings = [("OMS_DATABASE_WAIT_MS", "600000")];
    let start = command(&database.url(), NO_GATEWAY, &settings);
    let mut waiting = Process::start(start);
    let waits = |line: &str| line.contains("waiting for the database").then_some(());
    waiting.said("it waits", waits).await;
    assert!(waiting.is_running());
    maintenance.give_back().await;
    let listens = |line: &str| line.contains("\"message\":\"listening\"").then_some(());
    waiting.said("it listens", listens).await;
    assert!(!waiting.lines().join("\n").contains("hunter2"));
}

#[tokio::test]
async fn serve_stops_waiting_after_a_time_out_or_on_sigterm() {
    let (_listener, url) = silent();
    for url in [url.as_str(), "postgres://oms:hunter2@127.0.0.1:1/oms"] {
        let exit = run(url, &[("OMS_DATABASE_WAIT_MS", "100")], &["serve"]).await;
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        assert!(
            exit.stderr.contains("can't connect to DATABASE_URL"),
            "{exit:?}"
        );
        assert!(!exit.stderr.contains("hunter2"), "{exit:?}");

        let settings = [("OMS_DATABASE_WAIT_MS", "3600000")];
        let mut waiting = Process::start(command(url, NO_GATEWAY, &settings));
        let waits = |line: &str| line.contains("waiting for the database").then_some(());
        waiting.said("it waits", waits).await;
        waiting.terminate();
        let exit = waiting.ended().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    }
}

#[tokio::test]
async fn a_server_that_denies_access_is_not_waited_for() {
    let database = TestDatabase::create_empty();
    let url = database.url();
    let (_, rest) = url.rsplit_once('@').unwrap();
    let url = format!("postgres://oms_nobody:hunter2@{rest}");
    let exit = run(&url, &[("OMS_DATABASE_WAIT_MS", "3600000")], &["serve"]).await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.contains("oms_nobody"), "{exit:?}");
}

#[tokio::test]
async fn no_command_waits_forever_for_a_silent_server() {
    let (_listener, url) = silent();
    let report = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(report.path(), "sku,name,amountMinor,currency\nA,A,1,USD\n").unwrap();
    let file = report.path().to_str().unwrap();
    for words in [
        &["migrate"][..],
        &["seed"],
        &["keys", "list"],
        &["import", "products", file],
        &[
            "reconcile",
            "--from",
            "2026-01-01T00:00:00Z",
            "--to",
            "2026-01-02T00:00:00Z",
        ],
    ] {
        let exit = run(&url, &[], words).await;
        assert_eq!(exit.status.code(), Some(1), "{words:?}: {exit:?}");
        assert_eq!(
            exit.stderr
                .lines()
                .last()
                .map(|line| line.starts_with("oms-api: ")),
            Some(true)
        );
        assert!(exit.stderr.contains("connect"), "{words:?}: {exit:?}");
        assert!(!exit.stderr.contains("hunter2"), "{exit:?}");
    }
}

#[tokio::test]
async fn migrate_limits_its_waits_for_locks_and_statements() {
    let database = TestDatabase::create_empty();
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    // The first migration creates the table of migrations. Another session is creating it and does not finish.
    client
        .batch_execute("BEGIN; CREATE TABLE public.__diesel_schema_migrations (version varchar(50) PRIMARY KEY)")
        .await
        .unwrap();
    let exit = run(
        &database.url(),
        &[("OMS_MIGRATE_TIMEOUT_MS", "1000")],
        &["migrate"],
    )
    .await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.contains("can't migrate: "), "{exit:?}");
    assert!(exit.stderr.contains("within 1 s"), "{exit:?}");
}

#[tokio::test]
async fn a_transaction_pooler_is_refused_at_start() {
    let database = StoreDatabase::create().await;
    for most in [1, 2, 8] {
        let pooler = TransactionPooler::start(&database.url(), most).await;
        let url = at(&database.url(), &pooler.address);
        let exit = run(&url, &[], &["serve"]).await;
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        assert!(exit.stderr.contains("pool_mode"), "{exit:?}");
        assert!(exit.stderr.contains("session"), "{exit:?}");
    }
}

#[tokio::test]
async fn an_unencrypted_database_on_another_host_causes_a_warning() {
    let url = "postgres://oms:hunter2@db.invalid/oms";
    let exit = run(url, &[("OMS_DATABASE_WAIT_MS", "0")], &["serve"]).await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let warnings = exit.stdout.matches("is not encrypted").count();
    assert_eq!(warnings, 1, "{exit:?}");
    assert!(!exit.stdout.contains("hunter2"), "{exit:?}");
    let mut shop = Shop::open().await;
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    assert!(!exit.stdout.contains("is not encrypted"), "{exit:?}");
}

#[tokio::test]
async fn the_limit_of_open_files_matches_the_limit_of_connections() {
    let shop = Shop::open_with(&[("OMS_MAX_CONNECTIONS", "1500")]).await;
    let limits =
        std::fs::read_to_string(format!("/proc/{}/limits", shop.api.process.id())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let numbers: Vec<u64> = line
        .unwrap()
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(numbers[0] >= numbers[1].min(1500 * cores), "{numbers:?}");
}

#[tokio::test]
async fn metrics_listen_on_loopback_unless_another_address_is_set() {
    let database = StoreDatabase::create().await;
    let settings = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
        ("OMS_HOST", "0.0.0.0"),
    ];
    let start = command(&database.url(), "https://127.0.0.1:1", &settings);
    let api = Api::start(start).await;
    assert!(api.url.starts_with("http://0.0.0.0:"), "{}", api.url);
    assert!(
        api.metrics_url.starts_with("http://127.0.0.1:"),
        "{}",
        api.metrics_url
    );
    let named = [&settings[..], &[("OMS_METRICS_HOST", "127.0.0.2")]].concat();
    let api = Api::start(command(&database.url(), "https://127.0.0.1:1", &named)).await;
    let address = api.metrics_url.strip_prefix("http://").unwrap();
    assert!(address.starts_with("127.0.0.2:"), "{address}");
    let connected = tokio::time::timeout(Duration::from_secs(60), TcpStream::connect(address));
    assert!(connected.await.unwrap().is_ok());
}
