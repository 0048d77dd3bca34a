//! Planner statistics of fast-growing tables.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::{Connection, analyze_grown_tables, cached_sql};
use oms_testing::TestDatabase;

async fn add_warehouses(connection: &mut Connection, count: usize) {
    let insert = format!(
        "INSERT INTO inventory.warehouses (tenant_id, id, name, location)
         SELECT '00000000-0000-4000-8000-000000000001', gen_random_uuid(), gen_random_uuid()::text, 'POINT(0 0)'
         FROM generate_series(1, {count})"
    );
    connection.batch_execute(&insert).await.unwrap();
}

async fn pages_of_warehouses(connection: &mut Connection) -> i64 {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        pages: i64,
    }

    let size = "SELECT pg_relation_size('inventory.warehouses') / current_setting('block_size')::bigint AS pages";
    let size: Size = cached_sql(size).get_result(connection).await.unwrap();
    size.pages
}

#[tokio::test]
async fn a_table_is_analysed_each_time_it_has_more_than_doubled() {
    let test = TestDatabase::create();
    let mut connection = test.connect().await;
    for (pages, analysed) in [(2, false), (3, true), (6, false), (7, true), (8, false)] {
        while pages_of_warehouses(&mut connection).await < pages {
            add_warehouses(&mut connection, 1).await;
        }
        let tables = analyze_grown_tables(&mut connection).await.unwrap();
        let is_named = tables.iter().any(|name| name == "inventory.warehouses");
        assert_eq!(is_named, analysed, "{pages} pages: {tables:?}");
    }
}

#[tokio::test]
async fn a_session_plans_again_after_a_table_was_analysed() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }

    async fn plan(connection: &mut Connection) -> String {
        let explain = "EXPLAIN EXECUTE find ('00000000-0000-4000-8000-000000000001', '{}')";
        let rows: Vec<Row> = cached_sql(explain).load(connection).await.unwrap();
        rows.into_iter().map(|row| row.line + "\n").collect()
    }

    let test = TestDatabase::create();
    let mut connection = test.pool(1).acquire().await.unwrap();
    for statement in [
        "VACUUM (ANALYZE) inventory.warehouses",
        "PREPARE find (uuid, uuid[]) AS
         SELECT FROM inventory.warehouses WHERE tenant_id = $1 AND id = ANY ($2)",
    ] {
        connection.batch_execute(statement).await.unwrap();
    }
    let by_the_whole_key = "Index Cond: ((tenant_id = $1) AND (id = ANY ($2)))";
    let before = plan(&mut connection).await;
    assert!(!before.contains(by_the_whole_key), "{before}");

    add_warehouses(&mut connection, 5000).await;
    let stale = plan(&mut connection).await;
    assert_eq!(
        stale, before,
        "the session planned again without an analysis"
    );
    analyze_grown_tables(&mut connection).await.unwrap();
    let after = plan(&mut connection).await;
    assert!(after.contains(by_the_whole_key), "{after}");
}
