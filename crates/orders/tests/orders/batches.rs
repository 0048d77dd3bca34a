//! Orders that are placed together.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_database::{Connection, Database};
use oms_inventory::Catalogue;
use oms_orders::{
    ExternalReference, Metadata, OrderError, OrderRequest, OrderSettings, PlacedOrder,
    PlacingError, RequestedLine, RequestedPricing, get_order, place_order,
};
use oms_payments::PaymentMethod;
use oms_testing::TestDatabase;
use oms_testing::world::{north, product};
use oms_validation::IdempotencyKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::{JoinHandle, yield_now};
use uuid::Uuid;

use crate::shop::{Opening, Shop, settings, tenant};

/// The product of an order that others gather behind, so that they are placed together.
const HELD: usize = 9;

/// A world with these units of products 0, 1, …. Its first warehouse also has the held product.
fn catalogue(stock: &[Vec<u32>]) -> Catalogue {
    let mut stock = stock.to_vec();
    stock[0].resize(HELD, 0);
    stock[0].push(100);
    crate::shop::catalogue(&stock)
}

/// An order to a place this many degrees north of the first warehouse.
pub fn request(degrees: f64, lines: &[(usize, i32)]) -> OrderRequest {
    let address = json!({ "line1": "1 Main Street", "city": "X", "location": north(degrees) });
    let line = |(number, quantity): &(usize, i32)| RequestedLine {
        product_id: product(*number).into(),
        quantity: *quantity,
    };
    OrderRequest {
        customer_id: Uuid::from_u128(0xC).into(),
        shipping_address: serde_json::from_value(address).unwrap(),
        lines: lines.iter().map(line).collect(),
        pricing: RequestedPricing::default(),
        payment: PaymentMethod::parse_token("pm_card_visa").unwrap().into(),
        external_reference: None,
        metadata: Metadata::default(),
    }
}

pub type Placing = JoinHandle<Result<PlacedOrder, PlacingError>>;

async fn open(stock: &[Vec<u32>], batch_max: usize) -> Shop {
    let settings = OrderSettings {
        batch_max,
        batch_overdue: Duration::from_secs(60),
        ..settings()
    };
    open_with(stock, settings).await
}

pub async fn open_with(stock: &[Vec<u32>], settings: OrderSettings) -> Shop {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    open_on(database, pool, stock, settings).await
}

pub async fn open_on(
    database: TestDatabase,
    pool: Database,
    stock: &[Vec<u32>],
    settings: OrderSettings,
) -> Shop {
    let opening = Opening {
        settings,
        ..Opening::default()
    };
    Shop::open_on(database, pool, &catalogue(stock), opening).await
}

impl Shop {
    pub fn place(&self, key: &str, request: OrderRequest) -> Placing {
        let context = self.context.clone();
        let key = IdempotencyKey::parse(key).unwrap();
        tokio::spawn(async move { place_order(&context, tenant(), &key, &request, "api").await })
    }

    /// Locks all stock of a product until the connection rolls back.
    pub async fn hold(&self, number: usize) -> Connection {
        let mut holder = self.database.connect().await;
        let product = product(number);
        holder
            .batch_execute(&format!(
                "BEGIN; SELECT FROM inventory.stock_levels WHERE product_id = '{product}' FOR UPDATE"
            ))
            .await
            .unwrap();
        holder
    }

    /// Makes orders wait behind one that can't read its price, so that they are placed together, in this order.
    async fn gather(&self, orders: &[(String, OrderRequest)]) -> (Placing, Vec<Placing>) {
        let mut holder = self.database.connect().await;
        holder
            .batch_execute("BEGIN; LOCK TABLE inventory.prices")
            .await
            .unwrap();
        let first = self.place("first", request(0.0, &[(HELD, 1)]));
        while self.context.batch_counts().arrivals.batches() == 0 {
            yield_now().await;
        }
        let mut placing = Vec::new();
        for (key, request) in orders {
            placing.push(self.place(key, request.clone()));
            while self.context.batch_counts().arrivals.waiting < placing.len() as u64 {
                yield_now().await;
            }
        }
        holder.batch_execute("ROLLBACK").await.unwrap();
        (first, placing)
    }

    /// The client's answer, and why the order comes from its warehouse.
    async fn answer(&self, placed: Result<PlacedOrder, PlacingError>) -> String {
        match placed {
            Ok(PlacedOrder::Paid(order)) => {
                let stored = get_order(&self.context, tenant(), order.id)
                    .await
                    .unwrap()
                    .order;
                let routing = serde_json::to_string(&stored.routing).unwrap();
                assert_eq!(routing, serde_json::to_string(&order.routing).unwrap());
                assert_eq!(stored.external_reference, order.external_reference);
                assert_eq!(stored.metadata, order.metadata);
                format!(
                    "paid {:?} from {} because {routing}",
                    order.total,
                    order.warehouse_id.as_uuid()
                )
            }
            Ok(PlacedOrder::PaidBefore(order)) => format!("replayed {:?}", order.total),
            Err(PlacingError::InProgress(_)) => "in progress".to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Everything that placing leaves, without the IDs that differ each time.
    async fn everything(&self) -> String {
        let sql = "
            SELECT concat_ws(E'\\n',
                (SELECT string_agg(concat_ws(' ', warehouse_id, product_id, on_hand, reserved), E'\\n'
                                   ORDER BY warehouse_id, product_id) FROM inventory.stock_levels),
                (SELECT string_agg(concat_ws(' ', o.idempotency_key, o.status, o.version, o.total_minor, o.warehouse_id,
                     coalesce(o.external_reference, 'none'), coalesce(o.metadata::text, 'none'),
                     (SELECT string_agg(l.number || ':' || l.product_id || 'x' || l.quantity, ',' ORDER BY l.number)
                      FROM orders.lines l WHERE l.order_id = o.id),
                     (SELECT string_agg(r.product_id || 'x' || r.quantity, ',' ORDER BY r.product_id)
                      FROM inventory.reservations r WHERE r.order_id = o.id AND r.warehouse_id = o.warehouse_id),
                     (SELECT string_agg(e.sequence || e.to_status || e.actor || e.reason, ',' ORDER BY e.sequence)
                      FROM orders.events e WHERE e.order_id = o.id),
                     (SELECT string_agg(a.state || a.amount_minor, ',') FROM payments.attempts a WHERE a.order_id = o.id),
                     (SELECT count(*) FROM payments.gateway_calls c WHERE c.order_id = o.id)), E'\\n'
                     ORDER BY o.idempotency_key) FROM orders.orders o),
                (SELECT count(*) FROM orders.reconciliations))";
        self.text(sql).await
    }
}

/// One of a few texts, or none.
fn chance_of(random: &mut StdRng, word: &str) -> Option<String> {
    let number = random.random_range(0..4_u8);
    (number > 0).then(|| format!("{word} {number}"))
}

/// Little stock and many orders, some of them twice with the same key.
fn chances(seed: u64) -> (Vec<Vec<u32>>, Vec<(String, OrderRequest)>) {
    let mut random = StdRng::seed_from_u64(seed);
    let products = random.random_range(1..4);
    let warehouses = random.random_range(1..6);
    let stock = (0..warehouses)
        .map(|_| (0..products).map(|_| random.random_range(0..7)).collect())
        .collect();
    let mut orders: Vec<(String, OrderRequest)> = Vec::new();
    for number in 0..random.random_range(2..30) {
        let degrees = f64::from(random.random_range(0..4_u8)) * 1.3;
        let first = random.random_range(0..products);
        let mut lines = vec![(first, random.random_range(1..4))];
        if products > 1 && random.random_ratio(1, 3) {
            lines.push(((first + 1) % products, random.random_range(1..3)));
        }
        let twin = random.random_ratio(1, 8) && !orders.is_empty();
        let key = match twin {
            true => orders[random.random_range(0..orders.len())].0.clone(),
            false => format!("k{number:02}"),
        };
        // A twin may be the same request or, occasionally, another one.
        let request = match orders.iter().find(|(known, _)| *known == key) {
            Some((_, request)) if random.random_ratio(3, 4) => request.clone(),
            _ => OrderRequest {
                external_reference: chance_of(&mut random, "reference")
                    .map(|text| ExternalReference::parse(&text).unwrap()),
                metadata: match chance_of(&mut random, "note") {
                    Some(text) => serde_json::from_value(json!({ "note": text })).unwrap(),
                    None => Metadata::default(),
                },
                ..request(degrees, &lines)
            },
        };
        orders.push((key, request));
    }
    (stock, orders)
}

#[tokio::test(flavor = "multi_thread")]
async fn placing_orders_together_equals_placing_them_in_arrival_order() {
    for seed in 0..12 {
        let (stock, orders) = chances(seed);
        let alone = open(&stock, 1).await;
        let together = open(&stock, 64).await;
        alone
            .place("first", request(0.0, &[(HELD, 1)]))
            .await
            .unwrap()
            .unwrap();
        let mut expected = Vec::new();
        for (key, request) in &orders {
            let placed = alone.place(key, request.clone()).await.unwrap();
            expected.push(alone.answer(placed).await);
        }

        let (first, placing) = together.gather(&orders).await;
        first.await.unwrap().unwrap();
        for (number, placing) in placing.into_iter().enumerate() {
            let answer = together.answer(placing.await.unwrap()).await;
            // If all arrive together, a twin may be answered that the order is in progress.
            let expected = match expected[number].starts_with("replayed") && answer == "in progress"
            {
                true => "in progress",
                false => &expected[number],
            };
            assert_eq!(answer, expected, "order {number} of seed {seed}");
        }
        assert_eq!(
            together.everything().await,
            alone.everything().await,
            "seed {seed}"
        );
        let counts = together.context.batch_counts().arrivals;
        assert_eq!(
            (counts.batches(), counts.items),
            (2, orders.len() as u64 + 1),
            "seed {seed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_a_row_does_not_delay_the_rest_of_its_batch() {
    let store = open(&[vec![5, 5]], 64).await;
    let mut holder = store.hold(0).await;
    let orders = [
        ("blocked".to_owned(), request(0.0, &[(0, 1)])),
        ("free".to_owned(), request(0.0, &[(1, 1)])),
    ];
    let (first, mut placing) = store.gather(&orders).await;
    first.await.unwrap().unwrap();
    let free = placing.pop().unwrap().await.unwrap();
    assert!(matches!(free, Ok(PlacedOrder::Paid(_))), "{free:?}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    let blocked = placing.pop().unwrap().await.unwrap();
    assert!(matches!(blocked, Ok(PlacedOrder::Paid(_))), "{blocked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_database_refuses_fails_no_other() {
    let store = open(&[vec![5, 5]], 64).await;
    let mut connection = store.database.connect().await;
    let refusal =
        "ALTER TABLE orders.orders ADD CONSTRAINT poison CHECK (idempotency_key <> 'poisoned')";
    connection.batch_execute(refusal).await.unwrap();
    let order = |key: &str| (key.to_owned(), request(0.0, &[(0, 1)]));
    let orders = [order("before"), order("poisoned"), order("after")];
    let (first, placing) = store.gather(&orders).await;
    first.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for placing in placing {
        answers.push(placing.await.unwrap());
    }
    let paid =
        |answer: &Result<PlacedOrder, PlacingError>| matches!(answer, Ok(PlacedOrder::Paid(_)));
    assert!(paid(&answers[0]) && paid(&answers[2]), "{answers:?}");
    assert!(
        matches!(
            answers[1],
            Err(PlacingError::Order(OrderError::Database(_)))
        ),
        "{answers:?}"
    );
}
