//! A month of goods: orders are placed, packed, sent, delivered, moved, rejected, cancelled and returned, warehouses are
//! evacuated, and files with stock are imported. Each day the stock of each warehouse and product must be what the answers
//! add up to, to the unit.
//!
//! One seed determines the month. `OMS_MONTH_SEED` sets it, and it is printed when the test fails.

mod books;
mod days;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_errors::Problem;
use oms_fulfilment::{EvacuationStatus, FulfilmentOrder, MoveCause, MoveId, ShipmentId};
use oms_inventory::ports::AddressLocator;
use oms_inventory::{
    Acceptance, ImportFile, ImportFileWriter, ImportFormat, ImportRequest, InventoryContext,
    StockMode, import_stock,
};
use oms_orders::{
    OrderRequest, PlacedOrder, PlacingError, RequestedLine, ReturnsPass, find_moves,
    order_fulfilments, place_order, settle_returns, sweep_orders,
};
use oms_testing::clock::TestClock;
use oms_testing::world::{product, warehouse};
use oms_testing::{PATIENCE, TestDatabase};
use oms_validation::{Location, OrderId, ProductId, Reason, TenantId, WarehouseId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::month::{Seed, seed};
use crate::shipping::key;
use crate::shop::{Opening, Shop, catalogue, tenant, three_pieces};
use books::Books;

const DAYS: usize = 30;
const ORDERS_A_DAY: usize = 8;
const WAREHOUSES: usize = 3;
const PRODUCTS: usize = 2;
/// So few that some orders find no warehouse, and some moves no other one.
const PIECES: i64 = 120;
const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

struct NoAddresses;

#[async_trait]
impl AddressLocator for NoAddresses {
    async fn locate(&self, _: TenantId, _: &str) -> Result<Location, Problem> {
        Err(Problem::of(&oms_errors::INVALID_REQUEST))
    }
}

struct GoodsMonth {
    shop: Shop,
    inventory: InventoryContext,
    books: Books,
    /// The products of the lines of each order.
    orders: BTreeMap<OrderId, Vec<ProductId>>,
    shipments: Vec<ShipmentId>,
    seen: BTreeSet<MoveId>,
    /// How often each kind of event had an effect.
    happened: BTreeMap<&'static str, usize>,
    keys: usize,
    random: StdRng,
}

fn at(number: usize) -> WarehouseId {
    warehouse(number).into()
}

fn sku(number: usize) -> ProductId {
    product(number).into()
}

impl GoodsMonth {
    async fn begin(seed: u64) -> Self {
        let database = TestDatabase::create();
        let pool = database.pool(8);
        let inventory = InventoryContext::new(pool.clone(), Arc::new(NoAddresses), PATIENCE);
        let opening = Opening {
            clock: Some(TestClock::at_noon()),
            ..Opening::default()
        };
        let stock = catalogue(&[[PIECES; PRODUCTS]; WAREHOUSES]);
        let shop = Shop::open_on(database, pool, &stock, opening).await;
        let mut books = Books::default();
        for (warehouse, product) in levels() {
            books.level(at(warehouse), sku(product)).on_hand = PIECES;
        }
        Self {
            shop,
            inventory,
            books,
            orders: BTreeMap::new(),
            shipments: Vec::new(),
            seen: BTreeSet::new(),
            happened: BTreeMap::new(),
            keys: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn name(&mut self) -> String {
        self.keys += 1;
        format!("key-{}", self.keys)
    }

    fn note(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    fn any_order(&mut self) -> Option<OrderId> {
        let orders: Vec<OrderId> = self.orders.keys().copied().collect();
        orders.choose(&mut self.random).copied()
    }

    /// An open fulfilment order of a random order.
    async fn any_work(&mut self) -> Option<FulfilmentOrder> {
        let order_id = self.any_order()?;
        let found = order_fulfilments(&self.shop.context, tenant(), order_id).await;
        let mut open = found.unwrap().fulfilment_orders;
        open.retain(FulfilmentOrder::is_open);
        open.choose(&mut self.random).cloned()
    }

    async fn place(&mut self) {
        let products = match self.random.random_range(0..3) {
            0 => vec![0],
            1 => vec![1],
            _ => vec![0, 1],
        };
        let line = |number: &usize| RequestedLine {
            product_id: sku(*number),
            quantity: self.random.random_range(1..5),
        };
        let lines: Vec<RequestedLine> = products.iter().map(line).collect();
        let request = OrderRequest {
            lines,
            ..three_pieces()
        };
        let key = key(&self.name());
        match place_order(&self.shop.context, tenant(), &key, &request, "api").await {
            Ok(PlacedOrder::Paid(order)) => {
                for line in &order.lines {
                    let units = i64::from(line.quantity);
                    let level = self.books.level(order.warehouse_id, line.product_id);
                    level.reserved += units;
                }
                let lines = order.lines.iter().map(|line| line.product_id);
                self.orders.insert(order.id, lines.collect());
                self.note("placed");
            }
            Err(PlacingError::NoSingleWarehouse) => self.note("refused"),
            other => panic!("{other:?}"),
        }
    }

    /// A file with the stock of a random level: units that arrived, or the units that were counted.
    async fn import(&mut self) {
        let (w, p) = (
            self.random.random_range(0..WAREHOUSES),
            self.random.random_range(0..PRODUCTS),
        );
        let level = *self.books.level(at(w), sku(p));
        let mode = match self.random.random_bool(0.5) {
            true => StockMode::Receive,
            false => StockMode::Set,
        };
        let units = self.random.random_range(1..20);
        let on_hand = match mode {
            StockMode::Receive => level.on_hand + units,
            StockMode::Set => level.reserved + level.quarantined + units,
        };
        let quantity = match mode {
            StockMode::Receive => units,
            StockMode::Set => on_hand,
        };
        let text = format!("sku,warehouseId,quantity\nSKU-{p},{},{quantity}\n", at(w));
        let request = ImportRequest {
            file: file(text.as_bytes()).await,
            format: ImportFormat::Csv,
            acceptance: Acceptance::EachRow,
            actor: "test".to_owned(),
        };
        let (key, reason) = (key(&self.name()), Reason::parse("counted").unwrap());
        let context = &self.inventory;
        let done = import_stock(context, tenant(), &key, mode, &reason, request, &()).await;
        let report = done.unwrap().into_inner();
        assert!(report.rejections.is_empty(), "{report:?}");
        self.books.level(at(w), sku(p)).on_hand = on_hand;
        self.note("imported");
    }

    /// A warehouse is evacuated within a day, and opened again.
    async fn evacuate(&mut self, number: usize) {
        let name = self.name();
        let started = self.shop.evacuate(number, &name).await.unwrap();
        self.shop.evacuate_all().await;
        self.shop.pass(MINUTE);
        self.shop.evacuate_all().await;
        let finished = self.shop.evacuation(started.id).await;
        assert_eq!(finished.status, EvacuationStatus::Finished);
        for (order_id, products) in &self.orders {
            let moves = find_moves(&self.shop.context, tenant(), *order_id).await;
            for made in moves.unwrap().into_iter().map(|it| it.made) {
                if made.cause != MoveCause::Evacuation || !self.seen.insert(made.id) {
                    continue;
                }
                for (line, units) in made.units.iter() {
                    let product = products[usize::try_from(line).unwrap() - 1];
                    let (from, to) = (made.from_warehouse_id, made.to_warehouse_id);
                    self.books
                        .reserve_elsewhere(product, from, to, units.into());
                }
            }
        }
        let open = "UPDATE inventory.warehouses SET active = true WHERE NOT active";
        self.shop.execute(open).await;
        self.note("evacuated");
    }

    /// Refunds that wait are made, and then the books are compared.
    async fn close_the_day(&mut self, day: usize) {
        for _ in 0..3 {
            sweep_orders(&self.shop.context).await.unwrap();
            let mut pass = ReturnsPass::default();
            settle_returns(&self.shop.context, &mut pass).await.unwrap();
        }
        let stored = self
            .shop
            .text(
                "SELECT string_agg(concat_ws(' ', warehouse_id, product_id, on_hand, reserved, quarantined), E'\\n'
                                   ORDER BY warehouse_id, product_id)
                 FROM inventory.stock_levels",
            )
            .await;
        assert_eq!(stored, self.books.to_string(), "day {day}");
        self.shop.pass(DAY);
    }
}

fn levels() -> impl Iterator<Item = (usize, usize)> {
    (0..WAREHOUSES).flat_map(|w| (0..PRODUCTS).map(move |p| (w, p)))
}

async fn file(content: &[u8]) -> ImportFile {
    let mut writer = ImportFileWriter::new(u64::MAX).unwrap();
    writer.write(content).await.unwrap();
    writer.finish().await.unwrap()
}

#[tokio::test]
async fn each_unit_of_a_month_is_accounted_for_in_its_warehouse() {
    let seed = seed(7_113);
    let _seed = Seed(seed);
    let mut month = GoodsMonth::begin(seed).await;
    for day in 0..DAYS {
        for _ in 0..ORDERS_A_DAY {
            month.place().await;
        }
        month.work().await;
        if day % 3 == 0 {
            month.import().await;
        }
        if day % 5 == 4 {
            month.evacuate(day % WAREHOUSES).await;
        }
        month.close_the_day(day).await;
    }
    month.shop.assert_sound().await;
    let happened = month.happened;
    let kinds: Vec<&str> = happened.keys().copied().collect();
    // A month in which something never happens proves nothing about it.
    let expected = [
        "cancelled",
        "delivered",
        "evacuated",
        "held",
        "imported",
        "moved",
        "packed",
        "placed",
        "received",
        "rejected",
        "shipped",
        "undone",
    ];
    for kind in expected {
        assert!(kinds.contains(&kind), "{kind}: {happened:?}");
    }
}
