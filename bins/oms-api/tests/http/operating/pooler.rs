//! Connection poolers in transaction mode: the defaults of the role, and which poolers are rejected. Tests with
//! PgBouncer itself are in `pgbouncer.rs`.

use crate::api::{Settings, command};
use crate::operating::{Roles, drop_roles};
use crate::process::{Exit, Process};
use crate::request::small_order;
use crate::shop::Shop;
use crate::store_database::StoreDatabase;
use crate::transaction_pooler::TransactionPooler;

const POOLED: (&str, &str) = ("OMS_DATABASE_POOLER", "transaction");

async fn run(database_url: &str, settings: Settings<'_>, subcommand: &str) -> Exit {
    let mut command = command(database_url, "http://127.0.0.1:1", settings);
    command.arg(subcommand);
    Process::start(command).ended().await
}

#[tokio::test]
async fn migrate_sets_session_settings_as_defaults_of_the_role_and_serve_verifies_them() {
    let roles = Roles::create().await;
    roles.grant().await;
    let (url, owner) = (roles.url_of_server(), roles.url_of_owner());
    let settings = [POOLED, ("OMS_MIGRATION_DATABASE_URL", owner.as_str())];
    let refused = run(&url, &settings, "serve").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    for expected in [
        "lock_timeout is 0 and must be 120000",
        "plan_cache_mode is auto and must be force_generic_plan",
        "run `oms-api migrate`",
    ] {
        assert!(refused.stderr.contains(expected), "{refused:?}");
    }
    let migrated = run(&url, &settings, "migrate").await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert!(
        migrated
            .stdout
            .contains("set defaults of the role of DATABASE_URL: ")
    );
    let again = run(&url, &settings, "migrate").await;
    assert_eq!(again.stdout, "no migrations are pending");

    let (server, owner) = (roles.server.clone(), roles.owner.clone());
    let mut shop = Shop::open_as(roles.database, &url, &settings).await;
    shop.place_new(&small_order()).await.assert_created();
    shop.assert_consistent().await;
    shop.api.process.terminate();
    shop.api.process.ended().await;

    let database = shop.database.name();
    let change = format!("ALTER ROLE {server} IN DATABASE {database} SET enable_seqscan = on");
    shop.database.execute(&change).await;
    let refused = run(&url, &settings, "serve").await;
    let expected = "enable_seqscan is on and must be off; run `oms-api migrate`";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    drop_roles(&shop.database, [&server, &owner]).await;
}

#[tokio::test]
async fn migrations_behind_a_pooler_need_a_url_that_bypasses_it() {
    let database = StoreDatabase::create().await;
    let refused = run(&database.url(), &[POOLED], "migrate").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let expected = "OMS_MIGRATION_DATABASE_URL is required";
    assert!(refused.stderr.contains(expected), "{refused:?}");
}

#[tokio::test]
async fn a_pooler_that_passes_on_statement_names_is_rejected() {
    let database = StoreDatabase::create().await;
    for most in [1, 2, 8] {
        let pooler = TransactionPooler::start(&database.url(), most).await;
        let url = database.url();
        let (before, rest) = url.split_once('@').unwrap();
        let (_, path) = rest.split_once('/').unwrap();
        let url = format!("{before}@{}/{path}", pooler.address);
        let refused = run(&url, &[POOLED], "serve").await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("PgBouncer 1.21 or newer"),
            "{refused:?}"
        );
    }
}
