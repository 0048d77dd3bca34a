//! A small tenant for the tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::Connection;
use oms_errors::Problem;
use oms_inventory::ports::AddressLocator;
use oms_inventory::{Catalogue, Demand, InventoryContext, load_catalogue};
use oms_testing::TestDatabase;
use oms_testing::invariants::rule;
use oms_testing::world;
pub use oms_testing::world::tenant;
use oms_validation::{Location, OperatorName, ProductId, TenantId, WarehouseId};

pub fn warehouse(number: usize) -> WarehouseId {
    world::warehouse(number).into()
}

pub fn product(number: usize) -> ProductId {
    world::product(number).into()
}

pub fn demand(lines: &[(usize, i32)]) -> Demand {
    Demand::from_lines(
        lines
            .iter()
            .map(|(number, quantity)| (product(*number), *quantity)),
    )
    .unwrap()
}

pub fn atlanta() -> Location {
    let (latitude, longitude) = world::FIRST_WAREHOUSE;
    Location::new(latitude, longitude).unwrap()
}

/// The catalogue of a test world.
pub fn catalogue(stock: &[&[i32]]) -> Catalogue {
    serde_json::from_value(world::catalogue(stock)).unwrap()
}

pub async fn store_with(stock: &[&[i32]]) -> (TestDatabase, Connection) {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    load_catalogue(&mut connection, tenant(), &catalogue(stock))
        .await
        .unwrap();
    (database, connection)
}

/// Asserts that the units of all levels agree with their reservations and movements.
pub async fn assert_levels(connection: &mut Connection) {
    rule("stock-levels").assert_holds(connection).await;
}

pub async fn number(connection: &mut Connection, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let sql = format!("SELECT ({sql})::bigint AS number");
    let row: Row = diesel::sql_query(sql).get_result(connection).await.unwrap();
    row.number
}

pub async fn texts(connection: &mut Connection, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let sql = format!("SELECT value::text FROM ({sql}) AS it (value)");
    let rows: Vec<Row> = diesel::sql_query(sql).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

pub async fn run(connection: &mut Connection, sql: &str) {
    connection.batch_execute(sql).await.unwrap();
}

/// The operator who changes stock.
pub fn clerk() -> OperatorName {
    OperatorName::parse("clerk").unwrap()
}

struct NoAddresses;

#[async_trait]
impl AddressLocator for NoAddresses {
    async fn locate(&self, _: TenantId, _: &str) -> Result<Location, Problem> {
        Err(Problem::of(&oms_errors::INVALID_REQUEST))
    }
}

/// So long that no test waits for its end.
const LOCK_WAIT: Duration = Duration::from_secs(600);

pub fn context(database: &TestDatabase, connections: usize) -> Arc<InventoryContext> {
    Arc::new(InventoryContext::new(
        database.pool(connections),
        Arc::new(NoAddresses),
        LOCK_WAIT,
    ))
}

/// Asserts that no unit was lost and no deadlock occurred.
pub async fn assert_conserved(connection: &mut Connection) {
    assert_levels(connection).await;
    run(connection, "SELECT pg_stat_clear_snapshot()").await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(number(connection, deadlocks).await, 0);
}
