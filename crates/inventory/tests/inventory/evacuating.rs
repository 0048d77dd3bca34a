//! Routing units elsewhere, warehouses that an evacuation has closed, and write-offs of what nobody holds.

use std::collections::BTreeSet;

use oms_database::transaction;
use oms_inventory::{
    CandidateOutcome, InventoryError, SourceStock, StockChangeId, close_warehouse,
    has_other_holders, reopen_warehouse, route_elsewhere, write_off_unreserved,
};
use oms_testing::world::other_tenant;
use oms_validation::WarehouseId;
use uuid::Uuid;

use crate::fixture::*;
use crate::holders::*;
use crate::moving::move_units;

#[tokio::test]
async fn units_are_routed_to_the_nearest_warehouse_that_is_not_excluded() {
    let (_database, mut connection) = store_with(&[&[9], &[9], &[1], &[9]]).await;
    let units = demand(&[(0, 2)]);
    for (excluded, chosen) in [
        (vec![], Some(0)),
        (vec![0], Some(1)),
        (vec![0, 1], Some(3)),
        (vec![0, 1, 3], None),
    ] {
        let out: BTreeSet<WarehouseId> = excluded.iter().map(|it| warehouse(*it)).collect();
        let route = route_elsewhere(&mut connection, tenant(), atlanta(), &units, &out);
        let route = route.await.unwrap();
        assert_eq!(
            route.chosen.map(|it| it.id),
            chosen.map(warehouse),
            "{excluded:?}"
        );
        let named = route.trace.candidates.iter();
        let named = named.filter(|it| it.outcome == CandidateOutcome::Excluded);
        assert_eq!(named.count(), excluded.len(), "{excluded:?}");
    }
}

#[tokio::test]
async fn a_far_warehouse_is_found_behind_many_that_are_excluded_or_empty() {
    let mut stock: Vec<&[i32]> = vec![&[9]; 5];
    stock.extend(vec![&[1_i32] as &[i32]; 30]);
    stock.push(&[9]);
    let (_database, mut connection) = store_with(&stock).await;
    let excluded = (0..5).map(warehouse).collect();
    let units = demand(&[(0, 2)]);
    let route = route_elsewhere(&mut connection, tenant(), atlanta(), &units, &excluded);
    assert_eq!(route.await.unwrap().chosen.unwrap().id, warehouse(35));
}

#[tokio::test]
async fn a_closed_warehouse_is_inactive_until_its_own_evacuation_reopens_it() {
    let (_database, mut connection) = store_with(&[&[9], &[9]]).await;
    let (evacuation, other) = (Uuid::now_v7(), Uuid::now_v7());
    let closed = close_warehouse(&mut connection, tenant(), warehouse(0), evacuation);
    closed.await.unwrap();
    let state = "SELECT format('%s %s %s', active, evacuation_id IS NULL, version) FROM inventory.warehouses
                 ORDER BY id LIMIT 1";
    assert_eq!(texts(&mut connection, state).await, ["f f 2"]);
    let reopened = reopen_warehouse(&mut connection, tenant(), warehouse(0), other);
    reopened.await.unwrap();
    assert_eq!(texts(&mut connection, state).await, ["f f 2"]);
    let reopened = reopen_warehouse(&mut connection, tenant(), warehouse(0), evacuation);
    reopened.await.unwrap();
    assert_eq!(texts(&mut connection, state).await, ["f t 3"]);
    for (tenant, id) in [(tenant(), warehouse(7)), (other_tenant(), warehouse(0))] {
        let unknown = close_warehouse(&mut connection, tenant, id, evacuation).await;
        assert!(matches!(unknown, Err(InventoryError::WarehouseNotFound)));
    }
}

#[tokio::test]
async fn a_warehouse_has_other_holders_while_somebody_unknown_has_reserved_units_there() {
    let (_database, mut connection) = store_with(&[&[9, 9], &[9, 9]]).await;
    let here = reserved(&mut connection, warehouse(0), &[(0, 3), (1, 2)]).await;
    reserved(&mut connection, warehouse(1), &[(0, 3)]).await;
    for (known, expected) in [(BTreeSet::new(), true), (BTreeSet::from([here]), false)] {
        let found = has_other_holders(&mut connection, tenant(), warehouse(0), &known).await;
        assert_eq!(found.unwrap(), expected);
    }
}

#[tokio::test]
async fn what_nobody_holds_is_written_off_and_what_somebody_holds_stays() {
    let (_database, mut connection) = store_with(&[&[9, 4], &[9, 9]]).await;
    reserved(&mut connection, warehouse(0), &[(0, 3)]).await;
    for expected in [["3/3", "0/0"], ["3/3", "0/0"]] {
        transaction(&mut connection, async |connection| {
            let (at, products) = (warehouse(0), (0..3).map(product).collect());
            let record = record(StockChangeId::generate());
            write_off_unreserved(connection, tenant(), at, &products, record).await
        })
        .await
        .unwrap();
        let levels = format!(
            "SELECT format('%s/%s', on_hand, reserved) FROM inventory.stock_levels
             WHERE warehouse_id = '{}' ORDER BY product_id",
            warehouse(0)
        );
        assert_eq!(texts(&mut connection, &levels).await, expected);
    }
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_move_may_write_off_everything_that_nobody_else_holds() {
    let (_database, mut connection) = store_with(&[&[9], &[9]]).await;
    let holder = reserved(&mut connection, warehouse(0), &[(0, 3)]).await;
    reserved(&mut connection, warehouse(0), &[(0, 2)]).await;
    let gone = [(0, SourceStock::WriteOffAll)];
    let route = [warehouse(0), warehouse(1)];
    move_units(&mut connection, holder, route, &[(0, 2)], &gone)
        .await
        .unwrap();
    let levels = "SELECT format('%s/%s', on_hand, reserved) FROM inventory.stock_levels ORDER BY warehouse_id";
    assert_eq!(texts(&mut connection, levels).await, ["3/3", "9/2"]);
    assert_levels(&mut connection).await;
}
