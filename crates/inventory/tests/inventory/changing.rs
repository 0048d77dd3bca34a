//! Changes of stock by operators, concurrent with each other and with orders.

use std::sync::Arc;

use oms_database::{Connection, transaction};
use oms_inventory::{
    Direction, InventoryContext, InventoryError, Lines, ReservationRequest, ReserveOutcome,
    StockChange, change_stock, reserve,
};
use oms_validation::{IdempotencyKey, Once, OrderId, Reason, TenantId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::*;

fn lines(pairs: &[(usize, i64)]) -> Lines {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(p, quantity)| (product(*p), *quantity))
        .collect();
    Lines::new(&pairs, Direction::UpOrDown).unwrap()
}

async fn change(
    context: &InventoryContext,
    key: &str,
    change: &StockChange,
) -> Result<bool, InventoryError> {
    let (key, reason) = (
        IdempotencyKey::parse(key).unwrap(),
        Reason::parse("test").unwrap(),
    );
    let changed = change_stock(context, tenant(), &key, change, &reason, &clerk()).await?;
    Ok(matches!(changed, Once::Now(_)))
}

async fn on_hand(connection: &mut Connection) -> i64 {
    number(
        connection,
        "SELECT sum(on_hand) FROM inventory.stock_levels",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_transfers_neither_deadlock_nor_lose_units() {
    const CLERKS: usize = 16;
    const ROUNDS: usize = 20;
    // Only one warehouse has the last two products at first, so levels are created while others are locked.
    let (database, mut connection) = store_with(&[&[500, 500, 500, 0], &[500, 500, 0, 500]]).await;
    let before = on_hand(&mut connection).await;
    let (context, barrier) = (context(&database, CLERKS), Arc::new(Barrier::new(CLERKS)));
    let mut clerks = JoinSet::new();
    for clerk in 0..CLERKS {
        let (context, barrier) = (context.clone(), barrier.clone());
        clerks.spawn(async move {
            barrier.wait().await;
            for round in 0..ROUNDS {
                let (from, to, only_there) = match clerk % 2 {
                    0 => (0, 1, 2),
                    _ => (1, 0, 3),
                };
                let transfer = StockChange::Transfer {
                    from: warehouse(from),
                    to: warehouse(to),
                    lines: lines(&[(0, 1), (1, 2), (only_there, 1)]),
                };
                assert!(
                    change(&context, &format!("{clerk} {round}"), &transfer)
                        .await
                        .unwrap()
                );
            }
        });
    }
    clerks.join_all().await;
    assert_eq!(on_hand(&mut connection).await, before);
    assert_conserved(&mut connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receiving_stock_while_orders_are_placed_never_oversells() {
    const BUYERS: usize = 60;
    const RECEIPTS: usize = 20;
    let (database, mut connection) = store_with(&[&[10]]).await;
    let context = context(&database, 8);
    let barrier = Arc::new(Barrier::new(BUYERS + RECEIPTS));
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let (mut connection, barrier) = (database.connect().await, barrier.clone());
        buyers.spawn(async move {
            let demand = demand(&[(0, 1)]);
            let request = ReservationRequest {
                holder: OrderId::generate().into(),
                warehouse_id: warehouse(0),
                demand: &demand,
            };
            barrier.wait().await;
            let outcomes = transaction(&mut connection, async |connection| {
                reserve(connection, tenant(), &[request]).await
            });
            outcomes.await.unwrap()[0] == ReserveOutcome::Reserved
        });
    }
    let mut clerks = JoinSet::new();
    for clerk in 0..RECEIPTS {
        let (context, barrier) = (context.clone(), barrier.clone());
        clerks.spawn(async move {
            let receive = StockChange::Receive {
                warehouse_id: warehouse(0),
                lines: lines(&[(0, 1)]),
            };
            barrier.wait().await;
            change(&context, &clerk.to_string(), &receive)
                .await
                .unwrap()
        });
    }
    assert!(
        clerks
            .join_all()
            .await
            .into_iter()
            .all(|was_first| was_first)
    );
    let sold = buyers
        .join_all()
        .await
        .into_iter()
        .filter(|sold| *sold)
        .count();
    assert!(
        (10..=10 + RECEIPTS).contains(&sold),
        "{sold} units were sold"
    );
    assert_eq!(on_hand(&mut connection).await, 30);
    let reserved = "SELECT sum(reserved) FROM inventory.stock_levels";
    assert_eq!(
        number(&mut connection, reserved).await,
        i64::try_from(sold).unwrap()
    );
    assert_conserved(&mut connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_requests_with_one_key_change_stock_once() {
    const REQUESTS: usize = 20;
    let (database, mut connection) = store_with(&[&[10]]).await;
    let (context, barrier) = (
        context(&database, REQUESTS),
        Arc::new(Barrier::new(REQUESTS)),
    );
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let (context, barrier) = (context.clone(), barrier.clone());
        requests.spawn(async move {
            let receive = StockChange::Receive {
                warehouse_id: warehouse(0),
                lines: lines(&[(0, 5)]),
            };
            barrier.wait().await;
            change(&context, "one", &receive).await.unwrap()
        });
    }
    let carried_out = requests
        .join_all()
        .await
        .into_iter()
        .filter(|first| *first)
        .count();
    assert_eq!(carried_out, 1);
    assert_eq!(on_hand(&mut connection).await, 15);
    assert_conserved(&mut connection).await;
}

#[tokio::test]
async fn a_refused_change_neither_claims_its_key_nor_changes_stock() {
    let (database, mut connection) = store_with(&[&[3], &[3]]).await;
    let context = context(&database, 1);
    let adjust = |quantity| StockChange::Adjust {
        warehouse_id: warehouse(0),
        lines: lines(&[(0, quantity)]),
    };
    let refused = change(&context, "k", &adjust(-4)).await;
    assert!(
        matches!(refused, Err(InventoryError::InsufficientStock(_))),
        "{refused:?}"
    );
    assert_eq!(
        number(
            &mut connection,
            "SELECT count(*) FROM inventory.idempotency_keys"
        )
        .await,
        0
    );
    assert!(change(&context, "k", &adjust(-3)).await.unwrap());
    assert!(!change(&context, "k", &adjust(-3)).await.unwrap());
    assert_eq!(on_hand(&mut connection).await, 3);
    // Another tenant has neither the warehouse nor the key.
    let stranger: TenantId = Uuid::from_u128(2).into();
    let (key, reason) = (
        IdempotencyKey::parse("k").unwrap(),
        Reason::parse("test").unwrap(),
    );
    let theirs = change_stock(&context, stranger, &key, &adjust(-3), &reason, &clerk()).await;
    assert!(
        matches!(theirs, Err(InventoryError::UnknownWarehouse(_))),
        "{theirs:?}"
    );
    assert_conserved(&mut connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_for_locked_stock_leave_connections_to_others() {
    const CONNECTIONS: usize = 4;
    let (database, mut locking) = store_with(&[&[500, 500]]).await;
    let context = context(&database, CONNECTIONS);
    let lock = format!(
        "BEGIN; SELECT FROM inventory.stock_levels WHERE product_id = '{}' FOR UPDATE",
        product(0)
    );
    run(&mut locking, &lock).await;
    let receive = |product: usize| StockChange::Receive {
        warehouse_id: warehouse(0),
        lines: lines(&[(product, 1)]),
    };
    let mut waiting = JoinSet::new();
    for clerk in 0..CONNECTIONS * 4 {
        let (context, receive) = (context.clone(), receive(0));
        waiting.spawn(async move { change(&context, &format!("{clerk}"), &receive).await });
    }
    for round in 0..CONNECTIONS {
        assert!(
            change(&context, &format!("other {round}"), &receive(1))
                .await
                .unwrap()
        );
    }
    assert!(waiting.try_join_next().is_none());
    run(&mut locking, "COMMIT").await;
    let received = waiting.join_all().await;
    assert!(received.into_iter().all(|is_new| is_new.unwrap()));
    assert_conserved(&mut locking).await;
}
