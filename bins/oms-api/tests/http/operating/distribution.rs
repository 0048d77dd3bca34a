//! `oms-api distribute`, on a server without Citus and on one that pretends to have it.

use crate::api::command;
use crate::process::{Exit, Process};
use crate::store_database::StoreDatabase;

async fn run(database: &StoreDatabase, words: &str) -> Exit {
    let mut command = command(&database.url(), "http://127.0.0.1:1", &[]);
    command.args(words.split_whitespace());
    Process::start(command).ended().await
}

#[tokio::test]
async fn distribute_fails_without_citus() {
    let database = StoreDatabase::create().await;
    for words in ["distribute", "distribute --dry-run"] {
        let refused = run(&database, words).await;
        assert!(!refused.status.success());
        assert_eq!(refused.stdout, "");
        let why = "can't distribute the tables: this is not a Citus database: the extension `citus` is missing";
        assert!(refused.stderr.contains(why), "{refused:?}");
    }
}

#[tokio::test]
async fn a_dry_run_prints_the_statements_and_migrate_distributes_new_tables() {
    let database = StoreDatabase::create().await;
    database.pretend_to_be_distributed().await;
    let printed = run(&database, "distribute --dry-run --shards 8").await;
    assert!(printed.status.success(), "{printed:?}");
    let first = "BEGIN;
SET LOCAL citus.shard_count = 8;
SELECT create_distributed_table('tenancy.tenants', 'tenant_id', colocate_with => 'none');\n";
    assert!(printed.stdout.starts_with(first), "{printed:?}");
    let calls = "SELECT count(*) FROM public.citus_calls";
    assert_eq!(database.number(calls).await, 0);

    let distributed = run(&database, "distribute --shards 8").await;
    assert_eq!(distributed.stdout, printed.stdout, "{distributed:?}");
    let before = database.number(calls).await;
    assert!(before > 0);
    let again = run(&database, "distribute").await;
    assert_eq!(again.stdout, "-- everything is distributed", "{again:?}");

    database
        .execute("CREATE TABLE orders.notes (tenant_id uuid PRIMARY KEY)")
        .await;
    let migrated = run(&database, "migrate").await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert_eq!(database.number(calls).await, before + 2);
}
