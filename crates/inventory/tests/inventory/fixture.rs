//! A small store to test with.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::Connection;
use oms_errors::Problem;
use oms_inventory::ports::AddressLocator;
use oms_inventory::{
    Catalogue, CatalogueProduct, CatalogueStock, CatalogueWarehouse, Demand, InventoryContext,
    ProductId, WarehouseId, load_catalogue,
};
use oms_testing::TestDatabase;
use oms_validation::{Currency, Location, Money, OperatorName, TenantId};
use uuid::Uuid;

pub fn tenant() -> TenantId {
    Uuid::from_u128(1).into()
}

pub fn warehouse(number: usize) -> WarehouseId {
    Uuid::from_u128(0xA000 + number as u128).into()
}

pub fn product(number: usize) -> ProductId {
    Uuid::from_u128(0xB000 + number as u128).into()
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
    Location::new(33.749, -84.388).unwrap()
}

/// Warehouse `n` stands `n` degrees north of Atlanta; `stock[n][p]` is what it has of product `p`.
pub fn catalogue(stock: &[&[i32]]) -> Catalogue {
    let north = |degrees: usize| Location::new(33.749 + degrees as f64, -84.388).unwrap();
    let products = stock
        .iter()
        .map(|levels| levels.len())
        .max()
        .unwrap_or_default();
    let levels_of = |p: usize| {
        let levels = stock
            .iter()
            .enumerate()
            .filter_map(move |(w, levels)| Some((w, *levels.get(p)?)));
        levels
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(w, quantity)| CatalogueStock {
                warehouse_id: warehouse(w),
                quantity,
            })
            .collect()
    };
    Catalogue {
        warehouses: (0..stock.len())
            .map(|w| CatalogueWarehouse {
                id: warehouse(w),
                name: format!("warehouse {w}"),
                location: north(w),
            })
            .collect(),
        products: (0..products)
            .map(|p| CatalogueProduct {
                id: product(p),
                sku: format!("SKU-{p}"),
                name: format!("product {p}"),
                prices: vec![Money {
                    amount_minor: 100,
                    currency: Currency::parse("USD").unwrap(),
                }],
                stock: levels_of(p),
            })
            .collect(),
    }
}

pub async fn store_with(stock: &[&[i32]]) -> (TestDatabase, Connection) {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    load_catalogue(&mut connection, tenant(), &catalogue(stock))
        .await
        .unwrap();
    (database, connection)
}

/// What breaks conservation: levels whose counters do not agree with their reservations and movements.
pub async fn broken_levels(connection: &mut Connection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        finding: String,
    }
    let sql = "
        SELECT format('%s %s: on_hand %s, moved %s, reserved %s, held %s',
                      s.warehouse_id, s.product_id, s.on_hand, m.moved, s.reserved, r.held) AS finding
        FROM inventory.stock_levels s
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS held FROM inventory.reservations r
            WHERE (r.tenant_id, r.warehouse_id, r.product_id) = (s.tenant_id, s.warehouse_id, s.product_id)
        ) r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS moved FROM inventory.stock_movements m
            WHERE (m.tenant_id, m.warehouse_id, m.product_id) = (s.tenant_id, s.warehouse_id, s.product_id)
        ) m
        WHERE s.reserved <> r.held OR s.on_hand <> m.moved OR s.reserved NOT BETWEEN 0 AND s.on_hand";
    let rows: Vec<Row> = diesel::sql_query(sql).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.finding).collect()
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

pub async fn run(connection: &mut Connection, sql: &str) {
    connection.batch_execute(sql).await.unwrap();
}

/// Whoever changes stock by hand.
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

pub fn context(database: &TestDatabase, connections: usize) -> Arc<InventoryContext> {
    Arc::new(InventoryContext::new(
        database.pool(connections),
        Arc::new(NoAddresses),
    ))
}

/// Checks that no piece was lost, and that nobody waited in a circle.
pub async fn assert_conserved(connection: &mut Connection) {
    assert_eq!(broken_levels(connection).await, Vec::<String>::new());
    run(connection, "SELECT pg_stat_clear_snapshot()").await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(number(connection, deadlocks).await, 0);
}
