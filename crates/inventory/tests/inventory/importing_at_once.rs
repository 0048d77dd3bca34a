//! Imports that run concurrently with each other, with orders and with transfers.

use std::sync::Arc;

use oms_database::transaction;
use oms_inventory::{
    Acceptance, Direction, InventoryError, Lines, ReservationRequest, StockChange, StockMode,
    change_stock, reserve,
};
use oms_validation::{Once, OrderId, Reason};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::*;
use crate::importing::{import, key, request, stock_file};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_key_import_each_chunk_once() {
    const REQUESTS: usize = 6;
    const PRODUCTS: usize = 4_500;
    let stock = vec![1; PRODUCTS];
    for acceptance in [Acceptance::EachRow, Acceptance::AllOrNothing] {
        let (database, mut connection) = store_with(&[&stock]).await;
        let (context, barrier) = (
            context(&database, REQUESTS),
            Arc::new(Barrier::new(REQUESTS)),
        );
        let text = Arc::new(stock_file((0..PRODUCTS).map(|p| (p, 0, 10))));
        let mut requests = JoinSet::new();
        for _ in 0..REQUESTS {
            let (context, barrier, text) = (context.clone(), barrier.clone(), text.clone());
            requests.spawn(async move {
                let request = request(&text, acceptance).await;
                barrier.wait().await;
                import(&context, "one", StockMode::Receive, request, &()).await
            });
        }
        let mut done = 0;
        for imported in requests.join_all().await {
            match imported {
                Ok(Once::Now(_) | Once::Before(_)) => done += 1,
                Err(InventoryError::ImportInProgress) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(done >= 1, "no request completed the import");
        let once = "SELECT count(*) FROM inventory.stock_levels WHERE on_hand = 11";
        let products = i64::try_from(PRODUCTS).unwrap();
        assert_eq!(number(&mut connection, once).await, products);
        assert_conserved(&mut connection).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_imports_orders_and_transfers_neither_deadlock_nor_lose_units() {
    const PRODUCTS: usize = 60;
    const IMPORTERS: usize = 6;
    const BUYERS: usize = 6;
    const CLERKS: usize = 2;
    const ROUNDS: usize = 8;
    let (some, none) = (vec![1_000; PRODUCTS], vec![0; PRODUCTS]);
    let (database, mut connection) = store_with(&[&some, &some, &none]).await;
    let everybody = IMPORTERS + BUYERS + CLERKS;
    let (context, barrier) = (
        context(&database, everybody),
        Arc::new(Barrier::new(everybody)),
    );
    let mut tasks = JoinSet::new();
    for importer in 0..IMPORTERS {
        let (context, barrier) = (context.clone(), barrier.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            for round in 0..ROUNDS {
                // Each file has its own row order, and levels that don't exist yet.
                let mut rows: Vec<usize> = (0..3 * PRODUCTS).collect();
                rows.rotate_left(importer * 11 + round);
                if importer % 3 == 0 {
                    rows.reverse();
                }
                let text = stock_file(rows.into_iter().map(|n| (n % PRODUCTS, n / PRODUCTS, 2)));
                let acceptance = match importer % 2 {
                    0 => Acceptance::EachRow,
                    _ => Acceptance::AllOrNothing,
                };
                let name = format!("{importer} {round}");
                let request = request(&text, acceptance).await;
                let imported = import(&context, &name, StockMode::Receive, request, &()).await;
                assert!(matches!(imported, Ok(Once::Now(_))), "{imported:?}");
            }
        });
    }
    for buyer in 0..BUYERS {
        let (mut connection, barrier) = (database.connect().await, barrier.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            for round in 0..ROUNDS {
                let lines: Vec<_> = (0..10).map(|n| ((buyer + n * 5) % PRODUCTS, 1)).collect();
                let demand = demand(&lines);
                let request = ReservationRequest {
                    holder: OrderId::generate().into(),
                    warehouse_id: warehouse(round % 2),
                    demand: &demand,
                };
                let reserved = transaction(&mut connection, async |connection| {
                    reserve(connection, tenant(), &[request]).await
                });
                reserved.await.unwrap();
            }
        });
    }
    for number in 0..CLERKS {
        let (context, barrier) = (context.clone(), barrier.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            for round in 0..ROUNDS {
                let pairs: Vec<_> = (0..PRODUCTS).map(|p| (product(p), 1)).collect();
                let transfer = StockChange::Transfer {
                    from: warehouse(number % 2),
                    to: warehouse(2),
                    lines: Lines::new(&pairs, Direction::Up).unwrap(),
                };
                let (key, reason) = (
                    key(&format!("clerk {number} {round}")),
                    Reason::parse("test").unwrap(),
                );
                let moved =
                    change_stock(&context, tenant(), &key, &transfer, &reason, &clerk()).await;
                assert!(matches!(moved, Ok(Once::Now(_))), "{moved:?}");
            }
        });
    }
    tasks.join_all().await;
    assert_conserved(&mut connection).await;
}
