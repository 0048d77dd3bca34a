//! Rules of the schema, checked in the catalogue of a migrated database.

#![allow(clippy::disallowed_methods, reason = "tests write ad-hoc SQL")]

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::{Connection, migrations};
use oms_testing::TestDatabase;

#[derive(Debug, QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    finding: String,
}

async fn findings(sql: &str) -> Vec<String> {
    let database = TestDatabase::create();
    asked(&mut database.connect().await, sql).await
}

async fn asked(connection: &mut Connection, sql: &str) -> Vec<String> {
    let rows: Vec<Finding> = diesel::sql_query(sql).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.finding).collect()
}

/// All schemas except PostgreSQL's own, and `installation`, whose only row belongs to no tenant.
const OUR_SCHEMAS: &str = "(SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_'
    AND nspname NOT IN ('information_schema', 'public', 'installation'))";

#[tokio::test]
async fn no_foreign_key_crosses_a_schema() {
    let found = findings(
        "SELECT c.conname::text AS finding FROM pg_constraint c
         JOIN pg_class child ON child.oid = c.conrelid JOIN pg_class parent ON parent.oid = c.confrelid
         WHERE c.contype = 'f' AND child.relnamespace <> parent.relnamespace",
    )
    .await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn every_foreign_key_is_the_prefix_of_an_index() {
    let found = findings(
        "SELECT c.conrelid::regclass || ': ' || c.conname AS finding FROM pg_constraint c
         WHERE c.contype = 'f' AND NOT EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
             AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] = c.conkey)",
    )
    .await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn every_key_and_index_starts_with_the_tenant() {
    let found = findings(&format!(
        "SELECT i.indexrelid::regclass::text AS finding FROM pg_index i
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
         WHERE n.nspname IN {OUR_SCHEMAS} AND a.attname <> 'tenant_id'
         UNION ALL
         SELECT c.conname::text FROM pg_constraint c
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.contype IN ('p', 'u', 'f') AND c.connamespace::regnamespace::text IN {OUR_SCHEMAS}
         AND a.attname <> 'tenant_id'"
    ))
    .await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn every_table_has_a_primary_key_and_no_trigger() {
    let found = findings(&format!(
        "SELECT t.oid::regclass || ': no primary key' AS finding FROM pg_class t
         WHERE t.relkind = 'r' AND t.relnamespace::regnamespace::text IN {OUR_SCHEMAS}
         AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'p')
         UNION ALL
         SELECT g.tgrelid::regclass || ': trigger ' || g.tgname FROM pg_trigger g
         JOIN pg_class t ON t.oid = g.tgrelid
         WHERE NOT g.tgisinternal AND t.relnamespace::regnamespace::text IN {OUR_SCHEMAS}"
    ))
    .await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn every_time_is_a_timestamptz() {
    let found = findings(&format!(
        "SELECT table_schema || '.' || table_name || '.' || column_name AS finding
         FROM information_schema.columns
         WHERE table_schema IN {OUR_SCHEMAS} AND data_type LIKE 'timestamp without%'"
    ))
    .await;
    assert_eq!(found, Vec::<String>::new());
}

/// PostgreSQL treats columns of an index predicate as indexed. `on_hand` may be in a predicate, because it changes only
/// with physical stock; `reserved` changes with every order.
#[tokio::test]
async fn no_index_contains_a_column_that_orders_change_so_that_updates_stay_heap_only() {
    let found = findings(
        "SELECT i.indexrelid::regclass::text AS finding FROM pg_index i
         JOIN pg_attribute a ON a.attrelid = i.indrelid
             AND a.attname IN ('on_hand', 'reserved', 'backordered', 'quarantined', 'safety_stock')
         WHERE i.indrelid = 'inventory.stock_levels'::regclass
         AND (a.attnum = ANY (i.indkey)
              OR (a.attname <> 'on_hand' AND pg_get_expr(i.indpred, i.indrelid) ~ a.attname))",
    )
    .await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_can_be_applied_reverted_and_applied_again() {
    let database = TestDatabase::create_empty();
    let mut connection = database.connect().await;
    let known = migrations::pending(&mut connection).await.unwrap();
    assert!(!known.is_empty());

    assert_eq!(migrations::migrate(&database.url()).await.unwrap(), known);
    assert_eq!(
        migrations::pending(&mut connection).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        migrations::migrate(&database.url()).await.unwrap(),
        Vec::<String>::new()
    );

    let mut reverted = migrations::revert_all(&database.url()).await.unwrap();
    reverted.reverse();
    assert_eq!(reverted, known);
    connection
        .batch_execute("DO $$ BEGIN ASSERT to_regnamespace('orders') IS NULL; END $$")
        .await
        .unwrap();
    assert_eq!(migrations::migrate(&database.url()).await.unwrap(), known);
}

/// A waiting statement would hold a snapshot, which the index build waits for, while the statement waits for the lock
/// of the index builder: a deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_index_build_works_while_another_program_waits_to_migrate() {
    let database = TestDatabase::create_empty();
    let mut first = database.connect().await;
    first
        .batch_execute("CREATE TABLE notes (a int); SELECT pg_advisory_lock(7302515)")
        .await
        .unwrap();
    let url = database.url();
    let second = tokio::spawn(async move { migrations::migrate(&url).await });
    let waits = "SELECT query AS finding FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%advisory_lock%'";
    while asked(&mut first, waits).await.is_empty() {
        tokio::task::yield_now().await;
    }

    first
        .batch_execute("CREATE INDEX CONCURRENTLY notes_a ON notes (a)")
        .await
        .unwrap();
    first
        .batch_execute("SELECT pg_advisory_unlock(7302515)")
        .await
        .unwrap();
    assert!(!second.await.unwrap().unwrap().is_empty());
}
