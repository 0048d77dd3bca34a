//! The distribution of tables, as far as it can be tested without Citus.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::distribution::{self, Distribution, DistributionError};
use oms_database::{Connection, cached_sql};
use oms_testing::TestDatabase;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

async fn texts(connection: &mut Connection, sql: &'static str) -> Vec<String> {
    let rows: Vec<Row> = cached_sql(sql).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

async fn calls(connection: &mut Connection) -> Vec<String> {
    texts(
        connection,
        "SELECT call AS text FROM public.citus_calls ORDER BY number",
    )
    .await
}

async fn plan(connection: &mut Connection) -> Distribution {
    distribution::plan(connection, 32).await.unwrap()
}

#[tokio::test]
async fn a_server_without_citus_is_rejected() {
    let test = TestDatabase::create();
    let mut connection = test.connect().await;
    let refused = distribution::plan(&mut connection, 32).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, DistributionError::NoCitus));
    assert!(
        error
            .to_string()
            .contains("the extension `citus` is missing")
    );
    assert!(!distribution::has_begun(&mut connection).await.unwrap());
}

#[tokio::test]
async fn tables_with_a_tenant_are_colocated_with_the_tenants_and_distributed_after_their_parents() {
    let test = TestDatabase::create();
    test.pretend_to_be_distributed().await;
    let mut connection = test.connect().await;
    assert!(!distribution::has_begun(&mut connection).await.unwrap());
    let plan = plan(&mut connection).await;
    assert_eq!(
        plan.distribute[..2],
        [
            "SET LOCAL citus.shard_count = 32",
            "SELECT create_distributed_table('tenancy.tenants', 'tenant_id', colocate_with => 'none')"
        ]
    );
    distribution::run(&mut connection, &plan).await.unwrap();
    let calls = calls(&mut connection).await;
    let place = |table: &str| {
        let beginning = format!("{table} ");
        calls.iter().position(|call| call.starts_with(&beginning))
    };
    let tables = "SELECT table_schema || '.' || table_name AS text FROM information_schema.columns
                  WHERE column_name = 'tenant_id'";
    for table in texts(&mut connection, tables).await {
        let call = &calls[place(&table).unwrap()];
        let beside = match table.as_str() {
            "tenancy.tenants" => "none",
            _ => "tenancy.tenants",
        };
        assert_eq!(*call, format!("{table} by tenant_id beside {beside}"));
        assert!(calls.contains(&format!("truncate {table}")));
    }
    let keys = "SELECT conrelid::regclass || ' ' || confrelid::regclass AS text FROM pg_constraint WHERE contype = 'f'";
    let keys = texts(&mut connection, keys).await;
    assert!(!keys.is_empty());
    for key in keys {
        let (child, parent) = key.split_once(' ').unwrap();
        assert!(place(parent) < place(child), "{key}");
    }
    for table in ["installation.identity", "__diesel_schema_migrations"] {
        assert!(calls.contains(&format!("{table} on all nodes")), "{table}");
    }
}

#[tokio::test]
async fn only_new_tables_are_distributed_by_a_later_plan() {
    let test = TestDatabase::create();
    test.pretend_to_be_distributed().await;
    let mut connection = test.connect().await;
    let first = plan(&mut connection).await;
    distribution::run(&mut connection, &first).await.unwrap();
    assert!(plan(&mut connection).await.is_empty());
    assert!(distribution::has_begun(&mut connection).await.unwrap());

    let new = "CREATE TABLE orders.notes (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
               CREATE TABLE public.not_ours (a integer)";
    connection.batch_execute(new).await.unwrap();
    let second = plan(&mut connection).await;
    let expected = Distribution {
        distribute: vec![
            "SET LOCAL citus.shard_count = 32".to_owned(),
            "SELECT create_distributed_table('orders.notes', 'tenant_id', colocate_with => 'tenancy.tenants')".to_owned(),
        ],
        remove_copied: vec![
            "SELECT truncate_local_data_after_distributing_table('orders.notes')".to_owned(),
        ],
    };
    assert_eq!(second, expected);
}

#[tokio::test]
async fn a_failed_distribution_changes_nothing() {
    let test = TestDatabase::create();
    test.pretend_to_be_distributed().await;
    let mut connection = test.connect().await;
    let fails =
        "CREATE OR REPLACE FUNCTION public.create_reference_table(relation regclass) RETURNS void
                 LANGUAGE plpgsql AS $$ BEGIN RAISE 'no node answers'; END $$";
    connection.batch_execute(fails).await.unwrap();
    let plan = plan(&mut connection).await;
    let failed = distribution::run(&mut connection, &plan).await;
    assert!(failed.unwrap_err().to_string().contains("no node answers"));
    assert!(!distribution::has_begun(&mut connection).await.unwrap());
    assert!(calls(&mut connection).await.is_empty());
}
