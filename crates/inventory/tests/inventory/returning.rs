//! Returned units, and the quarantine.

use std::sync::Arc;

use oms_database::{Connection, transaction};
use oms_inventory::{
    Dispositions, InventoryError, ReturnError, ReturnedUnits, StockChangeId, receive_return,
};
use oms_validation::WarehouseId;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::*;
use crate::holders::*;

fn units(restock: i32, quarantine: i32, discard: i32, missing: i32) -> Dispositions {
    Dispositions {
        restock,
        quarantine,
        discard,
        missing,
    }
}

pub async fn take_back(
    connection: &mut Connection,
    warehouse_id: WarehouseId,
    lines: &[(usize, Dispositions)],
    change_id: StockChangeId,
) -> Result<(), ReturnError> {
    let lines = lines
        .iter()
        .map(|(number, units)| (product(*number), *units));
    let returned = ReturnedUnits::from_lines(lines).unwrap();
    transaction(connection, async |connection| {
        let record = record(change_id);
        receive_return(connection, tenant(), warehouse_id, &returned, record).await
    })
    .await
}

/// `on hand / reserved / quarantined` of all levels, ordered by warehouse and product.
async fn levels(connection: &mut Connection) -> Vec<String> {
    let sql =
        "SELECT format('%s/%s/%s', on_hand, reserved, quarantined) FROM inventory.stock_levels
               ORDER BY warehouse_id, product_id";
    texts(connection, sql).await
}

#[tokio::test]
async fn returned_units_are_restocked_or_set_aside_in_any_warehouse() {
    let (_database, mut connection) = store_with(&[&[9, 9, 9], &[]]).await;
    let lines = [
        (0, units(2, 0, 0, 0)),
        (1, units(1, 3, 0, 1)),
        (2, units(0, 0, 2, 1)),
        (0, units(1, 0, 0, 0)),
    ];
    let change_id = StockChangeId::generate();
    take_back(&mut connection, warehouse(0), &lines, change_id)
        .await
        .unwrap();
    assert_eq!(levels(&mut connection).await, ["12/0/0", "13/0/3", "9/0/0"]);
    let again = take_back(&mut connection, warehouse(0), &lines, change_id).await;
    assert!(matches!(again, Err(ReturnError::AlreadyMade)), "{again:?}");
    // Nor may another warehouse take the same parcel back.
    let elsewhere = take_back(&mut connection, warehouse(1), &lines, change_id).await;
    assert!(
        matches!(elsewhere, Err(ReturnError::AlreadyMade)),
        "{elsewhere:?}"
    );
    // The second warehouse never had the products.
    let second = StockChangeId::generate();
    take_back(&mut connection, warehouse(1), &lines[..2], second)
        .await
        .unwrap();
    assert_eq!(
        levels(&mut connection).await,
        ["12/0/0", "13/0/3", "9/0/0", "2/0/0", "4/0/3"]
    );
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_return_to_an_unknown_warehouse_or_of_unknown_or_too_many_units_changes_nothing() {
    let (_database, mut connection) = store_with(&[&[9]]).await;
    run(
        &mut connection,
        "UPDATE inventory.stock_levels SET on_hand = 1000000000;
         UPDATE inventory.stock_movements SET quantity = 1000000000",
    )
    .await;
    let mut receive = async |warehouse_number, number, units| {
        let change_id = StockChangeId::generate();
        let lines = [(number, units)];
        take_back(
            &mut connection,
            warehouse(warehouse_number),
            &lines,
            change_id,
        )
        .await
    };
    let refused = receive(7, 0, units(1, 0, 0, 0)).await;
    let expected = matches!(
        refused,
        Err(ReturnError::Refused(InventoryError::UnknownWarehouse(id))) if id == warehouse(7)
    );
    assert!(expected, "{refused:?}");
    let refused = receive(0, 5, units(0, 1, 0, 0)).await;
    let expected = matches!(
        &refused,
        Err(ReturnError::Refused(InventoryError::UnknownProducts(ids))) if *ids == [product(5)]
    );
    assert!(expected, "{refused:?}");
    let refused = receive(0, 0, units(0, 1, 0, 0)).await;
    let expected = matches!(
        &refused,
        Err(ReturnError::Refused(InventoryError::TooMuchStock(ids))) if *ids == [product(0)]
    );
    assert!(expected, "{refused:?}");
    receive(0, 0, units(0, 0, 2, 1)).await.unwrap();
    assert_eq!(levels(&mut connection).await, ["1000000000/0/0"]);
    assert_levels(&mut connection).await;
}

/// Sixteen connections receive the same parcel, half of its products for the first time in the warehouse, while another
/// ships from the same levels.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repetitions_of_a_receipt_restock_once() {
    const RECEIVERS: usize = 16;
    let (database, mut connection) = store_with(&[&[9, 9], &[5]]).await;
    let holder = reserved(&mut connection, warehouse(1), &[(0, 4)]).await;
    let change_id = StockChangeId::generate();
    let barrier = Arc::new(Barrier::new(RECEIVERS + 1));
    let mut receivers = JoinSet::new();
    for _ in 0..RECEIVERS {
        let (mut connection, barrier) = (database.connect().await, barrier.clone());
        receivers.spawn(async move {
            barrier.wait().await;
            let lines = [(0, units(2, 1, 0, 0)), (1, units(3, 0, 0, 0))];
            take_back(&mut connection, warehouse(1), &lines, change_id).await
        });
    }
    barrier.wait().await;
    for _ in 0..4 {
        let shipment = StockChangeId::generate();
        ship_units(&mut connection, holder, warehouse(1), &[(0, 1)], shipment)
            .await
            .unwrap();
    }
    let outcomes = receivers.join_all().await;
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    let mut refused = outcomes.iter().filter_map(|it| it.as_ref().err());
    assert!(
        refused.all(|it| matches!(it, ReturnError::AlreadyMade)),
        "{outcomes:?}"
    );
    assert_eq!(
        levels(&mut connection).await,
        ["9/0/0", "9/0/0", "4/0/1", "3/0/0"]
    );
    assert_conserved(&mut connection).await;
}
