//! Starting the program: its checks, and how it reports problems.

use std::net::TcpListener;

use oms_testing::TestDatabase;

use crate::api::{Settings, command};
use crate::process::{Exit, Process};
use crate::shop::{Shop, seed};
use crate::store_database::StoreDatabase;

const NO_GATEWAY: &str = "http://127.0.0.1:1";
const NO_DATABASE: &str = "postgres://oms:hunter2@127.0.0.1:1/oms";

/// Runs a subcommand to its end.
async fn run(database_url: &str, settings: Settings<'_>, subcommand: &str) -> Exit {
    let mut command = command(database_url, NO_GATEWAY, settings);
    command.arg(subcommand);
    Process::start(command).ended().await
}

/// Starts the program, which must fail, and returns its standard error.
async fn refused(database_url: &str, settings: Settings<'_>) -> String {
    let exit = run(database_url, settings, "serve").await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.starts_with("oms-api: "), "{exit:?}");
    assert!(!exit.stderr.contains("hunter2"), "{exit:?}");
    exit.stderr
}

#[tokio::test]
async fn a_database_with_pending_migrations_is_refused() {
    let database = TestDatabase::create_empty();
    let stderr = refused(&database.url(), &[]).await;
    assert!(stderr.contains("oms-api migrate"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let migrated = run(&database.url(), &[], "migrate").await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert!(migrated.stdout.starts_with("applied "), "{migrated:?}");
    let again = run(&database.url(), &[], "migrate").await;
    assert_eq!(again.stdout, "no migrations are pending");
    let seeded = run(&database.url(), &[], "seed").await;
    assert!(seeded.status.success(), "{seeded:?}");
}

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let database = StoreDatabase::create().await;
    seed(&database).await;
    let everything = async || {
        let mut rows = database.levels().await;
        for table in ["warehouses", "products", "prices", "stock_movements"] {
            rows.extend(
                database
                    .rows(&format!("SELECT * FROM inventory.{table} ORDER BY 1, 2"))
                    .await,
            );
        }
        rows
    };
    let before = everything().await;
    assert_eq!(database.levels().await.len(), 5 * 3 + 2 + 3 + 5);
    seed(&database).await;
    assert_eq!(everything().await, before);
}

#[tokio::test]
async fn all_problems_of_the_configuration_are_reported_together() {
    let settings = [
        ("OMS_PORT", "70000"),
        ("OMS_LOG_FORMAT", "xml"),
        ("OMS_CURRENCY", "dollars"),
        ("OMS_HOST", "0.0.0.0"),
        ("OMS_STRIPE_TIMEOUT_MS", "soon"),
    ];
    let stderr = refused("", &settings).await;
    for name in [
        "OMS_PORT",
        "OMS_LOG_FORMAT",
        "OMS_CURRENCY",
        "OMS_HOST",
        "OMS_STRIPE_TIMEOUT_MS",
        "DATABASE_URL",
    ] {
        assert!(stderr.contains(name), "{name}: {stderr}");
    }
    assert!(stderr.contains("6 problem(s)"), "{stderr}");
    let url = refused("mysql://oms:hunter2@localhost/oms", &[]).await;
    assert!(
        url.contains("DATABASE_URL must start with postgres://"),
        "{url}"
    );
}

#[tokio::test]
async fn production_rejects_development_settings() {
    let stderr = refused(NO_DATABASE, &[("OMS_ENV", "production")]).await;
    for name in ["OMS_STRIPE_API_URL", "OMS_STRIPE_SECRET_KEY"] {
        assert!(stderr.contains(name), "{name}: {stderr}");
    }
    assert!(!stderr.contains("hushHushKey"), "{stderr}");
    let production = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://127.0.0.1:1"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
    ];
    let exit = run(NO_DATABASE, &production, "seed").await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(
        exit.stderr
            .contains("the demo catalogue is for development"),
        "{exit:?}"
    );
}

#[tokio::test]
async fn the_env_file_is_read_only_in_development_and_from_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let file = folder.path().join(".env");
    std::fs::write(&file, "OMS_LOG_FORMAT=neither\n").unwrap();
    let said = async |place: &std::path::Path, environment: &str| {
        let mut command = command(NO_DATABASE, NO_GATEWAY, &[("OMS_ENV", environment)]);
        command
            .env_remove("OMS_LOG_FORMAT")
            .current_dir(place)
            .arg("serve");
        Process::start(command).ended().await.stderr
    };
    let read = said(folder.path(), "").await;
    assert!(read.contains("OMS_LOG_FORMAT must be"), "{read}");
    for (place, environment) in [(inner.as_path(), ""), (folder.path(), "production")] {
        let stderr = said(place, environment).await;
        assert!(!stderr.contains("OMS_LOG_FORMAT"), "{stderr}");
    }
    std::fs::write(&file, "OMS_ENV=production\n").unwrap();
    let refused = said(folder.path(), "").await;
    assert!(refused.contains(".env must not set OMS_ENV"), "{refused}");
}

#[tokio::test]
async fn the_error_of_a_port_in_use_names_the_port() {
    let database = StoreDatabase::create().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    for variable in ["OMS_PORT", "OMS_METRICS_PORT"] {
        let stderr = refused(&database.url(), &[(variable, &port)]).await;
        assert!(
            stderr.contains(&format!("can't listen on {address}")),
            "{stderr}"
        );
        assert!(stderr.contains("is the port already in use?"), "{stderr}");
    }
}

#[tokio::test]
async fn the_error_of_an_inaccessible_database_names_its_variable() {
    let database = StoreDatabase::create().await;
    let (server, _) = database
        .url()
        .rsplit_once('@')
        .map(|(_, rest)| (rest.to_owned(), ()))
        .unwrap();
    let wrong_password = format!("postgres://oms_nobody:hunter2@{server}");
    for url in [wrong_password.as_str(), NO_DATABASE] {
        let stderr = refused(url, &[("OMS_DATABASE_WAIT_MS", "0")]).await;
        assert!(stderr.contains("can't connect to DATABASE_URL"), "{stderr}");
    }
    let stderr = refused(&wrong_password, &[]).await;
    assert!(stderr.contains("oms_nobody"), "{stderr}");
}

#[tokio::test]
async fn an_unusable_gateway_url_or_key_is_refused() {
    let shop = Shop::open().await;
    for settings in [
        ("OMS_STRIPE_API_URL", "ftp://stripe"),
        ("OMS_STRIPE_SECRET_KEY", "two words"),
    ] {
        let stderr = refused(&shop.database.url(), &[settings]).await;
        assert!(!stderr.contains("two words"), "{stderr}");
    }
}
