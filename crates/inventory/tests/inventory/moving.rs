//! Moving reserved units to another warehouse.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oms_database::{Connection, transaction};
use oms_inventory::{
    HolderId, MoveError, ReservationMove, SourceStock, StockChangeId, StockError,
    find_reservations, move_reservations, release,
};
use oms_testing::invariants::rule;
use oms_validation::WarehouseId;
use rand::RngExt;
use tokio::sync::{Barrier, Mutex};
use tokio::task::JoinSet;

use crate::fixture::*;
use crate::holders::*;

const KEEP: &[(usize, SourceStock)] = &[];

pub async fn move_units(
    connection: &mut Connection,
    holder: HolderId,
    [from, to]: [WarehouseId; 2],
    lines: &[(usize, i32)],
    source: &[(usize, SourceStock)],
) -> Result<(), MoveError> {
    let units = demand(lines);
    let source: BTreeMap<_, _> = source
        .iter()
        .map(|(number, stock)| (product(*number), *stock))
        .collect();
    let moved = ReservationMove {
        holder,
        from,
        to,
        units: &units,
        source: &source,
    };
    transaction(connection, async |connection| {
        let record = record(StockChangeId::generate());
        move_reservations(connection, tenant(), moved, record).await
    })
    .await
}

/// `on hand / reserved / quarantined` of all levels, by warehouse.
async fn levels(connection: &mut Connection) -> Vec<String> {
    let sql = "SELECT string_agg(format('%s/%s/%s', on_hand, reserved, quarantined), ' ' ORDER BY product_id)
               FROM inventory.stock_levels GROUP BY warehouse_id ORDER BY warehouse_id";
    texts(connection, sql).await
}

async fn movements(connection: &mut Connection) -> Vec<String> {
    let sql = "SELECT format('%s %s %s %s', kind, quantity, quarantined, reason) FROM inventory.stock_movements
               WHERE kind <> 'receipt' ORDER BY id";
    texts(connection, sql).await
}

const ROUTE: fn() -> [WarehouseId; 2] = || [warehouse(0), warehouse(1)];

#[tokio::test]
async fn a_move_takes_the_reservation_along_and_leaves_the_stock() {
    let (_database, mut connection) = store_with(&[&[9, 9], &[5, 5]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    let other = reserved(&mut connection, warehouse(1), &[(1, 4)]).await;
    move_units(&mut connection, holder, ROUTE(), &[(0, 2), (1, 1)], KEEP)
        .await
        .unwrap();
    assert_eq!(
        levels(&mut connection).await,
        ["9/1/0 9/1/0", "5/2/0 5/5/0"]
    );
    // The second move adds to the reservation that is there, and uses the rest of the first one.
    move_units(&mut connection, holder, ROUTE(), &[(0, 1)], KEEP)
        .await
        .unwrap();
    assert_eq!(
        levels(&mut connection).await,
        ["9/0/0 9/1/0", "5/3/0 5/5/0"]
    );
    let found = find_reservations(tenant(), &[holder, other]).run(&mut connection);
    let found: Vec<_> = found.await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.holder, it.warehouse_id, it.product_id, it.quantity))
        .collect();
    let expected = [
        (holder, warehouse(0), product(1), 1),
        (holder, warehouse(1), product(0), 3),
        (holder, warehouse(1), product(1), 1),
        (other, warehouse(1), product(1), 4),
    ];
    assert_eq!(found, expected);
    assert_eq!(movements(&mut connection).await, Vec::<String>::new());
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn units_move_only_to_a_warehouse_that_has_them() {
    let (_database, mut connection) = store_with(&[&[9, 9], &[5, 5], &[]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 6), (1, 2)]).await;
    reserved(&mut connection, warehouse(1), &[(1, 4)]).await;
    let refused = [
        (warehouse(1), vec![(0, 6)], vec![(0, 5, 6)]),
        (warehouse(1), vec![(0, 1), (1, 2)], vec![(1, 1, 2)]),
        (
            warehouse(2),
            vec![(0, 1), (1, 1)],
            vec![(0, 0, 1), (1, 0, 1)],
        ),
    ];
    let before = levels(&mut connection).await;
    for (to, lines, expected) in refused {
        let moved = move_units(&mut connection, holder, [warehouse(0), to], &lines, KEEP).await;
        let Err(MoveError::NotAvailable(short)) = &moved else {
            panic!("{moved:?}")
        };
        let short: Vec<_> = short
            .iter()
            .map(|it| (it.product_id, it.available, it.wanted))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(number, available, wanted)| (product(number), available, wanted))
            .collect();
        assert_eq!(short, expected);
    }
    let too_many = move_units(&mut connection, holder, ROUTE(), &[(0, 1), (1, 3)], KEEP).await;
    assert!(
        matches!(&too_many, Err(MoveError::NotReserved(missing)) if missing.len() == 1),
        "{too_many:?}"
    );
    for sql in [
        "UPDATE inventory.stock_levels SET safety_stock = 5 WHERE on_hand = 5",
        "UPDATE inventory.stock_levels SET safety_stock = 0, backordered = 5 WHERE on_hand = 5",
        "UPDATE inventory.stock_levels SET backordered = 0",
        "UPDATE inventory.warehouses SET active = false",
    ] {
        run(&mut connection, sql).await;
        let moved = move_units(&mut connection, holder, ROUTE(), &[(0, 1)], KEEP).await;
        let is_refused = matches!(moved, Err(MoveError::NotAvailable(_)));
        assert_eq!(
            is_refused,
            !sql.ends_with("backordered = 0"),
            "{sql}: {moved:?}"
        );
    }
    assert_ne!(levels(&mut connection).await, before);
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn the_warehouse_that_rejects_units_corrects_its_stock_in_the_same_change() {
    let (_database, mut connection) = store_with(&[&[9, 9, 9, 9], &[5, 5, 5, 5]]).await;
    let lines = [(0, 2), (1, 2), (2, 2), (3, 2)];
    let holder = reserved(&mut connection, warehouse(0), &lines).await;
    reserved(&mut connection, warehouse(0), &[(3, 3)]).await;
    let source = |counted| {
        [
            (0, SourceStock::WriteOff),
            (1, SourceStock::Quarantine),
            (2, SourceStock::Keep),
            (3, SourceStock::Count(counted)),
        ]
    };
    let refused = move_units(&mut connection, holder, ROUTE(), &lines, &source(2)).await;
    assert!(
        matches!(&refused, Err(MoveError::Insufficient(short)) if short.len() == 1),
        "{refused:?}"
    );
    move_units(&mut connection, holder, ROUTE(), &lines, &source(3))
        .await
        .unwrap();
    assert_eq!(
        levels(&mut connection).await,
        ["7/0/0 9/0/2 9/0/0 3/3/0", "5/2/0 5/2/0 5/2/0 5/2/0"]
    );
    assert_eq!(
        movements(&mut connection).await,
        [
            "write_off -2 0 shipment 1",
            "quarantine 0 2 shipment 1",
            "adjustment -6 0 shipment 1"
        ]
    );
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_move_within_a_warehouse_and_an_impossible_count_are_refused() {
    let (_database, mut connection) = store_with(&[&[9], &[9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3)]).await;
    let nowhere = [warehouse(0), warehouse(0)];
    let refused = move_units(&mut connection, holder, nowhere, &[(0, 3)], KEEP).await;
    assert!(matches!(refused, Err(MoveError::Invalid)), "{refused:?}");
    for counted in [-1, 1_000_000_001] {
        let source = [(0, SourceStock::Count(counted))];
        let refused = move_units(&mut connection, holder, ROUTE(), &[(0, 3)], &source).await;
        assert!(matches!(refused, Err(MoveError::Invalid)), "{refused:?}");
    }
    assert_eq!(levels(&mut connection).await, ["9/3/0", "9/0/0"]);
}

/// Four holders move to and fro on four connections, while another reads: each read sees each holder's units exactly
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn units_that_move_are_never_reserved_twice_or_nowhere() {
    const HOLDERS: usize = 4;
    const MOVES: usize = 250;
    let (database, mut connection) = store_with(&[&[90, 90], &[90, 90], &[90, 90]]).await;
    let (stop, barrier) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Barrier::new(HOLDERS + 1)),
    );
    let mut movers = JoinSet::new();
    for _ in 0..HOLDERS {
        let holder = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
        let (mut connection, barrier) = (database.connect().await, barrier.clone());
        movers.spawn(async move {
            barrier.wait().await;
            let mut at = 0;
            for _ in 0..MOVES {
                let to = (at + 1 + random(2)) % 3;
                let route = [warehouse(at), warehouse(to)];
                let lines = [(0, 3), (1, 2)];
                move_units(&mut connection, holder, route, &lines, KEEP)
                    .await
                    .unwrap();
                at = to;
            }
        });
    }
    let mut reader = database.connect().await;
    let (stopped, waiting) = (stop.clone(), barrier.clone());
    let reading = tokio::spawn(async move {
        waiting.wait().await;
        let mut reads = 0;
        while !stopped.load(Ordering::Relaxed) {
            let wrong = "SELECT count(*) FROM (
                SELECT FROM inventory.reservations GROUP BY order_id, product_id
                HAVING count(*) <> 1 OR sum(quantity) NOT IN (2, 3)
                UNION ALL SELECT FROM inventory.reservations HAVING sum(quantity) <> 20
                UNION ALL SELECT FROM inventory.stock_levels HAVING sum(reserved) <> 20) AS wrong";
            assert_eq!(number(&mut reader, wrong).await, 0);
            rule("stock-levels").assert_holds(&mut reader).await;
            reads += 1;
        }
        reads
    });
    movers.join_all().await;
    stop.store(true, Ordering::Relaxed);
    assert!(reading.await.unwrap() > 0);
    assert_conserved(&mut connection).await;
}

/// What a connection of the test below may do.
const ACTIONS: usize = 5;

/// Eight connections place, ship, reverse, release and move on nine levels. Each locks a holder before it changes
/// something, as an order's transaction does.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_holders_do_at_once_neither_deadlocks_nor_loses_units() {
    const CONNECTIONS: usize = 8;
    const ROUNDS: usize = 60;
    let (database, mut connection) =
        store_with(&[&[40, 40, 40], &[40, 40, 40], &[40, 40, 40]]).await;
    let orders = (0..6).map(|_| Mutex::new((HolderId::generate(), Vec::new())));
    let locks: Arc<Vec<_>> = Arc::new(orders.collect());
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let mut stations = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (mut connection, locks) = (database.connect().await, locks.clone());
        let (mut reader, barrier) = (database.connect().await, barrier.clone());
        stations.spawn(async move {
            barrier.wait().await;
            let mut made = [0; ACTIONS];
            for _ in 0..ROUNDS {
                let action = random(ACTIONS);
                let mut locked = locks[random(6)].lock().await;
                made[action] += usize::from(act(&mut connection, action, &mut locked).await);
                drop(locked);
                rule("stock-levels").assert_holds(&mut reader).await;
            }
            made
        });
    }
    let made = stations.join_all().await;
    for action in 0..ACTIONS {
        let times: usize = made.iter().map(|made| made[action]).sum();
        assert!(times > 0, "action {action} was never possible: {made:?}");
    }
    assert_conserved(&mut connection).await;
}

/// Returns whether the stock allowed it.
async fn act(
    connection: &mut Connection,
    action: usize,
    (holder, shipments): &mut (HolderId, Vec<StockChangeId>),
) -> bool {
    let (at, to) = (random(3), random(3));
    let lines = [(random(3), 1 + i32::try_from(random(4)).unwrap())];
    let done = match action {
        // The next order of this place in the queue.
        0 => {
            let released = transaction(connection, async |connection| {
                release(connection, tenant(), *holder).await
            });
            released.await.unwrap();
            (*holder, *shipments) = (HolderId::generate(), Vec::new());
            let lines = [(0, 5), (1, 5), (2, 5)];
            return place(connection, *holder, warehouse(at), &lines).await;
        }
        1 => {
            let change_id = StockChangeId::generate();
            let shipped = ship_units(connection, *holder, warehouse(at), &lines, change_id).await;
            if shipped.is_ok() {
                shipments.push(change_id);
            }
            shipped
        }
        2 => match shipments.pop() {
            Some(change_id) => bring_back(connection, *holder, change_id).await,
            None => return false,
        },
        3 => release_units(connection, *holder, warehouse(at), &lines).await,
        _ => {
            let effects = [
                SourceStock::Keep,
                SourceStock::WriteOff,
                SourceStock::Quarantine,
            ];
            let source = [(lines[0].0, effects[random(3)])];
            let route = [warehouse(at), warehouse(to)];
            let moved = move_units(connection, *holder, route, &lines, &source).await;
            let is_expected = match &moved {
                Ok(()) => true,
                Err(error) => matches!(
                    error,
                    MoveError::NotReserved(_) | MoveError::NotAvailable(_) | MoveError::Invalid
                ),
            };
            assert!(is_expected, "{moved:?}");
            return moved.is_ok();
        }
    };
    let is_expected = matches!(done, Ok(()) | Err(StockError::NotReserved(_)));
    assert!(is_expected, "{done:?}");
    done.is_ok()
}

fn random(below: usize) -> usize {
    rand::rng().random_range(0..below)
}
