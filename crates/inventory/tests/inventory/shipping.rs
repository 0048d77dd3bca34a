//! Shipping, releasing a part, and bringing back what a holder has reserved.

use std::sync::Arc;

use oms_database::{Connection, transaction};
use oms_inventory::{
    HeldUnits, HolderId, Reservation, ShippedUnits, StockChangeId, StockError, Unreserved,
    find_reservations, release, ship,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::*;
use crate::holders::*;

/// `on hand / reserved` of the first warehouse's products, the reservations of the holder, and the shipped units.
async fn state(connection: &mut Connection, holder: HolderId) -> String {
    let levels = texts(
        connection,
        "SELECT on_hand || '/' || reserved FROM inventory.stock_levels
         WHERE warehouse_id = '00000000-0000-0000-0000-00000000a000' ORDER BY product_id",
    )
    .await;
    let reservations = find_reservations(tenant(), &[holder]).run(connection).await;
    let quantities: Vec<i32> = reservations.unwrap().iter().map(|it| it.quantity).collect();
    let shipped = "SELECT coalesce(sum(quantity), 0) FROM inventory.stock_movements WHERE kind LIKE 'shipment%'";
    let shipped = number(connection, shipped).await;
    format!("{} {quantities:?} {shipped}", levels.join(" "))
}

#[tokio::test]
async fn shipped_units_leave_the_stock_on_hand_and_the_reservation_together() {
    let (_database, mut connection) = store_with(&[&[9, 9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    assert_eq!(state(&mut connection, holder).await, "9/3 9/2 [3, 2] 0");

    let (first, second) = (StockChangeId::generate(), StockChangeId::generate());
    let shipping = ship_units(
        &mut connection,
        holder,
        warehouse(0),
        &[(0, 1), (1, 2)],
        first,
    );
    shipping.await.unwrap();
    assert_eq!(state(&mut connection, holder).await, "8/2 7/0 [2] -3");
    let shipping = ship_units(&mut connection, holder, warehouse(0), &[(0, 2)], second);
    shipping.await.unwrap();
    assert_eq!(state(&mut connection, holder).await, "6/0 7/0 [] -5");
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn more_than_is_reserved_is_not_shipped_and_nothing_changes() {
    let (_database, mut connection) = store_with(&[&[9, 9, 9], &[9]]).await;
    let other = reserved(&mut connection, warehouse(0), &[(2, 5)]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    let before = state(&mut connection, holder).await;
    for lines in [vec![(0, 1), (1, 3), (2, 1)], vec![(1, 3)], vec![(2, 1)]] {
        let wanted: i32 = lines.iter().map(|(_, quantity)| quantity).sum();
        let change_id = StockChangeId::generate();
        let refused = ship_units(&mut connection, holder, warehouse(0), &lines, change_id).await;
        let Err(StockError::NotReserved(missing)) = refused else {
            panic!("{refused:?}")
        };
        assert!(missing.iter().all(|it| it.wanted <= wanted), "{missing:?}");
        let released = release_units(&mut connection, holder, warehouse(0), &lines).await;
        assert!(
            matches!(&released, Err(StockError::NotReserved(same)) if *same == missing),
            "{released:?}"
        );
    }
    let change_id = StockChangeId::generate();
    let refused = ship_units(
        &mut connection,
        holder,
        warehouse(0),
        &[(0, 1), (1, 3)],
        change_id,
    )
    .await;
    let missing = Unreserved {
        product_id: product(1),
        reserved: 2,
        wanted: 3,
    };
    assert!(
        matches!(&refused, Err(StockError::NotReserved(all)) if *all == [missing]),
        "{refused:?}"
    );
    assert_eq!(state(&mut connection, holder).await, before);
    let reservations = find_reservations(tenant(), &[other]).run(&mut connection);
    assert_eq!(reservations.await.unwrap().len(), 1);
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_change_ships_once_and_is_reversed_once() {
    let (_database, mut connection) = store_with(&[&[9, 9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 4), (1, 2)]).await;
    let change_id = StockChangeId::generate();
    let unknown = bring_back(&mut connection, holder, change_id).await;
    assert!(
        matches!(unknown, Err(StockError::NotShipped)),
        "{unknown:?}"
    );

    let lines = [(0, 2), (1, 2)];
    ship_units(&mut connection, holder, warehouse(0), &lines, change_id)
        .await
        .unwrap();
    let again = ship_units(&mut connection, holder, warehouse(0), &[(0, 2)], change_id).await;
    assert!(matches!(again, Err(StockError::AlreadyMade)), "{again:?}");
    assert_eq!(state(&mut connection, holder).await, "7/2 7/0 [2] -4");

    run(
        &mut connection,
        "UPDATE inventory.warehouses SET active = false",
    )
    .await;
    bring_back(&mut connection, holder, change_id)
        .await
        .unwrap();
    assert_eq!(state(&mut connection, holder).await, "9/4 9/2 [4, 2] 0");
    let again = bring_back(&mut connection, holder, change_id).await;
    assert!(matches!(again, Err(StockError::AlreadyMade)), "{again:?}");
    assert_eq!(state(&mut connection, holder).await, "9/4 9/2 [4, 2] 0");

    let second = StockChangeId::generate();
    ship_units(&mut connection, holder, warehouse(0), &[(0, 4)], second)
        .await
        .unwrap();
    assert_eq!(state(&mut connection, holder).await, "5/0 9/2 [2] -4");
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_part_can_be_released_and_the_rest_later() {
    let (_database, mut connection) = store_with(&[&[9, 9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    release_units(&mut connection, holder, warehouse(0), &[(0, 1), (1, 2)])
        .await
        .unwrap();
    assert_eq!(state(&mut connection, holder).await, "9/2 9/0 [2] 0");
    let rest = transaction(&mut connection, async |connection| {
        release(connection, tenant(), holder).await
    });
    assert_eq!(rest.await.unwrap(), 2);
    assert_eq!(state(&mut connection, holder).await, "9/0 9/0 [] 0");
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn reservations_of_many_holders_are_read_in_order() {
    let (_database, mut connection) = store_with(&[&[9, 9]]).await;
    let first = reserved(&mut connection, warehouse(0), &[(0, 1), (1, 2)]).await;
    let second = reserved(&mut connection, warehouse(0), &[(1, 3)]).await;
    let stranger = HolderId::generate();
    let found = find_reservations(tenant(), &[second, stranger, first]);
    let reservation = |holder, number, quantity| Reservation {
        holder,
        warehouse_id: warehouse(0),
        product_id: product(number),
        quantity,
    };
    let expected = [
        reservation(first, 0, 1),
        reservation(first, 1, 2),
        reservation(second, 1, 3),
    ];
    assert_eq!(found.run(&mut connection).await.unwrap(), expected);
    let none = find_reservations(uuid::Uuid::from_u128(2).into(), &[first]);
    assert_eq!(none.run(&mut connection).await.unwrap(), []);
}

#[tokio::test]
async fn stock_is_shipped_only_in_a_transaction_of_the_caller() {
    let (_database, mut connection) = store_with(&[&[9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3)]).await;
    let shipped = HeldUnits {
        holder,
        warehouse_id: warehouse(0),
        units: &demand(&[(0, 1)]),
    };
    let shipped = [ShippedUnits {
        held: shipped,
        record: record(StockChangeId::generate()),
    }];
    let refused = ship(&mut connection, tenant(), &shipped);
    let refused = refused.await;
    assert!(
        matches!(refused, Err(StockError::Database(_))),
        "{refused:?}"
    );
    assert_eq!(state(&mut connection, holder).await, "9/3 [3] 0");
}

#[tokio::test]
async fn several_shipments_of_several_holders_are_shipped_together_and_fail_together() {
    let (_database, mut connection) = store_with(&[&[9, 9]]).await;
    let first = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    let second = reserved(&mut connection, warehouse(0), &[(0, 1)]).await;
    let units = [
        (first, demand(&[(0, 1), (1, 2)])),
        (second, demand(&[(0, 1)])),
        (first, demand(&[(0, 1)])),
    ];
    let shipped = |more: usize| {
        let shipped = units.iter().chain(units.iter().take(more));
        let shipped = shipped.map(|(holder, units)| ShippedUnits {
            held: HeldUnits {
                holder: *holder,
                warehouse_id: warehouse(0),
                units,
            },
            record: record(StockChangeId::generate()),
        });
        shipped.collect::<Vec<_>>()
    };
    let too_many = shipped(1);
    let refused = transaction(&mut connection, async |connection| {
        ship(connection, tenant(), &too_many).await
    });
    assert!(matches!(refused.await, Err(StockError::NotReserved(_))));
    assert_eq!(state(&mut connection, first).await, "9/4 9/2 [3, 2] 0");
    let all = shipped(0);
    let done = transaction(&mut connection, async |connection| {
        ship(connection, tenant(), &all).await
    });
    done.await.unwrap();
    assert_eq!(state(&mut connection, first).await, "6/1 7/0 [1] -5");
    assert_eq!(state(&mut connection, second).await, "6/1 7/0 [] -5");
    assert_levels(&mut connection).await;
}

/// Sixteen connections ship the same change, and then reverse it.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repetitions_of_a_shipment_ship_it_once_and_reverse_it_once() {
    const STATIONS: usize = 16;
    let (database, mut connection) = store_with(&[&[90, 90]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 50), (1, 50)]).await;
    let change_id = StockChangeId::generate();
    for (reverse, expected) in [
        (false, "88/48 87/47 [48, 47] -5"),
        (true, "90/50 90/50 [50, 50] 0"),
    ] {
        let barrier = Arc::new(Barrier::new(STATIONS));
        let mut stations = JoinSet::new();
        for _ in 0..STATIONS {
            let (mut connection, barrier) = (database.connect().await, barrier.clone());
            stations.spawn(async move {
                barrier.wait().await;
                match reverse {
                    false => {
                        ship_units(
                            &mut connection,
                            holder,
                            warehouse(0),
                            &[(0, 2), (1, 3)],
                            change_id,
                        )
                        .await
                    }
                    true => bring_back(&mut connection, holder, change_id).await,
                }
            });
        }
        let outcomes = stations.join_all().await;
        let made = outcomes.iter().filter(|it| it.is_ok()).count();
        assert_eq!(made, 1, "{outcomes:?}");
        let mut refused = outcomes.iter().filter_map(|it| it.as_ref().err());
        assert!(refused.all(|it| matches!(it, StockError::AlreadyMade)));
        assert_eq!(state(&mut connection, holder).await, expected);
    }
    assert_conserved(&mut connection).await;
}
